"""Score rules: bins by hand, their mistakes, and bins found from gold."""

import math
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.apply.batch import Batch, Faults
from weaklabel.apply.score_lane import compile_scores
from weaklabel.errors import RuleError
from weaklabel.lf.score import Bin, score, score_bins
from weaklabel.schema import LabelSchema
from weaklabel.stats import wilson

SCHEMA = LabelSchema(["bad", "good"])
BINS = [{"label": "good", "from": 4}, {"label": "bad", "from": 1, "to": 2.5}]


def run(column, rule=None):
    rule = rule or score("stars", BINS, field="stars")
    frame = pl.DataFrame({"stars": column})
    ids = pl.Series(range(frame.height), dtype=pl.String)
    return compile_scores([rule], SCHEMA).run(Batch(frame, ids, Faults()))[rule.id].tolist()


def test_by_hand():
    assert run([0.9, 1.0, 2.4, 2.5, 3.9, 4.0, 1e9, None, float("nan"), -math.inf, math.inf]) == [
        -1, 0, 0, -1, -1, 1, 1, -1, -1, -1, 1,
    ]  # fmt: skip
    assert run([1, 2, 3, 4, None]) == [0, 0, -1, 1, -1]
    assert run(pl.Series([None, None])) == [-1, -1]


def test_the_order_of_bins_is_no_matter():
    one, two = score("s", BINS, field="x"), score("s", BINS[::-1], field="x")
    assert one == two and one.fingerprint == two.fingerprint
    assert one.fingerprint != score("s", BINS[:1], field="x").fingerprint
    assert one.labels == ("bad", "good")


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        ([], "no bins: the rule could never vote"),
        ({"label": "good"}, "`bins` is a list"),
        (["good"], "one of `bins` is a mapping, not 'good'"),
        ([{"label": "good", "form": 1}], "unknown key 'form' in `bins`"),
        ([{"from": 1}], "one of `bins` has no label"),
        ([{"label": "good"}], "one of `bins` has neither from nor to"),
        ([{"label": "good", "from": "1"}], "`from` in `bins` is a number, not '1'"),
        ([{"label": "good", "to": float("nan")}], "`to` in `bins` is a number, not nan"),
        ([{"label": "good", "from": 2, "to": 2}], "one of `bins` is empty"),
        ([{"label": "good", "from": 1}, {"label": "bad", "to": 1.5}], "`bins` overlap"),
    ],
)
def test_bins_that_are_none(bins, message):
    with pytest.raises(RuleError) as caught:
        score("s", bins, field="x")
    assert message in str(caught.value) and "test_score.py" in str(caught.value)


def test_text_is_no_number():
    with pytest.raises(RuleError, match="column 'stars' holds String, not numbers"):
        run(["4"])


def test_bins_from_gold_are_good_enough_on_it():
    rng = np.random.default_rng(7)
    p = rng.random(3000)
    labels = np.where(rng.random(3000) < p, "good", "bad")
    bins = score_bins(p, labels, precision=0.8)
    assert [one.label for one in bins] == ["bad", "good"]
    assert bins[0].high < 0.4 and bins[-1].low > 0.6
    for one in bins:
        inside = (p >= one.low) & (p < one.high)
        assert wilson(int((labels[inside] == one.label).sum()), int(inside.sum())).low >= 0.8
    again = score("found", bins, field="p")
    assert again.bins == bins


def test_no_bins_where_the_number_says_nothing():
    rng = np.random.default_rng(3)
    assert score_bins(rng.random(500), rng.choice(["a", "b"], 500)) == ()
    assert score_bins([], []) == ()
    assert score_bins([0.5] * 5, ["a"] * 5) == ()  # too few
    assert score_bins([0.5] * 50, ["a"] * 50) == (Bin("a"),)
    assert score_bins([float("nan"), 1.0], ["a", None]) == ()
    with pytest.raises(RuleError, match="1 labels for numbers of shape"):
        score_bins([1.0, 2.0], ["a"])


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["a", "b"])), max_size=200),
    st.randoms(use_true_random=False),
)
def test_bins_never_depend_on_the_order_of_rows(rows, random):
    shuffled = random.sample(rows, len(rows))
    given_bins, other = (
        score_bins([x for x, _ in some], [y for _, y in some], precision=0.6) for some in (rows, shuffled)
    )
    assert given_bins == other
    assert all(one.high <= two.low for one, two in pairwise(given_bins))
