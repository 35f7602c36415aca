"""The kernels and their slow twin: the same bits, with every feature on."""

from dataclasses import fields

import numpy as np
from engine_worlds import rich_population, rich_world
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Simulation
from engine.reference import live


def assert_same(simulation: Simulation, twin) -> None:
    for part in ("state", "traits"):
        ours, theirs = getattr(simulation.population, part), getattr(twin.population, part)
        for f in fields(ours):
            np.testing.assert_array_equal(getattr(ours, f.name), getattr(theirs, f.name), err_msg=f.name)
    np.testing.assert_array_equal(simulation.ledger.lines, twin.lines)
    np.testing.assert_array_equal(simulation.ledger.by_segment, twin.by_segment)
    np.testing.assert_array_equal(simulation.ledger.by_arm, twin.by_arm)
    np.testing.assert_array_equal(simulation.margin, twin.margin)
    np.testing.assert_array_equal(simulation.promotion_cost, twin.promotion / 1e6)
    simulation.ledger.check()


def in_both(world, population, seed, gaps, rng):
    """The kernels' run and the twin's, with random plans at the first of each ``gaps`` periods."""
    simulation, plans = Simulation(world, population, seed=seed), []
    for gap in gaps:
        plan = rng.integers(0, len(world.arms) + 1, len(population)).astype(np.uint8) if rng.random() < 0.9 else None
        simulation.advance(gap, plan)
        plans += [plan] + [None] * (gap - 1)
    return simulation, live(world, population, seed, plans)


@settings(max_examples=60, deadline=None)
@given(
    parameters=st.integers(0, 2**31),
    seed=st.integers(0, 2**64 - 1),
    n=st.integers(1, 12),
    segments=st.integers(1, 7),
    arms=st.integers(0, 4),
    categories=st.integers(0, 3),
    gaps=st.lists(st.integers(1, 3), min_size=1, max_size=3),
)
def test_every_bit_is_the_twins(parameters, seed, n, segments, arms, categories, gaps):
    world = rich_world(parameters, segments, arms, categories, horizon=4)
    population = rich_population(world, n, parameters)
    assert_same(*in_both(world, population, seed, gaps, np.random.default_rng(parameters)))


def test_a_whole_block_and_a_part_of_one():
    world = rich_world(5, segments=5, arms=4, categories=3)
    population = rich_population(world, 600, 5)
    plan = (np.arange(600) % 5).astype(np.uint8)
    simulation = Simulation(world, population, seed=11)
    simulation.advance(2, plan)
    assert_same(simulation, live(world, population, 11, [plan, None]))
