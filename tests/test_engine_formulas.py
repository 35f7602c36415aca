"""Scalar formulas against the float64 library, and compiled against interpreted: the same bits."""

import numpy as np
import pytest
from scipy import stats

from engine import formulas
from engine._jit import kernel

X = np.linspace(-86.9, 86.9, 40_001).astype(np.float32)
POWERS = np.linspace(-125, 125, 40_001).astype(np.float32)
POSITIVE = np.exp(np.linspace(-80, 80, 40_001)).astype(np.float32)
UNIT = ((2 * np.arange(0, 2**23, 211) + 1) * 2.0**-24).astype(np.float32)


@kernel
def run_exp32(x, out):
    for j in range(len(x)):
        out[j] = formulas.exp32(x[j])


@kernel
def run_power2(x, out):
    for j in range(len(x)):
        out[j] = formulas.power2(x[j])


@kernel
def run_log32(x, out):
    for j in range(len(x)):
        out[j] = formulas.log32(x[j])


@kernel
def run_cos(x, out):
    for j in range(len(x)):
        out[j] = formulas.cos_sin(x[j])[0]


@kernel
def run_sin(x, out):
    for j in range(len(x)):
        out[j] = formulas.cos_sin(x[j])[1]


@kernel
def run_orders(u, rate, out):
    for j in range(len(u)):
        out[j] = formulas.orders(u[j], rate)


def angle(u):
    return 2 * np.pi * u.astype(np.float64)


@pytest.mark.parametrize(
    ("run", "plain", "x", "exact", "relative"),
    [
        (run_exp32, formulas.exp32, X, np.exp(X.astype(np.float64)), True),
        (run_power2, formulas.power2, POWERS, np.exp2(POWERS.astype(np.float64)), True),
        (run_log32, formulas.log32, POSITIVE, np.log(POSITIVE.astype(np.float64)), False),
        (run_cos, lambda u: formulas.cos_sin(u)[0], UNIT, np.cos(angle(UNIT)), False),
        (run_sin, lambda u: formulas.cos_sin(u)[1], UNIT, np.sin(angle(UNIT)), False),
    ],
    ids=["exp", "power of 2", "log", "cos", "sin"],
)
def test_elementary_functions(run, plain, x, exact, relative):
    """2e-7 relative for exp, powers of 2 and small logarithms, absolute for cos and sin; logarithms grow to 80."""
    out = np.empty_like(x)
    run(x, out)
    scale = np.abs(exact) if relative else np.maximum(np.abs(exact), 1)
    assert (np.abs(out - exact) / scale).max() < 2e-7
    some = slice(None, None, 97)
    np.testing.assert_array_equal(out[some], [plain(v) for v in x[some]])


def test_exp64_against_the_library():
    x = np.linspace(-600, 600, 5001)
    assert max(abs(formulas.exp64(v) / np.exp(v) - 1) for v in x) < 1e-15


def test_logistic_is_certain_at_the_ends():
    assert formulas.logistic(np.float32(np.inf)) == 1
    assert formulas.logistic(np.float32(-np.inf)) < UNIT[0]
    assert formulas.logistic(np.float32(0)) == 0.5


@pytest.mark.parametrize("rate", [0.0, 1e-6, 0.05, 0.3, 1.0, 2.5, 10.0, 40.0, 50.0, 400.0])
def test_poisson_inverse_cdf(rate):
    """scipy's Poisson; equal but where u lies within 2e-7 of a step of the CDF: float32 sums of the head."""
    u = UNIT[::7]
    out = np.empty(len(u), np.uint32)
    run_orders(u, np.float32(rate), out)
    exact = stats.poisson.ppf(u.astype(np.float64), float(np.float32(rate)))
    different = out != exact
    nearest = np.minimum(
        *(np.abs(stats.poisson.cdf(out[different] - d, np.float32(rate)) - u[different]) for d in (0.0, 1.0))
    )
    assert (nearest < 2e-7).all()
    assert different.mean() < 1e-5
    assert (np.diff(out.astype(int)) >= 0).all()
    some = slice(None, None, 97)
    np.testing.assert_array_equal(out[some], [formulas.orders(v, np.float32(rate)) for v in u[some]])


def test_micro_rounds_half_to_even():
    amounts = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 2.4999999, 1e15 + 0.5, -1e15, 0.0])
    np.testing.assert_array_equal([formulas.micro(a) for a in amounts], np.rint(amounts).astype(np.int64))


def test_normals_have_their_distribution():
    """Kolmogorov-Smirnov of both halves of a Box-Muller pair, and no correlation of the pair."""
    w = np.random.default_rng(5).integers(0, 2**32, (2, 10_000), dtype=np.uint32)
    pairs = np.array([formulas.normals(a, b) for a, b in w.T])
    for half in pairs.T:
        assert stats.kstest(half, stats.norm.cdf).pvalue > 1e-4
    assert abs(np.corrcoef(pairs.T)[0, 1]) * 100 < 4
