"""All arms for all customers at once: the array loop behind :func:`engine.valuation.candidate`, its slow twin.

Worlds with dynamics go through :func:`engine.outlook.outlook`, arm by arm in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine._jit import parallel_kernel
from engine.outlook import outlook
from engine.population import Population
from engine.standing import standing_value
from engine.valuation import OrderTables, arm_tables
from engine.world import World

MEASURES = ("value", "cost", "revenue", "margin", "liability")
CHUNK = 4096

PARAMETERS = ("contact_cost", "redemption_cost", "depth", "category", "sticks")


def candidates(
    world: World,
    tables: OrderTables,
    population: Population,
    t: int,
    responsiveness_sd: float = 0.0,
    spread: Sequence[float] | None = None,
) -> NDArray[np.float32]:
    """(5, K, n) float32: :data:`MEASURES` of every arm for every customer, as in :class:`engine.valuation.Candidate`.

    ``spread``: in worlds with dynamics, the unseen spread of each arm's logit in place of ``responsiveness_sd``.
    """
    n, k, s = len(population), len(world.arms), len(world.segments.names)
    out = np.empty((len(MEASURES), k, n), np.float32)
    if not (n and k):
        return out
    standing = standing_value(world, tables, population, t)
    if world.dynamics is not None:
        for i, arm in enumerate(world.arms):
            found = outlook(world, tables, population, arm, t, spread[i] if spread else responsiveness_sd, standing)
            out[:, i] = [getattr(found, name) for name in MEASURES]
        return out
    d = world.economics.discount_factor
    cells = np.empty((k, 5, s, s))
    logit = np.empty((k, s))
    for i, arm in enumerate(world.arms):
        tab = arm_tables(tables, world.segments, arm, t, d)
        cells[i] = tab.active, tab.active_nominal, tab.base_nominal, tab.after, tables.discounted[t]
        with np.errstate(divide="ignore"):
            logit[i] = np.log(arm.response) - np.log1p(-arm.response)
    parameters = np.array([[float(getattr(arm, name)) for name in PARAMETERS] for arm in world.arms])
    if responsiveness_sd > 0:
        node, weight = np.polynomial.hermite_e.hermegauss(9)
        node, weight = responsiveness_sd * node, weight / weight.sum()
    else:
        node, weight = np.zeros(1), np.ones(1)
    traits, state, e = population.traits, population.state, world.economics
    _fill(
        -(-n // CHUNK),
        traits.rate,
        traits.order_value,
        traits.responsiveness if responsiveness_sd == 0 else np.zeros(n, np.float32),
        traits.start_segment,
        traits.headroom,
        state.segment,
        state.fatigue,
        state.owned,
        state.extra_value,
        standing,
        cells,
        logit,
        parameters,
        world.complementarity,
        np.array([e.gross_margin_rate, e.cost_to_serve_per_order, world.fatigue.weight]),
        node,
        weight,
        out,
    )
    return out


@parallel_kernel
def _fill(  # type: ignore[no-untyped-def]
    chunks, rate, order_value, responsiveness, start, headroom, segment, fatigue, owned, extra, standing, cells, logit, parameters,
    complementarity, economics, node, weight, out,
):  # fmt: skip
    """One chunk of customers after the other; every sum is one customer's own, so threads do not matter."""
    n, k_count = len(rate), len(cells)
    gross, serve, tired = economics[0], economics[1], economics[2]
    for chunk in range(chunks[0], chunks[1]):
        for k in range(k_count):
            contact, redeem, depth = parameters[k, 0], parameters[k, 1], parameters[k, 2]
            category, sticks = int(parameters[k, 3]), parameters[k, 4]
            for i in range(chunk * CHUNK, min((chunk + 1) * CHUNK, n)):
                a, s = start[i], segment[i]
                active, nominal, base = cells[k, 0, a, s], cells[k, 1, a, s], cells[k, 2, a, s]
                after, q = cells[k, 3, a, s], cells[k, 4, a, s]
                v = float(order_value[i]) + float(extra[i])
                w = gross * v - serve
                h = 0.0
                discount = depth * v + redeem
                if category >= 0:
                    for b in range(len(complementarity)):
                        if b != category and (owned[i] >> np.uint32(b)) & np.uint32(1) == 1:
                            h = max(h, complementarity[b, category])
                    h *= headroom[i, category]
                    discount = depth * h + redeem if h > 0.0 else 0.0
                    if (owned[i] >> np.uint32(category)) & np.uint32(1) == 1:
                        h = 0.0
                x = logit[k, s] - tired * float(fatigue[i]) + float(responsiveness[i])
                p = 0.0
                for j in range(len(node)):
                    p += weight[j] / (1.0 + math.exp(-(x + node[j])))
                r = float(rate[i])
                given = r * (w * (active + after - q) - discount * active + gross * h * (active + sticks * after))
                cost = contact + p * r * discount * nominal
                gained = v * (nominal - base) + h * nominal - max(discount - redeem, 0.0) * nominal
                out[0, k, i] = p * (given - standing[i]) - contact
                out[1, k, i] = cost
                out[2, k, i] = p * r * gained
                out[3, k, i] = p * r * (w * (nominal - base) + gross * h * nominal) - cost
                out[4, k, i] = contact + r * discount * nominal
