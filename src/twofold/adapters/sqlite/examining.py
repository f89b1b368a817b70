"""What there is to say of an SQLite file before an app is opened on it. Nothing is changed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from twofold.adapters.sqlite.migrations import SqliteSchema
from twofold.config import Config
from twofold.runtime.finding import Finding

_FREE_BYTES = 100 * 1024 * 1024


async def examine(path: str, roles: Sequence[str], config: Config) -> list[Finding]:
    """Room on the disk, and whether the file's schema is there. Raises StoreUnusableError as `SqliteSchema` does."""
    return [_disk(path, roles), *[each for role in roles for each in await _schema(path, role, config)]]


def _disk(path: str, roles: Sequence[str]) -> Finding:
    free = shutil.disk_usage(Path(path).absolute().parent).free
    text = f"{free // 2**20:,} MiB free beside {path} ({' and '.join(roles)})"
    return Finding("disk", "ok", text) if free > _FREE_BYTES else Finding("disk", "bad", text, "make room")


async def _schema(path: str, role: str, config: Config) -> list[Finding]:
    missing = await SqliteSchema(path, role).pending()
    if not missing:
        return []
    remedy = "run `twofold migrate`" + (", or `twofold run`, which does it too" if config.migrate == "apply" else "")
    if missing[0].number == 1:
        return [Finding(f"schema of the {role}", "note", f"{path} is not there yet, or empty", remedy)]
    names = ", ".join(f"{step.number} ({step.name})" for step in missing)
    return [Finding(f"schema of the {role}", "note", f"{path} lacks migration {names}", remedy)]
