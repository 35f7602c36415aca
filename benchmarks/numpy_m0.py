"""M0 in NumPy, as well as NumPy can: chunks that stay in the cache, float32, shrinking lists, two threads.

The yardstick for the kernels: the same model, moments and books, from NumPy's fastest generator (SFC64, not keyed).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

CHUNK = 16_384


def moves(segment, u, cumulative):
    """Next segment by inverse CDF."""
    out = np.zeros(len(segment), np.intp)
    for column in cumulative.T[:-1]:
        out += u >= column[segment]
    return out


def orders_of_buyers(u, lam, p):
    """Poisson inverse CDF of those with at least one order; ``p`` = exp(-lam)."""
    out = np.ones(len(u), np.int64)
    place, q, k = np.arange(len(u)), p, 1
    while len(place) and k < 60:
        p = p * lam / np.float32(k)
        q = q + p
        more = u >= q
        place, p, q, u, lam = place[more], p[more], q[more], u[more], lam[more]
        out[place] += 1
        k += 1
    return out


def run_chunk(rate, cumulative, multiplier, mu, sigma, margin_rate, discount, periods, books, seed):
    """Discounted margin of one chunk of customers who start in segment 0, and its books if asked."""
    n, s = len(rate), len(multiplier)
    random = np.random.Generator(np.random.SFC64(seed))
    segment, value = np.zeros(n, np.intp), np.zeros(n)
    u, p = np.empty(n, np.float32), np.empty(n, np.float32)
    table = np.zeros((periods, 3, s))
    for t in range(periods):
        segment = moves(segment, random.random(out=u, dtype=np.float32), cumulative)
        lam = rate * multiplier[segment]
        random.random(out=u, dtype=np.float32)
        np.exp(np.negative(lam, out=p), out=p)
        buyers = np.flatnonzero(u >= p)
        k = orders_of_buyers(u[buyers], lam[buyers], p[buyers])
        draws = random.standard_normal(int(k.sum()), dtype=np.float32)
        spend = np.exp(np.float32(mu) + np.float32(sigma) * draws)
        revenue = np.add.reduceat(spend, np.cumsum(k) - k) if len(k) else np.zeros(0, np.float32)
        margin = margin_rate * revenue.astype(np.float64)
        value[buyers] += discount**t * margin
        if books:
            where = segment[buyers]
            table[t, 0] = np.bincount(segment, minlength=s)
            table[t, 1] = np.bincount(where, k, minlength=s)
            table[t, 2] = np.bincount(where, margin, minlength=s)
    return value, table


def run(rate, transition, multiplier, mu, sigma, margin_rate, discount, periods, books=True, seed=1, threads=2):
    """(n,) discounted margin and (periods, 3, S) customers, orders and margin by segment."""
    cumulative = np.cumsum(transition, axis=1).astype(np.float32)
    multiplier = np.asarray(multiplier, np.float32)

    def chunk(low):
        part = rate[low : low + CHUNK]
        return run_chunk(part, cumulative, multiplier, mu, sigma, margin_rate, discount, periods, books, [seed, low])

    with ThreadPoolExecutor(threads) as pool:
        values, tables = zip(*pool.map(chunk, range(0, len(rate), CHUNK)), strict=True)
    return np.concatenate(values), sum(tables)
