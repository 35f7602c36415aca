"""One sheet of an Excel workbook as columns, the only module that imports ``openpyxl``.

A formula is no value: what a workbook keeps beside it is what some program last worked out.  Columns that hold one are set
apart; numbers, texts and dates are told from each other as the workbook does.
"""

from __future__ import annotations

import warnings
import zlib
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from scenarios.errors import DataError

Value = float | str | None
DAMAGE = (
    BadZipFile,
    zlib.error,
    SyntaxError,
    LookupError,
    ValueError,
    TypeError,
    ArithmeticError,
    RuntimeError,
    EOFError,
    OSError,
)
"""What openpyxl raises for a file that is damaged, locked or no workbook; XML's own error is a SyntaxError."""


@dataclass
class Column:
    """Cells below a heading: ``letter`` of the column, ``values`` row by row (missing at the end: empty), the rows (0 = the first
    below the heading) that hold ``texts``, those of them that hold no text but a date, a time or a truth value (``odd``),
    and the first row that holds a ``formula``.
    """

    letter: str
    values: list[Value] = field(default_factory=list)
    texts: array[int] = field(default_factory=lambda: array("q"))
    odd: array[int] = field(default_factory=lambda: array("q"))
    formula: int | None = None

    def cell(self, row: int) -> str:
        """The address of a cell."""
        return f"{self.letter}{row + 2}"

    def keep(self, row: int, value: Value, formula: bool, odd: bool) -> None:
        """Set the cell of a row that is below all that are set."""
        self.values.extend([None] * (row - len(self.values)))
        if isinstance(value, str):
            self.texts.append(row)
        self.values.append(value)
        if odd:
            self.odd.append(row)
        if formula and self.formula is None:
            self.formula = row


@dataclass(frozen=True)
class Sheet:
    """``columns`` by heading, and the number of rows below the headings."""

    name: str
    columns: Mapping[str, Column]
    rows: int


def read_sheet(path: Path, wanted: str) -> Sheet:
    """The sheet named ``wanted``; if that is empty, the only one, or the only one with a heading ``customer_id``.

    Raises:
        DataError: no workbook, no such sheet or several that may be meant, headings that are twice there.
    """
    with _opened(path) as sheets:
        names = [name for name in sheets if not wanted or name == wanted]
        if not wanted and len(names) > 1:
            names = [name for name in names if "customer_id" in _headings(sheets[name]).values()]
        if len(names) == 1:
            return _read(path, names[0], sheets[names[0]])
        listed = f"the workbook holds {', '.join(sheets) or 'no sheets'}"
        if wanted:
            raise DataError([f"{path}: there is no sheet {wanted!r}; {listed}"])
        which = "several sheets" if names else "no sheet"
        hint = f"hint: {path.name}::SHEET names one"
        raise DataError([f"{path}: {which} with a heading 'customer_id' in the first row; {listed}; {hint}"])


@contextmanager
def _opened(path: Path) -> Iterator[dict[str, Any]]:
    """The sheets by name, read as they are iterated over."""
    with path.open("rb") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions that do not matter here
        try:
            book = load_workbook(stream, read_only=True, keep_links=False)
            yield {sheet.title: sheet for sheet in book.worksheets}
        except DAMAGE as error:
            hint = "hint: open it in a spreadsheet and save it as .xlsx, without a password, or as .csv"
            raise DataError(
                [f"{path}: expected an Excel workbook, got a file that cannot be read as one; {hint}"]
            ) from error


def _headings(sheet: Any) -> dict[int, str]:
    """Headings in the first row by place of the column."""
    sheet.reset_dimensions()  # some programs write wrong ones
    cells = next(iter(sheet.iter_rows(max_row=1)), ())
    found = {place: _plain(_value(cell.value)).strip() for place, cell in enumerate(cells)}
    return {place: heading for place, heading in found.items() if heading}


def _read(path: Path, name: str, sheet: Any) -> Sheet:
    headings = _headings(sheet)
    heads = list(headings.values())
    if twice := sorted({head for head in heads if heads.count(head) > 1}):
        raise DataError([f"{path}: sheet {name!r}: two columns are named {head!r}" for head in twice])
    columns = {place: Column(get_column_letter(place + 1)) for place in headings}
    same: dict[str, str] = {}  # texts that were seen
    rows = 0
    for row, cells in enumerate(sheet.iter_rows(min_row=2)):
        for place, column in columns.items():
            cell = cells[place] if place < len(cells) else None
            value = None if cell is None else _value(cell.value)
            if value is not None and cell is not None:
                kept = same.setdefault(value, value) if isinstance(value, str) else value
                column.keep(row, kept, cell.data_type == "f", isinstance(cell.value, bool | date | time))
                rows = row + 1
    return Sheet(name, {heading: columns[place] for place, heading in headings.items()}, rows)


def _value(cell: object) -> Value:
    """Numbers as numbers, all else as text; midnight is a day."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return float(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time.min else cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return None if cell is None or cell == "" else str(cell)


def _plain(value: Value) -> str:
    """A heading, or a number among texts, as text: whole numbers without a point."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return value or ""


def as_text(value: Value) -> str | None:
    """A cell of a column of texts."""
    return None if value is None else _plain(value)
