"""Rows are compared with their events while they are folded: what somebody changed is found, and nothing else.

`TWOFOLD_SEED` repeats a run, `TWOFOLD_EXAMPLES` makes it longer.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import apsw
import asyncpg
import pytest

from tests.flows.library import LIBRARY, Add, BookPage, Burn, Fill, Lend, LendCopy, LendTwo, ReaderPage, Rent
from twofold import App, Config, OpenApp, StreamNotFoundError
from twofold.app.homes import homes_of
from twofold.clock import SystemClock
from twofold.http_api.health import warnings_of
from twofold.read.drift import Drift
from twofold.read.findings import Findings
from twofold.read.follower import Paging
from twofold.read.look import Look, Looker
from twofold.read.past import Past
from twofold.read.view_store import Generation, Key
from twofold.read.view_verifier import ViewVerifier
from twofold.testing.clock import ManualClock

SEED = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
COMMANDS = int(os.environ.get("TWOFOLD_EXAMPLES") or 150)
VIEWS = [view.__name__ for view in LIBRARY.parts.views]
START = datetime(2026, 1, 1, tzinfo=UTC)


async def traffic(library: OpenApp, rng: random.Random, count: int) -> None:
    """Commands of every kind, by several senders at once."""

    async def sender(each: random.Random) -> None:
        for _ in range(count // 4):
            with suppress(StreamNotFoundError):
                await library.send(command(each))

    await asyncio.gather(*(sender(random.Random(rng.random())) for _ in range(4)))


def command(rng: random.Random) -> Any:
    """A command of any kind; the few keys are all hot."""
    book, other = rng.choice("abcd"), rng.choice("ab")
    reader, at = rng.choice(["ada", "bob", "x"]), START + timedelta(hours=rng.randrange(50))
    return rng.choice(
        [
            Add(book_id=book, title=rng.choice("TU"), tags=rng.sample(["ada", "bob", "x"], rng.randrange(4))),
            Lend(book_id=book, reader=reader, at=at),
            LendCopy(book_id=book, reader=reader, at=at),
            Burn(book_id=book),
            Fill(shelf=rng.randrange(3), books=rng.randrange(4)),
            Rent(room=UUID(int=rng.randrange(3)), reader=reader),
            LendTwo(first=book, second=other, reader=reader, at=at),
        ]
    )


def verifiers(library: OpenApp, **options: Any) -> list[ViewVerifier]:
    """One for each view of the library, in small bites."""
    reader, homes = library.catalog.event_reader, homes_of(library.catalog)
    past = Past(library.log.events, reader, homes, paging=Paging(40))
    store = library.reads._model.store
    definitions = library.catalog.views.values()
    return [
        ViewVerifier(each, past, library.log.events, store, SystemClock(), keys=3, **options) for each in definitions
    ]


async def verified(views: Sequence[ViewVerifier]) -> tuple[list[Drift], int]:
    """What one round through all of them finds, and how many rows it compared."""
    drifts: list[Drift] = []
    compared = 0
    for view in views:
        findings = Findings(view.definition.name)
        async for _ in view.round(findings):
            pass
        assert (findings.why, findings.fault) == (None, None)
        drifts += findings.drifts.values()
        compared += findings.compared
    return drifts, compared


async def drifts_under_traffic(library: OpenApp, make: Any = verifiers) -> list[Drift]:
    """What is found, round after round, while traffic goes on and when it has ended."""
    rng = random.Random(SEED)
    views = make(library, rng=rng)
    found: list[Drift] = []
    rounds = 0
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(traffic(library, rng, COMMANDS))
        while not sending.done() or rounds < 3:
            found += (await verified(views))[0]
            rounds += 1
            await asyncio.sleep(0)
    return [*found, *(await verified(views))[0]]


class BookShards(BookPage, key="book_id", shards=4):
    """Each shard has its own checkpoint; this one reads the streams of its own books."""


class ReaderShards(ReaderPage, key="reader", shards=3):
    """Every shard reads everything."""


SHARDED = App(
    "library",
    aggregates=LIBRARY.parts.aggregates,
    handlers=LIBRARY.parts.handlers,
    views=[*LIBRARY.parts.views, BookShards, ReaderShards],
    upcasters=LIBRARY.parts.upcasters,
)


async def test_live_traffic_raises_no_alarm(url: str) -> None:
    print(f"TWOFOLD_SEED={SEED}")
    async with SHARDED.open(url, config=Config(page_events=7)) as library:
        assert await drifts_under_traffic(library) == []

        token = (await library.send(Fill(shelf=1, books=1))).token
        await library.reads.wait_for(VIEWS, token, 5)
        drifts, compared = await verified(verifiers(library))
        assert drifts == []
        assert compared > len(VIEWS)


class AtTheHead(ViewVerifier):
    """Compares at the head of the log instead of the checkpoint of the row."""

    def __init__(self, definition: Any, past: Past, events: Any, *args: Any, **options: Any) -> None:
        super().__init__(definition, past, events, *args, **options)
        self._looker = HeadLooker(definition, self._store, events)


class HeadLooker(Looker):
    def __init__(self, definition: Any, store: Any, events: Any) -> None:
        super().__init__(definition, store)
        self._log = events

    async def _look_once(self, generation: Generation, shard: int, keys: Sequence[Key]) -> tuple[Look, list[Key]]:
        look, moved = await super()._look_once(generation, shard, keys)
        return look._replace(position=(await self._log.mark()).position), moved


async def test_a_planted_verifier_that_compares_at_the_head_cries_wolf() -> None:
    def at_the_head(library: OpenApp, **options: Any) -> list[ViewVerifier]:
        made = verifiers(library, **options)
        return [AtTheHead(each.definition, each._past, each._events, each._store, each._clock) for each in made]

    async with LIBRARY.open("memory://", config=Config(page_events=1)) as library:
        assert await drifts_under_traffic(library, at_the_head) != []


# --- what somebody changed ----------------------------------------------------------------


@asynccontextmanager
async def filled(url: str) -> AsyncIterator[OpenApp]:
    async with LIBRARY.open(url, config=Config(), workers=False) as library:
        await traffic(library, random.Random(SEED), 80)
        for book in "abcdef":
            await library.send(Add(book_id=book, title="T", tags=["ada"]))
        await library.send(Fill(shelf=7, books=7))
        await library.run_until_idle()
        yield library


async def by_hand(url: str, view: str, statement: str) -> None:
    """Run *statement* on the live rows of *view*, which it calls ROWS, as somebody at the database's prompt would."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        file = apsw.Connection(str(path.with_name(f"{path.stem}.views.db")))
        try:
            tables = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            file.execute(statement.replace("ROWS", f'"{_rows_of(view, tables)}"'))
        finally:
            file.close()
        return
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
        )
        await connection.execute(
            statement.replace("ROWS", f'twofold_views."{_rows_of(view, [row[0] for row in found])}"')
        )
    finally:
        await connection.close()


