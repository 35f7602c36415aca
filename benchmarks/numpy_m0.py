"""M0 in NumPy, as well as NumPy can: chunks that stay in the cache, float32, inverse CDFs, two threads.

The yardstick for the kernels: the same model and moments, NumPy's own generator (SFC64, its fastest), no ledger.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

CHUNK = 16_384


def run_chunk(rate, cumulative, multiplier, mu, sigma, weights, seed):
    """Discounted margin of one chunk of customers who start in segment 0."""
    n = len(rate)
    random = np.random.Generator(np.random.SFC64(seed))
    segment = np.zeros(n, np.intp)
    value = np.zeros(n, np.float32)
    u, lam, p, q = (np.empty(n, np.float32) for _ in range(4))
    for weight in weights:
        random.random(out=u, dtype=np.float32)
        moved = np.zeros(n, np.intp)
        for column in cumulative.T[:-1]:
            moved += u >= column[segment]
        segment = moved
        np.multiply(rate, multiplier[segment], out=lam)
        random.random(out=u, dtype=np.float32)
        np.exp(np.negative(lam, out=p), out=p)
        q[:] = p
        buyers = np.flatnonzero(u >= q)
        # Those who order: the rest of the inverse CDF, on an ever shorter list.
        orders = np.ones(len(buyers), np.int64)
        place, some = np.arange(len(buyers)), buyers
        ps, qs, us, ls = p[some], q[some], u[some], lam[some]
        k = 1
        while len(place):
            ps = ps * ls / np.float32(k)
            qs = qs + ps
            on = us >= qs
            place, ps, qs, us, ls = place[on], ps[on], qs[on], us[on], ls[on]
            orders[place] += 1
            k += 1
            if k > 60:
                break
        draws = random.standard_normal(int(orders.sum()), dtype=np.float32)
        spend = np.exp(np.float32(mu) + np.float32(sigma) * draws)
        value[buyers] += np.float32(weight) * np.add.reduceat(spend, np.cumsum(orders) - orders) if len(buyers) else 0
    return value


def run(rate, transition, multiplier, mu, sigma, weights, seed=1, threads=2):
    """(n,) discounted margin."""
    cumulative = np.cumsum(transition, axis=1).astype(np.float32)
    bounds = range(0, len(rate), CHUNK)
    rate, multiplier = rate.astype(np.float32), np.asarray(multiplier, np.float32)

    def chunk(low):
        return run_chunk(rate[low : low + CHUNK], cumulative, multiplier, mu, sigma, weights, [seed, low])

    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(chunk, bounds)))
