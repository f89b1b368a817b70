"""What travels with a message beside its data: its id as text, and on whose behalf it came."""

from __future__ import annotations

from uuid import UUID

import msgspec


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
