"""Agreement beyond chance: kappa, alpha, and whether their intervals cover what they say."""

import math

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, confusion_matrix

import naive
from weaklabel.agreement import (
    alpha_of_counts,
    answer_counts,
    cohen_kappa,
    confusion_counts,
    kappa_of_counts,
    krippendorff_alpha,
    raw_agreement,
)
from weaklabel.errors import VotesError
from weaklabel.stats import wilson

PAIRS = st.lists(st.tuples(st.integers(-2, 3), st.integers(-2, 3)), max_size=40)
MATRICES = st.integers(1, 5).flatmap(
    lambda m: st.lists(st.lists(st.integers(-2, 3), min_size=m, max_size=m), min_size=1, max_size=25)
)

# K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), sections A, B and C: observers by units
TWO_BINARY = ["0100000010", "1110010000"]
TWO_NOMINAL = ["aabbdcccedda", "babbbccceddd"]
MANY = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]


def units(observers):
    """Rows of units by observers from one text an observer; a dot is a missing answer."""
    names = sorted({c for text in observers for c in text} - {"."})
    return np.array([[names.index(c) if c != "." else -2 for c in text] for text in observers]).T


# ---- raw agreement and confusion ----


def test_raw_agreement_is_wilsons_proportion_of_rows_both_answered():
    found, plain = raw_agreement([0, 1, 1, 0, -2, -1], [0, 1, 0, 0, 1, 1]), wilson(3, 4)
    assert (found.value, found.low, found.high) == (plain.value, plain.low, plain.high)
    assert (found.n, found.coverage) == (4, 4 / 6)


def test_confusion_worked_by_hand():
    assert confusion_counts([0, 1, 1, 0, -2, 2], [0, 1, 0, 0, 1, -1], n_classes=3).tolist() == [
        [2, 0, 0],
        [1, 1, 0],
        [0, 0, 0],
    ]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_confusion_equals_scikit_learn(pairs):
    a, b = zip(*pairs, strict=True)
    assert (confusion_counts(a, b, n_classes=4) == confusion_matrix(a, b, labels=range(4))).all()


def test_nothing_in_common():
    for found in (raw_agreement([0, -2], [-2, 1]), cohen_kappa([0, -2], [-2, 1]), cohen_kappa([], [])):
        assert (found.value, found.low, found.high, found.n) == (None, None, None, 0)
    assert raw_agreement([0, -2], [-2, 1]).coverage == 0
    assert confusion_counts([], [], n_classes=2).tolist() == [[0, 0], [0, 0]]


# ---- kappa ----


def test_kappa_worked_by_hand():
    # 35 of 50 the same; by chance .5 * .6 + .5 * .4 = .5; (.7 - .5) / (1 - .5) = .4
    assert kappa_of_counts([[20, 5], [10, 15]]).value == pytest.approx(0.4, abs=1e-15)


def test_kappa_of_published_tables():
    # J. Cohen (1960), 200 patients, three diagnoses: agreement .29 where chance gives .35
    cohen = kappa_of_counts([[50, 26, 24], [24, 4, 32], [6, 30, 4]])
    assert cohen.value == pytest.approx((0.29 - 0.35) / 0.65, abs=1e-12)
    # J. L. Fleiss, "Statistical methods for rates and proportions": psychotic, neurotic, organic; agreement .89, by
    # chance .66, kappa .68
    fleiss = kappa_of_counts([[75, 1, 4], [5, 4, 1], [0, 0, 10]])
    assert fleiss.value == pytest.approx((0.89 - 0.66) / 0.34, abs=1e-12)
    # SAS/STAT user's guide, PROC FREQ, "Agreement study", two dermatologists: .3449, standard error .0724
    skin = kappa_of_counts([[10, 4, 1, 0], [5, 10, 12, 2], [2, 4, 12, 5], [0, 2, 6, 13]], interval="normal")
    assert skin.value == pytest.approx(0.3449, abs=5e-5)
    assert (skin.high - skin.low) / 2 / 1.959964 == pytest.approx(0.0724, abs=5e-5)


@given(PAIRS)
def test_kappa_equals_its_twin_and_scikit_learn(pairs):
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    found, twin = cohen_kappa(a, b, n_classes=4), naive.kappa(a, b)
    assert found.value == (None if twin is None else pytest.approx(twin, abs=1e-12))
    if twin is not None:
        both = [(x, y) for x, y in pairs if x >= 0 and y >= 0]
        assert twin == pytest.approx(cohen_kappa_score(*zip(*both, strict=True)), abs=1e-12)
        assert found.low <= found.value <= found.high and (found.n, found.coverage) == (
            len(both),
            len(both) / len(pairs),
        )


