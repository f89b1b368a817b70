"""How verbs print: JSON for programs, aligned columns for people; plain when it is not a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 10_000
as_json = click.option("--json", is_flag=True, help="Print JSON.")


def print_json(value: Any) -> None:
    """*value* as one JSON document, indented."""
    click.echo(msgspec.json.format(encode(value), indent=2).decode())


def counted(count: int, plural: str) -> str:
    """A number with its word: "1 query", "2,000 queries"."""
    if count != 1:
        return f"{count:,} {plural}"
    return f"1 {plural[:-3]}y" if plural.endswith("ies") else f"1 {plural[:-1]}"


def print_json_line(value: Any) -> None:
    """*value* as one line of JSON."""
    click.echo(encode(value).decode())


def encode(value: Any) -> bytes:
    """*value* as JSON; what JSON has no form for is written as its text."""
    return msgspec.json.encode(value, enc_hook=str)


def print_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, json: bool, none: str = "") -> None:
    """*rows* as a JSON array of all they hold, or as a table of *columns*; *none* is said when there are no rows."""
    listed = list(rows)
    if json:
        print_json(listed)
    elif listed:
        _table(listed, columns)
    elif none:
        click.echo(none, err=True)


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        numeric = all(isinstance(row.get(column), int | float) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(column))) for column in columns))
    width = None if sys.stdout.isatty() else _WIDE
    Console(width=width, file=sys.stdout, highlight=False).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    return str(value)
