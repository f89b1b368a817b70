"""Where the app's events can be: which streams have to be read to see all there is of one id."""

from __future__ import annotations

from uuid import UUID

from twofold.app.catalog import Catalog
from twofold.messages.shape import bare, fields_of
from twofold.read.past import Home
from twofold.write.aggregate import AggregateDefinition
from twofold.write.handling import Handler
from twofold.write.streams import Streams
from twofold.write.unit_of_work import UnitOfWork

_ONE_SPELLING = (int, UUID, str)


def homes_of(catalog: Catalog) -> dict[type, Home]:
    """The home of every event that an aggregate declares; those that are left out may be in any stream.

    A unit of work publishes into any category: the events it declares, or, when it declares none, all of them.
    """
    handlers = [each for each in catalog.handlers.values() if isinstance(each, Handler)]
    units = [each for each in handlers if each.works_with is UnitOfWork]
    if not all(unit.events for unit in units):
        return {}
    anywhere = {event for unit in units for event in unit.events}
    every = tuple(catalog.aggregates) if any(each.works_with is Streams for each in handlers) else ()
    owners: dict[type, list[AggregateDefinition]] = {}
    for definition in catalog.aggregates.values():
        for event in definition.events:
            owners.setdefault(event, []).append(definition)
    return {event: _home(found, every) for event, found in owners.items() if event not in anywhere}


def _home(owners: list[AggregateDefinition], every: tuple[str, ...]) -> Home:
    kinds = {_id_type(owner) for owner in owners}
    return Home(every or tuple(owner.category for owner in owners), kinds.pop() if len(kinds) == 1 else None)


def _id_type(owner: AggregateDefinition) -> type | None:
    """The type of the key in every command of *owner*, when it writes each id in one way only."""
    if len(owner.key) != 1 or not owner.decisions:
        return None
    found = {_field_type(decision.command, owner.key[0]) for decision in owner.decisions}
    kind = found.pop()
    return kind if not found and kind in _ONE_SPELLING else None


def _field_type(command: type, name: str) -> type | None:
    models = getattr(command, "model_fields", None)
    if models is not None:
        return models[name].annotation if name in models else None
    return next((bare(field.type) for field in fields_of(command) if field.name == name), None)
