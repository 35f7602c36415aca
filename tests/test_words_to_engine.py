"""Every word of a scenario that reaches the engine's world, and the number that it becomes there: one table.

The expected values are written by hand from ``docs/`` (direction of signs included), and the last test holds the table
against the schema: a field without a row is a failure.
"""

import math
import typing

import numpy as np
import pytest
from pydantic import BaseModel

from engine.dynamics import ArmDynamics
from engine.ledger import MICRO
from scenarios.acquisition import joining, source_of, with_new_customers, without_acquisition
from scenarios.building import build_world
from scenarios.customers import customer_base
from scenarios.lives import draw_customers
from scenarios.loading import load
from scenarios.schema import demand, dynamics, investment, offers, service

TEXT = """
name: Words
question: Does every word reach the engine?
answer: Yes.
currency: EUR
seed: 1
time: {period: month, horizon_periods: 12, discount_rate_annual: 0.1}
population:
  customers: 500
  synthetic:
    segments:
      fan: {share: 0.3, orders_per_period: 0.9}
      calm: {share: 0.7, orders_per_period: 0.4}
      gone: {share: 0.0, orders_per_period: 0.0, lapsed: true}
    transition:
      fan: {fan: 0.9, calm: 0.1}
      calm: {calm: 0.9, fan: 0.05, gone: 0.05}
      gone: {gone: 1.0}
    order_rate_shape: 2.0
    order_value: {distribution: lognormal, mean: 40.0, sigma: 0.4}
    categories:
      a: {owner_share: 0.5, spend_per_order: 5.0}
      b: {owner_share: 0.2, spend_per_order: 5.0}
      c: {owner_share: 0.2, spend_per_order: 5.0}
dynamics:
  attrition: {model: sbg, a: 0.7, b: 4.0, into: gone, renews_every: 3, source: assumed}
  pantry: {share: 0.3, use: 0.6, source: assumed}
  habituation: {memory: 0.8, weight: 0.7, source: assumed}
  segments: {trust: 0.11, fatigue: 0.12, momentum: 0.13, source: assumed}
  order_growth: {per_order: 0.02, limit: 1.7, source: assumed}
  breadth: {attrition_factor: 0.6, source: assumed}
  trust: {decay: 0.9, response: 0.35, source: assumed}
  tiers: {small: {share: 0.6, price_multiple: 1.0}, large: {share: 0.4, price_multiple: 1.6}}
  competition:
    share: 0.5
    price: 2.0
    value: 3.0
    trust: 0.7
    events: [{period: 4, price: -0.1}, {period: 7, value: 0.2}, {period: 9, trust: 0.5}]
    categories:
      c: {share: 0.3, source: assumed}
      b:
        share: 0.4
        price: 1.5
        value: 2.5
        trust: 0.6
        events: [{period: 2, price: 0.2}, {period: 6, value: -0.4}, {period: 8, trust: -0.3}]
        source: assumed
    source: assumed
  values: {weights: {price: 0.6, speed: 0.4}, strength: 3.0, source: assumed}
  flows: true
season: {by_month: {january: 0.5, march: 2.0}, starts_in_period: 1, events: [{name: fair, period: 5, periods: 2, factor: 1.5}], source: assumed}
traffic: {conversion: 0.05, by_segment: {fan: 0.1}, source: assumed}
service:
  contacts_per_order: 0.2
  contacts_per_customer: 0.03
  minutes: 6
  patience_minutes: 4
  days_per_period: 20
  hours_per_day: 8
  teams:
    early: {shifts: [{start_hour: 0, end_hour: 5, agents: 2}], skills: [bill], cost_per_agent_hour: 20}
    late: {agents: 3, cost_per_agent_hour: 25}
  kinds: {bill: 0.7, fault: 0.3}
  load_by_hour: [1, 2, 3, 3, 2, 2, 1, 1]
  first: [fan]
  on_time_seconds: 30
  leaves_to: gone
  effects:
    failure: {ends: 0.04, loses_trust: 0.2, source: assumed}
    wait: {loses_trust_per_minute: 0.01, source: assumed}
    trust: {acts_on: churn, churn_without: 0.15, source: assumed}
margins: {gross_margin_rate: 0.4, cost_to_serve_per_order: 1.0}
channels:
  mail: {cost_per_contact: 0.7}
  email:
    cost_per_contact: 0.05
    consent: 0.8
    reach: 0.9
    fatigue: {decay: 0.5, weight: 0.3, source: assumed}
    opt_out: {base: 0.01, per_contact: 0.02, source: assumed}
offers:
  deal:
    kind: discount
    depth: 0.2
    duration_periods: 3
    channels: [email]
    appeal: {price: 0.9, speed: 0.2}
    wear_out: {decay: 0.6, weight: 0.8, source: assumed}
    redemption_cost: 0.4
    setup_cost: 70
    effects:
      response: {curve: {kind: table, points: [[0.0, 0.1], [0.2, 0.5]], source: assumed}, by_segment: {fan: 0.3}, source: assumed}
      orders: {lift: 0.8, source: assumed}
      share: {shift: 0.22, source: assumed}
      tilt: {response: 0.31, contact: -0.05, source: assumed}
      trust: {shift: -0.4, source: assumed}
  larger:
    kind: up_sell
    channels: [mail]
    effects: {response: {base: 0.1, source: assumed}, tier: {probability: 0.45, step: 1, source: assumed}}
  stay:
    kind: retention
    channels: [mail]
    effects: {response: {base: 0.1, source: assumed}, attrition: {reduction: 0.35, source: assumed}}
  more:
    kind: cross_sell
    category: b
    bundle: [c]
    channels: [mail]
    effects: {response: {base: 0.1, source: assumed}, ownership: {sticks: 0.55, cannibalises: 0.25, source: assumed}, share: {shift: 0.17, category: b, source: assumed}}
  back:
    kind: win_back
    channels: [mail]
    effects: {response: {base: 0.15, source: assumed}, move: {to: calm, probability: 0.65, source: assumed}}
contact_policy: {max_contacts: 3, window_periods: 6, control_group: 0.05, fatigue: {decay: 0.4, weight: 0.24, source: assumed}}
rules: [{name: budget, measure: cost, max: 1000, per: quarter}]
planning: {every_periods: 3, knowledge: oracle}
strategies: [none, optimal]
baseline: none
uncertainty: {draws: 0, customers: 100}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    path = tmp_path_factory.mktemp("words") / "words.yaml"
    path.write_text(TEXT)
    loaded = load(str(path))
    return build_world(loaded.scenario, customer_base(loaded).base)


def logit(p):
    return math.log(p / (1 - p))


PULL = [0.0] * 4 + [2.0 * -0.1] * 3 + [-3.0 * 0.2] * 2 + [-0.7 * 0.5] * 3
"""His price down, his value up and his trust up are all bad for us; each event is relative to the start."""
OF_B = [0.0] * 2 + [1.5 * 0.2] * 4 + [-2.5 * -0.4] * 2 + [-0.6 * -0.3] * 4
AT_B = "dynamics.competition.categories."
MONTHS = [1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.5]  # from February on
DEAL, LARGER, STAY, MORE, BACK = range(5)
ROWS = [
    # words, place in engine.World, expected
    ("dynamics.attrition.model", "dynamics.attrition.model", "sbg"),
    ("dynamics.attrition.into", "dynamics.attrition.into", 2),
    ("dynamics.attrition.renews_every", "dynamics.attrition.renews_every", 3),
    ("dynamics.attrition.a dynamics.attrition.b", "dynamics.attrition.prior", (0.7, 4.0)),
    ("dynamics.pantry.share", "dynamics.pantry.share", 0.3),
    ("dynamics.pantry.use", "dynamics.pantry.use", 0.6),
    ("dynamics.habituation.memory", "dynamics.habituation.memory", 0.8),
    ("dynamics.habituation.weight", "dynamics.habituation.weight", 0.7),
    ("dynamics.segments.trust", "dynamics.tilt.trust", 0.11),
    ("dynamics.segments.fatigue", "dynamics.tilt.fatigue", 0.12),
    ("dynamics.segments.momentum", "dynamics.tilt.momentum", 0.13),
    ("dynamics.segments.direction", "dynamics.tilt.direction", [1.0, 0.0, -1.0]),  # ranks by orders; lapsed lowest
    ("dynamics.order_growth.per_order", "dynamics.growth.per_order", 0.02),
    ("dynamics.order_growth.limit", "dynamics.growth.limit", 1.7),
    ("dynamics.breadth.attrition_factor", "dynamics.breadth", 0.6),
    ("dynamics.trust.decay", "dynamics.trust_decay", 0.9),
    ("dynamics.trust.response", "dynamics.trust_response", 0.35),
    ("dynamics.tiers.price_multiple", "dynamics.tiers", [1.0, 1.6]),
    ("dynamics.competition.price dynamics.competition.value dynamics.competition.events.period", "dynamics.competition.pull", PULL),
    ("dynamics.competition.events.price dynamics.competition.events.value", "dynamics.competition.pull", PULL),
    ("dynamics.competition.events.trust", "dynamics.competition.pull", PULL),
    ("dynamics.competition.trust", "dynamics.competition.trust", 0.7),
    (f"{AT_B}price {AT_B}value {AT_B}events.period {AT_B}events.price {AT_B}events.value {AT_B}events.trust", "dynamics.rivals[1].pull", OF_B),
    (f"{AT_B}trust", "dynamics.rivals[1].trust", 0.6),
    (f"{AT_B}share", "dynamics.rivals[1].category", 1),
    (f"{AT_B}share", "dynamics.rivals[0].category", 2),
    ("offers.effects.share.category", "arms[3].more.share_rival", 1),
    ("offers.effects.share.category", "arms[3].more.share_shift", 0.17),
    ("offers.effects.share.category", "arms[0].more.share_rival", -1),
    ("dynamics.values.weights", "dynamics.values", ("price", "speed")),
    ("dynamics.values.weights", "dynamics.value_means", [0.6, 0.4]),
    ("dynamics.flows", "dynamics.flows", True),
    ("channels.fatigue.decay", "dynamics.stocks[0].decay", 0.5),
    ("channels.fatigue.weight", "dynamics.stocks[0].weight", 0.3),
    ("offers.wear_out.decay", "dynamics.stocks[1].decay", 0.6),
    ("offers.wear_out.weight", "dynamics.stocks[1].weight", 0.8),
    ("channels.reach", "dynamics.channels[1].reach", 0.9),
    ("channels.reach", "dynamics.channels[0].reach", 1.0),
    ("channels.opt_out.base", "dynamics.channels[1].opt_out", 0.01),
    ("channels.opt_out.per_contact", "dynamics.channels[1].opt_out_per_contact", 0.02),
    ("channels.fatigue", "dynamics.channels[1].stock", 0),
    ("channels.fatigue", "dynamics.channels[0].stock", -1),
    ("channels.cost_per_contact", "arms[0].contact_cost", 0.05),
    ("offers.kind", "arms[0].kind", "discount"),
    ("offers.depth", "arms[0].depth", 0.2),
    ("offers.duration_periods", "arms[0].duration", 3),
    ("offers.channels", "arms[0].channel", "email"),
    ("offers.channels", "arms[0].more.channel", 1),
    ("offers.redemption_cost", "arms[0].redemption_cost", 0.4),
    ("offers.setup_cost", "arms[0].setup_cost", 70.0),
    ("offers.appeal dynamics.values.strength", "arms[0].more.appeal", (3.0 * 0.9, 3.0 * 0.2)),
    ("offers.wear_out", "arms[0].more.stocks", (0, 1)),
    ("offers.effects.response.by_segment offers.effects.response.curve", "arms[0].response", [0.3, 0.5, 0.5]),
    ("offers.effects.response.base", "arms[1].response", [0.1, 0.1, 0.1]),
    ("offers.effects.orders.lift", "arms[0].order_lift", 0.8),
    ("offers.effects.share.shift", "arms[0].more.share_shift", 0.22),
    ("offers.effects.tilt.response", "arms[0].more.tilt_response", 0.31),
    ("offers.effects.tilt.contact", "arms[0].more.tilt_contact", -0.05),
    ("offers.effects.trust.shift", "arms[0].more.trust", -0.4),
    ("offers.effects.tier.step", "arms[1].more.tier_step", 1),
    ("offers.effects.tier.probability", "arms[1].more.tier_probability", 0.45),
    ("offers.effects.attrition.reduction", "arms[2].attrition_reduction", 0.35),
    ("offers.category", "arms[3].category", 1),
    ("offers.bundle", "arms[3].more.bundle", 0b100),
    ("offers.effects.ownership.sticks", "arms[3].sticks", 0.55),
    ("offers.effects.ownership.cannibalises", "arms[3].more.cannibalises", 0.25),
    ("offers.effects.move.to", "arms[4].move_to", 1),
    ("offers.effects.move.probability", "arms[4].move_probability", 0.65),
    ("offers.kind", "arms[4].more.win_back", True),
    ("offers.kind", "arms[0].more.win_back", False),
    ("offers.kind", "arms[4].response", [0.0, 0.0, 0.15]),  # only who has left is won back
    ("contact_policy.fatigue.decay", "fatigue.decay", 0.4),
    ("contact_policy.fatigue.weight", "fatigue.weight", 0.24),
    ("season.by_month season.starts_in_period", "season.after", MONTHS),
    ("season.events.period season.events.periods season.events.factor", "season.within", [m * (1.5 if t in (5, 6) else 1) for t, m in enumerate(MONTHS)]),
    ("traffic.conversion traffic.by_segment", "conversion", [0.1, 0.05, 0.05]),
    ("service.contacts_per_order", "service.contacts_per_order", 0.2),
    ("service.contacts_per_customer", "service.contacts_per_customer", 0.03),
    ("service.minutes", "service.minutes", 6.0),
    ("service.patience_minutes", "service.patience_minutes", 4.0),
    ("service.days_per_period", "service.days", 20.0),
    ("service.hours_per_day", "service.hours_per_day", 8.0),
    ("service.kinds", "service.kinds", (("bill", 0.7), ("fault", 0.3))),
    ("service.load_by_hour", "service.load_by_hour", (1, 2, 3, 3, 2, 2, 1, 1)),
    ("service.first", "service.priority", (0, 1, 1)),
    ("service.on_time_seconds", "service.on_time_minutes", 0.5),
    ("service.leaves_to", "service.leaves_to", 2),
    ("service.teams.skills", "service.teams[0].skills", (0,)),
    ("service.teams.skills", "service.teams[1].skills", (0, 1)),
    ("service.teams.cost_per_agent_hour", "service.teams[1].cost_per_hour", 25.0),
    ("service.teams.shifts.agents", "service.teams[0].shifts[0].agents", 2),
    ("service.teams.shifts.start_hour", "service.teams[0].shifts[0].start_hour", 0.0),
    ("service.teams.shifts.end_hour", "service.teams[0].shifts[0].end_hour", 5.0),
    ("service.teams.agents", "service.teams[1].shifts[0].agents", 3),
    ("service.effects.failure.ends", "service.ends", 0.04),
    ("service.effects.failure.loses_trust", "service.trust.lost_per_failure", 0.2),
    ("service.effects.wait.loses_trust_per_minute", "service.trust.lost_per_minute", 0.01),
    ("service.effects.trust.churn_without service.effects.trust.acts_on", "service.trust.churn_without", 0.15),
    ("dynamics.trust.decay", "service.trust.recovery", 1 - 0.9),
    ("dynamics.trust", "service.trust.linked", True),
]  # fmt: skip


def at(world, place):
    value = world
    for part in place.replace("[", ".[").split("."):
        value = value[int(part[1:-1])] if part.startswith("[") else getattr(value, part)
    return value


@pytest.mark.parametrize(("words", "place", "expected"), ROWS)
def test_a_word_becomes_the_engine_s_number(world, words, place, expected):
    got = at(world, place)
    if (
        isinstance(expected, str | bool | type(None))
        or (isinstance(expected, tuple) and isinstance(expected[0], str))
        or (isinstance(expected, tuple) and isinstance(expected[0], tuple))
    ):
        assert got == expected
    else:
        np.testing.assert_allclose(np.asarray(got, float), np.asarray(expected, float), rtol=1e-12)


def test_the_curve_that_habituation_reads(world):
    """Logits of the response from no discount to the whole, linear between the table's points."""
    curve = world.arms[DEAL].more.curve
    assert len(curve) == 65
    np.testing.assert_allclose(
        [curve[0], curve[32], curve[64]], [logit(0.1), logit(0.3), logit(0.5)], rtol=1e-9, atol=1e-12
    )


