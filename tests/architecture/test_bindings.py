"""Every contract suite is bound to every technology, by subclassing alone."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator

from tests.architecture.house import PACKAGE, ROOT, Source, base_names, classes, methods, planted, sources

NODE = re.compile(r"^\S+::(?P<test_class>\w+)::\w+(\[(?P<backend>.*)\])?$", re.MULTILINE)

# A suite that a technology declares it cannot keep, and the suite that tests what it declares.
DECLARED = {
    ("TransactionContract", "memory"): "WhetherTransactionsContract",
    ("OneWriterContract", "memory"): "WhetherTransactionsContract",
    ("ConcurrentUnitsContract", "memory"): "WhetherTransactionsContract",
    ("ConcurrentUnitsContract", "sqlite"): "OneWriterContract",
    ("OneWriterContract", "postgres"): "ConcurrentUnitsContract",
    ("ClientTransactionsContract", "memory"): "WhetherClientTransactionsContract",
    ("ClientReadsContract", "memory"): "WhetherClientReadsContract",
}


def technologies() -> set[str]:
    """The folders of adapters/ that open stores; `sql` is shared by some of them."""
    return {file.parent.name for file in (PACKAGE / "adapters").glob("*/opening.py")}


def suites(code: Iterable[Source]) -> set[str]:
    """The contract classes: those with tests in them."""
    return {
        node.name
        for source in code
        for node in classes(source.tree)
        if any(method.name.startswith("test_") for method in methods(node))
    }


def bindings(code: Iterable[Source], names: set[str]) -> dict[str, set[str]]:
    """Which test classes bind which suite."""
    found = defaultdict(set)
    for source in code:
        for node in classes(source.tree):
            for suite in base_names(node) & names:
                found[suite].add(node.name)
    return found


def changed_bindings(code: Iterable[Source], names: set[str]) -> Iterator[str]:
    """Bindings that add or override something: a contract class is taken as it is."""
    for source in code:
        for node in classes(source.tree):
            if not base_names(node) & names:
                continue
            for member in node.body:
                if not (isinstance(member, ast.Pass) or isinstance(getattr(member, "value", None), ast.Constant)):
                    yield f"{source.path}:{member.lineno} {node.name} changes its contract"


def unbound(names: set[str], bound: dict[str, set[str]], collected: str, backends: set[str]) -> list[str]:
    """Suites that no test class binds, or whose tests do not run on one of the *backends*."""
    ran: dict[str, set[str]] = defaultdict(set)
    for match in NODE.finditer(collected):
        ran[match["test_class"]] |= set(re.findall(r"[a-z]+", match["backend"] or ""))
    return [
        f"{suite} is not bound to {backend}"
        for suite in sorted(names)
        for backend in sorted(backends)
        if not any(backend in ran[name] for name in bound.get(DECLARED.get((suite, backend), suite), ()))
    ]


def collected_contract_tests() -> str:
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/contracts"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout
    return told.stdout


def test_every_contract_suite_runs_on_every_technology():
    names = suites(sources("src/twofold/testing/contracts"))
    bound = bindings(sources("tests/contracts"), names)

    assert names
    assert technologies() >= {"memory", "sqlite"}
    assert unbound(names, bound, collected_contract_tests(), technologies()) == []


def test_no_binding_changes_its_contract():
    names = suites(sources("src/twofold/testing/contracts"))
    assert list(changed_bindings(sources("tests/contracts"), names)) == []


def test_planted_unbound_suite_and_backend_are_found():
    code = [planted('class TestAppend(AppendContract):\n    """All of it."""\n')]
    names = {"AppendContract", "ReadContract"}
    collected = "tests/contracts/test_event_store.py::TestAppend::test_it[memory]\n"

    found = unbound(names, bindings(code, names), collected, {"memory", "sqlite"})

    assert found == [
        "AppendContract is not bound to sqlite",
        "ReadContract is not bound to memory",
        "ReadContract is not bound to sqlite",
    ]


def test_planted_override_is_found():
    code = [planted("class TestAppend(AppendContract):\n    def test_it(self): ...\n")]
    assert "changes its contract" in next(changed_bindings(code, {"AppendContract"}))
