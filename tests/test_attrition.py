"""Attrition models against published numbers: one segment, no offers, exact within a period."""

import numpy as np
import pytest

from engine import Economics, OrderValue, Segments, Simulation, World, make_population
from engine.calibration.bg_nbd import BgNbd
from engine.calibration.pareto_nbd import ParetoNbd
from engine.dynamics import ArmDynamics, Attrition, Dynamics
from engine.life import make_life
from engine.valuation import future_value, value_tables
from engine.world import Arm

N = 400_000
BG = BgNbd(0.24259, 4.4136, 0.79292, 2.42591)  # Fader, Hardie & Lee 2005, CDNOW
PARETO = ParetoNbd(0.55328, 10.57768, 0.60624, 11.66873)


def one_segment(attrition, arms=(), horizon=78):
    segments = Segments(("live", "gone"), np.eye(2), np.array([1.0, 0.0]), np.array([False, True]))
    return World(
        segments,
        OrderValue("lognormal", 0.0),
        Economics(1.0, 0.0, 1.1 ** (-1 / 52)),
        horizon,
        arms,
        dynamics=Dynamics(attrition),
    )


def customers(world, rate, dropout, renewal=None, n=N):
    population = make_population(rate=rate, order_value=np.ones(n), segment=np.zeros(n, int))
    population.life = make_life(population.state.segment, world, dropout=dropout, renewal=renewal)
    return population


def bought(model, dropout, rate, seed=1):
    """Orders (n,) of each customer by the ends of weeks 52 and 78."""
    world = one_segment(Attrition(model, 1))
    run = Simulation(world, customers(world, rate, dropout), seed=seed)
    counts = []
    for periods in (52, 26):
        run.advance(periods)
        counts.append(run.population.state.orders.astype(float))
    run.ledger.check()
    return counts, run


def close(counts, expected):
    """|z| <= 4: detects 1 % of the expectation at this size."""
    return abs(counts.mean() - expected) <= 4 * counts.std() / np.sqrt(len(counts))


def test_bg_nbd_expected_purchases_are_published():
    """E[X(52)] = 1.44401, E[X(78)] = 1.8576; P(X(52) = 0) = (alpha / (alpha + 52))^r."""
    rng = np.random.default_rng(1)
    (year, later), run = bought("bg_nbd", rng.beta(BG.a, BG.b, N), rng.gamma(BG.r, 1 / BG.alpha, N))
    assert close(year, 1.44401) and close(later, 1.8576)
    nobody, p = (year == 0).mean(), (BG.alpha / (BG.alpha + 52)) ** BG.r
    assert abs(nobody - p) <= 4 * np.sqrt(p * (1 - p) / N)
    alive = run.population.state.segment == 0
    assert not ((later == 0) & ~alive).any()  # who never bought cannot have dropped out


def test_pareto_nbd_expected_purchases_are_published():
    """E[X(52)] = 1.47343; alive at 78 with probability (beta / (beta + 78))^s."""
    rng = np.random.default_rng(2)
    (year, later), run = bought(
        "pareto_nbd", rng.gamma(PARETO.s, 1 / PARETO.beta, N), rng.gamma(PARETO.r, 1 / PARETO.alpha, N)
    )
    assert close(year, 1.47343) and close(later, PARETO.expected(78))
    alive = (run.population.state.segment == 0).mean()
    p = (PARETO.beta / (PARETO.beta + 78)) ** PARETO.s
    assert abs(alive - p) <= 4 * np.sqrt(p * (1 - p) / N)


def test_pareto_nbd_is_exact_within_a_period():
    """One long period instead of weeks: the same expectation, 10 weeks in one step."""
    rng = np.random.default_rng(3)
    world = one_segment(Attrition("pareto_nbd", 1), horizon=1)
    population = customers(
        world, 10 * rng.gamma(PARETO.r, 1 / PARETO.alpha, N), 10 * rng.gamma(PARETO.s, 1 / PARETO.beta, N)
    )
    run = Simulation(world, population, seed=4)
    run.advance(1)
    assert close(run.population.state.orders.astype(float), PARETO.expected(10))


