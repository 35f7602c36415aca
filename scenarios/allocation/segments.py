"""A plan by label: customers, how many offers they get, and the sums of every measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scenarios.allocation.solving import Outcome


@dataclass(frozen=True)
class Segment:
    """One value of a label; ``customers`` is None for labels of offers."""

    label: str
    value: str
    customers: int | None
    selected: int
    totals: tuple[float, ...]


def segments(outcome: Outcome) -> list[Segment]:
    """Every value of every label that rules name, and of offers and channels; totals in the measures' order."""
    data = outcome.case.data
    arms = np.stack(outcome.layers)
    layer, chosen = np.nonzero(arms >= 0)
    of = arms[layer, chosen].astype(np.int64)
    amounts = [plane[of, chosen] for plane in data.measures]
    found = []
    for name, label in data.customer_labels.items():
        size = len(label.values)
        codes = label.codes[chosen]
        customers = np.bincount(label.codes, minlength=size)
        counts = np.bincount(codes, minlength=size)
        sums = [np.bincount(codes, amount, size) for amount in amounts]
        found += [
            Segment(name, value, int(customers[i]), int(counts[i]), tuple(float(s[i]) for s in sums))
            for i, value in enumerate(label.values)
        ]
    for name, values in data.arm_labels.items():
        known = sorted({value for value in values if value is not None})
        codes = np.array([known.index(value) if value is not None else len(known) for value in values])[of]
        size = len(known) + 1
        counts = np.bincount(codes, minlength=size)
        sums = [np.bincount(codes, amount, size) for amount in amounts]
        found += [
            Segment(name, value, None, int(counts[i]), tuple(float(s[i]) for s in sums))
            for i, value in enumerate(known)
        ]
    return found
