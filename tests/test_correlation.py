"""Correlated traits: closed forms of the copula, unchanged marginals, refusals with the offending numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scenarios.building import build_world
from scenarios.correlation import correlated, faults, matrix, normals
from scenarios.lives import draw_customers
from scenarios.paths import dotted, with_values
from scenarios.schema.validate import validate, with_strategies_spelt_out
from scenarios.synthetic import SyntheticBase

N = 40_000
PAIRS = {
    "order_rate~order_value": 0.4,
    "order_rate~attrition": -0.5,
    "responsiveness~order_value": -0.3,
    "own_share~order_rate": 0.25,
    "weight_of_price~order_value": -0.45,
}
DATA = {
    "name": "Copula",
    "time": {"period": "month", "horizon_periods": 12, "discount_rate_annual": 0.1},
    "population": {
        "synthetic": {
            "segments": {
                "in": {"share": 1.0, "orders_per_period": 0.5},
                "out": {"share": 0.0, "orders_per_period": 0.0, "lapsed": True},
            },
            "transition": {"in": {"in": 1.0}, "out": {"out": 1.0}},
            "order_rate_shape": 0.7,
            "order_value": {"distribution": "gamma_gamma", "p": 4.0, "q": 3.5, "gamma": 15.0},
            "responsiveness_sd": 0.6,
            "correlation": PAIRS,
        }
    },
    "dynamics": {
        "attrition": {"model": "bg_nbd", "a": 0.8, "b": 2.5, "into": "out", "source": "assumed"},
        "competition": {"share": 0.4, "concentration": 8.0, "source": "assumed"},
        "values": {"weights": {"price": 0.3, "speed": 0.5, "service": 0.2}, "concentration": 6.0, "source": "assumed"},
    },
    "margins": {"gross_margin_rate": 0.4},
    "channels": {"mail": {"cost_per_contact": 0.5}},
    "offers": {
        "card": {
            "kind": "contact",
            "channels": ["mail"],
            "effects": {"response": {"base": 0.1, "source": "assumed"}, "orders": {"lift": 0.1, "source": "assumed"}},
        }
    },
    "strategies": ["none", "everyone"],
    "baseline": "none",
}
LOGNORMAL = {
    "population.synthetic.order_value": {"distribution": "lognormal", "mean": 30.0, "sigma": 0.5, "customer_sigma": 0.8}
}


def scenario_of(values):
    data, _ = with_values(DATA, values)
    scenario, problems = validate(data)
    assert not problems, problems
    return scenario


def drawn(values, n=N, seed=3):
    scenario = scenario_of(values)
    base = SyntheticBase(scenario.population.synthetic)
    return draw_customers(scenario, base, build_world(scenario, base), n, seed)


def traits(customers):
    t, life = customers.population.traits, customers.population.life
    return {
        "order_rate": t.rate,
        "order_value": t.order_value,
        "responsiveness": t.responsiveness,
        "attrition": life.dropout,
        "own_share": life.share,
        "weight_of_price": life.values[:, 0],
    }


@pytest.mark.parametrize("values", [{}, LOGNORMAL, {"dynamics.attrition": {"model": "pareto_nbd", "s": 0.6, "beta": 9.0, "into": "out", "source": "assumed"}}])  # fmt: skip
def test_rank_correlations_are_the_ones_asked_for(values):
    """Spearman's of a Gaussian copula is 6 / pi asin(rho / 2); pairs left out have 0, or what the others bring about: nothing."""
    found = traits(drawn(values))
    for pair, rho in PAIRS.items():
        a, b = pair.split("~")
        measured = stats.spearmanr(found[a], found[b]).statistic
        assert measured == pytest.approx(rho, abs=4.3 / np.sqrt(N)), pair
    assert stats.spearmanr(found["responsiveness"], found["attrition"]).statistic == pytest.approx(
        0, abs=4.3 / np.sqrt(N)
    )


def test_the_copula_s_own_correlation():
    rho = matrix({"order_rate~order_value": 0.4})[0, 1]
    assert 6 / np.pi * np.arcsin(rho / 2) == pytest.approx(0.4, abs=1e-12)
    z = normals({"order_rate~order_value": 0.4}, N, 1)
    assert np.corrcoef(z["order_rate"], z["order_value"])[0, 1] == pytest.approx(rho, abs=4 / np.sqrt(N))


