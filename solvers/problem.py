"""An allocation problem as arrays: maximise the sum of measure 0 over the chosen arms, one arm at most a customer, or a
few of them that go together.

Rows never see customers.  Customers fall into classes (the distinct combinations of labels that rules filter on); a plan
has a table ``table[h, c, k]`` = sum of measure h over the customers of class c who got arm k, whose last measure is the
count; and every row is a linear form of that table: ``lower <= sum(coefficients * table) + constant <= upper``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.errors import ProblemError

NO_ARM = -1


@dataclass(frozen=True)
class Row:
    """One coupling rule.

    Attributes:
        name: as the user calls it; unique.
        coefficients: (1, (H + 1) * C * K) sparse: flattened ``[measure, class, arm]``, measure H = the count.
        lower, upper: bounds, -inf / +inf where open.
        constant: added to the linear form (what happens anyway, for rules with ``scope: base``).
        price_unit: shadow prices are reported per this many units of the right-hand side.
    """

    name: str
    coefficients: sparse.csr_matrix
    lower: float = -np.inf
    upper: float = np.inf
    constant: float = 0.0
    price_unit: float = 1.0


@dataclass(frozen=True)
class Problem:
    """n customers, K arms, H measures, C classes.

    Attributes:
        measures: (H, K, n) float32 or float64, C-contiguous; measure 0 is the objective.
        measure_names: H names.
        eligible: (K, n) bool, or None if every arm is open to everybody.
        max_offers: arms that a customer may have at once.
        never_together: pairs (a, b) of arms that no customer has both of.
        only_if: pairs (b, a): a customer has arm b only with arm a.
        household_of: (n,) int32 household of each customer, -1 = none; None without households.
        household_room: (G,) offers that the members of a household may have together, >= 0.
        class_of: (n,) int32 in [0, C).
        n_classes: C.
        rows: coupling rules.
    """

    measures: NDArray[np.floating]
    measure_names: tuple[str, ...]
    class_of: NDArray[np.int32]
    n_classes: int
    rows: tuple[Row, ...] = ()
    eligible: NDArray[np.bool_] | None = None
    max_offers: int = 1
    never_together: tuple[tuple[int, int], ...] = ()
    only_if: tuple[tuple[int, int], ...] = ()
    household_of: NDArray[np.int32] | None = None
    household_room: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.measures.ndim != 3:
            raise ProblemError([f"measures: expected (H, K, n), got shape {self.measures.shape}"])
        h, k, n = self.measures.shape
        if len(self.measure_names) != h:
            problems.append(f"measure_names: expected {h}, got {len(self.measure_names)}")
        if self.class_of.shape != (n,):
            problems.append(f"class_of: expected shape {(n,)}, got {self.class_of.shape}")
        if self.eligible is not None and self.eligible.shape != (k, n):
            problems.append(f"eligible: expected shape {(k, n)}, got {self.eligible.shape}")
        width = (h + 1) * self.n_classes * k
        for row in self.rows:
            if row.coefficients.shape != (1, width):
                problems.append(f"row {row.name!r}: expected {width} coefficients, got {row.coefficients.shape}")
            if np.isnan(row.lower) or np.isnan(row.upper) or row.lower > row.upper:
                problems.append(f"row {row.name!r}: expected lower <= upper, got {row.lower} > {row.upper}")
        if self.max_offers < 1:
            problems.append(f"max_offers: expected at least 1, got {self.max_offers}")
        for name, pairs in (("never_together", self.never_together), ("only_if", self.only_if)):
            for a, b in pairs:
                if not (0 <= a < k and 0 <= b < k) or a == b:
                    problems.append(f"{name}: expected two different arms in 0 .. {k - 1}, got {(a, b)}")
        problems += self._homes(n)
        names = [row.name for row in self.rows]
        problems += [
            f"row {name!r}: the name is used twice" for name in sorted({x for x in names if names.count(x) > 1})
        ]
        if problems:
            raise ProblemError(problems)

    def _homes(self, n: int) -> list[str]:
        """What is wrong with the households."""
        of, room = self.household_of, self.household_room
        if of is None and room is None:
            return []
        if of is None or room is None or of.shape != (n,) or room.ndim != 1:
            shapes = [None if x is None else x.shape for x in (of, room)]
            return [f"household_of, household_room: expected shapes {(n,)} and (G,), got {shapes[0]} and {shapes[1]}"]
        if n and (of.min() < -1 or of.max() >= len(room)):
            return [f"household_of: expected -1 .. {len(room) - 1}, got {of.min()} .. {of.max()}"]
        return [] if not len(room) or room.min() >= 0 else [f"household_room: expected 0 or more, got {room.min()}"]

    @property
    def several(self) -> bool:
        """A customer may have several arms, or an arm has a prerequisite: plans are sets of arms."""
        return self.max_offers > 1 or bool(self.only_if)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(H, K, n, C)."""
        return (*self.measures.shape, self.n_classes)


def row(
    problem_shape: tuple[int, int, int],
    name: str,
    terms: list[tuple[int, NDArray[np.bool_], NDArray[np.bool_], float]],
    lower: float = -np.inf,
    upper: float = np.inf,
    constant: float = 0.0,
    price_unit: float = 1.0,
) -> Row:
    """A :class:`Row` from terms (measure, mask of classes (C,), mask of arms (K,), coefficient).

    ``problem_shape`` is (H, C, K); measure H is the count.
    """
    h, c, k = problem_shape
    line = np.zeros((h + 1, c, k))
    for measure, classes, arms, coefficient in terms:
        line[measure] += coefficient * np.outer(classes, arms)
    flat = line.ravel()
    cells = np.flatnonzero(flat)  # scipy's own way from a dense row takes five times longer, and runs make many rows
    coefficients = sparse.csr_matrix((flat[cells], cells, [0, len(cells)]), shape=(1, len(flat)))
    return Row(name, coefficients, lower, upper, constant, price_unit)
