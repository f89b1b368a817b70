"""`twofold stream show`: one stream, as it is or as it was."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import click
import msgspec

from twofold.app.app import App
from twofold.cli.event_rows import event_line, event_row
from twofold.cli.exits import CliError, NothingThereError
from twofold.cli.moment import at_option, position_of
from twofold.cli.opening import Place, opened_log
from twofold.cli.output import as_json, print_json, print_rows
from twofold.cli.state_diff import Change, change_line, changes
from twofold.cli.target import on_store
from twofold.event_store.moment import Moment
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EventStore
from twofold.event_store.stream import category_of
from twofold.write.repository import run_fold

_PAGE = 1000
_COLUMNS = ("version", "position", "recorded_at", "type", "data")


@click.group()
def verb() -> None:
    """One stream: its events, and the state they fold into."""


@verb.command()
@click.argument("name")
@at_option
@click.option("--version", type=click.IntRange(min=1), metavar="V", help="As it was at this version.")
@click.option("--diff", is_flag=True, help="Show what each event changed in the state.")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="Show the last so many.")
@as_json
@on_store
def show(
    name: str,
    at: Moment | None,
    version: int | None,
    limit: int,
    *,
    diff: bool,
    json: bool,
    **place: str | None,
) -> None:
    """Show the events of the stream NAME (category-id) and, if the app knows its aggregate, its state."""
    shown = asyncio.run(_shown(Place(**place), name, (at, version), diff=diff, limit=limit))
    if json:
        print_json(_report(name, *shown))
    else:
        _print(name, *shown, diff=diff)


_Event = tuple[RecordedEvent, list[Change] | None]


def _report(name: str, events: deque[_Event], state: Any) -> dict[str, Any]:
    rows = [event_row(event) | ({} if found is None else {"changes": found}) for event, found in events]
    return {"stream": name, "version": events[-1][0].version, "events": rows, "state": state}


def _print(name: str, events: deque[_Event], state: Any, *, diff: bool) -> None:
    click.echo(f"{name} at version {events[-1][0].version}")
    if not diff:
        rows = [{**event_row(event), "data": event.data.decode()} for event, _ in events]
        print_rows(rows, _COLUMNS, json=False)
    for event, found in events if diff else ():
        click.echo(event_line(event))
        for change in found or ():
            click.echo(f"          {change_line(change)}")
    if state is not None:
        click.echo("state:")
        print_json(state)


async def _shown(
    place: Place, name: str, when: tuple[Moment | None, int | None], *, diff: bool, limit: int
) -> tuple[deque[_Event], Any]:
    """The last events of the stream with what each changed, if that is asked for, and the state after them."""
    async with opened_log(place) as (log, app):
        folding = None if app is None else _Folding(app, name)
        if diff and (folding is None or folding.state is None):
            raise CliError("--diff needs the app that has the stream's aggregate", "name it: --app module:app")
        shown: deque[_Event] = deque(maxlen=limit)
        async for event in _stream(log.events, name, *when):
            found = None if folding is None else folding.add(event, diff=diff)
            shown.append((event, found))
    if not shown:
        raise NothingThereError(f"{name} has no events then", "`twofold events tail` shows what there is")
    return shown, None if folding is None else folding.state


async def _stream(log: EventStore, name: str, at: Moment | None, version: int | None) -> AsyncIterator[RecordedEvent]:
    """The stream's events up to a moment and a version, page by page."""
    latest = None if at is None else await position_of(log, at)
    after = 0
    while True:
        page = await log.read_stream(name, after=after, up_to=version, limit=_PAGE)
        for event in page:
            if latest is not None and event.position > latest:
                return
            yield event
            after = event.version
        if len(page) < _PAGE:
            return


class _Folding:
    """Folds a stream as its aggregate does. The state is None when the app has no such aggregate."""

    def __init__(self, app: App, name: str) -> None:
        self._reader = app.catalog.event_reader
        self._definition = app.catalog.aggregates.get(category_of(name))
        self._state = None if self._definition is None else self._definition.cls()

    @property
    def state(self) -> Any:
        """The folded fields, as JSON shows them."""
        return None if self._state is None else msgspec.to_builtins(self._state, enc_hook=str, order="deterministic")

    def add(self, recorded: RecordedEvent, *, diff: bool) -> list[Change] | None:
        """Fold one more event, and say what it changed if *diff* asks. Raises UnreadableError and FoldError."""
        if self._definition is None:
            return None
        before = self.state if diff else None
        event = self._reader.decode(recorded.type, recorded.schema_version, recorded.data)
        fold = self._definition.folds.get(type(event))
        if fold is not None:
            run_fold(fold, self._state, event, recorded.stream, recorded.version)
        return list(changes(before, self.state)) if diff else None
