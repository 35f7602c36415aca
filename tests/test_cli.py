"""The command line: what is printed where, exit codes, and that a start is instant."""

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from cli import main
from scenarios.errors import CvmaxError
from scenarios.loading import load

CANDIDATES = """customer_id,offer,value,cost
a,coupon,5,2
a,call,9,6
b,coupon,4,1
"""
RULES = "constraints:\n  - {name: budget, measure: cost, max: 7}\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.csv").write_text(CANDIDATES)
    (tmp_path / "r.yaml").write_text(RULES)

    def call(line):
        return CliRunner().invoke(main, line.split(), catch_exceptions=False)

    return call


def commands():
    return sorted(main.commands)


def test_every_command_has_help_with_an_example(run):
    for name in commands():
        result = run(f"{name} --help")
        assert result.exit_code == 0
        assert f"Example:  cvmax {name}" in result.stdout, name
    listed = run("--help").stdout
    assert all(f"  {name} " in listed for name in commands())
    assert run("--version").stdout.startswith("cvmax")


def test_help_loads_nothing_but_click():
    """Time is not asserted; what would cost it is."""
    code = "import sys, cli, click.testing; click.testing.CliRunner().invoke(cli.main, ['--help']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"numpy", "numba", "pydantic", "yaml", "duckdb", "pyarrow", "scenarios", "engine", "solvers", "rich"}
    assert not heavy & set(loaded)


def test_new_writes_a_scenario_that_holds_and_fits_on_a_screen(run, tmp_path):
    result = run("new shop")
    assert (result.exit_code, result.stdout) == (0, "shop.yaml\n")
    text = (tmp_path / "shop.yaml").read_text()
    assert len(text.splitlines()) <= 60
    loaded = load(tmp_path / "shop.yaml")
    assert loaded.warnings == ()
    for override in loaded.scenario.overrides:
        load(tmp_path / "shop.yaml", override=override)
    again = run("new shop")
    assert again.exit_code == 2
    assert again.stderr == "shop.yaml: exists already; choose another place with --out, or replace it with --force\n"
    assert run("new shop --force").exit_code == 0
    assert run("new ../shop").stderr == "NAME: expected letters, digits, blanks, - and _, got '../shop'\n"


def test_validate_prints_ok_or_every_problem(run, tmp_path):
    run("new shop")
    result = run("validate shop.yaml starter grocery")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == (
        "shop.yaml: ok; 26 weeks; 20,000 synthetic customers; 2 offers; 1 rule; 4 strategies; overrides: half the budget"
    )
    path = tmp_path / "shop.yaml"
    path.write_text(path.read_text().replace("depth: 0.15", "depth: -0.15").replace("seed: 1", "sed: 1"))
    result = run("validate shop.yaml starter")
    assert result.exit_code == 2
    assert result.stdout.startswith("starter: ok")
    assert result.stderr.splitlines() == [
        "shop.yaml:5 sed: unknown key 'sed'; did you mean 'seed'?",
        "shop.yaml:29 offers.coupon.depth: expected a number >= 0, got -0.15",
    ]
    documents = json.loads(run("validate shop.yaml starter --json").stdout)
    assert [document["ok"] for document in documents] == [False, True]
    assert len(documents[0]["problems"]) == 2
    warned = run("validate starter --set offers.coupon_15.depth=0.5")
    assert warned.exit_code == 0
    assert warned.stderr.startswith("warning: ")
    assert run("validate starter --set offers.coupon_15.depth=0.5 --quiet").stderr == ""
    few = run("validate starter --set uncertainty.draws=4")
    assert few.exit_code == 0
    assert "uncertainty.draws: 4 draws are too few to tell strategies apart; take at least 5" in few.stderr


def test_schema_is_json(run):
    assert json.loads(run("schema").stdout)["title"] == "cvmax scenario"
    assert "constraints" in json.loads(run("schema --rules").stdout)["properties"]


@pytest.mark.parametrize(("command", "hint"), [("allocate", "--out plan --format xlsx"), ("frontier", "--out plan")])
def test_a_file_for_a_folder_is_refused(run, tmp_path, command, hint):
    result = run(f"{command} c.csv --rules r.yaml --out plan.xlsx")
    assert result.exit_code == 2 and not (tmp_path / "plan.xlsx").exists()
    assert result.stderr == f"--out: expected a folder, got the name of a file, plan.xlsx; hint: {hint}\n"


def test_allocate_prints_a_table_or_one_json_document(run, tmp_path):
    result = run("allocate c.csv --rules r.yaml")
    assert result.exit_code == 0
    assert "value 13, at most 13" in result.stdout
    assert "budget" in result.stdout
    assert result.stderr == "wrote allocation.parquet\n"
    assert (tmp_path / "allocation.parquet").exists()
    again = run("allocate c.csv --rules r.yaml")
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    result = run("allocate c.csv --rules r.yaml --json --format csv --out o --quiet")
    document = json.loads(result.stdout)
    assert (document["status"], document["objective"], document["selected"]) == ("met", 13.0, 2)
    assert set(document["constraints"][0]) == {"name", "value", "min", "max", "shadow_price", "binding", "little_room"}
    assert result.stderr == ""
    assert (
        tmp_path / "o" / "allocation.csv"
    ).read_text() == "customer_id,offer,value,cost\na,call,9.0,6.0\nb,coupon,4.0,1.0\n"


