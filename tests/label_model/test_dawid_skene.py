import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from strategies import vote_matrices
from weaklabel.errors import ModelError
from weaklabel.label_matrix import LabelMatrix, as_patterns
from weaklabel.label_model import create
from weaklabel.label_model.duplicates import duplicate_groups

TWIN = {"merge_duplicates": False, "keep_unanimous": False, "tol": 0.0}


def make(k, **options):
    return create("dawid_skene", n_classes=k, **options)


@settings(deadline=None, max_examples=60)
@given(
    vote_matrices(max_rows=10, max_labelers=4),
    st.sampled_from([0.0, 0.25, 4.0, None]),
    st.sampled_from([0.5, 0.8]),
    st.integers(1, 6),
    st.data(),
)
def test_equals_its_twin(votes, smoothing, prior_accuracy, n_passes, data):
    silence = data.draw(st.lists(st.sampled_from([-1, -2]), min_size=votes.shape[1], max_size=votes.shape[1]))
    gold = data.draw(st.lists(st.integers(-1, 2), min_size=len(votes), max_size=len(votes)))
    matrix = LabelMatrix.from_numpy(votes, silence=silence)
    known = {str(i): g for i, g in enumerate(gold) if g >= 0}
    options = {"smoothing": smoothing, "prior_accuracy": prior_accuracy}
    # the same number of passes for both, whether or not ours sees that nothing moves any more
    model = make(3, **options, **TWIN, max_iter=n_passes).fit(matrix, gold=known)
    pi, theta, history, posterior = naive.dawid_skene(
        votes.tolist(), 3, silence, n_passes=model.n_iter_, gold=gold, **options
    )
    if smoothing == 0:  # a class or answer nobody gave: 0/0 in both, but sums of doubles may differ by 1e-16
        assert model.log_likelihood_ == pytest.approx(history, rel=1e-9, abs=1e-9)
        return
    assert model.class_balance_ == pytest.approx(pi, abs=1e-9)
    assert np.abs(model.confusion_ - np.array(theta)).max() < 1e-9
    assert model.log_likelihood_ == pytest.approx(history, rel=1e-9, abs=1e-9)
    for ours, theirs in zip(model.predict_proba(matrix), posterior, strict=True):
        assert ours == pytest.approx(theirs if theirs is not None else pi, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_equals_its_twin_without_smoothing_too(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 60)
    votes = np.where(rng.random((60, 4)) < 0.7, truth[:, None], rng.integers(-2, 3, (60, 4))).astype(np.int8)
    start = rng.dirichlet([1, 1, 1], 60)
    silence = [-1, -1, -2, -2]
    model = make(3, smoothing=0, start=start, **TWIN, max_iter=15)
    model.fit(LabelMatrix.from_numpy(votes, silence=silence))
    pi, theta, history, posterior = naive.dawid_skene(
        votes.tolist(), 3, silence, smoothing=0, prior_accuracy=0.8, n_passes=15, start=start.tolist()
    )
    assert model.n_iter_ == 15
    assert model.log_likelihood_ == pytest.approx(history, rel=1e-9)
    assert model.class_balance_ == pytest.approx(pi, abs=1e-9)
    assert np.abs(model.confusion_ - np.array(theta)).max() < 1e-9
    covered = [i for i, p in enumerate(posterior) if p is not None]
    assert (
        np.abs(model.predict_proba(votes)[covered] - np.array([posterior[i] for i in covered])).max() < 1e-9
    )


@settings(deadline=None, max_examples=60)
@given(vote_matrices(max_rows=8, max_labelers=3), st.sampled_from([0.25, None]))
def test_unanimous_votes_equal_their_twin(votes, smoothing):
    plain = make(3, smoothing=smoothing, merge_duplicates=False, keep_unanimous=False).fit(votes)
    kept = make(3, smoothing=smoothing, merge_duplicates=False).fit(votes)
    assert (plain.confusion_ == kept.confusion_).all()
    for row, before, after in zip(
        votes.tolist(), plain.predict_proba(votes), kept.predict_proba(votes), strict=True
    ):
        expected = naive.keep_unanimous(row, kept.confusion_.tolist(), 3, before.tolist())
        assert after == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(vote_matrices(max_rows=12, max_labelers=4))
def test_unanimous_better_than_chance_votes_are_never_inverted(votes):
    model = make(3).fit(votes)
    labels = model.predict(votes)
    for row, label in zip(votes.tolist(), labels, strict=True):
        said = {v for v in row if v >= 0}
        if len(said) == 1:
            y = said.pop()
            own = model.confusion_[[j for j, v in enumerate(row) if v >= 0], :, y]
            if (own[:, [y]] > np.delete(own, y, axis=1) * (1 + 1e-9)).all():
                assert label == y


def test_prior_and_silence_do_not_overrule_a_trustworthy_unanimous_vote():
    """All gold, so that every parameter can be counted: class 1 is one row in ten; rule c says 1 on .3 and .5."""
    truth = np.repeat([0, 1], [90, 10])
    a = truth  # always right
    b = np.where(np.arange(100) >= 91, 1, -1)  # silent on class 0, loud on 9 rows of class 1
    c = np.where((np.arange(100) < 27) | (np.arange(100) >= 95), 1, -1)
    votes = np.column_stack([a, b, c]).astype(np.int8)
    plain = make(2, smoothing=0, keep_unanimous=False).fit(votes, gold=truth)
    kept = make(2, smoothing=0).fit(votes, gold=truth)
    alone, silent = [[-2, -2, 1]], [[-2, -1, 1]]
    assert plain.predict_proba(alone)[0] == pytest.approx(np.array([0.9 * 0.3, 0.1 * 0.5]) / 0.32)
    assert plain.predict_proba(silent)[0] == pytest.approx(np.array([0.27, 0.05 * 0.1]) / 0.275)
    for row in (alone, silent):
        assert plain.predict(row).tolist() == [0]
        assert kept.predict(row).tolist() == [1]
        assert kept.predict_proba(row)[0] == pytest.approx([0.3 / 0.8, 0.5 / 0.8])
    conflict = [[0, -2, 1]]
    assert (kept.predict_proba(conflict) == plain.predict_proba(conflict)).all()


# Table 1 of A. P. Dawid and A. M. Skene (1979): the grades that five anaesthetists gave to 45 patients; the first
# graded each patient three times. One word a patient: three grades of observer 1, then one of observers 2 to 5.
ANAESTHETISTS = [
    "1111111",
    "3334334",
    "1122122",
    "2223121",
    "2223222",
    "2223322",
    "1222111",
    "3333433",
    "2222223",
    "2322223",
    "4444444",
    "2223343",
    "1111111",
    "2223212",
    "1211111",
    "1112111",
    "1111111",
    "1111111",
    "2222221",
    "2221322",
    "2222222",
    "2222221",
    "2223222",
    "2212222",
    "1111111",
    "1111111",
    "2322222",
    "1111111",
    "1111111",
    "1121121",
    "1111111",
    "3333233",
    "1111111",
    "2222222",
    "2223232",
    "4334343",
    "2212232",
    "2323233",
    "3333432",
    "1111111",
    "1111111",
    "1212111",
    "2322222",
    "1211111",
    "2222222",
]
# Its tables 2 and 4: error rates by observer and true grade, and the grades of the 45 patients.
ERROR_RATES = [
    [[0.89, 0.11, 0, 0], [0.07, 0.88, 0.05, 0], [0, 0.34, 0.66, 0], [0, 0, 0.56, 0.44]],
    [[0.83, 0.17, 0, 0], [0.05, 0.63, 0.31, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
    [[1, 0, 0, 0], [0.11, 0.79, 0.11, 0], [0, 0.40, 0.20, 0.40], [0, 0, 0.67, 0.33]],
    [[0.94, 0.06, 0, 0], [0.05, 0.84, 0.10, 0], [0, 0, 0.80, 0.20], [0, 0, 0.33, 0.67]],
    [[1, 0, 0, 0], [0.16, 0.73, 0.11, 0], [0, 0.21, 0.79, 0], [0, 0, 0.33, 0.67]],
]
GRADES = "142222132243121111222222112111131224233111212"


def anaesthetists():
    import polars as pl

    rows = [
        (f"patient {i}", f"observer {max(a - 2, 0) + 1}", int(grade) - 1)
        for i, word in enumerate(ANAESTHETISTS, 1)
        for a, grade in enumerate(word)
    ]
    return LabelMatrix.from_answers(pl.DataFrame(rows, schema=["item", "labeler", "code"], orient="row"))


def test_the_example_of_the_paper():
    votes = anaesthetists()
    assert votes.shape == (45, 5)
    assert len(votes.events().codes) == 45 * 7  # a labeler's repeated answers are separate events
    model = make(4, smoothing=0, tol=1e-12, max_iter=1000).fit(votes)
    assert model.converged_
    assert model.class_balance_ == pytest.approx([0.40, 0.42, 0.11, 0.07], abs=0.005)
    assert np.abs(model.confusion_[:, :, :4] - np.array(ERROR_RATES)).max() < 0.0051
    assert (model.confusion_[:, :, 4] == 0).all()
    assert model.predict(votes).tolist() == [int(g) - 1 for g in GRADES]
    proba = dict(zip(votes.ids, model.predict_proba(votes), strict=True))
    for patient, expected in ((7, [0.98, 0.02, 0, 0]), (35, [0, 0.95, 0.05, 0]), (38, [0, 0.02, 0.98, 0])):
        assert proba[f"patient {patient}"] == pytest.approx(expected, abs=0.005)
    others = [p.max() for name, p in proba.items() if name not in {"patient 7", "patient 35", "patient 38"}]
    assert min(others) > 0.99


@settings(deadline=None, max_examples=60)
@given(vote_matrices(max_rows=12, max_labelers=4), st.sampled_from([0.0, 0.1, None]), st.booleans())
def test_the_penalised_likelihood_never_falls(votes, smoothing, merge):
    history = (
        make(3, smoothing=smoothing, merge_duplicates=merge, tol=0, max_iter=30).fit(votes).log_likelihood_
    )
    assert (np.diff(history) >= -1e-9 * np.maximum(np.abs(history[1:]), 1)).all()


def test_duplicates_are_merged_and_named():
    rng = np.random.default_rng(0)
    votes = rng.integers(-1, 2, (40, 4)).astype(np.int8)
    copied = LabelMatrix.from_numpy(votes[:, [0, 1, 0, 2, 3, 0]], labelers=list("abcdef"))
    plain = LabelMatrix.from_numpy(votes, labelers=list("abde"))
    a, b = make(2).fit(plain), make(2).fit(copied)
    assert b.duplicates_ == (("a", "c", "f"),)
    assert a.duplicates_ == ()
    assert np.abs(a.confusion_ - b.confusion_[[0, 1, 3, 4]]).max() < 1e-12
    assert np.abs(b.confusion_[0] - b.confusion_[[2, 5]]).max() < 1e-12
    assert np.abs(a.predict_proba(plain) - b.predict_proba(copied)).max() < 1e-12
    assert a.log_likelihood_ == pytest.approx(b.log_likelihood_, rel=1e-12)
    counted = make(2, merge_duplicates=False).fit(copied)
    assert counted.duplicates_ == ()
    assert np.abs(counted.predict_proba(copied) - b.predict_proba(copied)).max() > 1e-3
    apart = copied.to_numpy()[:1].copy()
    apart[0, [0, 2, 5]] = [1, 0, -1]  # merged rules that differ later share their one vote
    assert np.isfinite(b.predict_proba(apart)).all()


def test_people_who_agree_are_not_merged():
    votes = [[0, 0, 1], [1, 1, -2], [0, 0, 0], [-2, -2, 1]]
    assert make(2).fit(votes).duplicates_ == ()
    assert duplicate_groups(LabelMatrix.from_numpy(votes, silence=-1).patterns()) == ((0, 1),)
    assert duplicate_groups(LabelMatrix.from_numpy(votes, silence=-2).patterns()) == ()


def test_abstaining_is_evidence_and_not_being_asked_is_not():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 400)
    votes = np.where(rng.random((400, 4)) < 0.85, truth[:, None], 1 - truth[:, None]).astype(np.int8)
    loud = (truth == 1) & (rng.random(400) < 0.9)
    rule = np.where(loud, 1, -1)  # votes on nearly every row of class 1, so its silence speaks for class 0
    asked = make(2, keep_unanimous=False).fit(np.column_stack([votes, rule]))
    row = [[0, 1, 0, 1, -1], [0, 1, 0, 1, -2]]
    silent, missing = asked.predict_proba(row)
    assert silent[0] > missing[0] + 0.1
    theta = asked.confusion_
    by_hand = asked.class_balance_ * theta[0, :, 0] * theta[1, :, 1] * theta[2, :, 0] * theta[3, :, 1]
    assert missing == pytest.approx(by_hand / by_hand.sum(), abs=1e-12)
    by_hand = by_hand * theta[4, :, 2]
    assert silent == pytest.approx(by_hand / by_hand.sum(), abs=1e-12)


def test_silence_may_be_written_either_way():
    rng = np.random.default_rng(2)
    votes = rng.choice([0, 1, -1, -2], (50, 4)).astype(np.int8)
    models = [
        make(2, smoothing=1, merge_duplicates=False).fit(LabelMatrix.from_numpy(votes, silence=s))
        for s in (-1, -2)
    ]
    assert np.abs(models[0].predict_proba(votes) - models[1].predict_proba(votes)).max() < 1e-9
    assert np.abs(models[0].confusion_ - models[1].confusion_).max() < 1e-9


def test_rows_without_votes_change_nothing():
    rng = np.random.default_rng(3)
    votes = rng.integers(-1, 2, (30, 3)).astype(np.int8)
    more = np.vstack([votes, np.full((1000, 3), -1, np.int8)])
    a, b = make(2).fit(votes), make(2).fit(more)
    assert (a.confusion_ == b.confusion_).all()
    assert (a.class_balance_ == b.class_balance_).all()


def test_gold_is_believed():
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, 200)
    bad = np.where(
        rng.random((200, 3)) < 0.25, truth[:, None], 1 - truth[:, None]
    )  # three rules worse than chance
    good = np.where(rng.random((200, 2)) < 0.9, truth[:, None], 1 - truth[:, None])
    votes = np.column_stack([bad, good]).astype(np.int8)
    gold = np.where(np.arange(200) < 100, truth, -1)
    plain, taught = make(2, smoothing=0.1).fit(votes), make(2, smoothing=0.1).fit(votes, gold=gold)
    rest = slice(100, None)
    assert (plain.predict(votes)[rest] == truth[rest]).mean() < 0.3
    assert (taught.predict(votes)[rest] == truth[rest]).mean() > 0.85


def test_all_gold_is_counting():
    votes = np.array([[0, 1], [1, 1], [0, -1], [1, 0]], np.int8)
    model = make(2, smoothing=0).fit(votes, gold=[0, 1, 0, 1])
    assert model.class_balance_.tolist() == [0.5, 0.5]
    assert model.confusion_[0].tolist() == [[1, 0, 0], [0, 1, 0]]
    assert model.confusion_[1].tolist() == [[0, 0.5, 0.5], [0.5, 0.5, 0]]


def test_a_vote_or_an_abstention_never_seen_in_the_fit_is_no_evidence():
    votes = np.array([[0, 1, 1], [1, 1, 1], [0, 0, -1], [1, 0, -1]], np.int8)
    model = make(2, smoothing=0, keep_unanimous=False).fit(votes)
    answers = model.predict_proba([[-1, 0, -1], [-2, 0, -1], [-2, 0, 0], [-2, 0, -2]])
    assert answers[0] == pytest.approx(answers[1], abs=1e-12)
    assert answers[2] == pytest.approx(answers[3], abs=1e-12)


def test_start_decides_which_way_a_symmetric_fit_falls():
    votes = np.array([[0, 1], [1, 0]] * 10, np.int8)
    start = np.tile([[0.9, 0.1], [0.1, 0.9]], (10, 1))
    believed = make(2, smoothing=0, start=start, keep_unanimous=False).fit(votes)
    assert believed.predict(votes).tolist() == [0, 1] * 10
    other = make(2, smoothing=0, start=start[:, ::-1], keep_unanimous=False).fit(votes)
    assert other.predict(votes).tolist() == [1, 0] * 10
    patterns = as_patterns(votes)
    by_pattern = np.zeros((2, 2))
    by_pattern[patterns.inverse] = start
    counted = make(2, smoothing=0, start=by_pattern, keep_unanimous=False).fit(patterns.without_rows())
    assert (counted.confusion_ == believed.confusion_).all()


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (np.full((3, 2), 0.5), "start has 3 rows for 2 rows of votes"),
        (np.full((2, 3), 1 / 3), "start has 2 rows for 2 rows of votes"),
        ([[0.5, 0.6], [0.5, 0.5]], "each row is 0 or more and sums to 1"),
        ([[1.5, -0.5], [0.5, 0.5]], "each row is 0 or more and sums to 1"),
        ([[np.nan, 0.5], [0.5, 0.5]], "each row is 0 or more and sums to 1"),
    ],
)
def test_starts_that_make_no_sense(start, message):
    with pytest.raises(ModelError) as error:
        make(2, start=start).fit([[0, 1], [1, 1]])
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smoothing": -1}, "smoothing is 0 or more, not -1"),
        ({"smoothing": float("nan")}, "smoothing is 0 or more, not nan"),
        ({"prior_accuracy": 0.2}, "prior_accuracy is 0.5 to below 1, not 0.2"),
        ({"prior_accuracy": 1.0}, "prior_accuracy is 0.5 to below 1, not 1.0"),
        ({"tol": -1e-3}, "tol is 0 or more"),
        ({"max_iter": 0}, "max_iter is a whole number from 1, not 0"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ModelError) as error:
        make(2, **options)
    assert message in str(error.value)


