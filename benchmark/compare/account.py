"""The findings as one document of plain values: the JSON file, and all that the reports are made of. Pure."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmark.compare import fairness, quantiles
from benchmark.compare.arms import BY_NAME, HOPS, PAIRS, Hop
from benchmark.compare.decomposition import Decomposition, decompose
from benchmark.compare.findings import SLO_MS, STAGES, Findings, Series, is_control
from benchmark.compare.intervals import Interval, mean
from benchmark.compare.judgement import Judged, judge
from benchmark.compare.quantiles import Values

GUIDE = {"REST V1": 92.65, "gRPC V2": 55.05}
"""KServe's guide to custom transformers: predict_ms of the transformer, one request for each protocol."""
LIMITS = (
    "Loopback: no network between machines, no TLS, no service mesh, no queue-proxy.",
    "Clients and servers share the cores of one machine; nothing is pinned.",
    "One worker process per server. The client's hop goes through the ingress, the transformer's hop does not.",
    "The load clients are Python; what they cost is shown, and voids a verdict above 80 % of a core.",
    "It says what these arms cost here, for this payload. It is no forecast for a cluster.",
)
_CURVE_POINTS = 120
_ECDF_FROM, _ECDF_TO = 0.001, 0.999


def account(findings: Findings) -> dict[str, Any]:
    """Numbers are in milliseconds, bytes and requests per second; what is not known is null, never 0."""
    decomposed = decompose(findings)
    checks = fairness.panel(findings, decomposed)
    judged = judge(findings, checks)
    return {
        "format": 2,
        "complete": findings.stopped is None,
        "stopped": findings.stopped,
        "about": findings.about,
        "headline": headline(findings, judged),
        "scope": scope(findings, judged),
        "said": said(judged),
        "verdicts": [_verdict(one) for one in judged],
        "fairness": [asdict(check) for check in checks],
        "series": [_series(one) for one in findings.series],
        "wire": [
            {"predictor": p, "hop": h, "arm": a, **asdict(wire), "total": wire.total}
            for (p, h, a), wire in findings.wire.items()
        ],
        "bytes_ratio": bytes_ratio(findings),
        "warm_up": [{"predictor": p, "hop": h, "arm": a, **asdict(w)} for (p, h, a), w in findings.warm.items()],
        "control": [_control(findings, predictor, hop) for predictor in findings.predictors for hop in HOPS],
        "decomposition": [
            {**asdict(one), "unexplained": one.unexplained, "adds_up": one.adds_up} for one in decomposed
        ],
        "curve": [_point(findings, asdict(point)) for point in sorted(findings.curve, key=lambda one: one.size)],
        "crossovers": crossovers(findings),
        "application": application(findings),
        "floor": floor(decomposed),
        "guide": guide(findings),
        "cross_check": [{**asdict(one), "agrees": one.agrees} for one in findings.cross],
        "missing": [{"predictor": p, "hop": h, "arm": a, "why": why} for (p, h, a), why in findings.missing.items()],
        "notes": findings.notes,
        "limits": LIMITS,
    }


def headline(findings: Findings, judged: list[Judged]) -> str:
    """The one line to read: transport and encoding on the transformer's hop where it was measured, with their scope."""
    if not judged:
        return "no verdict, because nothing was measured"
    return f"{scope(findings, judged)}: {'. '.join(said(judged))}."


def scope(findings: Findings, judged: list[Judged]) -> str:
    """Of what the headline holds."""
    if not judged:
        return ""
    about = findings.about
    return (
        f"On this machine ({about.get('cpu', '?')}, {about.get('cores', '?')} cores), {HOPS[_hop(judged)]}, "
        f"with {judged[0].predictor}, {about.get('payload', 'one payload')}, one connection"
    )


def said(judged: list[Judged]) -> list[str]:
    """The headline's sentences."""
    here = [one for one in judged if one.hop == _hop(judged) and one.predictor == judged[0].predictor]
    transport, encoding = PAIRS[:2]
    return [
        one.sentence
        for one in here
        if (one.pair == transport and one.metric == "p50")
        or (one.pair == transport and one.verdict.found and one.metric in ("p99", "transformer CPU per request"))
        or (one.pair == encoding and one.metric == "p50")
    ]


