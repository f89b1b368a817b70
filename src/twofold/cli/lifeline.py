"""The line between a process and the parent that keeps it running: ready one way, the parent's end the other."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

READY = b"r"


class Lifeline:
    """The child's end. Without a *descriptor* nobody is at the other end, and nothing happens."""

    def __init__(self, descriptor: int | None) -> None:
        self._socket = None if descriptor is None else socket.socket(fileno=descriptor)

    def tell_ready(self) -> None:
        """Say that this process does its work now."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # the parent is gone: `watched` finds out
                self._socket.send(READY)

    @contextmanager
    def watched(self, stop: Callable[[], object]) -> Iterator[None]:
        """Call *stop* once the parent is gone, however it ended; inside a running loop."""
        if self._socket is None:
            yield
            return
        loop, line = asyncio.get_running_loop(), self._socket

        def ended() -> None:
            loop.remove_reader(line)
            stop()

        loop.add_reader(line, ended)
        try:
            yield
        finally:
            loop.remove_reader(line)
            line.close()
