"""Corpora: the same rows, ids and types whole and in shards; bad input is one clear error."""

import json
import logging
import math
import os
import pickle
import shutil
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import naive
import strategies
from weaklabel.corpus import Corpus, delimited, jsonl, tables
from weaklabel.errors import CorpusError

GOOD = "id,text,n\na,hello,1\nb,world,2\nc,,3\n"


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def lines(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def whole(corpus):
    return corpus.scan().collect()


def in_shards(corpus, rows, size=tables.TARGET_BYTES):
    return pl.concat([corpus.read(shard) for shard in corpus.shards(rows, target_bytes=size)])


def message(source, **options):
    with pytest.raises(CorpusError) as caught:
        corpus = Corpus.open(source, **options)
        corpus.check_ids()
    return str(caught.value)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("corpora")


# ---- the same rows ----


def expected_csv(raw):
    header, rows = naive.csv_rows(raw.decode())
    return {name: [row[i] for row in rows] for i, name in enumerate(header)}


def same_value(text, value):
    if text is None or value is None:
        return text is value
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, float):
        return float(text) == value or (math.isnan(float(text)) and math.isnan(value))
    return text == str(value)


@settings(max_examples=150, deadline=None)
@given(raw=strategies.csv_files(), rows=st.integers(1, 4), size=st.sampled_from([1, 20, 10_000]))
def test_csv_is_read_as_by_hand_and_shards_are_the_whole(scratch, raw, rows, size):
    path = scratch / "any.csv"
    path.write_bytes(raw)
    expected = expected_csv(raw)
    if not expected["id"]:
        assert message(path).startswith("an empty corpus")
        return
    corpus = Corpus.open(path)
    frame = whole(corpus)
    assert set(frame.columns) == set(expected) and frame.height == len(expected["id"]) == corpus.count()
    for name, values in expected.items():
        assert all(map(same_value, values, frame[name].to_list())), (name, values, frame[name].to_list())
    assert_frame_equal(in_shards(corpus, rows, size), frame, check_exact=True)


@settings(max_examples=150, deadline=None)
@given(
    rows=strategies.json_rows(),
    cut=st.integers(1, 4),
    size=st.sampled_from([1, 20, 10_000]),
    ascii=st.booleans(),
)
def test_jsonl_is_read_as_by_hand_and_shards_are_the_whole(scratch, rows, cut, size, ascii):
    path = scratch / "any.jsonl"
    path.write_text("\n \n".join(json.dumps(row, ensure_ascii=ascii) for row in rows), newline="")
    corpus = Corpus.open(path)
    frame = whole(corpus)
    for row, got in zip(rows, frame.rows(named=True), strict=True):
        assert got.pop("id") == str(row["id"])
        for name, value in got.items():
            assert same_json(row.get(name), value), (name, row.get(name), value)
    assert_frame_equal(in_shards(corpus, cut, size), frame, check_exact=True)


def same_json(given, got):
    if isinstance(got, dict):
        return all(same_json((given or {}).get(key), value) for key, value in got.items()) and set(
            given
        ) <= set(got)
    if isinstance(got, list):
        return len(given) == len(got) and all(map(same_json, given, got))
    if isinstance(got, float) and math.isnan(got):
        return math.isnan(given)
    return given == got and type(given) is type(got)


@pytest.mark.parametrize("block", [1, 7, 64])
def test_blocks_of_any_size_find_the_same_records(tmp_path, monkeypatch, block):
    raw = '\ufeffid,text\n1,"a\n""b"""\r\n\n2,é😀\n3,"x,y"\n4,last'.encode()
    write(tmp_path, {"a.csv": raw, "b.jsonl": lines({"id": 1, "text": "é😀"}, {"id": 2}) + '\n{"id": 3}'})
    usual = [whole(Corpus.open(tmp_path / name)) for name in ("a.csv", "b.jsonl")]
    assert usual[0]["text"].to_list() == ['a\n"b"', "é😀", "x,y", "last"]
    walk = tables.walk
    monkeypatch.setattr(tables, "walk", lambda file, cut: walk(file, cut, block=block))
    for name, frame in zip(("a.csv", "b.jsonl"), usual, strict=True):
        corpus = Corpus.open(tmp_path / name)
        assert_frame_equal(whole(corpus), frame)
        assert_frame_equal(in_shards(corpus, 1), frame)


def test_many_quoted_newlines_in_many_threads(tmp_path):
    rows = [(f"r{i}", f'line\n"{i}"\r\n,' * (i % 5), i) for i in range(20_000)]
    frame = pl.DataFrame(rows, schema=["id", "text", "n"], orient="row")
    frame.write_csv(tmp_path / "a.csv", quote_style="always")
    corpus = Corpus.open(tmp_path / "a.csv")
    assert_frame_equal(whole(corpus), frame)
    assert_frame_equal(in_shards(corpus, 3_001), frame)


def test_odd_characters_survive_every_format(tmp_path):
    texts = ["👩‍👩‍👧 ok", "crlf\r\nin", "nul\0nul", "tab\tend", 'say "hi"', "", None, "\u2028", "é", "nan"]
    frame = pl.DataFrame({"id": [f"{i:02}" for i in range(len(texts))], "text": texts})
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_csv(tmp_path / "a.csv")
    frame.write_csv(tmp_path / "a.tsv", separator="\t")
    frame.write_ndjson(tmp_path / "a.jsonl")
    for name in ("a.parquet", "a.csv", "a.tsv", "a.jsonl"):
        corpus = Corpus.open(tmp_path / name)
        assert_frame_equal(whole(corpus), frame)
        assert_frame_equal(in_shards(corpus, 3), frame)


