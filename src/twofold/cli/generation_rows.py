"""The generations of a view, as rows for the terminal."""

from __future__ import annotations

from typing import Any

from twofold.clock import to_datetime
from twofold.read.generations import Kept
from twofold.read.sight import Sight

COLUMNS = ("generation", "status", "position", "of_head", "shards", "code", "since", "why")


def generation_rows(sight: Sight, head: int) -> list[dict[str, Any]]:
    """One row a generation: where it is, whose code built it, and since when it is what it is."""
    return [_row(sight, kept, head) for kept in sight.kept]


def _row(sight: Sight, kept: Kept, head: int) -> dict[str, Any]:
    generation, position = kept.generation, kept.lowest.position
    return {
        "generation": generation.number,
        "status": generation.status,
        "position": position,
        "of_head": f"{100.0 * position / head if head else 100.0:.1f} %",
        "shards": generation.shards,
        "code": "this" if sight.is_own(generation) else "other",
        "since": to_datetime(kept.changed_at).isoformat(timespec="seconds") if kept.changed_at else None,
        "why": kept.why or None,
    }
