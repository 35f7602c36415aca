"""Seasons, shocks, visits, joining customers and overheads: closed forms, exact identities, refusals."""

import dataclasses
import math

import numpy as np
import pytest
from engine_worlds import M0_DISCOUNT, arm, m0_population, m0_world

from engine import Arrivals, PopulationError, Simulation, WorldError, make_population
from engine.ledger import ACQUIRED, LOSING_ORDERS, LOSSES
from engine.season import Season, shocked, shocks, yearly
from engine.traffic import other_visits
from engine.valuation import candidate, order_tables, orders_ahead

YEAR = 1 + 0.6 * np.sin(np.arange(52) / 52 * 2 * np.pi + 1)


def seasonal(**kw):
    return dataclasses.replace(m0_world(**kw), season=yearly(YEAR, 52, 7))


def test_a_year_without_season_is_the_reference_to_the_bit():
    plain, flat = m0_world(), dataclasses.replace(m0_world(), season=Season(np.ones(52), np.ones(52)))
    a, b = (Simulation(w, m0_population(2000), seed=4) for w in (plain, flat))
    a.advance(52)
    b.advance(52)
    np.testing.assert_array_equal(a.margin, b.margin)
    one, other = (order_tables(w.segments, 52, M0_DISCOUNT, w.season).discounted for w in (plain, flat))
    np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("kappa", [1.0, 0.4])
def test_the_closed_form_takes_the_season_exactly(kappa):
    """Against the plain backward recursion over 200 years, started from nothing (what is left out is below 1e-8)."""
    world = seasonal(kappa=kappa)
    p, d, horizon = world.segments.transition, M0_DISCOUNT, 52
    tables = order_tables(world.segments, horizon, d, world.season)
    plain = order_tables(world.segments, horizon, d)
    from engine.rates import factor_table, level_table
    from engine.valuation import EXTENSION

    f, level = factor_table(world.segments), level_table(world.segments, horizon + EXTENSION)
    q = np.zeros_like(f)
    for t in range(52 * 200, -1, -1):
        # The level is settled after its extension, as the closed form has it.
        factor = YEAR[(7 + t) % 52] * level[:, min(t, horizon + EXTENSION - 1), None]
        q = (factor * f + d * q) @ p.T
        if t in (0, 13, 52):
            np.testing.assert_allclose(tables.discounted[t], q, rtol=1e-7, atol=1e-7)
    assert not np.allclose(plain.discounted[13], tables.discounted[13], rtol=1e-3)


def test_simulated_orders_follow_the_season():
    """Each period's orders against the chain's exact mean x season, within 4 standard errors (a bias of 1.5 % would show)."""
    world = seasonal()
    n = 200_000
    simulation = Simulation(world, m0_population(n, heterogeneous=False), seed=8, track_history=False)
    simulation.advance(52)
    tables = order_tables(world.segments, 52, M0_DISCOUNT, world.season)
    state = np.eye(6)[0]
    for t in range(52):
        expected = 0.30 * n * state @ orders_ahead(tables, world.segments, t, 1)[0]
        state = state @ world.segments.transition
        assert abs(simulation.ledger.orders[t] - expected) < 4 * math.sqrt(expected)


def test_a_planner_times_its_offer_to_the_season():
    """A lift of 3 periods, for all, certain: planned value = simulated difference at a trough and at a peak."""
    lift = arm(response=1.0, order_lift=0.5, duration=3)
    world = seasonal(arms=[lift])
    population = m0_population(60_000, segment=2, heterogeneous=False)
    tables = order_tables(world.segments, 52, M0_DISCOUNT, world.season)
    planned = []
    for start in (22, 47):
        plan = np.ones(len(population), np.uint8)
        runs = []
        for chosen in (None, plan):
            run = Simulation(
                dataclasses.replace(world, season=Season(np.roll(world.season.within, -start), world.season.after)),
                population,
                seed=2,
            )
            run.advance(3, chosen)
            runs.append(run.margin)
        gain = runs[1] - runs[0]
        value = candidate(world, tables, population, lift, start).value.mean()
        assert abs(gain.mean() - value) < 4 * gain.std() / math.sqrt(len(gain))
        planned.append(value)
    assert max(planned) > 1.5 * min(planned)


