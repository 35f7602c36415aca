"""Columns of a population that only worlds with :class:`engine.dynamics.Dynamics` need."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import PopulationError
from engine.world import World

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]

EVERY_CHANNEL = np.uint32(0xFFFFFFFF)


@dataclass
class Life:
    """n customers; G stocks, D values, R categories with a competitor.

    Attributes:
        dropout: (n,) trait of ``Attrition``: probability after an order, hazard per period, or probability of not renewing.
        renewal: (n,) uint8 trait: a contract is renewed at the end of periods t with (t + 1 + renewal) % renews_every == 0.
        share: (n,) trait, log odds of the own share of wallet that the order rate already contains.
        values: (n, D) trait, weights that sum to 1.
        category_share: (n, R) trait, log odds of the own share of what the customer spends on the category, at the start.
        spent: (n, R) what of an order is spent with us on the category at that share; what was cross-sold since included.
        gone: (n,) uint8, 1 + segment from which an attrition model took the customer, 0 = not gone.
        tier: (n,) uint8.
        grown: (n,) growth of the order value so far, from 1.
        pantry: (n,) orders brought forward and not lived on yet.
        memory: (n,) depth of deals remembered.
        trust: (n,) 0 = neutral.
        before: (n,) uint8, segment before the last move.
        consent: (n,) uint32, bit c = may be contacted through channel c.
        stock: (n, G) exposure at the last contact.
        touched: (n, G) uint16, period of that contact.
        lived: (n,) uint16, what a planner who does not know ``dropout`` has seen of it: orders, renewals or periods that the
            customer has stayed through (:mod:`engine.doubt`); None = it is known.
        alive: (n,) probability that he is there, which a planner has put into ``rate``; None = 1.
    """

    dropout: F32
    renewal: U8
    share: F32
    values: F32
    category_share: F32
    spent: F32
    gone: U8
    tier: U8
    grown: F32
    pantry: F32
    memory: F32
    trust: F32
    before: U8
    consent: U32
    stock: F32
    touched: U16
    lived: U16 | None = None
    alive: F32 | None = None

    def copy(self) -> Life:
        """Traits shared, state copied."""
        kept = {name: values if name in TRAITS else values.copy() for name, values in self.columns().items()}
        return Life(**kept)

    def take(self, index: NDArray[np.integer]) -> Life:
        """The customers at these places."""
        return Life(**{name: values[index] for name, values in self.columns().items()})

    def columns(self) -> dict[str, NDArray[Any]]:
        """By name; what a planner alone thinks is left out where nobody thinks it."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: values for name, values in found.items() if values is not None}


TRAITS = ("dropout", "renewal", "share", "values", "category_share")


class Columns(NamedTuple):
    """A :class:`Life` as the kernels read and write it."""

    dropout: F32
    renewal: U8
    share: F32
    values: F32
    category_share: F32
    spent: F32
    gone: U8
    tier: U8
    grown: F32
    pantry: F32
    memory: F32
    trust: F32
    before: U8
    consent: U32
    stock: F32
    touched: U16


