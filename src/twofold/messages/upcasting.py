"""Old events read as today's: pure functions from one schema version to the next, in a chain."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import msgspec

from twofold.errors import UnknownTypeError, UnreadableError, UpcastError
from twofold.messages.likeness import faults_in
from twofold.messages.message_types import MessageType

Document = dict[str, Any]
F = TypeVar("F", bound=Callable[[Any], Any])
_MARK = "__twofold_upcasts__"


class Upcaster(NamedTuple):
    """One step: the stored name and version it starts from, the name of what it gives (one version on), and how."""

    name: str
    from_version: int
    to: str
    function: Callable[[Document], Document]


def upcasts(name: str, from_version: int, *, to: str | None = None) -> Callable[[F], F]:
    """Mark a pure function `(document: dict) -> dict` from *from_version* of an event to the next version.

    Args:
        name: the stable name the event was stored under.
        from_version: the schema version it was stored with, from 1.
        to: the event's new name, if it was renamed.
    """

    def mark(function: F) -> F:
        steps = (*getattr(function, _MARK, ()), Upcaster(name, from_version, to or name, function))
        setattr(function, _MARK, steps)
        return function

    return mark


def upcasters_of(functions: Iterable[Callable[..., Any]]) -> tuple[Upcaster, ...]:
    """The steps that the decorated *functions* declare. Raises TypeError for a function without the mark."""
    found: list[Upcaster] = []
    for function in functions:
        steps = getattr(function, _MARK, ())
        if not steps:
            raise TypeError(f"{getattr(function, '__qualname__', function)!r} is not decorated with @upcasts")
        found.extend(steps)
    return tuple(found)


class EventReader:
    """Decodes stored events of any known name and schema version into today's classes."""

    def __init__(self, types: Iterable[MessageType], upcasters: Iterable[Upcaster] = ()) -> None:
        self._types = {each.name: each for each in types}
        self._decoders: dict[tuple[str, int], Callable[[bytes], Any]] = {
            (each.name, each.version): each.codec.decode for each in self._types.values()
        }
        self._steps: dict[tuple[str, int], Upcaster] = {}
        self._faults: list[str] = []
        for step in upcasters:
            self._add(step)
        for start in self._steps:
            self._link(start)

    def _add(self, step: Upcaster) -> None:
        start = step.name, step.from_version
        if start in self._steps:
            self._faults.append(f"two upcasters start from {_words(*start)}")
        elif start in self._decoders:
            self._faults.append(f"an upcaster starts from {_words(*start)}, which is the current version")
        else:
            self._steps[start] = step

    def _link(self, start: tuple[str, int]) -> None:
        """Build the decoder of one old version, or note why there is none."""
        chain: list[Upcaster] = []
        here = start
        while (step := self._steps.get(here)) is not None:
            chain.append(step)
            here = step.to, step.from_version + 1
        if here in self._decoders and here[0] in self._types and self._types[here[0]].version == here[1]:
            self._decoders[start] = _through(chain, self._types[here[0]])
        else:
            self._faults.append(f"no upcaster leads on from {_words(*here)} (reached from {_words(*start)})")

    def faults(self) -> list[str]:
        """What is wrong with the chains: missing steps, two steps from one version, versions nothing leads on from."""
        missing = [
            f"no upcaster starts from {_words(name, version)}; {name} goes up to version {top}"
            for name, top in self._newest_versions().items()
            for version in range(self._oldest_version(name), top)
            if (name, version) not in self._steps
        ]
        return [*self._faults, *missing]

    def _newest_versions(self) -> dict[str, int]:
        """The newest version stored under each name: of a name given up, the one it was given up at."""
        newest = {each.name: each.version for each in self._types.values()}
        for step in self._steps.values():
            if step.name not in self._types:
                newest[step.name] = max(newest.get(step.name, 1), step.from_version)
        return newest

    def _oldest_version(self, name: str) -> int:
        """The first version stored under *name*: not 1 where it took the place of another name later."""
        renames = [step.from_version + 1 for step in self._steps.values() if step.to == name != step.name]
        return min(renames, default=1)

    def decode(self, name: str, version: int, data: bytes) -> Any:
        """The event that was stored as *data* under *name* and schema *version*, as today's class.

        Raises:
            UnknownTypeError: no class or chain of upcasters for that name and version.
            UpcastError: an upcaster raised, or what it gave is not a valid event.
            UnreadableError: the bytes are not an event of that type.
        """
        try:
            decoder = self._decoders[name, version]
        except KeyError:
            raise self._unknown(name, version) from None
        return decoder(data)

    def decoder(self, name: str, version: int) -> Callable[[bytes], Any]:
        """The decoder that `decode` uses, to be bound once for many events. Raises UnknownTypeError."""
        try:
            return self._decoders[name, version]
        except KeyError:
            raise self._unknown(name, version) from None

    def _unknown(self, name: str, version: int) -> UnknownTypeError:
        known = self._types.get(name)
        if known is None:
            return UnknownTypeError(f"no event is called {name!r} (stored with schema version {version})")
        if version > known.version:
            return UnknownTypeError(
                f"{name} is stored with schema version {version}; this code knows versions up to {known.version}"
            )
        return UnknownTypeError(f"no upcaster starts from {_words(name, version)}; this code is at {known.version}")


def _through(chain: list[Upcaster], target: MessageType) -> Callable[[bytes], Any]:
    def decode(data: bytes) -> Any:
        document = _document(data)
        for step in chain:
            document = _stepped(step, document)
        return _decoded(document, chain[0], target)

    return decode


def _decoded(document: Document, first: Upcaster, target: MessageType) -> Any:
    what = f"{_words(first.name, first.from_version)} upcast to {_words(target.name, target.version)}"
    if faults := faults_in(document):
        raise UpcastError(f"{what}: {faults[0].path}: {faults[0].message}")
    try:
        return target.codec.decode(msgspec.json.encode(document))
    except (UnreadableError, ValueError, TypeError) as error:
        raise UpcastError(f"{what}: {error}") from error


def _document(data: bytes) -> Document:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"a stored event cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise UnreadableError("a stored event is not a JSON object")
    return document


def _stepped(step: Upcaster, document: Document) -> Document:
    try:
        result = step.function(document)
    except Exception as error:
        raise UpcastError(f"the upcaster of {_words(step.name, step.from_version)} raised {error!r}") from error
    if not isinstance(result, dict):
        raise UpcastError(f"the upcaster of {_words(step.name, step.from_version)} gave no dict but {result!r}")
    return result


def _words(name: str, version: int) -> str:
    return f"{name} version {version}"
