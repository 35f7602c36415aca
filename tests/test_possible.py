"""Worlds that pass every field's own check and that no engine can run are refused by `validate`, in words and with the file.

The cases are those of a search over numbers of a scenario with every feature, each set to 0, 1, 1e3, 1e9 and 1e308.
"""

from __future__ import annotations

import calendar
import copy
import importlib.resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from test_feature_pairs import ASSUMED, BASE, CURVE, FEATURES, merged

from cli import main
from engine import curves
from engine.outlook import tilted

SHIPPED = sorted(path.stem for path in Path(str(importlib.resources.files("scenarios"))).glob("library/*.yaml"))
MONTHS = [name.lower() for name in calendar.month_name if name]
TILT = {
    "dynamics": {"segments": ASSUMED},
    "offers": {"coupon": {"effects": {"tilt": {"response": 800.0} | ASSUMED}}},
}
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


def validated(tmp_path: Path, change: dict[str, Any]):
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump(merged(copy.deepcopy(BASE), change)))
    return CliRunner().invoke(main, ["validate", str(file)])


@pytest.mark.parametrize("case", CASES)
def test_refused_in_words(tmp_path, case):
    done = validated(tmp_path, CASES[case])
    assert done.exit_code == 2, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert ("shop.yaml" in done.output and "expected" in done.output) or "lower" in done.output


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


IDLE = {
    "a channel that reaches nobody": ({"channels": {"email": {"reach": 0.0}}}, "nobody is ever reached"),
    "trust that nothing moves": ({"dynamics": {"segments": {"trust": 0.3} | ASSUMED}}, "no offer's effects.trust"),
    "trust that nothing reads": (
        {
            "dynamics": {"trust": {"decay": 0.8} | ASSUMED},
            "offers": {"coupon": {"effects": {"trust": {"shift": -0.4} | ASSUMED}}},
        },
        "neither dynamics.trust.response",
    ),
    "everybody lapsed": (
        {
            "population": {
                "synthetic": {"segments": {"new": {"share": 0.0}, "regular": {"share": 0.0}, "gone": {"share": 1.0}}}
            }
        },
        "everybody has lapsed",
    ),
    "more work than hours": (
        merged(FEATURES["service"], {"service": {"contacts_per_order": 30, "patience_minutes": None, "agents": 1}}),
        "the queue grows without end",
    ),
    "a wallet below the spend": (
        {
            "population": {
                "synthetic": {
                    "categories": {
                        "a": {"owner_share": 0.5, "spend_per_order": 500.0},
                        "b": {"owner_share": 0.3, "spend_per_order": 10.0},
                    },
                    "complementarity": {"a": {"b": 0.5}, "b": {"a": 0.5}},
                }
            }
        },
        "yet a mean order",
    ),
}


@pytest.mark.parametrize("case", IDLE)
def test_warned_of(tmp_path, case):
    change, said = IDLE[case]
    done = validated(tmp_path, change)
    assert done.exit_code == 0, done.output
    assert f"warning: {tmp_path / 'shop.yaml'}" in done.output and said in done.output


def test_nothing_to_warn_of(tmp_path):
    assert "warning" not in validated(tmp_path, {}).output
