"""Regular tables of candidates: every customer has all arms, one after another, in one order.

What most scored tables look like.  They are laid out without a code and a place for every row: half of the time and memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.store import Store, coded

MOST_ARMS = 10_000
_STEP = 1 << 20
Floats = NDArray[np.float64]


def text_of_cell(value: Any) -> str:
    """A value of a column as the text that rules name."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def regular_table(
    store: Store, keys: Sequence[str]
) -> tuple[Any, tuple[tuple[str, str | None], ...], NDArray[np.int32]] | None:
    """(customers, arms, cycle) of a table where every customer, by rising whole numbers, has all arms in one order; else None.

    What most scored tables look like: seen without a code for every row.
    """
    number = store.integers("customer_id")
    if number is None or len(number) < 2:
        return None
    k = int(np.argmax(number[: MOST_ARMS + 1] != number[0])) or len(number)
    if k > MOST_ARMS or len(number) % k:
        return None
    people = number.reshape(-1, k)
    heads = people[:, 0].copy()
    if not (heads[1:] > heads[:-1]).all() or not _all_rows(people, lambda piece: piece == piece[:, :1]):
        return None
    del number, people
    names: list[list[str | None]] = []
    for key in keys[1:]:
        codes, values = store.encoded(key)
        table = codes.reshape(-1, k)
        if not _all_rows(table, table[0].__eq__):
            return None
        names.append([text_of_cell(values[code]) for code in table[0].tolist()])
    pairs: list[tuple[str, str | None]] = [
        (str(offer), channel) for offer, channel in zip(names[0], names[-1], strict=True)
    ]
    if len(names) == 1:
        pairs = [(offer, None) for offer, _ in pairs]
    arms = sorted(set(pairs), key=lambda pair: (pair[0], pair[1] or ""))
    if len(arms) < k:
        return None
    return coded(None, heads), tuple(arms), np.array([arms.index(pair) for pair in pairs], np.int32)


def _all_rows(table: NDArray[Any], holds: Callable[[NDArray[Any]], Any]) -> bool:
    """Whether every piece of rows holds; a piece stays in the cache."""
    return all(bool(holds(table[i : i + 8192]).all()) for i in range(0, len(table), 8192))


def add_pieces(out: Floats, pieces: Sequence[Floats], cycle: NDArray[np.int32], weight: float) -> bool:
    """Out (K, n) += weight x a column in pieces; False if they are too few or hold what is no number."""
    k, at = len(cycle), 0
    if sum(map(len, pieces)) != out.size or not all(np.isfinite(values.sum()) for values in pieces):
        return False
    rest = np.zeros(0)  # of a customer whom a piece ends in
    for values in pieces:
        if len(rest):
            missing = k - len(rest)
            rest, values = np.concatenate([rest, values[:missing]]), values[missing:]
            if len(rest) < k:
                continue
            add_regular(out[:, at : at + 1], rest, cycle, weight)
            at += 1
        whole = len(values) // k
        add_regular(out[:, at : at + whole], values[: whole * k], cycle, weight)
        at += whole
        rest = values[whole * k :]
    return True


def add_regular(out: Floats, values: Floats, cycle: NDArray[np.int32], weight: float) -> None:
    """Out (K, n) += weight x values of a regular table, piece by piece (a piece stays in the cache)."""
    k, n = out.shape
    table = values.reshape(n, k)
    for first in range(0, n, 8192):
        piece = slice(first, first + 8192)
        out[cycle, piece] += weight * table[piece].T if weight != 1 else table[piece].T


def cycle_of(customer: NDArray[np.int32], arm: NDArray[np.int32], k: int, n: int) -> NDArray[np.int32] | None:
    """The arms of customer 0 in the table's order, if every customer has all arms in that order, one after another."""
    if len(customer) != n * k:
        return None
    cycle = arm[:k]
    if len(np.unique(cycle)) < k or customer[-1] != n - 1:
        return None
    expected = np.repeat(np.arange(min(n, _STEP // k + 1), dtype=np.int32), k)
    arms = np.tile(cycle, len(expected) // k)
    for first in range(0, n * k, len(expected)):
        size = min(len(expected), n * k - first)
        if not np.array_equal(arm[first : first + size], arms[:size]):
            return None
        if not np.array_equal(customer[first : first + size], expected[:size] + np.int32(first // k)):
            return None
    return cycle


def constant_regular(
    codes: NDArray[np.int32], cycle: NDArray[np.int32], n: int
) -> tuple[NDArray[np.int32] | None, NDArray[np.int32] | None]:
    """The one code of each arm, and of each customer, of a regular table; None where some has two."""
    table = codes.reshape(n, len(cycle))
    of_arm, of_customer = np.empty(len(cycle), np.int32), table[:, 0].copy()
    of_arm[cycle] = table[0]
    arms = customers = True
    for first in range(0, n, 8192):
        piece = table[first : first + 8192]
        arms = arms and bool((piece == table[0]).all())
        customers = customers and bool((piece == piece[:, :1]).all())
    return of_arm if arms else None, of_customer if customers else None
