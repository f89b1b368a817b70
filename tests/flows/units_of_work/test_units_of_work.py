"""A state-stored handler: the team's tables, the events and the outcome in one transaction, or nothing of it.

On SQLite, and on PostgreSQL by asyncpg and by SQLAlchemy.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import apsw
import pytest

from tests.faults.postgres.sessions import until
from tests.flows.stock import (
    Count,
    Dawdle,
    Drop,
    Nest,
    Note,
    Receive,
    Ship,
    Stock,
    Warehouse,
    by_apsw,
    in_table,
)
from tests.flows.units_of_work.looking import POSTGRES, SQLALCHEMY, SQLITE, in_log, nothing_is_open
from twofold import Config, ConfigError, Context, InvalidMessageError, OpenApp, Rejected, StoreUnavailableError
from twofold.errors import InputError, KeyReusedError, MisuseError, NestedSendError
from twofold.write.unit_of_work import UnitOfWork

WAITING_FOR_A_ROW = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'transactionid'"
)


async def test_tables_events_and_outcome_are_committed_together(warehouse: Warehouse, shop: OpenApp) -> None:
    receipt = await shop.send(Ship(item="tea", amount=4))

    assert (receipt.stream, receipt.version, receipt.position) == ("Stock-tea", 2, 2)
    assert [event.type for event in receipt.events] == ["StockChanged"]
    assert await in_table(warehouse) == await in_log(shop) == {"tea": 6}
    recorded = await shop.log.outcomes.by_id((await shop.log.events.read_log(1)).events[0].causation_id)
    assert recorded is not None
    assert (recorded.outcome.command, recorded.outcome.status, recorded.position) == ("Ship", 1, 2)


async def test_rejected_takes_the_changes_back_and_is_recorded(warehouse: Warehouse, shop: OpenApp) -> None:
    with pytest.raises(Rejected) as caught:
        await shop.send(Ship(item="tea", amount=11))
    with pytest.raises(Rejected):
        await shop.send(Ship(item="milk", amount=1))

    assert (caught.value.code, str(caught.value), caught.value.details) == (
        "out-of-stock",
        "Only 10 left",
        {"left": 10},
    )
    assert await in_table(warehouse) == await in_log(shop) == {"tea": 10}
    newest, older = await shop.log.outcomes.recent(status=2)
    assert (older.outcome.command, older.outcome.code, older.events) == ("Ship", "out-of-stock", 0)
    assert json.loads(older.outcome.details or b"") == {"left": 10}
    assert json.loads(newest.outcome.details or b"") == {"left": 0}


async def test_an_error_takes_everything_back_and_is_not_recorded(warehouse: Warehouse, shop: OpenApp) -> None:
    with pytest.raises(ZeroDivisionError):
        await shop.send(Drop(item="tea"), key="k")
    with pytest.raises(warehouse.violation):
        await shop.send(Receive(item="tea", amount=-11))

    assert await in_table(warehouse) == await in_log(shop) == {"tea": 10}
    assert [each.outcome.command for each in await shop.log.outcomes.recent()] == ["Receive"]
    await nothing_is_open(warehouse, shop)


@pytest.mark.parametrize("statement", ["COMMIT", "ROLLBACK"])
async def test_a_handler_that_ends_its_transaction_is_caught(
    warehouse: Warehouse, shop: OpenApp, stock: Stock, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    """A planted bug: changes that are committed before the events are known."""

    async def hasty(command: Drop, work: UnitOfWork) -> None:
        await stock.receive(Receive(item=command.item, amount=1), work)
        await stock.run(work, statement)

    monkeypatch.setattr(stock, "drop", hasty)
    with pytest.raises(MisuseError, match="transaction"):
        await shop.send(Drop(item="tea"))

    assert await in_log(shop) == {"tea": 10}
    monkeypatch.undo()
    await nothing_is_open(warehouse, shop)


@pytest.mark.parametrize("warehouse", [SQLITE], indirect=True)
@pytest.mark.parametrize("statement", ["COMMIT", "COMMIT; BEGIN", "ROLLBACK; BEGIN IMMEDIATE", "END; BEGIN"])
async def test_on_sqlite_a_handlers_commit_takes_its_changes_back_even_if_it_begins_again(
    warehouse: Warehouse, shop: OpenApp, stock: Stock, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    async def hasty(command: Drop, work: UnitOfWork) -> None:
        await stock.receive(Receive(item=command.item, amount=1), work)
        try:
            await stock.run(work, statement)
        except apsw.ConstraintError:
            await stock.run(work, "BEGIN")

    monkeypatch.setattr(stock, "drop", hasty)
    with pytest.raises(MisuseError, match="transaction"):
        await shop.send(Drop(item="tea"))

    assert await in_table(warehouse) == await in_log(shop) == {"tea": 10}
    monkeypatch.undo()
    await nothing_is_open(warehouse, shop)


async def test_a_foreign_key_that_is_violated_only_at_the_commit_takes_everything_back(
    warehouse: Warehouse, shop: OpenApp, stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await warehouse.ask("CREATE TABLE shelf (item TEXT NOT NULL REFERENCES stock (item) DEFERRABLE INITIALLY DEFERRED)")

    async def early(command: Drop, work: UnitOfWork) -> None:
        await stock.run(work, "INSERT INTO shelf VALUES ('milk')")
        await stock.receive(Receive(item="tea", amount=1), work)

    monkeypatch.setattr(stock, "drop", early)
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await shop.send(Drop(item="tea"))

    assert await in_table(warehouse) == await in_log(shop) == {"tea": 10}
    await nothing_is_open(warehouse, shop)


async def test_a_handler_that_publishes_nothing_has_an_outcome(shop: OpenApp) -> None:
    first = await shop.send(Count(item="tea"), key="k")
    again = await shop.send(Count(item="tea"), key="k")

    assert (first.events, first.position) == ((), 1)
    assert (first.stream, first.writes, first.token) == (again.stream, again.writes, again.token)


async def test_a_replay_does_not_run_the_handler_again(warehouse: Warehouse, shop: OpenApp, stock: Stock) -> None:
    first = await shop.send(Ship(item="tea", amount=1), key="k")
    with pytest.raises(Rejected):
        await shop.send(Ship(item="tea", amount=99), key="r")
    runs = stock.runs

    again = await shop.send(Ship(item="tea", amount=1), key="k")
    with pytest.raises(Rejected, match="Only 9 left"):
        await shop.send(Ship(item="tea", amount=99), key="r")
    with pytest.raises(KeyReusedError):
        await shop.send(Ship(item="tea", amount=2), key="k")

    assert stock.runs == runs
    assert again == first
    assert (again.replayed, again.events, again.version) == (True, first.events, first.version)
    assert await in_table(warehouse) == {"tea": 9}


async def test_copies_at_once_run_the_handler_once(warehouse: Warehouse, shop: OpenApp, stock: Stock) -> None:
    runs = stock.runs

    receipts = await asyncio.gather(*[shop.send(Receive(item="tea", amount=1), key="k") for _ in range(20)])

    assert stock.runs == runs + 1
    assert len(set(receipts)) == 1
    assert await in_table(warehouse) == {"tea": 11}


async def test_of_copies_in_two_apps_one_is_kept(warehouse: Warehouse, stock: Stock) -> None:
    async with warehouse.open(stock.app) as one, warehouse.open(stock.app) as other:
        await one.send(Receive(item="tea", amount=10))
        sending = [app.send(Receive(item="tea", amount=1), key="k") for app in (one, other) for _ in range(3)]

        receipts = await asyncio.gather(*sending)

        assert len({(receipt.message_id, receipt.token) for receipt in receipts}) == 1
        assert await in_table(warehouse) == await in_log(one) == {"tea": 11}


async def test_a_copy_whose_first_wins_meanwhile_takes_its_changes_back(warehouse: Warehouse, stock: Stock) -> None:
    """The handler had looked before the first was there; its append is told, and its tables are rolled back."""
    async with warehouse.open(stock.app) as one, warehouse.open(stock.app) as other:
        await one.send(Receive(item="tea", amount=10))
        looked, may_go_on = asyncio.Event(), asyncio.Event()
        answering, first = other._desk.answering, other._desk.answering.first

        async def slow(context: Context) -> Any:
            found = await first(context)
            looked.set()
            await may_go_on.wait()
            return found

        answering.first = slow  # type: ignore[method-assign]
        late = asyncio.create_task(other.send(Receive(item="tea", amount=1), key="k"))
        await looked.wait()
        winner = await one.send(Receive(item="tea", amount=1), key="k")
        may_go_on.set()

        assert (await late) == winner
        assert await in_table(warehouse) == await in_log(one) == {"tea": 11}


async def test_a_handler_may_take_only_so_long(warehouse: Warehouse, stock: Stock) -> None:
    async with warehouse.open(stock.app, config=Config(unit_of_work=0.5)) as shop:
        with pytest.raises(StoreUnavailableError, match="Dawdle took more than"):
            await shop.send(Dawdle(item="tea"))

        assert await in_log(shop) == {}
        assert not await shop.log.outcomes.recent()
        await nothing_is_open(warehouse, shop)


async def test_a_handlers_own_time_out_is_its_own_error(shop: OpenApp, stock: Stock, monkeypatch) -> None:
    async def impatient(command: Drop, work: UnitOfWork) -> None:
        raise TimeoutError("the warehouse does not answer")

    monkeypatch.setattr(stock, "drop", impatient)

    with pytest.raises(TimeoutError, match="the warehouse"):
        await shop.send(Drop(item="tea"))


@pytest.mark.parametrize("warehouse", [SQLITE], indirect=True)
async def test_on_sqlite_others_wait_while_a_handler_holds_the_writer(
    warehouse: Warehouse, shop: OpenApp, stock: Stock
) -> None:
    holding = asyncio.create_task(shop.send(Dawdle(item="tea")))
    await stock.inside.wait()
    others = [asyncio.create_task(shop.send(command)) for command in (Note(item="a"), Receive(item="tea", amount=1))]
    for _ in range(20):
        await asyncio.sleep(0)

    assert not any(task.done() for task in others)
    assert await in_table(warehouse) == {"tea": 10}
    stock.go_on.set()
    await asyncio.gather(holding, *others)
    assert await in_table(warehouse) == await in_log(shop) == {"tea": 12}


@pytest.mark.parametrize("warehouse", [POSTGRES, SQLALCHEMY], indirect=True)
async def test_on_postgres_only_those_wait_who_want_the_same_row(
    warehouse: Warehouse, shop: OpenApp, stock: Stock
) -> None:
    holding = asyncio.create_task(shop.send(Dawdle(item="tea")))
    await stock.inside.wait()
    same = asyncio.create_task(shop.send(Receive(item="tea", amount=1)))

    await shop.send(Receive(item="milk", amount=3))
    await shop.send(Note(item="a"))

    await until(lambda rows: rows[0][0] == 1, warehouse.url, WAITING_FOR_A_ROW)
    assert await in_table(warehouse) == {"tea": 10, "milk": 3}
    assert not same.done()
    stock.go_on.set()
    await asyncio.gather(holding, same)
    assert await in_table(warehouse) == await in_log(shop) == {"tea": 12, "milk": 3}


@pytest.mark.parametrize("by", ["send", "submit"])
async def test_a_handler_that_calls_back_is_told_why_it_cannot(
    warehouse: Warehouse, shop: OpenApp, stock: Stock, by: str
) -> None:
    stock.call_back = shop

    with pytest.raises(NestedSendError, match="publish"):
        await asyncio.wait_for(shop.send(Nest(item="tea", by=by)), 20)

    assert await in_table(warehouse) == await in_log(shop) == {"tea": 10}
    await nothing_is_open(warehouse, shop)


async def test_what_is_published_must_be_an_event_on_a_stream(shop: OpenApp, stock: Stock, monkeypatch) -> None:
    published: list[Any] = []

    async def odd(command: Drop, work: UnitOfWork) -> None:
        work.publish(*published[-1])

    monkeypatch.setattr(stock, "drop", odd)
    for arguments, error in (
        (("Stock", "tea", "no event"), MisuseError),
        (("Sto-ck", "tea"), MisuseError),
        (("", "tea"), MisuseError),
        (("Stock", ""), InvalidMessageError),
    ):
        published.append(arguments)
        with pytest.raises(error):
            await shop.send(Drop(item="tea"))

    assert await in_log(shop) == {"tea": 10}


async def test_aggregates_on_streams_that_a_unit_of_work_wrote_are_loaded_again(shop: OpenApp, stock: Stock) -> None:
    await shop.send(Note(item="tea"))
    from_outside = shop._desk.states.get("Page-tea")
    assert from_outside is not None

    await shop.send(Receive(item="tea", amount=1))

    assert (await shop.send(Note(item="tea"))).version == 2


async def test_an_expected_version_has_no_meaning_for_tables(shop: OpenApp) -> None:
    first = await shop.send(Count(item="tea"), key="k")

    with pytest.raises(InputError, match="expected version"):
        await shop.send(Count(item="tea"), expected_version=1)
    assert await shop.send(Count(item="tea"), key="k", expected_version=1) == first, "a replay ignores it"


async def test_memory_has_no_tables_and_says_so() -> None:
    with pytest.raises(ConfigError, match="state-stored and needs a log with SQL, not memory://"):
        async with Stock(by_apsw).app.open("memory://", config=Config()):
            pass
