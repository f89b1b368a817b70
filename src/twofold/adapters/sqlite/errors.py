"""Turns SQLite's errors into twofold's, by class, with the remedy in the text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from twofold.errors import ClosedError, MisuseError, StoreUnavailableError, StoreUnusableError, TwofoldError

_REMEDIES: tuple[tuple[type[Exception], type[TwofoldError], str], ...] = (
    (apsw.ConnectionClosedError, ClosedError, "is closed"),
    (apsw.NotADBError, StoreUnusableError, "is not an SQLite database; name another file, or move this one away"),
    (apsw.CorruptError, StoreUnusableError, "is damaged; restore it from a backup"),
    (
        apsw.ReadOnlyError,
        StoreUnusableError,
        "is read-only; give this process write permission on the file and its folder",
    ),
    (apsw.CantOpenError, StoreUnusableError, "cannot be opened; the folder must exist and be writable"),
    (apsw.PermissionsError, StoreUnusableError, "may not be opened by this process; check its permissions"),
    (apsw.AuthError, StoreUnusableError, "may not be opened by this process; check its permissions"),
    (apsw.FullError, StoreUnavailableError, "could not be written: the disk is full; free some space and try again"),
    (apsw.BusyError, StoreUnavailableError, "is locked by another process; try again"),
    (apsw.LockedError, StoreUnavailableError, "is locked; try again"),
    (apsw.IOError, StoreUnavailableError, "could not be read or written; check the disk, then open the store again"),
)


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Run the block; an SQLite error becomes a twofold error about *path*, with its cause kept."""
    try:
        yield
    except apsw.Error as error:
        raise translate(error, path) from error


def translate(error: apsw.Error, path: str) -> TwofoldError:
    """The twofold error for *error*; an unexpected one (a bug) becomes MisuseError."""
    for kind, becomes, remedy in _REMEDIES:
        if isinstance(error, kind):
            return becomes(f"{path} {remedy} ({error})")
    return MisuseError(f"{path}: {type(error).__name__}: {error}")
