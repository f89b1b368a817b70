"""What every test may use. Fixtures of one folder stand in that folder's own conftest.py."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("twofold.testing")
pytest_plugins = ["tests.left_out"]
