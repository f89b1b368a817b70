"""The HTTP door, beside the same server answering the same bytes with nothing of twofold in it."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time

from bench.result import Result, result
from bench.store import Store

REQUESTS = 20_000
CONNECTIONS = 16
HEAD = "HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"


async def doors(store: Store) -> list[Result]:
    """Commands and queries over HTTP, 16 connections with one request under way on each."""
    url = store.url("http")
    with _server("twofold", url) as port:
        await _ask(port, [_post("OpenAccount", b'{"account_id":"h%d","owner":"x"}' % n) for n in range(CONNECTIONS)])
        commands = [
            _post("Deposit", b'{"account_id":"h%d","amount":"1.50"}' % (n % CONNECTIONS)) for n in range(REQUESTS)
        ]
        command = await _ask(port, commands)
        query = await _ask(port, [_get("/views/AccountPage/h1")] * REQUESTS)
    with _server("bare", url) as port:
        bare_command = await _ask(port, commands)
        bare_query = await _ask(port, [_get("/views/AccountPage/h1")] * REQUESTS)
    return [
        result(f"http.command.{store.name}", REQUESTS / command[0], REQUESTS / bare_command[0], command[1]),
        result(f"http.query.{store.name}", REQUESTS / query[0], REQUESTS / bare_query[0], query[1]),
    ]


def _post(name: str, body: bytes) -> bytes:
    return f"POST /commands/{name} {HEAD.format(len(body))}".encode() + body


def _get(path: str) -> bytes:
    return f"GET {path} {HEAD.format(0)}".encode()


class _server:  # noqa: N801 - a context manager, used as a verb
    """The door in a process of its own, on a free port."""

    def __init__(self, kind: str, url: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._command = [sys.executable, "-m", "bench.serve", kind, url, str(self.port)]

    def __enter__(self) -> int:
        self._process = subprocess.Popen(self._command)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self.port
            time.sleep(0.05)
        raise RuntimeError("the server did not come up in 20 s")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)


async def _ask(port: int, requests: list[bytes]) -> tuple[float, list[float]]:
    """Seconds in all, and of each request."""
    waiting = iter(requests)
    times: list[float] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            started = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode(errors="replace"))
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            times.append(time.perf_counter() - started)
        writer.close()
        await writer.wait_closed()

    started = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return time.perf_counter() - started, times
