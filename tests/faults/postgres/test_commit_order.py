"""Whoever commits first, no reader sees a position and later finds a smaller one.

The control is a table of our own with a plain sequence, as many outboxes are: it hands out positions in one order and
shows them in another, and its readers skip.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest

from tests.faults.postgres.sessions import waiting_for_a_lock
from tests.servers.databases import ask
from twofold.adapters.postgres.log import PostgresLog, open_postgres_log
from twofold.errors import ConflictError
from twofold.event_store.write import ANY_VERSION, Appended
from twofold.testing.contracts.transactions import OutOfStockError, append_in_vain
from twofold.testing.contracts.writes import append_to, new_stream, outcome, part, write

EVENTS = int(os.environ.get("TWOFOLD_EVENTS") or 10_000)
WRITERS = 8
SUBSCRIBERS = 4
SOON = 10.0
NAIVE = "CREATE TABLE naive (position bigserial PRIMARY KEY, writer int NOT NULL)"
PAUSE = "SELECT pg_sleep($1)"

Page = tuple[list[int], int]
"""Positions, and where to go on."""
Run = Callable[[], Coroutine[None, None, None]]
Read = Callable[[int], Awaitable[Page]]


async def test_a_reader_of_a_plain_sequence_skips_what_commits_late(postgres_url: str) -> None:
    """The control: it shows what all the others here are about."""
    await ask(postgres_url, NAIVE)
    slow, quick, reader = [await asyncpg.connect(postgres_url) for _ in range(3)]
    late = slow.transaction()
    await late.start()
    await slow.execute("INSERT INTO naive (writer) VALUES (1)")
    await quick.execute("INSERT INTO naive (writer) VALUES (2)")

    first = await naive_page(reader, 0)
    await late.commit()
    second = await naive_page(reader, first[1])

    assert (first, second) == (([2], 2), ([], 2)), "position 1 is never read"
    for connection in (slow, quick, reader):
        await connection.close()


async def test_who_would_commit_first_waits_for_who_was_there_first(log: PostgresLog, log_url: str) -> None:
    first, second = new_stream(), new_stream()
    assert log.transactions is not None

    async with log.transactions.begin(SOON) as slow:
        assert isinstance(await slow.append(write(part(first, 0))), Appended)
        quick = asyncio.ensure_future(log.events.append([write(part(second, 0))]))
        await waiting_for_a_lock(log_url, "twofold.append")

        assert not quick.done()
        assert (await log.events.read_log(0)).events == []
    await quick

    assert [at.stream for at in (await log.events.read_log(0)).events] == [first, second]


async def test_units_that_changed_tables_first_wait_at_their_append_only(log: PostgresLog, log_url: str) -> None:
    """The lock is taken last: two handlers work side by side, and whoever appends first is first."""
    assert log.transactions is not None
    await ask(log_url, "CREATE TABLE mine (a int)")
    one, other = new_stream(), new_stream()

    async with AsyncExitStack() as stack:
        began_first = await stack.enter_async_context(log.transactions.begin(SOON))
        await began_first.connection.execute("INSERT INTO mine VALUES (1)")
        async with log.transactions.begin(SOON) as appends_first:
            await appends_first.connection.execute("INSERT INTO mine VALUES (2)")
            await appends_first.append(write(part(other, 0)))
        await began_first.append(write(part(one, 0)))

    assert [at.stream for at in (await log.events.read_log(0)).events] == [other, one]


async def test_a_record_of_a_key_and_the_order_are_under_one_lock(log: PostgresLog, log_url: str) -> None:
    """The second of two copies waits for the first, then gets its outcome; its commit adds nothing to the log."""
    assert log.transactions is not None
    stream = new_stream()
    copies = [write(part(stream, ANY_VERSION), outcome=outcome(key="k")) for _ in range(2)]

    async with log.transactions.begin(SOON) as unit:
        first = await unit.append(copies[0])
        second = asyncio.ensure_future(log.events.append([copies[1]]))
        await waiting_for_a_lock(log_url, "twofold.")
    (replayed,) = await second

    assert isinstance(first, Appended)
    assert replayed.first.outcome.message_id == copies[0].outcome.message_id  # type: ignore[union-attr]
    assert len((await log.events.read_log(0)).events) == 1


async def test_a_unit_that_is_rolled_back_leaves_no_gap_behind(log: PostgresLog) -> None:
    assert log.transactions is not None
    await append_to(log.events, new_stream(), 2)
    with pytest.raises(OutOfStockError):
        await append_in_vain(log.transactions, write(part(new_stream(), 0, 5)))

    await append_to(log.events, new_stream(), 2)

    assert [at.position for at in (await log.events.read_log(0)).events] == [1, 2, 3, 4]


async def test_of_two_units_in_each_others_way_one_commits_and_the_other_may_be_done_again(
    log: PostgresLog, log_url: str
) -> None:
    """One has appended and wants a row that the other holds, which wants to append: the database ends one of them."""
    transactions = log.transactions
    assert transactions is not None
    await ask(log_url, "CREATE TABLE mine AS SELECT 0 AS times")
    holds_row, appended = asyncio.Event(), asyncio.Event()
    change = "UPDATE mine SET times = times + 1"

    async def row_first() -> None:
        async with transactions.begin(SOON) as unit:
            await unit.connection.execute(change)
            holds_row.set()
            await appended.wait()
            await unit.append(write(part(new_stream(), 0)))

    async def append_first() -> None:
        await holds_row.wait()
        async with transactions.begin(SOON) as unit:
            await unit.append(write(part(new_stream(), 0)))
            appended.set()
            await unit.connection.execute(change)

    async with asyncio.timeout(SOON):
        answers = await asyncio.gather(row_first(), append_first(), return_exceptions=True)

    assert [type(each) for each in answers if each] == [ConflictError]
    assert (await ask(log_url, "SELECT times FROM mine"))[0][0] == 1
    assert len((await log.events.read_log(0)).events) == 1


# --- many writers, many readers -----------------------------------------------------------


async def naive_page(connection: asyncpg.Connection, after: int) -> Page:
    rows = await connection.fetch("SELECT position FROM naive WHERE position > $1 ORDER BY position LIMIT 100", after)
    positions = [row[0] for row in rows]
    return positions, max([after, *positions])


async def subscribe(read: Read, is_over: asyncio.Event) -> list[int]:
    """Everything one reader sees, until nothing comes any more after the writers are done."""
    seen: list[int] = []
    reached = 0
    while True:
        was_over = is_over.is_set()
        page, reached = await read(reached)
        seen += page
        if was_over and not page:
            return seen


async def storm(writes: list[Run], reads: list[Read]) -> list[list[int]]:
    """What each reader saw while all of *writes* ran."""
    is_over = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        readers = [tasks.create_task(subscribe(read, is_over)) for read in reads]
        async with asyncio.TaskGroup() as writing:
            for run in writes:
                writing.create_task(run())
        is_over.set()
    return [reader.result() for reader in readers]


@asynccontextmanager
async def logs(url: str, number: int) -> AsyncIterator[list[PostgresLog]]:
    """As many as there were processes: nothing is shared but the database."""
    opened = [await open_postgres_log(url, pool_size=2) for _ in range(number)]
    yield opened
    await asyncio.gather(*[each.close() for each in opened])


@pytest.fixture
def rng() -> random.Random:
    seed = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
    print(f"TWOFOLD_SEED={seed}")
    return random.Random(seed)


async def test_no_subscriber_skips_anything_whatever_the_writers_do(log_url: str, rng: random.Random) -> None:
    def writer(log: PostgresLog, own: random.Random) -> Run:
        async def run() -> None:
            for _ in range(EVENTS // WRITERS // 4):
                given = write(part(new_stream(), 0, 4), outcome=outcome())
                if own.random() < 0.8:
                    await log.events.append([given])
                else:
                    await append_slowly(log, given, own.random() * 0.005)

        return run

    def reader(log: PostgresLog) -> Read:
        async def read(after: int) -> Page:
            await log.events.wait(after, 0.01)
            page = await log.events.read_log(after, limit=100)
            return [at.position for at in page.events], page.reached

        return read

    async with logs(log_url, WRITERS + SUBSCRIBERS) as opened:
        writes = [writer(each, random.Random(rng.getrandbits(64))) for each in opened[:WRITERS]]
        seen = await storm(writes, [reader(each) for each in opened[WRITERS:]])

    assert [len(each) for each in seen] == [EVENTS // WRITERS // 4 * WRITERS * 4] * SUBSCRIBERS
    for positions in seen:
        assert positions == list(range(1, len(positions) + 1))


async def append_slowly(log: PostgresLog, given: object, seconds: float) -> None:
    assert log.transactions is not None
    async with log.transactions.begin(SOON) as unit:
        await unit.connection.execute(PAUSE, seconds / 2)
        await unit.append(given)  # type: ignore[arg-type]
        await unit.connection.execute(PAUSE, seconds / 2)


async def test_subscribers_of_a_plain_sequence_skip_under_the_same_storm(postgres_url: str, rng: random.Random) -> None:
    """The control of the storm."""
    await ask(postgres_url, NAIVE)

    def writer(connection: asyncpg.Connection, own: random.Random) -> Run:
        async def run() -> None:
            for number in range(50):
                async with connection.transaction():
                    await connection.execute("INSERT INTO naive (writer) VALUES ($1)", number)
                    await connection.execute(PAUSE, own.random() * 0.005)

        return run

    connections = [await asyncpg.connect(postgres_url) for _ in range(WRITERS + SUBSCRIBERS)]
    writes = [writer(each, random.Random(rng.getrandbits(64))) for each in connections[:WRITERS]]
    seen = await storm(writes, [lambda after, c=each: naive_page(c, after) for each in connections[WRITERS:]])  # type: ignore[misc]

    assert any(len(each) < WRITERS * 50 for each in seen), "the storm is too weak to show anything"
    for each in connections:
        await each.close()
