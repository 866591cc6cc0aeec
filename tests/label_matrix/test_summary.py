import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from strategies import vote_matrices
from weaklabel.errors import ConfigError, GoldError, VotesError
from weaklabel.label_matrix import LabelMatrix, lf_summary
from weaklabel.stats import wilson

VOTES = np.array(
    [
        [-1, 0, 0],
        [-1, -1, -1],
        [1, 0, -1],
        [-1, 0, -2],
        [0, 0, 0],
    ],
    np.int8,
)
GOLD = np.array([0, 1, 1, 1, -1])


def test_worked_by_hand():
    table = lf_summary(LabelMatrix.from_numpy(VOTES, labelers=["a", "b", "c"]))
    assert table.columns == ["labeler", "j", "Polarity", "Coverage", "Overlaps", "Conflicts"]
    assert table.rows() == [
        ("a", 0, [0, 1], 0.4, 0.4, 0.2),
        ("b", 1, [0], 0.8, 0.6, 0.2),
        ("c", 2, [0], 0.4, 0.4, 0.0),
    ]


def test_gold_by_hand_counts_known_rows_only():
    table = lf_summary(VOTES, gold=GOLD, names=["a", "b", "c"])
    assert table.select("labeler", "Correct", "Incorrect", "Emp. Acc.").rows() == [
        ("a", 1, 0, 1.0),
        ("b", 1, 2, 1 / 3),
        ("c", 1, 0, 1.0),
    ]
    interval = wilson(1, 3)
    assert table.row(1)[-2:] == (interval.low, interval.high)


def test_a_rule_without_votes_on_gold_has_no_accuracy():
    table = lf_summary([[0, -1], [1, -1]], gold=[0, 0])
    assert table.row(1, named=True) == {
        "labeler": "1",
        "j": 1,
        "Polarity": [],
        "Coverage": 0.0,
        "Overlaps": 0.0,
        "Conflicts": 0.0,
        "Correct": 0,
        "Incorrect": 0,
        "Emp. Acc.": None,
        "Acc. Low": None,
        "Acc. High": None,
    }


@settings(deadline=None)
@given(vote_matrices())
def test_equals_its_twin(votes):
    table = lf_summary(votes)
    expected = naive.lf_summary(votes.tolist())
    got = table.select("Polarity", "Coverage", "Overlaps", "Conflicts").rows()
    assert got == [(p, pytest.approx(c), pytest.approx(o), pytest.approx(x)) for p, c, o, x in expected]


OUTCOMES = [(0,), (0, 1), (1, 2), (0, 1, 2)]


@settings(deadline=None)
@given(vote_matrices(), st.data())
def test_votes_for_several_classes_equal_their_twin(votes, data):
    wide = data.draw(st.lists(st.integers(0, 6), min_size=votes.size, max_size=votes.size))
    votes = np.where(votes >= 0, np.array(wide).reshape(votes.shape), votes).astype(np.int8)
    outcomes = {str(j): OUTCOMES for j in range(votes.shape[1])}
    table = lf_summary(votes, outcomes=outcomes, n_classes=3)
    expected = naive.lf_summary(votes.tolist(), naive.classes_of(3, OUTCOMES))
    got = table.select("Polarity", "Coverage", "Overlaps", "Conflicts").rows()
    assert got == [(p, pytest.approx(c), pytest.approx(o), pytest.approx(x)) for p, c, o, x in expected]
    gold = np.array(data.draw(st.lists(st.integers(-1, 2), min_size=len(votes), max_size=len(votes))))
    judged = lf_summary(votes, gold=gold, outcomes=outcomes, n_classes=3)
    named = naive.classes_of(3, OUTCOMES)
    for j, row in enumerate(judged.iter_rows(named=True)):
        said = [(v, g) for v, g in zip(votes[:, j].tolist(), gold.tolist(), strict=True) if v >= 0 and g >= 0]
        assert row["Correct"] == sum(g in named[v] for v, g in said)
        assert row["Correct"] + row["Incorrect"] == len(said)


def test_sets_conflict_where_they_share_no_class():
    """Of three classes: a, not a, a or b, b or c."""
    votes = LabelMatrix.from_numpy(
        [[0, 3, -1], [0, -1, 3], [-1, 3, 3], [1, 3, 4], [2, -1, 3]],
        labelers=["x", "y", "z"],
        ids=list("abcde"),
    )
    outcomes = {"y": [(1, 2)], "z": [(0, 1), (1, 2)]}
    table = lf_summary(votes, outcomes=outcomes, n_classes=3, gold={"a": 1, "c": 0, "d": 1})
    shown = table.select("labeler", "Polarity", "Coverage", "Conflicts", "Correct", "Incorrect").rows()
    assert shown == [
        ("x", [0, 1, 2], 0.8, 0.4, 1, 1),  # with y in the first row, with z in the last
        ("y", [3], 0.6, 0.2, 2, 1),
        ("z", [3, 4], 0.8, 0.2, 2, 0),
    ]


def test_outcomes_need_the_number_of_classes():
    with pytest.raises(VotesError) as error:
        lf_summary([[0, 2]], outcomes={"1": [(0, 1)]})
    assert str(error.value) == "outcomes count from the number of classes on\n  hint: n_classes=len(schema)"
    with pytest.raises(VotesError, match="labeler '0' votes 3, and there are 3 classes: 0 to 2"):
        lf_summary([[3, 2]], outcomes={"1": [(0, 1)]}, n_classes=3)


