"""One check tells all that can be told: whatever the faulty values should have been, the rest is held against itself."""

import copy
import random
import re
from importlib import resources

import pytest

from scenarios.errors import ConfigError
from scenarios.loading import load, shipped
from scenarios.schema.validate import validate

TEN = """\
name: ten
currency: !x EUR
seed: -1
seed: 3
time: {period: week, horizon_periods: 26, discount_rate_annual: 0.10}
population:
  customers: 20000
  synthetic:
    segments:
      active: {share: 0.7, orders_per_period: 0.4}
      fading: {share: 0.3, orders_per_period: much}
      gone: {share: 0.1, orders_per_period: 0.0, lapsed: true}
    transition:
      active: {active: 0.95, fading: 0.15}
      fading: {fading: 0.88, active: 0.05, gon: 0.07}
      gone: {gone: 1.0}
    order_rate_shape: 2.0
    order_value: {distribution: lognormal, mean: 40.0}
margins: {gross_margin_rate: 35, cost_to_serve_per_order: 1.0}
channels:
  email: {cost_per_contact: 0.05}
  mail: {cost_per_contact: 0.60, capacity_per_periods: 2000}
offers:
  coupon:
    {kind: discount, depth: 0.15, duration_periods: 2, channels: [emial],
     effects: {response: {base: high, source: assumed}, orders: {lift: 0.8, sd: 0.2, source: assumed}}}
  letter:
    {kind: retention, duration_periods: 6, channels: [mail],
     effects: {response: {by_segment: {fadig: 0.25}, base: 0.05, source: assumed},
               attrition: {reduction: 0.5, sd: 0.1, source: guess}}}
contact_policy: {max_contacts: 2, window_periods: 4, control_group: 0.05}
rules:
  - {name: budget, measure: cost, max: 5000, per: quarter}
  - {name: budget, measure: costs, max: 5000, per: quarter}
planning: {every_periods: 2, knowledge: model}
strategies:
  - none
  - current_plan: {offer: coupn, where: {segment: [active]}}
  - greedy
  - optimall
baseline: current
overrides:
  half the budget: {rules.budgets.max: 2500}
  two: {offers.coupon.depth: 3}
"""
TOLD = """\
3 seed: expected a number >= 0, got -1
9 population.synthetic.segments: expected shares that sum to 1, got 1.1 (+0.1)
11 population.synthetic.segments.fading.orders_per_period: expected a number, got 'much'
14 population.synthetic.transition.active: expected a row that sums to 1, got 1.1 (+0.1)
15 population.synthetic.transition.fading: unknown segment 'gon'; did you mean 'gone'?
18 population.synthetic.order_value: a lognormal order value needs 'sigma'
19 margins.gross_margin_rate: expected a number <= 1, got 35
22 channels.mail.capacity_per_periods: unknown key 'capacity_per_periods'; did you mean 'capacity_per_period'?
25 offers.coupon.channels: unknown channel 'emial'; did you mean 'email'?
26 offers.coupon.effects.response.base: expected a number, got 'high'
29 offers.letter.effects.response.by_segment: unknown segment 'fadig'; did you mean 'fading'?
30 offers.letter.effects.attrition.source: expected one of fitted, published, assumed, given, got 'guess'
32 rules: 'budget' is the name of two rules
34 rules.budget: unknown measure 'costs'; did you mean 'cost'?
38 strategies.current_plan.offer: unknown offer 'coupn'; did you mean 'coupon'?
40 strategies.optimall.type: expected one of current_plan, none, everyone, random, top_rfm, top_clv, best_per_segment, greedy, optimal, optimal_over_time, got 'optimall'; did you mean 'optimal'?
41 baseline: unknown strategy 'current'; did you mean 'current_plan'?; a baseline is one of the strategies
2 currency: unknown tag '!x'; remove it
4 seed: the key is already in line 3; keep one
43 overrides.half the budget: rules.budgets.max: unknown path 'rules.budgets'; did you mean 'budget'?
44 overrides.two: offers.coupon.depth: expected a number <= 1, got 3
"""


def told(reference, **options):
    with pytest.raises(ConfigError) as caught:
        load(reference, **options)
    return list(caught.value.problems)


def test_twenty_mistakes_are_told_at_once(tmp_path):
    path = tmp_path / "ten.yaml"
    path.write_text(TEN)
    assert told(path) == [f"{path}:{line}" for line in TOLD.splitlines()]


