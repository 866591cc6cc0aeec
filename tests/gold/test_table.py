"""Gold tables: reading, settling answers, and every complaint."""

import datetime
import logging
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.errors import GoldError, Problems, SchemaError
from weaklabel.gold import load_gold
from weaklabel.schema import Label, LabelSchema

SCHEMA = LabelSchema(["ham", Label("spam", aliases=("junk",))])


def gold_of(**columns):
    return pl.DataFrame(columns)


def complaint(kind, *arguments, **options):
    with pytest.raises(kind) as caught:
        load_gold(*arguments, schema=SCHEMA, **options)
    return str(caught.value)


# ---- reading ----


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "ndjson", "parquet"])
def test_every_format_reads_the_same(tmp_path, suffix):
    table = gold_of(id=["007", "é 💥", "b"], label=["ham", "junk", None], split=["test", "test", "train"])
    path = tmp_path / f"gold.{suffix}"
    write = {
        "csv": table.write_csv,
        "tsv": lambda p: table.write_csv(p, separator="\t"),
        "jsonl": table.write_ndjson,
        "ndjson": table.write_ndjson,
        "parquet": table.write_parquet,
    }
    write[suffix](path)
    for source in (path, str(path), table, table.lazy()):
        gold = load_gold(source, schema=SCHEMA)
        assert gold.frame.rows() == [("007", "ham"), ("é 💥", "spam")]
        assert gold.frame.schema == {"id": pl.String, "label": pl.String}
        assert gold.notes == ("1 gold row has no label and is left out",)
    assert load_gold(path, schema=SCHEMA, where="split = 'train'").counts["unlabeled"] == 1


def test_other_column_names_and_integer_ids():
    gold = load_gold(gold_of(item=[2, 1], answer=["ham", "junk"]), schema=SCHEMA, id="item", label="answer")
    assert gold.frame.rows() == [("1", "spam"), ("2", "ham")]


@pytest.mark.parametrize(
    ("name", "text"), [("a.csv", "id,label\n"), ("a.jsonl", ""), ("a.tsv", "id\tlabel\n")]
)
def test_a_gold_table_without_rows_is_allowed(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    gold = load_gold(tmp_path / name, schema=SCHEMA)
    assert gold.frame.height == 0 and gold.frame.schema == {"id": pl.String, "label": pl.String}
    assert gold.notes == ("the gold table has no rows",)
    assert gold.codes(["a"]).tolist() == [-1] and gold.join(["a"]).height == 0


def test_an_empty_jsonl_file_has_no_annotators_either(tmp_path):
    (tmp_path / "a.jsonl").write_text("\n")
    assert load_gold(tmp_path / "a.jsonl", schema=SCHEMA, annotator="who", time="when").frame.height == 0


def test_a_part_of_the_table():
    table = gold_of(id=["a", "b", "c"], label=["ham", "ham", "spam"], x=[1.0, float("nan"), 3.0])
    assert load_gold(table, schema=SCHEMA, where="x > 2").frame["id"].to_list() == ["c"]
    assert load_gold(table, schema=SCHEMA, where=pl.col("x") < 2).frame["id"].to_list() == ["a"]
    assert load_gold(table, schema=SCHEMA, where="x > 9").frame.height == 0


def test_labels_outside_the_part_are_not_looked_at():
    table = gold_of(id=["a", "b"], label=["ham", "?"], split=["test", "draft"])
    assert load_gold(table, schema=SCHEMA, where="split = 'test'").frame.height == 1


# ---- several answers ----


def test_the_latest_answer_of_an_annotator_counts(tmp_path):
    (tmp_path / "gold.csv").write_text(
        "id,label,who,when\n"
        "1,ham,ann,2024-03-01\n"
        "1,spam,ann,2024-03-01T00:30:00+02:00\n"  # earlier: 22:30 of the day before in UTC
        "2,ham,ann,\n"
        "2,spam,ann,2001-01-01\n"
    )
    gold = load_gold(tmp_path / "gold.csv", schema=SCHEMA, annotator="who", time="when")
    assert gold.frame.rows() == [("1", "ham"), ("2", "spam")]
    assert gold.notes == ("2 earlier or repeated answers of the same annotator gave way to the latest",)


@pytest.mark.parametrize(
    "times",
    [
        [3, 20],
        [3.0, 20.0],
        [float("nan"), 20.0],
        [None, 20],
        [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)],
        [datetime.datetime(2024, 1, 1, 1), datetime.datetime(2024, 1, 1, 2)],
        ["2024-01-01", "2024-01-01T00:00:01Z"],
    ],
)
def test_times_of_every_kind(times):
    table = gold_of(id=["a", "a"], label=["ham", "spam"], when=times)
    assert load_gold(table, schema=SCHEMA, time="when").frame.rows() == [("a", "spam")]
    assert load_gold(table[::-1], schema=SCHEMA, time="when").frame.rows() == [("a", "spam")]


