"""Every two features in one scenario: it is refused in words, or runs with books that add up and identities that hold."""

from __future__ import annotations

import copy
from itertools import combinations

import numpy as np
import pytest

from scenarios.building import build_world
from scenarios.jobs import Setup, Stages
from scenarios.lives import draw_customers
from scenarios.schema.validate import validate
from scenarios.strategies.optimising import Greedy, Nobody
from scenarios.synthetic import SyntheticBase

CUSTOMERS = 600
BASE = {
    "name": "Pairs",
    "question": "Does it hold together?",
    "currency": "EUR",
    "seed": 3,
    "time": {"period": "month", "horizon_periods": 12, "discount_rate_annual": 0.1},
    "population": {
        "customers": CUSTOMERS,
        "state_dependence": 1.0,
        "synthetic": {
            "segments": {
                "new": {"share": 0.3, "orders_per_period": 0.4},
                "regular": {"share": 0.5, "orders_per_period": 0.9},
                "gone": {"share": 0.2, "orders_per_period": 0.0, "lapsed": True},
            },
            "transition": {
                "new": {"new": 0.7, "regular": 0.2, "gone": 0.1},
                "regular": {"regular": 0.95, "gone": 0.05},
                "gone": {"gone": 0.95, "new": 0.05},
            },
            "order_rate_shape": 1.5,
            "order_value": {"distribution": "lognormal", "mean": 40.0, "sigma": 0.4},
            "responsiveness_sd": 0.3,
        },
    },
    "margins": {"gross_margin_rate": 0.4, "cost_to_serve_per_order": 1.0},
    "channels": {"email": {"cost_per_contact": 0.05}},
    "offers": {
        "coupon": {
            "kind": "discount",
            "depth": 0.1,
            "duration_periods": 2,
            "channels": ["email"],
            "effects": {"response": {"base": 0.3, "source": "assumed"}, "orders": {"lift": 1.5, "source": "assumed"}},
        },
        "stay": {
            "kind": "retention",
            "duration_periods": 3,
            "channels": ["email"],
            "effects": {
                "response": {"base": 0.4, "source": "assumed"},
                "attrition": {"reduction": 0.5, "source": "assumed"},
            },
        },
    },
    "rules": [
        {"name": "budget", "measure": "cost", "max": 450, "per": "quarter"},
        {"name": "not stay alone", "measure": "count", "where": {"offer": "stay"}, "max": 100, "per": "epoch"},
    ],
    "planning": {"every_periods": 3},
    "strategies": ["none", "greedy"],
    "baseline": "none",
    "uncertainty": {"draws": 0},
}
ASSUMED = {"source": "assumed"}
CURVE = {"kind": "hill", "low": 0.05, "high": 0.5, "shape": 2.0, "half": 0.12} | ASSUMED
FEATURES = {
    "season": {"season": {"by_month": {"july": 0.6, "december": 1.8}, "mean": 1.0} | ASSUMED},
    "shocks": {"shocks": {"sd": 0.1, "persistence": 0.5} | ASSUMED},
    "traffic": {"traffic": {"conversion": 0.1} | ASSUMED},
    "acquisition": {
        "acquisition": {
            "share_of_budget": 0.5,
            "sources": {"search": {"cost": 10, "capacity_per_period": 3, "segment": "new", "share": 1.0}},
        }
    },
    "service": {
        "service": {
            "contacts_per_order": 0.3,
            "minutes": 10,
            "patience_minutes": 4,
            "days_per_period": 20,
            "hours_per_day": 8,
            "agents": 2,
            "cost_per_agent_hour": 2,
            "on_time_seconds": 60,
            "effects": {
                "failure": {"ends": 0.02, "loses_trust": 0.15} | ASSUMED,
                "wait": {"loses_trust_per_minute": 0.02} | ASSUMED,
                "trust": {"recovers": 0.1} | ASSUMED,
            },
        }
    },
    "capabilities": {"capabilities": {"model": {"once": 100, "per_period": 5, "needed_by": ["greedy"]}}},
    "history": {
        "planning": {"every_periods": 3, "knowledge": "history", "tracked_share": 0.7, "data_lag_decisions": 1}
    },
    "sbg": {"dynamics": {"attrition": {"model": "sbg", "a": 0.7, "b": 4, "into": "gone", "renews_every": 3} | ASSUMED}},
    "bg_nbd": {"dynamics": {"attrition": {"model": "bg_nbd", "a": 0.5, "b": 9, "into": "gone"} | ASSUMED}},
    "pareto_nbd": {"dynamics": {"attrition": {"model": "pareto_nbd", "s": 1, "beta": 30, "into": "gone"} | ASSUMED}},
    "pantry": {"dynamics": {"pantry": {"share": 0.3, "use": 0.3} | ASSUMED}},
    "habituation": {
        "dynamics": {"habituation": {"memory": 0.8, "weight": 1.0} | ASSUMED},
        "offers": {"coupon": {"effects": {"response": {"base": None, "curve": CURVE}}}},
    },
    "tilt": {
        "dynamics": {"segments": {"momentum": 0.3, "fatigue": 0.1} | ASSUMED, "flows": True},
        "offers": {"coupon": {"effects": {"tilt": {"response": 0.3, "contact": -0.05} | ASSUMED}}},
    },
    "growth": {"dynamics": {"order_growth": {"per_order": 0.02, "limit": 1.5} | ASSUMED}},
    "trust": {
        "dynamics": {"trust": {"decay": 0.8, "response": 0.3} | ASSUMED},
        "offers": {"coupon": {"effects": {"trust": {"shift": -0.4} | ASSUMED}}},
    },
    "tiers": {
        "dynamics": {
            "tiers": {"small": {"share": 0.6, "price_multiple": 1.0}, "large": {"share": 0.4, "price_multiple": 1.5}}
        },
        "offers": {
            "larger": {
                "kind": "up_sell",
                "duration_periods": 1,
                "channels": ["email"],
                "effects": {
                    "response": {"base": 0.001, "by_segment": {"new": 0.3}} | ASSUMED,
                    "tier": {"step": 1, "probability": 0.3} | ASSUMED,
                },
            }
        },
    },
    "competition": {
        "dynamics": {"competition": {"share": 0.5, "price": 2.0, "events": [{"period": 4, "price": -0.1}]} | ASSUMED},
        "offers": {"coupon": {"effects": {"share": {"shift": 0.2} | ASSUMED}}},
    },
    "categories": {
        "population": {
            "synthetic": {
                "categories": {
                    "food": {"owner_share": 0.8, "spend_per_order": 18.0},
                    "toys": {"owner_share": 0.3, "spend_per_order": 9.0},
                }
            }
        },
        "dynamics": {
            "competition": {
                "categories": {
                    "food": {"share": 0.5, "price": 2.0, "events": [{"period": 4, "price": -0.1}]} | ASSUMED,
                    "toys": {"share": 0.3} | ASSUMED,
                }
            }
        },
        "offers": {
            "coupon": {"effects": {"share": {"shift": 0.6, "category": "food"} | ASSUMED}},
            "toys first": {
                "kind": "cross_sell",
                "category": "toys",
                "depth": 0.1,
                "duration_periods": 2,
                "channels": ["email"],
                "effects": {
                    "response": {"base": 0.001, "by_segment": {"new": 0.05}} | ASSUMED,
                    "ownership": {"sticks": 0.5, "cannibalises": 0.1} | ASSUMED,
                    "share": {"shift": 0.8, "category": "toys"} | ASSUMED,
                },
            },
        },
    },
    "values": {
        "dynamics": {
            "values": {"weights": {"price": 0.6, "service": 0.4}, "concentration": 5, "strength": 3} | ASSUMED
        },
        "offers": {"coupon": {"appeal": {"price": 1}}, "stay": {"appeal": {"service": 1}}},
    },
    "fatigue": {
        "channels": {
            "email": {
                "cost_per_contact": 0.05,
                "consent": 0.8,
                "reach": 0.9,
                "fatigue": {"decay": 0.5, "weight": 0.3} | ASSUMED,
                "opt_out": {"base": 0.01, "per_contact": 0.02} | ASSUMED,
            }
        }
    },
}
FEATURES |= {
    "parity": {
        "population": {
            "synthetic": {"groups": {"age": {"young": {"share": 0.6}, "old": {"share": 0.4, "order_value": 0.8}}}}
        },
        "rules": [*BASE["rules"], {"name": "alike", "parity": {"by": "age", "within": 0.2}}],
    },
    "inferred": {"planning": {"every_periods": 3, "segments": "inferred"}},
    "correlation": {"population": {"synthetic": {"correlation": {"order_rate~responsiveness": 0.4}}}},
}
CONCERNED = {"tiers": "larger", "categories": "toys first"}
"""The offer that a feature needs; else the coupon and the retention offer both."""
ORACLE = {
    "rules": [
        {"name": "budget", "measure": "cost", "max": 12_000},
        {"name": "not stay alone", "measure": "count", "where": {"offer": "stay"}, "max": 2500, "per": "epoch"},
    ],
    "planning": {"every_periods": 12, "knowledge": "oracle", "tracked_share": None, "data_lag_decisions": None},
}
MODELS = {"sbg", "bg_nbd", "pareto_nbd"}
REFUSED = [
    {"inferred", other} for other in (*sorted(MODELS), "history")
]  # who has left, and yesterday's state, are inferred elsewhere
PAIRS = [pair for pair in combinations(FEATURES, 2) if not set(pair) <= MODELS and set(pair) not in REFUSED]


