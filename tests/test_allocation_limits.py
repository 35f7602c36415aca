"""What limits an allocation: one deadline for the plan and for what is said of a conflict, and the gap where none is asked for.

The clock is one that the test moves.
"""

import dataclasses
import importlib
import json
import time
from types import SimpleNamespace

import numpy as np
import pytest

import solvers.giving
from scenarios.allocate import allocate
from scenarios.allocation import solving
from scenarios.report.allocation import conflict_lines
from solvers.answer import answer
from solvers.explain import Integral, Mixes, explain
from solvers.layout import arrange
from solvers.methods import Found, missed
from solvers.plan import plan_of
from solvers.problem import Problem
from solvers.solve import solve
from tests.test_allocation_rules import make
from tests.test_solvers_theory import row

solving_once = importlib.import_module("solvers.solve")  # the package's name for it is the function
TIERS = [
    {"name": "fair", "parity": {"by": "tier", "measure": "count", "within": 0.0}},
    {"name": "some", "measure": "count", "where": {"tier": "gold"}, "min": 1.0},
    {"name": "none", "measure": "count", "where": {"tier": "silver"}, "max": 0.0},
]
RULES = [
    {"name": "budget", "measure": "cost", "max": 3.0},
    {"name": "volume", "measure": "count", "min": 5.0},
    {"name": "fair", "parity": {"by": "group", "measure": "cost", "within": 0.0}},
    {"name": "roi", "ratio": {"of": "value", "to": "cost"}, "min": 50.0},
]


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only where a test says so, for the allocation's deadline."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(solving, "time", SimpleNamespace(perf_counter=lambda: now.seconds))
    return now


def written(tmp_path, rules=RULES, n=5):
    path, _ = make(tmp_path, 3, n=n)
    (tmp_path / "r.yaml").write_text(json.dumps({"constraints": rules}))
    return path, tmp_path / "r.yaml"


def spoilt():
    """Two customers at cost 2 and spend between 2.5 and 3.5: fractions can, whole plans cannot; and a budget beside."""
    shape, one = (2, 1, 1), np.ones(1, bool)
    rows = (
        row(shape, "spend", [(1, one, one, 1.0)], lower=2.5, upper=3.5),
        row(shape, "cap", [(2, one, one, 1.0)], upper=2.0),
        row(shape, "much", [(1, one, one, 1.0)], lower=3.8),
    )
    return Problem(np.array([[[1.0, 1.0]], [[2.0, 2.0]]]), ("value", "cost"), np.zeros(2, np.int32), 1, rows)


def test_all_solves_of_a_conflict_share_one_limit(tmp_path, clock):
    """Each is given what those before have left."""
    left = []

    def slow(problem, **options):
        left.append(options.pop("time_limit"))
        clock.seconds += 1.0
        return solve(problem, **options)

    found = allocate(*written(tmp_path, TIERS), time_limit=500.0, solver=slow)
    assert found.exit_code == 3 and len(left) > 4
    assert left == [500.0 - passed for passed in range(len(left))]
    assert not any(item.time_up for item in found.conflict)


def test_past_the_limit_a_conflict_is_named_without_amounts(tmp_path, clock):
    calls = []

    def slow(problem, **options):
        calls.append(options.pop("time_limit"))
        clock.seconds += 3.0
        return solve(problem, **options)

    found = allocate(*written(tmp_path), time_limit=2.0, solver=slow)
    assert found.exit_code == 3 and calls == [2.0]
    assert found.conflict and all(item.time_up and np.isnan(item.gives) for item in found.conflict)
    assert "time was up before it was known how much it must give" in "\n".join(conflict_lines(found))
    assert all(item["must_give"] is None and item["time_up"] for item in found.document()["conflict"])


