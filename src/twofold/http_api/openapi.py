"""The OpenAPI 3.1 document: made once, from what the app has registered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from inspect import cleandoc
from typing import Any, NamedTuple

from twofold.http_api.filters import LIMIT_DEFAULT, LIMIT_MAX, operators_of
from twofold.http_api.parameters import Parameter
from twofold.http_api.schemas import OPTIONAL_TEXT, REF, TEXT, Schema, array_of, components

_PROBLEM = {"content": {"application/problem+json": {"schema": {"$ref": REF.format(name="twofold.Problem")}}}}
_PROBLEMS = {
    "400": "malformed, or invalid: `faults` lists every fault",
    "401": "who is asking could not be established",
    "403": "not allowed",
    "404": "there is no such thing",
    "409": "version conflict, already there, or a command with the same key is in flight",
    "412": "the stream is not at the version of If-Match",
    "413": "the body is too large",
    "415": "the body is not application/json",
    "422": "a rule refused it, or the idempotency key was used for another payload",
    "429": "too many at once",
    "500": "a bug on this side; the log has it under `trace_id`",
    "503": "not now; Retry-After says when",
}
_READ_PROBLEMS = ("400", "401", "403", "404", "429", "500", "503")
_WRITE_PROBLEMS = ("400", "401", "403", "404", "409", "412", "413", "415", "422", "500", "503")
_TOKEN = {"Twofold-Token": {"description": "as of when: hand it on as Twofold-After", "schema": TEXT}}
_STALE = {"Twofold-Stale": {"description": "true when a view was behind the token", "schema": {"enum": ["true"]}}}


class CommandEntry(NamedTuple):
    """A command as the document shows it. `route` is a method and a path template of its own, or None."""

    name: str
    kind: type
    route: tuple[str, str] | None


class QueryEntry(NamedTuple):
    """A query as the document shows it."""

    name: str
    kind: type
    answer: Any
    parameters: Sequence[Parameter]
    route: tuple[str, str] | None


class ViewEntry(NamedTuple):
    """A view as the document shows it."""

    name: str
    kind: type
    columns: Mapping[str, Any]
    key: tuple[str, ...]


class Entries(NamedTuple):
    """Everything the document is made from."""

    title: str
    version: str
    commands: list[CommandEntry]
    queries: list[QueryEntry]
    views: list[ViewEntry]


def openapi_document(entries: Entries) -> dict[str, Any]:
    """The document, ready to be encoded."""
    types = [
        *(command.kind for command in entries.commands),
        *(query.answer for query in entries.queries),
        *(view.kind for view in entries.views),
        *(parameter.type for query in entries.queries for parameter in query.parameters),
        *(column.type for view in entries.views for column in view.columns.values()),
    ]
    schemas, known = components(types)
    supply = iter(schemas)
    bodies = [next(supply) for _ in entries.commands]
    answers = [next(supply) for _ in entries.queries]
    rows = [next(supply) for _ in entries.views]
    paths: dict[str, dict[str, Any]] = {}
    for command, body in zip(entries.commands, bodies, strict=True):
        _add_command(paths, command, body)
    for query, answer in zip(entries.queries, answers, strict=True):
        _add_query(paths, query, answer, [next(supply) for _ in query.parameters])
    for view, row in zip(entries.views, rows, strict=True):
        _add_view(paths, view, row, [next(supply) for _ in view.columns])
    _add_log(paths)
    return {
        "openapi": "3.1.0",
        "info": {"title": entries.title, "version": entries.version},
        "paths": paths,
        "components": {"schemas": known},
    }


def _add_command(paths: dict[str, Any], command: CommandEntry, body: Schema) -> None:
    operation = {
        **_described(command.kind, f"send.{command.name}", "commands"),
        "parameters": [
            _header("Idempotency-Key", "the same key with the same body is answered with the first outcome"),
            _header("If-Match", 'the version that the stream has to be at, in quotes: "5"'),
            _header("Prefer", "wait=<seconds>, respond-async"),
            _header("Twofold-Wait-For", "views that the answer waits for, by name, separated by commas"),
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": _answer("accepted", {"$ref": REF.format(name="twofold.Receipt")}, stale=True),
            "202": {
                "description": "queued durably",
                "headers": {"Location": {"description": "where its outcome can be read", "schema": TEXT}},
                **_json({"$ref": REF.format(name="twofold.CommandStatus")}),
            },
            **_problems(_WRITE_PROBLEMS),
        },
    }
    _put(paths, "POST", f"/commands/{command.name}", operation)
    if command.route:
        method, template = command.route
        _put(paths, method, template, _routed(operation, template, f"route.{command.name}"))


def _add_query(paths: dict[str, Any], query: QueryEntry, answer: Schema, schemas: Sequence[Schema]) -> None:
    operation = {
        **_described(query.kind, f"ask.{query.name}", "queries"),
        "parameters": [
            *(_parameter(each.wire_name, schema, required=each.required) for each, schema in _pairs(query, schemas)),
            *_READ_HEADERS,
        ],
        "responses": {"200": _answer("the answer", answer, stale=True), **_problems(_READ_PROBLEMS)},
    }
    _put(paths, "GET", f"/queries/{query.name}", operation)
    if query.route:
        method, template = query.route
        _put(paths, method, template, _routed(operation, template, f"route.{query.name}"))


def _pairs(query: QueryEntry, schemas: Sequence[Schema]) -> Iterable[tuple[Parameter, Schema]]:
    return zip(query.parameters, schemas, strict=True)


def _add_view(paths: dict[str, Any], view: ViewEntry, row: Schema, schemas: Sequence[Schema]) -> None:
    described = _described(view.kind, f"find.{view.name}", "views")
    listing = {
        **described,
        "parameters": [
            *(
                each
                for column, schema in zip(view.columns.values(), schemas, strict=True)
                for each in _filters(column, schema)
            ),
            _parameter("sort", TEXT, "field names, separated by commas; a leading - for falling"),
            _parameter("limit", {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT}),
            _parameter("cursor", TEXT, "`next` of the page before"),
            *_READ_HEADERS,
        ],
        "responses": {"200": _answer("a page of rows", _page(row), stale=True), **_problems(_READ_PROBLEMS)},
    }
    key = f"parts joined by commas, each percent-encoded: {', '.join(view.key)}"
    single = {
        **described,
        "operationId": f"get.{view.name}",
        "parameters": [
            {"name": "key", "in": "path", "required": True, "schema": TEXT, "description": key},
            _header("Twofold-As-Of", "a position, a time or a token: the row as it was then"),
            *_READ_HEADERS,
        ],
        "responses": {"200": _answer("the row", row, stale=True), **_problems(_READ_PROBLEMS)},
    }
    _put(paths, "GET", f"/views/{view.name}", listing)
    _put(paths, "GET", f"/views/{view.name}/{{key}}", single)


def _filters(column: Any, schema: Schema) -> Iterable[Schema]:
    for operator in operators_of(column):
        name = column.name if operator == "eq" else f"{column.name}__{operator}"
        if operator == "isnull":
            yield _parameter(name, {"type": "boolean"})
        else:
            yield _parameter(name, array_of(schema) if operator == "in" else schema)


def _page(row: Schema) -> Schema:
    properties = {"items": array_of(row), "next": OPTIONAL_TEXT}
    return {"type": "object", "properties": properties, "required": ["items", "next"]}


def _add_log(paths: dict[str, Any]) -> None:
    status = {"$ref": REF.format(name="twofold.CommandStatus")}
    _put(paths, "GET", "/commands/log", {
        "operationId": "commands.log", "tags": ["commands"], "summary": "What came of the latest commands",
        "parameters": [
            _parameter("status", {"enum": ["accepted", "rejected"]}),
            _parameter("command", TEXT),
            _parameter("limit", {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT}),
            _parameter("cursor", TEXT),
        ],
        "responses": {"200": _answer("newest first", _page(status)), **_problems(("400", "401", "403", "503"))},
    })  # fmt: skip
    _put(paths, "GET", "/commands/log/{id}", {
        "operationId": "commands.status", "tags": ["commands"], "summary": "What came of one command",
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {**TEXT, "format": "uuid"}}],
        "responses": {"200": _answer("its outcome", status), **_problems(("400", "401", "403", "404", "503"))},
    })  # fmt: skip


def _routed(operation: dict[str, Any], template: str, operation_id: str) -> dict[str, Any]:
    """*operation* on a path of its own, whose parameters have moved into the path."""
    names = path_names(template)
    known = {each["name"]: each["schema"] for each in operation["parameters"] if each["in"] == "query"}
    inside = [{"name": name, "in": "path", "required": True, "schema": known.get(name, TEXT)} for name in names]
    rest = [each for each in operation["parameters"] if each["in"] != "query" or each["name"] not in names]
    return {**operation, "operationId": operation_id, "parameters": [*inside, *rest]}


def path_names(template: str) -> tuple[str, ...]:
    """The names in braces of a path template, in order."""
    return tuple(part[1:-1] for part in template.split("/") if part.startswith("{") and part.endswith("}"))


def _put(paths: dict[str, Any], method: str, template: str, operation: dict[str, Any]) -> None:
    paths.setdefault(template, {})[method.lower()] = operation


def _described(kind: type, operation_id: str, tag: str) -> dict[str, Any]:
    text = cleandoc(kind.__dict__.get("__doc__") or "")
    summary, _, rest = text.partition("\n")
    described = {"operationId": operation_id, "tags": [tag], **({"summary": summary} if summary else {})}
    return {**described, "description": rest.strip()} if rest.strip() else described


def _parameter(name: str, schema: Schema, description: str = "", *, required: bool = False) -> Schema:
    described = {"description": description} if description else {}
    return {"name": name, "in": "query", "required": required, "schema": schema, **described}


def _header(name: str, description: str) -> Schema:
    return {"name": name, "in": "header", "required": False, "schema": TEXT, "description": description}


_READ_HEADERS = (
    _header("Twofold-After", "a token: the answer is not older than it"),
    _header("Prefer", "wait=<seconds> for the token, stale-ok to get an older answer rather than none"),
    _header("Last-Event-ID", "with Accept: text/event-stream, the token after which to go on"),
)


def _answer(description: str, schema: Schema, *, stale: bool = False) -> dict[str, Any]:
    return {"description": description, "headers": {**_TOKEN, **(_STALE if stale else {})}, **_json(schema)}


def _json(schema: Schema) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _problems(statuses: Iterable[str]) -> dict[str, Any]:
    return {status: {"description": _PROBLEMS[status], **_PROBLEM} for status in statuses}
