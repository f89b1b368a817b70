"""Feeds baskets into the shop at a visible pace.

`python -m examples.shop.feed` feeds a shop that is served already, over HTTP (`make run` serves one and feeds it);
`--via inprocess` opens the shop's store itself.
"""

import argparse
import asyncio
import sys
from importlib import import_module
from importlib.util import find_spec

from examples.shop.baskets import Source
from examples.shop.doors import InProcess
from examples.shop.feeding import feed_and_tell
from examples.shop.opening import opened_shop
from examples.shop.options import feeding_options, store_of
from examples.shop.sample import Sample
from examples.shop.source import MISSING, best_source


def main(arguments: list[str] | None = None) -> int:
    """Run the feeder; returns the exit code."""
    parser = feeding_options("examples.shop.feed", (__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "--url", default="http://127.0.0.1:8000", help="where the shop is served (default: %(default)s)"
    )
    parser.add_argument("--quiet", action="store_true", help="do not say what is fed: only how it goes")
    options = parser.parse_args(arguments)
    if options.via == "http" and find_spec("httpx") is None:
        print("--via http needs httpx: pip install httpx", file=sys.stderr)
        return 2
    source = source_of(sample=options.sample, is_quiet=options.quiet)
    rate = None if options.all else options.rate
    feeding = _over_http(options.url, source, rate) if options.via == "http" else _in_process(options, source, rate)
    try:
        asyncio.run(feeding)
    except KeyboardInterrupt:
        print("\nstopped; the next run goes on from here")
    except (ExceptionGroup, OSError, RuntimeError) as failed:
        print(f"\n{why(failed)}", file=sys.stderr)
        return 1
    return 0


def source_of(*, sample: bool, is_quiet: bool = False) -> Source:
    """The baskets to feed. Says so when the year is not installed and the sample stands in."""
    source: Source = Sample() if sample else best_source()
    if is_quiet:
        return source
    if not source.whole and not sample:
        print(f"{MISSING}Until then {source.name} stands in.", flush=True)
    print(f"feeding {source.name}: {source.basket_count:,} baskets", flush=True)
    return source


async def _over_http(url: str, source: Source, rate: float | None) -> None:
    over_http = import_module("examples.shop.over_http")
    async with over_http.client(url) as client:
        await feed_and_tell(source, over_http.OverHttp(client), rate)


async def _in_process(options: argparse.Namespace, source: Source, rate: float | None) -> None:
    async with opened_shop(store_of(options), options.orders) as shop:
        await feed_and_tell(source, InProcess(shop), rate)


def why(error: BaseException) -> str:
    """The first error behind *error*, which may be a group of them, as a sentence."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"feeding stopped: {type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
