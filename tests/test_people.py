"""What a run says of its customers: concentration by closed forms, returns that add up, losers named, segments as seen."""

import io

import numpy as np
import pytest
from scipy import special, stats

from scenarios.concentrations import concentration
from scenarios.jobs import Setup, Stages
from scenarios.loading import load
from scenarios.reading import results_from
from scenarios.report.console import print_results
from scenarios.run import Options, play_main, run
from scenarios.session import tables
from scenarios.strategies.optimising import Nobody
from scenarios.synthetic import SyntheticBase

FEW = Options(workers=1, sensitivity=False, draws=0)


def setup_of(name, *sets):
    scenario = load(name, ("uncertainty.draws=0", *sets)).scenario
    customers = scenario.population.customers
    return Setup(scenario, SyntheticBase(scenario.population.synthetic), customers)


def done(name, *sets, strategies=None):
    setup = setup_of(name, *sets)
    return run(setup.scenario, setup.base, Options(workers=1, sensitivity=False, draws=0, strategies=strategies))


# concentration


@pytest.mark.parametrize("shape", [0.4, 1.0, 3.0])
def test_gamma_traits(shape):
    """Gini of Gamma(k) is G(k + 1/2) / (sqrt(pi) G(k + 1)); the share of the top tenth 1 - F_{k+1}(F_k^{-1}(0.9))."""
    n = 200_000
    c = concentration(stats.gamma(shape).ppf((np.arange(n) + 0.5) / n))
    assert c.gini == pytest.approx(special.gamma(shape + 0.5) / (np.sqrt(np.pi) * special.gamma(shape + 1)), abs=2e-4)
    assert c.top_tenth == pytest.approx(1 - stats.gamma(shape + 1).cdf(stats.gamma(shape).ppf(0.9)), abs=2e-4)


@pytest.mark.parametrize("sigma", [0.3, 1.0])
def test_lognormal_traits(sigma):
    """Gini erf(sigma / 2); Lorenz curve Phi(Phi^-1(p) - sigma)."""
    n = 200_000
    c = concentration(np.exp(sigma * stats.norm.ppf((np.arange(n) + 0.5) / n)))
    assert c.gini == pytest.approx(special.erf(sigma / 2), abs=2e-4)
    p = np.linspace(0, 1, 21)
    np.testing.assert_allclose(c.lorenz, stats.norm.cdf(stats.norm.ppf(p) - sigma), atol=5e-4)


def test_losses_hold_nothing_and_nobody_holds_no_share():
    assert concentration(np.array([-5.0, 0, 5, 5])).lorenz[-1] == 1
    assert concentration(np.array([-5.0, 0.0])) is None and concentration(np.zeros(0)) is None


def nbd_gini(r, mean):
    """Gini of a negative binomial: sum of F (1 - F) over the mean."""
    law = stats.nbinom(r, r / (r + mean))
    below = law.cdf(np.arange(2000))
    return float((below * (1 - below)).sum() / mean)


def test_a_few_heavy_buyers_carry_a_run():
    """Orders of gamma-distributed rates over T periods are negative binomial; 4 standard errors by the jackknife's size."""
    names = ("new", "occasional", "regular", "loyal", "at_risk", "lapsed")
    stay = ", ".join(f"{name}: {{{name}: 1.0}}" for name in names)
    shares = [f"population.synthetic.segments.{name}.share={float(name == 'regular')}" for name in names]
    setup = setup_of(
        "starter",
        *shares,
        f"population.synthetic.transition={{{stay}}}",
        "population.synthetic.segments.regular.orders_per_period=0.2",
        "population.synthetic.order_rate_shape=0.6",
    )
    played = play_main(setup, ("none", Nobody()))
    horizon = setup.scenario.time.horizon_periods
    assert played.held["orders"].gini == pytest.approx(nbd_gini(0.6, 0.2 * horizon), abs=0.012)
    assert played.held["orders"].top_tenth > 0.35


# what loses money


@pytest.fixture(scope="module")
def insurance():
    return done("insurance", "population.customers=3000")


def test_returns_of_offers_and_of_channels_add_up_to_what_the_strategy_brought(insurance):
    """Identity, on common random numbers: nobody without a contact differs from doing nothing."""
    for s in insurance.results.strategies:
        brought = s.realised * 3000
        for kind in ("offer", "channel"):
            if s.returns:
                assert sum(r.value for r in s.returns if r.kind == kind) == pytest.approx(
                    brought, abs=1e-6 * abs(brought)
                )
                contacts = sum(r.contacts for r in s.returns if r.kind == kind)
                assert contacts == sum(s.contacts_by_arm.values())
    names = {r.name for r in insurance.results.strategy("everyone").returns if r.kind == "category"}
    assert names == {"home", "motor"}  # a bundle counts for both of its categories


