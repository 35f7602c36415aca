"""Concentration against closed forms."""

import numpy as np
import pytest

from engine.concentration import gini, lorenz, top_share
from engine.errors import PopulationError


def test_exponential_amounts():
    """Gini 1/2; Lorenz p + (1 - p) log(1 - p); the top tenth holds (1 + log 10) / 10 = 33.03 %."""
    n = 200_000
    totals = -np.log(1 - (np.arange(n) + 0.5) / n)  # quantiles: no sampling error
    people, held = lorenz(totals)
    inner = slice(1, -1)
    p = people[inner]
    np.testing.assert_allclose(held[inner], p + (1 - p) * np.log(1 - p), atol=1e-4)
    assert gini(totals) == pytest.approx(0.5, abs=1e-4)
    assert top_share(totals) == pytest.approx((1 + np.log(10)) / 10, abs=1e-4)


def test_gamma_rates_of_shape_two():
    """Gini of Gamma(2) is 3/8; 4 standard errors at this size are 0.004."""
    assert gini(np.random.default_rng(1).gamma(2.0, 1.0, 200_000)) == pytest.approx(0.375, abs=0.004)


def test_equal_and_lone_holders():
    assert gini(np.ones(7)) == pytest.approx(0) and top_share(np.ones(10)) == pytest.approx(0.1)
    assert gini(np.array([0, 0, 0, 5])) == pytest.approx(0.75)
    for bad in ([], [0, 0], [1, -1], [np.inf, 1]):
        with pytest.raises(PopulationError, match="expected finite amounts >= 0, not all 0"):
            gini(np.array(bad))
