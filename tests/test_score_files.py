"""``cvmax score``: real customers x offers as the file's ending says."""

import csv
from zipfile import ZipFile

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from cli import main

OWN = """
name: own
time: {period: week, horizon_periods: 8, discount_rate_annual: 0.1}
population: {fit: {transactions: sales.csv, columns: {customer_id: client, date: day, amount: euros}}}
margins: {gross_margin_rate: 0.3}
channels: {email: {cost_per_contact: 0.05}}
offers:
  coupon:
    {kind: discount, depth: 0.1, duration_periods: 2, channels: [email],
     effects: {response: {base: 0.1, source: assumed}, orders: {lift: 0.5, source: assumed}}}
rules: [{name: budget, measure: cost, max: 100}]
strategies: [none, optimal]
baseline: none
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("score")
    rng = np.random.default_rng(1)
    days = np.datetime64("2025-01-01") + rng.integers(0, 360, 1500)
    orders = zip(rng.integers(0, 100, 1500), days, rng.gamma(2, 10, 1500), strict=True)
    (path / "sales.csv").write_text("client,day,euros\n" + "\n".join(f"{c},{d},{a:.2f}" for c, d, a in orders))
    (path / "own.yaml").write_text(OWN)
    return path


def score(folder, name):
    return CliRunner().invoke(main, ["score", str(folder / "own.yaml"), "--out", str(folder / name)])


def test_candidates_are_written_as_the_ending_says(folder):
    for name in ("c.parquet", "c.CSV", "c.xlsx"):
        result = score(folder, name)
        assert result.exit_code == 0, result.output
    table = pq.read_table(folder / "c.parquet")
    with (folder / "c.CSV").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == table.column_names
    assert [float(row["value"]) for row in rows] == table.column("value").to_pylist()
    with ZipFile(folder / "c.xlsx") as book:
        assert 'name="candidates"' in book.read("xl/workbook.xml").decode()
    (folder / "r.yaml").write_text(
        "constraints:\n  - {name: budget, measure: cost, max: 20}\n  - {name: some, measure: count, min: 40}\n"
    )
    plans = []
    for name in ("c.parquet", "c.CSV", "c.xlsx"):
        out = folder / f"plan {name[2:]}"
        line = ["allocate", str(folder / name), "--rules", str(folder / "r.yaml"), "--out", str(out), "--json"]
        result = CliRunner().invoke(main, line)
        assert result.exit_code == 0, result.output
        plan = pq.read_table(out / "allocation.parquet")
        plans.append([(str(row["customer_id"]), row["offer"]) for row in plan.to_pylist()])
    assert plans[0] and plans[1:] == plans[:1] * 2


@pytest.mark.parametrize(("name", "got"), [("c.cvs", ".cvs"), ("c", "no ending"), ("c.csv.gz", ".gz")])
def test_other_endings_are_refused_before_anything_is_worked_out(folder, name, got):
    result = score(folder, name)
    assert result.exit_code == 2
    assert result.stderr == (
        f"--out {folder / name}: expected a file that ends with .parquet, .csv, .xlsx, got {got}\n"
    )
    assert not (folder / name).exists()
