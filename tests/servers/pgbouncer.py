"""PgBouncer in front of a PostgreSQL server, handing out its connections a transaction at a time."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.servers.place import PATIENCE, Place

PORT = 6432  # names the socket only: nothing listens on it
SETTINGS = """\
[databases]
* = {upstream}
[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 300
server_reset_query_always = 0
ignore_startup_parameters = extra_float_digits{ignored}
"""


@contextmanager
def pgbouncer(url: str, pool: int = 4, *, quiet: bool = False) -> Iterator[str]:
    """The URL of *url*'s database through a PgBouncer with *pool* connections to it.

    A *quiet* one takes our settings of a session and drops them.
    """
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        raise RuntimeError("PgBouncer is not here: apt-get install pgbouncer")
    with Place("pgbouncer") as place:
        settings = place.folder / "pgbouncer.ini"
        settings.write_text(
            SETTINGS.format(
                upstream=upstream_of(url), port=PORT, folder=place.folder, pool=pool,
                ignored=", idle_in_transaction_session_timeout" if quiet else "",
            ),
            encoding="utf-8",
        )  # fmt: skip
        process = place.start([program, str(settings)], log="log")
        wait_for(place.folder / f".s.PGSQL.{PORT}", place.folder / "log")
        yield f"postgresql://postgres@{urlsplit(url).path}?host={place.folder}&port={PORT}"
        process.kill()
        place.wait_for(process)


def upstream_of(url: str) -> str:
    """The server of *url* as PgBouncer's settings name it."""
    parts = urlsplit(url)
    host = parts.hostname or parse_qs(parts.query)["host"][0]
    named = {"host": host, "port": parts.port or 5432, "user": parts.username, "password": parts.password}
    return " ".join(f"{name}={value}" for name, value in named.items() if value is not None)


def wait_for(path: Path, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                return
        if time.monotonic() > deadline:
            raise RuntimeError(f"PgBouncer did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.005)
