"""Questions in a store's own language: `@answers` functions that read through apsw or asyncpg, on one snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import asyncpg
import pytest

from tests.servers.fixtures import POSTGRES
from twofold import (
    Aggregate,
    App,
    Command,
    ConfigError,
    Context,
    Event,
    NotFreshError,
    OpenApp,
    Projector,
    Query,
    Rows,
    View,
    WiringError,
    answers,
    decides,
    evolves,
)
from twofold.event_store.token import decode_token


class Sell(Command):
    sale_id: str
    department: str
    cents: int


class Sold(Event):
    sale_id: str
    department: str
    cents: int


class Sale(Aggregate, key="sale_id"):
    @decides(existing=False)
    def sell(self, command: Sell) -> Sold:
        return Sold(sale_id=command.sale_id, department=command.department, cents=command.cents)


class SalePage(View, key="sale_id", index=("department",)):
    sale_id: str
    department: str = ""
    cents: int = 0

    @evolves
    def sold(self, event: Sold) -> None:
        self.department, self.cents = event.department, event.cents


class Ledger(Projector):
    """A table of the team's own beside the views: what a department has sold, one row a sale."""

    events = (Sold,)
    create = "CREATE TABLE IF NOT EXISTS ledger (department TEXT NOT NULL, cents BIGINT NOT NULL)"


class SqliteLedger(Ledger):
    name = "Ledger"

    async def project(self, events: Any, client: Any) -> None:
        client.execute(self.create)
        client.executemany("INSERT INTO ledger VALUES (?, ?)", [(e.event.department, e.event.cents) for e in events])


class PostgresLedger(Ledger):
    name = "Ledger"

    async def project(self, events: Any, client: Any) -> None:
        await client.execute(self.create)
        rows = [(each.event.department, each.event.cents) for each in events]
        await client.executemany("INSERT INTO ledger VALUES ($1, $2)", rows)


class ByDepartment(Query[dict[str, int]]):
    """Sums over the rows of a view, by its stable name."""


class InLedger(Query[dict[str, int]]):
    """Sums over the projector's own table."""


class Meddle(Query[int]):
    pass


class Both(Query[tuple[int, int]]):
    pass


PAGES = {
    "sqlite": 'SELECT department, sum(cents) FROM "SalePage" GROUP BY department',
    POSTGRES: 'SELECT department, sum(cents)::bigint FROM twofold_views."SalePage" GROUP BY department',
}
LEDGER = "SELECT department, sum(cents) FROM ledger GROUP BY department"


@answers(reads=[SalePage])
async def sqlite_by_department(query: ByDepartment, client: apsw.Connection) -> dict[str, int]:
    return dict(client.execute(PAGES["sqlite"]))


@answers(reads=[SalePage])
async def postgres_by_department(query: ByDepartment, client: asyncpg.Connection) -> dict[str, int]:
    return {row[0]: row[1] for row in await client.fetch(PAGES[POSTGRES])}


@answers
async def sqlite_in_ledger(query: InLedger, client: apsw.Connection) -> dict[str, int]:
    return dict(client.execute(LEDGER))


@answers
async def postgres_in_ledger(query: InLedger, client: asyncpg.Connection) -> dict[str, int]:
    return {name: int(cents) for name, cents in await client.fetch(LEDGER)}


@answers(reads=[SalePage])
async def sqlite_meddle(query: Meddle, client: apsw.Connection) -> int:
    client.execute('DELETE FROM "SalePage__1"')
    return 0


@answers(reads=[SalePage])
async def postgres_meddle(query: Meddle, client: asyncpg.Connection) -> int:
    await client.execute('DELETE FROM twofold_views."SalePage__1"')
    return 0


@answers(reads=[SalePage])
async def sqlite_both(query: Both, client: apsw.Connection, pages: Rows[SalePage], context: Context) -> tuple[int, int]:
    return await pages.count(), sum(1 for _ in client.execute('SELECT 1 FROM "SalePage"'))


@answers(reads=[SalePage])
async def postgres_both(
    query: Both, client: asyncpg.Connection, pages: Rows[SalePage], context: Context
) -> tuple[int, int]:
    return await pages.count(), await client.fetchval('SELECT count(*) FROM twofold_views."SalePage"')


class Store(NamedTuple):
    url: str
    app: App
    refusal: type[Exception]


def app_on(kind: str) -> App:
    answering = {
        "sqlite": (sqlite_by_department, sqlite_in_ledger, sqlite_meddle, sqlite_both),
        POSTGRES: (postgres_by_department, postgres_in_ledger, postgres_meddle, postgres_both),
    }
    ledger = SqliteLedger() if kind == "sqlite" else PostgresLedger()
    return App("sales", aggregates=[Sale], views=[SalePage], projectors=[ledger], queries=answering[kind])


@pytest.fixture(params=["sqlite", POSTGRES])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == POSTGRES:
        url = str(request.getfixturevalue("postgres_url"))
        return Store(url, app_on(POSTGRES), asyncpg.ReadOnlySQLTransactionError)
    return Store(f"sqlite:///{tmp_path}/sales.db", app_on("sqlite"), apsw.ReadOnlyError)


@pytest.fixture
async def sales(store: Store) -> AsyncIterator[OpenApp]:
    async with store.app.open(store.url, workers=False) as sales:
        yield sales


async def sell(sales: OpenApp, *cents: int) -> str:
    for each in cents:
        department = "DELI" if each < 100 else "FUEL"
        receipt = await sales.send(Sell(sale_id=str(each), department=department, cents=each))
    return receipt.token


