"""The three things that travel: commands, events and queries."""

from __future__ import annotations

from typing import Generic, TypeVar, dataclass_transform

import msgspec

from twofold.messages.declaration import MessageMeta, TakesKeywords

R = TypeVar("R", covariant=True)  # noqa: PLC0105 - the README's word for an answer


@dataclass_transform(field_specifiers=(msgspec.field,), kw_only_default=True, frozen_default=True)
class Command(
    TakesKeywords, msgspec.Struct, metaclass=MessageMeta, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """An intent, named in the imperative; it may be refused. Class keywords: `name`, `version`, `route`."""


@dataclass_transform(field_specifiers=(msgspec.field,), kw_only_default=True, frozen_default=True)
class Event(TakesKeywords, msgspec.Struct, metaclass=MessageMeta, frozen=True, kw_only=True):
    """A fact, named in the past tense; it is never changed. Class keywords: `name`, `version`."""


@dataclass_transform(field_specifiers=(msgspec.field,), kw_only_default=True, frozen_default=True)
class Query(
    TakesKeywords,
    msgspec.Struct,
    Generic[R],
    metaclass=MessageMeta,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
):
    """A question whose answer is an *R*; it changes nothing. Class keywords: `name`, `route`."""
