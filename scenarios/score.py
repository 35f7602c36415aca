"""Real customers x arms with incremental CLV: what ``cvmax allocate`` takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from engine.valuation import future_value
from scenarios.allocation_files import kind_of_file, write_rows
from scenarios.assumptions import changed
from scenarios.building import build_world
from scenarios.customers import customer_base
from scenarios.errors import ConfigError
from scenarios.fitted import RealBase
from scenarios.jobs import Setup
from scenarios.lives import with_lives
from scenarios.loading import load
from scenarios.margins import enough_margin
from scenarios.writing import refuse_overwrite


def score(
    reference: str, out: Path, *, sets: tuple[str, ...] = (), override: str | None = None, force: bool = False
) -> int:
    """Write one row for each real customer and open arm, as what the file's ending says; returns the number of rows.

    Columns: ``customer_id, offer, channel, kind, segment, value, cost, revenue, margin, liability, clv,
    orders_per_period, order_value``.  ``value`` is incremental CLV net of ``cost``; ``clv`` what the customer is worth
    without offers; rates and values are posterior means.  The control group and the contact policy do not apply: nobody
    has been contacted yet.

    Raises:
        InputError: the scenario's customers are made up, or the file exists or ends with another word than .parquet, .csv
            or .xlsx; before anything is worked out.
    """
    kind = kind_of_file(out)
    refuse_overwrite(out, force)
    loaded = load(reference, sets, override)
    base = customer_base(loaded).base
    if not isinstance(base, RealBase):
        raise ConfigError(
            [
                f"{reference}: population: expected real customers (fit or fitted) to score, got synthetic ones; hint: `cvmax "
                "fit LOG --out FILE.yaml` makes them of a purchase log, and a scenario takes population: {fitted: FILE.yaml}"
            ]
        )
    dynamics = loaded.scenario.dynamics
    if dynamics is not None and (dynamics.tiers or dynamics.attrition):
        raise ConfigError([f"{reference}: dynamics: real customers have no known tier or contract; score without them"])
    planning = loaded.scenario.planning.model_copy(
        update={"knowledge": "model"}
    )  # nobody knows real customers' true traits
    scenario = loaded.scenario.model_copy(update={"planning": planning})
    world = build_world(changed(scenario, scenario.planning.beliefs), base)
    setup = Setup(scenario, base, len(base.ids))
    customers = with_lives(
        base.each(scenario.seed, scenario.population.kappa.value), scenario, base, world, scenario.seed
    )
    briefing = setup.briefing(customers, scenario.seed, 1e-4)
    known = briefing.as_known(customers.population)
    measures, liability = briefing.candidates(known, 0)
    source = known.traits.source
    n, k = len(known), len(world.arms)
    open_to = np.ones((k, n), bool)
    for index, arm in enumerate(world.arms):
        rate = scenario.offers[arm.offer].min_margin_rate
        open_to[index] = enough_margin(measures[3, index], measures[2, index], rate)
    # Customer after customer, their arms in the scenario's order.
    who, arm_of = np.nonzero(open_to[:, np.argsort(source, kind="stable")].T)
    who = np.argsort(source, kind="stable")[who]
    tables = briefing.tables
    start, now = known.traits.start_segment, known.state.segment
    per_period = known.traits.rate * (
        tables.level[start, 0] * (world.segments.transition[now] * tables.factor[start]).sum(axis=1)
    )
    clv = future_value(tables, known, world, 0)

    def label(values: list[str]) -> pa.Array:
        return pa.array(values).take(pa.array(arm_of))

    table = pa.table(
        {
            "customer_id": pa.array(base.ids[source[who]]),
            "offer": label([a.offer for a in world.arms]),
            "channel": label([a.channel for a in world.arms]),
            "kind": label([a.kind for a in world.arms]),
            "segment": pa.array(world.segments.names).take(pa.array(known.state.segment[who].astype(np.int64))),
            **{
                name: measures[m, arm_of, who].astype(np.float64)
                for m, name in enumerate(("value", "cost", "revenue", "margin"))
            },
            "liability": liability[arm_of, who].astype(np.float64),
            "clv": clv[who],
            "orders_per_period": per_period[who].astype(np.float64),
            "order_value": known.traits.order_value[who].astype(np.float64),
        }
    )
    write_rows(table, out, kind, force, name="candidates")
    return len(table)
