"""What the verifier has looked at, as families."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from twofold.read.findings import Findings
from twofold.runtime.measures import Family, counter, gauge


def verified_families(found: Mapping[str, Findings]) -> Iterator[Family]:
    """Of those views that this process looks at."""
    text = "Rows that this process has compared with their events."
    yield counter(
        "twofold_view_verified_rows", text, ("view",), {(view,): each.compared for view, each in found.items()}
    )
    text = "When this process last came to the end of a round through all rows of a view, in seconds since 1970."
    ended: dict[tuple[str, ...], float] = {
        (view,): each.round_at / 1e6 for view, each in found.items() if each.round_at is not None
    }
    yield gauge("twofold_view_verified_timestamp_seconds", text, ("view",), ended)