def test_lazy_queries_read_what_they_ask_for(tmp_path):
    write(tmp_path, {"a.csv": GOOD, "b.csv": "n,id,text\n9,d,x\n"})
    scan = Corpus.open(tmp_path).scan()
    assert scan.select(pl.len()).collect().item() == 4
    assert scan.filter(pl.col("n") > 2).select(pl.len()).collect().item() == 2
    assert scan.filter(pl.col("n") > 2).select("id").collect()["id"].to_list() == ["c", "d"]
    assert scan.filter(pl.col("n") > 1).head(1).collect()["id"].to_list() == ["b"]
    assert scan.head(2).collect()["id"].to_list() == ["a", "b"]
    assert scan.tail(1).collect()["id"].to_list() == ["d"]
    assert scan.select(pl.col("n").sum()).collect(engine="streaming").item() == 15


# ---- types ----


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["1", "-2", ""], pl.Int64),
        (["1", "2.5"], pl.Float64),
        (["1", "nan"], pl.Float64),
        (["1e3", "-.5", "inf"], pl.Float64),
        (["true", "FALSE"], pl.Boolean),
        (["007", "1"], pl.String),
        (["+5"], pl.String),
        (["9223372036854775807"], pl.Int64),
        (["9223372036854775808"], pl.String),
        (["9223372036854775808", "0.5"], pl.String),
        (["1", "true"], pl.String),
        (["NA", "1"], pl.String),
        (["", ""], pl.String),
        ([" 1"], pl.String),
    ],
)
def test_csv_types_lose_nothing(tmp_path, values, dtype):
    half = len(values) // 2
    rows = [f"{i},{value}\n" for i, value in enumerate(values)]
    write(tmp_path, {"a.csv": "id,x\n" + "".join(rows[:half]), "b.csv": "id,x\n" + "".join(rows[half:])})
    corpus = Corpus.open(tmp_path)
    assert corpus.schema["x"] == dtype
    assert all(map(same_value, [v or None for v in values], whole(corpus)["x"].to_list()))


def test_csv_ids_and_texts_stay_text(tmp_path):
    write(tmp_path, {"a.csv": "key,text,body\n007,1,2\n8,3,\n"})
    corpus = Corpus.open(tmp_path / "a.csv", id="key")
    assert corpus.schema == {"id": pl.String(), "key": pl.String(), "text": pl.String(), "body": pl.Int64()}
    assert whole(corpus)["id"].to_list() == ["007", "8"]
    text = message(tmp_path / "a.csv", id="key", text="body")
    assert text.startswith("column 'body' is to be called 'text', but there is a column of that name already")
    assert "hint: give text='text' to use that one, or rename it in the files" in text


def test_jsonl_types(tmp_path):
    rows = [
        {"id": 1, "n": 1, "big": 2**70, "deep": {"a": [1]}, "x": None, "f": float("nan")},
        {"id": "b", "n": 2.5, "big": 1, "deep": {"b": "y"}, "f": 1},
    ]
    corpus = Corpus.open(write(tmp_path, {"a.jsonl": lines(*rows)}) / "a.jsonl")
    assert corpus.schema == {
        "id": pl.String(),
        "n": pl.Float64(),
        "big": pl.String(),
        "deep": pl.Struct({"a": pl.List(pl.Int64()), "b": pl.String()}),
        "x": pl.String(),
        "f": pl.Float64(),
    }
    assert whole(corpus).drop("f").rows() == [
        ("1", 1.0, str(2**70), {"a": [1], "b": None}, None),
        ("b", 2.5, "1", {"a": None, "b": "y"}, None),
    ]
    assert math.isnan(whole(corpus)["f"][0]) and whole(corpus)["f"][1] == 1.0


def test_parquet_columns_stay_what_they_are(tmp_path):
    frame = pl.DataFrame(
        {
            "key": pl.Series([3, 1, 2], dtype=pl.Int16),
            "text": ["a", None, "c"],
            "kind": pl.Series(["x", "y", "x"], dtype=pl.Categorical),
            "when": pl.Series(["2024-01-01", None, "2024-01-03"]).str.to_date(),
            "f": [float("nan"), None, 1.0],
            "tags": [["a"], [], None],
        }
    )
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=1)
    corpus = Corpus.open(tmp_path / "a.parquet", id="key")
    assert whole(corpus)["id"].to_list() == ["3", "1", "2"]
    assert_frame_equal(whole(corpus).drop("id"), frame)
    assert_frame_equal(in_shards(corpus, 2), whole(corpus))
    assert [s.rows for s in corpus.shards(2)] == [2, 1]


def test_a_categorical_text_column_becomes_text(tmp_path):
    pl.DataFrame({"id": [1, 2], "body": pl.Series(["x", "y"], dtype=pl.Categorical)}).write_parquet(
        tmp_path / "a.parquet"
    )
    corpus = Corpus.open(tmp_path / "a.parquet", text="body")
    assert corpus.schema["text"] == pl.String == whole(corpus).schema["text"]
    assert_frame_equal(in_shards(corpus, 1), whole(corpus))
    text = message(tmp_path / "a.parquet", text="id")
    assert text.startswith("a text column holds text, but column 'id' is Int64")


# ---- files, ids, shards ----


def test_files_come_in_sorted_order_however_they_are_named(tmp_path):
    write(tmp_path, {f"data/{n}.csv": f"id,text\n{n},x\n" for n in ("b", "a", "c/d")})
    write(
        tmp_path, {"data/_skip.csv": "nonsense", "data/.hidden.csv": "nonsense", "data/README.md": "no data"}
    )
    folder = tmp_path / "data"
    everything = ["a", "b", "c/d"]
    for source in (
        folder,
        str(folder / "**/[a-z]*.csv"),
        [folder / "c", folder / "b.csv", folder / "[ab].csv"],
    ):
        corpus = Corpus.open(source)
        assert [path.relative_to(folder).with_suffix("").as_posix() for path in corpus.files] == everything
        assert whole(corpus)["id"].to_list() == everything


