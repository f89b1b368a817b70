"""Who is to hold which lease: everything, by one each, in even shares, the same everywhere, and with few moves."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.runtime.assignment import assigned

Members = Mapping[str, Collection[str]]
Assign = Callable[[Members], dict[str, str]]

NAMES = st.text("abcdefgh/ 0123", min_size=1, max_size=6)
MEMBERS = st.dictionaries(NAMES, st.frozensets(NAMES, max_size=12), max_size=6)


def faults(assign: Assign, members: Members) -> Iterator[str]:
    """What is wrong with how *assign* shares the leases of *members* out."""
    holders = assign(members)
    wanted = {lease for wants in members.values() for lease in wants}
    if set(holders) != wanted:
        yield f"not the wanted leases: {set(holders) ^ wanted}"
    for lease, member in holders.items():
        if lease not in members[member]:
            yield f"{member} does not want {lease}"
    groups: dict[frozenset[str], list[str]] = defaultdict(list)
    for lease in wanted & set(holders):
        groups[frozenset(member for member in members if lease in members[member])].append(lease)
    for candidates, leases in groups.items():
        most = -(-len(leases) // len(candidates))
        for member, count in Counter(holders[lease] for lease in leases).items():
            if count > most:
                yield f"{member} has {count} of {len(leases)} leases that {len(candidates)} want"


@given(MEMBERS)
def test_every_wanted_lease_goes_to_one_that_wants_it_and_nobody_gets_more_than_its_share(members: Members):
    assert list(faults(assigned, members)) == []


@given(MEMBERS, st.randoms(use_true_random=False))
def test_the_order_in_which_members_are_seen_does_not_matter(members: Members, chance):
    shuffled = list(members.items())
    chance.shuffle(shuffled)

    assert assigned({name: sorted(wants, reverse=True) for name, wants in shuffled}) == assigned(members)


PROGRAM = """
from twofold.runtime.assignment import assigned
print(assigned({f"member {m}": {f"view {n}" for n in range(9)} for m in range(4)}) == {expected!r})
"""


def test_every_process_comes_to_the_same_answer():
    members = {f"member {m}": {f"view {n}" for n in range(9)} for m in range(4)}
    program = PROGRAM.replace("{expected!r}", repr(assigned(members)))

    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert told.stdout == "True\n"


@pytest.mark.parametrize(("leases", "members"), [(8, 2), (8, 3), (40, 4), (200, 8)])
def test_few_leases_move_when_a_member_comes_or_goes(leases: int, members: int):
    names = [f"view {number}" for number in range(leases)]
    moved = 0
    for run in range(50):
        before = assigned({f"{run} {member}": names for member in range(members)})
        after = assigned({f"{run} {member}": names for member in range(members + 1)})
        moved += sum(before[name] != after[name] for name in names)

    # The newcomer's share has to move; no more than its share again does so besides, on average.
    assert moved / 50 <= 2 * -(-leases // (members + 1))


def by_counting(members: Members) -> dict[str, str]:
    """A planted bug: shares are even, and move with every member."""
    wanted = sorted({lease for wants in members.values() for lease in wants})
    return {lease: sorted(members)[place % len(members)] for place, lease in enumerate(wanted)}


def by_liking(members: Members) -> dict[str, str]:
    """A planted bug: everybody likes the first."""
    return {lease: min(m for m in members if lease in members[m]) for wants in members.values() for lease in wants}


def forgetting(members: Members) -> dict[str, str]:
    """A planted bug: the last lease goes to nobody."""
    return dict(sorted(assigned(members).items())[:-1])


@pytest.mark.parametrize("planted", [by_counting, by_liking, forgetting])
def test_planted_assignment_is_found(planted: Assign):
    members = {"ada": {"a", "b", "c", "d"}, "eve": {"a", "b", "c", "d", "e"}}

    assert list(faults(assigned, members)) == []
    assert list(faults(planted, members)) != []
