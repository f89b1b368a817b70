"""Messages from the command line: one JSON object, or FIELD=VALUE pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twofold.errors import Fault, InvalidMessageError, UnknownNameError
from twofold.http_api.parameters import parameter_of, read_parameters
from twofold.messages.message_types import MessageType
from twofold.messages.shape import shape_of


def message_from(known: Mapping[str, MessageType], kind: str, name: str, given: Sequence[str]) -> Any:
    """The message *name* from what was *given*: a single JSON object, or FIELD=VALUE pairs (again for lists).

    Raises UnknownNameError, MalformedError, InvalidMessageError with every fault.
    """
    if name not in known:
        raise UnknownNameError(kind, name, tuple(known))
    found = known[name]
    if len(given) == 1 and given[0].lstrip().startswith("{"):
        return found.codec.read(given[0].encode("utf-8", "surrogateescape"))
    values = read_parameters(name, _parameters(found), _pairs(name, given))
    return found.codec.validate(found.cls(**values))[0]


def _parameters(found: MessageType) -> dict[str, Any]:
    shape = shape_of(found.cls)
    if shape is None:
        raise InvalidMessageError(found.name, [Fault("$", "takes one JSON object, not FIELD=VALUE pairs")])
    return {field.wire_name: parameter_of(field) for field in shape.fields}


def _pairs(name: str, given: Sequence[str]) -> dict[str, list[str]]:
    wrong = [text for text in given if "=" not in text]
    if wrong:
        raise InvalidMessageError(name, [Fault("$", f"{text!r} is not FIELD=VALUE") for text in wrong])
    pairs: dict[str, list[str]] = {}
    for text in given:
        field, _, value = text.partition("=")
        pairs.setdefault(field, []).append(value)
    return pairs


def message_rows(known: Mapping[str, MessageType]) -> list[dict[str, Any]]:
    """Messages by name with their fields; one that may be left out ends with a question mark."""
    return [
        {"name": each.name, "version": each.version, "fields": _field_names(each)} for _, each in sorted(known.items())
    ]


def _field_names(found: MessageType) -> list[str]:
    shape = shape_of(found.cls)
    return [] if shape is None else [field.wire_name + ("" if field.required else "?") for field in shape.fields]
