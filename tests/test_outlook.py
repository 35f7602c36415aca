"""Planner's values in worlds with dynamics against the plain ones, and against the simulator."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
from paired import comes_about, value_and_cost
from test_valuation import ARMS, WEEK, _filled, world

from engine import Arm, Fatigue, Simulation, make_population
from engine.dynamics import ArmDynamics, Attrition, Channel, Competition, Dynamics, Pantry, Tilt
from engine.life import make_life
from engine.outlook import outlook
from engine.valuation import candidate, future_value, value_tables

N = 60_000
GATE = np.array([[0.0, 0.7], [0.0, 0.0]])


def people(n=N, seed=5):
    rng = np.random.default_rng(seed)
    return make_population(
        rate=rng.gamma(2, 0.5, n),
        order_value=rng.gamma(4, 10, n),
        segment=rng.integers(0, 5, n),
        responsiveness=rng.normal(0, 0.5, n),
        headroom=np.stack([np.zeros(n), rng.gamma(2, 4, n)], axis=1),
        owned=np.full(n, 1),
    )


def lively(dynamics, arm, horizon=8, **traits):
    w = replace(world(arm, 0.5, horizon, categories=("x", "y"), complementarity=GATE), dynamics=dynamics)
    population = people()
    population.life = make_life(population.state.segment, w, **traits)
    return w, population


def an_arm(name, more=None, **changes):
    return Arm(
        "a/b",
        "a",
        "b",
        contact_cost=0.3,
        response=np.full(6, 0.5),
        **_filled({"duration": 3} | ARMS[name] | ({"more": more} if more else {}) | changes),
    )


@pytest.mark.parametrize("name", list(ARMS))
def test_neutral_dynamics_give_the_plain_candidate(name):
    arm = an_arm(name)
    w, population = lively(Dynamics(), arm)
    tables = value_tables(w)
    plain, ours = candidate(w, tables, population, arm, 2), outlook(w, tables, population, arm, 2)
    for f in dataclasses.fields(plain):
        np.testing.assert_allclose(getattr(ours, f.name), getattr(plain, f.name), rtol=1e-9, atol=1e-9)


RNG = np.random.default_rng(2)
CASES = {
    "bg_nbd": (Dynamics(Attrition("bg_nbd", 5)), "lift", {}, {"dropout": RNG.beta(1, 6, N)}),
    "bg_nbd held": (Dynamics(Attrition("bg_nbd", 5)), "retention", {}, {"dropout": RNG.beta(1, 6, N)}),
    "pareto_nbd": (Dynamics(Attrition("pareto_nbd", 5)), "lift", {}, {"dropout": RNG.gamma(1, 0.1, N)}),
    "pareto_nbd held": (Dynamics(Attrition("pareto_nbd", 5)), "retention", {}, {"dropout": RNG.gamma(1, 0.1, N)}),
    "sbg": (Dynamics(Attrition("sbg", 5)), "retention", {}, {"dropout": RNG.beta(0.7, 1.2, N)}),
    "sbg yearly": (
        Dynamics(Attrition("sbg", 5, 4)),
        "retention",
        {},
        {"dropout": RNG.beta(0.7, 1.2, N), "renewal": RNG.integers(0, 4, N)},
    ),
    "tilt": (
        Dynamics(tilt=Tilt(np.array([0.0, -0.5, 0.0, 0.5, 1.0, -1.0]))),
        "lift",
        {"tilt_response": 0.8, "tilt_contact": -0.4},
        {},
    ),
    "tiers": (
        Dynamics(tiers=np.array([1.0, 1.5, 2.5])),
        "lift",
        {"tier_step": 1, "tier_probability": 0.6},
        {"tier": RNG.integers(0, 3, N)},
    ),
    "breadth": (Dynamics(breadth=0.3), "cross-sell", {"cannibalises": 0.2}, {}),
    "share": (
        Dynamics(competition=Competition(np.array([0.3]))),
        "lift",
        {"share_shift": 0.7},
        {"share": RNG.uniform(0.2, 0.9, N)},
    ),
    "pantry": (Dynamics(pantry=Pantry(0.4, 1.0)), "lift", {}, {}),
}
CHANGES = {"pantry": {"duration": 1}}
SLOW = {
    "bg_nbd": 0.2,
    "pantry": 4.0,
}  # factor on rates: extra orders and dropping out are named approximations at high rates


@pytest.mark.parametrize("name", list(CASES))
def test_planned_value_and_cost_are_realised_under_full_knowledge(name):
    """One epoch, paired on common random numbers: |z| <= 4 plus 1 % of the value for the named approximations
    (levels between grid points; an order paid back at once rather than within a few weeks; BG/NBD's extra orders)."""
    dynamics, kind, more, traits = CASES[name]
    arm = an_arm(kind, ArmDynamics(**more), **CHANGES.get(name, {}))
    w, population = lively(dynamics, arm, **traits)
    population.traits.rate *= np.float32(SLOW.get(name, 1.0))
    planned = outlook(w, value_tables(w), population, arm, 0)
    none, every = value_and_cost(w, population)
    comes_about(every[0] - none[0], planned.value)
    comes_about(every[1], planned.cost)


UP = np.array([0.0, -0.5, 0.0, 0.5, 1.0, -1.0])


@pytest.mark.parametrize(
    ("tilt", "trust", "further"),
    [
        (Tilt(UP, fatigue=0.5), 0.0, {}),
        (Tilt(UP, fatigue=0.5), 0.0, {"tilt_response": 0.8, "tilt_contact": -0.4}),
        (Tilt(UP, trust=0.6), -1.0, {}),
        (Tilt(UP, trust=0.6), 1.0, {"tilt_response": 0.3}),
    ],
    ids=["fatigue", "fatigue and tilts", "lost trust", "earned trust"],
)
def test_what_a_contact_leaves_behind_comes_about(tilt, trust, further):
    """Fatigue and trust of one contact decay over the periods, also of one that does not arrive: |z| <= 4 and 1 %.

    Charged at once, what fatigue took was 1.7 of what it is, lost trust 5 times as much."""
    dynamics = Dynamics(tilt=tilt, trust_decay=0.8, channels=(Channel(reach=0.7),))
    arm = an_arm("lift", ArmDynamics(channel=0, trust=trust, **further))
    w, population = lively(dynamics, arm, horizon=16)
    w = replace(w, fatigue=Fatigue(0.7, 0.3))
    planned = outlook(w, value_tables(w), population, arm, 0).value
    none, every = value_and_cost(w, population)
    comes_about(every[0] - none[0], planned)


@pytest.mark.parametrize("name", ["bg_nbd", "pareto_nbd", "sbg yearly", "tiers", "breadth", "share"])
def test_value_without_offers_is_what_the_simulator_earns(name):
    """V0 at the start = margin within the horizon + V0 at its end, |z| <= 4 and 1 % for levels between grid points."""
    dynamics, _, _, traits = CASES[name]
    w, population = lively(dynamics, None, horizon=26, **traits)
    tables = value_tables(w)
    run = Simulation(w, population, seed=3)
    run.advance(26)
    realised = run.margin + future_value(tables, run.population, w, 26) * WEEK**26
    error = realised - future_value(tables, population, w, 0)
    assert abs(error.mean()) <= 4 * error.std() / np.sqrt(N) + 0.01 * realised.mean()


@pytest.mark.parametrize("decay", [0.0, 0.7])
def test_fatigue_that_nobody_has_moves_nobody(decay):
    """Without a fatigue policy contacts are not counted: the tilt by fatigue is worth nothing, planned as simulated."""
    arm = an_arm("lift")
    w, population = lively(Dynamics(tilt=Tilt(UP, fatigue=0.5)), arm)
    plain, _ = lively(Dynamics(tilt=Tilt(UP)), arm)
    w, plain = (replace(x, fatigue=Fatigue(decay, 0.0)) for x in (w, plain))
    values = [outlook(x, value_tables(x), population, arm, 0).value for x in (w, plain)]
    ones, runs = np.ones(N, np.uint8), []
    for x in (w, plain):
        run = Simulation(x, population, seed=3)
        run.advance(8, ones)
        runs.append(run.margin)
    assert (np.array_equal(*values), np.array_equal(*runs)) == ((decay == 0,) * 2)
