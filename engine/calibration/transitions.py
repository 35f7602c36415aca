"""Moves between segments: counts, probabilities, and the multipliers that go with them."""

from __future__ import annotations

import numpy as np
from scipy.optimize import lsq_linear

from engine._jit import kernel
from engine.calibration.labels import NOT_YET, U8
from engine.calibration.panel import Floats, Ints

PRIOR_MOVES = 2.0  # weight of the pooled row, in observed moves
FLOOR = 0.05  # a multiplier is at least this share of its segment's rate


@kernel
def _count_moves(labels: U8, begin: int, end: int, counts: Ints) -> None:
    for i in range(labels.shape[0]):
        for t in range(begin, end):
            if labels[i, t] != NOT_YET:
                counts[labels[i, t], labels[i, t + 1]] += 1


def count_moves(labels: U8, segments: int, begin: int, end: int) -> Ints:
    """(S, S) int64, moves from the label of period t to that of t + 1, ``begin <= t < end``."""
    counts = np.zeros((segments, segments), np.int64)
    _count_moves(labels, begin, end, counts)
    return counts


@kernel
def _count_exposure(labels: U8, begin: int, end: int, out: Floats) -> None:
    for i in range(labels.shape[0]):
        for t in range(begin, end):
            if labels[i, t] != NOT_YET:
                out[i, labels[i, t]] += 1.0


def count_exposure(labels: U8, segments: int, begin: int, end: int) -> Floats:
    """(n, S) float64, periods that each customer spent under each label, ``begin <= t < end``."""
    out = np.zeros((len(labels), segments))
    _count_exposure(labels, begin, end, out)
    return out


def move_probabilities(counts: Ints) -> Floats:
    """(S, S) float64, rows sum to 1: Dirichlet posterior means.

    The prior of a row is worth :data:`PRIOR_MOVES` moves: it stays as often as the pooled customer does, and otherwise
    goes where the pooled mover goes.  A row with thousands of moves is as counted; an empty one is the prior.  Where
    nobody ever moves (to ``new``, say), the prior does not either.
    """
    s = len(counts)
    off = 1 - np.eye(s)
    moved = counts * off
    total = counts.sum()
    stay = (total - moved.sum() + 1) / (total + 2)
    into = moved.sum(axis=0) if moved.any() else np.ones(s)
    away = into[None, :] * off
    leaving = away.sum(axis=1, keepdims=True)
    go = np.divide(away, leaving, out=np.zeros((s, s)), where=leaving > 0)
    prior = np.where(leaving > 0, stay * np.eye(s) + (1 - stay) * go, np.eye(s))
    posterior = counts + PRIOR_MOVES * prior
    return np.asarray(posterior / posterior.sum(axis=1, keepdims=True), dtype=np.float64)


def multipliers_for(transition: Floats, rate: Floats, weight: Floats) -> Floats:
    """(S,) m with ``P m = rate``: the engine moves before it orders, so the first period's forecast is ``rate`` itself.

    The log's label is known *before* the orders of its period, the engine's segment is drawn *just before* them, from
    the label of the period before.  Starting the engine from the label at the end of the log and asking for ``P m =
    rate`` joins the two: the forecast of period t is ``(P^(t+1) m)[a] = (P^t rate)[a]``, t label moves and then the
    rate of the label arrived at.  Bounded below by :data:`FLOOR` x rate; where the bound bites, the fit is least
    squares weighted by ``weight`` (S,), then scaled to keep the weighted total.
    """
    root = np.sqrt(np.maximum(weight, weight.sum() * 1e-6))
    found = lsq_linear(transition * root[:, None], rate * root, bounds=(FLOOR * rate, np.inf), tol=1e-14).x
    total = weight @ (transition @ found)
    return np.asarray(found * ((weight @ rate) / total if total > 0 else 1.0), dtype=np.float64)
