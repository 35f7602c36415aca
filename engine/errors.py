"""The engine's errors.

EngineError
  WorldError        parameters that no world can have
  PopulationError   customers that do not fit their world
  CalendarError     a calendar that cannot be kept, or money spent that is not there
  CalibrationError  a purchase log from which a model cannot be fitted
"""

from __future__ import annotations

from collections.abc import Sequence


class EngineError(ValueError):
    """Root of the engine's errors; ``problems`` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[EngineError], tuple[tuple[str, ...]]]:
        """Errors travel between processes with their list of problems."""
        return type(self), (self.problems,)


class WorldError(EngineError):
    """Parameters that no world can have."""


class PopulationError(EngineError):
    """Customers that do not fit their world."""


class CalendarError(EngineError):
    """A calendar that cannot be kept, or money spent that is not there."""


class CalibrationError(EngineError):
    """A purchase log from which a model cannot be fitted."""
