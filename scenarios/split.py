"""One budget over winning new customers and developing those there are: value at every split, and the best one found."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scenarios.assumptions import changed
from scenarios.budget_results import Split, SplitPoint
from scenarios.building import build_world
from scenarios.jobs import Setup, Stages
from scenarios.lives import draw_customers
from scenarios.processes import Runner
from scenarios.schema.surroundings import budgets
from scenarios.statistics import paired_variance

SHARE = "acquisition.share_of_budget"
FIRST = (0.0, 0.25, 0.5, 0.75, 1.0)
CLOSER = 3
"""Further splits on either side of the best of the first ones, and of today's."""
CUSTOMERS = 10_000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SplitJob:
    """One strategy at one share of the budget for new customers."""

    strategy: str
    share: float
    arm: int
    customers: int


@dataclass(frozen=True)
class SplitPlay:
    """What came of it: (n,) value and priced cost per customer of the base, who joined, and what was spent."""

    clv: Floats
    priced_cost: Floats
    joined: int
    acquisition: float
    promotion: float


def split_curve(setup: Setup, strategy: str, arm: int, on: Runner) -> Split | None:
    """Value of a strategy at every split; None where new customers and offers do not share a budget.

    Every split meets the same customers, luck and rules; the k-th customer of a source is the same person at every split.  Two
    rounds: a coarse grid with today's share, then points between the best and its neighbours.  ``arm``: of a simple rule, else -1.
    """
    scenario = setup.scenario
    if scenario.acquisition is None or scenario.acquisition.share_of_budget is None or not budgets(scenario):
        return None
    levers = next((s.levers for s in scenario.strategies if s.name == strategy), {})
    today = float(levers.get(SHARE, scenario.acquisition.share_of_budget))
    size = min(CUSTOMERS, setup.customers)
    found: dict[float, SplitPlay] = {}

    def play(shares: list[float]) -> None:
        jobs = [SplitJob(strategy, share, arm, size) for share in shares]
        found.update(zip(shares, on(play_split, jobs), strict=True))

    play(sorted({*FIRST, today}))
    ranked = sorted(found)
    best = max(ranked, key=lambda share: found[share].clv.mean())
    at = ranked.index(best)
    inner: set[float] = set()
    for low, high in ((ranked[max(at - 1, 0)], best), (best, ranked[min(at + 1, len(ranked) - 1)])):
        inner |= {round(float(x), 4) for x in np.linspace(low, high, CLOSER + 2)[1:-1]} if high > low else set()
    play(sorted(inner - set(found)))
    scale = setup.customers / size
    points = tuple(_point(share, found[share], found[today], scale) for share in sorted(found))
    return Split(strategy, today, max(points, key=lambda point: point.clv_per_customer).share, points)


def play_split(setup: Setup, job: SplitJob) -> SplitPlay:
    """One strategy on a sample, with the scenario's own seed."""
    scenario = setup.scenario
    strategies = tuple(
        s.model_copy(update={"levers": {k: v for k, v in s.levers.items() if k != SHARE}})
        if s.name == job.strategy
        else s
        for s in scenario.strategies
    )
    scenario = changed(scenario.model_copy(update={"strategies": strategies}), {SHARE: job.share})
    setup = replace(setup, scenario=scenario)
    drawn = draw_customers(scenario, setup.base, build_world(scenario, setup.base), job.customers, scenario.seed)
    make = setup.makers((job.strategy,), {job.strategy: job.arm} if job.arm >= 0 else {})[job.strategy]
    played = Stages(setup, drawn, scenario.seed).play(job.strategy, make())
    new = played.newcomers
    return SplitPlay(
        played.clv,
        played.priced_cost,
        new.count if new is not None else 0,
        new.cost if new is not None else 0.0,
        float(played.ledger.promotion_cost.sum()),
    )


def _point(share: float, play: SplitPlay, today: SplitPlay, scale: float) -> SplitPoint:
    difference = play.clv - today.clv
    variance = 0.0 if play is today else paired_variance(difference, play.priced_cost - today.priced_cost)
    return SplitPoint(
        share=share,
        acquisition=play.acquisition * scale,
        promotion=play.promotion * scale,
        joined=round(play.joined * scale),
        clv_per_customer=float(play.clv.mean()),
        difference=float(difference.mean()),
        noise=float(np.sqrt(variance)),
    )
