"""SIGTERM and SIGINT: the first asks for an orderly end, the same one again ends the process at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_signals(then: Callable[[], object] = lambda: None) -> Iterator[asyncio.Event]:
    """An event that is set, and *then* called, by a SIGTERM or SIGINT; on the main thread, inside a running loop.

    From then on that signal has its default effect, so a second one ends the process even when the loop is
    blocked. The other one still only asks: Ctrl-C reaches a whole family of processes, and a parent's SIGTERM
    after it must not cut its child's drain short.
    """
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def ask(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)
        asked.set()
        then()

    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, ask, number)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
