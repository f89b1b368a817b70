"""`twofold run --workers` and `--no-http`: several processes that share a port and the work, and one parent."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.doors.cli.conftest import Run, json_of, start
from tests.servers.place import children_of
from twofold.cli import fleet as fleets
from twofold.cli.exits import CHECK_FAILED, UNHEALTHY, USAGE
from twofold.cli.fleet import Fleet, Program
from twofold.cli.lifeline import READY
from twofold.retry import RetryPolicy

PATIENCE = 60.0
SIZE = 2
SQLITE = "sqlite:///app.db"


class Output:
    """What a process prints, read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.seen = ""

    def until(self, pattern: str, times: int = 1) -> str:
        """Read on until *times* more lines match; returns the last one."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.seen += line
            times -= re.search(pattern, line) is not None
            if not times:
                return line
        raise AssertionError(f"ended before {pattern!r}: {self.seen}")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, project: Path) -> str:
    return SQLITE if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def fleet(store: str) -> Iterator[tuple[subprocess.Popen[str], Output, str]]:
    """Processes that are ready, what they print, and the link they answer on."""
    with start("run", "app:app", "--store", store, "--port", "0", "--workers", str(SIZE)) as process:
        output = Output(process)
        link = link_in(output)
        output.until(r"is ready \(pid", times=SIZE - output.seen.count("is ready"))
        yield process, output, link
        process.kill()


def link_in(output: Output) -> str:
    """Where the processes answer, once they say so."""
    said = re.search(r"http://[\d.]+:\d+", output.until("answers on"))
    assert said is not None
    return said[0]


def send(link: str, task_id: str) -> httpx.Response:
    return httpx.post(f"{link}/commands/OpenTask", json={"task_id": task_id, "title": "a title"}, timeout=PATIENCE)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.01)


def gone(pids: list[int]) -> bool:
    """Whether all of these have ended, in bounded time."""
    wait_until(lambda: not any(is_running(pid) for pid in pids))
    return True


def is_running(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_all_of_them_answer_on_one_port_and_share_one_truth(fleet: tuple[subprocess.Popen[str], Output, str]) -> None:
    process, _, link = fleet

    tokens = [send(link, str(number)).headers["twofold-token"] for number in range(12)]
    titles = [
        httpx.get(f"{link}/views/TaskPage/{number}", headers={"twofold-after": token}, timeout=PATIENCE).json()["title"]
        for number, token in enumerate(tokens)
    ]

    assert titles == ["a title"] * 12
    assert len(children_of(process.pid)) == SIZE


def test_one_that_is_killed_is_started_again(fleet: tuple[subprocess.Popen[str], Output, str]) -> None:
    process, output, link = fleet
    before = children_of(process.pid)

    os.kill(before[0], signal.SIGKILL)
    told = output.until("ended by SIGKILL; it is started again in")
    output.until(r"is ready \(pid")

    assert told.startswith("process ")
    assert send(link, "after").status_code == 200
    assert len(children_of(process.pid)) == SIZE
    assert before[0] not in children_of(process.pid)


def test_the_one_that_is_killed_was_not_missed_by_its_callers_for_long(
    fleet: tuple[subprocess.Popen[str], Output, str],
) -> None:
    process, output, link = fleet
    os.kill(children_of(process.pid)[0], signal.SIGKILL)

    answered = [send(link, f"meanwhile-{number}").status_code for number in range(20)]
    output.until(r"is ready \(pid")

    assert answered == [200] * 20
    assert len(children_of(process.pid)) == SIZE


SLOW = """
from pathlib import Path
import asyncio
import logging
import twofold

class Slow(twofold.Query[str]):
    pass

@answers
async def slowly(query: Slow) -> str:
    Path("begun").touch()
    logging.getLogger("shop").warning("somebody is slow")
    while not Path("enough").exists():
        await asyncio.sleep(0.01)
    return "at last"

