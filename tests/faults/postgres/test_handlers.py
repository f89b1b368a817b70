"""What a state-stored handler can do wrong, and what can be done to it: PostgreSQL's own ways."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from tests.faults.postgres.doing import PAY, Do, Doing, events, money, running
from tests.faults.postgres.sessions import LEFT_OPEN, terminate, until
from tests.servers.databases import ask
from twofold import Config, ConflictError, OpenApp, Rejected, StoreUnavailableError, UnitOfWork
from twofold.errors import ClosedError, MisuseError

# --- somebody else was first --------------------------------------------------------------


class Crossing:
    """Two handlers that lock two rows in opposite orders, and meet in between: a deadlock."""

    def __init__(self, doing: Doing, *, always: bool) -> None:
        self.doing = doing
        self.always = always
        self.meeting = asyncio.Barrier(2)

    async def __call__(self, work: UnitOfWork, number: int) -> None:
        first, second = ("ada", "bob") if number == 1 else ("bob", "ada")
        await work.connection.execute("SET LOCAL deadlock_timeout = '20ms'")
        await work.connection.execute(PAY, first)
        if self.always or self.doing.runs <= 2:
            await self.meeting.wait()
        await work.connection.execute(PAY, second)


async def test_a_deadlock_is_decided_again_and_both_are_done(doing: Doing, shop: OpenApp, tables_url: str) -> None:
    doing.does = Crossing(doing, always=False)

    await asyncio.gather(shop.send(Do(number=1)), shop.send(Do(number=2), key="k"))

    assert doing.runs > 2
    assert await money(tables_url) == {"ada": 8, "bob": 8}
    assert await events(shop) == 2


async def test_a_conflict_that_stays_is_answered_after_a_bounded_number_of_tries(
    doing: Doing, shop: OpenApp, tables_url: str
) -> None:
    async def fail(work: UnitOfWork, number: int) -> None:
        await work.connection.execute(PAY, "ada")
        await work.connection.execute("DO $$ BEGIN RAISE serialization_failure; END $$")

    doing.does = fail

    with pytest.raises(ConflictError, match="nothing was written"):
        await shop.send(Do())

    assert doing.runs == shop.config.conflict_attempts
    assert await money(tables_url) == {"ada": 10, "bob": 10}
    assert await events(shop) == 0


async def test_a_stricter_transaction_that_others_overtook_is_decided_again(
    doing: Doing, shop: OpenApp, tables_url: str
) -> None:
    """Its snapshot does not see what was appended meanwhile; the log's unique places are the guard."""

    overtaken, may_go_on = asyncio.Event(), asyncio.Event()

    async def strict(work: UnitOfWork, number: int) -> None:
        if number == 1:
            await work.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await work.connection.fetch("SELECT * FROM account")
            overtaken.set()
            await may_go_on.wait()
        await work.connection.execute(PAY, "ada" if number == 1 else "bob")

    doing.does = strict
    late = asyncio.ensure_future(shop.send(Do(number=1)))
    await overtaken.wait()
    await shop.send(Do(number=2))
    may_go_on.set()
    await late

    assert doing.runs == 3
    assert await money(tables_url) == {"ada": 9, "bob": 9}
    assert [event.stream for event in (await shop.log.events.read_log(0)).events] == ["Doing-2", "Doing-1"]


async def test_many_commands_at_once_that_change_the_same_rows_are_each_done_once(
    doing: Doing, shop: OpenApp, tables_url: str
) -> None:
    await ask(tables_url, "UPDATE account SET money = 1000")
    doing.does = running(PAY, "ada")

    await asyncio.gather(*[shop.send(Do(number=n)) for n in range(60)])

    assert await money(tables_url) == {"ada": 940, "bob": 1000}
    assert [event.position for event in (await shop.log.events.read_log(0)).events] == list(range(1, 61))
    await until(lambda rows: rows[0][0] == 0, tables_url, LEFT_OPEN)


