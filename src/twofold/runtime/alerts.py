"""When a number is worth waking somebody up for: limits that rise and clear with hysteresis."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

import msgspec

from twofold.clock import Clock

T = TypeVar("T")


class Rule(NamedTuple):
    """A limit.

    Args:
        name: the alert's name.
        words: a sentence with places for `{subject}`, `{value}` and `{limit}`.
        limit: raised while the value is above it.
        clears_at: over while the value is at most this; between the two nothing changes.
        rises_after: seconds for which the value has to be above the limit without a break.
        clears_after: seconds for which it has to be at most `clears_at`.
    """

    name: str
    words: str
    limit: float = 0.0
    clears_at: float = 0.0
    rises_after: float = 0.0
    clears_after: float = 0.0


class Reading(NamedTuple):
    """What was measured for a rule: of what (a view, or nothing in particular), how much, and what to do about it."""

    rule: str
    subject: str
    value: float
    note: str = ""


class Alert(msgspec.Struct, frozen=True):
    """Something that somebody should know, or that it is over.

    Args:
        name: the rule's name: `view-behind`, for example.
        subject: what it is about: the name of a view; empty when it is about the app.
        is_raised: True when it has begun, False when it is over.
        value: what was measured last, in the rule's unit.
        limit: what it should not be above.
        at: when (microseconds since 1970, by this process's clock).
        text: all of this in one sentence, and what to do about it.
    """

    name: str
    subject: str
    is_raised: bool
    value: float
    limit: float
    at: int
    text: str


AlertHook = Callable[[Alert], Awaitable[None] | None]
"""Told of each alert; what it returns is awaited if it can be."""


class Alarms:
    """Remembers which alerts are raised, and for how long values have been where they are.

    What is not measured any more stays as it was: not knowing is neither good nor bad.
    """

    def __init__(self, rules: Sequence[Rule], clock: Clock) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._clock = clock
        self._raised: set[tuple[str, str]] = set()
        self._since: dict[tuple[str, str], float] = {}

    def judge(self, readings: Sequence[Reading]) -> Iterator[Alert]:
        """What has begun, and what is over, now that this was measured. Readings that no rule is about are ignored."""
        for reading in readings:
            rule = self._rules.get(reading.rule)
            if rule is not None and self._changes(rule, reading):
                yield self._alert(rule, reading)

    def forget(self, names: Sequence[str]) -> None:
        """Start anew with these rules, and say nothing: somebody else measures them now."""
        self._raised = {each for each in self._raised if each[0] not in names}
        self._since = {each: since for each, since in self._since.items() if each[0] not in names}

    def _changes(self, rule: Rule, reading: Reading) -> bool:
        """Whether the alert rises or clears with this reading."""
        place = rule.name, reading.subject
        is_raised = place in self._raised
        is_across = reading.value <= rule.clears_at if is_raised else reading.value > rule.limit
        if not is_across:
            self._since.pop(place, None)
            return False
        now = self._clock.monotonic()
        since = self._since.setdefault(place, now)
        if now - since < (rule.clears_after if is_raised else rule.rises_after):
            return False
        del self._since[place]
        self._raised ^= {place}
        return True

    def _alert(self, rule: Rule, reading: Reading) -> Alert:
        _, subject, value, note = reading
        text = rule.words.format(subject=subject, value=value, limit=rule.limit) + (f": {note}" if note else "")
        is_raised = (rule.name, subject) in self._raised
        return Alert(rule.name, subject, is_raised, value, rule.limit, self._clock.now_micros(), text)


class Window(Generic[T]):
    """What something was *seconds* ago, as near as it was looked at; it keeps no more than that."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: deque[tuple[float, T]] = deque()

    def before(self, now: float, value: T) -> T:
        """The value at the beginning of the window that ends *now* (seconds, monotonic), where it is *value*."""
        kept = self._kept
        kept.append((now, value))
        while len(kept) > 1 and kept[1][0] <= now - self._seconds:
            kept.popleft()
        return kept[0][1]
