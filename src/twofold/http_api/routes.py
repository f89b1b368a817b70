"""Own routes of commands and queries: `route="POST /orders"`, `route="GET /orders/{order_id}"`."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from twofold.http_api.openapi import path_names
from twofold.messages.declaration import declaration
from twofold.messages.message_types import MessageType

_COMMAND_METHODS = ("POST", "PUT", "PATCH", "DELETE")
_QUERY_METHODS = ("GET",)


class Route(NamedTuple):
    """A method and a path template of a message's own; `names` are the template's parameters, in order."""

    method: str
    template: str
    names: tuple[str, ...]


def route_of(message: MessageType, fields: Collection[str], faults: list[str]) -> Route | None:
    """The route that *message* declares, or None. What is wrong with it is added to *faults*."""
    declared = declaration(message.cls).options.get("route", getattr(message.cls, "__twofold_route__", None))
    if declared is None:
        return None
    method, _, template = str(declared).partition(" ")
    names = path_names(template)
    found = list(_faults(message, method, template, fields))
    faults.extend(f"{message.name}: route {declared!r} {fault}" for fault in found)
    return None if found else Route(method, template, names)


def _faults(message: MessageType, method: str, template: str, fields: Collection[str]) -> list[str]:
    methods = _COMMAND_METHODS if message.kind == "command" else _QUERY_METHODS
    names = path_names(template)
    faults = [f"has a parameter {name!r} that is not a field" for name in names if name not in fields]
    if method not in methods:
        faults.append(f"must start with {' or '.join(methods)}")
    if not template.startswith("/") or " " in template or "?" in template:
        faults.append("must have a path that starts with / and holds neither spaces nor ?")
    if len(set(names)) < len(names):
        faults.append("has a parameter twice")
    if any(("{" in part or "}" in part) and part[1:-1] not in names for part in template.split("/")):
        faults.append("may have parameters only as whole parts of the path: /orders/{order_id}")
    return faults
