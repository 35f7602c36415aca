"""The calendar of a run: decision epochs, budget releases and the horizon, on SimPy's clock (one unit = one period).

A population is far too large for a process per customer; SimPy orders the few events in which money and decisions meet,
and the kernels run the periods in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import simpy

from engine.errors import CalendarError

TOLERANCE = 1e-9  # relative: a sum of costs may miss its budget by rounding


@dataclass(frozen=True)
class Release:
    """``amount`` currency units enter ``account`` before the decision of ``period``; the rest is lost at ``expires``.

    ``expires`` None: never.
    """

    period: int
    account: str
    amount: float
    expires: int | None = None


@dataclass
class Account:
    """Money that can be spent; the oldest to expire goes first.

    Attributes:
        name: as in the releases.
        releases: periods in which money enters, ascending.
    """

    name: str
    container: Any
    releases: tuple[int, ...] = ()
    _lots: list[list[float]] = field(default_factory=list)  # [expires, amount]

    @property
    def available(self) -> float:
        """Currency units."""
        return float(self.container.level)

    def put(self, amount: float, expires: float) -> None:
        """Money enters."""
        if amount > 0:
            self.container.put(amount)
            self._lots.append([expires, amount])
            self._lots.sort()

    def spend(self, amount: float) -> None:
        """Money leaves; :class:`CalendarError` if there is less."""
        if not 0 <= amount <= self.available * (1 + TOLERANCE) + TOLERANCE:
            raise CalendarError([f"account {self.name}: expected to spend 0 to {self.available:.6g}, got {amount:.6g}"])
        self._take(amount)

    def expire(self, now: float) -> None:
        """Lots whose time has come are lost."""
        self._take(sum(amount for expires, amount in self._lots if expires <= now))

    def _take(self, amount: float) -> None:
        amount = min(amount, self.available)
        if amount <= 0:
            return
        self.container.get(amount)
        while self._lots and amount >= self._lots[0][1]:
            amount -= self._lots.pop(0)[1]
        if self._lots:
            self._lots[0][1] -= amount


@dataclass(frozen=True)
class Epoch:
    """A decision: the plan made now acts in ``period``; then ``periods`` pass until the next decision or the end.

    Attributes:
        index: 0, 1, ... in time order.
        period: first period it covers.
        periods: how many it covers.
        accounts: budgets, live: what is spent here is gone in the next epoch.
        remaining: of each account, the epochs from this one on (so at least 1) before its next release or the horizon.
    """

    index: int
    period: int
    periods: int
    accounts: Mapping[str, Account]
    remaining: Mapping[str, int]

    def available(self, account: str) -> float:
        """Currency units in the account."""
        return self.accounts[account].available

    def spend(self, account: str, amount: float) -> None:
        """Take money out; :class:`CalendarError` if there is less."""
        self.accounts[account].spend(amount)


@dataclass(frozen=True)
class Calendar:
    """Decision epochs at ``start``, ``start + decision_every``, ... below ``horizon``; each iteration starts afresh.

    Within a period money expires first, then releases enter, then the decision is made.
    """

    horizon: int
    decision_every: int | None = None
    releases: tuple[Release, ...] = ()
    start: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "releases", tuple(self.releases))
        problems = []
        if self.start < 0:
            problems.append(f"start: expected at least 0, got {self.start}")
        if self.horizon <= self.start:
            problems.append(f"horizon: expected above {self.start}, got {self.horizon}")
        if self.decision_every is not None and self.decision_every < 1:
            problems.append(f"decision_every: expected at least 1, got {self.decision_every}")
        for i, release in enumerate(self.releases):
            if release.period < self.start:
                problems.append(f"releases[{i}].period: expected at least {self.start}, got {release.period}")
            if not release.amount >= 0 or release.amount == float("inf"):
                problems.append(f"releases[{i}].amount: expected a finite number >= 0, got {release.amount}")
            if release.expires is not None and release.expires <= release.period:
                problems.append(f"releases[{i}].expires: expected above {release.period}, got {release.expires}")
        if problems:
            raise CalendarError(problems)

    @property
    def decisions(self) -> range:
        """The periods in which a plan is made."""
        return range(self.start, self.horizon, self.decision_every or self.horizon - self.start)

    def __iter__(self) -> Iterator[Epoch]:
        environment = simpy.Environment(initial_time=self.start)
        accounts = self._accounts(environment)
        ready: list[Epoch] = []
        # At one instant SimPy keeps the order in which events were scheduled: expiries, releases, decisions.
        for release in self.releases:
            if release.expires is not None:
                environment.process(self._expire(environment, accounts[release.account], release.expires))
        for release in self.releases:
            environment.process(self._release(environment, accounts[release.account], release))
        environment.process(self._decide(environment, accounts, ready))
        while environment.peek() < self.horizon:
            environment.step()
            while ready:
                yield ready.pop(0)

    def _accounts(self, environment: Any) -> dict[str, Account]:
        names = dict.fromkeys(release.account for release in self.releases)
        return {
            name: Account(
                name,
                simpy.Container(environment),
                tuple(sorted({r.period for r in self.releases if r.account == name})),
            )
            for name in names
        }

    def _expire(self, environment: Any, account: Account, period: int) -> Iterator[Any]:
        yield environment.timeout(period - environment.now)
        account.expire(environment.now)

    def _release(self, environment: Any, account: Account, release: Release) -> Iterator[Any]:
        yield environment.timeout(release.period - environment.now)
        account.put(release.amount, float("inf") if release.expires is None else release.expires)

    def _decide(self, environment: Any, accounts: dict[str, Account], ready: list[Epoch]) -> Iterator[Any]:
        for index, period in enumerate(self.decisions):
            yield environment.timeout(period - environment.now)
            end = min(period + self.decisions.step, self.horizon)
            remaining = {name: self._remaining(account, period) for name, account in accounts.items()}
            ready.append(Epoch(index, period, end - period, accounts, remaining))

    def _remaining(self, account: Account, period: int) -> int:
        until = min([r for r in account.releases if r > period] + [self.horizon])
        return sum(1 for p in self.decisions if period <= p < until)
