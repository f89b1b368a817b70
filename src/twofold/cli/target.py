"""Which app and which store a verb works on."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import click

from twofold.app.app import App
from twofold.app.stores import parse_url
from twofold.cli.exits import CliError
from twofold.config import Config
from twofold.errors import StoreUnavailableError, TwofoldError

F = TypeVar("F", bound=Callable[..., Any])

DEV_STORE = "sqlite:///.twofold/dev.db"
_NAME_IT = "name it as module:app, or set `app` in [tool.twofold] of pyproject.toml"

app_argument = click.argument("app", metavar="[MODULE:APP]", required=False)
app_option = click.option("--app", metavar="MODULE:APP", help="The app; else `app` in [tool.twofold], else app.py.")
store_option = click.option("--store", metavar="URL", help="The log: sqlite:///shop.db, postgresql://user@host/shop.")
views_option = click.option("--views", metavar="URL", help="The rows of views; else beside the log.")


def on_store(verb: F) -> F:
    """The options of a verb that works on a store: --app, --store and --views."""
    return app_option(store_option(views_option(verb)))


def find_app(name: str | None, config: Config) -> App:
    """The App called *name* (`module:app`), else the configured one, else the only one in ./app.py.

    Raises CliError when there is none.
    """
    found = find_app_or_none(name, config)
    if found is None:
        raise CliError("no app is named and there is no app.py here", _NAME_IT)
    return found


def find_app_or_none(name: str | None, config: Config) -> App | None:
    """As find_app, but None when no app is named and there is no app.py here."""
    wanted = name or config.app or ("app" if Path("app.py").is_file() else None)
    return None if wanted is None else load_app(wanted)


def load_app(name: str) -> App:
    """The App that `module:attribute` names; with `module` alone the only App in it.

    The working folder is searched too. Raises CliError when it cannot be imported, or is no App.
    """
    module_name, _, attribute = name.partition(":")
    module = _import(module_name)
    return _attribute(module, attribute) if attribute else _only_app(module)


def _import(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except TwofoldError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise CliError(f"there is no module {name!r} here", _NAME_IT) from None
        raise CliError(f"importing {name} failed{_place(error)}: {error}") from error
    except Exception as error:
        raise CliError(f"importing {name} failed{_place(error)}: {type(error).__name__}: {error}") from error


def _place(error: Exception) -> str:
    """Where in the user's own code *error* arose."""
    if isinstance(error, SyntaxError):
        return f" at {error.filename}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    return f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _is_users(filename: str) -> bool:
    return not filename.startswith("<") and "importlib" not in filename and filename != __file__


def _attribute(module: ModuleType, path: str) -> App:
    found: Any = module
    for part in path.split("."):
        found = getattr(found, part, None)
    if isinstance(found, App):
        return found
    known = ", ".join(_apps(module)) or "none"
    raise CliError(f"{module.__name__} has no App called {path!r}; it has: {known}", _NAME_IT)


def _only_app(module: ModuleType) -> App:
    apps = _apps(module)
    if len(apps) == 1:
        return next(iter(apps.values()))
    known = ", ".join(f"{module.__name__}:{name}" for name in apps) or "none"
    raise CliError(f"{module.__name__} must hold exactly one App to be found by itself; it has: {known}", _NAME_IT)


def _apps(module: ModuleType) -> dict[str, App]:
    """The Apps of a module by name, each once."""
    found: dict[int, tuple[str, App]] = {}
    for name, value in vars(module).items():
        if isinstance(value, App):
            found.setdefault(id(value), (name, value))
    return dict(found.values())


def existing_store(config: Config) -> str:
    """The URL of the store to look into: the configured one, else that of `twofold dev`. Nothing is ever made.

    Raises CliError when none is named, ConfigError when it is no store's URL, StoreUnavailableError when its file
    is not there.
    """
    if config.store is None and _is_missing(DEV_STORE):
        raise CliError(
            "no store is named, and `twofold dev` has not made one here",
            "give --store URL, set TWOFOLD_STORE, or set `store` in [tool.twofold] of pyproject.toml",
        )
    url = config.store or DEV_STORE
    if _is_missing(url):
        raise StoreUnavailableError(f"there is no file {parse_url(url).path}; `twofold run` makes it")
    return url


def has_store(config: Config) -> bool:
    """Whether there is a store to look into: a named one, or that of `twofold dev`."""
    return not _is_missing(config.store or DEV_STORE)


def _is_missing(url: str) -> bool:
    """Whether *url* names a file that is not there. Raises ConfigError when it is no store's."""
    scheme, path = parse_url(url)
    return scheme == "sqlite" and not Path(path).is_file()
