"""Alerts of a running app, by a virtual clock: each one rises at its limit, is told once, and clears."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from twofold import Aggregate, Alert, App, Command, Config, Event, OpenApp, View, decides, evolves
from twofold.app import alerting
from twofold.errors import StoreUnavailableError
from twofold.event_store.recorded_event import NewEvent
from twofold.event_store.write import ANY_VERSION, StreamWrite, Write
from twofold.read.lag import LagMeter
from twofold.runtime.alerts import AlertHook
from twofold.runtime.health import ReaderStatus
from twofold.testing.clock import ManualClock


class Ring(Command):
    bell: str


class Rung(Event):
    pass


class Bell(Aggregate, key="bell"):
    @decides(existing=False)
    def ring(self, command: Ring) -> list[Rung]:
        return [Rung()] * 1000 if command.bell == "carillon" else [Rung()]


class Rings(View, key="bell"):
    bell: str
    times: int = 0

    @evolves
    def rung(self, event: Rung) -> None:
        if self.bell == "cracked":
            raise ValueError("it has no sound")
        self.times += 1


UNREADABLE = Write(
    (StreamWrite("Bell-great", ANY_VERSION, (NewEvent("Rung", 1, b"?", bytes(16)),)),),
    None,
    bytes(16),
    bytes(16),
    b"{}",
)


class Tower:
    """An open app whose time stands still, and what it told."""

    def __init__(self, opened: OpenApp, clock: ManualClock, told: list[Alert]) -> None:
        self.app, self.clock, self.told = opened, clock, told

    async def watch(self, seconds: float, *, fold: bool = True) -> list[tuple[str, str, bool]]:
        """Let time pass, 5 seconds at a time; what was told meanwhile."""
        self.told.clear()
        leases, alerts = (self.app._supervisor._workers[name] for name in ("leases", "alerts"))
        for _ in range(round(seconds / 5)):
            self.clock.advance(5)
            await leases.step()
            if fold:
                await self.app.run_until_idle()
            else:
                await alerts.step()
        return [(alert.name, alert.subject, alert.is_raised) for alert in self.told]


@asynccontextmanager
async def tower(url: str = "memory://", *hooks: AlertHook, **settings: Any) -> AsyncIterator[Tower]:
    told: list[Alert] = []
    clock = ManualClock()
    app = App("tower", aggregates=[Bell], views=[Rings], on_alert=[*hooks, told.append])
    async with app.open(url, config=Config(**settings), workers=False, clock=clock) as opened:
        await opened.run_until_idle()
        yield Tower(opened, clock, told)


async def test_an_app_that_is_well_says_nothing(url: str) -> None:
    async with tower(url) as found:
        for _ in range(5):
            await found.app.send(Ring(bell="great"))
            assert await found.watch(30) == []


async def test_a_view_that_falls_behind_is_told_of_once_and_again_when_it_has_caught_up(url: str) -> None:
    async with tower(url) as found:
        await found.app.send(Ring(bell="great"))
        late = await found.watch(5, fold=False)
        behind = await found.watch(60, fold=False)
        over = await found.watch(60)

    assert late == []
    assert behind == [("view-behind", "Rings", True)]
    assert over == [("view-behind", "Rings", False)]


async def test_planted_lag_in_the_projectors_own_words_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gauge that shows what the projector said last is 0 for as long as the projector is dead."""

    async def said(self: LagMeter, max_age: float = 0.0) -> tuple[ReaderStatus, ...]:
        return (ReaderStatus("Rings", "live", 0, 0, 0.0),)

    monkeypatch.setattr(LagMeter, "measure", said)
    async with tower() as found:
        await found.app.send(Ring(bell="great"))

        assert await found.watch(60, fold=False) == []


async def test_a_stopped_view_is_told_of_with_its_reason(url: str) -> None:
    async with tower(url) as found:
        await found.app.log.events.append([UNREADABLE])

        assert ("view-stopped", "Rings", True) in await found.watch(10)
        assert "view Rings is stopped: Rung at position 1" in found.told[0].text


async def test_a_parked_row_is_told_of(url: str) -> None:
    async with tower(url) as found:
        await found.app.send(Ring(bell="great"))
        await found.app.send(Ring(bell="cracked"))

        assert await found.watch(60) == [("rows-parked", "Rings", True)]
        assert found.told[0].text == "parked rows of view Rings: 1; see `twofold dlq list`"


async def test_many_events_are_told_of_when_there_have_been_too_many_for_a_minute(url: str) -> None:
    async with tower(url, alert_events=90.0) as found:
        told = []
        for _ in range(7):
            await found.app.send(Ring(bell="carillon"))
            told += await found.watch(10)
        calm = await found.watch(120)

    assert told == [("events-many", "", True)]
    assert calm == [("events-many", "", False)]


async def test_a_burst_is_not_many_events(url: str) -> None:
    async with tower(url, alert_events=100.0) as found:
        for _ in range(5):
            await found.app.send(Ring(bell="carillon"))

        assert await found.watch(120) == []


