"""Reading one stream."""

from __future__ import annotations

import random
import secrets

import pytest

from twofold.event_store.store import EventStore
from twofold.testing.contracts.writes import append, append_to, new_stream, part, write


async def versions(event_store: EventStore, stream: str, **how: object) -> list[int]:
    """The versions that a reading of *stream* gives."""
    return [at.version for at in await event_store.read_stream(stream, **how)]  # type: ignore[arg-type]


class ReadStreamContract:
    """A stream is read by version, forwards or backwards, whole or a piece of it."""

    async def test_an_unknown_stream_has_no_events(self, event_store: EventStore) -> None:
        assert await event_store.read_stream(new_stream()) == []
        assert await event_store.read_stream(new_stream(), backwards=True) == []

    async def test_a_stream_that_was_only_checked_has_no_events(self, event_store: EventStore) -> None:
        stream = new_stream()
        await append(event_store, write(part(stream, 0, 0)))

        assert await event_store.read_stream(stream) == []

    async def test_a_stream_holds_its_own_events_only(self, event_store: EventStore) -> None:
        stream, longer_name = new_stream(), new_stream()
        longer_name = f"{stream}-{longer_name}"
        given = await append_to(event_store, stream, 2)
        await append_to(event_store, longer_name, 2)
        await append_to(event_store, stream.upper(), 2)

        assert [at.message_id for at in await event_store.read_stream(stream)] == [new.message_id for new in given]

    async def test_after_and_up_to_are_an_open_and_a_closed_end(self, event_store: EventStore) -> None:
        stream = new_stream()
        await append_to(event_store, stream, 6)

        assert await versions(event_store, stream, after=2, up_to=4) == [3, 4]
        assert await versions(event_store, stream, after=2, up_to=4, backwards=True) == [4, 3]

    async def test_a_limit_cuts_at_the_end_that_is_read_last(self, event_store: EventStore) -> None:
        stream = new_stream()
        await append_to(event_store, stream, 6)

        assert await versions(event_store, stream, limit=2) == [1, 2]
        assert await versions(event_store, stream, limit=2, backwards=True) == [6, 5]
        assert await versions(event_store, stream, after=1, up_to=5, limit=3) == [2, 3, 4]
        assert await versions(event_store, stream, after=1, up_to=5, limit=3, backwards=True) == [5, 4, 3]

    @pytest.mark.parametrize("backwards", [False, True])
    async def test_a_range_outside_the_stream_is_empty(self, event_store: EventStore, backwards: bool) -> None:  # noqa: FBT001
        stream = new_stream()
        await append_to(event_store, stream, 3)

        assert await versions(event_store, stream, after=3, backwards=backwards) == []
        assert await versions(event_store, stream, after=9, up_to=12, backwards=backwards) == []
        assert await versions(event_store, stream, after=2, up_to=1, backwards=backwards) == []
        assert await versions(event_store, stream, up_to=0, backwards=backwards) == []

    async def test_every_piece_of_a_long_stream_is_what_it_says(self, event_store: EventStore) -> None:
        """Streams grow long in steps of all sizes, and among others."""
        seed = secrets.randbits(32)
        rng = random.Random(seed)  # noqa: S311 - not a secret
        stream, other, size = new_stream(), new_stream(), 0
        while size < 600:
            count = rng.choice([1, 2, 7, 64, 127, 128, 129, 200])
            await append(event_store, write(part(other, size, count), part(stream, size, count)))
            size += count

        for _ in range(60):
            after, up_to, limit = rng.randrange(size + 2), rng.randrange(size + 2), rng.randrange(1, 300)
            wanted = list(range(after + 1, min(up_to, size) + 1))
            how = {"after": after, "up_to": up_to, "limit": limit}
            assert await versions(event_store, stream, **how) == wanted[:limit], f"seed {seed}: {how}"
            assert await versions(event_store, stream, **how, backwards=True) == wanted[::-1][:limit], (
                f"seed {seed}: {how} backwards"
            )

    async def test_what_was_read_does_not_change_what_is_stored(self, event_store: EventStore) -> None:
        stream = new_stream()
        await append_to(event_store, stream, 2)

        (await event_store.read_stream(stream)).clear()
        (await event_store.read_log(0)).events.clear()

        assert await versions(event_store, stream) == [1, 2]
