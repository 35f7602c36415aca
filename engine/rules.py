"""A world's dynamics as the kernels read them, and what they cannot run."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.dynamics import ATTRITION_MODELS, Dynamics
from engine.rates import pace_table
from engine.world import Arm, World

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]

NO_MODEL, BG_NBD, PARETO_NBD, SBG = range(4)
GRID = 65  # points of a response curve
GROWTH_STEPS = 64  # more orders than this in a period grow as these
LARGEST_POWER = 120
MAX_VALUES = 16
MAX_TIERS = 16
MAX_STOCKS = 64


class Rules(NamedTuple):
    """A arms, S segments, C channels, G stocks, D values, N tiers, R rivals, T periods; 0 or empty where a feature is off.

    Attributes:
        attrition: one of NO_MODEL, BG_NBD, PARETO_NBD, SBG.
        into, renews: segment of those who left; periods between renewals.
        breadth: (33,) factor on attrition by number of categories owned.
        dips, pantry_share, pantry_use: see ``Pantry``.
        memory, habit: see ``Habituation``; habit 0 = off.
        depth: (A,); curve: (A * GRID,) added to the logit, by felt depth in equal steps up to the arm's.
        decay: (G * (T + 1),) factor after d periods: decay^(d - 1); fade, weight: (G,) per period.
        stock: (A * 2,) stocks that an arm touches, -1 = none.
        channel: (A,) bit of the arm's channel, -1 = none; exposes: there are stocks or channels.
        reach, opt_out, opt_out_slope, opt_out_stock: (A,).
        pull: (A * D,), level: (A,) the pull at the mean weights.
        tilted; direction, exponent: (S,), the second in powers of 2; tilt_limit: of the tilt, either way; tilt_trust,
            tilt_fatigue, momentum; tilt_response: (1 + A,) by 1 + arm, 0 without one; tilt_contact: (A,).
        transition: (S * S,); last: (S,) uint32, the last segment of positive probability.
        multiple: (N,) price multiples, at least one; tier_step, tier_probability: (A,).
        grows; growth: (GROWTH_STEPS,) factor of k orders; growth_limit.
        competes; advantage: (T,); share_trust; share_shift: (A,); lost: (T, S * S), orders per unit of rate that who is in a lapsed
            segment placed in his start segment beyond those that he places now, ``[t, start * S + now]``.
        rivals: (R,) categories; rival_of: (categories,) place among them, -1 = none; rival_pull: (R, T); rival_trust: (R,);
            rival_shift: (R * (1 + A),) by 1 + arm, 0 without one.
        trust_decay, trust_response; trust: (A,).
        flows: keep the flow matrix.
    """

    attrition: int
    into: int
    renews: int
    breadth: F32
    dips: bool
    pantry_share: np.float32
    pantry_use: np.float32
    memory: np.float32
    habit: np.float32
    depth: F32
    curve: F32
    decay: F32
    fade: F32
    weight: F32
    stock: I32
    channel: I32
    exposes: bool
    reach: F32
    opt_out: F32
    opt_out_slope: F32
    opt_out_stock: I32
    pull: F32
    level: F32
    tilted: bool
    direction: F32
    exponent: F32
    tilt_limit: np.float32
    tilt_trust: np.float32
    tilt_fatigue: np.float32
    momentum: np.float32
    tilt_response: F32
    tilt_contact: F32
    transition: F32
    last: NDArray[np.uint32]
    multiple: F32
    tier_step: I32
    tier_probability: F32
    grows: bool
    growth: F32
    growth_limit: np.float32
    competes: bool
    advantage: F32
    share_trust: np.float32
    share_shift: F32
    lost: F32
    rivals: I32
    rival_of: I32
    rival_pull: F32
    rival_trust: F32
    rival_shift: F32
    trust_decay: np.float32
    trust_response: np.float32
    trust: F32
    flows: bool


def curve_shift(arm: Arm) -> F32:
    """(GRID,) change of the logit by felt depth; zeros without a curve."""
    if not arm.more.curve or arm.depth == 0:
        return np.zeros(GRID, np.float32)
    given = np.array(arm.more.curve)
    points = np.interp(np.linspace(0, 1, GRID), np.linspace(0, 1, len(given)), given)
    return np.asarray(points - given[-1], np.float32)


def decay_table(dynamics: Dynamics, horizon: int) -> F32:
    """(G, T + 1) float32: what is left of a stock d periods after its last contact; that contact counts in full at d = 1."""
    periods = np.maximum(np.arange(horizon + 1) - 1, 0)
    return np.array([stock.decay**periods for stock in dynamics.stocks], np.float32).reshape(-1, horizon + 1)


def exponents(direction: NDArray[np.floating]) -> F32:
    """(S,) powers of 2 in place of powers of e."""
    return np.asarray(direction / np.log(2), np.float32)


def tilt_limit(direction: NDArray[np.floating]) -> np.float32:
    """The largest tilt whose factors are float32 numbers; beyond it moves are as good as sure."""
    return np.float32(LARGEST_POWER / max(float(np.abs(exponents(direction)).max()), 1e-6))


def lost_table(world: World) -> F32:
    """(T, S * S) ``[t, start * S + now]``; 0 where a customer has not lapsed, and for those who started so."""
    segments, season = world.segments, world.season
    pace = pace_table(segments, world.horizon, season.within if season else None)
    before = np.diagonal(pace, axis1=1, axis2=2)[:, :, None]
    lost = np.where(segments.lapsed, np.maximum(before - pace, 0.0), 0.0)
    return np.ascontiguousarray(lost.reshape(world.horizon, -1), np.float32)


def rival_of(world: World) -> I32:
    """(C,) place of each category among the rivals, -1 = it has none."""
    out = np.full(len(world.categories), -1, np.int32)
    for place, rival in enumerate(world.dynamics.rivals if world.dynamics else ()):
        out[rival.category] = place
    return out


def make_rules(world: World) -> Rules | None:
    """Compile the dynamics; None where there are none."""
    dynamics = world.dynamics
    if dynamics is None:
        return None
    arms, f = world.arms, np.float32
    more = [arm.more for arm in arms]
    channels = [dynamics.channels[m.channel] if m.channel >= 0 else None for m in more]
    d = len(dynamics.values)
    pull = np.array([m.appeal if m.appeal else np.zeros(d) for m in more], float).reshape(len(arms), d)
    attrition, pantry, habit = dynamics.attrition, dynamics.pantry, dynamics.habituation
    tilt, growth, competition = dynamics.tilt, dynamics.growth, dynamics.competition
    steps = np.arange(GROWTH_STEPS)
    direction = np.asarray(tilt.direction if tilt else np.zeros(len(world.segments.names)), float)
    return Rules(
        attrition=1 + ATTRITION_MODELS.index(attrition.model) if attrition else NO_MODEL,
        into=attrition.into if attrition else 0,
        renews=attrition.renews_every if attrition else 1,
        breadth=np.array(dynamics.breadth ** np.maximum(np.arange(33) - 1, 0), f),
        dips=pantry is not None,
        pantry_share=f(pantry.share if pantry else 0),
        pantry_use=f(pantry.use if pantry else 0),
        memory=f(habit.memory if habit else 0),
        habit=f(habit.weight if habit else 0),
        depth=np.array([arm.depth for arm in arms], f),
        curve=np.array([curve_shift(arm) for arm in arms], f).ravel(),
        decay=decay_table(dynamics, world.horizon).ravel(),
        fade=np.array([stock.decay for stock in dynamics.stocks], f),
        weight=np.array([stock.weight for stock in dynamics.stocks], f),
        stock=np.array([m.stocks for m in more], np.int32).ravel(),
        channel=np.array([m.channel for m in more], np.int32),
        exposes=bool(dynamics.stocks or dynamics.channels),
        reach=np.array([c.reach if c else 1.0 for c in channels], f),
        opt_out=np.array([c.opt_out if c else 0.0 for c in channels], f),
        opt_out_slope=np.array([c.opt_out_per_contact if c else 0.0 for c in channels], f),
        opt_out_stock=np.array([c.stock if c else -1 for c in channels], np.int32),
        pull=np.array(pull, f).ravel(),
        level=np.array(pull @ dynamics.value_means if d else np.zeros(len(arms)), f),
        tilted=tilt is not None,
        direction=direction.astype(f),
        exponent=exponents(direction),
        tilt_limit=tilt_limit(direction),
        tilt_trust=f(tilt.trust if tilt else 0),
        tilt_fatigue=f(tilt.fatigue if tilt else 0),
        momentum=f(tilt.momentum if tilt else 0),
        tilt_response=np.array([0.0, *(m.tilt_response for m in more)], f),
        tilt_contact=np.array([m.tilt_contact for m in more], f),
        transition=np.array(world.segments.transition, f).ravel(),
        last=np.array([np.flatnonzero(row)[-1] for row in world.segments.transition], np.uint32),
        multiple=np.array(dynamics.tiers if len(dynamics.tiers) else [1.0], f),
        tier_step=np.array([m.tier_step for m in more], np.int32),
        tier_probability=np.array([m.tier_probability for m in more], f),
        grows=growth is not None,
        growth=np.array((1 + growth.per_order) ** steps if growth else np.ones(GROWTH_STEPS), f),
        growth_limit=f(growth.limit if growth else 1),
        competes=competition is not None,
        advantage=np.array(competition.pull if competition else np.zeros(1), f),
        share_trust=f(competition.trust if competition else 0),
        share_shift=np.array([m.share_shift if m.share_rival < 0 else 0.0 for m in more], f),
        lost=lost_table(world) if competition or dynamics.rivals else np.zeros((1, 1), f),
        rivals=np.array([r.category for r in dynamics.rivals], np.int32),
        rival_of=rival_of(world),
        rival_pull=np.array([r.pull for r in dynamics.rivals] or np.zeros((0, 1)), f),
        rival_trust=np.array([r.trust for r in dynamics.rivals], f),
        rival_shift=np.array(
            [[0.0, *(m.share_shift if m.share_rival == r else 0.0 for m in more)] for r in range(len(dynamics.rivals))],
            f,
        ).ravel(),
        trust_decay=f(dynamics.trust_decay),
        trust_response=f(dynamics.trust_response),
        trust=np.array([m.trust for m in more], f),
        flows=dynamics.flows,
    )


def problems_of_dynamics(world: World) -> list[str]:
    """What the kernels cannot run, one sentence each."""
    dynamics, s = world.dynamics, len(world.segments.names)
    problems: list[str] = []
    if dynamics is None:
        return [
            f"arm {arm.name}: expected a world with dynamics, since the arm uses some"
            for arm in world.arms
            if arm.more != type(arm.more)() and not only_members(arm)
        ]

    def between(name: str, value: float, low: float, high: float) -> None:
        if not low <= value <= high:
            problems.append(f"{name}: expected {low:g} to {high:g}, got {value}")

    if (a := dynamics.attrition) is not None:
        if a.model not in ATTRITION_MODELS:
            problems.append(f"attrition.model: expected one of {', '.join(ATTRITION_MODELS)}, got {a.model!r}")
        between("attrition.into", a.into, 0, s - 1)
        if 0 <= a.into < s and not world.segments.lapsed[a.into]:
            problems.append(f"attrition.into: expected a lapsed segment, got {world.segments.names[a.into]!r}")
        between("attrition.renews_every", a.renews_every, 1, 255)
    if (p := dynamics.pantry) is not None:
        between("pantry.share", p.share, 0, 1)
        between("pantry.use", p.use, 0, 1)
    if (h := dynamics.habituation) is not None:
        between("habituation.memory", h.memory, 0, 1)
        between("habituation.weight", h.weight, 0, 1e3)
    if (t := dynamics.tilt) is not None:
        if t.direction.shape != (s,) or not (np.abs(t.direction) <= 1e3).all():
            problems.append(f"tilt.direction: expected {s} numbers, got {t.direction.tolist()}")
        for name in ("trust", "fatigue", "momentum"):
            between(f"tilt.{name}", getattr(t, name), -1e3, 1e3)
    if (g := dynamics.growth) is not None:
        between("growth.per_order", g.per_order, 0, 1)
        between("growth.limit", g.limit, 1, 1e3)
    if (c := dynamics.competition) is not None:
        if c.pull.ndim != 1 or len(c.pull) < 1 or not (np.abs(c.pull) <= 50).all():
            problems.append("competition.pull: expected log odds by period within 50")
        between("competition.trust", c.trust, -1e3, 1e3)
    categories = [rival.category for rival in dynamics.rivals]
    if len(set(categories)) < len(categories) or not all(0 <= c < len(world.categories) for c in categories):
        problems.append(f"rivals: expected different categories below {len(world.categories)}, got {categories}")
    if len({len(np.atleast_1d(rival.pull)) for rival in dynamics.rivals}) > 1:
        problems.append("rivals: expected pulls over the same periods")
    for rival in dynamics.rivals:
        if rival.pull.ndim != 1 or len(rival.pull) < 1 or not (np.abs(rival.pull) <= 50).all():
            problems.append("rivals.pull: expected log odds by period within 50")
        between("rivals.trust", rival.trust, -1e3, 1e3)
    between("breadth", dynamics.breadth, 0, 1)
    between("trust_decay", dynamics.trust_decay, 0, 1)
    between("trust_response", dynamics.trust_response, -1e3, 1e3)
    between("stocks", len(dynamics.stocks), 0, MAX_STOCKS)
    between("channels", len(dynamics.channels), 0, 32)
    between("values", len(dynamics.values), 0, MAX_VALUES)
    between("tiers", len(dynamics.tiers), 0, MAX_TIERS)
    if not (dynamics.tiers > 0).all():
        problems.append(f"tiers: expected price multiples > 0, got {dynamics.tiers.tolist()}")
    if dynamics.value_means.shape != (len(dynamics.values),):
        problems.append(f"value_means: expected {len(dynamics.values)} numbers, got {dynamics.value_means.tolist()}")
    for i, stock in enumerate(dynamics.stocks):
        between(f"stocks[{i}].decay", stock.decay, 0, 1)
        between(f"stocks[{i}].weight", stock.weight, -1e3, 1e3)
    for i, channel in enumerate(dynamics.channels):
        between(f"channels[{i}].reach", channel.reach, 0, 1)
        between(f"channels[{i}].opt_out", channel.opt_out, 0, 1)
        between(f"channels[{i}].opt_out_per_contact", channel.opt_out_per_contact, 0, 1)
        between(f"channels[{i}].stock", channel.stock, -1, len(dynamics.stocks) - 1)
    for arm in world.arms:
        problems += _arm_problems(arm, world, dynamics)
    return problems


def only_members(arm: Arm) -> bool:
    """Whether the arm uses only what the tables of every world hold."""
    m = arm.more
    return m == type(m)(win_back=m.win_back, cannibalises=m.cannibalises, bundle=m.bundle)


def _arm_problems(arm: Arm, world: World, dynamics: Dynamics) -> list[str]:
    m, at, problems = arm.more, f"arm {arm.name}", []
    if not -1 <= m.channel < len(dynamics.channels):
        problems.append(f"{at}: channel: expected -1 to {len(dynamics.channels) - 1}, got {m.channel}")
    if len(m.stocks) != 2 or not all(-1 <= g < len(dynamics.stocks) for g in m.stocks):
        problems.append(f"{at}: stocks: expected two of -1 to {len(dynamics.stocks) - 1}, got {m.stocks}")
    if m.appeal and len(m.appeal) != len(dynamics.values):
        problems.append(f"{at}: appeal: expected {len(dynamics.values)} numbers, got {m.appeal}")
    if m.curve and not (len(m.curve) >= 2 and np.isfinite(m.curve).all()):
        problems.append(f"{at}: curve: expected at least two finite logits, got {m.curve}")
    for name in ("tilt_response", "tilt_contact"):
        if getattr(m, name) and dynamics.tilt is None:
            problems.append(f"{at}: {name}: expected a world with a tilt of transitions")
    if m.tier_step and not len(dynamics.tiers):
        problems.append(f"{at}: tier_step: expected a world with tiers")
    if m.share_shift and m.share_rival < 0 and dynamics.competition is None:
        problems.append(f"{at}: share_shift: expected a world with competition")
    if not -1 <= m.share_rival < len(dynamics.rivals):
        problems.append(f"{at}: share_rival: expected -1 to {len(dynamics.rivals) - 1}, got {m.share_rival}")
    for name, value in (("tier_probability", m.tier_probability), ("cannibalises", m.cannibalises)):
        if not 0 <= value <= 1:
            problems.append(f"{at}: {name}: expected 0 to 1, got {value}")
    if m.bundle >> len(world.categories):
        problems.append(f"{at}: bundle: expected bits of {len(world.categories)} categories, got {m.bundle:b}")
    return problems
