from __future__ import annotations

import pytest

from isvc.errors import Place, PlanError
from isvc.manifest.containers import Container, ContainerPort, EnvVar
from isvc.manifest.documents import Metadata, ModelFormat, ModelSpec
from isvc.plan.container import fill, merge
from isvc.plan.defaults import ServerDefaults

PLACE = Place("x.yaml", 3, "spec.predictor.model")
FORMAT = ModelFormat(name="mine")
RUNTIME = Container(
    name="kserve-container",
    image="registry:5000/server:1",
    command=("serve",),
    args=("--a", "--b"),
    env=(EnvVar(name="X", value="1"), EnvVar(name="Y", value="2")),
    ports=(ContainerPort(container_port=8080, name="http1"),),
)


def test_arguments_are_added_and_lists_with_keys_merged() -> None:
    own = ModelSpec(
        model_format=FORMAT,
        args=("--c",),
        env=(EnvVar(name="Y", value="3"), EnvVar(name="Z", value="4")),
        ports=(ContainerPort(container_port=8080, name="h2c"), ContainerPort(container_port=9000)),
    )
    merged = merge(RUNTIME, own, ServerDefaults({}, (EnvVar(name="Y", value="0"),), ("--d",)))
    assert merged.args == ("--a", "--b", "--d", "--c")
    assert [(item.name, item.value) for item in merged.env] == [("X", "1"), ("Y", "3"), ("Z", "4")]
    assert [(item.container_port, item.name) for item in merged.ports] == [(8080, "h2c"), (9000, "")]
    assert (merged.name, merged.image, merged.command) == ("kserve-container", "registry:5000/server:1", ("serve",))


def test_a_command_or_an_image_of_its_own_replaces_the_runtimes() -> None:
    merged = merge(RUNTIME, ModelSpec(model_format=FORMAT, command=("other",), image="other:2"), ServerDefaults({}))
    assert (merged.command, merged.image) == (("other",), "other:2")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("server:1", "server:9"),
        ("server", "server:9"),
        ("registry:5000/a/server", "registry:5000/a/server:9"),
        ("server@sha256:abc", "server@sha256:abc"),
    ],
)
def test_the_runtime_version_takes_the_place_of_the_tag(image: str, expected: str) -> None:
    own = ModelSpec(model_format=FORMAT, runtime_version="9")
    assert merge(Container(image=image), own, ServerDefaults({})).image == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--model_name={{.Name}}", "--model_name=iris"),
        ("{{ .Namespace }}/{{.Name}}", "garden/iris"),
        ("{{.Labels.colour}} {{.Labels.own}}", "blue mine"),
        ("{{.Annotations.modelFormat}}", "sklearn"),
        ("{{.Labels.nothing}}", "<no value>"),
        ("no placeholder", "no placeholder"),
    ],
)
def test_placeholders_are_filled_from_the_service(text: str, expected: str) -> None:
    metadata = Metadata(name="iris", namespace="garden", labels={"colour": "blue"})
    assert fill(text, metadata, {"own": "mine"}, "sklearn", PLACE) == expected


@pytest.mark.parametrize("text", ["{{.Spec}}", "{{range .Labels}}", "{{}}", "{{.Labels.a.b}}", "{{.Name | upper}}"])
def test_a_placeholder_that_cannot_be_filled_is_an_error(text: str) -> None:
    with pytest.raises(PlanError, match="cannot be filled; known are"):
        fill(text, Metadata(name="iris"), {}, "sklearn", PLACE)
