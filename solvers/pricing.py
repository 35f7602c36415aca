"""The pricing pass: every customer's best arm at given multipliers, at a cost that does not depend on the number
of rows.

    score[i, k] = -sum_h price[class(i), h, k] w[h, k, i] - price[class(i), H, k],

where price = sum_r y_r a_r, less 1 for measure 0 (the objective).  A customer takes the first arm of largest score
if it is above 0.  The pass returns table[class, measure, arm]; rows are linear forms of it.

A chunk holds customers of one class, so inner loops have constant prices and run over contiguous memory: LLVM
turns them into vector code without fastmath.  A measure whose price is 0 is not read.  Sums are kept by chunk and
added in chunk order: the same bits whatever the number of threads.

Where households share offers (:mod:`solvers.homes`) a pass has three steps: what is each customer's best answer worth, who
of each household gets theirs, and the sums of that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers._jit import Floats, Ints, Mask, Parts, Whole, kernel, parallel_kernel
from solvers.homes import set_sizes, share_out
from solvers.layout import Layout
from solvers.plan import chosen_sums, sum_chunk

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Prices:
    """What arms cost at multipliers.

    Attributes:
        form: (C, H + 1, K) float64 price[class, measure, arm], less the objective.
        toll: (n,) float64 what a customer's household charges for each offer; (0,) without households.

    """

    form: FloatArray
    toll: FloatArray

    def charge(self, sets: NDArray[np.int64], some: NDArray[np.int64] | slice = slice(None)) -> FloatArray | float:
        """(S, n') tolls of sets for all or ``some`` customers; 0 without households."""
        return set_sizes(sets)[:, None] * self.toll[some] if len(self.toll) else 0.0


@kernel
def add_up(measures: Floats, form: Floats, minus: bool, k: int, lo: int, out: Floats) -> None:
    """out[i] = sum_h form[h, k] w[h, k, lo + i] + form[H, k], or minus that: one arm of customers lo, lo + 1, ..."""
    h_count = measures.shape[0]
    for i in range(len(out)):
        out[i] = -form[h_count, k] if minus else form[h_count, k]
    for h in range(h_count):
        c = -form[h, k] if minus else form[h, k]
        if c != 0:
            w = measures[h, k, lo : lo + len(out)]
            for i in range(len(out)):
                out[i] += c * w[i]


@parallel_kernel
def price_pass(
    chunks: Parts,
    measures: Floats,
    mask: Mask,
    start: Ints,
    chunk_class: Ints,
    price: Floats,
    read: Mask,
    arm_out: Whole,
    score_out: Floats,
    sums: Floats,
) -> None:
    """One pass.  price (C, H + 1, K) in the dtype of measures.  Out: arm_out (n,), -1 = none; sums (Q, H + 1, K), or,
    where score_out is (n,) and not (0,), the chosen arms' scores instead.
    """
    k_count = measures.shape[1]
    masked, scored = mask.shape[0] > 0, len(score_out) > 0
    for q in range(chunks[0], chunks[1]):
        lo, m = start[q], start[q + 1] - start[q]
        p = price[chunk_class[q]]
        score, best, arm = np.empty(m, measures.dtype), np.empty(m, measures.dtype), np.empty(m, np.int32)
        for i in range(m):
            best[i] = 0
            arm[i] = -1
        for k in range(k_count):
            add_up(measures, p, True, k, lo, score)
            kk = np.int32(k)
            if masked:
                ok = mask[k, lo : lo + m]
                for i in range(m):
                    better = ok[i] & (score[i] > best[i])
                    best[i] = score[i] if better else best[i]
                    arm[i] = kk if better else arm[i]
            else:
                for i in range(m):
                    better = score[i] > best[i]
                    best[i] = score[i] if better else best[i]
                    arm[i] = kk if better else arm[i]
        for i in range(m):
            arm_out[lo + i] = arm[i]
        if not scored:
            sum_chunk(measures, read, lo, arm, sums[q])
            continue
        for i in range(m):
            score_out[lo + i] = best[i]


@parallel_kernel
def price_sets(
    chunks: Parts,
    measures: Floats,
    mask: Mask,
    start: Ints,
    chunk_class: Ints,
    price: Floats,
    read: Mask,
    sets: Ints,
    slot: Ints,
    pick_out: Whole,
    score_out: Floats,
    sums: Floats,
) -> None:
    """:func:`price_pass` over sets of arms (S, M): a customer takes the first set whose scores sum to most, if that is
    above 0, among those of each slot (S,).  Out: pick_out (J, n) set numbers by slot, -1 = none; sums of slot 0, or, where
    score_out is (J, n) and not (0, 0), the chosen sets' scores instead.
    """
    h_count, k_count, _ = measures.shape
    masked, scored = mask.shape[0] > 0, len(score_out) > 0
    for q in range(chunks[0], chunks[1]):
        lo, m = start[q], start[q + 1] - start[q]
        p = price[chunk_class[q]]
        score = np.empty((k_count, m), measures.dtype)
        for k in range(k_count):
            one = score[k]
            add_up(measures, p, True, k, lo, one)
            if masked:
                ok = mask[k, lo : lo + m]
                for i in range(m):
                    one[i] = one[i] if ok[i] else -np.inf
        step = 512  # keeps all scores in the cache while the sets go by
        slots = len(pick_out)
        best, which = np.zeros((slots, m), measures.dtype), np.full((slots, m), -1, np.int32)
        for lower in range(0, m, step):
            upper = min(lower + step, m)
            total = np.empty(upper - lower, measures.dtype)
            for b in range(len(sets)):
                bb = np.int32(b)
                top, to = best[slot[b], lower:upper], which[slot[b], lower:upper]
                for j in range(sets.shape[1]):
                    if sets[b, j] >= 0:
                        one = score[sets[b, j], lower:upper]
                        for i in range(len(total)):
                            total[i] = one[i] if j == 0 else total[i] + one[i]
                for i in range(len(total)):
                    better = total[i] > top[i]
                    top[i] = total[i] if better else top[i]
                    to[i] = bb if better else to[i]
        for s in range(slots):
            for i in range(m):
                pick_out[s, lo + i] = which[s, i]
        if scored:
            for s in range(slots):
                for i in range(m):
                    score_out[s, lo + i] = best[s, i]
            continue
        for h in range(h_count + 1):
            for k in range(k_count):
                sums[q, h, k] = 0.0
        for i in range(m):
            if which[0, i] >= 0:
                for k in sets[which[0, i]]:
                    if k >= 0:
                        sums[q, h_count, k] += 1
                        for h in range(h_count):
                            if read[h]:
                                sums[q, h, k] += measures[h, k, lo + i]


class Pricer:
    """Turns row multipliers into every customer's answer, and into value and row usage by block.

    Attributes:
        arm: (n,) the last pass's plan, numbers of sets in the layout's order; overwritten by the next pass.
        passes: passes so far.
        objective: (H + 1, C, K) linear form of the table that is maximised; the problem's own unless replaced.

    """

    def __init__(self, layout: Layout, objective: FloatArray | None = None) -> None:
        h, k, n, c = layout.shape
        self.layout = layout
        self.arm = np.full(n, -1, layout.arm_dtype)
        self.passes = 0
        if objective is None:
            objective = np.zeros((h + 1, c, k))
            objective[0] = 1.0
        self.objective = objective
        self._objective = np.ascontiguousarray(objective.transpose(1, 0, 2)).reshape(c, -1)[layout.here]
        self._sums = np.zeros((len(layout.chunk_class), h + 1, k))
        cut = np.diff(layout.block[layout.here], prepend=-1)
        self._cut = np.flatnonzero(cut)
        self._read = layout.read | objective[:h].any(axis=(1, 2))
        # Households choose among each member's best set of one arm, of two, ...; else one best set is enough.
        sizes = set_sizes(layout.sets) - 1 if layout.homes.some else np.zeros(len(layout.sets), np.int64)
        self._slot, slots = sizes, int(sizes.max(initial=0)) + 1
        score = (slots, n) if layout.homes.some else (0, 0)
        self._score = np.zeros(score, layout.measures.dtype)
        self._pick = np.full((slots, n), -1, layout.arm_dtype) if slots > 1 else self.arm[None]
        self._toll = np.zeros(n if layout.homes.some else 0)
        self._at: FloatArray | None = None  # multipliers of the last pass

    def form(self, y: FloatArray) -> FloatArray:
        """price[class, measure, arm] of row multipliers y (R,), float64."""
        h, k, _, c = self.layout.shape
        price = (self.layout.transposed @ y).reshape(h + 1, c, k) - self.objective
        return np.ascontiguousarray(price.transpose(1, 0, 2))

    def prices(self, y: FloatArray) -> Prices:
        """Prices at row multipliers y (R,); where households share offers, by a pass if y is not the last one's."""
        if self.layout.homes.some and (self._at is None or not np.array_equal(self._at, y)):
            self.respond(y)
        return Prices(self.form(y), self._toll.copy())

    def respond(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(value (B,), usage (B, R)) of everybody's best answer to y; the plan is in ``arm``."""
        layout = self.layout
        h, k, n, c = layout.shape
        self.passes += 1
        if n == 0:
            return np.zeros(layout.n_blocks), np.zeros((layout.n_blocks, len(layout.lower)))
        with np.errstate(over="ignore"):  # a price beyond float32 is infinite: nobody takes the arm
            price = self.form(y).astype(layout.measures.dtype, copy=False)
        self._at = np.array(y)
        chunks = len(layout.chunk_class)
        where = (chunks, layout.measures, layout.mask, layout.start, layout.chunk_class, price, self._read)
        if layout.problem.several:
            price_sets(*where, layout.sets, self._slot, self._pick, self._score, self._sums)
        else:
            price_pass(*where, self.arm, self._score.reshape(-1), self._sums)
        if layout.homes.some:
            self._share()
        by_class = np.add.reduceat(self._sums, layout.first_chunk, axis=0)
        table = np.zeros((h + 1, c, k))
        table[:, layout.here] = by_class.transpose(1, 0, 2)
        usage = (layout.by_block @ table.ravel()).reshape(layout.n_blocks, len(layout.lower))
        value = (by_class.reshape(len(layout.here), -1) * self._objective).sum(axis=1)
        return np.add.reduceat(value, self._cut), usage

    def _share(self) -> None:
        """Who of each household gets their answer, and the sums of that."""
        layout, homes = self.layout, self.layout.homes
        if len(self._pick) > 1:  # customers who share with nobody take their best set
            alone = homes.of < 0
            best = np.argmax(self._score, axis=0)
            self.arm[alone] = np.take_along_axis(self._pick, best[None], axis=0)[0][alone]
        share_out(len(homes.room), self._score, self._pick, homes, self.arm, self._toll)
        chosen_sums(layout, self._read, self.arm, self._sums)


def dual_bound(layout: Layout, y: FloatArray, value: float, usage: FloatArray) -> float:
    """Value - y.usage + y.rhs: the bound that a best answer (value, usage (R,)) to y proves."""
    return float(value - y @ usage + y @ layout.rhs(y))
