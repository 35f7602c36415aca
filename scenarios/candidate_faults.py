"""What is wrong with single cells and rows of candidates, in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.candidates import rows_named
from scenarios.tables import Table, Tables, quoted

_COMMA = re.compile(r"[-+]?[\d.' ]*,\d+")
MOST_SHOWN = 5  # cells of a column
Floats = NDArray[np.float64]


def ragged_lines(tables: Tables, opened: Table) -> list[str]:
    """Lines of the CSV just read with too few or too many cells."""
    found = tables.rows("select distinct line, error_message from reject_errors order by line limit 5", opened.source)
    return [f"line {line}: {str(message).splitlines()[0]}" for line, message in found]


def texts_for_numbers(tables: Tables, opened: Table, names: Sequence[str]) -> list[str]:
    """Cells of a workbook that hold a text or a date where a number belongs, even one that looks like a number."""
    problems = []
    for name in dict.fromkeys(names):
        column = (opened.cells or {}).get(name)
        if column is None or not len(column.texts):
            continue
        cells = ", ".join(column.cell(row) for row in column.texts[:5])
        more = f" and {len(column.texts) - 5:,} more" if len(column.texts) > 5 else ""
        place = f"cell{'s' if len(column.texts) > 1 else ''} {cells}{more}"
        (value,) = tables.rows(f"select {quoted(name)} from {opened.sql} limit 1 offset {column.texts[0]}")[0]
        problems.append(f"{place}: expected a number in {name!r}, got the text {value!r}{_mark_hint(value)}")
    return problems


def no_names(tables: Tables, opened: Table, name: str) -> list[str]:
    """Cells of a workbook that hold a date or a truth value where a name belongs: most often what a spreadsheet made of one."""
    column = (opened.cells or {}).get(name)
    if column is None or not len(column.odd):
        return []
    cells = ", ".join(column.cell(row) for row in column.odd[:5])
    more = f" and {len(column.odd) - 5:,} more" if len(column.odd) > 5 else ""
    (value,) = tables.rows(f"select {quoted(name)} from {opened.sql} limit 1 offset {column.odd[0]}")[0]
    kind = "truth value" if value in ("true", "false") else "date or time"
    hint = "hint: format the column as text and write the name again"
    return [
        f"cell{'s' if len(column.odd) > 1 else ''} {cells}{more}: expected a {name}, got the {kind} {value}; {hint}"
    ]


def _mark_hint(cell: object) -> str:
    """What may be wrong with a number that has a comma."""
    if not isinstance(cell, str) or not _COMMA.fullmatch(cell.strip()):
        return ""
    return "; numbers are written with a point as decimal mark and without separators of thousands"


def not_finite(source: str, name: str, values: Floats, known: Sequence[int] | None = None) -> list[str]:
    """Rows without a finite number, but for those ``known`` to hold a text."""
    if np.isfinite(values.sum()):
        return []
    bad = np.flatnonzero(~np.isfinite(values))
    if known is not None:
        bad = np.setdiff1d(bad, np.asarray(known, np.int64))
    if not len(bad):
        return []
    shown = _shown(source, name, bad[:MOST_SHOWN].tolist())
    return [f"{rows_named(bad)}: expected a finite number in {name!r}, got {shown}"]


def _shown(source: str, name: str, rows: Sequence[int]) -> str:
    """Cells as they stand in the table, read again; rows keep their order there.  What is alike is told once."""
    found: dict[str, str] = {}
    hint = ""
    with Tables() as tables:
        opened = tables.open(source, as_text=True)
        for row in rows:
            ((cell,),) = tables.rows(f"select {quoted(name)} from {opened.sql} limit 1 offset {row}", source)
            place = f" (line {row + 2:,})" if opened.text else ""
            if opened.cells is not None:
                place = f" (cell {opened.cells[name].cell(row)})"
            what = "an empty cell" if cell is None else repr(cell) if isinstance(cell, str) else str(cell)
            found.setdefault(what, what + place)
            hint = hint or _mark_hint(cell)
    return ", ".join(found.values()) + hint


def repeated(
    source: str, cell: Any, customer: Any, ids: Any, arm: Any, arms: Sequence[tuple[str, str | None]]
) -> list[str]:
    """The first few customers that have an offer twice."""
    order = np.argsort(cell, kind="stable")
    again = np.flatnonzero(cell[order][1:] == cell[order][:-1])
    problems = []
    for place in again[:5].tolist():
        first, second = order[place], order[place + 1]
        offer = "/".join(part for part in arms[arm[first]] if part is not None)
        problems.append(
            f"{source}: rows {first + 1:,} and {second + 1:,}: customer {ids[int(customer[first])]} has {offer} twice"
        )
    if len(again) > 5:
        problems.append(f"{source}: {len(again) - 5:,} more rows repeat a customer and offer")
    return problems
