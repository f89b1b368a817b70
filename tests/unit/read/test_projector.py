"""A view follows the log: every event once, in order, and nothing skipped silently."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.read.reading import Reading
from twofold.errors import StoreUnavailableError
from twofold.event_store.recorded_event import LogPage, Mark
from twofold.messages.folding import evolves
from twofold.messages.message import Event
from twofold.read.batch import BREATH
from twofold.read.status import REBUILD, RESTORED, RETRY
from twofold.read.view import Gone, View


class Opened(Event):
    owner: str


class Deposited(Event):
    amount: Decimal


class Closed(Event):
    pass


class Unread(Event):
    text: str = ""


class Page(View, key="account_id"):
    account_id: str
    owner: str = ""
    balance: Decimal = Decimal(0)
    deposits: int = 0

    @evolves
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    @evolves
    def deposited(self, event: Deposited) -> None:
        if event.amount == 666:
            self.owner = "half folded"
            raise ValueError("beast")
        self.balance += event.amount
        self.deposits += 1

    @evolves
    def closed(self, _event: Closed) -> type[Gone]:
        return Gone


KEYS: dict[type, str] = {Opened: "account_id", Deposited: "account_id", Closed: "account_id"}


async def run(projector: Any) -> int:
    steps = 0
    while await projector.step():
        steps += 1
    return steps


async def test_rows_follow_the_streams_they_are_named_after(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"), Deposited(amount=Decimal(50)))
    await reading.append("Account-bob", Opened(owner="Bob"))
    projector = reading.projector(Page, keys=KEYS)

    taken = await projector.step()

    assert taken == 3
    assert await reading.rows(projector).find(order_by="owner") == [
        Page(account_id="ada", owner="Ada", balance=Decimal(50), deposits=1),
        Page(account_id="bob", owner="Bob"),
    ]


async def test_an_event_that_comes_twice_is_folded_once(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"), Deposited(amount=Decimal(1)), Deposited(amount=Decimal(2)))
    projector = reading.projector(Page, keys=KEYS)
    genuine = reading.source

    class Duplicating:
        epoch = genuine.epoch
        mark = genuine.mark

        async def read_log(self, after: int, **how: Any) -> LogPage:
            page = await genuine.read_log(max(0, after - 2), **how)
            twice = [event for event in page.events for _ in range(2)]
            return LogPage(twice, page.reached, page.at_head)

    projector._source = Duplicating()
    await run(projector)
    await reading.append("Account-ada", Deposited(amount=Decimal(4)))
    await run(projector)

    assert (await reading.rows(projector).get("ada")).balance == 7


@pytest.mark.parametrize("page", [1, 2, 3, 5, 100])
async def test_rows_do_not_depend_on_where_batches_end(reading: Reading, page: int) -> None:
    for number in range(7):
        await reading.append(f"Account-{number % 3}", Opened(owner=str(number)), Deposited(amount=Decimal(number)))
    projector = reading.projector(Page, keys=KEYS, page=page)

    await run(projector)

    balances = {row.account_id: row.balance for row in await reading.rows(projector).find()}
    assert balances == {"0": 9, "1": 5, "2": 7}
    assert projector.status().position == (await reading.source.mark()).position


@pytest.mark.parametrize("before", [0, 1, 5])
@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize("page", [1, 4, 100])
async def test_a_failing_event_stops_the_view_with_the_events_before_it_saved(
    reading: Reading, before: int, after: int, page: int
) -> None:
    await reading.append("Account-ada", *[Deposited(amount=Decimal(1))] * before) if before else None
    bad = await reading.append("Account-ada", Deposited(amount=Decimal(666)))
    await reading.append("Account-ada", *[Deposited(amount=Decimal(1))] * after) if after else None
    projector = reading.projector(Page, keys=KEYS, page=page)

    await run(projector)

    row = await reading.rows(projector).get_or_none("ada")
    assert row == (Page(account_id="ada", balance=Decimal(before), deposits=before) if before else None)
    status = projector.status()
    assert (status.state, status.failed_at, status.remedy) == ("stopped", bad, RETRY)
    assert "beast" in (status.error or "")
    assert status.position == before


async def test_a_stopped_view_does_nothing_until_it_is_told_to_try_again(reading: Reading) -> None:
    await reading.append("Account-ada", Deposited(amount=Decimal(666)))
    projector = reading.projector(Page, keys=KEYS)
    await run(projector)

    assert await projector.step() == 0
    await projector.retry()
    assert projector.status().state == "running"
    assert await projector.step() == 0
    assert projector.status().state == "stopped"


async def test_bytes_that_cannot_be_decoded_stop_the_view(reading: Reading) -> None:
    await reading.append("Account-ada", Deposited(amount=Decimal(1)))
    await reading.append("Account-ada", Unread(text="?"), as_type="Deposited")
    projector = reading.projector(Page, keys=KEYS)

    await run(projector)

    assert projector.status().state == "stopped"
    assert (await reading.rows(projector).get("ada")).deposits == 1


class Noted(Event):
    text: str


class Note(View, key="note_id"):
    note_id: str
    size: int = 0

    @evolves
    def noted(self, event: Noted) -> None:
        self.size = len(event.text) * 10**18


async def test_a_row_that_cannot_be_stored_stops_the_view_at_its_event(reading: Reading) -> None:
    await reading.append("Note-1", *[Noted(text=text) for text in ("a", "ab", "too long to count", "this is too long")])
    projector = reading.projector(Note, keys={Noted: "note_id"})

    await run(projector)

    assert projector.status().failed_at == 3
    assert (await reading.rows(projector).get("1")).size == 2 * 10**18


async def test_a_fold_that_returns_gone_deletes_its_row(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"), Closed())
    await reading.append("Account-bob", Opened(owner="Bob"))
    projector = reading.projector(Page, keys=KEYS)
    await run(projector)
    await reading.append("Account-bob", Closed())
    await reading.append("Account-ada", Opened(owner="Ada again"))

    await run(projector)

    assert await reading.rows(projector).find() == [Page(account_id="ada", owner="Ada again")]


class Chatty(View, key="account_id"):
    account_id: str

    @evolves
    def opened(self, _event: Opened) -> str:
        return "done"


async def test_a_fold_that_returns_anything_else_stops_the_view(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"))
    projector = reading.projector(Chatty, keys=KEYS)

    await run(projector)

    assert "returned 'done'" in (projector.status().error or "")


class Renaming(View, key="account_id"):
    account_id: str

    @evolves
    def opened(self, event: Opened) -> None:
        self.account_id = event.owner


async def test_a_fold_that_changes_the_key_stops_the_view(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"))
    projector = reading.projector(Renaming, keys=KEYS)

    await run(projector)

    assert "changed the key" in (projector.status().error or "")
    assert await reading.rows(projector).count() == 0


async def test_the_checkpoint_moves_over_events_that_the_view_does_not_read(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"))
    head = await reading.append("Other-1", Unread(), Unread(), Unread())
    projector = reading.projector(Page, keys=KEYS)

    await run(projector)

    assert projector.status().position == head
    assert (await reading.store.get(projector.definition.table, ("ada",))).mark == await reading.source.mark()


class Transferred(Event):
    source: str
    target: str
    amount: int


class Holding(View, key="owner"):
    owner: str
    amount: int = 0
    moves: int = 0

    @evolves(key=lambda event: event.source)
    def gave(self, event: Transferred) -> None:
        self.amount -= event.amount

    @evolves(key=lambda event: event.target)
    def got(self, event: Transferred) -> None:
        self.amount += event.amount
        self.moves += 1


async def test_one_event_may_be_folded_into_two_rows(reading: Reading) -> None:
    await reading.append("Bank-1", Transferred(source="ada", target="bob", amount=5))
    projector = reading.projector(Holding)

    await run(projector)

    assert {row.owner: row.amount for row in await reading.rows(projector).find()} == {"ada": -5, "bob": 5}


async def test_both_folds_run_when_both_rows_are_the_same(reading: Reading) -> None:
    await reading.append("Bank-1", Transferred(source="ada", target="ada", amount=5))
    projector = reading.projector(Holding)

    await run(projector)

    assert await reading.rows(projector).find() == [Holding(owner="ada", amount=0, moves=1)]


class Tagged(Event):
    tags: list[str]


class Tag(View, key="tag"):
    tag: str
    uses: int = 0

    @evolves(keys=lambda event: event.tags)
    def tagged(self, _event: Tagged) -> None:
        self.uses += 1


async def test_keys_fold_an_event_into_each_of_several_rows_once(reading: Reading) -> None:
    await reading.append("Post-1", Tagged(tags=["red", "blue", "red"]), Tagged(tags=[]), Tagged(tags=["blue"]))
    projector = reading.projector(Tag)

    await run(projector)

    assert {row.tag: row.uses for row in await reading.rows(projector).find()} == {"red": 1, "blue": 2}


class Sold(Event):
    day: str
    department: str
    amount: int


class Revenue(View, key=("day", "department")):
    day: str
    department: str
    amount: int = 0

    @evolves
    def sold(self, event: Sold) -> None:
        self.amount += event.amount


async def test_composite_keys_group_by_several_parts(reading: Reading) -> None:
    await reading.append(
        "Shop-1",
        Sold(day="mon", department="deli", amount=1),
        Sold(day="mon", department="deli", amount=2),
        Sold(day="tue", department="deli", amount=4),
    )
    projector = reading.projector(Revenue)

    await run(projector)

    assert (await reading.rows(projector).get(("mon", "deli"))).amount == 3
    assert (await reading.rows(projector).get(("tue", "deli"))).amount == 4


class Numbered(View, key="account_id"):
    account_id: int

    @evolves
    def opened(self, _event: Opened) -> None: ...


async def test_a_key_that_does_not_fit_stops_the_view(reading: Reading) -> None:
    await reading.append("Account-7", Opened(owner="Ada"))
    await reading.append("Account-ada", Opened(owner="Ada"))
    projector = reading.projector(Numbered, keys=KEYS)

    await run(projector)

    assert projector.status().failed_at == 2
    assert await reading.rows(projector).find() == [Numbered(account_id=7)]


async def test_a_changed_fold_stops_the_view_and_leaves_its_rows(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"))
    await run(reading.projector(Page, keys=KEYS))

    class Changed(View, key="account_id", name="Page", fold_version=2):
        account_id: str
        owner: str = ""
        balance: Decimal = Decimal(0)
        deposits: int = 0

        @evolves
        def opened(self, event: Opened) -> None:
            self.owner = event.owner.upper()

    await reading.append("Account-ada", Opened(owner="Eve"))
    projector = reading.projector(Changed, keys=KEYS)
    await run(projector)

    assert (projector.status().state, projector.status().remedy) == ("stopped", REBUILD)
    assert (await reading.rows(projector).get("ada")).owner == "Ada"


async def test_a_log_that_was_restored_stops_the_view(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"), Deposited(amount=Decimal(1)))
    await run(reading.projector(Page, keys=KEYS))
    restored = Reading()
    restored.store = reading.store
    await restored.append("Account-ada", Opened(owner="Ada"))

    other_epoch = restored.projector(Page, keys=KEYS)
    await run(other_epoch)
    restored.source.epoch = reading.source.epoch
    ahead = restored.projector(Page, keys=KEYS)
    await run(ahead)
    await restored.append("Account-ada", Opened(owner="Ada"))
    restored.source.mark = _other_check(restored.source.mark)  # type: ignore[method-assign]
    regrown = restored.projector(Page, keys=KEYS)
    await run(regrown)

    for projector in (other_epoch, ahead, regrown):
        assert (projector.status().state, projector.status().remedy) == ("stopped", RESTORED)
    assert "ahead of the log" in (ahead.status().error or "")
    assert "another event" in (regrown.status().error or "")


def _other_check(mark: Any) -> Any:
    async def changed(position: int | None = None) -> Mark:
        found = await mark(position)
        return Mark(found.epoch, found.position, b"\xff" * 8)

    return changed


async def test_a_newer_lease_makes_the_old_runner_stop(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"))
    old, new = reading.projector(Page, keys=KEYS, fence=1), reading.projector(Page, keys=KEYS, fence=2)
    await run(old)
    await reading.append("Account-ada", Deposited(amount=Decimal(1)))
    await run(new)
    await reading.append("Account-ada", Deposited(amount=Decimal(1)))
    await run(old)

    assert old.status().state == "stopped"
    assert (await reading.rows(old).get("ada")).balance == 1


async def test_two_runners_of_one_view_fold_every_event_once(reading: Reading) -> None:
    one, other = reading.projector(Page, keys=KEYS, page=2), reading.projector(Page, keys=KEYS, page=3)
    for number in range(10):
        await reading.append(f"Account-{number % 2}", Deposited(amount=Decimal(1)))

    for _ in range(20):
        await one.step()
        await other.step()

    assert {row.account_id: row.balance for row in await reading.rows(one).find()} == {"0": 5, "1": 5}


async def test_an_unavailable_store_stops_nothing(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"))
    projector = reading.projector(Page, keys=KEYS)
    await projector.open()
    save = reading.store.save

    async def full(*_: Any) -> None:
        raise StoreUnavailableError("the disk is full")

    reading.store.save = full  # type: ignore[assignment,method-assign]
    with pytest.raises(StoreUnavailableError):
        await projector.step()
    reading.store.save = save  # type: ignore[method-assign]

    assert projector.status().state == "running"
    assert await projector.step() == 1


async def test_other_tasks_run_while_a_long_page_is_folded(reading: Reading) -> None:
    for _ in range(10):
        await reading.append("Account-ada", *[Deposited(amount=Decimal(1))] * 100)
    projector = reading.projector(Page, keys=KEYS, page=1000)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(count())
    await projector.step()
    task.cancel()

    assert turns >= 2 * 1000 // BREATH


@settings(max_examples=60, deadline=None)
@given(
    moves=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["open", "add", "close"])), max_size=40),
    page=st.integers(1, 12),
)
def test_rows_equal_a_plain_fold_of_each_stream(moves: list[tuple[int, str]], page: int) -> None:
    async def compare() -> None:
        reading = Reading()
        expected: dict[str, Page] = {}
        for number, what in moves:
            key = str(number)
            event: Event = {"open": Opened(owner=key), "add": Deposited(amount=Decimal(2)), "close": Closed()}[what]
            await reading.append(f"Account-{key}", event)
            row = expected.setdefault(key, Page(account_id=key))
            folds: Any = {Opened: row.opened, Deposited: row.deposited, Closed: row.closed}
            if folds[type(event)](event) is Gone:
                del expected[key]
        projector = reading.projector(Page, keys=KEYS, page=page)
        await run(projector)
        assert {row.account_id: row for row in await reading.rows(projector).find(limit=100)} == expected

    asyncio.run(compare())
