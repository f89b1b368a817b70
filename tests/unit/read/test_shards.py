"""A view runs as one follower a shard: each with its own lease, place and fate."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.read.accounts import KEYS, Deposited, Opened, Page, run
from tests.unit.read.reading import Reading
from twofold.errors import StoreUnavailableError
from twofold.event_store.stream import slice_of
from twofold.read.projector import ViewProjector
from twofold.read.view_store import RowChange
from twofold.runtime.claim import Claim, uncontested
from twofold.testing.faults import FailAt, faulty

SHARDS = 4
ACCOUNTS = ["ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal", "ida", "jon"]
CATEGORIES: dict[type, str] = dict.fromkeys(KEYS, "Account")


class Spread(Page, key="account_id", shards=SHARDS):
    pass


@pytest.fixture(params=[CATEGORIES, None], ids=["by stream", "by key"])
def categories(request: pytest.FixtureRequest) -> dict[type, str] | None:
    """Whether the key is known to be the stream."""
    found: dict[type, str] | None = request.param
    return found


async def deposits(reading: Reading, rounds: int = 3) -> None:
    for account in ACCOUNTS:
        await reading.append(f"Account-{account}", Opened(owner=account))
    for number in range(rounds):
        for account in ACCOUNTS:
            await reading.append(f"Account-{account}", Deposited(amount=Decimal(number)))


async def rows(reading: Reading, projector: ViewProjector) -> dict[str, tuple[str, int]]:
    return {row.account_id: (row.owner, row.deposits) for row in await reading.rows(projector).find(limit=100)}


async def test_shards_together_fold_what_one_folds(reading: Reading, categories: dict[type, str] | None) -> None:
    await deposits(reading)
    projector = reading.projector(Spread, keys=KEYS, categories=categories, page=7)

    await run(projector)

    assert await rows(reading, projector) == {account: (account, 3) for account in ACCOUNTS}
    assert len({slice_of(f"Account-{account}") * SHARDS // 1024 for account in ACCOUNTS}) > 1


async def test_a_shard_saves_rows_of_its_own_alone(
    reading: Reading, categories: dict[type, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: dict[int, set[str]] = {}
    save = reading.store.save

    async def noted(generation, shard, changes: list[RowChange], *more):
        saved.setdefault(shard, set()).update(change.key[0] for change in changes)
        await save(generation, shard, changes, *more)

    monkeypatch.setattr(reading.store, "save", noted)
    await deposits(reading)
    projector = reading.projector(Spread, keys=KEYS, categories=categories)
    await run(projector)

    spread = projector.definition.spread
    assert all(spread.shard_of((key,), SHARDS) == shard for shard, keys in saved.items() for key in keys)
    assert sum(len(keys) for keys in saved.values()) == len(ACCOUNTS)


async def test_a_process_folds_only_the_shards_whose_leases_it_has(reading: Reading) -> None:
    await deposits(reading)
    mine = {0, 2}
    projector = reading.projector(
        Spread, keys=KEYS, claims=lambda name: uncontested() if int(name[-1]) in mine else Claim(name)
    )

    await run(projector)

    spread = projector.definition.spread
    assert set(await rows(reading, projector)) == {
        each for each in ACCOUNTS if spread.shard_of((each,), SHARDS) in mine
    }
    assert [each.state for each in projector.status().shards] == ["running", "standby", "running", "standby"]
    assert projector.status().state == "running"


async def test_a_shard_that_is_stopped_leaves_the_others_alone(reading: Reading) -> None:
    await deposits(reading)
    await reading.append("Account-ada", Deposited(amount=Decimal(666)))
    await deposits(reading, 1)
    projector = reading.projector(Spread, keys=KEYS)

    await run(projector)

    status, spread = projector.status(), projector.definition.spread
    number = spread.shard_of(("ada",), SHARDS)
    assert [shard.state for shard in status.shards].count("stopped") == 1
    assert (status.state, status.failed_at) == ("stopped", 41)
    assert status.shards[number].position == status.position == 40
    there = await rows(reading, projector)
    assert {there[each][1] for each in ACCOUNTS if spread.shard_of((each,), SHARDS) != number} == {4}
    assert there["ada"] == ("ada", 3)


async def test_when_a_store_fails_one_shard_the_others_have_made_their_step(reading: Reading) -> None:
    await deposits(reading)
    store, reading.store = reading.store, faulty(reading.store, FailAt(2, "load"))
    projector = reading.projector(Spread, keys=KEYS)

    with pytest.raises(StoreUnavailableError):
        await projector.step()

    positions = [shard.position for shard in projector.status().shards]
    assert positions.count(0) == 1
    assert max(positions) > 0
    await run(projector)
    reading.store = store
    assert await rows(reading, projector) == {account: (account, 3) for account in ACCOUNTS}


async def test_where_rows_are_streams_an_event_of_another_category_stops_the_view(reading: Reading) -> None:
    """Its slice is not that of the row: no shard would fold it, or the wrong one."""
    await reading.append("Account-ada", Opened(owner="ada"))
    await reading.append("Import-ada", Deposited(amount=Decimal(1)))
    projector = reading.projector(Spread, keys=KEYS, categories=CATEGORIES)

    await run(projector)

    status = projector.status()
    assert status.state == "stopped"
    assert "are spread by the streams of Account, and Import-ada is none of these" in (status.error or "")


async def test_a_row_is_looked_for_in_its_own_shard_alone(reading: Reading) -> None:
    projector = reading.projector(Spread, keys=KEYS)
    before = projector.touched(("ada",))
    await projector.open()

    (found,) = projector.touched(("ada",))

    assert before == ()
    assert found is projector.followers[projector.definition.spread.shard_of(("ada",), SHARDS)]
    assert list(projector.touched()) == list(projector.followers)
