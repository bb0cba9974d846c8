"""The report's files. The data come first: a page can be made of them again, a run cannot."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

from benchmark.compare.findings import Findings
from benchmark.compare.report import page, plain

DATA, RAW = "compare.json", "compare-raw.csv.gz"


def write(document: dict[str, Any], folder: Path) -> Path:
    """Every form of the document; the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DATA).write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    for name, form in (("compare.csv", plain.as_csv), ("compare.md", plain.markdown), ("compare.html", page.render)):
        (folder / name).write_text(form(document), encoding="utf-8")
    return folder / "compare.html"


def write_raw(findings: Findings, folder: Path) -> None:
    """Every request that was timed: its latency from the intended and from the actual start, in milliseconds."""
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / RAW, "wb", compresslevel=5) as packed, io.TextIOWrapper(packed, newline="") as text:
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("predictor", "hop", "arm", "mode", "connections", "rate", "block", "latency_ms", "from_send_ms"))
        for one in findings.series:
            rate = "" if one.rate is None else f"{one.rate:.1f}"
            for number, block in enumerate(one.blocks):
                place = (one.predictor, one.hop, one.arm, one.mode, one.connections, rate, number)
                for latency, sent in zip(block.latencies, block.uncorrected, strict=True):
                    rows.writerow((*place, f"{latency:.4f}", f"{sent:.4f}"))
