"""Where the shop keeps its stores: in the repository's folder `.twofold/`, which git ignores."""

from pathlib import Path

DATA = Path(__file__).parent.parent.parent / ".twofold"
