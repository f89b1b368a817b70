"""`twofold events`: the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import IO, Any

import click

from twofold.cli.event_finding import EventName, find_event
from twofold.cli.event_rows import COLUMNS, event_line, event_row
from twofold.cli.exits import CHECK_FAILED
from twofold.cli.importing import verb as import_events
from twofold.cli.log_check import LogCheck
from twofold.cli.log_pages import Wanted, find, follow, newest, walk
from twofold.cli.log_writing import line_of_event
from twofold.cli.moment import Moment
from twofold.cli.opening import Place, opened_log
from twofold.cli.output import as_json, counted, print_json, print_json_line, print_rows
from twofold.cli.target import on_store
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EventStore, LogFilter
from twofold.runtime.signals import stop_signals

_MAX_SHOWN_FAULTS = 100


_types = click.option("--type", "types", multiple=True, metavar="NAME", help="Only events of this type; repeatable.")
_categories = click.option("--category", "categories", multiple=True, metavar="NAME", help="Only these aggregates.")


@click.group()
def verb() -> None:
    """The log: every event, in one order that never changes. No app is needed to look at it."""


@verb.command()
@click.option("-n", "--count", type=click.IntRange(min=0), default=20, show_default=True, help="How many.")
@click.option("-f", "--follow", "following", is_flag=True, help="Go on with new events until Ctrl-C.")
@_types
@_categories
@as_json
@on_store
def tail(
    count: int,
    types: tuple[str, ...],
    categories: tuple[str, ...],
    *,
    following: bool,
    json: bool,
    **place: str | None,
) -> None:
    """Show the newest events, in order. With --json one object a line."""
    asyncio.run(_tail(Place(**place), Wanted(types, categories).where(), count, following=following, json=json))


async def _tail(place: Place, where: LogFilter, count: int, *, following: bool, json: bool) -> None:
    show = _show_line if json else _show_text
    async with opened_log(place) as (log, _):
        showing = asyncio.create_task(_show_all(log.events, where, count, show, following=following))
        with stop_signals(showing.cancel):
            await asyncio.wait({showing})
        if not showing.cancelled():
            showing.result()


async def _show_all(
    log: EventStore, where: LogFilter, count: int, show: Callable[[RecordedEvent], None], *, following: bool
) -> None:
    events, head = await newest(log, count, where)
    for event in events:
        show(event)
    if following:
        async for event in follow(log, head, where, lambda text: click.echo(text, err=True)):
            show(event)


@verb.command()
@click.argument("event", type=EventName(), metavar="POSITION|ID")
@on_store
def show(event: int | bytes, **place: str | None) -> None:
    """Show the event at POSITION, or with the message ID, with all the log holds of it, as JSON."""
    asyncio.run(_show(Place(**place), event))


async def _show(place: Place, wanted: int | bytes) -> None:
    async with opened_log(place) as (log, _):
        print_json(event_row(await find_event(log, wanted)))


@verb.command()
@_types
@_categories
@click.option("--stream", metavar="NAME", help="Only events of this stream.")
@click.option("--correlation", type=click.UUID, metavar="ID", help="Only what came of one request.")
@click.option("--causation", type=click.UUID, metavar="ID", help="Only what one command made.")
@click.option("--since", type=Moment(), help="Only events recorded at or after this time.")
@click.option("--until", type=Moment(), help="Only events recorded before this time.")
@click.option("--contains", "text", metavar="TEXT", help="Only events whose data holds this text.")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Begin behind this position.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@as_json
@on_store
def search(
    *, after: int, limit: int, json: bool, app: str | None, store: str | None, views: str | None, **wanted: Any
) -> None:
    """Find events, oldest first."""
    found = asyncio.run(_search(Place(app, store, views), Wanted(**wanted), after, limit))
    rows = [event_row(event) for event in found]
    if not json:
        rows = [{**row, "data": bytes(row["data"]).decode()} for row in rows]
    print_rows(rows, COLUMNS, json=json, none="no event matches")


async def _search(place: Place, wanted: Wanted, after: int, limit: int) -> list[RecordedEvent]:
    found: list[RecordedEvent] = []
    async with opened_log(place) as (log, _), aclosing(find(log.events, wanted, after)) as events:
        async for event in events:
            found.append(event)
            if len(found) == limit:
                break
    return found


@verb.command()
@click.option("-o", "--output", type=click.File("wb", lazy=False), default="-", help="A file; else standard output.")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Begin behind this position.")
@click.option("--up-to", type=click.IntRange(min=0), help="End with this position; else with the head.")
@_types
@_categories
@on_store
def export(
    output: IO[bytes],
    after: int,
    up_to: int | None,
    types: tuple[str, ...],
    categories: tuple[str, ...],
    **place: str | None,
) -> None:
    """Write events as JSON lines, in order, with all the log holds of them. Memory use does not grow with the log.

    `twofold export` writes what came of commands too, and the log's epoch: what a log needs to move.
    """
    count = asyncio.run(_export(Place(**place), output, (after, up_to), Wanted(types, categories).where()))
    click.echo(counted(count, "events"), err=True)


async def _export(place: Place, output: IO[bytes], between: tuple[int, int | None], where: LogFilter) -> int:
    after, up_to = between
    count = 0
    async with opened_log(place) as (log, _):
        last = (await log.events.mark()).position if up_to is None else up_to
        async for event in walk(log.events, after, up_to=last, where=where):
            output.write(line_of_event(event) + b"\n")
            count += 1
    return count


verb.add_command(import_events)


@verb.command()
@as_json
@on_store
@click.pass_context
def verify(ctx: click.Context, /, *, json: bool, **place: str | None) -> None:
    """Check the whole log: positions rise, times do not fall, versions have no gap, data can be decoded.

    Without an app, data is only checked to be JSON. Exit 1 when anything is wrong.
    """
    report = asyncio.run(_verify(Place(**place)))
    if json:
        print_json(report)
    else:
        _print_report(report)
    ctx.exit(CHECK_FAILED if report["faults"] else 0)


async def _verify(place: Place) -> dict[str, Any]:
    faults: list[dict[str, Any]] = []
    async with opened_log(place) as (log, app):
        check = LogCheck(log.events, None if app is None else app.catalog.event_reader.decode)
        head = (await log.events.mark()).position
        async for event, text in _all_faults(check, log.events, head):
            faults.append({"position": event.position, "stream": event.stream, "fault": text})
            if len(faults) == _MAX_SHOWN_FAULTS:
                break
    return {"events": check.events, "head": head, "decoded": app is not None, "faults": faults}


async def _all_faults(check: LogCheck, log: EventStore, head: int) -> AsyncIterator[tuple[RecordedEvent, str]]:
    async for event in walk(log, up_to=head):
        async for fault in check.faults_of(event):
            yield event, fault


def _print_report(report: dict[str, Any]) -> None:
    for fault in report["faults"]:
        click.echo(f"position {fault['position']} ({fault['stream']}) {fault['fault']}")
    if len(report["faults"]) == _MAX_SHOWN_FAULTS:
        click.echo(f"stopped after {_MAX_SHOWN_FAULTS} faults")
    how = "decoded by the app" if report["decoded"] else "JSON, but not decoded, as no app is named"
    faults = len(report["faults"])
    verdict = counted(faults, "faults") if faults else "no fault"
    click.echo(f"{counted(report['events'], 'events')} up to position {report['head']}: {verdict}; data is {how}")


def _show_line(event: RecordedEvent) -> None:
    print_json_line(event_row(event))


def _show_text(event: RecordedEvent) -> None:
    click.echo(event_line(event))
