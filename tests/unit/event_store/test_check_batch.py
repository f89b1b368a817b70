"""A batch that could not mean anything is refused before anything is stored."""

from __future__ import annotations

import pytest

from twofold.errors import MisuseError
from twofold.event_store.write import check_batch
from twofold.testing.contracts.writes import part, write


def test_a_batch_may_build_on_any_earlier_writes() -> None:
    check_batch([])
    check_batch([write(part("a-1", 0)), write(part("a-1", 1), builds_on=(0,)), write(builds_on=(0, 1))])


@pytest.mark.parametrize("places", [(1,), (2,), (-1,), (0, 1)])
def test_a_write_cannot_build_on_itself_or_later_ones(places: tuple[int, ...]) -> None:
    with pytest.raises(MisuseError, match="only earlier writes can be"):
        check_batch([write(part("a-1", 0)), write(part("b-1", 0), builds_on=places)])


def test_a_write_cannot_name_a_stream_twice() -> None:
    with pytest.raises(MisuseError, match="names a stream more than once"):
        check_batch([write(part("a-1", 0), part("b-1", 0), part("a-1", 1))])


def test_a_batch_may_name_a_stream_in_several_writes() -> None:
    check_batch([write(part("a-1", 0)), write(part("a-1", 1))])
