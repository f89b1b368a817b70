"""Which tests were left out, and why: listed at the end of every run. In CI a test that is left out has failed."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

IN_CI = os.environ.get("CI") == "true"


def is_missing(tool: str) -> bool:
    """Whether *tool* is not here: a program on the PATH (`strace`) or anywhere (`/usr/lib/postgresql/*/bin/postgres`),

    a package (`package:duckdb`), or `root`.
    """
    if tool == "root":
        return os.geteuid() != 0
    if tool.startswith("/"):
        return not any(Path("/").glob(tool.removeprefix("/")))
    kind, _, name = tool.rpartition(":")
    if kind == "package":
        return importlib.util.find_spec(name) is None
    return shutil.which(tool, path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin") is None


def need(tool: str, reason: str) -> None:
    """Leave the running test out when *tool* is missing; fail it in CI."""
    if not is_missing(tool):
        return
    if IN_CI:
        pytest.fail(f"needs {tool}, which CI has to have: {reason}", pytrace=False)
    pytest.skip(f"needs {tool}: {reason}")


@pytest.fixture
def needs() -> Callable[[str, str], None]:
    """`needs("strace", "watches the syscalls of a commit")` inside a test or a fixture."""
    return need


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        need(*mark.args)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if IN_CI and reporter is not None and reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    terminalreporter.section("left out" + (" (in CI this fails)" if IN_CI and reasons else ""), sep="-")
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count} x {reason}")
    if not reasons:
        terminalreporter.write_line("nothing: every test ran")