@pytest.mark.parametrize(
    ("alpha", "beta", "survival"), [(0.668, 3.806, (0.8507, 0.7469, 0.6698, 0.6100)), (0.70408, 1.18204, None)]
)
def test_sbg_survival_is_published(alpha, beta, survival):
    """Fader & Hardie 2007: S(1..4) of high-end customers; S(t) = prod (beta + j) / (alpha + beta + j)."""
    rng = np.random.default_rng(5)
    world = one_segment(Attrition("sbg", 1), horizon=8)
    run = Simulation(world, customers(world, np.ones(N), rng.beta(alpha, beta, N)), seed=6)
    run.advance(5)
    live = run.ledger.segment_customers[1:, 0] / N  # after the first renewal, the second, ...
    j = np.arange(4)
    exact = np.cumprod((beta + j) / (alpha + beta + j))
    assert (np.abs(live - exact) <= 4 * np.sqrt(exact * (1 - exact) / N)).all()
    if survival:
        np.testing.assert_allclose(exact, survival, atol=6e-5)


def test_contracts_are_only_left_when_they_end():
    world = one_segment(Attrition("sbg", 1, renews_every=4), horizon=12)
    renewal = np.arange(N) % 4
    run = Simulation(world, customers(world, np.ones(N), np.full(N, 0.5), renewal), seed=7)
    for t in range(8):
        before = run.population.state.segment.copy()
        run.advance(1)
        left = (before == 0) & (run.population.state.segment == 1)
        assert set(renewal[left]) == {(-(t + 1)) % 4}


@pytest.mark.parametrize("model", ["bg_nbd", "pareto_nbd", "sbg"])
def test_value_of_one_customer_meets_his_closed_form(model):
    """Known traits, no discount on purchases: sum of d^t rate P(alive) in the levels' tables against direct summation."""
    world = one_segment(Attrition(model, 1))
    rate, trait = 0.4, 0.13
    n = 1
    population = customers(world, np.full(n, rate), np.full(n, trait), n=n)
    d = world.economics.discount_factor
    hazard = {"bg_nbd": rate * np.float64(trait), "pareto_nbd": trait}.get(model)
    stays = 1 - trait if model == "sbg" else np.exp(-hazard)
    first = rate if model == "sbg" else rate * (1 - stays) / hazard
    exact = first / (1 - d * stays)
    assert future_value(value_tables(world), population, world, 0)[0] == pytest.approx(exact, rel=5e-3)


def test_orders_that_an_offer_adds_draw_no_dropout():
    """A lift of 2: three times the orders of those who stay, and exactly the same customers leave."""
    rng = np.random.default_rng(8)
    n = 50_000
    arm = Arm("a/b", "a", "b", "contact", 0.0, 0.0, 0.0, 30, np.ones(2), order_lift=2.0)
    world = one_segment(Attrition("bg_nbd", 1), (arm,), 30)
    population = customers(world, rng.gamma(1, 0.2, n), rng.beta(1, 6, n), n=n)
    plain, other = Simulation(world, population, seed=1), Simulation(world, population, seed=1)
    plain.advance(30)
    other.advance(30, np.ones(n, np.uint8))
    np.testing.assert_array_equal(plain.population.state.segment, other.population.state.segment)
    assert other.ledger.orders.sum() > 2 * plain.ledger.orders.sum()


def test_a_retention_offer_scales_the_trait_and_win_back_brings_them_home():
    """Reduction 1 keeps everybody while it acts; afterwards they leave; a win-back with probability 1 returns them all."""
    n = 20_000
    keep = Arm("k/x", "k", "x", "retention", 0.0, 0.0, 0.0, 3, np.ones(2), attrition_reduction=1.0)
    back = Arm(
        "w/x",
        "w",
        "x",
        "win_back",
        0.0,
        0.0,
        0.0,
        1,
        np.ones(2),
        move_to=0,
        move_probability=1.0,
        more=ArmDynamics(win_back=True),
    )
    world = one_segment(Attrition("pareto_nbd", 1), (keep, back), 12)
    run = Simulation(world, customers(world, np.ones(n), np.full(n, 0.7), n=n), seed=2)
    run.advance(3, np.ones(n, np.uint8))
    assert (run.population.state.segment == 0).all()
    run.advance(3)
    gone = run.population.state.segment == 1
    assert abs(gone.mean() - (1 - np.exp(-2.1))) < 4 * np.sqrt(0.1 / n)
    stay = Simulation(world, run.population, seed=3)
    stay.advance(1, np.where(gone, 1, 0).astype(np.uint8))  # an ordinary offer does not reach those who left
    assert stay.ledger.responses.sum() == 0
    run.advance(1, np.where(gone, 2, 0).astype(np.uint8))
    assert run.ledger.segment_customers[-1, 0] == n
