"""The slow twin of one period of the contact centre: customer by customer, in plain Python."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.formulas import exp32, orders
from engine.ledger import ENDED, FAILURES, MICRO, ON_TIME, SERVICE_CONTACTS, STAFF, WAITED
from engine.rng import SERVICE, philox, split, unit
from engine.service.calls import FAILED, answered
from engine.service.desk import Service

F = np.float32
MASK = 0xFFFFFFFF


def work_slowly(
    service: Service,
    lapsed: NDArray[np.bool_],
    keys: list[int],
    placed: list[int],
    segment: NDArray[np.uint8],
    trust: NDArray[np.float32],
    period: int,
    seed: int,
    scale: float,
    lines: NDArray[np.int64],
) -> None:
    """What :meth:`engine.service.centre.Centre.work` does, for customers with these keys and orders of the period."""
    levels = sorted(set(service.priority or [0]))
    kinds, trusted = len(service.kinds), service.trust

    def draw(key: int, index: int) -> list[np.uint32]:
        counter = (key & MASK, key >> 32, period, SERVICE << 24 | index)
        return [np.uint32(w) for w in philox(counter, (seed & MASK, (seed >> 32) & MASK))]

    made: list[list[tuple[int, list[np.uint32]]]] = []  # of each customer: class and words of each contact
    for i, key in enumerate(keys):
        s = int(segment[i])
        mean = F(service.contacts_per_order) * F(placed[i]) + (F(0) if lapsed[s] else F(service.contacts_per_customer))
        priority = levels.index(service.priority[s]) if service.priority else 0
        contacts = []
        for j in range(int(orders(unit(draw(key, 0)[0]), mean))):
            w, below, kind = draw(key, 1 + j), 0.0, 0
            for k, (_, share) in enumerate(service.kinds):
                below += share
                kind = k
                if unit(w[2]) < F(below):
                    break
            contacts.append((priority * kinds + kind, w))
        made.append(contacts)

    counts = [sum(c == of for contacts in made for of, _ in contacts) for c in range(len(levels) * kinds)]
    calls = np.array([max(round(n / scale), 1) if n else 0 for n in counts])
    outcomes = answered(service, calls, period, split(seed))
    for i, contacts in enumerate(made):
        s = int(segment[i])
        recovery = 0.0 if trusted.linked else trusted.recovery
        now, leaves = F(1) - F(1 - recovery) * (F(1) - trust[i]), False
        for c, w in contacts:
            place = min(int(float(unit(w[0])) * len(outcomes[c])), len(outcomes[c]) - 1)
            minutes = float(outcomes[c][place])
            failed = minutes >= FAILED
            minutes -= FAILED if failed else 0.0
            now = now * exp32(-F(trusted.lost_per_minute) * F(minutes))
            if failed:
                now = now * F(1 - trusted.lost_per_failure)
                leaves = bool(leaves or unit(w[1]) < F(service.ends))
            lines[SERVICE_CONTACTS] += 1
            lines[FAILURES] += failed
            lines[ON_TIME] += not failed and minutes <= service.on_time_minutes
            lines[WAITED] += round(minutes * MICRO)
        trust[i] = now
        if trusted.churn_without > 0:
            leaves = bool(leaves or unit(draw(keys[i], 0)[1]) < F(trusted.churn_without) * (F(1) - now))
        if leaves and not lapsed[s]:
            segment[i] = service.leaves_to
            lines[ENDED] += 1
    lines[STAFF] += round(service.cost_per_period * scale * MICRO)
