"""Low-to-high upgrades: counted by hand, rare without offers, and what one more costs."""

from types import SimpleNamespace

import numpy as np
import pytest

from engine import Segments
from scenarios.building import build_world
from scenarios.customers import customer_base
from scenarios.jobs import Setup, Stages
from scenarios.lives import draw_customers
from scenarios.loading import load
from scenarios.report.people import parts
from scenarios.run import Options, run
from scenarios.strategies.optimising import Greedy, Nobody
from scenarios.upgrades import high_segments, upgrades

SEGMENTS = Segments(
    ("light", "heavy", "gone"), np.eye(3), np.array([0.1, 0.4, 0.9]), np.array([False, False, True]), 1.0
)
WORLD = SimpleNamespace(segments=SEGMENTS)


def played(end, cost, start=(0, 0, 0, 1, 2)):
    state, traits = SimpleNamespace(segment=np.array(end)), SimpleNamespace(start_segment=np.array(start))
    return SimpleNamespace(population=SimpleNamespace(state=state, traits=traits), cost=np.array(cost, float))


def test_counted_by_hand():
    """Of four who start low, two rise instead of one; a lapsed segment is low however much it orders."""
    found = upgrades(WORLD, played([1, 1, 0, 1, 2], [3, 1, 1, 1, 0]), played([1, 0, 0, 1, 2], [0] * 5))
    assert (found.high, found.started_low, found.risen, found.extra) == (("heavy",), 4, 2, 1)
    assert found.noise == pytest.approx(np.sqrt(5 * 0.2 * 0.8)) and found.cost_each is None
    many = [0] * 100, [5.0] * 100
    sure = upgrades(
        WORLD,
        played([1] * 50 + [0] * 50 + [1], [4.0] * 100 + [0], many[0] + [1]),
        played([0] * 100 + [1], [0] * 101, many[0] + [1]),
    )
    assert sure.extra == 50 and sure.cost_each == 400 / 50


def test_segments_that_order_alike_are_not_high():
    alike = SimpleNamespace(segments=Segments(("a", "b"), np.eye(2), np.array([0.3, 0.3]), np.zeros(2, bool), 1.0))
    assert not high_segments(alike, np.array([0, 1])).any()
    assert high_segments(WORLD, np.array([0, 1])).tolist() == [False, True, False]
    assert upgrades(alike, played([0, 1], [0, 0], (0, 1)), played([0, 1], [0, 0], (0, 1))) is None


def test_without_offers_they_are_as_many_as_the_chain_says():
    """Starting in light: the share in regular or loyal after 52 weeks is that of P^52, |z| <= 4 (momentum off)."""
    loaded = load("club", ("dynamics.segments.momentum=0",), None, None)
    setup = Setup(loaded.scenario, customer_base(loaded).base, 8000)
    world = build_world(setup.scenario, setup.base)
    drawn = draw_customers(setup.scenario, setup.base, world, 8000, 3)
    stages = Stages(setup, drawn, 3)
    nothing, sent = stages.play("none", Nobody()), stages.play("greedy", Greedy())
    start = drawn.population.traits.start_segment
    rise = np.linalg.matrix_power(world.segments.transition, 52)[:, 2:4].sum(axis=1)[start[start < 2]]
    found = upgrades(world, nothing, nothing)
    assert found.high == ("regular", "loyal") and found.started_low == len(rise) and found.extra == 0
    assert abs(found.risen - rise.sum()) <= 4 * np.sqrt((rise * (1 - rise)).sum())
    more = upgrades(world, sent, nothing)
    assert more.extra > 4 * more.noise and more.cost_each == pytest.approx(sent.cost.sum() / more.extra)


def test_the_report_says_what_one_more_cost():
    loaded = load("club", ("population.customers=1500", "uncertainty.draws=0"), None, None)
    names = ("none", "current_plan")
    results = run(
        loaded.scenario, customer_base(loaded).base, Options(workers=1, sensitivity=False, draws=0, strategies=names)
    ).results
    ranked = sorted(results.strategies, key=lambda s: s.name)
    part = next(p for p in parts(ranked, results) if "upgrades" in p.title)
    cells = dict(part.columns)
    assert cells["more than by doing nothing"][1] == "+0"
    assert "regular, loyal" in part.title and cells["spend for each of these, EUR"][1] == "no value"
