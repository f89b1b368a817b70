"""A fingerprint changes when the folding code does, and only then."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import textwrap
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from types import ModuleType

import pytest

from twofold.messages.fingerprint import covered, fingerprint
from twofold.messages.syntax import canonical

RULES = '''
"""How money is counted."""
from decimal import Decimal

RATE = Decimal("0.19")
NOT_USED = 1

def with_tax(amount: Decimal) -> Decimal:
    return rounded(amount * (1 + RATE))

def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))

def not_called() -> int:
    return 1

class Tax:
    factor = 2

    def of(self, amount):
        return amount * self.factor
'''

VIEWS = '''
from __future__ import annotations

import enum
import functools
from decimal import Decimal

import msgspec

import shopcode.rules
from shopcode import rules
from shopcode.rules import with_tax
from twofold.messages import Event, evolves


class Level(enum.Enum):
    LOW = 1


class Address(msgspec.Struct):
    street: str = ""


class Paid(Event):
    amount: Decimal

    def half(self) -> Decimal:
        return self.amount / 2


class Refunded(Event):
    amount: Decimal


def cached(function):
    @functools.wraps(function)
    def wrapper(value):
        return function(value)
    return wrapper


@cached
def doubled(value):
    return value * 2


def bonus(limit=10):
    def of(value):
        return min(value, limit)
    return of


small_bonus = bonus()


def row(event):
    return "a"


class Page(msgspec.Struct):
    """One page."""

    total: Decimal = Decimal(0)
    level: Level = Level.LOW
    address: Address | None = None

    @evolves
    def paid(self, event: Paid) -> None:
        """Add what was paid."""
        # net of tax
        self.total += with_tax(event.amount)
        self.total += self.fee() + doubled(event.half()) + small_bonus(1)
        self.total += shopcode.rules.Tax().of(1)

    @evolves(key=lambda event: row(event))
    def refunded(self, event: Refunded) -> None:
        self.total -= rules.rounded(event.amount)

    def fee(self) -> Decimal:
        return Decimal(1)

    def not_called(self) -> int:
        return 1
'''

BANK = """
import msgspec, rules
from twofold.messages import Event, evolves
from twofold.messages.fingerprint import covered, fingerprint

class Paid(Event):
    pass

class Page(msgspec.Struct):
    n: int = 0

    @evolves
    def paid(self, event: Paid) -> None:
        self.n += rules.one()

