"""Worlds with dynamics that the tests share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from engine_worlds import rich_population, rich_world

from engine import Population, World
from engine.dynamics import (
    ArmDynamics,
    Attrition,
    Channel,
    Competition,
    Dynamics,
    Habituation,
    OrderGrowth,
    Pantry,
    Rival,
    Stock,
    Tilt,
)
from engine.life import make_life


def rich_dynamics(seed: int, segments: int = 4, arms: int = 4, categories: int = 3, horizon: int = 6) -> World:
    """A world in which every feature may be on, of random parameters."""
    world = rich_world(seed, segments, arms, categories, horizon)
    rng = np.random.default_rng([seed, 7])

    def some(value, share=0.7):
        return value if rng.random() < share else None

    models = ["bg_nbd", "pareto_nbd", "sbg"]
    dynamics = Dynamics(
        attrition=some(Attrition(models[seed % 3], segments - 1, int(rng.integers(1, 4))), 0.9),
        pantry=some(Pantry(float(rng.random()), float(rng.random()))),
        habituation=some(Habituation(float(rng.random()), float(rng.random()))),
        tilt=some(Tilt(rng.normal(0, 1, segments), *rng.normal(0, 0.5, 3).tolist())),
        growth=some(OrderGrowth(float(rng.random() * 0.3), 1.5)),
        competition=some(Competition(rng.normal(0, 1, horizon - 1), float(rng.normal()))),
        rivals=tuple(
            Rival(c, rng.normal(0, 1, horizon - 1), float(rng.normal()))
            for c in range(categories)
            if rng.random() < 0.4
        ),
        stocks=(Stock(0.5, 0.4), Stock(1.0, 0.2), Stock(0.0, 1.0)),
        channels=(Channel(0.8, 0.1, 0.2, 0), Channel(1.0, 0.0, 0.5, -1)),
        values=("price", "service", "speed"),
        value_means=np.array([0.5, 0.3, 0.2]),
        tiers=np.array([1.0, 1.4, 2.2]),
        breadth=float(rng.choice([1.0, 0.6, 0.0])),
        trust_decay=float(rng.choice([1.0, 0.7])),
        trust_response=float(rng.normal()),
        flows=True,
    )
    places = [*([-1] if dynamics.competition else []), *range(len(dynamics.rivals))]
    many = [
        replace(
            arm,
            more=ArmDynamics(
                channel=a % 2,
                stocks=(0, int(rng.integers(-1, 3))),
                curve=tuple(np.sort(rng.normal(0, 1, 5)).tolist()) if rng.random() < 0.7 else (),
                appeal=tuple(rng.normal(0, 2, 3).tolist()) if rng.random() < 0.7 else (),
                tilt_response=float(rng.normal()) if dynamics.tilt else 0.0,
                tilt_contact=float(rng.normal()) if dynamics.tilt else 0.0,
                tier_step=int(rng.integers(0, 3)),
                tier_probability=float(rng.choice([0.0, 0.5, 1.0])),
                share_shift=float(rng.normal()) if places else 0.0,
                share_rival=int(rng.choice(places)) if places else -1,
                trust=float(rng.normal()),
                win_back=bool(rng.random() < 0.4),
                cannibalises=float(rng.choice([0.0, 0.3])),
                bundle=int(rng.integers(0, 1 << categories)) if arm.category >= 0 else 0,
            ),
        )
        for a, arm in enumerate(world.arms)
    ]
    return replace(world, dynamics=dynamics, arms=tuple(many))


def rich_lives(world: World, n: int, seed: int) -> Population:
    population = rich_population(world, n, seed)
    rng = np.random.default_rng([seed, 8])
    population.traits.rate[:] = np.minimum(
        population.traits.rate, 4
    )  # a whole wallet is up to five times as many orders
    population.life = make_life(
        population.state.segment,
        world,
        dropout=rng.choice([0.0, 0.1, 0.5, 1.0], n),
        renewal=rng.integers(0, 4, n),
        share=rng.uniform(0.2, 0.95, n),
        values=rng.dirichlet([1, 1, 1], n),
        category_share=rng.uniform(0.2, 0.95, (n, len(world.dynamics.rivals))),
        spent=rng.uniform(0, 12, (n, len(world.dynamics.rivals))),
        tier=rng.integers(0, 3, n),
        consent=rng.integers(0, 4, n),
    )
    return population
