"""A run's JSON document, there and back."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from fake_results import awkward_results, fake_results
from report_cases import KINDS, every_kind, printed

from scenarios.errors import DataError
from scenarios.reading import read_results, results_from
from scenarios.report.columns import ranked
from scenarios.results import Interval, plain


@every_kind
def test_round_trip(kind: str) -> None:
    results = KINDS[kind]()
    document = json.loads(json.dumps(results.to_dict(), allow_nan=False))
    again = results_from(document)
    assert again.to_dict() == results.to_dict()
    assert type(again.strategies[0].difference_ci) is Interval
    if all(math.isfinite(s.clv_per_customer) for s in results.strategies):
        assert again == results
    assert printed(again) == printed(results)


def test_segments_called_low_and_high_are_not_an_interval() -> None:
    results = fake_results()
    series = replace(results.series[0], segments={"low": (1, 2), "high": (3, 4)})
    changed = replace(results, series=(series,))
    assert results_from(changed.to_dict()).series[0].segments == {"low": (1, 2), "high": (3, 4)}


def test_plain_takes_arrays_and_refuses_nothing_finite() -> None:
    import numpy as np

    document = plain({"a": np.array([1.0, np.nan]), "b": np.float64(2), "c": np.int64(3), "d": (math.inf,)})
    assert document == {"a": [1.0, None], "b": 2.0, "c": 3, "d": [None]}


def test_a_document_that_does_not_fit_says_everything_at_once() -> None:
    document = fake_results().to_dict()
    del document["verdict"]
    document["seed"] = "many"
    document["strategies"][2]["spend"] = "much"
    document["extra"] = 1
    with pytest.raises(DataError) as caught:
        results_from(document, "results.json")
    text = "\n".join(caught.value.problems)
    assert "results.json.verdict: expected str, found nothing" in text
    assert "results.json.seed: expected int, got 'many'" in text
    assert "results.json.strategies[2].spend: expected float, got 'much'" in text
    assert "results.json.extra: not known" in text
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("content", [None, "{", "[1]", "null", '{"strategies": 3}'])
def test_no_traceback_for_a_file_that_is_no_result(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    with pytest.raises(DataError, match="expected"):
        read_results(tmp_path)


def test_ranking_puts_the_unknown_last() -> None:
    order = [s.clv_per_customer for s in ranked(awkward_results())]
    known = [v for v in order if not math.isnan(v)]
    assert known == sorted(known, reverse=True)
    assert math.isnan(order[-1])
