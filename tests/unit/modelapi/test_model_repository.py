"""The registry."""

from pathlib import Path

import pytest

from modelapi import Model, ModelRepository


async def test_models_are_found_by_name_and_alias_in_order() -> None:
    repository, model = ModelRepository(), Model("m")
    repository.update(model)
    repository.update(model, "alias")
    assert list(repository.get_models()) == ["m", "alias"]
    assert repository.get_model("alias") is model
    assert repository.get_model("x") is None


async def test_readiness_is_the_models() -> None:
    repository, model = ModelRepository(), Model("m")
    repository.update(model)
    assert not await repository.is_model_ready("m")
    assert repository.load("m")
    assert await repository.is_model_ready("m")
    assert not await repository.is_model_ready("x")
    assert not repository.load("x")


def test_unloading_stops_and_forgets() -> None:
    repository, model = ModelRepository(), Model("m")
    repository.update(model)
    model.load()
    repository.unload("m")
    assert not model.ready
    with pytest.raises(KeyError, match="m"):
        repository.unload("m")


def test_every_folder_of_the_models_dir_is_loaded(tmp_path: Path) -> None:
    class Loader(ModelRepository):
        def load(self, name: str) -> bool:
            model = Model(name)
            self.update(model)
            return model.load()

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "file").touch()
    repository = Loader()
    repository.set_models_dir(str(tmp_path))
    repository.load_models()
    assert list(repository.get_models()) == ["a", "b"]
