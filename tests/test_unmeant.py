"""Legal worlds that nobody means are warned about, at their place; shipped scenarios and plain features are not.

Each case is a scenario with one thing changed: what it says is what the run does, so that the same thing without the change is
silent (:func:`test_nothing_to_warn_of`).
"""

from __future__ import annotations

import calendar
import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_feature_pairs import ASSUMED, BASE, CURVE, FEATURES, MODELS, merged

from scenarios.errors import ConfigError
from scenarios.loading import load, shipped

MONTHS = [name.lower() for name in calendar.month_name if name]
TEAMS = merged(
    FEATURES["service"],
    {"service": {"agents": None, "cost_per_agent_hour": None, "patience_minutes": None, "contacts_per_order": 3.0}},
)
LEAVING = {"dynamics": {"attrition": FEATURES["sbg"]["dynamics"]["attrition"]}}
CROSS = {
    "kind": "cross_sell",
    "category": "b",
    "depth": 0.1,
    "channels": ["email"],
    "effects": {"response": {"base": 0.1} | ASSUMED, "ownership": {"sticks": 0.5} | ASSUMED},
}


def synthetic(**changes: Any) -> dict[str, Any]:
    return {"population": {"synthetic": changes}}


def owned(a: float, b: float, spend: float = 6.0, **more: Any) -> dict[str, Any]:
    kinds = {"a": {"owner_share": a, "spend_per_order": spend}, "b": {"owner_share": b, "spend_per_order": 10.0}}
    return synthetic(categories=kinds, **more)


