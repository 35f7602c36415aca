"""What users are told: that nothing binds, what a missed gap means, every conflict, the cell that is no number, the line of a rule."""

import json

import numpy as np
import pytest
from small_problems import all_plans, keeps_rows, plan_value, random_problem

from scenarios.allocate import allocate
from scenarios.errors import CvmaxError
from scenarios.report.allocation import conflict_lines
from solvers.impossible import without_impossible
from solvers.problem import Problem, row
from solvers.solution import Status
from solvers.solve import solve


def candidates(tmp_path, n=400, k=3, seed=0):
    rng = np.random.default_rng(seed)
    cost = np.round(rng.gamma(2, 1, (n, k)) * (1 + np.arange(k)), 2) + 0.01
    value = np.round(cost * rng.gamma(2, 0.9, (n, k)) - 0.7 * cost, 2)
    lines = [f"{i},o{j},{value[i, j]},{cost[i, j]},{('gold', 'silver')[i % 2]}" for i in range(n) for j in range(k)]
    path = tmp_path / "c.csv"
    path.write_text("customer_id,offer,value,cost,tier\n" + "\n".join(lines) + "\n")
    return path


def rules(tmp_path, constraints=(), **more):
    path = tmp_path / "r.yaml"
    path.write_text(json.dumps({"constraints": list(constraints), **more}))
    return path


def problems(*args, **kwargs):
    with pytest.raises(CvmaxError) as error:
        allocate(*args, **kwargs)
    return "\n".join(error.value.problems)


def test_a_plan_without_limits_says_so(tmp_path):
    path = candidates(tmp_path)
    assert any(text.startswith("No rule limits the plan") for text in allocate(path, rules(tmp_path)).remarks)
    loose = rules(tmp_path, [{"name": "budget", "measure": "cost", "max": 1e5}])
    assert any(text.startswith("No rule binds") for text in allocate(path, loose).remarks)
    tight = rules(tmp_path, [{"name": "budget", "measure": "cost", "max": 100}])
    assert not any(text.startswith("No rule") for text in allocate(path, tight).remarks)


def test_offers_that_alone_break_a_rule_close_the_gap_of_small_budgets(tmp_path):
    """The best ratio is an offer that the budget cannot pay: the relaxation takes part of it."""
    measures = np.ones((2, 1, 3000))
    measures[:, 0, 0] = 5000.0, 100.0
    rows = (row((2, 1, 1), "budget", [(1, np.ones(1, bool), np.ones(1, bool), 1.0)], upper=7.0),)
    problem = Problem(measures, ("value", "cost"), np.zeros(3000, np.int32), 1, rows)
    reduced = without_impossible(problem)
    assert reduced is not None and np.flatnonzero(~reduced.eligible[0]).tolist() == [0]
    solution = solve(problem, gap=1e-6)
    assert solution.status is Status.MET and solution.objective == 7.0
    assert solution.rows[0].shadow_price == pytest.approx(50.0)  # what more room brings, in parts of an offer
    path = candidates(tmp_path)
    few = allocate(path, rules(tmp_path, [{"name": "budget", "measure": "cost", "max": 4}]))
    assert few.exit_code == 0
    assert any(text.startswith("Prices are those of parts of offers") for text in few.remarks)


def test_no_plan_is_lost_with_what_is_impossible():
    """Random problems of every kind of rule; all plans by enumeration."""
    closed = 0
    for seed in range(300):
        problem = random_problem(seed)
        reduced = without_impossible(problem)
        if reduced is None:
            continue
        closed += 1
        before = [plan_value(problem, plan) for plan in all_plans(problem) if keeps_rows(problem, plan)]
        after = [plan_value(problem, plan) for plan in all_plans(reduced) if keeps_rows(problem, plan)]
        assert sorted(before) == sorted(after), seed
    assert closed > 40


