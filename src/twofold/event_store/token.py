"""Tokens: "the log of this epoch, up to here", opaque to callers."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

from twofold.errors import TokenUnknownError
from twofold.event_store.recorded_event import Mark

_CHECK_BYTES = 8


def encode_token(mark: Mark) -> str:
    """*mark* as text for callers: URL-safe, without padding."""
    body = f"{mark.epoch}.{mark.position}.".encode() + mark.check.hex().encode()
    return urlsafe_b64encode(body).rstrip(b"=").decode()


def decode_token(token: str) -> Mark:
    """The mark behind *token*. Raises TokenUnknownError when it was not made by twofold."""
    try:
        body = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4)).decode("ascii")
        epoch, position, check = body.split(".")
        mark = Mark(epoch, _whole(position), bytes.fromhex(check))
    except (ValueError, binascii.Error) as error:
        raise TokenUnknownError("the token was not made by twofold") from error
    if len(mark.check) != _CHECK_BYTES:
        raise TokenUnknownError("the token was not made by twofold")
    return mark


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 19:  # noqa: PLR2004 - the digits of 2**63
        raise ValueError(text)
    return int(text)
