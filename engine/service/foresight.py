r"""What a planner foresees of the contact centre: who will leave after failures, and how much trust is left.

As long as calls go as in the last period.  A customer in segment s contacts Poisson(c) times a period, ``c = contacts_per_order
x mean orders + contacts_per_customer``; a contact fails with probability f and leaves in the mean the part q of trust.  Failures
that end the relationship are then Poisson(c f ends), and the mean of trust T, multiplied contact by contact, obeys

    T <- (recovery + (1 - recovery) T) exp(-c (1 - q))

Orders are multiplied by T, or customers leave with ``churn_without (1 - T)``; and they leave with ``1 - exp(-c f ends)``.

Named approximations: the last period's load for all that come; everybody in a segment contacts at the order rate that its
orders come from in the mean (who orders much is what is at stake, and contacts often) and has its mean trust; as in the books no
failures come after the horizon.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.service.calls import FAILED, answered
from engine.service.centre import calls_of
from engine.service.desk import Service
from engine.service.strain import Strain

Floats = NDArray[np.float64]


def foresee(
    service: Service,
    lapsed: NDArray[np.bool_],
    placed: Floats,
    customers: NDArray[np.int64],
    orders: Floats,
    now: Floats,
    scale: float,
    outcomes: list[Floats] | None,
    key: tuple[np.uint64, np.uint64],
    t: int,
    horizon: int,
) -> Strain:
    """Of (S,) ``customers`` who place so many orders together in a period, whose own orders are ``orders`` in the mean over
    orders, and whose mean trust is ``now``, before period t.

    ``outcomes``: the last period's, of each class; None where none has been: one is played at the expected load.
    """
    live = np.where(lapsed, 0.0, 1.0)
    contacts = service.contacts_per_order * orders + service.contacts_per_customer * live
    shares = np.array([share for _, share in service.kinds])
    priority = np.unique(service.priority or [0] * len(lapsed), return_inverse=True)[1].ravel()
    if outcomes is None:
        by_class = np.zeros((priority.max() + 1, len(shares)))
        need = service.contacts_per_order * placed + service.contacts_per_customer * live * customers
        np.add.at(by_class, priority, np.outer(need, shares))
        outcomes = answered(service, calls_of(np.rint(by_class.ravel()).astype(np.int64), scale), 0, key)
    trust = service.trust

    def kept(minutes: Floats) -> float:
        failed = minutes >= FAILED
        waited = np.where(failed, minutes - FAILED, minutes)
        part = np.exp(-trust.lost_per_minute * waited) * np.where(failed, 1 - trust.lost_per_failure, 1.0)
        return float(part.mean()) if len(minutes) else 1.0

    fails = np.array([float((o >= FAILED).mean()) if len(o) else 0.0 for o in outcomes])
    keeps = np.array([kept(o) for o in outcomes])
    failing, keeping = (x.reshape(-1, len(shares))[priority] @ shares for x in (fails, keeps))
    part = np.exp(-contacts * (1 - keeping))
    level = np.tile(now, (horizon, 1))
    for u in range(t + 1, horizon):
        level[u] = (trust.recovery + (1 - trust.recovery) * level[u - 1]) * part
    stays = np.tile(np.exp(-contacts * failing * service.ends), (horizon, 1))
    if not trust.acts_on_orders:
        after = (trust.recovery + (1 - trust.recovery) * level) * part
        stays, level = stays * (1 - trust.churn_without * (1 - after)), np.ones_like(level)
    return Strain(np.where(lapsed, 0.0, 1 - stays), level, max(service.leaves_to, 0))
