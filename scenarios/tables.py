"""Tables: CSV, Parquet, Excel and DuckDB files, read through one DuckDB connection.

The only module that imports ``duckdb`` and ``pyarrow``.
"""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scenarios.errors import DataError
from scenarios.xlsx import Column, as_text, read_sheet

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".csv.zst")
PARQUET_SUFFIXES = (".parquet", ".pq")
DUCKDB_SUFFIXES = (".duckdb", ".ddb", ".db")
EXCEL_SUFFIXES = (".xlsx", ".xlsm")
OTHER_BOOKS = (".xls", ".xlsb", ".ods", ".numbers")


@dataclass(frozen=True)
class Table:
    """A table that SQL can name: ``sql`` is a FROM clause, ``columns`` maps each name to its DuckDB type.

    ``text``: of a CSV file, all strings.  ``cells``: of a workbook, where things stand; columns with formulas are in it, but not
    in ``columns``.
    """

    source: str
    sql: str
    columns: Mapping[str, str]
    text: bool = False
    cells: Mapping[str, Column] | None = None

    def formula(self, name: str) -> str:
        """The end of an error about a missing column: that it is there, and holds formulas; or nothing."""
        column = None if self.cells is None else self.cells.get(name)
        if column is None or column.formula is None:
            return ""
        return f": cell {column.cell(column.formula)} holds a formula; copy the column and paste it as values"


def quoted(name: str) -> str:
    """A column or table name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A string or number as an SQL literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def nearest(name: str, names: Sequence[str]) -> str:
    """A hint ``; did you mean 'x'?``, or nothing if no name is near."""
    folded = {n.casefold(): n for n in names}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""


def refuse_twins(name: str, path: Path) -> None:
    """Two columns of one name in a header line: DuckDB would give the second a new one, and nobody would know which was read."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        line = stream.readline()
    heads = next(csv.reader([line], delimiter=max(",;\t|", key=line.count)), [])
    if twice := sorted({head for head in heads if head and heads.count(head) > 1}):
        raise DataError([f"{name}: two columns are named {head!r}" for head in twice])


def require_columns(table: Table, wanted: Mapping[str, str]) -> None:
    """Raise :class:`DataError` naming every wanted column (role -> name) that the table lacks."""
    names = list(table.columns)
    problems = [
        f"{table.source}: {role}: expected a column {name!r}, got columns {', '.join(names)}"
        f"{table.formula(name) or nearest(name, names)}"
        for role, name in wanted.items()
        if name not in table.columns
    ]
    if problems:
        raise DataError(problems)


