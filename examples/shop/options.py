"""What the shop's programs can be told on the command line."""

import argparse
from pathlib import Path

from examples.shop.app import APPS
from examples.shop.data_folder import DATA, store_url

RATE = 50.0


def feeding_options(program: str, description: str) -> argparse.ArgumentParser:
    """A parser for how fast, by which way, and into which store baskets are fed."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--rate", type=_rate, default=RATE, help="commands a second (default: %(default)g)")
    pace.add_argument("--all", action="store_true", help="as fast as they are answered")
    parser.add_argument(
        "--via", choices=("http", "inprocess"), default="http", help="the way in (default: %(default)s)"
    )
    add_store_options(parser)
    add_orders_option(parser)
    parser.add_argument("--sample", action="store_true", help="feed the sample of the repository instead of the year")
    return parser


def add_store_options(parser: argparse.ArgumentParser, name: str = "shop") -> None:
    """Where the log is: `store_of` reads them. *name* is that of the file when nothing is given."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--db", type=Path, help=f"the log's SQLite file; its views live beside it (default: {DATA / name}.db)"
    )
    where.add_argument("--store", help="the log's URL instead: postgresql://user@host/database")
    parser.set_defaults(name=name)


def add_orders_option(parser: argparse.ArgumentParser) -> None:
    """How orders are kept. A store keeps them one way, so tables have a file of their own."""
    parser.add_argument(
        "--orders",
        choices=tuple(APPS),
        default="aggregates",
        help="keep orders in their events, or in tables of the shop's own beside the log (default: %(default)s)",
    )


def store_of(options: argparse.Namespace) -> str:
    """The URL of the store that the command line chose."""
    if options.store is not None:
        return str(options.store)
    suffix = "-tables" if options.orders == "tables" else ""
    return store_url(options.db or DATA / f"{options.name}{suffix}.db")


def _rate(text: str) -> float:
    rate = float(text.removesuffix("/s"))
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError("a rate is above 0 commands a second")
    return rate
