"""KServe's agent in front of a component: its logger and its batcher; and the limit that Knative's queue-proxy holds.

Source: pkg/webhook/admission/pod/agent_injector.go, cmd/agent/main.go (first the logger, then the batcher).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from isvc.manifest.documents import Batcher, ComponentFields, LoggerSpec, Metadata
from isvc.plan.component import Planned
from isvc.plan.names import unit_name
from isvc.plan.units import Component, Condition, Endpoint, Need, Port, Probe, Unit, Word

PORT = 9081
_DEFAULT_URL = "http://default-broker"
_IMAGE = "kserve/agent:latest"
SINK = "message-dumper"


def with_agent(
    planned: Planned, spec: ComponentFields, metadata: Metadata, component: str, limit: int | None = None
) -> Planned:
    """`planned` behind an agent where its YAML has a logger or a batcher, or there is a `limit` of requests at once."""
    if spec.logger is None and spec.batcher is None and not limit:
        return planned
    agent = Unit(
        name=f"{planned.unit.name}-agent",
        component=Component.AGENT,
        command=(
            *_command(planned, spec, metadata, component),
            *((("--max_concurrency",), (str(limit),)) if limit else ()),
        ),
        ports=(("http", PORT),),
        needs=(Need(planned.unit.name, Condition.READY),),
        probe=Probe("http", None),
        image=_IMAGE,
    )
    return replace(planned, agent=agent, notices=(*planned.notices, *_notices(spec, agent.name)))


def sink(metadata: Metadata) -> Unit:
    """Shows the events that it is sent, in its log."""
    return Unit(
        name=unit_name(metadata, SINK),
        component=Component.AGENT,
        command=(("kserve-agent",), ("dump",), ("--http_port",), (Port("http"),)),
        ports=(("http", 8080),),
        probe=Probe("http", None),
        image="gcr.io/knative-releases/knative.dev/eventing/cmd/event_display",
    )


def needs_sink(spec: ComponentFields | None) -> bool:
    return spec is not None and spec.logger is not None and not _reaches_out(spec.logger.url)


def _command(planned: Planned, spec: ComponentFields, metadata: Metadata, component: str) -> Iterator[Word]:
    yield from (("kserve-agent",), ("proxy",), ("--http_port",), (Port("http"),))
    yield from (("--component",), (Endpoint(planned.unit.name, "http"),))
    if spec.logger is not None:
        yield from _logger(spec.logger, metadata, component)
    if spec.batcher is not None:
        yield from _batcher(spec.batcher)


def _logger(logger: LoggerSpec, metadata: Metadata, component: str) -> Iterator[Word]:
    url: Word = (logger.url or _DEFAULT_URL,)
    if not _reaches_out(logger.url):
        url = ("http://", Endpoint(unit_name(metadata, SINK), "http"), urlsplit(logger.url or "").path)
    yield from (("--log_url",), url, ("--log_mode",), (logger.mode,))
    yield from (("--inference_service",), (metadata.name,), ("--namespace",), (metadata.namespace,))
    yield from (("--component_name",), (component,))
    if logger.metadata_headers:
        yield from (("--metadata_headers",), (",".join(logger.metadata_headers),))
    annotations = metadata.annotations or {}
    for name in logger.metadata_annotations:
        if name in annotations:
            yield from (("--metadata_annotation",), (f"{name}={annotations[name]}",))


def _batcher(batcher: Batcher) -> Iterator[Word]:
    yield ("--batcher",)
    if batcher.max_batch_size is not None:
        yield from (("--max_batchsize",), (str(batcher.max_batch_size),))
    if batcher.max_latency is not None:
        yield from (("--max_latency",), (str(batcher.max_latency),))


def _reaches_out(url: str | None) -> bool:
    """Whether `url` leads anywhere from this machine: a name of the cluster's own does not."""
    host = urlsplit(url or "").hostname or ""
    is_cluster_name = host.endswith((".svc", ".svc.cluster.local")) or host.count(".") < 2
    return host in ("localhost", "127.0.0.1") or not is_cluster_name


def _notices(spec: ComponentFields, agent: str) -> Iterator[str]:
    if spec.logger is not None and not _reaches_out(spec.logger.url):
        shown = spec.logger.url or _DEFAULT_URL
        yield f"logger: {shown} is a name of the cluster; the events are shown by {SINK} (`isvc logs`)"
    yield f"{agent} handles REST; gRPC goes past it"
