"""What every test may use. Fixtures of one folder stand in that folder's own conftest.py."""

from __future__ import annotations

import os

import pytest

# Some images set it; programs that tests start would compile everything each time, and be timed doing so.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

pytest.register_assert_rewrite("twofold.testing")
pytest_plugins = ["tests.left_out", "tests.servers.fixtures"]
