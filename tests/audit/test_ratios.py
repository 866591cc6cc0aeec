"""Recall and F1 from their two parts: by hand, at the edges, and coverage where the normal interval fails."""

import numpy as np
import pytest

from weaklabel.audit.classes import STEP, Shares, recall_and_f1
from weaklabel.audit.proportions import stratified_proportion
from weaklabel.audit.ratios import f1_of_jaccard, share_of_sum


def ends(*values):
    return tuple(np.array([v], dtype=float) for v in values)


def test_limits_are_where_the_doubt_of_both_parts_just_bridges_the_gap():
    a, b = (0.3, 0.25, 0.36), (0.1, 0.06, 0.15)
    _, low, high = (float(v[0]) for v in share_of_sum(ends(*a), ends(*b)))
    for limit, da, db in ((low, a[0] - a[1], b[2] - b[0]), (high, a[2] - a[0], b[0] - b[1])):
        odds = limit / (1 - limit)
        assert abs(a[0] - odds * b[0]) == pytest.approx(np.hypot(da, odds * db))


def test_edges():
    nothing_missed = [float(v[0]) for v in share_of_sum(ends(0.3, 0.2, 0.4), ends(0, 0, 0.1))]
    assert nothing_missed[0] == nothing_missed[2] == 1 and 0.5 < nothing_missed[1] < 1
    nothing_found = [float(v[0]) for v in share_of_sum(ends(0, 0, 0.1), ends(0.3, 0.2, 0.4))]
    assert nothing_found[0] == nothing_found[1] == 0 and 0 < nothing_found[2] < 0.5
    known = [float(v[0]) for v in share_of_sum(ends(0.3, 0.3, 0.3), ends(0.1, 0.1, 0.1))]
    assert known == pytest.approx([0.75, 0.75, 0.75])
    neither = [float(v[0]) for v in share_of_sum(ends(0, 0, 0.1), ends(0, 0, 0.1))]
    assert np.isnan(neither[0]) and neither[1:] == [0, 1]


def test_f1_is_the_harmonic_mean():
    given, right, missed = 0.5, 0.4, 0.1
    recall, f1 = recall_and_f1(Shares(given, ends(right, right, right), ends(missed, missed, missed)))
    precision = right / given
    assert f1[0][0] == pytest.approx(2 * precision * recall[0][0] / (precision + recall[0][0]))
    assert [float(v[0]) for v in f1_of_jaccard(ends(0.5, 0.0, 1.0))] == pytest.approx([2 / 3, 0, 1])


def recall_samples(draws=2000, seed=0):
    """Draws of a rare label: given to 200 rows, 150 rightly, and missed on 60 of 3,800."""
    rng = np.random.default_rng(seed)
    return rng.hypergeometric(150, 50, 60, draws), rng.hypergeometric(60, 3740, 140, draws), 150 / 210


def test_recall_of_a_rare_label_covers_and_the_normal_interval_does_not():
    found, missed, truth = recall_samples()
    right = stratified_proportion(found[:, None], np.array([60]), np.array([1.0]), left=0.7, step=STEP)
    rest = stratified_proportion(
        missed[:, None], np.array([140]), np.array([1.0]), left=1 - 140 / 3800, step=STEP
    )
    (_, low, high), _ = recall_and_f1(
        Shares(0.05, tuple(v * 0.05 for v in right), tuple(v * 0.95 for v in rest))
    )
    assert ((low <= truth) & (truth <= high)).mean() >= 0.94

    a, m = found / 60 * 0.05, missed / 140 * 0.95
    va, vm = (
        0.05**2 * 0.7 * (found / 60) * (1 - found / 60) / 60,
        0.95**2 * (missed / 140) * (1 - missed / 140) / 140,
    )
    half = 1.96 * np.sqrt((m**2 * va + a**2 * vm) / (a + m) ** 4)
    assert (abs(a / (a + m) - truth) <= half).mean() < 0.92
