"""Comparing rows with their events: what is found, what is not called drift, and what it costs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.read.accounts import KEYS, Deposited, Opened, Page, run
from tests.unit.read.books import HOMES, Books, busy
from tests.unit.read.reading import Reading
from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.event_store.recorded_event import Mark
from twofold.messages.folding import evolves
from twofold.messages.message import Event
from twofold.read.drift import FOLDED_UP_TO, Drift
from twofold.read.findings import MOST_DRIFTS, Findings
from twofold.read.generations import FROM_POSITION
from twofold.read.parking import Failure, Parking
from twofold.read.past import Home
from twofold.read.view import Gone, View
from twofold.read.view_store import Checkpoint, Generation, Key, StoredRow


@pytest.fixture(params=["by stream", "by log"])
def homes(request: pytest.FixtureRequest) -> dict[type, Home]:
    """Whether the streams of a row are known, or all of the log has to be read for it."""
    return HOMES if request.param == "by stream" else {}


async def test_rows_that_are_right_are_found_right(reading: Reading, homes: Any) -> None:
    await busy(reading)
    books = Books(reading, homes=homes)
    await run(books.projector)

    assert await books.drifts() == []
    assert books.findings.why is None
    assert (books.findings.rounds, books.findings.compared) == (1, 5)  # four rows, and one that is rightly gone


async def test_an_edited_row_is_found_with_what_is_stored_and_what_it_should_be(reading: Reading, homes: Any) -> None:
    await busy(reading)
    books = Books(reading, homes=homes)
    await run(books.projector)
    await books.edit(("3",), balance=Decimal("3.01"), owner="eve")

    (drift,) = await books.drifts()

    assert (drift.view, drift.key, drift.kind, drift.position) == ("Page", ("3",), "differs", 11)
    assert drift.fields == (("owner", "eve", "3"), ("balance", Decimal("3.01"), Decimal(3)))


async def test_a_row_that_was_deleted_is_missing(reading: Reading, homes: Any) -> None:
    await busy(reading)
    books = Books(reading, homes=homes)
    await run(books.projector)
    await books.delete(("3",))

    (drift,) = await books.drifts()

    assert (drift.key, drift.kind) == (("3",), "missing")
    assert ("owner", None, "3") in drift.fields


@pytest.mark.parametrize("key", ["0", "stranger"])
async def test_a_row_that_its_events_deleted_or_never_made_is_extra(reading: Reading, homes: Any, key: str) -> None:
    await busy(reading)
    books = Books(reading, homes=homes)
    await run(books.projector)
    values = {"account_id": key, "owner": "eve", "balance": Decimal(1), "deposits": 0}
    await books.put((key,), StoredRow(values, 3))

    (drift,) = await books.drifts()

    assert (drift.key, drift.kind) == ((key,), "extra")
    assert ("owner", "eve", None) in drift.fields


async def test_a_row_that_claims_events_behind_its_checkpoint_would_lose_them(reading: Reading, homes: Any) -> None:
    await busy(reading)
    books = Books(reading, homes=homes)
    await run(books.projector)
    await books.edit(("3",), position=1000)

    (drift,) = await books.drifts()

    assert drift.fields == ((FOLDED_UP_TO, 1000, 8),)


async def test_a_row_that_was_put_right_is_no_drift_any_more(reading: Reading, homes: Any) -> None:
    await busy(reading)
    books = Books(reading, homes=homes)
    await run(books.projector)
    await books.edit(("3",), owner="eve")
    assert len(await books.drifts()) == 1

    await books.edit(("3",), owner="3")

    assert await books.drifts() == []


async def test_a_row_is_compared_at_its_checkpoint_not_at_the_head(reading: Reading, homes: Any) -> None:
    await busy(reading)
    books = Books(reading, homes=homes)
    await run(books.projector)
    await reading.append("Account-3", Deposited(amount=Decimal(1)))
    await reading.append("Account-new", Opened(owner="new"))

    assert await books.drifts() == []


class Moving(MemoryViewStore):
    """Somebody folds on, in the middle of each look."""

    between: Any = None

    async def load(self, generation: Generation, shard: int, keys: Sequence[Key]) -> dict[Key, StoredRow]:
        if self.between is not None:
            await self.between()
        return await super().load(generation, shard, keys)


async def test_a_row_that_moves_while_it_is_read_is_looked_at_again(reading: Reading, homes: Any) -> None:
    store = reading.store = Moving()
    await busy(reading)
    books = Books(reading, homes=homes)
    await run(books.projector)
    moves = 0

    async def move() -> None:
        nonlocal moves
        if moves < 4 and not folding:
            moves += 1
            await reading.append("Account-3", Deposited(amount=Decimal(1)))
            folding.append(True)
            await run(books.projector)
            folding.clear()

    folding: list[bool] = []
    store.between = move

    assert await books.drifts() == []
    assert (books.findings.moving, books.findings.compared) == (0, 5)
    assert moves == 4


async def test_a_row_that_never_stands_still_is_said_to_move(reading: Reading, homes: Any) -> None:
    store = reading.store = Moving()
    await busy(reading)
    books = Books(reading, homes=homes)
    await run(books.projector)
    folding: list[bool] = []

    async def move() -> None:
        if not folding:
            folding.append(True)
            await reading.append("Account-3", Deposited(amount=Decimal(1)))
            await run(books.projector)
            folding.clear()

    store.between = move

    assert await books.drifts() == []
    assert books.findings.moving >= 1


async def test_what_differs_at_first_and_was_written_meanwhile_is_no_drift(reading: Reading, homes: Any) -> None:
    await busy(reading)
    books = Books(reading, homes=homes)
    await run(books.projector)
    await books.edit(("3",), owner="eve")
    work = books.verifier.round(books.findings)
    await anext(work)
    await anext(work)  # it has been looked at

    await books.edit(("3",), owner="3")
    async for _ in work:
        pass

    assert books.findings.drifts == {}


async def test_parked_rows_are_left_out(reading: Reading, homes: Any) -> None:
    await busy(reading)
    books = Books(reading, homes=homes)
    await run(books.projector)
    copy = await books._copy()
    at = copy.checkpoints[0].mark
    parking = Parking(("3",), Failure(8, "no", "", "", 1, 0), (8,))
    await books.store.save(copy.generation, 0, (), at, Checkpoint(at, 0), (parking,))
    await books.edit(("3",), deposits=0)

    assert await books.drifts() == []
    assert books.findings.parked == 1


async def test_a_row_that_cannot_be_folded_any_more_is_reported_and_the_others_are_compared(
    reading: Reading, homes: Any
) -> None:
    await busy(reading)
    position = await reading.append("Account-3", Deposited(amount=Decimal(666)))
    books = Books(reading, homes=homes)
    await run(books.projector)
    copy = await books._copy()
    mark = await reading.source.mark(position)
    copy.checkpoints[0] = Checkpoint(mark, 0)  # as if other code had folded it
    await books.edit(("4",), owner="eve")

    drifts = {drift.key: drift for drift in await books.drifts()}

    assert set(drifts) == {("3",), ("4",)}
    assert (drifts["3",].kind, drifts["3",].why) == ("unfoldable", "ValueError: beast")


async def test_an_event_that_cannot_be_read_any_more_is_reported(reading: Reading, homes: Any) -> None:
    await busy(reading)
    books = Books(reading, homes=homes)
    await run(books.projector)
    position = await reading.append("Account-3", b"{", as_type="Deposited")
    copy = await books._copy()
    copy.checkpoints[0] = Checkpoint(await reading.source.mark(position), 0)  # as if other code had read it

    await books.drifts()

    assert (books.findings.fault or "").startswith("Deposited at position 12 (version 3 of Account-3): ")
    assert books.findings.has_drift


async def test_rows_that_were_built_from_a_position_on_are_not_compared(reading: Reading) -> None:
    await busy(reading)
    books = Books(reading)
    await run(books.projector)
    (await books._copy()).why = f"{FROM_POSITION}5"

    assert await books.drifts() == []
    assert books.findings.why == "generation 1 was built from position 5 only"


async def test_rows_of_other_code_are_not_compared(reading: Reading) -> None:
    class Other(View, key="account_id", name="Page"):
        account_id: str

        @evolves
        def opened(self, event: Opened) -> None:
            pass

    await busy(reading)
    await run(reading.projector(Other, keys=KEYS))
    books = Books(reading)

    assert await books.drifts() == []
    assert books.findings.why == "generation 1 was built by other code than this process runs"


async def test_rows_of_another_log_are_not_compared(reading: Reading) -> None:
    await busy(reading)
    books = Books(reading)
    await run(books.projector)
    copy = await books._copy()
    copy.checkpoints[0] = Checkpoint(Mark("another", 11, bytes(8)), 0)

    assert await books.drifts() == []
    assert "of another log" in (books.findings.why or "")


async def test_a_view_without_rows_has_none_that_differ(reading: Reading, homes: Any) -> None:
    books = Books(reading, homes=homes)

    assert await books.drifts() == []
    assert (books.findings.why, books.findings.compared) == (None, 0)


async def test_a_round_begins_anywhere_and_looks_at_everything(reading: Reading, homes: Any) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    await busy(reading, 40)
    for number in range(20):
        books = Books(reading, homes=homes, page=7, keys=6, rng=random.Random(seed + number))
        await run(books.projector)
        assert await books.drifts() == []
        assert books.findings.compared == 40

        await books.edit(("17",), owner="eve")
        await books.delete(("23",))
        assert {drift.key for drift in await books.drifts()} == {("17",), ("23",)}
        await books.edit(("17",), owner="17")
        reading.store = MemoryViewStore()


async def test_a_sample_looks_at_so_many_rows_and_no_more(reading: Reading, homes: Any) -> None:
    await busy(reading, 40)
    books = Books(reading, homes=homes, page=7)
    await run(books.projector)

    assert await books.drifts(10) == []
    assert 10 <= books.findings.compared <= 20


async def test_no_more_drifts_are_remembered_than_memory_allows(reading: Reading) -> None:
    findings = Findings("Page")
    for number in range(MOST_DRIFTS + 5):
        findings.note((number,), Drift("Page", (number,), "extra", 1, 0))

    assert len(findings.drifts) == MOST_DRIFTS
    assert findings.has_more


class Weighed(Event):
    account_id: str
    weight: float
    at: datetime
    tags: dict[str, list[Decimal]]


class Scale(View, key="account_id"):
    account_id: str
    weight: float = 0.0
    share: Decimal = Decimal(0)
    at: datetime | None = None
    tags: dict[str, list[Decimal]] = {}

    @evolves
    def weighed(self, event: Weighed) -> type[Gone] | None:
        self.weight += event.weight
        self.share += Decimal(str(event.weight)) / 3
        self.at = event.at
        self.tags.update(event.tags)
        return Gone if event.weight < 0 else None


@pytest.mark.parametrize(
    "edit",
    [
        {"weight": 0.30000000000000004 + 1e-16},
        {"share": Decimal("0.1000000000000000000000000001")},
        {"at": datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)},
        {"at": None},
        {"tags": b'{"a":["1.0"],"b":["2"]}'},
    ],
    ids=lambda edit: next(iter(edit)),
)
async def test_values_are_compared_exactly(reading: Reading, edit: dict[str, Any]) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for weight, tags in ((0.1, {"a": [Decimal("1.0")]}), (0.2, {"b": [Decimal("1.00")]})):
        await reading.append("Scale-x", Weighed(account_id="x", weight=weight, at=at, tags=tags))
    books = Books(reading, Scale)
    await run(books.projector)
    assert await books.drifts() == []
    assert (await books._copy()).rows["x",].values["weight"] == 0.30000000000000004

    await books.edit(("x",), **edit)

    (drift,) = await books.drifts()
    assert [each.field for each in drift.fields] == list(edit)


async def test_a_row_in_several_shards_is_compared_at_the_checkpoint_of_its_own(reading: Reading) -> None:
    class Spread(Page, key="account_id", shards=3):
        pass

    await busy(reading, 30)
    books = Books(reading, Spread, homes={})
    await books.projector.open()
    first, *others = books.projector.followers
    while await first.step():
        pass

    assert await books.drifts() == []

    for number in range(30):
        await reading.append(f"Account-{number}", Deposited(amount=Decimal(1)))
    await others[0].step()
    assert await books.drifts() == []
