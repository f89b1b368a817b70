"""May this principal do this? Asked once, here, for every door and for calls in the process."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from twofold.errors import ForbiddenError
from twofold.pipeline.context import Context
from twofold.pipeline.middleware import Endpoint, Middleware

Authorizer = Callable[[Any, Context], bool | Awaitable[bool]]


def authorising(authorize: Authorizer) -> Middleware:
    """A middleware that goes on only where `authorize(message, context)` is True, else raises ForbiddenError."""

    async def check(message: Any, context: Context, call_next: Endpoint) -> Any:
        verdict = authorize(message, context)
        if inspect.isawaitable(verdict):
            verdict = await verdict
        if verdict is not True:
            who = context.principal or "an anonymous caller"
            raise ForbiddenError(f"{who} may not use {type(message).__name__}")
        return await call_next(message, context)

    return check
