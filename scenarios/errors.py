"""The errors that a user of cvmax can cause or meet.

    CvmaxError          a run that failed
      InputError        bad input or usage: exit code 2
        DataError       tables and logs: columns, rows, values
        ConfigError     YAML files and options
      InfeasibleError   rules that no plan can meet: exit code 3

``engine`` and ``solvers`` have roots of their own (``EngineError``, ``SolverError``), also with ``problems``.
"""

from __future__ import annotations

from collections.abc import Sequence


class CvmaxError(Exception):
    """Root of the errors of ``scenarios``; ``problems`` holds one sentence each: where, expected, got, hint."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[CvmaxError], tuple[tuple[str, ...]]]:
        """Errors travel between processes with their list of problems."""
        return type(self), (self.problems,)


class InputError(CvmaxError):
    """Bad input."""


class DataError(InputError):
    """A table or purchase log that cannot be used as it is."""


class ConfigError(InputError):
    """A YAML file or an option that says something impossible."""


class InfeasibleError(CvmaxError):
    """Rules that no plan can meet."""
