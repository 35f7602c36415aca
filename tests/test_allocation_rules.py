"""The language of rules against brute force: every plan of a few customers, every rule read from its text in plain Python."""

import itertools
import json
import math

import numpy as np
import pytest

from scenarios.allocate import allocate
from scenarios.errors import CvmaxError

OFFERS = (("coupon", "email"), ("call", "phone"), ("gift", "mail"))


def make(tmp_path, seed, n=6):
    """A file of n customers x up to 3 offers, and its rows."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        for offer, channel in OFFERS:
            if rng.random() < 0.85 or offer == "coupon":
                rows.append(
                    {
                        "customer_id": f"c{i}", "offer": offer, "channel": channel,
                        "value": float(rng.integers(-2, 12)), "cost": float(rng.integers(1, 6)),
                        "margin": float(rng.integers(0, 8)), "revenue": float(rng.integers(5, 20)),
                        "strategic": float(rng.integers(0, 5)), "value_se": float(rng.integers(0, 4)),
                        "tier": ("gold", "silver")[i % 2], "group": ("a", "b")[i % 3 == 0],
                    }
                )  # fmt: skip
    path = tmp_path / "c.csv"
    names = list(rows[0])
    path.write_text("\n".join([",".join(names), *(",".join(str(row[c]) for c in names) for row in rows)]) + "\n")
    return path, rows


def plans(rows):
    by_customer = [list(group) for _, group in itertools.groupby(rows, key=lambda row: row["customer_id"])]
    for plan in itertools.product(*([None, *group] for group in by_customer)):
        yield [row for row in plan if row]


def keeps(row, where):
    return all(str(row[label]) in [str(v) for v in (w if isinstance(w, list) else [w])] for label, w in where.items())


def total(plan, measure, where):
    return sum(1.0 if measure == "count" else row[measure] for row in plan if keeps(row, where))


def singles(rule, rows):
    """The rule for each value of for_each, as (where, low, high)."""
    values = sorted({row[rule["for_each"]] for row in rows}) if "for_each" in rule else [None]
    for value in values:

        def bound(key, value=value):
            b = rule.get(key)
            return b.get(value) if isinstance(b, dict) else b

        where = dict(rule.get("where", {})) | ({rule["for_each"]: value} if value is not None else {})
        equal = bound("equal")
        yield where, bound("min") if equal is None else equal, bound("max") if equal is None else equal


def penalty(plan, rows, rules):
    """What missed soft rules cost, infinite if a hard rule is broken."""
    cost = 0.0
    for rule in rules:
        if rule.get("report"):
            continue
        if "parity" in rule:
            by, within, measure = rule["parity"]["by"], rule["parity"]["within"], rule["parity"].get("measure", "count")
            size = {g: len({r["customer_id"] for r in rows if r[by] == g}) for g in {r[by] for r in rows}}
            mean = total(plan, measure, {}) / sum(size.values())
            for g, m in size.items():
                rate = total(plan, measure, {by: g}) / m
                if rate > (1 + within) * mean + 1e-9 or rate < (1 - within) * mean - 1e-9:
                    return math.inf
            continue
        for where, low, high in singles(rule, rows):
            if "ratio" in rule:
                over, under = total(plan, rule["ratio"]["of"], where), total(plan, rule["ratio"]["to"], where)
                if (low is not None and over < low * under - 1e-9) or (high is not None and over > high * under + 1e-9):
                    return math.inf
                continue
            used = total(plan, rule["measure"], where)
            miss = max(0 if low is None else low - used, 0 if high is None else used - high, 0)
            if miss > 1e-9 and "penalty" not in rule:
                return math.inf
            cost += rule.get("penalty", 0) * miss
    return cost


CASES = {
    "per value": [{"name": "spend", "measure": "cost", "for_each": "tier", "max": 5}],
    "per value, own bounds": [
        {"name": "spend", "measure": "cost", "for_each": "tier", "max": {"gold": 6, "silver": 3}},
        {"name": "service", "measure": "count", "for_each": "tier", "min": {"silver": 1}},
    ],
    "per channel": [{"name": "capacity", "measure": "count", "for_each": "channel", "max": 1}],
    "equal": [{"name": "three", "measure": "count", "equal": 3}, {"name": "budget", "measure": "cost", "max": 7}],
    "ratios": [
        {"name": "margin", "ratio": {"of": "margin", "to": "revenue"}, "min": 0.4},
        {"name": "roi", "ratio": {"of": "value", "to": "cost"}, "min": 2.5},
        {"name": "budget", "measure": "cost", "max": 12},
    ],
    "ratio per value": [{"name": "m", "ratio": {"of": "margin", "to": "revenue"}, "for_each": "tier", "min": 0.35}],
    "parity": [
        {"name": "fair", "parity": {"by": "group", "within": 0.3}},
        {"name": "budget", "measure": "cost", "max": 9},
    ],
    "parity of money": [{"name": "fair", "parity": {"by": "tier", "measure": "cost", "within": 0.25}}],
    "report": [{"name": "seen", "measure": "cost", "max": 1, "report": True}],
    "soft budget": [{"name": "budget", "measure": "cost", "max": 4, "penalty": 1.5}],
    "soft minimum": [
        {"name": "budget", "measure": "cost", "max": 6},
        {"name": "volume", "measure": "count", "min": 5, "penalty": 2},
    ],
    "soft equal": [{"name": "spend", "measure": "cost", "equal": 10, "penalty": 3}],
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CASES)
def test_plans_are_the_best_of_all(tmp_path, name, seed):
    path, rows = make(tmp_path, seed)
    rules = CASES[name]
    (tmp_path / "r.yaml").write_text(json.dumps({"constraints": rules}))
    best = max((sum(r["value"] for r in plan) - penalty(plan, rows, rules) for plan in plans(rows)), default=-math.inf)
    answer = allocate(path, tmp_path / "r.yaml", gap=1e-9)
    if math.isinf(best):
        assert answer.exit_code == 3
        return
    chosen = answer.rows.to_pylist()
    for row in chosen:
        for key in ("value", "cost", "margin", "revenue"):
            row[key] = float(row[key])
    assert answer.solution.objective == pytest.approx(
        sum(r["value"] for r in chosen) - penalty(chosen, rows, rules), abs=1e-6
    )
    assert answer.solution.objective == pytest.approx(best, abs=2e-5 * max(1, abs(best)))
    assert answer.solution.bound >= best - 1e-6
    funnel = answer.funnel()
    assert sum(count for _, _, count in funnel) == answer.customers - answer.solution.selected


def answer_of(tmp_path, text, seed=0, n=6):
    path, rows = make(tmp_path, seed, n)
    (tmp_path / "r.yaml").write_text(text)
    return allocate(path, tmp_path / "r.yaml", gap=1e-9), rows


def test_objectives_are_weighted_and_averse_to_risk(tmp_path):
    text = "{objective: {value: 1, strategic: 0.5}, risk_aversion: 2, constraints: [{name: b, measure: cost, max: 8}]}"
    answer, rows = answer_of(tmp_path, text)

    def worth(row):
        return row["value"] + 0.5 * row["strategic"] - 2 * row["value_se"]

    best = max(sum(map(worth, plan)) for plan in plans(rows) if total(plan, "cost", {}) <= 8)
    assert answer.solution.objective == pytest.approx(best)
    assert answer.document()["totals"]["objective"] == pytest.approx(best)


def test_a_single_column_objective_keeps_its_name(tmp_path):
    answer, rows = answer_of(tmp_path, "{objective: strategic}")
    assert answer.solution.objective == max(total(plan, "strategic", {}) for plan in plans(rows))
    assert "strategic" in answer.totals()


def test_offers_are_open_to_those_whom_tests_keep(tmp_path):
    text = """
