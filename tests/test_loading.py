"""Names and files to scenarios: extends, overrides, --set, and the lines of errors."""

from pathlib import Path

import pytest

import scenarios.loading
from scenarios.errors import ConfigError
from scenarios.loading import load, shipped
from scenarios.paths import PathError, locate, merged, with_values
from scenarios.yamlfile import dump_yaml, parse_yaml


def problems(*args, **kwargs):
    with pytest.raises(ConfigError) as error:
        load(*args, **kwargs)
    return list(error.value.problems)


def write(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def test_shipped_scenarios_load_by_name_without_warnings():
    assert {"grocery", "starter"} <= set(shipped())
    for name in shipped():
        loaded = load(name)
        assert loaded.warnings == ()
        assert loaded.changes == ()
        assert parse_yaml(dump_yaml(loaded.resolved), "copy").data == loaded.resolved


def test_every_override_of_a_shipped_scenario_loads():
    for name in shipped():
        for override in load(name).scenario.overrides:
            assert load(name, override=override).override == override


def test_an_unknown_name_suggests_the_nearest(tmp_path):
    assert problems("grocry") == ["grocry: no such file, and no shipped scenario; did you mean 'grocery'?"]
    assert problems("absent.yaml") == ["absent.yaml: no such file"]
    assert problems(str(tmp_path)) == [f"{tmp_path}: expected a scenario file, got a folder"]
    assert problems("grocery", override="tigt")[0].endswith("unknown override 'tigt'; did you mean 'tight'?")


def test_an_error_names_file_line_path_expected_and_got(tmp_path):
    text = dump_yaml({"extends": "starter", "seed": 3}) + "channels:\n  email: {cost_per_contact: -3}\nofers: {}\n"
    path = write(tmp_path, "s.yaml", text)
    assert problems(path) == [
        f"{path}:4 channels.email.cost_per_contact: expected a number >= 0, got -3",
        f"{path}:5 ofers: unknown key 'ofers'; did you mean 'offers'?",
    ]


def test_a_fitted_population_is_no_scenario(tmp_path):
    (tmp_path / "base.yaml").write_text("format: cvmax fitted base 1\n")
    with pytest.raises(ConfigError, match=r"a fitted population, not a scenario; .* population: \{fitted: base.yaml\}"):
        load(tmp_path / "base.yaml")


def test_extends_lays_mappings_over_mappings_and_replaces_lists(tmp_path):
    write(tmp_path, "base.yaml", "extends: starter\nseed: 7\nrules: [{name: cap, measure: count, max: 10}]\n")
    path = write(
        tmp_path,
        "top.yaml",
        "extends: base.yaml\nchannels: {email: {cost_per_contact: 0.5}}\nquestion: null\noverrides: null\n",
    )
    loaded = load(path)
    assert loaded.scenario.seed == 7
    assert loaded.scenario.question is None
    assert loaded.scenario.channels["email"].cost_per_contact == 0.5
    assert loaded.scenario.channels["phone"].cost_per_contact == 5.0
    assert [rule.name for rule in loaded.scenario.rules] == ["cap"]
    assert [file.name for file in loaded.files] == ["top.yaml", "base.yaml", "starter.yaml"]
    assert "extends" not in loaded.resolved
    assert loaded.lines[("channels", "email", "cost_per_contact")] == (str(path), 2)
    assert loaded.lines[("seed",)] == (str(tmp_path / "base.yaml"), 2)


def test_extends_in_a_circle_and_into_nothing(tmp_path):
    write(tmp_path, "a.yaml", "extends: b.yaml\n")
    path = write(tmp_path, "b.yaml", "extends: a.yaml\n")
    assert problems(path) == [f"{path}: extends itself: b.yaml -> a.yaml -> b.yaml"]
    path = write(tmp_path, "c.yaml", "seed: 1\nextends: startr\n")
    assert problems(path) == [
        f"{path}:2 extends: startr: no such file, and no shipped scenario; did you mean 'starter'?"
    ]
    path = write(tmp_path, "d.yaml", "extends: [a]\n")
    assert problems(path) == [f"{path}:1 extends: expected a file or the name of a shipped scenario, got a list"]


def test_override_then_sets_and_what_changed():
    loaded = load(
        "grocery", sets=["rules.budget.max=1e4", "seed=2026", "uncertainty.level=0.9"], override="tight", seed=5
    )
    assert loaded.scenario.rules[0].max == 10_000
    assert loaded.scenario.seed == 5
    assert loaded.changes == (
        ("rules.budget.max", 20000, 10000),
        ("rules.budget.max", 10000, 1e4),
        ("seed", 2026, 5),
        ("uncertainty.level", None, 0.9),
    )


def test_set_reaches_options_of_named_strategies_and_new_optional_keys():
    loaded = load(
        "starter",
        sets=["strategies.current_plan.offer=newsletter", "uncertainty.draws=3", "strategies.top_clv.share=0.2"],
    )
    plan = {strategy.name: strategy for strategy in loaded.scenario.strategies}
    assert plan["current_plan"].offer == "newsletter"
    assert plan["top_clv"].share == 0.2
    assert loaded.scenario.uncertainty.draws == 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules.budget", "--set rules.budget: expected path=value, like rules.budget.max=30000"),
        ("rules.bugdet.max=3", "--set: rules.bugdet.max: unknown path 'rules.bugdet'; did you mean 'budget'?"),
        ("offers.cupon_15.depth=0.2", "--set: offers.cupon_15.depth: unknown path 'offers.cupon_15'; did you mean 'coupon_15'?"),
        ("ofers.coupon_15.depth=1", "--set: ofers.coupon_15.depth: unknown path 'ofers'; did you mean 'offers'?"),
        ("seed.x=1", "--set: seed.x: 'seed' is a single value, there is nothing below it"),
        ("offers.coupon_15.dept=1", "--set offers.coupon_15.dept: unknown key 'dept'; did you mean 'depth'?"),
        ("offers.coupon_15.effects.response={base: 1.2, source: assumed}", "--set offers.coupon_15.effects.response.base: expected a number <= 1"),
        ("seed=yes", "--set seed: expected a whole number, got 'yes'"),
        ("seed=[1", "--set seed=[1:1: expected ',' or ']', but got '<stream end>'"),
    ],
)  # fmt: skip
def test_a_set_that_cannot_be(text, problem):
    assert problems("starter", sets=[text])[0].startswith(problem)


