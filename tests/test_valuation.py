"""Closed forms against published numbers, backward recursion and the simulator."""

import dataclasses

import numpy as np
import pytest
from engine_worlds import rich_population, rich_world

from engine import Arm, Economics, Fatigue, OrderValue, Segments, Simulation, World, make_population
from engine.candidates import MEASURES, candidates
from engine.dynamics import Dynamics
from engine.life import make_life
from engine.rates import factor_table, level_table
from engine.standing import standing_value
from engine.valuation import candidate, future_value, order_tables, orders_ahead, value_tables

WEEK = 1.10 ** (-1 / 52)
SEGMENTS = Segments(
    ("new", "light", "regular", "loyal", "vip", "churned"),
    np.array(
        [
            [0.700, 0.180, 0.080, 0.020, 0.005, 0.015],
            [0.010, 0.900, 0.060, 0.015, 0.005, 0.010],
            [0.000, 0.060, 0.880, 0.045, 0.010, 0.005],
            [0.000, 0.020, 0.060, 0.890, 0.027, 0.003],
            [0.000, 0.010, 0.030, 0.060, 0.898, 0.002],
            [0, 0, 0, 0, 0, 1],
        ]
    ),
    np.array([0.6, 0.5, 1.0, 1.6, 2.4, 0.0]),
    np.array([0, 0, 0, 0, 0, 1], bool),
)
M0_MARGIN = 0.30 * np.exp(3.4 + 0.18) * 0.30  # mean rate x mean order value x margin rate


def world(arm: Arm | None = None, kappa: float = 1.0, horizon: int = 52, **changes: object) -> World:
    return World(
        dataclasses.replace(SEGMENTS, state_dependence=kappa),
        OrderValue("lognormal", 0.6),
        Economics(0.30, 0.5, WEEK),
        horizon,
        (arm,) if arm else (),
        **changes,
    )


def test_reference_model_infinite_horizon_is_455_51827_and_52_weeks_136_70699981() -> None:
    tables = order_tables(SEGMENTS, 52, WEEK)
    whole = tables.discounted[0][0, 0]
    after = WEEK**52 * np.linalg.matrix_power(SEGMENTS.transition, 52)[0] @ tables.discounted[52][0]
    assert whole * M0_MARGIN == pytest.approx(455.51827, abs=1e-5)
    assert (whole - after) * M0_MARGIN == pytest.approx(136.70699981, abs=1e-8)


def test_orders_of_the_reference_model_are_13_31581() -> None:
    tables = order_tables(SEGMENTS, 52, WEEK)
    assert 0.30 * orders_ahead(tables, SEGMENTS, 0, 52)[0, 0] == pytest.approx(13.31581, abs=1e-5)


@pytest.mark.parametrize("kappa", [0.0, 0.3, 0.5, 0.9])
def test_the_forecast_without_offers_does_not_depend_on_state_dependence(kappa: float) -> None:
    changed = dataclasses.replace(SEGMENTS, state_dependence=kappa)
    classical, here = (order_tables(s, 52, WEEK).discounted[0].diagonal() for s in (SEGMENTS, changed))
    np.testing.assert_allclose(here[:5], classical[:5], rtol=1e-10)


def test_state_dependence_decides_what_a_move_brings() -> None:
    """From regular, the future in loyal over the future in regular: 1 at kappa 0, and rising."""
    gains = []
    for kappa in (0.0, 0.5, 1.0):
        q = order_tables(dataclasses.replace(SEGMENTS, state_dependence=kappa), 52, WEEK).discounted[0]
        gains.append(q[2, 3] / q[2, 2])
    assert gains[0] < gains[1] < gains[2]
    # At 0 only the risk of churning, which is real whatever kappa is, tells loyal from regular.
    alive = dataclasses.replace(SEGMENTS, state_dependence=0.0, transition=np.vstack([_closed(), [0, 0, 0, 0, 0, 1]]))
    q = order_tables(alive, 52, WEEK).discounted[0]
    assert q[2, 3] == pytest.approx(q[2, 2], rel=1e-12)


def _closed() -> np.ndarray:
    p = SEGMENTS.transition[:5].copy()
    p[:, :5] /= p[:, :5].sum(axis=1, keepdims=True)
    p[:, 5] = 0
    return p


def test_level_table_by_paths() -> None:
    """Brute force over all paths of three periods."""
    segments = dataclasses.replace(SEGMENTS, state_dependence=0.4)
    factor, p, m = factor_table(segments), segments.transition, segments.multiplier
    level = level_table(segments, 3)
    for start in range(5):
        mean, shaped = np.zeros(3), np.zeros(3)
        stack = [(start, 1.0, 0)]
        while stack:
            s, weight, t = stack.pop()
            if t == 3:
                continue
            for to in range(6):
                if p[s, to]:
                    mean[t] += weight * p[s, to] * m[to]
                    shaped[t] += weight * p[s, to] * factor[start, to]
                    stack.append((to, weight * p[s, to], t + 1))
        np.testing.assert_allclose(level[start], mean / shaped, rtol=1e-12)


