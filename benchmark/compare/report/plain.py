"""The same as Markdown for a pull request, as CSV, and as a few lines for the terminal."""

import csv
import io
from typing import Any

from benchmark.compare.report import tables
from benchmark.compare.report.tables import Table

_MARKS = {True: "pass", False: "FAIL", None: "not made"}


def markdown(document: dict[str, Any]) -> str:
    about = document["about"]
    parts = [
        "### REST against gRPC" + ("" if document["complete"] else " (partial)"),
        f"**{document['headline']}**",
        _table(tables.summary(document)),
        _table(tables.verdicts(document, found_only=True)),
        _silent(document),
        _table(tables.guide(document)),
        "Fairness: " + "; ".join(f"{one['name']}: {_MARKS[one['passed']]}" for one in document["fairness"]),
        f"{about['cpu']}, {about['cores']} cores, {about['when']}. To repeat it: `{about['command']}`",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _silent(document: dict[str, Any]) -> str:
    silent = sum(not one["found"] for one in document["verdicts"])
    return f"{silent} of {len(document['verdicts'])} questions have no verdict; the report says why."


def as_csv(document: dict[str, Any]) -> str:
    """One line for each series: what the latency table shows."""
    heads, rows = tables.latencies(document)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([head.lstrip("#") for head in heads])
    writer.writerows(["" if cell == "-" else cell.replace(",", "") for cell in row] for row in rows)
    return text.getvalue()


def terminal(document: dict[str, Any]) -> str:
    lines = [] if document["complete"] else [f"PARTIAL: {document['stopped']}"]
    lines += [document["headline"], ""]
    for one in document["verdicts"]:
        if one["found"]:
            place = f"{one['predictor']}, {one['hop']} hop, {one['connections']} connection(s)"
            lines.append(f"  {place}: {one['sentence']}")
    lines += [f"  {_silent(document)}", ""]
    lines += [f"  {_MARKS[one['passed']]:8}  {one['name']}: {one['detail']}" for one in document["fairness"]]
    lines += [f"  note: {note}" for note in document["notes"]]
    return "\n".join(lines)


def _table(table: Table) -> str:
    heads, rows = table
    if not rows:
        return ""
    top = "| " + " | ".join(head.lstrip("#") for head in heads) + " |"
    rule = "| " + " | ".join("--:" if head.startswith("#") else "---" for head in heads) + " |"
    body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([top, rule, *body])
