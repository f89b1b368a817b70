"""A view follows the log: every event once, in order, and nothing skipped silently."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.read.accounts import KEYS, Closed, Deposited, Opened, Page, Unread, run
from tests.unit.read.reading import Reading
from twofold.errors import StoreUnavailableError
from twofold.event_store.recorded_event import LogPage
from twofold.messages.message import Event
from twofold.read.batch import BREATH
from twofold.read.view import Gone


async def test_rows_follow_the_streams_they_are_named_after(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"), Deposited(amount=Decimal(50)))
    await reading.append("Account-bob", Opened(owner="Bob"))
    projector = reading.projector(Page, keys=KEYS)

    taken = await projector.step()

    assert taken == 3
    assert await reading.rows(projector).find(order_by="owner") == [
        Page(account_id="ada", owner="Ada", balance=Decimal(50), deposits=1),
        Page(account_id="bob", owner="Bob"),
    ]


async def test_an_event_that_comes_twice_is_folded_once(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"), Deposited(amount=Decimal(1)), Deposited(amount=Decimal(2)))
    projector = reading.projector(Page, keys=KEYS)
    genuine = reading.source

    class Duplicating:
        epoch = genuine.epoch
        mark = genuine.mark

        async def read_log(self, after: int, **how: Any) -> LogPage:
            page = await genuine.read_log(max(0, after - 2), **how)
            twice = [event for event in page.events for _ in range(2)]
            return LogPage(twice, page.reached, page.at_head)

    projector._source = Duplicating()
    await run(projector)
    await reading.append("Account-ada", Deposited(amount=Decimal(4)))
    await run(projector)

    assert (await reading.rows(projector).get("ada")).balance == 7


@pytest.mark.parametrize("page", [1, 2, 3, 5, 100])
async def test_rows_do_not_depend_on_where_batches_end(reading: Reading, page: int) -> None:
    for number in range(7):
        await reading.append(f"Account-{number % 3}", Opened(owner=str(number)), Deposited(amount=Decimal(number)))
    projector = reading.projector(Page, keys=KEYS, page=page)

    await run(projector)

    balances = {row.account_id: row.balance for row in await reading.rows(projector).find()}
    assert balances == {"0": 9, "1": 5, "2": 7}
    assert projector.status().position == (await reading.source.mark()).position


async def test_a_fold_that_returns_gone_deletes_its_row(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"), Closed())
    await reading.append("Account-bob", Opened(owner="Bob"))
    projector = reading.projector(Page, keys=KEYS)
    await run(projector)
    await reading.append("Account-bob", Closed())
    await reading.append("Account-ada", Opened(owner="Ada again"))

    await run(projector)

    assert await reading.rows(projector).find() == [Page(account_id="ada", owner="Ada again")]


async def test_the_checkpoint_moves_over_events_that_the_view_does_not_read(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"))
    head = await reading.append("Other-1", Unread(), Unread(), Unread())
    projector = reading.projector(Page, keys=KEYS)

    await run(projector)

    assert projector.status().position == head
    assert (await reading.store.get(projector.definition.table, ("ada",))).mark == await reading.source.mark()


async def test_two_runners_of_one_view_fold_every_event_once(reading: Reading) -> None:
    one, other = reading.projector(Page, keys=KEYS, page=2), reading.projector(Page, keys=KEYS, page=3)
    for number in range(10):
        await reading.append(f"Account-{number % 2}", Deposited(amount=Decimal(1)))

    for _ in range(20):
        await one.step()
        await other.step()

    assert {row.account_id: row.balance for row in await reading.rows(one).find()} == {"0": 5, "1": 5}


async def test_an_unavailable_store_stops_nothing(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"))
    projector = reading.projector(Page, keys=KEYS)
    await projector.open()
    save = reading.store.save

    async def full(*_: Any) -> None:
        raise StoreUnavailableError("the disk is full")

    reading.store.save = full  # type: ignore[assignment,method-assign]
    with pytest.raises(StoreUnavailableError):
        await projector.step()
    reading.store.save = save  # type: ignore[method-assign]

    assert projector.status().state == "running"
    assert await projector.step() == 1


async def test_other_tasks_run_while_a_long_page_is_folded(reading: Reading) -> None:
    for _ in range(10):
        await reading.append("Account-ada", *[Deposited(amount=Decimal(1))] * 100)
    projector = reading.projector(Page, keys=KEYS, page=1000)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(count())
    await projector.step()
    task.cancel()

    assert turns >= 2 * 1000 // BREATH


@settings(max_examples=60, deadline=None)
@given(
    moves=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["open", "add", "close"])), max_size=40),
    page=st.integers(1, 12),
)
def test_rows_equal_a_plain_fold_of_each_stream(moves: list[tuple[int, str]], page: int) -> None:
    async def compare() -> None:
        reading = Reading()
        expected: dict[str, Page] = {}
        for number, what in moves:
            key = str(number)
            event: Event = {"open": Opened(owner=key), "add": Deposited(amount=Decimal(2)), "close": Closed()}[what]
            await reading.append(f"Account-{key}", event)
            row = expected.setdefault(key, Page(account_id=key))
            folds: Any = {Opened: row.opened, Deposited: row.deposited, Closed: row.closed}
            if folds[type(event)](event) is Gone:
                del expected[key]
        projector = reading.projector(Page, keys=KEYS, page=page)
        await run(projector)
        assert {row.account_id: row for row in await reading.rows(projector).find(limit=100)} == expected

    asyncio.run(compare())
