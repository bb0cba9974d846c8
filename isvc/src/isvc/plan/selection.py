"""Which serving runtime a model gets. Source: pkg/apis/serving/v1beta1/predictor_model.go, components/predictor.go."""

from __future__ import annotations

from collections.abc import Iterable

from isvc.errors import Place, PlanError
from isvc.manifest.documents import ModelFormat, ModelSpec, ServingRuntime, SupportedFormat
from isvc.manifest.nodes import nearest
from isvc.plan.defaults import protocol_of

_PROTOCOLS = ("v1", "v2", "grpc-v1", "grpc-v2")


def select(model: ModelSpec, namespace: str, runtimes: Iterable[ServingRuntime], place: Place) -> ServingRuntime:
    """The runtime named in the YAML, else the first that KServe would find. Raises PlanError with `place`."""
    visible = [rt for rt in runtimes if rt.cluster_wide or rt.metadata.namespace == namespace]
    visible.sort(key=lambda rt: rt.cluster_wide)
    if model.runtime is not None:
        return _named(model.runtime, model, visible, place)
    candidates = [rt for rt in visible if _supports(rt, model)]
    if not candidates:
        raise PlanError(_none_found(model, visible), place)
    return min(candidates, key=lambda rt: _rank(rt, model.model_format.name))


def served_protocol(model: ModelSpec, runtime: ServingRuntime) -> str:
    """The protocol that is set once the runtime is known: the one given, else the runtime's lowest."""
    return model.protocol_version or min(runtime.spec.protocol_versions or (protocol_of(model),), key=_protocol_number)


def _named(name: str, model: ModelSpec, visible: list[ServingRuntime], place: Place) -> ServingRuntime:
    runtime = next((rt for rt in visible if rt.metadata.name == name), None)
    if runtime is None:
        names = tuple(rt.metadata.name for rt in visible)
        similar = nearest(name, names)
        mend = f"did you mean {similar}?" if similar else f"the runtimes are {', '.join(names)}"
        raise PlanError(f"no ServingRuntime or ClusterServingRuntime is called {name}; {mend}", place)
    if runtime.spec.disabled:
        raise PlanError(f"specified runtime {name} is disabled; take another, or remove `disabled` from it", place)
    protocols = runtime.spec.protocol_versions
    if model.protocol_version is not None and protocols and model.protocol_version not in protocols:
        raise PlanError(
            f"specified runtime {name} does not support specified protocol version; it speaks {', '.join(protocols)}",
            place,
        )
    if not any(_matches(entry, model.model_format) for entry in runtime.spec.supported_model_formats):
        known = ", ".join(_label(entry) for entry in runtime.spec.supported_model_formats)
        raise PlanError(
            f"specified runtime {name} does not support specified framework/version; it serves {known}", place
        )
    return runtime


def _supports(runtime: ServingRuntime, model: ModelSpec) -> bool:
    spec = runtime.spec
    if spec.disabled or spec.multi_model or spec.worker_spec is not None:
        return False
    protocols = spec.protocol_versions
    if protocols and protocol_of(model) not in protocols:
        return False
    return any(entry.auto_select and _matches(entry, model.model_format) for entry in spec.supported_model_formats)


def _matches(entry: SupportedFormat, wanted: ModelFormat) -> bool:
    """Versions are compared as text: "1.0" is not "1"."""
    return entry.name == wanted.name and (wanted.version is None or entry.version == wanted.version)


def _rank(runtime: ServingRuntime, format_name: str) -> tuple[bool, float, int, str]:
    """Namespaced ones first; then by priority (none is last), lowest protocol, name."""
    spec = runtime.spec
    entry = next((entry for entry in spec.supported_model_formats if entry.name == format_name), None)
    priority = entry.priority if entry is not None else None
    lowest = min(map(_protocol_number, spec.protocol_versions), default=len(_PROTOCOLS))
    return runtime.cluster_wide, float("inf") if priority is None else -priority, lowest, runtime.metadata.name


def _protocol_number(protocol: str) -> int:
    return _PROTOCOLS.index(protocol) if protocol in _PROTOCOLS else len(_PROTOCOLS)


def _label(entry: SupportedFormat) -> str:
    return f"{entry.name}:{entry.version}" if entry.version else entry.name


def _none_found(model: ModelSpec, visible: list[ServingRuntime]) -> str:
    """KServe's sentence, and what would have been found with another version, protocol or name."""
    wanted = model.model_format
    version = "<nil>" if wanted.version is None else wanted.version
    text = f"no runtime found to support predictor with model type: {{{wanted.name} {version}}}"
    entries = [(rt, entry) for rt in visible for entry in rt.spec.supported_model_formats if entry.auto_select]
    named = [(rt, entry) for rt, entry in entries if entry.name == wanted.name]
    if not named:
        names = dict.fromkeys(entry.name for _, entry in entries)
        similar = nearest(wanted.name, names)
        return f"{text}; " + (f"did you mean {similar}?" if similar else f"the formats are {', '.join(names)}")
    fitting = [rt for rt, entry in named if _matches(entry, wanted)]
    if not fitting:
        versions = sorted({entry.version for _, entry in named if entry.version})
        return f"{text}; the versions served are {', '.join(versions)}, compared as text"
    protocols = sorted({protocol for rt in fitting for protocol in rt.spec.protocol_versions}, key=_protocol_number)
    asked = protocol_of(model)
    return f"{text} in protocol {asked}; write protocolVersion: {' or '.join(protocols)}"
