"""What import-linter cannot see: imports in functions, relative ones, of the root package; and what importing costs."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.house import Source, functions, planted, sources

LIMIT_SECONDS = 0.060
LIMIT_OF_ASYNCIO = 2.5  # the same limit on a machine on which asyncio alone takes more than its usual 24 ms
LATE = {"apsw", "asyncpg", "click", "jinja2", "pydantic", "prometheus_client", "rich", "sqlalchemy", "starlette"}
LATE |= {"uvicorn", "uvloop"}
MEASURE = "import time; begin = time.process_time(); import {}; print(time.process_time() - begin)"


def faults(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        where = f"{source.path}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{where} imports relatively"
        if imports_the_root(node):
            yield f"{where} imports the root package; inside, import from the module itself"
    for function in functions(source.tree):
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield f"{source.path}:{node.lineno} imports inside {function.name}"


def imports_the_root(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "twofold" and node.level == 0
    return isinstance(node, ast.Import) and any(one.name == "twofold" for one in node.names)


def seconds_to_import(module: str, compiled: Path) -> float:
    """Processor time in a fresh process, with bytecode kept in *compiled*."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(compiled)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    program = [sys.executable, "-c", MEASURE.format(module)]
    return float(subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout)


def is_quick(module: str, compiled: Path) -> bool:
    """Whether importing *module*, asyncio included, stays below the limit; other work on the machine slows both.

    The two are measured in turns, so that what comes and goes on the machine comes to both; the best of each counts.
    """
    turns = [(seconds_to_import(module, compiled), seconds_to_import("asyncio", compiled)) for _ in range(8)]
    seconds, of_asyncio = min(ours for ours, _ in turns), min(theirs for _, theirs in turns)
    return seconds < LIMIT_SECONDS or seconds < LIMIT_OF_ASYNCIO * of_asyncio


def loaded_by(statement: str) -> set[str]:
    program = f"import sys; {statement}; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in told.stdout.split()}


def test_imports_are_absolute_at_the_top_and_never_of_the_root_package():
    assert [fault for source in sources() for fault in faults(source)] == []


def test_planted_imports_are_found():
    assert "relatively" in next(faults(planted("from . import x")))
    assert "root package" in next(faults(planted("from twofold import App")))
    assert "root package" in next(faults(planted("import twofold")))
    assert "inside load" in next(faults(planted("def load():\n    import apsw")))
    assert list(faults(planted("from twofold.errors import Rejected\nimport apsw"))) == []


def test_importing_twofold_costs_less_than_sixty_milliseconds(tmp_path):
    assert is_quick("twofold", tmp_path)


def test_planted_slow_import_is_found(tmp_path):
    assert not is_quick("twofold; sum(range(5_000_000))", tmp_path)


def test_importing_twofold_loads_no_driver_and_no_door():
    assert loaded_by("import twofold") & LATE == set()


def test_planted_driver_is_found():
    assert loaded_by("import twofold, apsw") & LATE == {"apsw"}
