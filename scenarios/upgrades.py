"""Low-to-high upgrades: how many customers rose from a low to a high segment, against doing nothing, and what one more cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine import World
from scenarios.customer_results import Upgrades
from scenarios.play import Played


def high_segments(world: World, start: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(S,) segments that order more than the mean of those who are not lapsed at the start; lapsed ones are low.

    All False where the segments order alike, so that nobody can rise.
    """
    segments = world.segments
    live = start[~segments.lapsed[start]]
    if not len(live):
        return np.zeros(len(segments.names), bool)
    mean = segments.multiplier[live].mean()
    return np.asarray((segments.multiplier > mean * (1 + 1e-9)) & ~segments.lapsed, np.bool_)


def upgrades(world: World, played: Played, nothing: Played) -> Upgrades | None:
    """Of customers of the base who start low; None where there is no low or no high segment.

    The difference to doing nothing is paired: the same customers and luck.  ``cost_each`` is promotion cost (contacts, discounts,
    redemptions) / further upgrades, where these are beyond luck.
    """
    base = len(played.cost)
    start = nothing.population.traits.start_segment[:base]
    high = high_segments(world, start)
    low = ~high[start]
    if not high.any() or not low.any():
        return None
    risen, anyway = (low & high[p.population.state.segment[:base]] for p in (played, nothing))
    gain = risen.astype(np.int64) - anyway
    extra, noise = int(gain.sum()), float(gain.std() * np.sqrt(base))
    names = world.segments.names
    return Upgrades(
        high=tuple(name for name, h in zip(names, high, strict=True) if h),
        started_low=int(low.sum()),
        risen=int(risen.sum()),
        extra=extra,
        noise=noise,
        cost_each=float(played.cost.sum()) / extra if extra > 2 * noise else None,
    )
