"""Simulator speed.  Every benchmark asserts its result; times inform and are never asserted.

    pytest benchmarks/bench_engine.py --benchmark-only

``extra_info`` holds M customer-periods per second, and for M0 the ratio to chunked NumPy measured in the same run.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
import pytest
from engine_worlds import (
    M0_DISCOUNT,
    M0_MARGIN,
    M0_MEAN,
    M0_MU,
    M0_MULTIPLIER,
    M0_ORDER_VALUE,
    M0_PERIODS,
    M0_ROWS,
    M0_SIGMA,
    M0_VARIANCE,
    arm,
    m0_population,
    m0_world,
)

from benchmarks.numpy_m0 import run as run_numpy
from engine import Fatigue, OrderValue, Simulation, make_population, uniforms
from engine.dynamics import (
    ArmDynamics,
    Attrition,
    Channel,
    Competition,
    Dynamics,
    Habituation,
    OrderGrowth,
    Pantry,
    Stock,
    Tilt,
)
from engine.life import make_life

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def warm():
    """Compile before anything is timed."""
    simulation = Simulation(m0_world(arms=[arm()]), m0_population(2000), seed=1)
    simulation.advance(2, np.ones(2000, np.uint8))


def z_score(margin) -> float:
    return float((margin.mean() - M0_MEAN) / np.sqrt(M0_VARIANCE / len(margin)))


def finished(world, population, track_history):
    simulation = Simulation(world, population, seed=42, track_history=track_history)
    simulation.advance(M0_PERIODS)
    return simulation


@pytest.mark.parametrize("n", [100_000, 1_000_000])
@pytest.mark.parametrize("track_history", [False, True], ids=["bare", "history"])
def test_m0(benchmark, n, track_history):
    world, population = m0_world(), m0_population(n)
    simulation = benchmark.pedantic(finished, (world, population, track_history), rounds=5)
    assert abs(z_score(simulation.margin)) < 4
    simulation.ledger.check()

    if benchmark.disabled:  # a smoke test: the result was asserted, no time was taken
        return
    ours, rate = benchmark.stats.stats.min, population.traits.rate
    model = (np.array(M0_ROWS), M0_MULTIPLIER, M0_MU, M0_SIGMA, M0_MARGIN, M0_DISCOUNT, M0_PERIODS)
    benchmark.extra_info["M customer-periods/s"] = round(n * M0_PERIODS / ours / 1e6, 1)
    for name, books in (("numpy", False), ("numpy with books", True)):
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            margin, _ = run_numpy(rate, *model, books=books)
            seconds.append(time.perf_counter() - start)
        assert abs(z_score(margin)) < 4
        benchmark.extra_info[f"times chunked {name}"] = round(min(seconds) / ours, 1)
    benchmark.extra_info["threads"] = numba.get_num_threads()


def busy_world(noise, more=None, dynamics=None):
    """Five arms, one per kind of effect, three categories, fatigue; ``more``: what each arm does to ``dynamics``."""
    arms = [
        arm(
            "coupon/mail", contact_cost=0.4, depth=0.1, redemption_cost=0.05, duration=2, response=0.15, order_lift=0.2
        ),
        arm("coupon/email", contact_cost=0.02, depth=0.1, duration=2, response=0.08, order_lift=0.2),
        arm("stay/phone", contact_cost=1.5, duration=8, response=0.3, attrition_reduction=0.4),
        arm("club/email", contact_cost=0.02, duration=1, response=0.05, move_to=3, move_probability=0.3),
        arm("trial/mail", contact_cost=0.4, depth=0.2, duration=4, response=0.1, category=1, sticks=0.4),
    ]
    if more is not None:
        arms = [replace(a, more=replace(more, cannibalises=0.2 if a.category >= 0 else 0.0)) for a in arms]
    return m0_world(
        arms=arms,
        dynamics=dynamics,
        noise=noise,
        fatigue=Fatigue(0.7, 0.3),
        categories=("a", "b", "c"),
        complementarity=np.array([[0.0, 0.6, 0.3], [0.2, 0.0, 0.4], [0.1, 0.5, 0.0]]),
        kappa=0.5,
    )


def campaign(world, population, plans):
    simulation = Simulation(world, population, seed=42)
    for plan in plans:
        simulation.advance(4, plan)
    return simulation


def busy_customers(n, rng):
    """Everybody owns the first category; ``plans``: a different arm for everybody every fourth week."""
    population = make_population(
        rate=rng.gamma(2.0, 0.15, n),
        order_value=np.full(n, M0_ORDER_VALUE),
        segment=np.zeros(n, int),
        headroom=rng.gamma(2.0, 3.0, (n, 3)),
        owned=np.ones(n, int),
    )
    return population, [rng.integers(1, 6, n).astype(np.uint8) for _ in range(13)]


@pytest.mark.parametrize("noise", [OrderValue("lognormal", 0.6), OrderValue("gamma", 6.25)], ids=["lognormal", "gamma"])
def test_every_feature_on(benchmark, noise):
    """Everybody is contacted every fourth week, a different arm each time."""
    n = 200_000
    population, plans = busy_customers(n, np.random.default_rng(7))
    simulation = benchmark.pedantic(campaign, (busy_world(noise), population, plans), rounds=5)
    simulation.ledger.check()
    assert simulation.ledger.contacts.sum() == 13 * n
    if benchmark.disabled:
        return
    benchmark.extra_info["M customer-periods/s"] = round(n * 52 / benchmark.stats.stats.min / 1e6, 1)
    benchmark.extra_info["threads"] = numba.get_num_threads()


def test_every_dynamic_on(benchmark):
    """The same with every dynamic of docs/ in every arm and every customer, history and flows."""
    n = 1_000_000
    rng = np.random.default_rng(7)
    population, plans = busy_customers(n, rng)
    more = ArmDynamics(
        channel=0,
        stocks=(0, -1),
        curve=(-2.0, -1.0, 0.0),
        appeal=(1.0, 0.0, 0.5),
        tilt_response=0.3,
        tier_step=1,
        tier_probability=0.3,
        share_shift=0.2,
        trust=0.3,
    )
    dynamics = Dynamics(
        attrition=Attrition("pareto_nbd", 5, 1),
        pantry=Pantry(0.3, 0.3),
        habituation=Habituation(0.8, 0.5),
        tilt=Tilt(np.linspace(-1, 1, 6), 0.2, 0.2, 0.1),
        growth=OrderGrowth(0.01, 1.5),
        competition=Competition(np.zeros(52), 0.3),
        stocks=(Stock(0.5, 0.4),),
        channels=(Channel(0.8, 0.01, 0.02, 0),),
        values=("price", "product", "service"),
        value_means=np.full(3, 1 / 3),
        tiers=np.array([1.0, 1.4, 2.0]),
        breadth=0.6,
        trust_decay=0.9,
        trust_response=0.3,
        flows=True,
    )
    world = busy_world(OrderValue("lognormal", 0.6), more, dynamics)
    population.life = make_life(
        population.state.segment,
        world,
        dropout=np.full(n, 0.01),
        share=rng.uniform(0.3, 0.9, n),
        values=rng.dirichlet([1, 1, 1], n),
        tier=rng.integers(0, 3, n),
    )
    simulation = benchmark.pedantic(campaign, (world, population, plans), rounds=3, warmup_rounds=1)
    simulation.ledger.check()
    assert 0 < simulation.ledger.contacts.sum() < 13 * n  # some opt out
    assert simulation.ledger.flows.sum() == 52 * n
    if benchmark.disabled:
        return
    benchmark.extra_info["M customer-periods/s"] = round(n * 52 / benchmark.stats.stats.min / 1e6, 1)
    benchmark.extra_info["threads"] = numba.get_num_threads()


def test_uniforms(benchmark):
    keys = np.arange(1_000_000, dtype=np.uint64)
    got = benchmark(uniforms, 1, keys, 0, 16)
    assert abs(got.mean(dtype=float) - 0.5) < 4 / np.sqrt(12 * len(keys))
    if not benchmark.disabled:
        benchmark.extra_info["M numbers/s"] = round(len(keys) / benchmark.stats.stats.min / 1e6)


FIRST_CALL = """
import time
from engine_worlds import m0_population, m0_world
from engine import Simulation
start, cpu = time.perf_counter(), time.process_time()
Simulation(m0_world(), m0_population(100), seed=1).advance(1)
print(time.perf_counter() - start, time.process_time() - cpu)
"""


def test_first_call(benchmark):
    """Seconds of the first call in a process: compiling, then reading the compiler's cache."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {"NUMBA_CACHE_DIR": cache, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": "/usr/bin:/bin"}

        def first_call():
            done = subprocess.run(
                [sys.executable, "-c", FIRST_CALL], env=environment, capture_output=True, text=True, check=True
            )
            return [float(v) for v in done.stdout.split()]

        cold = first_call()
        cached = benchmark.pedantic(first_call, rounds=3)
    assert len(cached) == 2
    benchmark.extra_info |= {
        "cold, wall s": round(cold[0], 1),
        "cold, CPU s": round(cold[1], 1),
        "cached, wall s": round(cached[0], 2),
    }
