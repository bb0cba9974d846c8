"""The page: one HTML file with its style and pictures inside, and nothing to fetch."""

from html import escape
from pathlib import Path
from typing import Any

from benchmark.compare.report import tables
from benchmark.compare.report.charts import Figure, figures
from benchmark.compare.report.tables import Table

STYLE = Path(__file__).with_name("style.css")
_PASSED = {True: ("pass", "pass"), False: ("fail", "fail"), None: ("unknown", "not made")}


def render(document: dict[str, Any]) -> str:
    body = "".join(
        (
            _head(document),
            _section("Fairness", _panel(document)),
            _section("Pictures", _figures(document)),
            _section("Verdicts", _table(tables.verdicts(document))),
            _section("The guide's own table", _guide(document)),
            _section("Latency and throughput", _table(tables.latencies(document)) + _SOFT_PERCENTILES),
            _section("Open loop: corrected and not", _table(tables.corrected(document))),
            _section("Cost per request, one connection", _table(tables.costs(document))),
            _section("Where the time goes, in milliseconds", _table(tables.waterfall(document)) + _PARTS),
            _section("Above the floor of a predictor that takes no time", _table(tables.floor(document))),
            _section("Two timers: the wire, and the application", _table(tables.application(document)) + _TIMERS),
            _section("Warm-up", _table(tables.cold(document))),
            _section("Other engines", _table(tables.engines(document))),
            _section("Not measured", _missing(document)),
            _section("Limits", _list(document["limits"])),
            _section("Provenance", _provenance(document)),
        )
    )
    return _page(body)


def top(document: dict[str, Any]) -> str:
    """The beginning of the page, for a picture of it: the verdict, and the latencies of the first predictor."""
    return _page(_head(document) + _grid(list(figures(document))[:2]))


_SOFT_PERCENTILES = (
    '<p class="soft">A percentile q stands only where there are 10 / (1 - q) requests or more; each is a measured '
    "value, exact, neither rounded to a histogram's bucket nor interpolated.</p>"
)


def _page(body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>REST against gRPC</title><style>{STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


_PARTS = (
    '<p class="soft">Means at one connection, without the slowest twentieth. What is outside of the transformer is '
    "measured with other requests than the total, sent in between; what they do not account for is unexplained.</p>"
)
_TIMERS = (
    '<p class="soft">Everywhere else the wire is timed, with requests made before and answers read after. Here the '
    "client's own work is added, from a picture's file to the answer's numbers.</p>"
)


def _head(document: dict[str, Any]) -> str:
    about = document["about"]
    partial = ""
    if not document["complete"]:
        partial = f'<p class="headline partial"><strong>Partial report.</strong> {escape(document["stopped"])}</p>'
    return (
        "<h1>REST against gRPC</h1>"
        f'<p class="soft">{escape(about.get("what", ""))} {escape(about["when"])}, {escape(about["cpu"])}, '
        f"{about['cores']} cores</p>{partial}"
        f"{_verdict(document)}"
    )


def _verdict(document: dict[str, Any]) -> str:
    if not document["said"]:
        return f'<p class="headline">{escape(document["headline"])}</p>'
    found = "".join(f"<li>{escape(one)}</li>" for one in document["said"])
    return f'<div class="headline"><p class="soft">{escape(document["scope"])}</p><ul>{found}</ul></div>'


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{inside}</section>" if inside else ""


def _panel(document: dict[str, Any]) -> str:
    rows = []
    for check in document["fairness"]:
        kind, word = _PASSED[check["passed"]]
        void = " No verdict there." if check["passed"] is False and check["voids"] else ""
        rows.append(
            f'<tr><td>{escape(check["name"])}</td><td class="{kind}">{word}</td>'
            f"<td>{escape(check['detail'])}{void}</td></tr>"
        )
    return f"<table>{''.join(rows)}</table>"


def _figures(document: dict[str, Any]) -> str:
    return _grid(list(figures(document)))


def _grid(found: list[Figure]) -> str:
    made = [
        f"<figure><h3>{escape(title)}</h3>{picture}<figcaption>{escape(text)}</figcaption></figure>"
        for title, picture, text in found
    ]
    return f'<div class="grid2">{"".join(made)}</div>'


def _guide(document: dict[str, Any]) -> str:
    if not document["guide"]:
        return ""
    return _table(tables.guide(document)) + (
        '<p class="soft">KServe\'s guide gives 92.65 ms for V1 REST and 55.05 ms for gRPC: one request each, on a '
        "cluster, V1 JSON against raw bytes. What is compared there is the predict step of the transformer, that is "
        "the hop and the predictor together. Medians of this run stand beside it; the interval is of the blocks' "
        "mean.</p>"
    )


def _missing(document: dict[str, Any]) -> str:
    table = _table(tables.missing(document)) if document["missing"] else ""
    return table + (_list(document["notes"]) if document["notes"] else "")


def _provenance(document: dict[str, Any]) -> str:
    about = document["about"]
    flat = {name: value for name, value in about.items() if name not in ("command", "versions")}
    flat["versions"] = ", ".join(f"{name} {found}" for name, found in about["versions"].items())
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in flat.items())
    return f"<dl>{rows}</dl><p>To repeat it: <code>{escape(about['command'])}</code></p>"


def _list(items: Any) -> str:
    return f"<ul>{''.join(f'<li>{escape(str(item))}</li>' for item in items)}</ul>"


def _table(table: Table) -> str:
    heads, rows = table
    if not rows:
        return ""
    kinds = [' class="n"' if head.startswith("#") else "" for head in heads]
    top = "".join(f"<th{kind}>{escape(head.lstrip('#'))}</th>" for head, kind in zip(heads, kinds, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, kinds, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
