"""One budget over new customers and offers: every split on the same luck; and the sheets of what surrounds the offers."""

import numpy as np
import pytest

from scenarios.jobs import Setup
from scenarios.loading import load
from scenarios.reading import results_from
from scenarios.report.around_sheets import around_sheets
from scenarios.report.columns import ranked
from scenarios.report.workbook import write_workbook
from scenarios.run import Options, play_main, run
from scenarios.split import SplitJob, play_split, split_curve
from scenarios.synthetic import SyntheticBase

N = 1500
QUICK = (f"population.customers={N}", "uncertainty.draws=0", "rules.budget.max=3000")


def setup_of(name="web_shop", *sets):
    scenario = load(name, (*QUICK, *sets)).scenario
    return Setup(scenario, SyntheticBase(scenario.population.synthetic), N)


def here(setup):
    return lambda function, jobs: (function(setup, job) for job in jobs)


@pytest.fixture(scope="module")
def found():
    setup = setup_of()
    return setup, split_curve(setup, "half new", -1, here(setup))


def test_today_s_split_is_the_main_run_s(found):
    """Same customers, luck, levers and rules: the same value to the last bit, but for the gap of small comparisons."""
    setup, split = found
    main = play_main(setup, ("half new", setup.makers(("half new",), {})["half new"]()))
    assert (split.today, split.at(0.5).difference, split.at(0.5).noise) == (0.5, 0.0, 0.0)
    assert split.at(0.5).clv_per_customer == pytest.approx(main.clv.mean(), rel=1e-12)
    assert split.at(0.5).joined == main.newcomers.count and split.at(0.5).acquisition == pytest.approx(
        main.newcomers.cost
    )


def test_the_best_is_the_best_of_all_that_were_tried_and_lies_between_its_neighbours(found):
    _, split = found
    shares = [p.share for p in split.points]
    assert shares == sorted(shares) and {0.0, 0.25, 0.5, 0.75, 1.0} <= set(shares) and len(shares) > 5
    assert split.best == max(split.points, key=lambda p: p.clv_per_customer).share
    assert split.at(0.0).joined == split.at(0.0).acquisition == 0 and split.at(1.0).promotion == 0
    joined = [p.joined for p in split.points]
    assert joined == sorted(joined)  # more money never wins fewer
    assert split.at(1.0).acquisition <= 4 * 3000


def test_a_strategy_s_own_lever_is_its_share_of_today():
    setup = setup_of()
    split = split_curve(setup, "most new", -1, here(setup))
    assert split.today == 0.85
    alone = play_split(setup, SplitJob("most new", 0.5, -1, N))
    again = play_split(setup, SplitJob("half new", 0.5, -1, N))
    assert np.array_equal(alone.clv, again.clv)  # two greedy strategies of the same needs differ in this lever alone


def test_where_the_best_customers_are_dear_the_whole_budget_develops():
    """Sources at a hundred times their cost: every customer won loses money, and the best share found is 0."""
    dear = [
        f"acquisition.sources.{name}.cost={cost}"
        for name, cost in (("search", 2400), ("display", 900), ("referral", 1200))
    ]
    setup = setup_of("web_shop", *dear)
    assert split_curve(setup, "half new", -1, here(setup)).best == 0.0


def test_no_split_without_one_budget():
    own = (
        "acquisition={budget_per_period: 100, sources: {search: {cost: 24, capacity_per_period: 20, segment: new}}}",
        "strategies=[none, {half new: {type: greedy}}]",
        "baseline=none",
        "capabilities={}",
    )
    for name, sets in (("starter", ()), ("web_shop", own)):
        scenario = load(name, (f"population.customers={N}", *sets)).scenario
        setup = Setup(scenario, SyntheticBase(scenario.population.synthetic), N)
        assert split_curve(setup, "half new", -1, here(setup)) is None


@pytest.fixture(scope="module")
def results():
    setup = setup_of()
    return run(setup.scenario, setup.base, Options(workers=1, sensitivity=False)).results


def test_sheets_hold_the_numbers_of_the_results(results):
    sheets = {name: (heads, rows, formats) for name, heads, rows, formats, _ in around_sheets(ranked(results), results)}
    assert {"growth", "new customers", "costs", "concentration", "returns and losses"} <= set(sheets)
    for heads, rows, formats in sheets.values():
        assert rows and all(len(row) == len(heads) == len(formats) for row in rows)
    heads, rows, _ = sheets["growth"]
    for row in rows:
        strategy, period, visits, orders, each, value, revenue = row
        if orders:
            assert visits * each * value == pytest.approx(revenue, rel=1e-12), (strategy, period)
    _, rows, _ = sheets["new customers"]
    for s in results.strategies:
        mine = [row for row in rows if row[0] == s.name]
        assert mine[0][2] == sum(row[2] for row in mine[1:]) and mine[0][3] == pytest.approx(
            sum(row[3] for row in mine[1:])
        )
    assert len(write_workbook(results)) > 10_000


def test_the_contact_centre_has_a_sheet():
    scenario = load("service_desk", ("population.customers=800", "uncertainty.draws=0")).scenario
    results = run(scenario, SyntheticBase(scenario.population.synthetic), Options(workers=1, sensitivity=False)).results
    rows = next(rows for name, _, rows, _, _ in around_sheets(ranked(results), results) if name == "contact centre")
    for row, s in zip(rows, ranked(results), strict=True):
        assert row[:2] == (s.name, s.service.contacts) and row[-1] == s.service.cost


def test_the_split_is_in_the_document_and_comes_back(found):
    setup, split = found
    results = run(setup.scenario, setup.base, Options(workers=1, strategies=("current_plan", "half new"))).results
    again = results_from(results.to_dict())
    assert again.split == results.split and again.split.strategy in ("current_plan", "half new")
    assert split.points
