"""What `twofold doctor` looks at, one finding each."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from twofold.app.app import App
from twofold.app.open_app import OpenApp
from twofold.app.stores import parse_url
from twofold.cli.exits import remedy_of
from twofold.cli.opening import Place
from twofold.cli.target import existing_store, find_app_or_none
from twofold.cli.version import versions
from twofold.clock import Clock, SystemClock
from twofold.config import Config
from twofold.errors import TwofoldError

OK, NOTE, BAD = "ok", "note", "bad"
_CLOCK_SLACK = 1_000_000
_NOT_RUNNING = "is the app running (`twofold run`)? its log says why a view has stopped"
_FREE_BYTES = 100 * 1024 * 1024


class Finding(NamedTuple):
    """One thing that was looked at: `verdict` is ok, note or bad; `remedy` says what to do about it."""

    subject: str
    verdict: str
    text: str
    remedy: str = ""


@runtime_checkable
class SelfDescribing(Protocol):
    """A log that can say what it is: technology, version, durability."""

    def facts(self) -> Mapping[str, str]:
        """What the store says of itself, for people."""


async def examine(place: Place) -> list[Finding]:
    """Everything there is to say; what cannot be looked at because of an earlier fault is left out."""
    findings = [Finding("versions", OK, ", ".join(f"{name} {text}" for name, text in versions().items()))]
    try:
        config = Config.load(store=place.store, views=place.views)
        findings.append(Finding("configuration", OK, "without fault"))
        app = find_app_or_none(place.app, config)
        findings.append(_wiring(app))
        url = existing_store(config)
        findings.extend(_disk(url))
        async with (app or App("twofold")).open(url, views=config.views, config=config, workers=False) as opened:
            findings.append(Finding("store", OK, f"{url} opens; epoch {opened.log.events.epoch}"))
            findings += [finding async for finding in _inside(opened, SystemClock())]
    except TwofoldError as error:
        findings.append(Finding(_subject(findings), BAD, str(error), remedy_of(error)))
    return findings


def _subject(findings: list[Finding]) -> str:
    """What was being looked at when an error ended the examination."""
    seen = {finding.subject for finding in findings}
    return next(subject for subject in ("configuration", "wiring", "store", "views") if subject not in seen)


def _wiring(app: App | None) -> Finding:
    if app is None:
        return Finding("wiring", NOTE, "no app is named, so only the store is looked at", "give --app module:app")
    return Finding("wiring", OK, f"{app.name} is put together rightly")


def _disk(url: str) -> Iterator[Finding]:
    scheme, path = parse_url(url)
    if scheme != "sqlite":
        return
    free = shutil.disk_usage(Path(path).absolute().parent).free
    text = f"{free // 2**20:,} MiB free beside the store"
    yield Finding("disk", OK, text) if free > _FREE_BYTES else Finding("disk", BAD, text, "make room; nothing is lost")


async def _inside(app: OpenApp, clock: Clock) -> AsyncIterator[Finding]:
    if isinstance(app.log, SelfDescribing):
        facts = app.log.facts()
        yield Finding("database", OK, ", ".join(f"{name} {text}" for name, text in facts.items()))
        yield _durability(facts)
    yield await _clock(app, clock)
    for view in await app.check.views():
        text = f"{view.state} at position {view.position}, {view.lag_events} behind ({view.lag_seconds:.1f} s)"
        is_unwell = app.check.is_unwell(view)
        if view.error:
            text = f"{text}: {view.error}"
        remedy = view.remedy or (_NOT_RUNNING if is_unwell else "")
        yield Finding(f"view {view.name}", BAD if is_unwell else OK, text, remedy)


def _durability(facts: Mapping[str, str]) -> Finding:
    if facts.get("synchronous") == "normal":
        return Finding("durability", NOTE, "a power cut may lose the last commits", 'set synchronous = "full"')
    return Finding("durability", OK, "what is acknowledged survives a power cut")


async def _clock(app: OpenApp, clock: Clock) -> Finding:
    page = await app.log.events.read_log(0, limit=1, backwards=True)
    ahead = page.events[0].recorded_at - clock.now_micros() if page.events else 0
    if ahead > _CLOCK_SLACK:
        text = f"the last event was recorded {ahead / 1_000_000:.1f} s from now"
        return Finding("clock", BAD, text, "set this machine's clock; new events get the last one's time until then")
    return Finding("clock", OK, "not behind the log")
