"""What travels with a message: who caused it, and on whose behalf."""

from __future__ import annotations

from uuid import UUID

import msgspec


class Metadata(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Travels with every event.

    Ids are 16 bytes (UUIDv7 unless a caller brought another). `correlation_id` ties together all
    that came of one request, `causation_id` is the message that directly caused this one.
    `recorded_at` is microseconds since 1970 by the store's clock. `trace` is a W3C traceparent.
    """

    message_id: bytes
    correlation_id: bytes
    causation_id: bytes
    recorded_at: int
    actor: str | None = None
    tenant: str | None = None
    trace: str | None = None


class Origin(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The part of the metadata that many messages share; stored once encoded, as JSON."""

    actor: str | None = None
    tenant: str | None = None
    trace: str | None = None


_origin_decoder = msgspec.json.Decoder(Origin)
_origin_encoder = msgspec.json.Encoder()
NO_ORIGIN = b"{}"


def encode_origin(origin: Origin) -> bytes:
    """*origin* as the JSON bytes that a store keeps."""
    return _origin_encoder.encode(origin)


def decode_origin(data: bytes) -> Origin:
    """The origin that a store kept."""
    return _origin_decoder.decode(data)


def id_text(message_id: bytes) -> str:
    """A 16-byte id as people read it: `018f...-....-7...`."""
    return str(UUID(bytes=message_id))


def id_bytes(text: str) -> bytes:
    """The 16 bytes of a UUID in text form. Raises ValueError when it is none."""
    return UUID(text).bytes
