import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from naive import mutual_information, shares_of_pairs_apart
from weaklabel.audit import scores
from weaklabel.audit.hints import by_words, gold_neighbours
from weaklabel.audit.scores import STRATEGIES, Beliefs, reason
from weaklabel.errors import GoldError

NAMES = ("ham", "spam", "news")


def tables(rows=st.integers(1, 6)):
    return st.tuples(rows, st.integers(0, 10_000)).map(
        lambda a: np.random.default_rng(a[1]).dirichlet([0.5] * 3, a[0])
    )


def beliefs(p, votes=None, **more):
    p = np.asarray(p, dtype=float)
    votes = np.zeros((len(p), 1), int) if votes is None else np.asarray(votes)
    return Beliefs(NAMES[: p.shape[1]], p, votes, tuple("abcdefgh"[: votes.shape[1]]), **more)


@given(st.lists(st.integers(-2, 4), min_size=0, max_size=7))
def test_conflict_is_that_of_the_naive_twin(votes):
    rows = beliefs([[1 / 3] * 3], np.array([votes]).reshape(1, -1))
    counts = [votes.count(c) for c in range(3)]
    assert scores.conflict(rows)[0] == pytest.approx(shares_of_pairs_apart(counts))


@given(tables(), st.integers(0, 100))
def test_committee_is_that_of_the_naive_twin(p, seed):
    other = np.random.default_rng(seed).dirichlet([1] * 3, len(p))
    found = scores.committee(beliefs(p, committee={"other": other}))
    twin = [mutual_information([a.tolist(), b.tolist()]) for a, b in zip(p, other, strict=True)]
    assert found == pytest.approx(np.array(twin), abs=1e-9)


@given(tables())
def test_scores_lie_between_0_and_1_and_follow_the_rows(p):
    near = (np.arange(len(p))[:, None] % 3, np.full((len(p), 1), 0.7))
    votes = np.arange(len(p) * 4).reshape(-1, 4) % 5 - 1
    rows = beliefs(p, votes, committee={"other": p[:, ::-1]}, neighbours=near)
    back = beliefs(
        p[::-1], votes[::-1], committee={"other": p[::-1, ::-1]}, neighbours=(near[0][::-1], near[1][::-1])
    )
    for name, strategy in STRATEGIES.items():
        found = strategy(rows)
        assert found.shape == (len(p),), name
        assert ((found >= 0) & (found <= 1 + 1e-12)).all(), name
        assert strategy(back)[::-1] == pytest.approx(found), name


def test_sure_rows_score_nothing_and_open_ones_all():
    rows = beliefs([[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]], [[0, 0, 0], [0, 1, 2]])
    for name in ("entropy", "margin", "conflict"):
        assert STRATEGIES[name](rows) == pytest.approx([0, 1]), name


def test_learning_is_the_mean_and_names_the_strongest():
    rows = beliefs([[0.5, 0.5], [0.9, 0.1]], [[0, 0], [0, 1]])
    score, strongest, names = scores.learning(rows, ["margin", "conflict"])
    assert score == pytest.approx([0.5, 0.6])
    assert [names[i] for i in strongest] == ["margin", "conflict"]
    assert scores.learning(rows)[2] == ("entropy", "margin", "conflict")


def test_what_is_missing_is_said():
    rows = beliefs([[0.5, 0.5]])
    with pytest.raises(GoldError, match="no strategy 'margins'") as error:
        scores.learning(rows, ["margins"])
    assert "margin" in error.value.hint
    with pytest.raises(GoldError, match="at least two label models"):
        scores.committee(rows)
    with pytest.raises(GoldError, match="no gold rows to compare"):
        scores.neighbours(rows)
    with pytest.raises(GoldError, match="no class is rare"):
        scores.rare(rows, [])
    with pytest.raises(GoldError, match=r"shape \(2, 2\), not \(1, 2\)"):
        beliefs([[0.5, 0.5]], committee={"x": np.ones((2, 2))})
    with pytest.raises(GoldError, match="votes are on 2"):
        beliefs([[0.5, 0.5]], [[0], [1]])