def test_overrides_and_beliefs_are_checked_before_they_are_used(tmp_path):
    path = write(
        tmp_path,
        "s.yaml",
        "extends: starter\noverrides:\n  wrong path: {rules.bugdet.max: 1}\n  wrong value: {seed: -1}\n"
        "planning:\n  beliefs: {offers.coupon_15.effects.orders.lift: high}\n",
    )
    assert problems(path) == [
        f"{path}:3 overrides.wrong path: rules.bugdet.max: unknown path 'rules.bugdet'; did you mean 'budget'?",
        f"{path}:4 overrides.wrong value: seed: expected a number >= 0, got -1",
        f"{path}:6 planning.beliefs: offers.coupon_15.effects.orders.lift: expected a number, got 'high'",
    ]
    assert problems(path, override="wrong value")[0] == f"{path}:4 seed: expected a number >= 0, got -1"


def test_revised_leaves_the_original_alone():
    loaded = load("starter")
    revised = loaded.revised({"offers.coupon_15.effects.orders.lift": 0.5})
    assert revised.scenario.offers["coupon_15"].effects.orders.lift == 0.5
    assert loaded.scenario.offers["coupon_15"].effects.orders.lift == 1.2
    assert revised.changes == (("offers.coupon_15.effects.orders.lift", 1.2, 0.5),)
    with pytest.raises(ConfigError, match=r"revised value offers\.coupon_15\.depth: expected a number <= 1, got 2"):
        loaded.revised({"offers.coupon_15.depth": 2})


def test_names_that_only_a_fit_knows_are_checked_after_it(tmp_path):
    path = write(
        tmp_path,
        "s.yaml",
        "extends: grocery\noffers:\n  reminder:\n    effects: {response: {by_segment: {hevy: 0.1}}}\n",
    )
    loaded = load(path)
    known = ["heavy", "regular", "light", "at_risk", "lapsed"]
    loaded.check_fitted(["hevy", *known], ["lapsed"], ["PRODUCE", "MEAT"])
    with pytest.raises(ConfigError) as error:
        loaded.check_fitted(known, [], ["MEAT"])
    grocery = loaded.files[1]
    mark = "offers.reminder.effects.response.by_segment"
    assert error.value.problems[0] == f"{path}:4 {mark}: unknown segment 'hevy'; did you mean 'heavy'?"
    assert [text.partition(" ")[2] for text in error.value.problems[1:]] == [
        "offers.winback.effects.attrition: no segment is lapsed, so there is no attrition to reduce; mark one: lapsed: true",
        "offers.produce_trial.category: unknown category 'PRODUCE'; known: MEAT",
    ]
    assert all(text.startswith(f"{grocery}:") for text in error.value.problems[1:])


def test_paths():
    data = {"seed": 1, "rules": [{"name": "a", "max": 1}, {"name": "b"}], "x": 1}
    assert locate(data, "rules.b.max") == ("rules", 1, "max")
    changed, changes = with_values(data, {"rules.b.max": 3, "seed": 1})
    assert changes == [("rules.b.max", None, 3)]
    assert changed["rules"][1] == {"name": "b", "max": 3}
    assert data["rules"][1] == {"name": "b"}
    with pytest.raises(PathError, match=r"rules\.c\.max: unknown path 'rules\.c'; known: a, b"):
        locate(data, "rules.c.max")
    assert merged({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 3, "c": None}, "d": [2]}) == {"a": {"b": 3}, "d": [2]}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"channels:": "chanels:"}, ["unknown key 'chanels'; did you mean 'channels'?"]),
        ({"rules:": "rule:"}, ["unknown key 'rule'; did you mean 'rules'?"]),
        (
            {"margins:": "margin:", "baseline:": "basline:"},
            ["unknown key 'margin'; did you mean 'margins'?", "unknown key 'basline'; did you mean 'baseline'?"],
        ),
        ({"mean: 40.0": "mean: 1,200.50"}, ["expected one number, got 1,200.50, where"]),
        ({"cost_per_contact: 0.05": "cost_per_contact: 0,05"}, ["expected one number, got 0,05, where"]),
    ],
)
def test_one_mistake_is_told_once(tmp_path, wrong, told):
    """Of the template that `cvmax new` writes; neither what a misspelt key leaves missing nor half a number is told besides."""
    text = (Path(scenarios.loading.__file__).parent / "template.yaml").read_text()
    for old, new in wrong.items():
        assert f"\n{old}" in text or old in text
        text = text.replace(f"\n{old}", f"\n{new}", 1) if f"\n{old}" in text else text.replace(old, new, 1)
    (tmp_path / "shop.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load(tmp_path / "shop.yaml")
    assert len(error.value.problems) == len(told), error.value.problems
    assert all(part in problem for part, problem in zip(told, error.value.problems, strict=True))
