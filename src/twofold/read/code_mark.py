"""What tells one version of a view's rule from another, and says in words where two differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from twofold.messages.declaration import declaration
from twofold.messages.fingerprint import covered, fingerprint
from twofold.read.view_store import Column

Recipe = tuple[tuple[str, str], ...]
_CODE = "code "


def code_mark(
    cls: type,
    columns: Sequence[Column],
    key: Sequence[str],
    functions: Sequence[Callable[..., Any]],
    spread: str = "",
    lookups: Sequence[tuple[str, str]] = (),
) -> str:
    """The fingerprint of a view: of its columns, of its code or the version that it declares instead (*functions* are
    the upcasters and what else it uses), of how its rows are spread, where they are (`Spread.mark`), and of what it
    looks up.
    """
    pinned = _pinned(cls)
    shape = [(column.name, column.kind.value, column.optional) for column in columns]
    code = f"version {pinned}" if pinned is not None else fingerprint(cls, *functions)
    parts = (shape, tuple(key), code, *filter(None, (spread, sorted(lookups))))
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def recipe_of(
    cls: type,
    columns: Sequence[Column],
    key: Sequence[str],
    functions: Sequence[Callable[..., Any]],
    spread: str = "",
    lookups: Sequence[tuple[str, str]] = (),
) -> Recipe:
    """The parts that `code_mark` is made from: key, fields, and each piece of code by its name."""
    parts = {"key": ", ".join(key)} | ({"spread": spread} if spread else {})
    for column in columns:
        parts[f"field {column.name}"] = f"{column.kind.value}{' or none' if column.optional else ''}"
    pinned = _pinned(cls)
    if pinned is not None:
        parts["version"] = str(pinned)
    else:
        for name, text in sorted(covered(cls, *functions)):
            digest = blake2b(text.encode(errors="backslashreplace"), digest_size=4).hexdigest()
            parts[_CODE + name] = " ".join(filter(None, (parts.get(_CODE + name), digest)))
    parts |= {_CODE + name: blake2b(text.encode(), digest_size=4).hexdigest() for name, text in lookups}
    return tuple(sorted(parts.items()))


def differences(built: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What has changed since a generation was built, as sentences: "field owner is new", "AccountPage.opened changed".

    Args:
        built: the recipe it was built with; empty when the store does not know.
        now: the recipe of the code that runs.
    """
    return list(_differences(built, now)) if built else ["it was built before recipes were kept"]


def _differences(built: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(built.keys() | now.keys()):
        before, after, shown = built.get(name), now.get(name), name.removeprefix(_CODE)
        if before == after:
            continue
        if before is None:
            yield f"{shown} is new"
        elif after is None:
            yield f"{shown} is gone"
        else:
            yield f"{shown} changed" if name.startswith(_CODE) else f"{shown} was {before}, now {after}"


def _pinned(cls: type) -> int | None:
    declared = declaration(cls)
    found = declared.options.get("fold_version", declared.version if declared.version > 1 else None)
    return None if found is None else int(found)
