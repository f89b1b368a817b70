"""Every statement file is used, and every statement that is asked for by name has its file."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

from tests.architecture.house import PACKAGE, Source, planted, sources

FOLDERS = sorted(folder for folder in (PACKAGE / "adapters").glob("*/*statements") if folder.is_dir())


def words(code: list[Source]) -> set[str]:
    """Every string constant, and every attribute name: statements are asked for either way."""
    found = set()
    for source in code:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(PurePosixPath(node.value).name.removesuffix(".sql"))
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
    return found


def unused(statements: list[str], code: list[Source]) -> list[str]:
    return sorted(set(statements) - words(code))


def test_every_statement_file_is_used():
    for folder in FOLDERS:
        code = sources(f"src/twofold/adapters/{folder.parent.name}") + sources("src/twofold/adapters/sql")
        assert unused([file.stem for file in folder.glob("*.sql")], code) == []


def test_there_are_statement_files():
    assert FOLDERS


def test_planted_unused_statement_is_found():
    assert unused(["insert_event", "forgotten"], [planted('run(sql["insert_event"])')]) == ["forgotten"]
