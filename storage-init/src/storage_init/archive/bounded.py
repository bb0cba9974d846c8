"""An archive's bytes, read in bounded pieces: a length in a header must not be able to ask for all the memory."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO

from storage_init.archive.extraction import Extraction


class Bounded(io.RawIOBase):
    """`plain`, of which no read takes more than `most` bytes. `reached` is told how far it has been read."""

    def __init__(
        self, plain: IO[bytes], extraction: Extraction, most: int, reached: Callable[[int], None] | None = None
    ) -> None:
        self._plain = plain
        self._extraction = extraction
        self._most = most
        self._reached = reached

    def read(self, count: int = -1) -> bytes:
        if count > self._most:
            raise self._extraction.refusal(f"has a header of {count} bytes")
        data = self._plain.read(self._most if count < 0 else count)
        if self._reached:
            self._reached(self._plain.tell())
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if self._reached and whence == io.SEEK_SET:
            self._reached(offset)
        return self._plain.seek(offset, whence)

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._plain.tell()
