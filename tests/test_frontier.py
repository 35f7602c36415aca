"""The frontier: its path against solves, its slopes against differences, its targets against the curve."""

import itertools
import json

import numpy as np
import pytest

from scenarios.allocation.case import build_case
from scenarios.allocation.frontier import Asked, frontier
from scenarios.allocation.solving import Limits, solve_case
from scenarios.errors import ConfigError
from scenarios.report.frontier import frontier_page, frontier_rows, sentences
from tests.test_allocation_prices import candidates, rules

LIMITS = Limits(1e-4)
TWO = [
    {"name": "budget", "measure": "cost", "max": 3600},
    {"name": "mail", "measure": "count", "where": {"channel": "mail"}, "max": 800},
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("frontier")
    path = candidates(tmp_path, n=6000)
    lone = build_case(path, rules(tmp_path, TWO[:1]))
    return lone, build_case(path, rules(tmp_path, TWO))


@pytest.mark.parametrize("which", [0, 1])
def test_points_are_the_optima_and_slopes_are_the_price_of_a_unit(made, which):
    case = made[which]
    curve = frontier(case, LIMITS, Asked(points=7))
    assert curve.exact == (which == 0)
    points = [point for point in curve.points if point.value is not None]
    assert curve.today is not None and curve.today.bound == 3600
    for point in points[1:-1]:
        index = [single.name for single in case.singles].index("budget")
        singles = list(case.singles)
        singles[index] = singles[index].model_copy(update={"max": point.bound})
        best = solve_case(case.with_rules(singles), LIMITS).solution
        assert point.value >= best.objective * (1 - 1e-4)
        assert point.value * (1 - point.gap) <= best.objective * (1 + 2e-4)
        assert point.average == pytest.approx(point.value / point.used)
    for a, b in itertools.pairwise(points):
        slope = (b.value - a.value) / (b.bound - a.bound)
        slack = 3e-4 * points[-1].value / (b.bound - a.bound)
        assert b.marginal - slack <= slope <= a.marginal + slack  # concave
    last = points[-1]
    assert curve.break_even == pytest.approx(last.bound)
    assert last.marginal == pytest.approx(0, abs=0.1)
    assert points[0].average is None


@pytest.mark.parametrize("which", [0, 1])
def test_targets_are_met_and_no_smaller_budget_meets_them(made, which):
    case = made[which]
    curve = frontier(case, LIMITS, Asked(points=5))
    wanted = 0.6 * curve.points[-1].value
    target = frontier(case, LIMITS, Asked(points=2, target_value=wanted)).target
    assert target.point.value == pytest.approx(wanted, rel=5e-4)
    less = frontier(case, LIMITS, Asked(points=2, low=0.99 * target.point.bound, high=target.point.bound))
    assert less.points[0].value < wanted
    rate = 0.5 * (curve.points[1].average + curve.points[-1].average)
    found = frontier(case, LIMITS, Asked(points=2, target_roi=rate)).target.point
    assert found.value / found.used == pytest.approx(rate, rel=1e-3)
    assert found.value / found.used >= rate * (1 - 1e-4)


def test_targets_out_of_reach_say_how_far_one_can_come(made):
    curve = frontier(made[0], LIMITS, Asked(points=2, target_value=1e9))
    assert (curve.exit_code, curve.target.point) == (3, None)
    assert curve.target.best == pytest.approx(curve.points[-1].value)
    assert "out of reach" in " ".join(sentences(curve))
    curve = frontier(made[0], LIMITS, Asked(points=2, target_roi=1e6))
    assert curve.exit_code == 3
    curve = frontier(made[0], LIMITS, Asked(points=2, target_roi=0.01))
    assert curve.target.point.bound == pytest.approx(curve.break_even)  # beyond it money would only burn


@pytest.mark.slow
@pytest.mark.parametrize("points", [2, 9])
def test_a_return_is_found_where_small_budgets_have_no_plan(tmp_path, points):
    """With a least number of offers the curve begins late: just above a plan's least cost the return is highest."""
    least = {"name": "least", "measure": "count", "min": 1500}
    case = build_case(candidates(tmp_path, n=2000), rules(tmp_path, [TWO[0], least]))
    curve = frontier(case, LIMITS, Asked(points=21))
    known = [point for point in curve.points if point.average is not None]
    assert curve.points[1].value is None and len(known) > 5
    high, low = max(p.average for p in known), known[-1].average
    rate = 0.5 * (high + low)
    found = frontier(case, LIMITS, Asked(points=points, target_roi=rate)).target.point
    assert found is not None and found.average >= rate * (1 - 1e-3)
    later = [p for p in known if p.bound > found.bound * (1 + 1e-3)]
    assert all(p.average < rate * (1 + 1e-3) for p in later)


def test_any_bound_can_move(made, tmp_path):
    curve = frontier(made[1], LIMITS, Asked(rule="mail", points=4))
    assert (curve.rule, curve.end, curve.ratio) == ("mail", "max", False)
    values = [point.value for point in curve.points]
    assert values == sorted(values)
    path = candidates(tmp_path, n=100)
    constraints = [
        {"name": "budget", "measure": "cost", "max": 75},
        {"name": "volume", "measure": "count", "min": 37},
        {"name": "floor", "ratio": {"of": "margin", "to": "revenue"}, "min": 0.4},
        {"name": "spend", "measure": "cost", "for_each": "tier", "max": 30},
    ]
    case = build_case(path, rules(tmp_path, constraints))
    floor = frontier(case, Limits(1e-2), Asked(rule="floor", points=4, low=0.3, high=0.45))
    known = [point for point in floor.points if point.value is not None]
    assert floor.ratio and all(a.value >= b.value - 1e-3 * abs(a.value) for a, b in itertools.pairwise(known))
    assert frontier(case, Limits(1e-2), Asked(rule="spend [gold]", points=3)).rule == "spend [gold]"
    volume = frontier(case, Limits(1e-2), Asked(rule="volume", points=3, low=25, high=98))
    assert volume.end == "min" and volume.points[-1].value is None  # 98 of 100 are out of reach


def test_no_budget_in_the_rules_makes_one(tmp_path):
    case = build_case(candidates(tmp_path, n=60), rules(tmp_path, []))
    curve = frontier(case, LIMITS, Asked(points=5))
    assert (curve.rule, curve.today, curve.exact) == ("budget", None, True)
    best = case.data.measures[0].max(axis=0)
    assert curve.points[-1].value == pytest.approx(np.maximum(best, 0).sum())


def test_what_cannot_be_asked(made, tmp_path):
    with pytest.raises(ConfigError, match=r"--rule: there is no rule 'budgt'; did you mean 'budget'\?"):
        frontier(made[0], LIMITS, Asked(rule="budgt"))
    with pytest.raises(ConfigError, match="--from: expected less than --to"):
        Asked(low=3, high=1)
    with pytest.raises(ConfigError, match="expected one of them"):
        Asked(target_roi=3, target_value=1)
    soft = [{"name": "budget", "measure": "cost", "max": 9, "penalty": 1}]
    case = build_case(candidates(tmp_path, n=20), rules(tmp_path, soft))
    with pytest.raises(ConfigError, match="no hard bound to move"):
        frontier(case, LIMITS, Asked())


def test_pages_rows_and_documents_hold_every_point(made):
    curve = frontier(made[0], LIMITS, Asked(points=5, target_value=500))
    document = json.loads(json.dumps(curve.document(), allow_nan=False))
    assert [point["bound"] for point in document["points"]] == [point.bound for point in curve.points]
    assert frontier_rows(curve).num_rows == len(curve.points)
    page = frontier_page(curve)
    assert "http" not in page.split("<script")[0]
    assert "as it is" in page and "break-even" in page
