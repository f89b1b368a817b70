"""What a message class declares beside its fields, and the one metaclass that takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec


class Declaration(NamedTuple):
    """The class keywords of a message, aggregate or view.

    `name` is the stable name that is stored; `version` the schema version, from 1;
    `key` the fields that name a stream or row; `options` what only one room reads.
    """

    name: str
    version: int
    key: tuple[str, ...]
    options: dict[str, Any]


OPTIONS = frozenset({"store", "route", "shards", "index", "snapshot_every", "fold_version"})


class MessageMeta(msgspec.StructMeta):
    """Takes twofold's class keywords off a Struct and keeps them as `__twofold__`; does nothing else."""

    __twofold__: Declaration

    def __new__(  # noqa: PYI034 - Self is not for metaclasses (PEP 673)
        mcs,
        cls_name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        name: str | None = None,
        version: int = 1,
        key: str | tuple[str, ...] = (),
        **keywords: Any,
    ) -> MessageMeta:
        """Make the Struct class; keywords that are not twofold's go on to msgspec."""
        options = {word: keywords.pop(word) for word in tuple(keywords) if word in OPTIONS}
        keywords.setdefault("kw_only", True)  # msgspec does not inherit it
        cls = super().__new__(mcs, cls_name, bases, namespace, **keywords)
        keys = (key,) if isinstance(key, str) else tuple(key)
        cls.__twofold__ = Declaration(name or cls_name, version, keys, options)
        return cls

    def __init__(
        cls,  # noqa: N805 - what a metaclass makes is a class
        cls_name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        **_: Any,
    ) -> None:
        """Swallow the keywords that __new__ has used."""
        super().__init__(cls_name, bases, namespace)


class TakesKeywords:
    """Tells type checkers the class keywords: msgspec's own stub knows only its own. At run time it is empty.

    The transforms stand on Command, View and so on, and not on the metaclass, since some are frozen and others not.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def __init_subclass__(  # noqa: PLR0913 - every class keyword there is
            cls,
            *,
            name: str | None = None,
            version: int = 1,
            key: str | tuple[str, ...] = (),
            route: str | None = None,
            store: str | None = None,
            shards: int = 1,
            index: str | tuple[str | tuple[str, ...], ...] | list[str | tuple[str, ...]] = (),
            snapshot_every: int | None = None,
            fold_version: int | None = None,
            **struct_options: Any,
        ) -> None: ...


def declaration(cls: type) -> Declaration:
    """What *cls* declares; plain dataclasses and pydantic models get their class name and version 1.

    Such classes may set `__twofold_name__` and `__twofold_version__` instead of class keywords.
    """
    found = cls.__dict__.get("__twofold__")
    if found is not None:
        return cast("Declaration", found)
    name = cls.__dict__.get("__twofold_name__", cls.__name__)
    return Declaration(name, cls.__dict__.get("__twofold_version__", 1), (), {})
