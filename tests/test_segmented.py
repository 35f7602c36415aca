"""The best arm of each segment, by averages: brute force over every assignment of arms to segments."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from scenarios.strategies.base import View
from scenarios.strategies.segmented import BestPerSegment
from solvers import Problem, fill
from solvers.problem import row

SEGMENTS, ARMS = 3, 2


def nothing_ahead():
    raise AssertionError("a rule by segments does not look ahead")


def view_of(budget, seed):
    """60 customers who differ within their segments; a dear arm and a cheap one."""
    rng = np.random.default_rng(seed)
    segment = rng.integers(0, SEGMENTS, 60)
    cost = np.array([[3.0], [1.0]]) * rng.uniform(0.9, 1.1, (ARMS, 60))
    value = rng.uniform(0, 6, (ARMS, SEGMENTS))[:, segment] * rng.uniform(0.5, 1.5, (ARMS, 60))
    measures = np.stack([value, cost]).astype(np.float32)
    rows = [row((2, 1, ARMS), "budget", [(1, np.ones(1, bool), np.ones(ARMS, bool), 1.0)], upper=budget)]
    problem = Problem(measures, ("value", "cost"), np.zeros(60, np.int32), 1, tuple(rows), None)
    population = SimpleNamespace(state=SimpleNamespace(segment=segment))
    luck = rng.random(60, dtype=np.float32)
    return View(
        problem, population, np.zeros(60), ("dear", "cheap"), ("a", "b", "c"), lambda _: luck, 1e-3, nothing_ahead
    )


def average_value(view, plan):
    segment = view.population.state.segment
    return sum(view.value[plan[i], segment == segment[i]].mean() for i in np.flatnonzero(plan >= 0))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("budget", [15.0, 40.0, 80.0, 1e6])
def test_no_assignment_of_arms_to_segments_that_fits_is_better_by_more_than_one_segment(budget, seed):
    """The price finds the best assignments on the hull; a customer or a segment that is cut short is all that it can lose."""
    view = view_of(budget, seed)
    segment = view.population.state.segment
    plan = BestPerSegment().choose(view).arm
    assert view.cost[plan[plan >= 0], np.flatnonzero(plan >= 0)].sum() <= budget * (1 + 1e-6)
    for s in range(SEGMENTS):
        assert len(set(plan[(segment == s) & (plan >= 0)])) <= 1, "one arm a segment"
    best = 0.0
    for arms in product(range(-1, ARMS), repeat=SEGMENTS):
        order = np.flatnonzero(np.array(arms)[segment] >= 0)
        filled = fill(view.problem, order, np.array(arms)[segment[order]])
        if (filled >= 0).sum() == len(order):
            best = max(best, average_value(view, filled))
    worst_segment = max(view.value[:, segment == s].mean(axis=1).max() * (segment == s).sum() for s in range(SEGMENTS))
    assert average_value(view, plan) >= best - worst_segment
    if budget > 1e5:
        assert average_value(view, plan) == pytest.approx(best)
