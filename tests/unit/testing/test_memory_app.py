import pytest

from twofold import Aggregate, App, Command, Event, RowNotFoundError, View, decides, evolves
from twofold.testing import ManualClock, memory_app


class Plant(Command):
    seed_id: str


class Planted(Event):
    seed_id: str


class Seed(Aggregate, key="seed_id"):
    @decides(new=True)
    def plant(self, command: Plant) -> Planted:
        return Planted(seed_id=command.seed_id)


class Bed(View, key="seed_id"):
    seed_id: str

    @evolves
    def planted(self, event: Planted) -> None: ...


GARDEN = App("garden", aggregates=[Seed], views=[Bed])


async def test_views_stand_still_until_the_app_is_run():
    async with memory_app(GARDEN) as garden:
        await garden.send(Plant(seed_id="bean"))
        with pytest.raises(RowNotFoundError):
            await garden.get(Bed, "bean")

        moved = await garden.run_until_idle()

        assert moved
        assert await garden.get(Bed, "bean") == Bed(seed_id="bean")


async def test_every_app_starts_empty():
    for _ in range(2):
        async with memory_app(GARDEN) as garden:
            assert (await garden.send(Plant(seed_id="bean"))).position == 1


async def test_time_is_the_clocks():
    clock = ManualClock()
    async with memory_app(GARDEN, clock=clock) as garden:
        await garden.send(Plant(seed_id="bean"))
        clock.advance(60)
        await garden.send(Plant(seed_id="pea"))

        first, second = (await garden.log.events.read_log(0)).events

        assert second.recorded_at - first.recorded_at == 60_000_000


async def test_neither_file_nor_environment_is_read(monkeypatch):
    monkeypatch.setenv("TWOFOLD_NO_SUCH_SETTING", "1")

    async with memory_app(GARDEN) as garden:
        assert garden.config.store is None
