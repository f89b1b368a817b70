"""The contract of CommandQueue: commands that were taken on, and are handled later."""

from __future__ import annotations

from twofold.event_store.store import CommandQueue, QueuedCommand
from twofold.testing.clock import ManualClock
from twofold.testing.contracts.capabilities import LogBackend
from twofold.testing.contracts.writes import new_id


async def put(queue: CommandQueue, count: int) -> list[bytes]:
    """Queue *count* commands; returns their ids."""
    ids = [new_id() for _ in range(count)]
    for message_id in ids:
        await queue.put(message_id, "DoSomething", b"{}", b"{}")
    return ids


class CommandQueueContract:
    """A queued command waits in its place until it is removed."""

    async def test_an_empty_queue_has_nothing(self, queue: CommandQueue) -> None:
        assert await queue.waiting() == []
        assert await queue.get(new_id()) is None

    async def test_a_queued_command_is_found_as_it_was_put(self, queue: CommandQueue, clock: ManualClock) -> None:
        message_id = new_id()

        await queue.put(message_id, "Open", b'{"owner":"Ada"}', b'{"tenant":"acme"}')

        found = await queue.get(message_id)
        assert found is not None
        assert found == QueuedCommand(
            found.number, message_id, "Open", b'{"owner":"Ada"}', b'{"tenant":"acme"}', clock.now_micros()
        )
        assert await queue.waiting() == [found]

    async def test_commands_wait_in_the_order_they_came(self, queue: CommandQueue) -> None:
        ids = await put(queue, 5)

        found = await queue.waiting()

        assert [at.message_id for at in found] == ids
        assert [at.number for at in found] == sorted({at.number for at in found})

    async def test_page_after_page_is_the_whole_queue(self, queue: CommandQueue) -> None:
        ids = await put(queue, 5)

        pages = [await queue.waiting(limit=2)]
        while pages[-1]:
            pages.append(await queue.waiting(after=pages[-1][-1].number, limit=2))

        assert [at.message_id for page in pages for at in page] == ids

    async def test_a_message_id_queues_once_and_the_first_counts(self, queue: CommandQueue) -> None:
        message_id = new_id()

        await queue.put(message_id, "Open", b'{"owner":"Ada"}', b"{}")
        await queue.put(message_id, "Open", b'{"owner":"Eve"}', b"{}")

        (found,) = await queue.waiting()
        assert found.data == b'{"owner":"Ada"}'

    async def test_a_removed_command_is_gone_and_the_others_stay(self, queue: CommandQueue) -> None:
        ids = await put(queue, 3)
        first, second, third = await queue.waiting()

        await queue.remove(second.number)
        await queue.remove(second.number)
        await queue.remove(third.number + 100)

        assert await queue.get(ids[1]) is None
        assert await queue.waiting() == [first, third]

    async def test_a_place_in_the_queue_is_never_given_out_again(self, queue: CommandQueue) -> None:
        await put(queue, 2)
        last = (await queue.waiting())[-1].number
        await queue.remove(last)

        await put(queue, 1)

        assert (await queue.waiting())[-1].number > last

    async def test_the_backlog_is_how_many_wait_and_since_when(self, queue: CommandQueue) -> None:
        assert await queue.backlog() == (0, None)

        await put(queue, 3)
        first, second, _ = await queue.waiting()
        assert await queue.backlog() == (3, first.queued_at)

        await queue.remove(first.number)
        assert await queue.backlog() == (2, second.queued_at)

    async def test_the_backlog_is_counted_no_further_than_asked(self, queue: CommandQueue) -> None:
        await put(queue, 5)
        (first,) = await queue.waiting(limit=1)

        assert await queue.backlog(up_to=2) == (2, first.queued_at)

    async def test_the_queue_is_there_when_the_log_is_opened_again(self, log_backend: LogBackend) -> None:
        log = await log_backend.open()
        await put(log.queue, 3)
        waiting = await log.queue.waiting()
        await log.close()

        log = await log_backend.open()
        found = await log.queue.waiting()
        await log.close()

        assert found == (waiting if log_backend.capabilities.durable else [])
