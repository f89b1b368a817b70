"""`twofold doctor`: is everything as it should be?"""

from __future__ import annotations

import asyncio

import click

from twofold.cli.diagnosis import BAD, Finding, examine
from twofold.cli.exits import UNHEALTHY
from twofold.cli.opening import Place, opened_log
from twofold.cli.output import as_json, print_json
from twofold.cli.target import on_store

_COLOURS = {"ok": "green", "note": "yellow", "bad": "red"}


@click.command()
@click.option("--restored", is_flag=True, help="The log was restored from a backup: give it a new epoch.")
@as_json
@on_store
@click.pass_context
def verb(ctx: click.Context, /, *, restored: bool, json: bool, **place: str | None) -> None:
    """Check configuration, wiring, store, clock and the lag of views. Exit 3 when something is wrong."""
    if restored:
        epoch = asyncio.run(_renewed(Place(**place)))
        click.echo(f"the log has a new epoch: {epoch}; tokens and views of before the restore are refused")
        click.echo(
            "do: stop every process, move the views' file (NAME.views.db) away, start again; the log builds it anew"
        )
        return
    findings = asyncio.run(examine(Place(**place)))
    if json:
        print_json({"ok": not _is_bad(findings), "findings": [finding._asdict() for finding in findings]})
    else:
        for finding in findings:
            _print(finding)
    ctx.exit(UNHEALTHY if _is_bad(findings) else 0)


async def _renewed(place: Place) -> str:
    async with opened_log(place) as (found, _):
        return await found.log.renew_epoch()


def _is_bad(findings: list[Finding]) -> bool:
    return any(finding.verdict == BAD for finding in findings)


def _print(finding: Finding) -> None:
    click.secho(f"{finding.verdict:<5}", nl=False, fg=_COLOURS[finding.verdict])
    click.echo(f"{finding.subject}: {finding.text}")
    if finding.remedy:
        click.echo(f"     do: {finding.remedy}")