def test_past_the_deadline_rows_are_left_untried_and_no_program_is_begun(monkeypatch):
    layout = arrange(spoilt())
    asked = []

    class Counting(Mixes):
        def conflict(self, rows):
            asked.append(int(rows.sum()))
            return np.ones(3, bool)  # a proof that says nothing of which rows

    late = explain(layout, Counting(layout), time.perf_counter() - 1.0)
    assert late is not None and late.rows == (0, 1, 2) and not late.whole and asked == [3]
    whole = explain(layout, Mixes(layout))
    assert whole is not None and whole.whole and set(whole.rows) == {0, 2}

    oracle = Integral(layout, Mixes(layout), deadline=time.perf_counter() - 1.0)
    monkeypatch.setattr(oracle.program, "solve", lambda **_: pytest.fail("a program past the deadline"))
    assert oracle.conflict(np.array([True, True, False])) is None


def test_an_unfinished_conflict_says_so():
    layout = arrange(spoilt())
    nothing = Found(None, np.zeros(3), "decomposition", infeasible=True)
    now = time.perf_counter()
    assert "time was up" in answer(layout, nothing, 1e-4, "highs", now, now - 1.0).note
    assert "time was up" not in answer(layout, nothing, 1e-4, "highs", now).note


def test_amounts_are_worked_out_where_they_are_asked_for(monkeypatch):
    """By default not; asked for, their time is part of the answer's."""
    real = solving_once.gives
    monkeypatch.setattr(solving_once, "gives", lambda *a: pytest.fail("amounts that nobody asked for"))
    assert solve(spoilt()).gives == ()

    def slow(*given):
        time.sleep(0.1)
        return real(*given)

    monkeypatch.setattr(solving_once, "gives", slow)
    found = solve(spoilt(), amounts=True)
    assert len(found.gives) == len(found.conflict) >= 1 and found.seconds >= 0.1 * len(found.conflict)


def test_parity_needs_no_amounts_of_its_rows(tmp_path, monkeypatch):
    asked = []
    real = solvers.giving.gives

    def counted(problem, r, *more):
        asked.append(problem.rows[r].name)
        return real(problem, r, *more)

    monkeypatch.setattr(solvers.giving, "gives", counted)
    found = allocate(*written(tmp_path, TIERS))
    assert {item.name for item in found.conflict} == {"fair", "some", "none"}
    assert sorted(asked) == ["none", "some"]


def test_a_gap_is_missed_by_the_same_measure_as_the_certificate():
    """Value 1, proven at most 1.05; the multipliers' bound of 2 is no part of that gap."""
    problem = spoilt()
    problem = dataclasses.replace(problem, rows=problem.rows[1:2])
    layout = arrange(problem)
    plan = plan_of(layout, np.array([0, -1]))
    found = Found(plan, np.zeros(1), "exact", proved=1.05)
    assert layout.bound(np.zeros(1)) == pytest.approx(2.0)
    for gap, beyond in ((0.05 / 1.05 * 0.99, True), (0.05 / 1.05 * 1.01, False)):
        assert missed(layout, found, gap) is beyond
        shown = answer(layout, found, gap, "highs", 0.0)
        assert (shown.status.value == "gap_not_met") is beyond


def test_nothing_is_closed_past_the_deadline(monkeypatch):
    layout = arrange(spoilt())
    nothing = Found(None, np.zeros(3), "decomposition")
    monkeypatch.setattr(solving_once, "narrowed", lambda *_: pytest.fail("a program past the deadline"))
    assert solving_once._closed(layout, nothing, 1e-4, time.perf_counter() - 1.0, "highs", None) is nothing


@pytest.mark.parametrize(("n", "asked", "gap"), [(5, None, 1e-4), (50, None, 1e-4), (50, 1e-6, 1e-6)])
def test_the_usual_gap_is_a_tenth_of_an_average_customer(tmp_path, n, asked, gap):
    """0.1 / customers, never below 1e-5 nor above 1e-4."""
    gaps = []

    def watched(problem, **options):
        gaps.append(options["gap"])
        return solve(problem, **options)

    allocate(*written(tmp_path, RULES[:1], n=n), gap=asked, solver=watched)
    assert gaps == pytest.approx([gap])
    assert solving.usual_gap(SimpleNamespace(n=1_000_000)) == 1e-5
    assert solving.usual_gap(SimpleNamespace(n=2_000)) == 5e-5


