from __future__ import annotations

import pytest

from isvc.errors import Place, PlanError
from isvc.plan.images import folder_of
from isvc.settings import ImageMapping, Settings

PLACE = Place("x.yaml", 3, "spec.transformer.containers[0].image")
SETTINGS = Settings(
    images=(
        ImageMapping("my/image", "/any", "any"),
        ImageMapping("my/image:v2", "/second", "second"),
        ImageMapping("registry:5000/own", "/own", "own"),
    )
)


@pytest.mark.parametrize(
    ("image", "folder"),
    [
        ("my/image", "/any"),
        ("my/image:latest", "/any"),
        ("docker.io/my/image:v1", "/any"),
        ("my/image@sha256:abc", "/any"),
        ("my/image:v1@sha256:abc", "/any"),
        ("my/image:v2", "/second"),
        ("registry:5000/own", "/own"),
        ("registry:5000/own:3", "/own"),
    ],
)
def test_the_tag_matters_only_where_the_key_has_one(image: str, folder: str) -> None:
    assert folder_of(image, SETTINGS, PLACE).folder == folder


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("zebra:1", "no folder is known for the image zebra:1; name its build folder in isvc.yaml:  images: {zebra: "),
        ("my/imag:1", "in isvc.yaml (it has my/image):  images: {my/imag: path/to/folder}"),
        ("", "is missing; write the image"),
    ],
)
def test_an_image_without_a_folder_is_an_error_that_says_what_to_write(image: str, said: str) -> None:
    with pytest.raises(PlanError) as caught:
        folder_of(image, SETTINGS, PLACE)
    assert said in caught.value.message
    assert caught.value.place == PLACE
