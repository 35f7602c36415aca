"""Reading purchase logs: clean and dirty files, every rule of the cleaning report, errors."""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pytest

from scenarios.datasets import Columns
from scenarios.errors import DataError
from scenarios.purchases import period_start, read_purchases

TODAY = date(2024, 12, 31)
FULL = Columns("who", "when", "paid", "basket", "shelf")

CLEAN = """who,when,paid,basket,shelf
b,2024-01-01,10.00,1,food
b,2024-01-01,2.50,1,drink
b,2024-01-09,4.00,2,food
a,2024-01-03,7.25,3,food
a,2024-01-21,1.00,4,drink
"""

DIRTY = """who,when,paid,basket,shelf
a,2024-01-01,10.00,1,food
a,2024-01-01,-3.00,1,food
,2024-01-02,5.00,2,food
a,yesterday,5.00,3,food
a,2024-01-03,five,4,food
a,2024-01-04,nan,5,food
a,2030-01-01,5.00,6,food
b,2024-01-05,-8.00,7,food
b,2024-01-06,0.00,8,food
b,2024-01-07,6.00,9,food
b,2024-01-07,6.00,9,food
b,2024-01-08,2.00,,food
b,2024-01-09,1.00,11,
b,2024-01-10,1.00
"""


def write(tmp_path, text, name="log.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def read(path, columns=FULL, **options):
    return read_purchases(path, columns, today=TODAY, **options)


def test_clean_log(tmp_path):
    log = read(write(tmp_path, CLEAN))
    assert log.customer_ids.tolist() == ["a", "b"]
    assert log.customer.tolist() == [0, 0, 1, 1]
    assert log.day.tolist() == [2, 20, 0, 8]
    assert log.period.tolist() == [0, 2, 0, 1]
    assert log.amount.tolist() == [7.25, 1.0, 12.5, 4.0]  # lines of one basket are one order
    assert (log.periods, log.first_day, log.last_day) == (3, date(2024, 1, 1), date(2024, 1, 21))
    assert log.categories == ("food", "drink")  # by sales
    cells = list(zip(log.cell_order.tolist(), log.cell_category.tolist(), log.cell_amount.tolist(), strict=True))
    assert cells == [(0, 0, 7.25), (1, 1, 1.0), (2, 0, 10.0), (2, 1, 2.5), (3, 0, 4.0)]
    assert log.report.issues == () and log.report.amount == 24.75
    assert log.left_truncated


def test_without_order_ids_a_day_is_an_order(tmp_path):
    log = read(write(tmp_path, CLEAN), Columns("who", "when", "paid"))
    assert log.amount.tolist() == [7.25, 1.0, 12.5, 4.0] and log.categories == ()


def test_every_kind_of_dirt_is_counted(tmp_path):
    log = read(write(tmp_path, DIRTY))
    found = {issue.kind: (issue.count, issue.rows, issue.amount) for issue in log.report.issues}
    assert found == {
        "malformed line": (1, (14,), None),
        "missing customer id": (1, (3,), None),
        "bad date": (1, (4,), None),
        "future date": (1, (7,), None),
        "bad amount": (2, (5, 6), None),
        "negative amount": (1, (2,), -3.0),
        "zero amount": (1, (9,), None),
        "missing order id": (1, (12,), None),
        "missing category": (1, (13,), None),
        "exact duplicate": (1, (11,), None),
        "return without a purchase": (1, (8,), -8.0),
    }
    # a: 10 - 3; b: the order of 0, the two equal lines of basket 9, the one without an id, the one without a shelf
    assert log.amount.tolist() == [7.0, 0.0, 12.0, 2.0, 1.0]
    assert "(none)" in log.categories
    assert (log.report.rows_read, log.report.rows_used, log.report.orders) == (13, 8, 5)


def test_the_report_says_what_was_done(tmp_path):
    lines = "\n".join(read(write(tmp_path, DIRTY)).report.lines())
    for part in (
        "8 of 13 rows, 2 customers, 5 orders, amount 22.00, 2024-01-01 to 2024-01-09",
        "bad date: 1 (dropped; a date format reads other ways of writing, row 4 'yesterday')",
        "negative amount: 1 (netted within its order, amount -3.00, row 2)",
        "return without a purchase: 1 (order dropped, not deducted from revenue, amount -8.00, row 8)",
        "exact duplicate: 1 (kept: two equal lines may both be real, row 11)",
    ):
        assert part in lines


def test_one_absurd_amount_is_named(tmp_path):
    lines = read(write(tmp_path, CLEAN + "a,2024-01-03,99999999,77,food\n")).report.lines()
    assert any("huge amount: 1 (kept: more than a thousand times the median, row 6)" in line for line in lines), lines


def test_nothing_up_to_the_last_day_asked_for_says_so(tmp_path):
    with pytest.raises(DataError, match="are after the last day asked for, 2020-01-01"):
        read(write(tmp_path, CLEAN), until=date(2020, 1, 1))


def test_strict_makes_every_kind_an_error(tmp_path):
    with pytest.raises(DataError) as caught:
        read(write(tmp_path, DIRTY), strict=True)
    assert len(caught.value.problems) == 11
    assert caught.value.problems[1].endswith("strict: missing customer id: 1 (dropped, row 3)")
    assert len(read(write(tmp_path, CLEAN), strict=True).amount) == 4


def test_same_bits_from_csv_parquet_and_duckdb(tmp_path):
    csv = write(tmp_path, CLEAN)
    con = duckdb.connect(str(tmp_path / "shop.duckdb"))
    con.execute(f"create table sales as select * from read_csv('{csv}')")
    con.execute(f"copy sales to '{tmp_path / 'log.parquet'}' (format parquet)")
    con.close()
    first = read(csv)
    for source in (tmp_path / "log.parquet", f"{tmp_path / 'shop.duckdb'}::sales"):
        other = read(source)
        assert other.customer_ids.tolist() == first.customer_ids.tolist()
        for name in ("customer", "day", "period", "amount", "cell_order", "cell_category", "cell_amount"):
            assert np.array_equal(getattr(first, name), getattr(other, name))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [("20240105", 4), ("2024-01-05", 4), ("2024-01-05 23:59:59", 4), ("2024-01-05T08:00:00", 4)],
)
def test_dates(tmp_path, cells, expected):
    text = f"who,when,paid\na,2024-01-01,1\nb,{cells},1\n"
    assert read(write(tmp_path, text), Columns("who", "when", "paid")).day.tolist() == [0, expected]


