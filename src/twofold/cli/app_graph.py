"""An app as nodes and edges, from command to query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from twofold.app.app import App
from twofold.app.catalog import Catalog
from twofold.messages.declaration import declaration
from twofold.write.handling import Handler


class Node(msgspec.Struct, frozen=True):
    """One part: its id (`kind:name`), what it is, and its name."""

    id: str
    kind: str
    name: str


class Edge(msgspec.Struct, frozen=True):
    """One part leads to another, by their ids."""

    start: str
    end: str


class Graph(NamedTuple):
    """The whole app; nodes and edges each once, in the order of the log's flow."""

    nodes: list[Node]
    edges: list[Edge]


def graph_of(app: App) -> Graph:
    """What leads to what in *app*."""
    edges = list(dict.fromkeys(_edges(app.catalog)))
    ids = dict.fromkeys(_parts(app.catalog))
    ids.update(dict.fromkeys(end for edge in edges for end in (edge.start, edge.end)))
    nodes = [Node(each, *each.split(":", 1)) for each in ids]
    return Graph(nodes, edges)


def _parts(catalog: Catalog) -> Iterator[str]:
    """Every part, also those that nothing leads to."""
    for kind, names in (
        ("command", catalog.commands),
        ("aggregate", catalog.aggregates),
        ("event", catalog.events),
        ("view", catalog.views),
        ("projector", catalog.projectors),
        ("query", catalog.queries),
    ):
        yield from (f"{kind}:{name}" for name in names)


def _edges(catalog: Catalog) -> Iterator[Edge]:
    for command, handler in catalog.handlers.items():
        yield from _handled(f"command:{catalog.types.of(command).name}", handler)
    for category, aggregate in catalog.aggregates.items():
        yield from _to_events(f"aggregate:{category}", aggregate.events)
    for name, view in catalog.views.items():
        yield from (Edge(f"event:{declaration(event).name}", f"view:{name}") for event in view.events)
    for name, projector in catalog.projectors.items():
        yield from (Edge(f"event:{declaration(event).name}", f"projector:{name}") for event in projector.events)
    for answer in catalog.answers:
        asked = f"query:{catalog.types.of(answer.query).name}"
        yield from (Edge(f"view:{declaration(view).name}", asked) for view in answer.views or ())


def _handled(command: str, handler: object) -> Iterator[Edge]:
    if isinstance(handler, Handler):
        name = f"handler:{handler.function.__name__}"
        yield Edge(command, name)
        yield from _to_events(name, handler.events)
    elif isinstance(handler, tuple):
        yield Edge(command, f"aggregate:{handler[0].category}")


def _to_events(start: str, events: Iterable[type]) -> Iterator[Edge]:
    yield from (Edge(start, f"event:{declaration(event).name}") for event in events)
