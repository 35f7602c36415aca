"""The reference model M0: exact moments met by simulation, and the exact differences on common random numbers."""

import numpy as np
import pytest
from engine_worlds import (
    M0_DISCOUNT,
    M0_LIVE,
    M0_MARGIN,
    M0_MEAN,
    M0_MULTIPLIER,
    M0_ORDER_VALUE,
    M0_ORDERS,
    M0_PERIODS,
    M0_RATE,
    M0_ROWS,
    M0_SHAPE,
    M0_VARIANCE,
    m0_population,
    m0_world,
)
from scipy import stats

from engine import OrderValue, Simulation, make_population
from engine.rates import factor_table, level_table

N = 200_000


def run(world, population, seed=42, periods=M0_PERIODS) -> Simulation:
    simulation = Simulation(world, population, seed=seed, track_history=False)
    simulation.advance(periods)
    simulation.ledger.check()
    return simulation


def exact_mean(rows, multiplier, mean_rate=M0_RATE) -> float:
    """Discounted margin of a customer who starts in New: sum over t of d^t (P^(t+1) m)[New] x rate x value x margin."""
    mean, total = np.array(multiplier, float), 0.0
    for t in range(M0_PERIODS):
        mean = np.array(rows) @ mean
        total += M0_DISCOUNT**t * mean[0]
    return total * mean_rate * M0_ORDER_VALUE * M0_MARGIN


@pytest.fixture(scope="module")
def base() -> Simulation:
    return run(m0_world(), m0_population(N))


def test_recursion_is_the_oracle():
    assert exact_mean(M0_ROWS, M0_MULTIPLIER) == pytest.approx(M0_MEAN, abs=1e-7)


def test_mean_and_variance_of_discounted_margin(base):
    """z of 200,000 customers: detects a bias of 0.9 % at 4 sigma; the variance within 4 standard errors."""
    z = (base.margin.mean() - M0_MEAN) / np.sqrt(M0_VARIANCE / N)
    assert abs(z) < 4
    squares = (base.margin - M0_MEAN) ** 2
    assert abs(squares.mean() - M0_VARIANCE) / (squares.std() / np.sqrt(N)) < 4


def test_live_weeks_and_orders(base):
    live, orders = base.ledger.customers.sum() / N, base.ledger.orders.sum() / N
    assert abs(live - M0_LIVE) / (16 / np.sqrt(N)) < 4  # a customer's live weeks have a standard deviation below 16
    sd = np.sqrt(M0_VARIANCE) / (M0_ORDER_VALUE * M0_MARGIN)  # margin's spread exceeds the orders'
    assert abs(orders - M0_ORDERS) / (sd / np.sqrt(N)) < 4


def changed_rows(kind):
    rows, multiplier = np.array(M0_ROWS), np.array(M0_MULTIPLIER)
    if kind == "churn":
        for s in range(5):
            cut = 0.1 * rows[s, 5]
            rows[s, 5] -= cut
            rows[s, s] += cut
    elif kind == "loyalty":
        rows[2, 2] -= 0.01
        rows[2, 3] += 0.01
    else:
        multiplier *= 1.02
    return rows, multiplier


@pytest.mark.parametrize(("kind", "oracle"), [("churn", 2.575), ("loyalty", 2.282), ("rate", 2.734)])
def test_paired_differences(base, kind, oracle):
    """Exact differences of the oracle; common random numbers make 200,000 customers enough for 2 % of them."""
    rows, multiplier = changed_rows(kind)
    exact = exact_mean(rows, multiplier) - M0_MEAN
    assert exact == pytest.approx(oracle, abs=6e-4)
    difference = run(m0_world(rows, multiplier), m0_population(N)).margin - base.margin
    assert abs(difference.mean() - exact) / (difference.std() / np.sqrt(N)) < 4
    assert difference.var() < base.margin.var() / 10  # 29 to 844 times less than with independent numbers