def test_derived_ids(tmp_path, caplog):
    write(tmp_path, {"d/b.csv": "text\nx\n\ny\n", "d/a/a.csv": "text\nz\n"})
    with caplog.at_level(logging.WARNING, logger="weaklabel.corpus"):
        corpus = Corpus.open(tmp_path / "d")
    assert "appending rows is safe, reordering them" in caplog.text
    expected = ["a/a.csv:0", "b.csv:0", "b.csv:1"]
    assert whole(corpus)["id"].to_list() == in_shards(corpus, 1)["id"].to_list() == expected
    rooted = Corpus.open("d", root=tmp_path)
    assert whole(rooted)["id"].to_list() == [f"d/{id}" for id in expected]
    outside = Corpus.open(tmp_path / "d", root=tmp_path / "elsewhere")
    assert whole(outside)["id"].to_list() == expected


def test_derived_ids_of_parquet(tmp_path):
    for name in ("b", "a"):
        pl.DataFrame({"text": ["x", "y", "z"], "row": [1, 2, 3]}).write_parquet(
            tmp_path / f"{name}.parquet", row_group_size=1
        )
    corpus = Corpus.open(tmp_path / "*.parquet")
    expected = [f"{name}.parquet:{i}" for name in "ab" for i in range(3)]
    assert whole(corpus)["id"].to_list() == in_shards(corpus, 1)["id"].to_list() == expected
    assert corpus.scan().filter(pl.col("text") == "y").collect()["id"].to_list() == [expected[1], expected[4]]
    assert len(corpus.shards(1)) == 6 and len(corpus.shards()) == 2


def test_text_is_also_called_text(tmp_path):
    corpus = Corpus.open(write(tmp_path, {"a.csv": "id,body\n1,x\n"}) / "a.csv", text="body")
    assert corpus.columns == ("id", "body", "text")
    assert whole(corpus).rows() == [("1", "x", "x")]
    assert corpus.read(corpus.shards()[0], columns=["text"]).columns == ["text"]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_appending_keeps_all_shards_but_the_last(tmp_path, name):
    rows = [{"text": f"t{i}"} for i in range(7)]
    raw = lines(*rows) if name == "a.jsonl" else "text\n" + "".join(f"t{i}\n" for i in range(7))
    path = write(tmp_path, {name: raw}) / name
    before = Corpus.open(path)
    old, old_print = [before.digest(shard) for shard in before.shards(3)], before.fingerprint
    path.write_text(raw + ('{"text": "more"}\n' if name == "a.jsonl" else "more\n"))
    after = Corpus.open(path)
    new = [after.digest(shard) for shard in after.shards(3)]
    assert new[:2] == old[:2] and new[2] != old[2]
    assert after.fingerprint != old_print


def test_fingerprint_is_of_content_and_choice_not_of_place(tmp_path):
    write(tmp_path / "one", {"a.csv": GOOD})
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    os.utime(tmp_path / "two/a.csv", (0, 0))
    prints = [Corpus.open(tmp_path / place / "a.csv").fingerprint for place in ("one", "two")]
    assert prints[0] == prints[1]
    write(tmp_path, {"x.csv": GOOD.replace("hello", "hullo"), "y.csv": GOOD.replace("text", "body")})
    write(tmp_path, {"z.tsv": GOOD.replace(",", "\t")})
    others = [
        Corpus.open(tmp_path / "x.csv"),
        Corpus.open(tmp_path / "y.csv", text="body"),
        Corpus.open(tmp_path / "y.csv"),
        Corpus.open(tmp_path / "z.tsv"),
    ]
    assert len({prints[0], *(corpus.fingerprint for corpus in others)}) == 5


def test_digests_are_remembered_by_path_size_and_time(tmp_path, monkeypatch):
    path = write(tmp_path, {"a.csv": GOOD}) / "a.csv"
    kept: dict[str, str] = {}
    first = Corpus.open(path, digests=kept).fingerprint
    assert json.loads(json.dumps(kept)) == kept and len(kept) == 1
    again = Corpus.open(path, digests=kept)
    monkeypatch.setattr(tables, "open_bytes", lambda path: pytest.fail("read again"))
    assert again.fingerprint == first


def test_a_corpus_goes_to_a_worker(tmp_path, monkeypatch):
    corpus = Corpus.open(write(tmp_path, {"a.csv": GOOD}) / "a.csv")
    shards = corpus.shards(2)
    sent = pickle.loads(pickle.dumps(corpus))
    monkeypatch.setattr("weaklabel.corpus.base.check_ids", lambda *_, **__: pytest.fail("ids checked again"))
    assert_frame_equal(sent.read(shards[1]), corpus.read(shards[1]))


def test_a_changed_file_is_noticed(tmp_path):
    path = write(tmp_path, {"a.csv": GOOD}) / "a.csv"
    corpus = Corpus.open(path)
    shards = corpus.shards()
    path.write_text(GOOD + "d,more,4\n")
    with pytest.raises(CorpusError, match="has changed since the corpus was opened"):
        corpus.read(shards[0])
    with pytest.raises(CorpusError, match="has changed since the corpus was opened"):
        corpus.scan().collect()
    path.unlink()
    with pytest.raises(CorpusError, match="can't read the file: No such file or directory"):
        corpus.read(shards[0])


def test_empty_files_stand_next_to_good_ones(tmp_path):
    write(tmp_path, {"c/a.csv": "", "c/b.csv": GOOD, "c/d.csv": "id,text,n\n", "c/e.csv": "\n\n"})
    write(tmp_path, {"j/a.jsonl": "", "j/b.jsonl": lines({"id": "a", "text": "x"}), "j/c.jsonl": "\n \n"})
    (tmp_path / "p").mkdir()
    pl.DataFrame({"id": ["a"], "text": ["x"]}).write_parquet(tmp_path / "p/b.parquet")
    pl.DataFrame({"id": [], "text": []}).write_parquet(tmp_path / "p/a.parquet")
    for folder, rows in (("c", 3), ("j", 1), ("p", 1)):
        corpus = Corpus.open(tmp_path / folder)
        assert corpus.count() == whole(corpus).height == in_shards(corpus, 1).height == rows
        assert [path.stem for path in corpus.files] == ["b"]