def test_directions_as_given_are_taken_as_they_are(tmp_path):
    path = tmp_path / "words.yaml"
    path.write_text(TEXT.replace("momentum: 0.13,", "momentum: 0.13, direction: {fan: 0.5, gone: -2.0},"))
    loaded = load(str(path))
    world = build_world(loaded.scenario, customer_base(loaded).base)
    assert world.dynamics.tilt.direction.tolist() == [0.5, 0.0, -2.0]


def test_what_no_word_names_is_off(world):
    """An arm has nothing that its offer does not name."""
    assert world.arms[STAY].more == ArmDynamics(channel=0, appeal=(0.0, 0.0))


ELSEWHERE = {
    "dynamics.attrition.s", "dynamics.attrition.beta",  # of pareto_nbd, read as a and b are: scenarios.lives
    "dynamics.attrition.observed", "dynamics.values.known",  # what planners know
    "dynamics.values.concentration", "dynamics.values.by_segment", "dynamics.competition.share", "dynamics.competition.concentration",
    "dynamics.competition.categories.concentration",
    "dynamics.tiers.share", "channels.consent",  # drawn as traits: scenarios.lives
    "channels.capacity_per_period", "offers.min_margin_rate",  # rules of the plan
    "offers.effects.orders.curve",  # test_engine_formulas, test_promotion: a lift by depth
    "season.by_period", "season.mean", "season.events.every_year", "season.events.name",  # test_engine_season
    "service.agents", "service.cost_per_agent_hour", "service.effects.trust.recovers",  # test_surroundings
}  # fmt: skip
SPOKEN = {"source", "note", "sd"}


