"""Answers every request with 503 while the program that should answer is not there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import msgspec

_LONGEST_REQUEST = 64 * 1024
_PATIENCE = 2.0


@contextlib.asynccontextmanager
async def standing_in(descriptor: int, why: str) -> AsyncIterator[None]:
    """Until the block ends, answer on the listening socket *descriptor* that there is nobody, and *why*."""
    answer = _answer(why)

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_PATIENCE):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                writer.write_eof()
                await reader.read(_LONGEST_REQUEST)  # a body that nobody read would make the answer a broken connection
        writer.close()

    server = await asyncio.start_server(
        refuse, sock=socket.socket(fileno=socket.dup(descriptor)), limit=_LONGEST_REQUEST
    )
    try:
        yield
    finally:
        server.close()


def _answer(why: str) -> bytes:
    body = msgspec.json.encode({
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "not-running",
        "detail": why,
    })  # fmt: skip
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n"
        f"Cache-Control: no-store\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
