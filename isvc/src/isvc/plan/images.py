"""Which build folder an image is run from."""

from __future__ import annotations

from isvc.errors import Place, PlanError
from isvc.manifest.nodes import nearest
from isvc.settings import ImageMapping, Settings


def folder_of(image: str, settings: Settings, place: Place) -> ImageMapping:
    """The settings' entry for `image`; one with a tag goes before one without. Raises PlanError."""
    if not image:
        raise PlanError("is missing; write the image of the container", place)
    wanted = _canonical(image)
    fitting = [entry for entry in settings.images if _canonical(entry.image) in (wanted, _untagged(wanted))]
    if fitting:
        return max(fitting, key=lambda entry: len(_canonical(entry.image)))
    similar = nearest(_untagged(wanted), tuple(entry.image for entry in settings.images))
    hint = f" (it has {similar})" if similar else ""
    raise PlanError(
        f"no folder is known for the image {image}; name its build folder in isvc.yaml{hint}:  "
        f"images: {{{_untagged(wanted)}: path/to/folder}}",
        place,
    )


def _canonical(image: str) -> str:
    return image.removeprefix("docker.io/").removeprefix("library/")


def _untagged(image: str) -> str:
    head, slash, tail = image.partition("@")[0].rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}"
