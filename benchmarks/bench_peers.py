"""M0 side by side with other ways to write it, in one run on one thread each, by processor time.

pip install -e ".[peers]"
pytest benchmarks/bench_peers.py --benchmark-only
"""

from __future__ import annotations

import time

import numba
import numpy as np
import pytest
from engine_worlds import (
    M0_DISCOUNT,
    M0_MARGIN,
    M0_MEAN,
    M0_MU,
    M0_MULTIPLIER,
    M0_PERIODS,
    M0_ROWS,
    M0_SIGMA,
    M0_VARIANCE,
    m0_population,
    m0_world,
)

from benchmarks.m0_peers import run_mesa, run_plain
from benchmarks.numpy_m0 import run as run_tuned
from engine import Simulation

MODEL = (np.array(M0_ROWS), M0_MULTIPLIER, M0_MU, M0_SIGMA, M0_MARGIN, M0_DISCOUNT, M0_PERIODS)


def tuned(rate):
    return run_tuned(rate, *MODEL, books=False, threads=1)[0]


def plain(rate):
    return run_plain(rate, *MODEL)


def mesa(rate):
    pytest.importorskip("mesa")
    return run_mesa(rate, *MODEL)


@pytest.mark.parametrize(
    ("peer", "n"), [(plain, 200_000), (tuned, 200_000), (mesa, 2_000)], ids=["plain", "tuned", "mesa"]
)
def test_m0_side_by_side(benchmark, peer, n):
    """``n`` customers for the peer, 200,000 for ours; each the best of some rounds, in nanoseconds of one core."""
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    world, population = m0_world(), m0_population(200_000)

    def ours():
        simulation = Simulation(world, population, seed=42, track_history=False)
        start = time.process_time()
        simulation.advance(M0_PERIODS)
        return time.process_time() - start

    ours()
    rate, seconds, own = m0_population(n).traits.rate, [], []
    for _ in range(1 if benchmark.disabled else 3):
        own += [ours() for _ in range(3)]
        start = time.process_time()
        margin = peer(rate)
        seconds.append(time.process_time() - start)
        assert abs(margin.mean() - M0_MEAN) < 4 * np.sqrt(M0_VARIANCE / n)
    benchmark.pedantic(ours, rounds=1)
    numba.set_num_threads(before)
    per_peer, per_own = (min(s) / (k * M0_PERIODS) * 1e9 for s, k in ((seconds, n), (own, len(population))))
    benchmark.extra_info |= {
        "ns of one core per customer-period": round(per_own, 2),
        "ns of the peer": round(per_peer, 1),
        "ratio": round(per_peer / per_own, 1),
    }
