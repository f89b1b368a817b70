"""Stands between clients and a PostgreSQL server, understands what they say, and loses what a test tells it to.

async with Proxy.before(url) as proxy:
    lost = proxy.lose("COMMIT", "reply")
"""

from __future__ import annotations

import asyncio
import struct
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

REFUSED_AT_START = {80877103, 80877104}  # encryption, of either kind: the client goes on without
Moment = Literal["request", "reply"]


@dataclass
class Loss:
    """The next statement with *statement* in it is lost on its way, or the reply to it, and the connection."""

    statement: str
    moment: Moment
    happened: asyncio.Event = field(default_factory=asyncio.Event)


class Conversation:
    """What one client says: its messages, and the statements that they carry out."""

    def __init__(self) -> None:
        self._prepared: dict[bytes, str] = {}
        self._portals: dict[bytes, str] = {}

    def executed(self, kind: bytes, body: bytes) -> str | None:
        """The statement that this message carries out, if it is one that does."""
        if kind == b"Q":
            return text(body)
        if kind == b"P":
            name, statement, _ = body.split(b"\0", 2)
            self._prepared[name] = text(statement)
        elif kind == b"B":
            portal, name, _ = body.split(b"\0", 2)
            self._portals[portal] = self._prepared[name]
        elif kind == b"E":
            return self._portals[body.partition(b"\0")[0]]
        return None


class Proxy:
    """`url` is the way through it. It also goes silent (`silence`), and hangs up on everyone (`hang_up`)."""

    def __init__(self, url: str, folder: Path) -> None:
        parts = urlsplit(url)
        self._upstream = url
        self._losses: list[Loss] = []
        self._clients: set[asyncio.Task[None]] = set()
        self._speaks = asyncio.Event()
        self._speaks.set()
        self.socket = folder / ".s.PGSQL.5432"
        user = parts.username or "postgres"
        query = {name: values[0] for name, values in parse_qs(parts.query).items()} | {"host": str(folder)}
        self.url = urlunsplit((parts.scheme, f"{user}@", parts.path, urlencode(query, safe="/"), ""))

    @classmethod
    @asynccontextmanager
    async def before(cls, url: str) -> AsyncIterator[Proxy]:
        """A proxy before the server of *url*."""
        with tempfile.TemporaryDirectory(prefix="twofold-proxy-", dir="/tmp") as folder:
            proxy = cls(url, Path(folder))
            server = await asyncio.start_unix_server(proxy._accept, proxy.socket)
            try:
                yield proxy
            finally:
                server.close()
                await proxy.hang_up()

    def lose(self, statement: str, moment: Moment) -> asyncio.Event:
        """Lose the next statement with that in it, or the reply to it, and the connection; the event tells when."""
        loss = Loss(statement, moment)
        self._losses.append(loss)
        return loss.happened

    def silence(self) -> None:
        """Pass nothing on any more in either direction, and hang up on nobody: a partition."""
        self._speaks.clear()

    def speak(self) -> None:
        """Pass on again, what was held back too."""
        self._speaks.set()

    async def hang_up(self) -> None:
        """End every connection."""
        clients = list(self._clients)
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            writer.transport.abort()
            self._clients.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        start = await read_start(reader, writer)
        upstream, out = await connect(self._upstream)
        out.write(start)
        losing: list[Loss] = []
        pumps = [
            asyncio.create_task(self._requests(reader, out, losing)),
            asyncio.create_task(self._replies(upstream, writer, losing)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            out.transport.abort()

    async def _requests(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter, losing: list[Loss]) -> None:
        conversation = Conversation()
        while True:
            kind, body = await read_message(reader)
            statement = conversation.executed(kind, body)
            loss = self._take_loss(statement)
            if loss is not None and loss.moment == "request":
                loss.happened.set()
                return
            if loss is not None:
                losing.append(loss)
            await self._speaks.wait()
            out.write(kind + struct.pack("!i", len(body) + 4) + body)
            await out.drain()

    async def _replies(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: list[Loss]) -> None:
        while True:
            kind, body = await read_message(upstream)
            await self._speaks.wait()
            if losing and kind == b"Z":  # ready for the next: by now the statement is carried out, and committed
                losing[0].happened.set()
                return
            if not losing:
                writer.write(kind + struct.pack("!i", len(body) + 4) + body)
                await writer.drain()

    def _take_loss(self, statement: str | None) -> Loss | None:
        for loss in self._losses:
            if statement is not None and loss.statement in statement:
                self._losses.remove(loss)
                return loss
        return None


async def read_start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The first message, after refusing to encrypt."""
    while True:
        (size,) = struct.unpack("!i", await reader.readexactly(4))
        body = await reader.readexactly(size - 4)
        if struct.unpack("!i", body[:4])[0] not in REFUSED_AT_START:
            return struct.pack("!i", size) + body
        writer.write(b"N")


async def read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The kind and the body of the next message."""
    head = await reader.readexactly(5)
    kind, size = struct.unpack("!ci", head)
    return kind, await reader.readexactly(size - 4)


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the server of *url*, by socket or by TCP."""
    parts = urlsplit(url)
    if parts.hostname:
        return await asyncio.open_connection(parts.hostname, parts.port or 5432)
    return await asyncio.open_unix_connection(f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432")


def text(body: bytes) -> str:
    return body.rstrip(b"\0").decode()
