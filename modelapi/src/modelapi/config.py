"""Settings as frozen values, built once from arguments. Nothing here reads the command line or the environment."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

VERSION = "0.1.0"
DEFAULT_MESSAGE_BYTES = 8 * 1024 * 1024


class PredictorProtocol(StrEnum):
    """What the hop to the predictor speaks; the values are those of KServe's `--predictor_protocol`."""

    REST_V1 = "v1"
    REST_V2 = "v2"
    GRPC_V2 = "grpc-v2"


Encoding = Literal["auto", "json", "binary"]
_PROTOCOLS = tuple(protocol.value for protocol in PredictorProtocol)
_ENCODINGS = ("auto", "json", "binary")


@dataclass(frozen=True)
class PredictorConfig:
    """How to reach a predictor.

    The arguments, their order and their defaults are KServe's; `encoding` is ours: how tensors travel on a V2 REST hop
    (`auto`: binary if the predictor announces `binary_tensor_data`, else JSON).
    """

    predictor_host: str
    predictor_protocol: str = PredictorProtocol.REST_V1.value
    predictor_use_ssl: bool = False
    predictor_request_timeout_seconds: float = 600
    predictor_request_retries: int = 0
    predictor_health_check: bool = False
    encoding: Encoding = "auto"

    def __post_init__(self) -> None:
        if isinstance(self.predictor_protocol, PredictorProtocol):
            object.__setattr__(self, "predictor_protocol", self.predictor_protocol.value)
        if self.predictor_protocol not in _PROTOCOLS:
            raise ValueError(
                f"predictor_protocol is {self.predictor_protocol!r}: it must be one of {', '.join(_PROTOCOLS)}."
            )
        if self.encoding not in _ENCODINGS:
            raise ValueError(f"encoding is {self.encoding!r}: it must be one of {', '.join(_ENCODINGS)}.")
        if self.predictor_request_timeout_seconds <= 0:
            raise ValueError("predictor_request_timeout_seconds must be more than 0.")
        if self.predictor_request_retries < 0:
            raise ValueError("predictor_request_retries must be 0 or more.")

    @property
    def predictor_base_url(self) -> str:
        """`http(s)://host`, without a path."""
        return f"{'https' if self.predictor_use_ssl else 'http'}://{self.predictor_host}"

    @property
    def protocol(self) -> str:
        return self.predictor_protocol

    @property
    def timeout(self) -> float:
        return self.predictor_request_timeout_seconds

    @property
    def retries(self) -> int:
        return self.predictor_request_retries

    @property
    def use_ssl(self) -> bool:
        return self.predictor_use_ssl

    def at(self, host: str) -> "PredictorConfig":
        """The same settings for another host."""
        return replace(self, predictor_host=host)


@dataclass(frozen=True)
class ServerConfig:
    """How to be called: the values of KServe's server flags, and a few of ours (`host`, limits)."""

    host: str = "127.0.0.1"
    http_port: int = 8080
    grpc_port: int = 8081
    workers: int = 1
    max_threads: int = 4
    max_asyncio_workers: int | None = None
    enable_grpc: bool = True
    enable_docs_url: bool = False
    enable_latency_logging: bool = True
    configure_logging: bool = True
    log_config_file: str | None = None
    access_log_format: str | None = None
    event_loop: str = "auto"
    timeout_keep_alive: int = 65
    grace_period: float = 30
    grpc_max_send_message_length: int = DEFAULT_MESSAGE_BYTES
    grpc_max_receive_message_length: int = DEFAULT_MESSAGE_BYTES
    max_body_bytes: int = 256 * 1024 * 1024
    max_concurrency: int | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError("workers must be 1 or more.")
        if self.event_loop not in ("auto", "asyncio", "uvloop"):
            raise ValueError(f"event_loop is {self.event_loop!r}: it must be auto, asyncio or uvloop.")
        if bool(self.ssl_certfile) != bool(self.ssl_keyfile):
            raise ValueError("TLS needs both ssl_certfile and ssl_keyfile.")
