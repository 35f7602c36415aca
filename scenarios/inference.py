"""Segments as a business infers them from orders: a Bayes filter over the transition matrix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine import Population, World
from engine.valuation import OrderTables

Floats = NDArray[np.float64]

CHUNK = 50_000
CERTAIN = 1e6


class SegmentFilter:
    """What a planner that sees orders, not segments, takes for each customer's segment.

    At the start segments are known (labels of the history).  From one decision to the next, E periods later, with k orders between,

        b'(s') ~ sum_s b(s) P^E[s, s'] NB(k | mean rate_i level M[s, s'], shape kappa_i)

    where ``M[s, s']`` is the mean sum of the segments' paces over the paths from s to s', and the negative binomial says how well
    the customer's rate is known: ``kappa_i`` = prior shape + orders of the history (a rate known for sure: Poisson).  The planner
    takes the most probable segment.  Exact for E = 1 and known rates.

    Named approximations: paths between two decisions by their mean, the rate's uncertainty anew at each decision, and offers' lifts
    and moves not accounted for.

    Args:
        world: as the planner believes it to be.
        tables: expected orders in it, for the paces.
        shape: prior shape of rates within a segment, None where all are alike.
        history: (n,) orders of the customers at the start.
    """

    def __init__(self, world: World, tables: OrderTables, shape: float | None, history: NDArray[np.floating]) -> None:
        self._world, self._tables, self._shape, self._history = world, tables, shape, history.astype(np.float64)
        self._belief: Floats = np.zeros((0, len(world.segments.names)))
        self._orders: Floats = np.zeros(0)
        self._kappa: Floats = np.zeros(0)
        self._period = 0

    def __call__(self, known: Population, period: int) -> Population:
        """The customers with the most probable segment instead of the true one, at a decision in this period."""
        old, n = len(self._belief), len(known)
        orders = known.state.orders.astype(np.float64)
        if not old:
            self._join(known, 0, n)
            self._orders = self._history[:n]
        if period > self._period:
            self._step(known, orders[: len(self._belief)], period)
        self._join(known, len(self._belief), n)
        self._orders, self._period = orders, period
        segment = self._belief.argmax(axis=1).astype(np.uint8)
        return Population(known.traits, replace(known.state, segment=segment), known.life)

    def _join(self, known: Population, low: int, high: int) -> None:
        """Customers who are new to the planner: their first segment is known."""
        if high == low:
            return
        first = np.zeros((high - low, self._belief.shape[1]))
        first[np.arange(high - low), known.traits.start_segment[low:high]] = 1.0
        self._belief = np.concatenate([self._belief, first])
        history = CERTAIN if self._shape is None else self._shape + self._history[low:high]
        self._kappa = np.concatenate([self._kappa, np.broadcast_to(history, (high - low,))])

    def _step(self, known: Population, orders: Floats, period: int) -> None:
        """From the last decision to this one."""
        moves, pace = self._paths(period - self._period)
        level = self._tables.level[:, self._period : max(period, self._period + 1)].mean(axis=1)
        made = np.maximum(np.rint(orders - self._orders), 0.0)
        for low in range(0, len(self._belief), CHUNK):
            part = slice(low, min(low + CHUNK, len(self._belief)))
            start = known.traits.start_segment[part]
            mean = (known.traits.rate[part] * level[start])[:, None, None] * pace[start]
            kappa, k = self._kappa[part, None, None], made[part, None, None]
            with np.errstate(divide="ignore", invalid="ignore"):
                log = np.where(k > 0, k * np.log(mean), 0.0) - (kappa + k) * np.log1p(mean / kappa)
            top = log.reshape(len(start), -1).max(axis=1)[:, None, None]
            weight = np.exp(log - np.where(np.isfinite(top), top, 0.0))
            after = np.einsum("ns,st,nst->nt", self._belief[part], moves, weight)
            total = after.sum(axis=1, keepdims=True)
            # Orders that no segment explains (the planner's world is not the true one) leave what the moves alone say.
            fallback = self._belief[part] @ moves
            self._belief[part] = np.where(total > 0, after / np.where(total > 0, total, 1.0), fallback)

    def _paths(self, periods: int) -> tuple[Floats, Floats]:
        """(S, S) moves in so many periods, and (S, S, S) mean summed pace [start, from, to] of the paths between."""
        p = self._world.segments.transition
        factor = self._tables.factor
        s = len(p)
        powers = [np.linalg.matrix_power(p, u) for u in range(periods + 1)]
        whole = powers[periods]
        summed = np.zeros((s, s, s))
        for a in range(s):
            for u in range(1, periods + 1):
                summed[a] += powers[u] @ np.diag(factor[a]) @ powers[periods - u]
        return whole, np.where(whole > 0, summed / np.where(whole > 0, whole, 1.0), 0.0)
