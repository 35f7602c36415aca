"""Stationary queues in closed form: Erlang's B and C, and Erlang-A (Palm), where those who wait give up.

Arrivals are Poisson, service times exponential, agents serve first come, first served.  ``load`` = arrivals x mean
service time, in erlangs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.errors import WorldError


def erlang_b(load: float, agents: int) -> float:
    """Probability that all agents are busy where nobody waits: ``B(0) = 1, B(c) = a B(c-1) / (c + a B(c-1))``."""
    blocked = 1.0
    for c in range(1, agents + 1):
        blocked = load * blocked / (c + load * blocked)
    return blocked


def erlang_c(load: float, agents: int) -> float:
    """Probability of having to wait where nobody gives up, ``c B / (c - a (1 - B))``; 1 if the load exceeds the agents."""
    if load >= agents:
        return 1.0
    blocked = erlang_b(load, agents)
    return agents * blocked / (agents - load * (1 - blocked))


def erlang_c_wait(load: float, agents: int, service: float) -> float:
    """Mean wait of all callers, ``C s / (c - a)``, in the unit of ``service``; infinite if the load exceeds the agents."""
    return erlang_c(load, agents) * service / (agents - load) if load < agents else math.inf


@dataclass(frozen=True)
class ErlangA:
    """A queue with exponential patience: probabilities that a caller waits and gives up, mean wait of all callers."""

    waits: float
    gives_up: float
    wait: float


def erlang_a(arrivals: float, service: float, agents: int, patience: float) -> ErlangA:
    """Stationary birth-death chain; rates in one unit of time.

    Args:
        arrivals: per unit of time.
        service: mean service time.
        agents: at least 1.
        patience: mean patience, infinite for Erlang-C.

    Raises:
        WorldError: nobody gives up and the load exceeds the agents: the queue grows without end.
    """
    leave = 0.0 if math.isinf(patience) else 1 / patience
    load = arrivals * service
    if leave == 0 and load >= agents:
        raise WorldError([f"agents: expected more than the load of {load:.4g} where nobody gives up, got {agents}"])
    weight = [1.0]  # of k in the system, relative to the largest so far
    total, k = 1.0, 0
    while k < agents or weight[-1] > 1e-18 * total:
        k += 1
        rate = min(k, agents) / service + max(k - agents, 0) * leave
        weight.append(weight[-1] * arrivals / rate)
        total += weight[-1]
        if total > 1e200:
            weight, total = [w / total for w in weight], 1.0
    waiting = sum((n - agents) * w for n, w in enumerate(weight) if n > agents) / total
    return ErlangA(sum(weight[agents:]) / total, leave * waiting / arrivals, waiting / arrivals)
