"""The errors that a user can put right.

    CvmaxError
      InputError        bad input (exit code 2)
        DataError       a table or a log
        ConfigError     YAML or an option

``problems`` holds one sentence each: where, expected, got, hint.
"""

from __future__ import annotations

from collections.abc import Sequence


class CvmaxError(Exception):
    """Root of the errors shown to users without a traceback."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class InputError(CvmaxError):
    """Bad input: exit code 2."""


class DataError(InputError):
    """A table or a purchase log that cannot be used."""


class ConfigError(InputError):
    """A YAML file or an option that cannot be used."""
