"""What a projector says about itself."""

from __future__ import annotations

from typing import Literal

import msgspec

RETRY = "correct the fold or the event's upcaster, then start again: it goes on with that event"
REBUILD = (
    "bring back the code that built it, or move the views' file (NAME.views.db beside the log) away and start again:"
    " the log builds it anew"
)
RESTORED = (
    "the log is not the one that this view has read: after restoring a backup run `twofold doctor --restored`, then"
    " move the views' file away and start again; the log builds it anew"
)
TAKEN_OVER = "nothing to do: another process runs this view"


class ProjectorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where a view is, and why it is not further.

    `position` is the checkpoint; `folded` counts events since the start of this process; `event_at` is when the
    last one it read was recorded (microseconds since 1970), for its lag. `caught_up` says that nothing lay behind
    the checkpoint when the log was last read. A stopped view has an `error`, a `remedy`, and, if an event stopped
    it, the position `failed_at`.
    """

    view: str
    state: Literal["starting", "running", "stopped"]
    position: int = 0
    folded: int = 0
    event_at: int | None = None
    caught_up: bool = False
    error: str | None = None
    remedy: str | None = None
    failed_at: int | None = None
