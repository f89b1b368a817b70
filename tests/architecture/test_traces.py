"""No file tells on which machine it was made, or where a package came from other than the public registry."""

from __future__ import annotations

import re

from tests.architecture.house import ROOT, committed_files

# Written in pieces, so that this file does not find itself.
TRACES = re.compile(
    "|".join(
        [
            r"/ro" + r"ot/",
            r"/wo" + r"rk/(main|shared)",
            r"/home/" + r"(?!you\b|user\b)[a-z]",
            r"/Us" + r"ers/[a-z]",
            r"/tmp/" + r"[a-z]",
            r"(extra-)?index" + r"[-_]url",
            r"find" + r"[-_]links",
        ]
    )
)
HOST = re.compile(r"https?://([^/\"\s]+)")
LOCK_HOSTS = {"pypi.org", "files.pythonhosted.org"}


def faults(name: str, text: str) -> list[str]:
    found = [f"{name}: {match[0]}" for match in TRACES.finditer(text)]
    if name == "uv.lock":
        found += [f"{name}: {host}" for host in sorted(set(HOST.findall(text)) - LOCK_HOSTS)]
    return found


def test_no_file_names_a_machine_or_another_registry():
    found = []
    for file in committed_files():
        data = file.read_bytes()
        if b"\0" not in data:
            found += faults(file.relative_to(ROOT).as_posix(), data.decode())
    assert found == []


def test_planted_traces_are_found():
    assert faults("README.md", "see /ro" + "ot/notes.md")
    assert faults("Makefile", "pip install --index" + "-url=x")
    assert faults("uv.lock", 'url = "https://mirror.example/simple"') == ["uv.lock: mirror.example"]
    assert faults("uv.lock", 'url = "https://files.pythonhosted.org/packages/x.whl"') == []
