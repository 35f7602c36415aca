"""Plans that users bring: who gets what already."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.allocation.case import Case
from scenarios.candidates import Candidates
from scenarios.errors import DataError
from scenarios.suggest import nearest
from scenarios.tables import Tables, quoted
from solvers.problem import NO_ARM, Problem

SHOWN = 5
_INERT = "case when regexp_matches({0}, '^''[=+@\\t\\r-]') then substr({0}, 2) else {0} end"  # as written by ourselves


@dataclass(frozen=True)
class GivenPlan:
    """``arms`` (M, n) int16, -1 = nothing, a customer's offers in the first places; ``listed`` (n,) customers that the file
    names (with an offer or without).
    """

    source: str
    arms: NDArray[np.int16]
    listed: NDArray[np.bool_]

    @property
    def arm(self) -> NDArray[np.int16]:
        """(n,) the first offer of every customer."""
        first: NDArray[np.int16] = self.arms[0]
        return first

    @property
    def layers(self) -> tuple[NDArray[np.int16], ...]:
        """(n,) arms each: the first offer of every customer, the second, and so on."""
        return tuple(self.arms)

    def closed(self, case: Case) -> int:
        """Customers with an offer that is closed to them by a test."""
        shut = np.zeros(case.n, bool)
        for arm in self.arms:
            who = np.flatnonzero(arm >= 0)
            shut[who] |= ~case.eligible[arm[who], who]
        return int(shut.sum())

    def same(self, other: GivenPlan) -> NDArray[np.bool_]:
        """(n,) customers who have the same offers in both plans."""
        return np.asarray((np.sort(self.arms, axis=0) == np.sort(other.arms, axis=0)).all(axis=0))


def read_plan(source: str, data: Candidates, most: int = 1) -> GivenPlan:
    """Read ``customer_id, offer`` and, where an offer goes through several channels, ``channel``; no offer = nothing.

    A customer may stand in up to ``most`` rows, an offer in each.

    Raises:
        DataError: missing columns, unknown customers, offers or channels, offers that the candidates do not hold for the
            customer, a customer with more offers than ``most``, or with the same one twice; the first few of each kind.

    """
    with Tables() as tables:
        table = tables.open(source, as_text=True)
        missing = [name for name in ("customer_id", "offer") if name not in table.columns]
        if missing:
            raise DataError([f"{source}: column {name!r} is missing{nearest(name, table.columns)}" for name in missing])
        names = ["customer_id", "offer", *(["channel"] if "channel" in table.columns else [])]
        columns = [f"{_INERT.format(quoted(name) + '::varchar')} as {quoted(name)}" for name in names]
        rows = tables.arrow(f"select {', '.join(columns)} from {table.sql}", source)
    problems: list[str] = []
    who = data.places_of(rows.column("customer_id"))
    arm = _arms(rows, data, source, problems)
    _say(problems, source, np.flatnonzero(who < 0), "customer_id", rows.column("customer_id"), "unknown customer")
    known = np.flatnonzero((who >= 0) & (arm >= -1))
    order = known[np.argsort(who[known], kind="stable")]
    place_in = np.arange(len(order)) - np.searchsorted(who[order], who[order])  # 0 = a customer's first row
    rank = np.zeros(len(who), np.int64)
    rank[order] = place_in
    alone = np.zeros(data.n, bool)  # customers with a row that says nothing
    alone[who[known[arm[known] < 0]]] = True
    both = alone[who[order]] & (place_in > 0)
    many = (place_in >= most) & ~both
    offers = "a second offer" if most == 1 else f"more than {most} offers"
    for over, words in ((many, offers), (both, "a row that says no offer beside another row")):
        _say(problems, source, np.sort(order[over]), "customer_id", rows.column("customer_id"), f"{words} for customer")
    pair = who[order] * (len(data.arms) + 1) + arm[order] + 1
    again = np.argsort(pair, kind="stable")
    repeats = (pair[again][1:] == pair[again][:-1]) & (place_in[again][1:] < most) & (arm[order][again][1:] >= 0)
    twice = again[1:][repeats]
    _say(problems, source, np.sort(order[twice]), "offer", rows.column("offer"), "the customer has, in another row,")
    given = known[arm[known] >= 0]
    place = data.places(arm[given], who[given])
    without = given[place < 0]
    _say(problems, source, without, "offer", rows.column("offer"), "the candidates hold no row of this customer with")
    if problems:
        raise DataError(problems)
    out = np.full((most, data.n), NO_ARM, np.int16)
    out[rank, who] = arm
    listed = np.zeros(data.n, bool)
    listed[who] = True
    return GivenPlan(source, out, listed)


def _arms(rows: Any, data: Candidates, source: str, problems: list[str]) -> NDArray[np.int16]:
    """(rows,) arm, -1 = nothing, -2 = unknown."""
    table: dict[tuple[str | None, str | None], int] = {}
    by_offer: dict[str, list[int]] = {}
    for arm, (offer, channel) in enumerate(data.arms):
        table[offer, channel] = arm
        by_offer.setdefault(offer, []).append(arm)
    offers = rows.column("offer").dictionary_encode().unify_dictionaries().combine_chunks()
    has_channel = "channel" in rows.column_names and data.arms[0][1] is not None
    names = offers.dictionary.to_pylist() if len(offers) else []
    codes = offers.indices.fill_null(-1).to_numpy() if len(offers) else np.zeros(0, np.int64)
    if has_channel:
        channels = rows.column("channel").dictionary_encode().unify_dictionaries().combine_chunks()
        kinds = [*channels.dictionary.to_pylist(), None]
        pair = codes.astype(np.int64) * len(kinds) + channels.indices.fill_null(len(kinds) - 1).to_numpy()
    else:
        kinds, pair = [None], codes.astype(np.int64)
    found = np.full(len(pair), -2, np.int16)
    for code in np.unique(pair).tolist():
        if code < 0 or names[code // len(kinds)] in (None, ""):
            found[pair == code] = NO_ARM
            continue
        offer, channel = names[code // len(kinds)], kinds[code % len(kinds)]
        fits = [table[offer, channel]] if (offer, channel) in table else by_offer.get(offer, [])
        if channel is not None and (offer, channel) not in table:
            fits = []
        line = int(np.flatnonzero(pair == code)[0]) + 1
        if len(fits) == 1:
            found[pair == code] = fits[0]
        elif fits:
            problems.append(
                f"{source}: row {line:,}: {offer!r} goes through several channels; expected a column 'channel'"
            )
        elif offer in by_offer:
            known = [data.arms[arm][1] for arm in by_offer[offer]]
            problems.append(
                f"{source}: row {line:,}: {offer!r} does not go through {channel!r}{nearest(channel, known)}"
            )
        else:
            problems.append(f"{source}: row {line:,}: unknown offer {offer!r}{nearest(offer, by_offer)}")
    return found


def _say(problems: list[str], source: str, places: NDArray[np.integer], name: str, column: Any, what: str) -> None:
    for place in places[:SHOWN].tolist():
        problems.append(f"{source}: row {place + 1:,} {name}: {what} {column[place].as_py()!r}")
    if len(places) > SHOWN:
        problems.append(f"{source}: and {len(places) - SHOWN:,} more such rows")


def hold(case: Case, plan: GivenPlan) -> Problem:
    """The problem of everybody else: held customers are closed, and what their offers use is a constant of every row, and of
    their household's room.
    """
    problem = case.problem
    _, k, n, _ = problem.shape
    held = np.zeros(n, bool)
    held[: case.n] = plan.listed
    open_to = np.ones((k, n), bool) if problem.eligible is None else problem.eligible.copy()
    open_to[:, held] = False
    layers = np.where(plan.listed, plan.arms, NO_ARM)
    table = case.table(layers[0], layers[1:]).ravel()
    rows = tuple(replace(row, constant=row.constant + float((row.coefficients @ table)[0])) for row in problem.rows)
    room = problem.household_room
    if case.households is not None and room is not None:
        room = np.maximum(room - case.households.used(tuple(layers)), 0)
    return replace(problem, rows=rows, eligible=open_to, household_room=room)


def with_held(plan: GivenPlan, layers: NDArray[np.int16]) -> NDArray[np.int16]:
    """(M, n) a plan of everybody else, layers (M', n), with what held customers have."""
    height = max(len(layers), len(plan.arms))
    out, have = (np.full((height, layers.shape[1]), NO_ARM, np.int16) for _ in range(2))
    out[: len(layers)], have[: len(plan.arms)] = layers, plan.arms
    return np.where(plan.listed, have, out)


def held_value(case: Case, plan: GivenPlan) -> float:
    """What held customers' offers are worth."""
    total = 0.0
    for arm in plan.arms:
        who = np.flatnonzero(plan.listed & (arm >= 0))
        total += float(case.data.measures[0, arm[who], who].sum())
    return total
