"""The report: Markdown that also reads well in a terminal. Pure."""

from collections.abc import Iterable, Sequence

from benchmark.cells import Contender
from benchmark.results import Results
from benchmark.rounds import Measured
from benchmark.summary import Spread, contenders, of, ratio, spread
from benchmark.verdict import Verdict

MIB = 2**20
_NOISE = 0.1  # how far from 1 the A/A control may be before the reader is warned
_LONG = 60  # characters of a note that still fit into a table
_OURS = "modelapi's environment"
_MET = {True: "met", False: "NOT MET", None: "not shown"}
LIMITS = (
    "Loopback, no TLS, closed loops, all on one machine: these are ratios between servers, not a forecast for a"
    " cluster. Every sample of every round is in the JSON file beside this report."
)


def render(results: Results, verdicts: Sequence[Verdict]) -> str:
    parts = [
        "# The Model API beside the KServe SDK",
        _what(results),
        *(_cell(measured, results.run.connections) for measured in results.measured),
        _footprint(results),
        _soak(results),
        _verdicts(verdicts),
        LIMITS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _what(results: Results) -> str:
    machine, run = results.machine, results.run
    kserve = machine["versions"]["kserve's environment"].get("kserve", "(took no part)")
    memory = machine["memory_bytes"] / 2**30
    load = ", ".join(f"{value:.1f}" for value in machine["load_average"])
    lines = [
        f"{machine['when']}, {machine['cores']} x {machine['cpu']}, {memory:.0f} GiB, {machine['system']},"
        f" Python {machine['python']}; load average when it began: {load}.",
        f"`{results.command}`",
        f"modelapi {machine['versions'][_OURS]['modelapi']} and kserve {kserve} run the same transformer,"
        " `benchmark/contenders/transformer.py`, one worker each, log lines as each has them by default; the floor is"
        " written by hand, without validation, metrics or log lines. The input is one 32x32 PNG.",
        f"Each number is the median of {run.rounds} rounds of {run.seconds:g} s, taken in turns, with the lowest and"
        " the highest round; ratios are made round by round. `modelapi-again` is the same program again: how far its"
        " ratio is from 1 is how much the machine's noise is worth.",
        f"Predictor: {'; '.join(f'{hop}: {name}' for hop, name in results.predictors.items())}."
        f" Client: {'; '.join(f'{wire}: {name}' for wire, name in results.clients.items())}."
        " Client, transformer and predictor share the machine's cores.",
    ]
    return "\n\n".join(lines)


def _cell(measured: Measured, connections: Sequence[int]) -> str:
    head = ("contender", "c", "req/s", "p50 ms", "p99 ms", "CPU ms/request", "peak MiB", "modelapi is")
    rows = [_row(measured, contender, count) for count in connections for contender in contenders(measured)]
    predictor = spread([s.predictor_cpu_ms for found in measured.samples.values() for s in found]).median
    client = spread([s.client_cores for found in measured.samples.values() for s in found]).high
    note = f"Predictor {predictor:.2f} ms CPU per request; the client took up to {client:.2f} cores."
    if client > 0.8:
        note += " More than 0.8: the client, not the server, may be what was measured."
    control = ratio(measured, "modelapi", "modelapi-again", max(connections))
    if control and abs(control.median - 1) > _NOISE:
        note += f" The same program against itself came out at {control.median:.2f}: the machine was not quiet, and"
        note += " ratios of this cell say no more than that."
    return f"## {measured.cell.title} (`{measured.cell.name}`)\n\n{_table(head, rows)}\n\n{note}"


def _row(measured: Measured, contender: Contender, count: int) -> list[str]:
    rate, p50, p99 = (of(measured, contender, count, field) for field in ("requests_per_second", "p50_ms", "p99_ms"))
    cpu = of(measured, contender, count, "server_cpu_ms")
    times = ratio(measured, "modelapi", contender, count) if contender != "modelapi" else None
    return [
        contender,
        str(count),
        _shown(rate, "{:.0f}"),
        _shown(p50, "{:.1f}"),
        _shown(p99, "{:.1f}"),
        _shown(cpu, "{:.2f}"),
        f"{measured.peak_rss[contender] / MIB:.0f}",
        f"{_shown(times, '{:.2f}')} x" if times else "",
    ]


def _footprint(results: Results) -> str:
    if not results.footprint:
        return ""
    head = ("SDK", "import s", "ready after s", "MiB when ready", "distributions")
    rows = [
        [
            sdk,
            _shown(spread(found.import_seconds), "{:.2f}"),
            _shown(spread(found.ready_seconds), "{:.2f}"),
            _shown(spread([rss / MIB for rss in found.ready_rss]), "{:.0f}"),
            str(found.distributions),
        ]
        for sdk, found in results.footprint.items()
    ]
    return f"## Before the first request\n\n{_table(head, rows)}"


def _soak(results: Results) -> str:
    soak = results.soak
    if soak is None:
        return ""
    rate, curve = soak.sample.requests_per_second, soak.rss
    shown = [curve[round(share * (len(curve) - 1) / 10)] for share in range(11)] if curve else []
    points = ", ".join(f"{at:.0f} s {rss / MIB:.1f}" for at, rss in shown)
    return (
        f"## Soak: {soak.seconds:.0f} s of `{soak.cell}`\n\n{soak.sample.requests} requests, {rate:.0f} per second,"
        f" {soak.sample.errors} errors. Resident MiB: {points}."
    )


def _verdicts(verdicts: Sequence[Verdict]) -> str:
    head = ("", "target", "found", "wanted", "")
    notes = [each for each in verdicts if len(each.note) > _LONG]
    rows = [
        [_MET[each.met], each.claim, _shown(each.found, "{:.2f}"), each.wanted, "below" if each in notes else each.note]
        for each in verdicts
    ]
    below = "".join(f"\n\n{each.claim}: {each.note}." for each in notes)
    return f"## Targets\n\n{_table(head, rows)}{below}" if rows else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    rule = ["-" * width for width in widths]
    return "\n".join(_padded(line, widths) for line in (head, rule, *lines[1:]))


def _padded(line: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"


def _shown(found: Spread, form: str) -> str:
    if found.low == found.high:
        return form.format(found.median)
    return f"{form.format(found.median)} ({form.format(found.low)}-{form.format(found.high)})"
