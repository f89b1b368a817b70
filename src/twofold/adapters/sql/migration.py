"""One step of a schema."""

from __future__ import annotations

from typing import NamedTuple


class Migration(NamedTuple):
    """One numbered step of a schema."""

    number: int
    name: str
    script: str
