"""What an event changed in a state, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from twofold.cli.output import encode

Change = dict[str, Any]
"""`field` (dots and [places] lead into nested ones), `before` and `after`; one of them is left out when there was
nothing there.
"""


def changes(before: Any, after: Any, field: str = "") -> Iterator[Change]:
    """Where two states, as JSON shows them, differ."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        start = f"{field}." if field else ""
        names = [*before, *(name for name in after if name not in before)]
        for name in names:
            yield from _part(before, after, name, f"{start}{name}")
    elif isinstance(before, list) and isinstance(after, list):
        old, new = dict(enumerate(before)), dict(enumerate(after))
        for place in range(max(len(old), len(new))):
            yield from _part(old, new, place, f"{field}[{place}]")
    elif before != after:
        yield {"field": field, "before": before, "after": after}


def _part(before: Mapping[Any, Any], after: Mapping[Any, Any], name: Any, field: str) -> Iterator[Change]:
    if name not in before:
        yield {"field": field, "after": after[name]}
    elif name not in after:
        yield {"field": field, "before": before[name]}
    else:
        yield from changes(before[name], after[name], field)


def change_line(change: Change) -> str:
    """*change* as one line for people: `+` came, `-` went, `~` is another."""
    shown = [encode(change[side]).decode() for side in ("before", "after") if side in change]
    mark = "~" if len(shown) > 1 else "+" if "after" in change else "-"
    return f"{mark} {change['field']}: {' -> '.join(shown)}"
