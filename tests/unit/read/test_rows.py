"""Rows by key and by their fields, page by page; whatever is wrong with a question is said at once."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
import pytest

from tests.unit.read.reading import Reading
from twofold.errors import ColumnUnknownError, InputError, InvalidMessageError, RowNotFoundError
from twofold.event_store.token import decode_token
from twofold.messages.folding import evolves
from twofold.messages.message import Event
from twofold.read.conditions import condition
from twofold.read.rows import MAX_LIMIT, Rows
from twofold.read.view import View


class Level(Enum):
    LOW = "low"
    HIGH = "high"


class Opened(Event):
    account_id: str
    balance: Decimal
    owner: str | None = None


class Account(View, key="account_id", index=("balance",)):
    account_id: str
    owner: str | None = None
    balance: Decimal = Decimal(0)
    level: Level = Level.LOW
    opened_at: datetime | None = None
    uuid: UUID | None = None
    count: int = 0
    rate: float = 0.0
    is_open: bool = True
    tags: list[str] = msgspec.field(default_factory=list)

    @evolves
    def opened(self, event: Opened) -> None:
        self.owner, self.balance = event.owner, event.balance
        self.level = Level.HIGH if event.balance >= 100 else Level.LOW
        self.opened_at = datetime(2024, 1, int(event.balance) % 28 + 1, tzinfo=UTC)


ACCOUNTS = {"ada": 100, "bob": 5, "cyd": 100, "dan": 20, "eve": 7}


@pytest.fixture
async def accounts(reading: Reading) -> Rows[Account]:
    owners = {"ada": "Ada", "bob": "Bob"}
    for name, balance in ACCOUNTS.items():
        opened = Opened(account_id=name, balance=Decimal(balance), owner=owners.get(name))
        await reading.append(f"Account-{name}", opened)
    projector = reading.projector(Account)
    await projector.step()
    return reading.rows(projector)


def names(rows: list[Account]) -> list[str]:
    return [row.account_id for row in rows]


async def test_a_row_is_got_by_its_key(accounts: Rows[Account]) -> None:
    assert (await accounts.get("ada")).owner == "Ada"
    assert await accounts.get_or_none("nobody") is None


async def test_a_missing_row_is_told_with_the_token_it_is_missing_at(accounts: Rows[Account], reading: Reading) -> None:
    with pytest.raises(RowNotFoundError) as missing:
        await accounts.get("nobody")

    assert missing.value.token is not None
    assert decode_token(missing.value.token) == await reading.source.mark()


async def test_columns_compare_as_python_does(accounts: Rows[Account]) -> None:
    c = accounts.c

    assert names(await accounts.find(c.balance > 20)) == ["ada", "cyd"]
    assert names(await accounts.find(c.balance >= 20, c.balance < 100)) == ["dan"]
    assert names(await accounts.find(c.balance <= Decimal("5.00"))) == ["bob"]
    assert names(await accounts.find(c.owner == "Ada")) == ["ada"]
    assert names(await accounts.find(c.owner == None)) == ["cyd", "dan", "eve"]  # noqa: E711 - a condition
    assert names(await accounts.find(c.owner != "Ada")) == ["bob", "cyd", "dan", "eve"]
    assert names(await accounts.find(c.account_id.in_(["eve", "bob"]))) == ["bob", "eve"]
    assert names(await accounts.find(c.owner.contains("d"))) == ["ada"]
    assert names(await accounts.find(c.owner.startswith("B"))) == ["bob"]
    assert names(await accounts.find(c.owner.is_null(False))) == ["ada", "bob"]
    assert names(await accounts.find(c.level == Level.HIGH)) == ["ada", "cyd"]
    assert names(await accounts.find(c.opened_at > datetime(2024, 1, 20, tzinfo=UTC))) == ["dan"]
    assert await accounts.count(c.balance > 5) == 4


async def test_rows_are_sorted_by_fields_that_rise_or_fall(accounts: Rows[Account]) -> None:
    assert names(await accounts.find(order_by="-balance", limit=3)) == ["ada", "cyd", "dan"]
    assert names(await accounts.find(order_by=["-balance", "-account_id"], limit=3)) == ["cyd", "ada", "dan"]
    assert names(await accounts.find(order_by="-balance,-account_id", limit=1)) == ["cyd"]


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("balance", "1.10", Decimal("1.10")),
        ("balance", 5, Decimal(5)),
        ("count", "12", 12),
        ("rate", "0.5", 0.5),
        ("rate", 2, 2.0),
        ("is_open", "true", True),
        ("opened_at", "2024-01-01T00:00:00Z", datetime(2024, 1, 1, tzinfo=UTC)),
        ("uuid", "00000000-0000-0000-0000-000000000001", UUID(int=1)),
        ("level", "high", "high"),
        ("owner", "5", "5"),
    ],
)
def test_text_is_read_as_the_type_of_the_column(accounts: Rows[Account], name: str, value: Any, stored: Any) -> None:
    found = condition(accounts.definition, name, "eq", value).value

    assert (found, type(found)) == (stored, type(stored))


@pytest.mark.parametrize(
    ("name", "operator", "value"),
    [
        ("balance", "gt", "much"),
        ("balance", "gt", "NaN"),
        ("balance", "gt", "1e999999999"),
        ("balance", "gt", None),
        ("balance", "eq", [1]),
        ("count", "eq", "1.5"),
        ("count", "eq", 2**63),
        ("count", "eq", True),
        ("count", "in", ["1", "x"]),
        ("rate", "eq", "inf"),
        ("is_open", "eq", "maybe"),
        ("opened_at", "eq", "2024-01-01T00:00:00"),
        ("opened_at", "eq", "yesterday"),
        ("uuid", "eq", "1"),
        ("owner", "eq", 5),
        ("owner", "eq", "\x00"),
        ("owner", "contains", None),
        ("owner", "isnull", "perhaps"),
        ("owner", "isnull", None),
        ("owner", "in", [None]),
    ],
    ids=str,
)
def test_a_value_that_is_not_the_columns_is_refused(
    accounts: Rows[Account], name: str, operator: str, value: Any
) -> None:
    with pytest.raises(InvalidMessageError) as refused:
        condition(accounts.definition, name, operator, value)

    assert refused.value.faults[0].path == f"$.{name}"


async def test_a_wrong_name_lists_the_fields_at_once(accounts: Rows[Account]) -> None:
    with pytest.raises(ColumnUnknownError, match="account_id, owner, balance"):
        accounts.c.ballance  # noqa: B018 - the name alone is refused
    with pytest.raises(ColumnUnknownError):
        await accounts.find(order_by="-ballance")
    with pytest.raises(ColumnUnknownError):
        condition(accounts.definition, "ballance", "eq", 1)


async def test_nested_fields_cannot_be_compared_or_sorted(accounts: Rows[Account]) -> None:
    with pytest.raises(InputError, match="nested"):
        accounts.c.tags.contains("x")
    with pytest.raises(InputError, match="nested"):
        await accounts.find(order_by="tags")
    assert await accounts.count(accounts.c.tags.is_null()) == 0


@pytest.mark.parametrize("operator", ["contains", "startswith"])
def test_text_tests_are_for_text(accounts: Rows[Account], operator: str) -> None:
    with pytest.raises(InputError, match="for text"):
        condition(accounts.definition, "balance", operator, "1")


async def test_other_wrong_questions_are_refused(accounts: Rows[Account]) -> None:
    with pytest.raises(InputError, match="not an operator"):
        condition(accounts.definition, "balance", "like", "1")
    with pytest.raises(InputError, match="not a condition"):
        await accounts.find(True)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="twice"):
        await accounts.find(order_by=["balance", "-balance"])
    for limit in (0, -1, MAX_LIMIT + 1, True, "5"):
        with pytest.raises(InputError, match="limit"):
            await accounts.find(limit=limit)  # type: ignore[arg-type]


async def test_a_row_may_be_changed_without_changing_what_is_stored(accounts: Rows[Account]) -> None:
    row = await accounts.get("ada")
    row.tags.append("mine")

    assert (await accounts.get("ada")).tags == []


@pytest.mark.parametrize("order_by", ["", "-balance", "owner", "-opened_at", "level"])
@pytest.mark.parametrize("limit", [1, 2, 5, 9])
async def test_pages_one_after_another_equal_the_whole(accounts: Rows[Account], order_by: str, limit: int) -> None:
    tests = (accounts.c.balance >= 5,)
    pages = [await accounts.page(*tests, order_by=order_by, limit=limit)]
    while pages[-1].next is not None:
        pages.append(await accounts.page(*tests, order_by=order_by, limit=limit, cursor=pages[-1].next))

    assert [row for page in pages for row in page.items] == await accounts.find(*tests, order_by=order_by)
    assert len(pages) == -(-len(ACCOUNTS) // limit)


async def test_a_cursor_of_another_search_is_refused(accounts: Rows[Account]) -> None:
    c = accounts.c
    cursor = (await accounts.page(c.balance >= 5, order_by="-balance", limit=1)).next

    for tests, order_by in [((), "-balance"), ((c.balance >= 6,), "-balance"), ((c.balance >= 5,), "balance")]:
        with pytest.raises(InputError, match="another search"):
            await accounts.page(*tests, order_by=order_by, limit=1, cursor=cursor)


async def test_a_cursor_may_change_the_limit(accounts: Rows[Account]) -> None:
    cursor = (await accounts.page(order_by="-balance", limit=1)).next

    assert len((await accounts.page(order_by="-balance", limit=3, cursor=cursor)).items) == 3


@pytest.mark.parametrize("garbage", ["", "x", "%%%", "é", "A" * 11, "A" * 5000])
async def test_garbage_is_no_cursor(accounts: Rows[Account], garbage: str) -> None:
    with pytest.raises(InputError):
        await accounts.page(cursor=garbage)


@pytest.mark.parametrize("tail", [b"", b"[]", b"[1,2,3]", b"[null]", b"[5]", b"{}", b'["\\u0000"]', b"\xff"])
async def test_a_cursor_with_other_values_is_refused(accounts: Rows[Account], tail: bytes) -> None:
    genuine = (await accounts.page(limit=1)).next
    assert genuine is not None
    digest = urlsafe_b64decode(genuine + "=" * (-len(genuine) % 4))[:8]

    with pytest.raises(InputError, match="not made by twofold"):
        await accounts.page(limit=1, cursor=urlsafe_b64encode(digest + tail).rstrip(b"=").decode())
