"""Classical models against published numbers: CDNOW, 1/10 sample, weeks, calibration to 1997-09-30, holdout to 1998-06-30.

Sources: Fader, Hardie & Lee (2005); Fader & Hardie's notes on the Pareto/NBD (2005) and the Gamma-Gamma model (2013).
"""

from __future__ import annotations

import importlib.metadata

import numpy as np
import pytest

from engine.calibration.bg_nbd import BgNbd, fit_bg_nbd
from engine.calibration.gamma_gamma import GammaGamma, fit_gamma_gamma
from engine.calibration.nbd import fit_nbd
from engine.calibration.pareto_nbd import ParetoNbd, fit_pareto_nbd
from engine.calibration.purchase_summary import PurchaseSummary, purchase_summary
from engine.errors import CalibrationError

LAST_DAY = 272  # 1997-09-30, days since 1997-01-01
PARETO = ParetoNbd(0.55328, 10.57768, 0.60624, 11.66873)
BG = BgNbd(0.24259, 4.4136, 0.79292, 2.42591)


def one(x: float, t_x: float, age: float) -> PurchaseSummary:
    return PurchaseSummary(np.zeros(1, np.int32), np.array([x]), np.array([t_x]), np.array([age]))


@pytest.fixture(scope="module")
def cdnow():
    try:
        importlib.metadata.distribution("Lifetimes")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the package Lifetimes is not installed")
    from scenarios.purchases import read_purchases

    log = read_purchases("cdnow-sample")
    summary = purchase_summary(log.customer, log.day, LAST_DAY)
    holdout = np.bincount(log.customer[log.day > LAST_DAY], minlength=len(log.customer_ids)).astype(float)
    return log, summary, holdout


def test_summary_of_the_sample(cdnow):
    _, s, holdout = cdnow
    assert (len(s.x), s.x.sum(), holdout.sum()) == (2357, 2457, 1882)
    assert s.age.min() == 27 and s.age.max() == pytest.approx(38.857, abs=1e-3)
    assert np.bincount(np.minimum(s.x.astype(int), 7)).tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]


def test_summary_by_hand():
    customer = np.array([0, 0, 0, 0, 1, 2], np.int32)
    day = np.array([0, 7, 7, 30, 5, 40], np.int32)
    s = purchase_summary(customer, day, 28)  # two orders on one day count once; day 30 and customer 2 are later
    assert s.customer.tolist() == [0, 1]
    assert s.x.tolist() == [1, 0] and s.t_x.tolist() == [1, 0] and s.age.tolist() == pytest.approx([4, 23 / 7])


def test_nbd(cdnow):
    _, s, _ = cdnow
    m = fit_nbd(s.x, s.age)
    assert m.r == pytest.approx(0.38477, abs=5e-6)
    assert m.alpha == pytest.approx(12.0720, abs=5e-5)
    assert m.log_likelihood == pytest.approx(-9763.6576, abs=5e-5)
    assert m.expected(s.x, s.age, 39).sum() == pytest.approx(2929.8, abs=0.05)


def test_bg_nbd(cdnow):
    _, s, holdout = cdnow
    m = fit_bg_nbd(s)
    assert (m.r, m.a, m.b) == pytest.approx((0.24259, 0.79292, 2.42591), abs=2e-5)
    assert m.alpha == pytest.approx(4.4136, abs=1e-4)
    assert m.log_likelihood == pytest.approx(-9582.4292, abs=5e-5)
    forecast = m.expected_next(s, 39)
    assert forecast.sum() == pytest.approx(1653.4, abs=0.05)
    assert np.abs(forecast - holdout).mean() == pytest.approx(0.7855, abs=5e-5)
    assert np.sqrt(((forecast - holdout) ** 2).mean()) == pytest.approx(1.6080, abs=5e-5)
    assert m.expected(52) == pytest.approx(1.44401, abs=5e-6)


def test_pareto_nbd(cdnow):
    _, s, holdout = cdnow
    m = fit_pareto_nbd(s)
    assert (m.r, m.s) == pytest.approx((0.55328, 0.60624), abs=2e-5)
    assert (m.alpha, m.beta) == pytest.approx((10.57768, 11.66873), abs=1e-3)
    assert m.log_likelihood == pytest.approx(-9594.9762, abs=5e-5)
    forecast = m.expected_next(s, 39)
    assert forecast.sum() == pytest.approx(1665.5, abs=0.05)
    assert np.abs(forecast - holdout).mean() == pytest.approx(0.7545, abs=5e-5)
    assert np.sqrt(((forecast - holdout) ** 2).mean()) == pytest.approx(1.6028, abs=5e-5)
    assert m.expected(52) == pytest.approx(1.47343, abs=5e-6)


