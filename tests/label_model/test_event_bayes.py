"""The default model: two event models and the weight between them."""

import itertools
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import naive

from weaklabel.errors import ModelError, VotesError
from weaklabel.label_matrix import LabelMatrix, VotePatterns, as_patterns, matrix
from weaklabel.label_model import cells, create, event_bayes, event_scores, near_copies


def model(k=2, **options):
    return create("event_bayes", n_classes=k, **options)


def independent(n=20_000, m=8, k=2, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    votes = np.full((n, m), -1, np.int8)
    for j in range(m):
        right = rng.random(n) < 0.55 + 0.4 * j / m
        said = np.where(right, truth, (truth + rng.integers(1, k, n)) % k)
        fires = rng.random(n) < 0.4
        votes[fires, j] = said[fires]
    return votes, truth


def dependent(n=20_000, seed=0):
    """Four cues, right on 70 of 100 rows, and two rules that read each of them, with 5 slips in 100."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    votes = np.full((n, 8), -1, np.int8)
    for c in range(4):
        cue = np.where(rng.random(n) < 0.7, truth, 1 - truth)
        for j in (2 * c, 2 * c + 1):
            said = np.where(rng.random(n) < 0.95, cue, 1 - cue)
            fires = rng.random(n) < 0.5
            votes[fires, j] = said[fires]
    return votes, truth


def accuracy(proba, votes, truth):
    seen = (votes >= 0).any(axis=1)
    top = proba >= proba.max(axis=1, keepdims=True) * (1 - 1e-9)
    return (top[np.arange(len(truth)), truth] / top.sum(axis=1))[seen].mean()


def test_two_rows_by_hand():
    """One rule says 0 once and 1 once. Each event: (x + 5 * .8) / 6, x its posterior, is its class' share.

    Log odds of the cautious model are 1.2 times those of the share, and .8 times that in the answer.
    """
    x = 0.8
    for _ in range(100):
        share = (x + 4) / 6
        x = 1 / (1 + math.exp(-1.2 * math.log(share / (1 - share))))
    expected = 1 / (1 + math.exp(-0.8 * math.log(x / (1 - x))))
    votes = [[0], [1]]
    fitted = model(trust=0.0).fit(votes)
    assert (
        np.abs(fitted.predict_proba(votes) - [[expected, 1 - expected], [1 - expected, expected]]).max()
        < 5e-4
    )
    assert np.allclose(fitted.class_balance_, 0.5)
    assert fitted.independence_ == 0


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_answers_are_those_of_the_slow_twin(data):
    k, m = data.draw(st.integers(2, 4)), data.draw(st.integers(2, 5))
    row = st.lists(st.integers(-2, k - 1), min_size=m, max_size=m)
    votes = data.draw(st.lists(row, min_size=2, max_size=14))
    silence = data.draw(st.lists(st.sampled_from([-1, -1, -2]), min_size=m, max_size=m))
    heard = [(i, j) for i, line in enumerate(votes) for j, v in enumerate(line) if v >= 0]
    rules = {(j, votes[i][j]) for i, j in heard if silence[j] == -1}
    if not heard or len({j for j, _ in rules}) < 2:
        return
    pairs = [
        (i, a, b) for i, a in heard for g, b in heard if i == g and a < b and silence[a] == silence[b] == -1
    ]
    if not pairs:
        return
    matrix = LabelMatrix.from_numpy(np.array(votes, np.int8), silence=silence)
    rows, excess, noise, doubt = naive.event_bayes(votes, k, silence, passes=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_scores, "MAX_PASSES", 4)
        patch.setattr(event_scores, "STILL", 0.0)
        patch.setattr(event_bayes, "NEVER", -1.0)
        for i, trust in enumerate((1.0, 0.0)):
            fitted = model(k, trust=trust, merge_copies=False, keep_unanimous=False).fit(matrix)
            power = 1.0 if trust else max(0.45, 0.8 / (k - 1) ** 0.45)
            proba = fitted.predict_proba(matrix)
            for answer, expected in zip(proba, rows, strict=True):
                if expected[i] is not None:
                    each = np.array(expected[i]) ** power
                    assert np.abs(answer - each / each.sum()).max() < 1e-9
            assert abs(fitted.excess_ - excess) < 1e-9
            assert abs(fitted.noise_ - noise) < 1e-9
        free = model(k, merge_copies=False).fit(matrix)
        assert abs(free.independence_ - 1 / (1 + math.exp(min(40, (doubt - 0.1) / 0.02)))) < 1e-9


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_votes_for_several_classes_are_those_of_the_slow_twin(data):
    k, m = data.draw(st.integers(3, 4)), data.draw(st.integers(2, 5))
    every = [[y for y in range(k) if i >> y & 1] for i in range(1, 2**k - 1)]
    sets = data.draw(
        st.lists(st.sampled_from([one for one in every if len(one) > 1]), min_size=1, max_size=3)
    )
    sets = sorted({tuple(one) for one in sets}, key=lambda one: (len(one), one))
    silence = data.draw(st.lists(st.sampled_from([-1, -1, -2]), min_size=m, max_size=m))
    may = [st.integers(-2, k - 1 + (len(sets) if s == -1 else 0)) for s in silence]
    votes = data.draw(st.lists(st.tuples(*may).map(list), min_size=2, max_size=14))
    heard = [
        (i, j) for i, line in enumerate(votes) for j, v in enumerate(line) if v >= 0 and silence[j] == -1
    ]
    if not any(i == g and a < b for i, a in heard for g, b in heard):
        return
    outcomes = {str(j): sets for j in range(m) if silence[j] == -1}
    matrix = LabelMatrix.from_numpy(np.array(votes, np.int8), silence=silence)
    rows, excess, noise, _ = naive.event_bayes(votes, k, silence, passes=4, sets=sets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_scores, "MAX_PASSES", 4)
        patch.setattr(event_scores, "STILL", 0.0)
        patch.setattr(event_bayes, "NEVER", -1.0)
        for i, trust in enumerate((1.0, 0.0)):
            how = {"trust": trust, "merge_copies": False, "keep_unanimous": False}
            fitted = model(k, outcomes=outcomes, **how).fit(matrix)
            power = 1.0 if trust else max(0.45, 0.8 / (k - 1) ** 0.45)
            for answer, expected in zip(fitted.predict_proba(matrix), rows, strict=True):
                if expected[i] is not None:
                    each = np.array(expected[i]) ** power
                    assert np.abs(answer - each / each.sum()).max() < 1e-9
            assert abs(fitted.excess_ - excess) < 1e-9
            assert abs(fitted.noise_ - noise) < 1e-9


@pytest.mark.parametrize("k", [2, 5])
def test_independent_rules_are_seen_to_be(k):
    votes, truth = independent(k=k)
    fitted = model(k).fit(votes)
    assert fitted.independence_ > 0.9
    assert fitted.excess_ < 0.01
    bold = accuracy(fitted.predict_proba(votes), votes, truth)
    cautious = accuracy(model(k, trust=0.0).fit(votes).predict_proba(votes), votes, truth)
    assert bold > cautious + (0.005 if k == 2 else 0)


def test_rows_that_nobody_votes_on_are_not_taken_for_dependence():
    """Few rules that seldom vote: among covered rows they avoid each other. The model knows why."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 50_000)
    votes = np.full((50_000, 10), -1, np.int8)
    for j in range(10):
        fires = rng.random(50_000) < np.where(truth == j % 2, 0.12, 0.03)
        votes[fires, j] = j % 2
    assert model().fit(votes).excess_ < 0.02


def sparse(seed=1, n=10_000, m=100, k=5, copied=0.0):
    """Rules that seldom meet; in groups of five, some rows of which are those of the group's first rule."""
    rng = np.random.default_rng(seed)
    truth, right = rng.integers(0, k, n), rng.uniform(0.55, 0.9, m)
    votes = np.full((n, m), -1, np.int8)
    for j in range(m):
        fires = rng.random(n) < 0.05
        said = np.where(rng.random(n) < right[j], truth, (truth + rng.integers(1, k, n)) % k)
        votes[fires, j] = said[fires]
        taken = rng.random(n) < copied * (j % 5 > 0)
        votes[taken, j] = votes[taken, j - j % 5]
    covered = (votes >= 0).any(axis=1)
    return votes[covered], truth[covered]


def test_rules_that_seldom_meet_are_judged_by_all_their_pairs_together():
    votes, truth = sparse()
    fitted = model(5).fit(votes)
    assert fitted.independence_ > 0.6
    cautious = accuracy(model(5, trust=0.0).fit(votes).predict_proba(votes), votes, truth)
    assert accuracy(fitted.predict_proba(votes), votes, truth) > cautious + 0.001
    assert model(5).fit(sparse(copied=0.1)[0]).independence_ < 0.01


def test_dependent_rules_are_seen_to_be_and_the_cautious_model_answers():
    votes, truth = dependent()
    fitted = model().fit(votes)
    assert fitted.excess_ > 0.1
    assert fitted.independence_ < 0.1
    ours = accuracy(fitted.predict_proba(votes), votes, truth)
    majority = accuracy(create("majority_vote", n_classes=2).fit(votes).predict_proba(votes), votes, truth)
    assert ours > majority - 0.005


def test_five_near_copies_cost_nothing():
    votes, truth = independent()
    rng = np.random.default_rng(7)
    copies = []
    for _ in range(5):
        copy = votes[:, 0].copy()
        changed = (copy >= 0) & (rng.random(len(copy)) < 0.05)
        copy[changed] = 1 - copy[changed]
        copy[rng.random(len(copy)) < 0.1] = -1
        copies.append(copy)
    more = np.column_stack([votes, *copies])
    fitted = model().fit(more)
    assert [group[0] for group in fitted.copies_] == ["0"]
    assert len(fitted.copies_[0]) == 6
    before = model().fit(votes).predict_proba(votes)
    assert np.abs(fitted.predict_proba(more) - before).max() < 1e-9
    assert accuracy(fitted.predict_proba(more), votes, truth) == accuracy(before, votes, truth)


def test_a_copy_speaks_where_the_first_abstains():
    votes, _ = independent(n=2000)
    twice = np.column_stack([votes, votes[:, 0]])
    fitted = model().fit(twice)
    only_copy = np.full((1, 9), -1, np.int8)
    only_copy[0, 8] = 1
    only_first = np.full((1, 9), -1, np.int8)
    only_first[0, 0] = 1
    assert (fitted.predict_proba(only_copy) == fitted.predict_proba(only_first)).all()


def test_where_only_people_vote_the_bold_model_answers():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 500)
    votes = np.full((500, 12), -2, np.int8)
    for j in range(12):
        asked = rng.random(500) < 0.4
        right = rng.random(500) < (0.9 if j % 2 else 0.5)
        votes[asked, j] = np.where(right, truth, (truth + rng.integers(1, 3, 500)) % 3)[asked]
    fitted = model(3).fit(LabelMatrix.from_numpy(votes, silence=-2))
    assert fitted.independence_ == 1
    majority = create("majority_vote", n_classes=3).fit(votes)
    ours = accuracy(fitted.predict_proba(votes), votes, truth)
    assert ours > accuracy(majority.predict_proba(votes), votes, truth) + 0.01


