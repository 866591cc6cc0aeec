"""The frame of answers: checks, keys, the latest answer of each person, and votes."""

import datetime
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaklabel import label_model
from weaklabel.errors import GoldError, Problems, SchemaError
from weaklabel.gold.ledger.answers import (
    ANSWERS,
    KINDS,
    LEDGER,
    check_answers,
    content_key,
    latest,
    to_votes,
    with_content,
)
from weaklabel.schema import Label, LabelSchema

SCHEMA = LabelSchema(["ham", Label("spam", aliases=("junk",))])
TOPICS = LabelSchema(["red", "green", "blue"], exclusive=False)
DAY = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)


def said(*rows):
    """A frame of (item, annotator, kind, labels)."""
    columns = ("item", "annotator", "kind", "labels")
    schema = {name: ANSWERS[name] for name in columns}
    return pl.DataFrame(rows, schema=schema, orient="row")


def problems(frame, **options):
    with pytest.raises(Problems) as caught:
        check_answers(frame, task="t", **options)
    return [(p.what, (p.where or "").removeprefix("the answers, ")) for p in caught.value.problems]


# ---- checks ----


def test_columns_that_may_be_null_may_be_missing():
    frame = check_answers(said(("a", "ann", "label", ["spam"])), task="t")
    assert dict(frame.schema) == ANSWERS
    assert frame.row(0)[1:5] == ("a", "ann", "label", ["spam"])
    assert frame.row(0)[5:] == (None,) * 8


def test_values_are_taken_as_they_are():
    row = {
        "key": "doccano:7",
        "item": " a\r\n😀 ",
        "annotator": "שלום",
        "kind": "label",
        "labels": ["spam", "e\u0301"],
        "at": DAY,
        "seconds": 2.5,
        "guideline": "3",
        "batch": "b1",
        "tool": "doccano",
        "suggested": True,
        "suggestion": [],
        "comment": "",
    }
    assert check_answers(pl.DataFrame([row], schema=ANSWERS), task="t").rows(named=True) == [row]


def test_types_that_hold_the_same_are_cast():
    frame = said(("a", "ann", "label", ["spam"])).with_columns(
        pl.col("kind").cast(pl.Categorical),
        pl.col("annotator").cast(pl.Enum(["ann"])),
        pl.lit(3).alias("seconds"),
        pl.lit(DAY).dt.convert_time_zone("Asia/Tokyo").dt.cast_time_unit("ms").alias("at"),
        pl.lit(None).alias("comment"),
    )
    checked = check_answers(frame, task="t")
    assert dict(checked.schema) == ANSWERS
    assert checked.select("seconds", "at").row(0) == (3.0, DAY)


def test_a_frame_without_rows_is_allowed():
    assert check_answers(pl.DataFrame(schema=ANSWERS), task="t").schema == pl.Schema(ANSWERS)


def test_a_skip_without_a_list_has_an_empty_one():
    frame = check_answers(said(("a", "ann", "skip", None), ("b", "ann", "none", None)), task="t")
    assert frame["labels"].to_list() == [[], []]


def test_columns_are_complained_about_together():
    frame = said(("a", "ann", "label", ["x"])).drop("kind")
    frame = frame.with_columns(lables=1, seconds=pl.lit("2"), at=pl.lit(datetime.datetime(2026, 1, 1)))
    assert problems(frame) == [
        ("no column 'kind'", "the answers"),
        ("unknown column 'lables'", "the answers"),
        ("column 'seconds' holds String, not Float64", "the answers"),
        ("column 'at' has no time zone", "the answers"),
    ]
    with pytest.raises(Problems, match=r"did you mean 'labels'\?"):
        check_answers(frame, task="t")


def test_every_fault_is_named_by_row_and_column():
    frame = said(
        ("a", "ann", "label", []),
        ("b", "ann", "labl", ["x"]),
        (None, "ann", "skip", []),
        ("d", "", "skip", ["x"]),
        ("e", "a\0b", "not", ["x", "x"]),
        ("f", "ann", "label", ["x", None]),
        ("g", None, None, ["\0"]),
        ("h" * 501, "ann", "unsure", []),
    ).with_columns(seconds=pl.Series([1.0, -1.0, float("inf"), float("nan"), None, 0.0, 1.0, 1.0]))
    assert problems(frame) == [
        ("no label", "row 1 (item 'a'), column 'labels'"),
        ("unknown kind 'labl'", "row 2 (item 'b'), column 'kind'"),
        ("-1 seconds", "row 2 (item 'b'), column 'seconds'"),
        ("a null", "row 3, column 'item'"),
        ("inf seconds", "row 3, column 'seconds'"),
        ("an empty text", "row 4 (item 'd'), column 'annotator'"),
        ("labels ['x'] of an answer that names none", "row 4 (item 'd'), column 'labels'"),
        ("'a\\x00b' holds a NUL", "row 5 (item 'e'), column 'annotator'"),
        ("a label twice in ['x', 'x']", "row 5 (item 'e'), column 'labels'"),
        ("a null or empty label in ['x', None]", "row 6 (item 'f'), column 'labels'"),
        ("a null", "row 7 (item 'g'), column 'annotator'"),
        ("a null", "row 7 (item 'g'), column 'kind'"),
        ("a NUL in ['\\x00']", "row 7 (item 'g'), column 'labels'"),
        (f"'{'h' * 40}…' is longer than 500 characters", f"row 8 (item '{'h' * 501}'), column 'item'"),
    ]


