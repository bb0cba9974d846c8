"""YAML written to be read: keys in their order, short lists on one line, an empty line between services."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

WIDTH = 120
_ONE_LINE = 90
"""Characters up to which a list of words stays on its line."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _sequence(dumper: _Dumper, items: list[Any]) -> yaml.Node:
    words = all(isinstance(item, str) for item in items)
    short = words and sum(len(item) + 2 for item in items) <= _ONE_LINE
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=short)


def _empty_on_one_line(dumper: _Dumper, items: dict[str, Any]) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", items.items(), flow_style=not items)


_Dumper.add_representer(list, _sequence)
_Dumper.add_representer(dict, _empty_on_one_line)


def write(model: Mapping[str, Any], heading: str) -> str:
    """`model` as YAML under the comment `heading`."""
    body = yaml.dump(dict(model), Dumper=_Dumper, sort_keys=False, width=WIDTH, allow_unicode=True)
    comment = "".join(f"# {line}\n" for line in heading.splitlines())
    return comment + re.sub(r"(?m)^(?=(services|volumes|  [\w.-]+):$)", "\n", body).replace(
        "services:\n\n", "services:\n"
    )
