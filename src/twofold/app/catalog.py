"""Everything an app is made of, read once; every wiring fault is found here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from twofold.app.clients import is_client
from twofold.errors import WiringError
from twofold.messages.message_types import MessageType, MessageTypes
from twofold.messages.upcasting import EventReader, Upcaster, upcasters_of
from twofold.read.answers import AnswerDefinition, answer_faults, define_answer
from twofold.read.define_view import define_view
from twofold.read.raw_projector import Projector, projector_faults, projector_name
from twofold.read.view import View, ViewDefinition
from twofold.write.aggregate import Aggregate, AggregateDefinition, Decision, define_aggregate
from twofold.write.handling import Handler, handler_of
from twofold.write.unit_of_work import UnitOfWork


class Parts(NamedTuple):
    """What a team lists: aggregates, views, handlers, queries and the rest, of an app or a module."""

    aggregates: tuple[type[Aggregate], ...] = ()
    views: tuple[type[View], ...] = ()
    handlers: tuple[Callable[..., Any], ...] = ()
    queries: tuple[Any, ...] = ()
    projectors: tuple[Projector, ...] = ()
    upcasters: tuple[Callable[..., Any], ...] = ()
    commands: tuple[type, ...] = ()
    events: tuple[type, ...] = ()

    def joined(self, others: Iterable[Parts]) -> Parts:
        """These parts and all of *others*, each thing once."""
        columns = zip(self, *others, strict=True)
        return Parts(*(tuple(dict.fromkeys(item for column in columns_ for item in column)) for columns_ in columns))


class Catalog:
    """The read app: message types, aggregates, views, who handles which command, who answers which query."""

    def __init__(self, app: str, parts: Parts) -> None:
        self.types = MessageTypes()
        self.aggregates: dict[str, AggregateDefinition] = {}
        self.views: dict[str, ViewDefinition[Any]] = {}
        self.answers: list[AnswerDefinition] = []
        self.projectors: dict[str, Projector] = {}
        self.handlers: dict[type, tuple[AggregateDefinition, Decision] | Handler] = {}
        self.upcasters = parts.upcasters
        self._faults: list[str] = []
        self._read_aggregates(parts.aggregates)
        self._read_handlers(parts.handlers)
        self._add_types(parts.events, "event")
        upcasters = self._read_upcasters(parts.upcasters)
        self._read_views(parts.views, upcasters)
        self._read_projectors(parts.projectors)
        self._read_queries(parts.queries)
        self._check_commands(parts.commands)
        self.event_reader = EventReader(self.types.of_kind("event").values(), upcasters)
        faults = [*self._faults, *self.types.faults, *self.event_reader.faults()]
        if faults:
            raise WiringError(app, list(dict.fromkeys(faults)))

    @property
    def commands(self) -> dict[str, MessageType]:
        """Command types by stable name."""
        return self.types.of_kind("command")

    @property
    def events(self) -> dict[str, MessageType]:
        """Event types by stable name."""
        return self.types.of_kind("event")

    @property
    def queries(self) -> dict[str, MessageType]:
        """Query types by stable name."""
        return self.types.of_kind("query")

    def _add_types(self, classes: Iterable[type], kind: Any) -> None:
        for cls in classes:
            self.types.add(cls, kind)

    def _read_aggregates(self, aggregates: Sequence[type[Aggregate]]) -> None:
        for cls in aggregates:
            definition, faults = define_aggregate(cls)
            self._faults.extend(faults)
            if definition.category in self.aggregates:
                self._faults.append(f"two aggregates are called {definition.category!r}")
            self.aggregates[definition.category] = definition
            self._add_types(definition.events, "event")
            for decision in definition.decisions:
                self._take(decision.command, (definition, decision), f"{cls.__name__}.{decision.function.__name__}")

    def _read_handlers(self, functions: Iterable[Callable[..., Any]]) -> None:
        for function in functions:
            try:
                handler = handler_of(function)
            except (TypeError, NameError) as error:
                self._faults.append(str(error))
                continue
            self._add_types(handler.events, "event")
            self._take(handler.command, handler, function.__name__)

    def _take(self, command: type, handler: tuple[AggregateDefinition, Decision] | Handler, where: str) -> None:
        if command in self.handlers:
            self._faults.append(f"{command.__name__} is handled twice: a second time by {where}")
        self.handlers[command] = handler
        self.types.add(command, "command")

    def _check_commands(self, commands: Iterable[type]) -> None:
        for command in commands:
            if command not in self.handlers:
                self._faults.append(f"{command.__name__} is handled by nobody: add a @decides or @handles for it")

    def _read_upcasters(self, functions: Iterable[Callable[..., Any]]) -> tuple[Upcaster, ...]:
        try:
            return upcasters_of(functions)
        except TypeError as error:
            self._faults.append(str(error))
            return ()

    def _read_views(self, views: Iterable[type[View]], upcasters: tuple[Upcaster, ...]) -> None:
        keys = {event: d.key[0] for d in self.aggregates.values() if len(d.key) == 1 for event in d.events}
        categories = self._categories()
        for cls in views:
            definition = define_view(cls, keys, categories=categories, upcasters=upcasters)
            self._faults.extend(definition.faults)
            if definition.name in self.views:
                self._faults.append(f"two views are called {definition.name!r}")
            self.views[definition.name] = definition
            self._add_types(definition.events, "event")

    def _categories(self) -> dict[type, str]:
        """The one category that an event is in. A unit of work may publish into any: what it declares, or anything."""
        units = [each for each in self.handlers.values() if isinstance(each, Handler) and each.works_with is UnitOfWork]
        if not all(unit.events for unit in units):
            return {}
        owners = Counter(event for definition in self.aggregates.values() for event in definition.events)
        anywhere = {event for unit in units for event in unit.events}
        own = {event for event, count in owners.items() if count == 1} - anywhere
        return {event: name for name, each in self.aggregates.items() for event in each.events if event in own}

    def _read_projectors(self, projectors: Iterable[Projector]) -> None:
        for projector in projectors:
            self._faults.extend(projector_faults(projector))
            name = projector_name(projector)
            if name in self.projectors or name in self.views:
                self._faults.append(f"two views or projectors are called {name!r}")
            self.projectors[name] = projector
            self._add_types(projector.events, "event")

    def _read_queries(self, queries: Iterable[Any]) -> None:
        listed = [each for each in queries if isinstance(each, type)]
        for function in queries:
            if isinstance(function, type):
                continue
            try:
                answer = define_answer(function)
            except (TypeError, NameError) as error:
                self._faults.append(str(error))
                continue
            self.answers.append(answer)
            self.types.add(answer.query, "query")
        views = [definition.view for definition in self.views.values()]
        clients = [each for answer in self.answers for each in answer.resources() if is_client(each)]
        self._faults.extend(answer_faults(self.answers, queries=listed, views=views, resources=clients))
