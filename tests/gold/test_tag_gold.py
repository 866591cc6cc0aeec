"""Gold of tasks whose rows may have several labels."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.errors import GoldError, SchemaError
from weaklabel.gold.tag_gold import load_tag_gold
from weaklabel.schema import Label, LabelSchema

SCHEMA = LabelSchema(["late", "lost", Label("rude", aliases=("unkind",))], exclusive=False)


def table(*rows, **more):
    return pl.DataFrame({"id": [r[0] for r in rows], "labels": [r[1] for r in rows], **more})


def test_lists_and_texts_say_the_same():
    lists = load_tag_gold(table(("b", ["rude", "late"]), ("a", []), ("c", None)), schema=SCHEMA)
    texts = load_tag_gold(table(("b", "unkind | late"), ("a", ""), ("c", None)), schema=SCHEMA)
    assert lists.frame.rows() == [("a", []), ("b", ["late", "rude"])]
    assert texts.frame.equals(lists.frame)
    assert texts.fingerprint == lists.fingerprint
    assert lists.notes == ("1 gold row has no answer and is left out",)


@pytest.mark.parametrize("cell", ["late|late", "|late|", "late |", "late"])
def test_a_tag_counts_once(cell):
    assert load_tag_gold(table(("a", cell)), schema=SCHEMA).frame["labels"].to_list() == [["late"]]


def test_a_csv_file_says_none_with_a_bar_and_nothing_with_an_empty_cell(tmp_path):
    file = tmp_path / "gold.csv"
    file.write_text("id,labels\n007,late|lost\n8,|\n9,\n", encoding="utf-8")
    assert load_tag_gold(file, schema=SCHEMA).frame.rows() == [("007", ["late", "lost"]), ("8", [])]


def test_a_jsonl_file_has_lists(tmp_path):
    file = tmp_path / "gold.jsonl"
    file.write_text('{"id": 1, "labels": ["lost"]}\n{"id": 2, "labels": []}\n', encoding="utf-8")
    assert load_tag_gold(file, schema=SCHEMA).frame.rows() == [("1", ["lost"]), ("2", [])]


def test_more_than_half_of_the_annotators_decide_each_tag():
    rows = table(
        ("a", "late|rude"), ("a", "late"), ("b", "lost"), ("b", ""), who=["ann", "bob", "ann", "bob"]
    )
    gold = load_tag_gold(rows, schema=SCHEMA, annotator="who")
    assert gold.frame.rows() == [("a", ["late"]), ("b", [])]


def test_the_latest_answer_of_a_person_counts():
    rows = table(("a", "late"), ("a", "lost"), who=["ann", "ann"], at=["2026-01-02", "2026-01-01"])
    gold = load_tag_gold(rows, schema=SCHEMA, annotator="who", time="at")
    assert gold.frame.rows() == [("a", ["late"])]


def test_a_row_that_stands_twice_is_an_error():
    with pytest.raises(GoldError, match=r"'a' \(rows 1, 2: 'late' and 'lost'\)"):
        load_tag_gold(table(("a", "late"), ("a", "lost")), schema=SCHEMA)


def test_unknown_tags_are_named_with_their_rows_and_may_be_left_out():
    rows = table(("a", "layte|lost"), ("b", "new"), ("c", "new|late"))
    with pytest.raises(GoldError) as error:
        load_tag_gold(rows, schema=SCHEMA)
    assert error.value.what == "3 gold tags are unknown: 'new' (rows 2, 3), 'layte' (row 1)"
    assert "'layte': did you mean 'late'?" in error.value.hint
    assert "task.gold.unknown=leave_out" in error.value.hint
    gold = load_tag_gold(rows, schema=SCHEMA, leave_out_unknown=True)
    assert gold.frame.rows() == [("a", ["lost"]), ("b", []), ("c", ["late"])]
    assert gold.unknown == (("new", 2), ("layte", 1))
    assert gold.notes == (
        "2 tags of gold are not in the schema and left out; most often: new (2), layte (1)",
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [([1, 2], "holds Int64: neither lists of tags nor text"), ([[1], [2]], r"holds List\(Int64\)")],
)
def test_other_types_are_refused(labels, message):
    with pytest.raises(GoldError, match=message):
        load_tag_gold(pl.DataFrame({"id": ["a", "b"], "labels": labels}), schema=SCHEMA)


def test_an_id_that_is_null_and_a_schema_that_is_exclusive_are_refused():
    with pytest.raises(GoldError, match="1 gold label has no id: row 2"):
        load_tag_gold(table(("a", "late"), (None, "late")), schema=SCHEMA)
    with pytest.raises(SchemaError, match="one label each"):
        load_tag_gold(table(("a", "late")), schema=LabelSchema(["x", "y"]))


def test_a_missing_column_is_named_with_those_there():
    with pytest.raises(GoldError) as error:
        load_tag_gold(pl.DataFrame({"id": ["a"], "tags": ["late"]}), schema=SCHEMA)
    assert error.value.available == ("id", "tags")


def test_nothing_at_all():
    empty = pl.DataFrame(schema={"id": pl.String, "labels": pl.List(pl.String)})
    gold = load_tag_gold(empty, schema=SCHEMA)
    assert gold.frame.is_empty()
    assert gold.notes == ("the gold table has no rows",)
    kept = load_tag_gold(table(("a", "late")), schema=SCHEMA, where="id = 'z'")
    assert kept.notes == ("the condition on gold keeps none of its 1 rows: id = 'z'",)


def test_gold_is_joined_by_id():
    gold = load_tag_gold(table(("b", "late"), ("a", "")), schema=SCHEMA)
    assert gold.join(["a", "z", "b"]).rows() == [("a", []), ("z", None), ("b", ["late"])]
    with pytest.raises(GoldError, match="1 of 2 gold ids are not in the corpus: 'b'"):
        gold.join(["a"])


@settings(max_examples=50)
@given(
    answers=st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from(["ann", "bob", "cid"]),
            st.sets(st.sampled_from(SCHEMA.names)),
        ),
        unique_by=lambda row: row[:2],
    ),
    seed=st.randoms(use_true_random=False),
)
def test_as_by_hand_in_any_order(answers, seed):
    expected = {}
    for id in sorted({row[0] for row in answers}):
        sets = [tags for item, _, tags in answers if item == id]
        expected[id] = [t for t in SCHEMA.names if 2 * sum(t in tags for tags in sets) > len(sets)]
    mixed = list(answers)
    seed.shuffle(mixed)
    columns = {
        "id": pl.Series([row[0] for row in mixed], dtype=pl.String),
        "labels": pl.Series([sorted(row[2]) for row in mixed], dtype=pl.List(pl.String)),
        "who": pl.Series([row[1] for row in mixed], dtype=pl.String),
    }
    gold = load_tag_gold(pl.DataFrame(columns), schema=SCHEMA, annotator="who")
    assert gold.frame.rows() == list(expected.items())
