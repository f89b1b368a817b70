"""Changed code builds a copy beside the one that answers; it takes over, or is taken back, and no reader notices."""

from __future__ import annotations

import logging

import pytest

from tests.unit.read.copying import AT_ONCE, BY_HAND, New, Old, Process, Wider, pay, statuses
from tests.unit.read.reading import Reading
from twofold.errors import NotFreshError
from twofold.read.copies import BESIDE, Policy

# --- building and taking over -------------------------------------------------------------


async def test_changed_code_builds_its_own_and_takes_over(reading: Reading) -> None:
    old = Process(reading, Old)
    await pay(reading, 1, 2)
    await old.run()

    new = Process(reading, New)
    await new.run()

    assert await new.total() == (300, 2)
    assert await statuses(new) == {1: "retired", 2: "live"}


async def test_the_same_code_builds_nothing(reading: Reading) -> None:
    await pay(reading, 1)
    await Process(reading, Old).run()

    await Process(reading, Old).run()

    assert await statuses(Process(reading, Old)) == {1: "live"}


async def test_the_old_rows_answer_until_the_new_ones_are_there(reading: Reading) -> None:
    old = Process(reading, Old)
    await pay(reading, 1, 2)
    await old.run()

    new = Process(reading, New)
    seen = [await new.total()]
    while await new.copies.step():
        seen.append(await new.total())

    assert seen[0] == (3, 1)
    assert seen[-1] == (300, 2)
    assert set(seen) == {(3, 1), (300, 2)}


async def test_events_between_catching_up_and_taking_over_are_in_it(reading: Reading) -> None:
    await pay(reading, 1)
    await Process(reading, Old).run()
    new = Process(reading, New)
    await new.copies.step()
    await pay(reading, 5)

    await new.run()

    assert await new.total() == (600, 2)


async def test_a_build_takes_small_pages_while_the_live_rows_have_news_and_large_ones_else(reading: Reading) -> None:
    await pay(reading, *[1] * (2 * BESIDE))
    process = Process(reading, Old)
    await process.run()
    await process.operations.rebuild("Account")
    await pay(reading, 1)

    reached = []
    for _ in range(2):
        await process.copies.step()
        built = (await process.operations.sight("Account")).kept[-1]
        reached.append(built.lowest.position)

    assert reached == [BESIDE, 2 * BESIDE + 1]


async def test_it_does_not_take_over_while_it_is_behind_the_live_one(reading: Reading) -> None:
    await pay(reading, 1)
    old, new = Process(reading, Old), Process(reading, New)
    await old.run()
    await new.copies.step()
    for amount in range(20):
        await pay(reading, amount)
        await old.run()
        assert (await new.total())[1] == 1
        await new.copies.open()

    await new.run()

    assert (await new.total())[1] == 2


async def test_what_has_changed_is_said(reading: Reading, caplog: pytest.LogCaptureFixture) -> None:
    await pay(reading, 1)
    await Process(reading, Old).run()

    with caplog.at_level(logging.WARNING):
        await Process(reading, Wider).run()

    assert "the view Account is built anew as generation 2" in caplog.text
    assert "field payments is new" in caplog.text
    assert (
        "generation 2 of the view Account is live now; 1 of 1 rows compared with generation 1: all alike" in caplog.text
    )
    assert "new: payments" in caplog.text


async def test_with_a_policy_by_hand_it_waits_to_be_promoted(reading: Reading) -> None:
    await pay(reading, 1)
    await Process(reading, Old).run()
    new = Process(reading, New, BY_HAND)
    await new.run()
    assert await statuses(new) == {1: "live", 2: "building"}

    await new.operations.promote("Account")

    assert await new.total() == (100, 2)


async def test_without_a_rebuild_it_says_what_to_do(reading: Reading) -> None:
    await pay(reading, 1)
    await Process(reading, Old).run()
    new = Process(reading, Wider, Policy(rebuild=False, look_every=0.0))

    await new.run()

    status = new.copies.status()
    assert status.state == "stopped"
    assert "field payments is new" in (status.error or "")
    assert "twofold view rebuild Account" in (status.remedy or "")
    assert await statuses(new) == {1: "live"}


# --- two versions at once -----------------------------------------------------------------


async def test_in_a_rolling_deploy_each_process_folds_its_own(reading: Reading) -> None:
    old, new = [Process(reading, view, is_orphan=lambda _: False) for view in (Old, New)]
    await pay(reading, 1)
    for _ in range(3):
        await old.run()
        await new.run()
        await pay(reading, 1)
    await old.run()
    await new.run()

    kept = (await new.operations.sight("Account")).kept
    assert [each.lowest.position for each in kept] == [4, 4]
    assert await old.total() == await new.total() == (400, 2)


async def test_old_code_does_not_take_over_again_while_new_code_runs(reading: Reading) -> None:
    old, new = Process(reading, Old, is_orphan=lambda _: False), Process(reading, New)
    await pay(reading, 1)
    await old.run()
    await new.run()

    await old.run()

    assert await statuses(old) == {1: "retired", 2: "live"}


async def test_when_nobody_has_the_old_code_its_rows_stay_and_are_not_called_fresh(reading: Reading) -> None:
    await pay(reading, 1)
    await Process(reading, Old).run()
    new = Process(reading, New, BY_HAND)
    await pay(reading, 1)
    await new.run()

    assert await new.total() == (1, 1)
    (tracked,) = new.copies.touched()
    await tracked.look()
    assert tracked.progress.position == 1


async def test_deploying_the_old_code_again_takes_its_rows_back(reading: Reading) -> None:
    await pay(reading, 1)
    await Process(reading, Old).run()
    await Process(reading, New).run()
    await pay(reading, 1)

    again = Process(reading, Old)
    await again.run()

    assert await again.total() == (2, 1)
    assert await statuses(again) == {1: "live", 2: "retired"}


async def test_rows_that_lack_a_field_are_answered_from_its_own_ones_or_not_at_all(reading: Reading) -> None:
    await pay(reading, 1)
    await Process(reading, Old).run()
    wider = Process(reading, Wider, BY_HAND)
    await wider.copies.step()
    with pytest.raises(NotFreshError, match=r"field payments is new.*generation 2 is being built"):
        wider.copies.answers_from()

    await wider.run()

    assert await wider.total() == (1, 2)
    assert await statuses(wider) == {1: "live", 2: "building"}


async def test_old_code_reads_on_when_a_field_it_knows_is_gone(reading: Reading) -> None:
    old = Process(reading, Wider, is_orphan=lambda _: False)
    await pay(reading, 1)
    await old.run()
    await Process(reading, Old).run()
    await pay(reading, 1)

    await old.run()

    assert await old.total() == (2, 1)
    assert await Process(reading, Old).total() == (1, 2)


async def test_readers_who_look_do_not_keep_it_from_building(reading: Reading) -> None:
    await pay(reading, 1)
    await Process(reading, Old).run()
    new = Process(reading, New, AT_ONCE._replace(look_every=10.0))
    for _ in range(8):
        new.clock.advance(5.0)
        await new.copies.look()
        await new.copies.step()

    assert await new.total() == (100, 2)
