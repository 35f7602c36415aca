"""Candidates: a table with a row for each customer and offer, as dense arrays.

The key is ``customer_id, offer`` (and ``channel`` if there is such a column); an arm is an offer through a channel.
Every other column is a measure or a label, as the rules use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import DataError
from scenarios.rules import CustomerLabel, text_of
from scenarios.suggest import nearest
from scenarios.tables import Table, Tables, quoted

KEY = ("customer_id", "offer")
MAX_CELLS = 1_500_000_000  # measures x arms x customers in float64: 12 GB
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Candidates:
    """n customers, K arms, H measures.

    Attributes:
        source: the file.
        table: the rows as an Arrow table, all columns.
        arms: (offer, channel) of each arm, sorted; channel is None without such a column.
        names: H measures.
        measures: (H, K, n) float64, 0 where a customer has no such row.
        eligible: (K, n) bool.
        row: (K, n) place in the table, -1 where there is none.
        arm_labels: label -> value for each arm.
        customer_labels: label -> value for each customer.
        base: measure -> (n,) what happens without offers, from columns ``base_NAME``.

    """

    source: str
    table: Any
    arms: tuple[tuple[str, str | None], ...]
    names: tuple[str, ...]
    measures: Floats
    eligible: NDArray[np.bool_]
    row: NDArray[np.int32]
    arm_labels: Mapping[str, tuple[str | None, ...]]
    customer_labels: Mapping[str, CustomerLabel]
    base: Mapping[str, Floats]

    @property
    def n(self) -> int:
        """Customers."""
        return int(self.measures.shape[2])

    def selected(self, arm: NDArray[np.integer]) -> Any:
        """The chosen rows as an Arrow table, in the customers' order."""
        chosen = np.flatnonzero(arm >= 0)
        return self.table.take(self.row[arm[chosen], chosen])


def read_candidates(
    source: str | Path, measures: Sequence[str], labels: Sequence[str], base: Sequence[str]
) -> Candidates:
    """Read the columns that rules need, check every row, and lay them out densely.

    Args:
        source: CSV, Parquet or ``file.duckdb::table``.
        measures: columns that must hold finite numbers.
        labels: columns that filters name; each must belong to customers or to arms.
        base: measures whose column ``base_NAME`` says what happens without offers.

    Raises:
        DataError: missing columns, values that are no finite numbers, repeated rows, no rows; all at once, by row
        number
            (1 = the first row below the header).

    """
    with Tables() as tables:
        opened = tables.open(source, as_text=True)
        keys = [*KEY, "channel"] if "channel" in opened.columns else [*KEY]
        numbers = list(dict.fromkeys([*measures, *(f"base_{name}" for name in base)]))
        wanted = [*KEY, *numbers, *labels]
        missing = [name for name in wanted if name not in opened.columns]
        if missing:
            rest = [name for name in opened.columns if name not in wanted]
            raise DataError([f"{source}: column {name!r} is missing{nearest(name, rest)}" for name in missing])
        columns = [_selected(name, name in numbers, opened) for name in opened.columns]
        table = tables.arrow(f"select {', '.join(columns)} from {opened.sql}", str(source))
        problems = _ragged_lines(tables) if opened.text else []
    if table.num_rows == 0:
        raise DataError([f"{source}: expected candidates, got no rows"])
    problems += [text for name in keys for text in _empty(table, name)]
    problems += [text for name in numbers for text in _not_finite(table, name)]
    if problems:
        raise DataError([f"{source}: {text}" for text in problems])
    return _dense(str(source), table, keys, tuple(measures), tuple(labels), tuple(base))


def _selected(name: str, number: bool, table: Table) -> str:
    """A column as SQL: measures as doubles, text that is no number as NULL."""
    column = quoted(name)
    if not number:
        return column
    text = table.columns[name] == "VARCHAR"
    return f"{'try_cast(trim(' + column + ')' if text else 'cast(' + column} as double) as {column}"


def _ragged_lines(tables: Tables) -> list[str]:
    """Lines of the CSV just read with too few or too many cells."""
    found = tables.rows("select distinct line, error_message from reject_errors order by line limit 5")
    return [f"line {line}: {str(message).splitlines()[0]}" for line, message in found]


def rows_named(places: NDArray[np.integer]) -> str:
    """``row 3``, ``rows 3, 7, 12``, with how many more; 1 = the first row below the header."""
    shown = ", ".join(f"{place + 1:,}" for place in places[:5].tolist())
    more = f" and {len(places) - 5:,} more" if len(places) > 5 else ""
    return f"row{'s' if len(places) > 1 else ''} {shown}{more}"


def _empty(table: Any, name: str) -> list[str]:
    empty = np.flatnonzero(table.column(name).is_null().to_numpy())
    return [f"{rows_named(empty)}: {name} is empty"] if len(empty) else []


def _not_finite(table: Any, name: str) -> list[str]:
    values = table.column(name).to_numpy()
    bad = np.flatnonzero(~np.isfinite(values))
    return (
        [f"{rows_named(bad)}: expected a finite number in {name!r}, got {_shown(values[bad[0]])}"] if len(bad) else []
    )


def _shown(value: float) -> str:
    return "an empty cell, text or NaN" if np.isnan(value) else str(value)