def test_a_place_may_be_named():
    with pytest.raises(
        Problems, match=r"1 problem in round1\.json\n  1\. a null\n     where: round1\.json, row 1"
    ):
        check_answers(said((None, "ann", "skip", [])), task="t", place="round1.json")


def test_of_very_many_faults_the_first_are_shown():
    found = problems(said(*[(None, "ann", "skip", [])] * 50))
    assert len(found) == 21
    assert found[0] == ("a null", "row 1, column 'item'")
    assert found[-1] == ("30 more of such faults", "the answers")


def test_years_that_python_does_not_have_are_refused():
    far = pl.Series("at", [400_000_000_000_000_000], dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
    frame = said(("a", "ann", "skip", [])).with_columns(far)
    assert problems(frame) == [("the year 14645", "row 1 (item 'a'), column 'at'")]


def test_what_a_ledger_gives_back_is_taken():
    frame = said(("a", "ann", "skip", [])).with_columns(task=pl.lit("t"), number=1, recorded_at=pl.lit(DAY))
    assert check_answers(frame, task="t").columns == list(ANSWERS)
    with pytest.raises(GoldError, match="answers of task 't' are added to task 'u'"):
        check_answers(frame, task="u")


# ---- keys ----


def test_a_key_is_made_where_there_is_none():
    frame = pl.concat([said(("a", "ann", "label", ["x", "y"]))] * 2).with_columns(
        key=pl.Series([None, "tool:1"])
    )
    made, given = check_answers(frame, task="t")["key"]
    one = {"task": "t", "batch": None, "item": "a", "annotator": "ann", "kind": "label"}
    assert made == content_key(**one, labels=["y", "x"])
    assert given == "tool:1"


def test_a_key_depends_on_all_that_makes_an_answer():
    base: dict = {"task": "t", "batch": "b", "item": "a", "annotator": "ann", "kind": "label"}
    base |= {"labels": ["x"], "at": DAY}
    others = [{**base, name: "other"} for name in ("task", "batch", "item", "annotator", "kind")]
    others += [
        {**base, "labels": ["y"]},
        {**base, "at": DAY + HOUR},
        {**base, "at": None},
        {**base, "batch": None},
    ]
    keys = {content_key(**one) for one in (base, *others)}
    assert len(keys) == 10
    assert all(re.fullmatch("[0-9a-f]{32}", key) for key in keys)


def test_the_key_of_a_time_does_not_depend_on_its_zone():
    frame = said(("a", "ann", "skip", [])).with_columns(at=pl.lit(DAY))
    tokyo = frame.with_columns(pl.col("at").dt.convert_time_zone("Asia/Tokyo"))
    assert check_answers(frame, task="t")["key"].to_list() == check_answers(tokyo, task="t")["key"].to_list()


def test_content_is_what_was_said_and_not_how_long_it_took():
    frame = check_answers(said(("a", "ann", "label", ["x", "y"])).with_columns(key=pl.lit("k")), task="t")

    def content(**changed):
        return with_content(frame.with_columns(**changed))["content"][0]

    same = {
        "labels": pl.Series([["y", "x"]]),
        "seconds": pl.lit(3.0),
        "batch": pl.lit("b"),
        "guideline": pl.lit("2"),
        "tool": pl.lit("t"),
        "suggested": pl.lit(True),
    }
    assert {content(**{name: value}) for name, value in same.items()} == {content()}
    other = {
        "labels": pl.Series([["x"]]),
        "kind": pl.lit("not"),
        "at": pl.lit(DAY),
        "comment": pl.lit("?"),
        "item": pl.lit("b"),
        "annotator": pl.lit("bob"),
    }
    assert len({content(), *(content(**{name: value}) for name, value in other.items())}) == 7


# ---- the latest answer ----


def test_the_latest_answer_counts():
    frame = pl.DataFrame(
        {
            "task": ["t", "t", "t", "t", "u", "t"],
            "item": ["a", "a", "a", "a", "a", "b"],
            "annotator": ["ann", "ann", "ann", "bob", "ann", "ann"],
            "at": [DAY, DAY + HOUR, None, None, DAY, None],
            "number": [1, 2, 3, 4, 5, 6],
        }
    )
    assert latest(frame)["number"].to_list() == [2, 4, 6, 5]


def test_of_answers_of_one_time_the_last_recorded_counts():
    for at in (DAY, None):
        frame = pl.DataFrame(
            {"task": "t", "item": "a", "annotator": "ann", "at": [at] * 3, "number": [2, 3, 1]},
            schema_overrides={"at": ANSWERS["at"]},
        )
        assert latest(frame)["number"].to_list() == [3]


STORIES = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.none() | st.integers(0, 3)), max_size=12
)


