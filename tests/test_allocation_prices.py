"""Prices, reasons, conflicts and given plans, held to solves of their own and to brute force."""

import itertools
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from scenarios.allocate import allocate
from scenarios.allocation.case import build_case
from scenarios.allocation.solving import Limits, solve_case
from scenarios.errors import CvmaxError


def candidates(tmp_path, n=3000, k=4, seed=3, decimals=4):
    """n customers x k offers with value that grows less than cost; names of numbers, tiers and groups."""
    rng = np.random.default_rng(seed)
    cost = np.round(rng.gamma(2, 1, (n, k)) * (1 + np.arange(k)), decimals) + 0.01
    value = np.round(cost * rng.gamma(2, 0.9, (n, k)) - 0.7 * cost, decimals)
    revenue = np.round(value + cost + rng.gamma(2, 2, (n, k)), decimals)
    lines = ["customer_id,offer,channel,value,cost,margin,revenue,tier,group"]
    for i, j in itertools.product(range(n), range(k)):
        lines.append(
            f"{i},o{j},{'email' if j % 2 else 'mail'},{value[i, j]},{cost[i, j]},{0.8 * value[i, j]:.4f},{revenue[i, j]},"
            f"{('gold', 'silver', 'bronze')[i % 3]},{('a', 'b')[i % 5 == 0]}"
        )
    path = tmp_path / "c.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def rules(tmp_path, constraints, **more):
    path = tmp_path / "r.yaml"
    path.write_text(json.dumps({"constraints": constraints, **more}))
    return path


BINDING = [
    {"name": "budget", "measure": "cost", "max": 10000},
    {"name": "mail", "measure": "count", "where": {"channel": "mail"}, "max": 400},
    {"name": "gold", "measure": "cost", "where": {"tier": "gold"}, "min": 4400},
    {"name": "floor", "ratio": {"of": "margin", "to": "revenue"}, "min": 0.6},
]