def test_quote_none_takes_quotes_as_they_are(tmp_path):
    path = write(tmp_path, {"a.tsv": 'id\ttext\n1\t5" pipe\n2\t"open\n3\tx\n'}) / "a.tsv"
    corpus = Corpus.open(path, quote=None)
    assert whole(corpus)["text"].to_list() == ['5" pipe', '"open', "x"]
    assert in_shards(corpus, 1).equals(whole(corpus))


# ---- WRENCH ----


def wrench(folder, **splits):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "label.json").write_text('{"0": "NEG", "1": "POS"}')
    for split, entries in splits.items():
        (folder / f"{split}.json").write_text(json.dumps(entries))
    return folder


def entry(label, text, votes=None, **data):
    made = {"label": label, "data": {"text": text, **data}}
    return made if votes is None else {**made, "weak_labels": votes}


def test_wrench_directory(tmp_path):
    folder = wrench(
        tmp_path / "w",
        train={"0": entry(1, "good 😀", [-1, 1]), "7": entry(-1, "hm", [0, -1])},
        valid={"0": entry(0, "bad", [0, 0], span=[1, 2])},
    )
    corpus = Corpus.open(folder)
    assert corpus.format == "wrench" and corpus.columns == (
        "id",
        "split",
        "gold",
        "text",
        "span",
        "weak_labels",
    )
    assert whole(corpus).rows() == [
        ("train:0", "train", "POS", "good 😀", None, [-1, 1]),
        ("train:7", "train", None, "hm", None, [0, -1]),
        ("valid:0", "valid", "NEG", "bad", [1, 2], [0, 0]),
    ]
    assert corpus.schema["weak_labels"] == pl.List(pl.Int8)
    assert_frame_equal(in_shards(corpus, 1), whole(corpus))
    assert len(corpus.shards(1)) == 3
    before = corpus.fingerprint
    (folder / "label.json").write_text('{"0": "POS", "1": "NEG"}')
    assert Corpus.open(folder).fingerprint != before


def test_wrench_problems(tmp_path):
    good = {"0": entry(1, "x")}
    assert "label 5 is not in label.json" in message(wrench(tmp_path / "a", train={"0": entry(5, "x")}))
    assert "entry '0' has no `data` object" in message(wrench(tmp_path / "b", train={"0": {"label": 1}}))
    folder = wrench(tmp_path / "c", train=good)
    (folder / "label.json").unlink()
    assert message(folder).startswith("the WRENCH directory has no readable label.json")
    folder = wrench(tmp_path / "d")
    (folder / "train.json").write_text('{"0": {"label": 1, "data": {"text": "x"}}, "0": 2}')
    assert "the key '0' stands twice in one object" in message(folder)
    (folder / "train.json").write_text('{"0":\n {"label" 1}}')
    assert "not valid JSON" in message(folder) and "train.json:2" in message(folder)
    assert "holds train.json, valid.json or test.json" in message(wrench(tmp_path / "e"), format="wrench")
    folder = wrench(tmp_path / "f", train={"0": entry(1, "x", split=3)})
    assert "the data field 'split' has the name of a column of the format" in message(folder)


# ---- bad input, one clear error each ----


def test_missing_file_names_the_nearest(tmp_path):
    write(tmp_path, {"comments.csv": GOOD, "other.csv": GOOD})
    text = message(tmp_path / "coments.csv")
    assert text.startswith("no such file or folder") and "did you mean 'comments.csv'" in text
    assert "available: comments.csv, other.csv" in text
    text = message(tmp_path / "no/where/x.csv")
    assert text.startswith(f"no such folder: {tmp_path / 'no'}")


def test_globs_lists_and_folders_without_data(tmp_path):
    write(tmp_path, {"a.csv": GOOD, "empty/README.md": "x", "z.json": "[]", "a.csv.gz": b"x"})
    assert "no file matches '*.parquet'" in message(tmp_path / "*.parquet") and "a.csv" in message(
        tmp_path / "*.parquet"
    )
    assert message([]).startswith("an empty list of files")
    assert message(tmp_path / "empty").startswith("the folder holds no Parquet, JSONL, CSV or TSV file")
    assert "can't tell the format of 'z.json'" in message(tmp_path / "z.json")
    assert "rewrite a JSON list as one object a line" in message(tmp_path / "z.json")
    assert "unpack it first" in message(tmp_path / "a.csv.gz")
    text = message(tmp_path / "a.csv", format="cvs")
    assert text.startswith("unknown corpus format 'cvs'") and "did you mean 'csv'" in text


def test_missing_column_names_the_nearest(tmp_path):
    path = write(tmp_path, {"a.csv": GOOD}) / "a.csv"
    for option in ("id", "text"):
        text = message(path, **{option: "txet"})
        assert text.startswith("no column 'txet'") and "available: id, text, n" in text and "'text'" in text
    corpus = Corpus.open(path)
    with pytest.raises(CorpusError, match="no column 'txt'"):
        corpus.read(corpus.shards()[0], columns=["txt"])


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_not_utf8_names_line_and_byte(tmp_path, name):
    good, bad = (
        (b"id,text\n1,x\n", b"2,caf\xe9\n") if name == "a.csv" else (b'{"id": 1}\n', b'{"id": "caf\xe9"}\n')
    )
    text = message(write(tmp_path, {name: good + bad}) / name)
    at = (good + bad).index(b"\xe9")
    assert text.startswith(f"not UTF-8: byte 0xe9 at byte {at} of the file")
    assert f"{name}:{good.count(bytes([10])) + 1}" in text and "save the file as UTF-8" in text


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "train.json"])
@pytest.mark.parametrize(
    ("encoding", "called", "iconv"),
    [
        ("utf-16", "UTF-16", "utf-16"),
        ("utf-16-be", "UTF-16", "utf-16be"),
        ("utf-16-le", "UTF-16", "utf-16le"),
        ("utf-32", "UTF-32", "utf-32"),
    ],
)
def test_utf16_is_called_by_its_name(tmp_path, name, encoding, called, iconv):
    good = {"a.csv": GOOD, "a.tsv": "id\ttext\n1\thello\n", "a.jsonl": lines({"id": "a", "text": "é"})}
    content = good.get(name, '{"0": {"label": 0, "data": {"text": "hello"}}}')
    write(tmp_path, {name: content.encode(encoding), "label.json": '{"0": "a"}'})
    text = message(tmp_path if name == "train.json" else tmp_path / name)
    assert text.startswith(f"not UTF-8: the file is {called}\n  where: {tmp_path / name}")
    assert f"`iconv -f {iconv} -t utf-8 OLD > NEW`" in text


