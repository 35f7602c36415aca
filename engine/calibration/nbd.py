"""The NBD model of purchase counts: Poisson purchases, rates Gamma(shape r, rate alpha) (Ehrenberg 1959)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln

from engine.errors import CalibrationError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Nbd:
    """``r``, ``alpha`` (per unit of time) and the log-likelihood."""

    r: float
    alpha: float
    log_likelihood: float

    def expected(self, x: Floats, age: Floats, horizon: float) -> Floats:
        """(n,) purchases expected in the next ``horizon`` units of time: ``(r + x) / (alpha + T) * horizon``."""
        return np.asarray((self.r + x) / (self.alpha + age) * horizon)


def nbd_log_likelihood(r: float, alpha: float, x: Floats, age: Floats) -> float:
    """Log-likelihood of the times (hence no x!) of x purchases in (0, age], one entry per customer."""
    return float((gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + age)).sum())


def fit_nbd(x: Floats, age: Floats) -> Nbd:
    """Maximum likelihood from purchase counts and observed times (> 0)."""
    if not len(x) or (age <= 0).any() or x.sum() <= 0:
        raise CalibrationError(["NBD: expected customers observed for longer than 0 with purchases among them"])

    def objective(z: Floats) -> float:
        return -nbd_log_likelihood(float(np.exp(z[0])), float(np.exp(z[1])), x, age) / len(x)

    found = minimize(
        objective,
        np.array([0.0, np.log(age.sum() / x.sum())]),
        method="L-BFGS-B",
        bounds=[(-10, 10), (-15, 15)],
        options={"ftol": 1e-14, "gtol": 1e-9},
    )
    r, alpha = np.exp(found.x)
    return Nbd(float(r), float(alpha), -float(found.fun) * len(x))
