"""The tables of a report as rows of text: the page, the Markdown and the CSV show the same."""

from typing import Any

from benchmark.compare.arms import BY_NAME, HOPS, Hop
from benchmark.compare.decomposition import PARTS
from benchmark.compare.findings import SLO_MS, STAGES
from benchmark.compare.report import words

Document = dict[str, Any]
Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Headings and rows; a heading that starts with `#` is of a column of numbers."""


def latencies(document: Document) -> Table:
    heads = (
        *("predictor", "hop", "arm", "load", "#n", "#p50 ms", "#p90", "#p99", "#p99.9"),
        *("#req/s", f"#within {SLO_MS:g} ms/s", "#errors"),
    )
    rows = []
    for one in document["series"]:
        told = one["latency_ms"]
        quantiles = (words.number(told.get(name)) for name in ("p50", "p90", "p99", "p99.9"))
        rate = words.number(one["requests_per_second"])
        good = words.number(one["goodput"])
        told_last = (*quantiles, rate, good, str(one["errors"]))
        rows.append((*_place(one), one["title"], load(one), str(one["requests"]), *told_last))
    return heads, rows


def costs(document: Document) -> Table:
    heads = (
        "predictor",
        "hop",
        "arm",
        "#request B",
        "#answer B",
        "#transformer CPU ms",
        "#predictor CPU ms",
        "#client CPU ms",
        "#transformer RSS",
        "#predictor RSS",
        "#client RSS",
    )
    wire = {(one["predictor"], one["hop"], one["arm"]): one for one in document["wire"]}
    rows = []
    for one in document["series"]:
        if one["mode"] == "closed" and one["connections"] == 1 and one["arm"] in BY_NAME:
            found = wire.get((one["predictor"], one["hop"], one["arm"]), {})
            size = (words.whole(found.get("up")), words.whole(found.get("down")))
            cpu = (words.number(one["cpu_ms"][role]) for role in ("transformer", "predictor", "client"))
            rss = (words.size(one["rss_bytes"].get(role)) for role in ("transformer", "predictor", "client"))
            rows.append((*_place(one), one["title"], *size, *cpu, *rss))
    return heads, rows


def summary(document: Document) -> Table:
    """A row for each arm at one connection: what a pull request has room for."""
    heads = (
        *("predictor", "hop", "arm", "#n", "#p50 ms", "#p90", "#p99", "#request B"),
        *("#transformer CPU ms", "#client CPU ms"),
    )
    wire = {(one["predictor"], one["hop"], one["arm"]): one["up"] for one in document["wire"]}
    rows = []
    for one in document["series"]:
        if one["mode"] == "closed" and one["connections"] == 1 and one["arm"] in BY_NAME:
            quantiles = (words.number(one["latency_ms"].get(name)) for name in ("p50", "p90", "p99"))
            size = words.whole(wire.get((one["predictor"], one["hop"], one["arm"])))
            cpu = (words.number(one["cpu_ms"][role]) for role in ("transformer", "client"))
            rows.append((*_place(one), one["title"], f"{one['requests']:,}", *quantiles, size, *cpu))
    return heads, rows


def application(document: Document) -> Table:
    """Two timers, side by side and never mixed."""
    heads = ("predictor", "arm", "#make request, ms", "#wire p50 ms", "#read answer, ms", "#application p50 ms")
    rows: list[tuple[str, ...]] = [
        (
            one["predictor"],
            BY_NAME[one["arm"]].title,
            *(words.number(one[name]) for name in ("make_ms", "wire_p50_ms", "read_ms", "application_p50_ms")),
        )
        for one in document["application"]
    ]
    return heads, rows


def waterfall(document: Document) -> Table:
    """The parts as numbers, the unexplained one always; the wire of the hop also as a request past it tells."""
    heads = ("predictor", "hop", "arm", *(f"#{part}" for part in PARTS), "#unexplained", "#total ms", "#wire, by probe")
    rows = []
    for one in document["decomposition"]:
        parts = (words.number(one["parts"].get(part), 2) for part in PARTS)
        rest = f"{words.number(one['unexplained'], 2)} ({one['unexplained'] / one['total']:+.0%})"
        total, past = words.number(one["total"]), words.number(one["past"], 2)
        rows.append((*_place(one), BY_NAME[one["arm"]].title, *parts, rest, total, past))
    return heads, rows


def floor(document: Document) -> Table:
    heads = ("hop", "arm", "#total ms", "#of it the floor", "#above the floor")
    rows = []
    for one in document["floor"]:
        hop: Hop = one["hop"]
        numbers = (words.number(value) for value in (one["ms"], one["floor_ms"], one["ms"] - one["floor_ms"]))
        rows.append((HOPS[hop], BY_NAME[one["arm"]].title, *numbers))
    return heads, rows


def cold(document: Document) -> Table:
    heads = ("predictor", "hop", "arm", "#very first request, ms", "#windows", "steady", "#TCP connections")
    rows: list[tuple[str, ...]] = []
    for one in document["warm_up"]:
        told = "yes" if one["steady"] else "no" if one["spread"] is None else f"differ by {one['spread'] - 1:.0%}"
        tcp = words.NONE if one["tcp"] is None else str(one["tcp"])
        name = BY_NAME[one["arm"]].title if one["arm"] in BY_NAME else one["arm"]
        rows.append((*_place(one), name, words.number(one["cold_ms"]), str(one["windows"]), told, tcp))
    return heads, rows


def engines(document: Document) -> Table:
    heads = ("arm", "engine", "#n", "#its p50 ms", "#ours, before and after", "#its CPU ms", "#our CPU ms", "agree")
    rows: list[tuple[str, ...]] = [
        (
            BY_NAME[one["arm"]].title,
            one["engine"],
            str(one["requests"]),
            words.number(one["theirs"]),
            " to ".join(words.number(value) for value in one["ours"]),
            words.number(one["own"], 2),
            words.number(one["spent"], 2),
            "yes" if one["agrees"] else "no",
        )
        for one in document["cross_check"]
    ]
    return heads, rows


def verdicts(document: Document, found_only: bool = False) -> Table:
    rows: list[tuple[str, ...]] = [
        (
            *_place(one),
            f"{BY_NAME[one['other']].title} / {BY_NAME[one['base']].title}",
            f"{one['metric']}, c={one['connections']}",
            words.ratio(one["ratio"]),
            "yes" if one["found"] else f"no verdict, because {'; '.join(one['reasons'])}",
        )
        for one in document["verdicts"]
        if one["found"] or not found_only
    ]
    return ("predictor", "hop", "arms", "metric", "#ratio [95 %]", "verdict"), rows


def guide(document: Document) -> Table:
    heads = ("protocol", "predictor", "role", "#n", *(f"#{stage}_ms" for stage in STAGES), "predict_ms, 95 %", "#guide")
    rows = []
    for one in document["guide"]:
        steps = one["steps"]
        medians = (words.number(steps[stage]["median"]) if steps else words.NONE for stage in STAGES)
        interval = words.span(steps["predict"]["interval"]) if steps else words.NONE
        published = f"{one['guide']:.2f}" if one["guide"] else words.NONE
        rows.append(
            (one["protocol"], one["predictor"], one["role"], str(one["requests"]), *medians, interval, published)
        )
    return heads, rows


def corrected(document: Document) -> Table:
    heads = (
        "arm",
        "load",
        "#p50 ms",
        "#uncorrected p50",
        "#p99 ms",
        "#uncorrected p99",
        "#sent late, p99 ms",
        "#dropped",
    )
    rows = []
    for one in document["series"]:
        if one["mode"] == "open":
            plain, from_intended = one["uncorrected_ms"], one["latency_ms"]
            told = [words.number(where.get(name)) for name in ("p50", "p99") for where in (from_intended, plain)]
            rows.append((one["title"], load(one), *told, words.number(one["send_lag_p99_ms"]), str(one["dropped"])))
    return heads, rows


def missing(document: Document) -> Table:
    rows: list[tuple[str, ...]] = [(*_place(one), one["arm"], one["why"]) for one in document["missing"]]
    return ("predictor", "hop", "arm", "why there is no number"), rows


def load(one: Document) -> str:
    """`8 connections`, or `412/s (70 %)`."""
    if one["mode"] == "closed":
        return f"{one['connections']} connection{'s' if one['connections'] > 1 else ''}"
    return f"{one['rate']:.0f}/s ({one['share']:.0%} of capacity)"


def _place(one: Document) -> tuple[str, str]:
    hop: Hop = one["hop"]
    return one["predictor"], HOPS[hop]
