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

from tests.servers.databases import Databases
from tests.servers.fixtures import Servers
from tests.servers.prepared import with_log
from twofold.adapters.memory.log import open_memory_log
from twofold.adapters.postgres.log import open_postgres_log
from twofold.adapters.sqlite.log import open_sqlite_log
from twofold.errors import TwofoldError
from twofold.event_store.outcome import Outcome, Status
from twofold.event_store.recorded_event import LogPage, NewEvent, RecordedEvent
from twofold.event_store.store import EVERYTHING, EventStore, Log, LogFilter, Snapshot
from twofold.event_store.write import ANY_VERSION, StreamWrite, Write, WriteResult
from twofold.testing.clock import ManualClock
from twofold.testing.contracts.writes import CAUSE, CORRELATION, ORIGIN, new_id

STREAMS = ["a-1", "a-2", "b-1"]
KINDS = ["Opened", "Moved", "Closed"]
COMMANDS = ["Open", "Close"]
KNOWN_IDS = [bytes([number]) * 16 for number in range(4)]

numbers = st.just(0) | st.integers(0, 6) | st.integers(0, 300)
optional_number = st.none() | numbers
limits = st.integers(1, 4) | st.integers(1, 300)
counts = st.integers(0, 3) | st.sampled_from([1, 60, 127, 128, 129])
filters = st.builds(
    LogFilter,
    types=st.none() | st.frozensets(st.sampled_from([*KINDS, "Unheard"])),
    categories=st.none() | st.frozensets(st.sampled_from(["a", "b", "c"])),
    slices=st.none() | st.tuples(st.integers(0, 512), st.integers(512, 1024)),
)
events = st.builds(
    NewEvent,
    type=st.sampled_from(KINDS),
    schema_version=st.integers(1, 2),
    data=st.sampled_from([b"{}", b'{"x":1}', b" " * 300]),
    message_id=st.builds(new_id),
)


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome | None:
    """None, a plain one, one with a key, a rejection; often one that came before."""
    if draw(st.booleans()):
        return None
    key = draw(st.none() | st.sampled_from(["k1", "k2", "k3"]))
    code = draw(st.none() | st.just("no"))
    return Outcome(
        message_id=draw(st.sampled_from(KNOWN_IDS) | st.builds(new_id)),
        command=draw(st.sampled_from(COMMANDS)),
        status=Status.REJECTED if code else Status.ACCEPTED,
        correlation_id=CORRELATION,
        stream=draw(st.none() | st.sampled_from(STREAMS)),
        decided_on=draw(st.integers(0, 5)),
        key=key,
        scope=draw(st.sampled_from(["", "acme"])) if key else "",
        payload_hash=draw(st.sampled_from([b"p" * 16, b"q" * 16])) if key else b"",
        code=code,
        message=code,
        duration=draw(st.integers(0, 9)),
    )


@st.composite
def batches(draw: st.DrawFn, versions: Callable[[str], int]) -> list[Write]:
    """Up to five writes. Versions are usually right; a few writes break the rules of the port."""
    growth: dict[str, int] = {}
    writes: list[Write] = []
    for place in range(draw(st.integers(1, 5))):
        streams = draw(st.lists(st.sampled_from(STREAMS), max_size=2, unique=draw(st.integers(0, 20)) > 0))
        parts = [draw(_parts(stream, versions(stream) + growth.get(stream, 0))) for stream in streams]
        growth.update({part.stream: growth.get(part.stream, 0) + len(part.events) for part in parts})
        low, high = (-1, place + 1) if draw(st.integers(0, 30)) == 0 else (0, place - 1)
        builds_on = draw(st.lists(st.integers(low, high), max_size=2)) if low <= high else []
        recorded_at = draw(st.none() | st.integers(0, 10**16))
        given = (
            draw(outcomes()),
            CAUSE,
            draw(st.sampled_from([CAUSE, CORRELATION])),
            draw(st.sampled_from([b"{}", ORIGIN])),
        )
        writes.append(Write(tuple(parts), *given, builds_on=tuple(builds_on), recorded_at=recorded_at))
    return writes


@st.composite
def _parts(draw: st.DrawFn, stream: str, right: int) -> StreamWrite:
    expected = draw(st.sampled_from([right, right, right, ANY_VERSION, 0]) | st.integers(0, 5))
    count = draw(counts)
    chosen = draw(st.lists(events, min_size=min(count, 3), max_size=min(count, 3)))
    more = [NewEvent("Moved", 1, b"{}", new_id()) for _ in range(count - len(chosen))]
    return StreamWrite(stream, expected, (*chosen, *more))


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
