"""Bytes on the wire, counted by a relay in a phase of its own; and with them the protocol that is really spoken."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from benchmark.compare.findings import Findings, OnTheWire, is_control
from benchmark.compare.ground import Ground, Lane
from benchmark.compare.load.crew import Crew, Load
from benchmark.compare.stand import Listening, Stand, transformers_up, wire_of
from benchmark.compare.tap import Tap, tapping

SECONDS = 0.15


def count_client(ground: Ground, crew: Crew, findings: Findings) -> None:
    """The client's hop, through a relay to the same address. TLS is not looked into."""
    for lane in ground.of("client"):
        if lane.target.secure or is_control(lane.arm):
            continue
        with tapping(*lane.target.address) as tap:
            _count(lane, tap, f"http://127.0.0.1:{tap.port}", crew, ground, findings)


def count_predictor(stand: Stand, ground: Ground, crew: Crew, findings: Findings, scratch: Path) -> None:
    """The transformer's hop: transformers like those that are measured, whose predictor is a relay to the real one."""
    lanes = [lane for lane in ground.of("predictor") if not is_control(lane.arm)]
    with ExitStack() as stack:
        taps: dict[str, Tap] = {}
        for lane in lanes:
            taps[lane.arm] = stack.enter_context(tapping(*_split(stand.predictor.address(wire_of(lane.arm)))))
        relayed = {arm: _at(stand.predictor, tap) for arm, tap in taps.items()}
        transformers = stack.enter_context(transformers_up(relayed, scratch, tag="-tapped"))
        for lane in lanes:
            _count(lane, taps[lane.arm], f"http://{transformers[lane.arm].rest}", crew, ground, findings)


def _count(lane: Lane, tap: Tap, url: str, crew: Crew, ground: Ground, findings: Findings) -> None:
    """What a request adds once the connection is there; the connection's own bytes are left out."""
    target = replace(lane.target, name=f"tap-{lane.target.name}", url=url)
    crew.send(Load(target, 1, 0.02))
    up, down = tap.up, tap.down
    seen = crew.send(Load(target, 1, SECONDS))
    requests = len(seen.ended)
    if not requests or seen.errors:
        return
    spoken = "+".join(sorted(tap.protocols())) or "unknown"
    wire = OnTheWire((tap.up - up) / requests, (tap.down - down) / requests, spoken)
    findings.wire[ground.predictor, lane.hop, lane.arm] = wire


def _at(predictor: Listening, tap: Tap) -> Listening:
    address = f"127.0.0.1:{tap.port}"
    return Listening(predictor.server, address, address)


def _split(address: str) -> tuple[str, int]:
    parts = urlsplit(f"//{address}")
    return parts.hostname or "", parts.port or 80
