"""How a type looks in JSON: the fields of an object type, the members of a union."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NotRequired,
    Required,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import msgspec


class Field(NamedTuple):
    """One field of an object type: its attribute, its name in JSON, its type, and whether it must be there."""

    name: str
    wire_name: str
    type: Any
    required: bool


class Shape(NamedTuple):
    """An object type.

    `strict` says that msgspec itself refuses unknown fields; `tag` is the (field, value) that marks it.
    """

    fields: tuple[Field, ...]
    strict: bool
    tag: tuple[str, str | int] | None


def bare(annotation: Any) -> Any:
    """*annotation* without the Annotated, NewType and type aliases around it."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif hasattr(annotation, "__value__") and not isinstance(annotation, type):
            annotation = annotation.__value__
        else:
            return annotation


def members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union; of any other type, itself alone."""
    annotation = bare(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(member for each in get_args(annotation) for member in members(each))
    return (annotation,)


def shape_of(annotation: Any) -> Shape | None:
    """The shape of an object type (Struct, dataclass, TypedDict); None for every other type."""
    annotation = bare(annotation)
    return _shape(annotation) if isinstance(get_origin(annotation) or annotation, type) else None


@lru_cache(maxsize=4096)
def _shape(annotation: Any) -> Shape | None:
    cls: type = get_origin(annotation) or annotation
    if issubclass(cls, msgspec.Struct):
        return _struct_shape(cls, annotation)
    if is_typeddict(cls):
        return _typed_dict_shape(cls)
    return _dataclass_shape(cls) if dataclasses.is_dataclass(cls) else None


def fields_of(annotation: Any) -> tuple[Field, ...]:
    """The fields of an object type; none for every other type."""
    shape = shape_of(annotation)
    return shape.fields if shape else ()


def default_of(cls: type, name: str) -> Any:
    """The default of the field *name*, or the factory that makes it; Ellipsis when it has none."""
    if issubclass(cls, msgspec.Struct):
        fields = {field.name: field for field in msgspec.structs.fields(cls)}
        candidates = (fields[name].default, fields[name].default_factory)
    elif dataclasses.is_dataclass(cls):
        candidates = (cls.__dataclass_fields__[name].default, cls.__dataclass_fields__[name].default_factory)
    else:
        return ...
    return next((each for each in candidates if each not in (msgspec.NODEFAULT, dataclasses.MISSING)), ...)


def _struct_shape(cls: type[msgspec.Struct], annotation: Any) -> Shape | None:
    config = cls.__struct_config__
    if config.array_like:
        return None
    fields = tuple(
        Field(field.name, field.encode_name, field.type, field.required) for field in msgspec.structs.fields(annotation)
    )
    tag = None if config.tag is None else (cast("str", config.tag_field), config.tag)
    return Shape(fields, config.forbid_unknown_fields, tag)


def _typed_dict_shape(cls: Any) -> Shape:
    hints = get_type_hints(cls, include_extras=True)
    fields = tuple(_typed_dict_field(name, hint, name in cls.__required_keys__) for name, hint in hints.items())
    return Shape(fields, strict=False, tag=None)


def _typed_dict_field(name: str, hint: Any, required: bool) -> Field:  # noqa: FBT001
    """A key of a TypedDict. Its own list of required keys is wrong where annotations are texts."""
    if get_origin(hint) in (Required, NotRequired):
        return Field(name, name, get_args(hint)[0], get_origin(hint) is Required)
    return Field(name, name, hint, required)


def _dataclass_shape(cls: Any) -> Shape:
    hints = get_type_hints(cls, include_extras=True)
    missing = dataclasses.MISSING
    fields = tuple(
        Field(field.name, field.name, hints[field.name], field.default is missing and field.default_factory is missing)
        for field in dataclasses.fields(cls)
        if field.init
    )
    return Shape(fields, strict=False, tag=None)


def holds_objects(annotation: Any) -> bool:
    """Whether *annotation* is, or a container in it holds, an object type."""
    return any(
        shape_of(member) is not None or any(map(holds_objects, get_args(member)))
        for member in members(annotation)
        if get_origin(member) is not Literal
    )


def is_strict_throughout(annotation: Any) -> bool:
    """Whether msgspec itself refuses unknown fields in every object type that *annotation* can contain."""
    found: dict[Any, Shape] = {}
    _collect_shapes(annotation, found)
    return all(shape.strict for shape in found.values())


def _collect_shapes(annotation: Any, found: dict[Any, Shape]) -> None:
    for member in members(annotation):
        if member in found:
            continue
        inner = list(get_args(member))
        if shape := shape_of(member):
            found[member] = shape
            inner.extend(field.type for field in shape.fields)
        for each in inner:
            _collect_shapes(each, found)


def nests_freely(annotation: Any, around: tuple[Any, ...] = ()) -> bool:
    """Whether values of *annotation* may be nested as deeply as one likes: Any, a bare container, a type in itself."""
    for member in members(annotation):
        if member in around or member in _UNBOUNDED:
            return True
        inner = [*get_args(member), *(field.type for field in fields_of(member))]
        if get_origin(member) is not Literal and any(nests_freely(each, (*around, member)) for each in inner):
            return True
    return False


def holds_sets(annotation: Any, around: tuple[Any, ...] = ()) -> bool:
    """Whether values of *annotation* may hold sets, whose order differs from one process to the next."""
    for member in members(annotation):
        origin = get_origin(member) or member
        if isinstance(origin, type) and issubclass(origin, AbstractSet):
            return True
        if member in around or origin is Literal:
            continue
        inner = [*get_args(member), *(field.type for field in fields_of(member))]
        if any(holds_sets(each, (*around, member)) for each in inner):
            return True
    return False


_UNBOUNDED: tuple[Any, ...] = (Any, object, list, tuple, set, frozenset, dict, msgspec.Raw)
