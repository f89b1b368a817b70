"""Loads the SQL of a database: one statement a file, named after what it does."""

from __future__ import annotations

from importlib.resources import files

from twofold.adapters.sql.migration import Migration


def load_statements(package: str, folder: str = "statements") -> dict[str, str]:
    """Every statement of *package*'s folder, by file name without `.sql`."""
    found = files(package).joinpath(folder).iterdir()
    return {item.name[:-4]: item.read_text(encoding="utf-8").strip() for item in found if item.name.endswith(".sql")}


def load_migrations(package: str, folder: str = "schema") -> list[Migration]:
    """The schema files `0001_what.sql`, ... of *package*, in order."""
    found = [item for item in files(package).joinpath(folder).iterdir() if item.name.endswith(".sql")]
    steps = [Migration(int(item.name[:4]), item.name[5:-4], item.read_text(encoding="utf-8")) for item in found]
    return sorted(steps)
