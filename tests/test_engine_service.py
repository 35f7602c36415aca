"""The contact centre in a world: the slow twin, one bit for one seed, and what a failure does."""

import dataclasses
import math

import numba
import numpy as np
import pytest
from engine_worlds import m0_population, m0_world, rich_population, rich_world
from hypothesis import given, settings
from hypothesis import strategies as st
from service_desks import service, team
from test_engine_reference import assert_same

from engine import Arrivals, Shift, Simulation, Trust, WorldError
from engine.ledger import FAILURES, SERVICE_CONTACTS, WAITED
from engine.reference import live
from engine.season import yearly

RICH = {
    "kinds": (("order", 0.7), ("claim", 0.3)),
    "teams": (team(1, skills=(0, 1)), team(1, skills=(1,), name="claims", shifts=(Shift(2.0, 6.0, 1),))),
    "load_by_hour": (1.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5),
}


def rich(seed, **kw):
    """A world with everything on: service, seasons, traffic, losses, overheads, set-up."""
    rng = np.random.default_rng(seed)
    world = rich_world(seed, int(rng.integers(2, 6)), 3, 2, horizon=4)
    s = len(world.segments.names)
    churn = float(rng.choice([0.0, 0.3]))
    given = {
        "ends": float(rng.choice([0.0, 0.5])),
        "leaves_to": s - 1,
        "trust": Trust(0.3, 0.01, 0.2, churn),
        "contacts_per_order": 0.5,
        **(RICH | {"priority": tuple(rng.integers(0, 2, s).tolist())} if rng.random() < 0.5 else {}),
    }
    return dataclasses.replace(
        world,
        service=service(**given | kw),
        season=yearly(np.array([0.5, 1.5, 1.0]), 4, 1),
        conversion=rng.uniform(0.4, 1.0, s),
        overheads=np.array([5.0, 1.0, 0.0, 2.5]),
        scale=float(rng.choice([1.0, 0.4])),
        count_losses=True,
        arms=tuple(dataclasses.replace(a, setup_cost=10.0 * k) for k, a in enumerate(world.arms)),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 14), st.booleans())
def test_every_bit_is_the_twins(seed, n, joining):
    world = rich(seed)
    population = rich_population(world, n, seed)
    rng = np.random.default_rng(seed)
    who = None
    if joining:
        who = Arrivals(np.sort(rng.integers(-1, 4, n)).astype(np.int32), rng.integers(0, 9_000_000, n))
    simulation, plans = Simulation(world, population, seed=seed, arrivals=who), []
    for gap in (1, 2, 1):
        plan = rng.integers(0, 4, n).astype(np.uint8)
        plan[simulation.present :] = 0
        simulation.advance(gap, plan[: simulation.present] if gap == 2 else plan)
        plans += [plan] + [None] * (gap - 1)
    twin = live(world, population, seed, plans, who)
    assert_same(simulation, twin)
    np.testing.assert_array_equal(simulation.centre.trust, twin.trust)


N = 4000
WORLD = rich(21)
POPULATION = rich_population(WORLD, N, 21)
PLAN = np.random.default_rng(4).integers(0, 4, N).astype(np.uint8)


def played(index=slice(None), splits=(4,)):
    simulation = Simulation(WORLD, POPULATION.take(np.arange(N)[index]), seed=9)
    for k, periods in enumerate(splits):
        simulation.advance(periods, PLAN[index] if k == 0 else None)
    simulation.ledger.check()
    return simulation


def test_one_seed_one_bit_in_any_order_split_and_thread_count():
    """All customers meet in one queue, so a shard is another company; but order, threads and calls do not matter."""
    base = played()
    assert base.ledger.lines[:, SERVICE_CONTACTS].min() > 500
    order = np.random.default_rng(1).permutation(N)
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        others = [(played(splits=(1, 3)), slice(None)), (played(order), order)]
    finally:
        numba.set_num_threads(before)
    for other, index in others:
        np.testing.assert_array_equal(other.margin, base.margin[index])
        np.testing.assert_array_equal(other.centre.trust, base.centre.trust[index])
        np.testing.assert_array_equal(other.population.state.segment, base.population.state.segment[index])
        assert other.ledger == base.ledger


def m0_with(**kw):
    world = m0_world()
    given = {"contacts_per_order": 1.0, "contacts_per_customer": 0.0, "leaves_to": 5, "ends": 0.0, "trust": Trust()}
    return dataclasses.replace(world, service=service(**given | kw))


def run(world, n=20_000):
    simulation = Simulation(world, m0_population(n), seed=3)
    simulation.advance(world.horizon)
    simulation.ledger.check()
    return simulation


