"""`lookup`: rows that an event belongs to, found by rows that its view keeps beside its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Lookup(NamedTuple):
    """What `lookup` says: the class of the rows to look in, and for each field where its value comes from."""

    view: type
    fields: tuple[tuple[str, str | Callable[[Any], Any]], ...]


def lookup(view: type, /, *same: str, **fields: str | Callable[[Any], Any]) -> Lookup:
    """The rows of *view* that have these values: `@evolves(keys=lookup(Follower, "author"))`.

    Each of them gives the key of one row: its fields of the key's names, and the event's for the rest of the key.
    They are kept by the view that looks them up, and are as of the event's position, the event itself included.

    Args:
        view: a View class that says how those rows are folded.
        same: fields whose value is that of the event's field of the same name.
        fields: fields whose value is that of another field of the event, or a pure function of the event.
    """
    return Lookup(view, (*((name, name) for name in same), *fields.items()))
