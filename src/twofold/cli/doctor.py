"""`twofold doctor`: is everything as it should be?"""

from __future__ import annotations

import asyncio

import click

from twofold.cli.diagnosis import examine, is_bad
from twofold.cli.exits import UNHEALTHY
from twofold.cli.opening import Place, opened_log
from twofold.cli.output import as_json, print_json
from twofold.cli.target import on_store
from twofold.runtime.finding import Finding

_COLOURS = {"ok": "green", "note": "yellow", "bad": "red"}


@click.command()
@click.option("--restored", is_flag=True, help="The log was restored from a backup: give it a new epoch.")
@as_json
@on_store
@click.pass_context
def verb(ctx: click.Context, /, *, restored: bool, json: bool, **place: str | None) -> None:
    """Check configuration, wiring, stores, connections, privileges, clock and the lag of views.

    Nothing is changed. Exit 3 when something is wrong.
    """
    if restored:
        epoch = asyncio.run(_renewed(Place(**place)))
        click.echo(f"the log has a new epoch: {epoch}; tokens and views of before the restore are refused")
        click.echo(
            "do: stop every process, start again, and run `twofold view rebuild`, which builds the rows from this log"
        )
        return
    findings = asyncio.run(examine(Place(**place)))
    if json:
        print_json({"ok": not is_bad(findings), "findings": [finding._asdict() for finding in findings]})
    else:
        for finding in findings:
            _print(finding)
    ctx.exit(UNHEALTHY if is_bad(findings) else 0)


async def _renewed(place: Place) -> str:
    async with opened_log(place) as (log, _):
        return await log.renew_epoch()


def _print(finding: Finding) -> None:
    click.secho(f"{finding.verdict:<5}", nl=False, fg=_COLOURS[finding.verdict])
    click.echo(f"{finding.subject}: {finding.text}")
    if finding.remedy:
        click.echo(f"     do: {finding.remedy}")
