"""A command that comes twice is stored once."""

from __future__ import annotations

from twofold.event_store.outcome import Outcome, Status
from twofold.event_store.store import EventStore, Outcomes
from twofold.event_store.write import Appended, Conflicted, Replayed, WriteResult
from twofold.testing.contracts.writes import append, new_id, new_stream, outcome, part, write


def first_of(result: WriteResult) -> Outcome:
    """The outcome that a replay found."""
    assert isinstance(result, Replayed), result
    return result.first.outcome


class ReplayContract:
    """Same key in the same scope, or same message id: the first outcome again, and nothing stored."""

    async def test_a_known_key_is_replayed_and_stores_nothing(self, event_store: EventStore) -> None:
        stream, key = new_stream(), new_id().hex()
        first = outcome(key=key, scope="acme", payload_hash=bytes(16), stream=stream)
        (stored,) = await append(event_store, write(part(stream, 0), outcome=first))

        (again,) = await event_store.append([write(part(stream, 1), outcome=outcome(key=key, scope="acme"))])

        assert first_of(again) == first
        assert isinstance(again, Replayed)
        assert (again.first.first, again.first.position) == (stored.first, stored.position)
        assert len(await event_store.read_stream(stream)) == 1

    async def test_the_first_payload_hash_comes_back_for_the_caller_to_compare(self, event_store: EventStore) -> None:
        key = new_id().hex()
        await append(event_store, write(outcome=outcome(key=key, payload_hash=b"a" * 16)))

        (again,) = await event_store.append([write(outcome=outcome(key=key, payload_hash=b"b" * 16))])

        assert first_of(again).payload_hash == b"a" * 16

    async def test_a_known_key_is_replayed_whatever_else_is_wrong(self, event_store: EventStore) -> None:
        stream, key = new_stream(), new_id().hex()
        await append(event_store, write(part(stream, 0), outcome=outcome(key=key)))

        lost, again = await event_store.append([
            write(part(stream, 0)),
            write(part(stream, 99), outcome=outcome(key=key), builds_on=(0,)),
        ])  # fmt: skip

        assert isinstance(lost, Conflicted)
        assert isinstance(again, Replayed)

    async def test_the_same_key_in_another_scope_is_another_key(self, event_store: EventStore) -> None:
        key = new_id().hex()

        await append(event_store, *[write(outcome=outcome(key=key, scope=scope)) for scope in ("", "a", "b")])

    async def test_scope_and_key_do_not_run_into_each_other(self, event_store: EventStore) -> None:
        await append(
            event_store,
            *[write(outcome=outcome(key=key, scope=scope)) for scope, key in (("a", "bc"), ("ab", "c"), ("", "abc"))],
        )

    async def test_a_known_message_id_is_replayed(self, event_store: EventStore) -> None:
        stream, first = new_stream(), outcome()
        await append(event_store, write(part(stream, 0), outcome=first))

        without_key, with_new_key = await event_store.append([
            write(part(stream, 1), outcome=outcome(message_id=first.message_id)),
            write(part(stream, 1), outcome=outcome(message_id=first.message_id, key=new_id().hex())),
        ])  # fmt: skip

        assert first_of(without_key) == first_of(with_new_key) == first
        assert len(await event_store.read_stream(stream)) == 1

    async def test_a_rejection_is_replayed_like_an_acceptance(self, event_store: EventStore) -> None:
        first = outcome(status=Status.REJECTED, code="no-money", message="No money", details=b'{"missing":"3.50"}')
        await append(event_store, write(outcome=first))

        (again,) = await event_store.append([write(outcome=outcome(message_id=first.message_id))])

        assert first_of(again) == first

    async def test_the_first_of_two_in_a_batch_wins(self, event_store: EventStore, outcomes: Outcomes) -> None:
        stream, key, message_id = new_stream(), new_id().hex(), new_id()
        kept = outcome(key=key, message_id=message_id, code="kept")

        first, by_key, by_id, by_both = await event_store.append([
            write(part(stream, 0), outcome=kept),
            write(part(stream, 1), outcome=outcome(key=key)),
            write(part(stream, 1), outcome=outcome(message_id=message_id)),
            write(part(stream, 1), outcome=outcome(message_id=message_id, key=new_id().hex())),
        ])  # fmt: skip

        assert isinstance(first, Appended)
        assert first_of(by_key) == first_of(by_id) == first_of(by_both) == kept
        assert isinstance(by_key, Replayed)
        assert by_key.first == await outcomes.by_id(message_id)

    async def test_the_first_of_two_message_ids_without_a_key_in_a_batch_wins(self, event_store: EventStore) -> None:
        stream, message_id = new_stream(), new_id()

        first, again = await event_store.append([
            write(part(stream, 0), outcome=outcome(message_id=message_id)),
            write(part(stream, 1), outcome=outcome(message_id=message_id)),
        ])  # fmt: skip

        assert isinstance(first, Appended)
        assert isinstance(again, Replayed)
        assert len(await event_store.read_stream(stream)) == 1

    async def test_a_message_id_comes_back_with_a_key_in_one_batch(self, event_store: EventStore) -> None:
        message_id = new_id()

        first, again = await event_store.append([
            write(outcome=outcome(message_id=message_id)),
            write(outcome=outcome(message_id=message_id, key=new_id().hex())),
        ])  # fmt: skip

        assert isinstance(first, Appended)
        assert isinstance(again, Replayed)

    async def test_the_second_of_two_goes_in_when_the_first_conflicts(self, event_store: EventStore) -> None:
        stream, key = new_stream(), new_id().hex()

        first, second = await event_store.append([
            write(part(stream, 8), outcome=outcome(key=key)),
            write(part(stream, 0), outcome=outcome(key=key)),
        ])  # fmt: skip

        assert isinstance(first, Conflicted)
        assert isinstance(second, Appended)

    async def test_offering_a_batch_again_changes_nothing(self, event_store: EventStore) -> None:
        """What a caller does who lost the answer."""
        stream = new_stream()
        batch = [
            write(part(stream, 0), outcome=outcome()),
            write(part(stream, 1), outcome=outcome(key=new_id().hex()), builds_on=(0,)),
        ]
        await append(event_store, *batch)
        before = await event_store.mark()

        again = await event_store.append(batch)

        assert [first_of(result).message_id for result in again] == [
            one.outcome.message_id for one in batch if one.outcome
        ]
        assert await event_store.mark() == before
