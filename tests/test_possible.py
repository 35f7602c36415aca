"""Worlds that pass every field's own check and that no engine can run are refused by `validate`, in words and with the file.

The cases are those of a search over numbers of a scenario with every feature, each set to 0, 1, 1e3, 1e9 and 1e308.
"""

from __future__ import annotations

import calendar
import copy
import importlib.resources
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from test_feature_pairs import ASSUMED, BASE, CURVE, FEATURES, merged

from cli import main
from engine import curves
from engine.offer_levels import tilted

SHIPPED = sorted(path.stem for path in Path(str(importlib.resources.files("scenarios"))).glob("library/*.yaml"))
MONTHS = [name.lower() for name in calendar.month_name if name]
TILT = {
    "dynamics": {"segments": ASSUMED},
    "offers": {"coupon": {"effects": {"tilt": {"response": 800.0} | ASSUMED}}},
}
TEAMS = merged(FEATURES["service"], {"service": {"agents": None, "cost_per_agent_hour": None}})
CASES: dict[str, dict[str, Any]] = {
    "no agents": merged(FEATURES["service"], {"service": {"agents": 0}}),
    "orders without number": {"population": {"synthetic": {"segments": {"regular": {"orders_per_period": 1e9}}}}},
    "order value without number": {"population": {"synthetic": {"order_value": {"mean": 1e12}}}},
    "spread without number": {"population": {"synthetic": {"order_value": {"sigma": 1e200}}}},
    "no season at all": {"season": {"by_month": dict.fromkeys(MONTHS, 0.0), "mean": 1.0} | ASSUMED},
    "growth without limit": {"dynamics": {"order_growth": {"per_order": 0.02, "limit": 1e9} | ASSUMED}},
    "an offer for ever": {"offers": {"stay": {"duration_periods": 256}}},
    "a contact that costs more than there is": {"channels": {"email": {"cost_per_contact": 1e9}}},
    "a competitor beyond number": merged(
        FEATURES["competition"], {"dynamics": {"competition": {"events": [{"period": 4, "price": -1e9}]}}}
    ),
    "opting out for sure": {
        "channels": {
            "email": {
                "fatigue": {"decay": 1.0, "weight": 0.1} | ASSUMED,
                "opt_out": {"base": 0.5, "per_contact": 0.5} | ASSUMED,
            }
        }
    },
    "a table that goes back": {
        "offers": {
            "coupon": {
                "effects": {
                    "response": {"base": None, "curve": {"kind": "table", "points": [[0.2, 0.1], [0.1, 0.2]]} | ASSUMED}
                }
            }
        }
    },
}

ORDER_VALUE, SEGMENTS = "population.synthetic.order_value", "population.synthetic.segments"
PLACES: dict[str, tuple[dict[str, Any], str, str]] = {
    "team without agents": (
        merged(TEAMS, {"service": {"teams": {"night": {"agents": 0, "cost_per_agent_hour": 9}}}}),
        "service.teams.night.agents",
        "expected at least 1 agent, got 0",
    ),
    "shift without agents": (
        merged(
            TEAMS,
            {
                "service": {
                    "teams": {
                        "day": {
                            "shifts": [{"start_hour": 0, "end_hour": 8, "agents": 0}],
                            "cost_per_agent_hour": 9,
                        }
                    }
                }
            },
        ),
        "service.teams.day.shifts",
        "expected at least 1 agent, got 0",
    ),
    "a thousand contacts an order": (
        merged(FEATURES["service"], {"service": {"contacts_per_order": 1000}}),
        "service.contacts_per_order",
        "expected a number <= 100, got 1000",
    ),
    "calls of a life": (
        merged(FEATURES["service"], {"service": {"minutes": 1e308}}),
        "service.minutes",
        "expected a number <= 100000",
    ),
    "a season's factor": (
        {"season": {"by_month": {"july": 1000.0}} | ASSUMED},
        "season",
        "expected factors from 0 to 100, got 1000",
    ),
    "an event's factor": (
        {"season": {"events": [{"name": "sale", "period": 1, "factor": 200.0}]} | ASSUMED},
        "season.events.sale.factor",
        "expected a number <= 100, got 200",
    ),
    "an event longer than the year that brings it": (
        {
            "season": {"events": [{"name": "sale", "period": 1, "periods": 1000, "factor": 2.0, "every_year": True}]}
            | ASSUMED
        },
        "season.events.sale.periods",
        "expected at most the 12 months of a year, as it comes every year, got 1000",
    ),
    "growing for ever": (
        {"dynamics": {"order_growth": {"per_order": 0.02, "limit": 1e9} | ASSUMED}},
        "dynamics.order_growth.limit",
        "expected 1 to 1000, got 1000000000.0",
    ),
    "a competitor beyond number": (
        merged(FEATURES["competition"], {"dynamics": {"competition": {"events": [{"period": 4, "price": -1e9}]}}}),
        "dynamics.competition.events",
        "within 50",
    ),
    "an offer for ever": (
        {"offers": {"stay": {"duration_periods": 256}}},
        "offers.stay.duration_periods",
        "expected a number <= 255, got 256",
    ),
    "a value without end": (
        {"time": {"discount_rate_annual": 0.0}},
        "time.discount_rate_annual",
        "their value is infinite",
    ),
    "a dear contact": (
        {"channels": {"email": {"cost_per_contact": 1e9}}},
        "channels.email.cost_per_contact",
        "expected 0 to 1e+06, got 1000000000.0",
    ),
    "a dear order": (
        {"margins": {"cost_to_serve_per_order": 1e9}},
        "margins.cost_to_serve_per_order",
        "expected -1e+06 to 1e+06",
    ),
    "a dear set-up": (
        {"offers": {"coupon": {"setup_cost": 1e20}}},
        "offers.coupon.setup_cost",
        "expected a number <= 1e+11",
    ),
    "an order's value": (
        {"population": {"synthetic": {"order_value": {"mean": 1e12}}}},
        f"{ORDER_VALUE}.mean",
        "expected a number <= 1e+06",
    ),
    "an order's value in a group": (
        {
            "population": {
                "synthetic": {
                    "order_value": {"mean": 9e5},
                    "groups": {"age": {"old": {"share": 0.5, "order_value": 9.0}, "young": {"share": 0.5}}},
                }
            }
        },
        ORDER_VALUE,
        "expected at most 1e+06 with all categories",
    ),
    "a billion orders": (
        {"population": {"synthetic": {"segments": {"regular": {"orders_per_period": 1e9}}}}},
        f"{SEGMENTS}.regular.orders_per_period",
        "expected a number <= 500",
    ),
    "too many orders for who orders most": (
        {"population": {"synthetic": {"segments": {"regular": {"orders_per_period": 400.0}}}}},
        SEGMENTS,
        "expected at most 500 orders per period in any segment with any offer",
    ),
    "a spread without number": (
        {"population": {"synthetic": {"order_value": {"sigma": 1e200}}}},
        f"{ORDER_VALUE}.sigma",
        "expected a number that can be computed with, got 1e+200",
    ),
    "responses without number": (
        {"population": {"synthetic": {"responsiveness_sd": 1e308}}},
        "population.synthetic.responsiveness_sd",
        "expected a number that can be computed with, got 1e+308",
    ),
    "momentum without number": (
        {"dynamics": {"segments": {"momentum": 1e5} | ASSUMED}},
        "dynamics.segments.momentum",
        "expected -1000 to 1000",
    ),
    "fatigue without number": (
        {"channels": {"email": {"fatigue": {"decay": 0.5, "weight": 1e9} | ASSUMED}}},
        "channels.email.fatigue.weight",
        "expected -1000 to 1000",
    ),
    "visits without number": (
        {"traffic": {"conversion": 0.001} | ASSUMED},
        "traffic.conversion",
        "expected at most 500 visits",
    ),
}
"""Scenario, the place that is told, and what is said of it.  The limits are the engine's."""


