"""What a projector cannot know it does not guess: it stops, red, and names the remedy."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.read.accounts import KEYS, Deposited, Opened, Page, Unread, run
from tests.unit.read.reading import Reading
from twofold.event_store.recorded_event import Mark
from twofold.messages.folding import evolves
from twofold.messages.message import Event
from twofold.read.status import REBUILD, RESTORED, RETRY
from twofold.read.view import View
from twofold.runtime.claim import uncontested


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


async def test_a_view_that_stops_says_so_in_the_log_with_the_remedy(
    reading: Reading, caplog: pytest.LogCaptureFixture
) -> None:
    await reading.append("Account-ada", Deposited(amount=Decimal(666)))

    await run(reading.projector(Page, keys=KEYS))

    (said,) = [record.getMessage() for record in caplog.records if record.name == "twofold.read"]
    assert said.startswith("the view Page is stopped: ")
    assert said.endswith(RETRY)


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


async def test_a_newer_lease_makes_the_old_runner_stand_by(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"))
    old = reading.projector(Page, keys=KEYS, claims=lambda _: uncontested(1))
    new = reading.projector(Page, keys=KEYS, claims=lambda _: uncontested(2))
    await run(old)
    await reading.append("Account-ada", Deposited(amount=Decimal(1)))
    await run(new)
    await reading.append("Account-ada", Deposited(amount=Decimal(1)))
    await run(old)

    assert (old.status().state, old.status().error) == ("standby", None)
    assert (await reading.rows(old).get("ada")).balance == 1


async def test_rows_that_cannot_be_read_back_stop_the_view(reading: Reading) -> None:
    await reading.append("Account-ada", Opened(owner="Ada"))
    projector = reading.projector(Page, keys=KEYS)
    await run(projector)
    await reading.append("Account-ada", Deposited(amount=Decimal(1)))

    async def damaged(*_: Any) -> Any:
        raise ValueError("the row is damaged")

    reading.store.load = damaged  # type: ignore[assignment,method-assign]
    await run(projector)

    assert "the row is damaged" in (projector.status().error or "")
    assert projector.status().failed_at == 2
