"""The port to where rows live. The docstrings are the contract; `twofold.testing.contracts` tests each sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import msgspec

from twofold.event_store.recorded_event import Mark
from twofold.read.parking import Parked, Parking

Key = tuple[Any, ...]


class Kind(Enum):
    """What a column holds. All but JSON can be compared and sorted, and sort as Python does."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    DECIMAL = "decimal"
    DATETIME = "datetime"
    DATE = "date"
    UUID = "uuid"
    BYTES = "bytes"
    JSON = "json"


class Column(NamedTuple):
    """A declared field of a view: its name, kind, whether None is allowed, and its Python type."""

    name: str
    kind: Kind
    optional: bool
    type: Any


class ViewTable(NamedTuple):
    """The shape of a view's rows. `key` names the columns that tell rows apart, in order; `indexes` are further
    column tuples worth an index. `fingerprint` changes whenever the rows would come out differently, and `recipe` says
    in parts what it is made from: a name, and a text that changes with what it names. `lookups` are further tables that
    each generation has for itself, made and dropped with it.
    """

    view: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...]
    fingerprint: str
    recipe: tuple[tuple[str, str], ...] = ()
    lookups: tuple[ViewTable, ...] = ()


class Generation(NamedTuple):
    """One built copy of a view: its number (from 1), what built it, and over how many shards it is spread."""

    view: str
    number: int
    fingerprint: str
    epoch: str
    shards: int
    status: str


def built_by(generation: Generation) -> str:
    """The fingerprint of the code that built it: its own, up to a slash if the same code built it once more."""
    return generation.fingerprint.partition("/")[0]


class Checkpoint(NamedTuple):
    """Where a shard is: the mark up to which it has folded, and the highest fence (lease number) it has seen."""

    mark: Mark
    fence: int


class StoredRow(NamedTuple):
    """A row's values by column name, and the position of the last event it has folded."""

    values: Mapping[str, Any]
    position: int


class RowChange(NamedTuple):
    """A row as it is to be after a batch; `values` None deletes it. `position` is the last event it folded.

    `table` is the name of the lookup that has the row (`ViewTable.lookups`); none: the view itself.
    """

    key: Key
    values: Mapping[str, Any] | None
    position: int
    table: str = ""


Operator = Literal["eq", "ne", "lt", "lte", "gt", "gte", "in", "contains", "startswith", "isnull"]


class Condition(NamedTuple):
    """A test of one column; all conditions of a search must hold. Values are bound, never formatted.

    A value of None matches `eq None`, `ne` anything else, and `isnull True`; it never matches another operator.
    `in` takes a tuple without None, `isnull` a bool; `contains` and `startswith` are for text, and see case.
    """

    column: str
    operator: Operator
    value: Any


class Search(msgspec.Struct, frozen=True):
    """What is looked for. `order_by` is column names, with a leading "-" for falling; ties are broken by the key
    columns, rising (`full_order`). None comes first when rising, last when falling. `after` holds one value for each
    column of the full order: those of the row behind which to go on (keyset); None starts at the beginning.
    """

    conditions: tuple[Condition, ...] = ()
    order_by: tuple[str, ...] = ()
    limit: int = 100
    after: tuple[Any, ...] | None = None


def full_order(table: ViewTable, order_by: Sequence[str]) -> tuple[tuple[str, bool], ...]:
    """The columns that rows are sorted by, each with True for falling: *order_by*, then the rest of the key."""
    order = {name.removeprefix("-"): name.startswith("-") for name in order_by}
    return tuple({**order, **{name: False for name in table.key if name not in order}}.items())


class Found(NamedTuple):
    """Rows, and the checkpoint of the snapshot they were read from: the lowest of the shards they can be in.

    `generation` is the number of the generation that answered.
    """

    rows: list[StoredRow]
    mark: Mark
    generation: int


class Counted(msgspec.Struct, frozen=True):
    """How many rows match, with the checkpoint of the same snapshot."""

    count: int
    mark: Mark
    generation: int


