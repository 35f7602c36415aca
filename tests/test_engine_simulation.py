"""The run's object and its books: errors, empty and extreme populations, exact bookkeeping."""

from dataclasses import replace

import numpy as np
import pytest
from engine_worlds import arm, m0_population, m0_world, rich_population, rich_world
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import EngineError, OrderValue, PopulationError, Simulation, WorldError, make_population
from engine.tables import SEARCH, TARGET, UNIT_INTERVAL, guide, thresholds


def test_empty_population():
    simulation = Simulation(m0_world(arms=[arm()]), m0_population(0), seed=1)
    simulation.advance(3, np.zeros(0, np.uint8))
    simulation.ledger.check()
    assert simulation.margin.shape == simulation.promotion_cost.shape == (0,)
    assert simulation.ledger.margin.tolist() == [0, 0, 0]


@pytest.mark.parametrize("rate", [0.0, 1e-6, 40.0])
def test_extreme_rates(rate):
    """Poisson mean and variance in one segment; at 40 the search is used for nearly everybody."""
    n = 20_000
    world = m0_world(np.eye(6).tolist(), [1.0] * 6)
    population = make_population(rate=np.full(n, rate), order_value=np.ones(n), segment=np.zeros(n, int))
    simulation = Simulation(world, population, seed=2)
    simulation.advance(5)
    simulation.ledger.check()
    total = simulation.ledger.orders.sum()
    assert abs(total - 5 * n * rate) <= 4 * np.sqrt(5 * n * rate)
    if rate == 40:
        orders = simulation.population.state.orders.astype(float)
        assert abs(orders.var() / 200 - 1) < 4 * np.sqrt(2 / n)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_books_add_up_to_the_micro_unit(parameters, seed):
    world = rich_world(parameters, horizon=5)
    population = rich_population(world, 700, parameters)
    simulation = Simulation(world, population, seed=seed)
    rng = np.random.default_rng(seed)
    for _ in range(3):
        simulation.advance(2, rng.integers(0, 5, 700).astype(np.uint8))
    simulation.ledger.check()
    ledger = simulation.ledger
    assert ledger.lines.dtype == ledger.by_segment.dtype == ledger.by_arm.dtype == np.int64
    assert simulation._promotion.sum() == np.rint(ledger.promotion_cost * 1e6).astype(np.int64).sum()
    discounted = (ledger.margin * 0.99 ** np.arange(6)).sum()
    assert simulation.margin.sum() == pytest.approx(discounted, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("name", ["lines", "by_segment", "by_arm"])
def test_one_micro_unit_astray_is_found(name):
    world = rich_world(3, horizon=5)
    simulation = Simulation(world, rich_population(world, 300, 3), seed=1)
    simulation.advance(2, (np.arange(300) % 5).astype(np.uint8))
    wrong = getattr(simulation.ledger, name).copy()
    wrong[1, -1 if name == "by_segment" else 0] += 1
    with pytest.raises(EngineError, match=r"ledger: .*expected equal, got .* in period 1"):
        replace(simulation.ledger, **{name: wrong}).check()


def test_ledger_as_a_table():
    pytest.importorskip("pyarrow")
    simulation = Simulation(m0_world(), m0_population(100), seed=1)
    simulation.advance(4)
    table = simulation.ledger.to_arrow()
    assert table.num_rows == 4
    assert table["period"].to_pylist() == [0, 1, 2, 3]
    assert table["margin"].to_pylist() == simulation.ledger.margin.tolist()


def test_arrays_of_a_file_may_be_read_only_or_strided():
    population = m0_population(1000)
    population.traits.rate = np.repeat(population.traits.rate, 2)[::2]
    population.traits.order_value.flags.writeable = False
    a, b = Simulation(m0_world(), population, seed=1), Simulation(m0_world(), m0_population(1000), seed=1)
    a.advance(4)
    b.advance(4)
    np.testing.assert_array_equal(a.margin, b.margin)


def test_every_problem_of_a_world_at_once():
    bad = [arm("mail/x", duration=0, depth=1.5), arm("sms/x", response=2.0, contact_cost=-1.0, category=3, move_to=9)]
    world = replace(m0_world(arms=bad), horizon=0)
    with pytest.raises(WorldError) as error:
        Simulation(world, m0_population(5), seed=1)
    text = str(error.value)
    for part in (
        "horizon: expected 1 to 65535, got 0",
        "arm mail/x: duration: expected 1 to 255, got 0",
        "arm mail/x: depth: expected 0 to 1, got 1.5",
        "arm sms/x: contact_cost: expected 0 to 1e+06, got -1.0",
        "arm sms/x: category: expected -1 to -1, got 3",
        "arm sms/x: move_to: expected -1 to 5, got 9",
        "arm sms/x: response: expected 6 probabilities, got [2.0",
    ):
        assert part in text


def test_populations_that_do_not_fit():
    with pytest.raises(PopulationError, match="rate: expected at most 500 orders per period"):
        Simulation(m0_world(), make_population(rate=[400.0], order_value=[1.0], segment=[0]), seed=1)
    with pytest.raises(PopulationError, match="order_value: expected at most 1e"):
        Simulation(m0_world(), make_population(rate=[1.0], order_value=[1e7], segment=[0]), seed=1)
    population = m0_population(3)
    population.state.active_arm[0] = 1
    with pytest.raises(PopulationError, match="active_arm: expected at most 0, got 1"):
        Simulation(m0_world(), population, seed=1)


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (np.zeros(4, np.uint8), r"plan: expected 5 uint8 numbers, got uint8 of shape \(4,\)"),
        (np.zeros(5, np.int64), "plan: expected 5 uint8 numbers, got int64"),
        (np.full(5, 2, np.uint8), "plan: expected 0 to 1, 1 [+] index of an arm, got 2"),
    ],
)
def test_plans_that_do_not_fit(plan, text):
    simulation = Simulation(m0_world(arms=[arm()]), m0_population(5), seed=1)
    with pytest.raises(PopulationError, match=text):
        simulation.advance(1, plan)
    with pytest.raises(PopulationError, match="periods: expected at least 1, got 0"):
        simulation.advance(0)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 32))