def test_nul_characters_are_no_sign_of_utf16(tmp_path):
    path = write(tmp_path, {"a.csv": "id,text\n1,\0a\0b\0c\0d\0e\0f\0g\0h\n"}) / "a.csv"
    assert whole(Corpus.open(path))["text"].to_list() == ["\0a\0b\0c\0d\0e\0f\0g\0h"]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "b.csv", "a.jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path, name):
    good = {"a.csv": "id,text\n7,x\n", "a.tsv": "id\ttext\n7\tx\n", "b.csv": '"id";text\n7;x\n'}
    content = good.get(name, lines({"id": "7", "text": "x"}))
    corpus = Corpus.open(write(tmp_path, {name: b"\xef\xbb\xbf" + content.encode()}) / name)
    assert corpus.columns == ("id", "text")
    assert whole(corpus).rows() == in_shards(corpus, 1).rows() == [("7", "x")]


# ---- separators ----


@settings(deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.text(alphabet='ab,;\t|"\n ', max_size=6), st.sampled_from(["", "1", "2,5", "a;b|c\td"])),
        min_size=1,
        max_size=5,
    ),
    separator=st.sampled_from(";\t|,"),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    size=st.integers(1, 40),
)
def test_the_header_shows_the_separator_and_shards_are_the_whole(scratch, rows, separator, mark, size):
    table = [("id", "text", "more"), *((f"r{i}", *row) for i, row in enumerate(rows))]
    body = "".join(
        separator.join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n" for row in table
    )
    path = write(scratch, {"a.csv": mark + body.encode()}) / "a.csv"
    corpus = Corpus.open(path)
    assert corpus.reading.separator == separator
    expected = [(*row[:1], *(cell or None for cell in row[1:])) for row in table[1:]]
    read = whole(corpus).select("id", "text", pl.col("more").cast(pl.String)).rows()
    assert [(i, t or None, m or None) for i, t, m in read] == expected
    assert in_shards(corpus, 1).equals(whole(corpus)) and in_shards(corpus, 2, size).equals(whole(corpus))
    assert Corpus.open(path, separator=separator).scan().collect().equals(whole(corpus))


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("id;text\n1;a, b, c\n", ("id", "text")),
        ('"name, first";id\nAnn;1\n', ("id", "name, first")),
        ("id,a|b|c|d\n1,2\n", ("id", "a|b|c|d")),  # the row shows that bars are part of a name
        ("id,notes;more;again\n", None),
        ("text\na;b\n", ("id", "text")),
        ("\r\n\n\nid|text\n1|a\n", ("id", "text")),
        ("id;text", None),
        ('id;"two\nlines, really, two"\n1;x\n', ("id", "two\nlines, really, two")),
    ],
)
def test_which_separator_a_header_shows(tmp_path, content, columns):
    path = write(tmp_path, {"a.csv": content}) / "a.csv"
    if columns is None:
        assert "an empty corpus" in message(path)
    else:
        assert Corpus.open(path).columns == columns


def test_a_separator_found_is_told_and_one_given_is_not(tmp_path, caplog):
    write(tmp_path, {"a.csv": "id;text\n1;x\n", "b.csv": "id,text\n1,x\n"})
    with caplog.at_level(logging.WARNING, "weaklabel"):
        Corpus.open(tmp_path / "b.csv")
        Corpus.open(tmp_path / "a.csv", separator="semicolon")
        assert caplog.messages == []
        Corpus.open(tmp_path / "a.csv")
        assert caplog.messages == ["a.csv: the header says that semicolons separate the columns"]


def test_files_of_two_separators_are_named(tmp_path):
    write(tmp_path, {"a.csv": "id;text\n1;x\n", "b.csv": "id\ttext\n2\tx\n", "c.csv": ""})
    text = message(tmp_path / "*.csv")
    assert text.startswith(
        "mixed separators: the columns of a.csv are separated by semicolons, those of b.csv by tabs"
    )
    assert f"where: {tmp_path / 'a.csv'}, {tmp_path / 'b.csv'}" in text
    assert "write the files with one separator" in text


def test_a_tsv_file_is_tabs_whatever_it_looks_like(tmp_path, caplog):
    path = write(tmp_path, {"a.tsv": "id,text\n1,x\n"}) / "a.tsv"
    text = message(path, id="id")
    assert "available: id,text" in text
    said = "the file seems to be separated by commas, but is read as separated by tabs"
    assert f"hint: {said}: give separator=comma" in text
    assert Corpus.open(path, separator="comma").columns == ("id", "text")
    with caplog.at_level(logging.WARNING, "weaklabel"):
        Corpus.open(path)
    assert f"a.tsv: {said}" in caplog.messages


def test_separators_that_are_none(tmp_path):
    write(tmp_path, {"a.csv": "id;text\n1;x\n", "a.jsonl": lines({"id": "1"})})
    text = message(tmp_path / "a.csv", separator="semikolon")
    assert text.startswith("a separator is one ASCII character, not 'semikolon'")
    assert "available: comma, semicolon, tab, bar" in text
    assert "not '\\n'" in message(tmp_path / "a.csv", separator="\n")
    assert "separator and quote are both '\"'" in message(tmp_path / "a.csv", separator='"')
    assert "a quote is one ASCII character, not '<<'" in message(tmp_path / "a.csv", quote="<<")
    assert "a separator is for CSV and TSV, not for jsonl" in message(tmp_path / "a.jsonl", separator=";")


