"""Complementary slackness in what is shown: a rule with room has no price, or one that is said to be of another kind."""

import dataclasses
import json
import sys

import numpy as np
import pytest

from scenarios.allocate import allocate
from scenarios.report.allocation import print_allocation
from solvers.solve import solve

USES = {"coupon": 0.1, "mail": 1.0, "call": 4.0}


def table(tmp_path, seed, n=200):
    rng = np.random.default_rng(seed)
    lines = ["customer_id,offer,value,cost,tier,home"]
    for i in range(n):
        tier = ("gold", "silver")[rng.integers(2)]
        for offer, base in USES.items():
            cost = base * (0.5 + rng.random())
            lines.append(f"c{i},{offer},{cost * (1 + 4 * rng.random()):.3f},{cost:.2f},{tier},h{i // 2}")
    path = tmp_path / "c.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_a_rule_with_room_for_one_more_offer_has_no_price(tmp_path, seed, capsys):
    """Two offers each, households, a rule for each value, a soft volume: what leaves multipliers on rules with room."""
    rules = {
        "per_customer": {"max_offers": 2},
        "per_household": {"column": "home", "max_offers": 2},
        "constraints": [
            {"name": "budget", "measure": "cost", "max": 300 + 100 * seed},
            {"name": "spend", "measure": "cost", "for_each": "tier", "max": 190},
            {"name": "mail", "measure": "count", "where": {"offer": "mail"}, "max": 40},
            {"name": "volume", "measure": "count", "min": 170, "penalty": 0.05},
            {"name": "fair", "parity": {"by": "tier", "within": 0.1}},
        ],
    }
    (tmp_path / "r.yaml").write_text(json.dumps(rules))
    for prices in (False, True):
        answer = allocate(table(tmp_path, seed), tmp_path / "r.yaml", prices=prices, gap=1e-4)
        assert any(rule.shadow_price for rule in answer.rules)
        for rule in answer.rules:
            if rule.min is not None and rule.penalty:
                assert rule.shadow_price == 0 or rule.missed or rule.value == rule.min
                continue
            room = rule.max - rule.value
            if rule.shadow_price and room > 1e-9 * max(1, rule.max):
                assert rule.little_room == ("solved" if prices else "relaxed")
                if rule.kind == "sum":
                    assert room < (6.0 if "mail" not in rule.name else 1.0)  # the dearest call costs 6
                if prices:
                    unit = 1.0 if rule.kind == "sum" else 0.01
                    assert rule.shadow_price == pytest.approx(rule.price.looser / (0.01 * rule.max) * unit)
            if not rule.shadow_price:
                assert not rule.little_room
        print_allocation(answer, sys.stdout)
        text = capsys.readouterr().out
        kinds = {rule.little_room for rule in answer.rules}
        assert ("that of parts of offers" in text) == ("relaxed" in kinds)
        assert ("the solve with a looser bound" in text) == ("solved" in kinds)


@pytest.mark.parametrize(("left", "priced"), [(0, True), (1, True), (60, False)])
def test_some_offers_of_room_among_thousands_do_not_hide_a_price(tmp_path, left, priced):
    """A plan that stops at its gap leaves one of 2,000 letters: its price is still what a letter more is worth."""
    cap = 2000
    worth = np.random.default_rng(5).gamma(2, 2, 6000)
    lines = ["customer_id,offer,value,cost", *(f"{i},mail,{v:.4f},1" for i, v in enumerate(worth))]
    (tmp_path / "c.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "r.yaml").write_text(
        f"constraints:\n- {{name: letters, measure: count, max: {cap}}}\n- {{name: idle, measure: cost, max: 5000}}\n"
    )

    def leaving(problem, **options):
        found = solve(problem, **options)
        arm = found.arm.copy()
        out = np.flatnonzero(arm >= 0)[:left]
        arm[out] = -1
        lost = float(problem.measures[0, 0, out].sum())
        rows = tuple(dataclasses.replace(row, value=row.value - left) for row in found.rows)
        return dataclasses.replace(found, arm=arm, objective=found.objective - lost, rows=rows)

    answer = allocate(tmp_path / "c.csv", tmp_path / "r.yaml", solver=leaving)
    letters, idle = answer.rules
    threshold = np.sort(worth)[-cap]
    assert letters.binding == priced and not idle.binding
    assert letters.shadow_price == (pytest.approx(threshold, rel=0.01) if priced else 0.0)
