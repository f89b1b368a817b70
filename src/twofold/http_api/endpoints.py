"""Every path of the door, put together from what the app has registered."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

import msgspec

from twofold.errors import UnknownNameError, WiringError
from twofold.http_api.command_log import CommandLog
from twofold.http_api.commands import CommandEndpoint
from twofold.http_api.docs import docs_endpoints
from twofold.http_api.door import Door
from twofold.http_api.health import HealthEndpoints
from twofold.http_api.message_reading import command_reader, query_reader, routed_command_reader
from twofold.http_api.metrics import metrics_endpoint
from twofold.http_api.openapi import CommandEntry, Entries, QueryEntry, ViewEntry, openapi_document
from twofold.http_api.parameters import parameters_of
from twofold.http_api.percent import decode_part
from twofold.http_api.reads import ReadEndpoint, RowEndpoint, query_question, rows_question
from twofold.http_api.request import Request
from twofold.http_api.response import Response, json_response
from twofold.http_api.router import ANY, Endpoint, Router
from twofold.http_api.routes import Route, route_of
from twofold.messages.message import Query
from twofold.messages.message_types import MessageType
from twofold.read.answers import AnswerDefinition
from twofold.read.view import ViewDefinition


def build_router(door: Door) -> Router:
    """The router of *door*. Raises WiringError with every own route that is wrong, or in another's way."""
    return _Building(door).router


def build_operators_router(door: Door) -> Router:
    """Only what is there for those who run the app."""
    router = Router()
    _add_operators_pages(router, door)
    return router


def _add_operators_pages(router: Router, door: Door) -> None:
    health = HealthEndpoints(door)
    router.add("GET", "/health", health.details)
    router.add("GET", "/health/live", health.live)
    router.add("GET", "/health/ready", health.ready)
    router.add("GET", "/metrics", metrics_endpoint(door))


class _Building:
    """Adds one part of the app after another; collects what is wrong with routes, to report it together."""

    def __init__(self, door: Door) -> None:
        self.router = Router()
        self._door = door
        self._faults: list[str] = []
        self._entries = Entries(door.app.app.title, door.app.app.version, [], [], [])
        catalog = door.app.catalog
        self._answer_types = _answer_types(catalog.answers)
        self._add_fixed()
        for view in catalog.views.values():
            self._add_view(view)
        for message in catalog.commands.values():
            self._add_command(message)
        for message in catalog.queries.values():
            self._add_query(message)
        self._add_unknown()
        if self._faults:
            raise WiringError(door.app.name, self._faults)
        self._add_document()

    def _add_fixed(self) -> None:
        log = CommandLog(self._door)
        _add_operators_pages(self.router, self._door)
        self.router.add("GET", "/commands/log", log.recent)
        self.router.add("GET", "/commands/log/{id}", log.one)
        for path, endpoint in docs_endpoints().items():
            self.router.add("GET", path, endpoint)

    def _add_command(self, message: MessageType) -> None:
        known = parameters_of(message.cls)
        route = route_of(message, known, self._faults)
        self.router.add("POST", f"/commands/{message.name}", CommandEndpoint(self._door, command_reader(message)))
        if route is not None:
            read = routed_command_reader(message, known, route.names)
            self._add_route(message, route, CommandEndpoint(self._door, read))
        self._entries.commands.append(CommandEntry(message.name, message.cls, route and (route.method, route.template)))

    def _add_query(self, message: MessageType) -> None:
        known = parameters_of(message.cls)
        route = route_of(message, known, self._faults)
        question = query_question(self._door, message.cls, query_reader(message, known))
        self.router.add("GET", f"/queries/{message.name}", ReadEndpoint(self._door, question))
        if route is not None:
            question = query_question(self._door, message.cls, query_reader(message, known, route.names))
            self._add_route(message, route, ReadEndpoint(self._door, question))
        own = route and (route.method, route.template)
        answer = self._answer_types.get(message.cls, Any)
        self._entries.queries.append(QueryEntry(message.name, message.cls, answer, tuple(known.values()), own))

    def _add_view(self, view: ViewDefinition[Any]) -> None:
        prefix = f"/views/{view.name}"
        self.router.add("GET", prefix, ReadEndpoint(self._door, rows_question(self._door, view)))
        self.router.add_keyed(prefix, RowEndpoint(self._door, view))
        self._entries.views.append(ViewEntry(view.name, view.view, view.columns, view.table.key))

    def _add_route(self, message: MessageType, route: Route, endpoint: Endpoint) -> None:
        try:
            self.router.add(route.method, route.template, endpoint)
        except ValueError as error:
            self._faults.append(f"{message.name}: {error}")

    def _add_unknown(self) -> None:
        """Names that nobody registered are told apart from paths that do not exist."""
        catalog = self._door.app.catalog
        self.router.add(ANY, "/commands/{name}", _unknown("command", catalog.commands))
        self.router.add(ANY, "/queries/{name}", _unknown("query", catalog.queries))
        self.router.add(ANY, "/views/{name}", _unknown("view", catalog.views))
        self.router.add(ANY, "/views/{name}/{key}", _unknown("view", catalog.views))

    def _add_document(self) -> None:
        document = openapi_document(self._entries)
        encoded = msgspec.json.encode(document)

        async def openapi(request: Request) -> Response:
            if not request.root:
                return json_response(encoded)
            return json_response(msgspec.json.encode({**document, "servers": [{"url": request.root}]}))

        self.router.add("GET", "/openapi.json", openapi)


def _unknown(kind: str, known: Collection[str]) -> Endpoint:
    async def refuse(request: Request) -> NoReturn:
        raise UnknownNameError(kind, decode_part(request.parts[0]), tuple(known))

    return refuse


def _answer_types(answers: Collection[AnswerDefinition]) -> dict[type, Any]:
    """What each query is answered with, as its function says, or else the query's own class."""
    return {each.query: get_type_hints(each.function).get("return", _declared(each.query)) for each in answers}


def _declared(query: type) -> Any:
    """The R of `class Richest(Query[R])`; Any when it does not say."""
    for parent in getattr(query, "__orig_bases__", ()):
        if get_origin(parent) is Query:
            return get_args(parent)[0]
    return Any
