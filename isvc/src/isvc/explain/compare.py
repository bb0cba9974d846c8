"""YAML, KServe and this machine side by side, a row an item, deviations with their reason. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from isvc.explain.here import Running
from isvc.explain.kserve import Container, Item
from isvc.explain.rules import RULES, Rule
from isvc.plan.units import Component

_ADDRESS = "units of one machine share its ports, and the names of a cluster are not known here"
_NAMED = "there is no Service in between: port 80 is the container's own port"
_FOLDER = "a folder of this project's state stands for the mount"
_EVERYWHERE = "the servers here listen on loopback unless told otherwise"
_ADDED = "only here: units share one network"
_NO_CONTAINER = (Component.STORAGE_INITIALIZER, Component.AGENT, Component.INIT_CONTAINER, Component.SERVICE)
_ELSEWHERE = "the program that runs here is not KServe's and is told otherwise"


@dataclass(frozen=True, slots=True)
class Row:
    kind: str
    """`image`, `command`, `argument`, `variable`, `mount`, `port`, `probe`."""
    name: str
    yaml: str
    kserve: str
    here: str
    rule: Rule
    deviation: str = ""
    """Why `here` is not `kserve`; empty where they agree."""


def compare(container: Container, running: Running | None) -> tuple[Row, ...]:
    """The rows of one container; `running` is the unit that plays its part here, if one does."""
    rows = [*_image(container, running), *_command(container, running), *_arguments(container, running)]
    rows += [*_variables(container, running), *_mounts(container, running), *_ports(container, running)]
    return tuple(rows)


def unit_of(container: Container, units: Mapping[str, Running]) -> Running | None:
    """Which unit is `container`: by component, and by the end of its name where a pod has several."""
    for name, running in units.items():
        if running.unit.component in _NO_CONTAINER:
            continue
        base = name.partition(".")[0]
        if container.name == "kserve-container":
            if base.endswith(f"-{container.component}"):
                return running
        elif base.endswith(f"-{container.component}-{container.name}"):
            return running
    return None


def _image(container: Container, running: Running | None) -> Iterator[Row]:
    written = container.image if container.image_rule == "written" else ""
    place = "" if running is None else running.unit.folder or running.argv[0]
    why = _stands_in(running)
    if running and running.unit.folder:
        why = "no image is pulled: " + ("one is built of its folder" if running.contained else "its build folder runs")
    yield Row("image", "", written, container.image, place, RULES[container.image_rule], why if running else "")


def _stands_in(running: Running | None) -> str:
    return f"{running.argv[0]} runs in its place" if running else ""


def _command(container: Container, running: Running | None) -> Iterator[Row]:
    written = " ".join(container.command)
    if running is None or not running.unit.folder:
        if written:
            yield Row("command", "", "", written, "", RULES["runtime-argument"], _stands_in(running))
        return
    shown = " ".join(running.argv[: len(container.command)]) if container.command else " ".join(running.argv[:3])
    why = "" if written else "the YAML has none, and the image's own is not known here"
    yield Row("command", "", written, written, shown, RULES["written"], why)


def _arguments(container: Container, running: Running | None) -> Iterator[Row]:
    found = _pairs(running.argv[1:] if running else ())
    for item in container.arguments:
        flag, value = _pair(item.text)
        shown = found.pop(flag, None)
        text = "" if shown is None else item.text if shown == value else f"{flag} {shown}".strip()
        yield Row("argument", flag, _yaml(item), item.text, text, RULES[item.rule], _why(value, shown, running))
    skipped = set(container.command) | ({"-m"} if running and running.unit.folder else set())
    for flag, value in found.items():
        if flag.startswith("--") and flag not in skipped:
            why = _ELSEWHERE if _is_stand_in(running) else _EVERYWHERE if flag == "--host" else _ADDED
            yield Row("argument", flag, "", "", f"{flag} {value}".strip(), RULES["written"], why)


def _why(value: str, shown: str | None, running: Running | None) -> str:
    if shown is None:
        return _ELSEWHERE if _is_stand_in(running) else "not given to the program that runs here"
    if value == shown:
        return ""
    return _FOLDER if value.startswith("/mnt/") else _address(running)


def _is_stand_in(running: Running | None) -> bool:
    return running is not None and not (running.unit.folder or running.unit.role)


def _address(running: Running | None) -> str:
    return _NAMED if running is not None and running.contained else _ADDRESS


def _variables(container: Container, running: Running | None) -> Iterator[Row]:
    found = dict(running.variables) if running else {}
    for name, item in container.variables:
        shown = found.pop(name, None)
        why = "" if shown == item.text else _why(item.text, shown, None if shown is None else running)
        yield Row("variable", name, _yaml(item), item.text, shown or "", RULES[item.rule], why if running else "")
    for name, value in found.items():
        yield Row("variable", name, "", "", value, RULES["written"], _ELSEWHERE)


def _mounts(container: Container, running: Running | None) -> Iterator[Row]:
    found = dict(running.folders) if running else {}
    for item in container.mounts:
        shown = found.get(item.text, "")
        is_same = running is not None and running.contained and bool(shown)
        place, why = (item.text, "") if is_same else (shown, _FOLDER if shown else "")
        yield Row("mount", item.text, _yaml(item), item.text, place, RULES[item.rule], why)


def _ports(container: Container, running: Running | None) -> Iterator[Row]:
    shown = ", ".join(f"{name} {address}" for name, address in running.addresses) if running else ""
    for item in container.ports:
        yield Row("port", "", "", item.text, shown, RULES[item.rule], _address(running) if shown else "")
    probe = running.unit.probe if running else None
    text = "" if probe is None else f"GET {probe.path}" if probe.path else "TCP"
    why = "" if probe is None or text == container.probe.text or not probe.path else "ready means: the model is loaded"
    yield Row("probe", "", _yaml(container.probe), container.probe.text, text, RULES[container.probe.rule], why)


def _yaml(item: Item) -> str:
    return item.text if item.rule == "written" else ""


def _pair(text: str) -> tuple[str, str]:
    flag, _, value = text.partition("=") if "=" in text.partition(" ")[0] else text.partition(" ")
    return flag, value


def _pairs(argv: tuple[str, ...]) -> dict[str, str]:
    """Flag -> value; a word that belongs to none is its own name."""
    found: dict[str, str] = {}
    pending = ""
    for word in argv:
        if pending and not word.startswith("-"):
            found[pending], pending = word, ""
            continue
        flag, equals, value = word.partition("=")
        pending = word if word.startswith("-") and not equals else ""
        found[flag if equals else word] = value
    return found