def test_customer_1516():
    s = one(26, 30.857, 31)
    assert PARETO.expected_next(s, 52)[0] == pytest.approx(25.456, abs=2e-3)
    assert PARETO.alive(s)[0] == pytest.approx(0.997874, abs=2e-5)
    assert BG.expected_next(s, 52)[0] == pytest.approx(25.757, abs=2e-3)
    assert BG.alive(s)[0] == pytest.approx(0.96885, abs=2e-5)


@pytest.mark.parametrize(
    ("model", "values"),
    [(PARETO, (0.7062, 0.1442, 0.02251, 0.003093)), (BG, (0.3475, 0.04283, 0.004159, 0.000358))],
)
def test_increasing_frequency_paradox(model, values):
    """With the last purchase in week 20 of 39, more purchases before make the customer more surely dead: next 52 weeks."""
    for x, value in zip((10, 15, 20, 25), values, strict=True):
        assert model.expected_next(one(x, 20, 39), 52)[0] == pytest.approx(value, rel=2e-3)


def test_bg_nbd_curve_of_a_new_customer():
    for t, value in zip((0.1429, 1, 3, 31.8571, 32, 78), (0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576), strict=True):
        assert BG.expected(t) == pytest.approx(value, abs=5e-5, rel=2e-4)


def test_bg_nbd_rounded_parameters():
    m = BgNbd(0.243, 4.414, 0.793, 2.426)
    assert [m.expected(t) for t in (39, 52, 78)] == pytest.approx([1.196723, 1.446051, 1.860519], abs=1e-6)
    assert m.expected_next(one(2, 30.43, 38.86), 39)[0] == pytest.approx(1.226, abs=5e-4)


def test_bg_nbd_calls_one_time_buyers_alive(cdnow):
    _, s, _ = cdnow
    assert (BG.alive(s)[s.x == 0] == 1).all()
    assert BG.alive(s).mean() == pytest.approx(0.813, abs=1e-3)
    assert PARETO.alive(s).mean() == pytest.approx(0.446, abs=1e-3)


def test_gamma_gamma(cdnow):
    log, s, _ = cdnow
    first = np.full(len(log.customer_ids), np.iinfo(np.int32).max)
    np.minimum.at(first, log.customer, log.day)
    repeat = (log.day <= LAST_DAY) & (log.day > first[log.customer])
    spend = np.bincount(log.customer[repeat], weights=log.amount[repeat], minlength=len(first))
    m = fit_gamma_gamma(s.x, spend / np.maximum(s.x, 1))
    assert np.count_nonzero((s.x > 0) & (spend > 0)) == 946
    assert m.p == pytest.approx(6.2496, abs=1e-4)
    assert m.q == pytest.approx(3.7442, abs=1e-4)
    assert m.gamma == pytest.approx(15.4435, abs=1e-3)
    assert m.log_likelihood == pytest.approx(-4055.9177, abs=5e-5)
    assert m.mean == pytest.approx(35.17, abs=5e-3)
    assert m.expected(np.array([2.0]), np.array([80.0]))[0] == pytest.approx(39.14, abs=1e-2)


def test_gamma_gamma_does_not_care_for_the_currency():
    random = np.random.default_rng(5)
    orders = random.integers(1, 9, 400).astype(float)
    mean = random.gamma(4 * orders) / (orders * random.gamma(3.0, size=400))
    cents, euros = fit_gamma_gamma(orders, 100 * mean), fit_gamma_gamma(orders, mean)
    assert (cents.p, cents.q, cents.gamma / 100) == pytest.approx((euros.p, euros.q, euros.gamma), rel=1e-5)


def test_gamma_gamma_planted():
    random = np.random.default_rng(7)
    orders = random.integers(1, 30, 20_000).astype(float)
    nu = random.gamma(3.4, 1 / 60.0, 20_000)
    m = fit_gamma_gamma(orders, random.gamma(2.0 * orders) / nu / orders)
    assert (m.p, m.q, m.gamma) == pytest.approx((2.0, 3.4, 60.0), rel=0.05)  # standard errors 0.01 to 0.02
    assert GammaGamma(2.0, 0.9, 1.0, 0.0).mean == np.inf


@pytest.mark.parametrize("fit", [fit_bg_nbd, fit_pareto_nbd])
def test_no_repeat_purchases(fit):
    with pytest.raises(CalibrationError, match="expected repeat purchases, got none"):
        fit(PurchaseSummary(np.zeros(2, np.int32), np.zeros(2), np.zeros(2), np.ones(2)))


def test_constant_values():
    with pytest.raises(CalibrationError, match="3 or more customers whose orders differ in value"):
        fit_gamma_gamma(np.ones(5), np.full(5, 3.0))
