"""Times and other moments on the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from twofold.errors import MomentUnknownError
from twofold.event_store.moment import Moment as AnyMoment
from twofold.event_store.moment import read_moment


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.3 only
    """An ISO 8601 date or time; without a zone it is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The aware datetime that *value* is."""
        try:
            found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no ISO 8601 time, for example 2026-11-21T09:30:00Z", param, ctx)
        return _in_a_zone(found)


class PointInLog(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.3 only
    """A position of the log, an ISO 8601 date or time (without a zone it is UTC), or a token."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> AnyMoment:
        """The position, aware datetime or token that *value* is."""
        try:
            found = read_moment(value) if isinstance(value, str) else value
        except MomentUnknownError as error:
            self.fail(str(error), param, ctx)
        return _in_a_zone(found) if isinstance(found, datetime) else found


def _in_a_zone(found: datetime) -> datetime:
    return found if found.tzinfo else found.replace(tzinfo=UTC)


at_option = click.option(
    "--at", type=PointInLog(), metavar="MOMENT", help="As of a position of the log, a time, or a token."
)