class Tables:
    """An in-memory DuckDB connection, closed at the end of its ``with`` block."""

    def __init__(self) -> None:
        self._connection = duckdb.connect()
        self._attached = 0

    def __enter__(self) -> Tables:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def run(self, sql: str, source: str = "table") -> None:
        """Execute a statement that returns nothing of interest."""
        try:
            self._connection.execute(sql)
        except duckdb.Error as error:
            raise DataError([f"{source}: {_first_line(error)}"]) from error

    def rows(self, sql: str, source: str = "table") -> list[tuple[Any, ...]]:
        """The rows of a small result."""
        try:
            return list(self._connection.execute(sql).fetchall())
        except duckdb.Error as error:
            raise DataError([f"{source}: {_first_line(error)}"]) from error

    def arrays(self, sql: str, source: str = "table") -> dict[str, NDArray[Any]]:
        """The columns of a result; missing values arrive as numpy masked arrays."""
        try:
            return dict(self._connection.execute(sql).fetchnumpy())
        except duckdb.Error as error:
            raise DataError([f"{source}: {_first_line(error)}"]) from error

    def arrow(self, sql: str, source: str = "table") -> pa.Table:
        """The columns of a result as an Arrow table."""
        try:
            return self._connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise DataError([f"{source}: {_first_line(error)}"]) from error

    def define(self, sql: str, source: str) -> Table:
        """A table from a query."""
        described = self.rows(f"describe select * from ({sql}) t", source)
        return Table(source, f"({sql})", {str(row[0]): str(row[1]) for row in described})

    def open(self, source: str | Path, *, as_text: bool = False) -> Table:
        """Open a CSV, Parquet, Excel (``file.xlsx`` or ``file.xlsx::sheet``) or DuckDB table (``file.duckdb::table``).

        Columns of a workbook are numbers where every cell is one, else texts; dates are texts.  ``as_text`` leaves every CSV
        column a string, so that the caller decides what a dirty cell means; lines with too few or too many cells are then set
        aside in the table ``reject_errors``.
        """
        name = str(source)
        file, _, inner = name.partition("::")
        path = Path(file)
        if not path.is_file():
            beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
            got = "a folder" if path.is_dir() else "no such file"
            raise DataError(
                [f"{name}: expected a CSV, Parquet, Excel or DuckDB file, got {got}{nearest(path.name, beside)}"]
            )
        if path.stat().st_size == 0:
            raise DataError([f"{name}: expected a table, got an empty file"])
        low = path.name.casefold()
        if low.endswith(DUCKDB_SUFFIXES):
            return self._open_duckdb(name, path, inner)
        if low.endswith(PARQUET_SUFFIXES):
            return self._describe(name, f"read_parquet({literal(str(path))})", text=False)
        if low.endswith(TEXT_SUFFIXES):
            with path.open("rb") as stream:
                if not low.endswith((".gz", ".zst")) and b"\0" in stream.read(4096):
                    raise DataError([f"{name}: expected text with a header line, got binary data"])
            if low.endswith((".csv", ".tsv", ".txt")):
                refuse_twins(name, path)
            options = ", all_varchar=true, store_rejects=true" if as_text else ""
            return self._describe(name, f"read_csv({literal(str(path))}, header=true{options})", text=as_text)
        if low.endswith(EXCEL_SUFFIXES):
            return self._open_excel(name, path, inner)
        hint = "; hint: save it as .xlsx or .csv" if low.endswith(OTHER_BOOKS) else ""
        known = ".csv, .tsv, .txt, .parquet, .xlsx or .duckdb::table"
        raise DataError([f"{name}: expected a name that ends in {known}, got {path.suffix!r}{hint}"])

    def _open_excel(self, name: str, path: Path, inner: str) -> Table:
        about = path.stat()
        rows, cells = _sheet(path, about.st_mtime_ns, about.st_size, inner)
        if not cells:
            raise DataError([f"{name}: expected headings in the first row of the sheet, got none"])
        if not rows.column_names:
            first = next(iter(cells))
            words = Table(name, "", {}, cells=cells).formula(first)
            raise DataError([f"{name}: expected values, got formulas in every column{words}"])
        alias = f"sheet_{self._attached}"
        self._attached += 1
        self._connection.register(alias, rows)
        return replace(self._describe(name, alias, text=False), cells=cells)

    def _open_duckdb(self, name: str, path: Path, inner: str) -> Table:
        alias = f"attached_{self._attached}"
        self._attached += 1
        self.run(f"attach {literal(str(path))} as {alias} (read_only)", name)
        found = self.rows(f"select schema_name, table_name from duckdb_tables() where database_name = '{alias}'", name)
        found += self.rows(
            f"select schema_name, view_name from duckdb_views() where database_name = '{alias}' and not internal", name
        )
        tables = {t if s == "main" else f"{s}.{t}": f"{alias}.{quoted(s)}.{quoted(t)}" for s, t in found}
        if inner not in tables:
            listed = ", ".join(sorted(tables)) or "no tables"
            raise DataError([f"{name}: expected {path.name}::TABLE, got table {inner!r}; the file holds {listed}"])
        return self._describe(name, tables[inner], text=False)

    def _describe(self, name: str, sql: str, *, text: bool) -> Table:
        try:
            described = self._connection.execute(f"describe select * from {sql}").fetchall()
        except duckdb.Error as error:
            raise DataError([f"{name}: expected a table, got a file that is none ({_first_line(error)})"]) from error
        return Table(name, sql, {str(row[0]): str(row[1]) for row in described}, text)


@lru_cache(maxsize=2)
def _sheet(path: Path, changed: int, size: int, name: str) -> tuple[pa.Table, Mapping[str, Column]]:
    """A sheet's columns without formulas, and all of them by their cells; a file that has not changed is read once."""
    sheet = read_sheet(path, name)
    made = {}
    for head, column in sheet.columns.items():
        if column.formula is None:
            values = [*column.values, *([None] * (sheet.rows - len(column.values)))]
            if len(column.texts):
                made[head] = pa.array([as_text(value) for value in values], pa.string())
            else:
                numbers = pa.array(values, pa.float64())
                known = numbers.drop_null().to_numpy()
                whole = bool((np.abs(known) < 2.0**53).all() and (known == np.floor(known)).all())
                made[head] = numbers.cast(pa.int64()) if whole else numbers
        column.values.clear()
    return pa.table(made), sheet.columns


def write_parquet(
    path: Path, columns: Mapping[str, NDArray[Any]], metadata: Mapping[str, object] | None = None
) -> None:
    """Write columns of equal length as Parquet; ``metadata`` is kept beside them as JSON."""
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    if metadata is not None:
        table = table.replace_schema_metadata({b"cvmax": json.dumps(metadata).encode()})
    pq.write_table(table, path, compression="zstd")


def read_parquet(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The columns of a Parquet file as numpy arrays, and the metadata kept by :func:`write_parquet`."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError([f"{path}: expected a Parquet file, got {_first_line(error)}"]) from error
    kept = (table.schema.metadata or {}).get(b"cvmax", b"{}")
    return {name: np.asarray(table.column(name).to_numpy()) for name in table.column_names}, json.loads(kept)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def write_arrow(path: Path, table: Any) -> None:
    """Write an Arrow table as Parquet."""
    pq.write_table(table, path, compression="zstd")