def test_a_row_that_is_too_long_names_a_separator_that_is_no_comma(tmp_path):
    path = write(tmp_path, {"a.csv": "id;text\n1;a;b\n"}) / "a.csv"
    text = message(path)
    assert text.startswith(f"3 fields where the header has 2\n  where: {path}:2")
    assert "columns are separated by semicolons here" in text


def test_the_separator_is_part_of_the_fingerprint(tmp_path):
    path = write(tmp_path, {"a.csv": "text\nx\n"}) / "a.csv"
    prints = {Corpus.open(path, separator=s).fingerprint for s in (None, "comma", "tab")}
    assert len(prints) == 2


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"id": "b", "x": }', "not valid JSON: Expecting value (column 18)"),
        ('{"id": "b"', "not valid JSON"),
        ('{"id": "b"} {"id": "c"}', "not valid JSON: Extra data"),
        ("[1, 2]", "a line that is no JSON object: '[1, 2]'"),
        ('{"id": "b", "id": "c"}', "the key 'id' stands twice in one object"),
        ('{"id": "b", "t": "\\ud83d"}', "half of a surrogate pair"),
        ('{"id": "b\tc"}', "not valid JSON: Invalid control character"),
        ('{"id": 1.5}', "column 'id' holds a number where text is needed"),
        ('{"id": "b", "n": "one"}', "column 'n' is text here and a whole number at "),
        ("[" * 100_000, "not readable JSON"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, what):
    path = write(tmp_path, {"a.jsonl": '{"id": "a", "n": 1}\n\n' + line + "\n"}) / "a.jsonl"
    text = message(path)
    assert text.startswith(what) and f"{path}:3" in text


@pytest.mark.parametrize(
    ("body", "line", "what"),
    [
        ("a,x,1\nb,y\n", 3, "2 fields where the header has 3"),
        ('a,"x\ny",1\n\nb,y,2,3\n', 5, "4 fields where the header has 3"),
        ('a,5" pipe,1\nb,7" pipe,2\n', 2, "a quote within a field that is not quoted as a whole"),
        ('a,x,1\nb,"y" z,2\n', 3, "a quote within a field that is not quoted as a whole"),
        ('a,x,1\nb,"y,2\n', 3, "a quote is opened and never closed"),
    ],
)
def test_a_bad_record_is_named(tmp_path, body, line, what):
    path = write(tmp_path, {"a.csv": "id,text,n\n" + body}) / "a.csv"
    text = message(path)
    assert text.startswith(what) and f"{path}:{line}" in text


@pytest.mark.parametrize("body", ['a,"x,1\n', 'a,5" pipe,1\nb,x,2\n'])
def test_quotes_that_mean_nothing_can_be_said_so(tmp_path, body):
    path = write(tmp_path, {"a.csv": "id,text,n\n" + body}) / "a.csv"
    assert "if quotes mean nothing in this file, give quote=None" in message(path)
    assert Corpus.open(path, quote=None).count() == body.count("\n")
    assert Corpus.open(path, quote="").count() == body.count("\n")


def test_doubled_header(tmp_path):
    assert message(write(tmp_path, {"a.csv": "id,x,x\n1,2,3\n"}) / "a.csv").startswith(
        "the column name 'x' stands twice in the header"
    )


def test_mixed_formats_and_schemas_name_both_files(tmp_path):
    write(tmp_path, {"m/a.csv": GOOD, "m/b.jsonl": lines({"id": 1})})
    assert message(tmp_path / "m").startswith("mixed formats: a.csv is csv, b.jsonl is jsonl")
    write(tmp_path, {"c/a.csv": GOOD, "c/b.csv": "id,body\nz,x\n"})
    text = message(tmp_path / "c")
    assert text.startswith(
        "mixed schemas: a.csv has 'text', 'n', b.csv has not; b.csv has 'body', a.csv has not"
    )
    write(tmp_path, {"j/a.jsonl": lines({"id": 1, "text": "x"}), "j/b.jsonl": lines({"id": 2, "body": "x"})})
    assert message(tmp_path / "j").startswith("mixed schemas: a.jsonl has 'text', b.jsonl has not")
    (tmp_path / "p").mkdir()
    pl.DataFrame({"id": ["a"], "n": [1]}).write_parquet(tmp_path / "p/a.parquet")
    pl.DataFrame({"id": ["b"], "n": [1.5]}).write_parquet(tmp_path / "p/b.parquet")
    text = message(tmp_path / "p")
    assert text.startswith("mixed schemas: column 'n' is Int64 in a.parquet and Float64 in b.parquet")
    write(tmp_path, {"k/a.jsonl": lines({"id": 1, "n": 1}), "k/b.jsonl": lines({"id": 2, "n": [1]})})
    text = message(tmp_path / "k")
    assert text.startswith("column 'n' is a list here and a whole number at ") and "a.jsonl:1" in text


def test_a_jsonl_file_may_leave_columns_out_but_not_the_text(tmp_path):
    write(
        tmp_path, {"a.jsonl": lines({"id": 1, "body": "x", "n": 2}), "b.jsonl": lines({"id": 2, "body": "y"})}
    )
    assert whole(Corpus.open(tmp_path))["n"].to_list() == [2, None]
    write(tmp_path, {"b.jsonl": lines({"id": 2, "n": 3})})
    assert message(tmp_path, text="body").startswith("column 'body' stands in other files but not in b.jsonl")


def test_empty_corpora(tmp_path):
    write(tmp_path, {"a.csv": "id,text\n", "b.jsonl": "", "c.csv": ""})
    pl.DataFrame({"id": [], "text": []}).write_parquet(tmp_path / "d.parquet")
    for name in ("a.csv", "b.jsonl", "c.csv", "d.parquet"):
        assert message(tmp_path / name).startswith("an empty corpus: no file holds a row")