@given(STORIES, st.randoms(use_true_random=False))
def test_the_latest_answers_are_those_of_a_loop(story, random):
    rows = [
        {"task": "t", "item": i, "annotator": a, "at": None if h is None else DAY + h * HOUR, "number": n}
        for n, (i, a, h) in enumerate(story)
    ]
    wanted = {}
    for row in rows:
        who = (row["item"], row["annotator"])
        rank = (row["at"] is not None, row["at"] or DAY, row["number"])
        if who not in wanted or rank > wanted[who][0]:
            wanted[who] = (rank, row["number"])
    random.shuffle(rows)
    found = latest(
        pl.DataFrame(
            rows, schema={name: LEDGER[name] for name in ("task", "item", "annotator", "at", "number")}
        )
    )
    assert found.select("item", "annotator").rows() == sorted(wanted)
    assert found["number"].to_list() == [wanted[who][1] for who in sorted(wanted)]


# ---- votes ----


def table(votes):
    return {
        (item, who): code
        for item, row in zip(votes.ids, votes.to_numpy().tolist(), strict=True)
        for who, code in zip(votes.labelers, row, strict=True)
    }


def test_only_one_label_is_a_vote():
    votes = to_votes(
        said(
            ("a", "ann", "label", ["spam"]),
            ("a", "bob", "label", ["junk"]),
            ("a", "cid", "label", ["ham", "spam"]),
            ("b", "ann", "none", []),
            ("b", "bob", "not", ["spam"]),
            ("b", "cid", "skip", []),
            ("c", "ann", "unsure", []),
        ),
        schema=SCHEMA,
    )
    assert votes.layout == "events"
    wanted = {("a", "ann"): 1, ("a", "bob"): 1}
    assert table(votes) == {(i, w): wanted.get((i, w), -2) for i in "abc" for w in ("ann", "bob", "cid")}


def test_votes_on_one_label_of_several():
    frame = said(
        ("a", "ann", "label", ["red", "blue"]),
        ("b", "ann", "label", ["blue"]),
        ("c", "ann", "none", []),
        ("d", "ann", "not", ["red"]),
        ("e", "ann", "not", ["blue"]),
        ("f", "ann", "skip", []),
        ("g", "ann", "unsure", []),
    )
    assert list(table(to_votes(frame, schema=TOPICS, label="red")).values()) == [1, 0, 0, 0, -2, -2, -2]


def test_no_answers_are_no_votes():
    assert to_votes(pl.DataFrame(schema=ANSWERS), schema=SCHEMA).shape == (0, 0)


def test_a_schema_says_how_votes_are_asked_for():
    frame = said(("a", "ann", "label", ["red"]))
    with pytest.raises(SchemaError, match="answers of a multi-label schema are not one vote each"):
        to_votes(frame, schema=TOPICS)
    with pytest.raises(SchemaError, match="votes on one label are for schemas that are not exclusive"):
        to_votes(frame, schema=SCHEMA, label="ham")
    with pytest.raises(SchemaError, match="unknown label 'pink'"):
        to_votes(frame, schema=TOPICS, label="pink")


def test_an_unknown_label_names_its_item():
    frame = said(("a", "ann", "label", ["ham"]), ("b", "bob", "not", ["spma"]))
    with pytest.raises(SchemaError) as caught:
        to_votes(frame, schema=SCHEMA)
    assert str(caught.value) == (
        "unknown label 'spma'\n  where: item 'b', annotator 'bob'\n  available: ham, spam\n  hint: did you mean 'spam'?"
    )


@pytest.mark.parametrize("model", ["event_bayes", "dawid_skene", "majority_vote", "one_coin"])
def test_a_skip_is_no_evidence_to_a_model(model):
    answers = [
        (str(i), who, "label", ["spam" if (i % 3 == 0) != (i % 7 == j) else "ham"])
        for i in range(40)
        for j, who in enumerate(("ann", "bob", "cid"))
        if (i + j) % 5
    ]
    skips = [
        (str(i), who, "skip", [])
        for i in range(40)
        for j, who in enumerate(("ann", "bob", "cid"))
        if not (i + j) % 5
    ]
    alone = to_votes(said(*answers), schema=SCHEMA)
    mixed = to_votes(said(*sorted(answers + skips, key=lambda a: (int(a[0]), a[1]))), schema=SCHEMA)
    assert len(skips) > 10
    found = [label_model.create(model, n_classes=2).fit(v).predict_proba(v) for v in (alone, mixed)]
    by_id = [
        dict(zip(v.ids, p.round(12).tolist(), strict=True))
        for v, p in zip((alone, mixed), found, strict=True)
    ]
    assert by_id[0] == by_id[1]


def test_kinds_are_five():
    assert KINDS == ("label", "not", "none", "skip", "unsure")
