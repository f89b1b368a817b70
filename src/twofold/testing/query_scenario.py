"""Given rows, when a query, then its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn

import msgspec

from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.errors import Rejected
from twofold.event_store.recorded_event import Mark
from twofold.pipeline.context import Context
from twofold.read.answers import AnswerDefinition, define_answer, view_of
from twofold.read.rows import Rows
from twofold.read.view import View
from twofold.read.view_store import Checkpoint, RowChange
from twofold.testing.failures import ScenarioFailedError, UnstorableError, difference
from twofold.testing.storage import restored_row, stored
from twofold.testing.view_scenario import defined_alone

_EPOCH = "scenario"


class QueryScenario:
    """A function marked with `@answers`, and the rows it finds. Every `given` gives a new scenario."""

    def __init__(self, function: Callable[..., Awaitable[Any]], rows: Sequence[View] = ()) -> None:
        self._definition: AnswerDefinition = define_answer(function)
        self._rows = tuple(rows)

    def given(self, *rows: View) -> QueryScenario:
        """Add rows, of any of the views that the function reads."""
        return QueryScenario(self._definition.function, (*self._rows, *rows))

    def when(self, query: Any, context: Context | None = None) -> Asked:
        """Ask *query*, as it comes back from its bytes; *context* says who asks, where the function wants to know.

        Raises ScenarioFailedError when the function answers another query, UnstorableError.
        """
        if type(query) is not self._definition.query:
            wanted, name = self._definition.query.__name__, self._definition.function.__name__
            raise ScenarioFailedError(f"{name} answers {wanted}, not {type(query).__name__}")
        return Asked(self._definition, self._rows, stored(query, "query"), context or Context())


class Asked:
    """A query under way; each of its checks is awaited."""

    def __init__(self, definition: AnswerDefinition, rows: Sequence[View], query: Any, context: Context) -> None:
        self._definition, self._rows, self._query, self._context = definition, rows, query, context

    async def answer(self) -> Any:
        """The answer, checked to be JSON-able. Raises UnstorableError; what the function raises goes through."""
        answer = await self._definition.function(self._query, **await self._injected())
        try:
            msgspec.json.encode(answer)
        except (TypeError, ValueError) as error:
            raise UnstorableError(f"the answer {answer!r} cannot be sent: {error}") from error
        return answer

    async def then(self, expected: Any) -> None:
        """Expect this answer. Raises ScenarioFailedError with the difference."""
        answer = await self.answer()
        if answer != expected:
            raise ScenarioFailedError(f"{self._words} was answered otherwise:\n{difference(expected, answer)}")

    async def then_rejected(self, code: str) -> None:
        """Expect a refusal with *code*. Raises ScenarioFailedError."""
        try:
            answer = await self.answer()
        except Rejected as rejection:
            if rejection.code != code:
                raise ScenarioFailedError(
                    f"{self._words} was rejected with {rejection.code}, not {code}"
                ) from rejection
        else:
            raise ScenarioFailedError(f"{self._words} was answered, not rejected ({code}):\n{answer!r}")

    @property
    def _words(self) -> str:
        return type(self._query).__name__

    async def _injected(self) -> dict[str, Any]:
        store = MemoryViewStore()
        views = {name: view_of(annotation) for name, annotation in self._definition.injected.items()}
        left = [row for row in self._rows if type(row) not in views.values()]
        if left:
            raise ScenarioFailedError(f"{self._definition.function.__name__} does not read {type(left[0]).__name__}")
        injected: dict[str, Any] = {}
        for name, view in views.items():
            injected[name] = self._other(name) if view is None else await self._filled(store, view)
        return injected

    def _other(self, name: str) -> Any:
        annotation = self._definition.injected[name]
        return self._context if annotation is Context else _cannot_inject(name, annotation)

    async def _filled(self, store: MemoryViewStore, view: type[View]) -> Rows[Any]:
        definition = defined_alone(view)
        generation = await store.open_generation(definition.table, _EPOCH)
        rows = [restored_row(definition, row) for row in self._rows if type(row) is view]
        values = [definition.values(row) for row in rows]
        changes = [RowChange(tuple(each[name] for name in definition.table.key), each, 1) for each in values]
        before = await store.checkpoint(generation, 0)
        reached = Checkpoint(Mark(_EPOCH, before.mark.position + 1, bytes(8)), 0)
        await store.save(generation, 0, changes, before.mark, reached)
        return Rows(definition, store)


def _cannot_inject(name: str, annotation: Any) -> NoReturn:
    raise ScenarioFailedError(f"a scenario has no {annotation!r} for {name}; test such a query with memory_app")
