"""What every test of the read room may use."""

from __future__ import annotations

import pytest

from tests.unit.read.reading import Reading


@pytest.fixture
def reading() -> Reading:
    """A fresh read side in memory."""
    return Reading()
