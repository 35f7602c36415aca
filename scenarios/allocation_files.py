"""An allocation as a file: Parquet, CSV or XLSX."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Literal

from scenarios.errors import InputError
from scenarios.tables import write_arrow
from scenarios.writing import inert, whole_file

Format = Literal["parquet", "csv", "xlsx"]
FORMATS: tuple[Format, ...] = ("parquet", "csv", "xlsx")
_XLSX_ROWS = 1_048_575  # below the header


def allocation_path(folder: Path, kind: Format) -> Path:
    """Where an allocation is written."""
    return folder / f"allocation.{kind}"


def write_allocation(rows: Any, folder: Path, kind: Format, force: bool = False) -> Path:
    """Write the chosen rows to ``folder/allocation.KIND``.

    Raises:
        InputError: the file exists, its folder cannot be written, or there are more rows than a sheet holds.

    """
    path = allocation_path(folder, kind)
    if kind == "xlsx" and rows.num_rows > _XLSX_ROWS:
        raise InputError(
            [f"{path}: a sheet holds {_XLSX_ROWS:,} rows, got {rows.num_rows:,}; use --format parquet or csv"]
        )
    with whole_file(path, force) as temporary:
        {"parquet": write_arrow, "csv": _write_csv, "xlsx": _write_xlsx}[kind](temporary, rows)
    return path


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


def _write_xlsx(path: Path, rows: Any) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("allocation")
    bold = book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(rows.column_names):
        sheet.write_string(0, place, name, bold)
    line = 1
    for batch in rows.to_batches(max_chunksize=65_536):
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            for place, value in enumerate(values):
                if isinstance(value, str):
                    sheet.write_string(line, place, value)
                elif value is not None:
                    sheet.write(line, place, value)
            line += 1
    book.close()
