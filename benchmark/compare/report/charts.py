"""Which pictures a page has, made of the document. Each is (title, picture, what to read in it)."""

from collections.abc import Iterator
from typing import Any

from benchmark.compare.arms import BY_NAME, HOPS
from benchmark.compare.decomposition import PARTS
from benchmark.compare.report import words
from benchmark.compare.report.pictures import Axis, Line, Row, bars, lines, parts_legend

Document = dict[str, Any]
Figure = tuple[str, str, str]
_MS = Axis("milliseconds", log=True)
_ROLES = ("client", "ingress", "transformer", "predictor")


def figures(document: Document) -> Iterator[Figure]:
    """In the order of the page: what it costs on each hop, then how that changes, then what of."""
    predictors, first = _predictors(document), _first(document)
    places = [(predictor, hop) for predictor in predictors for hop in HOPS if any(_single(document, predictor, hop))]
    for predictor, hop in places:
        yield _distribution(document, predictor, hop, HOPS[hop])
    yield _throughput(document)
    yield _rates(document)
    yield _curve(document)
    for predictor, hop in places:
        yield _waterfall(document, predictor, hop, HOPS[hop])
    for _, hop in (place for place in places if place[0] == first):
        yield _cpu(document, hop, HOPS[hop])
        yield _bytes(document, hop, HOPS[hop])


def _distribution(document: Document, predictor: str, hop: str, title: str) -> Figure:
    series = [
        Line(one["title"], one["arm"], [(ms, share) for share, ms in one["distribution"]], dots=False)
        for one in _single(document, predictor, hop)
    ]
    picture = lines(series, _MS, Axis("share of requests"), f"latency distribution, {title}")
    return f"Latency, {title}, {predictor}", picture, "One connection. Further left is faster; upright is steady."


def _throughput(document: Document) -> Figure:
    first = _first(document)
    series = []
    for arm in BY_NAME:
        found = _arms(document, first, "client", arm, "closed")
        points = [(one["connections"], one["requests_per_second"]) for one in found if one["requests_per_second"]]
        band = [_spread(one) for one in found if one["requests_per_second"]]
        series.append(Line(BY_NAME[arm].title, arm, points, band))
    picture = lines(
        series, Axis("connections", True, binary=True), Axis("requests per second"), "throughput against concurrency"
    )
    return "Throughput, client to transformer", picture, "Closed loop. Bands: the slowest and the fastest block."


def _spread(one: Document) -> tuple[float, float, float]:
    rates = [block["requests_per_second"] for block in one["blocks"]]
    return one["connections"], min(rates), max(rates)


def _rates(document: Document) -> Figure:
    series = []
    for arm in BY_NAME:
        found = _arms(document, _first(document), "client", arm, "open")
        told = [(one["rate"], one["latency_ms"].get("p50")) for one in found]
        points = [(rate, median) for rate, median in told if median is not None]
        series.append(Line(f"{BY_NAME[arm].title} p50", arm, points))
    picture = lines(series, Axis("requests per second, offered"), Axis("milliseconds", True), "latency against rate")
    text = "Open loop, Poisson arrivals, from the intended start. A rate that was not kept has no point."
    return "Latency against rate, client to transformer", picture, text


def _curve(document: Document) -> Figure:
    series = []
    for arm in BY_NAME:
        points = [one for one in document["curve"] if one["arm"] == arm and one["median_ms"] is not None]
        band = [(one["size"], one["lowest_ms"], one["highest_ms"]) for one in points]
        series.append(Line(BY_NAME[arm].title, arm, [(one["size"], one["median_ms"]) for one in points], band))
    marks = [(one["bytes"], f"crossover {words.size(one['bytes'])}") for one in document["crossovers"]]
    x = Axis("bytes of FP32 tensor", True, words.bytes_tick, binary=True)
    picture = lines(series, x, _MS, "median latency against payload size", marks)
    crossing = "; ".join(
        f"above {words.size(one['bytes'])} {BY_NAME[one['faster_above']].title} is the faster of gRPC and V2 binary"
        for one in document["crossovers"]
    )
    text = crossing or "gRPC and V2 binary do not cross between the sizes that were measured."
    return "Latency against payload, straight to the predictor", picture, f"One connection, median. {text}"


def _waterfall(document: Document, predictor: str, hop: str, where: str) -> Figure:
    found = [one for one in document["decomposition"] if (one["predictor"], one["hop"]) == (predictor, hop)]
    title = f"{where}, {predictor}"
    rows: list[Row] = [
        (
            BY_NAME[one["arm"]].title,
            [*one["parts"].items(), ("unexplained", one["unexplained"])],
            one["total"],
        )
        for one in found
    ]
    picture = bars(rows, "ms", f"where the time goes, {title}") + parts_legend([*PARTS, "unexplained"])
    return f"Where the time goes, {title}", picture, f"Means at one connection. {_rest(found)}"


def _rest(found: list[Document]) -> str:
    """What is unexplained, in words: where it is less than nothing it cannot be drawn."""
    told = (f"{BY_NAME[one['arm']].title} {one['unexplained'] / one['total']:+.0%}" for one in found)
    return f"Unexplained: {', '.join(told)}; behind the bars is what was measured as a whole."


def _cpu(document: Document, hop: str, title: str) -> Figure:
    rows: list[Row] = []
    for one in _single(document, _first(document), hop):
        told = [(role, one["cpu_ms"][role]) for role in _ROLES if one["cpu_ms"][role] is not None]
        rows.append((one["title"], told, sum(value for _, value in told)))
    picture = bars(rows, "ms", f"CPU per request, {title}") + parts_legend(_ROLES)
    return f"CPU per request, {title}", picture, "At one connection: all processes of a role, user and system."


def _bytes(document: Document, hop: str, title: str) -> Figure:
    rows: list[Row] = [
        (BY_NAME[one["arm"]].title, [("request", one["up"]), ("answer", one["down"])], one["total"])
        for one in document["wire"]
        if one["hop"] == hop and one["arm"] in BY_NAME
    ]
    picture = bars(rows, "", f"bytes on the wire, {title}", words.size) + parts_legend(["request", "answer"])
    return f"Bytes on the wire, {title}", picture, "Per request, with headers and frames, counted by a relay."


def _single(document: Document, predictor: str | None, hop: str) -> list[Document]:
    return [
        one
        for one in document["series"]
        if (one["predictor"], one["hop"], one["mode"], one["connections"]) == (predictor, hop, "closed", 1)
        and one["arm"] in BY_NAME
    ]


def _arms(document: Document, predictor: str | None, hop: str, arm: str, mode: str) -> list[Document]:
    found = [
        one
        for one in document["series"]
        if (one["predictor"], one["hop"], one["arm"], one["mode"]) == (predictor, hop, arm, mode)
    ]
    return sorted(found, key=lambda one: (one["connections"], one["rate"] or 0))


def _predictors(document: Document) -> list[str]:
    return list(dict.fromkeys(one["predictor"] for one in document["series"]))


def _first(document: Document) -> str | None:
    return next(iter(_predictors(document)), None)
