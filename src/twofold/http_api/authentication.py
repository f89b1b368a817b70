"""Who is asking: the seam to whatever a team authenticates with, and the context that goes into the pipeline."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping

from twofold.http_api.request import Request
from twofold.pipeline.context import Context

Authenticate = Callable[[Mapping[str, str]], Awaitable[Context]]
"""From the request's headers (lower-case names) to a Context with principal and tenant.

It raises UnauthenticatedError when who is asking cannot be established.
"""

_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


async def context_of(request: Request, authenticate: Authenticate | None) -> Context | None:
    """The context of *request*; None when nothing is known. Raises what *authenticate* raises."""
    if authenticate is None:
        trace = request.headers.get(b"traceparent")
        return Context(trace=trace_of(trace)) if trace is not None else None
    named = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.items()}
    context = await authenticate(named)
    context.trace = trace_of(request.headers.get(b"traceparent"))
    return context


def trace_of(header: bytes | None) -> str | None:
    """A W3C traceparent, or None when the header is not one; as the standard wants it, a wrong one is ignored."""
    return header.decode() if header is not None and _TRACEPARENT.fullmatch(header) else None


def trace_id_of(header: bytes | None) -> str | None:
    """The trace id in a traceparent header: 32 hexadecimal digits, or None."""
    trace = trace_of(header)
    return trace.split("-")[1] if trace else None
