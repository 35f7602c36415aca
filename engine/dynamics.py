"""What a world may have beyond segments, orders and offers.  Everything is off unless named, and then costs no time.

Equations: ``docs/attrition.md``, ``docs/promotion.md``, ``docs/hooks.md``, ``docs/dynamic_segments.md``, ``docs/cross_selling.md``,
``docs/competition.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Model = Literal["bg_nbd", "pareto_nbd", "sbg"]
ATTRITION_MODELS: tuple[str, ...] = ("bg_nbd", "pareto_nbd", "sbg")


@dataclass(frozen=True)
class Attrition:
    """Leaving for good as a trait of the customer (``Life.dropout``), into the lapsed segment ``into`` at the period's end.

    ``bg_nbd``: the trait is the probability of dropping out after an order.  ``pareto_nbd``: the hazard per period.
    ``sbg``: the probability of not renewing, asked every ``renews_every`` periods.

    ``prior``: (a, b) of the trait's Beta or (s, beta) of its Gamma, for customers whose trait is not known
    (``Life.lived``, :mod:`engine.doubt`); the simulator does not look at it.
    """

    model: Model
    into: int
    renews_every: int = 1
    prior: tuple[float, float] | None = None


@dataclass(frozen=True)
class Pantry:
    """Orders brought forward: ``share`` of those an offer adds goes to stock, ``use`` of the stock is lived on per period."""

    share: float
    use: float


@dataclass(frozen=True)
class Habituation:
    """Reference price: memory M <- memory M + (1 - memory) depth of today's deal; a deal is felt as ``depth - weight M``."""

    memory: float
    weight: float


@dataclass(frozen=True)
class Stock:
    """Exposure to one channel, or to one offer: ``decay`` per period, + 1 on a contact; a logit loses ``weight`` of it."""

    decay: float
    weight: float


@dataclass(frozen=True)
class Channel:
    """``reach``: probability that a contact arrives.  A contact ends the consent with probability
    ``opt_out + opt_out_per_contact x stock``, the stock as left by earlier contacts; ``stock`` -1 = none.
    """

    reach: float = 1.0
    opt_out: float = 0.0
    opt_out_per_contact: float = 0.0
    stock: int = -1


@dataclass(frozen=True)
class Tilt:
    """Transitions tilted: P'[s, k] in proportion to P[s, k] exp(z direction[k]).

    z = the arm's tilt + trust x ``trust`` - fatigue x ``fatigue`` + ``momentum`` (direction[s] - direction[segment before]).
    """

    direction: Floats
    trust: float = 0.0
    fatigue: float = 0.0
    momentum: float = 0.0


@dataclass(frozen=True)
class OrderGrowth:
    """Every order makes the next one worth ``per_order`` more, up to ``limit`` times the first."""

    per_order: float
    limit: float


@dataclass(frozen=True)
class Competition:
    """Own share of a customer's wallet: logistic(log odds at the start + pull[t] + trust x ``trust`` + the arm's shift).

    ``pull[t]`` (T,): change of our perceived advantage over the competitor since the start, in log odds.
    """

    pull: Floats
    trust: float = 0.0


@dataclass(frozen=True)
class Rival:
    """The same in one category: own share of what a customer spends on it; an order is worth more or less by what of it is ours.

    ``category``: place in ``World.categories``; ``pull`` (T,) and ``trust`` as in :class:`Competition`.
    """

    category: int
    pull: Floats
    trust: float = 0.0


@dataclass(frozen=True)
class Dynamics:
    """Features in use.

    Attributes:
        attrition, pantry, habituation, tilt, growth, competition: None = off.
        rivals: R categories, each with a competitor of its own; empty = off.
        stocks: exposure stocks that arms touch.
        channels: in the order of ``ArmDynamics.channel``; at most 32.
        values: names of what customers value (D <= 16); empty = off.
        value_means: (D,) mean weights, at which an appeal adds nothing.
        tiers: (N,) price multiples in ascending order of tiers; empty = off.
        breadth: factor on attrition for every category owned beyond the first; 1 = off.
        trust_decay: trust <- trust_decay trust each period.
        trust_response: weight of trust in the logit of a response.
        flows: keep the flow matrix of every period.
    """

    attrition: Attrition | None = None
    pantry: Pantry | None = None
    habituation: Habituation | None = None
    tilt: Tilt | None = None
    growth: OrderGrowth | None = None
    competition: Competition | None = None
    rivals: tuple[Rival, ...] = ()
    stocks: tuple[Stock, ...] = ()
    channels: tuple[Channel, ...] = ()
    values: tuple[str, ...] = ()
    value_means: Floats = field(default_factory=lambda: np.zeros(0))
    tiers: Floats = field(default_factory=lambda: np.zeros(0))
    breadth: float = 1.0
    trust_decay: float = 1.0
    trust_response: float = 0.0
    flows: bool = False


@dataclass(frozen=True)
class ArmDynamics:
    """What an arm does in a world with :class:`Dynamics`.

    Attributes:
        channel: index into ``Dynamics.channels``, -1 = always reaches, nobody opts out.
        stocks: indices into ``Dynamics.stocks`` (the channel's, the offer's), -1 = none.
        curve: logits of the response at ``0, depth / (G - 1), ..., depth``; empty = the felt depth does not matter.
        appeal: (D,) pull on each value, in log odds.
        tilt_response, tilt_contact: z of a responder while the offer acts, and of a contact without response, that period.
        tier_step, tier_probability: a responder moves up so many tiers with this probability, for good.
        share_shift: log odds of the own share of wallet while the offer acts.
        share_rival: the place in ``Dynamics.rivals`` in whose category it acts, -1 = on the order rate.
        trust: added to a responder's trust.
        win_back: the offer moves customers out of segments of no return.
        cannibalises: share of a cross-sold category's value that replaces what the customer buys already.
        bundle: bit mask of further categories sold with ``Arm.category``.
    """

    channel: int = -1
    stocks: tuple[int, int] = (-1, -1)
    curve: tuple[float, ...] = ()
    appeal: tuple[float, ...] = ()
    tilt_response: float = 0.0
    tilt_contact: float = 0.0
    tier_step: int = 0
    tier_probability: float = 0.0
    share_shift: float = 0.0
    share_rival: int = -1
    trust: float = 0.0
    win_back: bool = False
    cannibalises: float = 0.0
    bundle: int = 0
