"""Whatever a row holds, on every store it is found equal to what its events fold to; a change in any field is found."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import msgspec

from tests.flows.test_verifier import by_hand
from twofold import Aggregate, App, Command, Config, Event, View, decides, evolves


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Part(msgspec.Struct):
    name: str
    sizes: list[float] = []
    inner: Part | None = None


class Values(msgspec.Struct, kw_only=True):
    text: str
    whole: int
    real: float
    yes: bool
    exact: Decimal
    at: datetime
    day: date
    uuid: UUID
    raw: bytes
    colour: Colour
    word: Literal["a", "b"]
    none: str | None
    parts: dict[str, Part]
    many: set[str]
    pair: tuple[int, str]
    anything: Any


PLAIN = Values(
    text="x",
    whole=1,
    real=0.1,
    yes=True,
    exact=Decimal("1.10"),
    at=datetime(2026, 1, 1, tzinfo=UTC),
    day=date(2026, 1, 1),
    uuid=UUID(int=7),
    raw=b"\x00\xff",
    colour=Colour.RED,
    word="a",
    none=None,
    parts={"p": Part("p", [0.1 + 0.2], Part("q"))},
    many={"b", "a", "c"},
    pair=(1, "x"),
    anything={"a": [1, 2.5, None, True, 1e20]},
)
ODD = Values(
    text="é\U0001f600 '\"\\\n",
    whole=-(2**63),
    real=-0.0,
    yes=False,
    exact=Decimal("1E+3"),
    at=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=-1))) - timedelta(hours=2),
    day=date(1, 1, 1),
    uuid=UUID(int=2**128 - 1),
    raw=b"",
    colour=Colour.BLUE,
    word="b",
    none="",
    parts={},
    many=set(),
    pair=(2**62, ""),
    anything=5e-324,
)
SMALL = msgspec.structs.replace(PLAIN, real=5e-324, exact=Decimal("-0.0"), whole=2**63 - 1, anything="1e20")


class Keep(Command):
    box: str
    values: Values


class Kept(Event):
    values: Values


class Box(Aggregate, key="box"):
    @decides(existing=False)
    def keep(self, command: Keep) -> Kept:
        return Kept(values=command.values)


class BoxPage(View, key="box"):
    box: str
    text: str = ""
    whole: int = 0
    real: float = 0.0
    yes: bool = False
    exact: Decimal = Decimal(0)
    at: datetime | None = None
    day: date | None = None
    uuid: UUID | None = None
    raw: bytes = b""
    colour: Colour = Colour.RED
    word: Literal["a", "b"] = "a"
    none: str | None = "none"
    parts: dict[str, Part] = {}
    many: set[str] = set()
    pair: tuple[int, str] = (0, "")
    anything: Any = None

    @evolves
    def kept(self, event: Kept) -> None:
        for name in Values.__struct_fields__:
            setattr(self, name, getattr(event.values, name))


BOXES = App("boxes", aggregates=[Box], views=[BoxPage])
EDITS = {
    "text": "'y'",
    "whole": "2",
    "real": "0.30000000000000004",
    "yes": "{false}",
    "exact": "'1.11'",
    "at": "'2026-01-01T00:00:00.000001Z'",
    "day": "'2026-01-02'",
    "uuid": "'00000000-0000-0000-0000-000000000008'",
    "raw": "{bytes}",
    "colour": "'blue'",
    "word": "'b'",
    "none": "''",
    "parts": """'{{"p":{{"name":"p","sizes":[0.3]}}}}'""",
    "many": """'["a","b"]'""",
    "pair": "'[1,\"y\"]'",
    "anything": "'[]'",
}


async def test_rows_with_every_kind_of_value_agree_with_their_events(url: str) -> None:
    async with BOXES.open(url, config=Config(page_events=2), workers=False) as boxes:
        for number, values in enumerate([PLAIN, ODD, SMALL, PLAIN, ODD]):
            await boxes.send(Keep(box=str(number % 3), values=values))
            await boxes.send(Keep(box=f"only {number}", values=values))
            await boxes.run_until_idle()

        found = await boxes.verifier.verify("BoxPage")

        assert (found.why, found.fault, found.drifts) == (None, None, {})
        assert found.compared == 8


async def test_a_change_in_any_field_is_found(lasting_url: str) -> None:
    is_sqlite = lasting_url.startswith("sqlite")
    words = {"false": "0" if is_sqlite else "false", "bytes": "x'00'" if is_sqlite else r"'\x00'"}
    async with BOXES.open(lasting_url, config=Config(), workers=False) as boxes:
        for field in EDITS:
            await boxes.send(Keep(box=field, values=PLAIN))
        await boxes.run_until_idle()
        assert set(EDITS) == set(Values.__struct_fields__)
        for field, value in EDITS.items():
            written = value.format(**words)
            await by_hand(lasting_url, "BoxPage", f"""UPDATE ROWS SET "{field}" = {written} WHERE box = '{field}'""")

        found = await boxes.verifier.verify("BoxPage")

        assert {drift.key[0]: [each.field for each in drift.fields] for drift in found.drifts.values()} == {
            field: [field] for field in EDITS
        }