# --- the handler's own errors -------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("INSERT INTO account VALUES ('ada', 1)", asyncpg.UniqueViolationError),
        ("UPDATE account SET money = -1", asyncpg.CheckViolationError),
        ("INSERT INTO booking VALUES ('ada', 'nobody')", asyncpg.ForeignKeyViolationError),
        ("SELECT * FROM no_such_table", asyncpg.UndefinedTableError),
        ("no sql at all", asyncpg.PostgresSyntaxError),
    ],
    ids=["unique", "check", "deferred to the commit", "no table", "no sql"],
)
async def test_what_a_handler_did_wrong_comes_out_as_it_is_and_nothing_is_stored(
    doing: Doing, shop: OpenApp, tables_url: str, statement: str, error: type[Exception]
) -> None:
    async def does(work: UnitOfWork, number: int) -> None:
        await work.connection.execute(PAY, "bob")
        await work.connection.execute(statement)

    doing.does = does

    with pytest.raises(error):
        await shop.send(Do(), key="k")

    assert doing.runs == 1
    assert await money(tables_url) == {"ada": 10, "bob": 10}
    assert await events(shop) == 0
    assert not await shop.log.outcomes.recent()


async def test_a_violation_inside_a_savepoint_can_be_caught(doing: Doing, shop: OpenApp, tables_url: str) -> None:
    async def does(work: UnitOfWork, number: int) -> None:
        await work.connection.execute(PAY, "ada")
        try:
            async with work.connection.transaction():
                await work.connection.execute("INSERT INTO account VALUES ('bob', 1)")
        except asyncpg.UniqueViolationError:
            await work.connection.execute("UPDATE account SET money = money + 1 WHERE owner = 'bob'")

    doing.does = does

    await shop.send(Do())

    assert await money(tables_url) == {"ada": 9, "bob": 11}


async def test_without_a_savepoint_going_on_is_a_misuse_that_says_how_to_do_it(
    doing: Doing, shop: OpenApp, tables_url: str
) -> None:
    async def does(work: UnitOfWork, number: int) -> None:
        await work.connection.execute(PAY, "ada")
        try:
            await work.connection.execute("INSERT INTO account VALUES ('bob', 1)")
        except asyncpg.UniqueViolationError:
            return

    doing.does = does

    with pytest.raises(MisuseError, match="a savepoint"):
        await shop.send(Do())

    assert await money(tables_url) == {"ada": 10, "bob": 10}
    assert await events(shop) == 0


@pytest.mark.parametrize("error", [ConnectionRefusedError("the warehouse"), TimeoutError("the warehouse"), OSError()])
async def test_an_error_of_something_else_than_the_database_is_not_taken_for_the_databases(
    doing: Doing, shop: OpenApp, error: Exception
) -> None:
    async def does(work: UnitOfWork, number: int) -> None:
        raise error

    doing.does = does

    with pytest.raises(type(error)) as caught:
        await shop.send(Do())

    assert caught.value is error


