"""One sheet of an Excel workbook (.xlsx) as columns, by the standard library: ZIP and XML (ECMA-376 part 1, chapter 18).

A formula is no value: what a workbook keeps beside it is what some program last worked out.  Columns that hold one are set
apart; numbers, texts and dates are told from each other as the workbook does.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from array import array
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO
from xml.parsers import expat

from scenarios.errors import DataError

Value = float | str | None
_EPOCH = {False: datetime(1899, 12, 30), True: datetime(1904, 1, 1)}
_DATES = {*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)}  # built-in number formats that are dates or times
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')


@dataclass
class Column:
    """Cells below a heading: ``letter`` of the column, ``values`` row by row (missing at the end: empty), the rows (0 = the first
    below the heading) that hold ``texts``, and the first row that holds a ``formula``.
    """

    letter: str
    values: list[Value] = field(default_factory=list)
    texts: array[int] = field(default_factory=lambda: array("q"))
    formula: int | None = None

    def cell(self, row: int) -> str:
        """The address of a cell."""
        return f"{self.letter}{row + 2}"


@dataclass(frozen=True)
class Sheet:
    """``columns`` by heading, and the number of rows below the headings."""

    name: str
    columns: Mapping[str, Column]
    rows: int


class _Enough(Exception):
    """The first row is all that is wanted."""


def read_sheet(path: Path, wanted: str) -> Sheet:
    """The sheet named ``wanted``; if that is empty, the only one, or the only one with a heading ``customer_id``.

    Raises:
        DataError: no workbook, no such sheet or several that may be meant, headings that are twice there.
    """
    try:
        with zipfile.ZipFile(path) as book:
            return _Book(book, path).sheet(wanted)
    except (zipfile.BadZipFile, KeyError, expat.ExpatError, RuntimeError, NotImplementedError) as error:
        hint = "hint: open it in a spreadsheet and save it as .xlsx, without a password, or as .csv"
        raise DataError(
            [f"{path}: expected an Excel workbook, got a file that cannot be read as one; {hint}"]
        ) from error


class _Book:
    """The parts of a workbook that its sheets refer to."""

    def __init__(self, book: zipfile.ZipFile, path: Path) -> None:
        self.book, self.path = book, path
        targets: dict[str, str] = {}
        self.sheets: dict[str, str] = {}
        self.epoch = _EPOCH[False]

        def related(tag: str, items: dict[str, str]) -> None:
            if tag == "Relationship":
                targets[items["Id"]] = posixpath.normpath(posixpath.join("/xl", items["Target"])).lstrip("/")

        def listed(tag: str, items: dict[str, str]) -> None:
            if tag == "workbookPr":
                self.epoch = _EPOCH[items.get("date1904", "0") in ("1", "true")]
            elif tag == "sheet":
                part = targets.get(next(value for key, value in items.items() if key.endswith(":id")), "")
                if "worksheets" in part:  # not a chart's
                    self.sheets[items["name"]] = part

        self._each("xl/_rels/workbook.xml.rels", related)
        self._each("xl/workbook.xml", listed)
        self.dates = self._date_styles()
        self.strings: list[str] | None = None

    def _each(self, part: str, start: Callable[[str, dict[str, str]], None]) -> None:
        """Every element of a part that may be missing."""
        if part in self.book.namelist():
            with self.book.open(part) as stream:
                _parse(stream, start, lambda _: None, lambda _: None)

    def _date_styles(self) -> set[int]:
        """Places of the cell formats that show a number as a date."""
        own: dict[int, str] = {}
        formats: list[int] = []
        inside = ""

        def start(tag: str, items: dict[str, str]) -> None:
            nonlocal inside
            if tag in ("cellXfs", "cellStyleXfs", "dxfs"):
                inside = tag
            elif tag == "numFmt" and not inside:
                own[int(items["numFmtId"])] = items["formatCode"]
            elif tag == "xf" and inside == "cellXfs":
                formats.append(int(items.get("numFmtId", "0")))

        self._each("xl/styles.xml", start)
        shown = {number for number, code in own.items() if re.search(r"[dmyhs]", _QUOTED.sub("", code.lower()))}
        return {place for place, number in enumerate(formats) if number in (shown | _DATES) - {0}}

    def sheet(self, wanted: str) -> Sheet:
        """See :func:`read_sheet`."""
        names = list(self.sheets)
        if not wanted and len(names) > 1:
            names = [name for name in names if "customer_id" in self._read(name, heading_only=True).columns]
        listed = ", ".join(self.sheets) or "no sheets"
        if wanted and wanted not in self.sheets:
            raise DataError([f"{self.path}: there is no sheet {wanted!r}; the workbook holds {listed}"])
        if not wanted and len(names) != 1:
            which = "several sheets" if names else "no sheet"
            hint = f"hint: {self.path.name}::SHEET names one"
            raise DataError(
                [
                    f"{self.path}: {which} with a heading 'customer_id' in the first row; the workbook holds {listed}; {hint}"
                ]
            )
        return self._read(wanted or names[0])

    def _read(self, name: str, heading_only: bool = False) -> Sheet:
        if self.strings is None:
            self.strings = self._shared()
        cells = _Cells(self.strings, self.dates, self.epoch, heading_only)
        with self.book.open(self.sheets[name]) as stream, suppress(_Enough):
            _parse(stream, cells.start, cells.end, cells.text)
        heads = [head for head, _ in cells.columns.values()]
        if twice := sorted({head for head in heads if heads.count(head) > 1}):
            raise DataError([f"{self.path}: sheet {name!r}: two columns are named {head!r}" for head in twice])
        return Sheet(name, dict(cells.columns.values()), cells.rows)

    def _shared(self) -> list[str]:
        """The texts that cells point at; readings of Asian texts left out."""
        found: list[str] = []
        piece: list[str] = []
        inside = {"t": False, "rPh": False}

        def start(tag: str, _: dict[str, str]) -> None:
            if tag in inside:
                inside[tag] = True

        def end(tag: str) -> None:
            if tag in inside:
                inside[tag] = False
            elif tag == "si":
                found.append("".join(piece))
                piece.clear()

        def text(data: str) -> None:
            if inside["t"] and not inside["rPh"]:
                piece.append(data)

        if "xl/sharedStrings.xml" in self.book.namelist():
            with self.book.open("xl/sharedStrings.xml") as stream:
                _parse(stream, start, end, text)
        return found


class _Cells:
    """What a sheet's parser hears."""

    def __init__(self, strings: list[str], dates: set[int], epoch: datetime, heading_only: bool) -> None:
        self.strings, self.dates, self.epoch, self.heading_only = strings, dates, epoch, heading_only
        self.columns: dict[str, tuple[str, Column]] = {}
        self.rows = 0
        self.row = 0
        self.kind, self.style, self.letter = "n", 0, ""
        self.formula, self.taking = False, False
        self.data: list[str] = []
        self.same: dict[str, str] = {}  # texts that were seen

    def start(self, tag: str, items: dict[str, str]) -> None:
        if tag == "c":
            at = items.get("r")
            self.letter = at.rstrip("0123456789") if at else _letter(_place(self.letter) + 1)
            self.kind, self.style = items.get("t", "n"), int(items.get("s", "0"))
            self.formula = False
            self.data.clear()
        elif tag == "v" or tag == "t":
            self.taking = True
        elif tag == "f":
            self.formula = True
        elif tag == "row":
            self.row = int(items.get("r", self.row + 1))
            self.letter = ""
            if self.heading_only and self.row > 1:
                raise _Enough

    def text(self, data: str) -> None:
        if self.taking:
            self.data.append(data)

    def end(self, tag: str) -> None:
        if tag == "v" or tag == "t":
            self.taking = False
        elif tag == "c":
            value = self._value()
            if self.row == 1:
                if value is not None and str(value).strip():
                    self.columns[self.letter] = (_plain(value).strip(), Column(self.letter))
            elif (value is not None or self.formula) and self.letter in self.columns:
                self._keep(self.columns[self.letter][1], self.row - 2, value)

    def _keep(self, column: Column, row: int, value: Value) -> None:
        values = column.values
        if len(values) < row:
            values.extend([None] * (row - len(values)))
        if isinstance(value, str):
            column.texts.append(row)
        values.append(value)
        if self.formula and column.formula is None:
            column.formula = row
        self.rows = max(self.rows, row + 1)

    def _value(self) -> Value:
        text = "".join(self.data)
        if self.kind == "s":
            return self.strings[int(text)] or None if text else None
        if self.kind == "n":
            if not text:
                return None
            number = float(text)
            return self._day(number) if self.style in self.dates else number
        if self.kind == "b":
            return "true" if text == "1" else "false"
        if self.kind == "d":
            return text.removesuffix("T00:00:00") or None
        return self.same.setdefault(text, text) or None

    def _day(self, number: float) -> str:
        try:
            day = self.epoch + timedelta(days=number)
        except OverflowError:
            return f"{number:g}"
        day = (day + timedelta(microseconds=500_000)).replace(microsecond=0)
        return day.date().isoformat() if day.time() == datetime.min.time() else day.isoformat(sep=" ")


def _parse(
    stream: IO[bytes],
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Elements without their prefixes.  Attributes keep theirs: those of cells have none."""
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def first(name: str, items: dict[str, str]) -> None:
        if ":" in name:
            parser.StartElementHandler = lambda name, items: start(name.rpartition(":")[2], items)
            parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
        else:
            parser.StartElementHandler, parser.EndElementHandler = start, end
        start(name.rpartition(":")[2], items)

    parser.StartElementHandler = first
    parser.CharacterDataHandler = text
    parser.ParseFile(stream)


def _plain(value: Value) -> str:
    """A heading, or a number among texts, as text: whole numbers without a point."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return value or ""


def as_text(value: Value) -> str | None:
    """A cell of a column of texts."""
    return None if value is None else _plain(value)


def _place(letters: str) -> int:
    place = 0
    for letter in letters:
        place = 26 * place + ord(letter) - 64
    return place


def _letter(place: int) -> str:
    letters = ""
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
