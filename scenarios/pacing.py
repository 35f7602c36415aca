"""How much of a rule's amount may be used at one decision epoch.

A rule with ``per: quarter`` gives its amount anew each quarter.  An epoch may use what the window has left, divided by the
epochs that the window still holds: an even pace for every strategy alike, with what was not used carried inside the window.
Amounts that are ``released`` in certain periods are windows of their own, whose rest is carried on.

A strategy that plans over time paces itself: it may use at once all that the window has left.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from scenarios.schema.planning import Time


@dataclass
class Pace:
    """One bound of one rule over a run.

    Attributes:
        amount: the bound of a whole window.
        windows: first periods of the windows, ascending, starting with 0.
        epochs: periods of the decision epochs, ascending.
        last_share: the part of the last window that lies within the horizon; its amount is cut in proportion.
        released: amount of each window, if they differ; what is left then stays for the next.
    """

    amount: float
    windows: tuple[int, ...]
    epochs: tuple[int, ...]
    last_share: float = 1.0
    released: tuple[float, ...] = ()
    _used: dict[int, float] = field(default_factory=dict)

    def _window(self, period: int) -> int:
        return bisect_right(self.windows, period) - 1

    def allowed(self, period: int) -> float:
        """What this epoch may use (for a minimum: must reach)."""
        window = self._window(period)
        left = sum(1 for e in self.epochs if e >= period and self._window(e) == window)
        return self.left(period) / max(left, 1)

    def left(self, period: int) -> float:
        """What the window has left at this epoch."""
        return self._left(self._window(period))

    def _left(self, window: int) -> float:
        if self.released:
            return sum(self.released[: window + 1]) - sum(self._used.values())
        return self._whole(window) - self._used.get(window, 0.0)

    def ahead(self, period: int) -> list[tuple[tuple[int, ...], float]]:
        """Limits on what is left of the run: the epochs from this one on that share an amount, and the amount."""
        rest = [e for e in self.epochs if e >= period]
        last = {self._window(e) for e in rest}
        spans = {
            w: tuple(e for e in rest if self._window(e) == w or (self.released and self._window(e) < w)) for w in last
        }
        return [(spans[w], max(self._left(w), 0.0)) for w in sorted(last)]

    def use(self, period: int, amount: float) -> None:
        """Book what a plan uses."""
        window = self._window(period)
        self._used[window] = self._used.get(window, 0.0) + amount

    def total(self) -> float:
        """The amount of all windows that hold an epoch; of releases, all that come before the last one."""
        if self.released:
            return sum(self.released[: self._window(self.epochs[-1]) + 1])
        return sum(self._whole(window) for window in {self._window(e) for e in self.epochs})

    def _whole(self, window: int) -> float:
        return self.amount * (self.last_share if window == len(self.windows) - 1 else 1.0)


def windows(per: str, time: Time, epochs: tuple[int, ...]) -> tuple[int, ...]:
    """First periods of a rule's windows.  ``total``: one; ``epoch``: one each decision; else calendar parts of a year."""
    if per == "total":
        return (0,)
    if per == "epoch":
        return epochs
    length = time.periods_in(per)
    count = int(time.horizon_periods / length) + 1
    return tuple(sorted({w for i in range(count) if (w := round(i * length)) < time.horizon_periods}))


def last_share(per: str, time: Time, starts: tuple[int, ...]) -> float:
    """Part of the last window of :func:`windows` that the horizon leaves."""
    if per in ("total", "epoch"):
        return 1.0
    return min((time.horizon_periods - starts[-1]) / time.periods_in(per), 1.0)
