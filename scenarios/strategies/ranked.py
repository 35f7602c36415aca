"""Simple rules: rank the customers, give the first ones the rule's arm while the rules allow it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from scenarios.strategies.base import Choice, View

Score = Callable[[View], NDArray[np.floating]]


def at_random(view: View) -> NDArray[np.floating]:
    """A random order."""
    return view.uniform(0)


def by_clv(view: View) -> NDArray[np.floating]:
    """Expected value without offers."""
    return view.clv


def by_rfm(view: View) -> NDArray[np.floating]:
    """Sum of the quintiles of recency (recent is high), frequency and monetary value; ties by chance."""
    state = view.population.state

    def quintile(values: NDArray[np.floating]) -> NDArray[np.floating]:
        edges = np.quantile(values, [0.2, 0.4, 0.6, 0.8]) if len(values) else []
        return np.searchsorted(edges, values, side="right").astype(np.float64)

    recency = quintile(-state.recency.astype(np.float64))
    return np.asarray(recency + quintile(state.orders) + quintile(state.spend) + view.uniform(0))


class Ranked:
    """One arm, by descending score, skipping whom a rule refuses; at most ``share`` of all customers."""

    def __init__(self, score: Score, arm: int, share: float = 1.0) -> None:
        self.score, self.arm, self.share = score, arm, share

    def choose(self, view: View) -> Choice:
        """Fill in order of the score."""
        who = np.flatnonzero(view.open_to(self.arm))
        order = who[np.argsort(-self.score(view)[who], kind="stable")]
        order = order[: round(self.share * len(view.clv))]
        return Choice(view.fill(order, np.full(len(order), self.arm)))


class Assigned:
    """A fixed rule: customers in these segments get this arm, in random order while the rules allow it (today's practice)."""

    def __init__(self, arm: int, segments: NDArray[np.bool_]) -> None:
        self.arm, self.segments = arm, segments

    def choose(self, view: View) -> Choice:
        """Fill the segments in random order."""
        who = np.flatnonzero(view.open_to(self.arm) & self.segments[view.population.state.segment])
        order = who[np.argsort(view.uniform(0)[who], kind="stable")]
        return Choice(view.fill(order, np.full(len(order), self.arm)))


class Random:
    """A random open arm for customers in random order."""

    def choose(self, view: View) -> Choice:
        """Fill in random order."""
        k = len(view.arms)
        draw = np.minimum((view.uniform(1) * k).astype(np.int64), k - 1)
        order = np.argsort(view.uniform(0), kind="stable")
        return Choice(view.fill(order, draw[order]))
