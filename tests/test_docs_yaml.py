"""Every YAML block of the concept pages holds in a small world, and runs."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from test_feature_pairs import BASE, merged

from scenarios.building import build_world
from scenarios.jobs import Setup, Stages
from scenarios.lives import draw_customers
from scenarios.schema.references import warnings
from scenarios.schema.validate import validate, with_strategies_spelt_out
from scenarios.strategies.optimising import Greedy, Nobody
from scenarios.synthetic import SyntheticBase

DOCS = Path(__file__).parent.parent / "docs"
OWN_TESTS = {"allocation.md"}  # rules files, run by test_docs
WORLD = merged(
    BASE,
    {
        "time": {"period": "week", "horizon_periods": 52},
        "population": {"customers": 300},
        "channels": {"mail": {"cost_per_contact": 0.5}, "adviser": {"cost_per_contact": 5.0}},
        "strategies": ["none", "greedy", "optimal", "optimal_over_time"],
    },
)
TIERS = {"basic": {"share": 0.8, "price_multiple": 1.0}, "private": {"share": 0.2, "price_multiple": 2.0}}
ADVICE = {
    "kind": "contact",
    "channels": ["adviser"],
    "effects": {"response": {"base": 0.2, "source": "given"}, "orders": {"lift": 0.2, "source": "given"}},
}
STAYS = {
    "new": {"new": 0.8, "regular": 0.2, "gone": None},
    "regular": {"regular": 1.0, "gone": None},
}  # else both count
AROUND = {  # what a page's block speaks of without naming it
    "attrition.md": {"population": {"synthetic": {"transition": STAYS}}},
    "fairness.md": {"dynamics": {"tiers": TIERS}, "offers": {"advice": ADVICE}},
    "heterogeneity.md": {
        "dynamics": {"attrition": {"model": "pareto_nbd", "s": 1, "beta": 50, "into": "gone", "source": "given"}},
        "population": {"synthetic": {"order_value": None, "transition": STAYS}},
    },
    "seasons.md": {"planning": {"every_periods": None}},
    "service.md": {
        "service": {
            "contacts_per_order": 0.5, "minutes": 5, "days_per_period": 5, "hours_per_day": 8, "agents": 2, "cost_per_agent_hour": 20
        }
    },
}  # fmt: skip
BLOCKS = [
    pytest.param(page.name, block, id=f"{page.stem} {i}")
    for page in sorted(DOCS.glob("*.md"))
    if page.name not in OWN_TESTS
    for i, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.S | re.M))
]
CONCEPTS = {
    "attrition", "competition", "cross_selling", "dynamic_segments", "fairness", "growth", "heterogeneity", "hooks", "promotion",
    "seasons", "service", "trust",
}  # fmt: skip


def test_every_concept_page_has_yaml():
    assert {p.id.split()[0] for p in BLOCKS} >= CONCEPTS


@pytest.mark.parametrize(("page", "block"), BLOCKS)
def test_yaml_of_the_page_holds_and_runs(page, block):
    said = yaml.safe_load(block)
    data = with_strategies_spelt_out(merged(merged(WORLD, AROUND.get(page, {})), said))
    if "strategies" in said:
        data["baseline"] = data["strategies"][0]["name"]
    scenario, problems = validate(data)
    assert not problems
    assert not [w for w in warnings(scenario) if w[0][:1] == ("dynamics",)]
    setup = Setup(scenario, SyntheticBase(scenario.population.synthetic), 300)
    world = build_world(scenario, setup.base)
    stages = Stages(setup, draw_customers(scenario, setup.base, world, 300, 3), 3)
    for name, strategy in (("nothing", Nobody()), ("greedy", Greedy())):
        played = stages.play(name, strategy)
        played.ledger.check()
        assert np.isfinite(played.clv).all()
