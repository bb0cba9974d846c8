import json
from pathlib import Path

from isvc.backends.process.binding import ProcessSite, Surroundings
from isvc.backends.process.ingress import ingress_process, route_file, route_text

INSTANCES = {"predictor": "default/mnist/predictor@1", "transformer": "default/mnist/transformer@1"}
PORTS = {"default/mnist/predictor@1": {"http": 1, "grpc": 2}, "default/mnist/transformer@1": {"http": 3}}


def services(service, ready):
    text, _ = written(service, ready)
    return json.loads(text)["http"]["services"]


def written(service, ready):
    return route_text(service.plan, ProcessSite(INSTANCES, PORTS, Path("/")), ready)


def urls(service, ready):
    return [server["url"] for s in services(service, ready).values() for server in s["loadBalancer"]["servers"]]


def test_a_ready_unit_is_sent_requests(service):
    assert urls(service(), {"transformer"}) == ["http://127.0.0.1:3"]


def test_a_unit_that_is_away_leaves_its_route_without_a_server(service):
    assert services(service(), set())
    assert urls(service(), set()) == []


def test_a_text_has_a_mark_of_its_own_by_which_the_ingress_shows_that_it_has_it(service):
    (ready, mark), (away, other) = written(service(), {"transformer"}), written(service(), set())
    assert mark in ready
    assert mark not in away
    assert other in away


def test_each_service_has_a_file_of_its_own(service):
    assert {route_file(service(name).plan) for name in ("a", "b")} == {"default.a.yml", "default.b.yml"}


def test_the_ingress_listens_on_loopback_only_and_calls_nobody():
    process = ingress_process(8080, Path("/routes"), Surroundings(Path("/"), {}, lambda name: name))
    assert "--entryPoints.web.address=127.0.0.1:8080" in process.argv
    assert "--global.checkNewVersion=false" in process.argv
    assert "--global.sendAnonymousUsage=false" in process.argv


def test_another_port_makes_another_ingress():
    around = Surroundings(Path("/"), {}, lambda name: name)
    first, second = (ingress_process(port, Path("/routes"), around) for port in (1, 2))
    assert first.fingerprint != second.fingerprint
