"""What tells one version of a view's rule from another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

from twofold.messages.declaration import declaration
from twofold.messages.fingerprint import fingerprint
from twofold.read.view_store import Column


def code_mark(cls: type, columns: Sequence[Column], key: Sequence[str], upcasters: Sequence[Callable[..., Any]]) -> str:
    """The fingerprint of a view: of its columns and of its code, or of the version that it declares instead."""
    declared = declaration(cls)
    pinned = declared.options.get("fold_version", declared.version if declared.version > 1 else None)
    shape = [(column.name, column.kind.value, column.optional) for column in columns]
    code = f"version {pinned}" if pinned is not None else fingerprint(cls, *upcasters)
    return blake2b(repr((shape, tuple(key), code)).encode(), digest_size=16).hexdigest()