def _encoded(table: Any, name: str) -> tuple[NDArray[np.int32], Any]:
    """(rows,) codes, -1 for an empty cell, and the values they stand for, an Arrow array in order of appearance."""
    column = table.column(name).combine_chunks().dictionary_encode()
    codes = column.indices
    if codes.null_count:
        codes = codes.fill_null(-1)
    return codes.to_numpy(zero_copy_only=False), column.dictionary


def _dense(
    source: str, table: Any, keys: Sequence[str], names: tuple[str, ...], labels: tuple[str, ...], base: tuple[str, ...]
) -> Candidates:
    customer, ids = _encoded(table, "customer_id")
    arm, arms = _arm_codes(table, keys)
    h, k, n, rows = len(names), len(arms), len(ids), table.num_rows
    if h * k * n > MAX_CELLS:
        raise DataError(
            [f"{source}: {n:,} customers x {k:,} arms x {h} measures do not fit in memory; split the file by customer"]
        )
    cell = arm.astype(np.int64) * n + customer
    row = np.full(k * n, -1, dtype=np.int32)
    row[cell] = np.arange(rows, dtype=np.int32)
    eligible = row >= 0
    if np.count_nonzero(eligible) < rows:
        raise DataError(_repeated(source, cell, customer, ids, arm, arms))
    measures = np.zeros((h, k * n))
    for index, name in enumerate(names):
        measures[index, cell] = table.column(name).to_numpy()
    arm_labels: dict[str, tuple[str | None, ...]] = {"offer": tuple(offer for offer, _ in arms)}
    if "channel" in keys:
        arm_labels["channel"] = tuple(channel for _, channel in arms)
    customer_labels: dict[str, CustomerLabel] = {}
    problems = []
    for label in labels:
        if label in arm_labels:
            continue
        codes, values = _encoded(table, label)
        known = tuple(text_of(value) for value in values.to_pylist())
        if (of_arm := _constant(codes, arm, k)) is not None:
            arm_labels[label] = tuple(known[code] if code >= 0 else None for code in of_arm.tolist())
        elif (of_customer := _constant(codes, customer, n)) is not None:
            filled = np.where(of_customer >= 0, of_customer, len(known))
            customer_labels[label] = CustomerLabel((*known, "") if (of_customer < 0).any() else known, filled)
        else:
            problems.append(
                f"{source}: label {label!r} belongs neither to customers nor to offers: it changes within both"
            )
    at_rest = {name: _of_customers(source, table, f"base_{name}", customer, n, problems) for name in base}
    if problems:
        raise DataError(problems)
    return Candidates(
        source, table, arms, names, measures.reshape(h, k, n), eligible.reshape(k, n), row.reshape(k, n),
        arm_labels, customer_labels, at_rest,
    )  # fmt: skip


def _arm_codes(table: Any, keys: Sequence[str]) -> tuple[NDArray[np.int32], tuple[tuple[str, str | None], ...]]:
    """(rows,) index of the arm, and the arms, sorted by name."""
    offer, offers = _encoded(table, "offer")
    offer_names = [text_of(value) for value in offers.to_pylist()]
    if "channel" in keys:
        channel, channels = _encoded(table, "channel")
        channel_names: list[str | None] = [text_of(value) for value in channels.to_pylist()]
    else:
        channel, channel_names = np.zeros(len(offer), dtype=np.int32), [None]
    pair = offer.astype(np.int64) * len(channel_names) + channel
    present = np.flatnonzero(np.bincount(pair, minlength=len(offer_names) * len(channel_names)))
    named = [(offer_names[p // len(channel_names)], channel_names[p % len(channel_names)], p) for p in present.tolist()]
    named.sort(key=lambda item: (item[0], item[1] or ""))
    rank = np.zeros(len(offer_names) * len(channel_names), dtype=np.int32)
    rank[[p for _, _, p in named]] = np.arange(len(named))
    return rank[pair], tuple((o, c) for o, c, _ in named)


def _constant(codes: NDArray[np.int32], of: NDArray[np.int32], size: int) -> NDArray[np.int32] | None:
    """The one code of each group, or None if some group has two."""
    one = np.zeros(size, dtype=np.int32)
    one[of] = codes
    return one if np.array_equal(one[of], codes) else None


def _of_customers(
    source: str, table: Any, name: str, customer: NDArray[np.int32], n: int, problems: list[str]
) -> Floats:
    """(n,) a number that belongs to customers."""
    values = table.column(name).to_numpy()
    one = np.zeros(n)
    one[customer] = values
    differs = np.flatnonzero(one[customer] != values)
    if len(differs):
        problems.append(f"{source}: {rows_named(differs)}: {name!r} differs between the rows of one customer")
    return one


def _repeated(
    source: str, cell: Any, customer: Any, ids: Any, arm: Any, arms: Sequence[tuple[str, str | None]]
) -> list[str]:
    """The first few customers that have an offer twice."""
    order = np.argsort(cell, kind="stable")
    again = np.flatnonzero(cell[order][1:] == cell[order][:-1])
    problems = []
    for place in again[:5].tolist():
        first, second = order[place], order[place + 1]
        offer = "/".join(part for part in arms[arm[first]] if part is not None)
        problems.append(
            f"{source}: rows {first + 1:,} and {second + 1:,}: customer {ids[int(customer[first])]} has {offer} twice"
        )
    if len(again) > 5:
        problems.append(f"{source}: {len(again) - 5:,} more rows repeat a customer and offer")
    return problems
