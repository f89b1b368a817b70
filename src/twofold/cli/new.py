"""`twofold new NAME`: three files, ready to run."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path

import click

from twofold.cli.exits import CliError

_FILES = {"app.py": "app.py.txt", "test_app.py": "test_app.py.txt", "pyproject.toml": "pyproject.toml.txt"}
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@click.command()
@click.argument("name")
def verb(name: str) -> None:
    """Start a project: NAME/app.py, NAME/test_app.py and NAME/pyproject.toml."""
    check_name(name)
    folder = Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CliError(f"{name} exists here and is not an empty folder", "choose another name; nothing was written")
    folder.mkdir(exist_ok=True)
    for target, source in _FILES.items():
        (folder / target).write_text(_template(source, name), encoding="utf-8")
    click.echo(f"{name}/ has app.py, test_app.py and pyproject.toml. Next:\n\n  cd {name} && twofold dev\n")
    click.echo("and the tests:  python -m pytest")


def check_name(name: str) -> None:
    """Raises CliError unless *name* can be the name of a Python package."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise CliError(
            f"{name!r} cannot be a project's name",
            "begin with a small letter, go on with small letters, digits and _, and avoid Python's keywords",
        )


def _template(source: str, name: str) -> str:
    text = files("twofold.cli").joinpath("template", source).read_text(encoding="utf-8")
    return text.replace("PROJECT", name)
