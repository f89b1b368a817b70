"""Who asks, and what goes along with a message on its way through the pipeline."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from twofold.messages.metadata import NO_ORIGIN, Origin, encode_origin


class Context(msgspec.Struct, kw_only=True, gc=False):
    """What surrounds one command or query. Make one to say who asks; twofold fills in the rest.

    `principal` is who asks, `tenant` on whose behalf; together they scope idempotency keys. Ids are 16 bytes; a
    `message_id` that a caller brings makes the command idempotent by it. `trace` is a W3C traceparent.
    `key`, `expected_version`, `wait` (seconds for a copy in flight), `data` (the message's own bytes), `name` (its
    stable name) and `arrived` (monotonic seconds) are set on the way in.
    """

    principal: str | None = None
    tenant: str | None = None
    message_id: bytes | None = None
    correlation_id: bytes | None = None
    trace: str | None = None
    key: str | None = None
    expected_version: int | None = None
    wait: float | None = None
    data: bytes = b""
    name: str = ""
    arrived: float = 0.0

    @property
    def scope(self) -> str:
        """What an idempotency key belongs to: tenant and principal."""
        if self.tenant is None and self.principal is None:
            return ""
        return f"{_escaped(self.tenant)}\x1f{_escaped(self.principal)}"

    def payload_hash(self) -> bytes:
        """16 bytes that tell this message's payload from another's (BLAKE2b of its name and JSON)."""
        return blake2b(self.data, digest_size=16, key=self.name.encode()[:64]).digest()

    def origin(self) -> bytes:
        """The part of the context that is stored with every event and outcome, as JSON."""
        if self.principal is None and self.tenant is None and self.trace is None:
            return NO_ORIGIN
        return encode_origin(Origin(actor=self.principal, tenant=self.tenant, trace=self.trace))


def _escaped(name: str | None) -> str:
    """*name* without the mark between tenant and principal, and without NUL, which not every store holds."""
    return "" if name is None else name.replace("%", "%25").replace("\x1f", "%1F").replace("\0", "%00")
