"""`@answers`: the mark of a function that answers one type of query, found by its annotations."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints, overload

from twofold.messages.declaration import declaration
from twofold.messages.message import Query
from twofold.pipeline.context import Context
from twofold.read.rows import Rows
from twofold.read.view import View

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])
_MARK = "__twofold_answers__"


class _Options(NamedTuple):
    reads: tuple[type[View], ...]
    cache: float | bool


class AnswerDefinition(NamedTuple):
    """A function that answers queries.

    `query` is the type it answers, `injected` what its further parameters are annotated with, `views` what its
    answer depends on (None: any view or projector, since it reads through a client), `cache` the seconds an answer
    may be used again (0: never; True: the cache's own time).
    """

    function: Callable[..., Awaitable[Any]]
    query: type
    injected: Mapping[str, Any]
    views: tuple[type[View], ...] | None
    cache: float | bool

    def resources(self) -> tuple[Any, ...]:
        """What is injected beside rows."""
        return tuple(annotation for annotation in self.injected.values() if view_of(annotation) is None)


@overload
def answers(function: F, /) -> F: ...
@overload
def answers(*, reads: Sequence[type[View]] = (), cache: float | bool = False) -> Callable[[F], F]: ...
def answers(
    function: F | None = None, /, *, reads: Sequence[type[View]] = (), cache: float | bool = False
) -> F | Callable[[F], F]:
    """Mark `async def richest(query: Richest, accounts: Rows[AccountPage]) -> ...` as what answers that query.

    Further parameters are injected by annotation: `Rows[SomeView]`, `Context`, or the class of the view store's own
    client, which only reads then, on one snapshot: `apsw.Connection` on SQLite, `asyncpg.Connection` on PostgreSQL.

    Args:
        function: the function, when used without parentheses.
        reads: the views that it reads through a client, whose checkpoints its answer depends on; all views and
            projectors when it is not given.
        cache: seconds an answer may be used again, or True for the configured time.
    """

    def mark(marked: F) -> F:
        setattr(marked, _MARK, _Options(tuple(reads), cache))
        return marked

    return mark if function is None else mark(function)


def define_answer(function: Callable[..., Any]) -> AnswerDefinition:
    """What a function marked with `@answers` declares. Raises TypeError, in one sentence, when it is not right."""
    name = getattr(function, "__qualname__", repr(function))
    options = getattr(function, _MARK, None)
    if options is None:
        raise TypeError(f"{name} answers queries but is not marked with @answers")
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{name} must be an async function")
    hints = get_type_hints(function)
    parameters = list(inspect.signature(function).parameters)
    query = hints.get(parameters[0]) if parameters else None
    if not isinstance(query, type):
        raise TypeError(f"the first parameter of {name} must be annotated with the query it answers")
    missing = [parameter for parameter in parameters[1:] if parameter not in hints]
    if missing:
        raise TypeError(f"{name}: {', '.join(missing)} must be annotated")
    injected = {parameter: hints[parameter] for parameter in parameters[1:]}
    return AnswerDefinition(function, query, injected, _views(injected, options), options.cache)


def view_of(annotation: Any) -> type[View] | None:
    """The view of `Rows[SomeView]`, else None."""
    return get_args(annotation)[0] if get_origin(annotation) is Rows else None


def _views(injected: Mapping[str, Any], options: _Options) -> tuple[type[View], ...] | None:
    rows = [view for annotation in injected.values() if (view := view_of(annotation)) is not None]
    has_client = any(view_of(annotation) is None and annotation is not Context for annotation in injected.values())
    if has_client and not options.reads:
        return None
    return tuple(dict.fromkeys((*rows, *options.reads)))


def answer_faults(
    definitions: Sequence[AnswerDefinition],
    *,
    queries: Iterable[type[Query[Any]]] = (),
    views: Iterable[type[View]] = (),
    resources: Iterable[type] = (),
) -> list[str]:
    """What is wrong with how queries are answered, as sentences.

    Args:
        definitions: who answers.
        queries: the queries that must have an answer.
        views: the app's views.
        resources: the types that may be injected beside rows.
    """
    known, offered = set(views), {*resources, Context}
    faults = [fault for definition in definitions for fault in _faults_of(definition, known, offered)]
    by_query: dict[type, list[str]] = {}
    for definition in definitions:
        by_query.setdefault(definition.query, []).append(definition.function.__qualname__)
    for query, names in by_query.items():
        if len(names) > 1:
            faults.append(f"query {declaration(query).name} is answered twice: {', '.join(names)}")
    unanswered = [query for query in queries if query not in by_query]
    return faults + [f"nobody answers the query {declaration(query).name}" for query in unanswered]


def client_faults(definitions: Sequence[AnswerDefinition], client: type | None) -> list[str]:
    """Who reads through another client than the view store's (None: it has none), as sentences."""
    has = "which has none to read with" if client is None else f"whose client is {_full_name(client)}"
    return [
        f"{definition.function.__qualname__} reads through {_full_name(wanted)}, but the rows are in a store {has}"
        for definition in definitions
        for wanted in definition.resources()
        if wanted not in {Context, client}
    ]


def _full_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _faults_of(definition: AnswerDefinition, known: set[type[View]], offered: set[type]) -> list[str]:
    name = definition.function.__qualname__
    asked = {parameter: view_of(annotation) for parameter, annotation in definition.injected.items()}
    read = dict.fromkeys((*asked.values(), *(definition.views or ())))
    return [
        f"{name} reads the view {view.__name__}, which is not in the app"
        for view in read
        if view is not None and view not in known
    ] + [
        f"{name}: nothing can be injected for {parameter}: {definition.injected[parameter]!r}"
        for parameter, view in asked.items()
        if view is None and definition.injected[parameter] not in offered
    ]