def test_shocks_are_lognormal_ar1_of_mean_one():
    """Over 4,000 periods of 8 seeds: mean 1, standard deviation and correlation of the logarithm, within 4 standard errors."""
    sd, rho, n = 0.2, 0.6, 4000
    logs = np.log([shocks(seed, n, sd, rho) for seed in range(8)])
    effective = 8 * n * (1 - rho) / (1 + rho)
    assert abs(np.exp(logs).mean() - 1) < 4 * sd / math.sqrt(effective)
    z = logs + sd**2 / 2
    assert abs(z.std() - sd) < 4 * sd / math.sqrt(effective)
    assert abs(np.mean(z[:, 1:] * z[:, :-1]) / z.var() - rho) < 4 / math.sqrt(8 * n)
    np.testing.assert_array_equal(shocks(3, 10, sd, rho), shocks(3, 20, sd, rho)[:10])
    assert (shocked(None, np.array([2.0])).within == 2).all()


def test_impossible_seasons_and_conversions_are_refused_with_their_numbers():
    bad = dataclasses.replace(
        m0_world(), season=Season(np.full(9, 1.0), np.array([-0.5])), conversion=np.array([0.1] * 5 + [1.5]), scale=0.0
    )
    with pytest.raises(WorldError) as found:
        Simulation(bad, m0_population(5), seed=1)
    for words in ("expected 52 factors, got shape (9,)", "got -0.5", "1.5", "scale: expected above 0, got 0"):
        assert words in str(found.value), words


@pytest.mark.parametrize("rate", [0.0, 0.3, 6.0, 59.0, 61.0, 400.0])
def test_other_visits_are_the_poisson_quantile(rate):
    """Against SciPy's inverse CDF at 400 uniforms; a tie within 1e-6 of probability may go either way."""
    from scipy import stats

    u = ((np.arange(400) + 0.37) / 400).astype(np.float32)
    ours = np.array([other_visits(x, np.float32(rate)) for x in u])
    low, high = (stats.poisson.ppf(np.clip(u + e, 0, 1 - 1e-9), np.float32(rate)) for e in (-1e-6, 1e-6))
    assert ((ours >= np.maximum(low, 0)) & (ours <= high)).all()


def test_too_many_visits_are_refused():
    world = dataclasses.replace(m0_world(), conversion=np.full(6, 1e-6))
    with pytest.raises(PopulationError, match="conversion: expected at most 500 visits per customer and period, got"):
        Simulation(world, m0_population(10), seed=1)


def test_visits_thin_to_orders():
    """Conversion 5 %: orders / visits within 4 standard errors; without traffic the customers keep every bit."""
    world = dataclasses.replace(m0_world(), conversion=np.full(6, 0.05))
    n = 20_000
    runs = [Simulation(w, m0_population(n), seed=4) for w in (world, m0_world())]
    for run in runs:
        run.advance(20)
    visits, orders = runs[0].ledger.visits.sum(), runs[0].ledger.orders.sum()
    assert abs(orders / visits - 0.05) < 4 * math.sqrt(0.05 * 0.95 / visits)
    assert (runs[0].ledger.visits >= runs[0].ledger.orders).all()
    np.testing.assert_array_equal(runs[0].margin, runs[1].margin)


