"""Correlated traits: a Gaussian copula over what customers differ in.  Marginals stay as they are.

A pair's number is Spearman's rank correlation rho_s: it is free of the marginals and can be measured in any log.  The copula's own
correlation is rho = 2 sin(pi rho_s / 6), the inverse of rho_s = 6 / pi asin(rho / 2) (Pearson 1907; Kruskal 1958, "Ordinal measures
of association").
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import special

from scenarios.suggest import nearest

Floats = NDArray[np.float64]

TRAITS = ("order_rate", "order_value", "responsiveness", "attrition", "own_share")
"""Traits that can be correlated, besides ``weight_of_NAME``: how much the value NAME (say, price) matters to a customer."""
WEIGHT_OF = "weight_of_"
BETWEEN = "~"
STREAM = 7
LEAST_EIGENVALUE = 1e-9


def traits_of(pair: str) -> tuple[str, str]:
    """The two names of a pair ``a~b``; the second is empty where there is none."""
    one, _, other = pair.partition(BETWEEN)
    return one.strip(), other.strip()


def correlated(given: Mapping[str, float]) -> tuple[str, ...]:
    """Traits with a correlation other than 0, in the order of ``TRAITS``, a weight last."""
    named = {name for pair, rho in given.items() if rho != 0 for name in traits_of(pair)}
    return tuple(sorted(named, key=_place))


def matrix(given: Mapping[str, float]) -> Floats:
    """(k, k) correlation of the copula, between the traits of :func:`correlated`."""
    names = correlated(given)
    out = np.eye(len(names))
    for pair, rho in given.items():
        if rho != 0:
            i, j = (names.index(name) for name in traits_of(pair))
            out[i, j] = out[j, i] = 2 * math.sin(math.pi * rho / 6)
    return out


def faults(given: Mapping[str, float]) -> Iterator[tuple[tuple[str, ...], str]]:
    """(key, sentence) of pairs that name no two traits or no correlation, and of a matrix that cannot be."""
    seen: set[frozenset[str]] = set()
    sound = True
    for pair, rho in given.items():
        problem = _fault(pair, rho, seen)
        if problem:
            sound = False
            yield (pair,), problem
    weights = sorted({name for pair in given for name in traits_of(pair) if name.startswith(WEIGHT_OF)})
    if len(weights) > 1:
        sound = False
        yield (), f"weights sum to 1, so that only one of them can be correlated; got {', '.join(weights)}"
    if sound and correlated(given):
        sentence = _impossible(given)
        if sentence:
            yield (), sentence


def normals(given: Mapping[str, float], n: int, seed: int) -> dict[str, Floats]:
    """(n,) standard normals of each correlated trait; empty where every correlation is 0.

    A trait's luck is a stream of its own, mixed by the Cholesky factor; no BLAS, so that bits do not depend on threads.
    """
    names = correlated(given)
    luck = [np.random.default_rng([seed, STREAM, _place(name)]).standard_normal(n) for name in names]
    factor = _cholesky(matrix(given))
    out = {}
    for i, name in enumerate(names):
        z = factor[i, 0] * luck[0]
        for j in range(1, i + 1):
            z = z + factor[i, j] * luck[j]
        out[name] = z
    return out


def gamma_at(z: Floats, shape: float) -> Floats:
    """(n,) quantiles of Gamma(shape, scale 1) at Phi(z), exact in both tails."""
    low, high = special.gammaincinv(shape, special.ndtr(z)), special.gammainccinv(shape, special.ndtr(-z))
    return np.asarray(np.where(z < 0, low, high), np.float64)


def beta_at(z: Floats, a: Floats | float, b: Floats | float) -> Floats:
    """(n,) quantiles of Beta(a, b) at Phi(z), exact in both tails."""
    low, high = special.betaincinv(a, b, special.ndtr(z)), 1 - special.betaincinv(b, a, special.ndtr(-z))
    return np.asarray(np.where(z < 0, low, high), np.float64)


def _place(name: str) -> int:
    return TRAITS.index(name) if name in TRAITS else len(TRAITS)


def _fault(pair: str, rho: float, seen: set[frozenset[str]]) -> str | None:
    one, other = traits_of(pair)
    if not one or not other:
        return f"expected two traits like order_rate{BETWEEN}order_value, got {pair!r}"
    for name in (one, other):
        if name not in TRAITS and not (name.startswith(WEIGHT_OF) and name != WEIGHT_OF):
            return f"unknown trait {name!r}{nearest(name, (*TRAITS, WEIGHT_OF + 'NAME'))}"
    if one == other:
        return f"expected two traits, got {one!r} twice"
    if frozenset((one, other)) in seen:
        return "this pair is named twice"
    seen.add(frozenset((one, other)))
    return None if -1 <= rho <= 1 else f"expected a rank correlation from -1 to 1, got {rho:g}"


def _impossible(given: Mapping[str, float]) -> str | None:
    """Why no customers can be correlated so: pairs that pull against each other along the worst direction."""
    names, table = correlated(given), matrix(given)
    values, vectors = np.linalg.eigh(table)
    if values[0] > LEAST_EIGENVALUE:
        return None
    worst = vectors[:, 0]
    pairs = {pair: 2 * worst[i] * worst[j] * table[i, j] for pair, i, j in _places(given, names)}
    against = [f"{pair} {given[pair]:g}" for pair, pull in sorted(pairs.items(), key=lambda item: item[1]) if pull < 0]
    factors = [hundredths / 100 for hundredths in range(99, -1, -1)]
    shrink = next(
        f for f in factors if _least(matrix({pair: f * rho for pair, rho in given.items()})) > LEAST_EIGENVALUE
    )
    least = 0.0 if abs(values[0]) < LEAST_EIGENVALUE else values[0]
    return (
        f"not positive definite, smallest eigenvalue {least:.3g}: {', '.join(against)} cannot hold together; "
        f"all of them times {shrink:.2f} could"
    )


def _least(table: Floats) -> float:
    """Smallest eigenvalue; 1 of a table without traits."""
    return float(np.linalg.eigvalsh(table).min(initial=1.0))


def _places(given: Mapping[str, float], names: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
    for pair, rho in given.items():
        if rho != 0:
            i, j = (names.index(name) for name in traits_of(pair))
            yield pair, i, j


def _cholesky(table: Floats) -> Floats:
    """Lower factor of a small positive definite matrix."""
    out = np.zeros_like(table)
    for i in range(len(table)):
        for j in range(i + 1):
            rest = float(table[i, j]) - math.fsum(float(out[i, k] * out[j, k]) for k in range(j))
            out[i, j] = math.sqrt(rest) if i == j else rest / out[j, j]
    return out