def test_numbers_in_a_csv_are_times_by_their_size(tmp_path):
    (tmp_path / "gold.csv").write_text("id,label,when\n1,ham,9\n1,spam,10\n")
    assert load_gold(tmp_path / "gold.csv", schema=SCHEMA, time="when").frame.rows() == [("1", "spam")]


def test_a_strict_majority_of_annotators():
    table = gold_of(
        id=["a"] * 3 + ["b"] * 2 + ["c"] * 4 + ["d"],
        label=["ham", "junk", "spam", "ham", "spam", "ham", "ham", "spam", None, "ham"],
        who=["1", "2", "3", "1", "2", "1", "2", "3", "4", "1"],
    )
    gold = load_gold(table, schema=SCHEMA, annotator="who")
    assert gold.frame.rows() == [("a", "spam"), ("c", "ham"), ("d", "ham")]
    assert gold.counts == {"rows": 10, "unlabeled": 1, "superseded": 0, "no_majority": 1}
    assert gold.notes == (
        "1 gold row has no label and is left out",
        "1 gold item has no majority and is left out",
    )


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["ham", "spam", "eggs"])), max_size=25))
@settings(deadline=None)
def test_majority_equals_its_slow_twin(answers):
    table = pl.DataFrame(answers, schema={"id": pl.String, "label": pl.String}, orient="row").with_row_index(
        "who"
    )
    gold = load_gold(table, schema=LabelSchema(["ham", "spam", "eggs"]), annotator="who")
    assert dict(gold.frame.rows()) == naive.majority(answers)
    assert load_gold(table[::-1], schema=gold.schema, annotator="who").frame.equals(gold.frame)


def test_nobody_agrees_and_nothing_is_left():
    gold = load_gold(
        gold_of(id=["a", "a"], label=["ham", "spam"], who=["x", "y"]), schema=SCHEMA, annotator="who"
    )
    assert gold.notes[0] == "no gold label is left"


# ---- using it ----


def test_join_goes_in_the_order_of_the_rows_at_hand():
    gold = load_gold(gold_of(id=["a", "b"], label=["ham", "junk"]), schema=SCHEMA)
    assert gold.join(pl.Series(["b", "x", "a"])).rows() == [("b", "spam"), ("a", "ham")]
    assert gold.codes(["b", "x", "a"]).tolist() == [1, -1, 0] and gold.codes([]).dtype == np.int64
    assert gold.codes(pl.Series([1, 2])).tolist() == [-1, -1]
    assert gold.code_frame.rows() == [("a", 0), ("b", 1)]


def test_gold_of_rows_that_are_not_there():
    gold = load_gold(gold_of(id=[f"train:{i}" for i in range(8)], label=["ham"] * 8), schema=SCHEMA)
    with pytest.raises(GoldError) as caught:
        gold.join(["train:0", "trial:1"])
    text = str(caught.value)
    assert "7 of 8 gold ids are not among the 2 rows at hand: 'train:1', 'train:2'" in text
    assert "and 2 more" in text and "did you mean" in text
    with pytest.raises(GoldError, match="the rows' ids look like '10', '11'"):
        gold.join(["10", "11"])
    with pytest.raises(GoldError, match="there are no rows"):
        gold.join([])


def test_gold_of_another_corpus_shows_what_the_ids_look_like():
    gold = load_gold(gold_of(id=["n1"], label=["ham"]), schema=SCHEMA)
    with pytest.raises(GoldError) as caught:
        gold.join(["mail.csv:1", "n2"])
    assert str(caught.value) == (
        "1 of 1 gold ids are not among the 2 rows at hand: 'n1'\n  hint: the rows' ids look like 'mail.csv:1', 'n2'"
    )


def test_the_fingerprint_goes_by_content():
    table = gold_of(id=["a", "b"], label=["ham", "junk"])
    one = load_gold(table, schema=SCHEMA)
    assert load_gold(
        table[::-1].with_columns(label=pl.Series(["spam", "ham"])), schema=SCHEMA
    ).fingerprint == (one.fingerprint)
    assert load_gold(table[:1], schema=SCHEMA).fingerprint != one.fingerprint


# ---- complaints ----


