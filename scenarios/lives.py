"""Drawn customers with the traits that a scenario's dynamics need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine import Population, World
from engine.life import make_life
from scenarios.base import Base, Customers
from scenarios.building_dynamics import rivals_of
from scenarios.correlation import WEIGHT_OF, beta_at, gamma_at, normals
from scenarios.schema.dynamics import Dynamics, Values
from scenarios.schema.scenario import Scenario

Floats = NDArray[np.float64]

DROPOUT, RENEWAL, SHARE, VALUES, TIER, CONSENT, CATEGORY_SHARE = range(7)
LEAST_SHARE = 0.01


def draw_customers(
    scenario: Scenario, base: Base, world: World, n: int, seed: int, *, resample: bool = False
) -> Customers:
    """Draw n customers of a base, with their lives if the world has dynamics."""
    drawn = base.draw(n, seed, scenario.population.kappa.value, resample=resample)
    return with_lives(drawn, scenario, base, world, seed)


def with_lives(customers: Customers, scenario: Scenario, base: Base, world: World, seed: int) -> Customers:
    """Traits of the dynamics, each from a stream of its own; the same seed gives the same."""
    if world.dynamics is None:
        return customers
    population, d = customers.population, scenario.dynamics or Dynamics()
    n, segment = len(population), population.state.segment

    def rng(*what: int) -> np.random.Generator:
        return np.random.default_rng([seed, 3, *what])

    synthetic = scenario.population.synthetic
    alike = normals(synthetic.correlation, n, seed) if synthetic else {}
    tier = None
    if d.tiers:
        tier = rng(TIER).choice(len(d.tiers), n, p=np.array([t.share for t in d.tiers.values()]))
        population.state.spend *= np.array([t.price_multiple for t in d.tiers.values()], np.float32)[tier]
    life = make_life(
        segment,
        world,
        dropout=_dropout(d, n, rng(DROPOUT), alike.get("attrition")),
        renewal=rng(RENEWAL).integers(0, d.attrition.renews_every, n) if d.attrition else None,
        share=_share(d, n, rng(SHARE), alike.get("own_share")),
        **_categories(scenario, base, population, rng),
        values=_values(d.values, segment, world.segments.names, rng(VALUES), alike) if d.values else None,
        tier=tier,
        consent=_consent(scenario, n, rng(CONSENT)),
    )
    return replace(customers, population=Population(population.traits, population.state, life))


def _dropout(d: Dynamics, n: int, rng: np.random.Generator, z: Floats | None) -> Floats | None:
    """``z``: normals of the trait where it is correlated with others."""
    if d.attrition is None:
        return None
    if d.attrition.model == "pareto_nbd":
        shape, scale = float(d.attrition.s or 1.0), 1 / float(d.attrition.beta or 1.0)
        return rng.gamma(shape, scale, n) if z is None else gamma_at(z, shape) * scale
    a, b = float(d.attrition.a or 1.0), float(d.attrition.b or 1.0)
    return rng.beta(a, b, n) if z is None else beta_at(z, a, b)


def _share(d: Dynamics, n: int, rng: np.random.Generator, z: Floats | None) -> Floats | None:
    if d.competition is None or d.competition.share is None:
        return None
    mean, count = d.competition.share, d.competition.concentration
    a, b = mean * count, (1 - mean) * count
    return np.clip(rng.beta(a, b, n) if z is None else beta_at(z, a, b), LEAST_SHARE, 1 - LEAST_SHARE)


def _categories(
    scenario: Scenario, base: Base, population: Population, rng: Callable[..., np.random.Generator]
) -> dict[str, Floats]:
    """Own shares (n, R) of the categories with a competitor, and what is spent on them; each category from a stream of its own."""
    rivals, n = rivals_of(scenario), len(population)
    if not rivals:
        return {}
    share = np.empty((n, len(rivals)))
    for r, (name, c) in enumerate(rivals.items()):
        of = rng(CATEGORY_SHARE, base.categories.index(name))
        share[:, r] = of.beta(c.share * c.concentration, (1 - c.share) * c.concentration, n)
    spent = base.category_spend(population)[:, [base.categories.index(name) for name in rivals]]
    return {"category_share": np.clip(share, LEAST_SHARE, 1 - LEAST_SHARE), "spent": spent}


def segment_means(values: Values, names: tuple[str, ...]) -> Floats:
    """(S, D) mean weights by segment."""
    return np.array(
        [[values.by_segment.get(s, values.weights).get(v, 0.0) for v in values.weights] for s in names], float
    )


def _values(
    values: Values,
    segment: NDArray[np.uint8],
    names: tuple[str, ...],
    rng: np.random.Generator,
    alike: Mapping[str, Floats],
) -> Floats:
    """(n, D) weights, Dirichlet around the segment's means.

    A weight that is correlated with other traits is drawn first, from its own Beta; what it leaves is shared by the others as they
    share it without it (the Dirichlet's neutrality), so that the joint law of the weights stays the Dirichlet's.
    """
    means = segment_means(values, names)[segment]
    if values.concentration is None:
        return means
    shape = rng.standard_gamma(np.maximum(means * values.concentration, 1e-9))
    for place, name in enumerate(values.weights):
        z = alike.get(WEIGHT_OF + name)
        if z is not None:
            a = np.maximum(means[:, place] * values.concentration, 1e-9)
            weight = beta_at(z, a, np.maximum(values.concentration - a, 1e-9))
            rest = np.delete(shape, place, axis=1)
            rest = rest / np.maximum(rest.sum(axis=1, keepdims=True), 1e-30) * (1 - weight[:, None])
            return np.insert(rest, place, weight, axis=1)
    return np.asarray(shape / np.maximum(shape.sum(axis=1, keepdims=True), 1e-30))


def _consent(scenario: Scenario, n: int, rng: np.random.Generator) -> NDArray[np.uint32]:
    mask = np.zeros(n, np.uint32)
    for bit, channel in enumerate(scenario.channels.values()):
        mask |= (rng.random(n) < channel.consent).astype(np.uint32) << np.uint32(bit)
    return mask
