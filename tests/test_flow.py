"""Plans over time: the occupancy program, its prices, and the bound, against enumeration, twins and duality."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from small_flows import every_policy, flow, rolled_out, slow_values

from solvers import ProblemError, SolverError
from solvers.chords import chords
from solvers.flow import Flow
from solvers.flow_pass import run_pass
from solvers.fluid import fluid
from solvers.lagrangian import lagrangian

MORE = {"stages": 4, "arms": 3, "types": 5, "memories": 3, "places": 3, "measures": 2, "rows": 4}


@pytest.mark.parametrize("seed", range(6))
def test_pass_agrees_with_its_slow_twin(seed):
    f = flow(seed, **MORE)
    y = np.random.default_rng(seed).random(4)
    value, choice, table = run_pass(f, f.prices(y))
    np.testing.assert_allclose(value, slow_values(f, y), rtol=1e-12, atol=1e-12)
    worth, used = rolled_out(f, lambda t, g, m, s: np.eye(4)[choice[g, t, m, s]])
    assert table[-1].sum() == pytest.approx(worth, abs=1e-12)
    np.testing.assert_allclose(f.used(table[:-1]).sum(axis=1), used, atol=1e-12)
    assert (value[:, 0] * f.mass).sum() == pytest.approx(worth - y @ used), "the value at prices is worth less payments"


@pytest.mark.parametrize("seed", range(8))
def test_strong_duality_between_program_and_bound(seed):
    """Two methods that share nothing but the arrays: all states in one program, and one dynamic programme a type."""
    f = flow(seed, **MORE)
    plan, dual = fluid(f), lagrangian(f, gap=1e-9, passes=2000)
    assert dual.bound == pytest.approx(plan.model_value, rel=1e-7)
    assert dual.model_value == pytest.approx(plan.model_value, rel=1e-7)
    assert (plan.used.sum(axis=1) <= f.limit + 1e-7).all() and (dual.used.sum(axis=1) <= f.limit + 1e-7).all()
    starts = float((plan.state_value[0] * f.mass).sum() + plan.prices @ f.limit)
    assert starts == pytest.approx(plan.model_value, rel=1e-7), (
        "initial masses and limits at their prices are the optimum"
    )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("backend", ["highs", "cbc"])
def test_prices_are_what_one_more_unit_brings(seed, backend):
    f = flow(seed, rows=3, types=3)
    plan = fluid(f, backend=backend)
    for r, price in enumerate(plan.prices):
        up, down = (fluid(replace(f, limit=f.limit + e * np.eye(3)[r])).model_value for e in (1e-3, -1e-3))
        assert up - plan.model_value <= price * 1e-3 + 1e-7
        assert plan.model_value - down >= price * 1e-3 - 1e-7


@pytest.mark.parametrize("seed", range(6))
def test_program_is_the_best_mix_of_all_policies(seed):
    """Brute force: with one type at one place, a mix of all fixed rules is the optimum over all rules whatever."""
    f = flow(seed, stages=3, arms=2, types=1, places=2, rows=2)
    worth, used = zip(*(rolled_out(f, lambda *z, p=p: np.eye(3)[p[z]]) for p in every_policy(f)), strict=True)
    mix = linprog(-np.array(worth), np.stack(used, axis=1), f.limit, np.ones((1, len(worth))), 1.0)
    assert fluid(f).model_value == pytest.approx(-mix.fun, abs=1e-8)
    assert lagrangian(f, gap=1e-9).bound == pytest.approx(-mix.fun, abs=1e-7)


def alike_and_not(mean_only: bool) -> Flow:
    """Half of the individuals gain 2 and half 0, an arm costs 1, money for half of them; or all gain the mean of 1."""
    gains = [1.0] if mean_only else [2.0, 0.0]
    cells = (1, 1, len(gains), 1, 1)
    return Flow(
        worth=np.array(gains).reshape(cells),
        use=np.ones((1, *cells)),
        chance=np.ones(cells),
        calm=np.ones((1, 1, 1)),
        hit=np.ones((1, 1, 1, 1)),
        follow=np.zeros((1, 2, 1), np.int64),
        mass=np.full((len(gains), 1, 1), 100 / len(gains)),
        rows=np.ones((1, 1, 1, 1, 1)),
        limit=np.array([50.0]),
    )


def test_the_mean_customer_is_no_bound_and_the_spread_one_is():
    """The trap: 100 individuals bring 100 (the 50 who gain 2); a program over the mean individual says 50."""
    assert fluid(alike_and_not(mean_only=True)).model_value == pytest.approx(50)
    assert fluid(alike_and_not(mean_only=False)).model_value == pytest.approx(100)
    assert lagrangian(alike_and_not(mean_only=False)).bound >= 100 - 1e-9


def scaled(scales, seed, limit=None, mass=None) -> Flow:
    """Types that differ in scale: worth = scale x a - b, use = scale x c + d."""
    f, rng = flow(seed, stages=3, arms=2, types=1, places=2), np.random.default_rng(seed)
    a, b, c, d = (rng.random((3, 2, 1, 1, 2)) for _ in range(4))
    x = np.asarray(scales, float)[None, None, :, None, None]
    count = np.ones(len(scales)) if mass is None else mass
    start = count[:, None, None] * np.array([0.5, 0.5])
    worth, use = 2 * x * a - b, (x * c + d)[None]
    chance = np.broadcast_to(f.chance, worth.shape).copy()
    return Flow(worth, use, chance, f.calm, f.hit, f.follow, start, f.rows, f.limit if limit is None else limit)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 8), st.lists(st.floats(0.05, 5), min_size=3, max_size=12))
def test_spread_scales_bound_individuals(seed, points, scales):
    """Chords: for any grid, the bound of the grid's types is at least that of everybody as a type of his own."""
    grid = np.linspace(0, 5, points)
    corners, weights = chords(np.array(scales)[:, None], [grid])
    mass = np.bincount(corners.ravel(), weights.ravel(), points)
    own, limit = scaled(scales, seed), np.array([0.3 * len(scales)])
    exact = fluid(replace(own, limit=limit)).model_value
    assert lagrangian(scaled(grid, seed, limit, mass)).bound >= exact - 1e-9
    assert mass.sum() == pytest.approx(len(scales)) and mass @ grid == pytest.approx(sum(scales))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1))
