"""A briefing with what the contact centre's calls of today will do to customers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine import Population
from engine.present import present_rate
from engine.rng import split
from engine.service.centre import Centre
from engine.service.foresight import foresee
from engine.valuation import value_tables
from scenarios.briefing import Briefing

PLANNERS_CALLS = 0x5E41
"""The planner's own luck where no calls have been seen yet."""


def foreseeing(briefing: Briefing, known: Population, centre: Centre, period: int) -> Briefing:
    """The briefing whose values foresee failures and missing trust at the last period's load, by segment."""
    world, tables, n = briefing.beliefs, briefing.tables, len(known)
    assert world.service is not None
    segment, start, s = known.state.segment, known.traits.start_segment, len(world.segments.names)
    orders = present_rate(known, world, period) * tables.factor[start, segment] * tables.level[start, period]
    count = np.bincount(segment, minlength=s).astype(np.int64)
    placed, squared, trust = (
        np.bincount(segment, x, s).astype(np.float64) for x in (orders, orders**2, centre.trust[:n])
    )
    found = foresee(
        world.service,
        world.segments.lapsed,
        placed,
        count,
        squared / np.maximum(placed, 1e-12),
        np.where(count > 0, trust / np.maximum(count, 1), 1.0),
        centre.scale,
        centre.outcomes,
        split(briefing.seed ^ PLANNERS_CALLS),
        period,
        world.horizon,
    )
    beliefs = replace(world, strain=found)
    return replace(briefing, beliefs=beliefs, tables=value_tables(beliefs))
