"""Which distributions `pip install NAME` brings, read from the metadata of an environment that has it."""

import sysconfig
from collections.abc import Iterator
from importlib.metadata import Distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def site_packages(python: Path) -> Path:
    """Of the environment of an interpreter that has our own Python's version."""
    base = python.parents[1]
    variables = {"base": str(base), "platbase": str(base)}
    return Path(sysconfig.get_path("purelib", "posix_prefix", variables))


def brought_by(name: str, site: Path) -> set[str]:
    """`name` and everything it requires, transitively, with the extras asked for on the way."""
    installed: dict[str, Distribution] = {
        canonicalize_name(found.name): found for found in Distribution.discover(path=[str(site)])
    }
    seen: set[tuple[str, str]] = set()
    left: list[tuple[str, str]] = [(canonicalize_name(name), "")]
    while left:
        here = left.pop()
        if here in seen or here[0] not in installed:
            continue
        seen.add(here)
        left += _requires(installed[here[0]], here[1])
    return {found for found, _ in seen}


def _requires(distribution: Distribution, extra: str) -> Iterator[tuple[str, str]]:
    for line in distribution.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            name = canonicalize_name(requirement.name)
            yield from ((name, each) for each in ("", *requirement.extras))
