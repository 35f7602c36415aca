"""Candidates: a table with a row for each customer and offer, as dense arrays.

The key is ``customer_id, offer`` (and ``channel`` if there is such a column); an arm is an offer through a channel.
Every other column is a measure or a label, as the rules use it.  Columns are read one at a time
(:mod:`scenarios.candidates_file`), so that the memory needed is that of the dense measures, the place of each row, and one column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.regular import (
    text_of_cell,
)
from scenarios.rules import CustomerLabel
from scenarios.store import Store, coded, place_in, take

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Candidates:
    """n customers, K arms, H measures.

    Attributes:
        source: the file.
        store: its rows, all columns.
        ids: the customers' names, an Arrow array.
        arms: (offer, channel) of each arm, sorted; channel is None without such a column.
        names: H measures.
        measures: (H, K, n) float64, 0 where a customer has no such row.
        eligible: (K, n) bool.
        row: (K, n) place in the table, -1 where there is none; None where row ``customer * K + j`` holds arm ``cycle[j]``.
        cycle: the order of arms within each customer of such a regular table.
        arm_labels: label -> value for each arm.
        customer_labels: label -> value for each customer.
        base: measure -> (n,) what happens without offers, from columns ``base_NAME``.

    """

    source: str
    store: Store
    ids: Any
    arms: tuple[tuple[str, str | None], ...]
    names: tuple[str, ...]
    measures: Floats
    eligible: Bools
    row: NDArray[np.int32] | None
    cycle: NDArray[np.int32] | None
    arm_labels: Mapping[str, tuple[str | None, ...]]
    customer_labels: Mapping[str, CustomerLabel]
    base: Mapping[str, Floats]

    @property
    def n(self) -> int:
        """Customers."""
        return int(self.measures.shape[2])

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return self.store.rows

    def arm_name(self, arm: int) -> str:
        """``offer/channel``."""
        return "/".join(part for part in self.arms[arm] if part is not None)

    def places(self, arm: NDArray[np.integer], customer: NDArray[np.integer]) -> NDArray[np.int64]:
        """Rows of these cells, -1 where a customer has no such row."""
        if self.row is not None:
            return np.asarray(self.row[arm, customer], np.int64)
        assert self.cycle is not None
        return np.asarray(np.asarray(customer, np.int64) * len(self.arms) + np.argsort(self.cycle)[arm], np.int64)

    def spread(self, values: NDArray[Any], fill: Any) -> NDArray[Any]:
        """(K, n) a column of the table (rows,), ``fill`` where there is no row."""
        k, n = self.eligible.shape
        if self.cycle is not None:
            out = np.empty((k, n), values.dtype)
            out[self.cycle] = values.reshape(n, k).T
            return out
        assert self.row is not None
        return np.where(self.row >= 0, values[self.row], fill)

    def by_customer(self, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """(n,) a column (rows,) that belongs to customers, from their first row, and the rows that say something else."""
        k, n = self.eligible.shape
        if self.cycle is not None:
            table = values.reshape(n, k)
            one = table[:, 0].copy()
            pieces = [
                np.flatnonzero((table[i : i + 8192] != one[i : i + 8192, None]).ravel()) + i * k
                for i in range(0, n, 8192)
            ]
            return one, np.concatenate(pieces) if pieces else np.zeros(0, np.int64)
        assert self.row is not None
        first = np.where(self.eligible.any(axis=0), self.row[self.eligible.argmax(axis=0), np.arange(n)], 0)
        one = values[first]
        wrong = self.eligible & (values[np.maximum(self.row, 0)] != one)
        return one, np.sort(self.row[wrong]).astype(np.int64)

    def numbers(self, column: str) -> Floats:
        """(rows,) a column as numbers, NaN where there is none."""
        return self.store.numbers(column)

    def labels(self, column: str) -> tuple[NDArray[np.int32], list[str]]:
        """(rows,) codes of a column's texts, -1 for an empty cell."""
        codes, values = self.store.encoded(column)
        return codes, [text_of_cell(value) for value in values]

    def places_of(self, customers: Any) -> NDArray[np.int64]:
        """The customer of each name (an Arrow column), -1 where it is unknown."""
        return place_in(customers, self.ids)

    def selected(self, *layers: NDArray[np.integer]) -> Any:
        """The chosen rows as an Arrow table, in the customers' order; each layer (n,) is an arm a customer."""
        arms = np.stack(layers, axis=1)
        chosen, place = np.nonzero(arms >= 0)
        of = arms[chosen, place]
        # Columns that stand in the arrays need not be read again, where they say the same in the same type.
        known: dict[str, Any] = {"customer_id": take(self.ids, chosen)}
        for part, name in enumerate(("offer", "channel")):
            if name in self.store.names and self.store.kind(name) == "string":
                known[name] = coded([pair[part] for pair in self.arms], of)
        for index, name in enumerate(self.names):
            if name in self.store.names and self.store.kind(name) == "double":
                known[name] = coded(None, self.measures[index, of, chosen])
        for name, label in self.customer_labels.items():
            if self.store.kind(name) == "string" and "" not in label.values:
                known[name] = coded(list(label.values), label.codes[chosen])
        return self.store.take(self.places(of, chosen), known)


def rows_named(places: NDArray[np.integer]) -> str:
    """``row 3``, ``rows 3, 7, 12``, with how many more; 1 = the first row below the header."""
    shown = ", ".join(f"{place + 1:,}" for place in places[:5].tolist())
    more = f" and {len(places) - 5:,} more" if len(places) > 5 else ""
    return f"row{'s' if len(places) > 1 else ''} {shown}{more}"
