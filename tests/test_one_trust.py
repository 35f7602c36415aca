"""Waits and failures move the trust that offers move; who leaves after a failure is in the flows."""

from dataclasses import replace

import numpy as np
import pytest
from engine_worlds import m0_population, m0_world
from hypothesis import given, settings
from hypothesis import strategies as st
from life_worlds import rich_dynamics, rich_lives
from service_desks import service, team
from test_life_reference import assert_same_lives

from engine import EngineError, Simulation, Trust, WorldError
from engine.dynamics import Dynamics
from engine.ledger import ENDED
from engine.life import make_life
from engine.reference import live
from engine.service.link import as_factor, moved
from scenarios.jobs import Setup
from scenarios.loading import load
from scenarios.paths import dotted, with_values
from scenarios.schema.validate import validate, with_strategies_spelt_out
from scenarios.surroundings import service as build_service

DESK = load("service_desk")


@settings(max_examples=40, deadline=None)
@given(
    parameters=st.integers(0, 2**31),
    seed=st.integers(0, 2**64 - 1),
    n=st.integers(1, 12),
    churn=st.sampled_from([0.0, 0.4]),
    linked=st.booleans(),
    gaps=st.lists(st.integers(1, 3), min_size=1, max_size=4),
)
def test_every_bit_is_the_twins(parameters, seed, n, churn, linked, gaps):
    """Contact centre and dynamics together, with one trust or two; flows included."""
    world = rich_dynamics(parameters, 4, 3, 2)
    trust = Trust(0.4, 0.02, 0.3, churn, linked)
    desk = service(trust=trust, ends=0.3, leaves_to=3, contacts_per_customer=0.8)
    world = replace(world, service=desk, dynamics=replace(world.dynamics, attrition=None))
    population = rich_lives(world, n, parameters)
    rng = np.random.default_rng(parameters)
    simulation, plans = Simulation(world, population, seed=seed), []
    for gap in gaps:
        plan = rng.integers(0, 4, n).astype(np.uint8)
        simulation.advance(gap, plan)
        plans += [plan] + [None] * (gap - 1)
    twin = live(world, population, seed, plans)
    assert_same_lives(simulation, twin)
    np.testing.assert_array_equal(simulation.centre.trust, twin.trust)


@given(stock=st.floats(-10, 3, width=32), part=st.floats(0.0078125, 1, width=32))
def test_what_a_failure_leaves_is_a_sum_in_the_stock(stock, part):
    """Closed form: T + log(part), read as exp(min(T, 0)); above neutral a failure first eats the surplus."""
    stock, part = np.float32(stock), np.float32(part)
    before = as_factor(stock)
    assert before == pytest.approx(min(np.exp(stock), 1.0), rel=1e-5)
    after = moved(stock, before, np.float32(before * part))
    assert after == pytest.approx(stock + np.log(part), abs=2e-5 * float(1 + abs(stock)))
    assert moved(stock, before, before) == stock


def desk_world(linked, decay, **kw):
    world = m0_world()
    desk = service(contacts_per_order=1.0, contacts_per_customer=0.0, leaves_to=5, teams=(team(30),), minutes=10.0, patience_minutes=5.0, **kw)  # fmt: skip
    return replace(
        world,
        service=replace(desk, trust=replace(desk.trust, linked=linked)),
        dynamics=Dynamics(trust_decay=decay, flows=True),
    )


def run(world, n=6000, periods=20, start=0.0):
    population = m0_population(n)
    population.life = make_life(population.state.segment, world)
    population.life.trust[:] = start
    simulation = Simulation(world, population, seed=3)
    simulation.advance(periods)
    simulation.ledger.check()
    return simulation


def test_without_recovery_and_offers_one_stock_is_what_two_were():
    """The same factors, multiplied or added as logarithms: the same trust within rounding, and the same orders."""
    two = run(desk_world(False, 1.0, trust=Trust(0.3, 0.01, 0.0)))
    one = run(desk_world(True, 1.0, trust=Trust(0.3, 0.01, 0.0)))
    assert one.centre.trust.min() < 0.5
    np.testing.assert_allclose(one.centre.trust, two.centre.trust, rtol=1e-4)
    np.testing.assert_allclose(np.exp(one.population.life.trust), one.centre.trust, rtol=1e-4)
    assert abs(one.ledger.orders.sum() - two.ledger.orders.sum()) <= 3
    assert (two.population.life.trust == 0).all()


