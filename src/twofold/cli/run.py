"""`twofold run`."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import click

from twofold.app.stores import parse_url, public, views_url
from twofold.cli.exits import CliError
from twofold.cli.fleet import Fleet, Program
from twofold.cli.lifeline import Lifeline
from twofold.cli.serving import address_of, listen, serve
from twofold.cli.target import app_argument, find_app, store_option, views_option
from twofold.cli.working import work
from twofold.config import PREFIX, Config

_HANDED_ON = ("store", "views", "host", "metrics_port")


class Inherited(NamedTuple):
    """What a process is given by the one that started it: a socket that listens already, a line to it, and a number."""

    descriptor: int | None = None
    lifeline: int | None = None
    number: int | None = None


@click.command()
@app_argument
@store_option
@views_option
@click.option("--host", metavar="ADDRESS", help="Address to listen on; loopback unless asked for.")
@click.option("--port", type=int, metavar="PORT", help="Port to listen on; 0 picks a free one.")
@click.option("--metrics-port", type=int, metavar="PORT", help="Port for /metrics and /health alone; see the docs.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="So many processes.")
@click.option("--no-http", is_flag=True, help="Only the workers: views, queued commands. For further machines.")
@click.option("--descriptor", type=int, hidden=True, help="A socket that listens already; serve on it.")
@click.option("--lifeline", type=int, hidden=True, help="A socket to the process that started this one.")
@click.option("--number", type=int, hidden=True, help="What that one calls this process.")
@click.pass_context
def verb(ctx: click.Context, /, app: str | None, *, workers: int, no_http: bool, **settings: Any) -> None:
    """Serve MODULE:APP over HTTP, with its workers, until SIGTERM or Ctrl-C; then drain and stop.

    With --workers every process serves the same port, and they share the views between them. One that dies is started
    again; what it logs begins with its number.
    """
    inherited = Inherited(*(settings.pop(name) for name in Inherited._fields))
    config = Config.load(**settings)
    if config.store is None:
        raise CliError(
            "no store is named", "give --store URL, for example --store sqlite:///app.db; `twofold dev` needs none"
        )
    if workers == 1:
        _run_here(app, config, inherited, no_http=no_http)
    else:
        ctx.exit(_run_fleet(app, config, workers, no_http=no_http))


def _run_here(app: str | None, config: Config, inherited: Inherited, *, no_http: bool) -> None:
    found, line = find_app(app, config), Lifeline(inherited.lifeline)
    if inherited.number is not None:  # nothing happens where the app's own module has set logging up
        logging.basicConfig(format=f"process {inherited.number}: %(message)s")
    told = inherited.lifeline is None
    if no_http:
        work(
            found,
            config,
            lambda: _say(told, f"{found.name} works on {public(config.store or '')}, without HTTP"),
            line,
            inherited.number,
        )
    else:
        with _listening(config, inherited.descriptor) as bound:
            link = address_of(bound)
            serve(found, config, bound, lambda: _say(told, f"{found.name} answers on {link}"), line, inherited.number)
    _say(told, f"{found.name} has stopped")


def _run_fleet(app: str | None, config: Config, workers: int, *, no_http: bool) -> int:
    """Run several processes, which find out for themselves what is wrong with the app or the store."""
    refuse_memory(config)
    found = find_app(app, config)
    again = [sys.executable, "-m", "twofold", "run", *([app] if app else ()), *(["--no-http"] if no_http else ())]
    # A URL may hold a password, which has no place among the arguments that everybody can list.
    given = {PREFIX + name.upper(): str(value) for name in _HANDED_ON if (value := getattr(config, name)) is not None}
    environment = {**os.environ, **given}
    if no_http:
        program = Program(again, environment, ())
        return _run(program, config, workers, f"{found.name} works on {public(config.store or '')}, without HTTP")
    with _listening(config, None) as bound:
        program = Program([*again, "--descriptor", str(bound.fileno())], environment, (bound.fileno(),))
        return _run(program, config, workers, f"{found.name} answers on {address_of(bound)}")


def _run(program: Program, config: Config, workers: int, ready: str) -> int:
    async def run() -> int:
        fleet = Fleet(
            program,
            workers,
            drain_seconds=config.drain_seconds,
            ready=lambda: click.echo(f"{ready} ({workers} processes)"),
            told=lambda text: click.echo(text, err=True),
        )
        return await fleet.run()

    code = asyncio.run(run())
    click.echo("all processes have stopped")
    return code


def refuse_memory(config: Config) -> None:
    """Raises CliError when log or views are kept in a process's memory, which no other process sees."""
    log = config.store or ""
    for what, url in (("the log", log), ("the rows of views", views_url(log, config.views))):
        if parse_url(url).scheme == "memory":
            raise CliError(
                f"{what} in memory:// cannot be shared by several processes", "name a store on disk, or --workers 1"
            )


@contextmanager
def _listening(config: Config, descriptor: int | None) -> Iterator[socket.socket]:
    """The socket that was inherited, or one that is bound now."""
    with listen(config.host, config.port) if descriptor is None else socket.socket(fileno=descriptor) as bound:
        yield bound


def _say(told: bool, text: str) -> None:  # noqa: FBT001 - whether at all
    if told:
        click.echo(text)