@pytest.mark.snorkel
@settings(deadline=None, max_examples=25)
@given(vote_matrices(missing=False), st.randoms(use_true_random=False))
def test_equals_snorkel(votes, random):
    gold = np.array([random.randrange(3) for _ in votes])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Snorkel's own use of scipy
        from snorkel.labeling import LFAnalysis

        theirs = LFAnalysis(votes.astype(int)).lf_summary(gold)
    ours = lf_summary(votes, gold=gold)
    assert ours["Polarity"].to_list() == theirs["Polarity"].tolist()
    for column in ("Coverage", "Overlaps", "Conflicts", "Correct", "Incorrect"):
        assert ours[column].to_list() == pytest.approx(theirs[column].tolist()), column
    voted = (votes >= 0).any(axis=0)
    assert np.array(ours["Emp. Acc."].to_list(), float)[voted] == pytest.approx(
        theirs["Emp. Acc."].to_numpy()[voted]
    )


def test_repeated_answers_cover_a_row_once():
    answers = pl.DataFrame(
        {"item": ["a", "a", "a", "b"], "labeler": ["x", "x", "y", "y"], "code": [0, 1, 1, 0]}
    )
    table = lf_summary(LabelMatrix.from_answers(answers), gold={"a": 1})
    assert table.select("Coverage", "Overlaps", "Conflicts", "Correct", "Incorrect").rows() == [
        (0.5, 0.5, 0.5, 1, 1),
        (1.0, 0.5, 0.5, 1, 0),
    ]


def test_gold_by_name_is_refused_with_what_to_do():
    votes = LabelMatrix.from_numpy([[0], [1]], ids=["a", "b"])
    with pytest.raises(GoldError, match="gold codes are integers, not 'ham'") as caught:
        lf_summary(votes, gold={"a": "ham"})
    assert (caught.value.where, caught.value.hint) == ("id 'a'", "schema.code(label) gives a label's code")


def test_empty_votes_and_wrong_names():
    table = lf_summary(np.zeros((0, 2), np.int8))
    assert table["Coverage"].to_list() == [0, 0]
    with pytest.raises(VotesError, match="1 names for 2 labelers"):
        lf_summary([[0, 1]], names=["a"])


# ---- slices ----

IDS = list("edcba")
ROWS = pl.DataFrame({"id": list("abcde"), "n": [1, 2, 3, 4, 5]})


def test_slices_by_hand_are_joined_by_id_and_follow_the_whole():
    votes = LabelMatrix.from_numpy(VOTES, ids=IDS, labelers=["x", "y", "z"])
    gold = {i: int(g) for i, g in zip(IDS, GOLD, strict=True) if g >= 0}
    table = lf_summary(votes, gold=gold, frame=ROWS, slices={"few": "n <= 3", "none": "n > 9"})
    whole = table.filter(pl.col("slice").is_null()).drop("slice")
    assert whole.equals(lf_summary(votes, gold=gold))
    few = table.filter(slice="few")  # ids a, b, c: the last three rows of VOTES
    assert few.select("labeler", "j", "Polarity", "Coverage", "Overlaps", "Conflicts").rows() == [
        ("x", 0, [0, 1], 2 / 3, 2 / 3, 1 / 3),
        ("y", 1, [0], 1.0, 2 / 3, 1 / 3),
        ("z", 2, [0], 1 / 3, 1 / 3, 0.0),
    ]
    assert few.select("Correct", "Incorrect").rows() == [(1, 0), (0, 2), (0, 0)]
    none = table.filter(slice="none")
    assert none["Coverage"].to_list() == [0, 0, 0] and none["Emp. Acc."].to_list() == [None] * 3


@settings(deadline=None)
@given(vote_matrices(), st.data())
def test_a_slice_is_the_summary_of_its_rows(votes, data):
    ids = [f"r{i}" for i in range(len(votes))]
    inside = data.draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
    matrix = LabelMatrix.from_numpy(votes, ids=ids)
    frame = pl.DataFrame({"id": ids, "inside": inside}, schema={"id": pl.String, "inside": pl.Boolean})
    gold = data.draw(st.lists(st.integers(-1, 2), min_size=len(ids), max_size=len(ids)))
    known = dict(zip(ids, gold, strict=True))
    table = lf_summary(matrix, gold=known, frame=frame.reverse(), slices={"part": pl.col("inside")})
    part = table.filter(slice="part").drop("slice")
    keep = np.array(inside, bool)
    alone = lf_summary(votes[keep], gold=np.array(gold, int)[keep])
    assert part.drop("labeler").equals(alone.drop("labeler"))


def test_slices_need_ids_and_their_rows():
    with pytest.raises(VotesError, match="slices need votes with ids"):
        lf_summary([[0]], slices={"x": "true"})
    votes = LabelMatrix.from_numpy([[0], [1]], ids=["a", "b"])
    with pytest.raises(ConfigError, match="1 slices, but no rows to look at"):
        lf_summary(votes, slices={"x": "true"})
    with pytest.raises(GoldError, match="1 of 2 votes' ids are not in the rows that slices look at: 'b'"):
        lf_summary(votes, frame=pl.DataFrame({"id": ["a"]}), slices={"x": "true"})
