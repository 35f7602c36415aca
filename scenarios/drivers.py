"""Which assumption the verdict leans on most, and where it would flip."""

from __future__ import annotations

import numpy as np

from scenarios.assumptions import STATE_DEPENDENCE, assumptions, limits
from scenarios.jobs import Job, JobResult
from scenarios.results import Assumption, Driver
from scenarios.schema.scenario import Scenario
from scenarios.workers import Runner

WIDE = (0.0, 2.0)
"""An assumption without sd is first stepped to these multiples of its value."""
FINE = (0.25, 0.5, 0.75, 1.25, 1.5)


def lead(result: JobResult, index: int) -> float:
    """CLV of one strategy less the best of the others."""
    others = np.delete(result.clv, index)
    return float(result.clv[index] - others.max()) if len(others) else 0.0


def drivers(scenario: Scenario, job: Job, winner: int, run: Runner) -> tuple[Driver, ...]:
    """Step each assumption in the world while the planner's belief stays; the widest swing first.

    ``job``: an unchanged small comparison; ``winner``: index of the strategy whose lead is watched.
    """
    stepped = [a for a in assumptions(scenario) if a.path != STATE_DEPENDENCE and a.value != 0 and a.source != "given" and not a.path.endswith(".decay")]
    if not stepped:
        return ()
    values = [(a, v) for a in stepped for v in steps(a, WIDE)]
    first, *rest = run([job, *(_with(job, a.path, v) for a, v in values)])
    today = lead(first, winner)
    found: dict[str, dict[float, float]] = {a.path: {a.value: today} for a in stepped}
    for (a, v), result in zip(values, rest, strict=True):
        found[a.path][v] = lead(result, winner)
    widest = max(stepped, key=lambda a: max(found[a.path].values()) - min(found[a.path].values()))
    fine = steps(widest, FINE)
    for v, result in zip(fine, run([_with(job, widest.path, v) for v in fine]), strict=True):
        found[widest.path][v] = lead(result, winner)
    out = [Driver(a.path, a.value, a.source, tuple(sorted(found[a.path].items())), flip(found[a.path], a.value)) for a in stepped]
    return tuple(sorted(out, key=lambda d: -d.swing))


def steps(assumption: Assumption, multiples: tuple[float, ...]) -> list[float]:
    """Values to try: multiples of today's, within what is possible."""
    low, high = limits(assumption.path)
    tried = [float(np.clip(assumption.value * m, low, high)) for m in multiples]
    return sorted({v for v in tried if v != assumption.value})


def flip(leads: dict[float, float], value: float) -> float | None:
    """Where the lead crosses 0 nearest to today's value, by linear interpolation; None if it does not."""
    points = sorted(leads.items())
    crossings = [
        x0 + (x1 - x0) * y0 / (y0 - y1)
        for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False)
        if (y0 > 0) != (y1 > 0)
    ]
    return min(crossings, key=lambda x: abs(x - value), default=None)


def _with(job: Job, path: str, value: float) -> Job:
    return Job({**job.values, path: value}, job.seed, job.customers, job.strategies, job.baseline, job.resample)
