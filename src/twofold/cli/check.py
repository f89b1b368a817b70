"""`twofold check`."""

from __future__ import annotations

import asyncio
from tempfile import TemporaryDirectory

import click

from twofold.app.app import App
from twofold.cli.exits import CHECK_FAILED, exit_code
from twofold.cli.output import as_json, counted, print_json
from twofold.cli.target import app_argument, find_app
from twofold.config import Config
from twofold.errors import ConfigError, WiringError


@click.command()
@app_argument
@as_json
@click.pass_context
def verb(ctx: click.Context, /, app: str | None, *, json: bool) -> None:
    """Find every wiring and configuration fault of MODULE:APP; exit 1 when there is one."""
    try:
        config = Config.load()
        found = find_app(app, config)
        asyncio.run(_open(found))
    except (WiringError, ConfigError) as error:
        if not json:
            raise
        print_json({"ok": False, "code": error.code, "faults": list(error.faults)})
        ctx.exit(max(exit_code(error), CHECK_FAILED))
    if json:
        print_json({"ok": True, "code": None, "faults": [], "app": found.name, **_counts(found)})
        return
    parts = ", ".join(counted(count, name) for name, count in _counts(found).items())
    click.echo(f"{found.name} is put together rightly ({parts})")


async def _open(app: App) -> None:
    """Open it on an empty store that goes away again: what only a store can refuse shows here."""
    with TemporaryDirectory() as folder:
        log, views = (f"sqlite:///{folder}/{name}.db" for name in ("log", "views"))
        async with app.open(log, views=views, workers=False):
            pass


def _counts(app: App) -> dict[str, int]:
    catalog = app.catalog
    return {
        "commands": len(catalog.commands),
        "events": len(catalog.events),
        "aggregates": len(catalog.aggregates),
        "views": len(catalog.views),
        "queries": len(catalog.queries),
    }
