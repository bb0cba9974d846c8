"""Pictures as inline SVG: lines over two axes, and stacked bars. They take their colours from the page's style.

A series is told apart by colour, by dash and by its name at the end; text sizes are those of a phone's width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from benchmark.compare.report import words
from benchmark.compare.report.scales import Scale, around

WIDTH, HEIGHT = 440, 280
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 44
BAR, GAP = 22, 30
Tick = Callable[[float], str]
Row = tuple[str, Sequence[tuple[str, float]], float]
"""Of bars: a title, parts as (class, value), and the total, which parts that overlap exceed."""


@dataclass(frozen=True)
class Line:
    """`kind` is the class that gives colour and dash. Points are (x, y); `band` has (x, low, high)."""

    name: str
    kind: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()
    dots: bool = True


@dataclass(frozen=True)
class Axis:
    title: str
    log: bool = False
    tick: Tick = words.tick
    binary: bool = False


def lines(series: Sequence[Line], x: Axis, y: Axis, label: str, marks: Sequence[tuple[float, str]] = ()) -> str:
    """A picture of lines; `marks` are upright ones with a word. Without points, a sentence instead."""
    xs = [point[0] for line in series for point in line.points]
    ys = [value for line in series for value in _heights(line)]
    if not xs:
        return '<p class="none">Not measured.</p>'
    across = around(xs, LEFT, WIDTH - RIGHT, True, x.binary) if x.log else _span(xs)
    up = around(ys, HEIGHT - BOTTOM, TOP, y.log)
    parts = [_grid(across, up, x, y), *(_line(line, across, up) for line in series if line.points)]
    parts += [_mark(across, value, word) for value, word in marks]
    return _svg(HEIGHT, label, "".join(parts)) + legend([(line.name, line.kind) for line in series if line.points])


def bars(rows: Sequence[Row], unit: str, label: str, tick: Tick = words.number) -> str:
    """Rows of stacked parts. The total stands behind each."""
    drawn = [sum(max(value, 0) for _, value in parts) for _, parts, _ in rows]
    if not rows or not max(drawn):
        return '<p class="none">Not measured.</p>'
    scale = Scale(0, max(drawn), 0, WIDTH - 2 * RIGHT - 78)
    height = len(rows) * (BAR + GAP) + 6
    made = []
    for number, (title, parts, total) in enumerate(rows):
        top, at = number * (BAR + GAP) + 20, float(RIGHT)
        made.append(f'<text x="{RIGHT}" y="{top - 6}" class="name">{escape(title)}</text>')
        for kind, value in parts:
            width = scale.at(max(value, 0))
            told = f"<title>{escape(kind)}: {escape(tick(value))} {escape(unit)}</title>"
            place = f'x="{at:.1f}" y="{top}" width="{width:.1f}" height="{BAR}"'
            made.append(f'<rect {place} class="f {_class(kind)}">{told}</rect>')
            at += width
        told = f"{tick(total)} {unit}".strip()
        made.append(f'<text x="{at + 6:.1f}" y="{top + BAR - 7}" class="value">{escape(told)}</text>')
    return _svg(height, label, "".join(made))


def legend(names: Sequence[tuple[str, str]]) -> str:
    items = "".join(
        f'<li><svg viewBox="0 0 26 10" class="key" aria-hidden="true"><line x1="1" y1="5" x2="25" y2="5" '
        f'class="s {_class(kind)}"/></svg>{escape(name)}</li>'
        for name, kind in names
    )
    return f'<ul class="legend">{items}</ul>'


def parts_legend(names: Sequence[str]) -> str:
    """For stacked bars: squares."""
    items = "".join(
        f'<li><svg viewBox="0 0 10 10" class="box" aria-hidden="true"><rect width="10" height="10" '
        f'class="f {_class(name)}"/></svg>{escape(name)}</li>'
        for name in names
    )
    return f'<ul class="legend">{items}</ul>'


def _heights(line: Line) -> list[float]:
    return [y for _, y in line.points] + [value for _, low, high in line.band for value in (low, high)]


def _span(xs: Sequence[float]) -> Scale:
    room = (max(xs) - min(xs)) * 0.05 or 1.0
    return Scale(max(0.0, min(xs) - room), max(xs) + room, LEFT, WIDTH - RIGHT)


def _grid(across: Scale, up: Scale, x: Axis, y: Axis) -> str:
    made = []
    for value in up.ticks():
        at = up.at(value)
        made.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}" class="grid"/>')
        made.append(f'<text x="{LEFT - 6}" y="{at + 4}" class="tick end">{y.tick(value)}</text>')
    for value in across.ticks():
        at = across.at(value)
        made.append(f'<line x1="{at}" x2="{at}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 4}" class="axis"/>')
        made.append(f'<text x="{at}" y="{HEIGHT - BOTTOM + 17}" class="tick mid">{x.tick(value)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    made.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}" class="axis"/>')
    made.append(f'<text x="{middle}" y="{HEIGHT - 8}" class="label mid">{escape(x.title)}</text>')
    turned = f'transform="rotate(-90 11 {(HEIGHT - BOTTOM) / 2})"'
    made.append(f'<text x="11" y="{(HEIGHT - BOTTOM) / 2}" class="label mid" {turned}>{escape(y.title)}</text>')
    return "".join(made)


def _line(line: Line, across: Scale, up: Scale) -> str:
    kind = _class(line.kind)
    places = [(across.at(x), up.at(y)) for x, y in line.points]
    made = []
    if line.band:
        over = [(across.at(x), up.at(high)) for x, _, high in line.band]
        under = [(across.at(x), up.at(low)) for x, low, _ in reversed(line.band)]
        made.append(f'<polygon points="{_path([*over, *under])}" class="band f {kind}"/>')
    made.append(f'<polyline points="{_path(places)}" class="s {kind}"><title>{escape(line.name)}</title></polyline>')
    if line.dots:
        made += [f'<circle cx="{x}" cy="{y}" r="3" class="f {kind}"/>' for x, y in places]
    return "".join(made)


def _mark(across: Scale, value: float, word: str) -> str:
    at = across.at(value)
    side, away = ("end", -4) if at > WIDTH * 0.6 else ("", 4)
    return (
        f'<line x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" class="mark"/>'
        f'<text x="{at + away}" y="{TOP + 10}" class="tick {side}">{escape(word)}</text>'
    )


def _path(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in places)


def _class(kind: str) -> str:
    return "k-" + kind.replace(" ", "-").replace(":", "-")


def _svg(height: int, label: str, inside: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">{inside}</svg>'
