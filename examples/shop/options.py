"""What the feeding programs can be told on the command line."""

import argparse
from pathlib import Path

from examples.shop.data_folder import DATA

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
    parser.add_argument(
        "--db",
        type=Path,
        default=DATA / "shop.db",
        help="the log's file; its views live beside it (default: %(default)s)",
    )
    parser.add_argument("--sample", action="store_true", help="feed the sample of the repository instead of the year")
    return parser


def _rate(text: str) -> float:
    rate = float(text.removesuffix("/s"))
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError("a rate is above 0 commands a second")
    return rate
