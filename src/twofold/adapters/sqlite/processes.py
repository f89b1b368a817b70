"""Which process this is, and whether another one of this machine is gone."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_STARTED = 19  # fields of /proc/PID/stat between the name in brackets and the time of its start


def this_process() -> str:
    """This process as text: where its number counts, the number, and when it was started."""
    pid = os.getpid()
    return f"{_place()} {pid} {_started(pid)}"


def is_gone(process: str) -> bool:
    """Whether that process has certainly ended. False where this cannot be known, as across containers."""
    place, pid, started = process.split(" ")
    if not place or place != _place():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return _started(int(pid)) != started


@cache
def _place() -> str:
    """The boot and the namespace in which process numbers count; empty where nothing can be told from them."""
    if sys.platform == "win32":
        return ""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return "" if sys.platform == "linux" else platform.node().replace(" ", "_")


def _started(pid: int) -> str:
    """When the process was started, as its system counts; empty where it does not say."""
    try:
        return (_PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()[_STARTED]
    except (OSError, IndexError):
        return ""
