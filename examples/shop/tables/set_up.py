"""Makes the shop's own tables beside its log. twofold's migrations never touch them, nor do these touch twofold's.

`python -m examples.shop.tables.set_up --store postgresql://...` makes them by hand, as a team's migration tool would.
"""

import argparse
import asyncio
import sys

from examples.shop.app import on_tables
from examples.shop.events import OrderPlaced
from examples.shop.options import add_store_options, store_of
from examples.shop.tables.order_tables import tables_on
from twofold import OpenApp, TwofoldError
from twofold.errors import MisuseError
from twofold.event_store.store import LogFilter

PLACED = LogFilter(types=frozenset({OrderPlaced.__name__}))
SECONDS = 30.0


class KeptByAggregatesError(RuntimeError):
    """The tables lack the latest order of the log, because aggregates kept it."""

    def __init__(self, order_id: str) -> None:
        super().__init__(
            f"order {order_id} is in this store's log and not in its tables: `--orders aggregates` has kept it, or the "
            "log was moved here without them; go on with `--orders aggregates`, bring them, or begin an empty store"
        )


async def set_up_tables(shop: OpenApp) -> None:
    """Make the tables in the database of the shop's log, those that are not there yet.

    Raises KeptByAggregatesError, having made nothing: a store keeps its orders one way.
    """
    newest = (await shop.log.events.read_log(0, where=PLACED, limit=1, backwards=True)).events
    if shop.log.transactions is None:
        raise MisuseError("tables need a log with SQL")
    async with shop.log.transactions.begin(SECONDS) as transaction:
        tables = tables_on(transaction.connection)
        await tables.create()
        for event in newest:
            order_id = event.stream.partition("-")[2]
            if await tables.find(order_id) is None:
                raise KeptByAggregatesError(order_id)


async def _set_up(url: str) -> None:
    async with on_tables.open(url, workers=False) as shop:
        await set_up_tables(shop)


def main(arguments: list[str] | None = None) -> int:
    """Make the tables; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.shop.tables.set_up", description=(__doc__ or "").split("\n\n")[0]
    )
    add_store_options(parser)
    parser.set_defaults(orders="tables")
    try:
        asyncio.run(_set_up(store_of(parser.parse_args(arguments))))
    except (KeptByAggregatesError, TwofoldError) as error:
        print(f"the tables cannot be made: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
