"""New customers and offers share every rule that limits the cost of everything, not only the first that is written."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from test_feature_pairs import BASE, FEATURES, merged

from scenarios.acquisition import without_acquisition
from scenarios.building import build_world
from scenarios.jobs import Setup, Stages
from scenarios.lives import draw_customers
from scenarios.schema.scenario import Scenario
from scenarios.schema.validate import validate
from scenarios.strategies.optimising import Greedy
from scenarios.synthetic import SyntheticBase

QUARTER = {"name": "quarter", "measure": "cost", "max": 60, "per": "quarter"}
YEAR = {"name": "year", "measure": "cost", "max": 180, "per": "year"}
SHARED = {
    "acquisition": {
        "share_of_budget": 0.5,
        "sources": {"search": {"cost": 10, "capacity_per_period": 500, "segment": "new"}},
    }
}


def scenario(*rules: dict[str, object], share: float = 0.5) -> Scenario:
    data = merged(copy.deepcopy(BASE), merged(SHARED, {"acquisition": {"share_of_budget": share}}))
    found, problems = validate(merged(data, {"rules": list(rules)}))
    assert not problems
    return found


def test_the_tightest_is_shared_and_all_are_smaller():
    """60 a quarter are 20 a month, 180 a year 15: half of 15 a month is for new customers, 22.5 a quarter and 90 a year."""
    for rules in ((QUARTER, YEAR), (YEAR, QUARTER)):
        left = without_acquisition(scenario(*rules))
        assert left.acquisition is not None and left.acquisition.budget_per_period == 7.5
        assert {rule.name: rule.max for rule in left.rules} == pytest.approx({"quarter": 37.5, "year": 90.0})


def test_one_rule_is_cut_by_the_share():
    left = without_acquisition(scenario(YEAR, share=0.3))
    assert left.rules[0].max == 180 * (1 - 0.3)


def test_offers_and_new_customers_together_keep_every_rule():
    """Planned cost of a run and what new customers cost, against both amounts."""
    spec = scenario(QUARTER, YEAR)
    assert spec.population.synthetic is not None and spec.population.customers is not None
    base = SyntheticBase(spec.population.synthetic)
    setup = Setup(spec, base, spec.population.customers)
    drawn = draw_customers(spec, base, build_world(spec, base), spec.population.customers, spec.seed)
    played = Stages(setup, drawn, spec.seed).play("greedy", Greedy())
    offers = sum(decision.planned_cost for decision in played.decisions)
    new = float(np.sum(played.ledger.acquisition))
    assert new == 90 and offers > 80
    assert offers + new <= 180 + 1e-6
    by_quarter = played.ledger.acquisition.reshape(4, 3).sum(axis=1)
    planned = np.array([decision.planned_cost for decision in played.decisions])  # every_periods is 3
    assert (by_quarter + planned <= 60 + 10 + 1e-6).all()  # a customer is whole: his price may fall a period later


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"name": "money", "measure": "cost", "releases": [{"period": 0, "amount": 900}]}, "releases of 'money'"),
        ({"name": "money", "measure": "cost", "max": 90, "per": "epoch"}, "'money' is a budget per epoch"),
        ({"name": "money", "measure": "cost", "max": 90, "where": {"offer": "stay"}}, "no rule limits the cost"),
    ],
)
def test_refused_for_the_true_reason(rule, said):
    data = merged(copy.deepcopy(BASE), FEATURES["acquisition"])
    problems = validate(merged(data, {"rules": [rule]}))[1]
    assert [path for path, _ in problems] == [("acquisition", "share_of_budget")] and said in problems[0][1]
