"""Where the shop keeps its stores: in the repository's folder `.twofold/`, which git ignores."""

from pathlib import Path

DATA = Path(__file__).parent.parent.parent / ".twofold"


def store_url(db: Path) -> str:
    """The URL of the store in the file *db*, whose folder is made when it is not there."""
    db.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{db.resolve()}"
