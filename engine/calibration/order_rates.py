r"""Who customers are against where they are: order rates by segment with a rate of each customer's own.

Orders of customer i in period t, given the label a known at its start, are Poisson with mean

    rho_i * g[a],        rho_i ~ Gamma(shape r, rate r)   (mean 1)

The label depends on earlier orders only, so the likelihood factorises over time and depends on a customer through his
orders N_i and his exposure E_i = sum over periods of g[label]:

    log L = sum_i [ln Gamma(r + N_i) - ln Gamma(r) + r ln r - (r + N_i) ln(r + E_i)] + sum_a O_a ln g_a

and the posterior of rho_i is Gamma(r + N_i, r + E_i).  Fitting r and g together is what keeps dispersion counted
once: mean orders by label mix "regulars order more" with "regulars are found under this label"; g is what is left of
a label's effect when the customers' own rates are taken out (spurious against true state dependence, Heckman 1981).
With one label it is the NBD model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln, psi

from engine.calibration.panel import Floats
from engine.errors import CalibrationError

PRIOR_ORDERS = 0.5  # weight of the pooled rate in each segment, in orders


@dataclass(frozen=True)
class OrderRates:
    """``shape`` = r; ``rate`` (S,) = g; ``log_likelihood`` without the terms in N_it!."""

    shape: float
    rate: Floats
    log_likelihood: float

    def posterior(self, orders: Floats, exposure: Floats) -> tuple[Floats, Floats]:
        """Shape and rate, (n,) each, of the posterior of rho, from orders (n,) and periods under each label (n, S)."""
        return self.shape + orders, self.shape + np.einsum("is,s->i", exposure, self.rate)


def fit_order_rates(orders: Floats, exposure: Floats, segment_orders: Floats) -> OrderRates:
    """Maximum likelihood with a weak pooled prior on g (:data:`PRIOR_ORDERS` orders, for segments seldom seen).

    Args:
        orders: (n,) orders of each customer in the fitted periods.
        exposure: (n, S) periods of each customer under each label.
        segment_orders: (S,) orders placed under each label.

    """
    total, time = float(segment_orders.sum()), float(exposure.sum())
    if total <= 0 or time <= 0:
        raise CalibrationError(
            [f"order rates: expected orders after the first window, got {total:.0f} in {time:.0f} customer-periods"]
        )
    pooled = total / time
    counts = segment_orders + PRIOR_ORDERS
    n, (found, times) = len(orders), np.unique(orders, return_counts=True)

    def objective(x: Floats) -> tuple[float, Floats]:
        g, r = np.exp(x[:-1]), np.exp(x[-1])
        expected = np.einsum("is,s->i", exposure, g)  # einsum: no BLAS threads, so the same bits on any machine
        mean = (r + orders) / (r + expected)
        log_rate = np.log(r + expected)
        value = times @ gammaln(r + found) + n * (r * x[-1] - gammaln(r)) - ((r + orders) * log_rate).sum()
        value += counts @ x[:-1] - PRIOR_ORDERS * (g / pooled).sum()
        slope = np.empty_like(x)
        slope[:-1] = counts - g * np.einsum("i,is->s", mean, exposure) - PRIOR_ORDERS * g / pooled
        slope[-1] = r * (times @ psi(r + found) + n * (x[-1] + 1 - psi(r)) - log_rate.sum() - mean.sum())
        return -value / n, -slope / n

    begin = np.append(np.log(counts / (exposure.sum(axis=0) + PRIOR_ORDERS / pooled)), 0.0)
    bounds = [(None, None)] * len(counts) + [(-6.0, 8.0)]
    best = minimize(
        objective,
        begin,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-9},
    )
    g, r = np.exp(best.x[:-1]), float(np.exp(best.x[-1]))
    if not np.isfinite(best.fun):
        raise CalibrationError([f"order rates: expected a finite likelihood, got {best.fun}"])
    prior = PRIOR_ORDERS * (best.x[:-1] - g / pooled).sum()
    return OrderRates(r, g, float(-best.fun * n - prior))
