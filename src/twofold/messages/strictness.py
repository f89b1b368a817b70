"""Compiled checks that a document has no fields its type does not know, at any depth.

msgspec refuses unknown fields only of Structs that forbid them; a command refuses them in all it contains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args, get_origin

from twofold.messages.shape import Shape, holds_objects, members, shape_of

Check = Callable[[Any], bool]
"""Whether a document of plain JSON values, which its type can be decoded from, has known fields only."""


def only_known(annotation: Any) -> Check:
    """The check of documents that are to be an *annotation*."""
    return _Compiler().check(annotation)


def _always(_node: Any) -> bool:
    return True


class _Compiler:
    """Compiles one type; remembers object types, so that a type may contain itself."""

    def __init__(self) -> None:
        self._objects: dict[Any, Check] = {}

    def check(self, annotation: Any) -> Check:
        if not holds_objects(annotation):
            return _always
        alternatives = [each for each in members(annotation) if holds_objects(each)]
        return self._one(alternatives[0]) if len(alternatives) == 1 else self._union(alternatives)

    def _one(self, annotation: Any) -> Check:
        shape = shape_of(annotation)
        inner = self._object(annotation, shape) if shape else self._container(annotation)
        kind = dict if shape or issubclass(get_origin(annotation), Mapping) else list
        return lambda node: not isinstance(node, kind) or inner(node)

    def _union(self, alternatives: Sequence[Any]) -> Check:
        tagged = {shape.tag: self._one(each) for each in alternatives if (shape := shape_of(each))}
        others = [self._one(each) for each in alternatives if shape_of(each) is None]

        def check(node: Any) -> bool:
            if isinstance(node, dict):
                fitting = [known for tag, known in tagged.items() if tag is None or node.get(tag[0], tag[1]) == tag[1]]
                return all(known(node) for known in fitting[:1] or others)
            return all(known(node) for known in others)

        return check

    def _object(self, annotation: Any, shape: Shape) -> Check:
        if annotation not in self._objects:
            self._objects[annotation] = self._later(annotation)
            self._objects[annotation] = self._fields(shape)
        return self._objects[annotation]

    def _later(self, annotation: Any) -> Check:
        """The check of a type that is still being compiled, since it contains itself."""

        def check(node: Any) -> bool:
            return self._objects[annotation](node)

        return check

    def _fields(self, shape: Shape) -> Check:
        names = {field.wire_name for field in shape.fields} | set(shape.tag[:1] if shape.tag else ())
        inner = [(field.wire_name, self.check(field.type)) for field in shape.fields if holds_objects(field.type)]

        def check(node: Any) -> bool:
            return node.keys() <= names and all(known(node[name]) for name, known in inner if name in node)

        return check

    def _container(self, annotation: Any) -> Check:
        arguments = get_args(annotation)
        if issubclass(get_origin(annotation), Mapping):
            item = self.check(arguments[1])
            return lambda node: all(map(item, node.values()))
        if get_origin(annotation) is tuple and arguments[-1] is not ...:
            items = [self.check(each) for each in arguments]
            return lambda node: all(known(each) for known, each in zip(items, node, strict=False))
        item = self.check(arguments[0])
        return lambda node: all(map(item, node))
