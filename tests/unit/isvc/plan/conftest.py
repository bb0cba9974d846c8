from __future__ import annotations

from collections.abc import Callable

import pytest

from isvc import manifest, plan
from isvc.plan.units import ServicePlan, Unit
from isvc.settings import ImageMapping, Settings, StorageMapping

SETTINGS = Settings(
    storage=(StorageMapping("gs://bucket/", "/sample/bucket", "bucket/"),),
    images=(ImageMapping("my/transformer", "/sample/transformer", "transformer/"),),
)

Plan = Callable[..., ServicePlan]


@pytest.fixture
def settings() -> Settings:
    return SETTINGS


@pytest.fixture
def planned() -> Plan:
    """Plans one service from what is below its `spec`, given in YAML, and what may stand beside it."""

    def make(spec: str, *, metadata: str = "", beside: str = "") -> ServicePlan:
        text = (
            "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\n"
            f"metadata: {{name: iris{', ' if metadata else ''}{metadata}}}\nspec: {spec}\n{beside}"
        )
        (service,) = plan.build(manifest.parse_text(text, "x.yaml"), SETTINGS).services
        return service

    return make


@pytest.fixture
def unit() -> Callable[[ServicePlan, str], Unit]:
    def find(service: ServicePlan, part: str) -> Unit:
        (found,) = (unit for unit in service.units if unit.name == f"{service.name}-{part}")
        return found

    return find
