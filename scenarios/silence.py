"""Whether a silent customer is still there: what his silence says, and what his not moving says."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine import Population
from scenarios.schema.dynamics import Attrition

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NODES = 16


def apparent_segment(population: Population) -> NDArray[np.uint8]:
    """(n,) segments as a business sees them that does not notice departures: who left stays where he was."""
    life, seen = population.life, population.state.segment
    return seen if life is None else np.where(life.gone > 0, life.gone - np.uint8(1), seen)


def silence(recency: NDArray[np.uint16], there: Ints, rate: Floats) -> Floats:
    """(n,) time without an order, of the periods that he is ``there``.

    The last of a period's orders leaves ``1 / rate - 1 / (exp(rate) - 1)`` of that period in the mean (half of it at a small rate).
    """
    pace = np.clip(rate, 1e-6, 50)
    rest = np.where(pace < 1e-3, 0.5, 1 / pace - 1 / np.expm1(pace))
    return np.asarray(np.where(recency < there, recency + rest, there), np.float64)


@dataclass
class Watch:
    """Since when each customer has not been seen to move, from decision to decision.

    Who moved between two decisions, E periods apart, did so (E + 1) / 2 periods before the later one in the mean, and was
    there then.  Moves there and back between two decisions are missed.
    """

    _segment: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    _since: Floats = field(default_factory=lambda: np.zeros(0))
    _period: int = 0

    def __call__(self, population: Population, period: int) -> Floats:
        """(n,) when he last moved, 0 if never; later calls may have more customers, at the end."""
        segment, old = apparent_segment(population), len(self._segment)
        self._since = np.concatenate([self._since, np.zeros(len(segment) - old)])
        self._since[:old][segment[:old] != self._segment] = period - (period - self._period + 1) / 2
        self._segment, self._period = segment.copy(), period
        return self._since.copy()


@dataclass
class Spells:
    """How often each customer has been seen to leave, and for how many periods he has been away, from decision to decision.

    Who left, or came back, between two decisions, E periods apart, did so in the middle; those who left and came back are missed.
    """

    left: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    away: Floats = field(default_factory=lambda: np.zeros(0))
    _gone: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    _period: int = 0

    def watch(self, population: Population, period: int) -> None:
        """The customers at a decision in this period; later ones may have more, at the end."""
        if population.life is None:
            return
        gone, new = population.life.gone > 0, len(population) - len(self._gone)
        was = np.concatenate([self._gone, np.zeros(new, bool)])
        left, away = (np.concatenate([x, np.zeros(new, x.dtype)]) for x in (self.left, self.away))
        apart = period - self._period
        # Back means from a period's beginning on, so a return at the next decision leaves no period without him.
        self.away = away + np.where(was, np.where(gone, apart, max(apart - 1, 0) / 2), np.where(gone, apart / 2, 0.0))
        self.left, self._gone, self._period = left + (gone & ~was), gone, period


def alive(
    attrition: Attrition,
    *,
    orders: Floats,
    there: Ints,
    rate: Floats,
    silent: Floats,
    unmoved: Floats,
    stays: Floats,
    shape: Floats,
) -> Floats:
    """(n,) probability of being alive after a silence, everybody being so when he came, ``there`` periods and ``orders`` ago.

    Who has left places no orders and does not move; who is still there places none in u periods with probability
    ``g(u) = (1 + rate u / shape)^-shape`` (a gamma rate) and stays in his segment with ``stays^u``.  With D = min(``silent``,
    ``unmoved``), the periods in which neither was seen, and traits as they were known at their beginning,

        BG/NBD      odds of having left = a / (b + orders - 1) / (g(D) stays^D)   after an order that no move followed, else 0
        Pareto/NBD  odds = int_0^D f(u) g(u) stays^u du / (S(D) g(D) stays^D),    by Gauss-Legendre

    with S(u) = (v / (v + u))^s, f = -S', v = beta + there - D.  Without moves the first is Fader, Hardie & Lee's (2005), as far as
    a rate is a gamma of its own.  Named approximations: today's segment for all of D; moves there and back between decisions.
    """
    quiet = np.minimum(silent, unmoved)
    staying = np.log(np.maximum(stays, 1e-9))

    def unseen(u: Floats) -> Floats:
        return np.asarray(np.exp(staying * u - shape * np.log1p(rate * u / shape)))

    if attrition.model == "bg_nbd":
        last_one = (attrition.a or 0.0) / np.maximum((attrition.b or 0.0) + orders - 1, 1e-9)
        left, still = np.where((orders > 0) & (unmoved >= silent), last_one, 0.0), unseen(quiet)
    else:
        s, v = attrition.s or 0.0, (attrition.beta or 0.0) + there - quiet
        node, weight = np.polynomial.legendre.leggauss(NODES)
        left = np.zeros(len(quiet))
        for x, w in zip((node + 1) / 2, weight / 2, strict=True):
            u = x * quiet
            left += w * quiet * s / (v + u) * (v / (v + u)) ** s * unseen(u)
        still = (v / (v + quiet)) ** s * unseen(quiet)
    return np.asarray(still / (still + left))
