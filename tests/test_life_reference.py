"""Dynamics: the kernels and their slow twin give the same bits; any thread count, split and shard gives the same."""

from dataclasses import fields, replace

import numba
import numpy as np
import pytest
from engine_worlds import rich_population, rich_world
from hypothesis import given, settings
from hypothesis import strategies as st
from life_worlds import rich_dynamics, rich_lives
from test_engine_reference import assert_same, in_both

from engine import Simulation
from engine.dynamics import Dynamics
from engine.life import make_life
from engine.reference import live


def assert_same_lives(simulation, twin) -> None:
    ours, theirs = simulation.population.life, twin.population.life
    for f in fields(ours):
        np.testing.assert_array_equal(getattr(ours, f.name), getattr(theirs, f.name), err_msg=f.name)
    np.testing.assert_array_equal(simulation.ledger.flow, twin.flow)
    assert_same(simulation, twin)


@settings(max_examples=80, deadline=None)
@given(
    parameters=st.integers(0, 2**31),
    seed=st.integers(0, 2**64 - 1),
    n=st.integers(1, 12),
    segments=st.integers(2, 6),
    arms=st.integers(0, 4),
    categories=st.integers(0, 3),
    gaps=st.lists(st.integers(1, 3), min_size=1, max_size=4),
)
def test_every_bit_is_the_twins(parameters, seed, n, segments, arms, categories, gaps):
    world = rich_dynamics(parameters, segments, arms, categories, horizon=6)
    population = rich_lives(world, n, parameters)
    assert_same_lives(*in_both(world, population, seed, gaps, np.random.default_rng(parameters)))


@pytest.mark.parametrize("parameters", range(6))
def test_a_whole_block_and_a_part_of_one(parameters):
    world = rich_dynamics(parameters, segments=5, arms=4, categories=3)
    population = rich_lives(world, 530, 5)
    plan = (np.arange(530) % 5).astype(np.uint8)
    simulation = Simulation(world, population, seed=11)
    simulation.advance(2, plan)
    simulation.advance(2, plan[::-1].copy())
    assert_same_lives(simulation, live(world, population, 11, [plan, None, plan[::-1], None]))


def test_neutral_dynamics_change_no_bit():
    """With everything off, the kernel for dynamics gives what the plain one gives."""
    world = rich_world(3, segments=5, arms=4, categories=3)
    plan = (np.arange(3000) % 5).astype(np.uint8)
    plain = Simulation(world, rich_population(world, 3000, 3), seed=1)
    other = replace(world, dynamics=Dynamics())
    population = rich_population(world, 3000, 3)
    population.life = make_life(population.state.segment, other)
    lived = Simulation(other, population, seed=1)
    for run in (plain, lived):
        run.advance(4, plan)
    np.testing.assert_array_equal(plain.margin, lived.margin)
    assert plain.ledger.lines.tolist() == lived.ledger.lines.tolist()


@pytest.mark.parametrize("parameters", [0, 1, 2])
def test_threads_splits_and_shards(parameters):
    world = rich_dynamics(parameters, segments=5, arms=4, categories=3)
    n = 5000
    population = rich_lives(world, n, 9)
    plan = np.random.default_rng(4).integers(0, 5, n).astype(np.uint8)

    def run(splits=(6,), index=None):
        some = population if index is None else population.take(index)
        simulation = Simulation(world, some, seed=9)
        for i, periods in enumerate(splits):
            simulation.advance(periods, (plan if index is None else plan[index]) if i == 0 else None)
        simulation.ledger.check()
        return simulation

    base = run()
    before = numba.get_num_threads()
    try:
        for threads in (1, 2):
            numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
            other = run(splits=(1, 3, 2))
            np.testing.assert_array_equal(base.margin, other.margin)
            assert base.ledger == other.ledger
    finally:
        numba.set_num_threads(before)
    index = np.random.default_rng(1).permutation(n)[:1777]
    part = run(index=index)
    np.testing.assert_array_equal(base.margin[index], part.margin)
    for name, values in part.population.life.columns().items():
        np.testing.assert_array_equal(getattr(base.population.life, name)[index], values)
