"""The contact centre with skills, priorities and shifts, on SimPy's clock (one unit = one minute of opening time).

A call goes to the free team with the fewest skills among those that can take it; a free agent takes the waiting call of the
highest priority, then the longest waiting.  Who is talking at the end of a shift finishes the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from engine.service.desk import Team

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def by_skill(
    arrival: Floats,
    patience: Floats,
    service: Floats,
    kind: Ints,
    priority: Ints,
    teams: Sequence[Team],
    minutes_per_day: float,
) -> tuple[Floats, Floats]:
    """Wait and 1/0 served of every call, as :func:`engine.service.queue.first_come`.

    Args:
        arrival: (n,) minutes of opening time, ascending.
        patience: (n,) minutes.
        service: (n,) minutes.
        kind: (n,) which skill a call needs.
        priority: (n,) smaller goes first.
        teams: who can do what, and when.
        minutes_per_day: opening time; shifts repeat every day.
    """
    centre = _Centre(arrival, patience, service, kind, priority, teams, minutes_per_day)
    centre.environment.run()
    return centre.wait, centre.served


class _Centre:
    def __init__(self, arrival: Any, patience: Any, service: Any, kind: Any, priority: Any, teams: Any, day: float):
        self.environment = simpy.Environment()
        self.arrival, self.patience, self.service = arrival.tolist(), patience.tolist(), service.tolist()
        self.kind, self.priority = kind.tolist(), priority.tolist()
        self.wait, self.served = np.zeros(len(arrival)), np.zeros(len(arrival))
        self.teams, self.day = teams, day
        self.on_duty, self.busy = [0] * len(teams), [0] * len(teams)
        self.narrow_first = sorted(range(len(teams)), key=lambda t: len(teams[t].skills))
        self.queue: dict[int, list[tuple[int, float, int]]] = {k: [] for team in teams for k in team.skills}
        self.waiting: set[int] = set()
        self.over = not self.arrival
        self.environment.process(self._calls())
        for t, team in enumerate(teams):
            for shift in team.shifts:
                self.environment.process(self._shift(t, shift.start_hour * 60, shift.end_hour * 60, shift.agents))

    def _shift(self, team: int, start: float, end: float, agents: int) -> Iterator[Any]:
        """One shift, every day; the last to work stay until everybody is served."""
        day = 0
        if start > 0:
            yield self.environment.timeout(start)
        while not (self.over and not self.waiting):
            self.on_duty[team] += agents
            self._take(team)
            if end - start == self.day:
                return  # round the clock: nothing ever changes
            yield self.environment.timeout(day * self.day + end - self.environment.now)
            self.on_duty[team] -= agents
            day += 1
            yield self.environment.timeout(day * self.day + start - self.environment.now)

    def _calls(self) -> Iterator[Any]:
        for i, at in enumerate(self.arrival):
            yield self.environment.timeout(max(at - self.environment.now, 0.0))
            for t in self.narrow_first:
                if self.busy[t] < self.on_duty[t] and self.kind[i] in self.teams[t].skills:
                    self._answer(t, i, 0.0)
                    break
            else:
                heappush(self.queue[self.kind[i]], (self.priority[i], at, i))
                self.waiting.add(i)
                if self.patience[i] != float("inf"):
                    self.environment.process(self._give_up(i))
        self.over = True

    def _give_up(self, i: int) -> Iterator[Any]:
        yield self.environment.timeout(self.patience[i])
        if i in self.waiting:
            self.waiting.remove(i)
            self.wait[i] = self.patience[i]

    def _answer(self, team: int, i: int, waited: float) -> None:
        self.wait[i], self.served[i] = waited, 1.0
        self.busy[team] += 1
        self.environment.process(self._talk(team, i))

    def _talk(self, team: int, i: int) -> Iterator[Any]:
        yield self.environment.timeout(self.service[i])
        self.busy[team] -= 1
        self._take(team)

    def _take(self, team: int) -> None:
        """Free agents of a team take who waits, while there is anybody that they can help."""
        while self.busy[team] < self.on_duty[team]:
            best: list[tuple[int, float, int]] | None = None
            for skill in self.teams[team].skills:
                line = self.queue[skill]
                while line and line[0][2] not in self.waiting:
                    heappop(line)  # gave up
                if line and (best is None or line[0] < best[0]):
                    best = line
            if best is None:
                return
            _, at, i = heappop(best)
            self.waiting.remove(i)
            self._answer(team, i, self.environment.now - at)
