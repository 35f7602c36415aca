"""Rows of candidates without a key, given one, so that what else is wrong with a file can be told in the same round."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scenarios.candidates import rows_named
from scenarios.store import Store


def with_stand_ins(
    store: Store, keys: Sequence[str], names: Sequence[str]
) -> tuple[Store, list[str], NDArray[np.int64]]:
    """The store, what is to be said of cells of ``keys`` that are empty, and the rows that are blank in all of ``names``.

    A row with an empty key gets a customer of its own, so that it repeats nobody, and the first offer (and channel) there is.
    """
    if not any(store.empty(name) for name in keys):
        return store, [], np.zeros(0, np.int64)
    empty = {name: store.column(name).is_null().to_numpy() for name in names}
    blank = np.logical_and.reduce(list(empty.values()))
    told = []
    if blank.any():
        told.append(f"{rows_named(np.flatnonzero(blank))}: nothing in any column that is read; remove blank rows")
    for name in keys:
        rows = np.flatnonzero(empty[name] & ~blank)
        told += [f"{rows_named(rows)}: {name} is empty"] if len(rows) else []
    bad = np.logical_or.reduce([empty[name] for name in keys])
    return store.with_keys(names, keys, bad), told, np.flatnonzero(blank)