@pytest.mark.parametrize(
    "counts", [[[20, 5], [10, 15]], [[75, 1, 4], [5, 4, 1], [0, 0, 10]], [[9, 1, 2], [3, 0, 4], [1, 1, 7]]]
)
def test_variance_equals_small_steps(counts):
    table = np.array(counts)
    normal = kappa_of_counts(table, interval="normal")
    half = 1.959964 * math.sqrt(naive.kappa_gradient_variance(table))
    assert normal.low == pytest.approx(normal.value - half, abs=1e-5)
    assert normal.high == pytest.approx(min(normal.value + half, 1), abs=1e-5)


def test_from_many_rows_the_two_intervals_meet():
    table = np.array([[75, 10, 4], [5, 40, 1], [8, 0, 10]]) * 1000
    score, normal = kappa_of_counts(table), kappa_of_counts(table, interval="normal")
    assert score.low == pytest.approx(normal.low, abs=1e-4)
    assert score.high == pytest.approx(normal.high, abs=1e-4)


def test_agreement_on_every_row_is_no_certainty():
    found = kappa_of_counts([[6, 0], [0, 6]])
    # Wilson: 12 of 12 may be 12 / (12 + 1.96^2) = .7575; kappa (.7575 - .5) / .5
    assert found.value == 1 and found.high == 1
    assert found.low == pytest.approx(2 * 12 / (12 + 1.959964**2) - 1, abs=1e-6)
    assert kappa_of_counts([[6, 0], [0, 6]], interval="normal").low == 1


def test_one_class_only_measures_nothing_but_one_constant_labeler_is_chance():
    found = cohen_kappa([1, 1, 1], [1, 1, 1])
    assert (found.value, found.n, found.coverage) == (None, 3, 1.0)
    assert str(found) == "not measured (n=3)"
    constant = cohen_kappa([0, 1, 0, 1], [1, 1, 1, 1])
    assert constant.value == 0 and constant.low < 0 < constant.high


@given(PAIRS, st.permutations(range(4)))
def test_order_of_rows_people_and_classes_changes_nothing(pairs, names):
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    one = cohen_kappa(a, b)
    other = cohen_kappa(
        [names[y] if y >= 0 else y for y in b[::-1]], [names[x] if x >= 0 else x for x in a[::-1]]
    )
    assert (one.value, one.low, one.high) == (
        pytest.approx((other.value, other.low, other.high), abs=1e-12)
        if one.value is not None
        else (None,) * 3
    )


def kappa_of_shares(p):
    chance = p.sum(axis=1) @ p.sum(axis=0)
    return (np.trace(p) - chance) / (1 - chance)


def labels_of_two(generator, share, accuracy, n, runs):
    """Tables of two labelers who are each right that often, shape (runs, k, k), and the true kappa."""
    k = len(share)
    right = np.full((k, k), (1 - accuracy) / (k - 1)) + np.eye(k) * (accuracy - (1 - accuracy) / (k - 1))
    p = np.einsum("c,ci,cj->ij", np.array(share), right, right)
    true = kappa_of_shares(p)
    return generator.multinomial(n, p.ravel(), size=runs).reshape(runs, k, k), true


@pytest.mark.parametrize("share", [[0.5, 0.5], [0.25] * 4, [0.7, 0.2, 0.05, 0.05]])
@pytest.mark.parametrize("accuracy", [0.99, 0.9, 0.7])
@pytest.mark.parametrize("n", [30, 100])
def test_kappas_interval_covers_what_it_says(share, accuracy, n):
    generator = np.random.default_rng(5)
    tables, true = labels_of_two(generator, share, accuracy, n, 1000)
    kinds, times = np.unique(tables.reshape(1000, -1), axis=0, return_counts=True)
    covered = measured = 0
    for kind, count in zip(kinds, times, strict=True):
        found = kappa_of_counts(kind.reshape(tables.shape[1:]))
        measured += count * (found.value is not None)
        covered += count * (found.value is not None and found.low - 1e-12 <= true <= found.high + 1e-12)
    # 1000 runs at 95 %: standard error .7 %; three of them below, and never far too wide
    assert covered / measured >= 0.92
    assert accuracy == 0.99 or covered / measured <= 0.985


def test_the_normal_interval_fails_near_one():
    tables, true = labels_of_two(np.random.default_rng(5), [0.5, 0.5], 0.99, 30, 300)
    normal = [kappa_of_counts(t, interval="normal") for t in tables]
    score = [kappa_of_counts(t) for t in tables]
    assert np.mean([e.low <= true <= e.high for e in normal]) < 0.6
    assert np.mean([e.low <= true <= e.high for e in score]) > 0.92