def leaves(model, path):
    """Dotted names of the fields below a model."""
    for name, field in model.model_fields.items():
        if name in SPOKEN:
            continue
        inner = [
            t
            for t in _types(field.annotation)
            if isinstance(t, type) and issubclass(t, BaseModel) and "Curve" not in t.__name__
        ]
        here = f"{path}.{name}"
        yield from (leaf for t in inner for leaf in leaves(t, here)) if inner else iter([here])


def _types(annotation):
    yield annotation
    for inner in typing.get_args(annotation):
        yield from _types(inner)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (dynamics.Dynamics, "dynamics"),
        (offers.Channel, "channels"),
        (offers.Offer, "offers"),
        (service.Service, "service"),
        (demand.Season, "season"),
        (demand.Traffic, "traffic"),
    ],
)
def test_every_field_has_its_row(model, path):
    named = {word for words, _, _ in ROWS for word in words.split()} | ELSEWHERE
    missing = [leaf for leaf in leaves(model, path) if leaf not in named]
    assert not missing


def test_new_customers_are_what_their_source_says():
    """Cost, capacity, share, segment and traits of a source against the drawn newcomers and arrivals."""
    first = "{cost: 12, capacity_per_period: 50, segment: regular, share: 0.25, order_rate: 0.5, order_value: 2.0, responsiveness: 0.7}"
    other = "{cost: 9, capacity_per_period: 5, segment: new, share: 0.75}"
    sets = (f"acquisition.sources={{first: {first}, other: {other}}}", "population.customers=3000", "strategies=[none]", "baseline=none", "capabilities={}")  # fmt: skip
    loaded = load("web_shop", sets, None, None)
    base = customer_base(loaded, strict=False).base
    scenario = without_acquisition(loaded.scenario)
    assert set(investment.AcquisitionSource.model_fields) - SPOKEN == {
        "cost", "capacity_per_period", "segment", "share", "order_rate", "order_value", "responsiveness"
    }  # fmt: skip
    world = build_world(scenario, base)
    drawn = draw_customers(scenario, base, world, 3000, 1)
    everybody, arrivals = with_new_customers(scenario, drawn, world, 1)
    counts = [count.sum() for count in joining(scenario.acquisition, 52, 1.0)]
    paid = [0.5 * 12000 * 4 / 52 * 0.25 / 12, 5]  # money binds at the first, capacity at the other
    assert np.abs(np.array(counts) - 52 * np.array(paid)).max() <= 1
    traits, people = everybody.population.traits, drawn.population.traits
    source, new = source_of(traits.key[3000:]), arrivals.cost[3000:]
    assert (new[source == 0] == 12 * MICRO).all() and (new[source == 1] == 9 * MICRO).all()
    assert (traits.start_segment[3000:][source == 0] == 1).all() and (
        traits.start_segment[3000:][source == 1] == 0
    ).all()
    for trait, factor in (("rate", 0.5), ("order_value", 2.0)):
        ours, theirs = getattr(traits, trait)[3000:][source == 0], getattr(people, trait)[people.start_segment == 1]
        assert set((ours / np.float32(factor)).tolist()) <= set(theirs.tolist())
    np.testing.assert_allclose(traits.responsiveness[3000:], np.where(source == 0, 0.7, 0.0), atol=1e-6)