def _hop(judged: list[Judged]) -> Hop:
    return "predictor" if any(one.hop == "predictor" for one in judged) else "client"


def application(findings: Findings) -> list[dict[str, Any]]:
    """The other timer: from a picture's file to the answer's numbers, that is the wire and the client's own work."""
    rows = []
    for predictor in findings.predictors[:1]:
        for arm, codec in findings.client.items():
            one = findings.find(predictor, "client", arm, 1)
            wire = quantiles.exact(one.latencies, 0.5) if one is not None and len(one.latencies) else None
            whole = None if wire is None else codec.encode + wire + codec.decode
            row = {"predictor": predictor, "arm": arm, "make_ms": codec.encode, "read_ms": codec.decode}
            rows.append({**row, "wire_p50_ms": wire, "application_p50_ms": whole})
    return rows


def floor(decomposed: list[Decomposition]) -> list[dict[str, Any]]:
    """Each arm beside itself on the predictor that takes next to no time; nothing where there is one predictor."""
    known = {(one.predictor, one.hop, one.arm): one.total for one in decomposed}
    kinds = list(dict.fromkeys(one.predictor for one in decomposed))
    if len(kinds) < 2:
        return []
    first, last = kinds[0], kinds[-1]
    return [
        {"predictor": first, "floor": last, "hop": hop, "arm": arm, "ms": total, "floor_ms": known[last, hop, arm]}
        for (kind, hop, arm), total in known.items()
        if kind == first and (last, hop, arm) in known
    ]


def bytes_ratio(findings: Findings) -> dict[str, float]:
    """Bytes of a request over those of one in V2 binary, on the transformer's hop."""
    found = {arm: wire.up for (_, hop, arm), wire in findings.wire.items() if hop == "predictor"}
    if "v2-binary" not in found:
        return {}
    return {arm: found[arm] / found["v2-binary"] for arm in ("v1", "v2-json", "grpc") if arm in found}


def crossovers(findings: Findings) -> list[dict[str, Any]]:
    """Where the faster of gRPC and V2 binary changes, in bytes of payload, on a straight line between the points."""
    medians = {(point.arm, point.size): float(np.median(point.medians)) for point in findings.curve if point.medians}
    sizes = sorted({size for arm, size in medians if arm == "grpc"} & {s for arm, s in medians if arm == "v2-binary"})
    gaps = [math.log(medians["grpc", size] / medians["v2-binary", size]) for size in sizes]
    made = []
    for low, high, before, after in zip(sizes, sizes[1:], gaps, gaps[1:], strict=False):
        if before * after < 0:
            share = before / (before - after)
            at = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
            made.append({"between": ["grpc", "v2-binary"], "bytes": round(at), "faster_above": _faster(after)})
    return made


def guide(findings: Findings) -> list[dict[str, Any]]:
    """The guide's own table, here: steps of transformer and predictor for V1 REST and for gRPC on the hop."""
    rows = []
    for title, arm in (("REST V1", "v1"), ("gRPC V2", "grpc")):
        for predictor in findings.predictors:
            one = findings.find(predictor, "predictor", arm, 1)
            if one is None:
                continue
            row = {"protocol": title, "predictor": predictor, "guide": GUIDE[title]}
            rows.append({**row, "role": "transformer", **_stages([block.stages for block in one.blocks])})
            rows.append({**row, "role": "predictor", "guide": None, **_counted(one)})
    return rows


def _counted(one: Series) -> dict[str, Any]:
    """The predictor's steps by its own count, which gives a mean for each block: the median of those."""
    told = [block for block in one.blocks if block.predictor is not None]
    steps = {}
    for column, stage in enumerate(STAGES):
        values = [block.predictor[column] for block in told if block.predictor is not None]
        if values:
            steps[stage] = {"median": float(np.median(values)), "interval": _interval(mean(values))}
    return {"requests": sum(block.requests for block in told), "steps": steps}


