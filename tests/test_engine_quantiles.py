"""The quantile table of gamma noise against scipy.stats.gamma, over every one of the 2^23 uniforms.

Sources: scipy's quantile function; closed moments E[X^k] = Gamma(p + k) / Gamma(p) p^-k; exhaustive sums.
"""

import numpy as np
import pytest
from engine_worlds import m0_world
from scipy import special, stats

from engine import OrderValue, WorldError
from engine._jit import kernel
from engine.noise import make_spread, noise_sum
from engine.quantiles import BINS, SIDE, grid, noise_quantile, noise_table
from engine.rng import NOISE, philox
from engine.tables import make_tables

WORDS = np.arange(2**23, dtype=np.uint32) << np.uint32(9)
UNIFORMS = (2 * np.arange(2**23) + 1) * 2.0**-24

# p, greatest relative error of a quantile above 0.001, relative errors of moments 2, 3, 4
ACCURACY = [
    (0.3, 2.5e-4, (2e-5, 7e-5, 2.5e-4)),
    (0.65, 4e-5, (8e-6, 3e-5, 1e-4)),
    (1.0, 2e-5, (4e-6, 1.5e-5, 6e-5)),
    (6.25, 6e-6, (7e-7, 1.2e-6, 6e-7)),
]


@kernel
def look_up(words, table, out):
    for j in range(len(words)):
        out[j] = noise_quantile(words[j], table)


def all_values(shape):
    out = np.empty(len(WORDS), np.float32)
    look_up(WORDS, noise_table(shape), out)
    return out


@pytest.mark.parametrize(("p", "error", "moments"), ACCURACY)
def test_quantiles_and_moments(p, error, moments):
    values = all_values(p)
    assert (np.diff(values) >= 0).all()
    x = values.astype(float)
    assert abs(x.mean() - 1) < 1e-8
    for k, allowed in zip((2, 3, 4), moments, strict=True):
        exact = np.exp(special.gammaln(p + k) - special.gammaln(p)) / p**k
        assert abs((x**k).mean() / exact - 1) < allowed
    some = np.unique(np.r_[0:2000, 0 : 2**23 : 61, 2**23 - 2000 : 2**23])
    u = UNIFORMS[some]
    law = stats.gamma(p, scale=1 / p)
    exact = np.where(u < 0.5, law.ppf(u), law.isf(1 - u))
    seen = exact > 1e-3
    assert np.abs(x[some][seen] / exact[seen] - 1).max() < error


@pytest.mark.parametrize("p", [0.05, 0.3, 0.65, 1.0, 6.25, 400.0])
def test_tails_against_scipy(p):
    """The CDF of the tabulated value at u is u: as near as 0.2 % of the tail's own size, down to 1e-5 and to 2^-24."""
    law = stats.gamma(p, scale=1 / p)
    tails = np.array([2.0**-24, 1e-6, 1e-5, 1e-3, 0.05, 0.3])
    m = np.floor(tails * 2**23).astype(np.uint32)
    table = noise_table(p)
    for place, u in zip(m, UNIFORMS[m], strict=True):
        low = float(noise_quantile(np.uint32(place << np.uint32(9)), table))
        high = float(noise_quantile(~np.uint32(place << np.uint32(9)), table))
        assert law.sf(high) == pytest.approx(u, rel=2e-3)
        if low > 1e-37:
            assert law.cdf(low) == pytest.approx(u, rel=2e-3)


@pytest.mark.parametrize("p", [1e-3, 0.05, 3e3, 1e6])
def test_far_shapes_keep_mean_and_order(p):
    """Finite, mean 1, rising but for float32 rounding, variance 1 / p within 0.1 %."""
    x = all_values(p).astype(float)
    assert (x >= 0).all()
    assert np.isfinite(x).all()
    assert abs(x.mean() - 1) < 1e-8
    assert np.diff(x).min() >= -2e-7
    assert x.var() * p == pytest.approx(1, rel=1e-3)


def test_weights_count_every_uniform():
    """Against the exhaustive sum of random functions linear in each bin."""
    v, weight = grid()
    half = UNIFORMS[: 2**22]
    for seed in range(3):
        height = np.random.default_rng(seed).normal(size=SIDE)
        assert weight @ height == pytest.approx(np.interp(half, v, height).sum() * 2.0**-23, abs=1e-12)
    assert weight.sum() == 0.5
    assert len(v) == 23 * BINS + 1


def test_compiled_and_interpreted_agree():
    words = np.r_[WORDS[:300], WORDS[-300:], WORDS[2**22 - 9 : 2**22 + 9], WORDS[::40_009]] | np.uint32(77)
    out = np.empty(len(words), np.float32)
    for p in (0.3, 6.25):
        look_up(words, noise_table(p), out)
        np.testing.assert_array_equal(out, [noise_quantile(w, noise_table(p)) for w in words])


def test_orders_take_their_words():
    """Orders 0 and 1 from the period's words 2 and 3, order 2 + i from word i % 4 of NOISE draw i // 4."""
    spread, key, period = make_spread(OrderValue("gamma", 2.0)), 5 << 32 | 9, 3
    own = [np.uint32(123456789), np.uint32(3987654321)]
    later = [np.uint32(w) for d in range(3) for w in philox((9, 5, period, NOISE << 24 | d), (7, 8))]
    total = np.float32(0)
    for k, word in enumerate([*own, *later]):
        total += noise_quantile(word, spread.quantiles)
        got = noise_sum(k + 1, *own, np.uint64(key), np.uint64(period), np.uint64(7), np.uint64(8), spread)
        assert got == total


def test_a_shape_beyond_the_table_is_refused():
    for shape in (9e-4, 2e6):
        with pytest.raises(WorldError, match=r"order_value\.shape of a gamma: expected 0\.001 to 1e\+06, got"):
            make_tables(m0_world(noise=OrderValue("gamma", shape)))