def test_an_offer_converts_visits_and_brings_none():
    lifted = arm(response=1.0, order_lift=0.5, duration=10)
    world = dataclasses.replace(m0_world(arms=[lifted]), conversion=np.full(6, 0.05))
    n = 20_000
    runs = [Simulation(world, m0_population(n), seed=4) for _ in range(2)]
    runs[0].advance(10)
    runs[1].advance(10, np.ones(n, np.uint8))
    plain, offered = (r.ledger for r in runs)
    assert offered.orders.sum() > 1.4 * plain.orders.sum()
    np.testing.assert_allclose(offered.visits, plain.visits, rtol=2e-3)  # more orders than visits are rare


def test_who_has_not_joined_costs_nothing_and_is_counted_nowhere():
    """Joining in period 5 = a run of the late ones alone that starts with the same numbers of periods."""
    n, late = 3000, 1000
    population = m0_population(n)
    period = np.where(np.arange(n) < n - late, -1, 5).astype(np.int32)
    who = Arrivals(period, np.where(period >= 0, 7_000_000, 0))
    world = m0_world(arms=[arm(contact_cost=1.0)])
    run = Simulation(world, population, seed=6, arrivals=who)
    assert run.present == n - late
    run.advance(5, np.ones(n - late, np.uint8))
    assert run.ledger.segment_customers.sum(axis=1).tolist() == [n - late] * 5
    assert not run.margin[n - late :].any()
    assert run.present == n - late, "who joins in period 5 is not known before it"
    run.advance(4)
    assert run.present == n
    assert run.ledger.lines[:, ACQUIRED].tolist() == [0] * 5 + [late] + [0] * 3
    assert run.ledger.acquisition.sum() == 7.0 * late
    run.ledger.check()
    alone = Simulation(m0_world(arms=[arm(contact_cost=1.0)]), population, seed=6)
    alone.advance(5, np.concatenate([np.ones(n - late, np.uint8), np.zeros(late, np.uint8)]))
    alone.advance(4)
    np.testing.assert_array_equal(run.margin[: n - late], alone.margin[: n - late])


def test_arrivals_out_of_order_are_refused():
    with pytest.raises(PopulationError, match="expected ascending, got 3 before 1 at 0"):
        Simulation(
            m0_world(), m0_population(2), seed=1, arrivals=Arrivals(np.array([3, 1], np.int32), np.zeros(2, np.int64))
        )


def test_orders_that_lose_money_are_counted_to_the_cent():
    """Half price on a margin of 30 %: every order with the offer loses, none without."""
    world = dataclasses.replace(m0_world(arms=[arm(response=1.0, depth=0.5, duration=4)]), count_losses=True)
    n = 2000
    run = Simulation(world, m0_population(n), seed=4)
    run.advance(4, np.ones(n, np.uint8))
    assert (run.ledger.lines[:, LOSING_ORDERS] == run.ledger.orders).all()
    assert (run.ledger.lines[:, LOSSES] == -run.ledger.margin_micro).all()
    calm = Simulation(world, m0_population(n), seed=4)
    calm.advance(4)
    assert not calm.ledger.lines[:, [LOSING_ORDERS, LOSSES]].any()


def test_overheads_and_set_up_are_in_the_margin_once():
    arms = [arm("a/x", setup_cost=100.0), arm("a/y", setup_cost=100.0), arm("b/x", setup_cost=30.0)]
    world = dataclasses.replace(m0_world(arms=arms), overheads=np.arange(52.0), scale=0.5)
    population = make_population(rate=np.zeros(3), order_value=np.ones(3), segment=np.zeros(3, int))
    run = Simulation(world, population, seed=1)
    run.advance(2, np.array([1, 0, 0], np.uint8))
    run.advance(2, np.array([2, 3, 0], np.uint8))
    run.advance(2, np.array([3, 1, 0], np.uint8))
    assert run.ledger.setup.tolist() == [50, 0, 15, 0, 0, 0]
    assert run.ledger.capability.tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    np.testing.assert_allclose(run.ledger.margin, -run.ledger.setup - run.ledger.capability)
    assert run.ledger.to_arrow().column("capability").to_pylist() == run.ledger.capability.tolist()
    run.ledger.check()
