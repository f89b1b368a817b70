"""Serves the bank, or the same bytes without twofold: `python -m bench.serve twofold|bare URL PORT`."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn

from bench.domain import app
from twofold.http_api.asgi import asgi_app

COMMAND = (
    b'{"stream":"Account-h1","version":2,"position":1234,"events":[{"type":"MoneyDeposited","version":2,"position":1234}],'
    b'"token":"MGMyYWZhMjg1MDM4NGQ3OTlkYzk3ZmQ4ODkyYmY2ODAuMS44YTY4Y2U0NGJiNjUxODZi"}'
)
ROW = b'{"account_id":"h1","owner":"x","balance":"1.50","deposits":1}'


async def bare(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """What the door answers, from memory."""
    if scope["type"] != "http":
        return
    await receive()
    body = COMMAND if scope["method"] == "POST" else ROW
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"twofold-token", b"x" * 60),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve until terminated."""
    kind, url, port = sys.argv[1:]
    served: Any = bare if kind == "bare" else asgi_app(app, url)
    uvicorn.run(
        served,
        host="127.0.0.1",
        port=int(port),
        log_level="warning",
        access_log=False,
        lifespan="on" if kind != "bare" else "off",
    )


if __name__ == "__main__":
    main()
