"""Segments inferred from orders: against exact Bayes, brute force over paths, and what the moves alone would say."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

from engine import Economics, OrderValue, Segments, World, make_population
from engine.simulation import Simulation
from engine.valuation import value_tables
from scenarios.building import build_world
from scenarios.inference import SegmentFilter
from scenarios.jobs import Setup, Stages
from scenarios.lives import draw_customers
from scenarios.loading import load
from scenarios.paths import dotted, with_values
from scenarios.schema.validate import validate, with_strategies_spelt_out
from scenarios.strategies.optimising import Nobody
from scenarios.synthetic import SyntheticBase

P = np.array([[0.8, 0.15, 0.05], [0.3, 0.65, 0.05], [0.0, 0.0, 1.0]])
M = np.array([0.3, 1.6, 0.0])
WORLD = World(
    Segments(("light", "heavy", "gone"), P, M, np.array([False, False, True])),
    OrderValue("lognormal", 0.3),
    Economics(0.4, 0.0, 0.99),
    12,
)
TABLES = value_tables(WORLD)


def customers(n, seed=0, rate=None):
    rng = np.random.default_rng(seed)
    return make_population(
        rate=np.ones(n) if rate is None else rate, order_value=np.full(n, 20.0), segment=rng.choice(2, n, p=[0.6, 0.4])
    )


def inferred(n, periods, every, rate=None, shape=None):
    """Customers after so many periods, and the segments that the filter sees at the end."""
    population = customers(n, 1, rate)
    run = Simulation(WORLD, population, seed=5)
    found = SegmentFilter(WORLD, TABLES, shape, population.state.orders)
    seen = found(run.population, 0)
    assert np.array_equal(seen.state.segment, population.state.segment)
    for t in range(every, periods + 1, every):
        run.advance(every)
        seen = found(run.population, t)
    return run, seen, found


def exact_share(start, periods):
    """Share seen rightly by the best guess from orders period by period: sum over order histories of the largest joint probability.

    Orders of 6 and more in a period are one outcome.
    """
    total = 0.0
    chance = np.stack([np.append(stats.poisson(m).pmf(np.arange(6)), stats.poisson(m).sf(5)) for m in M], axis=1)
    for first, share in enumerate(start):
        for history in product(range(7), repeat=periods):
            belief = np.eye(3)[first]
            for k in history:
                belief = (belief @ P) * chance[k]
            total += share * belief.max()
    return total


@pytest.mark.parametrize("periods", [1, 3])
def test_with_known_rates_and_a_decision_every_period_it_is_bayes(periods):
    """Exact: enumerate all histories of orders.  4 standard errors."""
    n = 40_000
    run, seen, _ = inferred(n, periods, 1)
    share = float((seen.state.segment == run.population.state.segment).mean())
    start = np.bincount(run.population.traits.start_segment, minlength=3) / n
    expected = exact_share(start, periods)
    assert share == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / n))


def test_beliefs_are_calibrated():
    """Of customers of whom a segment is believed with probability b, the share b is in it: in every tenth, 4 standard errors."""
    run, _, found = inferred(40_000, 6, 1)
    belief, true = found._belief, run.population.state.segment
    np.testing.assert_allclose(belief.sum(axis=1), 1, atol=1e-9)
    for s in range(3):
        b = belief[:, s]
        for low in np.arange(0, 1, 0.1):
            who = (b >= low) & (b < low + 0.1)
            if who.sum() > 200:
                mean = b[who].mean()
                assert (true[who] == s).mean() == pytest.approx(
                    mean, abs=4 * np.sqrt(mean * (1 - mean) / who.sum()) + 1e-3
                )


def test_fewer_looks_and_uncertain_rates_see_less_but_more_than_moves_alone():
    n, rng = 20_000, np.random.default_rng(3)
    each = inferred(n, 8, 1)
    often = float((each[1].state.segment == each[0].population.state.segment).mean())
    run, seen, _ = inferred(n, 8, 4)
    seldom = float((seen.state.segment == run.population.state.segment).mean())
    blind = np.linalg.matrix_power(P, 8)[run.population.traits.start_segment].argmax(axis=1)
    alone = float((blind == run.population.state.segment).mean())
    assert alone + 0.02 < seldom < often
    run, seen, _ = inferred(n, 8, 4, rate=rng.gamma(0.8, 1 / 0.8, n), shape=0.8)
    assert float((seen.state.segment == run.population.state.segment).mean()) > alone


def test_paths_between_two_decisions_against_brute_force():
    """Mean summed pace of the paths from s to s' in three periods, by enumeration."""
    found = SegmentFilter(WORLD, TABLES, None, np.zeros(0))
    moves, pace = found._paths(3)
    for s, end in product(range(3), repeat=2):
        weight = total = 0.0
        for a, b in product(range(3), repeat=2):
            p = P[s, a] * P[a, b] * P[b, end]
            weight, total = weight + p, total + p * (M[a] + M[b] + M[end])
        assert moves[s, end] == pytest.approx(weight)
        assert pace[0, s, end] == pytest.approx(total / weight if weight else 0.0)


