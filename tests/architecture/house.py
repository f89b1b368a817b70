"""What the architecture tests look at: source files as text and syntax tree."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "twofold"

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source(NamedTuple):
    """One Python file: its path from the repository's root, its text and its tree."""

    path: str
    text: str
    tree: ast.Module


def planted(text: str, path: str = "src/twofold/write/planted.py") -> Source:
    """A source file that exists only in a test, to see a checker fail."""
    return Source(path, text, ast.parse(text))


def sources(folder: str = "src/twofold") -> list[Source]:
    """Every Python file below *folder*."""
    return [_parsed(file) for file in sorted((ROOT / folder).rglob("*.py"))]


@cache
def _parsed(file: Path) -> Source:
    return planted(file.read_text(), file.relative_to(ROOT).as_posix())


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function and method, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def classes(tree: ast.AST) -> Iterator[ast.ClassDef]:
    """Every class, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def methods(node: ast.ClassDef) -> list[Function]:
    """The functions in the body of a class, those for type checkers only too."""
    inside = [member for branch in node.body if isinstance(branch, ast.If) for member in branch.body]
    return [member for member in (*node.body, *inside) if isinstance(member, Function)]


def base_names(node: ast.ClassDef) -> set[str]:
    """The last part of the names of a class's bases: `Protocol` for `typing.Protocol[T]`."""
    bases = (base.value if isinstance(base, ast.Subscript) else base for base in node.bases)
    return {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in bases}


def committed_files() -> list[Path]:
    """Every file that git knows or would add; without git, every file outside of hidden folders."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        files = [file for file in ROOT.rglob("*") if not any(p.startswith(".") for p in file.relative_to(ROOT).parts)]
    else:
        files = [ROOT / name for name in listed.stdout.splitlines()]
    return [file for file in files if file.is_file()]
