"""Type and command names, kept once and known by a small number."""

from __future__ import annotations

import apsw

from twofold.adapters.sqlite.connection import fetch


class Names:
    """The `names` table in memory. Numbers are handed out inside the write transaction only."""

    def __init__(self, connection: apsw.Connection, statements: dict[str, str]) -> None:
        self._connection = connection
        self._read = statements["read_names"]
        self._insert = statements["insert_name"]
        self._ids: dict[tuple[str, int], int] = {}
        self._names: dict[int, tuple[str, int]] = {}
        self.reload()

    def reload(self) -> None:
        """Read the whole table again (it is as small as the program's vocabulary)."""
        rows = fetch(self._connection, self._read)
        self._ids = {(name, version): number for number, name, version in rows}
        self._names = {number: (name, version) for number, name, version in rows}

    def number(self, name: str, version: int) -> int:
        """The number of a name; a new one is stored. Call it inside the write transaction."""
        found = self._ids.get((name, version))
        if found is None:
            self._connection.execute(self._insert, (name, version)).fetchall()
            self.reload()
            found = self._ids[name, version]
        return found

    def name(self, number: int) -> tuple[str, int]:
        """The name and schema version behind a number."""
        found = self._names.get(number)
        if found is None:
            self.reload()
            found = self._names[number]
        return found
