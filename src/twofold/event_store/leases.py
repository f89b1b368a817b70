"""The port that shares work out between processes: who is here, and who may do what, for how long."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol


class Lease(NamedTuple):
    """Who holds a lease, and the number it was given out with."""

    owner: str
    fence: int


class Roster(NamedTuple):
    """One moment: the members that are here with the names of the leases they want, and every lease that is held."""

    members: Mapping[str, frozenset[str]]
    leases: Mapping[str, Lease]


class Leases(Protocol):
    """Leases are rows in the log's database, whose clock alone decides when one ends.

    A lease has one holder at a time. Its fence is a number that rises whenever it is given out anew, to another member
    or to the same one after it had ended, and is never given out twice: whoever keeps the highest number that it has
    seen can refuse all earlier holders. A clock that is set back ends what was given out before that; fences rise
    all the same. Members are processes that take part; one that has not attended for its time is no longer here.
    A store may end a member's stay and leases sooner when it knows that its process is gone.
    """

    async def attend(self, member: str, wants: Collection[str], seconds: float) -> Roster:
        """Be here for *seconds* from now on, wanting the leases *wants*, and renew every lease held for as long.

        A lease that has ended is not renewed. What is returned has all of this in it already.
        """

    async def roster(self) -> Roster:
        """Who is here, and who holds what, now."""

    async def take(self, member: str, names: Collection[str], seconds: float) -> dict[str, int]:
        """Take those of the leases *names* that are free, for *seconds* from now on; the fence of each one now held.

        One that *member* holds already is renewed and keeps its fence; one that another holds is left out.
        """

    async def give_up(self, member: str, names: Collection[str]) -> None:
        """End those of the leases *names* that *member* holds: they are free at once. Others are left alone."""

    async def leave(self, member: str) -> None:
        """Give up every lease that *member* holds, and be here no longer."""
