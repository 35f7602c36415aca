"""The calendar of a run: campaign waves until the horizon, on SimPy's clock (one unit = one period).

A population is far too large for a process per customer; SimPy orders the few events in which decisions are made, and the kernels
run the periods in between.  What a wave may spend is paced by whoever decides; staff shifts within a period are the
contact centre's (:mod:`engine.service.skills`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import simpy

from engine.errors import CalendarError


@dataclass(frozen=True)
class Epoch:
    """A decision: the plan made now acts in ``period``; then ``periods`` pass until the next decision or the end.

    Attributes:
        index: 0, 1, ... in time order.
        period: first period it covers.
        periods: how many it covers.
        planned: False where nothing is decided yet: the periods before the first wave.
    """

    index: int
    period: int
    periods: int
    planned: bool = True


@dataclass(frozen=True)
class Calendar:
    """Decision epochs at ``start``, ``start + decision_every``, ... below ``horizon``, or at the ``waves``.

    Waves need not be regular; if the first comes after ``start``, the periods before are an epoch without a plan.
    """

    horizon: int
    decision_every: int | None = None
    start: int = 0
    waves: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "waves", tuple(self.waves))
        problems = []
        if self.start < 0:
            problems.append(f"start: expected at least 0, got {self.start}")
        if self.horizon <= self.start:
            problems.append(f"horizon: expected above {self.start}, got {self.horizon}")
        if self.decision_every is not None and self.decision_every < 1:
            problems.append(f"decision_every: expected at least 1, got {self.decision_every}")
        if self.waves and self.decision_every is not None:
            problems.append("waves: expected waves or decision_every, got both")
        if list(self.waves) != sorted(set(self.waves)):
            problems.append(f"waves: expected ascending periods, got {list(self.waves)}")
        if outside := [w for w in self.waves if not self.start <= w < self.horizon]:
            problems.append(f"waves: expected periods from {self.start} to {self.horizon - 1}, got {outside[0]}")
        if problems:
            raise CalendarError(problems)

    @property
    def decisions(self) -> tuple[int, ...]:
        """The periods in which a plan is made."""
        return self.waves or tuple(range(self.start, self.horizon, self.decision_every or self.horizon - self.start))

    def __iter__(self) -> Iterator[Epoch]:
        environment = simpy.Environment(initial_time=self.start)
        ready: list[Epoch] = []
        environment.process(self._decide(environment, ready))
        while environment.peek() < self.horizon:
            environment.step()
            while ready:
                yield ready.pop(0)

    def _decide(self, environment: Any, ready: list[Epoch]) -> Iterator[Any]:
        decisions = self.decisions
        starts = decisions if decisions[0] == self.start else (self.start, *decisions)
        for index, (period, end) in enumerate(zip(starts, (*starts[1:], self.horizon), strict=True)):
            yield environment.timeout(period - environment.now)
            ready.append(Epoch(index, period, end - period, period in decisions))
