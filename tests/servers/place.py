"""A folder and the programs that run in it; both go with the process that made them, however that ends."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

DISK = Path("/tmp")  # short: a socket's path has room for 107 characters
MEMORY = Path("/dev/shm")
ROOM = 1 << 30
PATIENCE = 30.0

# Waits for the end of its input, which is the end of the process that holds the other end. Then ends what still runs.
GUARD = """
cat >/dev/null
cd / || exit
for file in "$1"/pids/*; do
    [ -e "$file" ] || continue
    pid=${file##*/}
    kill -CONT "$pid"; kill -QUIT "$pid"
    for _ in $(seq 100); do kill -0 "$pid" || break; sleep 0.05; done
done 2>/dev/null
rm -rf "$1"
"""


class Place:
    """A new folder, whose programs run as the user `nobody` when tests run as root: servers refuse root.

    It is in memory where there is room: a database is hundreds of files, and some disks are slow to make them.
    """

    def __init__(self, name: str, *, on_disk: bool = False) -> None:
        base = DISK if on_disk or not has_room(MEMORY) else MEMORY
        self.folder = Path(tempfile.mkdtemp(prefix=f"twofold-{name}-", dir=base))
        self._pids = self.folder / "pids"
        self._pids.mkdir()
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        if self._user:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "guard", str(self.folder)], stdin=subprocess.PIPE, start_new_session=True
        )

    def run(self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
        """Run *command* to its end; an error tells what it printed."""
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self._how(environment))
        if done.returncode:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")

    def start(self, command: Sequence[str | Path], log: str) -> subprocess.Popen[bytes]:
        """Start *command*; it is ended with this process, unless `wait_for` has seen its end before."""
        with (self.folder / log).open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, **self._how(None))
        (self._pids / str(process.pid)).touch()
        return process

    def wait_for(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for the end of *process*; it is killed when it takes too long."""
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        (self._pids / str(process.pid)).unlink(missing_ok=True)

    def readable(self, tree: Path, program: str) -> Path:
        """*tree*, or a copy of it here when the servers' user may not run *program* in it: a home is often closed."""
        try:
            self.run([tree / program, "--version"])
        except PermissionError:
            copy = shutil.copytree(tree, self.folder / "programs", symlinks=True)
            subprocess.run(["chmod", "-R", "a+rX", copy], check=True)
            return Path(copy)
        return tree

    def close(self) -> None:
        """Remove the folder, after ending what still runs in it."""
        self._guard.communicate()

    def _how(self, environment: Mapping[str, str] | None) -> dict[str, Any]:
        how: dict[str, Any] = {
            "cwd": self.folder,
            "env": {"PATH": os.defpath, "LC_ALL": "C", **(environment or {})},
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,  # Ctrl-C is for the tests, not for their servers
        }
        if self._user:
            how |= {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        return how

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def has_room(folder: Path) -> bool:
    """Whether a gigabyte fits into *folder*, and programs may be run there."""
    if not os.access(folder, os.W_OK):
        return False
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize > ROOM and not room.f_flag & os.ST_NOEXEC


def children_of(pid: int) -> list[int]:
    """The processes that *pid* has started and that still run (Linux)."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def send(signal_number: signal.Signals, pids: Sequence[int]) -> None:
    """Send a signal to each of *pids* that is still there."""
    for pid in pids:
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            continue
