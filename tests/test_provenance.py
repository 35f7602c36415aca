"""Provenance: enough to repeat a run, nothing about who ran it."""

from __future__ import annotations

import getpass
import hashlib
import json
import platform
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from scenarios import provenance


def test_everything_is_there_and_is_json(tmp_path: Path) -> None:
    data = tmp_path / "log.csv"
    data.write_text("a,b\n")
    zone = timezone(timedelta(hours=2))
    found = provenance.collect(
        seed=7, command=["run", "grocery"], data=[data], now=datetime(2026, 3, 2, 12, tzinfo=zone)
    )
    assert list(found) == ["version", "revision", "python", "packages", "machine", "time", "data", "seed", "command"]
    assert found["time"] == "2026-03-02T10:00:00+00:00"
    assert found["command"] == ["cvmax", "run", "grocery"]
    assert found["data"] == [{"file": "log.csv", "bytes": 4, "sha256": hashlib.sha256(b"a,b\n").hexdigest()}]
    assert found["packages"]["numpy"].count(".") >= 1
    assert json.loads(json.dumps(found)) == found


def test_a_large_file_is_hashed_in_pieces(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "f").write_bytes(content)
    assert provenance.file_hash(tmp_path / "f") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("/home/ann/data/log.csv", "~/data/log.csv"),
        ("--out=/Users/Ann Lee/x", "--out=~ Lee/x"),
        (r"C:\Users\ann\log.csv", r"~\log.csv"),
        ("rules.budget.max=3", "rules.budget.max=3"),
        ("/srv/data/log.csv", "/srv/data/log.csv"),
    ],
)
def test_homes_are_not_told(given: str, shown: str) -> None:
    assert provenance.without_home(given) == shown


def test_neither_user_nor_host_nor_home_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "someone-special"
    (home / "deep").mkdir(parents=True)
    (home / "deep" / "log.csv").write_text("")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(platform, "node", lambda: "host-of-mine")
    text = json.dumps(
        provenance.collect(seed=1, command=["run", str(home / "deep" / "log.csv")], data=[home / "deep" / "log.csv"])
    )
    assert "someone-special" not in text
    assert "host-of-mine" not in text
    assert "~/deep/log.csv" in text
    assert f"/{getpass.getuser()}/" not in text


def test_outside_a_checkout_no_process_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("started a process"))
    assert provenance.revision(tmp_path) is None


def test_the_revision_of_a_checkout_and_its_changes(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        who = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    assert provenance.revision(tmp_path) is None, "no commit yet"
    (tmp_path / "f").write_text("1")
    git("add", "f")
    git("commit", "-qm", "first")
    head = git("rev-parse", "HEAD")
    assert provenance.revision(tmp_path) == head
    (tmp_path / "f").write_text("2")
    assert provenance.revision(tmp_path) == f"{head}+changes"


def test_without_git_there_is_no_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.revision(tmp_path) is None


def test_the_clock_is_used_by_default() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    assert datetime.fromisoformat(provenance.collect(seed=1)["time"]) >= before
