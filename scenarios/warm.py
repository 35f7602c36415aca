"""The first run on a machine: one process compiles the engine while another one compiles the solver."""

from __future__ import annotations

from collections.abc import Callable

from scenarios.jobs import Setup
from scenarios.pilot import pilot_value
from scenarios.strategies.optimising import Nobody
from scenarios.workers import Runner
from solvers.warm import compile_kernels, is_cold


def compile_ahead(on: Runner, progress: Callable[[str], None]) -> None:
    """Compile before anything runs, if there are no compiled kernels on disk yet: else every process would do it all."""
    if is_cold():
        progress("compiling, the first time on this machine: about half a minute")
        list(on(_compile, (_engine, _solver)))


def _compile(setup: Setup, part: Callable[[Setup], None]) -> None:
    part(setup)


def _engine(setup: Setup) -> None:
    pilot_value(setup, Nobody())  # what is compiled depends on the world


def _solver(setup: Setup) -> None:
    compile_kernels()
