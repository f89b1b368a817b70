"""A log moves from one kind of store to another and back as it is: bytes, order, epoch, keys, and the views of it."""

from __future__ import annotations

import asyncio
import io
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.flows.tea_shop import ERRANDS, SHOP, Books, Shelf, Stock, agrees, send
from twofold import Config
from twofold.app.stores import opened_log
from twofold.cli import log_import
from twofold.cli.log_export import write_log
from twofold.cli.log_import import ImportRefusedError, LogImport
from twofold.errors import InputError, TokenUnknownError
from twofold.event_store.outcome import RecordedOutcome
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import Log
from twofold.testing.contracts.bulk import everything, history, outcomes_of

DATA = (
    b"{}",
    b'{"amount":"1.10"}',
    b' {"space":"in front"}',
    b'{"line":\n"break"}',
    b'{"snowman":"\xe2\x98\x83"}',
    b"[1, 2 ,3]",
    b"not json",
    b"\xff\x00\r\n",
    b"",
    b'"text"',
)
ORIGINS = (
    b"{}",
    b'{"actor":"ada"}',
    b'{"actor":"ada","tenant":"acme","trace":"00-1-2-01"}',
    b'{ "actor":null}',
    b"odd",
)
OTHER = "fedcba9876543210fedcba9876543210"


@dataclass
class Place:
    """Opens the stores of a test: SQLite files by number, and one PostgreSQL database."""

    folder: Path
    postgres: Callable[[], str]
    stack: AsyncExitStack

    def url(self, name: str) -> str:
        return self.postgres() if name == "postgresql" else f"sqlite:///{self.folder}/{name}.db"

    async def log(self, name: str) -> Log:
        return await self.stack.enter_async_context(opened_log(self.url(name), Config()))


