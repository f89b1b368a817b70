"""Refuses servers whose settings would lose what was acknowledged."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from twofold.adapters.sql.statements import load_statements
from twofold.errors import StoreUnusableError

OLDEST = 140_000
PACKAGE = "twofold.adapters.postgres"
_log = logging.getLogger("twofold.postgres")


async def check_settings(connection: Any, name: str) -> dict[str, str]:
    """What the server says of itself, for people.

    Raises StoreUnusableError, naming every fault and what to do, for a version before 14, a replica, `fsync=off`,
    `synchronous_commit=off`, or an encoding other than UTF8. Warns of `full_page_writes=off`.
    """
    row = await connection.fetchrow(load_statements(PACKAGE)["read_settings"])
    facts = dict(row.items())
    faults = faults_of(facts)
    if faults:
        raise StoreUnusableError(f"{name} cannot be used: " + "; ".join(faults))
    if facts["full_page_writes"] == "off":
        _log.warning("%s: full_page_writes is off; a power cut can tear pages unless the disk writes them whole", name)
    return {key: str(value) for key, value in facts.items() if key != "version_number"}


def faults_of(facts: Mapping[str, Any]) -> list[str]:
    """What is wrong with the server, each with what to do."""
    faults = []
    if facts["version_number"] < OLDEST:
        faults.append(f"PostgreSQL {facts['postgresql']} is too old; 14 and later are supported")
    if facts["is_replica"]:
        faults.append("it is a replica; name the primary")
    if facts["encoding"] != "UTF8":
        faults.append(f"its encoding is {facts['encoding']}; create the database with ENCODING 'UTF8'")
    if facts["fsync"] == "off":
        faults.append("fsync is off; set it on in postgresql.conf")
    if facts["synchronous_commit"] == "off":
        faults.append("synchronous_commit is off; set it on for the server, or for this user with ALTER ROLE")
    return faults
