"""The shop at work: serves it, feeds it real baskets, and tells how it goes, until it is stopped.

`make run` is this program. What an earlier run has stored is still there, and feeding goes on where it stopped.
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import uvicorn

from examples.shop.doors import InProcess
from examples.shop.feed import source_of, why
from examples.shop.feeding import feed_and_tell, feed_catalog
from examples.shop.opening import opened_shop
from examples.shop.options import feeding_options, store_of
from examples.shop.port import PortBusyError, listen
from examples.shop.product_text import ProductText
from examples.shop.tables.set_up import KeptByAggregatesError
from twofold import OpenApp, TwofoldError
from twofold.http_api import HttpApi

LINKS = {
    "what can be asked": "/docs",
    "latest orders": "/views/OrderPage?sort=-placed_at&limit=5",
    "top products": "/top-products?limit=5",
    "revenue of January": "/revenue?first=2017-01-01&last=2017-01-31",
    "search": "/products?words=chocolate+milk&limit=5",
    "health and lag": "/health/ready",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the shop; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.via == "http" and find_spec("httpx") is None:
        print("httpx is not installed, so baskets go in without HTTP (pip install httpx)", file=sys.stderr)
        options.via = "inprocess"
    try:
        with listen(options.host, options.port) as bound:
            loop = uvicorn.Config(_unset).get_loop_factory()
            with asyncio.Runner(loop_factory=loop) as runner:
                runner.run(_run(options, bound))
    except (PortBusyError, KeptByAggregatesError, TwofoldError, OSError) as error:
        print(f"the shop cannot be served: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = feeding_options("examples.shop.main", (__doc__ or "").split("\n\n")[0])
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, help="port to listen on (default: 8000, or the next one that is free)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=os.environ.get("RUN_SECONDS"),
        help="end after so many seconds (default: RUN_SECONDS, else never)",
    )
    return parser


async def _run(options: argparse.Namespace, bound: socket.socket) -> None:
    host, port = bound.getsockname()[:2]
    address = f"http://{host}:{port}"
    async with opened_shop(store_of(options), options.orders) as shop:
        api = HttpApi(shop)
        server = _Server(uvicorn.Config(api, lifespan="off", log_level="warning", access_log=False))

        def stop() -> None:
            server.should_exit = True
            api.live.close()

        with _stopped_by_signals(stop):
            if options.seconds is not None:
                asyncio.get_running_loop().call_later(options.seconds, stop)
            _print_links(address, options)
            feeding = asyncio.create_task(_feed(options, shop, address))
            await server.serve(sockets=[bound])
            feeding.cancel()
            await asyncio.wait({feeding})
    print("\nthe shop has stopped; the next run goes on from here", flush=True)


async def _feed(options: argparse.Namespace, shop: OpenApp, address: str) -> None:
    """Feed catalog and baskets side by side. When that fails the shop goes on serving, and says why."""
    try:
        source = source_of(sample=options.sample)
        async with asyncio.TaskGroup() as group:
            known = await shop.rows(ProductText).count()
            if known < source.product_count:
                group.create_task(feed_catalog(source, InProcess(shop), known))
            if options.via == "http":
                group.create_task(_feed_from_outside(options, address))
            else:
                group.create_task(feed_and_tell(source, InProcess(shop), None if options.all else options.rate))
    except* Exception as failed:  # noqa: BLE001 - whatever stopped the feeding, the shop goes on being served
        print(f"\n{why(failed)}\nthe shop is still served", file=sys.stderr, flush=True)


async def _feed_from_outside(options: argparse.Namespace, address: str) -> None:
    """Run the feeder as the client that it is: in a process of its own, which ends with this one."""
    pace = ["--all"] if options.all else ["--rate", str(options.rate)]
    sample = ["--sample"] if options.sample else []
    program = [sys.executable, "-m", "examples.shop.feed", "--quiet", "--url", address, *pace, *sample]
    feeder = await asyncio.create_subprocess_exec(*program, start_new_session=True)
    try:
        if await feeder.wait():
            raise RuntimeError(f"the feeder ended with exit code {feeder.returncode}")
    finally:
        if feeder.returncode is None:
            feeder.terminate()
            await feeder.wait()


def _print_links(address: str, options: argparse.Namespace) -> None:
    pace = "as fast as they are answered" if options.all else f"at {options.rate:g} commands a second"
    print(f"\nThe shop answers on {address}; baskets go in via {options.via} {pace}. Ctrl-C stops it.")
    print(*(f"  {name:<18} {address}{path}" for name, path in LINKS.items()), "", sep="\n", flush=True)


class _Server(uvicorn.Server):
    """uvicorn without its own handling of signals, which would end the process by the signal."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to this program."""
        yield


@contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """The first SIGINT or SIGTERM calls *stop*, a second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def ask(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask, number)
    yield


async def _unset(scope: object, receive: object, send: object) -> None:
    """Stands in where uvicorn wants an app before there is one."""


if __name__ == "__main__":
    sys.exit(main())
