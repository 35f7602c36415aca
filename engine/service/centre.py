"""The contact centre of one run: at the end of each period all contacts meet in one queue, and customers feel it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.ledger import MICRO, STAFF
from engine.service.calls import answered
from engine.service.desk import Service
from engine.service.phase import Rules, count_contacts, feel

Ints = NDArray[np.int64]


def make_rules(service: Service, lapsed: NDArray[np.bool_]) -> Rules:
    """The service as kernels read it."""
    priority = np.array(service.priority or [0] * len(lapsed))
    trust, f = service.trust, np.float32
    return Rules(
        f(service.contacts_per_order),
        f(service.contacts_per_customer),
        np.cumsum([share for _, share in service.kinds]).astype(f),
        np.unique(priority, return_inverse=True)[1].astype(np.int64).ravel(),
        lapsed.astype(np.uint8),
        f(service.ends),
        service.leaves_to,
        float(service.on_time_minutes),
        f(1 - trust.lost_per_failure),
        f(trust.lost_per_minute),
        f(1 if trust.linked else 1 - trust.recovery),
        f(trust.churn_without),
    )


def calls_of(by_class: Ints, scale: float) -> Ints:
    """Calls of the whole company: a sample of customers stands for all, and queues at the load of all."""
    return np.where(by_class > 0, np.maximum(np.rint(by_class / scale), 1), 0).astype(np.int64)


class Centre:
    """A contact centre at work.

    Attributes:
        trust: (n,) float32, of each customer, in [0, 1].
        placed: (n,) uint32, orders of the period, written by the kernels.
        outcomes: of the last period's calls, class by class (:func:`engine.service.calls.answered`); None before the first.
    """

    def __init__(self, service: Service, lapsed: NDArray[np.bool_], customers: int, scale: float) -> None:
        self.service, self.scale = service, scale
        self.rules = make_rules(service, lapsed)
        self.trust = np.ones(customers, np.float32)
        self.placed = np.zeros(customers, np.uint32)
        self.outcomes: list[NDArray[np.float64]] | None = None

    def work(
        self,
        key: NDArray[np.uint64],
        segment: NDArray[np.uint8],
        period: int,
        seed: tuple[np.uint64, np.uint64],
        lines: Ints,
    ) -> None:
        """One period: customers (their first ``len(key)``) contact, wait, and change ``segment`` and trust in place."""
        n, rules, t = len(key), self.rules, np.uint64(period)
        contacts = np.zeros(n, np.uint32)
        by_class = np.zeros((int(rules.priority.max(initial=0)) + 1) * len(self.service.kinds), np.int64)
        count_contacts(key, self.placed[:n], segment, rules, t, *seed, contacts, by_class)
        outcomes = self.outcomes = answered(self.service, calls_of(by_class, self.scale), period, seed)
        first = np.concatenate([[0], np.cumsum([len(o) for o in outcomes])]).astype(np.int64)
        feel(key, contacts, segment, self.trust[:n], rules, np.concatenate(outcomes), first, t, *seed, lines)
        lines[STAFF] += round(self.service.cost_per_period * self.scale * MICRO)