def dynamics(*features: str, **changes: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for feature in features:
        out = merged(out, FEATURES[feature])
    return merged(out, {"dynamics": changes})


def coupon(**changes: Any) -> dict[str, Any]:
    return {"offers": {"coupon": changes}}


def response(**changes: Any) -> dict[str, Any]:
    return coupon(effects={"response": changes})


def table(*points: tuple[float, float]) -> dict[str, Any]:
    return response(base=None, curve={"kind": "table", "points": [list(point) for point in points]} | ASSUMED)


TILT = {"segments": {"momentum": 0.3} | ASSUMED}
SEGMENTS = "population.synthetic.segments"
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    # channels and offers
    "reach": ({"channels": {"email": {"reach": 0.0}}}, "channels.email.reach", "nobody is ever reached"),
    "consent": ({"channels": {"email": {"consent": 0.0}}}, "channels.email.consent", "nobody is ever reached"),
    "certain response": (
        merged(FEATURES["fatigue"], response(base=1.0)),
        "offers.coupon.effects.response.base",
        "no fatigue, wear-out or appeal changes a response that is certain",
    ),
    "certain response of a segment": (
        merged(FEATURES["fatigue"], response(by_segment={"new": 1.0})),
        "offers.coupon.effects.response.by_segment.new",
        "no fatigue",
    ),
    "table behind the depth": (
        table((0.2, 0.1), (0.4, 0.3)),
        "offers.coupon.effects.response.curve.points",
        "begin at 0.2",
    ),
    "table before the depth": (
        table((0.0, 0.1), (0.05, 0.3)),
        "offers.coupon.effects.response.curve.points",
        "end at 0.05",
    ),
    "elasticity of the wrong sign": (
        coupon(effects={"orders": {"lift": None, "curve": {"kind": "elasticity", "elasticity": 2.0} | ASSUMED}}),
        "offers.coupon.effects.orders.curve",
        "the curve is -0.2: the offer cuts orders",
    ),
    "lift below 0": (coupon(effects={"orders": {"lift": -0.3}}), "offers.coupon.effects.orders.lift", "cuts orders"),
    "margin that no order leaves": (coupon(min_margin_rate=2.0), "offers.coupon.min_margin_rate", "nobody is eligible"),
    "everybody owns it": (
        merged(owned(0.5, 1.0), {"offers": {"cross": CROSS}}),
        "offers.cross.category",
        "nobody to sell it to",
    ),
    # dynamics
    "trust that nothing moves": (
        dynamics(segments={"trust": 0.3} | ASSUMED),
        "dynamics.segments.trust",
        "changes nothing",
    ),
    "trust of the contact centre alone": (
        dynamics("service", segments={"trust": 0.3} | ASSUMED),
        "dynamics.segments.trust",
        "another stock without dynamics.trust",
    ),
    "trust in a competitor's market": (
        dynamics("competition", competition={"trust": 0.5}),
        "dynamics.competition.trust",
        "changes nothing",
    ),
    "trust for nothing": (dynamics(trust={"decay": 0.8} | ASSUMED), "dynamics.trust", "nothing reads it"),
    "trust that nothing reads": (
        merged(dynamics(trust={"decay": 0.8} | ASSUMED), coupon(effects={"trust": {"shift": -0.4} | ASSUMED})),
        "offers.coupon.effects.trust",
        "neither dynamics.trust.response",
    ),
    "a category that nothing moves": (
        dynamics("categories", competition={"categories": {"food": {"events": None}}})
        | {"offers": {"coupon": {"effects": {"share": None}}}},
        "dynamics.competition.categories.food",
        "no event, no trust and no offer moves our share of it",
    ),
    "a category that nobody buys": (
        merged(
            dynamics("categories"), {"population": {"synthetic": {"categories": {"food": {"spend_per_order": 0.0}}}}}
        ),
        "dynamics.competition.categories.food",
        "nobody spends anything on it",
    ),
    "trust in a category's market": (
        dynamics("categories", competition={"categories": {"food": {"trust": 0.5}}}),
        "dynamics.competition.categories.food.trust",
        "changes nothing",
    ),
    "an event without weight in a category": (
        dynamics("categories", competition={"categories": {"food": {"price": None}}}),
        "dynamics.competition.categories.food.events[0].price",
        "dynamics.competition.categories.food.price, its weight, is 0",
    ),
    "an event without weight": (
        dynamics("competition", competition={"events": [{"period": 4, "value": 0.5}]}),
        "dynamics.competition.events[0].value",
        "dynamics.competition.value, its weight, is 0",
    ),
    "memory of nothing": (
        dynamics("habituation", habituation={"memory": 1.0}),
        "dynamics.habituation.memory",
        "today's deal is never taken in",
    ),
    "no tilt": (dynamics(segments=ASSUMED), "dynamics.segments", "tilts nothing"),
    "fatigue of nobody": (
        dynamics(segments={"fatigue": 0.3} | ASSUMED),
        "dynamics.segments.fatigue",
        "contact_policy has no fatigue",
    ),
    "no direction": (
        dynamics(**merged(TILT, {"segments": {"direction": {"new": 1.0, "regular": 1.0, "gone": 1.0}}})),
        "dynamics.segments.direction",
        "is 1 for every segment",
    ),
    "direction with gaps": (
        dynamics(**merged(TILT, {"segments": {"direction": {"new": 0.5, "regular": 1.0}}})),
        "dynamics.segments.direction",
        "gone: left out, and so at 0",
    ),
    "direction down": (
        dynamics(**merged(TILT, {"segments": {"direction": {"new": 0.0, "regular": -1.0, "gone": 1.0}}})),
        "dynamics.segments.direction",
        "draws towards gone, which is lapsed",
    ),
    "values without appeal": (
        dynamics(values={"weights": {"price": 0.6, "service": 0.4}} | ASSUMED),
        "dynamics.values",
        "no offer has an 'appeal'",
    ),
    "weights by segment": (
        dynamics("values", values={"by_segment": {"regular": {"price": 0.1, "service": 0.9}}}),
        "dynamics.values.by_segment",
        "moves the mean response",
    ),
    "tiers of one price": (
        dynamics("tiers", tiers={"large": {"price_multiple": 1.0}}),
        "dynamics.tiers",
        "all have the price multiple 1",
    ),
    "first tier": (
        dynamics("tiers", tiers={"small": {"price_multiple": 2.0}, "large": {"price_multiple": 3.0}}),
        "dynamics.tiers.small.price_multiple",
        "write 1",
    ),
    "everybody at the top": (
        dynamics("tiers", tiers={"small": {"share": 0.0}, "large": {"share": 1.0}}),
        "dynamics.tiers",
        "nobody can move up",
    ),
    "one tier": (
        dynamics("tiers", tiers={"small": {"share": 1.0}, "large": None}),
        "dynamics.tiers",
        "there is one tier",
    ),
    "leaving twice": (LEAVING, "dynamics.attrition", "comes on top of the moves of new, regular"),
    # customers
    "all lapsed": (
        synthetic(segments={"new": {"share": 0.0}, "regular": {"share": 0.0}, "gone": {"share": 1.0}}),
        SEGMENTS,
        "everybody has lapsed",
    ),
    "no orders": (
        synthetic(segments={"new": {"orders_per_period": 0.0}, "regular": {"orders_per_period": 0.0}}),
        SEGMENTS,
        "nobody ever orders",
    ),
    "wide spread": (
        synthetic(order_value={"sigma": 50.0}),
        "population.synthetic.order_value.sigma",
        "40 % is 0.4",
    ),
    "wide spread of customers": (
        synthetic(order_value={"customer_sigma": 4.0}),
        "population.synthetic.order_value.customer_sigma",
        "half of all lie below 1/2.98e+03 of the mean",
    ),
    "heavy tail": (
        synthetic(
            order_value={
                "distribution": "gamma_gamma",
                "p": 6.0,
                "q": 1.0001,
                "gamma": 15.0,
                "mean": None,
                "sigma": None,
            }
        ),
        "population.synthetic.order_value.q",
        "a handful of customers carries the mean",
    ),
    "a wallet below the spend": (
        owned(0.5, 0.3, spend=500.0),
        "population.synthetic.categories.a.spend_per_order",
        "adds up to 253 an order on average, yet a mean order with all of it is worth 40",
    ),
    "closed doors": (
        owned(0.0, 0.0, complementarity={"a": {"b": 0.5}, "b": {"a": 0.5}}),
        "population.synthetic.categories",
        "nobody owns any",
    ),
    # around
    "a year of zeros": (
        {"season": {"by_month": dict.fromkeys(MONTHS, 0.0)} | ASSUMED},
        "season.by_month",
        "nobody ever orders",
    ),
    "periods of zeros": ({"season": {"by_period": [0.0] * 12} | ASSUMED}, "season.by_period", "nobody ever orders"),
    "shocks without draws": (FEATURES["shocks"], "shocks", "uncertainty.draws is 0"),
    "more work than hours": (
        merged(FEATURES["service"], {"service": {"contacts_per_order": 30, "patience_minutes": None, "agents": 1}}),
        "service.agents",
        "the queue grows without end",
    ),
    # (0.3 x 0.4 + 0.5 x 0.9) orders x 3 contacts x 600 customers x 10 minutes are 171 hours, of 20 days of 8
    "more work than a team's hours": (
        merged(TEAMS, {"service": {"teams": {"all": {"agents": 1, "cost_per_agent_hour": 2}}}}),
        "service.teams",
        "have work for 107% of their hours",
    ),
    "more work than a shift's hours": (
        merged(
            TEAMS,
            {
                "service": {
                    "contacts_per_order": 1.5,
                    "teams": {
                        "all": {
                            "shifts": [{"start_hour": 0, "end_hour": 4, "agents": 1}],
                            "cost_per_agent_hour": 2,
                        }
                    },
                }
            },
        ),
        "service.teams",
        "have work for 107% of their hours",
    ),
    "old data": (
        {"planning": {"every_periods": 3, "data_lag_decisions": 99}},
        "planning.data_lag_decisions",
        "there are 4 decisions",
    ),
    "no waves": ({"planning": {"every_periods": None, "waves": []}}, "planning.waves", "are none"),
    "money too late": (
        {
            "rules": [
                {
                    "name": "money",
                    "measure": "cost",
                    "releases": [{"period": 0, "amount": 9}, {"period": 11, "amount": 9}],
                }
            ]
        },
        "rules.money.releases",
        "what is released in period 11 is never used",
    ),
    "a limit that never binds": (
        {"contact_policy": {"max_contacts": 50, "window_periods": 3}},
        "contact_policy.max_contacts",
        "50 never binds: 3 periods hold 1 decision,",
    ),
    "a source that wins nobody": (
        merged(FEATURES["acquisition"], {"acquisition": {"sources": {"search": {"cost": 1e9}}}}),
        "acquisition.sources.search.cost",
        "nobody is won",
    ),
}


