"""What a period's contacts do to customers: kernels over customers, and the scalar formulas they are made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine._jit import formula, kernel
from engine.formulas import ONE, exp32, micro, orders
from engine.ledger import ENDED, FAILURES, MICRO, ON_TIME, SERVICE_CONTACTS, WAITED
from engine.rng import HALF, LOW, SERVICE, unit, words
from engine.service.calls import FAILED

Real = NDArray[np.float32]


class Rules(NamedTuple):
    """A :class:`engine.service.desk.Service` as kernels read it; float32 unless said otherwise.

    ``kinds`` (K,) cumulative shares; ``priority`` (S,) int64, dense from 0; ``lapsed`` (S,) uint8.
    """

    per_order: np.float32
    per_customer: np.float32
    kinds: Real
    priority: NDArray[np.int64]
    lapsed: NDArray[np.uint8]
    ends: np.float32
    leaves_to: int
    on_time: float
    kept_after_failure: np.float32
    lost_per_minute: np.float32
    gap_kept: np.float32
    churn: np.float32


@formula
def need(placed: np.uint32, live: bool, rules: Rules) -> np.float32:
    """Mean number of contacts."""
    return np.float32(
        np.float32(rules.per_order * np.float32(np.int32(placed))) + (rules.per_customer if live else np.float32(0))
    )


@formula
def kind_of(word: np.uint32, kinds: Real) -> int:
    """Which kind a contact is of."""
    u, k = unit(word), 0
    while k < kinds.shape[0] - 1 and u >= kinds[k]:
        k += 1
    return k


@formula
def picked(word: np.uint32, calls: int) -> int:
    """Place among so many outcomes.  The outcomes ascend: better service never makes a contact's luck worse."""
    return min(int(np.int64(np.float64(unit(word)) * np.float64(calls))), calls - 1)


@formula
def recovered(trust: np.float32, rules: Rules) -> np.float32:
    """Part of what is missing comes back."""
    return np.float32(ONE - rules.gap_kept * (ONE - trust))


@formula
def felt(trust: np.float32, minutes: float, failed: bool, rules: Rules) -> np.float32:
    """Trust after one contact."""
    kept = exp32(np.float32(-rules.lost_per_minute * np.float32(minutes)))
    return np.float32(trust * kept * (rules.kept_after_failure if failed else ONE))


@kernel
def count_contacts(
    key: NDArray[np.uint64],
    placed: NDArray[np.uint32],
    segment: NDArray[np.uint8],
    rules: Rules,
    period: np.uint64,
    k0: np.uint64,
    k1: np.uint64,
    contacts: NDArray[np.uint32],
    by_class: NDArray[np.int64],
) -> None:
    """``contacts`` (n,) of each customer, and how many there are ``by_class``: priority x kind."""
    stream = np.uint64(SERVICE << 24)
    kinds = rules.kinds.shape[0]
    for i in range(key.shape[0]):
        s = np.int64(segment[i])
        mean = need(placed[i], rules.lapsed[s] == 0, rules)
        low, high = key[i] & LOW, key[i] >> HALF
        count = orders(unit(words(low, high, period, stream, k0, k1)[0]), mean)
        contacts[i] = count
        for j in range(count):
            k = 0
            if kinds > 1:
                k = kind_of(words(low, high, period, stream | np.uint64(1 + j), k0, k1)[2], rules.kinds)
            by_class[rules.priority[s] * kinds + k] += 1


@kernel
def feel(
    key: NDArray[np.uint64],
    contacts: NDArray[np.uint32],
    segment: NDArray[np.uint8],
    trust: Real,
    rules: Rules,
    outcome: NDArray[np.float64],
    first: NDArray[np.int64],
    period: np.uint64,
    k0: np.uint64,
    k1: np.uint64,
    lines: NDArray[np.int64],
) -> None:
    """Trust and segment after the period's contacts.

    ``outcome``: of all classes, one after the other, class c from ``first[c]`` up to ``first[c + 1]``.
    """
    stream = np.uint64(SERVICE << 24)
    kinds = rules.kinds.shape[0]
    for i in range(key.shape[0]):
        s = np.int64(segment[i])
        now, leaves = recovered(trust[i], rules), False
        low, high = key[i] & LOW, key[i] >> HALF
        for j in range(contacts[i]):
            w0, w1, w2, _ = words(low, high, period, stream | np.uint64(1 + j), k0, k1)
            c = rules.priority[s] * kinds + (kind_of(w2, rules.kinds) if kinds > 1 else 0)
            minutes = outcome[first[c] + picked(w0, first[c + 1] - first[c])]
            failed = minutes >= FAILED
            minutes = minutes - FAILED if failed else minutes
            now = felt(now, minutes, failed, rules)
            leaves = bool(leaves or (failed and unit(w1) < rules.ends))
            lines[SERVICE_CONTACTS] += 1
            lines[FAILURES] += 1 if failed else 0
            lines[ON_TIME] += 1 if not failed and minutes <= rules.on_time else 0
            lines[WAITED] += micro(minutes * MICRO)
        trust[i] = now
        if rules.churn > np.float32(0) and now < ONE:
            w = words(low, high, period, stream, k0, k1)
            leaves = bool(leaves or unit(w[1]) < np.float32(rules.churn * np.float32(ONE - now)))
        if leaves and rules.lapsed[s] == 0:
            segment[i] = rules.leaves_to
            lines[ENDED] += 1