def test_a_sampled_fit_is_close_to_a_full_one(monkeypatch):
    votes, _ = independent(n=30_000, m=10)
    whole = model().fit(votes)
    monkeypatch.setattr(event_bayes, "MAX_PATTERNS", 3000)
    part = model().fit(votes)
    assert len(as_patterns(votes)) > 3000
    moved = np.abs(part.predict_proba(votes) - whole.predict_proba(votes))
    assert moved.max() > 0
    assert moved.mean() < 0.01
    order = np.random.default_rng(3).permutation(len(votes))
    again = model().fit(votes[order]).predict_proba(votes[order])
    assert (again == part.predict_proba(votes)[order]).all()


def rows_with_everything(seed=0, n=6000, m=9, k=2):
    """Mostly different rows: some equal, some without votes, a copy and a near copy, faults, and a person."""
    rng = np.random.default_rng(seed)
    votes, _ = independent(n=n, m=m, k=k, seed=seed)
    near = votes[:, 1].copy()
    near[rng.random(n) < 0.1] = -1
    asked = np.where(rng.random(n) < 0.5, rng.integers(0, k, n), -2)
    votes = np.column_stack([votes, votes[:, 0], near, asked]).astype(np.int8)
    votes[rng.random(votes.shape) < 0.02] = -2
    votes[:, m] = votes[:, 0]
    votes[:, -1] = asked
    votes[5:9] = votes[4]
    votes[20:23] = -1
    votes[20:24, -1] = -2
    votes[23, :-1] = -2
    return votes