def merged(into: dict, more: dict) -> dict:
    out = copy.deepcopy(into)
    for key, value in more.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = merged(out[key], value) if both else copy.deepcopy(value)
    return {key: value for key, value in out.items() if value is not None}


def scenario_of(*features: str):
    data = BASE
    for feature in features:
        data = merged(data, FEATURES[feature])
    if {"service", "trust"} <= set(features):  # one stock, which recovers as the dynamics say
        data["service"]["effects"]["trust"].pop("recovers")
    return validate(data)  # the scenario, and what is wrong with it


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_by_itself(feature):
    holds_together(feature)


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_two_features(pair):
    holds_together(*pair)


@pytest.mark.parametrize("pair", REFUSED, ids=lambda pair: "-".join(sorted(pair)))
def test_what_cannot_be_inferred_together_is_refused(pair):
    _, problems = scenario_of(*sorted(pair, reverse=True))
    assert [path for path, _ in problems] == [("planning", "segments")]


def holds_together(*features: str) -> None:
    scenario, problems = scenario_of(*features)
    assert not problems
    setup = Setup(scenario, SyntheticBase(scenario.population.synthetic), CUSTOMERS)
    world = build_world(scenario, setup.base)
    customers = draw_customers(scenario, setup.base, world, CUSTOMERS, 3)
    stages = Stages(setup, customers, 3, shocks=True)
    nothing, again, greedy = (
        stages.play(n, s) for n, s in (("none", Nobody()), ("none", Nobody()), ("greedy", Greedy()))
    )
    for played in (nothing, greedy):
        played.ledger.check()
        assert np.isfinite(played.clv).all()
        factors = played.discount_factor ** np.arange(len(played.ledger))
        assert played.horizon_value.sum() == pytest.approx(played.ledger.margin @ factors, abs=0.01)
    np.testing.assert_array_equal(nothing.clv, again.clv)
    assert nothing.planned_value == 0
    sent, answered = (
        dict(zip((a.offer for a in world.arms), x.sum(axis=0), strict=True))
        for x in (greedy.ledger.contacts, greedy.ledger.responses)
    )
    for offer in {"coupon", "stay"} | {CONCERNED[f] for f in features if f in CONCERNED}:
        assert sent[offer] > 20 and answered[offer] > 0, f"{offer} is not tried: {sent}"
    assert np.isfinite(greedy.planned_value)
    budget = greedy.budget
    assert sum(d.planned_cost for d in greedy.decisions) <= budget * (1 + 1e-9)