class ViewStore(Protocol):
    """Where the rows of views live, with the checkpoint that says up to where they are folded.

    Data and checkpoint of a shard change in one transaction: after any crash both are there or neither. A reader gets
    pointer, checkpoint and rows from one snapshot. Values come back equal to what was stored, and compare and sort
    as they do in Python: Decimals exactly, datetimes by instant, text by code point, None before everything.
    Callers hand in values that fit their column (`twofold.read.columns`): finite, int64, aware, without NUL. The
    value of a JSON column is any object that msgspec can encode; the store keeps it as JSON, and decodes it as
    `Column.type`. Nothing that is handed in or out is shared with what is stored. A table without columns has no rows,
    only a checkpoint. `identity` is the same for everybody who opens the same place, and for no other place: a log may
    have views in several places, and each is followed by itself.
    """

    identity: str

    async def open_generation(self, table: ViewTable, epoch: str, shards: int = 1) -> Generation:
        """The live generation of the view, made (empty, at position 0, over *shards* shards) if there is none yet.

        A live generation of another fingerprint or epoch is returned as it is; the caller compares.
        """

    async def checkpoint(self, generation: Generation, shard: int) -> Checkpoint:
        """Where *shard* is: at the start position 0, no check (`NO_CHECK`), fence 0."""

    async def load(self, generation: Generation, shard: int, keys: Sequence[Key]) -> dict[Key, StoredRow]:
        """The rows with those keys, in one read; keys without a row are left out."""

    async def save(
        self,
        generation: Generation,
        shard: int,
        changes: Sequence[RowChange],
        expected: Mark,
        reached: Checkpoint,
        parking: Sequence[Parking] = (),
    ) -> None:
        """Apply *changes* and *parking* and move the checkpoint from *expected* to *reached*, all or nothing.

        *reached* may be where it is: rows that were parked are written so. A store that is no `ParkingLot` takes no
        *parking*, and one that is no `LookupRows` no rows of lookups. Raises LeaseLostError, with nothing changed, when
        the shard is not at *expected*, has seen a fence higher than `reached.fence`, or the generation is not kept any
        more.
        """

    async def get(self, table: ViewTable, key: Key, of: Generation | None = None) -> Found:
        """The row with this key in the live generation, or in *of*: one row or none.

        The checkpoint of a row is that of its own shard; without a row it is the lowest one.
        Raises RowNotFoundError never; StoreUnavailableError when the store cannot answer.
        """

    async def find(self, table: ViewTable, search: Search, of: Generation | None = None) -> Found:
        """The rows of the live generation, or of *of*, that match, in order. The same search without a limit equals
        filtering and sorting all rows in Python.
        """

    async def count(self, table: ViewTable, conditions: Sequence[Condition], of: Generation | None = None) -> Counted:
        """How many rows of the live generation, or of *of*, match."""


@runtime_checkable
class ClientTransactions(Protocol):
    """What a view store has beside the port when it can hand out its own client (a `Projector` uses it)."""

    def transaction(
        self, generation: Generation, shard: int, expected: Mark, reached: Checkpoint
    ) -> AbstractAsyncContextManager[Any]:
        """The store's own client inside a transaction. Leaving it normally moves the checkpoint and commits both;
        an exception rolls both back. Raises LeaseLostError as `save` does. The client's own errors come as they
        are, but for those by which the store does not answer (StoreUnavailableError).
        """


@runtime_checkable
class ParkingLot(Protocol):
    """Parked rows, in the transactions of the rows themselves: `ViewStore.save` takes the `Parking`s of a batch."""

    async def parked_keys(self, generation: Generation, shard: int | None = None) -> list[Parked]:
        """The parked rows of a shard, or of all, those parked longest first."""

    async def parked_events(self, generation: Generation, shard: int, key: Key, limit: int = 1000) -> list[int]:
        """The first *limit* positions of events that wait for this row, rising; none if it is not parked."""


@runtime_checkable
class LookupRows(Protocol):
    """Rows that a view looks up while it folds, in further tables of each generation (`ViewTable.lookups`).

    `ViewStore.save` takes their changes with those of the view's own rows, in one transaction.
    """

    async def load_lookup(self, generation: Generation, lookup: ViewTable, keys: Sequence[Key]) -> dict[Key, StoredRow]:
        """The rows of a lookup with those keys; keys without a row are left out."""

    async def find_lookup(self, generation: Generation, lookup: ViewTable, search: Search) -> list[StoredRow]:
        """The rows of a lookup that match, in order, as of the last `save`. See `ViewStore.find`."""
