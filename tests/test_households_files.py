"""Households and several offers in files: brute force over plans, reasons, given plans, and every kind of bad input."""

import itertools
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from scenarios.allocate import allocate
from scenarios.allocation.case import build_case
from scenarios.allocation.frontier import Asked, frontier
from scenarios.allocation.plans import read_plan
from scenarios.allocation.solving import Limits
from scenarios.errors import CvmaxError
from solvers.solution import Status

HEAD = "customer_id,offer,value,cost,home"


def table(tmp_path, n=6, k=3, seed=0, homes=("a", "a", "a", "b", "b", ""), shuffle=False, name="c.csv"):
    rng = np.random.default_rng(seed)
    value, cost = rng.integers(-1, 9, (n, k)), rng.integers(1, 5, (n, k))
    lines = [f"{i},o{j},{value[i, j]},{cost[i, j]},{homes[i]}" for i in range(n) for j in range(k)]
    if shuffle:
        rng.shuffle(lines)
        lines = lines[2:]  # not everybody has every offer
    path = tmp_path / name
    path.write_text("\n".join([HEAD, *lines]) + "\n")
    return path


def rules(tmp_path, constraints=(), name="r.yaml", **more):
    path = tmp_path / name
    path.write_text(json.dumps({"constraints": list(constraints), **more}))
    return path


def best(path, budget, room, offers):
    """Every plan of up to ``offers`` offers a customer, one by one."""
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    people = {}
    for who, offer, value, cost, home in rows:
        people.setdefault((who, home), []).append((float(value), float(cost), offer))
    options = [
        [(sum(o[0] for o in s), sum(o[1] for o in s), len(s), home) for m in range(offers + 1) for s in itertools.combinations(own, m)]
        for (_, home), own in people.items()
    ]  # fmt: skip
    top = 0.0
    for plan in itertools.product(*options):
        homes = {}
        for _, _, count, home in plan:
            homes[home] = homes.get(home, 0) + count
        if sum(p[1] for p in plan) <= budget and all(count <= room for home, count in homes.items() if home):
            top = max(top, sum(p[0] for p in plan))
    return top


@pytest.mark.parametrize("offers", [1, 2])
@pytest.mark.parametrize("shuffle", [False, True])
def test_the_plan_is_the_best_one_within_households(tmp_path, offers, shuffle):
    budget = [{"name": "budget", "measure": "cost", "max": 9}]
    for seed, room in ((0, 1), (1, 2)):
        path = table(tmp_path, seed=seed, n=5, homes=("a", "a", "a", "b", ""), shuffle=shuffle)
        file = rules(
            tmp_path, budget, per_household={"column": "home", "max_offers": room}, per_customer={"max_offers": offers}
        )
        answer = allocate(path, file, gap=1e-9)
        assert answer.exit_code == 0
        assert answer.solution.objective == pytest.approx(best(path, 9, room, offers))
        homes = answer.rows.column("home").to_pylist()
        assert all(homes.count(home) <= room for home in set(homes) if home)
        assert sum(n for _, _, n in answer.funnel()) == answer.customers - answer.solution.selected


def test_the_reason_and_what_one_more_offer_would_bring(tmp_path):
    """No rule but the households': everybody who gets nothing is capped, and one more offer brings the next best one's value."""
    path = tmp_path / "c.csv"
    path.write_text(f"{HEAD}\n1,o,5,1,a\n2,o,3,1,a\n3,o,2,1,a\n4,o,-1,1,b\n5,o,4,1,\n")
    answer = allocate(path, rules(tmp_path, per_household={"column": "home", "max_offers": 1}))
    assert answer.solution.objective == 9.0 and answer.solution.bound == pytest.approx(9.0)
    reasons = {(reason, because): n for reason, because, n in answer.funnel()}
    assert reasons == {
        ("capped", "per_household: 1 offer for each home"): 2,
        ("unprofitable", "value of every open offer <= 0"): 1,
    }
    assert answer.document()["per_household"] == {
        "column": "home", "max_offers": 1, "households": 2, "full": 1, "one_more_brings_at_most": 3.0,
    }  # fmt: skip
    assert (
        "1 of 2 households have the one offer that they may have; one more for each would bring 3.00 at most."
        in answer.remarks
    )


