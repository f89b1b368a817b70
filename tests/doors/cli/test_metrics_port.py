"""`run --metrics-port`: each of several processes shows its own numbers; where any may answer, only what all share."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.doors.cli.conftest import Run, start
from tests.doors.cli.test_fleet import PATIENCE, SQLITE, Output, link_in, send, wait_until
from twofold.cli.exits import USAGE

COUNTED = "twofold_commands_total"
LAG = "twofold_view_lag_events"


@pytest.fixture
def port() -> int:
    """The first of two ports, one after the other, that nobody listens on."""
    for _ in range(100):
        with socket.create_server(("127.0.0.1", 0)) as first:
            number: int = first.getsockname()[1]
            try:
                socket.create_server(("127.0.0.1", number + 1)).close()
            except OSError:
                continue
            return number
    raise AssertionError("no two ports are free")


def metrics_at(link: str) -> dict[str, float]:
    """The sum of each metric's samples."""
    answer = httpx.get(f"{link}/metrics", timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


@pytest.fixture
def shop(project: Path, port: int) -> Iterator[tuple[str, list[str]]]:
    """Where two processes answer together, and where each one shows its own."""
    arguments = ("--store", SQLITE, "--port", "0", "--workers", "2", "--metrics-port", str(port))
    with start("run", "app:app", *arguments) as process:
        output = Output(process)
        link = link_in(output)
        output.until(r"is ready \(pid", times=2 - output.seen.count("is ready"))
        yield link, [f"http://127.0.0.1:{port + number}" for number in range(2)]
        process.kill()


def test_what_each_process_counts_adds_up_and_what_they_share_is_the_same(shop: tuple[str, list[str]]) -> None:
    link, own = shop
    for number in range(20):
        assert send(link, f"t{number}").status_code == 200

    found = [metrics_at(each) for each in own]

    assert sum(each[COUNTED] for each in found) == 20
    assert [each["twofold_log_position_total"] for each in found] == [20, 20]
    assert all(each["process_resident_memory_bytes"] for each in found)


def test_where_any_process_may_answer_only_what_all_share_is_shown(shop: tuple[str, list[str]]) -> None:
    link, own = shop
    send(link, "t1")

    shared = metrics_at(link)

    assert shared["twofold_log_position_total"] == 1
    assert LAG in shared
    assert shared.keys() <= metrics_at(own[0]).keys()
    assert not [name for name in shared if name.startswith((COUNTED, "twofold_query", "process_", "twofold_ready"))]


def test_at_a_port_of_its_own_a_process_shows_health_and_nothing_of_the_app(shop: tuple[str, list[str]]) -> None:
    _, own = shop

    wait_until(lambda: httpx.get(f"{own[0]}/health/ready", timeout=PATIENCE).status_code == 200)
    assert httpx.get(f"{own[0]}/health/live", timeout=PATIENCE).status_code == 200
    assert send(own[0], "t1").status_code == 404
    assert httpx.get(f"{own[0]}/openapi.json", timeout=PATIENCE).status_code == 404


def test_a_process_that_only_works_shows_its_numbers_too(project: Path, port: int) -> None:
    with start("run", "app:app", "--store", SQLITE, "--no-http", "--metrics-port", str(port)) as process:
        Output(process).until("works on")

        assert LAG in metrics_at(f"http://127.0.0.1:{port}")
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_a_port_that_is_taken_is_told_of(run: Run, project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("run", "app:app", "--store", SQLITE, "--port", "0", "--metrics-port", port)

    assert result.exit_code == USAGE
    assert f"127.0.0.1:{port} cannot be listened on" in result.output
    assert "choose another --metrics-port" in result.output
