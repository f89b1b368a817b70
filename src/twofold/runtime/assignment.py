"""Who is to hold which lease: the same answer in every process that sees the same members."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from hashlib import blake2b


def assigned(members: Mapping[str, Collection[str]]) -> dict[str, str]:
    """The member that each wanted lease goes to.

    Of the leases that the same members want, no member gets more than its share, rounded up. Each one goes to the
    member that it prefers, by a hash of both names, of those that have room left (rendezvous hashing with bounded
    load): when a member comes or goes, few of the others' leases move.

    Args:
        members: by name, the leases that each one wants.
    """
    wanting: dict[str, list[str]] = defaultdict(list)
    for member in sorted(members):
        for lease in set(members[member]):
            wanting[lease].append(member)
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for lease, candidates in wanting.items():
        groups[tuple(candidates)].append(lease)
    return {lease: member for group in groups.items() for lease, member in _shared_out(*group).items()}


def _shared_out(candidates: tuple[str, ...], leases: list[str]) -> dict[str, str]:
    most = -(-len(leases) // len(candidates))
    room = dict.fromkeys(candidates, most)
    holders = {}
    for lease in sorted(leases, key=_hash):
        member = max((each for each in candidates if room[each]), key=lambda each: _hash(f"{lease}\0{each}"))
        room[member] -= 1
        holders[lease] = member
    return holders


def _hash(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()
