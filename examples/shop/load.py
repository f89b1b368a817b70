"""Imports a year of baskets as fast as it can, and checks the totals to the cent against sums it did not make.

`python -m examples.shop.load` (see `--help`); exit code 1 when a total differs.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

from examples.shop import sample
from examples.shop.baskets import Source
from examples.shop.doors import InProcess
from examples.shop.feeding import catalog_of
from examples.shop.journey import Step, journey
from examples.shop.opening import opened_shop
from examples.shop.options import add_orders_option, add_store_options, store_of
from examples.shop.progress import Report, progress
from examples.shop.sending import Tally, send_journeys
from examples.shop.source import DatasetMissingError, dataset_folder, whole_year
from examples.shop.totals import Sums, differences, totals_of, year_lines
from twofold import OpenApp

IN_A_GROUP = 1_000
AT_ONCE = {"aggregates": IN_A_GROUP, "tables": 16}  # units of work wait for each other, and are not committed in groups
SHOWN = 20


def main(arguments: list[str] | None = None) -> int:
    """Run the loader; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        source: Source = sample.Sample() if options.sample else whole_year()
    except DatasetMissingError as missing:
        print(f"{missing}`--sample` loads the few hundred baskets that are in the repository.", file=sys.stderr)
        return 2
    if options.fresh:
        _remove(options)
    print(f"loading {source.name}: {source.basket_count:,} baskets, {source.product_count:,} products", flush=True)
    return asyncio.run(load(source, store_of(options), options.orders))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.shop.load", description=(__doc__ or "").split("\n\n")[0])
    add_store_options(parser, "year")
    add_orders_option(parser)
    parser.add_argument("--fresh", action="store_true", help="remove the files that an earlier run has left")
    parser.add_argument("--sample", action="store_true", help="load the sample of the repository instead of the year")
    return parser


def _remove(options: argparse.Namespace) -> None:
    if options.store is not None:
        sys.exit("--fresh removes files: empty a database by other means")
    db = Path(store_of(options).removeprefix("sqlite:///"))
    for file in db.parent.glob(f"{db.stem}*.db*"):
        file.unlink()


async def load(source: Source, url: str, orders: str = "aggregates") -> int:
    """Import *source* into the store at *url*, and compare; returns the exit code. *orders* says how they are kept.

    Workers wait until all commands are in: folding large pages then takes less time in all.
    """
    started = time.monotonic()
    tally = Tally()
    async with opened_shop(url, orders, workers=False) as shop:
        await _import_catalog(shop, source)
        await _import_orders(shop, source, tally, AT_ONCE[orders])
        await _fold(shop)
        seconds = time.monotonic() - started
        actual = await totals_of(shop, tally)
    return _judge(_expected(source), actual, tally, seconds)


async def _import_catalog(shop: OpenApp, source: Source) -> None:
    with progress("products", source.product_count) as report:
        await send_journeys(_counted(catalog_of(source), report), InProcess(shop).send, Tally(), at_once=IN_A_GROUP)


async def _import_orders(shop: OpenApp, source: Source, tally: Tally, at_once: int) -> None:
    departments = {product.product_id: product.department for product in source.products()}
    journeys = (journey(basket, departments) for basket in source.baskets())
    with progress("orders", source.basket_count) as report:
        await send_journeys(_counted(journeys, report), InProcess(shop).send, tally, at_once=at_once)


def _counted(journeys: Iterable[Iterable[Step]], report: Report) -> Iterator[Iterable[Step]]:
    for number, steps in enumerate(journeys, 1):
        yield steps
        report(number)


async def _fold(shop: OpenApp) -> None:
    head = (await shop.log.events.mark()).position
    with progress("views", head * len(shop.projectors)) as report:
        while await shop.step():
            report(sum(projector.status().position for projector in shop.projectors.values()))
        report(sum(projector.status().position for projector in shop.projectors.values()))


def _expected(source: Source) -> Sums:
    """The sums made by other code; it is imported only here, and needs duckdb."""
    sums_of = import_module("examples.shop.independent").sums_of
    folder = dataset_folder() if source.whole else sample.FOLDER
    suffix = "parquet" if source.whole else "csv"
    found: Sums = sums_of(folder / f"transactions.{suffix}", folder / f"products.{suffix}")
    return found


def _judge(expected: Sums, actual: Sums, tally: Tally, seconds: float) -> int:
    print(f"{tally.sent:,} commands in {seconds:,.1f} s with all views: {tally.sent / seconds:,.0f}/s")
    print(*year_lines(actual["year"]), sep="\n")
    wrong = list(differences(expected, actual))
    if wrong:
        print(f"\n{len(wrong)} totals are not what the files say:", *wrong[:SHOWN], sep="\n  ", file=sys.stderr)
        return 1
    compared = sum(map(len, expected.values()))
    print(f"equal, to the cent, to {compared:,} sums computed straight from the files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
