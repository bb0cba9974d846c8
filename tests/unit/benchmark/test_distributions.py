"""What a distribution brings, from metadata written for the test."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmark.distributions import brought_by, site_packages


def install(site: Path, name: str, *requires: str) -> None:
    folder = site / f"{name.replace('-', '_')}-1.0.dist-info"
    folder.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {each}" for each in requires)]
    (folder / "METADATA").write_text("\n".join(lines), encoding="utf-8")


def test_requirements_are_followed_and_others_left_out(tmp_path) -> None:
    install(tmp_path, "sdk", "web>=1")
    install(tmp_path, "web", "loop")
    install(tmp_path, "loop")
    install(tmp_path, "unrelated")
    assert brought_by("sdk", tmp_path) == {"sdk", "web", "loop"}


def test_an_extra_counts_only_where_it_is_asked_for(tmp_path) -> None:
    install(tmp_path, "sdk", "stubs[grpc]", 'docs; extra == "docs"')
    install(tmp_path, "stubs", 'wire; extra == "grpc"', 'http; extra == "http"')
    for name in ("wire", "http", "docs"):
        install(tmp_path, name)
    assert brought_by("sdk", tmp_path) == {"sdk", "stubs", "wire"}


def test_requirements_of_other_systems_do_not_count(tmp_path) -> None:
    install(tmp_path, "sdk", 'elsewhere; sys_platform == "none"', "Odd_Name")
    install(tmp_path, "elsewhere")
    install(tmp_path, "odd-name")
    assert brought_by("sdk", tmp_path) == {"sdk", "odd-name"}


def test_requirements_in_a_circle_end(tmp_path) -> None:
    install(tmp_path, "sdk", "other")
    install(tmp_path, "other", "sdk")
    assert brought_by("sdk", tmp_path) == {"sdk", "other"}


def test_the_site_packages_of_this_interpreter_are_found() -> None:
    assert (site_packages(Path(sys.executable)) / "pytest").is_dir()