def test_an_infeasible_problem_exits_with_3_and_writes_nothing(run, tmp_path):
    (tmp_path / "r.yaml").write_text(RULES + "  - {name: volume, measure: count, min: 3}\n")
    result = run("allocate c.csv --rules r.yaml")
    assert result.exit_code == 3
    assert "no plan meets all rules" in result.stdout
    assert "volume: would have to give 1" in result.stdout
    assert not (tmp_path / "allocation.parquet").exists()


def test_a_missed_gap_exits_with_4_and_writes_the_plan(run, tmp_path, monkeypatch):
    import dataclasses

    from scenarios.allocation import solving
    from solvers.solution import Status

    inner = solving.solve_within
    monkeypatch.setattr(
        solving,
        "solve_within",
        lambda *args, **kw: dataclasses.replace(inner(*args, **kw), status=Status.GAP_NOT_MET, gap=0.1),
    )
    result = run("allocate c.csv --rules r.yaml")
    assert result.exit_code == 4
    assert "not proven within the target gap" in result.stdout
    assert (tmp_path / "allocation.parquet").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("validat", "no such command 'validat'; did you mean 'validate'?"),
        (
            "allocate absent.csv --rules r.yaml",
            "absent.csv: expected a CSV, Parquet, Excel or DuckDB file, got no such file",
        ),
        ("allocate c.csv --rules absent.yaml", "absent.yaml: cannot be read: No such file or directory"),
        ("allocate c.csv", "Missing option '--rules'"),
        ("allocate c.csv --rules r.yaml --gap 3", "'--gap': expected a number >= 0 and <= 1, got '3'"),
        ("run starter --seed x", "'--seed': expected a whole number >= 0, got 'x'"),
        (f"run starter --seed 1{'0' * 400}", "seed: expected a number <= 9.22337e+18, got 1"),
        ("allocate c.csv --rules r.yaml --gap nan", "'--gap': expected a number >= 0 and <= 1, got 'nan'"),
        ("allocate c.csv --rules r.yaml --budget inf", "'--budget': expected a number, got 'inf'"),
        ("run starter --workers -1", "'--workers': expected a whole number >= 0, got '-1'"),
        ("validate nothing", "nothing: no such file, and no shipped scenario; known: "),
    ],
)
def test_bad_input_exits_with_2_and_no_traceback(run, line, message):
    result = run(line)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_errors_of_the_engine_and_the_solvers_are_bad_input(run, monkeypatch):
    from engine.errors import WorldError
    from solvers.errors import ProblemError

    for error in (WorldError(["one", "two"]), ProblemError(["one", "two"])):

        @click.command()
        def broken(error=error):
            raise error

        monkeypatch.setitem(main.commands, "broken", broken)
        result = run("broken")
        assert (result.exit_code, result.stderr) == (2, "one\ntwo\n")


def test_rules_that_no_plan_meets_end_a_run_with_exit_code_3(run):
    result = run(
        "run starter --set population.customers=500 --set rules.budget.min=3999 --set channels.email.capacity_per_period=1 --set channels.phone.capacity_per_period=1 --workers 1"
    )
    assert result.exit_code == 3
    told = result.stderr.splitlines()
    assert told[-1] == (
        "rules: greedy: no plan in period 0 meets these together: budget, capacity of phone; relax one of them"
    )
    assert not any("under greedy" in line for line in told), "what cannot be planned is not simulated to the end"


def test_examples_in_help_stand_on_lines_of_their_own(run):
    text = run("run --help").stdout
    assert "\\b" not in text and "\n            cvmax run grocery --override tight" in text


@pytest.mark.parametrize("flags", ["", "--json", "--json --quiet"])
def test_progress_is_told_on_stderr_with_json_too(run, monkeypatch, flags):
    def stopped(*_, progress, **__):
        progress("reading")
        raise CvmaxError(["stopped"])

    monkeypatch.setattr("scenarios.session.run_scenario", stopped)
    result = run(f"run starter {flags}")
    assert (result.stdout, result.stderr) == ("", "stopped\n" if "quiet" in flags else "... reading\nstopped\n")


@pytest.mark.parametrize("option", ["--out .", "--format csv", "--format xlsx", "--why-not"])
def test_what_evaluate_would_not_write_is_refused(run, tmp_path, option):
    (tmp_path / "plan.csv").write_text("customer_id,offer\na,coupon\n")
    line = "allocate c.csv --rules r.yaml --evaluate plan.csv"
    assert run(line).exit_code == 0
    result = run(f"{line} {option}")
    told = "--evaluate: the plan is there already and nothing is written; leave out"
    assert (result.exit_code, result.stderr) == (2, f"{told} {option.split()[0]}\n")