def test_an_offer_that_costs_more_than_it_brings_is_named():
    ruinous = ("population.customers=4000", "offers.coupon_15.depth=0.9", "offers.coupon_15.effects.orders.lift=0.0")
    results = done("starter", *ruinous, strategies=("none", "current_plan")).results
    s = results.strategy("current_plan")
    assert {(r.kind, r.name) for r in s.returns if r.loses} == {("offer", "coupon_15"), ("channel", "email")}
    text = io.StringIO()
    assert results.baseline == "current_plan"
    print_results(results, file=text, width=160)
    assert "offer coupon_15 -" in text.getvalue().split("Losing money under current_plan:")[1]
    assert s.losing.orders_share > 0 and s.losing.customers_share == s.losing.customers / 4000
    played = sum(s.losing.share_by_segment.values())
    assert played > 0 and all(0 < x <= 1 for x in s.losing.share_by_segment.values())
    assert results_from(results.to_dict()) is not None


def test_set_up_is_the_offer_s_own_and_levers_have_no_returns():
    results = done("web_shop", "population.customers=1500").results
    plain = results.strategy("current_plan")
    offer, channel = (next(r for r in plain.returns if r.kind == kind) for kind in ("offer", "channel"))
    setup = load("web_shop").scenario.offers[offer.name].setup_cost
    assert channel.value - offer.value == pytest.approx(setup)  # first sent in period 0
    assert results.strategy("no new").returns == ()


def test_losing_customers_are_those_of_the_base():
    played = {}
    setup = setup_of("web_shop", "population.customers=1500")
    for name in ("current_plan", "no new"):
        played[name] = play_main(setup, (name, setup.makers((name,), {name: 0})[name]()))
        lost = played[name].losing
        assert lost.customers == sum(lost.by_segment) <= 1500 and (lost.margin < 0) == (lost.customers > 0)


# segments as seen


def test_a_planner_without_lag_sees_segments_as_they_are(insurance):
    for s in insurance.results.strategies:
        assert s.seen is None or s.seen.correct == 1.0


def test_stale_data_show_the_segment_of_a_decision_ago():
    """Seen rightly after a lag of one decision of E periods: sum of pi[s, t - E] P^E[s, s]; the first decision sees the truth."""
    setup = setup_of(
        "starter", "population.customers=20000", "planning.data_lag_decisions=1", "contact_policy.control_group=0"
    )
    drawn = setup.base.draw(20_000, setup.scenario.seed, 1.0)
    stages = Stages(setup, drawn, setup.scenario.seed)

    class Idle(Nobody):
        pass

    class Watcher:
        """Plans nothing, but is asked."""

        def choose(self, view):
            return Idle().choose(view)

    played = stages.play("none", Watcher(), keep_plans=True)
    p = setup.base.segments(1.0).transition
    every, horizon = setup.scenario.planning.every_periods, setup.scenario.time.horizon_periods
    epochs = len(range(0, horizon, every))
    power = np.linalg.matrix_power(p, every)
    now = np.array([s.share for s in setup.scenario.population.synthetic.segments.values()])
    expected = now.sum()
    for _ in range(1, epochs):
        expected += now @ np.diagonal(power)
        now = now @ power
    table = played.seen
    assert table.sum() == 20_000 * epochs
    share = expected / epochs
    assert np.trace(table) / table.sum() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 20_000))


# flows


def test_flows_of_a_run_are_reported_and_kept():
    """Over all periods every customer is counted once a period; rows of the Parquet table add up to the report's."""
    setup = setup_of("club", "population.customers=1000", "dynamics.flows=true")
    finished = run(setup.scenario, setup.base, Options(workers=1, sensitivity=False, strategies=("none", "optimal")))
    horizon = setup.scenario.time.horizon_periods
    kept = tables(finished, setup.base.ids)["flows"].to_pylist()
    for s in finished.results.strategies:
        assert sum(sum(row.values()) for row in s.flows.values()) == 1000 * horizon
        mine = [r for r in kept if r["strategy"] == s.name and r["from"] == "light" and r["to"] == "regular"]
        assert sum(r["customers"] for r in mine) == s.flows["light"]["regular"] and len(mine) == horizon
    plain = setup_of("starter", "population.customers=200")
    without = run(plain.scenario, plain.base, Options(workers=1, sensitivity=False, strategies=("none",)))
    assert without.results.strategy("none").flows == {} and "flows" not in tables(without, plain.base.ids)
