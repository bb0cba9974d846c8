from __future__ import annotations

import pytest

from isvc.manifest.documents import Metadata
from isvc.plan.names import is_predictor_host, unit_name


def test_a_unit_is_called_as_kserve_calls_the_service() -> None:
    assert unit_name(Metadata(name="iris"), "predictor") == "iris-predictor"
    assert unit_name(Metadata(name="iris", namespace="garden"), "predictor") == "iris-predictor.garden"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("iris-predictor", True),
        ("iris-predictor:80", True),
        ("iris-predictor.garden", True),
        ("iris-predictor.garden.svc", True),
        ("http://iris-predictor.garden.svc.cluster.local/", True),
        ("iris-predictor.other", False),
        ("iris-predictor.garden:8080", False),
        ("rose-predictor.garden", False),
        ("localhost:8080", False),
    ],
)
def test_the_services_own_predictor_is_known_by_every_name_of_a_cluster(text: str, same: bool) -> None:
    assert is_predictor_host(text, Metadata(name="iris", namespace="garden")) is same
