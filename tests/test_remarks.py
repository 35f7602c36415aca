"""What a run says of its own limits: too few draws, amounts meant for other customers, costs that only some bear."""

import dataclasses
import shlex

import pytest
from fake_results import fake_results

from cli import tells_much
from scenarios.chance import ENOUGH_DRAWS, MORE_DRAWS, chance
from scenarios.loading import load
from scenarios.report import columns as cols
from scenarios.results import Interval
from scenarios.verdict import verdict


@pytest.mark.parametrize(
    ("share", "draws", "words"),
    [
        (1.0, 2, "no value"), (float("nan"), 40, "no value"), (1.0, 5, "over 80 %"), (0.0, 6, "under 20 %"), (0.47, 6, "40 %"),
        (0.97, 16, "over 90 %"), (0.62, 16, "60 %"), (0.02, 40, "under 5 %"), (0.62, 40, "60 %"), (0.623, 1000, "62 %"), (1.0, 1000, "over 99 %"),
    ],
)  # fmt: skip
def test_a_chance_has_the_digits_that_the_draws_carry(share, draws, words):
    assert chance(share, draws) == words


AHEAD = Interval(-1.0, 3.0)


def told(draws, ahead=AHEAD, behind=1.0):
    results = fake_results()
    strategies = [dataclasses.replace(s, p_best=0.98, behind=behind, behind_ci=ahead) for s in results.strategies]
    return verdict(strategies, "optimal", results.baseline, (), "EUR", draws, 0.95)


def test_a_verdict_of_few_draws_says_so_and_names_no_chance():
    assert f"2 draws are too few to tell: take at least {ENOUGH_DRAWS}" in told(2)
    assert "probability of being best" not in told(2)
    assert "too few" not in told(0) and "too few" not in told(40)
    assert "probability of being best over 95 % and over 95 %" in told(40)


def test_who_came_to_the_same_is_level_and_not_a_matter_of_luck():
    assert "level with greedy, which came to the same" in told(40, Interval(0.0, 0.0), 0.0)
    assert "level" not in told(40)


def test_tables_of_few_draws_have_no_chance():
    column = next(c for c in cols.VALUE if c.key == "p_best")
    few = dataclasses.replace(fake_results(), draws=2)
    assert set(cols.cells(column, cols.ranked(few), draws=2)) == {"no value"}
    assert "2 draws are too few to tell" in cols.legend(few)[0]
    many = dataclasses.replace(few, draws=40)
    assert all("%" in cell for cell in cols.cells(column, cols.ranked(many), draws=40))


def test_amounts_that_were_meant_for_other_customers_are_named():
    (warning,) = load("starter", ("population.customers=2000",)).warnings
    assert warning == (
        "population.customers: 20,000 -> 2,000, but amounts stay, so that a customer has 10 times as much; "
        "in proportion: --set rules.budget.max=400 --set channels.phone.capacity_per_period=100"
    )
    scaled = ("population.customers=2000", "rules.budget.max=400", "channels.phone.capacity_per_period=100")
    assert load("starter", scaled).warnings == ()
    (warning,) = load("starter", ("population.customers=40000",)).warnings
    assert "a customer has 1/2 of it; in proportion: --set rules.budget.max=8000" in warning
    (warning,) = load("service_desk", ("population.customers=4000",)).warnings
    assert "--set service.agents=3" in warning


@pytest.mark.parametrize("customers", [800_000_000, 2_000, 3])
def test_what_a_remark_proposes_can_be_pasted(tmp_path, customers):
    releases = "[{period: 0, amount: 10000}, {period: 13, amount: 8000.0}]"
    (tmp_path / "s.yaml").write_text(
        f"extends: starter\noverrides: {{half the budget: null}}\nrules: [{{name: budget, measure: cost, releases: {releases}}}]\n"
    )
    (warning,) = load(tmp_path / "s.yaml", (f"population.customers={customers}",)).warnings
    assert "e+" not in warning and "e-" not in warning
    proposed = shlex.split(warning.partition("in proportion: ")[2])[1::2]
    scaled = load(tmp_path / "s.yaml", (f"population.customers={customers}", *proposed))
    assert scaled.warnings == ()
    factor = customers / 20_000
    assert [r.amount for r in scaled.scenario.rules[0].releases] == pytest.approx([10_000 * factor, 8_000 * factor])
    if customers == 800_000_000:
        assert "a customer has 1/40000 of it" in warning
        assert "amount: 400000000}" in warning


def test_a_capability_that_only_some_planners_pay_for_is_warned_about(tmp_path):
    text = """
extends: toy_shop
capabilities: {model: {once: 100, needed_by: [WHO]}}
"""
    for who, warned in (("optimal", True), ("optimal, optimal_over_time", False), ("current_plan", False)):
        (tmp_path / "s.yaml").write_text(text.replace("WHO", who))
        warnings = load(tmp_path / "s.yaml").warnings
        assert bool(warnings) == warned
        if warned:
            assert warnings[0].endswith(
                "s.yaml:3 capabilities.model.needed_by: needed by optimal, not by optimal_over_time, though both optimise; "
                "who does not pay may win by that alone"
            )


@pytest.mark.parametrize(("text", "shown"), [("outer draw 1 of 40", False), ("outer draw 10 of 40", True), ("outer draw 40 of 40", True), ("reading", True), ("outer draw 1 of 2", True)])  # fmt: skip
def test_a_log_gets_the_quarters_of_counted_steps(text, shown):
    assert tells_much(text) == shown
    assert sum(tells_much(f"outer draw {i + 1} of 40") for i in range(40)) == 4


def test_clear_of_luck_is_not_called_unsure_and_one_advice_is_given():
    """Without draws the interval holds luck alone: clear of 0 is no doubt of luck, and what it rests on is said."""
    results = fake_results()
    rows = [dataclasses.replace(s, difference_ci=Interval(1.0, 3.0)) for s in results.strategies]
    said = verdict(rows, "optimal", results.baseline, (), "EUR", 0, 0.95)
    assert "earns, if the assumptions hold," in said and "not surely) " not in said
    rows = [dataclasses.replace(s, difference_ci=Interval(-1.0, 3.0)) for s in results.strategies]
    assert "may earn (not surely)" in verdict(rows, "optimal", results.baseline, (), "EUR", 0, 0.95)
    assert MORE_DRAWS in told(2)
    for draws in (0, 3):
        assert MORE_DRAWS in cols.legend(dataclasses.replace(results, draws=draws))[0]


def test_a_baseline_that_the_rules_silence_is_named():
    results = fake_results()
    rows = [
        dataclasses.replace(s, contacts_per_customer=0.0) if s.name == results.baseline else s
        for s in results.strategies
    ]
    words = f"{results.baseline} contacts nobody under the rules"
    assert words in verdict(rows, "optimal", results.baseline, (), "EUR", 40, 0.95, plans=True)
    assert words not in verdict(rows, "optimal", results.baseline, (), "EUR", 40, 0.95)
    assert words not in verdict(results.strategies, "optimal", results.baseline, (), "EUR", 40, 0.95, plans=True)
