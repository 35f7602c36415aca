"""Names of strategies -> strategies.  Adding one: a small class with ``choose``, an entry here, a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.schema.planning import Strategy as Spec
from scenarios.strategies.base import Strategy
from scenarios.strategies.optimising import Greedy, Nobody, Optimal
from scenarios.strategies.over_time import OptimalOverTime
from scenarios.strategies.plan_file import read_plan
from scenarios.strategies.ranked import Assigned, Random, Ranked, at_random, by_clv, by_rfm
from scenarios.strategies.segmented import BestPerSegment

Maker = Callable[[], Strategy]

DESCRIPTIONS = {
    "current_plan": "today's practice",
    "none": "no offers at all",
    "everyone": "one offer for everybody, in random order while the rules allow",
    "random": "random offers for random customers",
    "top_rfm": "one offer, best customers by recency, frequency and money first",
    "top_clv": "one offer, customers with the highest expected value first",
    "best_per_segment": "each segment's best offer on average within the rules, best segments first",
    "greedy": "each customer's offers by return on the budget",
    "optimal": "largest incremental customer lifetime value under all rules",
    "optimal_over_time": "the same over the rest of the run: money and contacts kept for when they are worth most",
}

ONE_ARM = {"everyone": at_random, "top_rfm": by_rfm, "top_clv": by_clv}
"""Simple rules with one arm for all; the arm is found on a pilot draw."""


def maker(
    spec: Spec, arms: tuple[str, ...], segments: tuple[str, ...], customer_ids: NDArray[Any], pilot_arm: int = -1
) -> Maker:
    """A function that makes a fresh strategy for a run.  ``pilot_arm``: the arm of a simple rule, from the pilot."""
    if spec.type in ONE_ARM:
        return lambda: Ranked(ONE_ARM[spec.type], pilot_arm, spec.share or 1.0)
    if spec.type == "current_plan":
        if spec.file is not None:
            plan = read_plan(spec.file, arms, customer_ids)
            return lambda: plan
        where = np.isin(segments, spec.where["segment"]) if "segment" in spec.where else np.ones(len(segments), bool)
        arm = next(
            i
            for i, a in enumerate(arms)
            if a == f"{spec.offer}/{spec.channel}" or (spec.channel is None and a.startswith(f"{spec.offer}/"))
        )
        return lambda: Assigned(arm, where)
    plain: dict[str, Maker] = {
        "none": Nobody,
        "random": Random,
        "best_per_segment": BestPerSegment,
        "greedy": Greedy,
        "optimal": Optimal,
        "optimal_over_time": OptimalOverTime,
    }
    return plain[spec.type]
