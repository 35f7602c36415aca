"""The stored record of how good the solver is on small instances: ``python -m benchmarks.baseline --write`` renews
it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.instances import FAMILIES, make
from solvers.solve import solve

PATH = Path(__file__).with_name("baseline.json")
CUSTOMERS = 5_000
GAP = 3e-4


def measure() -> dict[str, dict[str, float]]:
    """By family: gap, passes, share of the greedy plan's value, and how many times the greedy method's time it
    takes.
    """
    out = {}
    for family in FAMILIES:
        problem = make(family, CUSTOMERS)
        solve(problem, method="decomposition", gap=GAP)  # compiled, if it was not
        solution = solve(problem, method="decomposition", gap=GAP)
        greedy = solve(problem, method="greedy")
        out[family] = {
            "gap": float(f"{solution.gap:.3g}"),
            "passes": solution.passes,
            "value_over_bound": round(solution.objective / solution.bound, 6),
            "time_over_greedy": round(solution.seconds / max(greedy.seconds, 1e-9), 1),
        }
    return out


def main() -> None:
    """Print the measures; with ``--write``, store them."""
    text = json.dumps(measure(), indent=2) + "\n"
    if "--write" in sys.argv[1:]:
        PATH.write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