# ---- alpha ----


def test_alpha_of_published_data():
    assert krippendorff_alpha(units(TWO_BINARY)).value == pytest.approx(0.095, abs=5e-4)
    assert krippendorff_alpha(units(TWO_NOMINAL)).value == pytest.approx(0.692, abs=5e-4)
    many = krippendorff_alpha(units(MANY))
    assert many.value == pytest.approx(0.743, abs=5e-4)
    assert (many.n, many.coverage) == (11, 11 / 12)  # the twelfth unit has one answer


def test_alpha_worked_by_hand():
    # units {0,0}, {1,1}, {0,1}: 6 answers, 3 of each; observed 2/6, expected 2*9/30; 1 - (1/3) / .6
    assert krippendorff_alpha([[0, 0], [1, 1], [0, 1]]).value == pytest.approx(1 - (1 / 3) / 0.6, abs=1e-15)


@given(MATRICES)
def test_alpha_equals_its_twin_and_the_krippendorff_package(rows):
    found, twin = krippendorff_alpha(rows, n_classes=4, resamples=20), naive.alpha(rows)
    assert found.value == (None if twin is None else pytest.approx(twin, abs=1e-12))
    assert found.n == sum(sum(v >= 0 for v in row) >= 2 for row in rows)
    if twin is not None:
        table = answer_counts(rows, n_classes=4)
        theirs = krippendorff.alpha(value_counts=table, level_of_measurement="nominal")
        assert twin == pytest.approx(theirs, abs=1e-12)
        assert found.low <= found.value <= found.high


def test_alpha_of_reliability_data_as_the_package_takes_them():
    data = units(MANY)
    theirs = krippendorff.alpha(np.where(data >= 0, data, np.nan).T, level_of_measurement="nominal")
    assert krippendorff_alpha(data).value == pytest.approx(theirs, abs=1e-12)


@given(MATRICES, st.permutations(range(4)), st.randoms(use_true_random=False))
def test_order_of_items_people_and_classes_moves_no_interval(rows, names, random):
    shuffled = [row[:] for row in rows]
    random.shuffle(shuffled)
    for row in shuffled:
        random.shuffle(row)
    renamed = [[names[v] if v >= 0 else v for v in row] for row in shuffled]
    one = krippendorff_alpha(rows, seed=3, resamples=50, n_classes=4)
    assert krippendorff_alpha(shuffled, seed=3, resamples=50, n_classes=4) == one
    other = krippendorff_alpha(renamed, seed=3, resamples=50, n_classes=4)
    if one.value is not None:
        assert one.value == pytest.approx(other.value, abs=1e-12)


def test_order_of_classes_moves_no_interval():
    rows = units(MANY)
    one, other = krippendorff_alpha(rows), krippendorff_alpha(np.where(rows >= 0, 4 - rows, rows))
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-12)


def test_one_code_an_answer_gives_the_same():
    rows = units(MANY)
    place, person = np.nonzero(rows >= 0)
    long = krippendorff_alpha(rows[place, person], items=[f"u{i:02}" for i in place])
    whole = krippendorff_alpha(rows)
    assert (long.value, long.low, long.high) == (whole.value, whole.low, whole.high)
    assert (answer_counts(rows[place, person], items=place) == answer_counts(rows)).all()


def test_alpha_where_there_is_none():
    for rows in ([[0, -2], [-2, 1]], [[1, 1], [1, 1]], [[-2, -2]]):
        found = krippendorff_alpha(rows)
        assert (found.value, found.low, found.high) == (None, None, None)
    assert krippendorff_alpha([[0, -2], [-2, 1]]).coverage == 0
    assert krippendorff_alpha(np.zeros((0, 3), dtype=np.int64)).coverage is None


def test_full_agreement_has_an_interval_and_quantiles_of_equal_resamples_have_none():
    rows = [[0, 0]] * 10 + [[1, 1]] * 10
    score, percentile = krippendorff_alpha(rows), krippendorff_alpha(rows, interval="percentile")
    # Wilson: 20 of 20 may be 20 / (20 + 1.96^2) = .8389; expected disagreement .5 * 40/39
    assert score.low == pytest.approx(1 - (1 - 20 / (20 + 1.959964**2)) / (20 / 39), abs=1e-6)
    assert (score.value, score.high) == (1, 1)
    assert (percentile.value, percentile.low, percentile.method) == (
        1,
        None,
        "no interval: all items are alike",
    )


