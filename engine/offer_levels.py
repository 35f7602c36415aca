"""Expected orders of a responder to an arm, and of somebody whom it only tired, by strength of leaving, start and segment."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.fading import extra_discounts
from engine.levels import Levels, carried, survival, swayed, transitions
from engine.valuation import active_transitions
from engine.world import Arm, Segments, World

Floats = NDArray[np.float64]

FAINT = 0.002
"""Tilts below this are left out."""


@dataclass(frozen=True)
class ArmLevels:
    """Expected orders of a responder to an arm contacted in period t, (L, S, S), per unit of rate.

    Attributes:
        own, own_nominal: orders while the offer acts at no lift, discounted and not.
        extra, extra_nominal: orders that a lift of 1 adds.
        base_nominal: orders that come anyway in these periods.
        after: discounted orders after that.
        fading: (M, L, S, S) what trust adds to ``own + after`` while it fades (:mod:`engine.fading`).
        ignored: all future orders of somebody who does not respond to the contact.
        unheard: the same of somebody whom it does not reach; it tires him as well.
    """

    own: Floats
    own_nominal: Floats
    extra: Floats
    extra_nominal: Floats
    base_nominal: Floats
    after: Floats
    fading: Floats
    ignored: Floats
    unheard: Floats


def tilted(transition: Floats, z: float, direction: Floats) -> Floats:
    """(S, S) rows in proportion to ``P exp(z direction)``; rows of no return stay.

    Factors are relative to the largest that a row can reach, so that none overflows and no row is lost.
    """
    power = np.where(transition > 0, z * direction, -np.inf)
    out = transition * np.exp(power - power.max(axis=1, keepdims=True))
    out = out / out.sum(axis=1, keepdims=True)
    return np.asarray(np.where(np.diagonal(transition)[:, None] == 1, transition, out))


def traces(world: World, arm: Arm, t: int) -> tuple[Floats, Floats]:
    """(U,) tilts of the periods from t on that the fatigue of one contact brings, and that the trust of one response brings.

    Both stocks decay; within the horizon, and until hardly anything is left.
    """
    dynamics = world.dynamics
    tilt = dynamics.tilt if dynamics else None
    if dynamics is None or tilt is None or not (tilt.fatigue or tilt.trust * arm.more.trust):
        return np.zeros(1), np.zeros(1)
    passed = np.arange(max(world.horizon - t, 1))
    weary = tilt.fatigue if world.fatigue.decay or world.fatigue.weight else 0.0  # else contacts are not counted
    tired = np.asarray(-weary * world.fatigue.decay**passed, np.float64)
    earned = np.asarray(tilt.trust * arm.more.trust * dynamics.trust_decay**passed, np.float64)
    count = 1 + int(np.flatnonzero(np.maximum(np.abs(tired), np.abs(earned)) > FAINT).max(initial=0))
    return np.asarray(tired[:count]), np.asarray(earned[:count])


def arm_levels(world: World, levels: Levels, arm: Arm, t: int, *, begun: bool = False) -> ArmLevels:
    """Backward recursion over the periods in which the offer, or what it leaves, acts; ``begun``: it acts already, without a
    response's move, and what it leaves has been charged.
    """
    dynamics, segments, d = world.dynamics, world.segments, world.economics.discount_factor
    assert dynamics is not None
    tired, earned = (np.zeros(1), np.zeros(1)) if begun else traces(world, arm, t)
    response, contact, fade = arm.more.tilt_response, arm.more.tilt_contact, extra_discounts(world)

    def moved(z: float) -> Segments:
        if dynamics.tilt is None:
            return segments
        return replace(segments, transition=tilted(segments.transition, z, dynamics.tilt.direction))

    def left_behind(trace: Floats, start: int, further: float = 0.0) -> tuple[Floats, Floats]:
        """All future orders from ``start`` on, while only the trace acts, and ``further`` in the first period; and their fading."""
        end = min(max(t + len(trace), start), world.horizon)
        out, fading = levels.discounted[end], levels.fading[end]
        for u in range(min(t + len(trace), world.horizon) - 1, start - 1, -1):
            sigma, e = survival(world, levels, u)
            p = transitions(world, levels, moved(trace[u - t] + (further if u == start else 0.0)).transition)
            if len(fade):
                fading = (swayed(world, levels, out, u) + d * fade * carried(world, sigma, fading, u)) @ p
            out = np.asarray((levels.orders(u) * e + d * carried(world, sigma, out, u)) @ p)
        return out, fading

    ordinary, end = transitions(world, levels, segments.transition), min(t + arm.duration, world.horizon)
    both, hold = tired + earned, 1 - arm.attrition_reduction
    after, fading = left_behind(both, end)
    own = own_nominal = extra = extra_nominal = base = np.zeros_like(after)
    for u in range(end - 1, t - 1, -1):
        first, later = active_transitions(moved(response + (both[u - t] if u - t < len(both) else 0.0)), arm)
        p = transitions(world, levels, first if u == t and not begun else later)
        sigma, e = survival(world, levels, u, hold)
        loose, loose_e = survival(world, levels, u)
        now = levels.orders(u)
        added = now * (sigma if dynamics.attrition and dynamics.attrition.model == "bg_nbd" else e)
        if len(fade):
            fading = (swayed(world, levels, own + after, u, hold) + d * fade * carried(world, sigma, fading, u)) @ p
        own = (now * e + d * carried(world, sigma, own, u)) @ p
        own_nominal = (now * e + carried(world, sigma, own_nominal, u)) @ p
        extra = (added + d * carried(world, sigma, extra, u)) @ p
        extra_nominal = (added + carried(world, sigma, extra_nominal, u)) @ p
        base = (now * loose_e + carried(world, loose, base, u)) @ ordinary
        after = d * carried(world, sigma, after, u) @ p
    ignored, _ = left_behind(tired, t, contact)
    unheard = left_behind(tired, t)[0] if contact else ignored
    return ArmLevels(own, own_nominal, extra, extra_nominal, base, after, fading, ignored, unheard)