def test_so_are_sets_and_overrides():
    problems = told("starter", sets=("a", "b.c=3", "seed=x", "rules.budget.max=-4"), override="tw")
    assert [text.partition(",")[0].partition(";")[0] for text in problems][:2] == [
        "--set seed: expected a whole number",
        "--set rules.budget.max: expected a number >= 0",
    ]
    assert "unknown path 'b'" in problems[2]
    assert "unknown override 'tw'" in problems[3]
    assert problems[4] == "--set a: expected path=value, like rules.budget.max=30000"


@pytest.mark.parametrize("name", ["club", "deals", "toy_shop"])
def test_a_fault_in_one_value_says_nothing_of_others(name):
    """Each value of a sound scenario in turn is made nonsense; but for names, nothing else is wrong with it then."""
    sound = load(name).resolved
    elsewhere = set()
    for path in leaves(sound):
        data = copy.deepcopy(sound)
        inside = data
        for part in path[:-1]:
            inside = inside[part]
        inside[path[-1]] = [[]]
        found = [at for at, _ in validate(data)[1]]
        assert found, path
        elsewhere |= {at for at in found if at[: len(path)] != path and path[: len(at)] != at}
    assert elsewhere == set()


@pytest.mark.parametrize(
    ("name", "old", "new", "unsaid"),
    [
        ("subscription", "model: pareto_nbd", "modl: pareto_nbd", "does not define"),
        ("subscription", "dynamics:", "dynamic:", "does not define"),
        ("subscription", "lapsed: true", "lapsed: '?!'", "lapsed segment|no segment is lapsed"),
        ("subscription", "lapsed: true", "lapse: true", "no segment is lapsed"),
        ("subscription", "period: month", "peri: month", "competition"),
        ("bank", "- {name: ", "- {nam: ", "unknown strategy|None"),
        ("web_shop", "measure: cost", "measur: cost", "no rule limits"),
        ("web_shop", "measure: cost", "measure: 3", "no rule limits"),
        ("web_shop", "channels:", "channel:", "there are none"),
        ("bank", "channels: [adviser", "channels: [advise", "the filter can match nothing"),
    ],
)  # fmt: skip
def test_what_may_hold_once_a_fault_is_mended_is_not_told(tmp_path, name, old, new, unsaid):
    text = (resources.files("scenarios") / "library" / f"{name}.yaml").read_text()
    assert old in text
    (tmp_path / "s.yaml").write_text(text.replace(old, new))
    assert not [problem for problem in told(tmp_path / "s.yaml") if re.search(unsaid, problem)]


def test_whatever_is_broken_nothing_crashes_and_no_sentence_says_none():
    """Parts of the shipped scenarios by lot, made nonsense, taken out or misspelt."""
    lot = random.Random(7)
    sound = {name: load(name).resolved for name in shipped()}
    for _ in range(250):
        name, way = lot.choice(list(sound)), lot.choice(["?!", [[]], -1e9, True, "gone", "misspelt"])
        data = copy.deepcopy(sound[name])
        path = lot.choice(list(parts(data)))
        inside, last = data, path[-1]
        for part in path[:-1]:
            inside = inside[part]
        value = inside.pop(last) if way in ("gone", "misspelt") else None
        if way == "misspelt" and isinstance(inside, dict):
            inside[f"{last}~"] = value
        elif value is None:
            inside[last] = way
        for at, sentence in validate(data)[1]:
            assert "None" not in sentence, (name, path, way, at, sentence)
            near = at[: len(path)] == path or path[: len(at)] == at
            by_name = sentence.startswith("unknown ") or "does not go through" in sentence
            assert near or way in ("gone", "misspelt") or by_name, (
                name,
                path,
                way,
                at,
                sentence,
            )


def parts(value, path=()):
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if path or key != "overrides":
            yield (*path, key)
            yield from parts(item, (*path, key))


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, item in value.items():
            if path or key != "overrides":
                yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("log.csv", "customer_id,date,amount\n1,2024-01-01,3\n", "looks like a table of data, expected YAML of a scenario; hint: `cvmax fit`"),
        ("log", "customer_id;date;amount\n1;2024-01-01;3\n" * 2000, "looks like a table of data, expected YAML of a scenario; hint: `cvmax fit`"),
        ("a.yaml", "", "expected keys and values, got an empty file; hint: `cvmax new NAME` writes a scenario to start from"),
        ("a.yaml", "word " * 999, "expected a mapping (key: value), got 'word word word word word word word word word word word word '... (4,994 characters)"),
    ],
)  # fmt: skip
def test_what_is_no_scenario_is_told_by_its_looks(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    (problem,) = told(tmp_path / name)
    assert said in problem and len(problem) < 400
