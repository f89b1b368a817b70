"""Messages that a team already has as pydantic models; pydantic itself is never imported from here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from twofold.errors import Fault
from twofold.messages.paths import ROOT, at_index, at_key


def is_pydantic(cls: type) -> bool:
    """Whether *cls* is a pydantic (v2) model, told by its looks."""
    return hasattr(cls, "model_validate_json") and hasattr(cls, "model_dump_json")


def pydantic_encode(message: Any) -> bytes:
    """The JSON bytes of a model."""
    data: bytes = message.model_dump_json(by_alias=True).encode()
    return data


def pydantic_decoder(cls: Any, *, forbid_unknown: bool) -> Callable[[bytes], Any]:
    """A function from JSON bytes to a model, strict. Raises TypeError when pydantic cannot refuse unknown fields."""
    validate = cls.model_validate_json
    if "extra" not in inspect.signature(validate).parameters:
        raise TypeError("pydantic models as messages need pydantic 2.12 or newer")
    extra = "forbid" if forbid_unknown else _tolerance(cls)

    def decode(data: bytes) -> Any:
        return validate(data, strict=True, extra=extra)

    return decode


def _tolerance(cls: Any) -> str:
    """A model that keeps what it does not know goes on keeping it."""
    return "allow" if cls.model_config.get("extra") == "allow" else "ignore"


def pydantic_faults(error: ValueError) -> tuple[Fault, ...]:
    """The faults that a pydantic ValidationError lists."""
    listed = getattr(error, "errors", None)
    if listed is None:
        return (Fault("$", str(error)),)
    return tuple(Fault(_path(each["loc"]), each["msg"]) for each in listed(include_url=False))


def _path(location: tuple[str | int, ...]) -> str:

    path = ROOT
    for part in location:
        path = at_index(path, part) if isinstance(part, int) else at_key(path, part)
    return path


def pydantic_schema(cls: type[Any], name: str, ref_template: str) -> dict[str, dict[str, Any]]:
    """The JSON Schema of *cls* as a component called *name*, with a component for each model it contains."""
    template = ref_template.replace("{name}", "{model}")
    schema: dict[str, Any] = cls.model_json_schema(ref_template=template)
    inner: dict[str, dict[str, Any]] = schema.pop("$defs", {})
    return {**inner, name: schema}
