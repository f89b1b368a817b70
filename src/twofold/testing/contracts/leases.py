"""The contract of Leases: one holder at a time, numbers that only rise, and the store's clock decides."""

from __future__ import annotations

import asyncio

from twofold.event_store.leases import Lease, Leases, Roster
from twofold.testing.clock import ManualClock
from twofold.testing.contracts.capabilities import LogBackend

SECONDS = 10.0
NOBODY = Roster({}, {})


class LeasesContract:
    """Leases are given out, renewed, given up, and end by themselves."""

    async def test_at_first_nobody_is_here_and_nothing_is_held(self, leases: Leases) -> None:
        assert await leases.roster() == NOBODY

    async def test_a_free_lease_is_taken_with_a_fence(self, leases: Leases) -> None:
        taken = await leases.take("ada", ["page"], SECONDS)

        assert taken["page"] > 0
        assert (await leases.roster()).leases == {"page": Lease("ada", taken["page"])}

    async def test_several_are_taken_at_once_each_with_its_own_fence(self, leases: Leases) -> None:
        names = [f"view {number}" for number in range(50)]

        taken = await leases.take("ada", names, SECONDS)

        assert sorted(taken) == sorted(names)
        assert (await leases.roster()).leases == {name: Lease("ada", taken[name]) for name in names}

    async def test_nothing_is_taken_of_nothing(self, leases: Leases) -> None:
        assert await leases.take("ada", [], SECONDS) == {}
        assert await leases.roster() == NOBODY

    async def test_a_lease_that_another_holds_is_left_out(self, leases: Leases) -> None:
        taken = await leases.take("ada", ["page", "count"], SECONDS)

        assert list(await leases.take("eve", ["page", "total"], SECONDS)) == ["total"]
        assert (await leases.roster()).leases["page"] == Lease("ada", taken["page"])

    async def test_taking_again_what_one_holds_renews_it_with_the_same_fence(
        self, leases: Leases, clock: ManualClock
    ) -> None:
        first = await leases.take("ada", ["page"], SECONDS)
        clock.advance(SECONDS - 1)

        again = await leases.take("ada", ["page"], SECONDS)
        clock.advance(SECONDS - 1)

        assert again == first
        assert await leases.take("eve", ["page"], SECONDS) == {}

    async def test_only_one_of_several_that_ask_at_once_gets_it(self, leases: Leases) -> None:
        members = [f"member {number}" for number in range(8)]

        answers = await asyncio.gather(*[leases.take(member, ["page"], SECONDS) for member in members])

        (winner,) = [member for member, taken in zip(members, answers, strict=True) if taken]
        assert (await leases.roster()).leases["page"].owner == winner

    async def test_a_lease_ends_after_its_time_and_not_before(self, leases: Leases, clock: ManualClock) -> None:
        await leases.take("ada", ["page"], SECONDS)

        clock.advance(SECONDS - 0.001)
        before = await leases.take("eve", ["page"], SECONDS)
        clock.advance(0.001)
        after = await leases.roster()

        assert before == {}
        assert after.leases == {}
        assert list(await leases.take("eve", ["page"], SECONDS)) == ["page"]

    async def test_attending_renews_what_is_held(self, leases: Leases, clock: ManualClock) -> None:
        taken = await leases.take("ada", ["page"], SECONDS)
        clock.advance(SECONDS - 1)

        await leases.attend("ada", ["page"], SECONDS)
        clock.advance(SECONDS - 1)

        assert (await leases.roster()).leases == {"page": Lease("ada", taken["page"])}

    async def test_attending_renews_nothing_of_others(self, leases: Leases, clock: ManualClock) -> None:
        await leases.take("ada", ["page"], SECONDS)
        clock.advance(SECONDS - 1)

        await leases.attend("eve", ["page"], SECONDS)
        clock.advance(1)

        assert (await leases.roster()).leases == {}

    async def test_attending_does_not_bring_back_what_has_ended(self, leases: Leases, clock: ManualClock) -> None:
        await leases.take("ada", ["page"], SECONDS)
        clock.advance(SECONDS)

        roster = await leases.attend("ada", ["page"], SECONDS)

        assert roster.leases == {}
        assert list(await leases.take("eve", ["page"], SECONDS)) == ["page"]

    async def test_a_lease_may_be_renewed_for_another_time(self, leases: Leases, clock: ManualClock) -> None:
        await leases.take("ada", ["page"], SECONDS)

        await leases.attend("ada", ["page"], 1)
        clock.advance(1)

        assert await leases.roster() == NOBODY

    async def test_what_is_given_up_is_free_at_once(self, leases: Leases) -> None:
        await leases.take("ada", ["page", "count"], SECONDS)

        await leases.give_up("ada", ["page", "unknown"])

        assert list((await leases.roster()).leases) == ["count"]
        assert list(await leases.take("eve", ["page", "count"], SECONDS)) == ["page"]

    async def test_nobody_gives_up_what_another_holds(self, leases: Leases) -> None:
        taken = await leases.take("ada", ["page"], SECONDS)

        await leases.give_up("eve", ["page"])

        assert (await leases.roster()).leases == {"page": Lease("ada", taken["page"])}

    async def test_leaving_gives_up_everything(self, leases: Leases) -> None:
        await leases.attend("ada", ["page", "count"], SECONDS)
        await leases.take("ada", ["page", "count"], SECONDS)
        await leases.take("eve", ["total"], SECONDS)

        await leases.leave("ada")
        await leases.leave("nobody")

        roster = await leases.roster()
        assert roster.members == {}
        assert list(roster.leases) == ["total"]