def test_a_missed_gap_is_said_in_money_with_what_helps(tmp_path):
    path = candidates(tmp_path)
    file = rules(tmp_path, [{"name": "budget", "measure": "cost", "max": 50}])

    def rough(problem, **options):
        import dataclasses

        found = solve(problem, gap=1e-2)
        return dataclasses.replace(found, status=Status.GAP_NOT_MET, gap=0.0123, bound=found.objective / (1 - 0.0123))

    answer = allocate(path, file, time_limit=1, solver=rough)
    assert answer.exit_code == 4
    text = next(text for text in answer.remarks if "more is possible" in text)
    assert (
        f"At most {answer.solution.bound - answer.solution.objective:,.2f} more is possible: gap 0.012, asked 0.0001."
        in text
    )
    assert "a longer --time-limit may close it" in text and "--gap 0.02 accepts it" in text
    assert "out of a whole plan's reach" in text


CONFLICTS = [
    {"name": "many", "measure": "count", "where": {"tier": "gold"}, "min": 250},
    {"name": "floor", "measure": "count", "where": {"offer": "o2"}, "min": 50},
    {"name": "cap", "measure": "count", "where": {"offer": "o2"}, "max": 30},
    {"name": "spend", "measure": "cost", "where": {"tier": "silver"}, "min": 100},
    {"name": "limit", "measure": "cost", "where": {"tier": "silver"}, "max": 60},
    {"name": "innocent", "measure": "cost", "max": 5000},
]


def test_every_independent_conflict_is_named_with_what_each_must_give(tmp_path):
    """By hand: 200 gold customers; 50 > 30; 100 > 60."""
    answer = allocate(candidates(tmp_path), rules(tmp_path, CONFLICTS))
    assert answer.exit_code == 3
    found = {frozenset(c.name for c in answer.conflict if c.group == g) for g in {c.group for c in answer.conflict}}
    assert found == {frozenset({"many"}), frozenset({"floor", "cap"}), frozenset({"spend", "limit"})}
    gives = {c.name: c.gives for c in answer.conflict}
    assert gives == pytest.approx({"many": 50, "floor": 20, "cap": 20, "spend": 40, "limit": 40}, abs=1e-3)
    text = "\n".join(conflict_lines(answer))
    assert "conflict 3:" in text and "3 separate sets of rules conflict" in text
    one = allocate(candidates(tmp_path), rules(tmp_path, CONFLICTS[1:3]))
    assert {c.group for c in one.conflict} == {0} and "conflict 1" not in "\n".join(conflict_lines(one))


def test_the_cell_that_is_no_number_is_shown_with_its_line(tmp_path):
    path = candidates(tmp_path)
    lines = path.read_text().splitlines()
    lines[4] = "1,o0,abc,2,gold"
    lines[7] = "2,o0,,2,gold"
    path.write_text("\n".join(lines) + "\n")
    text = problems(path, rules(tmp_path))
    assert f"{path}: rows 4, 7: expected a finite number in 'value', got 'abc' (line 5)" in text
    lines[4] = "1,o0,1,2 EUR,gold"
    path.write_text("\n".join(lines) + "\n")
    text = problems(path, rules(tmp_path))
    assert "row 7: expected a finite number in 'value', got an empty cell (line 8)" in text
    assert "row 4: expected a finite number in 'cost', got '2 EUR' (line 5)" in text


def test_unknown_columns_are_reported_at_the_key_that_names_them(tmp_path):
    path = candidates(tmp_path)
    file = tmp_path / "r.yaml"
    file.write_text(
        "objective: {valu: 1, cost: -1}\nrisk_aversion: 0.5\nper_customer:\n  min_margin_rate: 0.1\nconstraints:\n"
        "  - {name: budget, measure: cots, max: 3}\n"
    )
    text = problems(path, file)
    for part in (
        f"{file}:1 objective: {path} has no column 'valu'; did you mean 'value'?",
        f"{file}:2 risk_aversion: {path} has no column 'value_se'",
        f"{file}:4 per_customer.min_margin_rate: {path} has no column 'margin'",
        f"{file}:6 constraints.budget: {path} has no column 'cots'; did you mean 'cost'?",
    ):
        assert part in text
    assert text.count("'valu'") == 1
    file.write_text("per_customer:\n  max_offers: 2\n  never_together: [[o0, o7]]\n")
    assert f"{file}:3 per_customer.never_together: unknown offer 'o7'" in problems(path, file)


