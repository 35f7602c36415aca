r"""The Pareto/NBD model (Schmittlein, Morrison & Colombo 1987; Fader & Hardie 2005): a forecasting yardstick.

While alive a customer buys at rate lambda ~ Gamma(r, rate alpha), and dies at hazard mu ~ Gamma(s, rate beta).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

from engine.calibration.panel import Floats
from engine.calibration.purchase_summary import PurchaseSummary
from engine.errors import CalibrationError


@dataclass(frozen=True)
class ParetoNbd:
    """Parameters (alpha and beta in units of time) and log-likelihood."""

    r: float
    alpha: float
    s: float
    beta: float
    log_likelihood: float = float("nan")

    def _log_dead_odds(self, h: PurchaseSummary) -> Floats:
        """Log of ``s / (r + s + x) (alpha + T)^(r + x) (beta + T)^s A0``, A0 the integral over the time of death."""
        r, alpha, s, beta, x = self.r, self.alpha, self.s, self.beta, h.x
        k = r + s + x
        most, second = max(alpha, beta), np.full_like(x, s + 1) if alpha >= beta else r + x
        gap = abs(alpha - beta)
        early = np.log(hyp2f1(k, second, k + 1, gap / (most + h.t_x))) - k * np.log(most + h.t_x)
        late = np.log(hyp2f1(k, second, k + 1, gap / (most + h.age))) - k * np.log(most + h.age)
        with np.errstate(divide="ignore"):  # nothing lies between the last purchase and the end: log 0
            inner = early + np.log(-np.expm1(np.minimum(late - early, 0.0)))
        return np.asarray(np.log(s / k) + (r + x) * np.log(alpha + h.age) + s * np.log(beta + h.age) + inner)

    def alive(self, h: PurchaseSummary) -> Floats:
        """(n,) probability of being alive at the end of observation."""
        return np.asarray(1 / (1 + np.exp(self._log_dead_odds(h))))

    def expected(self, time: float) -> float:
        """Purchases expected of a new customer in (0, time]."""
        gone = (self.beta / (self.beta + time)) ** (self.s - 1)
        return float(self.r * self.beta / (self.alpha * (self.s - 1)) * (1 - gone))

    def expected_next(self, h: PurchaseSummary, time: float) -> Floats:
        """(n,) purchases expected in the next ``time``, given the history."""
        end = self.beta + h.age
        scale = (self.r + h.x) * end / ((self.alpha + h.age) * (self.s - 1))
        return np.asarray(scale * (1 - (end / (end + time)) ** (self.s - 1)) * self.alive(h))


def pareto_nbd_log_likelihood(model: ParetoNbd, h: PurchaseSummary) -> float:
    """Log-likelihood of the purchase times."""
    r, alpha, s, beta, x = model.r, model.alpha, model.s, model.beta, h.x
    terms = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    terms = terms - (r + x) * np.log(alpha + h.age) - s * np.log(beta + h.age)
    return float((terms + np.logaddexp(0.0, model._log_dead_odds(h))).sum())


def fit_pareto_nbd(h: PurchaseSummary) -> ParetoNbd:
    """Maximum likelihood.

    Raises:
        CalibrationError: no repeat purchases, or no finite optimum.

    """
    if h.x.sum() <= 0 or (h.age <= 0).all():
        raise CalibrationError(["Pareto/NBD: expected repeat purchases, got none"])

    def objective(z: Floats) -> float:
        value = -pareto_nbd_log_likelihood(ParetoNbd(*np.exp(z)), h) / len(h.x)
        return value if np.isfinite(value) else 1e10

    unit = max(h.age.sum() / h.x.sum(), 1e-3)
    options = {"ftol": 1e-13, "gtol": 1e-8, "maxiter": 2000}
    found = minimize(
        objective, np.log([1.0, unit, 1.0, unit]), method="L-BFGS-B", bounds=[(-9, 12)] * 4, options=options
    )
    if found.fun >= 1e10:
        raise CalibrationError(["Pareto/NBD: expected a finite likelihood, got none"])
    r, alpha, s, beta = (float(v) for v in np.exp(found.x))
    return ParetoNbd(r, alpha, s, beta, -float(found.fun) * len(h.x))