@pytest.fixture
async def place(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        yield Place(tmp_path, lambda: request.getfixturevalue("postgres_url"), stack)


@pytest.fixture
def seed() -> int:
    return int.from_bytes(os.urandom(4), "big")


def odd_history(seed: int) -> tuple[list[RecordedEvent], list[RecordedOutcome]]:
    """A log with what a line of JSON does not like."""
    print(f"seed {seed}")
    rng = random.Random(seed)
    events = [
        replace(
            event,
            data=rng.choice(DATA),
            origin=rng.choice(ORIGINS),
            correlation_id=rng.choice([event.causation_id, rng.randbytes(16)]),
        )
        for event in history(rng.randrange(1, 300), rng.randrange(1, 40), 1)
    ]
    outcomes = outcomes_of(events)
    changed = [replace(each, outcome=replace(each.outcome, origin=rng.choice(ORIGINS))) for each in outcomes]
    return events, changed


async def exported(log: Log, after: int = 0) -> bytes:
    output = io.BytesIO()
    await write_log(log, output, after, lambda _: None)
    return output.getvalue()


async def imported(log: Log, lines: bytes) -> LogImport:
    run = await LogImport.into(log)
    await run.run(io.BytesIO(lines))
    return run


# --- as it is -----------------------------------------------------------------------------


async def test_there_and_back_every_byte_is_as_it_was(place: Place, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_import, "PIECE", 97)
    events, outcomes = odd_history(seed)
    first, middle, last = await place.log("first"), await place.log("postgresql"), await place.log("last")
    await first.bulk.load(events, outcomes)

    await imported(middle, await exported(first))
    await imported(last, await exported(middle))

    assert await everything(middle) == (events, outcomes)
    assert await everything(last) == (events, outcomes)
    assert first.events.epoch == middle.events.epoch == last.events.epoch
    assert await exported(last) == await exported(first)


async def test_one_changed_byte_would_show(place: Place, seed: int) -> None:
    """The control: the comparison can fail."""
    events, outcomes = odd_history(seed)
    first, last = await place.log("first"), await place.log("last")
    await first.bulk.load(events, outcomes)

    await imported(last, (await exported(first)).replace(b'"type":"Happened"', b'"type":"Mishappened"', 1))

    assert await everything(last) != (events, outcomes)


async def test_only_what_came_since_can_be_moved_too(place: Place, seed: int) -> None:
    events, outcomes = odd_history(seed)
    first, last = await place.log("first"), await place.log("postgresql")
    half = len(events) // 2
    await first.bulk.load(events[:half], [each for each in outcomes if each.position <= half])
    await imported(last, await exported(first))
    await first.bulk.load(events[half:], [each for each in outcomes if each.position > half])

    run = await imported(last, await exported(first, after=half))

    assert run.events == len(events) - half
    assert await everything(last) == (events, outcomes)


async def test_events_alone_become_a_log_of_its_own(place: Place, seed: int) -> None:
    events, outcomes = odd_history(seed)
    first, last = await place.log("first"), await place.log("last")
    await first.bulk.load(events, outcomes)
    lines = [line for line in (await exported(first)).splitlines(keepends=True) if line.startswith(b'{"position"')]

    await imported(last, b"".join(lines))

    assert await everything(last) == (events, [])
    assert last.events.epoch != first.events.epoch


async def test_commands_that_wait_go_along_once(place: Place) -> None:
    first, last = await place.log("first"), await place.log("postgresql")
    await first.bulk.load(history(1), [])
    for number in range(3):
        await first.queue.put(bytes([number] * 16), "Buy", b'{"n":1}', b"{}")

    lines = await exported(first)
    await imported(last, lines)
    await imported(last, lines)

    waiting = [(each.message_id, each.command, each.data, each.context) for each in await last.queue.waiting()]
    assert waiting == [(bytes([number] * 16), "Buy", b'{"n":1}', b"{}") for number in range(3)]


# --- interrupted, or not the same ---------------------------------------------------------


async def test_what_was_interrupted_goes_on_where_it_ended(
    place: Place, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_import, "PIECE", 10)
    events, outcomes = odd_history(seed)
    first, last = await place.log("first"), await place.log("postgresql")
    await first.bulk.load(events, outcomes)
    lines = (await exported(first)).splitlines(keepends=True)

    for end in (len(lines) // 3, len(lines) // 2, len(lines) - 1):
        with pytest.raises(InputError, match="the lines end before the log does"):
            await imported(last, b"".join(lines[:end]))
    await imported(last, b"".join(lines))

    assert await everything(last) == (events, outcomes)


async def test_a_line_that_is_cut_or_wrong_is_named(place: Place) -> None:
    first, last = await place.log("first"), await place.log("last")
    await first.bulk.load(history(5), [])
    lines = (await exported(first)).splitlines(keepends=True)

    for wrong in (
        lines[2][:40],
        b"{}\n",
        b'{"position":2}\n',
        b"[]\n",
        lines[1].replace(b'"recorded_at":"', b'"recorded_at":"x'),
    ):
        with pytest.raises(InputError, match="line 3: "):
            await imported(last, b"".join([*lines[:2], wrong]))
    await imported(last, b"".join(lines))

    assert (await last.events.mark()).position == 5


async def test_a_version_out_of_its_place_is_found(place: Place) -> None:
    first, last = await place.log("first"), await place.log("last")
    await first.bulk.load(history(5), [])

    with pytest.raises(InputError, match="position 2 has version 3"):
        await imported(last, (await exported(first)).replace(b'"version":2', b'"version":3'))


async def test_lines_that_are_missing_in_the_middle_are_found(place: Place) -> None:
    first, last = await place.log("first"), await place.log("last")
    await first.bulk.load(history(5), [])
    lines = (await exported(first)).splitlines(keepends=True)

    with pytest.raises(InputError, match="the log must be whole"):
        await imported(last, b"".join([*lines[:2], *lines[3:]]))

    assert await everything(last) == ([], [])


async def test_a_store_that_is_another_log_is_refused_and_left_as_it_is(place: Place) -> None:
    first, last = await place.log("first"), await place.log("postgresql")
    theirs = history(3)
    await first.bulk.load(history(5), [])
    await last.bulk.load(theirs, [])
    whole = await exported(first)
    events_alone = b"".join(line for line in whole.splitlines(keepends=True) if line.startswith(b'{"position"'))

    for lines in (whole, events_alone):
        with pytest.raises(ImportRefusedError):
            await imported(last, lines)

    assert await everything(last) == (theirs, [])


async def test_two_logs_that_have_parted_are_told_apart_though_they_share_an_epoch(place: Place) -> None:
    common, ours, theirs = history(3), history(2), history(2)
    first, last = await place.log("first"), await place.log("last")
    for log, own in ((first, ours), (last, theirs)):
        await log.bulk.load(common, [], OTHER)
        moved = [replace(event, position=event.position + 3, recorded_at=common[-1].recorded_at) for event in own]
        await log.bulk.load(moved, [])

    with pytest.raises(ImportRefusedError, match="another event at position 5"):
        await imported(last, await exported(first))


async def test_a_store_that_has_more_than_the_lines_is_refused(place: Place) -> None:
    events = history(5)
    first, last = await place.log("first"), await place.log("last")
    await first.bulk.load(events[:3], [], OTHER)
    await last.bulk.load(events, [], OTHER)

    with pytest.raises(ImportRefusedError, match="has 5 events, more than"):
        await imported(last, await exported(first))


async def test_lines_that_begin_too_late_are_refused(place: Place) -> None:
    first, last = await place.log("first"), await place.log("last")
    await first.bulk.load(history(5), [])

    with pytest.raises(ImportRefusedError, match="begins behind position 3"):
        await imported(last, await exported(first, after=3))


async def test_nothing_at_all_is_refused(place: Place) -> None:
    with pytest.raises(InputError, match="not one line"):
        await imported(await place.log("last"), b"")


async def test_an_empty_log_moves_too(place: Place) -> None:
    first, last = await place.log("first"), await place.log("last")

    run = await imported(last, await exported(first))

    assert (run.events, run.outcomes) == (0, 0)


async def test_it_may_be_exported_while_it_grows(place: Place) -> None:
    first, last = await place.log("postgresql"), await place.log("last")
    events = history(5000)
    outcomes = outcomes_of(events)
    await first.bulk.load(events[:3000], outcomes_of(events[:3000]))

    async def grow() -> None:
        for begin in range(3000, 5000, 100):
            piece = [each for each in outcomes if begin < each.position <= begin + 100]
            await first.bulk.load(
                events[begin : begin + 100], [replace(each, number=each.number + 1) for each in piece]
            )

    lines, _ = await asyncio.gather(exported(first), grow())
    await imported(last, lines)
    await imported(last, await exported(first, after=(await last.events.mark()).position))

    assert await everything(last) == await everything(first)


# --- what an app makes of it --------------------------------------------------------------


@pytest.mark.parametrize(("source", "target"), [("old", "postgresql"), ("postgresql", "new")])
async def test_an_app_goes_on_as_if_it_had_always_been_there(place: Place, source: str, target: str) -> None:
    books = Books()
    async with SHOP.open(place.url(source), workers=False) as shop:
        for number, command in enumerate(ERRANDS):
            await send(shop, books, f"errand {number}", command)
        before = await shop.send(ERRANDS[0], key="errand 0")
        await shop.run_until_idle()

    async with opened_log(place.url(source), Config()) as old, opened_log(place.url(target), Config()) as new:
        await imported(new, await exported(old))

    async with SHOP.open(place.url(target), workers=False) as shop:
        await agrees(shop, books)
        again = await shop.send(ERRANDS[0], key="errand 0")
        assert (again.replayed, again.token, again.events) == (True, before.token, before.events)
        await shop.find(Shelf, after=before.token)
        await send(shop, books, "one more", Stock(item="cups", amount=1, price=ERRANDS[0].price))  # type: ignore[attr-defined]
        await agrees(shop, books)


async def test_views_that_stay_where_they_are_go_on_with_the_log_in_its_new_place(place: Place) -> None:
    views, books = f"sqlite:///{place.folder}/rows.db", Books()
    async with SHOP.open(place.url("old"), views=views, workers=False) as shop:
        await send(shop, books, "stock", ERRANDS[0])
        await shop.run_until_idle()
    async with opened_log(place.url("old"), Config()) as old, opened_log(place.url("postgresql"), Config()) as new:
        await imported(new, await exported(old))

    async with SHOP.open(place.url("postgresql"), views=views, workers=False) as shop:
        moved = await shop.run_until_idle()
        assert moved == 0
        await send(shop, books, "buy", ERRANDS[2])
        await agrees(shop, books)


async def test_tokens_of_the_old_place_that_are_ahead_of_the_new_one_are_refused(place: Place) -> None:
    async with SHOP.open(place.url("old"), workers=False) as shop:
        await shop.send(ERRANDS[0])
        async with opened_log(place.url("postgresql"), Config()) as new:
            await imported(new, await exported(shop.log))
        later = await shop.send(ERRANDS[2])

    async with SHOP.open(place.url("postgresql"), workers=False) as shop:
        with pytest.raises(TokenUnknownError):
            await shop.find(Shelf, after=later.token)