def test_no_heterogeneity_is_the_markov_value():
    """Everybody the same rate, each in his own start: the backward recursion's value of each segment."""
    n = 30_000
    for start in (0, 2, 4):
        simulation = run(m0_world(), m0_population(n, segment=start, heterogeneous=False), periods=26)
        mean, total = np.array(M0_MULTIPLIER), 0.0
        for t in range(26):
            mean = np.array(M0_ROWS) @ mean
            total += M0_DISCOUNT**t * mean[start]
        exact = total * M0_RATE * M0_ORDER_VALUE * M0_MARGIN
        assert abs(simulation.margin.mean() - exact) / (simulation.margin.std() / np.sqrt(n)) < 4


@pytest.mark.parametrize("kappa", [0.0, 0.5])
def test_state_dependence_never_moves_the_forecast(base, kappa):
    """Mean orders of every period are those of kappa = 1, by construction of the level table."""
    simulation = run(m0_world(kappa=kappa), m0_population(N))
    assert not np.array_equal(simulation.ledger.orders, base.ledger.orders)
    mean = np.array(M0_MULTIPLIER)
    for t in range(M0_PERIODS):
        mean = np.array(M0_ROWS) @ mean
        exact = mean[0] * M0_RATE
        variance = exact + M0_RATE**2 * (1 + 1 / M0_SHAPE) * 2.4**2  # generous: Poisson plus the spread of rates
        assert abs(simulation.ledger.orders[t] / N - exact) / np.sqrt(variance / N) < 4


def test_level_table_keeps_the_mean_exactly():
    segments = m0_world(kappa=0.3).segments
    factor, level = factor_table(segments), level_table(segments, 20)
    power = np.eye(6)
    for t in range(20):
        power = power @ segments.transition
        for a in range(5):
            assert power[a] @ factor[a] * level[a, t] == pytest.approx((power @ segments.multiplier)[a])


def test_nbd_counts():
    """Gamma(2) rates of mean 3 in one segment: P(0..4) = .16 .192 .1728 .13824 .10368 (NBD, oracle table)."""
    n = 100_000
    rate = np.random.default_rng(8).gamma(2.0, 1.5, n)
    world = m0_world(np.eye(6).tolist(), [1.0] * 6)
    population = make_population(rate=rate, order_value=np.ones(n), segment=np.zeros(n, int))
    simulation = Simulation(world, population, seed=3)
    simulation.advance(1)
    counts = np.bincount(simulation.population.state.orders.astype(int), minlength=5)[:5]
    exact = np.array([0.16, 0.192, 0.1728, 0.13824, 0.10368])
    np.testing.assert_allclose(stats.nbinom.pmf(range(5), 2, 2 / 5), exact)
    assert (np.abs(counts - n * exact) / np.sqrt(n * exact * (1 - exact)) < 4).all()


@pytest.mark.parametrize(
    ("noise", "variance"),
    [
        (OrderValue("lognormal", 0.6), np.exp(0.36) - 1),
        (OrderValue("gamma", 6.25), 1 / 6.25),
        (OrderValue("gamma", 0.5), 2.0),
        (OrderValue("lognormal", 0.0), 0.0),
    ],
)
def test_noise_has_mean_one_and_its_variance(noise, variance):
    """Revenue of k orders given k: mean k, variance k Var, at every order index (7 orders per customer)."""
    n = 20_000
    world = m0_world(np.eye(6).tolist(), [1.0] * 6, noise=noise)
    population = make_population(rate=np.full(n, 7.0), order_value=np.ones(n), segment=np.zeros(n, int))
    simulation = Simulation(world, population, seed=3)
    simulation.advance(1)
    k, spend = simulation.population.state.orders, simulation.population.state.spend.astype(float)
    residual = spend - k
    if variance == 0:
        np.testing.assert_allclose(spend, k, rtol=1e-6)
        return
    assert abs(residual.sum()) / np.sqrt(k.sum() * variance) < 4
    ratio = residual[k > 0] ** 2 / k[k > 0]
    assert abs(ratio.mean() - variance) / (ratio.std() / np.sqrt(len(ratio))) < 4