per_customer:
  min_profit: 3
  eligible:
    - {name: calls for gold, where: {offer: call}, only: {tier: gold}}
    - {name: no gifts for the rich, where: {offer: gift}, never: {revenue: {min: 12}}}
"""
    answer, rows = answer_of(tmp_path, text)

    def open_to(row):
        return (
            row["value"] >= 3
            and not (row["offer"] == "call" and row["tier"] != "gold")
            and not (row["offer"] == "gift" and row["revenue"] >= 12)
        )

    best = max(total(plan, "value", {}) for plan in plans([r for r in rows if open_to(r)]))
    assert answer.solution.objective == best


HEAD = "customer_id,offer,channel,value,cost,agreed,sent\n"


def contacts(tmp_path, policy, history="customer_id,date,channel,offer\n"):
    (tmp_path / "c.csv").write_text(
        HEAD + "a,x,email,1,1,yes,0\na,y,email,2,1,yes,0\na,x,phone,4,1,,0\nb,x,email,1,1,no,3\nb,x,phone,4,1,yes,3\n"
    )
    (tmp_path / "h.csv").write_text(history)
    (tmp_path / "r.yaml").write_text(f"per_customer: {{contacts: {policy}}}\n")
    return allocate(tmp_path / "c.csv", tmp_path / "r.yaml")


def got(answer):
    return [(r["customer_id"], r["offer"], r["channel"]) for r in answer.rows.to_pylist()]


def test_consent_is_asked_by_channel_and_silence_is_none(tmp_path):
    assert got(contacts(tmp_path, "{consent: {email: agreed, phone: agreed}}")) == [
        ("a", "y", "email"),
        ("b", "x", "phone"),
    ]


def test_a_window_slides_and_ends_on_the_day_of_the_plan(tmp_path):
    """Two contacts at most within 7 days that end with 2026-03-10: those of the 4th to the 10th count, the 3rd does not."""
    policy = "{history: h.csv, as_of: 2026-03-10, caps: [{name: two a week, max: 2, window_days: 7%s}]}"
    head = "customer_id,date,channel,offer\n"
    inside = head + "a,2026-03-04,email,x\na,2026-03-10,phone,x\nzz,2026-03-10,phone,x\n"
    outside = head + "a,2026-03-03,email,x\na,2026-03-10,phone,x\n"
    assert got(contacts(tmp_path, policy % "", inside)) == [("b", "x", "phone")]
    assert got(contacts(tmp_path, policy % "", outside)) == [("a", "x", "phone"), ("b", "x", "phone")]
    one = policy.replace("max: 2", "max: 1")
    assert got(contacts(tmp_path, one % ", channel: phone", inside)) == [("a", "y", "email"), ("b", "x", "phone")]
    assert got(contacts(tmp_path, one % ", same_offer: true", inside)) == [("a", "y", "email"), ("b", "x", "phone")]


def test_contacts_counted_in_a_column(tmp_path):
    answer = contacts(tmp_path, "{caps: [{name: three, max: 3, column: sent}]}")
    assert got(answer) == [("a", "x", "phone")]
    assert answer.funnel() == [("capped", "three", 1)]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            """
