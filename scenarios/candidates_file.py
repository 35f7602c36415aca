"""The candidates' file: checked row by row, and laid out densely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenarios.candidate_faults import no_names, not_finite, ragged_lines, repeated, texts_for_numbers
from scenarios.candidates import Candidates, rows_named
from scenarios.errors import DataError
from scenarios.regular import (
    add_pieces,
    add_regular,
    constant_regular,
    cycle_of,
    regular_table,
    text_of_cell,
)
from scenarios.rules import CustomerLabel
from scenarios.stand_ins import with_stand_ins
from scenarios.store import Store, store_of
from scenarios.suggest import nearest
from scenarios.tables import Tables

KEY = ("customer_id", "offer")
MAX_CELLS = 1_500_000_000  # measures x arms x customers in float64: 12 GB
Floats = NDArray[np.float64]


def read_candidates(
    source: str | Path,
    measures: Sequence[str],
    labels: Sequence[str] = (),
    base: Sequence[str] = (),
    *,
    mixed: Mapping[str, Mapping[str, float]] | None = None,
    numbers: Sequence[str] = (),
    others: Sequence[str] = (),
    reported: Sequence[str] = (),
    problems: list[str] | None = None,
) -> Candidates:
    """Read the columns that rules need, check every row, and lay them out densely.

    Args:
        source: CSV, Parquet, Excel (``file.xlsx`` or ``file.xlsx::sheet``) or ``file.duckdb::table``.
        measures: columns that must hold finite numbers, or names of ``mixed``.
        labels: columns that filters name; each must belong to customers or to arms.
        base: measures whose column ``base_NAME`` says what happens without offers.
        mixed: measures that are weighted sums of columns: name -> column -> weight.
        numbers: columns that hold numbers or nothing.
        others: columns that must exist.
        reported: columns whose absence is reported already; the error that they cause does not repeat them.
        problems: gets the faults of single rows (values that are no finite numbers, rows without key, repeated rows, ragged
            lines), so that more can be looked at; the candidates then hold 0 or another row in their
            place.  Without it they are raised.

    Raises:
        DataError: missing columns, no rows, and faults of single rows; all at once, by row number (1 = the
            first row below the header).

    """
    mixed = mixed or {}
    parts = {name: dict(mixed.get(name, {name: 1.0})) for name in measures}
    with Tables() as tables:
        opened = tables.open(source, as_text=True)
        keys = [*KEY, "channel"] if "channel" in opened.columns else [*KEY]
        finite = list(dict.fromkeys(c for columns in parts.values() for c in columns))
        finite = list(dict.fromkeys([*finite, *(f"base_{name}" for name in base)]))
        wanted = list(dict.fromkeys([*KEY, *finite, *numbers, *labels, *others]))
        missing = [name for name in wanted if name not in opened.columns]
        if missing:
            rest = [name for name in opened.columns if name not in wanted] or list(opened.columns)
            unknown = [name for name in missing if name not in reported]
            raise DataError(
                [
                    f"{source}: column {name!r} is missing{opened.formula(name) or nearest(name, rest)}"
                    for name in unknown
                ]
            )
        store = store_of(tables, opened, [*finite, *numbers])
        faults = ragged_lines(tables, opened) if opened.text else []
        faults += texts_for_numbers(tables, opened, [*finite, *numbers])
        for name in keys:
            faults += no_names(tables, opened, name)
    if store.rows == 0:
        raise DataError([f"{source}: expected candidates, got no rows"])
    texts: dict[str, Sequence[int]] = {name: column.texts for name, column in (opened.cells or {}).items()}
    store, empty, blank = with_stand_ins(store, keys, list(dict.fromkeys([*keys, *wanted])))
    if len(blank):
        known = {name: np.concatenate([np.asarray(texts.get(name, ()), np.int64), blank]) for name in finite}
        texts = {**texts, **{name: rows.tolist() for name, rows in known.items()}}
    faults = [f"{source}: {text}" for text in (*empty, *faults)]
    data = _dense(str(source), store, keys, parts, tuple(labels), tuple(base), texts, faults)
    faults = list(dict.fromkeys(faults))
    if faults and problems is None:
        raise DataError(faults)
    if problems is not None:
        problems += faults
    return data


def columns_in(source: str | Path, *, formulas: bool = True) -> tuple[str, ...]:
    """Names of the file's columns, with those of a workbook that hold formulas (they are reported where they are read) or without.

    Raises:
        DataError: it cannot be read.

    """
    with Tables() as tables:
        opened = tables.open(source, as_text=True)
        rest = [name for name in opened.cells or () if name not in opened.columns] if formulas else []
        return (*opened.columns, *rest)


def _dense(
    source: str,
    store: Store,
    keys: Sequence[str],
    parts: Mapping[str, Mapping[str, float]],
    labels: tuple[str, ...],
    base: tuple[str, ...],
    texts: Mapping[str, Sequence[int]],
    problems: list[str],
) -> Candidates:
    cycle: NDArray[np.int32] | None = None
    regular = regular_table(store, keys)
    if regular is not None:
        ids, arms, cycle = regular
        arm = customer = np.zeros(0, dtype=np.int32)
    else:
        customer, ids = store.runs("customer_id")
        arm, arms = _arm_codes(store, keys)
        cycle = cycle_of(customer, arm, len(arms), len(ids))
    h, k, n, rows = len(parts), len(arms), len(ids), store.rows
    if h * k * n > MAX_CELLS:
        raise DataError(
            [f"{source}: {n:,} customers x {k:,} arms x {h} measures do not fit in memory; split the file by customer"]
        )
    row: NDArray[np.int32] | None = None
    cell = np.zeros(0, dtype=np.int64)
    if cycle is not None:
        eligible = np.ones((k, n), dtype=bool)
        arm = customer = np.zeros(0, dtype=np.int32)  # no longer needed, and large
    else:
        cell = arm.astype(np.int64) * n + customer
        flat = np.full(k * n, -1, dtype=np.int32)
        flat[cell] = np.arange(rows, dtype=np.int32)
        row = flat.reshape(k, n)
        eligible = row >= 0
        if np.count_nonzero(eligible) < rows:
            problems += repeated(source, cell, customer, ids, arm, arms)
    measures = np.zeros((h, k, n))
    for index, columns in enumerate(parts.values()):
        for name, weight in columns.items():
            if cycle is not None and add_pieces(measures[index], store.pieces(name), cycle, weight):
                continue
            values = store.numbers(name)
            bad = not_finite(source, name, values, texts.get(name))
            problems += [f"{source}: {text}" for text in bad]
            if bad or name in texts:
                values = np.where(np.isfinite(values), values, 0.0)
            if cycle is not None:
                add_regular(measures[index], values, cycle, weight)
            elif len(columns) == 1 and weight == 1:
                measures[index].reshape(-1)[cell] = values
            else:
                measures[index].reshape(-1)[cell] += weight * values
    arm_labels: dict[str, tuple[str | None, ...]] = {"offer": tuple(offer for offer, _ in arms)}
    if "channel" in keys:
        arm_labels["channel"] = tuple(channel for _, channel in arms)
    customer_labels: dict[str, CustomerLabel] = {}
    for label in labels:
        if label in arm_labels:
            continue
        codes, found = store.encoded(label)
        known = tuple(text_of_cell(value) for value in found)
        if cycle is not None:
            of_arm, of_customer = constant_regular(codes, cycle, n)
        else:
            of_arm, of_customer = _constant(codes, arm, k), None
        if of_arm is not None:
            arm_labels[label] = tuple(known[code] if code >= 0 else None for code in of_arm.tolist())
        elif (of_customer if cycle is not None else (of_customer := _constant(codes, customer, n))) is not None:
            assert of_customer is not None
            filled = np.where(of_customer >= 0, of_customer, len(known))
            customer_labels[label] = CustomerLabel((*known, "") if (of_customer < 0).any() else known, filled)
        else:
            customer_labels[label] = CustomerLabel(known, np.zeros(n, dtype=np.int32))
            problems.append(
                f"{source}: label {label!r} belongs neither to customers nor to offers: it changes within both"
            )
    if base and cycle is not None:
        customer = np.repeat(np.arange(n, dtype=np.int32), k)
    at_rest = {name: _of_customers(source, store, f"base_{name}", customer, n, problems) for name in base}
    return Candidates(
        source, store, ids, arms, tuple(parts), measures, eligible, row, cycle, arm_labels, customer_labels, at_rest,
    )  # fmt: skip


def _arm_codes(store: Store, keys: Sequence[str]) -> tuple[NDArray[np.int32], tuple[tuple[str, str | None], ...]]:
    """(rows,) index of the arm, and the arms, sorted by name."""
    offer, offers = store.encoded("offer")
    offer_names = [text_of_cell(value) for value in offers]
    if "channel" in keys:
        channel, channels = store.encoded("channel")
        channel_names: list[str | None] = [text_of_cell(value) for value in channels]
    else:
        channel, channel_names = np.zeros(len(offer), dtype=np.int32), [None]
    pair = offer if len(channel_names) == 1 else offer * np.int32(len(channel_names)) + channel
    there = np.zeros(len(offer_names) * len(channel_names), dtype=bool)
    there[pair] = True
    present = np.flatnonzero(there)
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
    source: str, store: Store, name: str, customer: NDArray[np.int32], n: int, problems: list[str]
) -> Floats:
    """(n,) a number that belongs to customers."""
    values = store.numbers(name)
    if bad := not_finite(source, name, values):
        problems += [f"{source}: {text}" for text in bad]
        return np.zeros(n)
    one = np.zeros(n)
    one[customer] = values
    differs = np.flatnonzero(one[customer] != values)
    if len(differs):
        problems.append(f"{source}: {rows_named(differs)}: {name!r} differs between the rows of one customer")
    return one
