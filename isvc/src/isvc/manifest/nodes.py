"""YAML text -> trees of nodes that know their place. Nothing here knows what an InferenceService is.

Only plain data comes out (text, numbers, booleans, lists, mappings with text keys): no tags, no objects. A key written
twice is an error, and what aliases unfold to is bounded, so that a small file cannot become a huge tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import yaml

from isvc.errors import InputError, ManifestError, Place

MAX_NODES = 50_000
MAX_DEPTH = 100

Scalar = str | int | float | bool | None
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = "tag:yaml.org,2002:merge"
_PLAIN_TAGS = {
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map")
}


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place. Lists hold nodes; mappings hold nodes by key, in the order of the file."""

    value: Scalar | tuple[Node, ...] | Mapping[str, Node]
    place: Place

    def at(self, *steps: str | int) -> Place:
        """The place of what `steps` lead to, or of the deepest part of the way that is there."""
        node = self
        for step in steps:
            match node.value, step:
                case dict(fields), str() if step in fields:
                    node = fields[step]
                case tuple(items), int() if step < len(items):
                    node = items[step]
                case _:
                    path = join(node.place.path, step)
                    return Place(node.place.file, node.place.line, path)
        return node.place

    def get(self, name: str) -> Node | None:
        """The field called `name`, if this is a mapping that has it."""
        return self.value.get(name) if isinstance(self.value, dict) else None

    def plain(self) -> object:
        """The same as plain lists and dictionaries."""
        match self.value:
            case dict(fields):
                return {key: node.plain() for key, node in fields.items()}
            case tuple(items):
                return [node.plain() for node in items]
            case scalar:
                return scalar


def join(path: str, step: str | int) -> str:
    """The path one step further: `spec.predictor`, `args[0]`, `metadata.annotations["a.b/c"]`."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    if not all(part.isalnum() for part in step.split("_")) or not step:
        return f'{path}["{step}"]'
    return f"{path}.{step}" if path else step


def nearest(name: str, known: Iterator[str] | Mapping[str, object] | tuple[str, ...]) -> str:
    """The known name that `name` looks like, or ""."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[close[0]] if close else ""


def parse(text: str, file: str, error: type[InputError] = ManifestError) -> tuple[Node, ...]:
    """The documents of one file, empty ones left out. Raises `error`."""
    try:
        _check_depth(text, file, error)
        roots = list(yaml.compose_all(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else 0
        raise error(f"this is not YAML: {exc.problem or exc.context}", Place(file, line)) from exc
    except yaml.YAMLError as exc:
        raise error(f"this is not YAML: {str(exc).splitlines()[0]}", Place(file)) from exc
    builder = _Builder(file, error)
    nodes = (builder.build(root, "", 0) for root in roots if root is not None)
    return tuple(node for node in nodes if node.value is not None)


def _check_depth(text: str, file: str, error: type[InputError]) -> None:
    """PyYAML composes by recursion, which in C has no bound of its own."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise error(
                f"nested more than {MAX_DEPTH} levels deep",
                Place(file, event.start_mark.line + 1 if event.start_mark else 0),
            )


class _Builder:
    """Turns PyYAML's nodes, where aliases are shared, into our trees, where they are unfolded and counted."""

    def __init__(self, file: str, error: type[InputError]) -> None:
        self._file = file
        self._error = error
        self._left = MAX_NODES
        self._constructor = yaml.SafeLoader("")

    def build(self, node: yaml.Node, path: str, depth: int) -> Node:
        place = Place(self._file, node.start_mark.line + 1, path)
        self._left -= 1
        if self._left < 0:
            raise self._error(
                f"more than {MAX_NODES} values once its aliases are unfolded", Place(self._file, place.line)
            )
        if depth > MAX_DEPTH:
            raise self._error(f"nested more than {MAX_DEPTH} levels deep", Place(self._file, place.line))
        if node.tag not in _PLAIN_TAGS:
            raise self._error(f"the tag {node.tag} is not allowed here; write plain text, a number or a list", place)
        match node:
            case yaml.MappingNode():
                return Node(self._mapping(node, path, depth), place)
            case yaml.SequenceNode():
                items = enumerate(node.value)
                return Node(tuple(self.build(item, join(path, index), depth + 1) for index, item in items), place)
            case _:
                return Node(self._scalar(node, place), place)

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Node]:
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged = self._merge(value_node, path, depth) | merged
                continue
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error("a key must be text", Place(self._file, line, path))
            key = key_node.value
            if key in own:
                raise self._error(
                    f"written twice, first on line {own[key].place.line}; keep one",
                    Place(self._file, line, join(path, key)),
                )
            built = self.build(value_node, join(path, key), depth + 1)
            own[key] = Node(built.value, Place(self._file, line, built.place.path))
        return merged | own

    def _merge(self, node: yaml.Node, path: str, depth: int) -> dict[str, Node]:
        """What `<<: *alias` or `<<: [*a, *b]` brings in; earlier ones win."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        fields: dict[str, Node] = {}
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                place = Place(self._file, node.start_mark.line + 1, path)
                raise self._error("`<<` takes a mapping or a list of mappings", place)
            fields = self._mapping_within_bounds(source, path, depth) | fields
        return fields

    def _mapping_within_bounds(self, source: yaml.MappingNode, path: str, depth: int) -> dict[str, Node]:
        value = self.build(source, path, depth + 1).value
        return value if isinstance(value, dict) else {}

    def _scalar(self, node: yaml.Node, place: Place) -> Scalar:
        if node.tag.endswith((":str", ":timestamp")):
            if "\0" in node.value:
                raise self._error("has a zero byte in it, which no program could be given; remove it", place)
            return str(node.value)
        try:
            value = self._constructor.construct_object(node)
        except (ValueError, yaml.YAMLError) as exc:
            raise self._error(f"{node.value} cannot be read: {exc}", place) from exc
        return value if isinstance(value, int | float | bool) else None
