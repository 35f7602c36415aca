"""The run end to end, and the planner's candidates against their NumPy twin.  Every result is asserted."""

from __future__ import annotations

import time

import numpy as np
import pytest

from engine.candidates import MEASURES, candidates
from engine.valuation import candidate, order_tables
from scenarios.building import build_world
from scenarios.jobs import Job, Setup, run_job
from scenarios.loading import load
from scenarios.run import Options, run
from scenarios.synthetic import SyntheticBase


@pytest.fixture(scope="module")
def setup():
    scenario = load("starter").scenario
    return Setup(scenario, SyntheticBase(scenario.population.synthetic), 20_000)


def test_candidates(benchmark, setup):
    """All arms for 100,000 customers; the reference is the array formula, arm by arm."""
    world = build_world(setup.scenario, setup.base)
    tables = order_tables(world.segments, world.horizon, world.economics.discount_factor)
    population = setup.base.draw(100_000, 1, 1.0).population
    found = benchmark(candidates, world, tables, population, 0)
    began = time.perf_counter()
    twin = [candidate(world, tables, population, arm, 0) for arm in world.arms]
    slow = time.perf_counter() - began
    for k, one in enumerate(twin):
        for m, name in enumerate(MEASURES):
            np.testing.assert_allclose(found[m, k], getattr(one, name), rtol=1e-4, atol=1e-4)
    if not benchmark.disabled:
        benchmark.extra_info["times the array formula"] = round(slow / benchmark.stats.stats.min, 1)


def test_comparison(benchmark, setup):
    """Every strategy of the starter scenario on 5,000 customers; the reference does nothing on the same ones."""
    names = tuple(s.name for s in setup.scenario.strategies)
    pilots = dict.fromkeys(names, 0)
    result = benchmark.pedantic(run_job, (setup, Job({}, 1, 5000, names, pilots)), rounds=3, warmup_rounds=1)
    assert names[int(result.clv.argmax())] in ("optimal", "greedy")
    began = time.perf_counter()
    run_job(setup, Job({}, 1, 5000, ("none",), pilots))
    alone = time.perf_counter() - began
    if not benchmark.disabled:
        benchmark.extra_info["times doing nothing"] = round(benchmark.stats.stats.min / alone, 1)


def test_whole_run(benchmark):
    """The starter scenario as a user runs it, without outer draws."""
    scenario = load("starter", ("uncertainty.draws=0",)).scenario
    base = SyntheticBase(scenario.population.synthetic)
    done = benchmark.pedantic(run, (scenario, base, Options(sensitivity=False)), rounds=1)
    best = done.results.strategy("optimal")
    assert best.difference > 0 and best.simulation_ci.low > 0
    if not benchmark.disabled:
        simulated = scenario.time.horizon_periods * done.results.customers * len(done.results.strategies)
        benchmark.extra_info["M customer-periods/s"] = round(simulated / benchmark.stats.stats.min / 1e6, 2)
