"""Everything that can keep a model from being put in place.

    StorageError
    ├── AddressInvalid       the address cannot be read, or its scheme is not one of ours
    ├── SettingInvalid       a variable of the environment cannot be read
    ├── SourceNotFound       nothing stands at the address, or only empty folders
    ├── SourceRefused        something stands there that is not copied: a link out of the folder, a device, a web page
    ├── FetchFailed          the store did not give the bytes, and more of the same will not help
    │   └── FetchInterrupted ... but trying again may
    ├── ArchiveRefused       an archive that would write where it must not, or more than the limits allow
    ├── ArchiveCorrupted     an archive that cannot be read to its end
    ├── DestinationRefused   the destination holds what this program did not put there, or is no folder
    ├── FilesystemFailed     the disk is full, read-only, or not for this user
    ├── DeadlineExceeded     the time given for the whole run is over
    └── Stopped              a signal ended the run

A message is one line: what happened, where, and what to do about it. It never holds a password, a token or a query.
"""

from __future__ import annotations


class StorageError(Exception):
    """The model could not be put in place; nothing partial is left at the destination."""


class AddressInvalid(StorageError):
    """The address cannot be read, or its scheme is not one of ours."""


class SettingInvalid(StorageError):
    """A variable of the environment cannot be read."""


class SourceNotFound(StorageError):
    """Nothing stands at the address, or only empty folders."""


class SourceRefused(StorageError):
    """Something stands at the address that is not copied."""


class FetchFailed(StorageError):
    """The store did not give the bytes, and more of the same will not help."""


class FetchInterrupted(FetchFailed):
    """The store did not give the bytes this time; `retry_after` is the wait, in seconds, that it asked for."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ArchiveRefused(StorageError):
    """An archive that would write where it must not, or more than the limits allow."""


class ArchiveCorrupted(StorageError):
    """An archive that cannot be read to its end."""


class DestinationRefused(StorageError):
    """The destination holds what this program did not put there, or is no folder."""


class FilesystemFailed(StorageError):
    """The disk is full, read-only, or not for this user."""


class DeadlineExceeded(StorageError):
    """The time given for the whole run is over."""


class Stopped(StorageError):
    """A signal ended the run."""
