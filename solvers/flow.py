"""Who is where over several stages, as arrays: the problem that :mod:`solvers.fluid` and :mod:`solvers.lagrangian` solve.

A mass of individuals, G types of them, moves through T stages.  At each stage an individual stands at one of S places,
with one of M memories, and gets one of K arms or none.  An arm succeeds with a chance: then the place moves by ``hit``,
else, and without an arm, by ``calm``.  The memory moves by ``follow``: it knows only whether there was an arm, and may
forbid one.  Rows limit sums of J measures over stages, arms and places:

    maximise    sum worth[t, k, g, m, s] x[t, k, g, m, s]
    subject to  sum rows[r, j, t, k, s] use[j, t, k, g, m, s] x[t, k, g, m, s] <= limit[r]

over what any rule of choice can make of the masses x, each individual's arms being drawn knowing all but luck to come.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from solvers.errors import ProblemError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Flow:
    """G types, T stages, K arms, M memories, S places, J measures, R rows.

    Attributes:
        worth: (T, K, G, M, S) float64, what an arm is worth, in the objective's unit at stage 0; -inf = not to be had.
        use: (J, T, K, G, M, S) float64, what it uses of each measure.
        chance: (T, K, G, M, S) float64 in [0, 1], probability that it succeeds.
        calm: (T, S, S) ``[from, to]`` float64, move to the next stage without success; rows sum to 1.
        hit: (T, K, S, S) the same after a success.
        follow: (T, 2, M) int64, memory at the next stage after no arm and after an arm; -1 for an arm that may not be.
        mass: (G, M, S) float64, who is where at stage 0.
        rows: (R, J, T, K, S) float64, weights.
        limit: (R,) float64, >= 0: doing nothing keeps every row.
    """

    worth: FloatArray
    use: FloatArray
    chance: FloatArray
    calm: FloatArray
    hit: FloatArray
    follow: NDArray[np.int64]
    mass: FloatArray
    rows: FloatArray
    limit: FloatArray

    def __post_init__(self) -> None:
        if self.worth.ndim != 5:
            raise ProblemError([f"worth: expected (T, K, G, M, S), got shape {self.worth.shape}"])
        t, k, g, m, s = self.worth.shape
        j, r = len(self.use), len(self.limit)
        wanted = {
            "use": (j, t, k, g, m, s),
            "chance": (t, k, g, m, s),
            "calm": (t, s, s),
            "hit": (t, k, s, s),
            "follow": (t, 2, m),
            "mass": (g, m, s),
            "rows": (r, j, t, k, s),
            "limit": (r,),
        }
        for name in (*wanted,):  # the kernels are compiled for one type and layout
            kind = np.int64 if name == "follow" else np.float64
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), kind))
        object.__setattr__(self, "worth", np.ascontiguousarray(self.worth, np.float64))
        problems = [
            f"{name}: expected shape {shape}, got {getattr(self, name).shape}"
            for name, shape in wanted.items()
            if getattr(self, name).shape != shape
        ]
        if problems:
            raise ProblemError(problems)
        if np.isnan(self.worth).any() or (self.worth == np.inf).any():
            problems.append("worth: expected numbers or -inf, got NaN or +inf")
        for name in ("use", "mass", "rows"):
            if not np.isfinite(getattr(self, name)).all():
                problems.append(f"{name}: expected finite numbers, got NaN or infinite")
        if not ((self.chance >= 0) & (self.chance <= 1)).all():
            problems.append("chance: expected numbers from 0 to 1")
        for name in ("calm", "hit"):
            moves = getattr(self, name)
            if not ((moves >= 0).all() and np.allclose(moves.sum(axis=-1), 1, rtol=0, atol=1e-9)):
                problems.append(f"{name}: expected probabilities whose rows sum to 1")
        if m and not (self.follow[:, 0].min(initial=0) >= 0 and self.follow.min(initial=0) >= -1):
            problems.append("follow: expected a memory after no arm, and a memory or -1 after an arm")
        if self.follow.max(initial=0) >= max(m, 1):
            problems.append(f"follow: expected memories below {m}, got {self.follow.max()}")
        if (self.mass < 0).any():
            problems.append(f"mass: expected numbers >= 0, got {self.mass.min()}")
        if not ((self.limit >= 0) & np.isfinite(self.limit)).all():
            problems.append(f"limit: expected finite numbers >= 0, got {self.limit.min() if r else self.limit}")
        if problems:
            raise ProblemError(problems)

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """(T, K, G, M, S)."""
        t, k, g, m, s = self.worth.shape
        return t, k, g, m, s

    @cached_property
    def open_to(self) -> NDArray[np.bool_]:
        """(T, K, G, M, S) arms that are to be had, memory included."""
        free = self.follow[:, 1] >= 0
        return np.isfinite(self.worth) & free[:, None, None, :, None]

    def prices(self, y: FloatArray) -> FloatArray:
        """(J, T, K, S) what rows of price ``y`` (R,) charge for a unit of each measure."""
        return np.asarray(np.tensordot(y, self.rows, axes=1))

    def used(self, table: FloatArray) -> FloatArray:
        """(R, T) what a plan uses of each row by stage; ``table`` (J, T, K, S) holds its measures."""
        return np.asarray(np.einsum("rjtks,jtks->rt", self.rows, table))