def make_life(
    segment: NDArray[np.integer],
    world: World,
    *,
    dropout: NDArray[np.floating] | None = None,
    renewal: NDArray[np.integer] | None = None,
    share: NDArray[np.floating] | None = None,
    values: NDArray[np.floating] | None = None,
    category_share: NDArray[np.floating] | None = None,
    spent: NDArray[np.floating] | None = None,
    tier: NDArray[np.integer] | None = None,
    consent: NDArray[np.integer] | None = None,
) -> Life:
    """Columns for customers who start in these segments; ``share`` and ``category_share`` as shares in (0, 1).

    Raises:
        PopulationError: a trait that the world's dynamics need is missing.
    """
    n, dynamics = len(segment), world.dynamics
    problems = []
    stocks = wanted = rivals = 0
    if dynamics is not None:
        stocks, wanted, rivals = len(dynamics.stocks), len(dynamics.values), len(dynamics.rivals)
        for name, feature, given in (
            ("dropout", dynamics.attrition, dropout),
            ("share", dynamics.competition, share),
            ("values", dynamics.values, values),
            ("category_share", dynamics.rivals, category_share),
            ("spent", dynamics.rivals, spent),
        ):
            if feature and given is None:
                problems.append(f"{name}: expected {n} numbers, since the world's dynamics use them, got none")
    for name, given in (("share", share), ("category_share", category_share)):
        if given is not None and not ((np.asarray(given) > 0) & (np.asarray(given) < 1)).all():
            problems.append(f"{name}: expected shares within (0, 1), got {np.min(given):g} to {np.max(given):g}")
    if problems:
        raise PopulationError(problems)
    zeros, ones = np.zeros(n, np.float32), np.ones(n, np.float32)
    none = np.zeros((n, rivals), np.float32)
    return Life(
        dropout=np.array(zeros if dropout is None else dropout, np.float32),
        renewal=np.array(zeros if renewal is None else renewal, np.uint8),
        share=zeros.copy() if share is None else log_odds(share),
        values=np.zeros((n, wanted), np.float32) if values is None else np.array(values, np.float32),
        category_share=none if category_share is None else log_odds(category_share),
        spent=none.copy() if spent is None else np.array(spent, np.float32),
        gone=np.zeros(n, np.uint8),
        tier=np.array(zeros if tier is None else tier, np.uint8),
        grown=ones,
        pantry=zeros.copy(),
        memory=zeros.copy(),
        trust=zeros.copy(),
        before=np.array(segment, np.uint8),
        consent=np.full(n, EVERY_CHANNEL, np.uint32) if consent is None else np.array(consent, np.uint32),
        stock=np.zeros((n, stocks), np.float32),
        touched=np.zeros((n, stocks), np.uint16),
    )


def log_odds(share: NDArray[np.floating]) -> F32:
    """Of shares in (0, 1)."""
    s = np.asarray(share, np.float64)
    return np.array(np.log(s) - np.log1p(-s), np.float32)


def check_life(life: Life | None, n: int, world: World) -> list[str]:
    """What does not fit the world, one sentence each."""
    dynamics = world.dynamics
    if dynamics is None:
        return []
    if life is None:
        return ["life: expected the columns of engine.life.make_life, since the world has dynamics, got none"]
    problems = []
    for name, values in life.columns().items():
        if len(values) != n:
            problems.append(f"life.{name}: expected {n} customers, got {len(values)}")
        elif values.dtype.kind == "f" and not np.isfinite(values).all():
            problems.append(f"life.{name}: expected finite numbers, got NaN or infinite")
    if problems:
        return problems
    limit = 1.0 if dynamics.attrition and dynamics.attrition.model != "pareto_nbd" else np.inf
    if dynamics.attrition and not ((life.dropout >= 0) & (life.dropout <= limit)).all():
        problems.append(
            f"life.dropout: expected 0 to {limit:g} for {dynamics.attrition.model}, got {life.dropout.min():g} to "
            f"{life.dropout.max():g}"
        )
    for name, width in (
        ("stock", len(dynamics.stocks)),
        ("touched", len(dynamics.stocks)),
        ("values", len(dynamics.values)),
        ("category_share", len(dynamics.rivals)),
        ("spent", len(dynamics.rivals)),
    ):
        if getattr(life, name).shape[1] != width:
            problems.append(f"life.{name}: expected {width} columns, got {getattr(life, name).shape[1]}")
    if life.spent.min(initial=0) < 0:
        problems.append(f"life.spent: expected >= 0, got {life.spent.min()}")
    if life.tier.max(initial=0) >= max(len(dynamics.tiers), 1):
        problems.append(f"life.tier: expected below {max(len(dynamics.tiers), 1)}, got {life.tier.max()}")
    return problems
