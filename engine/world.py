"""The world: how customers behave, and what an offer does to them.

A :class:`World` holds the true effects.  What a planner believes is another ``World``; the engine does not care which
of the two it is given.  Money is in currency units, rates are per period, probabilities per period and customer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.dynamics import ArmDynamics, Dynamics
from engine.errors import WorldError
from engine.season import Season
from engine.service.desk import Service
from engine.service.strain import Strain

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NO_CATEGORY = -1
NO_SEGMENT = -1


@dataclass(frozen=True)
class Segments:
    """Segments and how customers move between them.

    The no-offer order rate of customer ``i`` that started in segment ``a`` and is in ``s`` in period ``t`` is

        rate_i * m[a]^(1 - kappa) * m[s]^kappa * level[a, t]

    with ``kappa = state_dependence``.  ``level`` (:func:`engine.rates.level_table`) is the factor that makes the mean
    over the paths from ``a`` equal ``(P^(t+1) m)[a]`` whatever kappa is: kappa says how much of the difference between
    segments a *move* brings, and never changes the forecast without offers.  At ``kappa = 1`` it is 1.

    Attributes:
        names: S segment names.
        transition: (S, S) float64, ``[from, to]``, rows sum to 1.  A segment of no return is a row with 1 on the diagonal.
        multiplier: (S,) float64, orders per period for a customer whose ``rate`` is 1.
        lapsed: (S,) bool, segments that count as churned in reports, and into which a retention offer slows the moves.
        state_dependence: kappa in [0, 1]; 0 = a segment is only a label, 1 = the classical migration model.
    """

    names: tuple[str, ...]
    transition: Floats
    multiplier: Floats
    lapsed: Bools
    state_dependence: float = 1.0

    def __post_init__(self) -> None:
        s = len(self.names)
        problems = []
        if self.transition.shape != (s, s):
            problems.append(f"transition: expected shape {(s, s)}, got {self.transition.shape}")
        else:
            for name, row in zip(self.names, self.transition, strict=True):
                if not np.isfinite(row).all() or (row < 0).any() or (row > 1).any():
                    problems.append(f"transition[{name}]: expected probabilities in [0, 1], got {row.tolist()}")
                elif abs(row.sum() - 1) > 1e-9:
                    problems.append(
                        f"transition[{name}]: expected a sum of 1, got {row.sum():.6g} ({row.sum() - 1:+.6g})"
                    )
        if self.multiplier.shape != (s,) or not (np.isfinite(self.multiplier).all() and (self.multiplier >= 0).all()):
            problems.append(f"multiplier: expected {s} numbers >= 0, got {self.multiplier.tolist()}")
        if self.lapsed.shape != (s,):
            problems.append(f"lapsed: expected {s} flags, got shape {self.lapsed.shape}")
        if not 0 <= self.state_dependence <= 1:
            problems.append(f"state_dependence: expected 0 to 1, got {self.state_dependence}")
        if problems:
            raise WorldError(problems)


@dataclass(frozen=True)
class OrderValue:
    """Spread of one order's value around the customer's mean; the noise has mean 1.

    ``lognormal``: exp(sigma N - sigma^2/2), ``shape`` = sigma.  ``gamma``: Gamma(shape p, rate p), ``shape`` = p, the
    within-customer part of the Gamma-Gamma model.
    """

    kind: str
    shape: float

    def __post_init__(self) -> None:
        if self.kind not in ("lognormal", "gamma"):
            raise WorldError([f"order_value.kind: expected lognormal or gamma, got {self.kind!r}"])
        if not (np.isfinite(self.shape) and self.shape >= 0 and (self.kind == "lognormal" or self.shape > 0)):
            raise WorldError([f"order_value.shape: expected a number > 0, got {self.shape}"])


@dataclass(frozen=True)
class Economics:
    """What an order leaves.

    Margin of an order of list value v with discount d: ``v - d - (1 - gross_margin_rate) v - cost_to_serve_per_order``.
    ``discount_factor`` is per period, ``(1 + annual rate)^(-1 / periods per year)``; period 0 is undiscounted.
    """

    gross_margin_rate: float
    cost_to_serve_per_order: float
    discount_factor: float


@dataclass(frozen=True)
class Fatigue:
    """Contact fatigue: the stock is ``F <- decay F`` each period, ``+ 1`` on a contact; a response's logit loses ``weight F``.

    ``F`` in the response is the stock left by earlier contacts, before today's is added.
    """

    decay: float = 0.0
    weight: float = 0.0


@dataclass(frozen=True)
class Arm:
    """One offer through one channel.

    Attributes:
        name: ``offer/channel``.
        contact_cost: per contact delivered.
        redemption_cost: per redeeming order, on top of the discount.
        depth: share of the redeeming order's value given away (of the category's value for a cross-sell).
        duration: periods, from the contact's on, in which a responder's effects act.
        response: (S,) probability of a response by segment, at zero fatigue and responsiveness 0.
        order_lift: relative change of a responder's order rate while the offer is active.
        attrition_reduction: share by which a responder's moves into lapsed segments are cut; the mass stays.
        move_to: index of the segment to which a responder moves, or -1; in the contact's period, in place of the natural move.
        move_probability: probability of that move.
        category: index of the cross-sold category, or -1.
        sticks: probability that a responder keeps the category for good (gated by complementarity and headroom).
        more: what the arm does where the world has dynamics.
        setup_cost: paid once for the whole offer, in the period in which one of its arms is first sent.
    """

    name: str
    offer: str
    channel: str
    kind: str
    contact_cost: float
    redemption_cost: float
    depth: float
    duration: int
    response: Floats
    order_lift: float = 0.0
    attrition_reduction: float = 0.0
    move_to: int = NO_SEGMENT
    move_probability: float = 0.0
    category: int = NO_CATEGORY
    sticks: float = 0.0
    more: ArmDynamics = field(default_factory=ArmDynamics)
    setup_cost: float = 0.0


@dataclass(frozen=True)
class World:
    """All parameters of one world.

    Attributes:
        complementarity: (C, C), ``[a, b]`` in [0, 1]: how far owning a opens the door to b.
        dynamics: features beyond segments, orders and offers; None = all off.
        season: factors on the order rate by period; None = none.
        conversion: (S,) float64, orders per visit without offers; None = visits are not counted.
        service: the contact centre; None = nobody has a question.
        overheads: (T,) float64, what a strategy's capabilities cost in each period; None = nothing.
        scale: simulated customers / customers for which agents and fixed amounts are meant.
        count_losses: count orders that lose money.
        strain: what a planner foresees of the contact centre; the simulator does not look at it.
    """

    segments: Segments
    order_value: OrderValue
    economics: Economics
    horizon: int
    arms: tuple[Arm, ...] = ()
    fatigue: Fatigue = field(default_factory=Fatigue)
    categories: tuple[str, ...] = ()
    complementarity: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    dynamics: Dynamics | None = None
    season: Season | None = None
    conversion: Floats | None = None
    service: Service | None = None
    overheads: Floats | None = None
    scale: float = 1.0
    count_losses: bool = False
    strain: Strain | None = None
