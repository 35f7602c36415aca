"""Parts of the fit by hand and by closed forms: moves, multipliers, spread of own rates, wallets."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from engine.calibration.dispersion import fit_trait_powers, gamma_power_moments, path_moments, trait_power
from engine.calibration.forecast import expected_path
from engine.calibration.nbd import fit_nbd
from engine.calibration.order_rates import fit_order_rates
from engine.calibration.panel import make_panel
from engine.calibration.transitions import move_probabilities, multipliers_for
from engine.calibration.wallet import CategoryCells, co_ownership, fit_wallet
from engine.rates import factor_table, level_table
from engine.world import Segments


def test_one_label_is_the_nbd_model():
    """With one segment rho g is Gamma(r, rate r / g): the NBD model with alpha = r / g."""
    random = np.random.default_rng(2)
    orders = random.poisson(random.gamma(0.8, 0.1, 3000) * 30).astype(float)
    age = np.full((3000, 1), 30.0)
    ours, nbd = fit_order_rates(orders, age, np.array([orders.sum()])), fit_nbd(orders, age[:, 0])
    assert ours.shape == pytest.approx(nbd.r, rel=2e-3)
    assert ours.shape / ours.rate[0] == pytest.approx(nbd.alpha, rel=3e-3)
    assert ours.log_likelihood == pytest.approx(nbd.log_likelihood, abs=0.05)


def test_the_optimum_is_flat():
    """Numerical slope of the likelihood, written out anew, at the fitted parameters."""
    from scipy.special import gammaln

    random = np.random.default_rng(4)
    exposure = random.integers(0, 15, (500, 3)).astype(float)
    label_orders = random.poisson(random.gamma(1.2, 1 / 1.2, (500, 1)) * exposure * [0.2, 0.5, 1.1])
    orders, by_label = label_orders.sum(axis=1).astype(float), label_orders.sum(axis=0).astype(float)
    fit = fit_order_rates(orders, exposure, by_label)

    def posterior(x):
        g, r = np.exp(x[:3]), np.exp(x[3])
        likelihood = (gammaln(r + orders) - gammaln(r) + r * np.log(r) - (r + orders) * np.log(r + exposure @ g)).sum()
        return likelihood + by_label @ x[:3] + 0.5 * (x[:3] - g * exposure.sum() / by_label.sum()).sum()

    x = np.append(np.log(fit.rate), np.log(fit.shape))
    assert np.abs(approx_fprime(x, posterior, 1e-6)).max() < 0.01
    assert all(posterior(x) > posterior(x + d) for d in 0.05 * np.vstack([np.eye(4), -np.eye(4)]))


def test_multipliers_turn_moves_into_the_label_rate():
    p = np.array([[0.9, 0.1, 0.0], [0.05, 0.9, 0.05], [0.0, 0.2, 0.8]])
    g = np.array([0.2, 1.0, 2.0])
    m = multipliers_for(p, g, np.array([5.0, 3.0, 1.0]))
    assert p @ m == pytest.approx(g, rel=1e-9)
    path = expected_path(Segments(("a", "b", "c"), p, m, np.zeros(3, bool)), 6)
    assert path[:, 3] == pytest.approx(np.linalg.matrix_power(p, 3) @ g)


def test_multipliers_stay_positive_and_keep_the_total():
    p = np.array([[0.5, 0.5], [0.5, 0.5]])  # no m >= 0 gives these two rates
    g, weight = np.array([0.1, 3.0]), np.array([2.0, 1.0])
    m = multipliers_for(p, g, weight)
    assert (m > 0).all() and weight @ (p @ m) == pytest.approx(weight @ g)


def test_move_probabilities():
    counts = np.array([[900, 100, 0], [50, 940, 10], [0, 0, 0]])
    p = move_probabilities(counts)
    assert p.sum(axis=1) == pytest.approx(np.ones(3)) and (p >= 0).all()
    assert p[0] == pytest.approx([0.9, 0.1, 0.0], abs=2e-3)
    assert p[2, 2] == pytest.approx(1 - 160 / 2000, abs=1e-3)  # an unseen row: the pooled share of stayers
    assert p[2, 0] / p[2, 1] == pytest.approx(50 / 100)  # and the pooled destinations
    assert move_probabilities(np.zeros((1, 1), np.int64)).tolist() == [[1.0]]


@pytest.mark.parametrize("kappa", [0.0, 0.5, 1.0])
def test_path_moments_against_all_paths(kappa):
    """Brute force over the 3^4 paths of four periods."""
    p = np.array([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.0, 0.3, 0.7]])
    segments = Segments(("a", "b", "c"), p, np.array([0.0, 1.0, 2.5]), np.zeros(3, bool), kappa)
    factor, level = factor_table(segments), level_table(segments, 4)
    first, second = np.zeros(3), np.zeros(3)
    for start, path in product(range(3), product(range(3), repeat=4)):
        chance, total, now = 1.0, 0.0, start
        for t, to in enumerate(path):
            chance, now = chance * p[now, to], to
            total += factor[start, to] * level[start, t]
        first[start] += chance * total
        second[start] += chance * total**2
    assert path_moments(segments, 4) == (pytest.approx(first), pytest.approx(second))
    assert first == pytest.approx(expected_path(segments, 4).sum(axis=1))  # the mean does not depend on kappa


def test_gamma_power_moments():
    """Powers 1 and 2 have closed forms."""
    shape, rate = np.array([2.0, 5.0]), np.array([4.0, 0.5])
    m1, m2 = gamma_power_moments(shape, rate, 1.0)
    assert m1 == pytest.approx(shape / rate) and m2 == pytest.approx(shape * (shape + 1) / rate**2)
    assert gamma_power_moments(shape, rate, 2.0)[0] == pytest.approx(m2)


def test_the_power_of_a_planted_trait_is_one():
    """Orders simulated from posteriors as they are need no power, at the kappa they were simulated with."""
    random = np.random.default_rng(8)
    p = np.array([[0.8, 0.2], [0.1, 0.9]])
    segments = Segments(("a", "b"), p, np.array([0.3, 1.5]), np.zeros(2, bool), 1.0)
    n, segment = 40_000, random.integers(0, 2, 40_000).astype(np.uint8)
    shape, rate = 1.5 + random.integers(0, 20, n), random.uniform(3, 20, n)
    own, now, orders = random.gamma(shape) / rate, segment.astype(int), np.zeros(n)
    for _ in range(20):
        now = (random.random(n)[:, None] >= np.cumsum(p, axis=1)[now]).sum(axis=1)
        orders += random.poisson(own * segments.multiplier[now])
    powers = fit_trait_powers(segments, shape, rate, segment, orders, 20)
    assert powers[-1] == pytest.approx(1.0, abs=0.05)
    assert (np.diff(powers) < 0).all()  # the more the path spreads, the less is left for the trait
    assert trait_power(powers, 0.125) == pytest.approx((powers[0] + powers[1]) / 2)


def test_co_ownership():
    """Odds ratio 9 with 100 customers a cell ratio: Q = 8 / 10; independent and opposite ownership: 0."""
    owns = np.array([[1, 1]] * 90 + [[1, 0]] * 30 + [[0, 1]] * 30 + [[0, 0]] * 90, bool)
    assert co_ownership(owns)[0, 1] == pytest.approx((90.5**2 - 30.5**2) / (90.5**2 + 30.5**2))
    independent = np.array([[1, 1], [1, 0], [0, 1], [0, 0]] * 50, bool)
    assert co_ownership(independent)[0, 1] == pytest.approx(0)
    assert co_ownership(np.array([[1, 0], [0, 1]] * 50, bool)).tolist() == [[0, 0], [0, 0]]


def test_wallet_by_hand():
    """30 customers with one order of 10 a period; the first 25 spend 4 of it on b, all spend the rest on a."""
    n, periods = 30, 6
    who, when = (x.ravel().astype(np.int32) for x in np.meshgrid(np.arange(n), np.arange(periods), indexing="ij"))
    panel = make_panel(who, when, np.full(n * periods, 10.0), periods, left_truncated=False)
    buys_b = who < 25
    cells = CategoryCells(
        ("a", "b", "unsold"),
        np.concatenate([who, who[buys_b]]), np.concatenate([when, when[buys_b]]),
        np.concatenate([np.zeros(len(who), np.int32), np.ones(buys_b.sum(), np.int32)]),
        np.concatenate([np.where(buys_b, 6.0, 10.0), np.full(buys_b.sum(), 4.0)]),
    )  # fmt: skip
    value = np.where(np.arange(n) == 29, 20.0, 10.0)
    wallet = fit_wallet(panel, cells, np.zeros(n, np.uint8), 1, value, 3, 8)
    assert wallet.names == ("a", "b")
    assert wallet.owned.tolist() == [3] * 25 + [1] * 5
    assert wallet.headroom[:, 0].tolist() == [0] * n
    assert wallet.headroom[:, 1] == pytest.approx(
        [0] * 25 + [4] * 4 + [8]
    )  # owners spend 4 of 10; customer 29 orders for 20
    assert wallet.share == pytest.approx(np.array([[0.6, 0.4]] * 25 + [[1.0, 0.0]] * 5))
