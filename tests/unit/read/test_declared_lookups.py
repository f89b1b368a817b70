"""What is wrong with a lookup is said in words when the app is made, and its fingerprint covers what is looked up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.read.timelines import Followed, Follower, Home, Posted
from twofold.messages.folding import evolves
from twofold.messages.lookup import lookup
from twofold.read.define_view import define_view
from twofold.read.view import View


def faults(view: type[View]) -> str:
    return "\n".join(define_view(view).faults)


def looking(found: Any, key: str = "follower", **options: Any) -> type[View]:
    """A view that folds Posted into the rows that *found* says."""

    class Wrong(View, key=key, **options):
        follower: str = ""
        region: int = 0
        other: str = ""

        @evolves(keys=found)
        def posted(self, event: Posted) -> None: ...

    return Wrong


class Chained(View, key="author"):
    author: str

    @evolves(keys=lookup(Follower, "author"))
    def posted(self, event: Posted) -> None: ...


class Sharded(View, key=("author", "follower"), shards=2):
    author: str
    follower: str

    @evolves
    def followed(self, event: Followed) -> None: ...


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (looking(lookup(Follower, "writer")), "by 'writer', which is not one of its fields"),
        (looking(lookup(Follower)), "by no field"),
        (looking(lookup(Follower, author="writer")), "'writer', which is not a field of Posted"),
        (looking(lookup(Follower, "author", author="text")), "a field that is named twice"),
        (looking(lookup(Follower, "author"), shards=2), "can have one shard only"),
        (looking(lookup(Sharded, "author")), "cannot have shards"),
        (looking(lookup(Chained, "author")), "looks rows up itself"),
        (looking(lookup(str, "author")), "which is no View class"),
        (looking(lookup(Follower, "author"), key="other"), "neither of Wrong.Follower nor of Posted"),
        (looking(lookup(Home, customer="author"), key="region"), "its key region is integer"),
    ],
)
def test_a_wrong_lookup_is_a_fault_in_words(view: type[View], words: str) -> None:
    assert words in faults(view)


class Twice(View, key="follower"):
    follower: str

    @evolves(keys=lookup(Follower, "author"))
    def posted(self, event: Posted) -> None: ...

    @evolves(key=lambda event: event.author)
    def posted_too(self, event: Posted) -> None: ...


def test_an_event_whose_rows_are_looked_up_has_no_other_fold() -> None:
    assert "can have no other fold of it" in faults(Twice)


def test_the_fingerprint_covers_what_is_looked_up_and_how() -> None:
    def timeline(rule: type[View], field: str = "author") -> str:
        class Feed(View, key="follower"):
            follower: str

            @evolves(keys=lookup(rule, author=field))
            def posted(self, event: Posted) -> None: ...

        return define_view(Feed).table.fingerprint

    def follower(times: int) -> type[View]:
        class Follower(View, key=("author", "follower")):
            author: str
            follower: str
            times: int = 0

            @evolves
            def followed(self, _event: Followed) -> None:
                self.times += times

        return Follower

    marks = [timeline(follower(1)), timeline(follower(2)), timeline(follower(1), "text"), timeline(follower(1))]
    assert marks[0] == marks[3]
    assert len(set(marks)) == 3
