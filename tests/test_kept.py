"""A run that was stopped and taken up again gives the bits of one that was not."""

import json

import pytest

from scenarios import kept
from scenarios.errors import CvmaxError
from scenarios.jobs import run_job
from scenarios.run import Options
from scenarios.session import run_scenario

SETS = ("population.customers=400", "rules.budget.max=80", "channels.phone.capacity_per_period=20", "uncertainty.draws=4", "uncertainty.customers=200")  # fmt: skip
OPTIONS = Options(workers=1, strategies=("none", "current_plan"), sensitivity=False)


def go(folder, **options):
    return run_scenario("starter", sets=SETS, options=OPTIONS, out=folder, **options)


def left(tmp_path):
    return sorted(tmp_path.rglob("*.npz"))


class Cut(Exception):
    pass


def cut_after(monkeypatch, number, error):
    """Small comparisons fail from the given one on."""
    done = []

    def job(setup, what):
        if len(done) == number:
            raise error
        done.append(what)
        return run_job(setup, what)

    monkeypatch.setattr(kept, "run_job", job)
    monkeypatch.setattr("scenarios.run.run_job", job)
    return done


def document(folder):
    found = json.loads((folder / "results.json").read_text())
    return {name: value for name, value in found.items() if name != "provenance"}


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), pytest.param(CvmaxError(["a worker was killed"]), marks=pytest.mark.slow)]
)
def test_taken_up_draws_give_the_same_bits(tmp_path, monkeypatch, error):
    whole = go(tmp_path / "whole" / "run")
    assert left(tmp_path) == []
    with monkeypatch.context() as patch:
        cut_after(patch, 3, error)
        with pytest.raises(type(error)) as caught:
            go(tmp_path / "run")
        assert caught.value.__notes__[-1] == "finished draws are kept: the same command with --resume takes them up"
    assert len(left(tmp_path)) == 3 and not (tmp_path / "run").exists()
    with monkeypatch.context() as patch:
        fresh = cut_after(patch, 10**9, error)
        again = go(tmp_path / "run", resume=True)
    assert again.remarks == ("3 finished draws taken up",)
    assert document(tmp_path / "run") == document(tmp_path / "whole" / "run")
    assert repr(again.results.strategies) == repr(whole.results.strategies)  # repr: NaN is no number, not even itself
    assert left(tmp_path) == [] and len(fresh) == 1


@pytest.mark.slow
def test_what_is_not_whole_or_of_another_run_is_worked_out_again(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        cut_after(patch, 2, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            go(tmp_path / "run")
    left(tmp_path)[0].write_bytes(b"PK half")
    other = run_scenario("starter", sets=SETS, seed=5, options=OPTIONS, out=tmp_path / "other", resume=True)
    assert other.remarks == ("0 finished draws taken up",)
    assert len(left(tmp_path)) == 2, "another seed is another run: its folder is not touched"
    told = []
    with monkeypatch.context() as patch:
        cut_after(patch, 0, Cut())
        with pytest.raises(Cut):
            go(tmp_path / "run", progress=told.append)
    assert any("--resume takes them up" in text for text in told)
    assert go(tmp_path / "run", resume=True).remarks == ("1 finished draw taken up",)