def test_a_date_format_settles_what_is_ambiguous(tmp_path):
    text = "who,when,paid\na,03/04/2024,1\nb,05/04/2024,1\n"
    with pytest.raises(DataError, match="bad date: 2"):
        read(write(tmp_path, text), Columns("who", "when", "paid"))
    log = read(write(tmp_path, text), Columns("who", "when", "paid", date_format="%d/%m/%Y"))
    assert log.first_day == date(2024, 4, 3) and log.day.tolist() == [0, 2]


def test_ids_keep_their_zeros_in_text_and_lose_their_fraction_in_numbers(tmp_path):
    text = "who,when,paid\n007,2024-01-01,1\n7,2024-01-01,1\n"
    assert read(write(tmp_path, text), Columns("who", "when", "paid")).customer_ids.tolist() == ["007", "7"]
    path = tmp_path / "ids.parquet"
    rows = "(1.0::double, date '2024-01-01', 1.0), (2.0, date '2024-01-02', 2.0), (null, date '2024-01-02', 2.0)"
    duckdb.execute(f"copy (select * from (values {rows}) t(who, bought, paid)) to '{path}' (format parquet)")
    log = read(path, Columns("who", "bought", "paid"))
    assert log.customer_ids.tolist() == ["1", "2"]
    assert [i.kind for i in log.report.issues] == ["missing customer id"]


@pytest.mark.parametrize(
    ("period", "periods", "index"), [("day", 21, [2, 20, 0, 8]), ("week", 3, [0, 2, 0, 1]), ("month", 0, [0, 0, 0, 0])]
)
def test_periods(tmp_path, period, periods, index):
    log = read(write(tmp_path, CLEAN), period=period)
    assert (log.periods, log.period.tolist()) == (periods, index)


def test_months_of_the_calendar(tmp_path):
    text = "who,when,paid\na,2023-11-30,1\na,2023-12-01,1\nb,2024-02-29,1\n"
    log = read(write(tmp_path, text), Columns("who", "when", "paid"), period="month")
    assert log.period.tolist() == [0, 1, 3] and log.periods == 4
    assert period_start(log, 3) == date(2024, 2, 1)


