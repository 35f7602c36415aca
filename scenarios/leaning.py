"""What a customer's orders say of how he leaves, where these go together: correlated traits as a planner knows them.

Traits are correlated by a Gaussian copula (:mod:`scenarios.correlation`), so normal scores z of all of them are N(0, R).  What is
known of a trait alone, a posterior of mean m and variance v of its score, is a normal likelihood of precision 1/v - 1 and linear
part m / v.  With the known scores o and that of leaving,

    z_o ~ N(C h, C),  C = (R_oo^-1 + diag(1/v - 1))^-1,  h = m / v
    z_leaving ~ N(b' C h, 1 - b' R_oo b + b' C b),  b = R_oo^-1 R_o,leaving

before anything is seen of the leaving itself.  Posteriors are those weighted by the trait, since what a customer brings is in
proportion to it.  Named approximations: scores are normal (delta method around the median); traits that are never seen
(responsiveness, share of wallet) say nothing; estimates of order rate and order value themselves stay those of each alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from engine.doubt import score
from engine.population import Traits
from scenarios.correlation import correlated, matrix
from scenarios.schema.population import Synthetic
from scenarios.schema.scenario import Scenario

Floats = NDArray[np.float64]
F32 = NDArray[np.float32]

SEEN = ("order_rate", "order_value")


def leaning(
    scenario: Scenario,
    known: Traits,
    shape: Floats,
    orders: NDArray[np.floating],
    groups: Mapping[str, NDArray[np.uint8]] | None = None,
) -> dict[str, F32]:
    """``lean`` and ``spread`` of :class:`engine.doubt.KnownLife`, (n,) each; nothing where leaving goes with no trait that is seen.

    Args:
        scenario: its correlations.
        known: estimated order rate and order value.
        shape: (n,) shape of the gamma posterior of the rate.
        orders: (n,) orders from which the order value is known.
        groups: labels, whose factors are no part of the trait.
    """
    spec = scenario.population.synthetic
    names = correlated(spec.correlation) if spec else ()
    seen = [name for name in SEEN if name in names]
    if spec is None or "attrition" not in names or not seen:
        return {}
    table, at = matrix(spec.correlation), [names.index(name) for name in seen]
    towards = table[at, names.index("attrition")]
    among = table[np.ix_(at, at)]
    b = np.linalg.solve(among, towards)
    if not np.abs(b).max() > 0:
        return {}
    pace, wealth = _factors(spec, len(shape), groups or {})
    posterior = {
        "order_rate": lambda: _rate(spec, known.rate / pace, shape),
        "order_value": lambda: _value(spec, known.order_value / wealth, orders.astype(np.float64)),
    }
    found = [posterior[name]() for name in seen]
    m, v = (np.stack([pair[i] for pair in found], axis=1) for i in (0, 1))
    precision = np.linalg.inv(among) + (1 / v - 1)[:, :, None] * np.eye(len(seen))
    cov = np.linalg.inv(precision)
    mean = np.einsum("nij,nj->ni", cov, m / v)
    lean = mean @ b
    spread = 1 - b @ among @ b + np.einsum("i,nij,j->n", b, cov, b)
    return {"lean": lean.astype(np.float32), "spread": np.clip(spread, 0.05, 1.0).astype(np.float32)}


def _factors(spec: Synthetic, n: int, groups: Mapping[str, NDArray[np.uint8]]) -> tuple[Floats, Floats]:
    """(n,) by which a customer's groups multiply order rate and order value."""
    pace, wealth = np.ones(n), np.ones(n)
    for label, values in spec.groups.items():
        if label in groups:
            pace *= np.array([group.order_rate for group in values.values()])[groups[label][:n]]
            wealth *= np.array([group.order_value for group in values.values()])[groups[label][:n]]
    return pace, wealth


def _rate(spec: Synthetic, mean: Floats, shape: Floats) -> tuple[Floats, Floats]:
    """Of the score of a rate that is Gamma(``shape``) of this mean, weighted by the rate: one more in the shape."""
    prior = float(spec.order_rate_shape or 1.0)
    return gamma_score(shape + 1, shape / np.maximum(mean, 1e-9), prior, prior)


def _value(spec: Synthetic, mean: Floats, orders: Floats) -> tuple[Floats, Floats]:
    """Of the score of a mean order value of this posterior mean, weighted by the value."""
    value = spec.order_value
    if value.distribution == "lognormal":
        s, sigma = float(value.customer_sigma or 0.0), float(value.sigma or 0.0)
        k = np.maximum(orders, 1)
        v = np.where(orders > 0, (sigma**2 / k) / (s**2 + sigma**2 / k), 1.0)
        center = np.log(float(value.mean or 1.0)) - s**2 / 2
        m = (np.log(np.maximum(mean, 1e-9)) - center - v * s**2 / 2) / s
        return m + s * v, np.maximum(v, 1e-6)
    p, q, gamma = float(value.p or 1.0), float(value.q or 2.0), float(value.gamma or 1.0)
    shape = q + p * orders
    m, v = gamma_score(
        shape - 1, mean * (shape - 1) / (p * gamma), q, 1.0
    )  # the inverse is gamma, and low where values are high
    return -m, v


def gamma_score(shape: Floats, rate: Floats, prior_shape: float, prior_rate: float) -> tuple[Floats, Floats]:
    """(n,) mean and variance of the normal score, by a gamma prior, of something that is Gamma(``shape``, ``rate``).

    At the median (Wilson & Hilferty 1931), with the deviation of the logarithm times the score's slope along it.
    """
    from scipy.special import gammainc, gammaincc, gammaln, polygamma

    shape = np.maximum(shape, 1e-3)
    median = np.maximum(shape * (1 - 1 / (9 * np.maximum(shape, 0.2))) ** 3 / rate, 1e-12)
    x = prior_rate * median
    z = score(gammainc(prior_shape, x), gammaincc(prior_shape, x))
    slope = np.exp(prior_shape * np.log(x) - x - gammaln(prior_shape) + z**2 / 2) * np.sqrt(2 * np.pi)
    return z, np.clip(slope**2 * polygamma(1, shape), 1e-6, 1.0)
