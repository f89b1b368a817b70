"""Code changes while events come in: a copy is built beside the live one, takes over and is taken back, unnoticed."""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.flows.team import BOXES, CONFIG, SHARDS, Box, BoxPage, Posted, Team, TownPage, team_on
from twofold import App, Config, NotFreshError, OpenApp, RowNotFoundError, View, evolves
from twofold.app.stores import OpenViewStore
from twofold.read import answer, copies
from twofold.read.generations import Status
from twofold.read.sight import Sight
from twofold.testing.faults import CrashAfter, CrashError, NoFaults, Plan, faulty

MANUAL = Config(page_events=3, pool_size=3, promote="manual")


class NewBoxPage(View, key="box", shards=SHARDS, name="BoxPage"):
    """What the new code makes of a box: its letters as they are, and how many there were."""

    box: str
    numbers: list[int] = []
    letters: int = 0

    @evolves
    def posted(self, event: Posted) -> None:
        self.numbers.append(event.number)
        self.letters += 1


NEW = App("post", aggregates=[Box], views=[NewBoxPage, TownPage])


@pytest.fixture
async def team(lasting_url: str) -> AsyncIterator[Team]:
    async with team_on(lasting_url) as found:
        yield found


async def settle(team: Team, rounds: int = 4) -> None:
    """Everybody steps until nothing moves, looks at the generations again, and so on."""
    for _ in range(rounds):
        team.clock.advance(1.0)
        await team.settle(1)


async def live(app: OpenApp, view: str = "BoxPage") -> int:
    found = (await app.operations.sight(view)).live
    assert found is not None
    return found.generation.number


async def read(app: OpenApp, view: type[BoxPage | NewBoxPage], box: str, token: str, expected: list[int]) -> bool:
    """Whether a fresh answer came, which must be what it should be; a refusal to answer is none."""
    try:
        row = await app.get(view, box, after=token, wait=0.0)
    except NotFreshError:
        return False
    except RowNotFoundError:
        assert expected == [], f"{box} is missing"
        return True
    assert row.numbers[: len(expected)] == expected
    return True


async def sent_to(app: OpenApp, box: str) -> list[int]:
    """What is in a box, by its aggregate's events."""
    reader = app.catalog.event_reader
    events = await app.log.events.read_stream(f"Box-{box}")
    return [reader.decoder(each.type, each.schema_version)(each.data).number for each in events]


# --- a deploy -----------------------------------------------------------------------------


async def test_old_and_new_code_side_by_side_while_letters_come_in(team: Team) -> None:
    rng = random.Random(11)
    old = await team.come("old")
    await team.post(40, rng)
    await settle(team)
    new = await team.come("new", app=NEW)
    generations, answered = set(), 0
    for _ in range(25):
        token = await team.post(2, rng)
        box = rng.choice(BOXES)
        expected = await sent_to(old, box)
        for member in rng.sample([old, new], 2):
            team.clock.advance(0.3)
            await member.step()
            answered += await read(old, BoxPage, box, token, expected)
            answered += await read(new, NewBoxPage, box, token, expected)
        generations.add(await live(old))
    await settle(team)

    assert generations == {1, 2}
    assert answered > 20
    await team.agrees()
    assert {row.box: row.letters for row in await new.find(NewBoxPage)} == {
        box: len(numbers) for box in BOXES if (numbers := await sent_to(old, box))
    }


async def test_when_nothing_runs_the_old_code_any_more_its_rows_answer_until_the_new_ones_are_there(team: Team) -> None:
    rng = random.Random(12)
    await team.come("old")
    await team.post(40, rng)
    await settle(team)
    frozen = await team.members["old"].get(BoxPage, "ada")
    await team.leave("old")
    new = await team.come("new", app=App("post", aggregates=[Box], views=[TownPage, BoxPage]), config=MANUAL)
    same = await new.get(BoxPage, "ada")
    await team.leave("new")
    new = await team.come("new", app=NEW, config=MANUAL)
    token = await team.post(10, rng, by="new")

    with pytest.raises(NotFreshError):
        await new.get(NewBoxPage, "ada", after=token, wait=0.0)
    with pytest.raises(NotFreshError, match="field letters is new"):
        await new.get(NewBoxPage, "ada")
    assert same.numbers == frozen.numbers
    await new.step()
    team.clock.advance(60.0)
    (state,) = [view.state for view in await new.check.views() if view.name == "BoxPage"]
    assert (state, (await new.health()).ready) == ("rebuilding", False)  # TownPage is late
    await settle(team, 1)
    assert (await new.health()).ready
    await settle(team)

    assert (await new.get(NewBoxPage, "ada", after=token, wait=0.0)).numbers == await sent_to(new, "ada")
    assert await live(new) == 1
    await new.operations.promote("BoxPage")
    assert (await new.get(NewBoxPage, "ada", after=token, wait=0.0)).numbers == await sent_to(new, "ada")


