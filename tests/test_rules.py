"""Rules as rows: every row's linear form equals the rule's own sum over the chosen offers, computed one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.errors import ConfigError
from scenarios.rule_rows import compile_rules
from scenarios.rules import CustomerLabel, Subject, plan_table, text_of
from scenarios.schema.rules import Constraint

SEGMENTS = ("new", "loyal", "gone")
TIERS = ("1", "2")


def subject(n=6, seed=0):
    rng = np.random.default_rng(seed)
    return Subject(
        measures=("value", "cost", "margin"),
        arms={
            "offer": ("coupon", "coupon", "call"),
            "channel": ("email", "mail", "phone"),
            "kind": ("discount", "discount", None),
        },
        customers={
            "segment": CustomerLabel(SEGMENTS, rng.integers(0, 2, n)),
            "tier": CustomerLabel(TIERS, rng.integers(0, 2, n)),
        },
        n=n,
        base={"margin": np.arange(n, dtype=float), "cost": np.ones(n)},
    )


def problems(*rules):
    with pytest.raises(ConfigError) as error:
        compile_rules(rules, subject(), "r.yaml")
    return list(error.value.problems)


def test_unknown_names_suggest_the_nearest_all_at_once():
    assert problems(
        Constraint(name="a", measure="costs", max=1),
        Constraint(name="b", measure="count", where={"ofer": ("call",)}),
        Constraint(name="c", measure="count", where={"segment": ("loyl",), "channel": ("letter",)}),
        Constraint(name="d", measure="count", where={"offer": ("call",), "channel": ("email",)}),
        Constraint(name="e", ratio={"of": "margin", "to": "value"}, min=0.1, scope="base"),
    ) == [
        "r.yaml a: unknown measure 'costs'; did you mean 'cost'?",
        "r.yaml b: unknown label 'ofer'; did you mean 'offer'?",
        "r.yaml c: where segment: nothing has the value 'loyl'; did you mean 'loyal'?",
        "r.yaml c: where channel: nothing has the value 'letter'; known: email, mail, phone",
        "r.yaml d: where: no offer has offer: ['call'] and channel: ['email'] together",
        "r.yaml e: scope: base needs to know 'value' without offers; known: margin, cost",
    ]


def test_a_segment_without_customers_is_known_and_sums_to_nothing():
    compiled = compile_rules([Constraint(name="a", measure="count", where={"segment": ("gone",)}, max=0)], subject())
    table = plan_table(np.ones((3, 3, 6)), np.zeros(6, dtype=np.int16), compiled)
    assert compiled.rules[0].value(table) == 0


def test_values_of_labels_are_texts_without_noise():
    assert [text_of(value) for value in (1, 1.0, 1.5, True, "x")] == ["1", "1", "1.5", "true", "x"]


def test_rows_are_named_by_their_rule_and_a_ratio_between_bounds_has_two():
    rules = [
        Constraint(name="report", measure="cost"),
        Constraint(name="floor", ratio={"of": "margin", "to": "value"}, min=0.2),
        Constraint(name="band", ratio={"of": "margin", "to": "value"}, min=0.2, max=0.4),
    ]
    compiled = compile_rules(rules, subject())
    assert [row.name for row in compiled.rows] == ["floor", "band (min)", "band (max)"]
    assert compiled.n_classes == 1
    assert np.isnan(compiled.rules[1].value(plan_table(np.ones((3, 3, 6)), np.full(6, -1), compiled)))


@given(seed=st.integers(0, 10_000), data=st.data())
def test_rows_equal_sums_over_chosen_offers(seed, data):
    """Slow twin: a loop over customers."""
    who = subject(n=9, seed=seed)
    rng = np.random.default_rng(seed + 1)
    measures = rng.integers(1, 9, (3, 3, 9)).astype(float)
    arm = rng.integers(-1, 3, 9)
    where = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "segment": st.sampled_from([("new",), ("loyal", "gone")]),
                "tier": st.sampled_from([(1,), ("2",)]),
                "channel": st.sampled_from([("email", "phone"), ("mail",)]),
            },
        )
    )
    ratio = data.draw(st.booleans())
    scope = data.draw(st.sampled_from(["selected", "base"]))
    what = {"ratio": {"of": "margin", "to": "cost"}} if ratio else {"measure": "margin"}
    rule = Constraint(name="a", where=where, scope=scope, min=0.5, **what)
    compiled = compile_rules([rule, Constraint(name="b", measure="count", where={"segment": ("new",)})], who)

    def total(name):
        index, result = who.measures.index(name), 0.0
        for i in range(9):
            labels = {name: label.values[label.codes[i]] for name, label in who.customers.items()}
            if any(text_of(v) not in map(text_of, where[k]) for k, v in labels.items() if k in where):
                continue
            if scope == "base":
                result += who.base[name][i]
            k = arm[i]
            if k >= 0 and ("channel" not in where or who.arms["channel"][k] in where["channel"]):
                result += measures[index, k, i]
        return result

    table = plan_table(measures, arm, compiled)
    line = compiled.rows[0]
    form = float((line.coefficients @ table.reshape(-1))[0]) + line.constant
    if ratio:
        assert form == pytest.approx(total("margin") - 0.5 * total("cost"))
        assert line.lower == 0
        if total("cost"):
            assert compiled.rules[0].value(table) == pytest.approx(total("margin") / total("cost"))
    else:
        assert form == pytest.approx(total("margin"))
        assert compiled.rules[0].value(table) == pytest.approx(total("margin"))
        assert (line.lower, line.upper) == (0.5, np.inf)


def test_the_price_of_a_ratio_is_per_hundredth():
    """Moving r by 0.01 moves the right-hand side of sum(of) - r sum(to) >= 0 by 0.01 sum(to)."""
    compiled = compile_rules(
        [Constraint(name="a", ratio={"of": "margin", "to": "cost"}, min=0.5, scope="base")], subject()
    )
    table = plan_table(np.full((3, 3, 6), 2.0), np.zeros(6, dtype=np.int16), compiled)
    assert compiled.rules[0].price(3.0, table) == pytest.approx(3.0 * 0.01 * (6 * 2.0 + 6 * 1.0))
