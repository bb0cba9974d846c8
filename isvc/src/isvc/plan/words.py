"""Arguments and values of a YAML -> words, in which places are left open for the backend; and reading flags.

A flag is looked for as KServe and argparse do: `--flag value` and `--flag=value`, the last one wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from isvc.plan.units import Directory, Endpoint, Folder, Piece, Port, Word

MODELS_PATH = "/mnt/models"
_MODELS = re.compile(rf"{MODELS_PATH}(?![\w.-])")
_MODELS_AND_PORTS = re.compile(rf"{_MODELS.pattern}|\$\(port:([a-z]+)\)")
_REFERENCE = re.compile(r"\$(\$|\(([A-Za-z_][A-Za-z0-9_.-]*)\))")


@dataclass(frozen=True, slots=True)
class Places:
    """What the texts of one container may name and only a backend can fill in."""

    paths: Mapping[str, Directory | Folder]
    """By the path at which the container sees it; the longest that fits goes first."""
    neighbours: Mapping[int, Endpoint] = field(default_factory=dict)
    """The containers of the same pod, by the port of `localhost` on which each listens."""

    def word(self, text: str, *, ports: bool = False) -> Word:
        """`text` with its places left open; with `ports`, `$(port:NAME)` too, as settings and local.yaml write it."""
        paths = "|".join(re.escape(path) for path in sorted(self.paths, key=len, reverse=True))
        patterns = [rf"(?P<path>{paths})(?![\w.-])"] if paths else []
        patterns += [rf"(?:localhost|127\.0\.0\.1):(?P<near>{'|'.join(map(str, self.neighbours))})(?!\d)"] * bool(
            self.neighbours
        )
        patterns += [r"\$\(port:(?P<port>[a-z]+)\)"] * ports
        return _open(text, re.compile("|".join(patterns)), self._piece) if patterns else (text,)

    def _piece(self, match: re.Match[str]) -> Piece:
        found = match.groupdict()
        if found.get("path") is not None:
            return self.paths[found["path"]]
        if found.get("near") is not None:
            return self.neighbours[int(found["near"])]
        return Port(found["port"])


def word(text: str, models: Directory) -> Word:
    """`text` with /mnt/models left open."""
    return _open(text, _MODELS, lambda _: models)


def program_word(text: str, models: Directory) -> Word:
    """The same for a word of a program in local.yaml, where `$(port:NAME)` is left open too."""
    return _open(text, _MODELS_AND_PORTS, lambda match: Port(match[1]) if match[1] else models)


def _open(text: str, pattern: re.Pattern[str], piece: Callable[[re.Match[str]], Piece]) -> Word:
    pieces: list[Piece] = []
    end = 0
    for match in pattern.finditer(text):
        pieces += [text[end : match.start()], piece(match)]
        end = match.end()
    return tuple(piece for piece in (*pieces, text[end:]) if piece != "") or ("",)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Kubernetes' `$(NAME)` filled from `variables`, unknown names left as they are; `$$` is a dollar sign."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[1] == "$" else variables.get(match[2], match[0])

    return _REFERENCE.sub(value, text)


def includes(arguments: Sequence[str], flag: str) -> bool:
    """KServe's test before it adds `flag`: does any argument start with it? (IncludesArg, pkg/utils/collections.go)"""
    return any(argument.startswith(flag) for argument in arguments)


def flag_value(arguments: Sequence[str], flag: str) -> str | None:
    value = None
    for index, argument in enumerate(arguments):
        if argument == flag and index + 1 < len(arguments):
            value = arguments[index + 1]
        elif argument.startswith(f"{flag}="):
            value = argument.removeprefix(f"{flag}=")
    return value


def bound(
    arguments: Sequence[str], flags: Mapping[str, Callable[[str], Word]], other: Callable[[str], Word]
) -> Iterator[Word]:
    """The words of `arguments`: the value of a flag in `flags` as its function says, all else as `other` says."""
    pending: Callable[[str], Word] | None = None
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if pending is not None:
            yield pending(argument)
            pending = None
        elif name in flags and equals:
            yield (f"{name}=", *flags[name](value))
        else:
            pending = flags.get(argument)
            yield other(argument)
