"""The mix of classes from labels that confuse them: by hand, against a slow twin, and by coverage."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
from weaklabel.audit.label_shift import gold_confusion, label_shift, mixture_shares
from weaklabel.errors import GoldError

CONFUSION = np.array([[80, 15, 5], [10, 85, 5], [5, 20, 75]])
NAMES = ["a", "b", "c"]


def test_expected_counts_give_back_the_shares():
    shares = np.array([0.6, 0.3, 0.1])
    parts = CONFUSION / 100
    np.testing.assert_allclose(mixture_shares(parts, 1000 * shares @ parts), shares, atol=1e-6)


@given(st.lists(st.integers(1, 60), min_size=3, max_size=3))
def test_em_is_its_slow_twin(counts):
    parts = CONFUSION / 100
    found = mixture_shares(parts, np.array(counts, float))
    np.testing.assert_allclose(found, naive.mixture_shares(parts.tolist(), counts), atol=1e-4)


def test_a_class_that_no_count_speaks_for_gets_nothing():
    found = mixture_shares(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([5.0, 95.0]))
    np.testing.assert_allclose(found, [0, 1], atol=1e-6)


def test_labels_shares_are_pulled_back_to_the_true_ones():
    found = label_shift(NAMES, CONFUSION, [400, 400, 200])
    values = [e.value for e in found.after]
    assert sum(values) == pytest.approx(1)
    assert found.given == (0.4, 0.4, 0.2)
    assert all(e.low <= e.value <= e.high for e in found.after)
    assert json.loads(json.dumps(found.to_dict()))["classes"][0]["label"] == "a"


def test_no_shift_is_said_to_be_none():
    found = label_shift(NAMES, CONFUSION, CONFUSION.sum(axis=0) * 3)
    assert found.moved() == []
    assert found.sentences() == ["no class's share is seen to move on 900 new rows (p = 1.000)"]


def covered(*, draws, interval):
    """How often `interval` holds the true share of the first class; confusion and labels drawn anew each time."""
    generator, truth, parts = np.random.default_rng(3), np.array([0.5, 0.3, 0.2]), CONFUSION / 100
    held = 0
    for i in range(draws):
        table = np.stack([generator.multinomial(60, row) for row in parts])
        given = generator.multinomial(800, truth @ parts)
        low, high = interval(table, given, i)
        held += low <= truth[0] <= high
    return held / draws


def test_intervals_cover():
    def found(table, given, seed):
        first = label_shift(NAMES, table, given, seed=seed, resamples=200).after[0]
        return first.low, first.high

    assert covered(draws=150, interval=found) >= 0.95 - 2.5 * (0.05 * 0.95 / 150) ** 0.5


def test_intervals_that_trust_the_labels_fail_that_bound():
    from weaklabel.stats import wilson

    def trusted(table, given, seed):
        share = wilson(given[0], given.sum())
        return share.low, share.high

    assert covered(draws=150, interval=trusted) < 0.8


def test_misuse_is_refused():
    with pytest.raises(GoldError, match="no row of class 'b' is known"):
        label_shift(["a", "b"], [[5, 1], [0, 0]], [3, 3])
    with pytest.raises(GoldError, match=r"need a confusion of shape \(2, 2\)"):
        label_shift(["a", "b"], [[5, 1]], [3, 3])
    with pytest.raises(GoldError, match="at least one new row"):
        label_shift(["a", "b"], [[5, 1], [1, 5]], [0, 0])


def test_the_confusion_of_checked_rows_is_weighted_by_the_design():
    rows = pl.DataFrame(
        {
            "gold": ["a", "a", "b", None, "b"],
            "label": ["a", "b", "b", "a", None],
            "inclusion": [0.5, 0.25, 0.5, 0.5, 0.5],
        }
    )
    # weights 2, 4, 2: worth 64 / 24 = 2.67 rows
    np.testing.assert_allclose(gold_confusion(rows, ["a", "b"]), np.array([[2, 4], [0, 2]]) / 3)
    plain = gold_confusion(rows.drop("inclusion"), ["a", "b"])
    assert plain.tolist() == [[1, 1], [0, 1]]
    for wrong, message in (
        (rows.drop("gold"), "no column 'gold'"),
        (rows.with_columns(gold=pl.lit("z")), "'z' is none of the classes"),
        (rows.with_columns(inclusion=pl.lit(0.0)), "not above 0 and at most 1"),
    ):
        with pytest.raises(GoldError, match=message):
            gold_confusion(wrong, ["a", "b"])
