"""A thin façade for code without asyncio: one event loop on one thread, every call handed over to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

from twofold.app.open_app import OpenApp
from twofold.errors import ClosedError
from twofold.messages.message import Query
from twofold.read.view import View
from twofold.write.receipt import Receipt

T = TypeVar("T")
V = TypeVar("V", bound=View)


class SyncApp:
    """An open app whose calls block. May be used from several threads; raises ClosedError after its end."""

    def __init__(self, opened: OpenApp, loop: asyncio.AbstractEventLoop) -> None:
        self._opened = opened
        self._loop = loop

    def send(self, command: Any, **options: Any) -> Receipt:
        """See OpenApp.send."""
        return self._run(self._opened.send(command, **options))

    def ask(self, query: Query[T], **options: Any) -> T:
        """See OpenApp.ask."""
        return self._run(self._opened.ask(query, **options))

    def get(self, view: type[V], key: Any, **options: Any) -> V:
        """See OpenApp.get."""
        return self._run(self._opened.get(view, key, **options))

    def find(self, view: type[V], *conditions: Any, **options: Any) -> list[V]:
        """See OpenApp.find."""
        return self._run(self._opened.find(view, *conditions, **options))

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        if self._loop.is_closed():
            call.close()
            raise ClosedError(f"app {self._opened.name!r} is closed")
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()


@contextmanager
def sync_app(opening: AbstractAsyncContextManager[OpenApp]) -> Iterator[SyncApp]:
    """Open the app on a loop of its own, and close it at the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="twofold-sync", daemon=True)
    thread.start()
    try:
        opened = asyncio.run_coroutine_threadsafe(opening.__aenter__(), loop).result()
        try:
            yield SyncApp(opened, loop)
        finally:
            asyncio.run_coroutine_threadsafe(opening.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
