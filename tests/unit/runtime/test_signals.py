"""The first signal asks, the second ends."""

import os
import signal
import subprocess
import sys

from twofold.runtime.signals import stop_signals

PROGRAM = """
import asyncio, sys
from twofold.runtime.signals import stop_signals
async def main():
    with stop_signals() as asked:
        print("ready", flush=True)
        await asked.wait()
        print("asked", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_the_first_signal_asks_and_the_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    with stop_signals() as asked:
        os.kill(os.getpid(), signal.SIGTERM)
        await asked.wait()

    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_leaving_without_a_signal_puts_the_handlers_back() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    with stop_signals() as asked:
        assert not asked.is_set()

    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_the_second_signal_ends_the_process_at_once() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == -signal.SIGINT