@pytest.fixture(scope="module")
def priced(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("priced")
    return allocate(candidates(tmp_path, n=12000), rules(tmp_path, BINDING), gap=1e-4, prices=True)


def test_shadow_prices_lie_between_what_one_per_cent_brings_and_takes(priced):
    """V is concave in a bound: V(b + h) - V(b) <= price h <= V(b) - V(b - h), to the gaps of the solves."""
    slack = 2.5e-4 * priced.solution.objective
    bound_ones = [rule for rule in priced.rules if rule.binding]
    assert len(bound_ones) >= 3
    for rule in bound_ones:
        size = abs(rule.max if rule.max is not None else rule.min)
        step = 0.01 * size / (0.01 if rule.kind == "ratio" else 1.0)
        assert rule.price.looser - slack <= rule.shadow_price * step <= -rule.price.tighter + slack, rule.name


def test_the_price_of_a_rule_is_what_the_plan_gains_without_it(priced, tmp_path):
    path = candidates(tmp_path, n=12000)
    for left_out in ("mail", "floor"):
        rest = [rule for rule in BINDING if rule["name"] != left_out]
        other = allocate(path, rules(tmp_path, rest), gap=1e-4)
        gain = next(rule.price.without for rule in priced.rules if rule.name == left_out)
        assert gain == pytest.approx(
            other.solution.objective - priced.solution.objective, abs=2e-4 * priced.solution.objective
        )
        assert gain >= 0


def test_reasons_add_up_and_do_not_depend_on_the_order_of_rules(tmp_path):
    path = candidates(tmp_path, n=12000)
    tests = [
        {"name": "no silver by mail", "where": {"channel": "mail"}, "never": {"tier": "silver"}},
        {"name": "margin in hand", "only": {"margin": {"min": 2.0}}},
    ]
    funnels = []
    for order in (1, -1):
        per = {"eligible": tests[::order], "min_profit": 1.0}
        answer = allocate(path, rules(tmp_path, BINDING[::order], per_customer=per), gap=1e-4)
        funnel = answer.funnel()
        assert sum(n for _, _, n in funnel) == answer.customers - answer.solution.selected
        funnels.append(
            {
                (reason, frozenset(because.split(" or "))): n
                for reason, because, n in funnel
                if reason != "at the margin"
            }
        )
    assert len(funnels[0]) >= 3 and any(reason == "outbid" for reason, _ in funnels[0])
    for key in funnels[0].keys() | funnels[1].keys():
        assert abs(funnels[0].get(key, 0) - funnels[1].get(key, 0)) <= 30, key  # ties at the margin


def test_closed_customers_name_the_test_that_alone_would_open_them(tmp_path):
    """Slow twin: take each test away on its own and see whether an offer worth something opens."""
    path = candidates(tmp_path, n=200)
    tests = [
        {"name": "a", "where": {"channel": "mail"}, "never": {"tier": "silver"}},
        {"name": "b", "only": {"margin": {"min": 6.0}}},
    ]
    per = {"eligible": tests}
    answer = allocate(path, rules(tmp_path, [], per_customer=per))
    case = answer.outcome.case
    rows = [
        dict(zip(case.data.store.names, row, strict=True))
        for row in zip(*(case.data.store.column(c).to_pylist() for c in case.data.store.names), strict=True)
    ]

    def passed(row):
        good = float(row["value"]) > 0
        return (
            not (row["channel"] == "mail" and row["tier"] == "silver"),
            float(row["margin"]) >= 6.0,
            good,
        )

    names = ["a", "b", "value of every open offer <= 0"]
    for i, why in zip(answer.why.customer.tolist(), answer.why.reason.tolist(), strict=True):
        own = [passed(row) for row in rows if row["customer_id"] == str(i)]
        assert not any(all(p) for p in own)
        alone = {names[t] for t in range(3) if any(sum(p) == 2 and not p[t] for p in own)}
        because = answer.why.reasons[why][1]
        assert set(because.split(" or ")) - {""} == alone


def test_a_ratio_in_conflict_gives_in_its_own_unit(tmp_path):
    """value / cost of at least 9 on at least 50 offers: the best mean of 50 whole offers is the least change."""
    path = candidates(tmp_path, n=120, k=1)
    answer = allocate(
        path,
        rules(
            tmp_path,
            [
                {"name": "volume", "measure": "count", "equal": 50},
                {"name": "roi", "ratio": {"of": "value", "to": "cost"}, "min": 9},
            ],
        ),
    )
    assert answer.exit_code == 3
    found = {item.name: item for item in answer.conflict}
    assert set(found) == {"volume", "roi"}
    data = answer.outcome.case.data
    value, cost = data.measures[0, 0], data.measures[1, 0]
    rate = 9.0
    for _ in range(50):  # Dinkelbach: the best ratio of 50 offers
        best = np.argsort(rate * cost - value)[:50]
        rate = value[best].sum() / cost[best].sum()
    assert found["roi"].needed == pytest.approx(rate, rel=1e-4)
    assert found["roi"].gives == pytest.approx(9 - rate, rel=1e-4)
    loosened = [
        {"name": "volume", "measure": "count", "equal": 50},
        {"name": "roi", "ratio": {"of": "value", "to": "cost"}, "min": rate * (1 - 1e-4)},
    ]
    assert allocate(path, rules(tmp_path, loosened), gap=1e-3).exit_code in (0, 4)


def write_plan(tmp_path, lines, head="customer_id,offer,channel"):
    path = tmp_path / "plan.csv"
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def test_a_given_plan_is_valued_as_it_is(tmp_path):
    path, file = candidates(tmp_path, n=300), rules(tmp_path, [{"name": "budget", "measure": "cost", "max": 30}])
    plan = write_plan(tmp_path, ["3,o1,email", "7,o0,mail", "9,,"])
    answer = allocate(path, file, evaluate=plan)
    data = answer.outcome.case.data
    value = data.measures[0, 1, 3] + data.measures[0, 0, 7]
    assert answer.solution.objective == pytest.approx(value)
    assert answer.rules[0].value == pytest.approx(data.measures[1, 1, 3] + data.measures[1, 0, 7])
    assert (answer.keeps, answer.exit_code) == (True, 0)
    best = allocate(path, file)
    assert answer.best == pytest.approx(best.solution.objective)
    assert answer.solution.bound >= best.solution.objective
    document = answer.document()
    assert document["status"] == "kept" and document["objective"] == pytest.approx(value)
    tight = allocate(path, file, budget=0.5, evaluate=plan)
    assert (tight.keeps, tight.exit_code, tight.document()["status"]) == (False, 3, "broken")
    assert "The plan breaks: budget." in tight.remarks


@pytest.mark.parametrize(
    ("lines", "head", "problem"),
    [
        (["999,o1,email"], None, "row 1 customer_id: unknown customer '999'"),
        (["3,o9,email"], None, "row 1: unknown offer 'o9'; known: o0, o1"),
        (["3,o1,mail"], None, "row 1: 'o1' does not go through 'mail'"),
        (["3,o1,email", "3,o0,mail"], None, "row 2 customer_id: a second offer for customer '3'"),
        (["3,o1"], "customer,offer", "column 'customer_id' is missing; did you mean 'customer'?"),
    ],
)
def test_plans_that_cannot_be(tmp_path, lines, head, problem):
    path, file = candidates(tmp_path, n=20), rules(tmp_path, [])
    plan = write_plan(tmp_path, lines, head or "customer_id,offer,channel")
    with pytest.raises(CvmaxError) as error:
        allocate(path, file, evaluate=plan)
    assert problem in "\n".join(error.value.problems)


def test_held_customers_keep_their_offers_and_the_rest_is_best(tmp_path):
    """Brute force over the others: 6 customers, two of them held (one to nothing)."""
    path, file = candidates(tmp_path, n=6, k=3), rules(tmp_path, [{"name": "budget", "measure": "cost", "max": 8}])
    plan = write_plan(tmp_path, ["1,o1,email", "4,,"])
    answer = allocate(path, file, fix=plan, gap=1e-9)
    data = answer.outcome.case.data
    v, c = data.measures[0], data.measures[data.names.index("cost")]
    best = -np.inf
    for arms in itertools.product(range(-1, 3), repeat=4):
        full = {1: 1, **{i: a for i, a in zip((0, 2, 3, 5), arms, strict=True) if a >= 0}}
        if sum(c[a, i] for i, a in full.items()) <= 8:
            best = max(best, sum(v[a, i] for i, a in full.items()))
    assert answer.solution.objective == pytest.approx(best)
    assert answer.outcome.arm[1] == 1 and answer.outcome.arm[4] == -1
    assert answer.rules[0].value <= 8
    assert sum(n for _, _, n in answer.funnel()) == 6 - answer.solution.selected
    assert any(reason == "held without an offer" for reason, _, _ in answer.funnel())


def test_never_worse_than_the_plan_that_it_starts_from(tmp_path):
    path, file = candidates(tmp_path, n=12000), rules(tmp_path, BINDING)
    good = allocate(path, file, gap=1e-4)
    pq.write_table(good.rows, tmp_path / "plan.parquet")

    def nothing(problem, **options):
        """A solver that finds the empty plan only."""
        found = solve_case(build_case(path, rules(tmp_path, BINDING[:2])), Limits()).solution
        import dataclasses

        rows = tuple(dataclasses.replace(found.rows[0], name=row.name) for row in problem.rows)
        return dataclasses.replace(
            found, arm=np.full(problem.shape[2], -1, np.int16), objective=0.0, rows=rows,
            multipliers=np.zeros(len(problem.rows)), bound=good.solution.bound,
        )  # fmt: skip

    rules(tmp_path, BINDING)
    again = allocate(path, file, solver=nothing, start=tmp_path / "plan.parquet")
    assert again.solution.objective == pytest.approx(good.solution.objective)
    assert np.array_equal(again.outcome.arm, good.outcome.arm)
    assert again.solution.gap <= 1e-4
    real = allocate(path, file, gap=1e-4, start=tmp_path / "plan.parquet")
    assert real.solution.objective >= good.solution.objective


def test_bounds_at_todays_plan_return_todays_plan(tmp_path):
    """Every offer's money held to what the plan uses of it: only this plan is known to fit, and it is kept."""
    path = candidates(tmp_path, n=400)
    plan = allocate(path, rules(tmp_path, [{"name": "budget", "measure": "cost", "max": 200}]))
    pq.write_table(plan.rows, tmp_path / "plan.parquet")
    offers = {}
    for row in plan.rows.to_pylist():
        offers.setdefault(row["offer"], []).append(float(row["cost"]))
    file = rules(
        tmp_path,
        [
            {"name": "cost", "measure": "cost", "for_each": "offer", "equal": {k: sum(v) for k, v in offers.items()}},
            {"name": "count", "measure": "count", "for_each": "offer", "equal": {k: len(v) for k, v in offers.items()}},
        ],
    )
    answer = allocate(path, file, start=tmp_path / "plan.parquet", gap=1e-3)
    assert answer.exit_code == 0
    assert answer.solution.objective >= plan.solution.objective - 1e-9


def test_units_that_look_wrong_warn_and_a_plan_is_made(tmp_path):
    path = candidates(tmp_path, n=50)
    file = rules(
        tmp_path,
        [
            {"name": "budget", "measure": "cost", "max": 5e6},
            {"name": "cents", "measure": "cost", "max": 1e-6},
            {"name": "floor", "ratio": {"of": "margin", "to": "revenue"}, "max": 10000},
        ],
    )
    answer = allocate(path, file)
    found = "\n".join(answer.outcome.case.warnings)
    assert f"{file}:1 constraints.budget: max 5e+06 is over 1,000 times what all its offers together come to" in found
    assert "constraints.cents: max 1e-06 is less than a thousandth of its smallest offer" in found
    assert "constraints.floor: max 10000 is over 50 times every offer's own ratio" in found
    assert answer.exit_code == 0


def test_a_ratio_to_nothing_has_no_value(tmp_path):
    path = candidates(tmp_path, n=20)
    file = rules(
        tmp_path,
        [
            {"name": "budget", "measure": "cost", "max": 0},
            {"name": "floor", "ratio": {"of": "margin", "to": "revenue"}, "min": 0.1},
        ],
    )
    answer = allocate(path, file)
    assert answer.document()["constraints"][1]["value"] is None
    import io

    from scenarios.report.allocation import print_allocation

    out = io.StringIO()
    print_allocation(answer, out)
    assert "no value" in out.getvalue()
    assert "-0" not in out.getvalue()


def test_the_nearest_offers_are_those_of_the_slow_twin():
    from solvers.outbid import nearest_arms, nearest_arms_slowly

    rng = np.random.default_rng(5)
    measures = rng.normal(1, 2, (3, 4, 500))
    mask, class_of = rng.random((4, 500)) < 0.7, rng.integers(0, 3, 500)
    price = rng.normal(0, 1, (3, 4, 4)) * (rng.random((3, 4, 4)) < 0.6)
    who = np.flatnonzero(rng.random(500) < 0.5)
    arm, score = np.empty(len(who), np.int16), np.empty(len(who))
    for some in (mask, None):
        nearest_arms(
            len(who), measures, np.zeros((0, 0), bool) if some is None else some, class_of, price, who, arm, score
        )
        arms, scores = nearest_arms_slowly(measures, some, class_of, price, who)
        assert np.array_equal(arm, arms)
        assert np.array_equal(score, scores)
