"""Compares the rows of a view with what their events fold to, while everything goes on."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from twofold.clock import Clock
from twofold.errors import TwofoldError
from twofold.event_store.store import EventStore
from twofold.read.batch import EventFailedError, place_of, words_of
from twofold.read.drift import Drift, differences, kind_of
from twofold.read.findings import Findings
from twofold.read.generations import FROM_POSITION, Generations, Kept
from twofold.read.key_scan import EventKeys, Keys, keys_of_log, keys_of_rows
from twofold.read.look import Look, Looker
from twofold.read.lookups import TooManyHeldError
from twofold.read.past import Past
from twofold.read.refold import Refold
from twofold.read.source import fault_of_mark
from twofold.read.view import ViewDefinition
from twofold.read.view_store import Generation, Key, ViewStore, built_by

AT_ONCE = 100
"""Rows that are looked at together where each is folded from its own streams."""
_LAST_TRIES = 5

Work = AsyncGenerator[int, None]
"""Gives the number of events of each piece of work, so that whoever drives it may rest in between."""


class ViewVerifier:
    """Verifies one view: the rows that its store has, and those that it ought to have since events name them.

    A row is compared with its events up to the checkpoint of its shard as it was when the row was read. One that moved
    meanwhile is looked at again, and what seems to differ is looked at twice, so live traffic raises no alarm.
    Parked rows are left out.

    Args:
        definition: the view.
        past: gives the events of rows.
        events: the log.
        store: where the rows are.
        clock: says when something was found.
        keys: how many rows are compared in one reading of the log, where all of it has to be read for them; memory
            holds them twice.
        rng: where a round begins; None: at the beginning.
    """

    def __init__(
        self,
        definition: ViewDefinition[Any],
        past: Past,
        events: EventStore,
        store: ViewStore,
        clock: Clock,
        *,
        keys: int = 5000,
        rng: random.Random | None = None,
    ) -> None:
        self.definition = definition
        self._past, self._events, self._store, self._clock = past, events, store, clock
        self._keys, self._rng = keys, rng
        self._looker = Looker(definition, store)
        self._again: dict[Key, None] = {}
        self._head = 0

    async def round(self, findings: Findings, most: int | None = None) -> Work:
        """Look at everything once, or at *most* rows and as many keys of events; *findings* are filled in."""
        generation = await self._generation(findings)
        if generation is None:
            return
        findings.begin(generation.number)
        self._again.clear()
        try:
            async for keys in self._batches(generation, findings, most):
                yield 0
                async for events in self._compare(generation, keys, findings):
                    yield events
        except EventFailedError as failed:
            if isinstance(failed.cause, TooManyHeldError):
                findings.refuse(str(failed.cause))
                return
            findings.fault = f"{place_of(failed.event)}: {words_of(failed.cause)}"
        except TwofoldError:
            if isinstance(self._store, Generations) and await self._kept(generation) is None:
                return  # it was dropped meanwhile, and its rows with it
            raise
        findings.end(len(self._again), self._clock.now_micros())

    async def _generation(self, findings: Findings) -> Generation | None:
        """The live generation, if this code can tell what its rows have to be."""
        table, shards = self.definition.table, self.definition.spread.shards
        generation = await self._store.open_generation(table, self._events.epoch, shards)
        if built_by(generation) != table.fingerprint:
            findings.refuse(f"generation {generation.number} was built by other code than this process runs")
            return None
        kept = await self._kept(generation)
        if kept is not None and kept.why.startswith(FROM_POSITION):
            findings.refuse(f"generation {generation.number} was built {kept.why} only")
            return None
        marks = [(await self._store.checkpoint(generation, shard)).mark for shard in range(generation.shards)]
        for mark in marks:
            fault = await fault_of_mark(self._events, mark)
            if fault is not None:
                findings.refuse(f"its checkpoint is of another log: {fault}")
                return None
        self._head = min(mark.position for mark in marks)
        return generation

    async def _kept(self, generation: Generation) -> Kept | None:
        """What the store says of it; None when it is not kept any more, and by a store that keeps but one."""
        if not isinstance(self._store, Generations):
            return None
        kept = await self._store.generations(generation.view)
        return next((each for each in kept if each.generation.number == generation.number), None)

    # --- which rows -----------------------------------------------------------------------

    async def _batches(self, generation: Generation, findings: Findings, most: int | None) -> Keys:
        """What drifted before; then rows and keys of events by turns; then what moved."""
        if findings.drifts:
            yield list(findings.drifts)
        keys = EventKeys(self.definition, self._past.reader)
        rng = None if self.definition.lookups else self._rng
        start = rng.randrange(self._head + 1) if rng is not None else 0
        key = await self._key_behind(start, keys) if start else None
        rows = keys_of_rows(self._store, self.definition, generation, key, self._at_once(most))
        named = keys_of_log(self._past, self.definition, start, self._head, keys)
        sources = [_first(rows, most), self._without_row(generation, _first(named, most))]
        while sources:
            source = sources.pop(0)
            batch = await anext(source, None)
            if batch is not None:
                sources.append(source)
                yield batch
        findings.fault = keys.fault
        for _ in range(_LAST_TRIES):
            moved, self._again = list(self._again), {}
            if moved:
                yield moved

    def _at_once(self, most: int | None) -> int:
        at_once = AT_ONCE if self._is_by_stream() else self._keys
        return at_once if most is None else min(at_once, most)

    def _is_by_stream(self) -> bool:
        return self._past.has_streams(self.definition)

    async def _key_behind(self, position: int, keys: EventKeys) -> Key | None:
        events = await anext(self._past.of_log(self.definition, position, self._head), None)
        return next(iter(keys.of(events or ())), None)

    async def _without_row(self, generation: Generation, named: Keys) -> Keys:
        """Of keys that events name those for which the store has no row."""
        missing: dict[Key, None] = {}
        async for keys in named:
            missing.update(dict.fromkeys(await self._looker.without_row(generation, keys)))
            if len(missing) < self._at_once(None):
                yield []
            else:
                yield list(missing)
                missing = {}
        yield list(missing)

    # --- are they what their events fold to -----------------------------------------------

    async def _compare(self, generation: Generation, keys: Sequence[Key], findings: Findings) -> Work:
        seen = await self._looker.look(generation, keys)
        findings.parked += seen.parked
        self._again.update(dict.fromkeys(seen.moved))
        for look in seen.looks:
            for key, why in look.broken.items():
                self._drifted(look, key, findings, kind="unreadable", why=why)
        work = self._by_streams if self._is_by_stream() else self._by_log
        async for events in work(seen.looks, findings):
            yield events

    async def _by_streams(self, looks: Sequence[Look], findings: Findings) -> Work:
        """Each row by itself, from its own streams."""
        for look in looks:
            for key in look.rows:
                refold = Refold(self.definition, (key,), self._past.reader)
                streams = self._past.streams(self.definition, key) or ()
                async for events in self._past.of_streams(streams, look.position):
                    await refold.fold_what_can_be(events)
                    yield len(events)
                await self._judge(look, key, refold, findings)

    async def _by_log(self, looks: Sequence[Look], findings: Findings) -> Work:
        """All rows together, in one reading of the log that stops at the position of each look."""
        wanted = [key for look in looks for key in look.rows]
        if not wanted:
            return
        refold, after = Refold(self.definition, wanted, self._past.reader), 0
        for look in sorted(looks, key=lambda look: look.position):
            async for events in self._past.of_log(self.definition, after, look.position):
                await refold.fold_what_can_be(events)
                yield len(events)
            after = look.position
            for key in look.rows:
                await self._judge(look, key, refold, findings)
            refold.forget(look.rows)

    async def _judge(self, look: Look, key: Key, refold: Refold, findings: Findings) -> None:
        stored, folded, error = look.rows[key], refold.row(key), refold.failed.get(key)
        fields = tuple(differences(self.definition, stored, folded, look.most))
        if error is None and not fields:
            findings.note(key, None)
        elif not await self._looker.is_still(look, key):
            self._again[key] = None
        elif error is None:
            self._drifted(look, key, findings, kind=kind_of(stored, folded), fields=fields)
        else:
            self._drifted(look, key, findings, kind="unfoldable", why=words_of(error))

    def _drifted(self, look: Look, key: Key, findings: Findings, **what: Any) -> None:
        found_at = self._clock.now_micros()
        drift = Drift(self.definition.name, key, position=look.position, found_at=found_at, **what)
        findings.note(key, drift)


async def _first(keys: Keys, most: int | None) -> Keys:
    """Of *keys* the batches up to the one with which there are *most*."""
    count = 0
    async for batch in keys:
        yield batch if most is None else batch[: most - count]
        count += len(batch)
        if most is not None and count >= most:
            return
