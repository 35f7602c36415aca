"""Seasons, events and common shocks: factors on everybody's order rate, period by period.

A season is known to the planner and in the closed forms; a shock is luck that all strategies share, of mean 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.formulas import normals
from engine.rng import SHOCK, philox, split

Floats = NDArray[np.float64]
HIGHEST = 100.0


@dataclass(frozen=True)
class Season:
    """Factors on the order rate.

    Attributes:
        within: (T,) float64, by period of the horizon: season, one-off events and shocks.
        after: (Y,) float64, the year that repeats for ever after the horizon, from period T on.
    """

    within: Floats
    after: Floats

    def problems(self, horizon: int) -> list[str]:
        """What no season can be."""
        found = []
        if self.within.shape != (horizon,):
            found.append(f"season.within: expected {horizon} factors, got shape {self.within.shape}")
        for name, values in (("within", self.within), ("after", self.after)):
            if not len(values):
                found.append(f"season.{name}: expected at least one factor, got none")
            elif not ((values >= 0) & (values <= HIGHEST)).all():
                worst = values[~((values >= 0) & (values <= HIGHEST))][0]
                found.append(f"season.{name}: expected factors from 0 to {HIGHEST:g}, got {worst:g}")
        return found


def yearly(year: Floats, horizon: int, start: int = 0) -> Season:
    """A year of factors that repeats; the run's period 0 is its period ``start``."""
    y = len(year)
    return Season(year[(start + np.arange(horizon)) % y], year[(start + horizon + np.arange(y)) % y])


def shocks(seed: int, periods: int, sd: float, persistence: float) -> Floats:
    """(periods,) lognormal AR(1) factors of mean 1, stationary from the first period on.

    ``log x_t = z_t - sd^2 / 2`` with ``z_t = persistence z_(t-1) + sqrt(1 - persistence^2) sd N_t``: every z_t has the
    standard deviation ``sd``, and neighbours the correlation ``persistence``.
    """
    k0, k1 = split(seed)
    z, out = 0.0, np.empty(periods)
    for t in range(periods):
        first, second, _, _ = philox((0, 0, t, SHOCK << 24), (int(k0), int(k1)))
        normal = float(normals(np.uint32(first), np.uint32(second))[0])
        z = sd * normal if t == 0 else persistence * z + np.sqrt(1 - persistence**2) * sd * normal
        out[t] = np.exp(z - sd**2 / 2)
    return out


def shocked(season: Season | None, factors: Floats) -> Season:
    """A season with shocks on top, within the horizon."""
    if season is None:
        return Season(factors, np.ones(1))
    return replace(season, within=season.within * factors)
