"""Asking an inference server over REST, with httpx: KServe's signatures are made of its types."""

import asyncio
import logging
import math
import ssl
from collections.abc import Mapping, Sequence
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

try:
    import httpx
except ModuleNotFoundError as exc:
    raise ImportError("InferenceRESTClient needs httpx: pip install 'modelapi[client]'.") from exc

from modelapi.codec import v1, v2_binary, v2_json
from modelapi.config import PredictorProtocol
from modelapi.errors import UnsupportedProtocol
from modelapi.inference_client.timeouts import USE_CLIENT_DEFAULT, UseClientDefault
from modelapi.predictors import tls
from modelapi.predictors.answers import RETRYABLE_STATUSES, message_of
from modelapi.predictors.headers import JSON_LENGTH
from modelapi.predictors.payload import for_v1
from modelapi.predictors.retry import RetryPolicy, Transient, attempt
from modelapi.types import InferRequest, InferResponse

logger = logging.getLogger(__name__)

Timeout = float | tuple[float | None, float | None, float | None, float | None] | httpx.Timeout | None


class RESTConfig:
    """How an InferenceRESTClient works.

    Args:
        transport: an httpx transport; tests hand in `httpx.MockTransport`.
        protocol: `v1` or `v2`.
        retries: further attempts after one that found no connection or got 502, 503 or 504.
        http2: needs the package `h2`.
        timeout: seconds for the whole call; None for no limit; httpx's own forms for its single steps.
        cert: a client certificate: a file, `(file, key)` or `(file, key, password)`.
        verify: True, False, a CA bundle's path, or an SSLContext.
        auth: as httpx has it.
        verbose: log requests and answers.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None = None,
        protocol: str | PredictorProtocol = "v1",
        retries: int = 3,
        http2: bool = False,
        timeout: Timeout = 60,
        cert: str | tuple[str, ...] | None = None,
        verify: str | bool | ssl.SSLContext = True,
        auth: Any = None,
        verbose: bool = False,
    ) -> None:
        self.transport = transport
        self.protocol = protocol.value if isinstance(protocol, PredictorProtocol) else protocol
        self.retries = retries
        self.http2 = http2
        self.timeout = timeout
        self.cert = cert
        self.verify = verify
        self.auth = auth
        self.verbose = verbose


class InferenceRESTClient:
    """Asks an inference server over V1 or V2 REST. Close it, or use it in `async with`."""

    def __init__(self, config: RESTConfig | None = None) -> None:
        self._config = config or RESTConfig()
        self._client = httpx.AsyncClient(
            transport=self._config.transport,
            http2=self._config.http2,
            timeout=self._config.timeout,
            auth=self._config.auth,
            verify=_verification(self._config),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def infer(
        self,
        base_url: httpx.URL | str,
        data: InferRequest | dict[str, Any],
        model_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        response_headers: dict[str, str] | None = None,
        is_graph_endpoint: bool = False,
        timeout: Timeout | UseClientDefault = USE_CLIENT_DEFAULT,  # noqa: ASYNC109 -- KServe's signature
    ) -> Any:
        """The answer: an InferResponse from V2, the decoded JSON from V1 and from an inference graph.

        Tensors that were set as raw bytes travel in the binary extension; the rest is JSON.

        Args:
            base_url: such as `http://localhost:8080`, or an inference graph's whole URL with `is_graph_endpoint`.
            response_headers: takes the headers of the answer.

        Raises:
            ValueError: neither a model name nor an inference graph.
            httpx.HTTPStatusError: the answer is not 2xx; its message has the server's.
            httpx.TransportError: there is no answer.
        """
        if not is_graph_endpoint and model_name is None:
            raise ValueError("infer needs a model_name, unless is_graph_endpoint is set.")
        url = httpx.URL(base_url) if is_graph_endpoint else self._url(base_url, self._infer_path(model_name or ""))
        body, own = _encode(data, for_v2=is_graph_endpoint or self._config.protocol == "v2")
        response = await self._send("POST", url, headers, timeout, body, own)
        if response_headers is not None:
            response_headers.update(response.headers)
        if is_graph_endpoint or self._config.protocol == "v1":
            return v1.decode(response.content)
        return _decode_v2(response)

    async def explain(
        self,
        base_url: httpx.URL | str,
        model_name: str,
        data: dict[str, Any],
        headers: Mapping[str, str] | None = None,
        timeout: Timeout | UseClientDefault = USE_CLIENT_DEFAULT,  # noqa: ASYNC109 -- KServe's signature
    ) -> Any:
        """The explanation, from V1; errors as for `infer`, UnsupportedProtocol for any other."""
        url = self._url(base_url, self._path(v1=f"/v1/models/{_quoted(model_name)}:explain"))
        response = await self._send("POST", url, headers, timeout, *_encode(data, for_v2=False))
        return v1.decode(response.content)

    async def is_server_ready(
        self,
        base_url: httpx.URL | str,
        headers: Mapping[str, str] | None = None,
        timeout: Timeout | UseClientDefault = USE_CLIENT_DEFAULT,  # noqa: ASYNC109 -- KServe's signature
    ) -> bool:
        """Whether every model is ready, over V2; UnsupportedProtocol over V1."""
        url = self._url(base_url, self._path(v2="/v2/health/ready"))
        response = await self._send("GET", url, headers, timeout, allowed=(503,))
        return response.is_success and bool(response.json().get("ready", True))

    async def is_server_live(
        self,
        base_url: httpx.URL | str,
        headers: Mapping[str, str] | None = None,
        timeout: Timeout | UseClientDefault = USE_CLIENT_DEFAULT,  # noqa: ASYNC109 -- KServe's signature
    ) -> bool:
        """Whether the server runs."""
        url = self._url(base_url, self._path(v1="/", v2="/v2/health/live"))
        said = (await self._send("GET", url, headers, timeout)).json()
        return bool(said.get("live", str(said.get("status", "")).lower() == "alive"))

    async def is_model_ready(
        self,
        base_url: httpx.URL | str,
        model_name: str,
        headers: Mapping[str, str] | None = None,
        timeout: Timeout | UseClientDefault = USE_CLIENT_DEFAULT,  # noqa: ASYNC109 -- KServe's signature
    ) -> bool:
        """Whether the model is ready; httpx.HTTPStatusError (404) if the server does not know it."""
        name = _quoted(model_name)
        url = self._url(base_url, self._path(v1=f"/v1/models/{name}", v2=f"/v2/models/{name}/ready"))
        response = await self._send("GET", url, headers, timeout, allowed=(503,))
        return response.is_success and str(response.json().get("ready", True)).lower() == "true"

    def _infer_path(self, model_name: str) -> str:
        name = _quoted(model_name)
        return self._path(v1=f"/v1/models/{name}:predict", v2=f"/v2/models/{name}/infer")

    def _path(self, **paths: str) -> str:
        try:
            return paths[self._config.protocol]
        except KeyError:
            raise UnsupportedProtocol(self._config.protocol) from None

    def _url(self, base_url: httpx.URL | str, path: str) -> httpx.URL:
        base = str(base_url)
        if not base.startswith(("http://", "https://")):
            raise httpx.InvalidURL(f"{base!r} must begin with http:// or https://")
        return httpx.URL(base.rstrip("/") + path)

    async def _send(
        self,
        verb: str,
        url: httpx.URL,
        headers: Mapping[str, str] | None,
        timeout: Timeout | UseClientDefault,  # noqa: ASYNC109 -- handed on
        body: bytes | None = None,
        own: Mapping[str, str] | None = None,
        allowed: Sequence[int] = (),
    ) -> httpx.Response:
        limit = self._config.timeout if isinstance(timeout, UseClientDefault) else timeout
        seconds = float(limit) if isinstance(limit, int | float) else math.inf
        merged = httpx.Headers(headers)
        merged.update(own)
        request = self._client.build_request(verb, url, headers=merged, content=body, timeout=limit)
        if self._config.verbose:
            logger.info("%s %s, %d bytes", verb, url, len(body or b""))
        try:
            async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                response = await attempt(
                    partial(self._attempt, request, allowed), RetryPolicy(seconds, self._config.retries)
                )
        except TimeoutError as exc:
            raise httpx.ReadTimeout(f"no answer within {seconds:g} s", request=request) from exc
        if self._config.verbose:
            logger.info("%s %s: %d, %d bytes", verb, url, response.status_code, len(response.content))
        return response

    async def _attempt(self, request: httpx.Request, allowed: Sequence[int], _seconds: float) -> httpx.Response:
        try:
            response = await self._client.send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
            raise Transient(exc) from exc
        if response.is_success or response.status_code in allowed:
            return response
        error = _status_error(response)
        raise Transient(error) if response.status_code in RETRYABLE_STATUSES else error


def _verification(config: RESTConfig) -> ssl.SSLContext | bool:
    """What httpx takes as `verify`; it wants a context where KServe's callers give paths."""
    if config.cert is None and not isinstance(config.verify, str):
        return config.verify
    context = config.verify if isinstance(config.verify, ssl.SSLContext) else _context(config.verify)
    if config.cert is not None:
        context.load_cert_chain(*([config.cert] if isinstance(config.cert, str) else config.cert))
    return context


