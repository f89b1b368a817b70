"""`twofold command`: send one, list the known ones, read the log of commands."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from twofold.cli.event_rows import outcome_row
from twofold.cli.fields import message_from, message_rows
from twofold.cli.opening import Place, opened, opened_log
from twofold.cli.output import as_json, print_json, print_rows
from twofold.cli.target import app_option, find_app, on_store
from twofold.config import Config
from twofold.event_store.outcome import Status
from twofold.write.receipt import Receipt

_LOG_COLUMNS = ("number", "recorded_at", "command", "status", "code", "stream", "version", "events", "duration_ms")


@click.group()
def verb() -> None:
    """Commands: send one, list the known ones, read the log of commands."""


@verb.command()
@click.argument("name")
@click.argument("fields", metavar="[JSON | FIELD=VALUE...]", nargs=-1)
@click.option("--key", metavar="KEY", help="Idempotency key: the same key and fields give the first answer again.")
@click.option("--expected-version", type=click.IntRange(min=0), metavar="V", help="Refuse unless the stream is there.")
@as_json
@on_store
def send(
    name: str,
    fields: tuple[str, ...],
    key: str | None,
    expected_version: int | None,
    *,
    json: bool,
    **place: str | None,
) -> None:
    """Send the command NAME and show what came of it. A refusal exits with 1 and its code."""
    receipt = asyncio.run(_send(Place(**place), name, fields, {"key": key, "expected_version": expected_version}))
    if json:
        print_json(_receipt_row(receipt))
        return
    again = " (the first answer again)" if receipt.replayed else ""
    click.echo(
        f"accepted{again}: {', '.join(f'{each.stream} is at version {each.version}' for each in receipt.writes)}"
    )
    for event in receipt.events:
        click.echo(f"  {event.position}  {event.type}")
    click.echo(f"token {receipt.token}")


async def _send(place: Place, name: str, fields: tuple[str, ...], demands: dict[str, Any]) -> Receipt:
    async with opened(place) as app:
        command = message_from(app.catalog.commands, "command", name, fields)
        return await app.send(command, **demands)


def _receipt_row(receipt: Receipt) -> dict[str, Any]:
    return {
        "stream": receipt.stream,
        "version": receipt.version,
        "position": receipt.position,
        "events": [event._asdict() for event in receipt.events],
        "writes": [write._asdict() for write in receipt.writes],
        "token": receipt.token,
        "message_id": receipt.message_id,
        "replayed": receipt.replayed,
    }


@verb.command(name="list")
@as_json
@app_option
def list_commands(app: str | None, *, json: bool) -> None:
    """Show the commands of the app and their fields."""
    found = find_app(app, Config.load())
    rows = message_rows(found.catalog.commands)
    print_rows(rows, ("name", "fields"), json=json, none=f"{found.name} has no commands")


@verb.command()
@click.option("--limit", type=click.IntRange(min=1, max=10_000), default=50, show_default=True, help="At most so many.")
@click.option("--before", type=click.IntRange(min=1), metavar="NUMBER", help="Only those before this number.")
@click.option("--status", type=click.Choice(["accepted", "rejected"]), help="Only those that ended so.")
@click.option("--command", metavar="NAME", help="Only this command.")
@as_json
@on_store
def log(
    limit: int, before: int | None, status: str | None, command: str | None, *, json: bool, **place: str | None
) -> None:
    """Show what came of the commands sent last, newest first."""
    wanted = None if status is None else int(Status[status.upper()])
    filters = {"limit": limit, "before": before, "status": wanted, "command": command}
    rows = asyncio.run(_outcomes(Place(**place), filters))
    print_rows(rows, _LOG_COLUMNS, json=json, none="no command is recorded")


async def _outcomes(place: Place, filters: dict[str, Any]) -> list[dict[str, Any]]:
    async with opened_log(place) as (log, _):
        return [outcome_row(each) for each in await log.outcomes.recent(**filters)]
