r"""Trust that moves the own share of wallet and fades: what it does to the orders to come.

With x the log odds of the own share at neutral trust (today's pull is taken to last), z = weight x today's trust and y = decay^k
after k periods, a customer orders ``f(y) = share(x + z y) / share(x)`` times what he would at neutral trust.  As a polynomial,

    f(y) = 1 + a_1 y + ... + a_M y^M,        M = 4: for |z| <= 2 within 0.1 % of what trust adds

and ``y^m`` discounts orders by ``decay^m`` a period more, so that one table for each m serves everybody:

    D_m[t] = (now (e + e') + d sigma' (Q[t + 1] - Q[t + 1][into]) + d decay^m carried(D_m[t + 1])) P

where ``e'`` and ``sigma'`` are the changes per relative change of the rate: who drops out after orders (BG/NBD) leaves the sooner
the more he orders, ``now (e + e') = now sigma`` and ``sigma' = -h sigma``; else both are 0.  Second orders of that are left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.population import Population
from engine.present import pulled_log_odds, settled_value, share_of
from engine.world import World

Floats = NDArray[np.float64]

TERMS = 4
NODES = 0.5 + 0.5 * np.cos(np.pi * (2 * np.arange(TERMS) + 1) / (2 * TERMS))
"""Chebyshev's, on (0, 1)."""
COEFFICIENTS = np.linalg.inv(np.vander(NODES, TERMS, increasing=True))


def extra_discounts(world: World) -> Floats:
    """(M, 1, 1, 1) ``decay^m``; M = 0 where trust moves no share."""
    d = world.dynamics
    moves = d is not None and (
        (d.competition is not None and d.competition.trust != 0) or any(rival.trust for rival in d.rivals)
    )
    decay = d.trust_decay if d is not None else 1.0
    return np.asarray(decay ** np.arange(1, TERMS + 1 if moves else 1)[:, None, None, None], np.float64)


def change_of_share(population: Population, world: World, t: int, further: float = 0.0, y: float = 1.0) -> Floats:
    """(n,) ``f(y) - 1`` with so much further trust."""
    competition = world.dynamics.competition if world.dynamics else None
    if competition is None or not competition.trust or population.life is None:
        return np.zeros(len(population))
    x = pulled_log_odds(population, world, t)
    z = competition.trust * (population.life.trust.astype(np.float64) + further)
    return np.asarray(share_of(x + z * y) / share_of(x) - 1)


def coefficients(population: Population, world: World, t: int, further: float = 0.0) -> Floats:
    """(M, n) ``a_1 ... a_M``; M = 0 where trust moves no share."""
    if not extra_discounts(world).size:
        return np.zeros((0, len(population)))
    grown = [change_of_share(population, world, t, further, float(y)) / y for y in NODES]
    return np.asarray(COEFFICIENTS @ np.stack(grown))


def value_coefficients(population: Population, world: World, t: int, further: float = 0.0) -> Floats:
    """(M, n) ``b_1 ... b_M``: what trust adds to an order's value by shares of categories, a polynomial of the same form.

    On the same tables: who drops out after orders (BG/NBD) is taken to leave the sooner the more he spends, which he does not.
    """
    life, dynamics = population.life, world.dynamics
    if dynamics is None or life is None or not any(rival.trust for rival in dynamics.rivals):
        return np.zeros((len(extra_discounts(world)), len(population)))
    trust, neutral = life.trust.astype(np.float64) + further, settled_value(population, world, t)
    grown = [(settled_value(population, world, t, None, trust * y) - neutral) / y for y in NODES]
    return np.asarray(COEFFICIENTS @ np.stack(grown))
