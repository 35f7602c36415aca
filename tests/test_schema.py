"""The scenario schema: every message says where, expected, got, hint; every problem comes at once."""

import copy

import pytest

from scenarios.loading import load
from scenarios.paths import dotted, with_values
from scenarios.schema.assumptions import register
from scenarios.schema.references import warnings
from scenarios.schema.validate import validate, with_strategies_spelt_out
from scenarios.schema_json import scenario_schema

STARTER = load("starter").resolved  # strategies spelt out: {name: none, type: none}
GROCERY = load("grocery").resolved
SYNTHETIC = "population.synthetic"


def found(base, values, remove=()):
    """Problems of a shipped scenario with some values changed and some paths removed."""
    data, _ = with_values(base, values)
    for path in remove:
        *above, last = path.split(".")
        target = data
        for part in above:
            target = target[part]
        del target[last]
    data = with_strategies_spelt_out(data)
    return [f"{dotted(path, data)}: {sentence}" for path, sentence in validate(data)[1]]


def test_shipped_scenarios_hold():
    for data in (STARTER, GROCERY):
        assert validate(data)[1] == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("seed", -1, "expected a number >= 0, got -1"),
        ("seed", "012", "expected a whole number, got '012'; write it in plain digits, like 1200 or 0.05 or 1e6"),
        ("seed", True, "expected a whole number, got True"),
        ("name", 12, "expected text, got 12; put it in quotes"),
        ("name", None, "expected text, got nothing"),
        ("name", "", "expected text that is not empty, got ''"),
        ("time.period", "weak", "expected one of week, day, month, got 'weak'; did you mean 'week'?"),
        ("time.horizon_periods", 0, "expected a number >= 1, got 0"),
        ("time.horizon_periods", 1.5, "expected a whole number, got 1.5"),
        ("time.discount_rate_annual", "12:30", "expected a number, got '12:30'; write it in plain digits, like 1200 or 0.05 or 1e6"),
        ("time.discount_rate_annual", float("inf"), "expected a finite number, got inf"),
        ("time", [], "expected a mapping, got a list"),
        ("margins.gross_margin_rate", 0, "expected a number > 0, got 0"),
        ("channels.email.cost_per_contact", -3, "expected a number >= 0, got -3"),
        ("contact_policy.control_group", 1, "expected a number < 1, got 1"),
        ("offers.coupon_15.depth", 1.2, "expected a number <= 1, got 1.2"),
        ("offers.coupon_15.channels", ["email", "email"], "'email' is named twice"),
        ("offers.coupon_15.channels", [], "expected at least one entry, got none"),
        ("offers.coupon_15.channels", ["e-mail"], "unknown channel 'e-mail'; did you mean 'email'?"),
        ("offers.coupon_15.effects.orders.source", "guess", "expected one of fitted, published, assumed, given, got 'guess'"),
        ("offers.coupon_15.effects.response.by_segment", {"loyl": 0.4}, "unknown segment 'loyl'; did you mean 'loyal'?"),
        ("offers.coupon_15.dept", 0.1, "unknown key 'dept'; did you mean 'depth'?"),
        ("strategies", ["optmal"], "expected one of current_plan, none, everyone, random, top_rfm, top_clv, best_per_segment, greedy, optimal, optimal_over_time, got 'optmal'; did you mean 'optimal'?"),
        ("baseline", "curent_plan", "unknown strategy 'curent_plan'; did you mean 'current_plan'?; a baseline is one of the strategies"),
        ("population.customers", "many", "expected a whole number, got 'many'"),
        ("population.state_dependence", 1.5, "expected 0 to 1, got 1.5"),
        (f"{SYNTHETIC}.transition.loyal", {"loyal": 0.9, "regular": 0.02}, "expected a row that sums to 1, got 0.92 (-0.08)"),
        (f"{SYNTHETIC}.transition.loyal", {"loyal": 0.9, "regulr": 0.1}, "unknown segment 'regulr'; did you mean 'regular'?"),
        (f"{SYNTHETIC}.order_value", {"distribution": "gamma_gamma", "p": 6.0, "q": 3.0, "gamma": 15.0, "mean": 3.0}, "a gamma_gamma order value has no 'mean'; it has p, q, gamma"),
        (f"{SYNTHETIC}.order_value.distribution", "gamma_gamma", "a gamma_gamma order value needs 'p'"),
        ("rules.budget.where", {"ofer": ["coupon_15"]}, "unknown label 'ofer'; did you mean 'offer'?"),
        ("rules.budget.where", {"offer": "coupon_51"}, "unknown offer 'coupon_51'; did you mean 'coupon_15'?"),
        ("rules.budget.where", {"offer": "personal_call", "channel": "email"}, "the filter can match nothing"),
        ("rules.budget.measure", "costs", "unknown measure 'costs'; did you mean 'cost'?"),
        ("rules.budget.min", 9000, "expected min <= max, got 9000 > 4000"),
        ("rules.budget.max", -5, "expected a number >= 0, got -5; no plan has less cost than none"),
        ("rules.budget.ratio", {"of": "margin", "to": "revenue"}, "expected exactly one of 'measure' and 'ratio'"),
        ("strategies.current_plan.channel", "phone", "'coupon_15' does not go through 'phone'; known: email"),
        ("strategies.current_plan.share", 0.1, "a strategy of type current_plan has no option 'share'; it has channel, file, offer, where"),
        ("strategies.current_plan.file", "plan.csv", "the current plan needs either an offer or a file"),
        ("strategies.current_plan.where", {"segment": ["loyl"]}, "unknown segment 'loyl'; did you mean 'loyal'?"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be(path, value, problem):
    problems = found(STARTER, {path: value})
    assert any(problem in text for text in problems), problems


@pytest.mark.parametrize(
    ("changes", "remove", "problem"),
    [
        ({}, ["offers.produce_trial.category"], "offers.produce_trial: a cross_sell offer needs a 'category'"),
        ({}, ["offers.produce_trial.effects.ownership"], "offers.produce_trial.effects: a cross_sell offer needs 'ownership'"),
        ({}, ["offers.winback.effects.attrition"], "offers.winback.effects: a retention offer needs 'attrition'"),
        ({}, ["offers.coupon_10.depth"], "offers.coupon_10.depth: a discount needs a depth > 0, got 0"),
        ({"offers.reminder.depth": 0.1}, [], "offers.reminder.depth: a contact gives nothing away, got depth 0.1; use kind: discount"),
        ({"offers.reminder.category": "MEAT"}, [], "offers.reminder.category: only a cross_sell offer has a category, this one is a contact"),
        ({"offers.produce_trial.category": "PRODUC"}, [], "offers.produce_trial.category: unknown category 'PRODUC'; did you mean 'PRODUCE'?"),
        ({"offers.winback.effects.move": {"to": "x", "probability": 0.1, "source": "given"}}, [], "offers.winback.effects: attrition and move both change"),
        ({}, ["offers.reminder.effects.orders"], "offers.reminder.effects: a response that changes nothing only costs"),
        ({}, ["offers.reminder.effects.response.base"], "offers.reminder.effects.response: expected 'base' or 'by_segment'"),
        ({}, ["offers.reminder.effects.response.source"], "offers.reminder.effects.response: 'source' is missing"),
        ({}, ["contact_policy.window_periods"], "contact_policy: max_contacts and window_periods come together; window_periods is missing"),
        ({"population.fitted": "x.yaml"}, [], "population: expected exactly one of 'fit', 'fitted', 'synthetic', got fit and fitted"),
        ({"population.fit.transactions": "x.csv"}, [], "population.fit: expected exactly one of 'dataset' and 'transactions'"),
        ({"population.fit.segments": {"heavy": {"frequency_min": 5, "frequency_max": 2}, "rest": {}}}, [], "population.fit.segments.heavy: expected frequency_min <= frequency_max, got 5 > 2"),
        ({"population.fit.segments": {"heavy": {"value_min": 5, "value_quantile_min": 0.8}, "rest": {}}}, [], "population.fit.segments.heavy: expected value_min or value_quantile_min, got both"),
        ({"population.fit.segments": {"all": {}, "rest": {"value_min": 1}}}, [], "population.fit.segments.all: expected a bound, or none is left for the next"),
        ({"population.fit.segments": {"rest": {"value_min": 1}}}, [], "population.fit.segments.rest: expected no bounds, it takes the rest; got value_min"),
        ({"population.fit.until": "2017-13-01"}, [], "population.fit.until: expected a date like 2024-12-31, got '2017-13-01'"),
        ({"population.fit.categories": "PRODUCE"}, [], "population.fit.categories: expected a whole number or a list, got 'PRODUCE'"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_together(changes, remove, problem):
    problems = found(GROCERY, changes, remove)
    assert any(text.startswith(problem) for text in problems), problems


def test_all_problems_come_at_once_also_between_sections():
    problems = found(
        STARTER,
        {
            "seed": "x",
            "offers.coupon_15.depth": -1,
            "offers.newsletter.channels": ["emial"],
            "strategies.current_plan.offer": "coupon_51",
            "rules.budget.min": 9000,
            f"{SYNTHETIC}.segments.new.share": 0.3,
            "overrides.half the budget": 3,
        },
    )
    assert sorted(problems) == [
        "offers.coupon_15.depth: expected a number >= 0, got -1",
        "offers.newsletter.channels: unknown channel 'emial'; did you mean 'email'?",
        "overrides.half the budget: expected a mapping, got 3",
        "population.synthetic.segments: expected shares that sum to 1, got 1.1 (+0.1)",
        "rules.budget: expected min <= max, got 9000 > 4000",
        "seed: expected a whole number, got 'x'",
        "strategies.current_plan.offer: unknown offer 'coupon_51'; did you mean 'coupon_15'?",
    ]


def test_a_fault_in_one_strategy_does_not_move_the_others():
    problems = found(
        STARTER, {"strategies": ["optmal", {"current_plan": {"offer": "x", "channel": 3}}, "none", "none"]}
    )
    assert any(text.startswith("strategies.current_plan.channel: expected text, got 3") for text in problems), problems
    assert "strategies: 'none' is the name of two strategies" in problems
    assert not any("baseline" in text for text in problems)


def test_empty_and_missing_sections():
    scenario, problems = validate({})
    assert {text for _, text in problems} == {
        f"{key!r} is missing"
        for key in ("name", "time", "population", "margins", "channels", "offers", "strategies", "baseline")
    }
    assert scenario.rules == ()
    assert found(STARTER, {"offers": {}}) == [
        "offers: expected at least one entry, got none",
        "strategies.current_plan.offer: unknown offer 'coupon_15'; there are none",
    ]


def test_a_strategy_may_be_a_name_a_named_mapping_or_spelt_out():
    options = [
        "none",
        {"few": {"type": "top_rfm", "share": 0.1}},
        {"name": "spelt out", "type": "everyone", "share": 1},
    ]
    data, _ = with_values(STARTER, {"strategies": options, "baseline": "few"})
    scenario, problems = validate(data)
    assert problems == []
    assert [(s.name, s.type, s.share) for s in scenario.strategies] == [
        ("none", "none", None),
        ("few", "top_rfm", 0.1),
        ("spelt out", "everyone", 1),
    ]


def test_whole_numbers_may_be_written_with_an_exponent():
    data, _ = with_values(STARTER, {"population.customers": 1e6})
    customers = validate(data)[0].population.customers
    assert customers == 1_000_000
    assert type(customers) is int


def test_state_dependence_has_a_default_that_says_so():
    fitted = copy.deepcopy(GROCERY)
    del fitted["population"]["state_dependence"]
    for data, value in ((fitted, 0.5), (STARTER, 1.0)):
        kappa = validate(data)[0].population.kappa
        assert (kappa.value, kappa.source) == (value, "assumed")


def test_time_converts_rates_and_spans():
    time = load("grocery").scenario.time
    assert time.discount_factor == pytest.approx(1.10 ** (-1 / 52))  # the reference model's weekly factor
    assert (time.periods_in("year"), time.periods_in("quarter")) == (52, 13)


def test_a_discount_deeper_than_the_margin_is_a_warning():
    data, _ = with_values(STARTER, {"offers.coupon_15.depth": 0.5, "rules": []})
    scenario, problems = validate(data)
    assert problems == []
    assert [text for _, text in warnings(scenario)] == [
        "a discount of 0.5 on a margin of 0.35 loses money on every order; min_margin_rate would hold it back",
        "no rule limits cost: every strategy may spend what it likes",
    ]


@pytest.mark.parametrize(
    ("path", "value", "remark"),
    [
        ("time.discount_rate_annual", 10.0, "10 is 1000% a year; 10 % is written 0.10"),
        ("offers.coupon_15.effects.orders.lift", 80.0, "80 brings 80 extra orders for each that would come anyway; 10 % more is 0.10"),
        ("planning.every_periods", 26, "2 of 4 windows hold no decision, and their amount is never used; plan more often"),
    ],
)  # fmt: skip
def test_what_is_allowed_but_seldom_meant_is_a_warning(path, value, remark):
    scenario, problems = validate(with_values(STARTER, {path: value})[0])
    assert problems == []
    assert remark in [text for _, text in warnings(scenario)]


def test_every_assumption_is_a_path_that_can_be_set():
    for name in ("starter", "grocery"):
        loaded = load(name)
        found = register(loaded.scenario)
        assert len({item.path for item in found}) == len(found) > 10
        for item in found:
            revised = loaded.revised({item.path: item.value})
            assert revised.scenario.offers == loaded.scenario.offers
    by_path = {item.path: item for item in register(load("grocery").scenario)}
    lift = by_path["offers.coupon_10.effects.orders.lift"]
    assert (lift.source, lift.sd) == ("assumed", 0.15)
    assert by_path["population.state_dependence"].source == "assumed"


def test_the_json_schema_accepts_what_is_shipped_and_refuses_a_misspelt_key():
    jsonschema = pytest.importorskip("jsonschema")
    schema = scenario_schema()
    lone, _ = with_values(STARTER, {"offers.coupon_15.channels": "email", "rules.budget.where": {"offer": "coupon_15"}})
    assert validate(lone)[1] == []
    for data in (STARTER, GROCERY, lone, {"extends": "grocery", "seed": 3}):
        jsonschema.validate(data, schema)
    for wrong in ({**STARTER, "sede": 1}, {"seed": 3}, with_values(STARTER, {"offers.coupon_15.depht": 1})[0]):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)
