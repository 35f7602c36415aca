"""One offer a segment: what a marketing team does with averages, and does well."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scenarios.strategies.base import Arms, Choice, View

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Averages:
    """S segments x K arms: mean value and cost of those who may get the arm; value -inf where nobody may."""

    value: Floats
    cost: Floats
    open_to: list[NDArray[np.bool_]]

    @classmethod
    def of(cls, view: View) -> _Averages:
        segment, s = view.population.state.segment, len(view.segments)
        open_to = [view.open_to(k) for k in range(len(view.arms))]
        count = np.stack([np.bincount(segment[o], minlength=s) for o in open_to], axis=1)
        value, cost = (
            np.stack([np.bincount(segment[o], m[k, o], minlength=s) for k, o in enumerate(open_to)], axis=1)
            for m in (view.value, view.cost)
        )
        several = np.maximum(count, 1)
        return cls(np.where(count > 0, value / several, -np.inf), cost / several, open_to)

    def arms_at(self, price: float) -> NDArray[np.intp]:
        """(S,) best arm at a price of money; -1 where none is worth it."""
        net = self.value - price * self.cost
        return np.where(net.max(axis=1) > 0, net.argmax(axis=1), -1)

    @cached_property
    def prices(self) -> list[float]:
        """Prices at which some segment changes its arm, ascending; 0 first."""
        v = np.concatenate([self.value, np.zeros((len(self.value), 1))], axis=1)
        c = np.concatenate([self.cost, np.zeros((len(self.cost), 1))], axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):  # -inf where nobody may get the arm
            rise, run = v[:, :, None] - v[:, None, :], c[:, :, None] - c[:, None, :]
            slope = np.where((run > 0) & np.isfinite(rise), rise / run, 0.0)
        return [0.0, *np.unique(slope[slope > 0]).tolist()]


class BestPerSegment:
    """The arm with the best average in each segment, segments by value per unit of cost.

    Where the rules leave no room for that, the average is taken net of a price on cost: the lowest at which all of it fits,
    or the one below, whichever plan has more average value.
    """

    def choose(self, view: View) -> Choice:
        """Fill segment by segment, in random order within a segment."""
        averages = _Averages.of(view)
        plans: dict[float, tuple[Arms, bool]] = {}

        def fits(price: float) -> bool:
            if price not in plans:
                plans[price] = self._filled(view, averages, averages.arms_at(price))
            return plans[price][1]

        # Just above a price at which a segment changes its arm, the dearer arm has lost.
        prices = [p * (1 + 1e-9) for p in averages.prices]
        first = bisect_left(prices, True, key=fits)
        for price in prices[max(first - 1, 0) : first + 1]:
            fits(price)
        segment = view.population.state.segment

        def worth(arm: Arms) -> float:
            who = np.flatnonzero(arm >= 0)
            return float(averages.value[segment[who], arm[who]].sum())

        return Choice(max((arm for arm, _ in plans.values()), key=worth))

    def _filled(self, view: View, averages: _Averages, arms: NDArray[np.intp]) -> tuple[Arms, bool]:
        """The plan, and whether everybody who was meant got the arm."""
        segment = view.population.state.segment
        chosen = np.flatnonzero(arms >= 0)
        value, cost = averages.value[chosen, arms[chosen]], averages.cost[chosen, arms[chosen]]
        luck = view.uniform(0)
        customers = [np.empty(0, np.intp)]
        for s in chosen[np.argsort(-value / np.maximum(cost, 1e-9), kind="stable")]:
            who = np.flatnonzero((segment == s) & averages.open_to[arms[s]])
            customers.append(who[np.argsort(luck[who], kind="stable")])
        order = np.concatenate(customers)
        plan = view.fill(order, arms[segment[order]])
        return plan, int((plan >= 0).sum()) == len(order)
