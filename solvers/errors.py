"""The solvers' errors.

SolverError
  ProblemError   arrays that do not make a problem
"""

from __future__ import annotations

from collections.abc import Sequence


class SolverError(ValueError):
    """Root of the solvers' errors; ``problems`` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[SolverError], tuple[tuple[str, ...]]]:
        """Errors travel between processes with their list of problems."""
        return type(self), (self.problems,)


class ProblemError(SolverError):
    """Arrays that do not make a problem."""