def same_bits(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in one.STATE)


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("few", [True, False])
def test_rows_as_they_lie_are_fitted_to_the_same_bits_as_patterns(k, few, monkeypatch):
    votes = rows_with_everything(k=k)
    if few:
        monkeypatch.setattr(event_bayes, "MAX_PATTERNS", 500)
        monkeypatch.setattr(near_copies, "MAX_PAIRS", 20_000)
    grouped = model(k).fit(votes)
    assert [group[0] for group in grouped.copies_] == ["0", "1"]
    patterns = [
        LabelMatrix.from_numpy(part, silence=as_patterns(votes).silence).patterns()
        for part in np.array_split(votes, 3)
    ]
    merged = model(k).fit(VotePatterns.merge([part.without_rows() for part in patterns[::-1]]))
    assert same_bits(merged, grouped)
    proba, labels = grouped.predict_proba(votes), grouped.predict(votes)
    order = np.random.default_rng(1).permutation(len(votes))
    monkeypatch.setattr(cells, "BLOCK", 1000)
    monkeypatch.setattr(cells, "PROBE", 10)
    for rows, distinct in itertools.product((np.arange(len(votes)), order), (True, False)):
        monkeypatch.setattr(matrix, "mostly_distinct", lambda votes, distinct=distinct: distinct)
        plain = model(k).fit(votes[rows])
        assert same_bits(plain, grouped)
        assert (plain.predict_proba(votes[rows]) == proba[rows]).all()
        assert (plain.predict(votes[rows]) == labels[rows]).all()
    for other in (votes.astype(np.int64), np.asfortranarray(votes)):
        assert same_bits(model(k).fit(other), grouped)
        assert (grouped.predict_proba(other) == proba).all()
    assert (labels[20:24] == -1).all()


