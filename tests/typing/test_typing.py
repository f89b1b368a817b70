"""Type checkers understand the public names (public_api.py), and find what is wrong with a program that uses them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RIGHT = ROOT / "tests" / "typing" / "public_api.py"

WRONG = """
from tests.typing.public_api import Account, AccountPage, Deposit, HowMany, Richest, app, note
from decimal import Decimal

Deposit(account_id="ada")  # wrong: a field is missing
Deposit(account_id="ada", amount="fifty")  # wrong: a field has another type
Deposit("ada", Decimal(50)).amount = Decimal(60)  # wrong: a command is frozen


async def main() -> None:
    async with app.open("memory://") as bank:
        rows: int = await bank.ask(Richest(at_least=Decimal(1)))  # wrong: the query answers a list
        count: str = await bank.ask(HowMany())  # wrong: the query answers a number
        page: Account = await bank.get(AccountPage, "ada")  # wrong: the view's row
        await bank.ask(Deposit(account_id="ada", amount=Decimal(50)))  # wrong: a command is not a query
        await note(Deposit(account_id="ada", amount=Decimal(50)), bank)  # wrong: a handler keeps its own types
        print(rows, count, page)
"""


def lines_that_are_wrong(text: str) -> list[int]:
    return [number for number, line in enumerate(text.splitlines(), 1) if "# wrong" in line]


def mypy_errors(file: Path) -> list[int]:
    told = run("mypy", "--config-file", str(ROOT / "pyproject.toml"), "--no-error-summary", str(file))
    # By its name alone: mypy's cache remembers the folder in which it first saw this text.
    found = re.findall(rf"{file.name}:(\d+): error", told.stdout)
    return sorted({int(line) for line in found})


def pyright_errors(file: Path) -> list[int]:
    told = run("basedpyright", "--level", "error", "--outputjson", str(file))
    problems = json.loads(told.stdout)["generalDiagnostics"]
    return sorted({one["range"]["start"]["line"] + 1 for one in problems if one["severity"] == "error"})


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("errors_of", [mypy_errors, pyright_errors])
def test_a_checker_follows_commands_queries_and_rows(errors_of):
    assert errors_of(RIGHT) == []


@pytest.mark.parametrize("errors_of", [mypy_errors, pyright_errors])
def test_a_checker_finds_every_planted_mistake(errors_of, tmp_path):
    file = tmp_path / "wrong.py"
    file.write_text(WRONG)

    assert errors_of(file) == lines_that_are_wrong(WRONG)
