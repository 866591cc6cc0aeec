import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import vote_matrices
from weaklabel.errors import VotesError
from weaklabel.label_matrix import LabelMatrix, as_patterns, vote_array

ANSWERS = pl.DataFrame(
    {"item": ["b", "a", "b", "a"], "labeler": ["ann", "bob", "bob", "ann"], "code": [1, 0, 1, 2]}
)


def test_from_frame_keeps_ids_votes_and_faults():
    frame = pl.DataFrame({"doc": [7, 8], "text": ["x", "y"], "lf:long": [0, -1], "lf:link": [-2, 1]})
    votes = LabelMatrix.from_frame(frame, id="doc", faults={"link": 1})
    assert votes.ids.to_list() == ["7", "8"]
    assert votes.labelers == ("long", "link")
    assert votes.shape == (2, 2)
    assert votes.layout == "columns"
    assert votes.silence.tolist() == [-1, -1]
    assert votes.faults == {"link": 1}
    assert votes.frame.columns == ["id", "lf:long", "lf:link"]
    assert votes.frame.schema["lf:long"] == pl.Int8
    assert votes.to_numpy().tolist() == [[0, -2], [-1, 1]]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"Id": ["a"], "lf:x": [0]}, "no id column 'id'\n  available: Id, lf:x\n  hint: did you mean 'Id'?"),
        (
            {"id": ["a"], "x": [0]},
            "no vote columns\n  available: id, x\n  hint: a rule's votes are a column lf:",
        ),
        ({"id": ["a", None], "lf:x": [0, 1]}, "column 'id' holds nulls\n  where: row 1"),
        ({"id": [0.5], "lf:x": [0]}, "text or integers, not Float64"),
        ({"id": ["a"], "lf:x": [0.0]}, "column 'lf:x' holds Float64"),
        ({"id": ["a", "b"], "lf:x": [0, None]}, "a null in column 'lf:x'\n  where: row id 'b'"),
        (
            {"id": ["a", "b"], "lf:x": [0, 127]},
            "vote 127, which is out of range, in column 'lf:x'\n  where: row id 'b'",
        ),
        (
            {"id": ["a", "b"], "lf:x": [-3, 0]},
            "vote -3, which is out of range, in column 'lf:x'\n  where: row id 'a'",
        ),
    ],
)
def test_from_frame_says_what_is_wrong(frame, message):
    with pytest.raises(VotesError) as error:
        LabelMatrix.from_frame(pl.DataFrame(frame))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        ([0, 1], "not an array of shape (2,)"),
        ([[0.0, 1.0]], "these hold values of type float64"),
        ([[np.nan, 1.0]], "these hold NaN"),
        ([["a"]], "values of type <U1"),
        ([[True]], "values of type bool"),
        ([[0, 127]], "vote 127 is out of range\n  where: row 0, column 1"),
        ([[0, 0], [-3, 0]], "vote -3 is out of range\n  where: row 1, column 0"),
    ],
)
def test_arrays_that_are_no_votes(votes, message):
    for make in (vote_array, LabelMatrix.from_numpy, as_patterns):
        with pytest.raises(VotesError) as error:
            make(votes)
        assert message in str(error.value)


def test_a_frame_in_place_of_votes_is_told_how():
    with pytest.raises(VotesError, match=r"LabelMatrix\.from_frame"):
        as_patterns(pl.DataFrame({"id": ["a"], "lf:x": [0]}))


def test_from_numpy_checks_names():
    with pytest.raises(VotesError, match="3 row ids for 2 rows"):
        LabelMatrix.from_numpy([[0], [1]], ids=["a", "b", "c"])
    with pytest.raises(VotesError, match="2 labeler ids for 1 columns"):
        LabelMatrix.from_numpy([[0], [1]], labelers=["x", "y"])
    with pytest.raises(VotesError, match="labeler 'x' occurs twice, at positions 0 and 1"):
        LabelMatrix.from_numpy([[0, 1]], labelers=["x", "x"])
    with pytest.raises(VotesError, match="silence is -1"):
        LabelMatrix.from_numpy([[0]], silence=0)


@pytest.mark.parametrize(
    ("votes", "silence"),
    [
        ([[0, -1], [1, 1]], [-1, -1]),
        ([[0, -2], [1, 1]], [-2, -2]),  # an array that holds -2 and nowhere -1: all people
        ([[0, -2, -1], [1, 1, 0]], [-1, -2, -1]),
        ([[-2, 0], [-1, 1], [0, 0]], [-1, -1]),  # a rule with a fault, and one that always votes
        ([[0, 1]], [-1, -1]),
    ],
)
def test_silence_of_a_plain_array(votes, silence):
    assert LabelMatrix.from_numpy(votes).silence.tolist() == silence
    assert as_patterns(votes).silence.tolist() == silence


