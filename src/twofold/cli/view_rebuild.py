"""`twofold view rebuild`: build the rows of views anew beside those that answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click

from twofold.app.open_app import OpenApp
from twofold.cli.build_progress import Pace, Seen, shown
from twofold.cli.exits import CHECK_FAILED, OK
from twofold.cli.opening import Place, opened
from twofold.cli.output import as_json, print_json
from twofold.cli.target import on_store
from twofold.errors import ConflictError, GenerationError
from twofold.read.estimate import Estimate, estimate
from twofold.read.generations import Kept, Status
from twofold.read.view_store import Generation

_POLL = 0.05


class Wanted(NamedTuple):
    """What to build, from where, how fast, and whether it is to take over."""

    names: Sequence[str]
    start: int
    rate: float | None
    promote: bool


class Built(NamedTuple):
    """What has come of it."""

    view: str
    generation: int
    status: str
    position: int
    why: str


@click.command()
@click.argument("names", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Say what has changed, and what it would take; change nothing.")
@click.option("--from", "start", type=click.IntRange(min=0), default=0, help="Fold only events behind this position.")
@click.option("--rate", type=click.FloatRange(min=1), help="Fold at most so many events a second.")
@click.option("--promote/--no-promote", default=True, show_default=True, help="Let it take over once it has caught up.")
@click.option("--detach", is_flag=True, help="Begin it, and leave the work to the processes that run this code.")
@as_json
@on_store
@click.pass_context
def rebuild(
    ctx: click.Context, /, names: tuple[str, ...], *, dry_run: bool, start: int, rate: float | None,
    promote: bool, detach: bool, json: bool, **place: str | None,
) -> None:  # fmt: skip
    """Build the rows of the views NAMES, or of all whose code has changed, anew, beside those that answer.

    Readers notice nothing. It goes on where it was if it is killed and started again, and running processes with the
    same code help. An event that fails stops it: exit 1.
    """
    wanted = Wanted(names, start, rate, promote)
    found = asyncio.run(_run(Place(**place), wanted, dry_run=dry_run, detach=detach, json=json))
    if json:
        print_json([each._asdict() if isinstance(each, Built) else each for each in found])
    ctx.exit(CHECK_FAILED if any(isinstance(each, Built) and each.status == Status.FAILED for each in found) else OK)


async def _run(
    place: Place, wanted: Wanted, *, dry_run: bool, detach: bool, json: bool
) -> Sequence[Built | dict[str, Any]]:
    async with opened(place, rebuild_rate=wanted.rate) as app:
        sights = {name: await app.operations.sight(name) for name in wanted.names or app.catalog.views}
        names = wanted.names or [name for name, sight in sights.items() if sight.changes]
        if not names:
            click.echo("the code of no view has changed; name one to build it all the same", err=True)
        if dry_run:
            return [await _estimated(app, name, wanted.start, json=json) for name in names]
        begun = {name: await _begun(app, name, wanted) for name in names}
        if detach:
            return [_said(Built(name, each.number, Status.BUILDING, 0, ""), json=json) for name, each in begun.items()]
        return [_said(each, json=json) for each in await _build(app, begun, wanted)]


async def _begun(app: OpenApp, name: str, wanted: Wanted) -> Generation:
    return await app.operations.rebuild(name, start=wanted.start, promote=wanted.promote)


async def _estimated(app: OpenApp, name: str, start: int, *, json: bool) -> dict[str, Any]:
    sight = await app.operations.sight(name)
    found = await estimate(app.catalog.views[name], app.log.events, app.catalog.event_reader, start)
    if not json:
        _print_estimate(name, sight.changes, found)
    return {
        "view": name,
        "changes": sight.changes,
        "positions": found.positions,
        "sampled": found.sampled,
        "rate": found.rate,
        "seconds": found.seconds,
        "fault": found.fault,
    }


def _print_estimate(name: str, changes: Sequence[str], found: Estimate) -> None:
    click.echo(f"{name}: {'; '.join(changes) or 'built by this code already'}")
    if found.rate is None or found.seconds is None:
        click.echo("  no events to read")
    else:
        click.echo(
            f"  {found.positions:,} events to read: about {found.seconds:,.1f} s, and what storing takes"
            f" ({found.rate:,.0f} events/s over {found.sampled:,} in memory)"
        )
    if found.fault is not None:
        click.echo(f"  it would stop at {found.fault}")


def _said(built: Built, *, json: bool) -> Built:
    if not json:
        click.echo(f"{built.view}: generation {built.generation} {_words(built)}")
    return built


def _words(built: Built) -> str:
    if built.status == Status.FAILED:
        return f"has stopped: {built.why}"
    if built.status != Status.BUILDING:
        return f"is {built.status}, at position {built.position:,}"
    if not built.position:
        return "is begun; the processes that run this code build it"
    return f"is built, at position {built.position:,}; `twofold view promote {built.view}` makes it live"


async def _build(app: OpenApp, begun: Mapping[str, Generation], wanted: Wanted) -> list[Built]:
    head = (await app.log.events.mark()).position
    left, ended = dict(begun), dict[str, Built]()
    with shown({name: Pace(wanted.start, head) for name in begun}) as progress:
        while left:
            moved = await app.fold(left)
            now = (await app.log.events.mark()).position
            kept = {name: await _kept(app, each) for name, each in left.items()}
            progress.show({name: Seen(each.lowest.position, now) for name, each in kept.items()})
            over = [name for name, each in kept.items() if await _has_ended(app, each, head, wanted)]
            ended |= {name: _built(await _kept(app, left.pop(name))) for name in over}
            await asyncio.sleep(0 if moved else _POLL)
    return [ended[name] for name in begun]


async def _has_ended(app: OpenApp, kept: Kept, head: int, wanted: Wanted) -> bool:
    generation = kept.generation
    if generation.status != Status.BUILDING:
        return True
    if kept.lowest.position < head:
        return False
    if not wanted.promote:
        return True
    try:
        await app.operations.promote(generation.view, generation.number)
    except ConflictError:  # the live one is further again
        return False
    return True


async def _kept(app: OpenApp, generation: Generation) -> Kept:
    sight = await app.operations.sight(generation.view)
    found = next((each for each in sight.kept if each.generation.number == generation.number), None)
    if found is None:
        raise GenerationError(f"generation {generation.number} of {generation.view} was dropped", "begin it again")
    return found


def _built(kept: Kept) -> Built:
    generation = kept.generation
    return Built(generation.view, generation.number, generation.status, kept.lowest.position, kept.why)
