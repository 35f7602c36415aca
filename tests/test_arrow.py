"""Arrow tables hold what the arrays hold, exactly and with names; sums over them are the ledger's."""

import numpy as np
import pyarrow
import pyarrow.parquet as pq
import pytest
from engine_worlds import m0_population, m0_world, rich_population, rich_world
from life_worlds import rich_dynamics, rich_lives

import engine
from engine.errors import PopulationError


@pytest.fixture(scope="module")
def run():
    world, n = rich_dynamics(2), 700
    plan = (np.arange(n) % (len(world.arms) + 1)).astype(np.uint8)
    done = engine.Simulation(world, rich_lives(world, n, 2), seed=3)
    done.advance(3, plan)
    done.advance(3, plan[::-1].copy())
    return done


def test_every_column_of_a_population_is_there(run):
    table, state, traits = run.population.to_arrow(run.world), run.population.state, run.population.traits
    assert table.num_rows == 700
    assert np.array_equal(np.asarray(table["key"]), traits.key) and table["key"].type == pyarrow.uint64()
    assert np.array_equal(np.asarray(table["rate"]), traits.rate) and table["rate"].type == pyarrow.float32()
    names = np.array(run.world.segments.names)
    assert table["segment"].to_pylist() == names[state.segment].tolist()
    for c, name in enumerate(run.world.categories):
        assert np.array_equal(np.asarray(table[f"owned_{name}"]), (state.owned >> c) & 1 == 1)
        assert np.array_equal(np.asarray(table[f"headroom_{name}"]), traits.headroom[:, c])
    life = run.population.life
    assert np.array_equal(np.asarray(table["life_trust"]), life.trust)
    assert np.array_equal(np.asarray(table["life_values_1"]), life.values[:, 1])
    bare = run.population.to_arrow()
    assert (
        bare["segment"].type == pyarrow.uint8() and "headroom_0" in bare.column_names and "owned" in bare.column_names
    )


def test_sums_over_tables_are_the_ledger_s(run):
    tables, ledger = run.to_arrow(), run.ledger
    ledger.check()
    names = run.world.segments.names

    def total(table, column):
        return np.asarray(table[column]).sum()

    assert total(tables["segments"], "orders") == total(tables["periods"], "orders") == ledger.orders.sum()
    assert total(tables["arms"], "contacts") == ledger.contacts.sum() > 0
    for arms, periods in (("discount", "discount"), ("contact_cost", "contact"), ("redemption_cost", "redemption")):
        assert total(tables["arms"], arms) == pytest.approx(total(tables["periods"], periods), abs=1e-6)
    assert total(tables["flows"], "customers") == 6 * 700
    promotion = (
        total(tables["periods"], "contact")
        + total(tables["periods"], "discount")
        + total(tables["periods"], "redemption")
    )
    assert total(tables["customers"], "promotion_cost") == pytest.approx(promotion, abs=1e-6)
    one = tables["flows"].slice(4 * len(names) ** 2 + 1 * len(names) + 2, 1).to_pylist()[0]
    assert one == {"period": 4, "from": names[1], "to": names[2], "customers": int(ledger.flow[4, 1, 2])}
    row = tables["segments"].slice(2 * len(names) + 1, 1).to_pylist()[0]
    assert (row["period"], row["segment"], row["orders"]) == (2, names[1], int(ledger.segment_orders[2, 1]))


def test_tables_go_through_parquet(run, tmp_path):
    for name, table in run.to_arrow().items():
        pq.write_table(table, tmp_path / f"{name}.parquet")
        assert pq.read_table(tmp_path / f"{name}.parquet").num_rows == table.num_rows


def test_a_world_without_arms_categories_or_flows():
    run = engine.Simulation(m0_world(), m0_population(10), seed=1)
    run.advance(4)
    rows = {name: table.num_rows for name, table in run.to_arrow().items()}
    assert rows == {"customers": 10, "periods": 4, "segments": 24, "arms": 0, "flows": 0}


def test_customers_of_another_world_are_refused():
    world = rich_world(1)
    with pytest.raises(PopulationError, match=r"expected more than 3 segments and 3 categories.*got 2 and 3"):
        rich_population(world, 200, 1).to_arrow(rich_world(1, segments=2))


def test_what_the_package_shows_exists():
    for name in engine.__all__:
        assert getattr(engine, name) is not None
