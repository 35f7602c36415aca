"""The calls of one period: when they come, how patient they are, how long they take, and how long they wait.

A call is named by (seed; period, index), as a customer is: the centre has the same luck under every strategy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine._jit import kernel
from engine.formulas import log32
from engine.rng import CENTRE, HALF, LOW, unit, words
from engine.service.desk import Service
from engine.service.queue import first_come

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FAILED = 1e9  # minutes: a failure is worse than any wait


@kernel
def spell(n: int, period: np.uint64, stream: np.uint64, k0: np.uint64, k1: np.uint64, out: Floats) -> None:
    """``out`` (3, n + 1): standard exponentials for gaps, patience and service of n calls; one gap more, to the close."""
    for i in range(n + 1):
        c = np.uint64(i)
        w0, w1, w2, _ = words(c & LOW, (c >> HALF) | stream << np.uint64(16), period, np.uint64(CENTRE << 24), k0, k1)
        out[0, i] = -np.float64(log32(unit(w0)))
        out[1, i] = -np.float64(log32(unit(w1)))
        out[2, i] = -np.float64(log32(unit(w2)))


def arrivals(gaps: Floats, minutes: float, load_by_hour: tuple[float, ...], hours_per_day: float) -> Floats:
    """(n,) ascending times of n calls in the opening time, from n + 1 standard exponentials.

    A Poisson process given its number: the gaps over their sum.  With ``load_by_hour`` a day's clock runs in
    proportion to the load.
    """
    at = np.cumsum(gaps)
    at = at[:-1] / at[-1] * minutes
    if not load_by_hour:
        return np.asarray(at)
    day = hours_per_day * 60
    edges = np.minimum(np.arange(len(load_by_hour) + 1) * 60.0, day)
    mass = np.concatenate([[0.0], np.cumsum(np.array(load_by_hour) * np.diff(edges))])
    whole = np.floor(at / day)
    return np.asarray(whole * day + np.interp(at / day - whole, mass / mass[-1], edges))


def answered(service: Service, counts: Ints, period: int, key: tuple[np.uint64, np.uint64]) -> list[Floats]:
    """For each class of calls (priority x kind) its outcomes, ascending: minutes waited, ``FAILED`` + them if given up.

    ``counts`` (classes,): calls of each class.
    """
    minutes, kinds = service.days * service.hours_per_day * 60, len(service.kinds)
    parts = []
    for c, n in enumerate(counts.tolist()):
        drawn = np.empty((3, n + 1))
        spell(n, np.uint64(period), np.uint64(c), *key, drawn)
        at = arrivals(drawn[0], minutes, service.load_by_hour, service.hours_per_day)
        parts.append((at, drawn[1, :n], drawn[2, :n], np.full(n, c)))
    at, patience, work, of = (np.concatenate(column) for column in zip(*parts, strict=True))
    patience = (
        patience * service.patience_minutes if np.isfinite(service.patience_minutes) else np.full(len(at), np.inf)
    )
    if len(parts) > 1:
        order = np.argsort(at, kind="stable")
        at, patience, work, of = at[order], patience[order], work[order], of[order]
    work = work * service.minutes
    if service.simple:
        wait, served = np.empty(len(at)), np.empty(len(at))
        first_come(at, patience, work, service.teams[0].shifts[0].agents, wait, served)
    else:
        from engine.service.skills import by_skill  # SimPy is loaded only where it is needed

        day = service.hours_per_day * 60
        wait, served = by_skill(at, patience, work, of % kinds, of // kinds, service.teams, day)
    outcome = np.where(served > 0, wait, wait + FAILED)
    return [np.sort(outcome[of == c]) for c in range(len(counts))]
