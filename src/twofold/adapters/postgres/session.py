"""A connection that can forget what was done to its session."""

from __future__ import annotations

from typing import Any

import asyncpg

FORGET = """
SELECT pg_advisory_unlock_all();
CLOSE ALL;
UNLISTEN *;
RESET SESSION AUTHORIZATION;
RESET ROLE;
RESET ALL;
DISCARD TEMP;
DISCARD SEQUENCES;
"""
"""DISCARD ALL without what the driver relies on: its prepared statements and their plans."""


class Session(asyncpg.Connection):
    """An asyncpg.Connection whose `reset` leaves nothing behind; `has_codecs` when it cannot, by changed codecs."""

    has_codecs = False

    def get_reset_query(self) -> str:
        """What `reset` sends."""
        return FORGET

    async def set_type_codec(self, *arguments: Any, **options: Any) -> None:
        """See asyncpg.Connection.set_type_codec."""
        self.has_codecs = True
        await super().set_type_codec(*arguments, **options)

    async def set_builtin_type_codec(self, *arguments: Any, **options: Any) -> None:
        """See asyncpg.Connection.set_builtin_type_codec."""
        self.has_codecs = True
        await super().set_builtin_type_codec(*arguments, **options)


def is_over(connection: Any) -> bool:
    """Whether the connection was lost; by then the pool may have taken it back, and the proxy answers nothing."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True
