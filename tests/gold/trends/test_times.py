"""Time an answer takes."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
from weaklabel.errors import GoldError
from weaklabel.gold.trends.times import TIMES, median_ends, times


def test_quartiles_by_hand():
    rows = pl.DataFrame({"annotator": ["1"] * 9 + ["2"], "seconds": [*map(float, range(1, 10)), None]})
    first, second = times(rows, "annotator").rows(named=True)
    assert [first[name] for name in ("quarter", "median", "three_quarters")] == [3.0, 5.0, 7.0]
    assert (first["low"], first["high"], first["answers"], first["timed"], first["few"]) == (
        2.0,
        8.0,
        9,
        9,
        True,
    )
    assert (second["answers"], second["timed"], second["median"], second["low"]) == (1, 0, None, None)


def test_with_and_without_a_suggestion():
    rows = pl.DataFrame({"suggested": [True, False, None, False], "seconds": [1.0, 2.0, 3.0, 4.0]})
    found = dict(times(rows, "suggested").select("group", "median").iter_rows())
    assert found == {"with a suggestion": 1.0, "without": 3.0, "unknown": 3.0}


def test_nothing_and_an_unknown_group():
    empty = times(pl.DataFrame(schema={"seconds": pl.Float64}), "all")
    assert empty.height == 0 and empty.schema == pl.Schema(TIMES)
    with pytest.raises(GoldError, match="not shown by 'batch'"):
        times(empty, "batch")


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("n", [0, 1, 5, 6, 7, 12, 40])
def test_the_medians_interval_covers_and_is_the_shortest_that_does(n, confidence):
    low, high = median_ends(np.arange(1.0, n + 1), confidence=confidence)
    if low is None:
        assert n == 0 or naive.median_coverage(n, 1, n) < confidence
        return
    assert naive.median_coverage(n, int(low), int(high)) >= confidence
    if int(high) - int(low) > 1:
        assert naive.median_coverage(n, int(low) + 1, int(high) - 1) < confidence


@given(st.lists(st.none() | st.floats(0, 1e4), max_size=30), st.integers(0, 2**31))
def test_order_changes_nothing(seconds, seed):
    rows = pl.DataFrame({"seconds": pl.Series(seconds, dtype=pl.Float64), "annotator": "1"}).with_columns(
        annotator=(pl.int_range(pl.len()) % 3).cast(pl.String)
    )
    shuffled = rows.sample(fraction=1.0, shuffle=True, seed=seed)
    assert times(shuffled, "annotator").equals(times(rows, "annotator"))
