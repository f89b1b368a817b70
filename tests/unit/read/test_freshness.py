"""A token waits for the views it is asked of: fresh, or stale and told so, or refused with the reason."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.read.reading import Reading
from twofold.errors import NotFreshError, OtherRowsError, TokenUnknownError, UnknownNameError
from twofold.event_store.recorded_event import Mark
from twofold.event_store.token import decode_token, encode_token
from twofold.messages.folding import evolves
from twofold.messages.message import Event
from twofold.read.answer import Wish
from twofold.read.freshness import Freshness
from twofold.read.progress import Progress
from twofold.read.projector import ViewProjector
from twofold.read.view import View
from twofold.read.view_answers import CountRows, FindRows, ViewAnswers
from twofold.read.view_store import Generation, Key


class Counted(Event):
    by: int


class Counter(View, key="counter_id"):
    counter_id: str
    total: int = 0

    @evolves
    def counted(self, event: Counted) -> None:
        if event.by < 0:
            raise ValueError("negative")
        self.total += event.by


KEYS: dict[type, str] = {Counted: "counter_id"}


@pytest.fixture
def projector(reading: Reading) -> ViewProjector:
    return reading.projector(Counter, keys=KEYS)


async def count(reading: Reading, by: int = 1) -> str:
    await reading.append("Counter-a", Counted(by=by))
    return encode_token(await reading.source.mark())


async def test_an_answer_waits_until_its_view_has_reached_the_token(reading: Reading, projector: ViewProjector) -> None:
    views = ViewAnswers(reading.model(projector))
    token = await count(reading)
    asking = asyncio.ensure_future(views.get(Counter, "a", Wish(token)))
    await asyncio.sleep(0)
    assert not asking.done()

    await projector.step()
    answer = await asking

    assert (answer.value.total, answer.token, answer.stale) == (1, token, False)


async def test_without_a_token_nothing_waits(reading: Reading, projector: ViewProjector) -> None:
    views = ViewAnswers(reading.model(projector))
    await projector.open()
    before = encode_token(await reading.source.mark())
    await count(reading)

    answer = await views.find(FindRows(Counter))

    assert (answer.value.items, answer.token) == ([], before)
    assert (await views.count(CountRows(Counter))).value == 0


async def test_when_time_is_up_the_answer_is_refused(reading: Reading, projector: ViewProjector) -> None:
    views = ViewAnswers(reading.model(projector, wait=0.01))
    token = await count(reading)

    with pytest.raises(NotFreshError) as late:
        await views.get(Counter, "a", Wish(token))

    assert (late.value.view, late.value.reached, late.value.wanted) == ("Counter", 0, 1)


async def test_when_time_is_up_a_stale_answer_is_marked(reading: Reading, projector: ViewProjector) -> None:
    views = ViewAnswers(reading.model(projector))
    first = await count(reading)
    await projector.step()
    second = await count(reading)

    answer = await views.get(Counter, "a", Wish(second, wait=0.0, stale_ok=True))

    assert (answer.value.total, answer.token, answer.stale) == (1, first, True)


async def test_a_token_of_another_log_or_ahead_of_this_one_never_waits(
    reading: Reading, projector: ViewProjector
) -> None:
    views = ViewAnswers(reading.model(projector, wait=1000.0))
    await count(reading)
    mark = await reading.source.mark()
    other = [
        encode_token(Mark("another-log", mark.position, mark.check)),
        encode_token(Mark(mark.epoch, mark.position, b"changed!")),
        encode_token(Mark(mark.epoch, mark.position + 1, mark.check)),
        "garbage",
        "",
    ]

    for token in other:
        with pytest.raises(TokenUnknownError):
            await views.get(Counter, "a", Wish(token, stale_ok=True))
    assert projector.status().error is None


async def test_a_stopped_view_refuses_at_once_with_its_reason(reading: Reading, projector: ViewProjector) -> None:
    views = ViewAnswers(reading.model(projector, wait=1000.0))
    good = await count(reading)
    token = await count(reading, by=-1)
    waiting = asyncio.ensure_future(views.get(Counter, "a", Wish(token)))
    await asyncio.sleep(0)

    await projector.step()

    for asked in (waiting, views.get(Counter, "a", Wish(token))):
        with pytest.raises(NotFreshError, match="negative"):
            await asked
    assert (await views.get(Counter, "a", Wish(good))).value.total == 1
    assert (await views.get(Counter, "a", Wish(token, stale_ok=True))).stale


async def test_a_view_that_another_process_runs_is_looked_at(reading: Reading, projector: ViewProjector) -> None:
    elsewhere = reading.projector(Counter, keys=KEYS)
    views = ViewAnswers(reading.model(projector))
    await projector.open()
    token = await count(reading)
    asking = asyncio.ensure_future(views.get(Counter, "a", Wish(token)))
    await asyncio.sleep(0)

    await elsewhere.step()

    assert (await asking).value.total == 1


async def test_who_waits_looks_as_soon_as_another_process_is_said_to_have_folded(
    reading: Reading, projector: ViewProjector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twofold.read.freshness.FIRST_LOOK", 1000.0)
    model, elsewhere = reading.model(projector), reading.projector(Counter, keys=KEYS)
    token = await count(reading)
    asking = asyncio.ensure_future(ViewAnswers(model).get(Counter, "a", Wish(token, wait=1000)))
    await asyncio.sleep(0)
    await elsewhere.step()
    for view, generation, position in [("Nobody", 1, 1), ("Counter", 2, 1), ("Counter", 1, 0)]:
        model.freshness.hear(view, generation, position)
        await asyncio.sleep(0)
        assert not asking.done()

    model.freshness.hear("Counter", 1, 1)

    assert (await asyncio.wait_for(asking, 10)).value.total == 1


async def test_what_was_heard_is_looked_for_at_once_and_never_believed(
    reading: Reading, projector: ViewProjector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twofold.read.freshness.FIRST_LOOK", 1000.0)
    model, elsewhere = reading.model(projector), reading.projector(Counter, keys=KEYS)
    await projector.open()
    token = await count(reading)
    model.freshness.hear("Counter", 1, 1)

    with pytest.raises(NotFreshError):
        await ViewAnswers(model).get(Counter, "a", Wish(token, wait=0.01))
    await elsewhere.step()
    fresh = await asyncio.wait_for(ViewAnswers(model).get(Counter, "a", Wish(token, wait=1000)), 10)

    assert fresh.value.total == 1


async def test_those_who_wait_at_the_same_time_share_one_look(reading: Reading, projector: ViewProjector) -> None:
    model = reading.model(projector)
    token = await count(reading)
    await projector.open()
    (follower,) = projector.followers
    looks, look = 0, follower.look

    async def counted() -> None:
        nonlocal looks
        looks += 1
        await look()

    follower.look = counted  # type: ignore[method-assign]
    wish = Wish(token, wait=0.0, stale_ok=True)
    await asyncio.gather(*[ViewAnswers(model).find(FindRows(Counter), wish) for _ in range(50)])

    assert looks == 1


async def test_a_view_without_projector_is_an_unknown_name(reading: Reading) -> None:
    freshness = reading.model().freshness

    with pytest.raises(UnknownNameError):
        await freshness.reach(["Nobody"], await reading.source.mark())


async def test_those_who_wait_are_woken_when_their_own_position_is_reached() -> None:
    progress = Progress("Counter")
    order: list[int] = []

    async def wait(position: int) -> None:
        await progress.moved(position, 1000)
        order.append(position)

    waiting = [asyncio.ensure_future(wait(position)) for position in (3, 1, 2)]
    await asyncio.sleep(0)
    for position in (1, 3):
        progress.move(Mark("e", position, bytes(8)))
        for _ in range(3):
            await asyncio.sleep(0)
        assert sorted(order) == list(range(1, position + 1))
    await asyncio.gather(*waiting)


async def test_only_so_many_may_wait() -> None:
    progress = Progress("Counter", max_waiters=2)
    waiting = [asyncio.ensure_future(progress.moved(1, 1000)) for _ in range(2)]
    await asyncio.sleep(0)

    with pytest.raises(NotFreshError, match="too many"):
        await progress.moved(1, 1000)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    await progress.moved(1, 0.001)


async def test_the_token_of_an_answer_is_its_own_moment(reading: Reading, projector: ViewProjector) -> None:
    views = ViewAnswers(reading.model(projector))
    for number in range(1, 4):
        await count(reading)
        await projector.step()
        answer = await views.get(Counter, "a")
        assert (answer.value.total, decode_token(answer.token).position) == (number, number)


class Promoting:
    """Runs a view whose own generation is live from a certain look on."""

    def __init__(self, looks: int) -> None:
        self._left = looks

    def touched(self, key: Key | None = None) -> tuple[()]:
        return ()

    async def look(self) -> None:
        self._left -= 1

    def answers_from(self) -> Generation | None:
        return Generation("Page", 2, "new", "epoch", 1, "candidate") if self._left >= 0 else None


async def test_rows_that_are_asked_for_by_name_are_waited_for_until_they_are_this_codes(reading: Reading) -> None:
    await Freshness(reading.source, {"Page": Promoting(3)}, poll=0).live(["Page"], wait=60)

    with pytest.raises(OtherRowsError, match="live rows of Page were built by other code") as caught:
        await Freshness(reading.source, {"Page": Promoting(10**9)}, poll=0).live(["Page"], wait=0)

    assert "twofold view promote Page" in caught.value.remedy
