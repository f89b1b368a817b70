"""From a request to a message: the body strictly, text from path and query string by the fields' types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from twofold.errors import Fault, InvalidMessageError
from twofold.http_api.parameters import Parameter, read_parameters
from twofold.http_api.percent import decode_part, decode_query
from twofold.http_api.request import Request
from twofold.messages.message_types import MessageType

_encode = msgspec.json.Encoder().encode
_SPACE = b" \t\r\n"


def command_reader(message: MessageType) -> Callable[[Request, bytes], Any]:
    """Reads the command from the body alone."""
    read = message.codec.read
    return lambda _, body: read(body)


def routed_command_reader(
    message: MessageType, known: Mapping[str, Parameter], names: Sequence[str]
) -> Callable[[Request, bytes], Any]:
    """Reads the command from the body and the path's parameters *names*; a field may come by one of them only."""
    read = message.codec.read
    inside = {name: known[name] for name in names}

    def read_both(request: Request, body: bytes) -> Any:
        given = {name: [decode_part(part)] for name, part in zip(names, request.parts, strict=True)}
        values = read_parameters(message.name, inside, given)
        return read(_with_fields(body, {inside[name].wire_name: values[inside[name].name] for name in names}))

    return read_both


def _with_fields(body: bytes, values: Mapping[str, Any]) -> bytes:
    """*body*, a JSON object, with *values* as its first fields; the codec refuses a field that is there twice."""
    rest = body.strip(_SPACE) or b"{}"
    if not values or not rest.startswith(b"{"):
        return rest
    rest = rest[1:].lstrip(_SPACE)
    return _encode(values)[:-1] + (rest if rest.startswith(b"}") else b"," + rest)


def query_reader(
    message: MessageType, known: Mapping[str, Parameter], names: Sequence[str] = ()
) -> Callable[[Request], Any]:
    """Reads the query from the query string, and from the path's parameters *names* if it has a route of its own."""
    make = _maker(message)

    def read(request: Request) -> Any:
        given = decode_query(request.query_string)
        for name, part in zip(names, request.parts, strict=True):
            if name in given:
                raise InvalidMessageError(message.name, [Fault(f"$.{name}", "was given by the path already")])
            given[name] = [decode_part(part)]
        return make(read_parameters(message.name, known, given))

    return read


def _maker(message: MessageType) -> Callable[[dict[str, Any]], Any]:
    """Makes the message from its fields. The app validates it again, so only what the constructor says counts here."""
    cls, name = message.cls, message.name

    def make(values: dict[str, Any]) -> Any:
        try:
            return cls(**values)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise InvalidMessageError(name, _faults_of(error)) from error

    return make


def _faults_of(error: Exception) -> list[Fault]:
    listed = getattr(error, "errors", None)
    if listed is None:
        return [Fault("$", str(error))]
    return [Fault("$." + ".".join(map(str, each["loc"])), each["msg"]) for each in listed(include_url=False)]
