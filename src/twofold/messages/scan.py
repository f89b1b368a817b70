"""The strict reading of JSON at a door: what msgspec lets pass is refused here, with its path."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

import msgspec

from twofold.errors import Fault, MalformedError
from twofold.messages.bounds import DEPTH_MAX, DIGITS_MAX, flaw_of_text, shallow_bytes
from twofold.messages.paths import ROOT, at_index, at_key

_SURROGATE = re.compile(rb"\\ud[89a-f]", re.IGNORECASE)


class Scanned(NamedTuple):
    """A document of plain Python values, and the faults that no type could excuse.

    A number with a point or exponent is a `msgspec.Raw`: it keeps its digits as they were written.
    """

    document: Any
    faults: tuple[Fault, ...]


class _Suspect(Exception):  # noqa: N818 - a signal inside this module, not an error
    """The quick reading met a repeated key or a long number; the careful one finds out where."""


class _Repeating(dict[str, Any]):
    """An object with repeated keys."""

    repeated: tuple[str, ...] = ()


class _TooLong(str):
    """A number with too many digits."""

    __slots__ = ()


def scan(data: bytes) -> Scanned:
    """Read *data* strictly.

    Raises MalformedError when it is not one UTF-8 JSON document without a byte order mark, or is
    nested too deeply.
    """
    text = _text(data)
    try:
        document = _read(_QUICK, text)
    except _Suspect:
        return _careful(text)
    plain = b"\\u0000" not in data and not _SURROGATE.search(data)
    shallow = shallow_bytes(data) or _is_shallow(document)
    return Scanned(document, ()) if plain and shallow else _careful(text)


def _is_shallow(document: Any) -> bool:
    level = [document] if isinstance(document, dict | list) else []
    for _ in range(DEPTH_MAX):
        parts = (each.values() if isinstance(each, dict) else each for each in level)
        level = [item for part in parts for item in part if isinstance(item, dict | list)]
    return not level


def _careful(text: str) -> Scanned:
    document = _read(_CAREFUL, text)
    return Scanned(document, tuple(_content_faults(document, ROOT, 1)))


def _text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise MalformedError(f"not UTF-8: {error.reason} at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise MalformedError("a byte order mark stands before the JSON document")
    return text


def _read(decoder: json.JSONDecoder, text: str) -> Any:
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedError(f"not JSON: {error}") from None
    except RecursionError:
        raise MalformedError(f"nested deeper than {DEPTH_MAX}") from None


def _content_faults(node: Any, path: str, depth: int) -> Iterator[Fault]:
    if isinstance(node, _TooLong):
        yield Fault(path, f"number must have at most {DIGITS_MAX} digits")
    elif isinstance(node, str) and (flaw := flaw_of_text(node)):
        yield Fault(path, flaw)
    elif isinstance(node, dict | list):
        if depth > DEPTH_MAX:
            raise MalformedError(f"nested deeper than {DEPTH_MAX}")
        yield from _faults_inside(node, path, depth)


def _faults_inside(node: dict[str, Any] | list[Any], path: str, depth: int) -> Iterator[Fault]:
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _content_faults(item, at_index(path, index), depth + 1)
        return
    if isinstance(node, _Repeating):
        yield from (Fault(at_key(path, key), "key appears more than once") for key in node.repeated)
    for key, item in node.items():
        if flaw := flaw_of_text(key):
            yield Fault(at_key(path, key), flaw)
        yield from _content_faults(item, at_key(path, key), depth + 1)


# --- the two decoders ---------------------------------------------------------------------


def _quick_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Suspect
    return found


def _careful_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = _Repeating(pairs)
    if len(found) != len(pairs):
        found.repeated = tuple(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
    return found


def _quick_int(text: str) -> int:
    if len(text) > DIGITS_MAX:
        raise _Suspect
    return int(text)


def _careful_int(text: str) -> int | _TooLong:
    return _TooLong(text) if len(text.lstrip("-")) > DIGITS_MAX else int(text)


def _quick_fraction(text: str) -> msgspec.Raw:
    if len(text) > DIGITS_MAX:
        raise _Suspect
    return msgspec.Raw(text)


def _careful_fraction(text: str) -> msgspec.Raw | _TooLong:
    digits = sum(map(str.isdigit, re.split("[eE]", text)[0]))
    return _TooLong(text) if digits > DIGITS_MAX else msgspec.Raw(text)


def _no_constant(name: str) -> NoReturn:
    raise MalformedError(f"not JSON: {name} is no number")


_QUICK = json.JSONDecoder(
    object_pairs_hook=_quick_object, parse_int=_quick_int, parse_float=_quick_fraction, parse_constant=_no_constant
)
_CAREFUL = json.JSONDecoder(
    object_pairs_hook=_careful_object,
    parse_int=_careful_int,
    parse_float=_careful_fraction,
    parse_constant=_no_constant,
)
