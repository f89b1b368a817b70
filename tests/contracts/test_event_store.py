"""Every event store keeps the contract of the log."""

from __future__ import annotations

from twofold.testing.contracts.event_store.append import AppendContract, RecordedTimeContract
from twofold.testing.contracts.event_store.batches import BatchContract
from twofold.testing.contracts.event_store.concurrency import ConcurrencyContract
from twofold.testing.contracts.event_store.durability import DurabilityContract
from twofold.testing.contracts.event_store.marks import MarkContract
from twofold.testing.contracts.event_store.read_log import FilterContract, ReadLogBackwardsContract, ReadLogContract
from twofold.testing.contracts.event_store.read_stream import ReadStreamContract
from twofold.testing.contracts.event_store.replay import ReplayContract
from twofold.testing.contracts.event_store.waiting import ClockContract, WaitContract


class TestAppend(AppendContract): ...


class TestRecordedTime(RecordedTimeContract): ...


class TestBatches(BatchContract): ...


class TestReplay(ReplayContract): ...


class TestReadStream(ReadStreamContract): ...


class TestReadLog(ReadLogContract): ...


class TestFilter(FilterContract): ...


class TestReadLogBackwards(ReadLogBackwardsContract): ...


class TestMarks(MarkContract): ...


class TestClock(ClockContract): ...


class TestWaiting(WaitContract): ...


class TestConcurrency(ConcurrencyContract): ...


class TestDurability(DurabilityContract): ...
