"""Candidates and rules to an allocation: the contract of files, JSON and exit codes; plans held to brute force."""

import itertools
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenarios.allocate import allocate
from scenarios.allocation_files import write_allocation
from scenarios.candidates_file import read_candidates
from scenarios.errors import ConfigError, CvmaxError, DataError, InputError

HEAD = "customer_id,offer,channel,value,cost,margin,revenue,segment\n"
ROWS = [
    ("007", "coupon", "email", 5.0, 2.0, 3.0, 20.0, "loyal"),
    ("007", "call", "phone", 9.0, 6.0, 8.0, 20.0, "loyal"),
    ("b", "coupon", "email", 4.0, 1.0, 1.0, 10.0, "new"),
    ("b", "call", "phone", 5.0, 6.0, 2.0, 10.0, "new"),
    ("c", "coupon", "mail", 3.0, 3.0, 1.0, 30.0, "new"),
    ("d", "call", "phone", -1.0, 1.0, -1.0, 5.0, "new"),
]


def table(tmp_path, rows=ROWS, head=HEAD, name="c.csv"):
    path = tmp_path / name
    path.write_text(head + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


def rules(tmp_path, text="constraints:\n  - {name: budget, measure: cost, max: 8}\n"):
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    return path


def problems(*args, **kwargs):
    with pytest.raises(CvmaxError) as error:
        allocate(*args, **kwargs)
    return list(error.value.problems)


def best(rows, allowed):
    """Brute force: the most valuable plan that ``allowed`` lets pass."""
    by_customer = [list(group) for _, group in itertools.groupby(rows, key=lambda row: row[0])]
    plans = ([row for row in plan if row] for plan in itertools.product(*([None, *group] for group in by_customer)))
    return max((sum(row[3] for row in plan), plan) for plan in plans if allowed(plan))


def test_the_plan_is_the_best_one_within_the_budget(tmp_path):
    answer = allocate(table(tmp_path), rules(tmp_path))
    value, plan = best(ROWS, lambda plan: sum(row[4] for row in plan) <= 8)
    assert answer.solution.objective == pytest.approx(value)
    assert answer.exit_code == 0
    assert answer.rows.column("customer_id").to_pylist() == [row[0] for row in plan]  # 007 keeps its zeros
    assert answer.rows.column_names == HEAD.strip().split(",")
    document = answer.document()
    assert document["status"] == "met"
    assert document["selected"] == len(plan)
    (budget,) = document["constraints"]
    assert budget["name"] == "budget"
    assert budget["value"] == pytest.approx(sum(row[4] for row in plan))
    assert budget["shadow_price"] >= 0
    assert {"objective", "bound", "gap", "seconds", "passes"} <= set(document)
    assert json.loads(json.dumps(document, allow_nan=False)) == document


@pytest.mark.parametrize("kind", ["parquet", "duckdb"])
def test_other_tables_give_the_same_plan(tmp_path, kind):
    source = table(tmp_path)
    columns = list(zip(*ROWS, strict=True))
    arrow = pa.table({name: list(column) for name, column in zip(HEAD.strip().split(","), columns, strict=True)})
    if kind == "parquet":
        other = tmp_path / "c.parquet"
        pq.write_table(arrow, other)
    else:
        duckdb = pytest.importorskip("duckdb")
        with duckdb.connect(str(tmp_path / "c.duckdb")) as connection:
            connection.execute(
                f"create table scored as select * from read_csv('{source}', types={{'customer_id': 'VARCHAR'}})"
            )
        other = f"{tmp_path}/c.duckdb::scored"
    one, two = allocate(source, rules(tmp_path)), allocate(other, rules(tmp_path))
    assert np.array_equal(one.solution.arm, two.solution.arm)
    assert one.rows.column("offer").to_pylist() == two.rows.column("offer").to_pylist()


def test_filters_ratios_and_reports(tmp_path):
    text = """
constraints:
  - {name: budget, measure: cost, max: 100}
  - {name: margin floor, ratio: {of: margin, to: revenue}, min: 0.2}
  - {name: phone, measure: count, where: {channel: phone, segment: [loyal]}, max: 0}
  - {name: only shown, measure: revenue}
"""
    answer = allocate(table(tmp_path), rules(tmp_path, text))

    def allowed(plan):
        margin, revenue = sum(row[5] for row in plan), sum(row[6] for row in plan)
        return margin >= 0.2 * revenue and not any(row[2] == "phone" and row[7] == "loyal" for row in plan)

    value, plan = best(ROWS, allowed)
    assert answer.solution.objective == pytest.approx(value)
    found = {rule.name: rule for rule in answer.rules}
    assert found["margin floor"].value == pytest.approx(sum(row[5] for row in plan) / sum(row[6] for row in plan))
    assert found["only shown"].value == pytest.approx(sum(row[6] for row in plan))
    assert (found["only shown"].shadow_price, found["only shown"].binding) == (0, False)
    assert found["budget"].shadow_price == pytest.approx(0, abs=1e-9)
    assert "of the budget is left" in " ".join(answer.remarks)


def test_a_base_makes_room_for_less_profitable_offers(tmp_path):
    """margin floor 0.5 with what happens anyway: 100 margin on 150 revenue for each of four customers."""
    head = HEAD.replace("segment", "segment,base_margin,base_revenue")
    path = table(tmp_path, [(*row, 100, 150) for row in ROWS], head)
    text = "constraints: [{name: floor, ratio: {of: margin, to: revenue}, min: 0.5, scope: %s}]"
    base = allocate(path, rules(tmp_path, text % "base"))
    chosen = base.rows.to_pylist()
    total = (400 + sum(row["margin"] for row in chosen)) / (600 + sum(row["revenue"] for row in chosen))
    assert base.rules[0].value == pytest.approx(total)
    assert base.solution.objective > allocate(path, rules(tmp_path, text % "selected")).solution.objective


def test_the_margin_rate_of_an_offer_is_eligibility(tmp_path):
    answer = allocate(table(tmp_path), rules(tmp_path, "per_customer: {min_margin_rate: 0.12}\n"))
    assert set(answer.rows.column("customer_id").to_pylist()) == {"007", "b"}
    for row in answer.rows.to_pylist():
        assert row["margin"] >= 0.12 * row["revenue"]
    # d's only offer is worth less than nothing besides: neither test alone holds it back.
    assert answer.funnel() == [
        ("closed by several tests together", "", 1), ("ineligible", "min_margin_rate", 1),
    ]  # fmt: skip


def test_budget_replaces_the_rule_or_becomes_one(tmp_path):
    path = table(tmp_path)
    assert allocate(path, rules(tmp_path), budget=1).solution.objective == pytest.approx(4)
    answer = allocate(path, rules(tmp_path, "objective: value\n"), budget=1)
    assert [rule.name for rule in answer.rules] == ["budget"]
    assert answer.solution.objective == pytest.approx(4)
    assert problems(path, rules(tmp_path), budget=-1) == ["--budget: expected a number >= 0, got -1"]


def test_an_infeasible_problem_names_what_conflicts_and_by_how_much(tmp_path):
    text = "constraints: [{name: budget, measure: cost, max: 2}, {name: volume, measure: count, min: 3}]"
    answer = allocate(table(tmp_path), rules(tmp_path, text))
    assert answer.exit_code == 3
    assert answer.rows is None
    document = answer.document()
    assert document["status"] == "infeasible"
    assert (document["objective"], document["gap"], document["constraints"]) == (None, None, [])
    gives = {item["name"]: item["must_give"] for item in document["conflict"]}
    assert gives == pytest.approx({"budget": 2.0, "volume": 1.0})  # the three cheapest cost 1 + 1 + 2


@pytest.mark.parametrize(
    ("rows", "head", "expected"),
    [
        (ROWS, HEAD.replace("value", "valu").replace("cost", "costs"), ["column 'value' is missing; did you mean 'valu'?", "column 'cost' is missing; did you mean 'costs'?"]),
        ([], HEAD, ["expected candidates, got no rows"]),
        ([*ROWS, ROWS[1], ROWS[2]], HEAD, ["rows 2 and 7: customer 007 has call/phone twice", "rows 3 and 8: customer b has coupon/email twice"]),
        ([*ROWS, ("e", "call", "phone", "abc", 1, 1, 1, "new"), ("f", "call", "phone", "nan", "inf", 1, 1, "new")], HEAD, ["rows 7, 8: expected a finite number in 'value', got 'abc' (line 8), 'nan' (line 9)", "row 8: expected a finite number in 'cost', got 'inf' (line 9)"]),
        ([*ROWS, ("", "call", "phone", 1, 1, 1, 1, "new")], HEAD, ["row 7: customer_id is empty"]),
        ([*ROWS, ("e", "call", "phone", 1, -1, 1, 1, "new")], HEAD, ["row 7: expected a cost >= 0, got -1 at worst; 'allow_negative_cost: true' in the rules permits offers that save money"]),
    ],
)  # fmt: skip
def test_bad_rows_are_named(tmp_path, rows, head, expected):
    path = table(tmp_path, rows, head)
    found = problems(path, rules(tmp_path))
    assert [text.removeprefix(f"{path}: ") for text in found] == expected


def test_two_columns_of_one_name_are_refused(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("customer_id,offer,value,cost,cost\n1,a,3,1,5\n")
    assert problems(path, rules(tmp_path)) == [f"{path}: two columns are named 'cost'"]


def test_lines_with_too_many_cells_are_named(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(HEAD + "a,coupon,email,1,1,1,1,new\nb,coupon,email,1,1,1,1,new,extra\n")
    (problem,) = problems(path, rules(tmp_path))
    assert problem.startswith(f"{path}: line 3: ")


def test_negative_cost_where_it_is_allowed(tmp_path):
    path = table(tmp_path, [*ROWS, ("e", "call", "phone", 1, -1, 1, 1, "new")])
    text = "allow_negative_cost: true\nconstraints: [{name: budget, measure: cost, max: 0}]"
    answer = allocate(path, rules(tmp_path, text))
    assert answer.rules[0].value <= 0
    assert "b" in answer.rows.column("customer_id").to_pylist()  # paid by e's saving


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("constraints: [{name: a, measure: cost, min: 3, max: 2}]", "1 constraints.a: expected min <= max, got 3 > 2"),
        ("constraints:\n - {name: a, measure: cost, max: 1}\n - {name: a, measure: cost}", "3 constraints.a#2: 'a' is the name of two constraints"),
        ("per_customer: {only_if: {coupon: call}}", "1 per_customer.only_if: a prerequisite needs room for two offers: expected max_offers of at least 2"),
        ("constraint: []", "1 constraint: unknown key 'constraint'; did you mean 'constraints'?"),
        ("constraints: [{name: a, measure: cost, max: 1, per: year}]", "1 constraints.a.per: unknown key 'per'; known: name, measure, ratio, where, scope, parity, for_each, min, max, equal, report, penalty"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be(tmp_path, text, problem):
    path = rules(tmp_path, text)
    assert problems(table(tmp_path), path) == [f"{path}:{problem}"]


def test_filters_that_match_nothing_name_what_there_is(tmp_path):
    text = "constraints: [{name: a, measure: count, where: {channel: e-mail}}, {name: b, measure: count, where: {segment: [vip]}}]"
    path = rules(tmp_path, text)
    assert problems(table(tmp_path), path) == [
        f"{path}:1 constraints.a: where channel: nothing has the value 'e-mail'; did you mean 'email'?",
        f"{path}:1 constraints.b: where segment: nothing has the value 'vip'; known: loyal, new",
    ]
    text = "constraints: [{name: a, measure: count, where: {mood: good}}]"
    assert problems(table(tmp_path), rules(tmp_path, text))[0].endswith(
        "c.csv has no column 'mood'; known: channel, value, cost, margin, revenue, segment"
    )


def test_labels_of_numbers_and_labels_of_offers(tmp_path):
    arrow = pa.table({
        "customer_id": [1, 1, 2], "offer": ["x", "y", "x"], "value": [1.0, 2.0, 3.0], "cost": [1.0, 1.0, 1.0],
        "tier": [1, 1, 2], "family": ["f", "g", "f"], "mixed": ["p", "q", "q"],
    })  # fmt: skip
    path = tmp_path / "c.parquet"
    pq.write_table(arrow, path)
    data = read_candidates(path, ["value", "cost"], ["tier", "family"], [])
    assert data.arms == (("x", None), ("y", None))
    assert data.arm_labels["family"] == ("f", "g")
    assert data.customer_labels["tier"].values == ("1", "2")
    assert data.eligible.tolist() == [[True, True], [True, False]]
    with pytest.raises(DataError, match="label 'mixed' belongs neither to customers nor to offers"):
        read_candidates(path, ["value"], ["mixed"], [])


def test_files_are_whole_refuse_to_overwrite_and_hold_no_formulas(tmp_path):
    rows = pa.table({"customer_id": ["=1+1", "@x", "ok"], "offer": ["-a", "+b", "c"], "value": [-1.0, 2.5, None]})
    for kind in ("parquet", "csv", "xlsx"):
        path = write_allocation(rows, tmp_path / "out", kind)
        assert path.stat().st_size > 0
        with pytest.raises(InputError, match="exists already"):
            write_allocation(rows, tmp_path / "out", kind)
        write_allocation(rows, tmp_path / "out", kind, force=True)
    assert pq.read_table(tmp_path / "out" / "allocation.parquet").equals(rows)
    assert (tmp_path / "out" / "allocation.csv").read_text().splitlines() == [
        "customer_id,offer,value", "'=1+1,'-a,-1.0", "'@x,'+b,2.5", "ok,c,",
    ]  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "allocation.csv", "allocation.parquet", "allocation.xlsx",
    ]  # fmt: skip
    import zipfile

    with zipfile.ZipFile(tmp_path / "out" / "allocation.xlsx") as book:
        assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()


def test_a_wrong_rules_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        allocate(table(tmp_path), tmp_path / "absent.yaml")
