"""Rows of the past: what they cost, what they refuse, and what they say when they cannot be folded."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.read.accounts import KEYS, Closed, Deposited, Opened, Page, Unread
from tests.unit.read.reading import Reading
from twofold.errors import FoldError, TooManyEventsError, UnreadableError
from twofold.event_store.recorded_event import LogPage, RecordedEvent
from twofold.event_store.store import EventStore
from twofold.messages.folding import evolves
from twofold.messages.message import Event
from twofold.read.define_view import define_view
from twofold.read.follower import Paging
from twofold.read.past import SCANS, Home, Past, streams_of
from twofold.read.stream_merge import PAGE
from twofold.read.view import View, ViewDefinition

ACCOUNTS = Home(("Account",), str)
HOMES: dict[type, Home] = {Opened: ACCOUNTS, Deposited: ACCOUNTS, Closed: ACCOUNTS}


class Counting:
    """A log that counts what is read of it: calls, events, and the largest page."""

    def __init__(self, inner: EventStore) -> None:
        self._inner = inner
        self.calls: list[str] = []
        self.events = self.largest = 0

    async def read_log(self, after: int, **options: Any) -> LogPage:
        page = await self._inner.read_log(after, **options)
        self._note("read_log", page.events)
        return page

    async def read_stream(self, stream: str, **options: Any) -> list[RecordedEvent]:
        events = await self._inner.read_stream(stream, **options)
        self._note("read_stream", events)
        return events

    def _note(self, call: str, events: list[RecordedEvent]) -> None:
        self.calls.append(call)
        self.events += len(events)
        self.largest = max(self.largest, len(events))


class Ledger:
    """A log, and the past of the rows of one view."""

    def __init__(self, reading: Reading, view: type[View] = Page, homes: Any = HOMES, **options: Any) -> None:
        self.definition: ViewDefinition[Any] = define_view(view, KEYS)
        assert not self.definition.faults, self.definition.faults
        self.log = Counting(reading.source)
        reader = reading.events(self.definition.routes)
        self._past = Past(self.log, reader, homes, **options)  # type: ignore[arg-type]

    async def row(self, key: Any, position: int) -> Any:
        return await self._past.row(self.definition, self.definition.asked_key(key), position)


class OwnerPage(View, key="owner"):
    """Found by a field: its events may be in any stream."""

    owner: str
    accounts: int = 0

    @evolves
    def opened(self, event: Opened) -> None:
        if event.owner == "eve":
            raise ValueError("no eves")
        self.accounts += 1


async def busy(reading: Reading) -> int:
    """Two accounts among many events of others; the log's head."""
    await reading.append("Account-ada", Opened(owner="Ada"))
    for number in range(20):
        await reading.append(f"Account-{number}", Opened(owner=str(number)), Deposited(amount=Decimal(1)), Unread())
        await reading.append("Account-ada", Deposited(amount=Decimal(number)))
    return await reading.append("Account-bob", Opened(owner="Bob"))


async def test_a_row_by_stream_costs_its_stream_alone(reading: Reading) -> None:
    head = await busy(reading)
    ledger = Ledger(reading)

    row = await ledger.row("ada", head)

    assert (row.balance, row.deposits) == (Decimal(190), 20)
    assert ledger.log.calls == ["read_stream"]
    assert ledger.log.events == 21


async def test_a_row_by_stream_costs_no_more_when_the_log_grows(reading: Reading) -> None:
    head = await busy(reading)
    ledger = Ledger(reading)
    await ledger.row("ada", head)
    before = ledger.log.events
    await busy(reading)
    ledger.log.events = 0

    await ledger.row("ada", head)

    assert ledger.log.events <= before + PAGE  # never more than a page behind the moment
    assert ledger.log.calls == ["read_stream", "read_stream"]


async def test_a_row_by_field_costs_the_events_of_its_types_up_to_the_moment(reading: Reading) -> None:
    await busy(reading)
    ledger = Ledger(reading, OwnerPage)

    row = await ledger.row("Ada", 41)

    assert row.accounts == 1
    assert set(ledger.log.calls) == {"read_log"}
    assert ledger.log.events == 11  # of 41: the others are of other types


async def test_a_read_through_the_log_holds_a_page_at_a_time(reading: Reading) -> None:
    head = await busy(reading)
    ledger = Ledger(reading, OwnerPage, paging=Paging(3))

    await ledger.row("Bob", head)

    assert ledger.log.largest == 3


async def test_a_row_that_would_take_too_many_events_is_refused_without_a_read(reading: Reading) -> None:
    head = await busy(reading)
    ledger = Ledger(reading, OwnerPage, limit=head - 1)

    with pytest.raises(TooManyEventsError, match="raise the setting as_of_events") as caught:
        await ledger.row("Ada", head)

    assert (caught.value.events, caught.value.limit) == (head, head - 1)
    assert ledger.log.calls == []
    assert (await ledger.row("Ada", head - 1)).accounts == 1


async def test_a_row_by_stream_may_be_folded_from_so_many_events_and_no_more(reading: Reading) -> None:
    head = await busy(reading)
    both = Home(("Account", "Savings"), str)
    await reading.append("Savings-ada", *[Deposited(amount=Decimal(1))] * 4)
    homes = dict.fromkeys(HOMES, both)

    assert (await Ledger(reading, homes=homes, limit=21).row("ada", head)).deposits == 20
    with pytest.raises(TooManyEventsError) as caught:
        await Ledger(reading, homes=homes, limit=24).row("ada", head + 4)
    assert caught.value.events == 25


