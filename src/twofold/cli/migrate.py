"""`twofold migrate`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import click

from twofold.app.stores import Role, Schema, public, schema_of, views_url
from twofold.cli.exits import CHECK_FAILED, CliError
from twofold.cli.output import as_json, print_rows
from twofold.cli.target import app_argument, load_app, store_option, views_option
from twofold.config import Config

_COLUMNS = ("role", "store", "number", "name", "state")


class Target(NamedTuple):
    """One store in one role: its URL as people may see it, and its schema."""

    role: Role
    url: str
    schema: Schema


@click.command()
@app_argument
@store_option
@views_option
@click.option("--role", type=click.Choice(["log", "views"]), help="Only the schema of the log, or of views.")
@click.option("--plan", "wish", flag_value="plan", help="List what would be applied, and change nothing.")
@click.option("--sql", "wish", flag_value="sql", help="Print it as SQL for psql or sqlite3, and change nothing.")
@click.option("--check", "wish", flag_value="check", help="As --plan, but exit 1 when there is something to apply.")
@as_json
@click.pass_context
def verb(
    ctx: click.Context,
    /,
    app: str | None,
    store: str | None,
    views: str | None,
    role: Role | None,
    wish: str | None,
    *,
    json: bool,
) -> None:
    """Bring the schemas of the log and of the views' store up to date. No app is needed; its own tables are its own."""
    config = Config.load(store=store, views=views)
    if app is not None:
        load_app(app)
    targets = list(_targets(config, role))
    if wish == "sql":
        _print_sql(targets)
        return
    rows = asyncio.run(_run(targets, is_asked=wish is not None))
    print_rows(rows, _COLUMNS, json=json, none="every schema is up to date: nothing to apply")
    ctx.exit(CHECK_FAILED if wish == "check" and rows else 0)


def _targets(config: Config, role: Role | None) -> Iterator[Target]:
    if config.store is None:
        raise CliError("no store is named", "give --store URL, for example --store postgresql://user@host/shop")
    roles: dict[Role, str] = {"log": config.store, "views": views_url(config.store, config.views)}
    for each, url in roles.items():
        if role in (None, each):
            yield Target(each, public(url), schema_of(url, each, config))


async def _run(targets: list[Target], *, is_asked: bool) -> list[dict[str, object]]:
    """Migrate, or only say what is pending; one row a migration."""
    state, rows = "pending" if is_asked else "applied", []
    for role, url, schema in targets:
        steps = await (schema.pending() if is_asked else schema.migrate())
        rows += [
            {"role": role, "store": url, "number": step.number, "name": step.name, "state": state} for step in steps
        ]
    return rows


def _print_sql(targets: list[Target]) -> None:
    """The SQL of what is pending. Raises CliError when it would be for two databases."""
    scripts = asyncio.run(_scripts(targets))
    if len({target.url for target, _ in scripts}) > 1:
        raise CliError("log and views are two databases, which take two scripts", "add --role log, or --role views")
    for target, script in scripts:
        click.echo(f"-- {target.role} of {target.url}\n{script}")
    if not scripts:
        click.echo("-- every schema is up to date: nothing to apply")


async def _scripts(targets: list[Target]) -> list[tuple[Target, str]]:
    """What is pending as SQL, for each target that lacks something."""
    found = [(target, await target.schema.pending()) for target in targets]
    return [(target, target.schema.script(steps)) for target, steps in found if steps]
