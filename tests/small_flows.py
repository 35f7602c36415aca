"""Flows that the tests of plans over time share, their slow twin, and every policy of a small one."""

from __future__ import annotations

from itertools import product

import numpy as np

from solvers.flow import Flow


def flow(seed: int, stages=3, arms=2, types=2, memories=1, places=2, measures=1, rows=1, tightness=0.4) -> Flow:
    """Random; places and memories are all in play, some arms are closed, rows cover random spans of stages."""
    rng = np.random.default_rng(seed)
    cells = (stages, arms, types, memories, places)
    worth = rng.normal(1.0, 1.0, cells)
    worth[rng.random(cells) < 0.15] = -np.inf
    follow = rng.integers(0, memories, (stages, 2, memories))
    if memories > 1:
        follow[:, 1][rng.random((stages, memories)) < 0.2] = -1
    weights = np.zeros((rows, measures, stages, arms, places))
    for r in range(rows):
        span = rng.random(stages) < 0.7
        weights[r, rng.integers(measures)] = (span[:, None, None] * (rng.random((arms, places)) < 0.8)).astype(float)
    return Flow(
        worth=worth,
        use=rng.random((measures, *cells)),
        chance=rng.random(cells),
        calm=rng.dirichlet(np.ones(places), (stages, places)),
        hit=rng.dirichlet(np.ones(places), (stages, arms, places)),
        follow=follow,
        mass=rng.random((types, memories, places)),
        rows=weights,
        limit=tightness * rng.random(rows) * types,
    )


def slow_values(f: Flow, y) -> np.ndarray:
    """(G, T + 1, M, S) by the equation, in plain loops."""
    stages, arms, types, memories, places = f.shape
    price = np.einsum("r,rjtks->jtks", y, f.rows)
    out = np.zeros((types, stages + 1, memories, places))
    for g, t, m, s in product(range(types), reversed(range(stages)), range(memories), range(places)):
        ahead = out[g, t + 1]
        options = [f.calm[t, s] @ ahead[f.follow[t, 0, m]]]
        for k in range(arms):
            to = f.follow[t, 1, m]
            if to >= 0 and np.isfinite(f.worth[t, k, g, m, s]):
                p = f.chance[t, k, g, m, s]
                later = p * f.hit[t, k, s] @ ahead[to] + (1 - p) * f.calm[t, s] @ ahead[to]
                options.append(f.worth[t, k, g, m, s] - price[:, t, k, s] @ f.use[:, t, k, g, m, s] + later)
        out[g, t, m, s] = max(options)
    return out


def rolled_out(f: Flow, choose) -> tuple[float, np.ndarray]:
    """Worth and use (R,) of a rule ``choose(t, g, m, s) -> shares (K + 1,)`` (0 = none), by carrying masses forward."""
    stages, arms, types, memories, places = f.shape
    worth, table, here = 0.0, np.zeros((len(f.use), stages, arms, places)), f.mass.copy()
    for t in range(stages):
        there = np.zeros_like(here)
        for g, m, s in product(range(types), range(memories), range(places)):
            for k, share in enumerate(choose(t, g, m, s)):
                x = here[g, m, s] * share
                if not x:
                    continue
                if k == 0:
                    there[g, f.follow[t, 0, m]] += x * f.calm[t, s]
                    continue
                cell = (t, k - 1, g, m, s)
                p = f.chance[cell]
                worth += x * f.worth[cell]
                table[:, t, k - 1, s] += x * f.use[(slice(None), *cell)]
                there[g, f.follow[t, 1, m]] += x * (p * f.hit[t, k - 1, s] + (1 - p) * f.calm[t, s])
        here = there
    return worth, np.einsum("rjtks,jtks->r", f.rows, table)


def every_policy(f: Flow):
    """Every fixed rule of a small flow, as dicts (t, g, m, s) -> arm, 0 = none."""
    stages, arms, types, memories, places = f.shape
    states = list(product(range(stages), range(types), range(memories), range(places)))
    options = []
    for t, g, m, s in states:
        free = f.follow[t, 1, m] >= 0
        options.append([0, *(k + 1 for k in range(arms) if free and np.isfinite(f.worth[t, k, g, m, s]))])
    for chosen in product(*options):
        yield dict(zip(states, chosen, strict=True))
