"""The slow path after a refusal: holds a document against its type and lists every fault, each with its path."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any, get_args, get_origin

import msgspec

from twofold.errors import Fault
from twofold.messages.bounds import flaw_of
from twofold.messages.paths import ROOT, at_index, at_key
from twofold.messages.shape import Shape, bare, holds_objects, members, shape_of

FAULTS_MAX = 100
"""At most so many faults are listed for one input."""
NODES_MAX = 20_000
"""At most so many values of one input are looked at for faults, since that holds up everyone else."""


def faults_of(document: Any, annotation: Any, *, forbid_unknown: bool) -> tuple[Fault, ...]:
    """What is wrong with *document*, plain JSON values, as an *annotation*: at most FAULTS_MAX faults.

    None are found past the first NODES_MAX values, so an empty answer does not mean that there are none.

    Args:
        document: what `scan` read.
        annotation: the type it should be.
        forbid_unknown: whether fields that the type does not have are faults, at every depth.
    """
    return tuple(islice(_Listing(forbid_unknown=forbid_unknown).at(document, annotation, ROOT), FAULTS_MAX))


def known_part(node: Any, annotation: Any, path: str, unknown: list[Fault]) -> Any:
    """*node* without the fields that *annotation* does not know, at every depth; they are added to *unknown*."""
    if not isinstance(node, dict | list) or not holds_objects(annotation):
        return node
    found = fitting_member(node, annotation)
    shape = shape_of(found)
    if shape and isinstance(node, dict):
        return _known_fields(node, shape, path, unknown)
    arguments = get_args(found)
    if isinstance(node, dict) and len(arguments) > 1:
        return {key: known_part(item, arguments[1], at_key(path, key), unknown) for key, item in node.items()}
    if isinstance(node, list) and arguments:
        types = _item_types(found, len(node))
        return [known_part(item, types[index], at_index(path, index), unknown) for index, item in enumerate(node)]
    return node


def _known_fields(node: dict[str, Any], shape: Shape, path: str, unknown: list[Fault]) -> dict[str, Any]:
    types = {field.wire_name: field.type for field in shape.fields}
    unknown.extend(_unknown_fields(node, shape, path))
    tag = shape.tag[0] if shape.tag else None
    return {
        key: known_part(item, types[key], at_key(path, key), unknown) if key in types else item
        for key, item in node.items()
        if key in types or key == tag
    }


def fitting_member(node: Any, annotation: Any) -> Any:
    """The member of a union that *node* must be meant as; Any when that cannot be told."""
    candidates = [each for each in members(annotation) if _could_be(node, each)]
    return candidates[0] if len(candidates) == 1 else Any


def _could_be(node: Any, annotation: Any) -> bool:
    shape, origin = shape_of(annotation), get_origin(annotation) or annotation
    if isinstance(node, dict):
        if shape is None:
            return _is_kind(origin, Mapping)
        return shape.tag is None or node.get(shape.tag[0], shape.tag[1]) == shape.tag[1]
    is_listing = _is_kind(origin, Collection) and not _is_kind(origin, (str, bytes, bytearray, Mapping))
    if isinstance(node, list):
        return is_listing
    return (node is None) == (annotation is type(None)) and not (is_listing or shape)


def _is_kind(origin: Any, kinds: type | tuple[type, ...]) -> bool:
    return isinstance(origin, type) and issubclass(origin, kinds)


class _Listing:
    """Walks a document and its type together."""

    def __init__(self, *, forbid_unknown: bool) -> None:
        self._forbid_unknown = forbid_unknown
        self._left = NODES_MAX

    def at(self, node: Any, annotation: Any, path: str) -> Iterator[Fault]:
        self._left -= 1
        if self._left < 0:
            return
        sound = True
        for fault in self._inside(node, annotation, path):
            sound = False
            yield fault
        if sound and (_has_own_rules(annotation) or not self._is_open(node, annotation)):
            yield from _faults_of_whole(node, annotation, path)

    def _is_open(self, node: Any, annotation: Any) -> bool:
        found = fitting_member(node, annotation)
        return isinstance(node, dict | list) and bool(shape_of(found) or get_args(found))

    def _inside(self, node: Any, annotation: Any, path: str) -> Iterator[Fault]:
        if not isinstance(node, dict | list):
            return
        found = fitting_member(node, annotation)
        shape, arguments = shape_of(found), get_args(found)
        if isinstance(node, dict) and shape:
            yield from self._in_object(node, shape, path)
        elif isinstance(node, dict) and len(arguments) > 1:
            for key, item in node.items():
                yield from self._at_key(key, arguments[0], at_key(path, key))
                yield from self.at(item, arguments[1], at_key(path, key))
        elif isinstance(node, list) and arguments:
            for index, (item, each) in enumerate(zip(node, _item_types(found, len(node)), strict=False)):
                yield from self.at(item, each, at_index(path, index))

    def _in_object(self, node: dict[str, Any], shape: Shape, path: str) -> Iterator[Fault]:
        for field in shape.fields:
            where = at_key(path, field.wire_name)
            if field.wire_name in node:
                yield from self.at(node[field.wire_name], field.type, where)
            elif field.required:
                yield Fault(where, "required field is missing")
        if self._forbid_unknown:
            yield from _unknown_fields(node, shape, path)

    def _at_key(self, key: str, annotation: Any, path: str) -> Iterator[Fault]:
        try:
            msgspec.convert(key, annotation, strict=False)
        except (ValueError, TypeError) as error:
            yield Fault(path, f"key: {_plain(error)}")


def _unknown_fields(node: dict[str, Any], shape: Shape, path: str) -> Iterator[Fault]:
    known = {field.wire_name for field in shape.fields}
    tag = shape.tag[0] if shape.tag else None
    yield from (Fault(at_key(path, key), "unknown field") for key in node if key not in known and key != tag)


def _item_types(annotation: Any, length: int) -> list[Any]:
    arguments = get_args(annotation)
    if bare(get_origin(annotation)) is tuple and arguments[-1] is not ...:
        return [*arguments, *[Any] * (length - len(arguments))]
    return [arguments[0]] * length


def _has_own_rules(annotation: Any) -> bool:
    """Whether the parts being right does not yet make the whole right."""
    return get_origin(annotation) in (Annotated, tuple) or hasattr(bare(annotation), "__post_init__")


def _faults_of_whole(node: Any, annotation: Any, path: str) -> Iterator[Fault]:
    try:
        value = _decoder(annotation).decode(msgspec.json.encode(node))
    except (ValueError, TypeError, RecursionError) as error:
        yield Fault(path, _plain(error))
    else:
        if flaw := flaw_of(value):
            yield Fault(path, flaw)


@lru_cache(maxsize=1024)
def _decoder(annotation: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(annotation)


def fault_of_error(error: Exception) -> Fault:
    """The one fault that msgspec names; in its paths a key of a dict is `[...]`."""
    message, _, path = str(error).partition(" - at `")
    return Fault(path.rstrip("`") or ROOT, message)


def _plain(error: Exception) -> str:
    """The message without msgspec's own path, which is relative to a part."""
    return fault_of_error(error).message
