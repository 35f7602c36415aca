"""What ``cvmax allocate`` prints and writes: whole names, every reason, and plans that no sheet can hold."""

import importlib
import io

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from cli import main
from scenarios.allocate import allocate
from scenarios.report.allocation import funnel_lines, print_allocation
from tests.test_allocation_rules import make

LONG = "the budget of the whole year for everybody"


@pytest.fixture
def files(tmp_path):
    path, _ = make(tmp_path, 2, n=8)
    rules = f"constraints:\n- {{name: {LONG}, measure: cost, max: 6}}\n- {{name: calls, measure: count, max: 5}}\n"
    (tmp_path / "r.yaml").write_text(rules)
    return path, tmp_path / "r.yaml", tmp_path / "out"


def test_names_of_rules_are_never_cut(files):
    """Eight columns of figures beside a long name, into a pipe of 80 columns."""
    stream = io.StringIO()
    print_allocation(allocate(*files[:2], prices=True), stream)
    assert LONG in stream.getvalue() and "…" not in stream.getvalue()


@pytest.mark.parametrize(("reasons", "last"), [(13, "reason 12"), (14, "2 other reasons")])
def test_a_last_reason_is_named(files, monkeypatch, reasons, last):
    answer = allocate(*files[:2])
    funnel = [("outbid", f"reason {i}", 1) for i in range(reasons)]
    monkeypatch.setattr(type(answer), "funnel", lambda _: funnel)
    assert funnel_lines(answer)[-1].endswith(last)


@pytest.mark.parametrize("why", [False, True])
def test_a_plan_that_no_sheet_can_hold_stands_beside_the_workbook(files, monkeypatch, why):
    """The other sheets are written, and it is said where the rows are; a file of theirs is not replaced unasked."""
    for module in ("scenarios.allocation_files", "scenarios.allocation.command"):
        monkeypatch.setattr(importlib.import_module(module), "XLSX_ROWS", 1)
    path, rules, out = map(str, files)
    line = ["allocate", path, "--rules", rules, "--out", out, "--format", "xlsx", *(["--why-not"] if why else [])]
    result = CliRunner().invoke(main, line)
    assert result.exit_code in (0, 4), result.output
    names = ["allocation.parquet", "allocation.xlsx", *(["why_not.parquet"] if why else [])]
    assert sorted(file.name for file in files[2].iterdir()) == names
    rows = pq.read_table(files[2] / "allocation.parquet").num_rows
    assert rows > 1 and result.stderr.count("wrote ") == len(names)
    (files[2] / "allocation.xlsx").unlink()
    again = CliRunner().invoke(main, line)
    assert again.exit_code == 2 and "allocation.parquet: exists already" in again.stderr
    assert not (files[2] / "allocation.xlsx").exists()
