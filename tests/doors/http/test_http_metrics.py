"""`/metrics`: what Prometheus reads there is what has happened, also while the stores do not answer."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client import REGISTRY, Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text_format

from tests.doors.http.conftest import Door, opened
from twofold import Config
from twofold.app.metrics import Metrics
from twofold.errors import StoreUnavailableError
from twofold.testing.clock import ManualClock

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


class Scraped:
    """The samples of one scrape."""

    def __init__(self, families: Iterable[Any]) -> None:
        self.samples = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.samples.get((name, *sorted(labels.items())))


async def scrape(door: Door) -> Scraped:
    response = await door.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    return Scraped(text_format(response.text))


async def test_commands_are_counted_by_what_came_of_them(still: Door):
    await still.send("OpenAccount", account_id="ada")
    await still.send("OpenAccount", account_id="ada")
    await still.send("Deposit", account_id="ada", amount="5", headers={"idempotency-key": "k"})
    await still.send("Deposit", account_id="ada", amount="5", headers={"idempotency-key": "k"})
    await still.send("Deposit", account_id="ada", amount="-1")

    found = await scrape(still)

    assert found("twofold_commands_total", command="OpenAccount", outcome="accepted", code="") == 1
    assert found("twofold_commands_total", command="OpenAccount", outcome="rejected", code="already-exists") == 1
    assert found("twofold_commands_total", command="Deposit", outcome="accepted", code="") == 1
    assert found("twofold_commands_total", command="Deposit", outcome="replayed", code="") == 1
    assert found("twofold_commands_total", command="Deposit", outcome="rejected", code="amount-not-positive") == 1
    assert found("twofold_command_duration_seconds_count", command="Deposit") == 3
    assert found("twofold_command_duration_seconds_bucket", command="Deposit", le="+Inf") == 3
    assert found("twofold_append_duration_seconds_count") == found("twofold_append_writes_total")
    assert found("twofold_log_position_total") == 2


async def test_questions_are_counted_by_kind_and_view(still: Door):
    await still.send("OpenAccount", account_id="ada")
    await still.app.run_until_idle()
    for path in ("/views/AccountPage/ada", "/views/AccountPage/bob", "/views/AccountPage"):
        await still.get(path)

    found = await scrape(still)

    assert found("twofold_queries_total", kind="row", query="AccountPage", outcome="answered", code="") == 1
    assert found("twofold_queries_total", kind="row", query="AccountPage", outcome="answered", code="not-found") == 1
    assert found("twofold_query_duration_seconds_count", kind="rows", query="AccountPage") == 1


async def test_a_view_that_nobody_folds_is_further_behind_all_the_time():
    clock = ManualClock()
    async with opened(workers=False, clock=clock) as door:
        await door.send("OpenAccount", account_id="ada")
        found = []
        for _ in range(2):
            clock.advance(7)
            found.append(await scrape(door))

    assert [each("twofold_view_lag_events", view="AccountPage") for each in found] == [1, 1]
    assert [each("twofold_view_lag_seconds", view="AccountPage") for each in found] == [7, 14]
    assert [each("twofold_view_state", view="AccountPage", state="catching-up") for each in found] == [1, 1]
    assert found[1]("twofold_view_state", view="AccountPage", state="live") == 0
    assert found[1]("twofold_ready") == 0


async def test_folds_that_fail_are_counted(still: Door):
    await still.send("OpenAccount", account_id="ada")
    await still.send("Deposit", account_id="ada", amount="666.66")
    await still.app.run_until_idle()

    found = await scrape(still)

    assert found("twofold_view_failed_folds_total", view="AccountPage") in {1, 2}  # it may have been tried again
    assert found("twofold_view_failed_folds_total", view="Samples") in {0, None}


async def test_queued_commands_and_their_age_are_shown():
    clock = ManualClock()
    async with opened(workers=False, clock=clock) as door:
        await door.send("OpenAccount", account_id="ada", headers={"prefer": "respond-async"})
        clock.advance(3)
        waiting = await scrape(door)
        await door.app.run_until_idle()
        done = await scrape(door)

    assert (waiting("twofold_queued_commands"), waiting("twofold_queued_command_age_seconds")) == (1, 3)
    assert (done("twofold_queued_commands"), done("twofold_queued_command_age_seconds")) == (0, 0)


async def test_leases_that_nobody_holds_are_told_apart_from_those_held_here():
    async with opened(workers=False) as door:
        before = await scrape(door)
        await door.app.step()
        held = await scrape(door)

    assert before("twofold_leases_held") == 0
    assert held("twofold_leases_held") == held("twofold_leases_wanted") == held("twofold_leases")
    assert held("twofold_leases_free") == 0
    assert held("twofold_processes") == 1


async def test_what_the_program_itself_counts_is_beside_it(still: Door):
    counter = Counter("orders_shipped", "Orders that have left the house.", registry=REGISTRY)
    try:
        counter.inc(3)
        found = await scrape(still)
    finally:
        REGISTRY.unregister(counter)

    assert found("orders_shipped_total") == 3
    assert found("twofold_live") == 1


async def test_the_format_is_what_the_scraper_asks_for(still: Door):
    await still.send("OpenAccount", account_id="ada")
    response = await still.get("/metrics", accept=OPEN_METRICS)

    found = Scraped(open_metrics(response.text))

    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert found("twofold_commands_total", command="OpenAccount", outcome="accepted", code="") == 1


async def test_counters_are_shown_also_while_the_stores_do_not_answer(still: Door, monkeypatch: pytest.MonkeyPatch):
    await still.send("OpenAccount", account_id="ada")
    monkeypatch.setattr(still.app.check, "measured", _unavailable)

    found = await scrape(still)

    assert found("twofold_store_up") == 0
    assert found("twofold_view_lag_events", view="AccountPage") is None, "unknown is not 0"
    assert found("twofold_commands_total", command="OpenAccount", outcome="accepted", code="") == 1


async def test_stores_that_hang_do_not_hang_the_scrape(still: Door, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(still.app.check, "measured", _hanging)
    sources = still.app.metrics._sources
    monkeypatch.setattr(still.app, "metrics", Metrics(sources, {}, store_seconds=0.01))

    assert (await scrape(still))("twofold_store_up") == 0


async def test_without_measuring_what_the_stores_know_is_shown_all_the_same():
    async with opened(workers=False, config=Config(metrics=False)) as door:
        await door.send("OpenAccount", account_id="ada")
        found = await scrape(door)

    assert found("twofold_log_position_total") == 1
    assert found("twofold_commands_total", command="OpenAccount", outcome="accepted", code="") is None


async def test_without_the_extra_it_is_501_and_names_it(door: Door, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "twofold.adapters.prometheus.exposition", raising=False)

    missing = await door.get("/metrics")

    assert missing.status_code == 501
    assert 'pip install "twofold[metrics]"' in missing.json()["detail"]


async def _unavailable(max_age: float) -> Any:
    raise StoreUnavailableError("injected: the store does not answer")


async def _hanging(max_age: float) -> Any:
    await asyncio.Event().wait()
