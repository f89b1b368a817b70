"""`python -m twofold`, and the program `twofold`, are the command line."""

from __future__ import annotations

import sys
from importlib import import_module

from twofold.errors import ExtraMissingError


def main() -> None:
    """Run the command line; without the packages it is made with, say how to get them."""
    try:
        run = import_module("twofold.cli.main").main
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        missing = ExtraMissingError("cli", "the command line")
        sys.exit(f"error[{missing.code}]: {missing}")
    run()


if __name__ == "__main__":
    main()
