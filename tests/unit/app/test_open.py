"""Opening: which store, where the rows are, what is wrong with a URL; closing: once, whole, and again without harm."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from twofold import (
    Aggregate,
    App,
    Command,
    Config,
    ConfigError,
    Event,
    RowNotFoundError,
    View,
    decides,
    evolves,
)
from twofold.app.stores import SCHEMES, StoreUrl, parse_url, technology, views_url
from twofold.errors import ClosedError, ExtraMissingError, StoreUnusableError


class Sow(Command):
    bed: str


class Sown(Event):
    bed: str


class Garden(Aggregate, key="bed"):
    @decides(existing=False)
    def sow(self, command: Sow) -> Sown:
        return Sown(bed=command.bed)


class Bed(View, key="bed"):
    bed: str
    times: int = 0

    @evolves
    def sown(self, event: Sown) -> None:
        if event.bed.startswith("ston"):
            raise ValueError("nothing grows here")
        self.times += 1


GARDEN = App("garden", aggregates=[Garden], views=[Bed])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///shop.db", StoreUrl("sqlite", "shop.db")),
        ("sqlite:////var/shop.db", StoreUrl("sqlite", "/var/shop.db")),
        ("sqlite:///a%20b.db", StoreUrl("sqlite", "a b.db")),
        ("sqlite:///folder/shop.db", StoreUrl("sqlite", "folder/shop.db")),
        ("memory://", StoreUrl("memory", "")),
    ],
)
def test_a_url_names_a_technology_and_a_place(url: str, expected: StoreUrl) -> None:
    assert parse_url(url) == expected


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("shop.db", "names no store"),
        ("", "names no store"),
        ("mysql://localhost/shop", "sqlite://"),
        ("sqlite:shop.db", "names no store"),
        ("sqlite://shop.db", "three slashes"),
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
    ],
)
async def test_a_url_that_names_nothing_is_refused_with_a_remedy(url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        async with GARDEN.open(url or " ", config=Config()):
            pass


def test_rows_are_beside_the_log_unless_said_otherwise() -> None:
    assert views_url("sqlite:///shop.db", None) == "sqlite:///shop.views.db"
    assert views_url("sqlite:////var/shop.sqlite", None) == "sqlite:////var/shop.views.sqlite"
    assert views_url("sqlite:///shop", None) == "sqlite:///shop.views.db"
    assert views_url("memory://", None) == "memory://"
    assert views_url("sqlite:///shop.db", "memory://") == "memory://"


async def test_the_files_are_where_the_url_says(tmp_path: Path) -> None:
    async with GARDEN.open(f"sqlite:///{tmp_path}/a b.db".replace(" ", "%20"), config=Config()) as garden:
        await garden.send(Sow(bed="a"), wait_for=[Bed])

    assert (tmp_path / "a b.db").exists()
    assert (tmp_path / "a b.views.db").exists()


async def test_settings_name_the_store_where_the_call_does_not(tmp_path: Path) -> None:
    config = Config(store=f"sqlite:///{tmp_path}/log.db", views="memory://")
    async with GARDEN.open(config=config) as garden:
        await garden.send(Sow(bed="a"))

    assert (tmp_path / "log.db").exists()
    assert not (tmp_path / "log.views.db").exists()


def test_a_technology_whose_driver_is_missing_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCHEMES, "nowhere", ("twofold.adapters.nowhere", "nowhere"))

    with pytest.raises(ExtraMissingError, match=r'pip install "twofold\[nowhere\]"'):
        technology("nowhere")


async def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    for times in (1, 2, 3):
        async with GARDEN.open(url, config=Config()) as garden:
            receipt = await garden.send(Sow(bed="a"))
            assert (await garden.get(Bed, "a", after=receipt.token)).times == times


async def test_memory_is_empty_each_time() -> None:
    for _ in range(2):
        async with GARDEN.open("memory://", config=Config(), workers=False) as garden:
            with pytest.raises(RowNotFoundError):
                await garden.get(Bed, "a")
            assert (await garden.send(Sow(bed="a"))).position == 1


async def test_an_opening_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "log.views.db").write_bytes(b"not a database, but long enough to be looked at" * 50)
    threads, tasks = threading.active_count(), len(asyncio.all_tasks())

    with pytest.raises(StoreUnusableError):
        async with GARDEN.open(f"sqlite:///{tmp_path}/log.db", config=Config()):
            pass

    assert (threading.active_count(), len(asyncio.all_tasks())) == (threads, tasks)
    (tmp_path / "log.views.db").unlink()
    async with GARDEN.open(f"sqlite:///{tmp_path}/log.db", config=Config()) as garden:
        await garden.send(Sow(bed="a"))


@pytest.mark.parametrize("url", ["memory://", "sqlite:///{}/log.db"])
async def test_closing_leaves_no_task_and_no_thread(tmp_path: Path, url: str) -> None:
    threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
    async with GARDEN.open(url.format(tmp_path), config=Config()) as garden:
        await asyncio.gather(*[garden.send(Sow(bed=str(n))) for n in range(50)])

    assert asyncio.all_tasks() == tasks
    assert set(threading.enumerate()) == threads


async def test_closing_twice_is_closing_once() -> None:
    async with GARDEN.open("memory://", config=Config()) as garden:
        await garden.send(Sow(bed="a"))
        await garden.close()
        await garden.close()
        with pytest.raises(ClosedError):
            await garden.send(Sow(bed="a"))


async def test_a_block_that_raises_still_closes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    sending = []

    async def fail_in_the_middle() -> None:
        async with GARDEN.open(url, config=Config()) as garden:
            sending.append(asyncio.create_task(garden.send(Sow(bed="a"))))
            await asyncio.sleep(0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_in_the_middle()

    assert (await sending[0]).version == 1
    async with GARDEN.open(url, config=Config()) as garden:
        assert (await garden.send(Sow(bed="a"))).version == 2


async def test_a_healthy_app_says_so() -> None:
    async with GARDEN.open("memory://", config=Config()) as garden:
        await garden.send(Sow(bed="a"), wait_for=[Bed])
        health = await garden.health()

    assert (health.live, health.ready) == (True, True)
    (view,) = health.views
    assert (view.name, view.position, view.lag_events, view.lag_seconds, view.error) == ("Bed", 1, 0, 0.0, None)


async def test_a_view_that_has_stopped_makes_the_app_unready_and_says_why() -> None:
    async with GARDEN.open("memory://", config=Config(parked_keys=1), workers=False) as garden:
        await garden.send(Sow(bed="a"))
        await garden.send(Sow(bed="stony"))
        await garden.send(Sow(bed="stonier"))
        await garden.run_until_idle()

        health = await garden.health()

        assert health.live
        assert not health.ready
        (view,) = health.views
        assert (view.position, view.lag_events, view.parked_keys) == (2, 1, 1)
        assert view.error is not None
        assert "nothing grows here" in view.error
        assert (await garden.send(Sow(bed="b"))).position == 4, "commands go on"
        assert (await garden.get(Bed, "a")).times == 1, "what is there can be read"


async def test_a_parked_row_is_seen_and_the_app_stays_ready() -> None:
    async with GARDEN.open("memory://", config=Config(), workers=False) as garden:
        await garden.send(Sow(bed="stony"))
        await garden.run_until_idle()
        health = await garden.health()

    assert health.ready
    assert [(view.name, view.lag_events, view.parked_keys) for view in health.views] == [("Bed", 0, 1)]


def test_the_facade_is_the_app_without_asyncio(tmp_path: Path) -> None:
    with GARDEN.sync(f"sqlite:///{tmp_path}/log.db", config=Config()) as garden:
        receipt = garden.send(Sow(bed="a"))

        assert garden.get(Bed, "a", after=receipt.token) == Bed(bed="a", times=1)
        assert garden.find(Bed) == [Bed(bed="a", times=1)]
        with pytest.raises(RowNotFoundError):
            garden.get(Bed, "b")


def test_the_facade_serves_many_threads() -> None:
    with GARDEN.sync("memory://", config=Config()) as garden:
        threads = [threading.Thread(target=garden.send, args=(Sow(bed="a"),)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        token = garden.send(Sow(bed="a")).token
        assert garden.get(Bed, "a", after=token).times == 21


def test_the_facade_ends_with_its_block() -> None:
    threads = set(threading.enumerate())
    with GARDEN.sync("memory://", config=Config()) as garden:
        garden.send(Sow(bed="a"))

    with pytest.raises(ClosedError, match="'garden' is closed"):
        garden.send(Sow(bed="a"))
    assert set(threading.enumerate()) == threads


def test_a_facade_that_cannot_open_says_why_and_leaves_no_thread() -> None:
    threads = set(threading.enumerate())

    with pytest.raises(ConfigError), GARDEN.sync("nowhere://", config=Config()):
        pass

    assert set(threading.enumerate()) == threads
