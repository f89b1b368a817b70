"""Copies that an operator takes back, builds again, pauses and drops, and copies that fail."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.unit.read.copying import AT_ONCE, BY_HAND, Failing, New, Old, Process, pay, statuses
from tests.unit.read.reading import Reading
from twofold.errors import ConflictError, GenerationError, MisuseError, UnknownNameError
from twofold.read.generations import Generations, Status
from twofold.read.sight import Sight
from twofold.read.view_store import Generation

# --- rolling back -------------------------------------------------------------------------


async def test_what_was_rolled_back_does_not_take_over_again(reading: Reading) -> None:
    await pay(reading, 1)
    await Process(reading, Old).run()
    new = Process(reading, New)
    await new.run()

    back = await new.operations.rollback("Account")
    await pay(reading, 1)
    await new.run()

    assert back.generation.number == 1
    assert await new.total() == (1, 1)
    assert await statuses(new) == {1: "live", 2: "retired"}


async def test_it_may_be_promoted_again_by_hand(reading: Reading) -> None:
    await pay(reading, 1)
    await Process(reading, Old).run()
    new = Process(reading, New)
    await new.run()
    await new.operations.rollback("Account")
    await pay(reading, 1)
    await new.run()

    await new.operations.promote("Account", 2)

    assert await new.total() == (200, 2)


async def test_there_is_nothing_to_roll_back_to(reading: Reading) -> None:
    old = Process(reading, Old)
    await old.run()

    with pytest.raises(ConflictError, match="no generation of Account was live before"):
        await old.operations.rollback("Account")


# --- building again by the same code ------------------------------------------------------


async def test_the_same_code_can_build_once_more(reading: Reading) -> None:
    await pay(reading, 1, 2)
    old = Process(reading, Old)
    await old.run()

    begun = await old.operations.rebuild("Account")
    await old.run()

    assert begun.number == 2
    assert await old.total() == (3, 2)
    assert await statuses(Process(reading, Old)) == {1: "retired", 2: "live"}


async def test_while_it_does_the_live_one_goes_on(reading: Reading) -> None:
    old = Process(reading, Old, BY_HAND)
    await pay(reading, 1)
    await old.run()
    await old.operations.rebuild("Account")
    await old.run()

    await pay(reading, 2)
    await old.run()

    kept = (await old.operations.sight("Account")).kept
    assert [each.lowest.position for each in kept] == [2, 2]


async def test_two_rebuilds_at_once_are_one(reading: Reading) -> None:
    await pay(reading, 1)
    one, other = Process(reading, Old, BY_HAND), Process(reading, Old, BY_HAND)
    await one.run()

    assert await one.operations.rebuild("Account") == await other.operations.rebuild("Account")


async def test_it_can_begin_at_a_position(reading: Reading) -> None:
    await pay(reading, 1, 2, 4)
    old = Process(reading, Old)
    await old.run()

    await old.operations.rebuild("Account", start=2)
    await old.run()

    assert await old.total() == (4, 2)
    live = (await old.operations.sight("Account")).live
    assert live is not None
    assert live.why == "from position 2"


async def test_it_cannot_begin_ahead_of_the_log(reading: Reading) -> None:
    old = Process(reading, Old)
    await old.run()

    with pytest.raises(MisuseError, match="no event at position 9; the log has reached 0"):
        await old.operations.rebuild("Account", start=9)

    assert await statuses(old) == {1: "live"}


# --- failing ------------------------------------------------------------------------------


async def test_a_build_that_meets_a_failing_event_stops_and_says_so(reading: Reading) -> None:
    await pay(reading, 1, -1, 1)
    await Process(reading, Old).run()
    new = Process(reading, Failing)

    await new.run()

    assert await statuses(new) == {1: "live", 2: "failed"}
    sight = await new.operations.sight("Account")
    assert "position 2" in sight.kept[1].why
    assert "negative" in sight.kept[1].why
    assert (new.copies.status().state, await new.total()) == ("stopped", (1, 1))
    with pytest.raises(ConflictError, match="has failed: Paid at position 2"):
        await new.operations.promote("Account")


async def test_a_build_that_failed_goes_on_with_the_fold_corrected_under_the_same_version(reading: Reading) -> None:
    await pay(reading, 1, -1, 1)
    await Process(reading, Old).run()
    await Process(reading, Failing).run()

    again = Process(reading, Failing)
    again.definition.routes = Process(reading, Old).definition.routes
    await again.run()

    assert await statuses(again) == {1: "retired", 2: "live"}


# --- pausing and dropping -----------------------------------------------------------------


async def test_a_paused_view_is_folded_by_nobody_until_it_goes_on(reading: Reading) -> None:
    old, other = Process(reading, Old), Process(reading, Old)
    await pay(reading, 1)
    await old.run()
    await other.operations.pause("Account", paused=True)
    await pay(reading, 1)

    await old.run()
    assert (await old.total(), old.copies.status().state, old.copies.awaits) == ((1, 1), "paused", None)

    await other.operations.pause("Account", paused=False)
    await old.run()
    assert await old.total() == (2, 1)


async def test_replaced_generations_are_dropped_but_for_the_newest(reading: Reading) -> None:
    await pay(reading, 1)
    await Process(reading, Old).run()
    for _ in range(3):
        process = Process(reading, Old, AT_ONCE._replace(keep=1))
        await process.operations.rebuild("Account")
        await process.run()

    assert await statuses(Process(reading, Old)) == {3: "retired", 4: "live"}


async def test_what_is_to_be_promoted_by_hand_does_not_take_over_whatever_the_policy(reading: Reading) -> None:
    await pay(reading, 1)
    old = Process(reading, Old)
    await old.run()

    await old.operations.rebuild("Account", promote=False)
    await old.run()
    assert await statuses(old) == {1: "live", 2: "building"}

    await old.operations.rebuild("Account")
    for _ in range(3):
        await old.run()
    assert await statuses(old) == {1: "retired", 2: "live"}


async def test_a_build_that_somebody_began_at_the_beginning_is_not_moved(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pay(reading, 1, 2, 4)
    old = Process(reading, Old)
    await old.run()
    store = cast("Generations", reading.store)
    build = store.build

    async def overtaken(*arguments: Any) -> Generation:
        monkeypatch.undo()
        made = await build(*arguments)
        await old.copies.step()
        return made

    monkeypatch.setattr(store, "build", overtaken)
    with pytest.raises(GenerationError, match="began generation 2 at the log's beginning"):
        await old.operations.rebuild("Account", start=2)

    assert await statuses(old) == {1: "live"}


async def test_what_another_process_still_folds_is_not_dropped(reading: Reading) -> None:
    await pay(reading, 1)
    await Process(reading, Old).run()
    new = Process(reading, New, AT_ONCE._replace(keep=0), is_orphan=lambda _: False)

    await new.run()

    assert await statuses(new) == {1: "retired", 2: "live"}


async def test_what_was_dropped_under_a_running_process_is_let_go(reading: Reading) -> None:
    await pay(reading, 1)
    await Process(reading, Old).run()
    new = Process(reading, New, AT_ONCE._replace(promote=False, rebuild=True))
    await new.copies.step()
    await new.operations.drop("Account", 2)
    await pay(reading, 1)

    await new.run()

    assert await statuses(new) == {1: "live", 3: "building"}


async def test_the_live_one_is_not_dropped(reading: Reading) -> None:
    old = Process(reading, Old)
    await old.run()

    with pytest.raises(ConflictError, match="generation 1 of Account is live"):
        await old.operations.drop("Account", 1)
    with pytest.raises(ConflictError, match="generation 7 of Account is not kept; there are: 1"):
        await old.operations.drop("Account", 7)
    with pytest.raises(UnknownNameError):
        await old.operations.pause("Acount", paused=True)


async def test_a_build_is_as_slow_as_it_is_told(reading: Reading) -> None:
    await pay(reading, *[1] * 10)
    await Process(reading, Old).run()
    new = Process(reading, New, BY_HAND._replace(rate=5.0))

    assert await new.copies.step() == 10
    await pay(reading, 1)
    assert await new.copies.step() == 0
    new.clock.advance(1.9)
    assert await new.copies.step() == 0
    new.clock.advance(0.2)
    assert await new.copies.step() == 1


# --- another log --------------------------------------------------------------------------


async def test_rows_of_another_log_are_not_replaced_by_themselves(reading: Reading) -> None:
    await pay(reading, 1)
    old = Process(reading, Old)
    await old.run()
    await reading.log.renew_epoch()
    again = Process(reading, Old)

    await again.run()
    assert again.copies.status().state == "stopped"
    assert await statuses(again) == {1: "live"}

    await again.operations.rebuild("Account")
    await again.run()
    assert await statuses(again) == {1: "retired", 2: "live"}


# --- planted bugs: what these tests would say of them -------------------------------------


async def test_a_planted_process_that_promotes_what_is_behind_is_found(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hasty(Process):
        async def run(self) -> None:
            await self.copies.open()
            await self.operations.rebuild("Account")
            built = (await self.operations.sight("Account")).own[-1]
            await self.operations._generations.promote(built.generation, behind=True)

    await pay(reading, *[1] * 3)
    await Process(reading, Old).run()
    hasty = Hasty(reading, New)
    monkeypatch.setattr(hasty.copies, "step", hasty.copies.look)

    await hasty.run()

    assert await hasty.total() == (None, 2)


async def test_a_planted_sight_that_takes_all_for_its_own_is_found(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    def anything(_sight: Sight, _generation: Generation) -> bool:
        return True

    await pay(reading, 1)
    await Process(reading, Old).run()
    monkeypatch.setattr(Sight, "is_own", anything)
    monkeypatch.setattr(
        "twofold.read.shards.built_by", lambda generation: Process(reading, New).definition.table.fingerprint
    )
    await pay(reading, 1)

    await Process(reading, New).run()

    assert await Process(reading, Old).total() != (2, 1)
    assert Status.BUILDING not in (await statuses(Process(reading, Old))).values()