async def test_several_processes_build_one_generation_together(team: Team) -> None:
    rng = random.Random(13)
    await team.come("old")
    await team.post(60, rng)
    await settle(team)
    for name in ("ada", "eve", "gus"):
        await team.come(name, app=NEW)
    for _ in range(12):
        for member in list(team.members.values()):
            team.clock.advance(0.2)
            await member.step()
        await team.post(1, rng)
    await settle(team, 6)

    kept = (await team.members["ada"].operations.sight("BoxPage")).kept
    assert [each.generation.status for each in kept] == [Status.RETIRED, Status.LIVE]
    await team.agrees()


async def test_promoted_and_rolled_back_and_forth_no_reader_sees_less_than_its_token(team: Team) -> None:
    rng = random.Random(14)
    old, new = await team.come("old", config=MANUAL), await team.come("new", app=NEW, config=MANUAL)
    await team.post(30, rng)
    await settle(team)
    answered = 0
    for turn in range(20):
        token, box = await team.post(1, rng), rng.choice(BOXES)
        expected = await sent_to(old, box)
        await rng.choice([old, new]).step()
        if turn % 2:
            await rng.choice([old, new]).operations.rollback("BoxPage")
        else:
            await settle(team, 1)
            await rng.choice([old, new]).operations.promote("BoxPage")
        answered += await read(old, BoxPage, box, token, expected)
        answered += await read(new, NewBoxPage, box, token, expected)

    await settle(team)
    assert answered > 10
    await team.agrees()


