"""What the HTTP door allows: sizes, waits, and the hosts it answers to."""

from __future__ import annotations

import msgspec

from twofold.config import Config

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
LOOPBACK_ADDRESSES = frozenset({"127.0.0.1", "::1", "localhost"})


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of the door.

    Args:
        body_limit: bytes of a request body; more is 413, and is never read.
        body_time: seconds a client may take to send a body that comes in pieces.
        wait_limit: seconds, the most that `Prefer: wait` is granted.
        live_limit: live answers (server-sent events) open at once; more is 429.
        heartbeat: seconds of silence after which a live answer sends a comment, so that proxies keep it open.
        allowed_hosts: names (without port) that `Host` may carry. Empty: on a loopback address the loopback
            names, elsewhere any, because the proxy in front knows its names.
        is_shared: several processes answer at this address, a request reaches any of them: `/metrics` shows only what
            all of them show alike.
    """

    body_limit: int = 1024 * 1024
    body_time: float = 30.0
    wait_limit: float = 30.0
    live_limit: int = 1000
    heartbeat: float = 15.0
    allowed_hosts: tuple[str, ...] = ()
    is_shared: bool = False

    @classmethod
    def of(cls, config: Config, *, is_shared: bool = False) -> HttpSettings:
        """The settings that *config* asks for; what it does not name keeps its default."""
        return cls(body_limit=config.max_body_bytes, allowed_hosts=config.allowed_hosts, is_shared=is_shared)
