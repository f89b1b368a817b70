"""`twofold dlq`: what is parked is seen, tried again and discarded from another terminal, while the app runs."""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doors.cli.conftest import Run, environment, json_of
from twofold.cli.target import load_app

APP = """
from pathlib import Path

from twofold import Aggregate, App, Command, Event, View, decides, evolves


class Weigh(Command):
    parcel: str
    grams: int


class Weighed(Event):
    parcel: str
    grams: int


class Parcel(Aggregate, key="parcel"):
    @decides(existing=False)
    def weigh(self, command: Weigh) -> Weighed:
        return Weighed(parcel=command.parcel, grams=command.grams)


class Scale(View, key=("parcel", "unit"), fold_version=1):
    parcel: str
    unit: str = ""
    total: int = 0

    @evolves(key=lambda event: (event.parcel, "g"))
    def weighed(self, event: Weighed) -> None:
        if event.grams < 0 and not Path("corrected").exists():
            raise ValueError(f"{event.grams} g is no weight")
        self.total += event.grams


app = App("post", aggregates=[Parcel], views=[Scale])
"""
STORE = "sqlite:///post.db"
ROW = ("Scale", "a%2Cb,g")


@pytest.fixture
def post(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A post office in whose log one parcel weighs less than nothing; the working folder."""
    Path("app.py").write_text(APP)
    monkeypatch.setenv("TWOFOLD_STORE", STORE)
    asyncio.run(_send([("a,b", 1), ("a,b", -5), ("a,b", 2), ("c", 7)]))
    return empty_folder


async def _send(weights: list[tuple[str, int]], *, folds: bool = True) -> None:
    app = load_app("app:app")
    weigh = importlib.import_module("app").Weigh
    async with app.open(STORE, workers=False) as post:
        for parcel, grams in weights:
            await post.send(weigh(parcel=parcel, grams=grams))
        if folds:
            await post.run_until_idle()


def test_parked_rows_are_listed_with_cause_place_and_what_waits(post: Path, run: Run) -> None:
    (found,) = json_of(run("dlq", "list", "--json"))

    assert (found["view"], found["key"], found["position"]) == ("Scale", "a%2Cb,g", 2)
    assert (found["attempts"], found["waiting"], found["last"], found["asked"]) == (1, 2, 3, None)
    assert "-5 g is no weight" in found["cause"]
    assert found["parked_at"] < found["next_try"]
    assert "a%2Cb,g" in run("dlq", "list", "Scale").output
    assert run("dlq", "list", "Scales").exit_code == 2
    assert (post / "post.db").exists()


@pytest.mark.usefixtures("post")
def test_one_is_shown_with_stack_code_and_the_events_that_wait(run: Run) -> None:
    found = json_of(run("dlq", "show", *ROW, "--json"))

    assert "app.py" in found["stack"]
    assert len(found["code"]) == 32
    assert [(event["position"], event["data"]["grams"]) for event in found["events"]] == [(2, -5), (3, 2)]
    text = run("dlq", "show", *ROW).output
    assert "Traceback" in text
    assert '"grams":-5' in text


@pytest.mark.usefixtures("post")
def test_the_doctor_notes_parked_rows_and_is_not_alarmed(run: Run) -> None:
    result = run("doctor", "--app", "app:app", "--json")

    (note,) = [each for each in json.loads(result.stdout)["findings"] if each["subject"] == "rows of Scale"]
    assert (result.exit_code, note["verdict"]) == (0, "note")
    assert "twofold dlq list Scale" in note["remedy"]


@pytest.mark.usefixtures("post")
def test_a_row_that_is_not_parked_is_not_shown(run: Run) -> None:
    refused = run("dlq", "show", "Scale", "c,g")

    assert refused.exit_code == 1
    assert "error[not-parked]" in refused.stderr


@pytest.mark.usefixtures("post")
def test_nothing_is_discarded_unless_one_says_yes(run: Run) -> None:
    assert run("dlq", "discard", *ROW).exit_code == 1
    (found,) = json_of(run("dlq", "list", "--json"))
    assert found["asked"] is None


@pytest.mark.usefixtures("post")
def test_what_is_asked_for_while_nothing_runs_is_done_later(run: Run) -> None:
    asked = run("dlq", "discard", *ROW, "--yes", "--timeout", "0")

    assert asked.exit_code == 0
    assert "as soon as a process folds the view" in asked.output
    (found,) = json_of(run("dlq", "list", "--json"))
    assert found["asked"] == "discard"
    asyncio.run(_send([]))
    assert json_of(run("dlq", "list", "--json")) == []
    assert json_of(run("view", "get", *ROW))["total"] == 3


@pytest.fixture
def running(post: Path) -> Iterator[Path]:
    """The post office, with a process that folds."""
    command = [sys.executable, "-m", "twofold", "run", "app:app", "--no-http", "--store", STORE]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield post
        process.terminate()


def outcome(result: Any) -> tuple[int, str]:
    return result.exit_code, json.loads(result.stdout)[0]["result"]


def test_another_process_does_what_is_asked_for_and_goes_on(running: Path, run: Run) -> None:
    assert outcome(run("dlq", "retry", *ROW, "--json")) == (1, "still parked")
    (running / "corrected").touch()
    assert outcome(run("dlq", "retry", *ROW, "--json")) == (0, "let go")
    assert json_of(run("view", "get", *ROW))["total"] == -2

    (running / "corrected").unlink()
    asyncio.run(_send([("d", -1), ("d", 4), ("e", -1), ("e", 5)], folds=False))
    assert run("view", "wait", "Scale").exit_code == 0
    assert outcome(run("dlq", "discard", "Scale", "d,g", "--yes", "--json")) == (0, "let go")
    assert outcome(run("dlq", "discard", "Scale", "e,g", "--all", "--yes", "--json")) == (0, "let go")
    assert json_of(run("view", "get", "Scale", "d,g"))["total"] == 4
    assert run("view", "get", "Scale", "e,g").exit_code == 1
    assert json_of(run("dlq", "list", "--json")) == []
