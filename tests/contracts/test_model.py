"""Random histories on memory, on SQLite and on PostgreSQL: same results, same errors, whatever is asked.

Memory is the model. `TWOFOLD_SEED` repeats a run, `TWOFOLD_EXAMPLES` makes it longer.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.contracts.histories import (
    COMMANDS,
    KNOWN_IDS,
    STREAMS,
    batches,
    filters,
    limits,
    numbers,
    optional_number,
)
from tests.servers.databases import Databases
from tests.servers.fixtures import Servers
from tests.servers.prepared import with_log
from twofold.adapters.memory.log import open_memory_log
from twofold.adapters.postgres.log import open_postgres_log
from twofold.adapters.sqlite.log import open_sqlite_log
from twofold.errors import TwofoldError
from twofold.event_store.outcome import Status
from twofold.event_store.recorded_event import LogPage, RecordedEvent
from twofold.event_store.store import EVERYTHING, EventStore, Log, Snapshot
from twofold.event_store.write import Write, WriteResult
from twofold.testing.clock import ManualClock


class LogMachine(RuleBasedStateMachine):
    """Asks the model and the subject the same things. Subclasses say what the subject is."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._loop = asyncio.new_event_loop()
        self._run = self._loop.run_until_complete
        self._clock = ManualClock()
        self._model: Log = open_memory_log(self._clock)
        self._subject = self._run(self.open_subject(self._clock))

    async def open_subject(self, clock: ManualClock) -> Log:
        raise NotImplementedError

    def teardown(self) -> None:
        self._run(self._subject.close())
        self._loop.close()
        self._folder.cleanup()

    def compare(self, ask: Callable[[Log], Awaitable[Any]]) -> None:
        model, subject = [self._answer(ask, log) for log in (self._model, self._subject)]
        assert subject == model

    def _answer(self, ask: Callable[[Log], Awaitable[Any]], log: Log) -> Any:
        try:
            return self._run(ask(log))
        except TwofoldError as error:
            return type(error)

    def _version(self, stream: str) -> int:
        newest = self._run(self._model.events.read_stream(stream, limit=1, backwards=True))
        return newest[0].version if newest else 0

    @rule(data=st.data())
    def append(self, data: st.DataObject) -> None:
        writes = data.draw(batches(self._version))
        self.compare(lambda log: log.events.append(writes))

    @rule(after=numbers, up_to=optional_number, limits=st.sets(limits, min_size=2, max_size=4))
    def read_streams(self, after: int, up_to: int | None, limits: set[int]) -> None:
        for stream, limit, backwards in product([*STREAMS, "c-9"], sorted(limits), (False, True)):
            how: dict[str, Any] = {"after": after, "up_to": up_to, "limit": limit, "backwards": backwards}
            self.compare(partial(read_stream, stream, how))

    @rule(
        after=numbers,
        where=st.just(EVERYTHING) | filters,
        limit=limits,
        max_bytes=st.sampled_from([1, 700, 10**6]),
        up_to=optional_number,
    )
    def read_log(self, after: int, **how: Any) -> None:
        for backwards in (False, True):
            self.compare(partial(read_log, after, how | {"backwards": backwards}))

    @rule(position=optional_number)
    def mark(self, position: int | None) -> None:
        async def ask(log: Log) -> tuple[int, bytes]:
            found = await log.events.mark(position)
            assert found.epoch == log.events.epoch
            return found.position, found.check

        self.compare(ask)

    @rule(after=numbers)
    def wait(self, after: int) -> None:
        self.compare(lambda log: log.events.wait(after, 0))

    @rule(scope=st.sampled_from(["", "acme"]), key=st.sampled_from(["k1", "k2", "k3"]))
    def by_key(self, scope: str, key: str) -> None:
        self.compare(lambda log: log.outcomes.by_key(scope, key))

    @rule(message_id=st.sampled_from(KNOWN_IDS))
    def by_id(self, message_id: bytes) -> None:
        self.compare(lambda log: log.outcomes.by_id(message_id))

    @rule(
        before=st.none() | st.integers(0, 60),
        limit=st.integers(1, 50),
        status=st.none() | st.sampled_from(list(Status)),
        command=st.none() | st.sampled_from([*COMMANDS, "Unheard"]),
    )
    def recent(self, **how: Any) -> None:
        self.compare(lambda log: log.outcomes.recent(**how))

    @rule(age=st.integers(-1, 2), limit=st.integers(1, 5))
    def expire(self, age: int, limit: int) -> None:
        """All but the newest, whose number a store may give out again once it is gone."""
        newest = self._run(self._model.outcomes.recent(limit=1))
        if newest:
            before = min(self._clock.now_micros() - age * 1_000_000, newest[0].recorded_at)
            self.compare(lambda log: log.outcomes.expire(before, limit))

    @rule(stream=st.sampled_from(STREAMS), version=st.integers(1, 9), data=st.sampled_from([b"1", b"2"]))
    def snapshot(self, stream: str, version: int, data: bytes) -> None:
        self.compare(lambda log: log.snapshots.save(Snapshot(stream, version, "f1", data)))
        self.compare(lambda log: log.snapshots.load(stream, "f1"))

    @rule(seconds=st.integers(-2, 2))
    def let_time_pass(self, seconds: int) -> None:
        self._clock.advance(max(seconds, 0))
        self._clock.set_back(max(-seconds, 0))


async def read_stream(stream: str, how: dict[str, Any], log: Log) -> list[RecordedEvent]:
    return await log.events.read_stream(stream, **how)


async def read_log(after: int, how: dict[str, Any], log: Log) -> LogPage:
    return await log.events.read_log(after, **how)