def test_solves_for_prices_share_the_limit_with_the_plan(tmp_path, clock):
    """Three solves a rule of a second each: time is up within the second rule's."""
    left = []

    def slow(problem, **options):
        left.append(options.pop("time_limit"))
        clock.seconds += 1.0
        return solve(problem, **options)

    path, _ = make(tmp_path, 3, n=12)
    rules = [
        {"name": "budget", "measure": "cost", "max": 9.0},
        {"name": "mails", "measure": "count", "where": {"channel": "mail"}, "max": 1.0},
        {"name": "calls", "measure": "count", "where": {"channel": "phone"}, "max": 1.0},
    ]
    (tmp_path / "r.yaml").write_text(json.dumps({"constraints": rules}))
    whole = allocate(path, tmp_path / "r.yaml", solver=slow, time_limit=500.0, prices=True)
    wanted = [rule.name for rule in whole.rules if rule.binding]
    assert len(wanted) >= 2 and not any("time was up" in text for text in whole.remarks)
    assert left == [500.0 - passed for passed in range(1 + 3 * len(wanted))]
    left.clear()
    found = allocate(path, tmp_path / "r.yaml", solver=slow, time_limit=5.5, prices=True)
    assert left == [5.5, 4.5, 3.5, 2.5, 1.5, 0.5]
    priced = [rule.name for rule in found.rules if rule.price is not None and rule.name in wanted]
    assert priced == wanted[:1]
    text = f"Prices by solving again: 1 of {len(wanted)} rules that bind, then time was up"
    assert sum(text in remark for remark in found.remarks) == 1


def test_no_proof_is_begun_past_the_deadline(monkeypatch):
    """Mixes ask the master nothing more, and what they know already they still know."""
    import solvers.explain

    layout = arrange(spoilt())
    every, without = np.ones(3, bool), np.array([True, False, False])
    oracle = Mixes(layout)
    proof = oracle.conflict(every)
    assert proof is not None and oracle.conflict(without) is None
    oracle.deadline = time.perf_counter() - 1.0
    monkeypatch.setattr(solvers.explain, "master", lambda *_: pytest.fail("a master past the deadline"))
    assert np.array_equal(oracle.conflict(every), proof)
    assert oracle.conflict(without) is None
    assert Mixes(layout, deadline=oracle.deadline).conflict(every) is None


@pytest.mark.parametrize("stage", ["search", "descend", "line_search"])
def test_passes_end_at_the_deadline(stage):
    """Each stage asks for one response, or none, past the deadline."""
    from solvers.descent import descend
    from solvers.pricing import Pricer
    from solvers.search import line_search, respond, search

    layout, past = arrange(spoilt()), time.perf_counter() - 1.0
    pricer = Pricer(layout)
    at = respond(layout, pricer, np.zeros(3))
    before = pricer.passes
    if stage == "search":
        assert len(search(layout, pricer, np.zeros(3), 1e-4, past)) == 1
    elif stage == "descend":
        assert descend(layout, pricer, at, 1e-4, 80, past) == [at]
    else:
        assert line_search(layout, pricer, at, 0, 0.0, 30, past) == [at]
    assert pricer.passes <= before + 1


def test_without_a_plan_and_without_a_proof_nothing_is_claimed(tmp_path, capsys):
    """A limit that is past at once: not 'no plan meets all rules'."""
    import sys

    from scenarios.report.allocation import print_allocation

    def unknown(problem, **options):
        found = solve(problem, **(options | {"time_limit": None}))
        return dataclasses.replace(found, conflict=(), conflict_group=(), note="not proven: time was up")

    found = allocate(*written(tmp_path), solver=unknown)
    assert found.exit_code == 3
    print_allocation(found, sys.stdout)
    assert capsys.readouterr().out.startswith("no plan was found, and no proof that there is none")
