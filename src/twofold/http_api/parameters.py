"""Text from paths and query strings as typed values: strict about what, lax only about everything being text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, get_origin

import msgspec

from twofold.errors import Fault, InvalidMessageError
from twofold.messages.bounds import flaw_of
from twofold.messages.shape import Field, bare, fields_of, members

_AT = re.compile(r" - at `\$(.*)`$")
_LISTS = (list, tuple, set, frozenset)


class Parameter(NamedTuple):
    """One field that comes as text: its name outside and inside, its type, and how it is written."""

    wire_name: str
    name: str
    type: Any
    repeats: bool
    as_json: bool
    required: bool


def parameters_of(cls: type) -> dict[str, Parameter]:
    """The fields of a message class (a Struct, a dataclass or a pydantic model) as parameters, by outside name."""
    models = getattr(cls, "model_fields", None)
    fields = fields_of(cls) if models is None else [_model_field(name, each) for name, each in models.items()]
    return {field.wire_name: parameter_of(field) for field in fields}


def _model_field(name: str, described: Any) -> Field:
    outside = described.alias or name
    return Field(outside, outside, described.annotation, described.is_required())


def parameter_of(field: Field) -> Parameter:
    """How *field* is written in a query string: lists by repetition, objects as JSON, all else as plain text."""
    kinds = [get_origin(bare(member)) or bare(member) for member in members(field.type)]
    repeats = any(isinstance(kind, type) and issubclass(kind, _LISTS) for kind in kinds)
    as_json = not repeats and any(_is_object(kind) for kind in kinds)
    return Parameter(field.wire_name, field.name, field.type, repeats, as_json, field.required)


def _is_object(kind: Any) -> bool:
    return isinstance(kind, type) and (issubclass(kind, dict | msgspec.Struct) or hasattr(kind, "__dataclass_fields__"))


def read_parameters(name: str, known: Mapping[str, Parameter], given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The values of the message *name*, by field, from what was *given* by parameter.

    Raises InvalidMessageError with every fault: unknown, missing, repeated, or of the wrong type.
    """
    faults = [
        Fault(f"$.{word}", f"unknown field; the fields are: {', '.join(sorted(known))}")
        for word in given
        if word not in known
    ]
    values: dict[str, Any] = {}
    for word, parameter in known.items():
        if word in given:
            found = _read(parameter, given[word], faults)
            values[parameter.name] = found
        elif parameter.required:
            faults.append(Fault(f"$.{word}", "is required"))
    if faults:
        raise InvalidMessageError(name, faults)
    return values


def _read(parameter: Parameter, texts: Sequence[str], faults: list[Fault]) -> Any:
    path = f"$.{parameter.wire_name}"
    if parameter.repeats:
        return typed(list(texts), parameter.type, path, faults)
    if len(texts) > 1:
        faults.append(Fault(path, "was given more than once"))
        return None
    if parameter.as_json:
        return _from_json(texts[0], parameter.type, path, faults)
    return typed(texts[0], parameter.type, path, faults)


def _from_json(text: str, kind: Any, path: str, faults: list[Fault]) -> Any:
    try:
        return msgspec.json.decode(text.encode(), type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        faults.append(fault_of(path, error))
    return None


def typed(value: Any, kind: Any, path: str, faults: list[Fault]) -> Any:
    """Text (or a list of texts) as a *kind*. What is wrong with it is added to *faults*, and None returned."""
    try:
        found = msgspec.convert(value, kind, strict=False)
    except (msgspec.MsgspecError, ValueError, ArithmeticError) as error:
        faults.append(fault_of(path, error))
        return None
    flaws = [flaw for each in _flat(found) if (flaw := flaw_of(each))]
    faults.extend(Fault(path, flaw) for flaw in flaws)
    return found


def _flat(value: Any) -> Iterable[Any]:
    return value if isinstance(value, _LISTS) else (value,)


def fault_of(path: str, error: Exception) -> Fault:
    """What msgspec says is wrong with the value at *path*."""
    message = str(error) or "is not valid"
    found = _AT.search(message)
    return Fault(path + found[1], message[: found.start()]) if found else Fault(path, message)