class LastingMachine(LogMachine):
    """Two open logs on one store that take turns, closed and opened again now and then."""

    def opened(self, clock: ManualClock) -> Awaitable[Log]:
        raise NotImplementedError

    async def open_subject(self, clock: ManualClock) -> Log:
        self._other = await self.opened(clock)
        return await self.opened(clock)

    def teardown(self) -> None:
        self._run(self._other.close())
        super().teardown()

    @rule()
    def take_turns(self) -> None:
        self._subject, self._other = self._other, self._subject

    @rule()
    def reopen(self) -> None:
        for log in (self._subject, self._other):
            self._run(log.close())
        self._subject = self._run(self.open_subject(self._clock))

    @precondition(lambda self: self._subject.transactions is not None)
    @rule(data=st.data(), keep=st.booleans())
    def unit_of_work(self, data: st.DataObject, *, keep: bool) -> None:
        """As a batch of one after another, or as if nothing had happened."""
        writes = [write for write in data.draw(batches(self._version)) if not write.builds_on]
        subject = self._answer(lambda log: in_one_unit(log, writes, keep=keep), self._subject)
        if keep and isinstance(subject, list):
            assert subject == self._run(one_after_another(self._model, writes))


class SqliteMachine(LastingMachine):
    def opened(self, clock: ManualClock) -> Awaitable[Log]:
        return open_sqlite_log(str(Path(self._folder.name) / "log.db"), clock)


class PostgresMachine(LastingMachine):
    databases: ClassVar[Databases]

    def __init__(self) -> None:
        self._place = ExitStack()
        prepared = self.databases.prepared(with_log)
        self._url = self._place.enter_context(self.databases.fresh(prepared))
        super().__init__()

    def opened(self, clock: ManualClock) -> Awaitable[Log]:
        return open_postgres_log(self._url, clock)

    def teardown(self) -> None:
        super().teardown()
        self._place.close()


class ChangedMindError(Exception):
    """Ends a unit of work that is not to be kept."""


async def in_one_unit(log: Log, writes: Sequence[Write], *, keep: bool) -> list[WriteResult] | None:
    assert log.transactions is not None
    try:
        async with log.transactions.begin(5) as transaction:
            results = [await transaction.append(write) for write in writes]
            change_mind(unless=keep)
    except ChangedMindError:
        return None
    return results


def change_mind(*, unless: bool) -> None:
    if not unless:
        raise ChangedMindError


async def one_after_another(log: Log, writes: Sequence[Write]) -> list[WriteResult]:
    return [result for write in writes for result in await log.events.append([write])]


def run_machine(machine: type[LogMachine], examples: int, *, shrink: bool = True) -> None:
    number = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
    print(f"TWOFOLD_SEED={number}")
    run_state_machine_as_test(
        seed(number)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
def test_sqlite_answers_as_memory_does() -> None:
    run_machine(SqliteMachine, examples=int(os.environ.get("TWOFOLD_EXAMPLES") or 60))


@pytest.mark.slow
def test_postgres_answers_as_memory_does(servers: Servers) -> None:
    PostgresMachine.databases = servers.databases()
    run_machine(PostgresMachine, examples=int(os.environ.get("TWOFOLD_EXAMPLES") or 30))


# --- planted bugs: a memory log with one fault each, which the machine has to find ------------


class _Planted:
    """Passes on what it does not break."""

    def __init__(self, inner: EventStore) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def changed(write: Write, **fields: Any) -> Write:
    return Write(**{name: getattr(write, name) for name in write.__struct_fields__} | fields)


class BuildsOnNothing(_Planted):
    async def append(self, writes: Sequence[Write]) -> list[WriteResult]:
        return await self._inner.append([changed(write, builds_on=()) for write in writes])


class StopsAtAConflict(_Planted):
    async def append(self, writes: Sequence[Write]) -> list[WriteResult]:
        return [result for write in writes for result in await self._inner.append([changed(write, builds_on=())])]


class RecordsNoRejections(_Planted):
    async def append(self, writes: Sequence[Write]) -> list[WriteResult]:
        accepted = [changed(write, outcome=None) if write.outcome and write.outcome.code else write for write in writes]
        return await self._inner.append(accepted)


class TakesImportsByTheirWord(_Planted):
    async def append(self, writes: Sequence[Write]) -> list[WriteResult]:
        return await self._inner.append([changed(write, recorded_at=None) for write in writes])


class ReadsOneTooFew(_Planted):
    async def read_stream(self, stream: str, **how: Any) -> list[RecordedEvent]:
        found = await self._inner.read_stream(stream, **how)
        return found[:-1] if how["backwards"] and len(found) == how["limit"] else found


class MovesPastWhatItCutOff(_Planted):
    async def read_log(self, after: int, **how: Any) -> LogPage:
        page = await self._inner.read_log(after, **how)
        return LogPage(page.events, page.reached + 1, page.at_head) if page.events and not page.at_head else page


@pytest.mark.parametrize(
    "bug",
    [
        BuildsOnNothing,
        StopsAtAConflict,
        RecordsNoRejections,
        TakesImportsByTheirWord,
        ReadsOneTooFew,
        MovesPastWhatItCutOff,
    ],
)
def test_the_machine_finds_a_planted_bug(bug: type[_Planted]) -> None:
    class PlantedMachine(LogMachine):
        async def open_subject(self, clock: ManualClock) -> Log:
            log = open_memory_log(clock)
            log.events = bug(log.events)
            return log

    with pytest.raises(AssertionError):
        run_machine(PlantedMachine, examples=3000, shrink=False)
