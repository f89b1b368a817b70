"""The command line as a whole: quick help, plain errors, one exit code a family."""

import inspect
import resource
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from tests.doors.cli.conftest import Run, environment
from twofold import errors
from twofold.cli.exits import CHECK_FAILED, EXITS, UNHEALTHY, USAGE, CliError, Refusal, exit_code
from twofold.cli.main import VERBS, Verbs, cli
from twofold.cli.version import versions
from twofold.errors import StoreUnavailableError, TwofoldError

HELP_SECONDS = 0.15
SLOW_MACHINES = 3.0
"""So many times what Python takes to load asyncio; about 0.06 s on a machine of one's own."""


def families() -> list[type[TwofoldError]]:
    return [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, TwofoldError)]


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], env=environment(), capture_output=True, text=True, check=False, timeout=60
    )


def processor_seconds() -> float:
    """What all child processes have used so far: help waits for nothing, and other programs do not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def quickest(*arguments: str) -> float:
    """The processor time of the best of five runs."""

    def measured() -> float:
        begun = processor_seconds()
        assert python(*arguments).returncode == 0
        return processor_seconds() - begun

    measured()  # compiles what is not compiled yet
    return min(measured() for _ in range(5))


def test_help_is_quick() -> None:
    allowed = max(HELP_SECONDS, SLOW_MACHINES * quickest("-c", "import asyncio"))

    taken = quickest("-m", "twofold", "--help")

    assert taken < allowed, f"the quickest of five took {taken * 1000:.0f} ms, of {allowed * 1000:.0f} ms"


def test_help_imports_neither_rich_nor_a_database_nor_a_server() -> None:
    program = (
        "import sys; sys.argv = ['twofold', '--help']\n"
        "from twofold.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('rich', 'apsw', 'uvicorn', 'starlette', 'twofold.cli.events') if m in sys.modules])"
    )

    assert python("-c", program).stdout.endswith("\n[]\n")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_that_says_what_the_table_says(run: Run, verb: str) -> None:
    result = run(verb, "--help")

    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


def leaves(group: click.Group, *path: str) -> Iterator[tuple[str, click.Command]]:
    """Every verb and verb of a verb, by the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, *path, name)
        else:
            yield " ".join((*path, name)), command


def test_every_verb_that_says_something_has_json() -> None:
    without = {name for name, command in leaves(cli) if not any("--json" in each.opts for each in command.params)}

    assert without <= {
        *("new", "dev", "run"),  # they do
        *("export", "import", "events export", "events import", "events show"),  # JSON is all they know
        "alerts",  # writes a file of rules
    }


def test_the_version_is_one_line(run: Run) -> None:
    assert run("--version").output == f"twofold {versions()['twofold']}\n"


def test_an_unknown_verb_is_a_usage_error(run: Run) -> None:
    assert run("frobnicate").exit_code == USAGE


@pytest.mark.parametrize("kind", families())
def test_every_error_has_an_exit_code(kind: type[TwofoldError]) -> None:
    error = kind.__new__(kind)

    assert exit_code(error) in {CHECK_FAILED, USAGE, UNHEALTHY}


def test_the_table_of_exits_names_only_errors_that_exist() -> None:
    assert all(kind in families() for kind in EXITS)


class Failing(Verbs):
    """Verbs of which one raises."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        @click.command()
        def verb() -> None:
            raise StoreUnavailableError("the store did not answer") from OSError("disk on fire")

        return verb


failing = Failing(name="twofold", params=cli.params, callback=cli.callback)


def test_an_error_says_code_what_why_and_what_to_do_without_a_traceback() -> None:
    result = CliRunner().invoke(failing, ["any"])

    assert result.exit_code == UNHEALTHY
    assert "error[store-unavailable]: the store did not answer" in result.stderr
    assert "why: OSError: disk on fire" in result.stderr
    assert "do:  try again" in result.stderr
    assert "Traceback" not in result.output


def test_debug_shows_the_traceback() -> None:
    result = CliRunner().invoke(failing, ["--debug", "any"])

    assert isinstance(result.exception, StoreUnavailableError)


def test_no_color_is_obeyed_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" in CliRunner().invoke(failing, ["any"], color=True).stderr
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[" not in CliRunner().invoke(failing, ["any"], color=True).stderr


def test_an_error_off_a_terminal_is_plain() -> None:
    assert "\x1b[" not in CliRunner().invoke(failing, ["any"]).stderr


def test_an_errors_own_remedy_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    Refusal(CliError("what", "do this")).show()

    assert capsys.readouterr().err == "error[usage]: what\n  do:  do this\n"


def without(modules: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line where *modules* are not installed."""
    program = (
        f"import sys; sys.argv = ['twofold', *{list(arguments)!r}]\n"
        f"class Missing:\n"
        f"    def find_spec(self, name, path=None, target=None):\n"
        f"        if name in {modules!r}: raise ModuleNotFoundError(name, name=name)\n"
        f"sys.meta_path.insert(0, Missing())\n"
        f"from twofold.__main__ import main; main()"
    )
    return python("-c", program)


def test_without_the_command_lines_packages_it_says_how_to_get_them() -> None:
    done = without(["click"], "--help")

    assert done.returncode == CHECK_FAILED
    assert done.stderr == 'error[extra-missing]: the command line needs an extra: pip install "twofold[cli]"\n'


@pytest.mark.parametrize("verb", VERBS)
def test_only_verbs_that_serve_need_a_server(verb: str) -> None:
    done = without(["uvicorn", "starlette", "jinja2"], verb, "--help")

    if verb in {"run", "dev"}:
        assert done.returncode == USAGE
        assert f'error[extra-missing]: `twofold {verb}` needs an extra: pip install "twofold[web]"' in done.stderr
    else:
        assert done.returncode == 0, done.stderr
