"""The same seed gives the same bits: threads, shards, order, split into calls; and nobody's luck depends on others."""

from dataclasses import fields, replace

import numba
import numpy as np
import pytest
from engine_worlds import rich_population, rich_world
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Population, Simulation, WorldError, simulate_in_shards

N, PERIODS = 5000, 6
WORLD = rich_world(21, segments=6, arms=4, categories=3)
POPULATION = rich_population(WORLD, N, 21)
PLAN = np.random.default_rng(4).integers(0, 5, N).astype(np.uint8)


def run(world=WORLD, population=POPULATION, plan=PLAN, splits=(PERIODS,), seed=9) -> Simulation:
    simulation = Simulation(world, population, seed=seed)
    for i, periods in enumerate(splits):
        simulation.advance(periods, plan if i == 0 else None)
    simulation.ledger.check()
    return simulation


def columns(population: Population, index=slice(None)) -> dict[str, np.ndarray]:
    return {f.name: getattr(population.state, f.name)[index] for f in fields(population.state)}


def assert_same_customers(a: Simulation, b: Simulation, index=slice(None)) -> None:
    for name, values in columns(b.population).items():
        np.testing.assert_array_equal(columns(a.population, index)[name], values, err_msg=name)
    np.testing.assert_array_equal(a.margin[index], b.margin)
    np.testing.assert_array_equal(a.promotion_cost[index], b.promotion_cost)


@pytest.fixture(scope="module")
def base() -> Simulation:
    return run()


@pytest.mark.parametrize("threads", [1, 2])
def test_threads(base, threads):
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        other = run()
    finally:
        numba.set_num_threads(before)
    assert_same_customers(base, other)
    assert base.ledger == other.ledger


@pytest.mark.parametrize("splits", [(3, 3), (1, 5), (1, 1, 1, 1, 1, 1), (4, 2)])
def test_any_split_into_calls(base, splits):
    other = run(splits=splits)
    assert_same_customers(base, other)
    assert base.ledger == other.ledger


def test_contacts_of_long_calls_leave_the_window():
    for splits in ((70,), (64, 6), (63, 7), (35, 35)):
        assert not run(splits=splits).population.state.contacts.any()
    long = run(splits=(64,)).population.state.contacts
    np.testing.assert_array_equal(long >> np.uint64(63), PLAN > 0)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, N))
def test_any_order_and_shard(seed, size):
    index = np.random.default_rng(seed).permutation(N)[:size]
    assert_same_customers(run(), run(population=POPULATION.take(index), plan=PLAN[index]), index)


def test_shards_add_up(base):
    parts = [np.arange(0, 1777), np.arange(1777, 1778), np.arange(1778, N)]
    shards = [run(population=POPULATION.take(p), plan=PLAN[p]).ledger for p in parts]
    for name in ("lines", "by_segment", "by_arm"):
        np.testing.assert_array_equal(sum(getattr(s, name) for s in shards), getattr(base.ledger, name))


def test_the_caller_keeps_his_population(base):
    kept = rich_population(WORLD, N, 21)
    for f in fields(kept.state):
        np.testing.assert_array_equal(getattr(POPULATION.state, f.name), getattr(kept.state, f.name))
    assert base.population.traits is POPULATION.traits


def test_history_is_only_watched(base):
    quiet = Simulation(WORLD, POPULATION, seed=9, track_history=False)
    quiet.advance(PERIODS, PLAN)
    np.testing.assert_array_equal(quiet.margin, base.margin)
    assert quiet.ledger == base.ledger


def test_one_customer_changed_changes_nobody_else(base):
    """One rate, one plan entry: the others keep every bit."""
    traits = replace(POPULATION.traits, rate=POPULATION.traits.rate.copy())
    traits.rate[100] += np.float32(1)
    plan = PLAN.copy()
    plan[100] = (plan[100] + 1) % 5
    other = run(population=Population(traits, POPULATION.state), plan=plan)
    rest = np.arange(N) != 100
    np.testing.assert_array_equal(other.margin[rest], base.margin[rest])
    assert other.margin[100] != base.margin[100]


def test_one_parameter_changed_moves_only_whom_it_touches(base):
    """The price of one arm's contact: those without it keep every bit, those with it lose exactly the difference."""
    arms = list(WORLD.arms)
    arms[2] = replace(arms[2], contact_cost=arms[2].contact_cost + 0.25)
    other = run(replace(WORLD, arms=tuple(arms)))
    given = PLAN == 3
    np.testing.assert_array_equal(other.margin[~given], base.margin[~given])
    np.testing.assert_allclose(base.margin[given] - other.margin[given], 0.25, atol=1e-9)
    np.testing.assert_array_equal(other.population.state.segment, base.population.state.segment)


def test_seeds_differ_in_every_one_of_64_bits(base):
    for bit in (0, 31, 32, 63):
        assert not np.array_equal(run(seed=9 ^ (1 << bit)).margin, base.margin)
    assert np.array_equal(run(seed=9 + 2**64).margin, base.margin)


@pytest.mark.parametrize("size", [N, 1777, 512])
def test_one_shard_after_the_other_gives_the_same_books(base, size):
    """Books in integers are the same to the bit; moments of the margin are sums of floats."""
    totals = simulate_in_shards(
        WORLD,
        lambda low, high: POPULATION.take(np.arange(low, high)),
        N,
        seed=9,
        periods=PERIODS,
        plan=lambda shard: PLAN[np.searchsorted(POPULATION.traits.source, shard.traits.source)],
        size=size,
    )
    assert totals.ledger == base.ledger
    assert totals.customers == N
    assert totals.mean == pytest.approx(base.margin.mean())
    assert totals.sd == pytest.approx(base.margin.std())


def test_what_customers_share_cannot_be_split():
    world = replace(WORLD, arms=(replace(WORLD.arms[0], setup_cost=5.0),), overheads=np.zeros(PERIODS))
    with pytest.raises(WorldError, match=r"(?s)overheads.*setup_cost"):
        simulate_in_shards(world, lambda low, high: POPULATION, N, seed=1, periods=1)