def _rows_of(view: str, tables: Sequence[str]) -> str:
    (name,) = [name for name in tables if name.split("__")[0] == view]
    return name


async def test_an_edit_by_sql_is_found(lasting_url: str) -> None:
    print(f"TWOFOLD_SEED={SEED}")
    async with filled(lasting_url) as library:
        assert (await verified(verifiers(library)))[0] == []

        await by_hand(lasting_url, "BookPage", "UPDATE ROWS SET title = 'edited' WHERE book_id = 'e'")
        await by_hand(lasting_url, "ShelfPage", "DELETE FROM ROWS WHERE shelf = 7")
        await by_hand(lasting_url, "ReaderPage", "UPDATE ROWS SET reader = 'eve' WHERE reader = 'ada'")
        drifts, _ = await verified(verifiers(library))

        assert sorted((each.view, *map(str, each.key), each.kind) for each in drifts) == [
            ("BookPage", "e", "differs"),
            ("ReaderPage", "ada", "missing"),
            ("ReaderPage", "eve", "extra"),
            ("ShelfPage", "7", "missing"),
        ]
        (edited,) = [each for each in drifts if each.view == "BookPage"]
        assert edited.fields == (("title", "edited", "T"),)


async def test_an_edit_is_found_while_traffic_goes_on(lasting_url: str) -> None:
    print(f"TWOFOLD_SEED={SEED}")
    async with filled(lasting_url) as library:
        await by_hand(lasting_url, "BookPage", "UPDATE ROWS SET title = 'edited' WHERE book_id = 'e'")
    async with LIBRARY.open(lasting_url, config=Config(page_events=7)) as library:
        drifts = await drifts_under_traffic(library)

    assert {(each.view, each.key) for each in drifts} == {("BookPage", ("e",))}


async def test_values_that_nobody_can_read_are_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    async with filled(url) as library:
        await by_hand(url, "BookPage", "UPDATE ROWS SET readers = '{]' WHERE book_id = 'e'")
        await by_hand(url, "DayPage", "UPDATE ROWS SET seen = '7' WHERE tag = 'ada' AND day = '2026-01-01'")
        drifts, compared = await verified(verifiers(library))

        assert {(each.view, each.kind) for each in drifts} == {("BookPage", "unreadable"), ("DayPage", "unreadable")}
        assert compared > len(VIEWS)


