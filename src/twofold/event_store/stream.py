"""Names of streams and their slices."""

from __future__ import annotations

from zlib import crc32

from twofold.errors import Fault, InvalidMessageError

SLICES = 1024
MAX_NAME_BYTES = 512


def stream_name(category: str, stream_id: str) -> str:
    """`category-id`. The category has no dash; the id may be any text without NUL.

    Raises InvalidMessageError when the id is empty, holds NUL or a lone surrogate, or is too long.
    """
    fault = _id_fault(stream_id)
    if fault:
        raise InvalidMessageError(category, [Fault("$", f"the key of {category} {fault}")])
    return f"{category}-{stream_id}"


def _id_fault(stream_id: str) -> str | None:
    if not stream_id:
        return "is empty"
    if "\x00" in stream_id:
        return "holds a NUL character"
    try:
        size = len(stream_id) if stream_id.isascii() else len(stream_id.encode())
    except UnicodeEncodeError:
        return "holds a lone surrogate"
    return f"is longer than {MAX_NAME_BYTES} bytes" if size > MAX_NAME_BYTES else None


def category_of(stream: str) -> str:
    """The part before the first dash."""
    return stream.partition("-")[0]


def id_of(stream: str) -> str:
    """The part after the first dash."""
    return stream.partition("-")[2]


def slice_of(stream: str) -> int:
    """A stable number from 0 to 1023 (CRC-32 of the UTF-8 name, modulo 1024) that spreads streams over shards."""
    return crc32(stream.encode()) % SLICES
