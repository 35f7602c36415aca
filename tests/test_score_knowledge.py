"""Real customers scored: what does not depend on luck, and what a run's own first plan is."""

import csv
import datetime

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.valuation import future_value
from scenarios.building import build_world
from scenarios.customers import customer_base
from scenarios.jobs import Setup
from scenarios.lives import draw_customers
from scenarios.loading import load
from scenarios.score import score

SCENARIO = """
name: Shop
question: who gets what?
currency: EUR
seed: {seed}
time: {{period: week, horizon_periods: 26, discount_rate_annual: 0.1}}
population:
  fit: {{transactions: log.csv, columns: {{customer_id: c, date: d, amount: a, category: k}}, categories: 3}}
  customers: 3000
margins: {{gross_margin_rate: 0.3, cost_to_serve_per_order: 0.1}}
channels: {{mail: {{cost_per_contact: 0.2}}}}
offers:
  coupon:
    kind: discount
    depth: 0.1
    channels: [mail]
    effects: {{response: {{base: 0.2, source: assumed}}, orders: {{lift: 0.5, source: assumed}}}}
  fish:
    kind: cross_sell
    category: fish
    channels: [mail]
    effects: {{response: {{base: 0.3, source: assumed}}, ownership: {{sticks: 0.5, source: assumed}}}}
rules: [{{name: budget, measure: cost, max: 100}}]
planning: {{every_periods: 26, knowledge: model}}
strategies: [none, optimal]
baseline: none
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """150 customers, 40 weeks; one in four buys bread, the others meat, two thirds of these fish, too."""
    folder, random = tmp_path_factory.mktemp("shop"), np.random.default_rng(1)
    with (folder / "log.csv").open("w", newline="") as file:
        log = csv.writer(file)
        log.writerow(["c", "d", "a", "k"])
        for customer in range(150):
            rate, size = random.gamma(2, 0.3), random.gamma(3, 8)
            for day in np.flatnonzero(random.random(280) < rate / 7):
                date = (datetime.date(2024, 1, 1) + datetime.timedelta(days=int(day))).isoformat()
                log.writerow(
                    [customer, date, round(size * random.gamma(4, 0.25), 2), "meat" if customer % 4 else "bread"]
                )
                if customer % 2 and random.random() < 0.5:
                    log.writerow([customer, date, round(0.3 * size, 2), "fish"])
    for seed in (1, 2):
        (folder / f"shop{seed}.yaml").write_text(SCENARIO.format(seed=seed))
        score(str(folder / f"shop{seed}.yaml"), folder / f"{seed}.parquet")
    return folder


def test_a_score_is_what_is_known_and_no_draw(shop):
    """Posterior means of rates, order values and headroom: another seed, the same candidates."""
    one, two = (pq.read_table(shop / f"{seed}.parquet").to_pydict() for seed in (1, 2))
    assert one["customer_id"] == two["customer_id"] and max(one["value"][1::2]) > 0
    for name in ("value", "cost", "revenue", "margin", "liability", "clv"):
        np.testing.assert_allclose(one[name], two[name], rtol=1e-5, atol=1e-6)


def test_what_is_known_of_many_drawn_customers_is_what_they_bring(shop):
    """The scored value of each offer is the mean value over customers drawn from its posterior, within 4 standard errors."""
    loaded = load(str(shop / "shop1.yaml"), (), None, None)
    base, n = customer_base(loaded, strict=False).base, 60_000
    setup = Setup(loaded.scenario, base, n)
    world = build_world(loaded.scenario, base)
    drawn = draw_customers(loaded.scenario, base, world, n, 1)
    briefing = setup.briefing(drawn, 1, 1e-3)
    known = briefing.as_known(drawn.population)
    seen, true = (briefing.candidates(p, 0)[0] for p in (known, drawn.population))
    clv = [future_value(briefing.tables, p, world, 0) for p in (known, drawn.population)]
    for a, b in [*zip(seen[0], true[0], strict=True), clv]:
        gap = (b - a).astype(float)
        assert abs(gap.mean()) < 4 * gap.std() / np.sqrt(n)
    assert not np.array_equal(known.traits.headroom, drawn.population.traits.headroom)
