"""Numbers as they are written in reports. Pure."""

NONE = "-"


def number(value: float | None, digits: int = 3) -> str:
    """So many significant digits, with thousands set apart; `-` for what is not known."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    places = next(places for places in range(1, 12) if size >= 10.0 ** (digits - 1 - places))
    return f"{value:.{places}f}"


def whole(value: float | None) -> str:
    """To the unit, with thousands set apart."""
    return NONE if value is None else f"{value:,.0f}"


def tick(value: float) -> str:
    """Short: 20k, 0.5."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:.6g}"


def size(value: float | None) -> str:
    """Bytes: 48 B, 12.0 KiB, 4.0 MiB."""
    if value is None:
        return NONE
    for unit, step in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value >= step:
            return f"{value / step:.1f} {unit}"
    return f"{value:.0f} B"


def bytes_tick(value: float) -> str:
    return size(value).replace(".0 ", " ").replace("iB", "").replace(" B", "")


def ratio(interval: dict[str, float] | None) -> str:
    """x1.21 [1.17, 1.26]."""
    if interval is None:
        return NONE
    return f"x{interval['value']:.2f} [{interval['low']:.2f}, {interval['high']:.2f}]"


def span(interval: dict[str, float] | None) -> str:
    if interval is None:
        return "too few blocks"
    return f"{number(interval['low'])} to {number(interval['high'])}"