def test_convergence_is_reported():
    rng = np.random.default_rng(5)
    votes = rng.integers(-1, 3, (300, 5)).astype(np.int8)
    short = make(3, max_iter=2, tol=0).fit(votes)
    assert (short.n_iter_, short.converged_, len(short.log_likelihood_)) == (2, False, 2)
    whole = make(3).fit(votes)
    assert whole.converged_
    assert whole.n_iter_ == len(whole.log_likelihood_) < 200


def test_two_hundred_rules_and_repeated_passes_stay_finite():
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 2, 50)
    votes = np.where(rng.random((50, 200)) < 0.6, truth[:, None], 1 - truth[:, None]).astype(np.int8)
    for smoothing in (0, None):
        model = make(2, smoothing=smoothing).fit(votes)
        assert np.isfinite(model.log_likelihood_).all()
        assert np.isfinite(model.predict_proba(votes)).all()
        assert (model.predict(votes) == truth).all()


# ---- histories ----

PAST = {"0": [[8, 2], [1, 9]], "1": [[5, 5], [5, 5]], "gone": [[7, 0], [0, 7]]}


def test_a_history_is_added_to_the_counts():
    votes = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.int8)
    model = make(2, smoothing=0, history=PAST, **TWIN).fit(votes, gold=[0, 0, 1, 1])
    assert model.confusion_[0, :, :2] == pytest.approx(np.array([[10 / 12, 2 / 12], [1 / 12, 11 / 12]]))
    assert model.confusion_[1, :, :2] == pytest.approx(np.array([[6 / 12, 6 / 12], [6 / 12, 6 / 12]]))
    assert model.class_balance_ == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("smoothing", [0, 0.25, None])
