"""Times and other moments on the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from twofold.clock import to_micros
from twofold.errors import MomentUnknownError, TokenUnknownError
from twofold.event_store.moment import Moment as AnyMoment
from twofold.event_store.moment import position_at, read_moment
from twofold.event_store.store import EventStore
from twofold.event_store.token import decode_token
from twofold.read.source import fault_of_mark


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


async def position_of(log: EventStore, moment: AnyMoment) -> int:
    """The position of the last event at *moment*. Raises MomentUnknownError and TokenUnknownError."""
    if isinstance(moment, datetime):
        return await position_at(log, to_micros(moment))
    if isinstance(moment, str):
        mark = decode_token(moment)
        wrong = await fault_of_mark(log, mark)
        if wrong is not None:
            raise TokenUnknownError(f"the token cannot be used: {wrong}")
        return mark.position
    head = (await log.mark()).position
    if moment > head:
        raise MomentUnknownError(f"the log is at position {head}; it has no position {moment}")
    return moment


def _in_a_zone(found: datetime) -> datetime:
    return found if found.tzinfo else found.replace(tzinfo=UTC)


at_option = click.option(
    "--at", type=PointInLog(), metavar="MOMENT", help="As of a position of the log, a time, or a token."
)
