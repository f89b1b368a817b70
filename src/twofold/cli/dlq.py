"""`twofold dlq`: rows that failed to fold. They are parked, and their events wait."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Sequence
from typing import Any

import click

from twofold.app.open_app import OpenApp
from twofold.cli.event_rows import event_line, event_row, moment_text
from twofold.cli.exits import CHECK_FAILED
from twofold.cli.opening import Place, opened
from twofold.cli.output import as_json, print_json, print_rows
from twofold.cli.row_key import key_of, view_of
from twofold.cli.target import on_store
from twofold.event_store.recorded_event import RecordedEvent
from twofold.read.dead_letters import DeadLetter, Outcome, Settled

_LISTED = ("view", "key", "position", "attempts", "waiting", "parked_at", "next_try", "asked", "cause")
_ASKED = "asked for: done as soon as a process folds the view (`twofold run`)"
_timeout = click.option(
    "--timeout", type=click.FloatRange(min=0), default=10.0, show_default=True, help="Seconds to wait until it is done."
)


@click.group()
def verb() -> None:
    """Rows that failed to fold, and wait with their events: list, show, retry, discard.

    The process that folds the view does what is asked for; it keeps running.
    """


@verb.command(name="list")
@click.argument("view", required=False)
@as_json
@on_store
def list_letters(*, view: str | None, json: bool, **place: str | None) -> None:
    """List the parked rows of VIEW, or of all views."""
    rows = asyncio.run(_listed(Place(**place), view))
    print_rows(rows, _LISTED, json=json, none="no row is parked")


async def _listed(place: Place, view: str | None) -> list[dict[str, Any]]:
    async with opened(place) as app:
        return [_row(letter) for letter in await app.dead_letters.all(view)]


@verb.command()
@click.argument("view")
@click.argument("key")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Waiting events to show.")
@as_json
@on_store
def show(*, view: str, key: str, limit: int, json: bool, **place: str | None) -> None:
    """Show why the row KEY of VIEW is parked, with the stack, and the events that wait; the first is the failed one."""
    letter, events = asyncio.run(_shown(Place(**place), view, key, limit))
    row, stack = {**_row(letter), "code": letter.parked.failure.code}, letter.parked.failure.stack
    if json:
        print_json({**row, "stack": stack, "events": [event_row(event) for event in events]})
        return
    for name, value in row.items():
        click.echo(f"{name:<10} {'-' if value is None else value}")
    click.echo(f"\n{stack}")
    for event in events:
        click.echo(event_line(event))


async def _shown(place: Place, view: str, key: str, limit: int) -> tuple[DeadLetter, list[RecordedEvent]]:
    async with opened(place) as app:
        letter = await _letter(app, view, key)
        return letter, await app.dead_letters.waiting(letter, limit)


@verb.command()
@click.argument("view")
@click.argument("key", required=False)
@_timeout
@as_json
@on_store
@click.pass_context
def retry(
    ctx: click.Context, /, view: str, key: str | None, timeout: float, *, json: bool, **place: str | None
) -> None:
    """Try the row KEY of VIEW again now, or all its parked rows. Exit 1 when one is still parked."""
    outcomes = asyncio.run(_retried(Place(**place), view, key, timeout))
    _tell(ctx, outcomes, json=json)


async def _retried(place: Place, view: str, key: str | None, timeout: float) -> list[Outcome]:
    async with opened(place) as app:
        letters = await app.dead_letters.all(view) if key is None else [await _letter(app, view, key)]
        return await app.dead_letters.retry(letters, wait=timeout)


@verb.command()
@click.argument("view")
@click.argument("key")
@click.option("--all", "every", is_flag=True, help="Without every event that waits, not only the one that failed.")
@click.option("--why", default="", metavar="TEXT", help="Logged with what is discarded.")
@click.option("--by", metavar="NAME", default=None, help="Who discards it; else the user of this terminal.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_timeout
@as_json
@on_store
@click.pass_context
def discard(ctx: click.Context, /, *, yes: bool, json: bool, **options: Any) -> None:
    """Let the row KEY of VIEW go on without the event that failed. Exit 1 when it is still parked.

    The event stays in the log; a rebuild of the view meets it again. The row lacks it from now on.
    """
    what = "every event that waits" if options["every"] else "the event that failed"
    if not yes:
        click.confirm(f"Let {options['view']} {options['key']} go on without {what}?", abort=True, err=True)
    place = Place(options["app"], options["store"], options["views"])
    _tell(ctx, [asyncio.run(_discarded(place, options))], json=json)


async def _discarded(place: Place, options: dict[str, Any]) -> Outcome:
    async with opened(place) as app:
        letter = await _letter(app, options["view"], options["key"])
        by = options["by"] or _user()
        return await app.dead_letters.discard(
            letter, every=options["every"], by=by, why=options["why"], wait=options["timeout"]
        )


async def _letter(app: OpenApp, view: str, key: str) -> DeadLetter:
    return await app.dead_letters.one(view, key_of(view_of(app, view), key))


def _tell(ctx: click.Context, outcomes: Sequence[Outcome], *, json: bool) -> None:
    rows = [{"result": each.settled.value, **_row(each.now or each.before)} for each in outcomes]
    if json:
        print_json(rows)
    for each in () if json else outcomes:
        said = {
            Settled.LET_GO: "let go",
            Settled.ASKED: _ASKED,
            Settled.STILL_PARKED: f"still parked: {(each.now or each.before).parked.failure.cause}",
        }
        click.echo(f"{each.before.view} {each.before.name}: {said[each.settled]}")
    if not (outcomes or json):
        click.echo("no row is parked", err=True)
    ctx.exit(CHECK_FAILED if any(each.settled is Settled.STILL_PARKED for each in outcomes) else 0)


def _row(letter: DeadLetter) -> dict[str, Any]:
    parked, failure = letter.parked, letter.parked.failure
    next_try = moment_text(failure.retry_at) if failure.retry_at > 0 and letter.asked is None else None
    return {
        "view": letter.view,
        "key": letter.name,
        "position": failure.position,
        "attempts": failure.attempts,
        "waiting": parked.waiting,
        "last": parked.last,
        "parked_at": moment_text(parked.since),
        "next_try": next_try,
        "asked": letter.asked,
        "generation": letter.generation.number,
        "shard": parked.shard,
        "cause": failure.cause,
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
