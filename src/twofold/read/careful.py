"""Rows that an event failed on, folded a second time: from what is stored, event by event, on copies."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import msgspec

from twofold.errors import TwofoldError
from twofold.read.plan import Fold, Load, Plan, RowFailed, Slot, Step, change_of, check_gone
from twofold.read.view import ViewDefinition
from twofold.read.view_store import Key, Kind, RowChange, StoredRow


class CarefulFolder:
    """Finds out at which event exactly a row of a view gets stuck, if it does."""

    def __init__(self, definition: ViewDefinition[Any]) -> None:
        self._definition = definition
        self._nested = [column.name for column in definition.table.columns if column.kind is Kind.JSON]

    async def again(self, plan: Plan, load: Load) -> tuple[list[RowChange], list[RowFailed]]:
        """The failing rows of *plan*: how far they come, and those that get stuck again, by position."""
        changes: list[RowChange] = []
        failed: list[RowFailed] = []
        steps = plan.steps_of(plan.failing)
        rows = await _read(list(plan.failing), load)
        for key, slot in plan.failing.items():
            slot.row, slot.position = None, 0
            stuck = self._carefully(slot, rows.get(key), steps[key])
            if stuck is not None:
                failed.append(stuck)
            if slot.touched:
                changes.append(change_of(self._definition, slot))
            await asyncio.sleep(0)
        return changes, sorted(failed, key=lambda each: each.event.position)

    def _carefully(self, slot: Slot, stored: StoredRow | Exception | None, steps: Sequence[Step]) -> RowFailed | None:
        """Fold *steps* into the row as far as it goes: after each of them it could be stored."""
        if isinstance(stored, StoredRow):
            slot.position = stored.position
        for place, (recorded, event, fold, _) in enumerate(steps):
            if recorded.position <= slot.position:
                continue
            before = slot.row
            try:
                self._one(slot, stored, event, fold)
            except Exception as error:  # noqa: BLE001 - told by whoever parks the row
                slot.row = before
                return RowFailed(slot.key, recorded, error, [step[0].position for step in steps[place:]])
            slot.position, slot.touched = recorded.position, True
        return None

    def _one(self, slot: Slot, stored: StoredRow | Exception | None, event: Any, fold: Fold) -> None:
        """Fold one event into a copy of the row, which becomes the row once it could be stored."""
        if isinstance(stored, Exception):
            raise stored
        row = deepcopy(slot.row)
        if row is None and stored is not None and not slot.touched:
            row = self._definition.row(stored.values)
        elif row is None:
            row = self._definition.new_row(slot.key)
        result = fold(row, event)
        if result is not None:
            check_gone(result)
        slot.row = row if result is None else None
        self._encoded(change_of(self._definition, slot))

    def _encoded(self, change: RowChange) -> None:
        """Raises when a nested value cannot be stored."""
        if change.values is not None:
            for name in self._nested:
                msgspec.json.encode(change.values[name])


async def _read(keys: Sequence[Key], load: Load) -> Mapping[Key, StoredRow | Exception]:
    """The rows with those keys, and of those that cannot be read the reason."""
    try:
        return await load(keys)
    except TwofoldError:
        raise
    except Exception as error:  # noqa: BLE001 - belongs to one of the rows
        if len(keys) == 1:
            return {keys[0]: error}
    found: dict[Key, StoredRow | Exception] = {}
    for key in keys:
        found |= await _read([key], load)
    return found
