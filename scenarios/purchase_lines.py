"""Lines of a log, checked, and grouped into orders, in SQL.

Sums are taken over integers (millionths of a currency unit), so that the same file gives the same bits whatever the
number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from scenarios.cleaning import FIRST_ROWS, RULES, Issue
from scenarios.datasets import Columns
from scenarios.tables import Table, Tables, literal, quoted

MICRO = 1_000_000
SAID = 24  # characters shown of a value that could not be used


def _id_sql(name: str, kind: str) -> str:
    column = quoted(name)
    if kind in ("DOUBLE", "FLOAT"):  # integers with gaps, as spreadsheets and data frames write them
        whole = f"case when {column} = trunc({column}) then {column}::bigint::varchar else {column}::varchar end"
        return f"case when isnan({column}) then null else {whole} end"
    return f"nullif(trim({column}), '')" if kind == "VARCHAR" else column


def _date_sql(name: str, kind: str, date_format: str | None) -> str:
    column = quoted(name)
    if kind.startswith(("DATE", "TIMESTAMP")):
        found = f"{column}::date"
    elif date_format:
        found = f"try_strptime({column}::varchar, {literal(date_format)})::date"
    else:
        text = f"trim({column}::varchar)"
        found = f"coalesce(try_cast({text} as timestamp), try_strptime({text}, '%Y%m%d'))::date"
    return f"case when {found} between date '1900-01-01' and date '2999-12-31' then {found} end"


def make_lines(
    tables: Tables,
    table: Table,
    columns: Columns,
    exclude: Mapping[str, Sequence[str]],
    until: date | None,
    today: date,
) -> None:
    """Table ``lines``: every row, typed, NULL where it cannot be read, and why it is out if it is.

    Rows are inserted in the order of the source, so ``rowid + 1`` is the row's number (a window function would number
    them on one thread).
    """
    kinds = table.columns
    order = _id_sql(columns.order_id, kinds[columns.order_id]) if columns.order_id else "null"
    category = f"coalesce({quoted(columns.category)}::varchar, '')" if columns.category else "''"
    out = [
        f"coalesce({quoted(name)}::varchar in ({', '.join(literal(str(v)) for v in values)}), false)"
        for name, values in exclude.items()
        if values
    ]
    tables.run(
        f"""create temp table lines as
        with typed as (
            select {_id_sql(columns.customer_id, kinds[columns.customer_id])} as id,
                   {_date_sql(columns.date, kinds[columns.date], columns.date_format)} as day,
                   try_cast(round(try_cast({quoted(columns.amount)} as double) * {MICRO}) as bigint) as micro,
                   {order} as order_id, {category} as category,
                   hash({", ".join(quoted(name) for name in kinds)}) as print,
                   {quoted(columns.date)}::varchar as said_day, {quoted(columns.amount)}::varchar as said_amount,
                   {" or ".join(out) or "false"} as excluded
            from {table.sql} t)
        select * exclude (said_day, said_amount), case when excluded then 'excluded'
                       when day > {literal(str(until or date.max))}::date then 'late'
                       when id is null then 'missing customer id'
                       when day is null then 'bad date'
                       when day > {literal(str(today))}::date then 'future date'
                       when micro is null then 'bad amount'
                  end as fault,
                  case fault when 'bad date' then said_day when 'future date' then said_day
                             when 'bad amount' then said_amount end as said
        from typed""",
        table.source,
    )


def line_issues(tables: Tables, table: Table, columns: Columns) -> list[Issue]:
    """Dirt that shows in single lines and in pairs of equal lines."""
    source = table.source
    tests = {kind: f"fault = '{kind}'" for kind in ("missing customer id", "bad date", "future date", "bad amount")}
    tests["zero amount"] = "fault is null and micro = 0"
    tests["huge amount"] = (
        "fault is null and micro > 1000 * (select median(micro) from lines where fault is null and micro > 0)"
    )
    if columns.order_id:
        tests["missing order id"] = "fault is null and order_id is null"
    if columns.category:
        tests["missing category"] = "fault is null and category = ''"
    counts = tables.rows(
        "select " + ", ".join(f"count(*) filter ({test})" for test in tests.values()) + " from lines", source
    )[0]
    issues = []
    if table.text:
        bad = [int(r[0]) for r in tables.rows("select distinct line from reject_errors order by line", source)]
        if bad:  # the header is line 1
            issues.append(_issue("malformed line", len(bad), [n - 1 for n in bad[:FIRST_ROWS]]))
    for (kind, test), count in zip(tests.items(), counts, strict=True):
        if count:
            first = f"select rowid + 1, said from lines where {test} order by rowid limit {FIRST_ROWS}"
            found = tables.rows(first, source)
            said = [str(r[1] or "")[:SAID] for r in found] if any(r[1] is not None for r in found) else []
            issues.append(_issue(kind, count, [r[0] for r in found], said=said))
    repeats = tables.rows("select count(*) - count(distinct print) from lines where fault is null", source)[0][0]
    if repeats:
        nth = "row_number() over (partition by print order by rowid) as nth"
        seen = f"select rowid + 1 as row, {nth} from lines where fault is null"
        found = tables.rows(f"select row from ({seen}) where nth > 1 order by row limit {FIRST_ROWS}", source)
        issues.append(_issue("exact duplicate", repeats, [r[0] for r in found]))
    return issues


def _issue(kind: str, count: int, rows: Sequence[int], micro: int | None = None, said: Sequence[str] = ()) -> Issue:
    money = None if micro is None else int(micro) / MICRO
    return Issue(kind, int(count), RULES[kind], tuple(int(r) for r in rows), money, tuple(said))


def without_repeats(tables: Tables, issues: list[Issue]) -> list[Issue]:
    """Drop all but the first of lines that are equal in every column, and say so in their issue."""
    tables.run(
        """update lines set fault = 'exact duplicate' where rowid in (
            select number from (select rowid as number, row_number() over (partition by print order by rowid) as nth
                                from lines where fault is null) where nth > 1)"""
    )
    return [replace(issue, rule="dropped on request") if issue.kind == "exact duplicate" else issue for issue in issues]


def make_orders(tables: Tables) -> None:
    """Tables ``cells`` (order x category), ``grouped`` (orders; ``lone``: returns only) and ``orders`` (numbered).

    An order is a customer's order id, or his day where there is none.
    """
    tables.run(
        """create temp table cells as
        select id, coalesce(order_id::varchar, 'day ' || loose::varchar) as key, * exclude (id, order_id, loose)
        from (select id, order_id, case when order_id is null then day end as loose, category,
                     min(day) as day, sum(micro) as micro, min(micro) as least, min(rowid) + 1 as row
              from lines where fault is null group by id, order_id, loose, category)"""
    )
    tables.run(
        """create temp table grouped as
        select id, key, min(day) as day, sum(micro) as micro, min(row) as row,
               min(least) < 0 and sum(micro) <= 0 as lone
        from cells group by id, key"""
    )
    tables.run(
        """create temp table orders as
        select *, row_number() over (order by id, day, key) - 1 as number,
               dense_rank() over (order by id) - 1 as customer
        from grouped where not lone"""
    )


def returns(tables: Tables, table: Table) -> list[Issue]:
    """Negative lines that an order's purchases take, and orders that only return goods: nothing takes those."""
    source, issues = table.source, []
    tables.run(
        """create temp table netted as
        select lines.rowid + 1 as row, lines.micro
        from lines join grouped
          on lines.id = grouped.id and coalesce(order_id::varchar, 'day ' || lines.day::varchar) = grouped.key
        where fault is null and lines.micro < 0 and not lone"""
    )
    for kind, rows in (("negative amount", "netted"), ("return without a purchase", "grouped where lone")):
        count, micro = tables.rows(f"select count(*), sum(micro) from {rows}", source)[0]
        if count:
            first = tables.rows(f"select row from {rows} order by row limit {FIRST_ROWS}", source)
            issues.append(_issue(kind, count, [r[0] for r in first], micro))
    return issues
