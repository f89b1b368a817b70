"""What a projector says about itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

RETRY = "correct the fold or the event's upcaster, then start again: it goes on with that event"
REBUILD = (
    "bring back the code that built it, or move the views' file (NAME.views.db beside the log) away and start again:"
    " the log builds it anew"
)
RESTORED = (
    "the log is not the one that this view has read: after restoring a backup run `twofold doctor --restored`, then"
    " `twofold view rebuild`, which builds the rows from this log beside those that answer"
)

OTHER_CODE = "`twofold view rebuild {view}` builds them with this code, beside those that answer"

State = Literal["starting", "running", "standby", "building", "paused", "stopped"]
_STATES: tuple[State, ...] = ("stopped", "starting", "running", "standby")


class ProjectorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where a view is, and why it is not further.

    `position` is the checkpoint; `folded` counts events since the start of this process; `event_at` is when the
    last one it read was recorded (microseconds since 1970), for its lag. `caught_up` says that nothing lay behind
    the checkpoint when the log was last read. `failed` counts folds that failed, tries again included, since the
    start of this process. A stopped view has an `error`, a `remedy`, and, if an event stopped
    it, the position `failed_at`. One on standby is run by another process. A view with several shards is as far as
    its least one, and stopped when one of them is; `shards` has them all.
    """

    view: str
    state: State
    position: int = 0
    folded: int = 0
    failed: int = 0
    event_at: int | None = None
    caught_up: bool = False
    error: str | None = None
    remedy: str | None = None
    failed_at: int | None = None
    shards: tuple[ProjectorStatus, ...] = ()


def joined(parts: Sequence[ProjectorStatus]) -> ProjectorStatus:
    """The status of a view with those shards."""
    least = min(parts, key=lambda part: part.position)
    states = {part.state for part in parts}
    worst = next((part for part in parts if part.state == "stopped"), least)
    return msgspec.structs.replace(
        least,
        state=next(state for state in _STATES if state in states),
        folded=sum(part.folded for part in parts),
        failed=sum(part.failed for part in parts),
        caught_up=all(part.caught_up for part in parts),
        error=worst.error,
        remedy=worst.remedy,
        failed_at=worst.failed_at,
        shards=tuple(parts),
    )