def test_rows_of_rules_that_never_fail_are_fitted_to_the_same_bits(monkeypatch):
    votes, _ = independent(n=3000, m=10)
    monkeypatch.setattr(event_bayes, "MAX_PATTERNS", 500)
    grouped = model().fit(votes)
    monkeypatch.setattr("weaklabel.label_matrix.matrix.mostly_distinct", lambda votes: True)
    plain = model().fit(votes)
    assert same_bits(plain, grouped)
    assert plain.labelers_ == grouped.labelers_
    with pytest.raises(ModelError, match="keeps no counts"):
        plain.partial_fit(votes)
    with pytest.raises(VotesError, match="there are 2 classes"):
        model().fit(np.where(votes == 1, 2, votes).astype(np.int8))
    with pytest.raises(ModelError, match="votes of 9 labelers; the model was fitted on 10"):
        plain.predict(votes[:, :9].copy())


@pytest.mark.parametrize("people", [False, True])
def test_a_label_matrix_is_read_as_it_lies_to_the_same_bits(people, monkeypatch):
    votes, _ = independent(n=3000, m=10)
    names = [f"rule_{j}" for j in range(10)]
    silence = np.full(10, -1, np.int8)
    if people:
        silence[4:6] = -2
        votes[:, 4:6][votes[:, 4:6] == -1] = -2
    frame = LabelMatrix.from_numpy(votes, labelers=names, silence=silence)
    grouped = model().fit(frame)
    known = LabelMatrix.from_numpy(votes, labelers=names, silence=silence)
    proba = grouped.predict_proba(known)
    assert frame.ungrouped() is None
    monkeypatch.setattr(cells, "PROBE", 10)
    for distinct in (True, False):
        monkeypatch.setattr(matrix, "mostly_distinct", lambda votes, distinct=distinct: distinct)
        rows = LabelMatrix.from_numpy(votes, labelers=names, silence=silence)
        plain = model().fit(rows)
        assert rows.ungrouped() is not None
        assert same_bits(plain, grouped) and plain.labelers_ == tuple(names)
        assert (plain.silence_ == silence).all()
        assert (plain.predict_proba(rows) == proba).all()
        turned = LabelMatrix.from_numpy(votes[:, ::-1], labelers=names[::-1], silence=silence[::-1])
        assert np.abs(plain.predict_proba(turned) - proba).max() < 1e-12
    with pytest.raises(ModelError, match=r"new: other.*missing: rule_0"):
        plain.predict(LabelMatrix.from_numpy(votes, labelers=["other", *names[1:]], silence=silence))


