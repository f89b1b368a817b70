"""Queries that ask a view store in its own language: through its client, on one snapshot."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class ClientReads(Protocol):
    """What a view store has beside the port when `@answers` functions may read through its own client."""

    @property
    def client(self) -> type:
        """The class of the client, which is what a function's parameter is annotated with."""

    def reading(self) -> AbstractAsyncContextManager[Any]:
        """The store's own client, for reading. Whatever it reads until the end is of one moment.

        What it is told to write fails. Its errors come as they are. Several may read at the same time, and who holds
        one may read rows through the store. Raises ClosedError.
        """