def _stages(blocks: list[Values]) -> dict[str, Any]:
    blocks = [block for block in blocks if len(block)]
    if not blocks:
        return {"requests": 0, "steps": {}}
    joined = np.concatenate(blocks)
    steps = {}
    for column, stage in enumerate(STAGES):
        found = mean([float(np.median(block[:, column])) for block in blocks])
        steps[stage] = {"median": float(np.median(joined[:, column])), "interval": _interval(found)}
    return {"requests": len(joined), "steps": steps}


def _faster(gap: float) -> str:
    return "v2-binary" if gap > 0 else "grpc"


def _verdict(one: Judged) -> dict[str, Any]:
    return {
        "predictor": one.predictor,
        "hop": one.hop,
        "other": one.pair.other,
        "base": one.pair.base,
        "question": one.pair.question,
        "metric": one.metric,
        "connections": one.connections,
        "found": one.verdict.found,
        "ratio": _interval(one.verdict.ratio),
        "control": _interval(one.verdict.control),
        "reasons": list(one.verdict.reasons),
        "sentence": one.sentence,
    }


def _interval(found: Interval | None) -> dict[str, float] | None:
    return asdict(found) if found else None


def _control(findings: Findings, predictor: str, hop: Hop) -> dict[str, Any]:
    found = fairness.control(findings, (predictor, hop))
    holds = None if found is None else found.holds(1)
    return {"predictor": predictor, "hop": hop, "ratio": _interval(found), "holds": holds}


def _series(one: Series) -> dict[str, Any]:
    faults = sum(block.errors for block in one.blocks)
    honest = one.mode == "closed" or fairness.kept(one)
    good = honest and not faults and not any(block.wrong for block in one.blocks)
    latencies = one.latencies
    return {
        "predictor": one.predictor,
        "hop": one.hop,
        "arm": one.arm,
        "title": BY_NAME[one.arm].title if not is_control(one.arm) else one.arm,
        "mode": one.mode,
        "connections": one.connections,
        "rate": one.rate,
        "share": one.share,
        "requests": len(latencies),
        "errors": faults,
        "faults": sorted({fault for block in one.blocks for fault in block.faults}),
        "dropped": sum(block.dropped for block in one.blocks),
        "latency_ms": quantiles.table(latencies) if good else {},
        "uncorrected_ms": quantiles.table(one.uncorrected) if good and one.mode == "open" else {},
        "send_lag_p99_ms": max((block.lag_ms for block in one.blocks), default=0.0),
        "requests_per_second": one.throughput if not faults else None,
        "goodput": _goodput(one) if not faults else None,
        "goodput_within_ms": SLO_MS,
        "rss_bytes": {role: one.rss(role) for role in ("client", "ingress", "transformer", "predictor")},
        "cpu_ms": {role: one.cpu(role) for role in ("client", "ingress", "transformer", "predictor")},
        "client_cores": max((block.client_cores for block in one.blocks), default=None),
        "blocks": [
            {"median_ms": block.median, "requests_per_second": block.rate, "requests": block.requests}
            for block in one.blocks
        ],
        "distribution": _distribution(latencies) if good else [],
    }


def _goodput(one: Series) -> float | None:
    """Answers a second that came within SLO_MS."""
    if not one.blocks:
        return None
    return float(np.median([block.rate * float((block.latencies <= SLO_MS).mean()) for block in one.blocks]))


def _distribution(latencies: Values) -> list[tuple[float, float]]:
    """(share, milliseconds): the cumulative distribution, where there is enough of it."""
    if len(latencies) < quantiles.needed(0.5):
        return []
    last = min(_ECDF_TO, 1 - quantiles.TAIL / len(latencies))
    shares = np.linspace(_ECDF_FROM, last, _CURVE_POINTS)
    values = np.quantile(latencies, shares, method="inverted_cdf")
    return [(round(float(s), 4), round(float(v), 4)) for s, v in zip(shares, values, strict=True)]


def _point(findings: Findings, point: dict[str, Any]) -> dict[str, Any]:
    medians = point.pop("medians")
    rates = point.pop("rates")
    median = float(np.median(medians)) if medians else None
    return {
        **point,
        "predictor": findings.predictors[0] if findings.predictors else None,
        "median_ms": median,
        "lowest_ms": min(medians, default=None),
        "highest_ms": max(medians, default=None),
        "requests_per_second": float(np.median(rates)) if rates else None,
    }