LONG_OFFERS = {
    "time": {"horizon_periods": 24},
    "rules": [
        {"name": "budget", "measure": "cost", "max": 10_000_000},
        {"name": "not stay alone", "measure": "count", "where": {"offer": "stay"}, "max": 2500, "per": "epoch"},
    ],
    "offers": {
        "coupon": {"duration_periods": 8, "effects": {"response": {"base": 0.8}}},
        "stay": {"duration_periods": 12, "effects": {"response": {"base": 0.8}}},
    },
}
FORESEEN = sorted(set(FEATURES) - {"service", "tilt", "inferred"})  # the planner does not foresee these, as docs/ says


@pytest.mark.parametrize("every", [12, 2])
@pytest.mark.parametrize("feature", FORESEEN)
def test_what_an_oracle_plans_comes_about(feature, every):
    """Planned = realised value under full knowledge, within sampling error (4 standard errors).

    Incremental values telescope to the policy's value less doing nothing's, however often it decides and whatever offer still
    acts when the next one comes.
    """
    n = 8000
    data = merged(merged(BASE, FEATURES[feature]), ORACLE | {"population": {"customers": n}})
    data["planning"]["every_periods"] = every
    if every == 2:  # everybody gets everything, and offers last four to six decisions
        data = merged(data, LONG_OFFERS)
        if feature == "habituation":
            data["offers"]["coupon"]["effects"]["response"].pop("base")
    scenario, problems = validate(data)
    assert not problems
    setup = Setup(scenario, SyntheticBase(scenario.population.synthetic), n)
    world = build_world(scenario, setup.base)
    customers = draw_customers(scenario, setup.base, world, n, 3)
    stages = Stages(setup, customers, 3)
    nothing, greedy = stages.play("none", Nobody()), stages.play("greedy", Greedy())
    gain = greedy.clv - nothing.clv
    assert abs(gain.sum() - greedy.planned_value) < 4 * gain.std() * np.sqrt(n)
    assert greedy.planned_value > 0


