"""A table column by column: what a large file of candidates is read through, without being in memory as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scenarios.errors import DataError
from scenarios.tables import PARQUET_SUFFIXES, Table, Tables, quoted


class Store:
    """The rows of one table, column by column, so that a large Parquet file need not be in memory as a whole."""

    def __init__(self, table: pa.Table | None, path: Path | None = None, texts: Sequence[str] = ()) -> None:
        self._table, self._path, self._texts = table, path, list(texts)
        self._schema = table.schema if table is not None else pq.read_schema(path)
        self.names: tuple[str, ...] = tuple(self._schema.names)
        self.rows: int = table.num_rows if table is not None else pq.read_metadata(path).num_rows

    def empty(self, name: str) -> int:
        """Cells of a column that are empty; from a Parquet file's statistics where it has them."""
        if self._path is not None:
            found = pq.read_metadata(self._path)
            place = found.schema.to_arrow_schema().names.index(name)
            groups = [found.row_group(i).column(place).statistics for i in range(found.num_row_groups)]
            if len(found.schema) == len(self.names) and all(g is not None and g.has_null_count for g in groups):
                return sum(g.null_count for g in groups)
        return int(self.column(name).null_count)

    def kind(self, name: str) -> str:
        """A column's Arrow type in words."""
        return str(self._schema.field(name).type)

    def column(self, name: str) -> pa.ChunkedArray:
        """A column as it is; texts of a Parquet file arrive dictionary-encoded."""
        if self._table is not None:
            return self._table.column(name)
        again = [name] if name in self._texts else []
        return pq.read_table(self._path, columns=[name], read_dictionary=again).column(0)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """(rows,) a column as float64; NaN where there is no number."""
        column = self.column(name)
        if not pa.types.is_float64(column.type):
            try:
                column = pc.cast(column, pa.float64(), safe=False)
            except pa.ArrowException:
                raise DataError([f"column {name!r}: expected numbers, got {column.type}"]) from None
        out: NDArray[np.float64] = column.to_numpy()
        return out

    def integers(self, name: str) -> NDArray[np.integer] | None:
        """(rows,) a column of whole numbers, None if it is something else or has empty cells."""
        if not pa.types.is_integer(self._schema.field(name).type):
            return None
        column = self.column(name)
        return None if column.null_count else np.asarray(column.to_numpy())

    def pieces(self, name: str) -> list[NDArray[np.float64]]:
        """A column of doubles in the pieces that it is stored in, not copied; none if it is something else."""
        if not pa.types.is_float64(self._schema.field(name).type):
            return []
        return [chunk.to_numpy(zero_copy_only=False) for chunk in self.column(name).chunks]

    def encoded(self, name: str) -> tuple[NDArray[np.int32], list[Any]]:
        """(rows,) codes, -1 for an empty cell, and the values they stand for, in order of appearance."""
        column = self.column(name)
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        whole = column.unify_dictionaries().combine_chunks()
        if isinstance(whole, pa.ChunkedArray):  # no chunk at all
            return np.zeros(0, dtype=np.int32), []
        codes = whole.indices
        if codes.null_count:
            codes = pc.fill_null(codes, -1)
        return codes.to_numpy(zero_copy_only=False).astype(np.int32, copy=False), whole.dictionary.to_pylist()

    def runs(self, name: str) -> tuple[NDArray[np.int32], pa.Array]:
        """(rows,) code of each row's value, and the distinct values in order of appearance.

        Quick where equal values stand together: then only the first row of each run is hashed.
        """
        column = self.column(name)
        if pa.types.is_dictionary(column.type):
            column = pc.cast(column, column.type.value_type)
        if self.rows < 2:
            return np.zeros(self.rows, dtype=np.int32), column.combine_chunks()
        if pa.types.is_integer(column.type) and not column.null_count:
            number = column.to_numpy()
            other = number[1:] != number[:-1]
            head = number[np.concatenate([[0], np.flatnonzero(other) + 1])]
            if (head[1:] > head[:-1]).all():  # sorted: nothing to hash
                place = np.zeros(self.rows, dtype=np.int32)
                np.cumsum(other, out=place[1:], dtype=np.int32)
                return place, pa.array(head, column.type)
        moved = pc.not_equal(column.slice(1), column.slice(0, self.rows - 1)).to_numpy()
        first = np.concatenate([[0], np.flatnonzero(moved) + 1])
        heads = column.take(pa.array(first)) if len(first) < self.rows else column
        whole = heads.dictionary_encode().unify_dictionaries().combine_chunks()
        code = whole.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
        run = np.zeros(self.rows, dtype=np.int32)
        np.cumsum(moved, out=run[1:], dtype=np.int32)
        if len(whole.dictionary) < len(first):
            run = code[run]
        return run, whole.dictionary

    def with_keys(self, names: Sequence[str], keys: Sequence[str], bad: NDArray[np.bool_]) -> Store:
        """The columns ``names``, keys as texts: ``bad`` rows get a first key of their own, and of the others the first there is."""
        columns = {name: self.column(name) for name in names}
        own = pa.array([f"row {row + 1}" for row in np.flatnonzero(bad).tolist()], pa.string())
        for name in keys:
            texts = pc.cast(columns[name], pa.string()).combine_chunks()
            known = texts.drop_null()
            spare = known[0].as_py() if len(known) else "none"
            whole = pc.replace_with_mask(texts, pa.array(bad), own) if name == keys[0] else pc.fill_null(texts, spare)
            columns[name] = pa.chunked_array([whole])
        return Store(pa.table(columns))

    def take(self, rows: NDArray[np.integer], known: Mapping[str, Any]) -> pa.Table:
        """These rows, all columns; columns in ``known`` are at hand and need not be read."""
        places = pa.array(rows)
        made = {}
        for name in self.names:
            column = known[name] if name in known else pc.take(self.column(name), places)
            if pa.types.is_dictionary(column.type):
                column = pc.cast(column, column.type.value_type)
            made[name] = column
        return pa.table(made)