def test_from_answers():
    votes = LabelMatrix.from_answers(ANSWERS)
    assert votes.ids.to_list() == ["b", "a"]
    assert votes.labelers == ("ann", "bob")
    assert votes.layout == "events"
    assert votes.silence.tolist() == [-2, -2]
    assert votes.to_numpy().tolist() == [[1, 1], [2, 0]]
    given_order = LabelMatrix.from_answers(ANSWERS, labelers=["bob", "eve", "ann"])
    assert given_order.to_numpy().tolist() == [[1, -2, 1], [0, -2, 2]]


def test_repeated_answers_stay_events_and_refuse_a_matrix():
    twice = pl.concat([ANSWERS, ANSWERS.head(1)])
    votes = LabelMatrix.from_answers(twice)
    assert votes.events().codes.tolist() == [1, 1, 1, 2, 0]  # b: ann 1, ann 1, bob 1; a: ann 2, bob 0
    for view in (votes.to_numpy, lambda: votes.frame, votes.as_columns):
        with pytest.raises(VotesError, match="labeler 'ann' answered item 'b' more than once"):
            view()


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (
            ANSWERS,
            {"item": "itm"},
            "no column 'itm'\n  available: item, labeler, code\n  hint: did you mean 'item'?",
        ),
        (ANSWERS, {"labelers": ["ann"]}, "labeler 'bob' is not among the labelers given\n  available: ann"),
        (ANSWERS.with_columns(labeler=pl.lit(None, pl.String)), {}, "column 'labeler' holds nulls"),
        (ANSWERS.with_columns(code=pl.lit(300)), {}, "vote 300, which is out of range, in column 'code'"),
        (ANSWERS.with_columns(code=pl.lit("x")), {}, "column 'code' holds String"),
    ],
)
def test_from_answers_says_what_is_wrong(frame, options, message):
    with pytest.raises(VotesError) as error:
        LabelMatrix.from_answers(frame, **options)
    assert message in str(error.value)


@settings(deadline=None)
@given(vote_matrices())
def test_both_layouts_hold_the_same(votes):
    columns = LabelMatrix.from_numpy(votes)
    events = columns.as_events()
    assert events.layout == "events"
    assert (events.to_numpy() == votes).all()
    assert events.frame.equals(columns.frame)
    assert events.as_columns().frame.equals(columns.frame)
    for name in ("indptr", "labelers", "codes"):
        assert getattr(events.events(), name).tolist() == getattr(columns.events(), name).tolist()


def test_views_are_copies():
    source = np.array([[0, -1], [1, 1]], np.int8)
    votes = LabelMatrix.from_numpy(source)
    votes.to_numpy()[:] = 5
    assert votes.to_numpy().tolist() == [[0, -1], [1, 1]]
    assert source.tolist() == [[0, -1], [1, 1]]


def test_rows_without_columns_or_answers():
    empty = LabelMatrix.from_numpy(np.zeros((0, 2), np.int8))
    assert empty.shape == (0, 2)
    assert len(empty.patterns()) == 0
    silent = LabelMatrix.from_numpy([[-1, -1]])
    assert silent.events().codes.tolist() == []
    assert silent.patterns().counts.tolist() == [1]


# ---- some labelers ----


@settings(deadline=None, max_examples=50)
@given(vote_matrices(), st.data())
def test_keep_is_the_same_in_every_layout_and_from_files(tmp_path_factory, votes, data):
    names = [f"l{j}" for j in range(votes.shape[1])]
    chosen = data.draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names)).filter(any))
    wanted = [name for name, keep in zip(names, chosen, strict=True) if keep]
    ids = [f"r{i}" for i in range(len(votes))]
    matrix = LabelMatrix.from_numpy(votes, ids=ids, labelers=names)
    path = tmp_path_factory.mktemp("votes") / "part.parquet"
    matrix.write(path)
    for form in (matrix, matrix.as_events(), LabelMatrix.scan(path)):
        kept = form.keep(reversed(wanted))
        assert kept.labelers == tuple(wanted) and kept.ids.to_list() == ids
        assert kept.to_numpy().tolist() == votes[:, chosen].tolist()
        alone = LabelMatrix.from_numpy(votes[:, chosen], ids=ids, labelers=wanted)
        assert kept.patterns().keys.tolist() == alone.patterns().keys.tolist()


def test_keep_names_what_is_unknown_and_keeps_the_faults_of_its_own():
    frame = pl.DataFrame({"id": ["a"], "lf:x": [-2], "lf:y": [0]})
    votes = LabelMatrix.from_frame(frame, faults={"x": 1})
    assert votes.keep(["x"]).faults == {"x": 1} and votes.keep(["y"]).faults == {}
    with pytest.raises(VotesError, match="no labeler 'z'"):
        votes.keep(["z"])
