"""`twofold dev`: one process that serves the app on a store of its own, started again on every save."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from functools import partial
from pathlib import Path

import click

from twofold.app.stores import public
from twofold.cli.exits import CliError
from twofold.cli.reloading import keep_running
from twofold.cli.serving import address_of, listen, serve
from twofold.cli.target import DEV_STORE, app_argument, find_app, store_option
from twofold.config import PREFIX, Config

_LINKS = {"API docs": "/docs", "OpenAPI": "/openapi.json", "health": "/health/ready", "metrics": "/metrics"}


@click.command()
@app_argument
@store_option
@click.option("--host", metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", type=int, metavar="PORT", help="Port to listen on; 0 picks a free one.")
@click.option("--descriptor", type=int, hidden=True, help="A socket that listens already; serve on it.")
def verb(app: str | None, store: str | None, host: str | None, port: int | None, descriptor: int | None) -> None:
    """Run an app with everything it needs on one SQLite file, .twofold/dev.db, and restart it on every save.

    Without MODULE:APP it is the App in app.py.
    """
    config = Config.load(store=store, host=host, port=port)
    url = config.store or DEV_STORE
    if descriptor is not None:
        _serve_on(app, url, descriptor)
        return
    if app is None and config.app is None and not Path("app.py").is_file():
        raise CliError("there is no app.py here", "`twofold new NAME` makes one; or name the app as module:app")
    if url == DEV_STORE:
        _make_folder()
    with listen(config.host, config.port) as bound:
        # The URL may hold a password, which has no place among the arguments that everybody can list.
        again = [sys.executable, "-m", "twofold", "dev", *([app] if app else ())]
        asyncio.run(
            keep_running(
                [*again, "--descriptor", str(bound.fileno())],
                Path.cwd(),
                bound.fileno(),
                environment={
                    **os.environ,
                    f"{PREFIX}STORE": url,
                },
                begun=partial(_print_panel, address_of(bound), url),
                told=_print_saved,
            )
        )


def _serve_on(app: str | None, url: str, descriptor: int) -> None:
    """The part that is started again: serve the app on a socket that listens already."""
    begun = time.perf_counter()
    config = Config.load(store=url)
    found = find_app(app, config)
    with socket.socket(fileno=descriptor) as bound:
        serve(found, config, bound, lambda: click.echo(f"{found.name} is ready ({time.perf_counter() - begun:.2f} s)"))


def _print_saved(files: list[str]) -> None:
    names = ", ".join(os.path.relpath(file) for file in files)
    click.echo(f"{names} saved; starting again")


def _print_panel(address: str, url: str) -> None:
    click.echo(f"twofold dev on {public(url)}; Ctrl-C stops it")
    for name, path in _LINKS.items():
        click.echo(f"  {name:<9} {address}{path}")


def _make_folder() -> None:
    folder = Path(".twofold")
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
