"""The contract of Snapshots: folded states, kept for speed."""

from __future__ import annotations

from twofold.event_store.store import Snapshot, Snapshots
from twofold.testing.contracts.writes import new_stream


class SnapshotContract:
    """The newest snapshot of a stream is there for the code that made it."""

    async def test_a_stream_without_snapshot_has_none(self, snapshots: Snapshots) -> None:
        assert await snapshots.load(new_stream(), "f1") is None

    async def test_a_saved_snapshot_is_loaded_as_it_was(self, snapshots: Snapshots) -> None:
        saved = Snapshot(new_stream(), 500, "f1", b'{"balance":"1.10"}')

        await snapshots.save(saved)

        assert await snapshots.load(saved.stream, "f1") == saved

    async def test_a_snapshot_of_another_fold_is_never_loaded(self, snapshots: Snapshots) -> None:
        stream = new_stream()
        await snapshots.save(Snapshot(stream, 500, "f1", b"{}"))

        assert await snapshots.load(stream, "f2") is None

    async def test_the_newest_snapshot_is_loaded(self, snapshots: Snapshots) -> None:
        stream = new_stream()
        for version in (500, 1000):
            await snapshots.save(Snapshot(stream, version, "f1", b"{}"))

        found = await snapshots.load(stream, "f1")

        assert found is not None
        assert found.version == 1000

    async def test_a_late_save_of_an_older_snapshot_does_not_hide_the_newer(self, snapshots: Snapshots) -> None:
        stream = new_stream()
        for version in (1000, 500):
            await snapshots.save(Snapshot(stream, version, "f1", b"{}"))

        found = await snapshots.load(stream, "f1")

        assert found is not None
        assert found.version == 1000

    async def test_a_snapshot_above_the_wanted_version_is_not_loaded(self, snapshots: Snapshots) -> None:
        stream = new_stream()
        await snapshots.save(Snapshot(stream, 500, "f1", b"{}"))

        assert await snapshots.load(stream, "f1", up_to=499) is None
        assert await snapshots.load(stream, "f1", up_to=500) is not None

    async def test_a_snapshot_of_the_same_version_is_replaced(self, snapshots: Snapshots) -> None:
        stream = new_stream()
        for data in (b'{"a":1}', b'{"a":2}'):
            await snapshots.save(Snapshot(stream, 500, "f1", data))

        found = await snapshots.load(stream, "f1")

        assert found is not None
        assert found.data == b'{"a":2}'

    async def test_a_snapshot_of_new_code_is_kept(self, snapshots: Snapshots) -> None:
        stream = new_stream()
        await snapshots.save(Snapshot(stream, 1000, "f1", b"{}"))

        await snapshots.save(Snapshot(stream, 500, "f2", b"{}"))

        assert await snapshots.load(stream, "f2") == Snapshot(stream, 500, "f2", b"{}")

    async def test_streams_have_snapshots_of_their_own(self, snapshots: Snapshots) -> None:
        one, other = new_stream(), new_stream()
        await snapshots.save(Snapshot(one, 500, "f1", b"{}"))

        assert await snapshots.load(other, "f1") is None
