"""The arrays of the rest of a run: what the engine says of types at later decisions, moves between decisions, rules as rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine import World
from engine.valuation import active_transitions
from scenarios.briefing import MEASURES, Briefing
from scenarios.contacts_ahead import Memories
from scenarios.schema.rules import Rule
from solvers import Flow

Floats = NDArray[np.float64]
Limit = tuple[Rule, tuple[int, ...], float]
"""A rule, the decisions that share an amount of it, and the amount."""


def measures_of(limits: Sequence[Limit]) -> tuple[int, ...]:
    """Places in ``MEASURES``, or its length for the count, that limits speak about, ascending."""
    names = (*MEASURES, "count")
    return tuple(sorted({names.index(rule.measure or "count") for rule, _, _ in limits}))


def make_flow(
    b: Briefing,
    epochs: Sequence[int],
    stages: Sequence[tuple[Floats, Floats]],
    memories: Memories,
    mass: Floats,
    limits: Sequence[Limit],
    once: NDArray[np.bool_],
    s: int,
) -> Flow:
    """Arrays of the engine's figures, for the measures that limits name."""
    world, t, k = b.beliefs, len(epochs), len(b.beliefs.arms)
    twice = bool(once.any())
    measures = np.stack([stage[0] for stage in stages], axis=1)  # (4, T, K, G, M, S)
    chance = np.stack([stage[1] for stage in stages])
    factor = world.economics.discount_factor ** (np.array(epochs) - epochs[0])
    worth = measures[0] * factor[:, None, None, None, None]
    calm, hit = moves(world, epochs)
    place = 2 * s if twice else s
    if twice:
        taken = np.where(once[None, :, None, None, None], -np.inf, worth)
        worth, chance = np.concatenate([worth, taken], axis=-1), np.concatenate([chance, chance], axis=-1)
        measures, mass = (
            np.concatenate([measures, measures], axis=-1),
            np.concatenate([mass, np.zeros_like(mass)], axis=-1),
        )
        calm, hit = _doubled(calm, np.zeros(t)), _doubled(hit, once.astype(float)[None].repeat(t, axis=0))
    named = measures_of(limits)
    use = np.ones((len(named), *worth.shape))
    for j, measure in enumerate(named):
        if measure < len(MEASURES):
            use[j] = np.where(np.isfinite(measures[measure]), measures[measure], 0.0)
    rows = np.zeros((len(limits), len(named), t, k, place))
    for r, (rule, span, _) in enumerate(limits):
        arms, places = filtered(rule, world)
        inside = np.isin(epochs, span).astype(float)
        (measure,) = measures_of([limits[r]])
        rows[r, named.index(measure)] = inside[:, None, None] * np.outer(arms, np.tile(places, place // s))
    amounts = np.array([amount for _, _, amount in limits], float)
    return Flow(worth, use, chance, calm, hit, memories.follow(epochs), mass, rows, amounts)


def filtered(rule: Rule, world: World) -> tuple[Floats, Floats]:
    """(K,) arms and (S,) segments that a rule's filter keeps."""
    arms, places = np.ones(len(world.arms)), np.ones(len(world.segments.names))
    for label, wanted in rule.where.items():
        if label == "segment":
            places *= np.isin(world.segments.names, [str(v) for v in wanted])
        else:
            arms *= np.isin([getattr(arm, label) for arm in world.arms], [str(v) for v in wanted])
    return arms, places


def moves(world: World, epochs: Sequence[int]) -> tuple[Floats, Floats]:
    """(T, S, S) and (T, K, S, S): the moves of segments from one decision to the next, without and with a response."""
    segments, s = world.segments, len(world.segments.names)
    gaps = [*np.diff(epochs).tolist(), 1]
    calm = np.stack([np.linalg.matrix_power(segments.transition, gap) for gap in gaps])
    hit = np.empty((len(epochs), len(world.arms), s, s))
    for k, arm in enumerate(world.arms):
        first, later = active_transitions(segments, arm)
        for t, gap in enumerate(gaps):
            on = min(arm.duration, gap)
            rest = np.linalg.matrix_power(segments.transition, gap - on)
            hit[t, k] = first @ np.linalg.matrix_power(later, on - 1) @ rest
    return _stochastic(calm), _stochastic(hit)


def _stochastic(p: Floats) -> Floats:
    """Rows that sum to 1 up to rounding, made so exactly."""
    return np.asarray(p / p.sum(axis=-1, keepdims=True))


def _doubled(p: Floats, goes: Floats) -> Floats:
    """(..., 2 S, 2 S): the move, and with it from before to after where ``goes`` (...) is 1."""
    zero, share = np.zeros_like(p), goes[..., None, None]
    return np.concatenate(
        [np.concatenate([p * (1 - share), p * share], axis=-1), np.concatenate([zero, p], axis=-1)], axis=-2
    )