def test_rare_classes_count_alike():
    p = np.array([[0.9, 0.1, 0.0]] * 9 + [[0.5, 0.0, 0.5]])
    rows = beliefs(p)
    assert scores.rare_classes(rows, below=0.1) == (2, 1)
    score, of = scores.rare(rows, (2, 1))
    # all of "news" lies in the last row; each of the nine others holds a ninth of "spam"
    assert score == pytest.approx([1 / 9] * 9 + [1])
    assert of.tolist() == [1] * 9 + [2]
    silent = beliefs(p, [[0]] * 9 + [[-1]])
    assert scores.rare(silent, (2, 1))[0][-1] == 0


def test_words_suspect_the_label_that_is_not_theirs():
    p = np.array([[0.9, 0.1]] * 20 + [[0.1, 0.9]] * 20)
    words = np.zeros((40, 2))
    words[:20, 0] = words[20:, 1] = 1
    words[0] = [0, 1]  # labeled ham, worded as spam
    rows = beliefs(p)
    said = by_words(sparse.csr_array(words), rows, order=np.random.default_rng(0).permutation(40))
    found = scores.suspected(rows, said)
    assert found.argmax() == 0 and found[0] > 0.8 > 0.3 > np.sort(found)[-2]


def test_rows_without_votes_are_not_suspected_and_teach_no_words():
    rows = beliefs([[0.5, 0.5]] * 4, [[-1]] * 4)
    said = by_words(sparse.csr_array(np.eye(4)), rows, order=np.arange(4))
    assert said.tolist() == [[0.5, 0.5]] * 4
    assert scores.suspected(rows, said).tolist() == [0] * 4


def test_neighbours_leave_the_row_itself_out():
    near = gold_neighbours(np.eye(3), np.array([0, 1]), np.array([1, 1]))
    assert (near[1] == 0).all() and (near[0] == -1).all()
    sparse_near = gold_neighbours(sparse.csr_array(np.ones((3, 1))), np.array([0, 1]), np.array([1, 0]), k=1)
    assert sparse_near[0].ravel().tolist() == [0, 1, 1]
    with pytest.raises(GoldError, match="no gold rows"):
        gold_neighbours(np.eye(2), np.array([], int), np.array([], int))


def test_neighbours_against_the_class_score_by_how_alike_they_are():
    near = (
        np.array([[1, 1, 0], [0, 0, 0], [-1, -1, -1]]),
        np.array([[0.8, 0.4, 0.4], [0.9, 0.9, 0.9], [0, 0, 0]]),
    )
    found = scores.neighbours(beliefs([[0.9, 0.1]] * 3, neighbours=near))
    assert found == pytest.approx([1.2 / 1.6 * 0.8, 0, 0])


def test_reasons_in_words():
    near = (np.array([[1, 0]]), np.array([[0.8, 0.4]]))
    rows = beliefs(
        [[0.7, 0.2, 0.1]], [[0, 1, 1]], committee={"votes": np.array([[0.1, 0.8, 0.1]])}, neighbours=near
    )
    assert reason(rows, 0, "entropy") == "some doubt: ham 0.70, spam 0.20"
    assert reason(rows, 0, "conflict") == "rules disagree: 2 for spam, 1 for ham"
    assert reason(rows, 0, "committee") == "label models differ: ham 0.70, but votes says spam 0.80"
    assert reason(rows, 0, "neighbours") == "alike gold rows say spam, the label model ham"
    assert reason(beliefs([[0.7, 0.3]], [[0, 0]]), 0, "conflict") == "rules are of one mind"
    assert reason(beliefs([[0.7, 0.3]], [[-1, -1]]), 0, "entropy") == "no rule votes"
