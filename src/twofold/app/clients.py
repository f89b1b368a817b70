"""Which classes are the own clients of view stores."""

from __future__ import annotations

from typing import Any

# By name, for none of them is imported before it is needed.
CLIENTS = frozenset({"apsw.Connection", "asyncpg.connection.Connection"})


def is_client(annotation: Any) -> bool:
    """Whether *annotation* is the class of a view store's own client, which questions may be asked of."""
    return isinstance(annotation, type) and f"{annotation.__module__}.{annotation.__qualname__}" in CLIENTS