def _given(value: Any) -> Any:
    """Without what is None."""
    return {k: _given(v) for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def validated(tmp_path: Path, change: dict[str, Any]):
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump(_given(merged(copy.deepcopy(BASE), change)), sort_keys=False))
    return CliRunner().invoke(main, ["validate", str(file)])


@pytest.mark.parametrize("case", CASES)
def test_refused_in_words(tmp_path, case):
    done = validated(tmp_path, CASES[case])
    assert done.exit_code == 2, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert ("shop.yaml" in done.output and "expected" in done.output) or "lower" in done.output


@pytest.mark.parametrize("case", PLACES)
def test_told_at_its_place(tmp_path, case):
    """With the file, the line of the nearest thing that was written, and the path."""
    change, place, said = PLACES[case]
    done = validated(tmp_path, change)
    assert done.exit_code == 2, done.output
    found = re.search(rf"shop\.yaml:(\d+) {re.escape(place)}: (.*)", done.output)
    assert found and said in found[2], done.output
    assert place.rsplit(".", 1)[-1] in (tmp_path / "shop.yaml").read_text().splitlines()[int(found[1]) - 1]


@pytest.mark.parametrize(
    "change", [CURVE | {"shape": 2000.0, "half": 2.0}, CURVE | {"half": 1e308}], ids=["steep", "far"]
)
def test_curves_of_any_size(tmp_path, change):
    done = validated(tmp_path, {"offers": {"coupon": {"effects": {"response": {"base": None, "curve": change}}}}})
    assert done.exit_code == 0, done.output


def test_hill_is_adbudg_of_the_half(tmp_path):
    """Little (1970): x^c / (d + x^c) with d = half^c."""
    for x, shape, half in ((0.1, 2.0, 0.12), (0.5, 0.7, 0.3), (0.0, 1.0, 0.1)):
        assert curves.hill(x, 0.05, 0.5, shape, half) == pytest.approx(
            curves.adbudg(x, 0.05, 0.5, shape, half**shape), rel=1e-14
        )


def test_any_tilt_leaves_probabilities(tmp_path):
    """Also of a row that cannot reach the segment which the tilt favours most."""
    transition = np.array([[0.7, 0.3, 0.0], [0.2, 0.5, 0.3], [0.0, 0.0, 1.0]])
    for z in (0.5, 800.0, -1e6):
        rows = tilted(transition, z, np.array([-1.0, 0.0, 1.0]))
        assert np.isfinite(rows).all() and rows.sum(axis=1) == pytest.approx(1)
    assert validated(tmp_path, TILT).exit_code == 0


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_are_possible(name):
    done = CliRunner().invoke(main, ["validate", name])
    assert done.exit_code == 0, done.output
