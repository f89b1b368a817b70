"""Somebody follows docs/how-to/change-a-view.md to the letter, while readers look on who must notice nothing."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.examples.markdown import ROOT, Block, blocks, compare

PAGE = ROOT / "docs/how-to/change-a-view.md"
THIS = "see=tests/examples/test_change_a_view.py"
PATIENCE = 60.0


def chapter(title: str) -> list[Block]:
    """The blocks under a heading of the page."""
    text = PAGE.read_text()
    begin = text.index(f"\n## {title}\n")
    end = text.find("\n## ", begin + 4)
    return [block for block in blocks(text[begin:end]) if THIS in block.words]


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


class Terminal:
    """Does what the page says: commands in a folder, some of them in the background, and saved changes."""

    def __init__(self, folder: Path, names: dict[str, str]) -> None:
        self.folder = folder
        self.names = names
        self.variables: dict[str, str] = {}
        self.background: list[subprocess.Popen[bytes]] = []
        self.log = folder.parent / "background.log"

    def follow(self, found: list[Block]) -> None:
        for block in found:
            if block.language == "diff":
                save(self.folder, block.body)
                continue
            wanted = int(next((word[5:] for word in block.words if word.startswith("exit=")), "0"))
            for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.body, re.MULTILINE):
                self._do(command, expected, wanted)

    def _do(self, command: str, expected: str, wanted: int) -> None:
        for name, really in self.names.items():
            command = command.replace(name, really)
        words = shlex.split(command)
        if words[0] == "export":
            self.variables |= dict(word.split("=", 1) for word in words[1:])
        elif words[0] == "cd":
            self.folder = (self.folder / words[1]).resolve()
        elif words[-1] == "&":
            self._begin(words[:-1])
        else:
            done = subprocess.run(
                words,
                cwd=self.folder,
                env=self._environment(),
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE,
            )
            said = f"{done.stdout}{done.stderr}\n{self.said()}"
            assert done.returncode == wanted, f"{command} ended with {done.returncode}: {said}"
            compare(done.stdout, expected.replace("\n…\n", "\n...\n"), f"$ {command}")

    def _begin(self, words: list[str]) -> None:
        with self.log.open("ab") as log:
            self.background.append(
                subprocess.Popen(words, cwd=self.folder, env=self._environment(), stdout=log, stderr=log)
            )
        if "--port" in words:
            until(lambda: answers(int(words[words.index("--port") + 1])), f"{words} serves", self.said)

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        extra = {"PATH": path, "NO_COLOR": "1", "COLUMNS": "100", "PYTHONPATH": str(ROOT / "src")}
        return {**os.environ, **extra, **self.variables}

    def said(self) -> str:
        """What the background has printed."""
        return self.log.read_text() if self.log.exists() else ""

    def close(self) -> None:
        for process in self.background:
            process.send_signal(signal.SIGTERM)
        for process in self.background:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def save(folder: Path, diff: str) -> None:
    """Change a file as a hunk without line numbers says."""
    (path,) = re.findall(r"^\+\+\+ b/(.*)$", diff, re.MULTILINE)
    hunk = diff.split("@@\n")[1].splitlines(keepends=True)
    before = "".join(line[1:] for line in hunk if line[0] != "+")
    after = "".join(line[1:] for line in hunk if line[0] != "-")
    text = (folder / path).read_text()
    assert text.count(before) == 1
    (folder / path).write_text(text.replace(before, after))


def until(is_so: Any, what: str, said: Any = lambda: "") -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"not in {PATIENCE:g} s: {what}\n{said()}"
        time.sleep(0.05)


def answers(port: int) -> bool:
    try:
        return get(port, "/health/live")[0] == 200
    except OSError:
        return False


def get(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        body = response.read()
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()
    return response.status, dict(response.headers), json.loads(body) if body else None


class Reader(threading.Thread):
    """Reads customers' rows again and again, and notes whatever a reader should never see.

    It never forgets a customer, nor how many orders one had: a row that is missing or has fewer is a fault. With
    tokens every answer has to be as new as the one before, whichever process gave it.
    """

    def __init__(self, ports: list[int], *, has_tokens: bool) -> None:
        super().__init__(daemon=True)
        self.ports = ports
        self.faults: list[str] = []
        self.answered = 0
        self._has_tokens, self._token, self._known = has_tokens, "", {}  # type: ignore[var-annotated]
        self._is_over = threading.Event()

    def run(self) -> None:
        turn = 0
        while not self._is_over.wait(0.01):
            turn += 1
            try:
                self._look(self.ports[turn % len(self.ports)], turn)
            except OSError as error:
                if self._has_tokens:
                    self.faults.append(f"no answer: {error}")

    def _look(self, port: int, turn: int) -> None:
        headers = {"Twofold-After": self._token, "Prefer": "wait=20"} if self._token and self._has_tokens else {}
        if turn % 10 == 1 or not self._known:
            status, heard, body = get(port, "/views/CustomerDashboard?sort=-orders&limit=200", headers)
            rows = body["items"] if status == 200 else []
        else:
            key = sorted(self._known)[turn % len(self._known)]
            status, heard, body = get(port, f"/views/CustomerDashboard/{key}", headers)
            rows = [body] if status == 200 else []
        if status != 200:
            if self._has_tokens or status == 404:
                self.faults.append(f"{status}: {body}")
            return
        self.answered += 1
        self._token = heard.get("twofold-token", heard.get("Twofold-Token", self._token))
        for row in rows:
            before = self._known.get(row["customer_id"], 0)
            if row["orders"] < before:
                self.faults.append(f"{row['customer_id']} had {before} orders, now {row['orders']}")
            self._known[row["customer_id"]] = row["orders"]

    def end(self) -> None:
        self._is_over.set()
        self.join()


@contextlib.contextmanager
def reading(ports: list[int], *, has_tokens: bool) -> Iterator[Reader]:
    reader = Reader(ports, has_tokens=has_tokens)
    reader.start()
    try:
        yield reader
    finally:
        reader.end()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the shop in it."""
    folder = tmp_path / "shop"
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.slow
def test_a_view_is_changed_by_saving_a_file(checkout: Path) -> None:
    port = free_port()
    terminal = Terminal(checkout, {"8000": str(port)})
    found = chapter("On one machine, by saving a file")
    changed = next(place for place, block in enumerate(found) if block.language == "diff")
    with contextlib.closing(terminal):
        terminal.follow(found[:changed])
        with reading([port], has_tokens=False) as reader:
            until(lambda: reader.answered > 20, "readers read")
            terminal.follow(found[changed : changed + 1])
            until(
                lambda: "generation 2 of the view CustomerDashboard is live now" in terminal.said(),
                "it takes over",
                terminal.said,
            )
            before = reader.answered
            until(lambda: reader.answered > before + 20, "readers read on")
        terminal.follow(found[changed + 1 :])

    assert reader.faults == []
    assert "is built anew as generation 2: CustomerDashboard.cancelled changed" in terminal.said()


