"""The run folder: written under another name and renamed when it is whole.

A folder under its final name is complete.  A run that was stopped leaves at most ``.unfinished-NAME-...`` beside it: its finished
draws (:mod:`scenarios.kept`), and if it was killed while writing, a part of its folder.  They may be deleted.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scenarios.errors import ConfigError
from scenarios.results import RunResults, plain

UNFINISHED = ".unfinished-"


class RunFolder:
    """A run's files, as a context: the folder gets its name when the block ends well, and vanishes when it fails.

    ``with RunFolder("Grocery, spring") as folder: folder.text("notes.txt", "...")``; then ``folder.path`` is there.

    Args:
        scenario: name for ``runs/<scenario>-<YYYYmmdd-HHMMSS>``.
        out: the folder's own path instead; it must not exist, or be empty.
        now: time for the name; default the local clock's.

    Raises:
        ConfigError: ``out`` holds something already, or is a file.
    """

    def __init__(self, scenario: str, out: Path | None = None, now: datetime | None = None) -> None:
        self._chosen = out is not None
        if out is not None:
            check_free(out)
            self.path = out
        else:
            stamp = (now or datetime.now()).strftime("%Y%m%d-%H%M%S")
            self.path = Path("runs") / f"{slug(scenario)}-{stamp}"
        self._work: Path | None = None

    @property
    def work(self) -> Path:
        """Where files are written until the folder has its name."""
        if self._work is None:
            raise RuntimeError("a run folder is written inside its with block")
        return self._work

    def __enter__(self) -> RunFolder:
        parent = self.path.resolve().parent
        try:
            parent.mkdir(parents=True, exist_ok=True)
            self._work = parent / f"{UNFINISHED}{self.path.name}-{secrets.token_hex(4)}"
            self._work.mkdir()
        except OSError as error:
            raise ConfigError([f"--out {self.path}: expected a place to write to, got: {error.strerror}"]) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        work, self._work = self.work, None
        if kind is not None:
            shutil.rmtree(work, ignore_errors=True)
            return
        for file in work.iterdir():
            _to_disk(file)
        try:
            self.path = self._rename(work)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        _to_disk(self.path.resolve().parent)

    def text(self, name: str, text: str) -> None:
        """Write a text as UTF-8."""
        (self.work / name).write_text(text, encoding="utf-8", newline="\n")

    def bytes(self, name: str, content: bytes) -> None:
        """Write bytes."""
        (self.work / name).write_bytes(content)

    def json(self, name: str, document: Any) -> None:
        """Write a document; what has no value as null."""
        self.text(name, json.dumps(plain(document), indent=1, ensure_ascii=False, allow_nan=False) + "\n")

    def table(self, name: str, table: pa.Table) -> None:
        """Write a table as Parquet."""
        pq.write_table(table, self.work / name, compression="zstd")

    def _rename(self, work: Path) -> Path:
        """Give the finished folder its name; a default name that was taken meanwhile gets a number."""
        for path in (self.path, *(self.path.with_name(f"{self.path.name}-{i}") for i in range(2, 100))):
            try:
                if path.exists() and self._chosen:
                    check_free(path)
                    path.rmdir()
                elif path.exists():
                    continue
                work.rename(path)
            except OSError:
                if self._chosen or not path.exists():
                    raise ConfigError([f"--out {path}: something was written there while the run was on"]) from None
                continue
            return path
        raise ConfigError(
            [f"{self.path}: expected a name that is free, found 99 runs of this second; hint: give --out"]
        )


def save_run(
    results: RunResults,
    *,
    scenario_yaml: str,
    tables: Mapping[str, pa.Table] | None = None,
    out: Path | None = None,
    now: datetime | None = None,
) -> Path:
    """Write everything a run leaves, and say where it is.

    Holds ``scenario.yaml``, ``provenance.json``, ``results.json``, ``report.html``, ``results.xlsx``,
    ``strategies.csv`` and ``NAME.parquet`` of each table (``ledger``, ``allocations``).

    Raises:
        ConfigError: ``out`` is taken, or cannot be written to.
    """
    from scenarios.report.html import render  # half a second of imports that a run without a folder does not need
    from scenarios.report.workbook import write_csv, write_workbook

    with RunFolder(results.scenario, out, now) as folder:
        folder.text("scenario.yaml", scenario_yaml)
        folder.json("provenance.json", results.provenance)
        folder.json("results.json", results.to_dict())
        folder.text("strategies.csv", write_csv(results))
        folder.bytes("results.xlsx", write_workbook(results))
        folder.text("report.html", render(results))
        for name, table in (tables or {}).items():
            folder.table(f"{name}.parquet", table)
    return folder.path


def replace_text(path: Path, text: str) -> None:
    """Put a whole text in place of a file: readers see the old one or the new one, never a part."""
    work = path.with_name(f"{UNFINISHED}{path.name}-{secrets.token_hex(4)}")
    try:
        work.write_text(text, encoding="utf-8", newline="\n")
        _to_disk(work)
        work.replace(path)
    finally:
        work.unlink(missing_ok=True)


def check_free(out: Path) -> None:
    """Refuse a path that holds something; to be asked before a long run, too.

    Raises:
        ConfigError: it is a file, or a folder that is not empty.
    """
    if out.is_dir():
        held = sum(1 for _ in out.iterdir())
        if held:
            many = "1 entry" if held == 1 else f"{held} entries"
            raise ConfigError(
                [f"--out {out}: expected a new or empty folder, got one with {many}; hint: give another name"]
            )
    elif out.exists() or out.is_symlink():
        raise ConfigError([f"--out {out}: expected a folder, got a file; hint: give another name"])


def slug(name: str) -> str:
    """A name for a folder: small letters, digits and single hyphens, at most 60 characters, never empty."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-") or "run"


def _to_disk(path: Path) -> None:
    """Ask the system to write a file or a folder's entries down, where it can."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
