"""Alerts rise once, clear once, and do not flap."""

from __future__ import annotations

import pytest

from twofold.runtime.alerts import Alarms, Alert, Reading, Rule, Window
from twofold.testing.clock import ManualClock

LAG = Rule("lag", "{subject} is {value:g} s behind; the limit is {limit:g} s", 5.0, 4.0, clears_after=30.0)
SILENT = Rule("silent", "nothing answers", rises_after=10.0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def alarms(clock: ManualClock) -> Alarms:
    return Alarms([LAG, SILENT], clock)


def lag(value: float, subject: str = "Page") -> Reading:
    return Reading("lag", subject, value)


def said(alarms: Alarms, *readings: Reading) -> list[tuple[str, bool]]:
    return [(alert.subject, alert.is_raised) for alert in alarms.judge(readings)]


def test_at_its_limit_a_value_is_well_and_above_it_is_not(alarms: Alarms) -> None:
    assert said(alarms, lag(5.0)) == []
    assert said(alarms, lag(5.01)) == [("Page", True)]


def test_an_alert_is_told_once_for_as_long_as_it_lasts(alarms: Alarms, clock: ManualClock) -> None:
    told = []
    for _ in range(100):
        told += said(alarms, lag(9.0))
        clock.advance(5)

    assert told == [("Page", True)]


def test_it_is_over_only_when_the_value_has_been_well_for_long_enough(alarms: Alarms, clock: ManualClock) -> None:
    said(alarms, lag(9.0))
    told = [said(alarms, lag(1.0))]
    for seconds in (29.9, 0.1):
        clock.advance(seconds)
        told.append(said(alarms, lag(1.0)))

    assert told == [[], [], [("Page", False)]]


def test_a_value_that_swings_around_the_limit_raises_one_alert(alarms: Alarms, clock: ManualClock) -> None:
    told = []
    for value in (5.1, 4.9, 5.1, 4.5, 5.2) * 20:
        told += said(alarms, lag(value))
        clock.advance(10)

    assert told == [("Page", True)]


def test_planted_alarms_without_hysteresis_flap(clock: ManualClock) -> None:
    alarms = Alarms([LAG._replace(clears_at=5.0, clears_after=0.0)], clock)
    told = []
    for value in (5.1, 4.9, 5.1, 4.5, 5.2) * 20:
        told += said(alarms, lag(value))
        clock.advance(10)

    assert len(told) > 50


def test_what_has_to_last_is_not_told_before(alarms: Alarms, clock: ManualClock) -> None:
    told = []
    for value, seconds in ((1, 9), (0, 1), (1, 5), (1, 4.9), (1, 0.1), (1, 1)):
        told.append(said(alarms, Reading("silent", "", value)))
        clock.advance(seconds)

    assert told == [[], [], [], [], [], [("", True)]]


def test_one_view_does_not_hide_another(alarms: Alarms) -> None:
    assert said(alarms, lag(9.0, "A"), lag(1.0, "B")) == [("A", True)]
    assert said(alarms, lag(9.0, "A"), lag(7.0, "B")) == [("B", True)]


def test_what_is_not_measured_stays_as_it_was(alarms: Alarms, clock: ManualClock) -> None:
    said(alarms, lag(9.0))
    clock.advance(3600)

    assert said(alarms) == []
    assert said(alarms, lag(9.0)) == []


def test_what_no_rule_is_about_is_ignored(alarms: Alarms) -> None:
    assert said(alarms, Reading("moon", "", 1e9)) == []


def test_what_was_forgotten_begins_anew(alarms: Alarms) -> None:
    said(alarms, lag(9.0))
    alarms.forget(["lag"])

    assert said(alarms, lag(1.0)) == []
    assert said(alarms, lag(9.0)) == [("Page", True)]


def test_an_alert_says_in_words_what_and_what_to_do(alarms: Alarms, clock: ManualClock) -> None:
    (alert,) = alarms.judge([Reading("lag", "Page", 7.5, "start its projector")])

    text = "Page is 7.5 s behind; the limit is 5 s: start its projector"
    assert alert == Alert("lag", "Page", is_raised=True, value=7.5, limit=5.0, at=clock.now_micros(), text=text)


def test_a_window_knows_what_was_a_minute_ago_and_keeps_no_more() -> None:
    window: Window[int] = Window(60.0)

    found = [window.before(now, now) for now in range(0, 600, 5)]

    assert found[:13] == [0] * 13
    assert found[13:] == list(range(5, 540, 5))
    assert len(window._kept) <= 13