def test_unknown_labels_are_counted_and_their_rows_named(tmp_path):
    path = tmp_path / "gold.csv"
    path.write_text("id,label\n1,ham\n" + "".join(f"{i},spma\n" for i in range(2, 9)) + "9,hma\n")
    text = complaint(GoldError, path)
    assert "8 gold labels are unknown: 'spma' (rows 2, 3, 4, 5, 6 and 2 more), 'hma' (row 9)" in text
    assert f"where: {path}" in text and "available: ham, spam" in text
    assert "'spma': did you mean 'spam'?; 'hma': did you mean 'ham'?" in text


def test_row_numbers_count_the_whole_table_not_the_part():
    table = gold_of(id=["a", "b", "c"], label=["ham", "ham", "x"], split=["no", "no", "yes"])
    assert "1 gold label is unknown: 'x' (row 3)" in complaint(GoldError, table, where="split = 'yes'")


def test_codes_are_no_labels():
    text = complaint(GoldError, gold_of(id=["a", "b"], label=[0, 1]))
    assert "'0' (row 1), '1' (row 2)" in text and "gold is stored by label name, not by code" in text


def test_ids_that_are_null():
    text = complaint(GoldError, gold_of(id=["a", None, None], label=["ham", "ham", None]))
    assert "1 gold label has no id: row 2" in text


def test_repeated_answers_without_a_time():
    table = gold_of(id=["a", "a", "b"], label=["ham", "spam", "ham"], who=["x", "x", "x"])
    assert "1 gold id is labeled more than once: 'a' (rows 1, 2: 'ham' and 'spam')" in complaint(
        GoldError, table
    )
    assert "'a' by 'x' (rows 1, 2" in complaint(GoldError, table, annotator="who")
    same = table.with_columns(when=pl.lit(1))
    assert "labeled more than once at the same time: 'a'" in complaint(GoldError, same, time="when")


def test_times_that_cannot_be_read():
    table = gold_of(id=["a", "b"], label=["ham", "ham"], when=["2024-01-01", "yesterday"])
    assert "1 gold time can't be read: 'yesterday' (row 2)" in complaint(GoldError, table, time="when")


def test_all_problems_of_a_table_at_once():
    table = gold_of(id=["a", None, "c"], label=["ham", "ham", "x"], when=["no", None, None])
    text = complaint(Problems, table, time="when")
    assert text.startswith("3 problems in gold")
    for part in ("unknown: 'x' (row 3)", "no id: row 2", "can't be read: 'no' (row 1)"):
        assert part in text


def test_missing_columns():
    text = complaint(GoldError, gold_of(id=["a"], lable=["ham"]))
    assert "gold has no label column 'label'" in text and "did you mean 'lable'?" in text
    assert complaint(Problems, gold_of(id=["a"]), annotator="who").startswith("2 problems in gold")


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("splt = 'test'", "where: no column 'splt'"),
        ("split =", "where: not a condition: split =: unable to parse"),
        ("split", "where: true or false on each row, not String"),
        ("CAST(split AS INT) = 1", "where: not a condition"),
    ],
)
def test_bad_parts(where, message):
    assert message in complaint(GoldError, gold_of(id=["a"], label=["ham"], split=["test"]), where=where)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gold.csv", b"", "the gold file is empty"),
        (
            "gold.csv",
            b"id,label\n1,ham\n2,caf\xe9\n",
            "the gold file can't be read: not UTF-8: byte 0xe9 at byte 20",
        ),
        (
            "gold.csv",
            b"id,label\n1,ham,what\n",
            "the gold file can't be read: 3 fields where the header has 2",
        ),
        ("gold.jsonl", b'{"id": 1, "label": "ham"}\n{"id": 2,\n', "the gold file can't be read"),
        ("gold.parquet", b"PAR1", "the gold file can't be read"),
        ("gold.parquet", b"id,label\n1,ham\n", "no Parquet file: it does not begin with PAR1"),
        ("gold.jsonl", b'["1", "ham"]\n', "a line that is no JSON object"),
        (
            "gold.jsonl",
            b'{"id": 1, "label": NaN}\n{"id": 2, "label": "ham"}\n',
            "column 'label' is text here",
        ),
        ("gold.csv", "id,label\n1,ham\n".encode("utf-16"), "not UTF-8: the file is UTF-16"),
        ("gold.json", b"[]", "write one JSON object a line, to a file that ends in .jsonl"),
        ("gold.xlsx", b"", "gold can't be read from '.xlsx' files"),
    ],
)
def test_broken_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    text = complaint(GoldError, tmp_path / name)
    assert message in text and str(tmp_path / name) in text


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path, suffix):
    text = {"csv": "id,label\na,ham\n", "jsonl": '{"id": "a", "label": "ham"}\n'}[suffix]
    path = tmp_path / f"gold.{suffix}"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_gold(path, schema=SCHEMA).frame.rows() == [("a", "ham")]


