"""Rows folded afresh from events, away from any store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from twofold.event_store.recorded_event import RecordedEvent
from twofold.read.batch import EventFailedError, Events, Folder
from twofold.read.lookups import Sheets
from twofold.read.view import ViewDefinition
from twofold.read.view_store import Key, Kind, RowChange, StoredRow


class Refold:
    """The rows with certain keys, of which pages of events are folded; between pages they are as a store keeps them.

    Args:
        definition: the view whose folds are used.
        keys: the rows that are wanted, by stored key; memory holds these and no others.
        reader: decodes events.
    """

    def __init__(self, definition: ViewDefinition[Any], keys: Iterable[Key], reader: Events) -> None:
        self.failed: dict[Key, Exception] = {}
        self._definition = definition
        self._keys = set(keys)
        self._rows: dict[Key, StoredRow] = {}
        self._folder = Folder(definition, reader)
        self._lookups = Sheets.whole(definition, self._keys) if definition.lookups else None

    def row(self, key: Key) -> StoredRow | None:
        """The row as it is now, or None."""
        return self._rows.get(key)

    def forget(self, keys: Iterable[Key]) -> None:
        """Fold these rows no further."""
        for key in keys:
            self._keys.discard(key)
            self._rows.pop(key, None)

    async def fold(self, events: Sequence[RecordedEvent]) -> None:
        """Fold what of *events*, which follow on those before, touches the rows.

        Raises EventFailedError, with nothing of *events* folded.
        """
        folded = await self._folder.fold(events, 0, self._load, only=self._keys, lookups=self._lookups)
        for row in folded.failed:
            raise EventFailedError(row.event, row.cause) from row.cause
        self._keep(folded.changes)

    async def fold_what_can_be(self, events: Sequence[RecordedEvent]) -> None:
        """As `fold`, but a row on which an event fails is forgotten, with the error in `failed`; the others go on.

        Raises EventFailedError for an event of which it is not known which rows it touches.
        """
        folded = await self._folder.fold(events, 0, self._load, only=self._keys, lookups=self._lookups)
        self._keep(folded.changes)
        for row in folded.failed:
            self.failed[row.key] = row.cause
            self.forget((row.key,))

    def _keep(self, changes: Iterable[RowChange]) -> None:
        for change in changes:
            if change.values is None:
                self._rows.pop(change.key, None)
            else:
                self._rows[change.key] = StoredRow(_as_stored(self._definition, change.values), change.position)

    async def _load(self, keys: Sequence[Key]) -> dict[Key, StoredRow]:
        return {key: self._rows[key] for key in keys if key in self._rows}


def _as_stored(definition: ViewDefinition[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(values)
    for column in definition.columns.values():
        value = kept[column.name]
        if value is not None and column.kind is Kind.JSON:
            kept[column.name] = msgspec.json.decode(msgspec.json.encode(value), type=column.type)
        elif isinstance(value, datetime):
            kept[column.name] = value.astimezone(UTC)
    return kept