def test_broken_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"id": ["a"] * 50, "x": list(range(50))}).write_parquet(path)
    raw = path.read_bytes()
    path.write_bytes(raw[:-20])
    text = message(path)
    assert text.startswith("a truncated Parquet file: its footer is missing") and str(path) in text
    path.write_bytes(raw[:-8] + b"\xff\xff\xff\x7fPAR1")
    assert message(path).startswith("a damaged Parquet file") and str(path) in message(path)
    path.write_bytes(b"")
    assert message(path).startswith("an empty file where a Parquet file should be")
    path.write_bytes(b"id,text\n1,x\n")
    assert message(path).startswith("no Parquet file: it does not begin with PAR1")


def test_parquet_damaged_within(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"id": [f"{i}" for i in range(500)]}).write_parquet(path, compression="zstd")
    raw = bytearray(path.read_bytes())
    raw[30:200] = b"\x55" * 170
    path.write_bytes(raw)
    text = message(path)
    assert text.startswith("can't read rows 0 to 499") and str(path) in text


def test_doubled_and_null_ids_say_where(tmp_path):
    write(tmp_path, {"c/a.csv": 'id,text\na,"x\ny"\nb,y\n', "c/b.csv": "id,text\nc,z\na,z\nb,z\na,z\n"})
    text = message(tmp_path / "c")
    places = f"'a' ({tmp_path}/c/a.csv:2, {tmp_path}/c/b.csv:3, {tmp_path}/c/b.csv:5), 'b' ("
    assert text.startswith("2 doubled ids in column 'id': " + places)
    assert "column 'id' is null" in message(write(tmp_path, {"n.csv": "id,x\na,1\n,2\n"}) / "n.csv")
    assert f"{tmp_path}/n.csv:3" in message(tmp_path / "n.csv")
    assert f"{tmp_path}/e.csv:2" in message(write(tmp_path, {"e.csv": 'id,x\n"",1\n'}) / "e.csv")
    text = message(write(tmp_path, {"j.jsonl": '{"id": 1}\n\n{"id": "1"}\n'}) / "j.jsonl")
    assert f"1 doubled id in column 'id': '1' ({tmp_path}/j.jsonl:1, {tmp_path}/j.jsonl:3)" in text
    pl.DataFrame({"id": [1.5, 2.0]}).write_parquet(tmp_path / "f.parquet")
    assert "an id is text or a whole number, but column 'id' is Float64" in message(tmp_path / "f.parquet")
    pl.DataFrame({"id": ["a", "b", "a"]}).write_parquet(tmp_path / "p.parquet")
    assert f"'a' ({tmp_path}/p.parquet, row 0, {tmp_path}/p.parquet, row 2)" in message(
        tmp_path / "p.parquet"
    )


def test_ids_are_checked_before_anything_is_read(tmp_path):
    corpus = Corpus.open(write(tmp_path, {"a.csv": "id\na\na\n"}) / "a.csv")
    for use in (corpus.scan, corpus.shards, corpus.check_ids):
        with pytest.raises(CorpusError, match="1 doubled id"):
            use()


def test_an_unreadable_file_is_named(tmp_path, monkeypatch):
    write(tmp_path, {"a.csv": GOOD, "b.jsonl": lines({"id": 1})})
    pl.DataFrame({"id": ["a"]}).write_parquet(tmp_path / "c.parquet")

    def refuse(self, *_, **__):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    for name in ("a.csv", "b.jsonl", "c.parquet"):
        text = message(tmp_path / name)
        assert text.startswith("can't read the file: Permission denied") and str(tmp_path / name) in text


def test_row_counts_that_disagree_are_refused(tmp_path, monkeypatch):
    corpus = Corpus.open(write(tmp_path, {"a.csv": GOOD, "b.jsonl": lines({"id": 1})}) / "a.csv")
    shard = corpus.shards()[0]
    monkeypatch.setattr(delimited.pl, "read_csv", lambda *_, **__: pl.DataFrame({"id": ["a"]}))
    with pytest.raises(CorpusError, match="can't read rows 0 to 2: 1 rows where 3 were expected"):
        corpus.read(shard)
    other = Corpus.open(tmp_path / "b.jsonl")
    monkeypatch.setattr(jsonl.pl, "read_ndjson", lambda *_, **__: pl.DataFrame({"id": ["a", "b"]}))
    with pytest.raises(CorpusError, match="2 rows where 1 were expected"):
        other.scan()


@pytest.mark.parametrize("rows", [0, -1])
def test_a_shard_holds_a_row(tmp_path, rows):
    corpus = Corpus.open(write(tmp_path, {"a.csv": GOOD}) / "a.csv")
    with pytest.raises(CorpusError, match="a shard holds at least one row"):
        corpus.shards(rows)


@pytest.mark.data
@pytest.mark.parametrize("name", ["agnews", "youtube"])
def test_real_texts_are_the_same_in_every_format(data_dir, tmp_path, name):
    frame = whole(Corpus.open(data_dir / "matrices" / f"{name}.parquet")).select("id", "text", "gold")
    frame.write_csv(tmp_path / "a.csv")
    frame.write_ndjson(tmp_path / "a.jsonl")
    for other in ("a.csv", "a.jsonl"):
        corpus = Corpus.open(tmp_path / other)
        assert_frame_equal(whole(corpus), frame.cast({"gold": pl.Int64}))
        assert_frame_equal(in_shards(corpus, 1_000), whole(corpus))


# ---- found by trying to break it ----


def test_a_glob_below_a_folder_whose_name_looks_like_one(tmp_path):
    write(tmp_path, {"we ird [x]/a b.csv": "id,text\n1,a\n", "we ird [x]/[c].csv": "id,text\n2,b\n"})
    corpus = Corpus.open(str(tmp_path / "we ird [x]" / "*.csv"))
    assert whole(corpus)["id"].to_list() == ["2", "1"]
    assert Corpus.open("*b.csv", root=tmp_path / "we ird [x]").count() == 1