def test_the_likelihood_never_falls_with_a_history(smoothing):
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, 80)
    votes = np.where(rng.random((80, 3)) < 0.7, truth[:, None], 1 - truth[:, None]).astype(np.int8)
    model = make(2, smoothing=smoothing, history=PAST, tol=0, max_iter=60).fit(votes)
    steps = np.diff(model.log_likelihood_)
    assert (steps >= -1e-9 * np.abs(model.log_likelihood_[1:])).all()
    assert steps[0] > 0


def test_an_empty_history_changes_no_bit():
    votes = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 0], [1, 1, -1]], np.int8)
    plain = make(2).fit(votes)
    assert (make(2, history={}).fit(votes).confusion_ == plain.confusion_).all()
    assert (make(2, history={"0": np.zeros((2, 2))}).fit(votes).confusion_ == plain.confusion_).all()


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([[1, 2]], r"the history of 'ann' is \(1, 2\), not a \(2, 2\) table of counts"),
        ([[1, -2], [0, 1]], "the history of 'ann' holds counts, 0 or more"),
        ([[1, np.nan], [0, 1]], "the history of 'ann' holds counts, 0 or more"),
    ],
)
def test_a_history_is_a_table_of_counts(counts, message):
    with pytest.raises(ModelError, match=message):
        make(2, history={"ann": counts})