def test_a_regular_table_is_laid_out_like_any_other(tmp_path):
    """The same rows as a regular table in pieces of any size, and shuffled: the slow way is the twin of the quick one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from scenarios.candidates_file import read_candidates

    rng = np.random.default_rng(3)
    n, k = 500, 7
    columns = {
        "customer_id": np.repeat(np.arange(10, 10 + n), k),
        "offer": np.tile([f"o{j % 4}" for j in range(k)], n),
        "channel": np.tile([f"c{j // 4}" for j in range(k)], n),
        "value": rng.normal(size=n * k),
        "cost": rng.integers(1, 9, n * k),
        "tier": np.repeat(rng.integers(0, 3, n), k),
    }
    table, order = pa.table(columns), rng.permutation(n * k)
    for size in (3, 250, 1000, n * k):
        pq.write_table(table, tmp_path / "a.parquet", row_group_size=size)
        quick = read_candidates(tmp_path / "a.parquet", ["value", "cost"], ["tier"])
        assert quick.cycle is not None and quick.ids.to_pylist() == list(range(10, 10 + n))
        pq.write_table(table.take(order), tmp_path / "b.parquet", row_group_size=size)
        slow = read_candidates(tmp_path / "b.parquet", ["value", "cost"], ["tier"])
        assert slow.cycle is None and slow.arms == quick.arms
        place = np.array([slow.ids.to_pylist().index(i) for i in range(10, 10 + n)])
        assert np.array_equal(slow.measures[:, :, place], quick.measures)
        one, other = (x.customer_labels["tier"] for x in (quick, slow))
        assert [one.values[c] for c in one.codes] == [other.values[c] for c in other.codes[place]]
    nan = table.set_column(3, "value", [pa.array(np.where(np.arange(n * k) == 40, np.nan, columns["value"]))])
    pq.write_table(nan, tmp_path / "a.parquet", row_group_size=100)
    with pytest.raises(CvmaxError, match="row 41: expected a finite number in 'value', got nan"):
        read_candidates(tmp_path / "a.parquet", ["value", "cost"])
    twice = table.set_column(1, "offer", [pa.array(np.tile(["o0"] * k, n))])
    pq.write_table(twice, tmp_path / "a.parquet")
    with pytest.raises(CvmaxError, match="customer 10 has o0/c0 twice"):
        read_candidates(tmp_path / "a.parquet", ["value", "cost"])


@pytest.mark.parametrize("method", ["auto", "decomposition", "exact"])
def test_the_price_at_a_budget_of_nothing_is_that_of_the_first_unit(method):
    """The best offer's worth per unit, alone and beside another rule: the least multiplier that keeps all offers out."""
    rng = np.random.default_rng(1)
    measures = np.stack([rng.uniform(-1, 5, (3, 600)), rng.uniform(0.5, 2, (3, 600))])
    one, arms = np.ones(1, bool), np.ones(3, bool)
    budget = row((2, 1, 3), "budget", [(1, one, arms, 1.0)], upper=0.0)
    many = row((2, 1, 3), "many", [(2, one, arms, 1.0)], upper=100.0)
    for rows in ((budget,), (budget, many)):
        problem = Problem(measures, ("value", "cost"), np.zeros(600, np.int32), 1, rows)
        solution = solve(problem, method=method)
        best = float((measures[0] / measures[1]).max())
        assert solution.objective == 0.0 and solution.bound == pytest.approx(0.0, abs=1e-9)
        assert solution.rows[0].shadow_price == pytest.approx(best, rel=1e-6)
