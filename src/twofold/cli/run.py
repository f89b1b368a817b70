"""`twofold run`."""

from __future__ import annotations

import click

from twofold.cli.exits import CliError
from twofold.cli.serving import address_of, listen, serve
from twofold.cli.target import app_argument, find_app, store_option, views_option
from twofold.config import Config


@click.command()
@app_argument
@store_option
@views_option
@click.option("--host", metavar="ADDRESS", help="Address to listen on; loopback unless asked for.")
@click.option("--port", type=int, metavar="PORT", help="Port to listen on; 0 picks a free one.")
def verb(app: str | None, store: str | None, views: str | None, host: str | None, port: int | None) -> None:
    """Serve MODULE:APP over HTTP, with its workers, until SIGTERM or Ctrl-C; then drain and stop."""
    config = Config.load(store=store, views=views, host=host, port=port)
    if config.store is None:
        raise CliError(
            "no store is named", "give --store URL, for example --store sqlite:///app.db; `twofold dev` needs none"
        )
    found = find_app(app, config)
    with listen(config.host, config.port) as bound:
        link = address_of(bound)
        serve(found, config, bound, lambda: click.echo(f"{found.name} answers on {link}"))
    click.echo(f"{found.name} has stopped")
