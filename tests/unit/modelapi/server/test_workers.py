"""What a worker learns from its parent; the processes themselves are in the integration tests."""

from modelapi.config import ServerConfig
from modelapi.server import workers


def test_a_process_without_a_number_is_no_worker() -> None:
    assert workers.place_of({}) is None


def test_a_worker_takes_the_ports_of_its_parent() -> None:
    environ = {workers.NUMBER: "1", workers.HTTP_PORT: "5", workers.GRPC_PORT: "6", workers.LIFELINE: "7"}
    place = workers.place_of(environ)
    assert place == workers.Place(1, 5, 6, 7)
    config = place.apply(ServerConfig(http_port=0, grpc_port=0, workers=2))
    assert (config.http_port, config.grpc_port, config.workers) == (5, 6, 2)
