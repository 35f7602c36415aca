"""Intervals: closed forms and coverage."""

import numpy as np
import pytest
from scipy import stats

from scenarios.drivers import flip
from scenarios.statistics import normal_interval, outer_interval, paired_variance, probability_best


def test_paired_variance_without_a_price_is_the_textbook_one() -> None:
    d = np.array([1.0, 3.0, 5.0, 7.0])
    assert paired_variance(d) == pytest.approx(d.var(ddof=1) / 4)


def test_a_budget_shared_by_customers_takes_its_part_of_the_variance_away() -> None:
    """If value is exactly price x cost, and the total cost is fixed, nothing is uncertain."""
    cost = np.random.default_rng(0).gamma(2, 1, 500)
    assert paired_variance(3 * cost, 3 * (cost - cost.mean())) == pytest.approx(0.0, abs=1e-25)


def test_only_luck_counts_where_customers_stand_for_real_ones() -> None:
    """Pooled variance within groups, by hand: (0.5 + 2) / (4 - 2) / 4."""
    d, source = np.array([1.0, 2.0, 10.0, 12.0]), np.array([7, 7, 3, 3])
    assert paired_variance(d, source=source) == pytest.approx((0.5 + 2.0) / 2 / 4)


def test_the_decision_interval_covers_the_truth_of_a_finite_base() -> None:
    """N real customers that differ (variance 1), luck of variance 1, bootstrapped draws of n ~ N: coverage near 95 %."""
    rng, hits, trials, size = np.random.default_rng(3), 0, 300, 400
    for _ in range(trials):
        real = rng.normal(0, 1, size)  # the base is itself a sample: the truth is 0
        main = np.repeat(real, 20) + rng.normal(0, 1, 20 * size)
        draws, noise = [], []
        for _ in range(16):
            source = np.repeat(rng.integers(0, size, size), 1)
            value = real[source] + rng.normal(0, 1, size)
            draws.append(value.mean())
            noise.append(paired_variance(value, source=source))
        own = paired_variance(main, source=np.repeat(np.arange(size), 20))
        interval = outer_interval(main.mean(), np.array(draws), np.array(noise), own, 0.95)
        hits += interval.low <= 0 <= interval.high
    assert 0.90 <= hits / trials <= 0.99


def test_normal_interval_is_1_96_standard_errors() -> None:
    interval = normal_interval(10.0, 4.0, 0.95)
    assert (interval.high - 10) / 2 == pytest.approx(1.959964, abs=1e-6)


def test_outer_interval_adds_components_and_keeps_the_main_estimate_in_the_middle() -> None:
    draws = np.array([9.0, 11.0, 10.0, 14.0])
    interval = outer_interval(10.0, draws, np.full(4, 1.0), 0.25, 0.95)
    between = draws.var(ddof=1) - 1.0
    assert 3 * (between / draws.var(ddof=1)) ** 2 < 2, "Satterthwaite's degrees of freedom, at least 2"
    half = stats.t.ppf(0.975, 2) * np.sqrt(between + 0.25)
    assert interval.low == pytest.approx(10 - half) and interval.high == pytest.approx(10 + half)


def test_outer_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Truth 0; effects scatter by 1, small draws add noise of sd 2, the main run noise of sd 0.5."""
    rng, hits, trials = np.random.default_rng(7), 0, 600
    for _ in range(trials):
        # The main run stands at the assumed effects; the truth is one more draw of them.
        truth = rng.normal(0, 1)
        main = rng.normal(0, 0.5)
        draws = rng.normal(0, 1, 40) + rng.normal(0, 2, 40)
        interval = outer_interval(main, draws, np.full(40, 4.0), 0.25, 0.95)
        hits += interval.low <= truth <= interval.high
    assert hits / trials >= 0.93


def test_no_draws_leave_the_noise_of_the_run() -> None:
    assert outer_interval(1.0, np.array([]), np.array([]), 0.04, 0.95) == normal_interval(1.0, 0.04, 0.95)


NOTHING = np.zeros((2, 2))


def test_probability_best_without_draws_or_noise_is_the_main_run() -> None:
    none = np.zeros((0, 2))
    np.testing.assert_array_equal(probability_best(np.array([1.0, 2.0]), NOTHING, none, np.zeros((0, 2, 2))), [0, 1])
    np.testing.assert_array_equal(
        probability_best(np.array([2.0, 2.0]), NOTHING, none, np.zeros((0, 2, 2))), [0.5, 0.5]
    )


def test_probability_best_has_the_main_runs_noise() -> None:
    """One strategy 1 behind with standard error 2: the normal's tail above 0.5."""
    p = probability_best(
        np.array([1.0, 0.0]), np.array([[0.0, 4.0], [4.0, 0.0]]), np.zeros((0, 2)), np.zeros((0, 2, 2))
    )
    assert p[1] == pytest.approx(stats.norm.sf(0.5), abs=4 * 0.5 / np.sqrt(4096))


def test_probability_best_counts_exact_draws() -> None:
    """No simulation noise: the differences scatter around the main run's as they do in the draws."""
    draws = np.array([[0.0, 1.0], [0.0, -1.0], [0.0, 1.0], [0.0, -1.0]])
    np.testing.assert_allclose(probability_best(np.array([0.5, 0.0]), NOTHING, draws, np.zeros((4, 2, 2))), [0.5, 0.5])
    assert probability_best(np.array([1.5, 0.0]), NOTHING, draws, np.zeros((4, 2, 2))).tolist() == [1.0, 0.0]


def test_probability_best_does_not_sell_the_luck_of_small_draws_as_doubt() -> None:
    """Two strategies 0.5 apart in draws that scatter by no more than their noise of sd 3."""
    rng = np.random.default_rng(0)
    luck = rng.normal(0, 2.9, 200)
    draws = np.stack([np.zeros(200), -0.5 + luck], axis=1)
    assert probability_best(np.array([0.5, 0.0]), NOTHING, draws, np.full((200, 2, 2), 9.0))[0] == 1.0


def test_flip_is_where_the_lead_crosses_zero_nearest_to_today() -> None:
    assert flip({0.0: -2.0, 1.0: 2.0, 2.0: 4.0}, 1.0) == pytest.approx(0.5)
    assert flip({0.0: 1.0, 1.0: 2.0}, 1.0) is None
    assert flip({0.0: -1.0, 1.0: 1.0, 2.0: -3.0}, 1.2) == pytest.approx(1.25)
