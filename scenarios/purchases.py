"""Reading a purchase log: lines -> checked lines -> orders."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.cleaning import CleaningReport, Issue
from scenarios.datasets import Columns, Dataset, dataset_folder, find_dataset
from scenarios.errors import DataError
from scenarios.purchase_lines import MICRO, line_issues, make_lines, make_orders, returns, without_repeats
from scenarios.schema.planning import PERIODS_PER_YEAR
from scenarios.tables import Table, Tables, literal, require_columns

NO_CATEGORY_NAME = "(none)"


@dataclass(frozen=True)
class PurchaseLog:
    """Orders of n customers, o orders sorted by customer and day, k (order, category) cells.

    Attributes:
        customer_ids: (n,) int64 or str, sorted.
        customer: (o,) int32, place in ``customer_ids``.
        day: (o,) int32, days since ``first_day``.
        period: (o,) int32, may reach ``periods`` and beyond: orders of the unfinished last period.
        amount: (o,) float64, net of returns in the same order.
        periods: whole periods from ``first_day`` to ``last_day``.
        cell_order, cell_category, cell_amount: (k,) int32, int32, float64; empty without a category column.

    """

    source: str
    period_name: str
    first_day: date
    last_day: date
    periods: int
    left_truncated: bool
    customer_ids: NDArray[Any]
    customer: NDArray[np.int32]
    day: NDArray[np.int32]
    period: NDArray[np.int32]
    amount: NDArray[np.float64]
    categories: tuple[str, ...]
    cell_order: NDArray[np.int32]
    cell_category: NDArray[np.int32]
    cell_amount: NDArray[np.float64]
    report: CleaningReport

    @property
    def periods_per_year(self) -> float:
        """Periods in a year."""
        return PERIODS_PER_YEAR[self.period_name]


def read_purchases(
    source: str | Path,
    columns: Columns | None = None,
    *,
    period: str = "week",
    strict: bool = False,
    until: date | None = None,
    exclude: Mapping[str, Sequence[str]] | None = None,
    left_truncated: bool | None = None,
    drop_duplicates: bool = False,
    today: date | None = None,
) -> PurchaseLog:
    """Read a log by dataset name or from a CSV, Parquet or DuckDB table (``file.duckdb::table``).

    Args:
        source: a name of :data:`scenarios.datasets.DATASETS` or a file.
        columns: names of the columns; a dataset brings its own.
        period: ``day``, ``week`` (7 days, counted from the first day) or ``month`` (of the calendar).
        strict: make any dirt an error.
        until: last day of the log (inclusive), up to today; later rows are set aside.
        exclude: column -> values; rows with one of them are set aside.
        left_truncated: customers lived before the log began, so those of its first window are not new.  Default: as the
            dataset says, True for files.
        drop_duplicates: of rows that are equal in every column, keep the first only.
        today: rows after it are future dates; default is the clock's date.

    Raises:
        DataError: no table, missing columns, nothing left, or dirt under ``strict``.

    """
    if period not in PERIODS_PER_YEAR:
        raise DataError([f"period: expected {', '.join(PERIODS_PER_YEAR)}, got {period!r}"])
    today = today or date.today()
    if until is not None and until > today:
        raise DataError([f"until: expected a day up to today, {today}, got {until}"])
    named = not (Path(str(source)).suffix or "::" in str(source) or Path(str(source)).exists())
    dataset = find_dataset(str(source)) if named else None
    with Tables() as tables:
        table, columns = _open(tables, source, dataset, columns)
        require_columns(table, columns.roles() | {f"exclude.{name}": name for name in exclude or {}})
        make_lines(tables, table, columns, exclude or {}, until, today)
        issues = line_issues(tables, table, columns)
        if drop_duplicates:
            issues = without_repeats(tables, issues)
        make_orders(tables)
        issues += returns(tables, table)
        if strict and issues:
            raise DataError([f"{table.source}: strict: {issue.line()}" for issue in issues])
        truncated = left_truncated if left_truncated is not None else (dataset.left_truncated if dataset else True)
        return _collect(tables, table, columns, issues, period, until, truncated)


def _open(
    tables: Tables, source: str | Path, dataset: Dataset | None, columns: Columns | None
) -> tuple[Table, Columns]:
    if dataset is None:
        return tables.open(source, as_text=True), columns or Columns()
    return tables.define(dataset.query(dataset_folder(dataset)), dataset.name), columns or dataset.columns


def _collect(
    tables: Tables,
    table: Table,
    columns: Columns,
    issues: list[Issue],
    period: str,
    until: date | None,
    truncated: bool,
) -> PurchaseLog:
    source = table.source
    n, first, last = tables.rows("select count(*), min(day), max(day) from orders", source)[0]
    read = tables.rows("select count(*) from lines", source)[0][0]
    if not n:
        late = tables.rows("select count(*) from lines where fault = 'late'", source)[0][0]
        aside = [f"{late:,} rows are after the last day asked for, {until}"] if late else []
        dirt = "; ".join([*aside, *(issue.line() for issue in issues)]) or "the table has no rows"
        raise DataError([f"{source}: expected purchases, got none in {read:,} rows: {dirt}"])
    used, excluded, late = tables.rows(
        "select count(*) filter (fault is null), count(*) filter (excluded), count(*) filter (fault = 'late')"
        " from lines",
        source,
    )[0]
    ends, last = last, until or last
    remark = f"the log ends on {ends}: the days up to {last} count as days without orders" if last > ends else None
    got = tables.arrays(
        f"""select customer::int as customer, (day - {literal(str(first))}::date)::int as day,
                   micro::double / {MICRO} as amount from orders order by number""",
        source,
    )
    ids = tables.arrays("select any_value(id) as id from orders group by customer order by customer", source)["id"]
    ids = np.asarray(ids, dtype=np.str_) if ids.dtype.kind == "O" else np.asarray(ids)
    names, cells = _categories(tables, columns, source)
    day = _plain(got["day"], np.int32)
    index, periods = _periods(day, first, last, period)
    amount = _plain(got["amount"], np.float64)
    report = CleaningReport(
        source, int(read), int(used), len(ids), int(n), _exact_total(tables), str(first), str(last), tuple(issues),
        {"excluded by request": int(excluded), "after the last day asked for": int(late)}, remark,
    )  # fmt: skip
    customer = _plain(got["customer"], np.int32)
    return PurchaseLog(
        source, period, first, last, periods, truncated, ids, customer, day, index, amount, names, *cells, report
    )  # fmt: skip


def _plain(values: NDArray[Any], dtype: type) -> NDArray[Any]:
    return np.ascontiguousarray(np.asarray(values), dtype)


def _exact_total(tables: Tables) -> float:
    return int(tables.rows("select sum(micro) from orders")[0][0]) / MICRO


def _categories(
    tables: Tables, columns: Columns, source: str
) -> tuple[tuple[str, ...], tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]]:
    """Category names, largest sales first, and the spend of each order in each."""
    if columns.category is None:
        return (), (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))
    tables.run(
        """create temp table names as
        select category, row_number() over (order by sum(micro) desc, category) - 1 as code
        from cells group by category"""
    )
    names = tables.rows("select category from names order by code", source)
    cells = tables.arrays(
        f"""select number::int as number, code::int as code, sum(k.micro)::double / {MICRO} as amount
        from cells k join orders o on k.id = o.id and k.key = o.key join names using (category)
        group by number, code order by number, code""",
        source,
    )
    arrays = (_plain(cells["number"], np.int32), _plain(cells["code"], np.int32), _plain(cells["amount"], np.float64))
    return tuple(str(r[0]) or NO_CATEGORY_NAME for r in names), arrays


def _periods(day: NDArray[np.int32], first: date, last: date, period: str) -> tuple[NDArray[np.int32], int]:
    """Period of each day since ``first``, and the number of whole periods up to ``last``."""
    length = (last - first).days + 1
    if period == "day":
        return day, length
    if period == "week":
        return day // 7, length // 7
    months = (np.datetime64(first) + day).astype("datetime64[M]")
    index = (months - np.datetime64(first).astype("datetime64[M]")).astype(np.int32)
    whole = 12 * (last.year - first.year) + last.month - first.month
    ends = last.day == calendar.monthrange(last.year, last.month)[1]
    return index, whole + int(ends)


def period_start(log: PurchaseLog, period: int) -> date:
    """First day of a period (of a month: of the calendar)."""
    if log.period_name == "month":
        months = log.first_day.year * 12 + log.first_day.month - 1 + period
        return date(months // 12, months % 12 + 1, 1)
    return log.first_day + timedelta(days=period * (7 if log.period_name == "week" else 1))
