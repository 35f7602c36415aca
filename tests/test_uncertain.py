"""Numbers of dynamics, seasons, service and acquisition are stepped and redrawn as effects are, within what is possible."""

import numpy as np
import pytest

from scenarios.assumptions import assumptions, changed, limits, redrawn
from scenarios.drivers import drivers, stepped_assumptions, steps, try_job
from scenarios.jobs import Job, Setup, run_job
from scenarios.loading import load, shipped
from scenarios.schema import dynamics as words
from scenarios.schema.base import Uncertain
from scenarios.synthetic import SyntheticBase
from scenarios.uncertain import holds, moves_together, range_of

STAY = {"renews_every", "decay"}  # whole periods; a decay is a matter of the period's length
PATHS = {
    "Tilts": "segments", "OrderGrowth": "order_growth", "Choice": "competition", "CategoryChoice": "competition.categories.food"
}  # fmt: skip


def made_up(name, *sets):
    return load(name, sets).scenario


def stepped(name, *sets):
    return {a.path for a in stepped_assumptions(made_up(name, *sets))}


def test_every_single_number_of_dynamics_with_a_source_has_a_range():
    """So that a number that is added to the schema is not forgotten here."""
    for name, kind in vars(words).items():
        if isinstance(kind, type) and issubclass(kind, Uncertain) and kind is not Uncertain:
            section = PATHS.get(name, name.lower())
            for field, info in kind.model_fields.items():
                plain = "float" in str(info.annotation) or "int" in str(info.annotation)
                table = "dict" in str(info.annotation) or "tuple" in str(info.annotation)
                if plain and not table and field not in (*STAY, "sd"):
                    assert range_of(f"dynamics.{section}.{field}") is not None, (name, field)


def test_shipped_scenarios_step_what_is_assumed_of_their_dynamics():
    assert {"dynamics.attrition.a", "dynamics.attrition.b", "channels.sms.opt_out.per_contact"} <= stepped("telecom")
    assert {"dynamics.breadth.attrition_factor"} <= stepped("insurance")
    assert {"dynamics.competition.share", "dynamics.competition.price"} <= stepped("subscription")
    found = {path for path in stepped("pet_shop") if path.startswith("dynamics.competition")}
    at = "dynamics.competition.categories"  # no share of its own, so that no other number of it stands for anything
    assert {f"{at}.food.share", f"{at}.food.price", f"{at}.toys.price"} <= found and all(
        path.startswith(at) for path in found
    )
    assert {"dynamics.habituation.memory", "dynamics.pantry.share"} <= stepped("deals")
    assert "dynamics.attrition.renews_every" not in stepped("telecom")


def test_steps_hold_in_every_shipped_scenario():
    """Brute force: each step of each number gives a scenario without a problem, of which only that number (or its group) moved."""
    for name in shipped():
        if name == "grocery":
            continue
        scenario = made_up(name)
        for a in stepped_assumptions(scenario):
            low, high = limits(a.path)
            for value in steps(a, scenario):
                assert low <= value <= high and value != a.value
                assert holds(changed(scenario, moves_together(scenario, a.path, value))), (name, a.path, value)


def test_a_step_that_fits_nothing_is_taken_nearer():
    """At 0.12 the probability of opting out ends at 0.3 + 0.12 / 0.2 = 0.9; at 0.24, 0.18 and 0.15 above 1, at 0.135 at 0.975."""
    sms = {"base": 0.3, "per_contact": 0.12, "decay": 0.8}
    scenario = made_up(
        "telecom",
        f"channels.sms.opt_out={{base: {sms['base']}, per_contact: {sms['per_contact']}, source: assumed}}",
        f"channels.sms.fatigue.decay={sms['decay']}",
    )
    a = next(a for a in stepped_assumptions(scenario) if a.path == "channels.sms.opt_out.per_contact")
    assert steps(a, scenario) == [0.0, pytest.approx(0.135)]


