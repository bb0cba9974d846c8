from __future__ import annotations

import pytest

from isvc.errors import Place, PlanError
from isvc.manifest.containers import Resources
from isvc.plan.resources import ignored_resources, memory_limit

PLACE = Place("x.yaml", 3, "limits.memory")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2Gi", 2 * 1024**3),
        ("512Mi", 512 * 1024**2),
        ("1.5G", 1_500_000_000),
        ("100k", 100_000),
        ("1e3", 1000),
        ("4000m", 4),
        (1024, 1024),
    ],
)
def test_an_amount_of_memory_is_read_as_kubernetes_does(written: int | str, expected: int) -> None:
    assert memory_limit(Resources(limits={"memory": written}), PLACE) == expected


def test_without_a_limit_there_is_none() -> None:
    assert memory_limit(None, PLACE) is None
    assert memory_limit(Resources(requests={"memory": "1Gi"}), PLACE) is None


@pytest.mark.parametrize("written", ["2GB", "-1", "", "lots", "1e", "1e999"])
def test_what_is_no_amount_is_refused(written: str) -> None:
    with pytest.raises(PlanError, match="write it like 512Mi or 2Gi"):
        memory_limit(Resources(limits={"memory": written}), PLACE)


def test_what_has_no_effect_is_told() -> None:
    assert list(ignored_resources(None, "r")) == []
    assert list(ignored_resources(Resources(limits={"memory": "1Gi"}), "r")) == []
    assert list(ignored_resources(Resources(limits={"cpu": 1}), "r")) == ["r is ignored except for limits.memory"]
    gpu = Resources(limits={"nvidia.com/gpu": 1})
    assert list(ignored_resources(gpu, "r")) == ["r is ignored: there is no GPU for it"]
