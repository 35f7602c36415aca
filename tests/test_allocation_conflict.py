"""What rules in conflict must give, held to every whole plan of a few customers."""

import itertools
import json
import math

import numpy as np
import pytest

from scenarios.allocate import allocate
from scenarios.report.allocation import conflict_lines, outwards
from tests.test_allocation_rules import make, penalty, plans

MEASURES = ("cost", "value", "margin", "revenue")


def rules_of(rng):
    """Three or four rules that cannot be met together, often."""
    made = [
        {"name": "budget", "measure": "cost", "max": float(rng.integers(3, 8))},
        {"name": "volume", "measure": "count", "min": float(rng.integers(3, 6))},
    ]
    other = [
        {"name": "worth", "measure": "value", "min": float(rng.integers(20, 50)) + 0.5},
        {"name": "roi", "ratio": {"of": "value", "to": "cost"}, "min": float(rng.integers(3, 7))},
        {"name": "dear", "ratio": {"of": "cost", "to": "revenue"}, "max": 0.05 + 0.1 * float(rng.random())},
        {"name": "fair", "parity": {"by": "group", "measure": "cost", "within": 0.05}},
        {"name": "spend", "measure": "cost", "where": {"tier": "gold"}, "equal": float(rng.integers(4, 9)) + 0.5},
        {"name": "mails", "measure": "count", "where": {"channel": "mail"}, "min": float(rng.integers(2, 5))},
    ]
    picked = rng.choice(len(other), 2, replace=False)
    return [*made, *(other[i] for i in sorted(picked.tolist()))]


def relaxed(rule, end, by):
    """The rule with one bound moved outwards."""
    new = dict(rule)
    if "parity" in rule:
        return new | {"parity": rule["parity"] | {"within": rule["parity"]["within"] + by}}
    if "equal" in rule:
        level = new.pop("equal")
        new |= {"min": level, "max": level}
    new[end] += -by if end == "min" else by
    return new


@pytest.mark.parametrize("seed", range(16))
def test_relaxing_any_one_rule_by_its_amount_makes_room_and_less_does_not(tmp_path, seed):
    path, rows = make(tmp_path, seed, n=5)
    rules = rules_of(np.random.default_rng(seed))
    (tmp_path / "r.yaml").write_text(json.dumps({"constraints": rules}))
    every = [list(plan) for plan in plans(rows)]

    def room(changed):
        return any(not math.isinf(penalty(plan, rows, changed)) for plan in every)

    answer = allocate(path, tmp_path / "r.yaml")
    assert (answer.exit_code == 3) == (not room(rules))
    if answer.exit_code != 3:
        return
    by_name = {rule["name"]: rule for rule in rules}
    groups = {item.group for item in answer.conflict} - {None}
    sets = {frozenset(one.name for one in answer.conflict if one.group == group) for group in groups}
    assert sets == smallest_conflicts(by_name, room)
    alone = {one.name for one in answer.conflict if one.group is None}
    assert alone == (set.intersection(*map(set, sets)) if len(sets) > 1 else set())
    for item in answer.conflict:
        # Rules of other conflicts only are left out: what an amount is worth when those are settled.
        own = {one.name for one in answer.conflict if one.group == item.group or item.group is None}
        apart = {one.name for one in answer.conflict} - own
        rest = [rule for name, rule in by_name.items() if name not in apart and name != item.name]
        rule = by_name[item.name]
        if math.isinf(item.at_least):
            assert not room(rest)
            continue
        assert math.isfinite(item.gives) and item.exact
        assert item.needed == pytest.approx(item.bound + (item.gives if item.end == "max" else -item.gives))
        assert room([*rest, relaxed(rule, item.end, item.gives + 1e-7)])
        if "equal" not in rule:  # an equality may give at its other end for the same
            assert not room([*rest, relaxed(rule, item.end, 0.998 * item.gives)])
    shared = len(set().union(*sets)) < sum(map(len, sets))
    text = "\n".join(conflict_lines(answer))
    assert len(groups) == 1 or ("separate sets of rules" in text) != shared
    assert ("is in all of them" in text) == bool(alone)


def smallest_conflicts(by_name, room):
    """Every set of rules that no plan meets, but without any one of them some plan does: by trying all."""
    found = []
    for size in range(1, len(by_name) + 1):
        for names in itertools.combinations(by_name, size):
            if not any(other <= set(names) for other in found) and not room([by_name[name] for name in names]):
                found.append(frozenset(names))
    return set(found)


def test_counts_give_whole_offers(tmp_path):
    """A call costs 3; for 40 there are 13 calls, and 13.33 in the relaxation."""
    lines = ["customer_id,offer,value,cost", *(f"c{i},call,1,3" for i in range(30))]
    (tmp_path / "c.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "r.yaml").write_text(
        "constraints:\n- {name: budget, measure: cost, max: 40}\n- {name: calls, measure: count, min: 30}\n"
    )
    answer = allocate(tmp_path / "c.csv", tmp_path / "r.yaml")
    found = {item.name: (item.gives, item.needed) for item in answer.conflict}
    assert found["calls"] == pytest.approx((17, 13)) and found["budget"] == pytest.approx((50, 90))
    assert "calls: would have to give 17 (min 30 -> 13)" in "\n".join(conflict_lines(answer))


def test_amounts_are_found_for_many_customers_too(tmp_path):
    """Two thousand customers: a plan is found with what is said, and none with 0.2 % less."""
    rng = np.random.default_rng(3)
    lines = ["customer_id,offer,group,value,cost"]
    lines += [
        f"c{i},{offer},{'ab'[i % 2]},{rng.gamma(2, 3):.2f},{cost * (0.5 + rng.random()):.2f}"
        for i in range(2000)
        for offer, cost in (("mail", 1), ("call", 4))
    ]
    (tmp_path / "c.csv").write_text("\n".join(lines) + "\n")
    rules = [
        {"name": "budget", "measure": "cost", "max": 500.0},
        {"name": "calls", "measure": "count", "where": {"offer": "call"}, "min": 300.0},
        {"name": "roi", "ratio": {"of": "value", "to": "cost"}, "min": 2.0},
    ]

    def solved(changed):
        (tmp_path / "r.yaml").write_text(json.dumps({"constraints": changed}))
        return allocate(tmp_path / "c.csv", tmp_path / "r.yaml", gap=1e-2)

    answer = solved(rules)
    assert {item.name for item in answer.conflict} == {"budget", "calls"}
    for item in answer.conflict:
        for share, code in ((1.0, {0, 4}), (0.998, {3})):
            moved = [relaxed(r, item.end, share * item.gives) if r["name"] == item.name else r for r in rules]
            assert solved(moved).exit_code in code


@pytest.mark.parametrize(
    ("value", "up", "text"),
    [(13.0, False, "13"), (68.0412, True, "68.05"), (68.0412, False, "68.04"), (1234.561, True, "1,234.57"),
     (0.123449, True, "0.1235"), (-2.00001, False, "-2.001"), (0.0, True, "0")],
)  # fmt: skip
def test_new_bounds_are_rounded_to_the_side_that_makes_room(value, up, text):
    assert outwards(value, up) == text