async def test_a_question_is_answered_through_the_stores_own_client(sales: OpenApp) -> None:
    token = await sell(sales, 10, 20, 300)
    await sales.run_until_idle()

    answer = await sales.reads.answer(ByDepartment())

    assert answer.value == {"DELI": 30, "FUEL": 300}
    assert answer.token == token


async def test_it_waits_for_the_views_that_it_reads(store: Store) -> None:
    async with store.app.open(store.url) as sales:
        for cents in (1, 2, 3):
            token = await sell(sales, cents)
            assert await sales.ask(ByDepartment(), after=token) == {"DELI": sum(range(cents + 1))}


async def test_a_table_of_a_projectors_own_is_waited_for_too(store: Store) -> None:
    async with store.app.open(store.url) as sales:
        for cents in (1, 2, 3):
            token = await sell(sales, cents)
            assert await sales.ask(InLedger(), after=token) == {"DELI": sum(range(cents + 1))}


async def test_without_workers_it_is_said_not_to_be_fresh(sales: OpenApp) -> None:
    token = await sell(sales, 1)

    with pytest.raises(NotFreshError):
        await sales.ask(ByDepartment(), after=token, wait=0.01)


async def test_an_answer_is_never_older_than_its_token(store: Store) -> None:
    """While sales stream in, each answer holds every sale up to the token that comes with it."""
    async with store.app.open(store.url) as sales:
        await sell(sales, 1)

        for cents in range(2, 60):
            answer, _ = await asyncio.gather(sales.reads.answer(Both()), sell(sales, cents))
            of_rows, of_client = answer.value
            assert min(of_rows, of_client) >= decode_token(answer.token).position


async def test_the_token_is_of_before_what_is_read(sales: OpenApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is folded while the question is being asked is perhaps in the answer; the token does not say so."""
    first = await sell(sales, 1)
    await sales.run_until_idle()
    store: Any = sales.reads._model.store
    reading = store.reading

    @asynccontextmanager
    async def slow() -> AsyncIterator[Any]:
        async with reading() as client:
            await sell(sales, 2)
            await sales.run_until_idle()
            yield client

    monkeypatch.setattr(store, "reading", slow)
    answer = await sales.reads.answer(ByDepartment())

    assert (answer.value, answer.token) == ({"DELI": 1}, first)


async def test_what_it_writes_is_refused(store: Store, sales: OpenApp) -> None:
    await sell(sales, 1)
    await sales.run_until_idle()

    with pytest.raises(store.refusal):
        await sales.ask(Meddle())

    assert await sales.rows(SalePage).count() == 1
    assert await sales.ask(ByDepartment()) == {"DELI": 1}


async def test_more_may_ask_at_once_than_there_are_connections_and_read_rows_too(sales: OpenApp) -> None:
    await sell(sales, 1, 2)
    await sales.run_until_idle()

    async with asyncio.timeout(30):
        found = await asyncio.gather(*[sales.ask(Both()) for _ in range(40)])

    assert found == [(2, 2)] * 40


@pytest.mark.parametrize(("kind", "told"), [(POSTGRES, "asyncpg"), ("sqlite", "apsw")])
async def test_another_stores_client_is_refused_when_the_app_is_opened(kind: str, told: str, tmp_path: Path) -> None:
    other = "memory://" if kind == "sqlite" else f"sqlite:///{tmp_path}/sales.db"
    has = "has none to read with" if kind == "sqlite" else "whose client is apsw.Connection"

    with pytest.raises(ConfigError, match=rf"by_department reads through {told}.*{has}"):
        async with app_on(kind).open(other, workers=False):
            pass


class Renamed(View, key="sale_id", name="SalePage"):
    """The same view with another field: its live rows lack that until they are built anew."""

    sale_id: str
    pennies: int = 0

    @evolves
    def sold(self, event: Sold) -> None:
        self.pennies = event.cents


@answers(reads=[Renamed])
async def sqlite_pennies(query: Meddle, client: apsw.Connection) -> int:
    total: Any = client.execute('SELECT sum(pennies) FROM "SalePage"').fetchall()[0][0]
    return int(total)


@answers(reads=[Renamed])
async def postgres_pennies(query: Meddle, client: asyncpg.Connection) -> int:
    return int(await client.fetchval('SELECT sum(pennies) FROM twofold_views."SalePage"'))


async def test_until_the_live_rows_are_those_that_it_expects_it_is_not_fresh(store: Store) -> None:
    async with store.app.open(store.url) as sales:
        await sales.send(Sell(sale_id="1", department="DELI", cents=1), wait_for=[SalePage], wait=30)
    pennies = sqlite_pennies if store.url.startswith("sqlite") else postgres_pennies
    changed = App("sales", aggregates=[Sale], views=[Renamed], queries=[pennies])

    async with changed.open(store.url, workers=False) as reading, asyncio.timeout(30):
        with pytest.raises(NotFreshError, match="built by other code"):
            await reading.ask(Meddle())
        async with changed.open(store.url) as building:
            receipt = await building.send(Sell(sale_id="2", department="DELI", cents=2))

            assert await reading.ask(Meddle(), after=receipt.token, wait=30) == 3


def test_what_is_no_client_is_a_wiring_fault() -> None:
    @answers
    async def odd(query: ByDepartment, client: dict) -> dict[str, int]:
        return {}

    with pytest.raises(WiringError, match="nothing can be injected for client"):
        App("sales", queries=[odd])