def test_without_harm_the_world_is_as_without_a_contact_centre():
    plain, served = run(m0_world(), 3000), run(m0_with(), 3000)
    np.testing.assert_array_equal(plain.margin, served.margin)
    np.testing.assert_allclose(plain.ledger.margin - served.ledger.margin, served.world.service.cost_per_period)


def test_contacts_are_poisson_per_order():
    """One contact per order: contacts / orders is 1 within 4 standard errors."""
    simulation = run(m0_with())
    orders, contacts = simulation.ledger.orders.sum(), simulation.ledger.lines[:, SERVICE_CONTACTS].sum()
    assert abs(contacts - orders) < 4 * math.sqrt(orders)


def test_everybody_fails_where_nobody_can_be_helped():
    """Two agents answer two calls a period and talk for ever: nearly every contact fails, and every failure ends a relationship."""
    world = m0_with(patience_minutes=1e-9, minutes=1e9, ends=1.0)
    simulation = run(world, 3000)
    lines = simulation.ledger.lines
    assert lines[:, FAILURES].sum() > 0.95 * lines[:, SERVICE_CONTACTS].sum()
    plain = run(m0_world(), 3000)
    assert simulation.ledger.customers[-1] < plain.ledger.customers[-1] / 2


def test_more_agents_fewer_failures_more_value():
    worlds = [
        m0_with(teams=(team(a),), trust=Trust(0.2, 0.0, 0.1), ends=0.02, minutes=5.0, patience_minutes=5.0)
        for a in (40, 60, 80)
    ]
    runs = [run(w) for w in worlds]
    failures = [r.ledger.lines[:, FAILURES].sum() for r in runs]
    assert failures[0] > failures[1] > failures[2]
    assert runs[0].margin.sum() < runs[1].margin.sum() < runs[2].margin.sum()
    assert [r.ledger.staff[0] for r in runs] == [40 * 160.0, 60 * 160.0, 80 * 160.0]


def test_a_sample_queues_at_the_load_of_all():
    """A quarter of the customers at scale 1/4 waits as all do: failure rates agree within 4 standard errors of the smaller."""
    world = m0_with(teams=(team(60),), minutes=5.0, patience_minutes=5.0)
    whole, part = run(world), run(dataclasses.replace(world, scale=0.25), 5000)
    rates = [r.ledger.lines[:, FAILURES].sum() / r.ledger.lines[:, SERVICE_CONTACTS].sum() for r in (whole, part)]
    calls = part.ledger.lines[:, SERVICE_CONTACTS].sum()
    assert abs(rates[0] - rates[1]) < 4 * math.sqrt(rates[0] * (1 - rates[0]) / calls) + 0.003
    assert part.ledger.staff[0] == whole.ledger.staff[0] / 4


def test_trust_lost_is_orders_lost():
    """No recovery, every contact halves trust, one contact per order: the next period's rate is rate x trust."""
    world = m0_with(trust=Trust(lost_per_failure=0.5), patience_minutes=1e-9, minutes=1e9)
    simulation = Simulation(world, m0_population(200_000, heterogeneous=False), seed=3)
    simulation.advance(1)
    trust, before = simulation.centre.trust.copy(), simulation.ledger.orders[0]
    simulation.advance(1)
    expected = 0.30 * (np.array(world.segments.multiplier)[simulation.population.state.segment] * trust).sum()
    assert abs(simulation.ledger.orders[1] - expected) < 4 * math.sqrt(expected)
    assert before > 0
    assert trust.min() < 0.6


def test_waits_are_booked():
    simulation = run(m0_with(), 3000)
    line = simulation.ledger.lines
    assert line[:, WAITED].sum() > 0
    assert (line[:, FAILURES] <= line[:, SERVICE_CONTACTS]).all()


def test_impossible_centres_are_refused_with_their_numbers():
    bad = service(
        minutes=-1.0, ends=2.0, hours_per_day=8.0, kinds=(("order", 0.5), ("claim", 0.2)),
        teams=(team(0), team(2, shifts=(Shift(3.0, 9.0, 2),), name="late")), load_by_hour=(1.0,), priority=(1,),
    )  # fmt: skip
    with pytest.raises(WorldError) as found:
        Simulation(dataclasses.replace(m0_world(), service=bad), m0_population(10), seed=1)
    text = str(found.value)
    for words in ("minutes: expected above 0, got -1", "ends: expected at least 0, at most 1, got 2", "sum to 1, got 0.7",
                  "teams.all.agents: expected at least 1, got 0", "got 3 to 9", "expected 8 numbers", "expected 6 numbers",
                  "kinds.claim: no team"):  # fmt: skip
        assert words in text, words