def test_a_csv_file_whose_lines_end_with_a_carriage_return_alone(tmp_path):
    write(tmp_path, {"old.csv": "id,text\r1,a\r"})
    with pytest.raises(CorpusError, match="a broken header") as caught:
        Corpus.open(tmp_path / "old.csv")
    assert caught.value.where == f"{tmp_path / 'old.csv'}:1"
    assert "line feed" in caught.value.hint


def test_a_parquet_column_of_nothing_but_nulls_has_the_type_of_the_other_files(tmp_path):
    pl.DataFrame({"id": ["1"], "text": [None], "n": [None]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"id": ["2"], "text": ["x"], "n": [None]}).write_parquet(tmp_path / "b.parquet")
    pl.DataFrame({"id": ["3"], "text": [None], "n": [3]}).write_parquet(tmp_path / "c.parquet")
    corpus = Corpus.open(tmp_path, text="text")
    assert corpus.schema == {"id": pl.String(), "text": pl.String(), "n": pl.Int64()}
    assert whole(corpus).rows() == [("1", None, None), ("2", "x", None), ("3", None, 3)]
    assert in_shards(corpus, 1).equals(whole(corpus))
    pl.DataFrame({"id": ["4"], "text": ["y"], "n": ["4"]}).write_parquet(tmp_path / "d.parquet")
    with pytest.raises(CorpusError, match=r"column 'n' is Int64 in c.parquet and String in d.parquet"):
        Corpus.open(tmp_path)


def test_parquet_damaged_inside_is_one_error_however_it_is_read(tmp_path):
    path = tmp_path / "a.parquet"
    texts = [f"text {i * 7919 % 997} {i}" for i in range(3000)]
    pl.DataFrame({"id": [str(i) for i in range(3000)], "text": texts}).write_parquet(path)
    column = pq.read_metadata(path).row_group(0).column(1)
    at = column.dictionary_page_offset or column.data_page_offset
    data = bytearray(path.read_bytes())
    data[at + 100 : at + 400] = bytes(300)
    path.write_bytes(data)
    corpus = Corpus.open(path)
    for use in (whole, lambda c: c.scan().select("text").collect(), lambda c: in_shards(c, 100)):
        with pytest.raises(CorpusError, match="can't read rows 0 to 2999") as caught:
            use(corpus)
        assert caught.value.where == str(path)


# ---- files that are something else ----


@pytest.mark.parametrize(
    ("name", "content", "what", "hint"),
    [
        ("a.csv", b"PAR1\x15\x04", "not text: this is a Parquet file", "let its name end in .parquet"),
        ("a.jsonl", b"\x1f\x8b\x08", "not text: this is a compressed file", "unpack it first"),
        ("a.csv", b"PK\x03\x04\xff", "not text: this is a ZIP or Excel file", "Save As, CSV UTF-8"),
        ("a.parquet", b"id,text\n1,a\n", "no Parquet file", "let its name end in what it is: .csv, .tsv or"),
        (
            "a.jsonl",
            b'{\n  "id": 1\n}\n',
            "a line that is no whole JSON object",
            "one JSON document over many",
        ),
        (
            "a.jsonl",
            b'[\n{"id": 1}\n]\n',
            "a line that is no whole JSON object",
            "write its objects one a line",
        ),
        (
            "a.jsonl",
            b'["1", "a"]\n',
            "a line that is no JSON object",
            "this is a JSON list; write its objects",
        ),
        ("a.csv", b"sep=;\nid;text\n1;a\n", "the first line is a note for Excel", "delete this line"),
        ("a.xlsx", b"PK", "can't tell the format of 'a.xlsx'", "save the sheet as CSV UTF-8"),
        ("data", b"id,text\n", "can't tell the format of 'data'", "or name its format with format="),
    ],
)
def test_files_that_are_something_else(tmp_path, name, content, what, hint):
    path = write(tmp_path, {name: content}) / name
    text = message(path)
    assert text.startswith(what) and str(path) in text and hint in text.split("hint: ")[1]


def test_ids_that_pandas_made_numbers(tmp_path):
    pl.DataFrame({"id": [1.0, None], "text": ["a", "b"]}).write_parquet(tmp_path / "a.parquet")
    text = message(tmp_path / "a.parquet")
    assert text.startswith("an id is text or a whole number, but column 'id' is Float64")
    assert "pandas makes whole numbers with gaps so: write them as text or Int64" in text
    assert "or choose another column with id=" in text


def test_texts_that_are_numbers(tmp_path):
    pl.DataFrame({"id": ["1"], "n": [5]}).write_parquet(tmp_path / "a.parquet")
    text = message(tmp_path / "a.parquet", text="n")
    assert text.startswith("a text column holds text, but column 'n' is Int64")
    assert "hint: choose another column with text=" in text


def test_a_glob_that_goes_round_in_a_circle_reads_each_file_once(tmp_path):
    write(tmp_path, {"m/a.csv": GOOD})
    (tmp_path / "m" / "loop").symlink_to(tmp_path / "m")
    corpus = Corpus.open(tmp_path / "m" / "**" / "*.csv")
    assert corpus.files == (tmp_path / "m" / "a.csv",) and corpus.count() == 3


def test_links_and_addresses_that_lead_to_no_file(tmp_path):
    (tmp_path / "a.csv").symlink_to("nowhere.csv")
    text = message(tmp_path / "a.csv")
    assert text.startswith("the link leads nowhere") and "a.csv -> nowhere.csv" in text
    text = message("https://example.org/mail.csv")
    assert text.startswith("an address, where a file, folder or glob should be")
    assert "https://example.org/mail.csv" in text and "download it" in text


def test_one_file_is_no_wrench_corpus(tmp_path):
    text = message(write(tmp_path, {"a.csv": GOOD}) / "a.csv", format="wrench")
    assert text.startswith("a WRENCH corpus is a folder with train.json") and "a.csv" in text