@pytest.mark.parametrize(("shift", "off"), [(-0.1, 0.15), (0.2, 0.08)])
def test_what_trust_does_to_moves_is_foreseen(shift, off):
    """Charged at once, planned value is within a few per cent of what comes about; unforeseen, it was 21 % too high at -0.1."""
    n, moved = 20_000, {"dynamics": {"segments": {"trust": 0.5} | ASSUMED}}
    data = merged(merged(merged(BASE, FEATURES["trust"]), ORACLE), merged(moved, {"population": {"customers": n}}))
    data["planning"]["every_periods"] = 2
    data = merged(data, LONG_OFFERS)
    data["offers"]["coupon"]["effects"]["trust"]["shift"] = shift
    scenario, problems = validate(data)
    assert not problems
    setup = Setup(scenario, SyntheticBase(scenario.population.synthetic), n)
    customers = draw_customers(scenario, setup.base, build_world(scenario, setup.base), n, 3)
    stages = Stages(setup, customers, 3)
    greedy, nothing = stages.play("greedy", Greedy()), stages.play("none", Nobody())
    assert greedy.planned_value == pytest.approx((greedy.clv - nothing.clv).sum(), rel=off)


def test_a_budget_per_epoch_has_no_share_for_new_customers():
    data = merged(BASE, FEATURES["acquisition"]) | {
        "rules": [{"name": "budget", "measure": "cost", "max": 150, "per": "epoch"}]
    }
    assert [path for path, _ in validate(data)[1]] == [("acquisition", "share_of_budget")]


def test_a_channel_that_no_offer_uses_limits_nothing():
    data = merged(BASE, {"channels": {"mail": {"cost_per_contact": 1.0, "capacity_per_period": 5}}})
    scenario, problems = validate(data)
    assert not problems
    setup = Setup(scenario, SyntheticBase(scenario.population.synthetic), CUSTOMERS)
    customers = draw_customers(scenario, setup.base, build_world(scenario, setup.base), CUSTOMERS, 3)
    assert Stages(setup, customers, 3).play("greedy", Greedy()).ledger.contacts.sum() > 0
