"""`twofold import`."""

from __future__ import annotations

import asyncio
from typing import IO

import click

from twofold.app.stores import opened_log, parse_url
from twofold.cli.exits import CliError
from twofold.cli.log_import import LogImport
from twofold.cli.output import counted
from twofold.cli.progress import Progress
from twofold.cli.target import store_option
from twofold.config import Config


@click.command(name="import")
@click.argument("file", type=click.File("rb"), default="-")
@store_option
def verb(file: IO[bytes], store: str | None) -> None:
    """Make the log that FILE (else standard input) was exported from, in an empty store; or go on with it.

    Positions, ids, versions and times stay as they are. The app must not write to the store meanwhile.
    """
    config = Config.load(store=store)
    if config.store is None:
        raise CliError("no store is named", "give --store URL, for example --store postgresql://user@host/shop")
    if parse_url(config.store).scheme == "memory":
        raise CliError("what is imported into memory is gone when this ends", "name a store that lasts")
    done = asyncio.run(_import(config.store, config, file))
    click.echo(f"{counted(done.events, 'events')}, {counted(done.outcomes, 'outcomes')}", err=True)


async def _import(url: str, config: Config, file: IO[bytes]) -> LogImport:
    async with opened_log(url, config) as log:
        run = await LogImport.into(log, Progress("events stored"))
        await run.run(file)
    return run
