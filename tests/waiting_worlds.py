"""The reference model as a scenario, and worlds in which waiting may pay, played."""

from __future__ import annotations

import yaml
from engine_worlds import M0_DISCOUNT, M0_MARGIN, M0_MULTIPLIER, M0_NAMES, M0_PERIODS, M0_RATE, M0_ROWS

from scenarios.building import build_world
from scenarios.customers import customer_base
from scenarios.jobs import Setup, Stages
from scenarios.lives import draw_customers
from scenarios.loading import load

M0_MEAN_RATE = M0_RATE


def m0(**changes) -> dict:
    """The reference model as a scenario: its segments, a coupon that pays at once and a call that keeps and lifts people."""
    names = [name.lower() for name in M0_NAMES]
    segments = {
        name: {"share": float(i == 0), "orders_per_period": M0_MEAN_RATE * m, **({"lapsed": True} if i == 5 else {})}
        for i, (name, m) in enumerate(zip(names, M0_MULTIPLIER, strict=True))
    }
    rows = {a: {b: p for b, p in zip(names, row, strict=True) if p} for a, row in zip(names, M0_ROWS, strict=True)}
    return {
        "name": "Reference model",
        "currency": "EUR",
        "seed": 3,
        "time": {"period": "week", "horizon_periods": M0_PERIODS, "discount_rate_annual": M0_DISCOUNT**-52 - 1},
        "population": {
            "customers": 4000,
            "synthetic": {
                "segments": segments,
                "transition": rows,
                "order_rate_shape": 2.0,
                "order_value": {"distribution": "lognormal", "mean": 35.874, "sigma": 0.6},
            },
        },
        "margins": {"gross_margin_rate": M0_MARGIN},
        "channels": {"mail": {"cost_per_contact": 0.4}, "phone": {"cost_per_contact": 2.0, "capacity_per_period": 400}},
        "offers": {
            "coupon": {
                "kind": "discount",
                "depth": 0.1,
                "duration_periods": 2,
                "channels": ["mail"],
                "effects": {
                    "response": {"base": 0.3, "source": "assumed"},
                    "orders": {"lift": 0.9, "source": "assumed"},
                },
            },
            "call": {
                "kind": "contact",
                "duration_periods": 4,
                "channels": ["phone"],
                "effects": {
                    "response": {"base": 0.4, "source": "assumed"},
                    "move": {"to": "regular", "probability": 0.5, "source": "assumed"},
                },
            },
        },
        "contact_policy": {"max_contacts": 1, "window_periods": 8, "control_group": 0.05},
        "rules": [{"name": "budget", "measure": "cost", "max": 4000, "per": "year"}],
        "planning": {"every_periods": 4, "knowledge": "oracle"},
        "strategies": ["none", "greedy", "optimal", "optimal_over_time"],
        "baseline": "none",
        **changes,
    }


def many(customers: int = 40_000, **changes) -> dict:
    """:func:`m0` with ten times the customers, money and capacity: a run's luck is a third, and takes hardly longer."""
    out = m0(**{"rules": [{"name": "budget", "measure": "cost", "max": customers, "per": "year"}], **changes})
    out["population"] = {**out["population"], "customers": customers}
    for channel in out["channels"].values():
        if "capacity_per_period" in channel:
            channel["capacity_per_period"] = customers // 10
    return out


def setup_of(tmp_path, scenario: dict, customers=None) -> Setup:
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(scenario, sort_keys=False))
    loaded = load(str(path), (), None, None)
    base = customer_base(loaded, strict=False).base
    return Setup(loaded.scenario, base, customers or loaded.scenario.population.customers)


def drawn_for(setup: Setup, seed=1):
    world = build_world(setup.scenario, setup.base)
    return world, draw_customers(setup.scenario, setup.base, world, setup.customers, seed)


def played(setup: Setup, names, seed=1, customers=None):
    _, drawn = drawn_for(setup)
    makers = setup.makers(tuple(names), {})
    stages = Stages(setup, customers or drawn, seed, gap=1e-4)
    return {name: stages.play(name, makers[name](), keep_plans=True) for name in names}
