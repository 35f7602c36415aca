"""Populations, runs and ledgers as Arrow tables.  The only file of the engine that knows pyarrow.

Counts are int64, money is float64 in currency units, places (segments, arms) are texts; what a population holds keeps its dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow
from numpy.typing import NDArray

from engine.errors import PopulationError

if TYPE_CHECKING:
    from engine.ledger import Ledger
    from engine.population import Population
    from engine.simulation import Simulation
    from engine.world import World

PERIOD_COLUMNS = (
    "customers", "orders", "incremental_orders", "revenue", "discount", "cannibalised", "cost_of_goods", "cost_to_serve",
    "redemption", "contact", "staff", "acquisition", "setup", "capability", "margin", "visits", "acquired", "wallet", "lost",
)  # fmt: skip


def population_table(population: Population, world: World | None = None) -> pyarrow.Table:
    """One row a customer: traits, state and, of worlds with dynamics, ``life_*``.

    With a ``world``, segments are its names and each category has ``owned_NAME`` (bool) and ``headroom_NAME``; without one,
    segments are numbers, ``owned`` is the bit mask and headroom is ``headroom_0``, ``headroom_1`` ...

    Raises:
        PopulationError: customers of another world: segments or categories that this one does not have.
    """
    traits, state = population.traits, population.state
    count = traits.headroom.shape[1]
    if world is not None:
        most = max(int(values.max(initial=0)) for values in (traits.start_segment, state.segment))
        if most >= len(world.segments.names) or count != len(world.categories):
            raise PopulationError(
                [
                    f"world: expected more than {most} segments and {count} categories, as the customers have, got "
                    f"{len(world.segments.names)} and {len(world.categories)}"
                ]
            )
    names = tuple(str(c) for c in range(count)) if world is None else world.categories
    columns: dict[str, Any] = {f.name: getattr(traits, f.name) for f in fields(traits) if f.name != "headroom"}
    columns |= {f"headroom_{name}": np.ascontiguousarray(traits.headroom[:, c]) for c, name in enumerate(names)}
    columns |= {f.name: getattr(state, f.name) for f in fields(state)}
    if world is not None:
        for name in ("start_segment", "segment"):
            columns[name] = _named(columns[name], world.segments.names)
        del columns["owned"]
        columns |= {f"owned_{name}": state.owned >> np.uint32(c) & np.uint32(1) == 1 for c, name in enumerate(names)}
    if population.life is not None:
        for name, values in population.life.columns().items():
            if values.ndim == 1:
                columns[f"life_{name}"] = values
            else:
                columns |= {f"life_{name}_{d}": np.ascontiguousarray(values[:, d]) for d in range(values.shape[1])}
    return pyarrow.table(columns)


def periods_table(ledger: Ledger) -> pyarrow.Table:
    """One row a period: counts and money of all customers."""
    columns = {"period": np.arange(len(ledger))} | {name: getattr(ledger, name) for name in PERIOD_COLUMNS}
    return pyarrow.table(columns)


def segments_table(ledger: Ledger, names: Sequence[str]) -> pyarrow.Table:
    """One row a period and segment: customers after the move, orders, margin."""
    columns = {
        "customers": ledger.segment_customers,
        "orders": ledger.segment_orders,
        "margin": ledger.segment_margin,
    }
    return _by_period("segment", names, columns)


def arms_table(ledger: Ledger, names: Sequence[str]) -> pyarrow.Table:
    """One row a period and arm: contacts, responses, redeeming orders, discount, costs of contacts and of redemptions."""
    columns = {
        "contacts": ledger.contacts,
        "responses": ledger.responses,
        "redeeming_orders": ledger.redeeming_orders,
        "discount": ledger.arm_discount,
        "contact_cost": ledger.arm_contact_cost,
        "redemption_cost": ledger.arm_redemption_cost,
    }
    return _by_period("arm", names, columns)


def flows_table(ledger: Ledger, names: Sequence[str]) -> pyarrow.Table:
    """One row a period and pair of segments: customers who went from one to the other; no rows where the world keeps none."""
    flow = ledger.flow
    t, s, _ = flow.shape
    return pyarrow.table(
        {
            "period": np.repeat(np.arange(t), s * s),
            "from": _named(np.tile(np.repeat(np.arange(s), s), t), names),
            "to": _named(np.tile(np.arange(s), t * s), names),
            "customers": flow.ravel(),
        }
    )


def run_tables(run: Simulation) -> dict[str, pyarrow.Table]:
    """``customers`` (the population now, with margin and promotion cost so far), ``periods``, ``segments``, ``arms``, ``flows``."""
    world, ledger = run.world, run.ledger
    customers = population_table(run.population, world)
    customers = customers.append_column("margin", pyarrow.array(run.margin))
    customers = customers.append_column("promotion_cost", pyarrow.array(run.promotion_cost))
    if run.centre is not None:
        customers = customers.append_column("service_trust", pyarrow.array(run.centre.trust))
    names = world.segments.names
    return {
        "customers": customers,
        "periods": periods_table(ledger),
        "segments": segments_table(ledger, names),
        "arms": arms_table(ledger, [arm.name for arm in world.arms]),
        "flows": flows_table(ledger, names),
    }


def _by_period(of: str, names: Sequence[str], columns: dict[str, NDArray[Any]]) -> pyarrow.Table:
    """One row a period and name, of columns (T, names)."""
    t, count = next(iter(columns.values())).shape
    period, name = np.divmod(np.arange(t * count), max(count, 1))
    return pyarrow.table({"period": period, of: _named(name, names)} | {k: v.ravel() for k, v in columns.items()})


def _named(places: NDArray[np.integer], names: Sequence[str]) -> Any:
    """Texts, each stored once."""
    return pyarrow.DictionaryArray.from_arrays(places.astype(np.int32), pyarrow.array(list(names), pyarrow.string()))
