"""Where a curve ends and why, curves of rules that conflict, and what cannot be asked of one."""

import numpy as np
import pytest

from scenarios.allocation.case import build_case
from scenarios.allocation.command import run_frontier
from scenarios.allocation.frontier import Asked, frontier
from scenarios.allocation.solving import Limits
from scenarios.errors import ConfigError
from scenarios.report.frontier import frontier_page, sentences
from tests.test_allocation_prices import rules

LIMITS = Limits(1e-4)


def table(tmp_path, n=200, net=3.0):
    """One offer each; cost 1 to 2, value ``net`` times that and more: the dearest of them still pays."""
    rng = np.random.default_rng(5)
    cost = np.round(1 + rng.random(n), 2)
    value = np.round(cost * (net + rng.random(n)), 2)
    lines = ["customer_id,offer,value,cost", *(f"c{i},call,{value[i]},{cost[i]}" for i in range(n))]
    path = tmp_path / "c.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("constraints", "why", "names"),
    [
        ([{"name": "budget", "measure": "cost", "max": 20}], "offers", ()),
        ([{"name": "budget", "measure": "cost", "max": 20}, {"name": "calls", "measure": "count", "max": 50}], "rules", ("calls",)),
    ],
)  # fmt: skip
def test_a_curve_that_stops_where_the_next_unit_would_still_pay_is_not_at_break_even(tmp_path, constraints, why, names):
    """Every offer returns at least 3 for 1, so that no unit just returns its cost: something else ends the curve."""
    curve = frontier(build_case(table(tmp_path), rules(tmp_path, constraints)), LIMITS, Asked(points=6))
    assert (curve.stop.why, curve.stop.rules, curve.break_even) == (why, names, None)
    assert curve.stop.last > 0.5
    assert curve.points[-1].bound == curve.stop.bound and curve.points[-1].marginal == pytest.approx(0)
    text = " ".join(sentences(curve))
    assert "more room brings nothing, though the last unit still brought" in text and "break-even" not in text
    assert "break-even" not in frontier_page(curve)
    if names:
        assert "other rules stop it (calls)" in text


def test_at_break_even_the_last_unit_just_returns_its_cost(tmp_path):
    rng = np.random.default_rng(2)
    lines = ["customer_id,offer,value,cost", *(f"c{i},call,{2 - 4 * rng.random():.3f},1" for i in range(400))]
    (tmp_path / "c.csv").write_text("\n".join(lines) + "\n")
    file = rules(tmp_path, [{"name": "budget", "measure": "cost", "max": 20}])
    curve = frontier(build_case(tmp_path / "c.csv", file), LIMITS, Asked(points=4))
    assert curve.stop.why == "break-even" and curve.break_even == curve.stop.bound


def test_rules_that_conflict_as_they_are_are_named_beside_the_curve(tmp_path):
    """60 calls for 20 of money: more money makes room; nobody can say what the next unit brings."""
    constraints = [
        {"name": "budget", "measure": "cost", "max": 20},
        {"name": "calls", "measure": "count", "min": 60},
    ]
    folder = tmp_path / "out"
    heard = []
    curve, files = run_frontier(
        str(table(tmp_path)), rules(tmp_path, constraints), Asked(points=4), LIMITS, folder, False, heard.append
    )
    assert curve.exit_code == 3 and curve.today.value is None and not curve.empty
    assert {item.name for item in curve.conflict} == {"budget", "calls"}
    costs = [float(line.split(",")[3]) for line in (tmp_path / "c.csv").read_text().split()[1:]]
    cheapest = np.sort(costs)[:60].sum()  # the least that 60 calls cost
    assert curve.least.none_at < cheapest <= curve.least.bound <= 1.002 * cheapest
    assert any("plans begin at budget" in line for line in sentences(curve))
    text = " ".join(sentences(curve))
    assert "no plan meets the rules" in text and "would have to give" in text and "brings no value" not in text
    assert [path.name for path in files] == ["frontier.html", "frontier.csv"]
    assert any("point 2 of" in line for line in heard)
    assert [item["name"] for item in curve.document()["conflict"]] == [item.name for item in curve.conflict]


def test_other_rules_in_conflict_leave_no_curve_and_nothing_is_written(tmp_path):
    constraints = [
        {"name": "budget", "measure": "cost", "max": 20},
        {"name": "calls", "measure": "count", "min": 60},
        {"name": "few", "measure": "count", "max": 50},
    ]
    folder = tmp_path / "out"
    curve, files = run_frontier(
        str(table(tmp_path)), rules(tmp_path, constraints), Asked(points=3), LIMITS, folder, False
    )
    assert curve.empty and curve.exit_code == 3 and files == [] and not folder.exists()
    assert {"calls", "few"} <= {item.name for item in curve.conflict}


def test_a_target_out_of_reach_leaves_the_curve_on_disk(tmp_path):
    file = rules(tmp_path, [{"name": "budget", "measure": "cost", "max": 20}])
    asked = Asked(points=3, target_value=1e9)
    curve, files = run_frontier(str(table(tmp_path)), file, asked, LIMITS, tmp_path / "out", False)
    assert curve.exit_code == 3 and len(files) == 2 and all(path.exists() for path in files)


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"target_roi": -1.0}, "--target-roi: expected a return >= 0, got -1"),
        ({"target_roi": float("nan")}, "--target-roi: expected a number, got nan"),
        ({"target_value": float("inf")}, "--target-value: expected a number, got inf"),
        ({"low": float("nan")}, "--from: expected a number, got nan"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(asked, problem):
    with pytest.raises(ConfigError) as error:
        Asked(**asked)
    assert problem in str(error.value)