def test_a_season_is_stepped_as_one_swing():
    scenario = made_up("starter", "season={by_month: {december: 1.8, july: 0.6}, source: assumed}")
    found = [a for a in stepped_assumptions(scenario) if a.path.startswith("season")]
    assert [a.path for a in found] == ["season.by_month.december"]
    assert steps(found[0], scenario) == [1.0, pytest.approx(2.6)]
    flat = moves_together(scenario, found[0].path, 1.0)
    assert flat == {"season.by_month.december": 1.0, "season.by_month.july": 1.0}
    double = moves_together(scenario, found[0].path, 2.6)
    assert double["season.by_month.july"] == pytest.approx(0.2)


def test_an_sd_belongs_to_the_first_number_given_and_is_redrawn():
    """1,000 draws of N(0.9, 0.1), cut at 1: mean 0.9 - 0.1 (phi(1) - (1 - Phi(1))) = 0.8917; 4 standard errors are 0.012."""
    scenario = made_up(
        "club", "dynamics.segments={momentum: 0.4, sd: 0.2, source: assumed}",
        "dynamics.trust={response: 0.5, decay: 0.9, sd: 0.1, source: assumed}",
    )  # fmt: skip
    sds = {a.path: a.sd for a in assumptions(scenario) if a.path.startswith("dynamics")}
    assert sds["dynamics.segments.momentum"] == 0.2 and sds["dynamics.segments.trust"] is None
    assert sds["dynamics.trust.response"] == 0.1
    scenario = made_up("insurance", "dynamics.breadth={attrition_factor: 0.9, sd: 0.1, source: assumed}")
    rng = np.random.default_rng(5)
    drawn = [redrawn(scenario, rng)["dynamics.breadth.attrition_factor"] for _ in range(1000)]
    assert np.mean(drawn) == pytest.approx(0.8917, abs=0.012) and max(drawn) == 1.0


def test_sources_of_new_customers_and_of_contacts_are_assumptions():
    scenario = made_up("web_shop")
    path = "acquisition.sources.display.order_rate"
    assert path in {a.path for a in stepped_assumptions(scenario)}
    after = changed(scenario, {path: 0.7}).acquisition.sources["display"].order_rate
    assert (after.value, after.source) == (0.7, "assumed")
    assert "service.minutes" in stepped("service_desk")
    assert "service.minutes" not in stepped("service_desk", "service.source=given")


@pytest.fixture(scope="module")
def telecom():
    scenario = made_up("telecom", "population.customers=1200", "uncertainty.draws=0")
    return Setup(scenario, SyntheticBase(scenario.population.synthetic), 1200)


def test_the_verdict_can_lean_on_a_number_of_the_dynamics(telecom):
    """Twice the renewal trait's a is more attrition: value falls under every strategy, and the driver says by how much."""
    names = ("none", "optimal")
    job = Job({}, 11, 1200, names, {})
    more = run_job(telecom, Job({"dynamics.attrition.a": 2 * 0.668}, 11, 1200, names, {}))
    assert (more.clv < run_job(telecom, job).clv).all()

    def here(function, jobs):
        return (function(telecom, j) for j in jobs)

    found = {d.path: d for d in drivers(telecom.scenario, job, 1, 10.0, here)}
    assert found["dynamics.attrition.a"].swing > 0
    assert [v for v, _ in found["dynamics.attrition.a"].steps] == pytest.approx([0.334, 0.668, 1.336])


def test_worlds_that_the_engine_refuses_are_left_out(telecom):
    """No margin is five times the price."""
    wild = Job({"margins.gross_margin_rate": 5.0}, 1, 50, ("none",), {})
    assert try_job(telecom, wild) is None


def test_negative_numbers_are_stepped():
    assert "offers.club.effects.tilt.contact" in {a.path for a in stepped_assumptions(load("club").scenario)}


def test_lists_and_what_a_scenario_leaves_out_can_be_levers():
    """They become what the schema makes of them; numbers in the same section stay what they were."""
    plain = load("help_line").scenario
    assert plain.service.first is None
    moved = changed(plain, {"service.first": ["large"], "service.teams.billing.shifts": [{"start_hour": 2, "end_hour": 7, "agents": 4}]})  # fmt: skip
    assert moved.service.first == ("large",) and moved.service.teams["billing"].shifts[0].agents == 4
    assert changed(moved, {"service.first": None, "service.teams.billing.shifts": plain.service.teams["billing"].model_dump()["shifts"]}) == plain  # fmt: skip