async def test_a_planted_reader_that_does_not_ask_again_is_older_than_its_token(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(freshness, views, wish, ask, key=None):
        return await ask(await answer.awaited(freshness, views, wish, key))

    old, new = await team.come("old", config=MANUAL), await team.come("new", app=NEW, config=MANUAL)
    await team.post(30, random.Random(15))
    await settle(team)
    await new.operations.promote("BoxPage")
    await old.operations.rollback("BoxPage")
    await old.operations.promote("BoxPage", 2)
    token = await team.post(12, random.Random(16))
    for _ in range(8):
        await old.step()
    before = await live(old)
    monkeypatch.setattr("twofold.read.view_answers.as_wished", at_once)
    stale = [await read_or_older(old, box, token) for box in BOXES]
    monkeypatch.undo()

    assert before == 2
    assert any(stale)
    assert not any([await read_or_older(old, box, token) for box in BOXES])


async def read_or_older(app: OpenApp, box: str, token: str) -> bool:
    """Whether an answer came that is older than its token."""
    expected = await sent_to(app, box)
    try:
        return (await app.get(BoxPage, box, after=token, wait=0.0)).numbers != expected
    except NotFreshError:
        return False
    except RowNotFoundError:
        return bool(expected)


async def test_old_code_goes_on_reading_when_a_field_that_it_knows_is_gone(team: Team) -> None:
    wider = await team.come("wider", app=NEW, config=MANUAL)
    await team.post(20, random.Random(22))
    await settle(team)
    old = await team.come("old", config=MANUAL)
    await settle(team)
    await old.operations.promote("BoxPage")
    token = await team.post(5, random.Random(23), by="wider")

    found = await wider.find(NewBoxPage)  # it has not looked since
    await settle(team)

    assert sum(row.letters for row in found) == 20
    expected = await sent_to(old, "ada")
    assert (await wider.get(NewBoxPage, "ada", after=token)).letters == len(expected)
    assert (await old.get(BoxPage, "ada", after=token)).numbers == expected


# --- killed in each phase -----------------------------------------------------------------


async def deploy(team: Team, plan: Plan, rng: random.Random) -> None:
    """New code beside old code, under traffic, until it has taken over; or until the plan kills it."""

    def behind_plan(rows: OpenViewStore) -> OpenViewStore:
        return faulty(rows, plan)

    new = await team.come("new", app=NEW, wrap=behind_plan)
    for _ in range(60):
        team.clock.advance(0.3)
        await new.step()
        await team.members["old"].step()
        if await live(team.members["old"]) == 2:
            return
        await team.post(1, rng, by="old") if rng.random() < 0.2 else None
    raise AssertionError("it never took over")


async def test_killed_after_any_call_another_process_ends_what_it_began(tmp_path: Path) -> None:
    counted = NoFaults()
    async with team_on(f"sqlite:///{tmp_path}/all.db") as team:
        await team.come("old")
        await team.post(12, random.Random(17))
        await settle(team)
        await deploy(team, counted, random.Random(18))
    calls = counted.calls
    assert {"build", "promote", "save", "find", "generations"} <= set(calls)
    firsts, lasts = [calls.index(name) + 1 for name in calls], [len(calls) - calls[::-1].index(name) for name in calls]

    for n in sorted({*firsts, *lasts, *range(1, len(calls) + 1, 11)}):
        async with team_on(f"sqlite:///{tmp_path}/{n}.db") as team:
            await team.come("old")
            await team.post(12, random.Random(17))
            await settle(team)
            with suppress(CrashError):  # in some runs traffic differs, and it is over before
                await deploy(team, CrashAfter(n), random.Random(18))
            if "new" in team.members:
                await team.die("new")
            team.clock.advance(CONFIG.lease_seconds)
            again = await team.come("again", app=NEW)
            await settle(team, 6)
            if await live(again) == 1:  # killed as it had just taken over: the old code, alone then, took its rows back
                await team.leave("old")
                await settle(team, 6)
            assert await live(again) == 2
            await team.agrees()


# --- another log --------------------------------------------------------------------------


def restore(backup: Path, folder: Path) -> None:
    for left in folder.glob("log.db*"):
        left.unlink()
    shutil.copy(backup, folder / "log.db")


async def twenty_of_which_ten_are_lost(url: str, folder: Path) -> None:
    """Rows of twenty posts, on a log that was restored from a backup with the first ten."""
    backup = folder / "backup.db"
    for seed in (19, 20):
        async with team_on(url) as team:
            await team.come("ada")
            await team.post(10, random.Random(seed))
            await settle(team)
        if not backup.exists():
            shutil.copy(folder / "log.db", backup)
    restore(backup, folder)


async def test_a_log_restored_from_an_older_backup_and_grown_again_is_noticed_and_its_rows_built_anew(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await twenty_of_which_ten_are_lost(url, tmp_path)

    async with team_on(url) as team:
        ada = await team.come("ada")
        team.sent = 10
        await team.post(20, random.Random(21))
        await settle(team)
        health = {view.name: view for view in await ada.check.views()}
        assert health["TownPage"].state == "stopped"
        assert "view rebuild" in str(health["TownPage"].remedy)

        token = await team.post(1, random.Random(24))
        with pytest.raises(NotFreshError, match="another event at position"):
            await ada.get(BoxPage, "ada", after=token)
        with pytest.raises(NotFreshError):
            await ada.find(BoxPage, after=token)

        await ada.log.renew_epoch()
    async with team_on(url) as team:
        ada = await team.come("ada")
        team.sent = 31
        with pytest.raises(NotFreshError):
            await ada.get(BoxPage, "ada", after=await team.post(1, random.Random(25)), wait=0.0)
        for view in ("BoxPage", "TownPage"):
            await ada.operations.rebuild(view)
        await settle(team, 8)

        await team.agrees()
        assert (await live(ada, "BoxPage"), await live(ada, "TownPage")) == (2, 2)


async def test_planted_copies_that_promote_too_soon_are_caught(
    lasting_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(self: copies.Copies, sight: Sight) -> int:
        built = [each for each in sight.own if each.generation.status == Status.BUILDING]
        for each in built:
            await self._generations.promote(each.generation, behind=True)
        return len(built)

    monkeypatch.setattr(copies.Copies, "_take_over", at_once)
    with pytest.raises(AssertionError):
        async with team_on(lasting_url) as team:
            await test_old_and_new_code_side_by_side_while_letters_come_in(team)
