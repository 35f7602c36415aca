r"""The Gamma-Gamma model of order values (Colombo & Jiang 1999; Fader & Hardie 2013).

One order's value is Gamma(shape p, rate nu_i); nu_i ~ Gamma(shape q, rate gamma).  A customer's mean value is p / nu_i.
After x orders with total spend s, nu_i ~ Gamma(q + p x, gamma + s), so the posterior mean of p / nu_i is

    p (gamma + s) / (q + p x - 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, psi

from engine.errors import CalibrationError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GammaGamma:
    """Parameters and log-likelihood."""

    p: float
    q: float
    gamma: float
    log_likelihood: float

    @property
    def mean(self) -> float:
        """Mean over the population of a customer's mean order value; infinite for q <= 1."""
        return self.p * self.gamma / (self.q - 1) if self.q > 1 else float("inf")

    def posterior(self, orders: Floats, spend: Floats) -> tuple[Floats, Floats]:
        """Shape and rate, (n,) each, of the Gamma posterior of nu."""
        return self.q + self.p * orders, self.gamma + spend

    def expected(self, orders: Floats, spend: Floats) -> Floats:
        """(n,) posterior mean of a customer's mean order value."""
        shape, rate = self.posterior(orders, spend)
        return np.asarray(self.p * rate / (shape - 1))


def gamma_gamma_log_likelihood(p: float, q: float, gamma: float, orders: Floats, mean: Floats) -> float:
    """Log density of the mean value of each customer's orders; both > 0."""
    px = p * orders
    terms = (
        gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(gamma) + (px - 1) * np.log(mean) + px * np.log(orders)
        - (px + q) * np.log(gamma + mean * orders)
    )  # fmt: skip
    return float(terms.sum())


def fit_gamma_gamma(orders: Floats, mean: Floats) -> GammaGamma:
    """Maximum likelihood over customers with orders > 0 and mean value > 0; the others are left out.

    The data are scaled to a mean of 1 for the search, so that currencies of any size start alike.
    """
    keep = (orders > 0) & (mean > 0)
    x, z = orders[keep].astype(np.float64), mean[keep] + 0.0
    if len(x) < 3 or np.ptp(z) == 0:
        some = f"{len(x)} customers and {len(np.unique(z))} different mean values of their orders"
        raise CalibrationError(
            [
                f"order values (Gamma-Gamma): expected 3 or more customers whose orders differ in value, got {some}; "
                "hint: where everybody pays the same, describe the population as synthetic, with sigma: 0"
            ]
        )
    unit = float(np.average(z, weights=x))
    z /= unit
    spend, n = z * x, len(x)
    counts, times = np.unique(x, return_counts=True)
    log_x, log_z, x_log_z = (
        float(times @ (counts * np.log(counts))),
        float(np.log(z).sum()),
        float((x * np.log(z)).sum()),
    )

    def objective(y: Floats) -> tuple[float, Floats]:
        """Minus :func:`gamma_gamma_log_likelihood` per customer, and its slope in the logs of p, q and gamma."""
        p, q, gamma = np.exp(y)
        total = gamma + spend
        log_total = np.log(total)
        x_log_total = float((x * log_total).sum())
        value = times @ (gammaln(p * counts + q) - gammaln(p * counts)) + n * (q * y[2] - gammaln(q))
        value += p * (x_log_z + log_x - x_log_total) - log_z - q * log_total.sum()
        psi_sum = psi(p * counts + q)
        slope_p = times @ (counts * (psi_sum - psi(p * counts))) + x_log_z + log_x - x_log_total
        slope_q = times @ psi_sum + n * (y[2] - psi(q)) - log_total.sum()
        slope_gamma = n * q / gamma - ((p * x + q) / total).sum()
        return -float(value) / n, -np.array([p * slope_p, q * slope_q, gamma * slope_gamma]) / n

    options = {"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000}
    found = minimize(
        objective, np.log([2.0, 3.0, 1.0]), jac=True, method="L-BFGS-B", bounds=[(-6, 8)] * 3, options=options
    )
    p, q, gamma = (float(v) for v in np.exp(found.x))
    return GammaGamma(p, q, gamma * unit, gamma_gamma_log_likelihood(p, q, gamma, x, z) - n * float(np.log(unit)))
