"""Aggregates kept in memory, with what has been decided on them but is not on disk yet."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # committer knows states; the arrow back is only a type
    from twofold.write.committer import Pending


class StreamState:
    """One stream folded up to `version`, counting what is decided but not yet on disk.

    `tip` is the last write that it was advanced by, while that is under way. When a write fails, the whole object is
    thrown away, never repaired: `broken` tells those who still hold it.
    """

    __slots__ = ("broken", "state", "stream", "tip", "version")

    def __init__(self, stream: str, version: int, state: Any) -> None:
        self.stream = stream
        self.version = version
        self.state = state
        self.tip: Pending | None = None
        self.broken = False


class States:
    """The states used last, at most *capacity* of them; the store's version check guards against stale ones."""

    def __init__(self, capacity: int) -> None:
        self._capacity = max(capacity, 1)
        self._held: OrderedDict[str, StreamState] = OrderedDict()

    def get(self, stream: str) -> StreamState | None:
        """The state of *stream*, if it is held; it counts as used now."""
        found = self._held.get(stream)
        if found is not None:
            self._held.move_to_end(stream)
        return found

    def keep(self, loaded: StreamState) -> StreamState:
        """Hold *loaded*, unless another load of the same stream was quicker; returns the one that is held."""
        held = self._held.setdefault(loaded.stream, loaded)
        if len(self._held) > self._capacity:
            self._let_go()
        return held

    def discard(self, state: StreamState) -> None:
        """Throw *state* away: what it was advanced by did not come to pass."""
        state.broken = True
        if self._held.get(state.stream) is state:
            del self._held[state.stream]

    def clear(self) -> None:
        """Throw everything away."""
        for state in list(self._held.values()):
            self.discard(state)

    def __len__(self) -> int:
        return len(self._held)

    def _let_go(self) -> None:
        """Drop the state that was used longest ago and is not being written."""
        for stream, state in self._held.items():
            if state.tip is None:
                del self._held[stream]
                return
