"""`twofold run` and `twofold dev`: processes that serve, drain and start again."""

import json
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.doors.cli.conftest import Run, start
from tests.servers.place import children_of
from twofold.cli.exits import UNHEALTHY, USAGE
from twofold.cli.serving import address_of, listen
from twofold.runtime.supervisor import DRAIN_SECONDS

PATIENCE = 60.0


def link_in(process: "subprocess.Popen[str]", pattern: str) -> str:
    """The first link in the output, up to the line that matches *pattern*."""
    assert process.stdout is not None
    link = ""
    for line in process.stdout:
        link = link or next(iter(re.findall(r"http://[\d.]+:\d+", line)), "")
        if re.search(pattern, line):
            return link
    raise AssertionError("the process ended before it was ready")


@pytest.fixture
def served(project: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The project, served by `twofold run` on a free port."""
    with start("run", "app:app", "--store", "sqlite:///app.db", "--port", "0") as process:
        yield process, link_in(process, "answers on")
        process.kill()


def send(link: str, task_id: str) -> httpx.Response:
    return httpx.post(f"{link}/commands/OpenTask", json={"task_id": task_id, "title": "a title"}, timeout=PATIENCE)


def test_run_serves_commands_and_queries(served: tuple["subprocess.Popen[str]", str]) -> None:
    _, link = served

    token = send(link, "t1").headers["twofold-token"]
    answer = httpx.get(f"{link}/views/TaskPage/t1", headers={"twofold-after": token}, timeout=PATIENCE)

    assert answer.json()["title"] == "a title"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_stops_in_order_on_a_signal_and_keeps_what_was_acknowledged(
    served: tuple["subprocess.Popen[str]", str], run: Run, number: signal.Signals
) -> None:
    process, link = served
    assert send(link, "t1").status_code == 200

    process.send_signal(number)

    assert process.wait(timeout=PATIENCE) == 0
    assert process.stdout is not None
    assert process.stdout.read().endswith("shop has stopped\n")
    assert "Task-t1@1" in run("events", "tail", "--store", "sqlite:///app.db").output


def send_until_the_end(link: str, name: str, acknowledged: list[str], enough: threading.Event) -> None:
    """Send one command after another over one connection until the server is gone."""
    with httpx.Client(timeout=PATIENCE) as client:
        for number in count():
            task_id = f"{name}-{number}"
            try:
                answer = client.post(f"{link}/commands/OpenTask", json={"task_id": task_id, "title": "a title"})
            except httpx.TransportError:
                return
            if answer.status_code == 200:
                acknowledged.append(task_id)
            if len(acknowledged) >= 100:
                enough.set()


def test_run_stopped_under_load_keeps_every_acknowledged_command(
    served: tuple["subprocess.Popen[str]", str], run: Run
) -> None:
    process, link = served
    acknowledged: list[str] = []
    enough = threading.Event()
    senders = [
        threading.Thread(target=send_until_the_end, args=(link, str(number), acknowledged, enough))
        for number in range(6)
    ]
    for sender in senders:
        sender.start()
    assert enough.wait(PATIENCE)

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=PATIENCE) == 0
    for sender in senders:
        sender.join()
    exported = run("events", "export", "--store", "sqlite:///app.db").stdout.splitlines()
    stored = {json.loads(line)["stream"] for line in exported}
    assert {f"Task-{task_id}" for task_id in acknowledged} <= stored


def test_a_live_answer_does_not_hold_up_the_end(served: tuple["subprocess.Popen[str]", str]) -> None:
    process, link = served
    live = {"accept": "text/event-stream"}

    with httpx.stream("GET", f"{link}/queries/FindTasks", headers=live, timeout=PATIENCE) as answer:
        first = next(answer.iter_lines())
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=DRAIN_SECONDS / 2) == 0
    assert first


def test_run_needs_a_store(project: Path, run: Run) -> None:
    result = run("run", "app:app")

    assert result.exit_code == USAGE
    assert "--store URL" in result.output


def test_a_port_in_use_is_told_before_anything_is_opened(project: Path, run: Run) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = address_of(taken).rpartition(":")[2]
        result = run("run", "app:app", "--store", "sqlite:///app.db", "--port", port)

    assert result.exit_code == USAGE
    assert "cannot be listened on" in result.output
    assert not Path("app.db").exists()


def test_run_on_a_file_of_another_kind_is_unhealthy(project: Path, run: Run) -> None:
    Path("notes.db").write_bytes(b"my notes, no database" * 100)

    result = run("run", "app:app", "--store", "sqlite:///notes.db", "--port", "0")

    assert result.exit_code == UNHEALTHY
    assert "error[store-unusable]" in result.output


def test_an_ipv6_address_is_written_in_brackets() -> None:
    with listen("::1", 0) as bound:
        assert address_of(bound).startswith("http://[::1]:")


def test_dev_serves_on_its_own_store_and_starts_again_on_a_save(project: Path) -> None:
    with start("dev", "--port", "0") as process:
        try:
            link = link_in(process, "is ready")
            assert send(link, "t1").status_code == 200
            touched = (project / "app.py").read_text().replace('"shop"', '"renamed"')
            (project / "app.py").write_text(touched)
            link_in(process, "renamed is ready")
            assert send(link, "t1").status_code == 409
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE) == 0
    assert (project / ".twofold" / "dev.db").is_file()
    assert (project / ".twofold" / ".gitignore").read_text() == "*\n"


def until_503(link: str) -> httpx.Response:
    """The first answer of 503: until the process has ended, others may come, or none."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = httpx.get(f"{link}/health/live", timeout=PATIENCE)
        except httpx.TransportError:
            continue
        if answer.status_code == 503 or time.monotonic() > deadline:
            return answer


def test_dev_survives_a_broken_save_and_says_what_is_wrong(project: Path) -> None:
    good = (project / "app.py").read_text()
    with start("dev", "--port", "0") as process:
        try:
            link = link_in(process, "is ready")
            (project / "app.py").write_text("def broken(:\n")
            link_in(process, "SyntaxError")
            refused = [until_503(link), send(link, "t1")]
            (project / "app.py").write_text(good)
            link_in(process, "is ready")
            answered = send(link, "t1")
        finally:
            process.send_signal(signal.SIGINT)
        process.wait(timeout=PATIENCE)
    assert [each.status_code for each in refused] == [503, 503]
    assert (refused[0].json()["code"], refused[0].headers["retry-after"]) == ("not-running", "1")
    assert answered.status_code == 200


def test_dev_prints_its_links_at_once(project: Path) -> None:
    with start("dev", "--port", "0") as process:
        try:
            link_in(process, "/health/ready")
        finally:
            process.send_signal(signal.SIGINT)
        process.wait(timeout=PATIENCE)


def test_dev_without_an_app_says_how_to_get_one(empty_folder: Path, run: Run) -> None:
    result = run("dev")

    assert result.exit_code == USAGE
    assert "`twofold new NAME` makes one" in result.output


@pytest.mark.parametrize("verb", [["dev"], ["run", "--workers", "2"]])
def test_processes_that_are_started_have_no_password_among_their_arguments(
    project: Path, postgres_url: str, verb: list[str]
) -> None:
    url = postgres_url.replace("postgres@", "postgres:s3cret@")
    with start(*verb, "--store", url, "--port", "0") as process:
        link = link_in(process, "is ready")
        children = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children_of(process.pid)]
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=PATIENCE)

    assert children
    assert not any(b"s3cret" in arguments for arguments in children)
    assert "s3cret" not in printed + link
