"""What can be wrong with a model directory.

    ModelDirError
    |-- NothingToServe      missing, empty, or in no layout that is known
    `-- BrokenModel         a layout is there, and one of its files is wrong

What can be wrong with a request is `modelapi.errors`' business.
"""

from pathlib import Path


class ModelDirError(Exception):
    """The root of the tree; the message is the sentence that `main` prints."""


class NothingToServe(ModelDirError):
    """There is no model below `path`."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"nothing to serve in {path}: {reason}")
        self.path = path


class BrokenModel(ModelDirError):
    """The file or folder at `path` is not as its layout wants it."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
