"""First come, first served, call by call: the recursion of Kiefer & Wolfowitz (1955) with patience.

A call is answered when the agent who is free first is free; nobody is simulated in between.  Who would wait longer than his
patience gives up and occupies nobody.  Measured on one core: 10 million calls a second with 10 agents.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine._jit import kernel

Floats = NDArray[np.float64]


@kernel
def first_come(arrival: Floats, patience: Floats, service: Floats, agents: int, wait: Floats, served: Floats) -> None:
    """Fill ``wait`` and ``served`` (n,) for calls in the order of ``arrival`` (n,), all in one unit of time.

    ``wait``: until the answer, or until giving up.  ``served``: 1 or 0.  ``free`` is a heap: the agent who is free
    first stands at its root.
    """
    free = np.zeros(agents)
    for i in range(arrival.shape[0]):
        start = max(arrival[i], free[0])
        offered = start - arrival[i]
        if offered > patience[i]:
            wait[i], served[i] = patience[i], 0.0
            continue
        wait[i], served[i] = offered, 1.0
        until, at = start + service[i], 0
        while 2 * at + 1 < agents:
            child = 2 * at + 1
            if child + 1 < agents and free[child + 1] < free[child]:
                child += 1
            if free[child] >= until:
                break
            free[at] = free[child]
            at = child
        free[at] = until


def first_come_slowly(arrival: Floats, patience: Floats, service: Floats, agents: int) -> tuple[Floats, Floats]:
    """The slow twin of :func:`first_come`: a sorted list in place of the heap, in plain Python."""
    free = [0.0] * agents
    wait, served = np.zeros(len(arrival)), np.zeros(len(arrival))
    for i, (now, limit, work) in enumerate(zip(arrival.tolist(), patience.tolist(), service.tolist(), strict=True)):
        start = max(now, free[0])
        if start - now > limit:
            wait[i] = limit
        else:
            wait[i], served[i] = start - now, 1.0
            free = sorted([*free[1:], start + work])
    return wait, served