@pytest.mark.slow
def test_old_and_new_version_run_side_by_side(checkout: Path, postgres_url: str) -> None:
    old, new = free_port(), free_port()
    terminal = Terminal(checkout, {"8001": str(old), "8002": str(new), "postgresql://localhost/shop": postgres_url})
    found = chapter("With the old and the new version side by side")
    ports = [old]
    with contextlib.closing(terminal):
        terminal.follow(found[:1])
        with reading(ports, has_tokens=True) as reader:
            until(lambda: reader.answered > 20, "readers read", terminal.said)
            terminal.follow(found[1:5])
            ports.append(new)
            terminal.follow(found[5:])
            before = reader.answered
            until(lambda: reader.answered > before + 20, "readers read on")
            terminal.follow(chapter("Going back"))
            before = reader.answered
            until(lambda: reader.answered > before + 20, "readers read on")

    assert reader.faults == []
    assert reader.answered > 100


def test_a_planted_row_that_is_lost_and_a_refusal_are_noticed_by_a_reader() -> None:
    reader = Reader([1], has_tokens=True)
    seen: Iterator[Any] = iter(
        [
            (200, {}, {"items": [{"customer_id": "7", "orders": 3}]}),
            (404, {}, {}),
            (200, {}, {"customer_id": "7", "orders": 2}),
        ]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[__name__], "get", lambda *_: next(seen))
        for turn in (1, 2, 3):
            reader._look(1, turn)

    assert reader.faults == ["404: {}", "7 had 3 orders, now 2"]