print(fingerprint(Page), sorted(name for name, _ in covered(Page)))
"""

Load = Callable[[str, str], ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Writes the package `shopcode` anew, each time in a folder of its own, and imports its views."""
    versions = iter(range(100))

    def load(rules: str, views: str) -> ModuleType:
        root = tmp_path / str(next(versions))
        package = root / "shopcode"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "rules.py").write_text(rules)
        (package / "views.py").write_text(views)
        for name in [name for name in sys.modules if name.startswith("shopcode")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.syspath_prepend(root)
        return importlib.import_module("shopcode.views")

    return load


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""One page."""', '"""Another text."""'),
        ('        """Add what was paid."""\n', ""),
        ("# net of tax", "# something else"),
        ("self.total += with_tax(event.amount)", "self.total += with_tax(\n            event.amount,\n        )"),
        ("class Page", "\n\n\nclass Page"),
        ("    def not_called(self) -> int:\n        return 1", "    def not_called(self) -> int:\n        return 2"),
        ("NOT_USED = 1", "NOT_USED = 2"),
        ("def not_called() -> int:\n    return 1", "def not_called() -> int:\n    return 2"),
        ('"""How money is counted."""', ""),
        ("Address | None", "None | Address"),
    ],
    ids=str,
)
def test_what_does_not_change_the_fold_does_not_change_the_fingerprint(load: Load, old: str, new: str) -> None:
    assert old in RULES + VIEWS
    before = fingerprint(load(RULES, VIEWS).Page)

    assert fingerprint(load(RULES.replace(old, new), VIEWS.replace(old, new)).Page) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self.total += with_tax(event.amount)", "self.total -= with_tax(event.amount)"),
        ("self.total -= rules.rounded(event.amount)", "self.total -= event.amount"),
        ("amount * (1 + RATE)", "amount * (2 + RATE)"),
        ('RATE = Decimal("0.19")', 'RATE = Decimal("0.20")'),
        ('Decimal("0.01")', 'Decimal("0.1")'),
        ("return Decimal(1)", "return Decimal(2)"),
        ("return self.amount / 2", "return self.amount / 3"),
        ("return value * 2", "return value * 3"),
        ("return function(value)", "return function(value) + 1"),
        ("return min(value, limit)", "return max(value, limit)"),
        ("limit=10", "limit=11"),
        ("return amount * self.factor", "return amount + self.factor"),
        ("factor = 2", "factor = 3"),
        ('return "a"', 'return "b"'),
        ("lambda event: row(event)", "lambda event: row(event) + row(event)"),
        ("total: Decimal = Decimal(0)", "total: Decimal = Decimal(1)"),
        ("total: Decimal = Decimal(0)", "total: int = 0"),
        ("    total: Decimal = Decimal(0)\n", "    total: Decimal = Decimal(0)\n    more: int = 0\n"),
        ("LOW = 1", "LOW = 2"),
        ('street: str = ""', 'street: str = "x"'),
        ("event: Refunded", "event: Refunded | Paid"),
    ],
    ids=str,
)
def test_what_changes_the_fold_changes_the_fingerprint(load: Load, old: str, new: str) -> None:
    assert old in RULES + VIEWS
    before = fingerprint(load(RULES, VIEWS).Page)

    assert fingerprint(load(RULES.replace(old, new), VIEWS.replace(old, new)).Page) != before


@pytest.mark.parametrize("name", ["total", "amount", "fee", "rounded", "of", "Tax"])
def test_a_global_that_is_called_like_an_attribute_does_not_count(load: Load, name: str) -> None:
    """A script, a notebook or a page has such names all the time, and they hold now this and now that."""
    before = fingerprint(load(RULES, VIEWS).Page)
    views = load(RULES, VIEWS + f"\n\n{name} = 'something else'\n")

    assert getattr(views, name) == "something else"
    assert fingerprint(views.Page) == before


def test_a_name_that_is_a_global_and_an_attribute_counts(load: Load) -> None:
    both = VIEWS.replace("self.total += self.fee()", "self.total += total + self.fee()") + "\n\ntotal = {}\n"

    assert fingerprint(load(RULES, both.format(1)).Page) != fingerprint(load(RULES, both.format(2)).Page)


def test_a_module_may_move_inside_the_package(load: Load) -> None:
    before = fingerprint(load(RULES, VIEWS).Page)
    inlined = VIEWS.replace("from shopcode.rules import with_tax", "from shopcode.rules import with_tax as with_tax")

    assert fingerprint(load(RULES, inlined).Page) == before


def test_code_of_other_packages_does_not_count(load: Load) -> None:
    names = {name for name, _ in covered(load(RULES, VIEWS).Page)}

    assert {"Page.paid", "with_tax", "rounded", "Page.fee", "RATE", "Level.LOW", "Tax.of"} <= names
    assert not any("Decimal" in name or "evolves" in name or "quantize" in name for name in names)


def test_functions_count_beside_the_class(load: Load) -> None:
    views = load(RULES, VIEWS)

    assert fingerprint(views.Page, views.doubled) == fingerprint(views.Page)
    assert fingerprint(views.row) != fingerprint(views.doubled)


def test_the_fingerprint_is_the_same_in_every_process(load: Load, tmp_path: Path) -> None:
    here = fingerprint(load(RULES, VIEWS).Page)
    program = textwrap.dedent(
        f"""
        import sys
        sys.path.insert(0, {str(tmp_path / "0")!r})
        from shopcode.views import Page
        from twofold.messages.fingerprint import fingerprint
        print(fingerprint(Page))
        """
    )
    for seed in ("0", "1"):
        told = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout.strip() == here


def test_a_script_has_the_fingerprint_of_the_module_it_is(tmp_path: Path) -> None:
    """`python bank.py` and `twofold run bank:app` fold with the same code."""
    (tmp_path / "rules.py").write_text("def one():\n    return 1\n")
    (tmp_path / "bank.py").write_text(BANK)

    def told(*arguments: str) -> str:
        paths = ":".join([str(tmp_path), *sys.path])
        done = subprocess.run(
            [sys.executable, *arguments],
            env={"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
        return done.stdout

    assert told("bank.py") == told("-c", "import bank")
    assert "['Page.n', 'Page.paid', 'one']" in told("bank.py")


def test_without_source_the_bytecode_counts_and_says_so() -> None:
    namespace: dict[str, object] = {"__name__": "shell"}
    exec("def fold(x):\n    return x + 1\ndef other(x):\n    return x + 2", namespace)

    (name, text) = next(iter(covered(namespace["fold"])))  # type: ignore[arg-type]

    assert (name, text.split()[0]) == ("fold", "bytecode")
    assert fingerprint(namespace["fold"]) != fingerprint(namespace["other"])  # type: ignore[arg-type]


def test_a_recursive_function_comes_to_an_end() -> None:
    assert len(fingerprint(_even)) == 32


def _even(number: int) -> bool:
    return number == 0 or _odd(number - 1)


def _odd(number: int) -> bool:
    return number != 0 and _even(number - 1)


def test_syntax_reads_the_same_in_every_version_of_python() -> None:
    """The text was the same under 3.11, 3.12 and 3.13 when it was recorded."""
    source = """
def f(x: int = 1, *, y=...):
    "doc"
    match x:
        case 1: return f"a{y!r:>{x}}" "c" f"{y=}"
    pass
"""

    assert blake2b(canonical(ast.parse(source)).encode(), digest_size=8).hexdigest() == "cd579eefc73f5070"
