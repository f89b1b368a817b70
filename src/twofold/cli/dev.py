"""`twofold dev`: one process that serves the app on a store of its own, started again on every save."""

from __future__ import annotations

import logging
import socket
import sys
import time
from functools import partial
from pathlib import Path

import click
import uvicorn
from uvicorn.supervisors import ChangeReload

from twofold.cli.exits import CliError, Refusal
from twofold.cli.serving import address_of, listen, serve
from twofold.cli.target import DEV_STORE, app_argument, find_app, store_option
from twofold.config import Config
from twofold.errors import TwofoldError

_LINKS = {"API docs": "/docs", "OpenAPI": "/openapi.json", "health": "/health/ready", "metrics": "/metrics"}


@click.command()
@app_argument
@store_option
@click.option("--host", metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", type=int, metavar="PORT", help="Port to listen on; 0 picks a free one.")
@click.option("--reload/--no-reload", default=True, help="Start again when a .py file here is saved.")
def verb(app: str | None, store: str | None, host: str | None, port: int | None, *, reload: bool) -> None:
    """Run an app with everything it needs on one SQLite file, .twofold/dev.db, and restart it on every save.

    Without MODULE:APP it is the App in app.py.
    """
    config = Config.load(store=store, host=host, port=port)
    url = config.store or DEV_STORE
    if app is None and config.app is None and not Path("app.py").is_file():
        raise CliError("there is no app.py here", "`twofold new NAME` makes one; or name the app as module:app")
    if url == DEV_STORE:
        _make_folder()
    with listen(config.host, config.port) as bound:
        _print_panel(address_of(bound), url)
        child = partial(run_child, app, url)
        if not reload:
            child([bound])
            return
        logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
        settings = uvicorn.Config("", reload=True, log_config=None)
        ChangeReload(settings, target=child, sockets=[bound]).run()


def run_child(app: str | None, url: str, sockets: list[socket.socket]) -> None:
    """Serve the app until it is told to stop; an error is printed, and the next save tries again."""
    begun = time.perf_counter()
    try:
        config = Config.load(store=url)
        found = find_app(app, config)
        serve(found, config, sockets[0], lambda: _print_ready(found.name, time.perf_counter() - begun))
    except TwofoldError as error:
        refusal = Refusal(error)
        refusal.show()
        sys.exit(refusal.exit_code)


def _print_ready(name: str, seconds: float) -> None:
    click.echo(f"{name} is ready ({seconds:.2f} s)")


def _print_panel(address: str, url: str) -> None:
    click.echo(f"twofold dev on {url}; Ctrl-C stops it")
    for name, path in _LINKS.items():
        click.echo(f"  {name:<9} {address}{path}")


def _make_folder() -> None:
    folder = Path(".twofold")
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
