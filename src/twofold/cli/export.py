"""`twofold export`."""

from __future__ import annotations

import asyncio
from typing import IO

import click

from twofold.app.stores import opened_log
from twofold.cli.log_export import write_log
from twofold.cli.log_lines import EndLine
from twofold.cli.opening import made_store
from twofold.cli.output import counted
from twofold.cli.progress import Progress
from twofold.cli.target import store_option
from twofold.config import Config


@click.command()
@click.option("-o", "--output", type=click.File("wb", lazy=False), default="-", help="A file; else standard output.")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Begin behind this position: what came since.")
@store_option
def verb(output: IO[bytes], after: int, store: str | None) -> None:
    """Write the whole log as JSON lines: events, what came of commands, and commands that wait.

    `twofold import` makes the same log of it in another store. It may run while the app does.
    """
    end = asyncio.run(_export(Config.load(store=store), output, after))
    what = f"{counted(end.events, 'events')}, {counted(end.outcomes, 'outcomes')}, {end.queued} queued"
    click.echo(f"{what}, up to position {end.head}", err=True)


async def _export(config: Config, output: IO[bytes], after: int) -> EndLine:
    async with opened_log(await made_store(config), config) as log:
        return await write_log(log, output, after, Progress("events written"))
