"""Households: customers who share a number of offers.

At given prices a household's best answer is exact and cheap: with ``score[j, i]`` the best that member i can have from j + 1
offers, a small dynamic programme over the members,

    total(c) = max over members' numbers of offers j_i >= 0, sum j_i <= c, of sum score[j_i - 1, i],

gives who gets what at ``total(room)``.  Its next step, ``toll = total(room + 1) - total(room)``, is what one more offer
would bring the household at these prices.  Charged for each offer of a member it prices the household's room, so that single
customers can be moved as if there were no households, but for the check that there is room.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers._jit import Floats, Ints, Parts, Whole, kernel, parallel_kernel
from solvers.problem import Problem

FloatArray = NDArray[np.float64]


class Homes(NamedTuple):
    """Households that can run out of room; the others bind nobody and are left out.  Kernels take it whole.

    Attributes:
        of: (n,) household of each place in the layout, -1 = none; (0,) where there is none at all.
        first, member: members of household g are the places member[first[g] : first[g + 1]], rising.
        room: (G,) offers that its members may have together.

    """

    of: NDArray[np.int32]
    first: NDArray[np.int64]
    member: NDArray[np.int64]
    room: NDArray[np.int64]

    @property
    def some(self) -> bool:
        """There is a household that can run out of room."""
        return len(self.room) > 0


def homes_of(problem: Problem, order: NDArray[np.int64] | None = None) -> Homes:
    """The households of a problem whose customers are taken in ``order``."""
    of, room = problem.household_of, problem.household_room
    nobody = Homes(np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))
    if of is None or room is None or not len(of):
        return nobody
    here = of if order is None else of[order]
    offers = min(problem.max_offers, problem.shape[1])
    size = np.bincount(here[here >= 0], minlength=len(room))
    full = size * offers > room
    if not full.any():
        return nobody
    # Numbered by their first member's place, so that neighbours are looked at together.
    start = np.full(len(room), len(here))
    some = np.flatnonzero(here >= 0)
    start[here[some][::-1]] = some[::-1]
    keep = np.flatnonzero(full)
    keep = keep[np.argsort(start[keep], kind="stable")]
    number = np.full(len(room) + 1, -1, np.int32)  # the last answers for -1
    number[keep] = np.arange(len(keep), dtype=np.int32)
    mine = number[here]
    inside = np.flatnonzero(mine >= 0)
    member = inside[np.argsort(mine[inside], kind="stable")]
    first = np.concatenate([[0], np.cumsum(size[keep])]).astype(np.int64)
    return Homes(mine, first, member, room[keep].astype(np.int64))


@parallel_kernel
def share_out(households: Parts, score: Floats, pick: Whole, homes: Homes, arm: Whole, toll: Floats) -> None:
    """Every household's best answer.  score (J, n): what a customer's best set of j + 1 offers is worth at the prices (not
    above 0: not taken), pick (J, n) that set.  Out, for members: arm (n,), -1 = nothing; toll (n,).
    """
    first, member, room = homes.first, homes.member, homes.room
    sizes = score.shape[0]
    crowd = wide = 0
    for g in range(households[0], households[1]):
        crowd, wide = max(crowd, first[g + 1] - first[g]), max(wide, room[g] + 2)
    best = np.zeros(wide)  # best[c]: with at most c offers among the members so far
    took = np.zeros((crowd, wide), np.int32)
    for g in range(households[0], households[1]):
        people, most = first[g + 1] - first[g], room[g] + 1
        for c in range(most + 1):
            best[c] = 0.0
        for p in range(people):
            i = member[first[g] + p]
            for c in range(most, 0, -1):  # falling, so that best[c - j] is that of the members before
                top, number = best[c], 0
                for j in range(1, min(c, sizes) + 1):
                    s = score[j - 1, i]
                    if s > 0 and best[c - j] + s > top:
                        top = best[c - j] + s
                        number = j
                best[c] = top
                took[p, c] = number
        left = most - 1
        for p in range(people - 1, -1, -1):
            i = member[first[g] + p]
            number = took[p, left]
            arm[i] = pick[number - 1, i] if number > 0 else -1
            toll[i] = best[most] - best[most - 1]
            left -= number


@kernel
def offers_at(member: Ints, sets: Ints, arm: Whole) -> int:
    """Offers that the members (places) of one household have together."""
    total = 0
    for i in member:
        if arm[i] >= 0:
            for k in sets[arm[i]]:
                if k >= 0:
                    total += 1
    return total


@kernel
def has_room(homes: Homes, sets: Ints, arm: Whole, i: int, now: int, to: int) -> bool:
    """Whether customer i's household has room for set ``to`` in place of ``now`` (-1 = nothing)."""
    if len(homes.of) == 0 or to < 0 or homes.of[i] < 0:
        return True
    more = 0
    for k in sets[to]:
        if k >= 0:
            more += 1
    if now >= 0:
        for k in sets[now]:
            if k >= 0:
                more -= 1
    g = homes.of[i]
    return more <= 0 or offers_at(homes.member[homes.first[g] : homes.first[g + 1]], sets, arm) + more <= homes.room[g]


@kernel
def make_room(homes: Homes, sets: Ints, score: Floats, arm: Whole) -> None:
    """Take offers off households that have more than they may: those of the member with the least score (n,) first."""
    for g in range(len(homes.room)):
        people = homes.member[homes.first[g] : homes.first[g + 1]]
        while offers_at(people, sets, arm) > homes.room[g]:
            worst = -1
            for i in people:
                if arm[i] >= 0 and (worst < 0 or score[i] < score[worst]):
                    worst = i
            arm[worst] = -1


def set_sizes(sets: NDArray[np.int64]) -> NDArray[np.int64]:
    """(S,) arms of each set."""
    return np.asarray((sets >= 0).sum(axis=1))


def room_left(homes: Homes, sets: NDArray[np.int64], arm: NDArray[np.signedinteger]) -> NDArray[np.int64]:
    """(G,) offers that each household may still get under a plan of sets (n,); below 0 where it has too many."""
    number = np.append(set_sizes(sets), 0)[arm[homes.member]]
    return homes.room - np.add.reduceat(number, homes.first[:-1]) if homes.some else homes.room


def home_rows(
    homes: Homes,
    sets: NDArray[np.int64],
    customer: NDArray[np.int64],
    choice: NDArray[np.int64],
    left: NDArray[np.int64],
) -> tuple[sparse.csr_matrix, FloatArray]:
    """Rows ``sum offers x <= left`` (G,) of the households of pairs (customer, set), those that could be broken."""
    if not homes.some or not len(customer):
        return sparse.csr_matrix((0, len(customer))), np.zeros(0)
    g = homes.of[customer]
    inside = np.flatnonzero(g >= 0)
    size = set_sizes(sets)[choice[inside]].astype(np.float64)
    shape = (len(homes.room), len(customer))
    line = sparse.csr_matrix((size, (g[inside], inside)), shape=shape)
    some = np.flatnonzero(np.asarray(line.sum(axis=1)).ravel() > left)
    return line[some], left[some].astype(np.float64)