async def test_a_round_whose_generation_is_dropped_meanwhile_ends_without_an_alarm(url: str) -> None:
    async with filled(url) as library:
        views = verifiers(library)
        rounds = [(view, Findings(view.definition.name)) for view in views]
        under_way = [view.round(findings) for view, findings in rounds]
        for work in under_way:
            await anext(work)
            await anext(work)
        for view in views:
            name = view.definition.name
            made = await library.operations.rebuild(name)
            while await generation_of(library, name) != made.number:
                await library.step()
            await library.operations.drop(name, 1)

        for work in under_way:
            async for _ in work:
                pass

        assert [findings.drifts for _, findings in rounds] == [{}] * len(rounds)
        assert (await verified(views))[0] == []


async def generation_of(library: OpenApp, view: str) -> int:
    """The number of the one that answers."""
    live = (await library.operations.sight(view)).live
    return 0 if live is None else live.generation.number


async def test_building_the_rows_anew_puts_them_right(lasting_url: str) -> None:
    async with filled(lasting_url) as library:
        await by_hand(lasting_url, "BookPage", "UPDATE ROWS SET title = 'edited' WHERE book_id = 'e'")
        assert (await library.verifier.verify("BookPage")).has_drift

        made = await library.operations.rebuild("BookPage")
        async with asyncio.timeout(20):
            while await generation_of(library, "BookPage") != made.number:
                await library.step()
        found = await library.verifier.verify("BookPage")

        assert (found.why, found.generation, found.drifts) == (None, made.number, {})
        assert found.compared > 0


VERIFYING = Config(verify_share=100, lease_seconds=3600)


async def verify_for_long(library: OpenApp, clock: ManualClock) -> None:
    """Let the views come to the head, and their rows be looked at more than once."""
    for _ in range(5):
        await library.step()
    for _ in range(150):
        clock.advance(1)
        await library.verifier.step()


async def test_drift_is_in_health_and_metrics_and_gone_once_it_is_put_right(lasting_url: str) -> None:
    clock = ManualClock()
    async with LIBRARY.open(lasting_url, config=VERIFYING, workers=False, clock=clock) as library:
        for book in "abc":
            await library.send(Add(book_id=book, title="T", tags=["ada"]))

        async def drifted() -> dict[str, int]:
            await verify_for_long(library, clock)
            return {view.name: view.drifted_keys for view in (await library.health()).views if view.drifted_keys}

        assert await drifted() == {}
        await by_hand(lasting_url, "BookPage", "UPDATE ROWS SET title = 'edited' WHERE book_id = 'b'")
        assert await drifted() == {"BookPage": 1}
        health = await library.health()
        assert health.ready
        assert [warning for warning in warnings_of(health) if "twofold view rebuild BookPage" in warning]
        families = {family.name: family for family in await library.metrics.families()}
        values: dict[str, dict[tuple[str, ...], Any]] = {
            name: {sample.labels: sample.value for sample in each.samples} for name, each in families.items()
        }
        assert values["twofold_view_drifted_keys"]["BookPage",] == 1
        assert values["twofold_view_verified_rows"]["BookPage",] >= 3
        assert values["twofold_view_verified_timestamp_seconds"]["BookPage",] == pytest.approx(
            clock.now_micros() / 1e6, abs=200
        )

        await by_hand(lasting_url, "BookPage", "UPDATE ROWS SET title = 'T' WHERE book_id = 'b'")
        assert await drifted() == {}


async def test_one_process_verifies_and_when_it_goes_another_takes_over(lasting_url: str) -> None:
    clock = ManualClock()
    async with AsyncExitStack() as stack:
        opened = [LIBRARY.open(lasting_url, config=VERIFYING, workers=False, clock=clock) for _ in range(2)]
        apps = [await stack.enter_async_context(each) for each in opened]
        await apps[0].send(Add(book_id="b", title="T", tags=[]))

        async def knowing() -> list[int]:
            """Which of them know of drift."""
            for each in apps:
                await verify_for_long(each, clock)
            return [number for number, each in enumerate(apps) if any(each.verifier.drifted().values())]

        assert await knowing() == []
        await by_hand(lasting_url, "BookPage", "UPDATE ROWS SET title = 'edited' WHERE book_id = 'b'")
        (first,) = await knowing()
        await apps.pop(first).close()
        assert await knowing() == [0]
