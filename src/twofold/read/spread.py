"""Which part of a view a row belongs to: rows are spread over shards by their keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC
from decimal import Context as Rounding
from typing import Any, NamedTuple

from twofold.event_store.stream import SLICES, slice_of
from twofold.read.view_store import Column, Key, Kind

_EXACTLY = Rounding(prec=1000)
_TEXTS: dict[Kind, Callable[[Any], str]] = {
    Kind.DECIMAL: lambda value: str(value.normalize(_EXACTLY)) if value else "0",
    Kind.DATETIME: lambda value: value.astimezone(UTC).isoformat(),
    Kind.BYTES: bytes.hex,
}


class Shard(NamedTuple):
    """One of the parts that a generation is spread over, counted from 0."""

    number: int = 0
    of: int = 1

    @property
    def slices(self) -> tuple[int, int]:
        """The slices that belong to it, as a half-open range."""
        return -(-self.number * SLICES // self.of), -(-(self.number + 1) * SLICES // self.of)

    def has(self, part: int) -> bool:
        """Whether the slice *part* belongs to it."""
        return part * self.of // SLICES == self.number

    def __str__(self) -> str:
        return f"shard {self.number + 1} of {self.of}"


WHOLE = Shard()


class Spread:
    """How the rows of a view are spread: each key has a slice, and a shard is a range of slices.

    Where a row is folded from the events of one stream alone, its slice is that stream's, and a shard needs only the
    events of its own slices. Else any event may touch any row: each shard reads them all, and keeps its own rows.

    Args:
        shards: how many there are to be in a generation that is made now.
        key: the view's key columns.
        category: the one category whose streams' ids are the keys, if that is how it is.
    """

    def __init__(self, shards: int = 1, key: Sequence[Column] = (), category: str | None = None) -> None:
        self.shards = shards
        self.category = category
        self._texts = [_TEXTS.get(column.kind, str) for column in key]

    def slice_of(self, key: Key) -> int:
        """The slice of the row with this stored key. Equal keys have one slice."""
        parts = [text(part) for text, part in zip(self._texts, key, strict=True)]
        return slice_of("\0".join(parts) if self.category is None else f"{self.category}-{parts[0]}")

    def shard_of(self, key: Key, shards: int) -> int:
        """The number of the shard, out of *shards*, of the row with this stored key."""
        return self.slice_of(key) * shards // SLICES

    @property
    def mark(self) -> str:
        """What tells it from another spread, as text; empty when there is one shard only."""
        return "" if self.shards == 1 else f"{self.shards} shards by {self.category or 'key'}"