app = App("slow", queries=[slowly])
"""


def test_a_request_under_way_is_answered_before_its_process_ends(project: Path) -> None:
    (project / "app.py").write_text((project / "app.py").read_text() + SLOW)
    with start("run", "app:app", "--store", SQLITE, "--port", "0", "--workers", "2") as process:
        output = Output(process)
        link = link_in(output)
        output.until(r"is ready \(pid", times=2 - output.seen.count("is ready"))
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(httpx.get, f"{link}/queries/Slow", timeout=PATIENCE)
            wait_until((project / "begun").exists)
            process.send_signal(signal.SIGTERM)
            wait_until(lambda: len(children_of(process.pid)) == 1)  # the one that had nothing to do
            (project / "enough").touch()

            assert asked.result().json() == "at last"
        assert process.wait(timeout=PATIENCE) == 0


def test_what_a_process_logs_begins_with_its_number(project: Path) -> None:
    (project / "app.py").write_text((project / "app.py").read_text() + SLOW)
    (project / "enough").touch()
    with start("run", "app:app", "--store", SQLITE, "--port", "0", "--workers", "2") as process:
        output = Output(process)
        httpx.get(f"{link_in(output)}/queries/Slow", timeout=PATIENCE)
        said = output.until("somebody is slow")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 0

    assert re.fullmatch(r"process [12]: somebody is slow\n", said)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_of_them_in_order(
    fleet: tuple[subprocess.Popen[str], Output, str], number: signal.Signals
) -> None:
    process, output, link = fleet
    assert send(link, "t1").status_code == 200
    children = children_of(process.pid)

    process.send_signal(number)

    assert process.wait(timeout=PATIENCE) == 0
    output.until("all processes have stopped")
    assert gone(children)


def test_they_end_with_their_parent_however_it_ends(fleet: tuple[subprocess.Popen[str], Output, str]) -> None:
    process, _, _ = fleet
    children = children_of(process.pid)

    process.kill()

    assert gone(children)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["app:app", "--store", "memory://"], USAGE, "the log in memory:// cannot be shared"),
        (["app:app", "--store", SQLITE, "--views", "memory://"], USAGE, "the rows of views in memory:// cannot be"),
        (["gone:app", "--store", SQLITE], USAGE, "no module 'gone'"),
        (["app:app"], USAGE, "no store is named"),
        (["app:app", "--store", "postgresql://ada:secret@127.0.0.1:1/x"], UNHEALTHY, "cannot be reached"),
    ],
)
def test_what_no_second_try_can_mend_ends_it(project: Path, arguments: list[str], code: int, said: str) -> None:
    with start("run", *arguments, "--port", "0", "--workers", "2") as process:
        printed, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode == code, printed
    assert printed.count(said) == 1
    assert "secret" not in printed


def test_a_store_that_cannot_be_made_ends_it(project: Path) -> None:
    with start(
        "run", "app:app", "--store", "sqlite:////no/such/folder/x.db", "--port", "0", "--workers", "2"
    ) as process:
        printed, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode == UNHEALTHY
    assert "cannot be opened" in printed


def test_without_http_the_workers_run_alone(project: Path, store: str, run: Run) -> None:
    with start("run", "app:app", "--store", store, "--no-http", "--workers", "2") as process:
        output = Output(process)
        output.until(r"is ready \(pid", times=2)
        run("command", "send", "OpenTask", "task_id=t1", "title=first", "--store", store)
        waited = run("view", "wait", "TaskPage", "--store", store)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 0

    assert waited.exit_code == 0, waited.output
    assert json_of(run("query", "run", "FindTasks", "--store", store))[0]["task_id"] == "t1"


def test_one_process_without_http_says_so_without_the_password(project: Path, postgres_url: str) -> None:
    url = postgres_url.replace("postgres@", "postgres:secret@")
    with start("run", "app:app", "--store", url, "--no-http") as process:
        said = Output(process).until("works on")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 0

    assert "secret" not in said
    assert "without HTTP" in said


# --- the parent by itself -----------------------------------------------------------------


def child(body: str) -> Program:
    """A program that finds its lifeline in `line`."""
    begin = "import socket, sys, os\nline = socket.socket(fileno=int(sys.argv[-1]))\n"
    return Program([sys.executable, "-c", begin + body], os.environ, ())


async def test_pauses_grow_between_starts_of_one_that_keeps_dying() -> None:
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        if sum("started again" in each for each in told) == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    fleet = Fleet(
        child(f"line.send({READY!r}); raise SystemExit(3)"), 1, drain_seconds=5, ready=lambda: None, told=tell,
        restart=RetryPolicy(first_delay=0.2, max_delay=0.8),
    )  # fmt: skip
    code = await fleet.run()

    pauses = [float(found[1]) for text in told if (found := re.search(r"started again in ([\d.]+) s", text))]
    assert code == 0
    assert next(text for text in told if "ended" in text).startswith("process 1 ended with exit code 3; it is st")
    assert pauses[0] <= 0.2
    assert 0.4 <= pauses[2] <= 0.8
    assert 0.4 <= pauses[3] <= 0.8


async def test_one_that_was_never_ready_ends_all_with_its_code() -> None:
    fleet = Fleet(child("raise SystemExit(1)"), 3, drain_seconds=5, ready=lambda: None, told=lambda _: None)

    assert await fleet.run() == CHECK_FAILED


async def test_ready_is_said_once_however_many_there_are() -> None:
    ready: list[int] = []
    count = 0

    def tell(_: str) -> None:
        nonlocal count
        count += 1
        if count == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    fleet = Fleet(
        child(f"line.send({READY!r}); line.recv(1)"), 3, drain_seconds=5, ready=lambda: ready.append(1), told=tell
    )

    assert await fleet.run() == 0
    assert ready == [1]


async def test_one_that_does_not_end_in_time_is_killed_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleets, "GRACE_SECONDS", 0.1)
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        if text.startswith("process 2 is ready"):
            os.kill(os.getpid(), signal.SIGTERM)

    stubborn = (
        f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); line.send({READY!r}); time.sleep(60)"
    )
    code = await Fleet(child(stubborn), 2, drain_seconds=0.1, ready=lambda: None, told=tell).run()

    assert code == UNHEALTHY
    assert told[-1] == "2 processes did not end in time and are killed"
