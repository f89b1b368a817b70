"""From the log to the rows: every event once, in order, whoever else is at work, and a stop that is seen."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from tests.flows.conftest import url_on
from tests.flows.tea_shop import ERRANDS, SHOP, Books, Buy, Customer, Item, Shelf, Stock, Stocked, agrees, send
from tests.servers.fixtures import POSTGRES
from twofold import App, Config, NotFreshError, RowNotFoundError, View, evolves


async def test_a_token_reads_its_own_write(url: str) -> None:
    async with SHOP.open(url, config=Config()) as shop:
        for left in range(1, 30):
            receipt = await shop.send(Stock(item="tea", amount=1, price=Decimal(1)))

            assert (await shop.get(Shelf, "tea", after=receipt.token)).left == left


async def test_a_view_that_stands_still_is_not_called_fresh(url: str) -> None:
    async with SHOP.open(url, config=Config(), workers=False) as shop:
        await shop.send(Stock(item="tea", amount=1, price=Decimal(1)))
        await shop.run_until_idle()
        token = (await shop.send(Stock(item="tea", amount=1, price=Decimal(1)))).token

        with pytest.raises(NotFreshError):
            await shop.get(Shelf, "tea", after=token, wait=0)
        assert (await shop.get(Shelf, "tea", after=token, wait=0, stale_ok=True)).left == 1
        await shop.run_until_idle()
        assert (await shop.get(Shelf, "tea", after=token, wait=0)).left == 2


async def test_a_sender_may_wait_for_the_views(url: str) -> None:
    async with SHOP.open(url, config=Config()) as shop:
        await shop.send(Stock(item="tea", amount=1, price=Decimal(1)), wait_for=[Shelf, "Customer"])

        assert (await shop.get(Shelf, "tea")).left == 1


async def test_when_the_wait_runs_out_the_command_is_done_all_the_same() -> None:
    async with SHOP.open("memory://", config=Config(), workers=False) as shop:
        with pytest.raises(NotFreshError):
            await shop.send(Stock(item="tea", amount=1, price=Decimal(1)), wait_for=[Shelf], wait=0)

        assert (await shop.load(Item, "tea")).left == 1


async def test_a_view_that_is_added_later_reads_the_whole_history(lasting_url: str) -> None:
    books = Books()
    before = App("shop", aggregates=[Item], handlers=SHOP.parts.handlers, views=[Shelf])
    async with before.open(lasting_url, config=Config(), workers=False) as shop:
        for number, command in enumerate(ERRANDS):
            await send(shop, books, str(number), command)
        await shop.run_until_idle()

    async with SHOP.open(lasting_url, config=Config(), workers=False) as shop:
        with pytest.raises(RowNotFoundError):
            await shop.get(Customer, "ada")
        await agrees(shop, books)


async def test_two_apps_on_one_log_each_keep_rows_of_their_own(tmp_path: Path, lasting_url: str) -> None:
    books = Books()
    views = [f"sqlite:///{tmp_path}/rows{n}.db" for n in (1, 2)]
    async with (
        SHOP.open(lasting_url, views=views[0], config=Config(), workers=False) as one,
        SHOP.open(lasting_url, views=views[1], config=Config(), workers=False) as other,
    ):
        for number, command in enumerate(ERRANDS):
            await send((one, other)[number % 2], books, str(number), command)

        await agrees(one, books)
        await agrees(other, books)


@pytest.mark.parametrize("store", ["memory", "sqlite", POSTGRES])
async def test_rows_may_be_in_another_kind_of_store_than_the_log(
    tmp_path: Path, lasting_url: str, store: str, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    books, views = Books(), url_on(store, folder, request)
    async with SHOP.open(lasting_url, views=views, config=Config(), workers=False) as shop:
        for number, command in enumerate(ERRANDS):
            await send(shop, books, str(number), command)

        await agrees(shop, books)


async def test_two_apps_on_the_same_rows_fold_nothing_twice(lasting_url: str) -> None:
    books = Books()
    async with SHOP.open(lasting_url, config=Config()) as one, SHOP.open(lasting_url, config=Config()) as other:
        for number, command in enumerate(ERRANDS):
            await send((one, other)[number % 2], books, str(number), command)
        receipt = await one.send(Buy(item="tea", buyer="bob", amount=0))
        books.note(Buy(item="tea", buyer="bob", amount=0))

        for shop in (one, other):
            shelf = await shop.get(Shelf, "tea", after=receipt.token, wait=10)
            assert (shelf.left, shelf.sales) == (books.left["tea"], books.sales["tea"])


class Fussy(View, key="item"):
    """Cannot fold a stock of thirteen."""

    item: str
    times: int = 0

    @evolves
    def stocked(self, event: Stocked) -> None:
        if event.amount == 13:
            raise ValueError("thirteen brings bad luck")
        self.times += 1


async def test_a_fold_that_fails_holds_up_its_own_row_and_no_other_view(url: str) -> None:
    app = App("shop", aggregates=[Item], views=[Fussy, Shelf])
    async with app.open(url, config=Config(), workers=False) as shop:
        for amount in (1, 13, 2):
            token = (await shop.send(Stock(item="tea", amount=amount, price=Decimal(1)))).token
        await shop.run_until_idle()

        assert (await shop.get(Shelf, "tea", after=token, wait=0)).left == 16
        with pytest.raises(NotFreshError, match="parked since position 2"):
            await shop.get(Fussy, "tea", after=token, wait=0)
        assert (await shop.get(Fussy, "tea")).times == 1


async def test_views_keep_up_while_commands_pour_in(url: str) -> None:
    async with SHOP.open(url, config=Config(page_events=7)) as shop:
        await shop.send(Stock(item="tea", amount=500, price=Decimal("0.10")))
        receipts = await asyncio.gather(*[shop.send(Buy(item="tea", buyer=f"b{n % 5}", amount=1)) for n in range(300)])
        last = max(receipts, key=lambda receipt: receipt.position)

        assert (await shop.get(Shelf, "tea", after=last.token, wait=20)).left == 200
        assert (await shop.get(Customer, "b0", after=last.token, wait=20)).spent == Decimal("6.00")
