"""Errors on the terminal: code, what happened, why, what to do; and the one table from family to exit code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import IO, Any

import click

from twofold.errors import (
    ConfigError,
    ConflictError,
    ExtraMissingError,
    FoldError,
    InputError,
    MisuseError,
    NotFoundError,
    Rejected,
    StoreUnusableError,
    TwofoldError,
    UnavailableError,
    UnknownNameError,
    UnreadableError,
    WiringError,
)

OK = 0
CHECK_FAILED = 1
USAGE = 2
UNHEALTHY = 3

EXITS: Mapping[type[TwofoldError], int] = {
    Rejected: CHECK_FAILED,
    WiringError: CHECK_FAILED,
    NotFoundError: CHECK_FAILED,
    ConflictError: CHECK_FAILED,
    UnreadableError: CHECK_FAILED,
    FoldError: CHECK_FAILED,
    UnknownNameError: USAGE,
    InputError: USAGE,
    MisuseError: USAGE,
    StoreUnusableError: UNHEALTHY,
    UnavailableError: UNHEALTHY,
    TwofoldError: CHECK_FAILED,
}
"""The nearest family in an error's line of descent counts."""

REMEDIES: Mapping[type[TwofoldError], str] = {
    WiringError: "correct the lines above and run `twofold check` again",
    ConfigError: "correct the keyword, the TWOFOLD_* variable or [tool.twofold] in pyproject.toml",
    ExtraMissingError: "run the pip command above",
    UnknownNameError: "`twofold command list` and `twofold map` show the names",
    ConflictError: "read again, decide again, send again",
    UnreadableError: "run the code that wrote the event, or add an upcaster for its version",
    FoldError: "correct the fold; the event stays as it is",
    UnavailableError: "try again; `twofold doctor` says what the store answers",
}


def exit_code(error: TwofoldError) -> int:
    """The exit code that *error* ends the program with."""
    return next(EXITS[kind] for kind in type(error).__mro__ if kind in EXITS)


class CliError(MisuseError):
    """The command line itself cannot be followed. `remedy` says what to type instead."""

    code = "usage"

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class NothingThereError(NotFoundError):
    """What was asked for is not there. `remedy` says how to find what is."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class Refusal(click.ClickException):
    """A TwofoldError as click shows and exits with it: no traceback."""

    def __init__(self, error: TwofoldError) -> None:
        super().__init__(str(error))
        self.error = error
        self.exit_code = exit_code(error)  # type: ignore[misc]  # click declares it for the class

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - click names it; errors go to stderr
        """Print code, text, cause and remedy to standard error."""
        coloured = False if os.environ.get("NO_COLOR") else None
        click.secho(f"error[{self.error.code}]", nl=False, err=True, fg="red", bold=True, color=coloured)
        click.echo(f": {self.error}", err=True)
        cause = self.error.__cause__
        if cause is not None and str(cause) not in str(self.error):
            click.echo(f"  why: {type(cause).__name__}: {cause}", err=True)
        remedy = remedy_of(self.error)
        if remedy:
            click.echo(f"  do:  {remedy}", err=True)


def remedy_of(error: TwofoldError) -> str:
    """What to do about *error*; empty when its own text says it."""
    own = getattr(error, "remedy", "")
    return own or next((REMEDIES[kind] for kind in type(error).__mro__ if kind in REMEDIES), "")
