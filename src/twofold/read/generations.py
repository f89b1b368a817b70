"""The port to the built copies of views: kept beside each other, one of them live. The docstrings are the contract."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from twofold.event_store.recorded_event import Mark
from twofold.read.view_store import Generation, ViewTable

FROM_POSITION = "from position "
"""How `Kept.why` begins, with the position behind it, where only the events behind that one were folded."""


class Status(StrEnum):
    """What a generation is there for. `LIVE` answers; a `RETIRED` one was live once and can be again."""

    BUILDING = "building"
    FAILED = "failed"
    LIVE = "live"
    RETIRED = "retired"


class Kept(NamedTuple):
    """A generation that a store keeps: what built it (`ViewTable.recipe`), and where its shards are.

    `lowest` and `highest` are the marks of the shards that are least and most far. `why` says more of its status, and
    `changed_at` (microseconds since 1970, the store's clock) when it got it.
    """

    generation: Generation
    recipe: Mapping[str, str]
    lowest: Mark
    highest: Mark
    why: str
    changed_at: int


@runtime_checkable
class Generations(Protocol):
    """The generations of views, in the store that has their rows.

    A view has at most one live generation, and has one for ever once it had its first. Reads without a generation
    are answered by the live one; the pointer to it, checkpoint and rows come from one snapshot.
    """

    async def generations(self, view: str) -> list[Kept]:
        """Every generation of *view* that is kept, by number. Numbers rise and are never used again."""

    async def build(self, table: ViewTable, epoch: str, shards: int = 1) -> Generation:
        """A generation with the table's fingerprint and *epoch*: the newest that is kept, whatever its status, else a
        new one, empty, at position 0, `BUILDING`. The live one stays what it is. Two who ask at once get the same.
        """

    async def promote(self, generation: Generation, *, behind: bool = False, why: str = "") -> None:
        """Make *generation* the live one, and retire the one that was, saying *why*, all or nothing. What was said of
        *generation* itself stays. The live one already: nothing.

        What people read under the view's own name changes in the same transaction. Unless *behind* is allowed (a
        rollback), raises ConflictError, with nothing changed, when a shard of it is behind any of the live one's.
        Raises ConflictError too when it is not kept any more.
        """

    async def label(self, generation: Generation, status: Status, why: str = "") -> None:
        """Set the status of a generation that is not live, and *why*. `LIVE` is never set so: MisuseError."""

    async def drop(self, generation: Generation) -> None:
        """Forget a generation with its rows, checkpoints and parked keys. The live one: MisuseError. One that is not
        kept any more: nothing. Whoever still folds it gets LeaseLostError.
        """

    async def pause(self, view: str, *, paused: bool) -> None:
        """Remember whether *view* is to be folded; generations go on where they were. Seen by every process."""

    async def paused(self) -> frozenset[str]:
        """The views that are paused."""
