"""Rows that are not what their events fold to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from twofold.read.view import ViewDefinition
from twofold.read.view_store import Column, Key, Kind, StoredRow

FOLDED_UP_TO = "_position"
"""Stands among the fields for the position that a row says it has folded: one ahead of the checkpoint loses events."""


def drift_remedy(view: str) -> str:
    """What to do about drifted rows."""
    return f"`twofold view verify {view}` lists them; `twofold view rebuild {view}` builds the rows anew from the log"


class Difference(NamedTuple):
    """A field of a row, as the store has it and as its events fold to; None on the side that has no row."""

    field: str
    stored: Any
    folded: Any


class Drift(msgspec.Struct, frozen=True):
    """One row that is not what its events fold to.

    Args:
        view: the view's name.
        key: the row's stored key.
        kind: it "differs" in `fields`; the store has none though its events fold to one ("missing"), or has one though
            they fold to none ("extra"); its values cannot be read ("unreadable"), or its events cannot be folded any
            more ("unfoldable"): `why` says more.
        position: the position of the log as of which it was compared.
        found_at: when it was found (microseconds since 1970).
        fields: what differs.
        why: the error, where there is one.
    """

    view: str
    key: Key
    kind: Literal["differs", "missing", "extra", "unreadable", "unfoldable"]
    position: int
    found_at: int
    fields: tuple[Difference, ...] = ()
    why: str = ""


def kind_of(stored: StoredRow | None, folded: StoredRow | None) -> Literal["differs", "missing", "extra"]:
    """In which way they are not the same."""
    if stored is None:
        return "missing"
    return "differs" if folded is not None else "extra"


def differences(
    definition: ViewDefinition[Any], stored: StoredRow | None, folded: StoredRow | None, most: int
) -> Iterator[Difference]:
    """Where the two are not the same, field by field. A row that has folded up to behind *most* is not either."""
    if stored is None and folded is None:
        return
    left, right = stored.values if stored else {}, folded.values if folded else {}
    for name, column in definition.columns.items():
        one, other = left.get(name), right.get(name)
        if stored is None or folded is None or not _is_same(column, one, other):
            yield Difference(name, one, other)
    if stored is not None and stored.position > most:
        yield Difference(FOLDED_UP_TO, stored.position, folded.position if folded is not None else None)


def _is_same(column: Column, one: Any, other: Any) -> bool:
    if column.kind is not Kind.JSON or one == other:
        return bool(one == other)
    texts = [msgspec.json.encode(value, order="deterministic") for value in (one, other)]
    return texts[0] == texts[1]  # classes without an equality of their own
