"""Which assumption the verdict leans on most, and where it would flip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from engine.errors import EngineError
from scenarios.assumptions import STATE_DEPENDENCE, assumptions, changed, limits
from scenarios.jobs import Job, JobResult, Setup, run_job
from scenarios.processes import Runner
from scenarios.results import Assumption, Driver
from scenarios.schema.scenario import Scenario
from scenarios.uncertain import holds, moves_together, nearer, range_of, stands_for

STEPS = (0.0, 2.0)
"""Multiples of today's value to which each assumption is stepped."""
CLOSER = 4
"""Steps within the bracket around the flip of the assumption that the verdict leans on most."""


def lead(result: JobResult, index: int) -> float:
    """CLV of one strategy less the best of the others: the baseline, and doing nothing."""
    return float(result.clv[index] - np.delete(result.clv, index).max())


def drivers(scenario: Scenario, job: Job, winner: int, main_lead: float, run: Runner) -> tuple[Driver, ...]:
    """Step each assumption in the world while the planner's belief stays; the widest swing first.

    ``job``: an unchanged small comparison; ``winner``: index of the strategy whose lead is watched; ``main_lead``: that lead
    in the main run.  The small comparison says how the lead moves, the main run where it stands.
    """
    stepped = stepped_assumptions(scenario)
    if not stepped:
        return ()
    values = [(a, v) for a in stepped for v in steps(a, scenario)]
    first, *rest = run(try_job, [job, *(_with(scenario, job, a.path, v) for a, v in values)])
    if first is None:
        return ()
    shift = main_lead - lead(first, winner)
    found: dict[str, dict[float, float]] = {a.path: {a.value: main_lead} for a in stepped}
    for (a, v), result in zip(values, rest, strict=True):
        if result is not None:
            found[a.path][v] = lead(result, winner) + shift
    out = {a.path: _driver(a, found[a.path]) for a in stepped}
    top = leans_on(tuple(out.values()))
    if top.flips_at is not None:
        closer = bracket(found[top.path], top.flips_at)
        jobs = [_with(scenario, job, top.path, v) for v in closer]
        for v, result in zip(closer, run(try_job, jobs), strict=True):
            if result is not None:
                found[top.path][v] = lead(result, winner) + shift
        out[top.path] = _driver(next(a for a in stepped if a.path == top.path), found[top.path])
    return tuple(sorted(out.values(), key=lambda d: -d.swing))


def leans_on(found: Sequence[Driver]) -> Driver:
    """The assumption that the verdict leans on most: the one whose flip is nearest, relative to its value; else the widest swing.

    Effects of offers come first: a margin rate can be looked up in the books, an effect only be found by an experiment.
    """
    flips = [d for d in found if d.flips_at is not None]
    effects = [d for d in flips or found if d.path.startswith("offers.")]
    return min(effects or flips or found, key=lambda d: (d.distance, -d.swing))


def _driver(a: Assumption, leads: dict[float, float]) -> Driver:
    return Driver(a.path, a.value, a.source, tuple(sorted(leads.items())), flip(leads, a.value))


def stepped_assumptions(scenario: Scenario) -> list[Assumption]:
    """Numbers that nobody knows for sure; of one response, whose probabilities move together, the largest."""
    out: dict[str, Assumption] = {}
    for a in assumptions(scenario):
        if a.path == STATE_DEPENDENCE or a.value == 0 or a.source == "given" or a.path.endswith(".decay"):
            continue
        group = a.path.split(".response.")[0] if ".response." in a.path else stands_for(a.path)
        if group not in out or _size(a) > _size(out[group]):
            out[group] = a
    return [a for a in out.values() if _size(a) > 0]


def _size(a: Assumption) -> float:
    """How much a number says: of a season's months, the distance from 1."""
    return abs(a.value - 1) if stands_for(a.path) == "season.by_month" else abs(a.value)


def steps(assumption: Assumption, scenario: Scenario | None = None) -> list[float]:
    """Values to try, within what is possible; in a ``scenario``, within what fits the rest of it."""
    a, known = assumption, range_of(assumption.path)
    low, high = limits(a.path)
    base = 1.0 if stands_for(a.path) == "season.by_month" else 0.0
    multiples = STEPS if known is None else known.multiples
    wanted = [float(np.clip(base + (a.value - base) * m, low, high)) for m in multiples]
    if scenario is None:
        return sorted({v for v in wanted if v != a.value})
    tried = []
    for value in wanted:
        fits = (v for v in nearer(a.value, value) if holds(changed(scenario, moves_together(scenario, a.path, v))))
        tried.append(next(fits, a.value))
    return sorted({v for v in tried if v != a.value})


def try_job(setup: Setup, job: Job) -> JobResult | None:
    """The job's result; None where the engine cannot run such a world: that step is left out."""
    try:
        return run_job(setup, job)
    except EngineError:
        return None


def bracket(leads: dict[float, float], at: float) -> list[float]:
    """Values between the two steps around ``at``."""
    low = max(v for v in leads if v <= at)
    high = min(v for v in leads if v >= at)
    return [float(v) for v in np.linspace(low, high, CLOSER + 2)[1:-1]] if high > low else []


def flip(leads: dict[float, float], value: float) -> float | None:
    """Where the lead crosses 0 nearest to today's value, by linear interpolation; None if it does not."""
    points = sorted(leads.items())
    crossings = [x0 + (x1 - x0) * y0 / (y0 - y1) for (x0, y0), (x1, y1) in pairwise(points) if (y0 > 0) != (y1 > 0)]
    return min(crossings, key=lambda x: abs(x - value), default=None)


def _with(scenario: Scenario, job: Job, path: str, value: float) -> Job:
    return replace(job, values={**job.values, **moves_together(scenario, path, value)})