def test_trust_won_by_offers_is_spent_before_orders_are_lost():
    """With log-trust 5 and no decay no customer of few contacts falls below neutral: orders are as without harm."""
    calm = run(desk_world(True, 1.0, trust=Trust(0.0, 0.0, 0.0)), periods=6)
    liked = run(desk_world(True, 1.0, trust=Trust(0.3, 0.0, 0.0)), periods=6, start=5.0)
    plain = run(desk_world(True, 1.0, trust=Trust(0.3, 0.0, 0.0)), periods=6)
    assert (liked.ledger.orders == calm.ledger.orders).all() and liked.population.life.trust.min() < 5.0
    assert plain.ledger.orders.sum() < calm.ledger.orders.sum()


def test_trust_recovers_as_the_dynamics_say():
    """Decay 0.5 and no contacts: half of the stock is left after each period."""
    world = desk_world(True, 0.5, trust=Trust(0.3, 0.0, 0.0))
    world = replace(world, service=replace(world.service, contacts_per_order=0.0, contacts_per_customer=0.0))
    simulation = run(world, n=100, periods=3, start=-0.8)
    np.testing.assert_allclose(simulation.population.life.trust, -0.1, rtol=1e-6)


def test_who_leaves_after_a_failure_is_in_the_flows():
    """Nobody moves but after failures: the flows off the diagonal are the relationships ended, period by period, exactly."""
    world = desk_world(False, 1.0, trust=Trust(), ends=0.5)
    stay = np.eye(6)
    world = replace(world, segments=replace(world.segments, transition=stay))
    simulation = run(world)
    flow, ended = simulation.ledger.flow, simulation.ledger.lines[:, ENDED]
    moved_on = flow.sum(axis=(1, 2)) - np.trace(flow, axis1=1, axis2=2)
    assert ended.sum() > 50 and moved_on.tolist() == ended.tolist()
    assert flow[:, :, 5].sum() - flow[:, 5, 5].sum() == ended.sum()
    now = np.bincount(simulation.population.state.segment, minlength=6)
    assert flow[-1].sum(axis=0).tolist() == now.tolist()


def test_the_books_notice_flows_that_do_not_meet():
    simulation = run(desk_world(False, 1.0, trust=Trust(), ends=0.5), n=500, periods=4)
    simulation.ledger.flows[1, 0] += 1
    with pytest.raises(EngineError, match="customers who reached a segment and who were in it next"):
        simulation.ledger.check()


def test_one_trust_needs_dynamics():
    world = replace(desk_world(True, 1.0, trust=Trust()), dynamics=None)
    with pytest.raises(WorldError, match=r"service\.trust\.linked: expected a world with dynamics"):
        Simulation(world, m0_population(10), seed=1)


SHARED = {"dynamics": {"trust": {"decay": 0.9, "response": 0.5, "source": "assumed"}}}


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (
            SHARED,
            "service.effects.trust.recovers: trust is one stock with dynamics.trust, whose 'decay' says how it recovers",
        ),
        ({"service.effects.trust": {"source": "assumed"}}, "service.effects.trust: 'recovers' is missing"),
    ],
)
def test_one_recovery_for_one_trust(values, problem):
    data = with_strategies_spelt_out(with_values(DESK.resolved, values)[0])
    found = [f"{dotted(path, data)}: {sentence}" for path, sentence in validate(data)[1]]
    assert any(text.startswith(problem) for text in found), found


def test_scenarios_with_both_have_one():
    data, _ = with_values(DESK.resolved, {**SHARED, "service.effects.trust": {"source": "assumed"}})
    scenario, problems = validate(data)
    assert not problems
    setup = Setup(scenario, None, 100)  # type: ignore[arg-type]
    built = build_service(setup.scenario.service, m0_world().segments, scenario.dynamics)
    assert built.trust.linked and built.trust.recovery == pytest.approx(0.1)
    alone = build_service(DESK.scenario.service, m0_world().segments, None)
    assert not alone.trust.linked and alone.trust.recovery == pytest.approx(0.10)
