"""Reads the code blocks of a Markdown file, and runs them as a reader would.

What a block is, is said by its first line:

- ```` ```python ```` runs, in order, in one namespace a file; `await` and `async with` may stand at the top.
- ```` ```text output ```` is what the program before it printed, to the letter; a line of `...` stands for any lines,
  and `…` in a line for any text in it, with the blanks around it.
- ```` ```console run ```` is run line by line (`$ command`) in an empty folder, and what it printed is compared: also
  what it printed to standard error.
- ```` ```console see=tests/x.py ```` and ```` ```diff see=tests/x.py ```` are not run here: that test does.
- ```` ```toml ````, ```` ```json ```` have to parse; ```` ```text ```` and ```` ```mermaid ```` are pictures.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import linecache
import os
import re
import shlex
import subprocess
import sys
import tomllib
import types
from pathlib import Path
from typing import NamedTuple
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(?P<info>[^`\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
PICTURES = {"text", "mermaid"}


class Block(NamedTuple):
    """A fenced block: what its first line says, what is in it, and on which line of the file it begins."""

    language: str
    words: tuple[str, ...]
    body: str
    line: int


class BlockError(AssertionError):
    """A block does not do what the page says it does."""


def blocks(text: str) -> list[Block]:
    found = []
    for match in FENCE.finditer(text):
        language, *words = match["info"].split() or [""]
        found.append(Block(language, tuple(words), match["body"], text[: match.start()].count("\n") + 2))
    return found


def run_page(text: str, name: str, folder: Path) -> int:
    """Run every block of a page in *folder* and return how many there were; BlockError says what is wrong where."""
    page = Page(name, folder, blocks(text))
    with contextlib.chdir(folder), asyncio.Runner() as runner, mock.patch.object(sys, "path", [str(folder), *sys.path]):
        for block in page.blocks:
            page.run(block, runner)
    return len(page.blocks)


class Page:
    """The blocks of one page, and the module that its Python blocks fill."""

    def __init__(self, name: str, folder: Path, found: list[Block]) -> None:
        self.name = name
        self.folder = folder
        self.blocks = found
        self.printed = ""
        self.file = str(folder / (re.sub(r"\W", "_", name) + ".py"))
        self.module = types.ModuleType(f"page_{re.sub(r'[^a-z]', '_', name.lower())}")
        self.module.__file__ = self.file
        sys.modules[self.module.__name__] = self.module
        self._lay_out_source()

    def _lay_out_source(self) -> None:
        """Blocks stand in the file on the lines they have in the page, so tracebacks and `inspect` find them."""
        lines: list[str] = []
        for block in self.blocks:
            if block.language == "python":
                lines += [""] * (block.line - 1 - len(lines)) + block.body.splitlines()
        Path(self.file).write_text("\n".join(lines) + "\n")
        linecache.checkcache(self.file)

    def run(self, block: Block, runner: asyncio.Runner) -> None:
        try:
            self._run(block, runner)
        except BlockError:
            raise
        except Exception as error:
            raise BlockError(f"{self.name}:{block.line}: {error!r}") from error

    def _run(self, block: Block, runner: asyncio.Runner) -> None:
        if block.language == "python":
            self.printed = self._python(block, runner)
        elif block.words[:1] == ("output",):
            compare(self.printed, block.body, f"{self.name}:{block.line}")
        elif block.language in ("console", "diff"):
            self._console(block)
        elif block.language == "toml":
            tomllib.loads(block.body)
        elif block.language == "json":
            json.loads(block.body)
        elif block.language not in PICTURES:
            raise BlockError(f"{self.name}:{block.line}: nothing runs a block of {block.language or 'no language'}")

    def _python(self, block: Block, runner: asyncio.Runner) -> str:
        source = "\n" * (block.line - 1) + block.body
        code = compile(source, self.file, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            if code.co_flags & inspect.CO_COROUTINE:
                runner.run(types.FunctionType(code, vars(self.module))())
            else:
                exec(code, vars(self.module))
        return out.getvalue()

    def _console(self, block: Block) -> None:
        elsewhere = [word.removeprefix("see=") for word in block.words if word.startswith("see=")]
        if elsewhere and (ROOT / elsewhere[0]).is_file():
            return
        if block.words != ("run",):
            raise BlockError(f"{self.name}:{block.line}: a console block says `run`, or `see=` and a test that exists")
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.body, re.MULTILINE):
            compare(self._command(command, block), expected, f"{self.name}:{block.line} $ {command}")

    def _command(self, command: str, block: Block) -> str:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "100"}
        words = shlex.split(command)
        done = subprocess.run(
            words, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise BlockError(f"{self.name}:{block.line}: {command} ended with {done.returncode}: {done.stdout}")
        return done.stdout


def compare(printed: str, expected: str, where: str) -> None:
    """Printed text has to be the expected one; a line of `...` stands for any lines, `…` for any text in a line."""
    parts = [re.escape(part) for part in re.split(r"^\.\.\.$\n?", expected.strip() + "\n", flags=re.MULTILINE)]
    pattern = re.sub(r"(?:\\ )*…(?:\\ )*", ".*?", "(?:.*\n)*?".join(parts))
    if not re.fullmatch(pattern, trimmed(printed)):
        raise BlockError(f"{where}: printed\n{printed}\nbut the page says\n{expected}")


def trimmed(text: str) -> str:
    """Without blanks at the ends of lines, which nobody sees on a page."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"