class FenceContract:
    """A fence rises each time that its lease is given out, and is never given out twice."""

    async def test_it_rises_when_the_lease_changes_hands(self, leases: Leases) -> None:
        first = await leases.take("ada", ["page"], SECONDS)
        await leases.give_up("ada", ["page"])

        second = await leases.take("eve", ["page"], SECONDS)

        assert second["page"] > first["page"]

    async def test_it_rises_when_the_same_member_takes_it_after_it_has_ended(
        self, leases: Leases, clock: ManualClock
    ) -> None:
        first = await leases.take("ada", ["page"], SECONDS)
        clock.advance(SECONDS)

        second = await leases.take("ada", ["page"], SECONDS)

        assert second["page"] > first["page"]

    async def test_it_rises_when_the_same_member_takes_it_after_giving_it_up(self, leases: Leases) -> None:
        first = await leases.take("ada", ["page"], SECONDS)
        await leases.give_up("ada", ["page"])

        second = await leases.take("ada", ["page"], SECONDS)

        assert second["page"] > first["page"]

    async def test_no_number_is_given_out_twice_however_quickly_it_changes_hands(self, leases: Leases) -> None:
        fences = []
        for turn in range(30):
            member = f"member {turn % 2}"
            fences.append((await leases.take(member, ["page"], SECONDS))["page"])
            await leases.give_up(member, ["page"])

        assert fences == sorted(set(fences))

    async def test_a_clock_that_is_set_back_ends_leases_and_fences_rise_all_the_same(
        self, leases: Leases, clock: ManualClock
    ) -> None:
        await leases.attend("ada", ["page"], SECONDS)
        first = await leases.take("ada", ["page"], SECONDS)

        clock.set_back(3600)

        assert await leases.roster() == NOBODY
        assert (await leases.attend("ada", ["page"], SECONDS)).leases == {}
        second = await leases.take("eve", ["page"], SECONDS)
        assert second["page"] > first["page"]


class MembersContract:
    """Members say that they are here and what they want; who stays away is here no longer."""

    async def test_a_member_is_here_with_what_it_wants(self, leases: Leases) -> None:
        roster = await leases.attend("ada", ["page", "count", "page"], SECONDS)

        assert roster == Roster({"ada": frozenset({"page", "count"})}, {})
        assert await leases.roster() == roster

    async def test_everybody_sees_everybody(self, leases: Leases) -> None:
        await leases.attend("ada", ["page"], SECONDS)
        taken = await leases.take("ada", ["page"], SECONDS)

        roster = await leases.attend("eve", [], SECONDS)

        assert roster.members == {"ada": frozenset({"page"}), "eve": frozenset()}
        assert roster.leases == {"page": Lease("ada", taken["page"])}

    async def test_the_last_wants_count(self, leases: Leases) -> None:
        await leases.attend("ada", ["page"], SECONDS)

        roster = await leases.attend("ada", ["count"], SECONDS)

        assert roster.members == {"ada": frozenset({"count"})}

    async def test_one_that_stays_away_is_here_no_longer(self, leases: Leases, clock: ManualClock) -> None:
        await leases.attend("ada", ["page"], SECONDS)
        clock.advance(SECONDS / 2)
        await leases.attend("eve", ["page"], SECONDS)
        clock.advance(SECONDS / 2)

        assert list((await leases.roster()).members) == ["eve"]

    async def test_names_may_be_any_text(self, leases: Leases) -> None:
        name = "view 'Seite\" ä, {☂}\\ / NULL"

        await leases.attend("ä'\"", [name], SECONDS)
        taken = await leases.take("ä'\"", [name], SECONDS)

        assert await leases.roster() == Roster({"ä'\"": frozenset({name})}, {name: Lease("ä'\"", taken[name])})


class SharedLeasesContract:
    """Where logs that are open on one place are one log, its leases are one too."""

    async def test_processes_share_leases_exactly_when_they_share_the_log(self, log_backend: LogBackend) -> None:
        one, other = await log_backend.open(), await log_backend.open()
        try:
            await one.leases.attend("ada", ["page"], SECONDS)
            await one.leases.take("ada", ["page"], SECONDS)

            taken = await other.leases.take("eve", ["page"], SECONDS)
            roster = await other.leases.roster()
        finally:
            await one.close()
            await other.close()

        assert (taken == {}) is log_backend.capabilities.shared
        assert ("ada" in roster.members) is log_backend.capabilities.shared

    async def test_fences_go_on_rising_when_a_durable_log_is_opened_again(
        self, log_backend: LogBackend, clock: ManualClock
    ) -> None:
        log = await log_backend.open()
        first = await log.leases.take("ada", ["page"], SECONDS)
        await log.leases.leave("ada")
        await log.close()
        clock.set_back(60)

        log = await log_backend.open()
        second = await log.leases.take("ada", ["page"], SECONDS)
        await log.close()

        if log_backend.capabilities.durable:
            assert second["page"] > first["page"]