ARMS = {
    "lift": {"kind": "discount", "depth": 0.1, "redemption_cost": 0.2, "order_lift": 0.8},
    "retention": {"kind": "retention", "attrition_reduction": 0.9},
    "move": {"kind": "contact", "move_to": 3, "move_probability": 0.5},
    "cross-sell": {"kind": "cross_sell", "depth": 0.3, "category": 1, "sticks": 0.4},
}


@pytest.mark.parametrize("kappa", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", list(ARMS))
def test_planned_value_and_cost_are_realised_under_full_knowledge(name: str, kappa: float) -> None:
    """One epoch: what the closed form promises is what the simulator brings, within |z| <= 4.

    Paired on common random numbers; the value that a state leads to after the horizon is the closed form's in both.
    """
    arm = Arm("a/b", "a", "b", contact_cost=0.3, duration=3, response=np.full(6, 0.5), **_filled(ARMS[name]))
    n = 60_000
    rng = np.random.default_rng(5)
    w = world(arm, kappa, horizon=8, categories=("x", "y"), complementarity=np.array([[0.0, 0.7], [0.0, 0.0]]))
    population = make_population(
        rate=rng.gamma(2, 0.5, n),
        order_value=rng.gamma(4, 10, n),
        segment=rng.integers(0, 5, n),
        responsiveness=rng.normal(0, 0.5, n),
        headroom=np.stack([np.zeros(n), rng.gamma(2, 4, n)], axis=1),
        owned=np.full(n, 1),
    )
    tables = order_tables(w.segments, w.horizon, WEEK)
    planned = candidate(w, tables, population, arm, 0)
    runs = []
    for plan in (np.zeros(n, np.uint8), np.ones(n, np.uint8)):
        run = Simulation(w, population, seed=3)
        run.advance(w.horizon, plan)
        terminal = future_value(tables, run.population, w, w.horizon) * WEEK**w.horizon
        runs.append((run.margin + terminal, run.promotion_cost, run.ledger))
    value, cost = runs[1][0] - runs[0][0], runs[1][1]
    for realised, expected in ((value, planned.value), (cost, planned.cost)):
        error = realised - expected
        assert abs(error.mean()) <= 4 * error.std() / np.sqrt(n), (name, kappa, realised.mean(), expected.mean())
    active = slice(0, arm.duration)
    for line in ("revenue", "margin"):
        gain = getattr(runs[1][2], line)[active].sum() - getattr(runs[0][2], line)[active].sum()
        if line == "revenue":
            gain -= runs[1][2].discount[active].sum()
        expected_sum = getattr(planned, line).sum()
        spread = 4 * np.sqrt(n) * 60  # a customer's active periods scatter by less than 60
        assert abs(gain - expected_sum) < spread
    assert planned.liability.min() >= arm.contact_cost and (planned.liability >= planned.cost - 1e-9).all()


@pytest.mark.parametrize("dynamics", [None, Dynamics()], ids=["plain", "dynamics"])
@pytest.mark.parametrize("owned", [0b01, 0b11, 0b10], ids=["new", "owner", "no open door"])
def test_who_owns_a_category_is_given_the_discount_on_it(owned: int, dynamics: Dynamics | None) -> None:
    """As the simulator's period has it: the discount falls on what an owner buys anyway, and nothing is redeemed where there is
    nothing to buy.  Planned value, cost and revenue against it within 4 standard errors; owners were taken to cost nothing."""
    arm = Arm("a/b", "a", "b", "cross_sell", 0.3, 0.5, 0.3, 3, np.full(6, 0.5), category=1, sticks=0.4)
    n, rng = 60_000, np.random.default_rng(5)
    w = world(arm, 0.5, 8, categories=("x", "y"), complementarity=np.array([[0.0, 0.7], [0.2, 0.0]]))
    w = dataclasses.replace(w, dynamics=dynamics)
    population = make_population(
        rate=rng.gamma(2, 0.5, n),
        order_value=rng.gamma(4, 10, n),
        segment=rng.integers(0, 5, n),
        headroom=np.stack([np.zeros(n), rng.gamma(2, 4, n)], axis=1),
        owned=np.full(n, owned),
    )
    population.life = make_life(population.state.segment, w) if dynamics else None
    tables = value_tables(w)
    planned = dict(zip(MEASURES, candidates(w, tables, population, 0)[:, 0].astype(float), strict=True))
    runs = []
    for plan in (np.zeros(n, np.uint8), np.ones(n, np.uint8)):
        run = Simulation(w, population, seed=3)
        run.advance(w.horizon, plan)
        runs.append((run.margin + future_value(tables, run.population, w, 8) * WEEK**8, run.promotion_cost, run.ledger))
    for realised, expected in ((runs[1][0] - runs[0][0], planned["value"]), (runs[1][1], planned["cost"])):
        error = realised - expected
        assert abs(error.mean()) <= 4 * error.std() / np.sqrt(n) + 1e-6, (realised.mean(), expected.mean())
    sold = (runs[1][2].revenue - runs[0][2].revenue - runs[1][2].discount)[: arm.duration].sum()
    assert abs(sold - planned["revenue"].sum()) <= 0.05 * runs[1][2].discount.sum() + 4 * np.sqrt(n) * 5


def _filled(values: dict[str, object]) -> dict[str, object]:
    return {"depth": 0.0, "redemption_cost": 0.0} | values


def test_fatigue_and_unknown_responsiveness_lower_and_average_the_response() -> None:
    arm = Arm("a/b", "a", "b", "contact", 0.1, 0.0, 0.0, 1, np.full(6, 0.3), order_lift=0.5)
    w = dataclasses.replace(world(arm), fatigue=Fatigue(0.5, 1.0))
    n = 200_000
    rng = np.random.default_rng(1)
    population = make_population(
        rate=np.ones(n), order_value=np.full(n, 30.0), segment=np.full(n, 2), responsiveness=rng.normal(0, 1.2, n)
    )
    tables = order_tables(w.segments, 52, WEEK)
    fresh = candidate(w, tables, population, arm, 0)
    blind = candidate(w, tables, population, arm, 0, responsiveness_sd=1.2)
    spread = fresh.value.std() / np.sqrt(n)
    assert abs(fresh.value.mean() - blind.value.mean()) <= 4 * spread
    population.state.fatigue[:] = 1
    assert (candidate(w, tables, population, arm, 0).value < fresh.value).all()


@pytest.mark.parametrize("sd", [0.0, 0.8])
@pytest.mark.parametrize("name", list(ARMS))
def test_the_array_loop_agrees_with_its_slow_twin(name: str, sd: float) -> None:
    """To the rounding of float32."""
    arm = Arm("a/b", "a", "b", contact_cost=0.3, duration=3, response=np.linspace(0, 1, 6), **_filled(ARMS[name]))
    n = 9_000
    rng = np.random.default_rng(2)
    w = world(arm, 0.5, horizon=20, categories=("x", "y"), complementarity=np.array([[0.0, 0.7], [0.2, 0.0]]))
    w = dataclasses.replace(w, fatigue=Fatigue(0.5, 0.6))
    population = make_population(
        rate=rng.gamma(2, 0.5, n),
        order_value=rng.gamma(4, 10, n),
        segment=rng.integers(0, 6, n),
        responsiveness=rng.normal(0, 0.5, n),
        headroom=rng.gamma(2, 4, (n, 2)),
        owned=rng.integers(0, 4, n),
    )
    population.state.segment[:] = rng.integers(0, 6, n)
    population.state.fatigue[:] = rng.exponential(1, n)
    population.state.extra_value[:] = rng.exponential(1, n)
    tables = order_tables(w.segments, w.horizon, WEEK)
    fast = candidates(w, tables, population, 7, sd)
    slow = candidate(w, tables, population, arm, 7, sd)
    for got, measure in zip(fast, MEASURES, strict=True):
        np.testing.assert_allclose(got[0], getattr(slow, measure), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_all_arms_at_once_take_off_what_is_left_of_an_offer(seed):
    """The kernel against its slow twin where offers act on some customers."""
    world = rich_world(seed)
    population = rich_population(world, 300, seed)
    rng = np.random.default_rng(seed)
    population.state.active_arm[:] = rng.integers(0, 5, 300)
    population.state.active_left[:] = np.where(population.state.active_arm > 0, rng.integers(1, 4, 300), 0)
    tables = order_tables(world.segments, world.horizon, world.economics.discount_factor)
    standing = standing_value(world, tables, population, 1)
    assert (standing[population.state.active_arm == 0] == 0).all()
    assert np.abs(standing).max() > 1
    got = candidates(world, tables, population, 1)
    for k, arm in enumerate(world.arms):
        wanted = candidate(world, tables, population, arm, 1, standing=standing)
        np.testing.assert_allclose(got[MEASURES.index("value"), k], wanted.value, rtol=1e-4, atol=1e-4)
