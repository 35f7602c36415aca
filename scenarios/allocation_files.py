"""Tables as files (Parquet, CSV, a workbook): candidates, an allocation's plan, and why customers get nothing."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from scenarios.allocation.answer import Allocation
from scenarios.errors import InputError
from scenarios.report.workbook import Sheet, Styles, write_sheet
from scenarios.store import table_of
from scenarios.tables import write_arrow
from scenarios.writing import inert, whole_file

Format = Literal["parquet", "csv", "xlsx"]
FORMATS: tuple[Format, ...] = ("parquet", "csv", "xlsx")
XLSX_ROWS = 1_048_575  # below the header


def allocation_path(folder: Path, kind: Format, name: str = "allocation") -> Path:
    """Where an allocation is written."""
    return folder / f"{name}.{kind}"


def write_allocation(
    rows: Any,
    folder: Path,
    kind: Format,
    force: bool = False,
    *,
    sheets: Sequence[Sheet] = (),
    name: str = "allocation",
) -> Path:
    """Write the chosen rows to ``folder/allocation.KIND``; in a workbook, ``sheets`` stand before them.  ``rows`` None: the sheets
    alone.

    Raises:
        InputError: the file exists, its folder cannot be written, or there are more rows than a sheet holds.

    """
    path = allocation_path(folder, kind, name)
    if rows is None:
        with whole_file(path, force) as temporary:
            _write_xlsx(temporary, {}, sheets)
    else:
        write_rows(rows, path, kind, force, sheets=sheets, name="plan" if sheets else name)
    return path


def kind_of_file(path: Path) -> Format:
    """What a file's ending says.

    Raises:
        InputError: it says nothing that can be written.
    """
    for kind in FORMATS:
        if path.suffix.casefold() == f".{kind}":
            return kind
    endings = ", ".join(f".{kind}" for kind in FORMATS)
    raise InputError([f"--out {path}: expected a file that ends with {endings}, got {path.suffix or 'no ending'}"])


def write_rows(
    rows: Any, path: Path, kind: Format, force: bool = False, *, sheets: Sequence[Sheet] = (), name: str = "rows"
) -> None:
    """Write an Arrow table; in a workbook as the sheet ``name``, after ``sheets``.

    Raises:
        InputError: the file exists, its folder cannot be written, or there are more rows than a sheet holds.
    """
    if kind == "xlsx" and rows.num_rows > XLSX_ROWS:
        raise InputError([f"{path}: a sheet holds {XLSX_ROWS:,} rows, got {rows.num_rows:,}; hint: parquet or csv"])
    with whole_file(path, force) as temporary:
        if kind == "parquet":
            write_arrow(temporary, rows)
        elif kind == "csv":
            _write_csv(temporary, rows)
        else:
            _write_xlsx(temporary, {name: rows}, sheets)


def why_not_rows(allocation: Allocation) -> Any:
    """Customers without an offer as an Arrow table: reason, because of what, the open offer that comes nearest, its value and
    by how much that falls short of its price.
    """
    why, data = allocation.why, allocation.outcome.case.data
    assert why is not None
    offers = [offer for offer, _ in data.arms] + [None]
    channels = [channel for _, channel in data.arms] + [None]
    columns: dict[str, Any] = {
        "customer_id": data.ids.take(table_of({"i": why.customer}).column("i").combine_chunks()),
        "reason": ([reason for reason, _ in why.reasons], why.reason),
        "because": ([because for _, because in why.reasons], why.reason),
        "nearest_offer": (offers, why.offer),
    }
    if data.arms[0][1] is not None:
        columns["channel"] = (channels, why.offer)
    columns["value"] = np.ma.masked_invalid(why.value)
    columns["short_by"] = np.ma.masked_invalid(why.short)
    return table_of(columns)


def _write_csv(path: Path, rows: Any) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([inert(name) for name in rows.column_names])
        for batch in rows.to_batches(max_chunksize=65_536):
            columns = [
                [inert(cell) if isinstance(cell, str) else cell for cell in column.to_pylist()]
                for column in batch.columns
            ]
            writer.writerows(zip(*columns, strict=True))


def _write_xlsx(path: Path, tables: dict[str, Any], sheets: Sequence[Sheet]) -> None:
    import xlsxwriter

    options = {
        "constant_memory": True,
        "default_date_format": "yyyy-mm-dd",
        "strings_to_formulas": False,
        "strings_to_urls": False,
    }
    book = xlsxwriter.Workbook(str(path), options)
    styles = Styles(book)
    for content in sheets:
        write_sheet(book.add_worksheet(content.name), content, styles)
    for name, rows in tables.items():
        _write_rows(book.add_worksheet(name), rows, styles)
    book.close()


def _write_rows(sheet: Any, rows: Any, styles: Styles) -> None:
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(rows.column_names):
        sheet.set_column(place, place, max(len(name) + 2, 12))
        sheet.write_string(0, place, name, styles.head)
    line = 1
    for batch in rows.to_batches(max_chunksize=65_536):
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            for place, value in enumerate(values):
                if isinstance(value, str):
                    quoted = styles.quoted if inert(value) != value else None
                    sheet.write_string(line, place, value, quoted)
                elif value is not None and not (isinstance(value, float) and not math.isfinite(value)):
                    sheet.write(line, place, value)
            line += 1
