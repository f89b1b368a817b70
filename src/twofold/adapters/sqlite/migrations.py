"""The schemas of SQLite files, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apsw

from twofold.adapters.sql.migration import Migration
from twofold.adapters.sql.statements import load_migrations
from twofold.adapters.sqlite.connection import open_file, schema_version
from twofold.adapters.sqlite.errors import translated
from twofold.adapters.sqlite.log import APPLICATION_ID as LOG_ID
from twofold.adapters.sqlite.log import PACKAGE
from twofold.adapters.sqlite.view_file import APPLICATION_ID as VIEWS_ID

_ROLES = {"log": ("schema", LOG_ID), "views": ("view_schema", VIEWS_ID)}


class SqliteSchema:
    """The schema of the file at *path*, which need not be there yet, as a log's or as that of views."""

    def __init__(self, path: str, role: str) -> None:
        folder, self._application_id = _ROLES[role]
        self._path = path
        self._steps = load_migrations(PACKAGE, folder)

    async def pending(self) -> list[Migration]:
        """See Schema.pending."""
        return self._steps[self._version() :]

    async def migrate(self) -> list[Migration]:
        """See Schema.migrate."""
        missing = await self.pending()
        open_file(self._path, self._steps, self._application_id, synchronous="full").close()
        return missing

    def script(self, steps: Sequence[Migration]) -> str:
        """See Schema.script; for the program sqlite3."""
        return "\n".join([".bail on", *(self._transaction(step) for step in steps)])

    def _version(self) -> int:
        if not Path(self._path).is_file():
            return 0
        with translated(self._path):
            connection = apsw.Connection(self._path, flags=apsw.SQLITE_OPEN_READWRITE)
            try:
                return schema_version(connection, self._path, self._steps, self._application_id)
            finally:
                connection.close()

    def _transaction(self, step: Migration) -> str:
        marks = f"PRAGMA application_id = {self._application_id};\nPRAGMA user_version = {step.number};"
        body = f"{step.script.strip().removesuffix(';')};"
        return f"-- migration {step.number}: {step.name}\nBEGIN IMMEDIATE;\n{body}\n{marks}\nCOMMIT;\n"
