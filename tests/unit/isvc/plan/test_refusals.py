"""What KServe knows and cannot be had here: refused with its place and a mend, or told in one line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from isvc.errors import InputError
from isvc.plan.units import ServicePlan

Planned = Callable[..., ServicePlan]
MODEL = "triton: {storageUri: gs://bucket/a}"
CONTAINERS = "containers: [{image: my/transformer%s}]"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            f"{{predictor: {{{MODEL}}}, explainer: {{containers: [{{image: a}}]}}}}",
            "spec.explainer: explainers are not",
        ),
        (f"{{predictor: {{{MODEL}, workerSpec: {{size: 2}}}}}}", "several nodes cannot run on one machine"),
        (
            f"{{predictor: {{{MODEL}}}, transformer: {{volumes: [{{name: a, projected: {{sources: [1]}}}}], "
            f"{CONTAINERS % ''}}}}}",
            "volumes[0].projected: is not made here; write a `configMap` or a `secret` volume",
        ),
        (
            f"{{predictor: {{{MODEL}}}, transformer: {{{CONTAINERS % ', volumeMounts: [{name: a, mountPath: /a}]'}}}}}",
            "there is no volume a; the component has none",
        ),
        (
            f"{{predictor: {{{MODEL}}}, transformer: {{volumes: "
            "[{name: a, persistentVolumeClaim: {claimName: b}}], "
            f"{CONTAINERS % ', volumeMounts: [{name: a, mountPath: /a}]'}}}}}",
            "map it in isvc.yaml:  storage: {pvc://b: path/to/folder}",
        ),
        (f"{{predictor: {{{MODEL}, logger: {{mode: all, storage: {{}}, marshallerUrl: x}}}}}}", "events go to a URL"),
    ],
)
def test_it_is_refused(planned: Planned, spec: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        planned(spec)
    assert said in str(caught.value)
    assert str(caught.value).startswith("x.yaml:4: spec.")


def test_probes_that_are_not_asked_are_told(planned: Planned) -> None:
    service = planned("{predictor: {triton: {storageUri: gs://bucket/a, livenessProbe: {}, startupProbe: {}}}}")
    told = "\n".join(service.notices)
    assert "spec.predictor.triton.livenessProbe is ignored: a unit that ends is restarted" in told
    assert "spec.predictor.triton.startupProbe is ignored" in told


def test_a_share_of_knative_s_revisions_is_told(planned: Planned) -> None:
    service = planned("{predictor: {canaryTrafficPercent: 20, triton: {storageUri: gs://bucket/a}}}")
    told = "spec.predictor.canaryTrafficPercent is ignored: there is one revision, which gets all requests"
    assert told in "\n".join(service.notices)
