"""A disk that refuses: an APSW VFS on which chosen operations fail as a full or broken disk makes them fail."""

from __future__ import annotations

from typing import Any

import apsw


class FailingDisk(apsw.VFS):
    """After `fail`, the n-th *operation* ("write", "sync") raises *error*, once or from then on for ever."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._operation = ""
        self._left = 0
        self._error: type[apsw.Error] = apsw.IOError
        self._for_ever = False
        super().__init__(name, base="")

    def fail(self, operation: str, n: int, error: type[apsw.Error], *, for_ever: bool = False) -> None:
        self._operation, self._left, self._error, self._for_ever = operation, n, error, for_ever

    def mend(self) -> None:
        self._operation = ""

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        return FailingFile(self, name, flags)

    def on(self, operation: str) -> None:
        if operation != self._operation:
            return
        self._left -= 1
        if self._left == 0 or (self._for_ever and self._left < 0):
            raise self._error("injected")


class FailingFile(apsw.VFSFile):
    """A file of the failing disk."""

    def __init__(self, disk: FailingDisk, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.on("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.on("sync")
        super().xSync(flags)