async def test_failed_folds_are_told_of_when_there_are_too_many_in_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tower(alert_failed_folds=10.0) as found:
        projector, failed = found.app.projectors["Rings"], [10]
        status = projector.status()
        monkeypatch.setattr(projector, "status", lambda: msgspec.structs.replace(status, failed=failed[0]))
        ten = await found.watch(30)
        failed[0] += 1
        eleven = await found.watch(20)
        failed[0] += 9
        over = await found.watch(120)

    assert (ten, eleven, over) == ([], [("folds-failing", "", True)], [("folds-failing", "", False)])


@pytest.mark.parametrize(("slow", "told"), [(1, []), (2, [("queries-slow", "", True)])])
async def test_slow_answers_are_told_of_when_one_in_a_hundred_is(
    slow: int, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tower() as found:
        await found.app.send(Ring(bell="great"))
        await found.app.run_until_idle()
        _answers_take(monkeypatch, [0.15] * slow + [0.001] * (150 - slow))
        for _ in range(150):
            await found.app.get(Rings, "great")

        assert await found.watch(20) == told


async def test_a_few_slow_answers_tell_nothing_of_one_in_a_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tower() as found:
        await found.app.send(Ring(bell="great"))
        await found.app.run_until_idle()
        _answers_take(monkeypatch, [1.0] * 99)
        for _ in range(99):
            await found.app.get(Rings, "great")

        assert await found.watch(20) == []


def _answers_take(monkeypatch: pytest.MonkeyPatch, seconds: list[float]) -> None:
    """Lets each answer seem to take so long: the clock is read before and after it."""
    read = iter([moment for each in seconds for moment in (0.0, each)])
    monkeypatch.setattr("twofold.app.measured.queries.perf_counter", read.__next__)


async def test_stores_that_do_not_answer_are_told_of_though_nothing_can_be_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def silent(*_: object) -> None:
        raise StoreUnavailableError("nobody is there")

    async with tower() as found:
        monkeypatch.setattr(found.app.log.events, "mark", silent)
        told = await found.watch(60, fold=False)
        monkeypatch.undo()
        over = await found.watch(10, fold=False)

    assert told == [("store-silent", "", True)]
    assert over == [("store-silent", "", False)]


async def test_of_several_processes_one_tells_and_another_goes_on_when_it_is_gone(lasting_url: str) -> None:
    told: list[str] = []
    clock = ManualClock()

    def app(name: str) -> App:
        return App("tower", aggregates=[Bell], views=[Rings], on_alert=[lambda alert: told.append(name)])

    async def pass_time(*apps: OpenApp) -> None:
        for _ in range(5):
            clock.advance(5)
            for each in apps:
                for worker in ("leases", "alerts"):
                    await each._supervisor._workers[worker].step()

    async with (
        app("a").open(lasting_url, config=Config(), workers=False, clock=clock) as one,
        app("b").open(lasting_url, config=Config(), workers=False, clock=clock) as other,
    ):
        await pass_time(one, other)
        await one.send(Ring(bell="great"))
        await pass_time(one, other)
        by_both = list(told)
        holder, left = (one, other) if told == ["a"] else (other, one)
        await holder.close()
        await pass_time(left)

    assert len(by_both) == 1
    assert len(told) == 2, "whoever takes over tells again: it cannot know what was told before"


async def test_a_hook_that_fails_or_hangs_keeps_no_other_from_being_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerting, "HOOK_SECONDS", 0.01)
    awaited = []

    def failing(alert: Alert) -> None:
        raise ConnectionError("the pager is out of order")

    def hanging(alert: Alert) -> Awaitable[Any]:
        return asyncio.Event().wait()

    async def well(alert: Alert) -> None:
        awaited.append(alert.name)

    async with tower("memory://", failing, hanging, well) as found:
        await found.app.send(Ring(bell="great"))
        told = await found.watch(20, fold=False)

    assert told == [("view-behind", "Rings", True)]
    assert awaited == ["view-behind"]
    assert caplog.text.count("a hook failed at the alert view-behind") == 2


async def test_alerts_are_in_the_log_also_without_hooks(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "twofold.alerts")
    async with tower() as found:
        await found.app.send(Ring(bell="great"))
        await found.watch(20, fold=False)
        await found.watch(60)

    lines = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "twofold.alerts"]
    assert lines[0][0] == "WARNING"
    assert "alert view-behind: view Rings is" in lines[0][1]
    assert "the limit is 5 s" in lines[0][1]
    assert lines[1] == ("INFO", "alert view-behind is over: view Rings is 0.0 s behind; the limit is 5 s")


@pytest.mark.parametrize("setting", ["alert_lag", "alert_events", "alert_query", "alert_failed_folds"])
def test_a_limit_of_none_is_no_limit(setting: str) -> None:
    every = {rule.name for rule in alerting.rules_of(Config())}
    without: Any = {setting: None}

    assert len(every - {rule.name for rule in alerting.rules_of(Config(**without))}) == 1


def test_the_limits_are_those_that_were_asked_for() -> None:
    limits = {rule.name: rule.limit for rule in alerting.rules_of(Config())}

    assert limits["view-behind"] == 5.0
    assert limits["events-many"] == 10_000.0
    assert limits["queries-slow"] == 0.1
    assert limits["folds-failing"] == 10.0
