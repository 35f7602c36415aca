"""Small allocation problems of every kind of row, and all their plans by enumeration."""

from __future__ import annotations

import itertools

import numpy as np

from solvers.problem import Problem, Row, row

NAMES = ("value", "cost", "margin")


def random_problem(seed: int, dtype: type = np.float64, rounded: bool | None = None) -> Problem:
    """1-5 customers, 1-3 arms, 1-3 classes (one perhaps empty), 0-5 rows of any kind, often just feasible or just
    not.
    """
    r = np.random.default_rng(seed)
    n, k, c = int(r.integers(1, 6)), int(r.integers(1, 4)), int(r.integers(1, 4))
    measures = r.normal(3, 3, (3, k, n))
    measures[1] = np.where(r.random((k, n)) < 0.15, -1, 1) * r.uniform(0.5, 4, (k, n))
    if rounded if rounded is not None else r.random() < 0.5:
        measures = np.round(measures)
    if r.random() < 0.1:
        measures[:] = measures[:, :, :1]
    eligible = None if r.random() < 0.4 else r.random((k, n)) < 0.75
    shape = (3, c, k)
    everyone, every_arm = np.ones(c, bool), np.ones(k, bool)
    rows: list[Row] = []
    for j in range(int(r.integers(0, 6))):
        classes = everyone if r.random() < 0.5 else r.random(c) < 0.6
        arms = every_arm if r.random() < 0.5 else r.random(k) < 0.6
        kind = r.integers(0, 7)
        some = float(r.uniform(0, 2 * n))
        count = float(r.integers(0, n + 1))
        if kind == 0:
            rows.append(row(shape, f"budget {j}", [(1, classes, arms, 1.0)], upper=some))
        elif kind == 1:
            rows.append(row(shape, f"floor {j}", [(2, classes, arms, 1.0), (1, classes, arms, -0.7)], lower=0.0))
        elif kind == 2:
            rows.append(row(shape, f"minimum {j}", [(3, classes, arms, 1.0)], lower=np.floor(count / 2)))
        elif kind == 3:
            rows.append(row(shape, f"capacity {j}", [(3, classes, arms, 1.0)], upper=count + 0.4))
        elif kind == 4:
            rows.append(
                row(
                    shape, f"equal {j}", [(3, classes, arms, 1.0)], lower=np.floor(count / 2), upper=np.floor(count / 2)
                )
            )
        elif kind == 5:
            terms = [(3, classes, every_arm, 1.0), (3, everyone, every_arm, -0.5)]
            rows.append(row(shape, f"parity {j}", terms, lower=-0.6, upper=0.6, constant=float(r.choice([0.0, 0.1]))))
        else:
            rows.append(row(shape, f"spend {j}", [(1, classes, arms, 1.0)], lower=some / 3, upper=some, constant=1.0))
    class_of = r.integers(0, c, n).astype(np.int32)
    return Problem(np.ascontiguousarray(measures.astype(dtype)), NAMES, class_of, c, tuple(rows), eligible)


def all_plans(problem: Problem) -> np.ndarray:
    """(P, n) every plan that eligibility allows."""
    _, k, n, _ = problem.shape
    choices = [[-1] + [a for a in range(k) if problem.eligible is None or problem.eligible[a, i]] for i in range(n)]
    return np.array(list(itertools.product(*choices)), dtype=np.int16).reshape(-1, n)


def row_values(problem: Problem, plan: np.ndarray) -> np.ndarray:
    """(R,) rows under a plan, customer by customer in plain Python."""
    h, k, n, c = problem.shape
    out = []
    for r in problem.rows:
        line = r.coefficients.toarray().reshape(h + 1, c, k)
        total = r.constant
        for i in range(n):
            a = int(plan[i])
            if a >= 0:
                of = int(problem.class_of[i])
                total += sum(line[m, of, a] * float(problem.measures[m, a, i]) for m in range(h)) + line[h, of, a]
        out.append(total)
    return np.array(out)


def plan_value(problem: Problem, plan: np.ndarray) -> float:
    return float(sum(float(problem.measures[0, a, i]) for i, a in enumerate(plan.tolist()) if a >= 0))


def keeps_rows(problem: Problem, plan: np.ndarray, tolerance: float = 1e-9) -> bool:
    values = row_values(problem, plan)
    for r, v in zip(problem.rows, values.tolist(), strict=True):
        size = max([1.0] + [abs(x) for x in (r.lower, r.upper) if np.isfinite(x)])
        if v > r.upper + tolerance * size or v < r.lower - tolerance * size:
            return False
    return True


def best_by_enumeration(problem: Problem) -> float | None:
    """Value of the best plan that keeps the rows, None if there is none."""
    values = [plan_value(problem, plan) for plan in all_plans(problem) if keeps_rows(problem, plan)]
    return max(values) if values else None
