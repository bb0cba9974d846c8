"""What the users have in common: their options, their connection, how an answer is counted."""

from __future__ import annotations

import functools
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
import grpc
from _checks import grpc_fault, rest_fault
from _gevent_grpc import open_channel, overlap, raw_call
from _payload import Payload, PayloadError, Request, read
from _tensors import metadata, synthesise
from locust import FastHttpUser, User, events, task
from locust.env import Environment

INGRESS = "http://127.0.0.1:8080"
_INPUT = Path(__file__).parent.parent / "examples" / "torch-transformer" / "input.json"
_TIMEOUT = 30.0
_PAUSE = 0.2
"""Seconds after a request without an answer: where nobody listens, users would ask as fast as they can."""
_TRIAL = 8
"""gRPC users in the self-test, of which half have to wait at once."""

Form = Callable[[Payload, str], Request]


@dataclass(frozen=True, slots=True)
class Target:
    """Which model of which InferenceService is asked, and what for."""

    service_host: str
    model: str
    payload: Payload


@functools.cache
def read_target(service_host: str, model: str, input_file: str, synthesised_from: str | None) -> Target:
    if synthesised_from is not None:
        return Target(service_host, model, synthesise(metadata(synthesised_from, service_host, model), model))
    return Target(service_host, model, read(Path(input_file)))


def target_of(environment: Environment) -> Target:
    options: Any = environment.parsed_options
    origin = (options.host or INGRESS) if options.synthesise else None
    return read_target(options.service_host, options.model, options.input, origin)


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # Locust's events have no types
def add_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("InferenceService")
    group.add_argument(
        "--service-host",
        env_var="SERVICE_HOSTNAME",
        default="torch-transformer.default.example.com",
        help="host name of the InferenceService: the Host header, and gRPC's :authority; empty for the ingress's own",
    )
    group.add_argument("--model", env_var="MODEL_NAME", default="mnist", help="model name in the path")
    group.add_argument("--input", env_var="LOAD_INPUT", default=str(_INPUT), help="a file with a V1 body to send")
    group.add_argument("--synthesise", action="store_true", help="random tensors of the model's metadata, not --input")


@events.init.add_listener  # type: ignore[untyped-decorator]  # as above
def check_before_the_first_request(environment: Environment, **_: Any) -> None:
    """End with a sentence where nothing could be measured: no input, or gRPC users that wait for each other."""
    users = [user for user in environment.user_classes if issubclass(user, RestUser | GrpcUser)]
    try:
        for user in users:
            user.form(target_of(environment).payload, "")
    except PayloadError as exc:
        sys.exit(f"loadtest: {exc}")
    if any(issubclass(user, GrpcUser) for user in users) and (at_once := overlap(_TRIAL)) < _TRIAL / 2:
        sys.exit(
            f"loadtest: gRPC users do not run at once ({at_once:.1f} of {_TRIAL}), and their times would be wrong. "
            f"Install the locked versions of grpcio and gevent, or leave V2Grpc out."
        )


class RestUser(FastHttpUser):
    """A user with an HTTP connection of its own, sending one request after another."""

    abstract = True
    host = INGRESS
    network_timeout = connection_timeout = _TIMEOUT
    protocol: str
    form: Form

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        target = target_of(environment)
        self._request = self.form(target.payload, target.model)
        self._headers = {**self._request.headers, "Accept-Encoding": "identity"}
        if target.service_host:
            self._headers["Host"] = target.service_host

    @task
    def predict(self) -> None:
        request = self._request
        body: Any = request.body  # bytes are what is sent, and what the type leaves out
        with self.client.post(
            request.path, data=body, headers=self._headers, name=self.protocol, catch_response=True
        ) as response:
            if response.status_code == 0:
                response.failure(f"no answer: {response.error}")
                gevent.sleep(_PAUSE)
                return
            length = response.headers.get("Inference-Header-Content-Length")
            if fault := rest_fault(response.status_code, response.content or b"", length):
                response.failure(fault)


class GrpcUser(User):
    """A user with a gRPC channel of its own, sending one request after another."""

    abstract = True
    host = INGRESS
    protocol: str
    form: Form

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        target = target_of(environment)
        self._request = self.form(target.payload, target.model)
        self._channel = open_channel(self.host or INGRESS, target.service_host)
        self._call = raw_call(self._channel, self._request.path)

    def on_stop(self) -> None:
        self._channel.close()

    @task
    def predict(self) -> None:
        started = time.time()
        began = time.perf_counter()
        answer, fault, reached = b"", None, True
        try:
            answer = self._call(self._request.body, timeout=_TIMEOUT)
        except grpc.RpcError as exc:
            fault = f"{exc.code().name}: {exc.details()}"
            reached = exc.code() is not grpc.StatusCode.UNAVAILABLE
        took = (time.perf_counter() - began) * 1000
        fault = fault or grpc_fault(answer)
        self.environment.events.request.fire(
            request_type="gRPC",
            name=self.protocol,
            start_time=started,
            response_time=took,
            response_length=len(answer),
            exception=AnswerError(fault) if fault else None,
            context=self.context(),
        )
        if not reached:
            gevent.sleep(_PAUSE)


class AnswerError(Exception):
    """An answer that does not count."""
