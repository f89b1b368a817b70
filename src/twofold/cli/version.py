"""`twofold version`."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import click

from twofold.cli.output import as_json, print_json


def versions() -> dict[str, str]:
    """The versions of twofold and of what it stands on; a package that is not installed is "none"."""
    found = {"python": platform.python_version()}
    for package in ("twofold", "msgspec", "apsw", "asyncpg", "uvicorn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


@click.command()
@as_json
def verb(*, json: bool) -> None:
    """Show the versions of twofold, Python and the drivers (apsw carries SQLite). `twofold doctor` asks servers."""
    if json:
        print_json(versions())
        return
    for name, text in versions().items():
        click.echo(f"{name} {text}")
