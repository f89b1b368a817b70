"""Every queue of commands keeps its contract."""

from __future__ import annotations

from twofold.testing.contracts.command_queue import CommandQueueContract


class TestCommandQueue(CommandQueueContract): ...
