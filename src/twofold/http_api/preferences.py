"""What a client asks for beside the message itself: the headers Prefer, If-Match, Idempotency-Key, Twofold-*."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from twofold.errors import MalformedError
from twofold.http_api.request import Request

MAX_KEY = 255
_VERSION = re.compile(r'"(0|[1-9][0-9]{0,18})"')
_MAX_VERSION = 2**63 - 1


class Preferences(NamedTuple):
    """What `Prefer` asked for. `wait` is seconds, at most what the settings grant, or None."""

    wait: float | None = None
    stale_ok: bool = False
    respond_async: bool = False


NONE = Preferences()


def preferences(request: Request) -> Preferences:
    """The request's preferences. As RFC 7240 wants it, those that are unknown or make no sense are ignored."""
    if b"prefer" not in request.headers:
        return NONE
    words: dict[str, str] = {}
    for piece in request.headers[b"prefer"].decode("latin-1").split(","):
        name, _, value = piece.partition(";")[0].partition("=")
        words.setdefault(name.strip().lower(), value.strip().strip('"'))
    wait = _seconds(words.get("wait"), request.settings.wait_limit)
    return Preferences(wait, "stale-ok" in words, "respond-async" in words)


def _seconds(text: str | None, limit: float) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return None
    return min(seconds, limit) if math.isfinite(seconds) and seconds >= 0 else None


class CommandWishes(NamedTuple):
    """What a client asks for beside the command itself.

    `key` is its idempotency key, `version` what `If-Match` says, `views` the names in `Twofold-Wait-For`, `wait` how
    many seconds to wait for those, `respond_async` whether the command is to be queued.
    """

    key: str | None = None
    version: int | None = None
    views: tuple[str, ...] = ()
    wait: float | None = None
    respond_async: bool = False


_NO_WISHES = CommandWishes()
_WISHES = frozenset({b"idempotency-key", b"if-match", b"prefer", b"twofold-wait-for"})


def command_wishes(request: Request) -> CommandWishes:
    """What the request asks for. Raises MalformedError for a header that cannot be meant."""
    if _WISHES.isdisjoint(request.headers):
        return _NO_WISHES
    asked = preferences(request)
    return CommandWishes(
        idempotency_key(request), expected_version(request), wanted_views(request), asked.wait, asked.respond_async
    )


def expected_version(request: Request) -> int | None:
    """The version in `If-Match: "<version>"`, or None. Raises MalformedError for anything else."""
    text = request.text(b"if-match")
    if text is None:
        return None
    found = _VERSION.fullmatch(text)
    version = int(found[1]) if found else -1
    if not 0 <= version <= _MAX_VERSION:
        raise MalformedError('If-Match takes one stream version in quotes, for example "5"')
    return version


def idempotency_key(request: Request) -> str | None:
    """The caller's `Idempotency-Key`, or None. Raises MalformedError when it is empty or too long."""
    key = request.text(b"idempotency-key")
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise MalformedError(f"Idempotency-Key takes 1 to {MAX_KEY} characters")
    return key


def wanted_views(request: Request) -> tuple[str, ...]:
    """The views named in `Twofold-Wait-For`, in order, each once."""
    text = request.text(b"twofold-wait-for")
    names = (name.strip() for name in (text or "").split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def wants_live(request: Request) -> bool:
    """True when the client asks for server-sent events."""
    accept = request.headers.get(b"accept")
    return accept is not None and b"text/event-stream" in accept.lower()
