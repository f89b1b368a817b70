"""Every error is documented, survives pickling and copying, and says which family has to act."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import pkgutil
import re
import typing
from collections.abc import Iterator

import pytest

import twofold
from tests.architecture.house import ROOT
from twofold.errors import Fault, Rejected, TwofoldError, VersionConflictError
from twofold.http_api.problems import status_of

DOCUMENTED = ROOT / "docs" / "reference" / "errors.md"
ROW = re.compile(r"^\| `(\w+)` \| `?([\w-]+)`? \| ([a-z-]+) \| (\d+|terminal) \|", re.MULTILINE)

for _module in pkgutil.walk_packages(twofold.__path__, "twofold."):
    if not _module.name.endswith("__main__"):
        importlib.import_module(_module.name)  # rooms and doors have errors of their own


def tree(root: type[TwofoldError] = TwofoldError) -> Iterator[type[TwofoldError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__.startswith("twofold."):
            yield from tree(child)


def sample(kind: type[TwofoldError]) -> TwofoldError:
    """An instance made from its signature."""
    if "__init__" not in {name for one in kind.__mro__[: kind.__mro__.index(TwofoldError)] for name in vars(one)}:
        return kind("what happened")
    hints = typing.get_type_hints(kind.__init__)
    wanted = [one for one in inspect.signature(kind).parameters.values() if one.kind is not one.VAR_KEYWORD]
    return kind(*(value_for(hints[parameter.name]) for parameter in wanted))


def value_for(hint: object) -> object:
    values: dict[object, object] = {int: 3, str: "text", object: ("key", 1), str | None: "text"}
    if hint in values:
        return values[hint]
    return [Fault("$.amount", "is missing")] if "Fault" in str(hint) else ["one", "two"]


def documented(text: str) -> dict[str, tuple[str, ...]]:
    return {name: tuple(row) for name, *row in ROW.findall(text)}


def expected() -> dict[str, tuple[str, ...]]:
    """Code, retry and HTTP status of every error; those of the command line have no status."""
    errors = {kind: sample(kind) for kind in tree()}
    codes = {kind: "yours" if kind is Rejected else error.code for kind, error in errors.items()}
    statuses = {kind: "terminal" if ".cli." in kind.__module__ else str(status_of(errors[kind])) for kind in errors}
    return {kind.__name__: (codes[kind], kind.retry.value, statuses[kind]) for kind in errors}


@pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("through", [lambda it: pickle.loads(pickle.dumps(it)), copy.copy], ids=["pickle", "copy"])
def test_an_error_survives_pickling_and_copying_with_its_data(kind, through):
    error = sample(kind)
    again = through(error)
    assert type(again) is kind
    assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))
    assert again.code == error.code


def test_every_error_stands_in_the_reference_with_its_code_and_status():
    assert documented(DOCUMENTED.read_text()) == expected()


def test_planted_wrong_code_in_the_reference_is_found():
    text = DOCUMENTED.read_text().replace("`version-conflict`", "`conflict-of-versions`")
    assert documented(text) != expected()


def test_planted_error_that_does_not_survive_is_found():
    class StubbornError(VersionConflictError):
        def __reduce__(self):
            return Exception.__reduce__(self)

    with pytest.raises(TypeError):
        copy.copy(StubbornError("account-ada", 1, 2))


def test_codes_are_lower_case_with_dashes():
    assert [kind for kind in tree() if not re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)] == []
