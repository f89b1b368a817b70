"""Many at once: exactly one wins, and readers see one order that never changes."""

from __future__ import annotations

import asyncio

import pytest

from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EventStore
from twofold.event_store.write import ANY_VERSION, Appended, Conflicted, Replayed, WriteResult
from twofold.testing.contracts.capabilities import LogBackend
from twofold.testing.contracts.writes import append, append_to, new_id, new_stream, outcome, part, write


async def follow(event_store: EventStore, count: int) -> list[RecordedEvent]:
    """Read the log as a subscriber does, from page to page, until *count* events were seen."""
    seen: list[RecordedEvent] = []
    reached = 0
    while len(seen) < count:
        await event_store.wait(reached, 10)
        page = await event_store.read_log(reached, limit=5)
        assert all(at.position > reached for at in page.events)
        seen += page.events
        reached = page.reached
    return seen


class ConcurrencyContract:
    """The promises hold when many write and read at the same time."""

    @pytest.mark.parametrize("appenders", [2, 8, 32])
    async def test_of_simultaneous_appends_at_one_version_exactly_one_wins(
        self, event_store: EventStore, appenders: int
    ) -> None:
        stream = new_stream()

        answers = await asyncio.gather(*[event_store.append([write(part(stream, 0, 2))]) for _ in range(appenders)])

        kinds = [type(result) for (result,) in answers]
        assert (kinds.count(Appended), kinds.count(Conflicted)) == (1, appenders - 1)
        assert [at.version for at in await event_store.read_stream(stream)] == [1, 2]

    async def test_of_simultaneous_copies_of_one_command_exactly_one_is_stored(self, event_store: EventStore) -> None:
        stream, key = new_stream(), new_id().hex()
        copies = [write(part(stream, ANY_VERSION), outcome=outcome(key=key)) for _ in range(20)]

        answers = await asyncio.gather(*[event_store.append([copy]) for copy in copies])

        results: list[WriteResult] = [result for (result,) in answers]
        stored = [copy for copy, result in zip(copies, results, strict=True) if isinstance(result, Appended)]
        assert len(stored) == 1
        assert {result.first.outcome.message_id for result in results if isinstance(result, Replayed)} == {
            one.outcome.message_id for one in stored if one.outcome
        }
        assert len(await event_store.read_stream(stream)) == 1

    async def test_simultaneous_appends_to_one_stream_leave_no_gap_in_its_versions(
        self, event_store: EventStore
    ) -> None:
        stream = new_stream()

        await asyncio.gather(*[append(event_store, write(part(stream, ANY_VERSION, 3))) for _ in range(20)])

        stored = await event_store.read_stream(stream)
        assert [at.version for at in stored] == list(range(1, 61))
        assert [at.position for at in stored] == sorted(at.position for at in stored)

    async def test_followers_miss_nothing_and_see_one_order(self, event_store: EventStore) -> None:
        """No reader sees a position and later finds a smaller one that it had not seen."""
        async with asyncio.TaskGroup() as tasks:
            followers = [tasks.create_task(follow(event_store, 90)) for _ in range(3)]
            for _ in range(30):
                tasks.create_task(append_to(event_store, new_stream(), 3))

        order = (await event_store.read_log(0)).events
        assert len(order) == 90
        for follower in followers:
            assert follower.result() == order

    async def test_a_write_over_two_streams_is_never_seen_half(self, event_store: EventStore) -> None:
        one, other = new_stream(), new_stream()
        writes = [write(part(one, ANY_VERSION), part(other, ANY_VERSION)) for _ in range(20)]

        async def check() -> None:
            page = await event_store.read_log(0)
            streams = [at.stream for at in page.events]
            assert streams.count(one) == streams.count(other)

        async with asyncio.TaskGroup() as tasks:
            for each in writes:
                tasks.create_task(append(event_store, each))
                tasks.create_task(check())

    async def test_a_cancelled_append_is_stored_whole_or_not_at_all(self, event_store: EventStore) -> None:
        streams = [new_stream() for _ in range(10)]
        appends = [
            asyncio.ensure_future(event_store.append([write(part(stream, 0, 3), outcome=outcome())]))
            for stream in streams
        ]
        await asyncio.sleep(0)

        for task in appends[::2]:
            task.cancel()
        await asyncio.gather(*appends, return_exceptions=True)

        for stream, task in zip(streams, appends, strict=True):
            stored = len(await event_store.read_stream(stream))
            assert stored == 3 if not task.cancelled() else stored in (0, 3)
        await append_to(event_store, new_stream(), 1)

    async def test_of_two_processes_at_one_version_exactly_one_wins(self, log_backend: LogBackend) -> None:
        """Logs that are not shared are two logs, and both win."""
        logs = [await log_backend.open() for _ in range(2)]
        stream = new_stream()

        won = 0
        for before in range(10):
            answers = await asyncio.gather(*[log.events.append([write(part(stream, before))]) for log in logs])
            won += sum(isinstance(result, Appended) for (result,) in answers)

        lengths = [len(await log.events.read_stream(stream)) for log in logs]
        assert lengths == [10, 10]
        assert won == (10 if log_backend.capabilities.shared else 20)
        for log in logs:
            await log.close()

    async def test_what_another_process_wrote_is_seen_in_full(self, log_backend: LogBackend) -> None:
        """Types, streams and keys that this one has never heard of, before or after it wrote itself."""
        log, other = await log_backend.open(), await log_backend.open()
        mine, key, is_shared = new_stream(), new_id().hex(), log_backend.capabilities.shared
        await append_to(log.events, mine, 1)
        await other.events.append([write(part(mine, 1, kind="UnheardOf"), outcome=outcome(key=key))])

        (again,) = await log.events.append([write(outcome=outcome(key=key))])
        (next_one,) = await log.events.append([write(part(mine, 1))])

        assert isinstance(again, Replayed) is is_shared
        assert (next_one == Conflicted(mine, 1, 2)) is is_shared
        kinds = [at.type for at in await log.events.read_stream(mine)]
        assert kinds == ["Happened", "UnheardOf" if is_shared else "Happened"]
        await log.close()
        await other.close()