def table_of(columns: Mapping[str, Any]) -> pa.Table:
    """An Arrow table; a column is an array, a masked array, or (texts, codes) where -1 is the last text."""
    made = {}
    for name, column in columns.items():
        if isinstance(column, tuple):
            texts, codes = column
            made[name] = pa.array(texts, pa.string()).take(pa.array(np.where(codes < 0, len(texts) - 1, codes)))
        elif isinstance(column, np.ma.MaskedArray):
            made[name] = pa.array(column.data, mask=np.ma.getmaskarray(column))
        else:
            made[name] = column if isinstance(column, pa.Array) else pa.array(column)
    return pa.table(made)


def take(values: pa.Array, places: NDArray[np.integer]) -> pa.Array:
    """Values at places."""
    return values.take(pa.array(places))


def coded(texts: Sequence[str | None] | None, codes: NDArray[Any]) -> pa.Array:
    """Texts by their codes; without texts the numbers themselves."""
    return pa.array(codes) if texts is None else pa.array(texts, pa.string()).take(pa.array(codes))


def place_in(values: Any, known: pa.Array) -> NDArray[np.int64]:
    """Place of each value in ``known``, both compared as text; -1 where there is none."""
    texts = known if pa.types.is_string(known.type) else pc.cast(known, pa.string())
    found = pc.fill_null(pc.index_in(pc.cast(values, pa.string()), value_set=texts), -1)
    out: NDArray[np.int64] = found.to_numpy().astype(np.int64)
    return out


def store_of(tables: Tables, opened: Table, numbers: Sequence[str]) -> Store:
    """The table's columns; ``numbers`` are read as doubles, text that is no number as nothing.

    Parquet is read column by column from the file, unless numbers are kept as text in it.
    """
    texts = [name for name, kind in opened.columns.items() if kind == "VARCHAR"]
    path = Path(opened.source)
    if path.name.casefold().endswith(PARQUET_SUFFIXES) and not set(texts) & set(numbers):
        return Store(None, path, texts)
    columns = []
    for name in opened.columns:
        column = quoted(name)
        if name in numbers:
            inner = f"try_cast(trim({column})" if name in texts else f"cast({column}"
            column = f"{inner} as double) as {column}"
        columns.append(column)
    return Store(tables.arrow(f"select {', '.join(columns)} from {opened.sql}", opened.source))