def test_outbid_members_are_outbid_and_not_capped(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(f"{HEAD}\n1,o,50,1,a\n2,o,3,10,a\n3,o,40,1,b\n4,o,4,10,c\n")
    budget = [{"name": "budget", "measure": "cost", "max": 3}]
    answer = allocate(path, rules(tmp_path, budget, per_household={"column": "home", "max_offers": 1}))
    assert answer.solution.objective == 90.0
    assert {reason for reason, _, _ in answer.funnel()} <= {"outbid", "at the margin", "capped"}


def test_the_curve_of_the_budget_with_households(tmp_path):
    path = table(tmp_path, seed=3)
    file = rules(
        tmp_path, [{"name": "budget", "measure": "cost", "max": 5}], per_household={"column": "home", "max_offers": 1}
    )
    found = frontier(build_case(path, file), Limits(1e-9), Asked(points=6))
    assert not found.exact
    for point in found.points:
        assert point.value == pytest.approx(best(path, point.bound + 1e-9, 1, 1))


@pytest.mark.parametrize(
    ("house", "home", "problem"),
    [
        ({"column": "homme", "max_offers": 1}, "a", "r.yaml:1 per_household: {path} has no column 'homme'; did you mean 'home'?"),
        ({"column": "home"}, "a", "r.yaml:1 per_household: 'max_offers' is missing"),
        ({"column": "home", "max_offers": 0}, "a", "r.yaml:1 per_household.max_offers: expected a number >= 1, got 0"),
        ({"column": "home", "max_offer": 1}, "a", "unknown key"),
        (
            {"column": "home", "max_offers": 1}, "z",
            "r.yaml:1 per_household.column: {path}: row 2: 'home' differs between the rows of one customer",
        ),
    ],
)  # fmt: skip
def test_households_that_cannot_be_read(tmp_path, house, home, problem):
    path = tmp_path / "c.csv"
    path.write_text(f"{HEAD}\n1,o,5,1,a\n1,p,3,1,{home}\n2,o,2,1,a\n2,p,2,1,a\n")
    with pytest.raises(CvmaxError) as error:
        allocate(path, rules(tmp_path, per_household=house))
    assert problem.format(path=path) in "\n".join(error.value.problems)


SEVERAL = {"max_offers": 2, "never_together": [["o0", "o1"]]}


def plan_file(tmp_path, lines, name="plan.csv"):
    path = tmp_path / name
    path.write_text("customer_id,offer\n" + "\n".join(lines) + "\n")
    return path


def test_given_plans_with_several_offers(tmp_path):
    path, file = (
        table(tmp_path),
        rules(tmp_path, [{"name": "budget", "measure": "cost", "max": 40}], per_customer=SEVERAL),
    )
    rows = {(r[0], r[1]): (float(r[2]), float(r[3])) for r in (x.split(",") for x in path.read_text().splitlines()[1:])}
    lines = ["3,o2", "0,o0", "0,o2", "4,"]
    answer = allocate(path, file, evaluate=plan_file(tmp_path, lines), gap=1e-9)
    chosen = [("3", "o2"), ("0", "o0"), ("0", "o2")]
    assert answer.keeps and answer.exit_code == 0
    assert answer.solution.objective == pytest.approx(sum(rows[c][0] for c in chosen))
    assert answer.rules[0].value == pytest.approx(sum(rows[c][1] for c in chosen))
    assert answer.best >= answer.solution.objective
    apart = allocate(path, file, evaluate=plan_file(tmp_path, ["0,o0", "0,o1"]))
    assert not apart.keeps and "Some customers have offers that never_together or only_if forbid." in apart.remarks


def test_held_customers_with_several_offers_keep_them(tmp_path):
    """Brute force over the others."""
    path = table(tmp_path, seed=5, n=5, homes=("a", "a", "b", "b", ""))
    file = rules(
        tmp_path, [{"name": "budget", "measure": "cost", "max": 11}],
        per_customer={"max_offers": 2}, per_household={"column": "home", "max_offers": 2},
    )  # fmt: skip
    answer = allocate(path, file, fix=plan_file(tmp_path, ["0,o0", "0,o2", "4,"]), gap=1e-9)
    data = answer.outcome.case.data
    v, c = data.measures[0], data.measures[data.names.index("cost")]
    sets = [s for m in range(3) for s in itertools.combinations(range(3), m)]
    top = -np.inf
    for others in itertools.product(sets, repeat=3):
        plan = [(0, 2), *others, ()]
        fits = len(plan[0]) + len(plan[1]) <= 2 and len(plan[2]) + len(plan[3]) <= 2
        if fits and sum(c[a, i] for i, s in enumerate(plan) for a in s) <= 11:
            top = max(top, sum(v[a, i] for i, s in enumerate(plan) for a in s))
    assert answer.solution.objective == pytest.approx(top)
    assert np.sort(np.stack(answer.outcome.layers)[:, 0]).tolist() == [0, 2]
    assert (np.stack(answer.outcome.layers)[:, 4] == -1).all()


def large(tmp_path, n=1500, k=4):
    rng = np.random.default_rng(2)
    cost = np.round(rng.gamma(2, 1, (n, k)), 3) + 0.01
    value = np.round(cost * rng.gamma(2, 0.9, (n, k)) - 0.5, 3)
    lines = [f"{i},o{j},{value[i, j]},{cost[i, j]},h{i // 3}" for i in range(n) for j in range(k)]
    path = tmp_path / "c.csv"
    path.write_text("\n".join([HEAD, *lines]) + "\n")
    return path


HOUSE = {"per_customer": SEVERAL, "per_household": {"column": "home", "max_offers": 3}}


def test_never_worse_than_a_plan_of_several_offers_that_it_starts_from(tmp_path):
    path = large(tmp_path)
    loose = allocate(path, rules(tmp_path, [{"name": "budget", "measure": "cost", "max": 800}], **HOUSE), gap=1e-3)
    assert loose.solution.others.shape == (1, 1500) and (loose.solution.others >= 0).any()
    pq.write_table(loose.rows, tmp_path / "plan.parquet")
    given = read_plan(str(tmp_path / "plan.parquet"), loose.outcome.case.data, 2)
    assert np.array_equal(np.sort(given.arms, axis=0), np.sort(np.stack(loose.outcome.layers), axis=0))
    file = rules(tmp_path, [{"name": "budget", "measure": "cost", "max": 800}], **HOUSE)
    again = allocate(path, file, gap=1e-2, start=tmp_path / "plan.parquet")
    assert again.solution.objective >= loose.solution.objective - 1e-9

    def nothing(problem, **options):
        import dataclasses

        from solvers import solve

        found = solve(problem, gap=1e-2)
        return dataclasses.replace(
            found, arm=np.full(problem.shape[2], -1, np.int16), others=found.others[:0], objective=0.0
        )

    kept = allocate(path, file, gap=1e-2, start=tmp_path / "plan.parquet", solver=nothing)
    assert kept.solution.objective == pytest.approx(loose.solution.objective) and kept.solution.method == "given plan"
    assert kept.rows.num_rows == loose.rows.num_rows


def test_bounds_at_todays_plan_of_several_offers_return_it(tmp_path):
    path = large(tmp_path, n=300)
    plan = allocate(path, rules(tmp_path, [{"name": "budget", "measure": "cost", "max": 150}], **HOUSE), gap=1e-3)
    pq.write_table(plan.rows, tmp_path / "plan.parquet")
    offers = {}
    for row in plan.rows.to_pylist():
        offers.setdefault(row["offer"], []).append(float(row["cost"]))
    exactly = [
        {"name": "cost", "measure": "cost", "for_each": "offer", "equal": {k: sum(v) for k, v in offers.items()}},
        {"name": "count", "measure": "count", "for_each": "offer", "equal": {k: len(v) for k, v in offers.items()}},
    ]
    answer = allocate(path, rules(tmp_path, exactly, **HOUSE), start=tmp_path / "plan.parquet", gap=1e-2)
    assert answer.solution.status is not Status.INFEASIBLE
    assert answer.solution.objective >= plan.solution.objective - 1e-9
    for name, rows in offers.items():
        assert sum(r["offer"] == name for r in answer.rows.to_pylist()) == len(rows)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["0,o0", "0,o2", "0,o1"], "row 3 customer_id: more than 2 offers for customer '0'"),
        (["0,", "0,o2"], "row 2 customer_id: a row that says no offer beside another row for customer '0'"),
        (["0,o2", "1,o1", "0,o2"], "row 3 offer: the customer has, in another row, 'o2'"),
        (["0,o2", "0,o9"], "row 2: unknown offer 'o9'"),
    ],
)
def test_plans_of_several_offers_that_cannot_be_read(tmp_path, lines, problem):
    path, file = table(tmp_path), rules(tmp_path, per_customer=SEVERAL)
    with pytest.raises(CvmaxError) as error:
        allocate(path, file, evaluate=plan_file(tmp_path, lines))
    assert problem in "\n".join(error.value.problems)


def test_a_household_that_holds_too_many_is_said(tmp_path):
    path = table(tmp_path)
    file = rules(tmp_path, per_household={"column": "home", "max_offers": 1})
    answer = allocate(path, file, evaluate=plan_file(tmp_path, ["0,o0", "1,o0"]))
    assert not answer.keeps and "1 households have more than 1 offers." in answer.remarks
    held = allocate(path, file, fix=plan_file(tmp_path, ["0,o0", "1,o0"]))
    assert (held.outcome.arm[:3] == [0, 0, -1]).all() and "1 households have more than 1 offers." in held.remarks