def test_guided_moves_are_the_inverse_cdf(seed, s):
    """Look-up and search against a plain search of the thresholds, for up to 32 segments, at the ends of cells and at thresholds."""
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.full(s, 0.3), s)
    rows[:, -1] *= s == 1 or rng.random() < 0.5
    rows /= rows.sum(axis=1, keepdims=True)
    bounds = thresholds(rows)
    targets, between = guide(bounds)
    cells = np.arange(256) << 23
    for a in range(s):
        near = (bounds[a].astype(np.int64)[:, None] + [-1, 0, 1]).ravel()
        u = np.concatenate([cells, cells + (1 << 23) - 1, near, rng.integers(0, UNIT_INTERVAL, 500)])
        u = u[(u >= 0) & (u < UNIT_INTERVAL)]
        exact = (u[:, None] >= bounds[a].astype(np.int64)).sum(axis=1)
        assert (rows[a, exact] > 0).all()
        cell = targets[a, u >> 23]
        found = np.where(u >= between[a, u >> 23], cell // TARGET, cell % TARGET)
        assert ((found == exact) | (found == SEARCH)).all()
        crowded = (np.diff(np.unique(bounds[a] >> 23, return_index=True)[1], append=s) > 1).sum()
        assert len(np.unique(u[found == SEARCH] >> 23)) <= crowded
        assert np.abs(np.diff(bounds[a].astype(float), prepend=0) / UNIT_INTERVAL - rows[a]).max() < 1e-9


def test_many_segments():
    """32 segments: frequencies of one period's moves against the rows, chi-square-like z of every cell with mass."""
    n, s = 64_000, 32
    world = rich_world(77, segments=s, arms=0, categories=0)
    start = np.arange(n) % s
    population = make_population(rate=np.ones(n), order_value=np.ones(n), segment=start)
    simulation = Simulation(replace(world, order_value=OrderValue("lognormal", 0.3)), population, seed=4)
    simulation.advance(1)
    counts = np.zeros((s, s))
    np.add.at(counts, (start, simulation.population.state.segment), 1)
    expected = world.segments.transition * (n / s)
    z = (counts - expected) / np.sqrt(np.maximum(expected * (1 - world.segments.transition), 1e-9))
    assert (np.abs(z[expected > 10]) < 5).all()
    assert (counts[world.segments.transition == 0] == 0).all()
