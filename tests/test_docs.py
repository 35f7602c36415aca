"""Every command in the documentation is run as it stands there (runs with fewer customers and draws, so that they take seconds)."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands_in(text):
    return [
        line.split("#")[0].strip()
        for _, block in re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.S | re.M)
        for line in block.splitlines()
        if line.startswith("cvmax ")
    ]


COMMANDS = commands_in(README)
ALLOCATION = (ROOT / "docs" / "allocation.md").read_text(encoding="utf-8")
QUICK = {
    "run": ["--set", "population.customers=2000", "--workers", "1", "--no-sensitivity", "--replications", "2"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with what the commands need: rules, a sales log, candidates, a run."""
    path = tmp_path_factory.mktemp("docs")
    (path / "rules.yaml").write_text(re.search(r"```yaml\n(constraints:.*?)```", README, flags=re.S).group(1))
    for block in re.findall(r"```yaml\n(.*?)```", ALLOCATION, flags=re.S):
        if named := re.match(r"# (\S+\.yaml)\n", block):
            (path / named.group(1)).write_text(block)
    rng = np.random.default_rng(1)
    days = np.datetime64("2025-01-01") + rng.integers(0, 360, 6000)
    rows = [
        f"{c},{d},{a:.2f}" for c, d, a in zip(rng.integers(0, 300, 6000), days, rng.gamma(2, 10, 6000), strict=True)
    ]
    (path / "sales.csv").write_text("client,day,euros\n" + "\n".join(rows))
    return path


def call(folder, line):
    """Run a command; the output, and the exit code."""
    words = shlex.split(line)[1:]
    words += QUICK.get(words[0], []) if "--replications" not in words else QUICK["run"][:-2]
    if words[0] == "report":
        words[1] = str(next((folder / "runs").iterdir()))
    if words[0] == "schema":
        words = words[: words.index(">")]
    return CliRunner().invoke(main, words, catch_exceptions=False)


def test_the_readme_names_every_command_and_no_other():
    assert {line.split()[1] for line in COMMANDS} == set(main.commands)


def test_every_command_of_the_readme_works(folder, monkeypatch):
    monkeypatch.chdir(folder)
    first = [line for line in COMMANDS if line.split()[1] == "score"]
    assert len(COMMANDS) >= 12
    for line in first + [line for line in COMMANDS if line not in first]:
        line = line if "allocate" not in line else f"{line} --force"
        result = call(folder, line)
        assert result.exit_code == 0, (line, result.output, result.stderr)


def test_every_command_of_the_allocation_page_works(folder, monkeypatch):
    monkeypatch.chdir(folder)
    lines = commands_in(ALLOCATION)
    assert len(lines) >= 10
    for line in lines:
        # A looser gap: what is tested is that the page is true, not how long the last millionth takes.
        result = call(
            folder,
            line + (" --force" if "frontier" not in line else "") + (" --gap 1e-3" if "score" not in line else ""),
        )
        assert result.exit_code == 0, (line, result.output, result.stderr)
    assert (folder / "full" / "allocation.xlsx").exists() and (folder / "curves" / "frontier.html").exists()


def test_every_command_of_the_page_on_planning_over_time_works(folder, monkeypatch):
    monkeypatch.chdir(folder)
    lines = commands_in((ROOT / "docs" / "planning_over_time.md").read_text(encoding="utf-8"))
    assert len(lines) >= 3
    for line in lines:
        result = call(folder, line)
        assert result.exit_code == 0 and "Price of the budget under optimal_over_time" in result.output, (
            line,
            result.output,
        )


def test_make_targets_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, flags=re.M):
        assert re.search(rf"^{target}:", makefile, flags=re.M), target


@pytest.mark.parametrize("text", [README, *(p.read_text(encoding="utf-8") for p in (ROOT / "docs").glob("*.md"))])
def test_links_point_at_files(text):
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / target).exists() or (ROOT / "docs" / target).exists(), target
