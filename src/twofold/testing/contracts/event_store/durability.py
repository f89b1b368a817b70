"""Closing a log and opening it again."""

from __future__ import annotations

import asyncio

import pytest

from twofold.errors import ClosedError
from twofold.event_store.store import Snapshot
from twofold.event_store.write import Conflicted, Replayed
from twofold.testing.contracts.capabilities import LogBackend
from twofold.testing.contracts.writes import append, append_to, new_id, new_stream, outcome, part, write


class DurabilityContract:
    """What was appended is there when the log is opened again; a log that is not durable is then a new one."""

    async def test_everything_is_there_when_the_log_is_opened_again(self, log_backend: LogBackend) -> None:
        log = await log_backend.open()
        for before in (0, 130, 260):
            await append_to(log.events, "thing-1", 130, after=before)
        stored, mark = await log.events.read_log(0), await log.events.mark()
        stream = await log.events.read_stream("thing-1", limit=500)
        await log.close()

        log = await log_backend.open()
        found = (
            await log.events.read_log(0),
            await log.events.mark(),
            await log.events.read_stream("thing-1", limit=500),
        )
        is_new = log.events.epoch != mark.epoch
        await log.close()

        durable = log_backend.capabilities.durable
        assert is_new is not durable
        assert (found == (stored, mark, stream)) is durable
        assert durable or found[0].events == found[2] == []

    async def test_a_stream_goes_on_where_it_was(self, log_backend: LogBackend) -> None:
        log = await log_backend.open()
        await append_to(log.events, "thing-1", 5)
        await log.close()

        log = await log_backend.open()
        stale = await log.events.append([write(part("thing-1", 9))])
        version = 5 if log_backend.capabilities.durable else 0
        await append_to(log.events, "thing-1", 5, after=version)
        stored = await log.events.read_stream("thing-1")
        await log.close()

        assert stale == [Conflicted("thing-1", 9, version)]
        assert [at.version for at in stored] == list(range(1, version + 6))

    async def test_keys_are_known_when_the_log_is_opened_again(self, log_backend: LogBackend) -> None:
        log = await log_backend.open()
        first = outcome(key=new_id().hex(), stream="thing-1", code="c", message="m", details=b"{}", duration=17)
        await append(log.events, write(part("thing-1", 0), outcome=first))
        recorded = await log.outcomes.by_id(first.message_id)
        await log.close()

        log = await log_backend.open()
        (again,) = await log.events.append([write(outcome=outcome(key=first.key))])
        await log.close()

        assert recorded is not None
        assert (again == Replayed(recorded)) is log_backend.capabilities.durable

    async def test_snapshots_are_there_when_the_log_is_opened_again(self, log_backend: LogBackend) -> None:
        log = await log_backend.open()
        snapshot = Snapshot("thing-1", 500, "f1", b"{}")
        await log.snapshots.save(snapshot)
        await log.close()

        log = await log_backend.open()
        found = await log.snapshots.load("thing-1", "f1")
        await log.close()

        assert found == (snapshot if log_backend.capabilities.durable else None)

    async def test_closing_lets_what_is_being_written_finish(self, log_backend: LogBackend) -> None:
        log = await log_backend.open()
        streams = [new_stream() for _ in range(10)]
        appends = [asyncio.ensure_future(log.events.append([write(part(stream, 0))])) for stream in streams]
        await asyncio.sleep(0)
        await log.close()
        answers = await asyncio.gather(*appends, return_exceptions=True)

        log = await log_backend.open()
        found = [len(await log.events.read_stream(stream)) for stream in streams]
        await log.close()

        assert all(isinstance(answer, list | ClosedError) for answer in answers)
        acknowledged = [isinstance(answer, list) for answer in answers]
        assert not log_backend.capabilities.durable or found == acknowledged

    async def test_closing_twice_does_nothing(self, log_backend: LogBackend) -> None:
        log = await log_backend.open()

        await log.close()
        await log.close()

    async def test_a_closed_log_refuses_every_call(self, log_backend: LogBackend) -> None:
        log = await log_backend.open()
        await log.close()

        calls = (
            log.events.append([write()]),
            log.events.read_stream("thing-1"),
            log.events.read_log(0),
            log.events.mark(),
            log.events.wait(0, 0),
            log.outcomes.by_key("", "k"),
            log.outcomes.by_id(new_id()),
            log.outcomes.recent(),
            log.outcomes.expire(0, 1),
            log.snapshots.load("thing-1", "f1"),
            log.snapshots.save(Snapshot("thing-1", 1, "f1", b"{}")),
            log.queue.put(new_id(), "Do", b"{}", b"{}"),
            log.queue.waiting(),
            log.queue.get(new_id()),
            log.queue.remove(1),
        )
        for call in calls:
            with pytest.raises(ClosedError):
                await call
