"""`twofold stream show`: one stream, as it is or as it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import click
import msgspec

from twofold.app.open_app import OpenApp
from twofold.cli.event_rows import event_row
from twofold.cli.exits import NothingThereError
from twofold.cli.moment import Moment
from twofold.cli.opening import Place, opened_log
from twofold.cli.output import as_json, print_json, print_rows
from twofold.cli.target import on_store
from twofold.clock import to_micros
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
@click.option("--at", type=click.IntRange(min=1), metavar="V", help="As it was at this version.")
@click.option("--time", "moment", type=Moment(), metavar="T", help="As it was at this time.")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="Show the last so many.")
@as_json
@on_store
def show(name: str, at: int | None, moment: datetime | None, limit: int, *, json: bool, **place: str | None) -> None:
    """Show the events of the stream NAME (category-id) and, if the app knows its aggregate, its state."""
    report = asyncio.run(_report(Place(**place), name, (at, moment), limit))
    if json:
        print_json(report)
        return
    click.echo(f"{name} at version {report['version']}")
    rows = [{**row, "data": bytes(row["data"]).decode()} for row in report["events"]]
    print_rows(rows, _COLUMNS, json=False)
    if report["state"] is not None:
        click.echo("state:")
        print_json(report["state"])


async def _report(place: Place, name: str, when: tuple[int | None, datetime | None], limit: int) -> dict[str, Any]:
    async with opened_log(place) as (store, has_app):
        folding = _Folding(store, name) if has_app else None
        shown: list[RecordedEvent] = []
        version = 0
        async for event in _stream(store.log.events, name, *when):
            version = event.version
            shown = [*shown[-(limit - 1) :], event] if limit > 1 else [event]
            if folding is not None:
                folding.add(event)
    if not version:
        raise NothingThereError(f"{name} has no events then", "`twofold events tail` shows what there is")
    state = folding.state if folding is not None else None
    return {"stream": name, "version": version, "events": [event_row(event) for event in shown], "state": state}


async def _stream(log: EventStore, name: str, at: int | None, moment: datetime | None) -> AsyncIterator[RecordedEvent]:
    """The stream's events up to a version and a time, page by page."""
    version, latest = 0, None if moment is None else to_micros(moment)
    while True:
        page = await log.read_stream(name, after=version, up_to=at, limit=_PAGE)
        for event in page:
            if latest is not None and event.recorded_at > latest:
                return
            yield event
            version = event.version
        if len(page) < _PAGE:
            return


class _Folding:
    """Folds a stream as its aggregate does. The state is None when the app has no such aggregate."""

    def __init__(self, store: OpenApp, name: str) -> None:
        self._reader = store.catalog.event_reader
        self._definition = store.catalog.aggregates.get(category_of(name))
        self._state = None if self._definition is None else self._definition.cls()

    @property
    def state(self) -> Any:
        """The folded fields, as JSON shows them."""
        return None if self._state is None else msgspec.to_builtins(self._state, enc_hook=str)

    def add(self, recorded: RecordedEvent) -> None:
        """Fold one more event. Raises UnreadableError and FoldError."""
        if self._definition is None:
            return
        event = self._reader.decode(recorded.type, recorded.schema_version, recorded.data)
        fold = self._definition.folds.get(type(event))
        if fold is not None:
            run_fold(fold, self._state, event, recorded.stream, recorded.version)
