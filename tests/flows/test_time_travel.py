"""Rows and aggregates as of a moment equal what the live ones were then, whatever happened.

`TWOFOLD_SEED` repeats a run, `TWOFOLD_EXAMPLES` makes it longer.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.flows.library import (
    LIBRARY,
    Add,
    Book,
    BookPage,
    Burn,
    Fill,
    Lend,
    LendCopy,
    LendTwo,
    Rent,
    RoomPage,
    ShelfPage,
)
from tests.servers.fixtures import DEBIAN_POSTGRES, POSTGRES, Servers
from tests.servers.prepared import with_log
from twofold import Command, Config, OpenApp, Rejected, RowNotFoundError, StreamNotFoundError
from twofold.app.homes import homes_of
from twofold.clock import to_datetime
from twofold.event_store.recorded_event import NewEvent
from twofold.event_store.token import decode_token, encode_token
from twofold.event_store.write import ANY_VERSION, StreamWrite, Write
from twofold.read.follower import Paging
from twofold.read.past import Home, Past
from twofold.read.view_answers import FindRows
from twofold.testing.clock import ManualClock

SEED = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
ROOMS = [UUID(int=1), UUID(int=2)]
OLD = "an event of the first version"

books = st.sampled_from(["a", "b", "a-b"])
readers = st.sampled_from(["ada", "bob", "x"])
moments = st.integers(0, 50).map(lambda hours: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours))
commands = st.one_of(
    st.builds(Add, book_id=books, title=st.sampled_from(["T", "U"]), tags=st.lists(readers, max_size=3)),
    st.builds(Lend, book_id=books, reader=readers, at=moments),
    st.builds(LendCopy, book_id=books, reader=readers, at=moments),
    st.builds(Burn, book_id=books),
    st.builds(Fill, shelf=st.integers(-1, 2), books=st.integers(0, 3)),
    st.builds(Rent, room=st.sampled_from(ROOMS), reader=readers),
    st.builds(LendTwo, first=books, second=books, reader=readers, at=moments),
    st.just(OLD),
)
histories = st.lists(commands, min_size=1, max_size=12)

Rows = dict[Any, Any]


class Diary:
    """What the live rows were after each event, by view."""

    def __init__(self, shop: OpenApp) -> None:
        self._shop = shop
        self.rows: dict[type, dict[int, Rows]] = {view: {0: {}} for view in LIBRARY.parts.views}

    async def write(self) -> None:
        """Bring every view to the head, one event at a time, and note its rows each time."""
        is_moving = True
        while is_moving:
            is_moving = await self._shop.step() > 0
            for view, pages in self.rows.items():
                definition = self._shop.catalog.views[view.__name__]
                found = await self._shop.reads.find(FindRows(view, limit=1000))
                rows = {definition.key_of(definition.values(row)): row for row in found.value.items}
                pages[decode_token(found.token).position] = rows

    def then(self, view: type, position: int) -> Rows:
        """The rows of *view* as of *position*."""
        return self.rows[view][max(at for at in self.rows[view] if at <= position)]

    def keys(self, view: type) -> set[Any]:
        """Every key that ever had a row."""
        return {key for rows in self.rows[view].values() for key in rows}


async def live(library: OpenApp, history: list[Command | str], clock: ManualClock) -> Diary:
    """Let the history happen; the clock stands still now and then."""
    diary = Diary(library)
    for number, command in enumerate(history):
        if isinstance(command, str):
            event = NewEvent("BookAdded", 1, b'{"name":"V"}', number.to_bytes(16, "big"))
            part = StreamWrite("Book-a", ANY_VERSION, (event,))
            await library.log.events.append([Write((part,), None, bytes(16), bytes(16), b"{}")])
        else:
            try:
                await library.send(command)
            except Rejected:
                continue
        await diary.write()
        clock.advance(number % 3)
    return diary


async def differences(past: Past, library: OpenApp, diary: Diary) -> list[str]:
    """Where rows as of a position are not what the live ones were; all views, keys and positions."""
    found: list[str] = []
    events = (await library.log.events.read_log(0)).events
    head = (await library.log.events.mark()).position
    for view in diary.rows:
        definition = library.catalog.views[view.__name__]
        folded = {event.position for event in events if event.type in definition.event_names}
        assert folded <= diary.rows[view].keys(), "the diary has a page for every event that the view folds"
        for position in range(head + 1):
            live = diary.then(view, position)
            for key in sorted(diary.keys(view)):
                row = await past.row(definition, key, position)
                if row != live.get(key):
                    found.append(f"{view.__name__} {key} at {position}: {row}, not {live.get(key)}")
    return found


async def check(url: str, history: list[Command | str]) -> None:
    clock = ManualClock()
    async with LIBRARY.open(url, config=Config(page_events=1), workers=False, clock=clock) as library:
        diary = await live(library, history, clock)
        in_large_pages = past_of(library, paging=Paging(1000))
        assert await differences(in_large_pages, library, diary) == []
        assert await differences(past_of(library, paging=Paging(2)), library, diary) == []
        await check_moments(library, diary)
        await check_aggregates(library)


def past_of(library: OpenApp, homes: dict[type, Home] | None = None, **options: Any) -> Past:
    found = homes_of(library.catalog) if homes is None else homes
    return Past(library.log.events, library.catalog.event_reader, found, **options)


async def check_moments(library: OpenApp, diary: Diary) -> None:
    """A position, its token and a time lead to the same rows, by the front door."""
    events = (await library.log.events.read_log(0)).events
    last_at = {event.recorded_at: event.position for event in events}
    for event in events:
        token = encode_token(await library.log.events.mark(event.position))
        moments = {event.position: event.position, token: event.position}
        moments[to_datetime(event.recorded_at)] = last_at[event.recorded_at]
        for moment, position in moments.items():
            for key in diary.keys(BookPage):
                expected = diary.then(BookPage, position).get(key)
                assert await row_or_none(library, key, moment) == expected, f"{key} at {moment}"


async def row_or_none(library: OpenApp, key: Any, moment: Any) -> BookPage | None:
    try:
        return await library.get(BookPage, key[0], at=moment)
    except RowNotFoundError:
        return None


async def check_aggregates(library: OpenApp) -> None:
    """As of a position an aggregate is what its stream folds to up to there."""
    for name in ("a", "b"):
        stream = await library.log.events.read_stream(f"Book-{name}")
        head = (await library.log.events.mark()).position
        for position in range(head + 1):
            version = sum(event.position <= position for event in stream)
            if not version:
                with pytest.raises(StreamNotFoundError):
                    await library.load(Book, name, at=position)
                continue
            state = await library.load(Book, name, at=position)
            assert state == await library.load(Book, name, version=version)
            lent = [event for event in stream[:version] if event.type == "Lent"]
            assert len(state.readers) == len(lent)


Place = Callable[[], AbstractContextManager[str]]


@pytest.fixture(scope="module", params=["memory", "sqlite", POSTGRES, DEBIAN_POSTGRES])
def place(request: pytest.FixtureRequest, servers: Servers) -> Place:
    """Gives the URL of a new, empty store each time."""

    @contextmanager
    def fresh() -> Iterator[str]:
        if request.param == "memory":
            yield "memory://"
        elif request.param == "sqlite":
            with tempfile.TemporaryDirectory() as folder:
                yield f"sqlite:///{folder}/library.db"
        else:
            databases = servers.databases(request.param)
            with databases.fresh(databases.prepared(with_log)) as url:
                yield url

    return fresh


def test_random_histories_are_seen_again_as_they_were(place: Place, request: pytest.FixtureRequest) -> None:
    print(f"TWOFOLD_SEED={SEED}")
    examples = int(os.environ.get("TWOFOLD_EXAMPLES") or {"memory": 40, "sqlite": 12}.get(kind_of(request), 4))

    @seed(SEED)
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
    @given(histories)
    def run(history: list[Command | str]) -> None:
        with place() as url:
            asyncio.run(check(url, history))

    run()


def kind_of(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["place"])


AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
RICH: list[Command | str] = [
    Add(book_id="a", title="T", tags=["x", "ada"]),
    LendCopy(book_id="a", reader="bob", at=AT),
    Lend(book_id="a", reader="ada", at=AT),
    Burn(book_id="a"),
    Fill(shelf=2, books=3),
    Rent(room=ROOMS[0], reader="x"),
    Add(book_id="a", title="U", tags=[]),
    LendTwo(first="a", second="b", reader="x", at=AT),
]


async def differences_with(make: Callable[[OpenApp], Past]) -> list[str]:
    clock = ManualClock()
    async with LIBRARY.open("memory://", config=Config(page_events=1), workers=False, clock=clock) as library:
        diary = await live(library, RICH, clock)
        return await differences(make(library), library, diary)


async def test_a_history_with_everything_in_it_is_seen_again() -> None:
    assert await differences_with(past_of) == []


async def test_a_planted_forgotten_category_is_found() -> None:
    def forgetful(library: OpenApp) -> Past:
        homes = {event: Home(("Book",), home.id_type) for event, home in homes_of(library.catalog).items()}
        return past_of(library, homes)

    assert any(each.startswith("BookPage") for each in await differences_with(forgetful))


async def test_a_planted_moment_that_is_one_event_early_is_found() -> None:
    class Early(Past):
        async def row(self, definition: Any, key: Any, position: int) -> Any:
            return await super().row(definition, key, max(0, position - 1))

    def early(library: OpenApp) -> Past:
        return Early(library.log.events, library.catalog.event_reader, homes_of(library.catalog))

    found = await differences_with(early)
    assert {each.split()[0] for each in found} >= {"BookPage", "ShelfPage", "RoomPage", "ReaderPage", "DayPage"}


async def test_what_is_read_by_stream_and_what_by_log_is_what_the_keys_allow() -> None:
    async with LIBRARY.open("memory://", config=Config(as_of_events=1), workers=False) as library:
        await live(library, RICH, ManualClock())

        assert (await library.get(ShelfPage, 2, at=6)).books == 3
        assert (await library.get(RoomPage, (ROOMS[0], "x"), at=8)).rents == 1
