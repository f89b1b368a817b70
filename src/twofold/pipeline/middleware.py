"""What surrounds a handler: middlewares, outermost first, built into one call for each message type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from twofold.pipeline.context import Context

Endpoint = Callable[[Any, Context], Awaitable[Any]]


class Middleware(Protocol):
    """Something that happens around a message: `async def audit(message, context, call_next)`."""

    def __call__(self, message: Any, context: Context, call_next: Endpoint, /) -> Awaitable[Any]:
        """Handle *message*, usually by `return await call_next(message, context)`; raising refuses it."""


def surround(endpoint: Endpoint, middlewares: Sequence[Middleware]) -> Endpoint:
    """*endpoint* inside *middlewares*, the first of which is the outermost."""
    for middleware in reversed(middlewares):
        endpoint = _inside(middleware, endpoint)
    return endpoint


def _inside(middleware: Middleware, call_next: Endpoint) -> Endpoint:
    def call(message: Any, context: Context) -> Awaitable[Any]:
        return middleware(message, context, call_next)

    return call
