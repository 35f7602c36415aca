"""Traits of leaving that are in doubt: their distribution, and values that are means over it."""

import numpy as np
import pytest
from life_worlds import rich_dynamics
from scipy.stats import beta, gamma
from test_outlook import WEEK, N, an_arm, lively

from engine import Simulation
from engine.doubt import rounded, trait_distribution
from engine.dynamics import ArmDynamics, Attrition, Dynamics
from engine.levels import between, mixed
from engine.outlook import outlook
from engine.valuation import future_value, value_tables

PRIORS = {"bg_nbd": (0.79, 2.43), "sbg": (0.668, 3.806), "pareto_nbd": (0.61, 11.7)}


def posterior(model, lived, left):
    """Conjugate, from scipy: the trait given that he was asked so often and stayed, or left at the last."""
    first, second = PRIORS[model]
    if model == "pareto_nbd":
        return gamma(first + left, scale=1 / (second + lived))
    return beta(first + left, second + max(lived, left) - left)


@pytest.mark.parametrize("model", list(PRIORS))
@pytest.mark.parametrize(("lived", "left"), [(0, 0), (7, 0), (40, 0), (0, 1), (5, 1)])
def test_the_distribution_keeps_mean_and_expectations(model, lived, left):
    """The mean exactly; means of what values are made of, 1 / (0.002 + x) and exp(-20 x), within 1 %."""
    x, p = trait_distribution(Attrition(model, 1, prior=PRIORS[model]), lived, left)
    known = posterior(model, lived, left)
    assert p.min() >= -1e-12 and p.sum() == pytest.approx(1)
    assert p @ x == pytest.approx(known.mean(), rel=1e-6)
    u = (np.arange(200_000) + 0.5) / 200_000
    drawn = known.ppf(u)
    for f in (lambda v: 1 / (0.002 + v), lambda v: np.exp(-20 * v)):
        assert p @ f(x) == pytest.approx(f(drawn).mean(), rel=0.01)


@pytest.mark.parametrize("shape", [50, 200, 1000, 10_000])
def test_a_trait_that_is_nearly_known_keeps_its_mean_and_spread(shape):
    """Gamma(s, rate 20 s): mean 1/20, deviation mean / sqrt(s), within a tenth."""
    x, p = trait_distribution(Attrition("pareto_nbd", 1, prior=(shape, 20.0 * shape)), 0, 0)
    mean = p @ x
    assert mean == pytest.approx(0.05, rel=1e-6)
    assert np.sqrt(p @ (x - mean) ** 2) == pytest.approx(0.05 / np.sqrt(shape), rel=0.1)


def test_counts_are_exact_while_they_matter():
    count = np.arange(5000)
    assert (rounded(count[:64]) == count[:64]).all()
    assert np.abs(rounded(count[64:]) / count[64:] - 1).max() < 1 / 31


def test_a_mixture_is_the_mean_of_its_levels():
    """Against the look-up of each point of the distribution, one by one: the slow twin."""
    world = rich_dynamics(0)
    attrition = Attrition("bg_nbd", 3, prior=PRIORS["bg_nbd"])
    levels = value_tables(world).levels
    table = np.random.default_rng(1).normal(0, 1, len(levels.grid))
    scales = np.array([0.0, 0.3, 2.0])
    out = mixed(levels, attrition, scales, (4, 0, 0.0, 1.0)) @ table
    for scale, value in zip(scales, out, strict=True):
        mean = 0.0
        for x, p in zip(*trait_distribution(attrition, 4, 0), strict=True):
            low, part = between(levels.grid, np.array([scale * x]), 0.01)
            mean += p * ((1 - part[0]) * table[low[0]] + part[0] * table[low[0] + 1])
        assert value == pytest.approx(mean, rel=1e-9, abs=1e-12)


UP = {"tier_step": 1, "tier_probability": 0.6}


@pytest.mark.parametrize(("model", "kind"), [(m, k) for m in PRIORS for k in ("tier", "retention")])
def test_a_planner_in_doubt_is_right_on_average(model, kind):
    """He knows the trait's distribution alone; what comes about is the mean over customers drawn from it, |z| <= 4 and 1 %.

    At the mean of the trait he would promise a third to a half of what a tier brings.
    """
    first, second = PRIORS[model]
    rng = np.random.default_rng(4)
    drawn = rng.gamma(first, 1 / second, N) if model == "pareto_nbd" else rng.beta(first, second, N)
    dynamics = Dynamics(Attrition(model, 5, prior=(first, second)), tiers=np.array([1.0, 1.5, 2.5]))
    arm = an_arm("retention") if kind == "retention" else an_arm("lift", ArmDynamics(**UP))
    w, population = lively(dynamics, arm, dropout=drawn, tier=rng.integers(0, 3, N))
    population.traits.rate *= np.float32(0.2)
    tables, known = value_tables(w), population.copy()
    known.life.lived = np.zeros(N, np.uint16)
    planned = outlook(w, tables, known, arm, 0).value
    runs = []
    for plan in (np.zeros(N, np.uint8), np.ones(N, np.uint8)):
        run = Simulation(w, population, seed=3)
        run.advance(w.horizon, plan)
        end = future_value(tables, run.population, w, w.horizon) * WEEK**w.horizon
        runs.append(run.margin + end)
    error = runs[1] - runs[0] - planned
    noise = error.std() / np.sqrt(N)
    assert abs(error.mean()) <= 4 * noise + 0.01 * abs(planned.mean())
    if kind == "tier":
        known.life.lived = None
        known.life.dropout = np.full(N, posterior(model, 0, 0).mean(), np.float32)
        assert outlook(w, tables, known, arm, 0).value.mean() < 0.7 * planned.mean()