def test_the_seed_decides_the_resamples():
    rows = units(MANY)
    assert krippendorff_alpha(rows, seed=1) == krippendorff_alpha(rows, seed=1)
    assert krippendorff_alpha(rows, seed=1).low != krippendorff_alpha(rows, seed=2).low


def answers_of(generator, share, accuracy, people, gone, n):
    """Counts of answers of people who are each right that often and miss that share of the items."""
    k = len(share)
    truth = generator.choice(k, size=n, p=share)
    right = generator.random((n, people)) < accuracy
    other = (truth[:, None] + generator.integers(1, k, size=(n, people))) % k
    codes = np.where(right, truth[:, None], other)
    return answer_counts(np.where(generator.random((n, people)) < gone, -2, codes), n_classes=k)


def alpha_of_shares(share, accuracy):
    """Alpha of people who are each right that often, on endlessly many items."""
    k = len(share)
    p = np.array(share) * accuracy + (1 - np.array(share)) * (1 - accuracy) / (k - 1)
    return 1 - (1 - accuracy**2 - (1 - accuracy) ** 2 / (k - 1)) / (1 - p @ p)


def test_the_answers_of_the_simulation_have_that_alpha():
    table = answers_of(np.random.default_rng(8), [0.7, 0.2, 0.05, 0.05], 0.8, 5, 0.4, 200_000)
    found = alpha_of_counts(table, resamples=2).value
    assert found == pytest.approx(alpha_of_shares([0.7, 0.2, 0.05, 0.05], 0.8), abs=0.006)


@pytest.mark.parametrize("share", [[0.5, 0.5], [0.7, 0.2, 0.05, 0.05]])
@pytest.mark.parametrize("accuracy", [0.99, 0.8])
@pytest.mark.parametrize(("people", "gone"), [(2, 0.0), (5, 0.4), (7, 0.0)])
def test_alphas_interval_covers_what_it_says(share, accuracy, people, gone):
    generator = np.random.default_rng(8)
    true = alpha_of_shares(share, accuracy)
    found = [
        alpha_of_counts(answers_of(generator, share, accuracy, people, gone, 50), resamples=200, seed=i)
        for i in range(400)
    ]
    # 400 runs at 95 %: standard error 1.1 %; three of them below
    covered = np.mean([e.low - 1e-12 <= true <= e.high + 1e-12 for e in found])
    assert covered >= 0.917
    assert accuracy == 0.99 or covered <= 0.985


def test_quantiles_of_resamples_fail_near_one():
    generator = np.random.default_rng(8)
    true = alpha_of_shares([0.5, 0.5], 0.99)
    tables = [answers_of(generator, [0.5, 0.5], 0.99, 2, 0, 30) for _ in range(200)]
    percentile = [alpha_of_counts(t, resamples=200, interval="percentile") for t in tables]
    score = [alpha_of_counts(t, resamples=200) for t in tables]
    assert np.mean([e.low is not None and e.low <= true <= e.high for e in percentile]) < 0.6
    assert np.mean([e.low - 1e-12 <= true <= e.high + 1e-12 for e in score]) > 0.92


# ---- mistakes ----


def complaint(function, *args, **options):
    with pytest.raises(VotesError) as caught:
        function(*args, **options)
    return str(caught.value)


def test_mistakes_are_explained():
    assert "vectors of one length, not (2,) and (3,)" in complaint(cohen_kappa, [0, 1], [0, 1, 1])
    assert "a hold float64, not whole numbers" in complaint(raw_agreement, [0.5, 1], [0, 1])
    assert "code 2 is no class: there are 2, 0 to 1" in complaint(cohen_kappa, [2], [0], n_classes=2)
    assert "is square, not (1, 2)" in complaint(kappa_of_counts, [[1, 2]])
    assert "whole numbers from 0" in complaint(kappa_of_counts, [[1, -2], [0, 0]])
    text = complaint(kappa_of_counts, [[1, 2], [0, 0]], interval="exact")
    assert "there is no interval 'exact'" in text and "available: score, normal" in text
    assert "available: score, percentile" in complaint(alpha_of_counts, [[1, 2]], interval="normal")
    assert "codes have shape (3,)" in complaint(krippendorff_alpha, [0, 1, 1])
    assert "2 items for 3 answers" in complaint(krippendorff_alpha, [0, 1, 1], items=["a", "b"])
    assert "at least 2 resamples, not 1" in complaint(alpha_of_counts, [[1, 2]], resamples=1)
    with pytest.raises(ValueError, match="confidence lies between 0 and 1, not 95"):
        kappa_of_counts([[1, 2], [0, 3]], interval="normal", confidence=95)
