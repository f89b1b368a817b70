"""Which class a stable name stands for: an explicit table that an app fills, never a global one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from twofold.errors import UnknownNameError
from twofold.messages.codec import Codec, Kind, codec_for
from twofold.messages.declaration import declaration
from twofold.messages.foreign import is_pydantic, pydantic_schema

_NAME = re.compile(r"[\w.:-]{1,200}")


class MessageType(NamedTuple):
    """One registered message type: the class, its stable name and schema version, what it is, and its codec."""

    cls: type
    name: str
    version: int
    kind: Kind
    codec: Codec[Any]


class MessageTypes:
    """The message types of one app. Faults are collected in `faults`, to be reported together as a WiringError."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._by_class: dict[type, MessageType] = {}
        self._by_name: dict[str, MessageType] = {}

    def add(self, cls: type, kind: Kind) -> MessageType | None:
        """Register *cls*; the same class may be added again as the same kind.

        Answers None, and notes why in `faults`, when its name is taken or it cannot be encoded.
        """
        known = self._by_class.get(cls)
        if known is not None:
            return known if known.kind == kind else self._refused(f"{known.name} is a {known.kind}, and not a {kind}")
        declared = declaration(cls)
        if not _NAME.fullmatch(declared.name):
            return self._refused(f"{_place(cls)}: {declared.name!r} is no name: letters, digits, and - . _ : only")
        holder = self._by_name.get(declared.name)
        if holder is not None:
            return self._refused(f"two types are called {declared.name!r}: {_place(holder.cls)} and {_place(cls)}")
        if type(declared.version) is not int or declared.version < 1:
            return self._refused(f"{_place(cls)}: version must be a whole number from 1, not {declared.version!r}")
        try:
            codec: Codec[Any] = codec_for(cls, kind=kind)
        except (TypeError, NameError, ValueError) as error:
            return self._refused(f"{_place(cls)} cannot be a message: {error}")
        found = MessageType(cls, declared.name, declared.version, kind, codec)
        self._by_class[cls] = self._by_name[declared.name] = found
        return found

    def _refused(self, fault: str) -> MessageType | None:
        self.faults.append(fault)
        return None

    def of(self, cls: type) -> MessageType:
        """The type registered for *cls*. Raises UnknownNameError."""
        try:
            return self._by_class[cls]
        except KeyError:
            raise UnknownNameError("message type", cls.__name__, tuple(self._by_name)) from None

    def named(self, name: str, kind: Kind | None = None) -> MessageType:
        """The type of that stable *name*, and of *kind* if one is given. Raises UnknownNameError."""
        found = self._by_name.get(name)
        if found is None or kind not in (None, found.kind):
            known = [each.name for each in self if kind in (None, each.kind)]
            raise UnknownNameError(kind or "message type", name, known)
        return found

    def of_kind(self, kind: Kind) -> dict[str, MessageType]:
        """The types of *kind* by name, in the order they were added."""
        return {each.name: each for each in self if each.kind == kind}

    def __contains__(self, key: object) -> bool:
        """Whether a class, or a stable name, is registered."""
        return key in self._by_name if isinstance(key, str) else key in self._by_class

    def __iter__(self) -> Iterator[MessageType]:
        """Every registered type, in the order they were added."""
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def schema(
        self, names: Iterable[str] | None = None, *, ref_template: str = "#/components/schemas/{name}"
    ) -> dict[str, dict[str, Any]]:
        """JSON Schemas of the named types (all, if None) and of all they contain: component name to schema.

        A type's own component is called by its stable name. Raises UnknownNameError.
        """
        wanted = list(self) if names is None else [self.named(name) for name in names]
        native = [each for each in wanted if not is_pydantic(each.cls)]
        refs, components = msgspec.json.schema_components([each.cls for each in native], ref_template=ref_template)
        for each, ref in zip(native, refs, strict=True):
            if ref != {"$ref": ref_template.format(name=each.name)}:
                components[each.name] = ref
        for each in wanted:
            if is_pydantic(each.cls):
                components |= pydantic_schema(each.cls, each.name, ref_template)
        return components


def _place(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