def test_a_big_fit_of_rows_says_so_beforehand(monkeypatch, caplog):
    votes, _ = independent(n=3000, m=10)
    monkeypatch.setattr("weaklabel.label_matrix.matrix.mostly_distinct", lambda votes: True)
    monkeypatch.setattr("weaklabel.label_model.base.BIG", 1000)
    with caplog.at_level("WARNING", logger="weaklabel.label_model"):
        model().fit(votes)
    heard = np.unique(votes[(votes >= 0).any(axis=1)], axis=0)
    assert f"0.0 GB beyond the votes: {len(heard)} distinct rows, {(votes >= 0).sum()} votes" in caplog.text


@pytest.mark.parametrize("distinct", [True, False])
def test_two_different_rows_with_one_key_are_an_error(distinct, monkeypatch):
    votes, _ = independent(n=50, m=10)
    monkeypatch.setattr(cells, "PROBE", 10)
    monkeypatch.setattr(matrix, "mostly_distinct", lambda votes: distinct)
    monkeypatch.setattr(cells, "event_table", lambda names, silence, codes: np.zeros((10, 4), np.int64))
    with pytest.raises(VotesError, match="two different rows of votes have the same key"):
        model().fit(votes)


def test_unanimous_votes_may_be_overruled_when_asked_for():
    """Class 1 has many rules, so that silence of all of them speaks for class 0, whatever the one voter says."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 3000)
    votes = np.full((3000, 9), -1, np.int8)
    for j in range(8):
        votes[rng.random(3000) < np.where(truth == 1, 0.5, 0.02), j] = 1
    votes[rng.random(3000) < np.where(truth == 0, 0.6, 0.1), 8] = 0
    lonely = np.full((1, 9), -1, np.int8)
    lonely[0, 0] = 1
    assert model(trust=0.5).fit(votes).predict(lonely).tolist() == [1]
    assert model(trust=1.0).fit(votes).predict(lonely).tolist() == [1]
    assert model(trust=1.0, keep_unanimous=False).fit(votes).predict(lonely).tolist() == [0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prior_accuracy": 0.5}, "prior_accuracy is above 0.5 and below 1, not 0.5"),
        ({"prior_accuracy": 1.0}, "prior_accuracy is above 0.5 and below 1, not 1.0"),
        ({"trust": 1.5}, "trust is 0 to 1, not 1.5"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ModelError) as told:
        model(**options)
    assert message in str(told.value)


FIT = """
import json, sys, numpy as np
from weaklabel.label_matrix import matrix
from weaklabel.label_model import cells, create, event_bayes

if sys.argv[1] != "patterns":
    cells.PROBE, matrix.mostly_distinct = 10, lambda votes: sys.argv[1] == "rows"
event_bayes.MAX_PATTERNS = 12
k = int(sys.argv[2])
rng = np.random.default_rng(0)
truth = rng.integers(0, k, 40)
votes = np.where(rng.random((40, 5)) < 0.6, np.where(rng.random((40, 5)) < 0.8, truth[:, None], 0), -1)
votes[3:6], votes[7, 2] = -1, -2
votes = np.column_stack([votes, votes[:, 1]]).astype(np.int8)
print(json.dumps(create("event_bayes", n_classes=k).fit(votes).predict_proba(votes).tolist()))
"""


@pytest.mark.parametrize("k", ["2", "3"])
def test_the_fit_is_the_same_without_the_compiler(k):
    answers = []
    for rows, off in (("rows", "1"), ("grouped", "1"), ("patterns", "1"), ("rows", "0")):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", FIT, rows, k],
            env={**os.environ, "NUMBA_DISABLE_JIT": off},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        answers.append(np.array(json.loads(done.stdout)))
    assert (answers[0] == answers[1]).all()
    assert (answers[0] == answers[2]).all()
    assert np.allclose(answers[0], answers[3], rtol=0, atol=1e-12)
