"""Moves the write-ahead log into the database file, off the commit path; the only one who does."""

from __future__ import annotations

import threading
from contextlib import suppress

import apsw

PAGES = 12_000
TOO_MANY_PAGES = 64_000


class Checkpointer:
    """Checkpoints on a thread and connection of its own once the write-ahead log has grown by 12,000 pages (47 MiB).

    A passive checkpoint never blocks writers. When a long reader has let the log grow past 64,000 pages (256 MiB)
    the checkpoint waits for readers and lets the writers wait, so that the file stays bounded.
    """

    def __init__(self, writer: apsw.Connection, own: apsw.Connection) -> None:
        self._own = own
        self._pages = 0
        self._wake = threading.Semaphore(0)
        self._is_busy = False
        self._is_closing = False
        self._thread = threading.Thread(target=self._serve, name="twofold-checkpointer", daemon=True)
        writer.set_wal_hook(self._committed)
        self._thread.start()

    def close(self) -> None:
        """End the thread after the checkpoint it is in, and close the connection."""
        self._is_closing = True
        self._wake.release()
        self._thread.join()
        self._own.close()

    def _committed(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._pages = pages
        if pages >= PAGES and not self._is_busy:
            self._is_busy = True
            self._wake.release()
        return apsw.SQLITE_OK

    def _serve(self) -> None:
        while True:
            self._wake.acquire()
            if self._is_closing:
                return
            mode = apsw.SQLITE_CHECKPOINT_RESTART if self._pages > TOO_MANY_PAGES else apsw.SQLITE_CHECKPOINT_PASSIVE
            # One that fails is tried again after the next commit; a disk that stays broken the writer reports.
            with suppress(apsw.Error):
                self._own.wal_checkpoint(mode=mode)
            self._is_busy = False