@pytest.mark.parametrize(
    "statement",
    ["COMMIT", "ROLLBACK", "COMMIT; BEGIN", "ROLLBACK; BEGIN", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN"],
)
async def test_a_handler_that_ends_its_transaction_is_refused_even_if_it_begins_another(
    doing: Doing, shop: OpenApp, statement: str
) -> None:
    doing.does = running(statement)

    with pytest.raises(MisuseError, match="ended the transaction"):
        await shop.send(Do())

    assert await events(shop) == 0
    assert not await shop.log.outcomes.recent()
    doing.does = running("SELECT 1")
    await shop.send(Do())


async def test_a_rejection_after_a_commit_is_a_misuse_too(doing: Doing, shop: OpenApp) -> None:
    async def does(work: UnitOfWork, number: int) -> None:
        await work.connection.execute("COMMIT")
        raise Rejected("no", "No")

    doing.does = does

    with pytest.raises(MisuseError, match="ended the transaction"):
        await shop.send(Do())


async def test_a_handler_that_leaves_something_at_work_is_told_so(doing: Doing, shop: OpenApp) -> None:
    left = []

    async def does(work: UnitOfWork, number: int) -> None:
        left.append(asyncio.ensure_future(work.connection.execute("SELECT pg_sleep(0.2)")))
        await asyncio.sleep(0)

    doing.does = does

    with pytest.raises(MisuseError, match="left the connection at work"):
        await shop.send(Do())

    await asyncio.gather(*left, return_exceptions=True)
    assert await events(shop) == 0
    doing.does = running("SELECT 1")
    await asyncio.gather(*[shop.send(Do(number=n)) for n in range(8)])


# --- what happens to a handler ------------------------------------------------------------


async def test_a_backend_that_is_killed_in_the_middle_of_a_handler_leaves_nothing_and_the_next_one_works(
    doing: Doing, shop: OpenApp, tables_url: str
) -> None:
    async def killed(work: UnitOfWork, number: int) -> None:
        await work.connection.execute(PAY, "ada")
        await terminate(tables_url, await work.connection.fetchval("SELECT pg_backend_pid()"))
        await work.connection.execute(PAY, "bob")

    doing.does = killed
    with pytest.raises(StoreUnavailableError):
        await shop.send(Do(), key="k")
    assert await money(tables_url) == {"ada": 10, "bob": 10}

    doing.does = running(PAY, "ada")
    receipt = await shop.send(Do(), key="k")

    assert not receipt.replayed
    assert await money(tables_url) == {"ada": 9, "bob": 10}


async def test_a_backend_that_is_killed_behind_a_handlers_back_is_noticed_by_the_append(
    doing: Doing, shop: OpenApp, tables_url: str
) -> None:
    async def killed(work: UnitOfWork, number: int) -> None:
        await work.connection.execute(PAY, "ada")
        await terminate(tables_url, await work.connection.fetchval("SELECT pg_backend_pid()"))

    doing.does = killed

    with pytest.raises(StoreUnavailableError):
        await shop.send(Do())

    assert await money(tables_url) == {"ada": 10, "bob": 10}
    assert await events(shop) == 0


async def test_when_handlers_hold_all_connections_the_next_is_told_so_in_bounded_time(
    doing: Doing, tables_url: str
) -> None:
    go_on = asyncio.Event()

    async def waits(work: UnitOfWork, number: int) -> None:
        await work.connection.execute(PAY, "ada" if number == 1 else "bob")
        await go_on.wait()

    doing.does = waits
    config = Config(pool_size=2, pool_wait=0.5)
    async with doing.app.open(tables_url, views="memory://", config=config, workers=False) as shop:
        holding = [asyncio.ensure_future(shop.send(Do(number=n))) for n in (1, 2)]
        await until(lambda rows: rows[0][0] == 2, tables_url, LEFT_OPEN)

        async with asyncio.timeout(10):
            with pytest.raises(StoreUnavailableError, match="raise pool_size"):
                await shop.send(Do(number=3))

        go_on.set()
        await asyncio.gather(*holding)
        assert await events(shop) == 2


async def test_a_statement_that_takes_too_long_is_ended_with_its_unit_of_work(doing: Doing, tables_url: str) -> None:
    doing.does = running("SELECT pg_sleep(30)")
    async with doing.app.open(tables_url, views="memory://", config=Config(unit_of_work=0.5)) as shop:
        async with asyncio.timeout(10):
            with pytest.raises(StoreUnavailableError, match=r"more than 0\.5 s"):
                await shop.send(Do())

        await until(
            lambda rows: rows[0][0] == 1,
            tables_url,
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active'",
        )


async def test_a_closed_app_takes_nothing_new_and_lets_a_handler_end(doing: Doing, tables_url: str) -> None:
    inside = asyncio.Event()

    async def waits(work: UnitOfWork, number: int) -> None:
        await work.connection.execute(PAY, "ada")
        inside.set()
        await work.connection.execute("SELECT pg_sleep(0.1)")

    doing.does = waits
    async with doing.app.open(tables_url, views="memory://", config=Config()) as shop:
        sending = asyncio.ensure_future(shop.send(Do()))
        await inside.wait()

    await sending
    with pytest.raises(ClosedError):
        await shop.send(Do())
    assert await money(tables_url) == {"ada": 9, "bob": 10}
