"""The `twofold` command: a table of verbs, each imported when it is used, so that help is quick."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, cast

import click

from twofold.cli.exits import Refusal
from twofold.errors import ExtraMissingError, TwofoldError

VERBS = {
    "new": "Start a project: three files, ready to run.",
    "dev": "Run an app on .twofold/dev.db and restart it on every save.",
    "run": "Serve an app over HTTP, with its workers.",
    "check": "Find every wiring fault of an app.",
    "map": "Show what leads to what: command, aggregate, event, view, query.",
    "migrate": "Bring the schemas of log and views up to date, or show what is missing.",
    "events": "The log: tail, show, search, export, import, verify.",
    "export": "Write a whole log as JSON lines.",
    "import": "Make a log of exported lines in another store, or go on with it.",
    "stream": "One stream: its events and its state, also as of a moment, and what each event changed.",
    "view": "The read models: list, get, status, wait, verify; rebuild, compare, promote, rollback.",
    "dlq": "Rows that failed to fold, and wait with their events: list, show, retry, discard.",
    "command": "Commands: send one, list the known ones, read the log of commands.",
    "query": "Ask a query.",
    "alerts": "Print rules of alerts for Prometheus.",
    "doctor": "Check wiring, stores, connections, clock and lag.",
    "version": "Show the versions of twofold, Python and the drivers.",
}
"""Every verb with its line of help. Verb *x* is the object `verb` in `twofold.cli.x`."""
_MODULES = {"import": "importing"}
_OF_WEB = ("uvicorn", "starlette", "jinja2")


class Verbs(click.Group):
    """The group of all verbs. Help comes from VERBS; a module is imported only when its verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click hands it over
        """The verbs, in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb's own command. Raises ExtraMissingError when it needs a package that is not installed."""
        if cmd_name not in VERBS:
            return None
        try:
            module = import_module(f"twofold.cli.{_MODULES.get(cmd_name, cmd_name)}")
        except ModuleNotFoundError as error:
            if error.name not in _OF_WEB:
                raise
            raise ExtraMissingError("web", f"`twofold {cmd_name}`") from error
        return cast("click.Command", module.verb)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the table without importing a verb."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; a TwofoldError becomes a message and an exit code, unless --debug asks for its traceback."""
        try:
            return super().invoke(ctx)
        except TwofoldError as error:
            if ctx.params.get("debug"):
                raise
            raise Refusal(error) from error


def _print_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - click hands it over
    if asked:
        click.echo(f"twofold {import_module('twofold.cli.version').versions()['twofold']}")
        ctx.exit()


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="And exit.")
@click.pass_context
def cli(ctx: click.Context, *, debug: bool) -> None:
    """CQRS for Python: two folds over one log.

    The app is named as module:app, or by `app` in [tool.twofold]; the store by --store, TWOFOLD_STORE or
    `store` in [tool.twofold]. Exit codes: 0 ok, 1 a check failed, 2 usage, 3 unhealthy.
    """
    del debug
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def main() -> None:
    """The program `twofold`."""
    cli(prog_name="twofold")
