"""The workbook and the CSV of a run."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from xml.etree import ElementTree

import pytest
from fake_results import awkward_results, fake_results
from report_cases import KINDS, every_kind

from scenarios.report.workbook import write_csv, write_workbook

XLSX = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def cells_of(content: bytes) -> dict[str, dict[str, tuple[str, str]]]:
    """Sheet -> cell -> (type, text); a formula has type ``f``."""
    book = zipfile.ZipFile(io.BytesIO(content))
    root = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
    strings = ["".join(t.text or "" for t in si.iter(f"{{{XLSX['m']}}}t")) for si in root.findall("m:si", XLSX)]
    names = [
        s.attrib["name"] for s in ElementTree.fromstring(book.read("xl/workbook.xml")).find("m:sheets", XLSX) or []
    ]
    sheets = {}
    for i, name in enumerate(names, 1):
        sheet = {}
        for c in ElementTree.fromstring(book.read(f"xl/worksheets/sheet{i}.xml")).iter(f"{{{XLSX['m']}}}c"):
            value = c.find("m:v", XLSX)
            if c.find("m:f", XLSX) is not None:
                sheet[c.attrib["r"]] = ("f", "")
            elif value is not None and value.text is not None:
                kind = c.attrib.get("t", "n")
                sheet[c.attrib["r"]] = (kind, strings[int(value.text)] if kind == "s" else value.text)
        sheets[name] = sheet
    return sheets


def test_the_workbook_holds_every_sheet_and_numbers_are_numbers() -> None:
    results = fake_results()
    sheets = cells_of(write_workbook(results))
    assert list(sheets) == [
        "summary", "strategies", "cash by month", "contacts", "rules", "assumptions", "drivers", "series",
        "budget curve", "split of the budget", "concentration", "returns and losses", "segments as seen", "provenance",
    ]  # fmt: skip
    table = sheets["strategies"]
    row = int(next(cell for cell, (_, text) in table.items() if text == "strategy").removeprefix("A"))
    head = {text: re.sub(r"\d", "", cell) for cell, (_, text) in table.items() if re.sub(r"\D", "", cell) == str(row)}
    assert table[f"A{row + 1}"] == ("s", "optimal")
    best = results.strategy("optimal")
    for words, value in (
        ("CLV per customer", best.clv_per_customer),
        ("decision interval (95%), low", best.difference_ci.low),
        ("noise of this run (95%), high", best.simulation_ci.high),
        ("spend", best.spend),
        ("P(best)", best.p_best),
    ):
        kind, text = table[f"{head[words]}{row + 1}"]
        assert kind == "n"
        assert float(text) == pytest.approx(value)
    none = int(next(cell for cell, (_, text) in table.items() if text == "none").removeprefix("A"))
    assert f"{head['ROI']}{none}" not in table, "the strategy none spends nothing: no value, an empty cell"


@every_kind
def test_no_text_becomes_a_formula_or_a_link(kind: str) -> None:
    results = KINDS[kind]()
    content = write_workbook(results)
    assert all(kind in ("n", "s") for sheet in cells_of(content).values() for kind, _ in sheet.values())
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert not any(word in name.lower() for name in names for word in ("hyperlink", "external"))
    if results.scenario.startswith("<img"):
        texts = {text for _, text in cells_of(content)["strategies"].values()}
        assert {'=HYPERLINK("http://evil.example","click")', "+plus", "-minus", "@at"} <= texts
        assert 'quotePrefix="1"' in zipfile.ZipFile(io.BytesIO(content)).read("xl/styles.xml").decode()


def test_the_same_results_give_the_same_workbook() -> None:
    assert write_workbook(fake_results()) == write_workbook(fake_results())


def test_csv_quotes_what_could_be_a_formula() -> None:
    rows = list(csv.reader(io.StringIO(write_csv(awkward_results()))))
    names = [row[0] for row in rows[1:]]
    assert not any(name.startswith(("=", "+", "-", "@", "\t", "\r")) for name in names)
    assert "'+plus" in names
    assert len({len(row) for row in rows}) == 1


def test_csv_has_the_documents_names_and_numbers() -> None:
    results = fake_results()
    rows = {row["strategy"]: row for row in csv.DictReader(io.StringIO(write_csv(results)))}
    best = results.strategy("optimal")
    assert float(rows["optimal"]["difference_ci_low"]) == best.difference_ci.low
    assert float(rows["optimal"]["clv_per_customer"]) == best.clv_per_customer
    assert rows["none"]["roi"] == ""
