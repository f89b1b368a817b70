"""Messages to JSON bytes and back, strictly: whatever is let in can be written, read again, and is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Generic, Literal, TypeVar

import msgspec

from twofold.errors import Fault, InvalidMessageError, MalformedError, TooLargeError, UnreadableError
from twofold.messages.bounds import BYTES_MAX, DEPTH_MAX, plain_bytes, shallow_bytes
from twofold.messages.declaration import declaration
from twofold.messages.faults import fault_of_error, faults_of, known_part
from twofold.messages.foreign import is_pydantic, pydantic_decoder, pydantic_encode, pydantic_faults
from twofold.messages.likeness import differences, faults_in
from twofold.messages.paths import ROOT
from twofold.messages.scan import Scanned, scan
from twofold.messages.shape import holds_sets, is_strict_throughout, nests_freely
from twofold.messages.soundness import always, check_for
from twofold.messages.strictness import only_known

T = TypeVar("T")
Kind = Literal["command", "event", "query"]

_REFUSALS = (ValueError, TypeError, ArithmeticError, AttributeError, RecursionError)


class Codec(Generic[T]):
    """Reads and writes one message type. Stateless after construction; safe to share.

    `validate`, `encode`, `read` and `decode` are plain callables, made once, for callers to bind:

    - `validate(message) -> (copy, data)`: the way in for code. Encodes, decodes strictly and compares;
      answers the decoded copy and the bytes. InvalidMessageError when the message would not come back the same.
    - `encode(message) -> data`: the bytes of `validate` alone.
    - `read(data) -> message`: the way in for bytes at a door. MalformedError when they are no strict JSON,
      InvalidMessageError with every fault, TooLargeError past `bytes_max`.
    - `decode(data) -> message`: for bytes that a store kept. Events tolerate unknown fields. UnreadableError.
    """

    __slots__ = ("cls", "decode", "encode", "kind", "name", "read", "validate")

    def __init__(self, cls: type[T], kind: Kind, *, bytes_max: int = BYTES_MAX) -> None:
        self.cls = cls
        self.kind = kind
        self.name = declaration(cls).name
        raw = _raw(cls, kind)
        refusal = _Refusal(cls, self.name, raw, forbid_unknown=kind != "event")
        self.validate: Callable[[T], tuple[T, bytes]] = _validator(raw, refusal)
        self.encode: Callable[[T], bytes] = _bytes_only(self.validate)
        self.read: Callable[[bytes], T] = _reader(raw, refusal, bytes_max)
        self.decode: Callable[[bytes], T] = _store_decoder(raw, refusal)

    def __repr__(self) -> str:
        return f"Codec({self.kind} {self.name})"


def codec_for(cls: type[T], *, kind: Kind, bytes_max: int = BYTES_MAX) -> Codec[T]:
    """The codec of *cls*: a Struct, a dataclass or a pydantic model.

    Args:
        cls: the message class.
        kind: commands and queries refuse unknown fields at every depth, events tolerate them.
        bytes_max: the largest input that `read` takes, in bytes.

    Raises TypeError when msgspec cannot build a decoder for the class's fields.
    """
    return Codec(cls, kind, bytes_max=bytes_max)


class _Raw(msgspec.Struct, frozen=True):
    """The bare functions that a codec is made of."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    check: Callable[[Any], bool]
    plain: Callable[[bytes], bool]
    only_known: Callable[[Any], bool]
    foreign: bool


def _raw(cls: type[Any], kind: Kind) -> _Raw:
    if is_pydantic(cls):
        decode = pydantic_decoder(cls, forbid_unknown=kind != "event")
        return _Raw(pydantic_encode, decode, _walked, plain_bytes, always, foreign=True)
    return _Raw(
        _encode_in_order if holds_sets(cls) else _encoder.encode,
        msgspec.json.Decoder(cls).decode,
        check_for(cls) or always,
        _plain_and_shallow if nests_freely(cls) else plain_bytes,
        always if kind == "event" or is_strict_throughout(cls) else only_known(cls),
        foreign=False,
    )


_encoder = msgspec.json.Encoder()


def _encode_in_order(message: Any) -> bytes:
    """For types that hold sets: equal messages give equal bytes, in every process."""
    return _encoder.encode(msgspec.to_builtins(message, str_keys=True, order="deterministic"))


def _plain_and_shallow(data: bytes) -> bool:
    return plain_bytes(data) and shallow_bytes(data)


def _walked(message: Any) -> bool:
    return not faults_in(message)


# --- the quick ways -----------------------------------------------------------------------


def _validator(raw: _Raw, refusal: _Refusal) -> Callable[[Any], tuple[Any, bytes]]:
    encode, decode, check, plain = raw.encode, raw.decode, raw.check, raw.plain

    def validate(message: Any) -> tuple[Any, bytes]:
        try:
            data = encode(message)
            copy = decode(data)
            sound = copy == message and plain(data) and check(message)
        except _REFUSALS as error:
            raise refusal.of_message(message, error) from None
        return (copy, data) if sound else refusal.unless_sound(message, copy, data)

    return validate


def _bytes_only(validate: Callable[[Any], tuple[Any, bytes]]) -> Callable[[Any], bytes]:
    return lambda message: validate(message)[1]


