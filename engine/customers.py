"""A population as the kernels read and write it, and a block of it on its way into the scratch and back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine import scratch as at
from engine._jit import parallel_kernel, phase
from engine.formulas import place
from engine.rng import HALF, LOW

Real = NDArray[np.float32]
Word = NDArray[np.uint32]
Money = NDArray[np.int64]

BITS = 64  # periods for which contacts are remembered
CHUNK = 1 << 14  # customers that a thread does at a time


class Customers(NamedTuple):
    """The arrays of a population and of its results, (n,) each but ``headroom`` (n, C).

    ``trust`` and ``placed`` (orders of the last period) belong to the contact centre; empty without one.
    """

    key: NDArray[np.uint64]
    rate: Real
    order_value: Real
    responsiveness: Real
    start_segment: NDArray[np.uint8]
    headroom: Real
    segment: NDArray[np.uint8]
    fatigue: Real
    owned: NDArray[np.uint32]
    extra_value: Real
    active_arm: NDArray[np.uint8]
    active_left: NDArray[np.uint8]
    recency: NDArray[np.uint16]
    orders: Real
    spend: Real
    tenure: NDArray[np.uint16]
    contacts: NDArray[np.uint64]
    margin: NDArray[np.float64]
    promotion: Money
    trust: Real
    placed: Word


class Switches(NamedTuple):
    """Features in use; what is off is not called."""

    offers: bool
    fatigue: bool
    history: bool
    planned: bool
    service: bool = False
    trust: bool = False
    traffic: bool = False
    losses: bool = False


@phase
def load(real: Real, word: Word, customers: Customers, low: int, m: int, segments: int, on: Switches) -> None:
    """A block's traits and state into the scratch; the padding has rate 0 and never orders."""
    for j in range(m, at.BLOCK):
        real[at.RATE + j] = np.float32(0)
        word[at.SEG + j] = np.uint32(0)
        word[at.START + j] = np.uint32(0)
        word[at.RECENCY + j] = np.uint32(0)
    for j in range(m):
        i = place(low, j)
        key = customers.key[i]
        word[at.KEY_LOW + j] = np.uint32(key & LOW)
        word[at.KEY_HIGH + j] = np.uint32(key >> HALF)
        word[at.SEG + j] = customers.segment[i]
        word[at.START + j] = np.uint32(customers.start_segment[i] * np.uint32(segments))
        real[at.RATE + j] = customers.rate[i]
        real[at.EXTRA + j] = customers.extra_value[i]
        real[at.VALUE + j] = customers.order_value[i] + customers.extra_value[i]
    if on.trust:
        for j in range(m):
            real[at.RATE + j] = real[at.RATE + j] * customers.trust[place(low, j)]
    if on.offers:
        for j in range(m):
            i = place(low, j)
            real[at.RESPONSIVENESS + j] = customers.responsiveness[i]
            word[at.OWNED + j] = customers.owned[i]
            word[at.ARM + j] = customers.active_arm[i]
            word[at.LEFT + j] = customers.active_left[i]
    if on.fatigue:
        for j in range(m):
            real[at.FATIGUE + j] = customers.fatigue[place(low, j)]
    if on.history:
        for j in range(m):
            i = place(low, j)
            word[at.RECENCY + j] = customers.recency[i]
            word[at.TENURE + j] = customers.tenure[i]
            real[at.FREQUENCY + j] = customers.orders[i]
            real[at.SPEND + j] = customers.spend[i]


@phase
def store(real: Real, word: Word, customers: Customers, low: int, m: int, on: Switches) -> None:
    """A block's state back into the population."""
    for j in range(m):
        customers.segment[place(low, j)] = np.uint8(word[at.SEG + j])
    if on.service:
        for j in range(m):
            customers.placed[place(low, j)] = word[at.K + j]
    if on.offers:
        for j in range(m):
            i = place(low, j)
            customers.extra_value[i] = real[at.EXTRA + j]
            customers.owned[i] = word[at.OWNED + j]
            customers.active_arm[i] = np.uint8(word[at.ARM + j])
            customers.active_left[i] = np.uint8(word[at.LEFT + j])
    if on.fatigue:
        for j in range(m):
            customers.fatigue[place(low, j)] = real[at.FATIGUE + j]
    if on.history:
        for j in range(m):
            i = place(low, j)
            customers.recency[i] = np.uint16(word[at.RECENCY + j])
            customers.tenure[i] = np.uint16(word[at.TENURE + j])
            customers.orders[i] = real[at.FREQUENCY + j]
            customers.spend[i] = real[at.SPEND + j]


@phase
def remember_contacts(contacts: NDArray[np.uint64], plan: NDArray[np.uint8], low: int, m: int, periods: int) -> None:
    """Contacts move on by so many bits; those of this plan (empty: none) were made in the first period."""
    moved, first = np.uint64(periods), np.uint64(periods - 1)
    for j in range(m):
        i = place(low, j)
        contacts[i] = np.uint64(contacts[i] << moved) if periods < BITS else np.uint64(0)
    if plan.shape[0] > 0 and periods <= BITS:
        for j in range(m):
            i = place(low, j)
            contacts[i] = np.uint64(contacts[i] | np.uint64(np.uint64(plan[i] != 0) << first))


@parallel_kernel
def keep_consented(
    chunks: tuple[int, int],
    plan: NDArray[np.uint8],
    consent: NDArray[np.uint32],
    channel: NDArray[np.uint32],
    kept: NDArray[np.uint8],
) -> None:
    """``kept`` (n,): the plan without those who may not be contacted; ``channel``: the bit that each number in a plan needs."""
    for i in range(chunks[0] * CHUNK, min(chunks[1] * CHUNK, plan.shape[0])):
        kept[i] = plan[i] if np.uint32(channel[plan[i]] & ~consent[i]) == np.uint32(0) else np.uint8(0)
