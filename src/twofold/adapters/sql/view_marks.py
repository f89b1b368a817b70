"""The mark of a checkpoint as one text, so that a read takes it in one go."""

from __future__ import annotations

from twofold.event_store.recorded_event import NO_CHECK, Mark

NOTHING = Mark("", 0, NO_CHECK)
"""What an answer bears when the view is not there."""


def mark_of(text: str) -> Mark:
    """The mark behind a checkpoint's `position.check.epoch`."""
    position, check, epoch = text.split(".", 2)
    return Mark(epoch, int(position), bytes.fromhex(check))
