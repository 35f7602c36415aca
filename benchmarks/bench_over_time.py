"""Plans over time: prices of the rest of a run, against the occupancy program, and the bound on every strategy."""

from __future__ import annotations

import time

import pytest

from scenarios.ahead import Lookahead
from scenarios.building import build_world
from scenarios.ceiling import ceiling
from scenarios.customers import customer_base
from scenarios.jobs import Setup
from scenarios.lives import draw_customers
from scenarios.loading import load
from scenarios.planner import Planner
from scenarios.strategies.optimising import Nobody
from solvers import Flow, fluid, lagrangian

CUSTOMERS = 20_000


@pytest.fixture(scope="module")
def setup() -> Setup:
    """The shipped toy shop: 13 decisions, 2 arms, 4 memories of contacts, 3 segments."""
    loaded = load("toy_shop", (), None, None)
    return Setup(loaded.scenario, customer_base(loaded, strict=False).base, CUSTOMERS)


def first_flow(setup: Setup) -> Flow:
    """The model at the first decision."""
    drawn = draw_customers(setup.scenario, setup.base, setup.beliefs, CUSTOMERS, setup.scenario.seed)
    briefing = setup.briefing(drawn, setup.scenario.seed, 1e-4)
    return Lookahead(briefing).at(briefing.as_known(drawn.population), 0, Planner(briefing, Nobody()).limits(0)).flow


def test_prices_of_the_rest_of_a_run(benchmark, setup: Setup) -> None:
    """By one dynamic programme a type and a small master; the whole program in PuLP has the same optimum."""
    flow = first_flow(setup)
    plan = benchmark.pedantic(lagrangian, (flow,), {"gap": 1e-6}, rounds=10, warmup_rounds=2)
    began = time.perf_counter()
    whole = fluid(flow)
    seconds = time.perf_counter() - began
    assert plan.gap <= 1e-6
    assert plan.bound == pytest.approx(whole.model_value, rel=2e-6)
    benchmark.extra_info.update(passes=plan.passes, gap=plan.gap, variables=flow.worth.size, program_seconds=seconds)


def test_what_no_strategy_could_exceed(benchmark, setup: Setup) -> None:
    """The proven bound for 20,000 customers with traits of their own."""
    world = build_world(setup.scenario, setup.base)
    drawn = draw_customers(setup.scenario, setup.base, world, CUSTOMERS, setup.scenario.seed)
    top = benchmark.pedantic(ceiling, (setup, drawn, world), rounds=5, warmup_rounds=1)
    assert 1.4 < top / CUSTOMERS < 1.7
