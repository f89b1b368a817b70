"""The names that users import are a decision: docs/reference/public-names.txt changes only on purpose."""

from __future__ import annotations

import twofold
from tests.architecture.house import ROOT

SNAPSHOT = ROOT / "docs" / "reference" / "public-names.txt"


def difference(names: list[str], snapshot: str) -> tuple[list[str], list[str]]:
    """Names that are new, and names that are gone."""
    known = set(snapshot.split())
    return sorted(set(names) - known), sorted(known - set(names))


def test_the_public_names_are_those_of_the_snapshot():
    assert difference(twofold.__all__, SNAPSHOT.read_text()) == ([], [])


def test_every_public_name_is_there_once_in_order_and_documented():
    assert sorted(set(twofold.__all__)) == sorted(twofold.__all__)
    values = {name: getattr(twofold, name) for name in twofold.__all__}
    assert [name for name, value in values.items() if callable(value) and not value.__doc__] == []


def test_planted_new_and_lost_names_are_found():
    assert difference(["App", "New"], "App\nLost\n") == (["New"], ["Lost"])