def test_until_and_exclude_set_rows_aside(tmp_path):
    log = read(write(tmp_path, CLEAN), until=date(2024, 1, 14), exclude={"shelf": ["drink"]})
    assert log.report.set_aside == {"excluded by request": 2, "after the last day asked for": 0}
    assert log.amount.tolist() == [7.25, 10.0, 4.0] and log.periods == 2 and log.last_day == date(2024, 1, 14)
    assert "  set aside, excluded by request: 2 rows" in log.report.lines()


def test_duplicates_are_dropped_on_request(tmp_path):
    log = read(write(tmp_path, DIRTY), drop_duplicates=True)
    assert log.amount.tolist() == [7.0, 0.0, 6.0, 2.0, 1.0] and log.report.rows_used == 7
    assert "  exact duplicate: 1 (dropped on request, row 11)" in log.report.lines()


def test_row_numbers_in_a_file_that_several_threads_read(tmp_path):
    rows = [f"customer {i % 5000},2024-01-{1 + i % 28:02d},{i % 97}.50" for i in range(700_000)]
    rows[3], rows[654_320] = "x,never,1.00", "x,2024-01-01,much"
    log = read(write(tmp_path, "who,when,paid\n" + "\n".join(rows) + "\n"), Columns("who", "when", "paid"))
    found = {i.kind: i.rows for i in log.report.issues}
    assert found["bad date"] == (4,) and found["bad amount"] == (654_321,)
    again = read(tmp_path / "log.csv", Columns("who", "when", "paid"))
    assert np.array_equal(log.amount, again.amount) and np.array_equal(log.customer, again.customer)


def test_until_is_not_in_the_future(tmp_path):
    with pytest.raises(DataError, match="until: expected a day up to today, 2024-12-31, got 2025-01-01"):
        read(write(tmp_path, CLEAN), until=date(2025, 1, 1))


def test_missing_columns_all_at_once_with_the_nearest_name(tmp_path):
    with pytest.raises(DataError) as caught:
        read(write(tmp_path, CLEAN), Columns("Who", "whn", "paid", "baskets"), exclude={"shelv": ["x"]})
    assert len(caught.value.problems) == 4
    assert (
        "customer_id: expected a column 'Who', got columns who, when, paid, basket, shelf; did you mean 'who'?"
        in str(caught.value)
    )
    assert "exclude.shelv: expected a column 'shelv'" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("empty.csv", "", "expected a table, got an empty file"),
        ("head.csv", "who,when,paid,basket,shelf\n", "expected purchases, got none in 0 rows: the table has no rows"),
        ("prose.csv", "Dear all,\nplease find\n", "expected a column 'who'"),
        ("binary.csv", "a\0b\0c\n", "expected text with a header line, got binary data"),
        ("not.parquet", "who,when\n1,2\n", "expected a table, got a file that is none"),
        ("not.duckdb", "who,when\n1,2\n", r"not\.duckdb"),
        ("log.docx", "x", "expected a name that ends in .csv"),
        ("lost.csv", "who,when,paid,basket,shelf\n,2024-01-01,1,2,x\n", "got none in 1 rows: missing customer id: 1"),
    ],
)
def test_files_that_are_no_log(tmp_path, name, text, match):
    with pytest.raises(DataError, match=match):
        read(write(tmp_path, text, name))


def test_missing_files_and_tables(tmp_path):
    write(tmp_path, CLEAN, "sales.csv")
    with pytest.raises(DataError, match=r"got no such file; did you mean 'sales.csv'\?"):
        read(tmp_path / "sale.csv")
    duckdb.connect(str(tmp_path / "shop.duckdb")).execute("create table sales as select 1 as who").close()
    with pytest.raises(DataError, match="got table 'sale'; the file holds sales"):
        read(f"{tmp_path / 'shop.duckdb'}::sale")
    with pytest.raises(DataError, match="period: expected day, week, month, got 'year'"):
        read(tmp_path / "sales.csv", period="year")


def test_hostile_names_stay_names(tmp_path):
    """Quotes in columns, values and file names are data, not SQL."""
    text = 'who,"wh""en",pa\'id,shelf\na,2024-01-01,1,"x\'; drop table lines; --"\nb,2024-01-02,2,y\n'
    columns = Columns("who", 'wh"en', "pa'id", None, "shelf")
    log = read(write(tmp_path, text, "lo'g.csv"), columns, exclude={"shelf": ["x'; drop table lines; --"]})
    assert log.amount.tolist() == [2.0]
