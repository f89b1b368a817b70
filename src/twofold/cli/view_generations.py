"""`twofold view promote|rollback|compare|drop|pause|resume`: what operators do to the generations of a view."""

from __future__ import annotations

import asyncio
from typing import Any

import click
import msgspec

from twofold.cli.exits import CHECK_FAILED, OK
from twofold.cli.opening import Place, opened
from twofold.cli.output import as_json, print_json, print_rows
from twofold.cli.target import on_store
from twofold.read.comparison import Comparison

_number = click.option("--generation", "number", type=click.IntRange(min=1), help="Its number; else the newest.")


@click.command()
@click.argument("name")
@_number
@click.option("--timeout", type=click.FloatRange(min=0), default=10.0, show_default=True, help="Seconds to try.")
@as_json
@on_store
def promote(name: str, number: int | None, timeout: float, *, json: bool, **place: str | None) -> None:
    """Make a generation of the view NAME the live one: the newest that is not, or the one with this number.

    It has to have caught up with the one that is live, and is tried until it has. `twofold view rollback` takes it
    back.
    """

    async def run() -> int:
        async with opened(Place(**place)) as app:
            return (await app.operations.promote(name, number, wait=timeout)).generation.number

    live = asyncio.run(run())
    _say({"view": name, "live": live}, f"generation {live} of {name} is live", json=json)


@click.command()
@click.argument("name")
@_number
@as_json
@on_store
def rollback(name: str, number: int | None, *, json: bool, **place: str | None) -> None:
    """Go back to the generation of the view NAME that was live before, or to the one with this number.

    Its rows are as old as its checkpoint says until a process with its code has caught it up. What is taken back does
    not take over again by itself.
    """

    async def run() -> int:
        async with opened(Place(**place)) as app:
            return (await app.operations.rollback(name, number)).generation.number

    live = asyncio.run(run())
    _say({"view": name, "live": live}, f"generation {live} of {name} is live", json=json)


@click.command()
@click.argument("name")
@_number
@click.option("--rows", type=click.IntRange(min=1), default=1000, show_default=True, help="Compare about so many rows.")
@click.option("--all", "is_whole", is_flag=True, help="Compare every row.")
@as_json
@on_store
@click.pass_context
def compare(
    ctx: click.Context, /, name: str, number: int | None, rows: int, *, is_whole: bool, json: bool, **place: str | None
) -> None:
    """Compare a generation of the view NAME with the live one, field by field.

    Rows that events are still being folded into are left out. Where rows or fields differ: exit 1.
    """

    async def run() -> Comparison:
        async with opened(Place(**place)) as app:
            return await app.operations.compare(name, number, None if is_whole else rows)

    found = asyncio.run(run())
    if json:
        print_json(msgspec.to_builtins(found, enc_hook=str))
    else:
        click.echo(f"{name}, generation {found.new}: {found}")
        print_rows(list(_differences(found)), ("key", "field", "old", "new"), json=False)
    ctx.exit(OK if found.is_alike else CHECK_FAILED)


def _differences(found: Comparison) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    for each in found.differences:
        key = ",".join(map(str, each.key))
        if each.only_in is not None:
            listed.append({"key": key, "field": f"only in generation {each.only_in}", "old": None, "new": None})
        listed += [{"key": key, "field": name, "old": old, "new": new} for name, (old, new) in each.fields.items()]
    return listed


@click.command()
@click.argument("name")
@click.argument("number", type=click.IntRange(min=1))
@as_json
@on_store
def drop(name: str, number: int, *, json: bool, **place: str | None) -> None:
    """Forget generation NUMBER of the view NAME with its rows. The live one cannot be dropped."""

    async def run() -> None:
        async with opened(Place(**place)) as app:
            await app.operations.drop(name, number)

    asyncio.run(run())
    _say({"view": name, "dropped": number}, f"generation {number} of {name} is dropped", json=json)


@click.command()
@click.argument("name")
@as_json
@on_store
def pause(name: str, *, json: bool, **place: str | None) -> None:
    """Stop folding the view NAME, in every process, until `resume`. It still answers, as of where it is."""
    _pause(Place(**place), name, paused=True, json=json)


@click.command()
@click.argument("name")
@as_json
@on_store
def resume(name: str, *, json: bool, **place: str | None) -> None:
    """Go on folding the view NAME."""
    _pause(Place(**place), name, paused=False, json=json)


def _pause(place: Place, name: str, *, paused: bool, json: bool) -> None:
    async def run() -> None:
        async with opened(place) as app:
            await app.operations.pause(name, paused=paused)

    asyncio.run(run())
    _say({"view": name, "paused": paused}, f"{name} {'is paused' if paused else 'goes on'}", json=json)


def _say(what: dict[str, Any], words: str, *, json: bool) -> None:
    if json:
        print_json(what)
    else:
        click.echo(words)


VERBS = (promote, rollback, compare, drop, pause, resume)
