"""Snapshots make loading fast and never change what is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.write.bank import Account, Deposit, OpenAccount, Place, Transfer, Withdraw, balance, by_plan
from twofold import Aggregate, App, Command, Config, Event, OpenApp, decides, evolves
from twofold.event_store.store import Snapshot
from twofold.testing.faults import NoFaults

EVERY_5 = Config(snapshot_every=5)


async def deposits(bank: OpenApp, count: int) -> None:
    for _ in range(count):
        await bank.send(Deposit(account_id="ada", amount=1))


async def snapshot_of(bank: OpenApp, stream: str = "Account-ada") -> Snapshot | None:
    for fingerprint in bank._desk.repository._fingerprints.values():
        found = await bank.log.snapshots.load(stream, fingerprint)
        if found is not None:
            return found
    return None


async def test_one_is_taken_every_n_events_off_the_commands_path(place: Place) -> None:
    calls = NoFaults()
    async with place.open(wrap=by_plan(calls), config=EVERY_5) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        versions = []
        for _ in range(24):
            await deposits(bank, 1)
            saved = calls.calls.count("save")
            await bank.run_until_idle()
            if calls.calls.count("save") > saved:
                found = await snapshot_of(bank)
                assert found is not None
                versions.append(found.version)

        assert versions == [5, 10, 15, 20, 25]
        assert calls.calls[: calls.calls.index("save")].count("append") >= 4


async def test_several_events_at_once_may_step_over_the_mark(place: Place) -> None:
    app = App("garden", aggregates=[Bed])
    async with place.open(app, config=Config(snapshot_every=4)) as garden:
        for _ in range(3):
            await garden.send(Sow(bed="b", seeds=3))
        await garden.run_until_idle()

        found = await snapshot_of(garden, "Bed-b")
        assert found is not None
        assert found.version == 9


async def test_streams_that_are_written_together_get_theirs_too(place: Place) -> None:
    async with place.open(config=EVERY_5) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        await bank.send(OpenAccount(account_id="bob"))
        for _ in range(4):
            await bank.send(Transfer(source="ada", target="bob", amount=0))
        await bank.run_until_idle()

        assert [
            found and found.version for found in [await snapshot_of(bank), await snapshot_of(bank, "Account-bob")]
        ] == [
            5,
            5,
        ]


@pytest.mark.parametrize("every", [0, 500])
async def test_none_is_taken_before_its_time_or_where_they_are_off(place: Place, every: int) -> None:
    async with place.open(config=Config(snapshot_every=every)) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        await deposits(bank, 20)
        await bank.run_until_idle()

        assert await snapshot_of(bank) is None


async def test_an_aggregate_may_say_how_often_itself(place: Place) -> None:
    async with place.open(App("garden", aggregates=[Patch]), config=EVERY_5) as garden:
        for _ in range(3):
            await garden.send(Dig(patch="p"))
        await garden.run_until_idle()

        found = await snapshot_of(garden, "Patch-p")
        assert found is not None
        assert found.version == 3


async def test_a_restart_loads_the_snapshot_and_only_what_came_after(file: Place) -> None:
    async with file.open(config=EVERY_5) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        await deposits(bank, 9)
        await bank.run_until_idle()
        await deposits(bank, 2)
    asked: list[int] = []

    def counted(log: Any) -> Any:
        read_stream = log.events.read_stream

        async def reading(stream: str, **keywords: Any) -> Any:
            asked.append(keywords.get("after", 0))
            return await read_stream(stream, **keywords)

        log.events.read_stream = reading
        return log

    async with file.open(wrap=counted, config=EVERY_5) as bank:
        assert (await bank.send(Withdraw(account_id="ada", amount=11))).version == 13
        assert asked == [10]
        assert await balance(bank, "ada") == 0


async def test_a_snapshot_of_another_fold_is_never_loaded(file: Place) -> None:
    async with file.open(config=EVERY_5) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        await deposits(bank, 9)
        wrong = Snapshot("Account-ada", 10, "of other code", b'{"balance":1000,"history":[]}')
        await bank.log.snapshots.save(wrong)

    async with file.open(config=EVERY_5) as bank:
        assert await balance(bank, "ada") == 9


@pytest.mark.parametrize("data", [b"", b"{", b'{"balance":"nine"}', b"[]", b"\xff"])
async def test_a_damaged_snapshot_costs_time_and_not_truth(file: Place, data: bytes) -> None:
    async with file.open(config=EVERY_5) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        await deposits(bank, 9)
        fingerprint = bank._desk.repository._fingerprints["Account"]
        await bank.log.snapshots.save(Snapshot("Account-ada", 10, fingerprint, data))

    async with file.open(config=EVERY_5) as bank:
        assert await balance(bank, "ada") == 9
        await deposits(bank, 5)
        await bank.run_until_idle()
        healed = await snapshot_of(bank)
        assert healed is not None
        assert healed.version == 15


async def test_a_believed_wrong_snapshot_would_be_seen(file: Place) -> None:
    """The control of the tests above: one with this fold's fingerprint is believed."""
    async with file.open() as bank:
        await bank.send(OpenAccount(account_id="ada"))
        fingerprint = bank._desk.repository._fingerprints["Account"]
        await bank.log.snapshots.save(Snapshot("Account-ada", 1, fingerprint, b'{"balance":1000,"history":[]}'))

        assert await bank.load(Account, "ada") == Account(balance=1000)


async def test_a_state_that_json_would_change_gets_no_snapshot(file: Place, caplog: pytest.LogCaptureFixture) -> None:
    app = App("shelf", aggregates=[Shelf])
    async with file.open(app, config=Config(snapshot_every=1)) as shelf:
        await shelf.send(Place_(shelf="s"))
        await shelf.run_until_idle()
        assert await snapshot_of(shelf, "Shelf-s") is None
    assert "Shelf-s" in caplog.text

    async with file.open(app) as shelf:
        assert (await shelf.load(Shelf, "s")).things == {"a": (1, 2)}


class Sow(Command):
    bed: str
    seeds: int


class Sown(Event):
    pass


class Bed(Aggregate, key="bed"):
    seeds: int = 0

    @decides(existing=False)
    def sow(self, command: Sow) -> list[Sown]:
        return [Sown()] * command.seeds

    @evolves
    def sown(self, event: Sown) -> None:
        self.seeds += 1


class Dig(Command):
    patch: str


class Dug(Event):
    pass


class Patch(Aggregate, key="patch", snapshot_every=2):
    @decides(existing=False)
    def dig(self, command: Dig) -> Dug:
        return Dug()


class Place_(Command):  # noqa: N801 - Place is the fixture
    shelf: str


class Placed(Event):
    pass


class Shelf(Aggregate, key="shelf"):
    """Keeps what its annotation does not say: JSON brings the tuple back as a list."""

    things: dict[str, Any] = {}

    @decides(existing=False)
    def place(self, command: Place_) -> Placed:
        return Placed()

    @evolves
    def placed(self, event: Placed) -> None:
        self.things["a"] = (1, 2)
