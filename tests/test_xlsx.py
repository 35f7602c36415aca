"""Workbooks as tables: what xlsxwriter puts in, cell by cell."""

from datetime import date, datetime

import pytest
import xlsxwriter
from click.testing import CliRunner

from cli import main
from scenarios.errors import DataError
from scenarios.tables import Tables

HEADS = ("customer_id", "offer", "value", "cost", "tier")
ROWS = [(1, "mail", 2.5, 1, "gold"), (1, "call", 4.125, 2, "gold"), (2, "mail", 1.0, 1, "silver")]


def book(path, sheets, **options):
    """sheet -> rows of cells; a date, and a text that begins with =, as themselves."""
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, **options}) as made:
        day = made.add_format({"num_format": "dd/mm/yyyy"})
        for name, rows in sheets.items():
            sheet = made.add_worksheet(name)
            for i, row in enumerate(rows):
                for j, cell in enumerate(row):
                    if isinstance(cell, date):
                        sheet.write_datetime(i, j, cell, day)
                    elif isinstance(cell, bytes):
                        sheet.write_formula(i, j, cell.decode(), None, 7)
                    elif cell is not None:
                        sheet.write(i, j, cell)
    return path


def table(path, inner=""):
    with Tables() as tables:
        opened = tables.open(f"{path}::{inner}" if inner else path)
        return opened, tables.rows(f"select * from {opened.sql}")


@pytest.mark.parametrize("constant_memory", [False, True])  # shared texts, and texts in the cells
def test_cells_come_back_as_they_are(tmp_path, constant_memory):
    rows = [HEADS, *ROWS, (None, None, None, None, None), (3, "=1+1 <&> é", -1e-300, None, "")]
    path = book(tmp_path / "c.xlsx", {"any": rows}, constant_memory=constant_memory)
    opened, found = table(path)
    assert list(opened.columns) == list(HEADS)
    assert opened.columns["customer_id"] == "BIGINT" and opened.columns["value"] == "DOUBLE"
    assert found == [*ROWS, (None,) * 5, (3, "=1+1 <&> é", -1e-300, None, None)]


@pytest.mark.parametrize("old", [False, True])
def test_dates_are_texts_and_mixed_columns_too(tmp_path, old):
    rows = [("when", "what"), (date(2026, 2, 28), 12), (datetime(2026, 3, 1, 18, 30), "12a"), (date(2000, 2, 29), 1.5)]
    opened, found = table(book(tmp_path / "c.xlsx", {"any": rows}, date_1904=old))
    assert set(opened.columns.values()) == {"VARCHAR"}
    assert found == [("2026-02-28", "12"), ("2026-03-01 18:30:00", "12a"), ("2000-02-29", "1.5")]


def test_the_sheet_with_the_customers_is_the_right_one(tmp_path):
    path = book(tmp_path / "c.xlsx", {"notes": [("about", "this")], "data": [HEADS, *ROWS]})
    assert table(path)[1] == ROWS
    opened, found = table(path, "notes")
    assert list(opened.columns) == ["about", "this"] and found == []


@pytest.mark.parametrize(
    ("sheets", "inner", "words"),
    [
        ({"a": [HEADS], "b": [HEADS]}, "", "several sheets with a heading 'customer_id' in the first row; the workbook holds a, b; "
         "hint: c.xlsx::SHEET names one"),
        ({"a": [("x",)], "b": [("y",)]}, "", "no sheet with a heading 'customer_id' in the first row; the workbook holds a, b"),
        ({"a": [HEADS]}, "z", "there is no sheet 'z'; the workbook holds a"),
        ({"a": [("x", "y", "x")]}, "", "sheet 'a': two columns are named 'x'"),
        ({"a": [(None,), ("x",)]}, "", "expected headings in the first row of the sheet, got none"),
    ],
)  # fmt: skip
def test_other_workbooks_are_refused(tmp_path, sheets, inner, words):
    path = book(tmp_path / "c.xlsx", sheets)
    with pytest.raises(DataError) as error:
        table(path, inner)
    assert words in str(error.value)


@pytest.mark.parametrize("name", ["c.xlsx", "c.xls", "c.ods"])
def test_what_is_no_workbook_is_refused_with_a_hint(tmp_path, name):
    (tmp_path / name).write_text("customer_id,offer\n1,mail\n")
    with pytest.raises(DataError, match=r"hint: .*save it as \.xlsx"):
        table(tmp_path / name)


def allocated(tmp_path, rows, constraints="- {name: budget, measure: cost, max: 2}"):
    book(tmp_path / "c.xlsx", {"candidates": [HEADS, *rows]})
    (tmp_path / "r.yaml").write_text(f"constraints:\n{constraints}\n")
    line = [str(tmp_path / "c.xlsx"), "--rules", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "out")]
    return CliRunner().invoke(main, ["allocate", *line, "--force"])


def test_faulty_cells_are_told_with_row_and_column(tmp_path):
    """A text that looks like a number, a date, an empty cell, an error: each where a number belongs."""
    rows = [
        (1, "mail", "2,5", 1, "a"),
        (2, "mail", "2.5", date(2026, 1, 1), "a"),
        (3, "mail", 2.5, None, "a"),
        (4, None, 1, 1, "a"),
    ]
    result = allocated(tmp_path, rows)
    assert result.exit_code == 2
    for words in (
        "cells C2, C3: expected a number in 'value', got the text '2,5'; numbers are written with a point as decimal mark",
        "cell D3: expected a number in 'cost', got the text '2026-01-01'",
        "expected a finite number in 'cost', got an empty cell (cell D4)",
        "row 4: offer is empty",
    ):
        assert words in result.stderr, result.stderr
    assert not (tmp_path / "out").exists()


def test_formulas_are_refused_in_columns_that_matter_only(tmp_path):
    rows = [(*row[:4], b"=1+1") for row in ROWS]
    assert allocated(tmp_path, rows).exit_code == 0
    rows = [(*row[:3], b"=1+1", row[4]) for row in ROWS]
    result = allocated(tmp_path, rows)
    assert result.exit_code == 2
    assert "column 'cost' is missing: cell D2 holds a formula; copy the column and paste it as values" in result.stderr


def test_formulas_everywhere_are_no_missing_headings(tmp_path):
    path = book(tmp_path / "c.xlsx", {"data": [HEADS, [b"=1+1"] * len(HEADS)]})
    with pytest.raises(DataError, match="got formulas in every column: cell A2 holds a formula"):
        table(path)


def test_a_damaged_workbook_is_refused_with_a_hint(tmp_path):
    """Bytes changed at many places, one after the other: read as it was, or refused, never a traceback."""
    whole = book(tmp_path / "c.xlsx", {"data": [HEADS, *ROWS * 50]}).read_bytes()
    refused = 0
    for place in range(40, len(whole), len(whole) // 60):
        path = tmp_path / f"{place}.xlsx"
        path.write_bytes(whole[:place] + bytes(255 - b for b in whole[place : place + 20]) + whole[place + 20 :])
        try:
            table(path)
        except DataError:
            refused += 1
    assert refused > 10