async def test_streams_longer_than_a_page_are_merged_in_the_order_of_the_log(reading: Reading) -> None:
    class Order(View, key="account_id"):
        account_id: str
        owners: list[str] = []

        @evolves
        def opened(self, event: Opened) -> None:
            self.owners.append(event.owner)

    streams = ["Account-ada", "Savings-ada"]
    expected = []
    for number in range(30):
        stream = streams[number * number // 7 % 2]
        names = [f"{number}.{each}" for each in range(PAGE // 10)]
        await reading.append(stream, *[Opened(owner=name) for name in names])
        expected += names
    ledger = Ledger(reading, Order, {Opened: Home(("Account", "Savings", "Unheard"), str)})

    row = await ledger.row("ada", len(expected) - 3)

    assert row.owners == expected[:-3]
    assert ledger.log.largest == PAGE


async def test_only_so_many_read_through_the_log_at_once(reading: Reading) -> None:
    head = await busy(reading)
    ledger = Ledger(reading, OwnerPage)
    started, go_on, under_way = 0, asyncio.Event(), asyncio.Event()
    inner = ledger.log.read_log

    async def slow(after: int, **options: Any) -> LogPage:
        nonlocal started
        started += 1
        if started >= SCANS:
            under_way.set()
        await go_on.wait()
        return await inner(after, **options)

    ledger.log.read_log = slow  # type: ignore[method-assign]
    asked = [asyncio.create_task(ledger.row("Ada", head)) for _ in range(SCANS + 3)]
    await under_way.wait()
    for _ in range(10):
        await asyncio.sleep(0)

    assert started == SCANS
    go_on.set()
    assert [row.accounts for row in await asyncio.gather(*asked)] == [1] * (SCANS + 3)


async def test_a_fold_that_fails_says_at_which_event_and_earlier_moments_are_there(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"))
    await reading.append("Account-ada", Deposited(amount=Decimal(666)))
    ledger = Ledger(reading)

    with pytest.raises(FoldError, match=r"Page ada as of position 2: Deposited at position 2 \(version 2 of Account-"):
        await ledger.row("ada", 2)
    assert (await ledger.row("ada", 1)).owner == "Ada"


async def test_a_fold_that_fails_for_another_row_is_not_run(reading: Reading) -> None:
    head = await reading.append("Account-1", Opened(owner="eve"), Opened(owner="Ada"))
    ledger = Ledger(reading, OwnerPage)

    assert (await ledger.row("Ada", head)).accounts == 1
    with pytest.raises(FoldError, match="no eves"):
        await ledger.row("eve", head)


async def test_an_event_that_cannot_be_decoded_fails_every_row_it_could_belong_to(reading: Reading) -> None:
    await reading.append("Account-1", Opened(owner="Ada"))
    await reading.append("Account-1", b'{"owner":1}', as_type="Opened")
    ledger = Ledger(reading, OwnerPage)

    with pytest.raises(UnreadableError, match="OwnerPage Ada as of position 2: Opened at position 2"):
        await ledger.row("Ada", 2)
    assert (await ledger.row("Ada", 1)).accounts == 1


async def test_a_row_that_cannot_be_stored_is_no_answer(reading: Reading) -> None:
    class Wrong(View, key="owner"):
        owner: str
        accounts: int = 0

        @evolves
        def opened(self, event: Opened) -> None:
            if event.owner == "key":
                self.owner = "other"
            else:
                self.accounts = 1 << 70

    await reading.append("Account-1", Opened(owner="key"), Opened(owner="key"), Opened(owner="size"))
    ledger = Ledger(reading, Wrong)

    for key in ("key", "size"):
        with pytest.raises(FoldError, match=f"Wrong {key} as of position 3"):
            await ledger.row(key, 3)


async def test_a_row_is_none_before_its_first_event_and_once_it_is_gone(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"), Closed(), Deposited(amount=Decimal(1)))
    ledger = Ledger(reading)

    rows = [await ledger.row("ada", position) for position in range(4)]

    assert [row and (row.owner, row.deposits) for row in rows] == [None, ("Ada", 0), None, ("", 1)]


class Numbered(Event):
    size: int


@pytest.mark.parametrize(("id_type", "streams"), [(int, ["Shelf-7"]), (str, None), (None, None)])
def test_a_number_in_a_streams_name_counts_only_when_it_is_written_in_one_way(
    id_type: type | None, streams: list[str] | None
) -> None:
    class Shelf(View, key="shelf"):
        shelf: int

        @evolves
        def numbered(self, event: Numbered) -> None: ...

    definition = define_view(Shelf, {Numbered: "shelf"})

    assert streams_of(definition, {Numbered: Home(("Shelf",), id_type)}, (7,)) == streams


def test_an_event_without_a_home_may_be_in_any_stream() -> None:
    definition = define_view(Page, KEYS)

    assert streams_of(definition, dict.fromkeys([Opened, Deposited], ACCOUNTS), ("ada",)) is None
    assert streams_of(definition, HOMES, ("ada",)) == ["Account-ada"]
    assert streams_of(define_view(OwnerPage), HOMES, ("Ada",)) is None