def _context(verify: str | bool) -> ssl.SSLContext:
    if isinstance(verify, str):
        return tls.context_of(Path(verify))
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _encode(data: Any, for_v2: bool) -> tuple[bytes, dict[str, str]]:
    """The body and its own headers."""
    as_json = {"content-type": "application/json"}
    if isinstance(data, bytes):
        return data, as_json
    if not isinstance(data, InferRequest) or not for_v2:
        return v1.encode(for_v1(data)), as_json
    if all(tensor.raw is None for tensor in data.inputs):
        return v2_json.encode_request(data), as_json
    encoded = v2_binary.encode_request(data)
    headers = {"content-type": "application/octet-stream", JSON_LENGTH: str(encoded.json_length)}
    return b"".join(encoded.chunks), headers


def _status_error(response: httpx.Response) -> httpx.HTTPStatusError:
    said = message_of(response.content)
    status = f"'{response.status_code} {response.reason_phrase}' for url '{response.url}'"
    message = f"{said}, {status}" if said else status
    return httpx.HTTPStatusError(message, request=response.request, response=response)


def _decode_v2(response: httpx.Response) -> InferResponse:
    json_length = response.headers.get(JSON_LENGTH)
    if json_length is None:
        return v2_json.decode_response(response.content)
    return v2_binary.decode_response(response.content, int(json_length))


def _quoted(model_name: str) -> str:
    return quote(model_name, safe="")