def test_bound_is_above_any_policy_below_the_unlimited_and_rises_with_the_budget(seed, x, y):
    f, rng = flow(seed, memories=2, rows=2), np.random.default_rng(seed)
    free = replace(f, limit=np.full(2, 1e9))
    low, high = sorted((x, y))
    bounds = [lagrangian(replace(f, limit=np.full(2, b))).bound for b in (low, high)]
    assert bounds[0] <= bounds[1] + 1e-9 + 1e-4 * abs(bounds[1])
    assert bounds[1] <= lagrangian(free).bound + 1e-9

    def at_random(t, g, m, s):
        is_open = np.append(True, f.open_to[t, :, g, m, s])
        return np.where(is_open, rng.random(3) + 1e-3, 0) / np.where(is_open, 1, 1).sum()

    shares = {}

    def choose(*state):
        if state not in shares:
            draw = at_random(*state)
            shares[state] = draw / draw.sum()
        return shares[state]

    worth, used = rolled_out(f, choose)
    assert lagrangian(replace(f, limit=used)).bound >= worth - 1e-9


def test_any_prices_bound():
    f = flow(5, **MORE)
    least = fluid(f).model_value
    for seed in range(20):
        y = np.random.default_rng(seed).exponential(1.0, 4)
        assert lagrangian(f, start=y, passes=1).bound >= least - 1e-9


def test_corners_keep_the_point():
    rng = np.random.default_rng(0)
    grid = [np.array([0.0, 1.0, 4.0]), np.array([2.0, 3.0]), np.array([5.0])]
    points = np.column_stack([rng.uniform(0, 4, 50), rng.uniform(2, 3, 50), np.full(50, 5.0)])
    corners, weights = chords(points, grid)
    nodes = np.stack([x.ravel() for x in np.meshgrid(*grid, indexing="ij")], axis=1)
    np.testing.assert_allclose(np.einsum("nc,ncd->nd", weights, nodes[corners]), points)
    assert (weights >= 0).all() and weights.sum(axis=1) == pytest.approx(1)


def test_more_arms_than_a_byte_counts():
    """Only the last of 200 arms is worth anything."""
    f = flow(1, stages=1, arms=200, types=1, places=1)
    worth = np.zeros_like(f.worth)
    worth[:, -1] = 5.0
    f = replace(f, worth=worth, limit=np.full(len(f.limit), 1e6))
    found = lagrangian(f)
    assert found.model_value == pytest.approx(5.0 * f.mass.sum())
    assert found.bound == pytest.approx(found.model_value)


def test_bad_input():
    f = flow(0)
    for change, text in [
        ({"limit": np.array([-1.0])}, "limit: expected finite numbers >= 0, got -1"),
        ({"limit": np.array([np.nan])}, "limit"),
        ({"limit": np.array([np.inf])}, "limit"),
        ({"chance": f.chance + 2}, "chance: expected numbers from 0 to 1"),
        ({"calm": f.calm * 0.5}, "calm: expected probabilities"),
        ({"mass": -f.mass}, "mass: expected numbers >= 0"),
        ({"use": f.use[:, :1]}, "use: expected shape"),
        ({"worth": np.full_like(f.worth, np.nan)}, "worth: expected numbers or -inf"),
        ({"worth": f.worth[0]}, "worth: expected"),
        ({"follow": f.follow + 7}, "follow: expected memories below 1, got 7"),
    ]:
        with pytest.raises(ProblemError, match=text):
            replace(f, **change)
    with pytest.raises(SolverError, match="start: expected 1 finite prices"):
        lagrangian(f, start=np.array([-1.0]))
    with pytest.raises(ProblemError, match="variables"):
        fluid(flow(0, stages=10, arms=4, types=200, places=16))
    with pytest.raises(ProblemError, match=r"points: expected 0 to 1 on axis 0, got 2 to 2"):
        chords(np.array([[2.0]]), [np.array([0.0, 1.0])])
    with pytest.raises(ProblemError, match="expected ascending numbers"):
        chords(np.array([[0.5]]), [np.array([1.0, 0.0])])