constraints:
  - {name: a, measure: cost, max: -, min: 1}
  - {name: b, measure: costs, max: 1}
  - {name: c, measure: cost, min: 3, max: 1}
  - {name: d, measure: count, where: {channel: letter}, max: 1}
  - {name: e, parity: {by: channel, within: 0.1}}
  - {name: f, measure: cost, for_each: tier, max: {bronze: 3}}
per_customer:
  max_offers: none
""",
            [
                "5 constraints.c: expected min <= max",
                "4 constraints.b: {c} has no column 'costs'; did you mean 'cost'?",
                "3 constraints.a.max: expected a number",
                "10 per_customer.max_offers: expected a whole number",
                "6 constraints.d: where channel: nothing has the value 'letter'",
                "7 constraints.e: parity by 'channel': expected a label of customers",
                "8 constraints.f: max: tier has no value 'bronze'; known: gold, silver",
            ],
        ),
        ("constraints: [{name: a, measure: cost, max: {gold: 1}}]", ["1 constraints.a.max: bounds by value need 'for_each'"]),
        ("constraints: [{name: a, parity: {by: tier, within: 0.1}, max: 3}]", ["1 constraints.a.max: parity has its bound in 'within'"]),
        ("constraints: [{name: a, ratio: {of: value, to: cost}, min: 1, penalty: 3}]", ["1 constraints.a.penalty: a ratio has no units"]),
        ("constraints: [{name: a, measure: cost, equal: 1, max: 3}]", ["1 constraints.a: expected either 'equal' or"]),
        ("per_customer: {eligible: [{name: t, where: {offer: calls}, only: {tier: bronze}}]}",
         ["1 per_customer.eligible.t.where: no offer has offer 'calls'; did you mean 'call'?", "1 per_customer.eligible.t: nothing has tier 'bronze'; known: gold, silver"]),
        ("per_customer: {contacts: {caps: [{name: c, max: 1, window_days: 3}]}}", ["caps with window_days need 'history'", "caps with window_days need 'as_of'"]),
        ("risk_aversion: -1", ["1 risk_aversion: expected a number >= 0, got -1"]),
    ],
)  # fmt: skip
def test_every_problem_of_a_rules_file_at_once(tmp_path, text, problems):
    path, _ = make(tmp_path, 0)
    (tmp_path / "r.yaml").write_text(text.strip() + "\n" if not text.startswith("\n") else "\n" + text.strip() + "\n")
    with pytest.raises(CvmaxError) as error:
        allocate(path, tmp_path / "r.yaml")
    found = "\n".join(error.value.problems)
    for problem in problems:
        assert problem.replace("{c}", str(path)) in found, found


@pytest.mark.parametrize("seed", range(3))
def test_several_offers_a_customer_with_exclusions_and_prerequisites(tmp_path, seed):
    """Brute force over sets of offers: at most two, never call with gift, coupon only with call."""
    text = """
per_customer: {max_offers: 2, never_together: [[call, gift]], only_if: {coupon: call/phone}}
constraints: [{name: b, measure: cost, max: 12}, {name: v, measure: count, min: 6, penalty: 0.5}]
"""
    answer, rows = answer_of(tmp_path, text, seed, n=5)

    def sets(own):
        for size in range(3):
            for chosen in itertools.combinations(own, size):
                names = {row["offer"] for row in chosen}
                if not {"call", "gift"} <= names and not ("coupon" in names and "call" not in names):
                    yield chosen

    groups = [list(group) for _, group in itertools.groupby(rows, key=lambda row: row["customer_id"])]
    best = -math.inf
    for plan in itertools.product(*(list(sets(own)) for own in groups)):
        flat = [row for own in plan for row in own]
        if total(flat, "cost", {}) <= 12:
            best = max(best, total(flat, "value", {}) - 0.5 * max(0, 6 - len(flat)))
    assert answer.solution.objective == pytest.approx(best, abs=1e-4)
    assert sum(float(row["value"]) for row in answer.rows.to_pylist()) == pytest.approx(
        answer.document()["totals"]["value"]
    )
    assert answer.rows.num_rows >= answer.solution.selected
