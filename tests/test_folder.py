"""The run folder: whole or not there, and never over something else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_results import fake_results
from hypothesis import given
from hypothesis import strategies as st

from scenarios.errors import ConfigError
from scenarios.folder import UNFINISHED, RunFolder, replace_text, save_run, slug
from scenarios.reading import read_results
from scenarios.report.html import render

NOON = datetime(2026, 3, 2, 12, 0, 0)


def test_a_run_leaves_everything_and_it_reads_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    results = fake_results()
    tables = {"ledger": pa.table({"month": [1, 2], "margin": [1.5, 2.5]}), "allocations": pa.table({"customer": [7]})}
    path = save_run(results, scenario_yaml="name: Grocery, spring\n", tables=tables, now=NOON)
    assert path == Path("runs/grocery-spring-20260302-120000")
    assert sorted(p.name for p in path.iterdir()) == [
        "allocations.parquet", "ledger.parquet", "provenance.json", "report.html", "results.json", "results.xlsx",
        "scenario.yaml", "strategies.csv",
    ]  # fmt: skip
    assert read_results(path) == results
    assert pq.read_table(path / "ledger.parquet").equals(tables["ledger"])
    assert json.loads((path / "provenance.json").read_text()) == results.provenance
    assert zipfile.is_zipfile(path / "results.xlsx")
    assert (path / "scenario.yaml").read_text() == "name: Grocery, spring\n"
    assert [p.name for p in Path("runs").iterdir()] == [path.name], "nothing unfinished is left"


def test_two_runs_in_one_second_get_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = []
    for i in range(3):
        with RunFolder("a", now=NOON) as folder:
            folder.text("n", str(i))
        paths.append(folder.path)
    assert [p.name for p in paths] == ["a-20260302-120000", "a-20260302-120000-2", "a-20260302-120000-3"]
    assert [(p / "n").read_text() for p in paths] == ["0", "1", "2"]


def test_an_empty_folder_may_be_named_and_a_full_one_may_not(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with RunFolder("a", out) as folder:
        folder.text("n", "1")
    assert folder.path == out
    assert (out / "n").read_text() == "1"
    with pytest.raises(ConfigError, match=r"--out .*: expected a new or empty folder, got one with 1 entry"):
        RunFolder("a", out)
    with pytest.raises(ConfigError, match="got a file"):
        RunFolder("a", out / "n")
    assert (out / "n").read_text() == "1"


def test_what_appeared_under_the_name_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ConfigError), RunFolder("a", out) as folder:
        folder.text("n", "mine")
        out.mkdir()
        (out / "n").write_text("theirs")
    assert (out / "n").read_text() == "theirs"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_failed_run_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="boom"), RunFolder("a", tmp_path / "out") as folder:
        folder.text("n", "1")
        raise RuntimeError("boom")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="expected a place to write to"), RunFolder("a", tmp_path / "file" / "out"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="kills a process by signal")
def test_a_killed_run_leaves_nothing_under_its_name(tmp_path: Path) -> None:
    code = (
        "import os, sys, signal; from pathlib import Path; from scenarios.folder import RunFolder\n"
        "with RunFolder('a', Path(sys.argv[1])) as folder:\n"
        "    folder.text('n', 'half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    left = [p.name for p in tmp_path.iterdir()]
    assert len(left) == 1
    assert left[0].startswith(f"{UNFINISHED}out-")
    with RunFolder("a", tmp_path / "out") as folder:
        folder.text("n", "whole")
    assert (tmp_path / "out" / "n").read_text() == "whole"


def test_the_report_can_be_made_again_in_its_place(tmp_path: Path) -> None:
    path = save_run(fake_results(), scenario_yaml="", out=tmp_path / "out")
    before = (path / "report.html").read_text(encoding="utf-8")
    replace_text(path / "report.html", render(read_results(path)))
    assert (path / "report.html").read_text(encoding="utf-8") == before
    assert not [p for p in path.iterdir() if p.name.startswith(UNFINISHED)]


def test_writing_outside_the_block_is_refused(tmp_path: Path) -> None:
    folder = RunFolder("a", tmp_path / "out")
    with pytest.raises(RuntimeError, match="with block"):
        folder.text("n", "1")


@given(st.text())
def test_a_slug_is_a_safe_name(name: str) -> None:
    text = slug(name)
    assert 0 < len(text) <= 60
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert text[0] != "-"
