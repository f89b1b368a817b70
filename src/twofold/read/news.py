"""Wake-ups from other processes: a checkpoint has moved somewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

Heard = Callable[[str, int, int], None]
"""Is told the name of a view, the number of a generation, and the position that a shard of it has reached."""


@runtime_checkable
class Announcing(Protocol):
    """What a view store has beside the port when it can tell at once that another process has folded something."""

    def listen(self, heard: Heard) -> None:
        """Call *heard* whenever a checkpoint of this store has moved, whoever moved it. Called inside a running loop.

        It may be told late, twice or never: whoever waits looks by itself too, and takes no position from here.
        """
