"""What a caller gets: a value, as of when, and whether it is older than was asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from twofold.errors import LeaseLostError, NotFreshError, OtherRowsError, UnknownNameError
from twofold.event_store.token import encode_token
from twofold.pipeline.middleware import Middleware
from twofold.read.freshness import Freshness
from twofold.read.rows import Rows, Touched
from twofold.read.view import View, ViewDefinition
from twofold.read.view_store import Key, ViewStore

V = TypeVar("V", bound=View)
R = TypeVar("R")


class Answer(msgspec.Struct, Generic[R], frozen=True):
    """A value with the token of the checkpoint it was computed at; `stale` when that is older than asked for."""

    value: R
    token: str
    stale: bool = False


class Wish(NamedTuple):
    """How new an answer has to be: at least as new as the token `after`, waiting `wait` seconds (None: the default).

    When it is not in time, `stale_ok` takes an older answer; else NotFreshError is raised.
    """

    after: str | None = None
    wait: float | None = None
    stale_ok: bool = False


ANYTIME = Wish()


class ReadModel(NamedTuple):
    """All that answers are made from.

    `definitions` are the app's views by class, `store` is where their rows live, `freshness` holds answers back for
    their token, `middlewares` surround each question, outermost first.
    """

    definitions: Mapping[type, ViewDefinition[Any]]
    store: ViewStore
    freshness: Freshness
    middlewares: Sequence[Middleware] = ()

    def definition(self, view: type[V]) -> ViewDefinition[V]:
        """What is known of *view*. Raises UnknownNameError when the app has no such view."""
        found = self.definitions.get(view)
        if found is None:
            known = tuple(each.name for each in self.definitions.values())
            raise UnknownNameError("view", getattr(view, "__name__", repr(view)), known)
        return found

    def rows(self, view: type[V], touched: Touched | None = None) -> Rows[V]:
        """The rows of *view*, without middlewares. Raises UnknownNameError when the app has no such view."""
        definition = self.definition(view)
        return Rows(definition, self.store, touched, partial(self.freshness.answers_from, definition.name))


SWAPPED = (OtherRowsError, NotFreshError, LeaseLostError)
"""What an answer may fail with because another generation took over, until this process has seen that."""
SWAPS = 5
"""How often an answer is asked for when generations take over under it."""
token_of = lru_cache(maxsize=256)(encode_token)


async def answered(
    freshness: Freshness, views: Sequence[str], wish: Wish, compute: Callable[[Touched], Awaitable[R]]
) -> Answer[R]:
    """Wait until *views* are as new as the *wish*, then compute. Raises NotFreshError and TokenUnknownError."""

    async def ask(wanted: int) -> Answer[R]:
        touched, lacking = Touched(), freshness.lacking(views)
        value = await compute(touched)
        mark = await freshness.as_of(touched.mark or await freshness.mark(views), lacking, freshness.lacking(views))
        return Answer(value, token_of(mark), stale=freshness.is_older(mark, wanted))

    return await as_wished(freshness, views, wish, ask)


async def as_wished(
    freshness: Freshness,
    views: Sequence[str],
    wish: Wish,
    ask: Callable[[int], Awaitable[Answer[R]]],
    key: Key | None = None,
) -> Answer[R]:
    """What *ask* answers, given the position to reach, once *views* are as new as the *wish*.

    Where another generation took over between waiting and asking, and is not as far or has other fields, both are done
    again.
    """
    for turn in range(SWAPS):
        wanted = await awaited(freshness, views, wish, key)
        try:
            answer = await ask(wanted)
            if wish.stale_ok or not answer.stale:
                return answer
        except SWAPPED:
            if turn:
                raise
        await freshness.look(views)
    raise NotFreshError(views[0], 0, wanted, "it was replaced again and again while it was read; try again")


async def awaited(freshness: Freshness, views: Sequence[str], wish: Wish, key: Key | None = None) -> int:
    """Wait until *views* are as new as the *wish*; the position that an answer must have to be fresh.

    With a stored *key* only the shard of that row is waited for. Raises TokenUnknownError, and NotFreshError when time
    is up, unless a stale answer will do.
    """
    await freshness.found(views)
    if wish.after is None:
        return 0
    wanted = await freshness.wanted(wish.after)
    await freshness.reach(views, wanted, key=key, wait=wish.wait, stale_ok=wish.stale_ok)
    return wanted.position