def given(value: Any) -> Any:
    """Without what is None."""
    return {k: given(v) for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def written(tmp_path: Path, change: dict[str, Any]) -> Path:
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump(given(merged(copy.deepcopy(BASE), change)), sort_keys=False))
    return file


@pytest.mark.parametrize("case", CASES)
def test_warned_of_at_its_place(tmp_path, case):
    change, place, said = CASES[case]
    file = written(tmp_path, change)
    told = "\n".join(load(file).warnings)
    found = [m for m in re.finditer(r"shop\.yaml:(\d+) (.+?): (.*)", told) if m[2] == place and said in m[3]]
    assert len(found) == 1, told
    last = re.sub(r"\[\d+\]", "", place).rsplit(".", 1)[-1]
    assert last in file.read_text().splitlines()[int(found[0][1]) - 1] or last == "releases"


@pytest.mark.parametrize(
    "feature", ["nothing", *(name for name in FEATURES if name not in MODELS | {"shocks", "tilt", "competition"})]
)
def test_nothing_to_warn_of(tmp_path, feature):
    """Every feature as it is usually named, over customers who leave by their moves."""
    assert load(written(tmp_path, FEATURES.get(feature, {}))).warnings == ()


@pytest.mark.parametrize("name", shipped())
def test_shipped_scenarios_are_meant(name):
    plain = load(name)
    assert plain.warnings == ()
    for override in plain.scenario.overrides:
        assert load(name, override=override).warnings == ()


@pytest.mark.parametrize(
    ("change", "place", "said"),
    [
        (
            merged(FEATURES["values"], coupon(appeal={"price": -5})),
            "offers.coupon.appeal.price",
            "expected a number >= 0",
        ),
        (
            merged(FEATURES["values"], coupon(appeal={"price": 1.5})),
            "offers.coupon.appeal.price",
            "expected a number <= 1",
        ),
        (
            {"season": {"events": [{"name": "sale", "period": p, "factor": 2.0} for p in (1, 5)]} | ASSUMED},
            "season.events",
            "'sale' is named twice",
        ),
    ],
)
def test_refused(tmp_path, change, place, said):
    """An appeal is 0 to 1; an event's name is its place in a dotted path."""
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, change))
    assert any(f" {place}: " in text and said in text for text in refused.value.problems)


def test_a_response_by_a_curve_is_no_table(tmp_path):
    assert load(written(tmp_path, response(base=None, curve=CURVE))).warnings == ()
