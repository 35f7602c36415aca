r"""The BG/NBD model (Fader, Hardie & Lee 2005): a forecasting yardstick.

While alive a customer buys at rate lambda ~ Gamma(r, rate alpha); after each repeat purchase he drops out with
probability p ~ Beta(a, b).  Who never bought again cannot have dropped out, so the model calls him alive: it flatters
one-time buyers.
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
class BgNbd:
    """Parameters (alpha in units of time) and log-likelihood."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = float("nan")

    def _dead_odds(self, s: PurchaseSummary) -> Floats:
        log_odds = np.log(self.a) - np.log(self.b + np.maximum(s.x, 1) - 1)
        log_odds = log_odds + (self.r + s.x) * np.log((self.alpha + s.age) / (self.alpha + s.t_x))
        return np.asarray(np.where(s.x > 0, np.exp(log_odds), 0.0))

    def alive(self, s: PurchaseSummary) -> Floats:
        """(n,) probability of being alive at the end of observation."""
        return np.asarray(1 / (1 + self._dead_odds(s)))

    def expected(self, time: float) -> float:
        """Purchases expected of a new customer in (0, time]."""
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        f = hyp2f1(r, b, a + b - 1, time / (alpha + time))
        return float((a + b - 1) / (a - 1) * (1 - (alpha / (alpha + time)) ** r * f))

    def expected_next(self, s: PurchaseSummary, time: float) -> Floats:
        """(n,) purchases expected in the next ``time``, given the history."""
        r, a, b, x = self.r, self.a, self.b, s.x
        end = self.alpha + s.age + time
        f = hyp2f1(r + x, b + x, a + b + x - 1, time / end)
        fresh = 1 - ((self.alpha + s.age) / end) ** (r + x) * f
        return np.asarray((a + b + x - 1) / (a - 1) * fresh * self.alive(s))


def bg_nbd_log_likelihood(model: BgNbd, s: PurchaseSummary) -> float:
    """Log-likelihood of the purchase times."""
    r, alpha, a, b, x = model.r, model.alpha, model.a, model.b, s.x
    terms = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + s.age)
    terms = terms + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    return float((terms + np.log1p(model._dead_odds(s))).sum())


def fit_bg_nbd(s: PurchaseSummary) -> BgNbd:
    """Maximum likelihood.

    Raises:
        CalibrationError: no repeat purchases, or no finite optimum.

    """
    if s.x.sum() <= 0 or (s.age <= 0).all():
        raise CalibrationError(["BG/NBD: expected repeat purchases, got none"])

    def objective(z: Floats) -> float:
        return -bg_nbd_log_likelihood(BgNbd(*np.exp(z)), s) / len(s.x)

    begin = np.log([1.0, max(s.age.sum() / s.x.sum(), 1e-3), 1.0, 2.0])
    options = {"ftol": 1e-13, "gtol": 1e-8, "maxiter": 2000}
    found = minimize(objective, begin, method="L-BFGS-B", bounds=[(-9, 12)] * 4, options=options)
    if not np.isfinite(found.fun):
        raise CalibrationError([f"BG/NBD: expected a finite likelihood, got {found.fun}"])
    r, alpha, a, b = (float(v) for v in np.exp(found.x))
    return BgNbd(r, alpha, a, b, -float(found.fun) * len(s.x))