def test_marginals_stay_what_they_are():
    """Kolmogorov-Smirnov against the closed forms; sqrt(n) D beyond 2.2 has a probability of 1e-4."""
    found = traits(drawn({}))
    odds = np.asarray(found["own_share"], float)
    laws = {
        "order_rate": (found["order_rate"], stats.gamma(0.7, scale=1 / 0.7)),
        "order_value": (found["order_value"], stats.invgamma(3.5, scale=4.0 * 15.0)),
        "responsiveness": (found["responsiveness"], stats.norm(0, 0.6)),
        "attrition": (found["attrition"], stats.beta(0.8, 2.5)),
        "own_share": (1 / (1 + np.exp(-odds)), stats.beta(0.4 * 8, 0.6 * 8)),
        "weight_of_price": (found["weight_of_price"], stats.beta(0.3 * 6, 0.7 * 6)),
    }
    for name, (values, law) in laws.items():
        assert np.sqrt(N) * stats.kstest(np.asarray(values, float), law.cdf).statistic < 2.2, name
    customers = drawn(LOGNORMAL)
    law = stats.lognorm(0.8, scale=30 * np.exp(-(0.8**2) / 2))
    assert np.sqrt(N) * stats.kstest(customers.population.traits.order_value, law.cdf).statistic < 2.2


def test_the_other_weights_share_the_rest_as_before():
    """Dirichlet: speed / (1 - price) ~ Beta(3, 1.2), independent of price."""
    values = drawn({}).population.life.values.astype(float)
    assert np.allclose(values.sum(axis=1), 1, atol=1e-6)
    rest = values[:, 1] / (1 - values[:, 0])
    assert np.sqrt(N) * stats.kstest(rest, stats.beta(3.0, 1.2).cdf).statistic < 2.2
    assert abs(stats.spearmanr(rest, values[:, 0]).statistic) < 4.3 / np.sqrt(N)


def test_zero_is_the_world_without():
    """The same bits, not only the same law; and a trait that is in no pair keeps its bits."""
    zero = traits(drawn({"population.synthetic.correlation": {"order_rate~attrition": 0.0}}, 500))
    none = traits(drawn({"population.synthetic.correlation": {}}, 500))
    for name in none:
        assert np.array_equal(zero[name], none[name])
    some = traits(drawn({"population.synthetic.correlation": {"own_share~attrition": 0.5}}, 500))
    assert np.array_equal(some["order_rate"], none["order_rate"]) and not np.array_equal(
        some["attrition"], none["attrition"]
    )


def test_planners_expect_lognormal_customers_without_bias():
    """E[true value | estimate] = estimate, whatever the number of orders seen; rates uncorrelated, as the estimate assumes."""
    customers = drawn(LOGNORMAL | {"population.synthetic.correlation": {}})
    true, known = customers.population.traits.order_value.astype(float), customers.order_value_model.astype(float)
    orders = customers.population.state.orders
    for who in (orders == 0, (orders > 0) & (orders < 4), orders >= 4, known > 40, known < 20):
        off = true[who] - known[who]
        assert abs(off.mean()) < 4 * off.std() / np.sqrt(who.sum())
    assert np.allclose(known[orders == 0], 30.0, rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"correlation": {"order_rate": 0.3}}, "correlation.order_rate: expected two traits like order_rate~order_value, got 'order_rate'"),
        ({"correlation": {"order_rate~order_valu": 0.3}}, "correlation.order_rate~order_valu: unknown trait 'order_valu'; did you mean 'order_value'?"),
        ({"correlation": {"order_rate~order_rate": 0.3}}, "correlation.order_rate~order_rate: expected two traits, got 'order_rate' twice"),
        ({"correlation": {"order_rate~order_value": 0.3, "order_value~order_rate": 0.3}}, "correlation.order_value~order_rate: this pair is named twice"),
        ({"correlation": {"order_rate~order_value": 1.3}}, "correlation.order_rate~order_value: expected a rank correlation from -1 to 1, got 1.3"),
        ({"correlation": {"order_rate~weight_of_price": 0.3, "order_rate~weight_of_speed": 0.3}}, "correlation: weights sum to 1, so that only one of them can be correlated; got weight_of_price, weight_of_speed"),
        ({"correlation": {"order_rate~weight_of_prize": 0.3}}, "correlation.order_rate~weight_of_prize: unknown value 'prize'; did you mean 'price'?"),
        ({"correlation": {"order_rate~order_value": 1.0}}, "correlation: not positive definite, smallest eigenvalue 0"),
        ({"correlation": {"order_rate~order_value": 0.9, "order_rate~attrition": 0.9, "order_value~attrition": -0.5}}, "correlation: not positive definite, smallest eigenvalue -0.569"),
        ({"order_rate_shape": None}, "correlation: all customers have the same order_rate: expected order_rate_shape above 0"),
        ({"responsiveness_sd": 0.0}, "correlation: all customers have the same responsiveness: expected responsiveness_sd above 0"),
        ({"order_value": {"distribution": "lognormal", "mean": 30.0, "sigma": 0.5}}, "correlation: all customers have the same order_value: expected order_value.customer_sigma above 0"),
    ],
)  # fmt: skip
def test_impossible_correlations_are_refused_with_their_numbers(values, problem):
    data = with_strategies_spelt_out(with_values(DATA, {f"population.synthetic.{k}": v for k, v in values.items()})[0])
    problems = [f"{dotted(path, data)}: {sentence}" for path, sentence in validate(data)[1]]
    assert any(text.startswith(f"population.synthetic.{problem}") for text in problems), problems