def _reader(raw: _Raw, refusal: _Refusal, bytes_max: int) -> Callable[[bytes], Any]:
    quick = _canonical_reader(raw)

    def read(data: bytes) -> Any:
        if len(data) > bytes_max:
            raise TooLargeError(f"{len(data)} bytes are more than the {bytes_max} allowed")
        if (canonical := quick(data)) is not None:
            return canonical
        scanned = scan(data)
        if scanned.faults:
            raise refusal.of_document(scanned, None)
        try:
            message = raw.decode(data)
        except _REFUSALS as error:
            raise refusal.of_document(scanned, error) from None
        sound = raw.check(message) and (plain_bytes(data) or not faults_in(message))
        if not sound or not raw.only_known(scanned.document):
            raise refusal.of_document(scanned, None, message)
        return message

    return read


def _canonical_reader(raw: _Raw) -> Callable[[bytes], Any | None]:
    """Reads bytes that are what `encode` would have written, but for spaces; answers None for all others.

    Such bytes need no scan: a repeated key, or anything else that decoding drops, would not be written again.
    """
    encode, decode, check = raw.encode, raw.decode, raw.check

    def quick(data: bytes) -> Any | None:
        try:
            message = decode(data)
            is_same = encode(message).replace(b" ", b"") == data.replace(b" ", b"")
        except _REFUSALS:
            return None
        is_shallow = data.count(b"[") + data.count(b"{") <= DEPTH_MAX
        return message if is_same and is_shallow and plain_bytes(data) and check(message) else None

    return quick


def _store_decoder(raw: _Raw, refusal: _Refusal) -> Callable[[bytes], Any]:
    bare, check = raw.decode, raw.check

    def decode(data: bytes) -> Any:
        try:
            message = bare(data)
        except _REFUSALS as error:
            message = refusal.of_stored(data, error)
        if not check(message):
            raise UnreadableError(f"a stored {refusal.name} holds a value out of bounds: {data[:200]!r}")
        return message

    return decode


# --- the slow ways, once something is wrong -----------------------------------------------


class _Refusal:
    """Finds out what is wrong, and lists all of it."""

    def __init__(self, cls: type[Any], name: str, raw: _Raw, *, forbid_unknown: bool) -> None:
        self.name = name
        self._cls = cls
        self._raw = raw
        self._forbid_unknown = forbid_unknown

    def unless_sound(self, message: Any, copy: Any, data: bytes) -> tuple[Any, bytes]:
        """The pair that `validate` answers, when a suspicion proves wrong. Raises InvalidMessageError otherwise."""
        faults = _first_at_each_path(faults_in(message), differences(message, copy))
        if faults:
            raise InvalidMessageError(self.name, faults)
        return copy, data

    def of_message(self, message: Any, error: Exception) -> InvalidMessageError:
        """Why *message* could not be encoded and decoded."""
        if not isinstance(message, self._cls):
            expected = Fault(ROOT, f"Expected `{self._cls.__name__}`, got `{type(message).__name__}`")
            return InvalidMessageError(self.name, [expected])
        faults = _first_at_each_path(faults_in(message), self._faults_of_encoded(message))
        return InvalidMessageError(self.name, faults or self._faults_of_error(error))

    def _faults_of_encoded(self, message: Any) -> tuple[Fault, ...]:
        try:
            return self._faults_of_scanned(scan(self._raw.encode(message)))
        except (*_REFUSALS, MalformedError):
            return ()

    def of_document(self, scanned: Scanned, error: Exception | None, message: Any = None) -> InvalidMessageError:
        """Every fault of a document that was read at a door, and of the message it gave, if it gave one."""
        faults = _first_at_each_path(scanned.faults, faults_in(message), self._faults_of_scanned(scanned))
        return InvalidMessageError(self.name, faults or self._faults_of_error(error))

    def _faults_of_scanned(self, scanned: Scanned) -> tuple[Fault, ...]:
        if not self._raw.foreign:
            return faults_of(scanned.document, self._cls, forbid_unknown=self._forbid_unknown)
        try:
            self._raw.decode(msgspec.json.encode(scanned.document))
        except ValueError as error:
            return pydantic_faults(error)
        return ()

    def _faults_of_error(self, error: Exception | None) -> tuple[Fault, ...]:
        if isinstance(error, ValueError) and self._raw.foreign:
            return pydantic_faults(error)
        return (fault_of_error(error) if error else Fault(ROOT, "unknown fields, too far inside to be listed"),)

    def of_stored(self, data: bytes, error: Exception) -> Any:
        """The event without the fields that its types do not know. Raises UnreadableError when that is not it."""
        try:
            unknown: list[Fault] = []
            known = known_part(scan(data).document, self._cls, ROOT, unknown)
            if unknown and not self._forbid_unknown and not self._raw.foreign:
                return self._raw.decode(msgspec.json.encode(known))
        except (*_REFUSALS, MalformedError) as second:
            error = second
        raise UnreadableError(f"a stored {self.name} cannot be read: {error}") from error


def _first_at_each_path(*listings: Iterable[Fault]) -> tuple[Fault, ...]:
    found: dict[str, Fault] = {}
    for fault in chain(*listings):
        found.setdefault(fault.path, fault)
    return tuple(found.values())
