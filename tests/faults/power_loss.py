"""A disk that forgets: an APSW VFS that knows which writes were synced, and what would be left after a power cut.

Files work as usual while the power is on. Beside them the disk keeps, for each file, the bytes that are surely on it
and the writes since its last sync. At the chosen sync the power fails: each 512-byte sector of every unsynced write
reaches the disk, or does not, by chance. From then on every call fails, as for a process that is gone.
"""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512
# SQLite syncs the folder with the first sync of such a file, so that its name is on the disk (os_unix.c).
FOLDER_SYNCED = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL


class DiskFile:
    """What is surely on the disk of one file (None: not even its name), and what was written since."""

    def __init__(self) -> None:
        self.durable: bytearray | None = None
        self.pending: list[tuple[int, bytes] | int] = []

    def sync(self) -> None:
        """Everything written so far is on the disk."""
        self.durable = self._with(self.pending)
        self.pending = []

    def after_power_loss(self, rng: random.Random) -> bytes | None:
        """What is found when the power is back."""
        if self.durable is None and rng.random() < 0.5:
            return None
        luck = rng.choice([0.0, 0.1, 0.5, 0.9, 1.0])
        kept = [piece for change in self.pending for piece in _torn(change) if rng.random() < luck]
        return bytes(self._with(kept))

    def _with(self, changes: list[tuple[int, bytes] | int]) -> bytearray:
        content = bytearray(self.durable or b"")
        for change in changes:
            if isinstance(change, int):
                del content[change:]
            else:
                offset, data = change
                content.extend(bytes(max(0, offset + len(data) - len(content))))
                content[offset : offset + len(data)] = data
        return content


def _torn(change: tuple[int, bytes] | int) -> list[tuple[int, bytes] | int]:
    """A write in its sectors; a truncation is one piece."""
    if isinstance(change, int):
        return [change]
    offset, data = change
    cuts = [offset, *range((offset // SECTOR + 1) * SECTOR, offset + len(data), SECTOR), offset + len(data)]
    return [(start, data[start - offset : end - offset]) for start, end in pairwise(cuts)]


class ForgetfulDisk(apsw.VFS):
    """Registered under *name*; the power fails inside sync number *fails_at* (0: never)."""

    def __init__(self, name: str, rng: random.Random, fails_at: int) -> None:
        self.name = name
        self._rng = rng
        self._left = fails_at
        self.is_off = False
        self.files: dict[str, DiskFile] = {}
        self._deleted: dict[str, DiskFile] = {}
        super().__init__(name, base="")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        self.check_power()
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return ForgetfulFile(self, path, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        if self.is_off:
            return
        super().xDelete(filename, syncdir)
        file = self.files.pop(filename, None)
        if file is not None:
            self._deleted[filename] = file
        if syncdir:
            self._deleted.clear()

    def synced(self, file: DiskFile, *, with_folder: bool) -> None:
        """The file, and the folder's list of names if SQLite has it synced too, are on the disk: or the power fails."""
        self._left -= 1
        if self._left == 0:
            self.is_off = True
            self.check_power()
        file.sync()
        if with_folder:
            self._deleted.clear()

    def check_power(self) -> None:
        if self.is_off:
            raise apsw.IOError("the power is off")

    def leave(self, folder: Path) -> None:
        """Write what the disk holds after the power loss to *folder*."""
        undone = {path: file for path, file in self._deleted.items() if self._rng.random() < 0.5}
        for path, file in (undone | self.files).items():
            content = file.after_power_loss(self._rng)
            if content is not None:
                (folder / Path(path).name).write_bytes(content)


class ForgetfulFile(apsw.VFSFile):
    """A file of the disk. The WAL index is shared memory, and no file for the disk."""

    def __init__(self, disk: ForgetfulDisk, path: str | None, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._is_new_name = bool(flags[0] & FOLDER_SYNCED)
        self._file = DiskFile()
        if path is not None:
            self._file = disk.files.setdefault(path, self._file)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.check_power()
        super().xWrite(data, offset)
        self._file.pending.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.check_power()
        super().xTruncate(newsize)
        self._file.pending.append(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.check_power()
        super().xSync(flags)
        self._disk.synced(self._file, with_folder=self._is_new_name)
        self._is_new_name = False