def test_the_smallest_eigenvalue_is_the_closed_form_s():
    """Of a 3 x 3 matrix with a, a and b: 1 + b / 2 - sqrt(b^2 / 4 + 2 a^2)."""
    a, b = 2 * np.sin(np.pi * 0.9 / 6), 2 * np.sin(np.pi * -0.5 / 6)
    given_ = {"order_rate~order_value": 0.9, "order_rate~attrition": 0.9, "order_value~attrition": -0.5}
    ((_, sentence),) = faults(given_)
    assert f"smallest eigenvalue {1 + b / 2 - np.sqrt(b * b / 4 + 2 * a * a):.3g}:" in sentence
    assert all(f"{pair} {rho:g}" in sentence for pair, rho in given_.items())


def test_traits_of_dynamics_need_them():
    data = with_strategies_spelt_out({k: v for k, v in DATA.items() if k != "dynamics"})
    text = " ".join(sentence for _, sentence in validate(data)[1])
    for needed in ("dynamics.attrition", "dynamics.competition", "dynamics.values with a 'concentration'"):
        assert needed in text


TRIPLE = ("order_rate~order_value", "order_rate~attrition", "order_value~attrition")


@given(st.tuples(*[st.floats(-1, 1)] * 3))
@settings(max_examples=200, deadline=None)
def test_what_is_refused_is_what_no_cholesky_factor_has_and_the_hint_holds(rho):
    """The message's pairs and its remedy: all of them times the factor shown is possible."""
    given_ = {pair: round(r, 2) for pair, r in zip(TRIPLE, rho, strict=True)}
    least = float(np.linalg.eigvalsh(matrix(given_)).min()) if correlated(given_) else 1.0
    found = [sentence for _, sentence in faults(given_)]
    assert bool(found) == (least <= 1e-9)
    if found:
        factor = float(found[0].split("all of them times ")[1].split()[0])
        assert not list(faults({pair: r * factor for pair, r in given_.items()})), found
    else:
        assert all(np.isfinite(z).all() for z in normals(given_, 10, 1).values())


@pytest.mark.parametrize("fit", [{"fit": {"dataset": "cdnow"}}, {"fitted": "base.parquet"}], ids=["fit", "fitted"])
def test_customers_of_a_log_are_correlated_as_the_log_says(fit):
    """Naming a correlation for them is an error that names the key, beside `synthetic` as well as in its place."""
    pair = {"order_rate~attrition": -0.4}
    _, problems = validate(DATA | {"population": fit | {"correlation": pair}})
    assert any("'correlation'" in sentence for _, sentence in problems)
    _, problems = validate(DATA | {"population": fit | {"synthetic": DATA["population"]["synthetic"]}})
    assert any("exactly one of" in sentence for _, sentence in problems)