@pytest.mark.parametrize(
    ("separator", "title"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")]
)
def test_the_header_of_a_csv_file_shows_its_separator(tmp_path, caplog, separator, title):
    path = tmp_path / "gold.csv"
    path.write_text(f"id{separator}label\n007{separator}ham\n")
    with caplog.at_level(logging.WARNING, "weaklabel"):
        assert load_gold(path, schema=SCHEMA, separator=separator).frame.rows() == [("007", "ham")]
        assert caplog.messages == []
        assert load_gold(path, schema=SCHEMA).frame.rows() == [("007", "ham")]
        assert caplog.messages == [f"gold.csv: the header says that {title} separate the columns"]


def test_a_separator_that_is_not_the_file_s(tmp_path):
    path = tmp_path / "gold.tsv"
    path.write_text("id;label\n1;ham\n")
    text = complaint(GoldError, path)
    assert text.startswith("gold has one column, 'id;label', where 2 are needed")
    assert "is read as separated by tabs: give separator=semicolon" in text
    assert "a separator is one ASCII character, not 'x;'" in complaint(GoldError, path, separator="x;")


def test_a_separator_is_for_tables_that_have_one(tmp_path):
    (tmp_path / "gold.jsonl").write_text('{"id": "a", "label": "ham"}\n')
    text = complaint(GoldError, tmp_path / "gold.jsonl", separator="tab")
    assert "a separator is for CSV and TSV, not for jsonl" in text


def test_a_folder_is_no_gold(tmp_path):
    (tmp_path / "gold.csv").write_text("id,label\n")
    (tmp_path / "README.md").write_text("")
    text = complaint(GoldError, tmp_path)
    assert text.startswith("gold is a file; this is a folder") and "available: gold.csv\n" in text


def test_missing_labels_in_words_and_numbers():
    text = complaint(GoldError, gold_of(id=["a", "b"], label=["NaN", "ham"]))
    assert "'NaN': leave the cell empty where there is no label" in text
    gold = load_gold(gold_of(id=["a"], label=[math.nan]), schema=SCHEMA)
    assert gold.counts["unlabeled"] == 1 and gold.notes[0] == "no gold label is left"
    assert "stored by label name, not by code" in complaint(GoldError, gold_of(id=["a"], label=["0"]))


def test_a_quoted_empty_cell_is_an_empty_cell(tmp_path):
    path = tmp_path / "gold.csv"
    path.write_text('"id","label"\n"a","ham"\n"b",""\n')
    assert load_gold(path, schema=SCHEMA).notes == ("1 gold row has no label and is left out",)
    path.write_text('"id","label"\n"","ham"\n')
    assert complaint(GoldError, path).startswith("1 gold label has no id: row 1")


def test_lists_are_no_labels():
    text = complaint(GoldError, gold_of(id=["a"], label=[["ham"]]))
    assert text.startswith("the label column 'label' of gold holds List(String), not one value a row")
    assert "choose another column with label=" in text


def test_a_condition_that_keeps_nothing():
    gold = load_gold(gold_of(id=["a"], label=["ham"]), schema=SCHEMA, where="label = 'spam'")
    assert gold.notes == ("the condition on gold keeps none of its 1 rows: label = 'spam'",)


def test_the_broken_line_is_named(tmp_path):
    path = tmp_path / "gold.jsonl"
    path.write_bytes(b'{"id": 1, "label": "ham"}\n\n{"id": 2,\n')
    assert f"{path}:3" in complaint(GoldError, path)
    path.write_bytes(b'{"id": 1}\n\xff\n')
    assert f"{path}:2" in complaint(GoldError, path)


def test_a_truncated_parquet_file(tmp_path):
    path = tmp_path / "gold.parquet"
    gold_of(id=["a"] * 1000, label=["ham"] * 1000).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    assert "the gold file can't be read: a truncated Parquet file: its footer" in complaint(GoldError, path)


def test_no_such_file(tmp_path):
    (tmp_path / "gold.csv").write_text("id,label\n")
    text = complaint(GoldError, tmp_path / "gold_.csv")
    assert "there is no such gold file" in text and "did you mean 'gold.csv'?" in text
    assert "there is no such gold file" in complaint(GoldError, tmp_path / "nowhere" / "gold.csv")


def test_multi_label_schemas_are_refused():
    with pytest.raises(SchemaError, match="multi-label"):
        load_gold(gold_of(id=["a"], label=["ham"]), schema=LabelSchema(["ham", "spam"], exclusive=False))
