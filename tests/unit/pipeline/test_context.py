"""Who asks: what scopes a key, tells payloads apart, and is stored with every event."""

from __future__ import annotations

from itertools import combinations, product

from twofold.messages.metadata import NO_ORIGIN, decode_origin
from twofold.pipeline.context import Context

NAMES = [None, "a", "b", "a\x1f", "\x1fa", "%", "%1F", "a%1Fb", "a\x1fb"]


def test_scopes_differ_where_tenant_or_principal_do() -> None:
    contexts = [Context(tenant=tenant, principal=principal) for tenant, principal in product(NAMES, NAMES)]

    for one, other in combinations(contexts, 2):
        assert one.scope != other.scope, (one, other)


def test_nobody_in_particular_has_the_empty_scope() -> None:
    assert Context().scope == ""


def test_a_payload_hash_tells_names_and_bytes_apart() -> None:
    hashes = {
        Context(name=name, data=data).payload_hash()
        for name, data in product(["Open", "Close", "x" * 100], [b"{}", b'{"a":1}'])
    }

    assert len(hashes) == 6
    assert {len(each) for each in hashes} == {16}


def test_a_payload_hash_is_the_same_in_every_process() -> None:
    assert Context(name="Open", data=b"{}").payload_hash().hex() == "072bb85cef14a29d02e5c28a316df65b"


def test_what_is_stored_of_a_context_is_who_and_where_from() -> None:
    context = Context(principal="ada", tenant="t", trace="00-1-2-01", key="k")

    origin = decode_origin(context.origin())

    assert (origin.actor, origin.tenant, origin.trace) == ("ada", "t", "00-1-2-01")
    assert Context(key="k").origin() == NO_ORIGIN
