"""What `twofold doctor` looks at, one finding each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Protocol, runtime_checkable

from twofold.app import stores
from twofold.app.app import App
from twofold.app.open_app import OpenApp
from twofold.app.stores import Role, public, schema_of, views_url
from twofold.cli.exits import remedy_of
from twofold.cli.opening import Place
from twofold.cli.target import existing_store, find_app_or_none
from twofold.cli.version import versions
from twofold.clock import Clock, SystemClock
from twofold.config import Config
from twofold.errors import TwofoldError, UnavailableError
from twofold.runtime.finding import Finding

_CLOCK_SLACK = 1_000_000
_NOT_RUNNING = "is the app running (`twofold run`)? its log says why a view has stopped"


@runtime_checkable
class SelfDescribing(Protocol):
    """A log that can say what it is: technology, version, durability."""

    def facts(self) -> Mapping[str, str]:
        """What the store says of itself, for people."""


async def examine(place: Place) -> list[Finding]:
    """Everything there is to say; what cannot be looked at because of an earlier fault is left out."""
    findings = [Finding("versions", "ok", ", ".join(f"{name} {text}" for name, text in versions().items()))]
    subjects = iter(("configuration", "wiring", "store"))
    subject = next(subjects)
    try:
        config = Config.load(store=place.store, views=place.views, rebuild="manual", promote="manual")
        findings.append(Finding(subject, "ok", "without fault"))
        subject = next(subjects)
        app = find_app_or_none(place.app, config)
        findings.append(_wiring(app))
        subject = next(subjects)
        url = existing_store(config)
        findings += await stores.examine(url, views_url(url, config.views), config)
        if not is_bad(findings) and await _is_whole(url, config):
            findings += await _opened(app, url, config)
    except TwofoldError as error:
        remedy = "" if isinstance(error, UnavailableError) else remedy_of(error)
        findings.append(Finding(subject, "bad", str(error), remedy))
    return findings


def is_bad(findings: Iterable[Finding]) -> bool:
    """Whether any of it is wrong."""
    return any(finding.verdict == "bad" for finding in findings)


async def _is_whole(url: str, config: Config) -> bool:
    """Whether opening the app would make or change nothing."""
    roles: dict[Role, str] = {"log": url, "views": views_url(url, config.views)}
    return not any([await schema_of(at, role, config).pending() for role, at in roles.items()])


def _wiring(app: App | None) -> Finding:
    if app is None:
        return Finding("wiring", "note", "no app is named, so only the store is looked at", "give --app module:app")
    return Finding("wiring", "ok", f"{app.name} is put together rightly")


async def _opened(app: App | None, url: str, config: Config) -> list[Finding]:
    async with (app or App("twofold")).open(url, views=config.views, config=config, workers=False) as opened:
        store = Finding("store", "ok", f"{public(url)} opens; epoch {opened.log.events.epoch}")
        return [store, *[finding async for finding in _inside(opened, SystemClock())]]


async def _inside(app: OpenApp, clock: Clock) -> AsyncIterator[Finding]:
    if isinstance(app.log, SelfDescribing):
        facts = app.log.facts()
        yield Finding("database", "ok", ", ".join(f"{name} {text}" for name, text in facts.items()))
        yield _durability(facts)
    yield await _clock(app, clock)
    yield await _processes(app)
    for view in await app.check.views():
        text = f"{view.state} at position {view.position}, {view.lag_events} behind ({view.lag_seconds:.1f} s)"
        is_unwell = app.check.is_unwell(view)
        if view.error:
            text = f"{text}: {view.error}"
        remedy = view.remedy or (_NOT_RUNNING if is_unwell else "")
        yield Finding(f"view {view.name}", "bad" if is_unwell else "ok", text, remedy)
        if view.parked_keys:
            said = f"{view.parked_keys} parked: they failed to fold, and wait with their events"
            yield Finding(f"rows of {view.name}", "note", said, f"`twofold dlq list {view.name}` says why")


def _durability(facts: Mapping[str, str]) -> Finding:
    if facts.get("synchronous") == "normal":
        return Finding("durability", "note", "a power cut may lose the last commits", 'set synchronous = "full"')
    return Finding("durability", "ok", "what is acknowledged survives a power cut")


async def _processes(app: OpenApp) -> Finding:
    here = len((await app.log.leases.roster()).members)
    if here:
        return Finding("processes", "ok", f"{here} at work on this log")
    return Finding("processes", "note", "none is at work: views stay where they are", "start one with `twofold run`")


async def _clock(app: OpenApp, clock: Clock) -> Finding:
    page = await app.log.events.read_log(0, limit=1, backwards=True)
    ahead = page.events[0].recorded_at - clock.now_micros() if page.events else 0
    if ahead > _CLOCK_SLACK:
        text = f"the last event was recorded {ahead / 1_000_000:.1f} s from now"
        return Finding("clock", "bad", text, "set this machine's clock; new events get the last one's time until then")
    return Finding("clock", "ok", "not behind the log")
