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
    """n customers; G stocks, D values.

    Attributes:
        dropout: (n,) trait of ``Attrition``: probability after an order, hazard per period, or probability of not renewing.
        renewal: (n,) uint8 trait: a contract is renewed at the end of periods t with (t + 1 + renewal) % renews_every == 0.
        share: (n,) trait, log odds of the own share of wallet that the order rate already contains.
        values: (n, D) trait, weights that sum to 1.
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


TRAITS = ("dropout", "renewal", "share", "values")


class Columns(NamedTuple):
    """A :class:`Life` as the kernels read and write it."""

    dropout: F32
    renewal: U8
    share: F32
    values: F32
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
    tier: NDArray[np.integer] | None = None,
    consent: NDArray[np.integer] | None = None,
) -> Life:
    """Columns for customers who start in these segments; ``share`` as a share in (0, 1).

    Raises:
        PopulationError: a trait that the world's dynamics need is missing.
    """
    n, dynamics = len(segment), world.dynamics
    problems = []
    stocks = wanted = 0
    if dynamics is not None:
        stocks, wanted = len(dynamics.stocks), len(dynamics.values)
        for name, feature, given in (
            ("dropout", dynamics.attrition, dropout),
            ("share", dynamics.competition, share),
            ("values", dynamics.values, values),
        ):
            if feature and given is None:
                problems.append(f"{name}: expected {n} numbers, since the world's dynamics use them, got none")
    if share is not None and not ((np.asarray(share) > 0) & (np.asarray(share) < 1)).all():
        problems.append(f"share: expected shares within (0, 1), got {np.min(share):g} to {np.max(share):g}")
    if problems:
        raise PopulationError(problems)
    zeros, ones = np.zeros(n, np.float32), np.ones(n, np.float32)
    odds = zeros if share is None else np.log(np.asarray(share, float)) - np.log1p(-np.asarray(share, float))
    return Life(
        dropout=np.array(zeros if dropout is None else dropout, np.float32),
        renewal=np.array(zeros if renewal is None else renewal, np.uint8),
        share=np.array(odds, np.float32),
        values=np.zeros((n, wanted), np.float32) if values is None else np.array(values, np.float32),
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
    ):
        if getattr(life, name).shape[1] != width:
            problems.append(f"life.{name}: expected {width} columns, got {getattr(life, name).shape[1]}")
    if life.tier.max(initial=0) >= max(len(dynamics.tiers), 1):
        problems.append(f"life.tier: expected below {max(len(dynamics.tiers), 1)}, got {life.tier.max()}")
    return problems