def test_orders_that_no_segment_explains_leave_the_moves():
    """Somebody who is believed to have gone for good orders: the filter does not break."""
    found = SegmentFilter(WORLD, TABLES, None, np.zeros(1))
    one = make_population(rate=np.ones(1), order_value=np.ones(1), segment=np.array([2]))
    found(one, 0)
    later = replace(one.state, orders=np.array([3.0], np.float32))
    one.state = later
    assert found(one, 1).state.segment.tolist() == [2]


def test_a_run_s_planner_sees_inferred_segments_and_the_truth_stays():
    sets = ("population.customers=3000", "uncertainty.draws=0", "planning.segments=inferred")
    scenario = load("club", sets).scenario
    setup = Setup(scenario, SyntheticBase(scenario.population.synthetic), 3000)
    drawn = draw_customers(scenario, setup.base, build_world(scenario, setup.base), 3000, 5)
    played = Stages(setup, drawn, 5).play("optimal", setup.makers(("optimal",), {})["optimal"](), keep_plans=True)
    share = np.trace(played.seen) / played.seen.sum()
    assert 0.4 < share < 0.95
    known = Setup(
        scenario.model_copy(update={"planning": scenario.planning.model_copy(update={"segments": "known"})}),
        setup.base,
        3000,
    )
    other = Stages(known, drawn, 5).play("optimal", known.makers(("optimal",), {})["optimal"](), keep_plans=True)
    assert np.trace(other.seen) == other.seen.sum() and other.clv.mean() != played.clv.mean()
    nothing = [Stages(s, drawn, 5).play("none", Nobody()).clv for s in (setup, known)]
    assert np.array_equal(*nothing)  # what a planner sees changes nothing by itself


def test_new_customers_are_known_when_they_join():
    sets = ("population.customers=800", "uncertainty.draws=0", "planning.segments=inferred")
    scenario = load("web_shop", sets).scenario
    setup = Setup(scenario, SyntheticBase(scenario.population.synthetic), 800)
    drawn = draw_customers(scenario, setup.base, build_world(scenario, setup.base), 800, 5)
    played = Stages(setup, drawn, 5).play("half new", setup.makers(("half new",), {})["half new"](), keep_plans=True)
    assert played.newcomers.count > 0 and 0.4 < np.trace(played.seen) / played.seen.sum() < 1


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        ("club", {"planning.segments": "guessed"}, "planning.segments: expected one of known, inferred, got"),
        (
            "club",
            {"planning.segments": "inferred", "planning.knowledge": "oracle"},
            "planning.segments: an oracle knows the segments",
        ),
        (
            "club",
            {"planning.segments": "inferred", "planning.data_lag_decisions": 1},
            "planning.segments: cannot be combined with data_lag",
        ),
        (
            "bank",
            {"planning.segments": "inferred"},
            "planning.segments: cannot be combined with dynamics.attrition yet",
        ),
    ],
)
def test_what_cannot_be_inferred_is_refused(name, values, problem):
    data = with_strategies_spelt_out(with_values(load(name).resolved, values)[0])
    found = [f"{dotted(path, data)}: {sentence}" for path, sentence in validate(data)[1]]
    assert any(text.startswith(problem) for text in found), found
