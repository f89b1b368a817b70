"""`python -m twofold` is the command line."""

from __future__ import annotations

from twofold.cli.main import main

if __name__ == "__main__":
    main()
