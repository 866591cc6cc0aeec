"""What a corpus looks like, counted by hand."""

import json
import random
import socket

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.corpus import Corpus
from weaklabel.errors import CorpusError
from weaklabel.profile import UNKNOWN, jaccard, near_duplicates, profile, shingles

ENGLISH = "I would like to know where my parcel is because it has not arrived yet"
GERMAN = "Ich möchte wissen, wo mein Paket bleibt, denn es ist noch nicht angekommen"


def corpus(folder, rows, name="a.parquet", **options):
    pl.DataFrame(rows).write_parquet(folder / name)
    return Corpus.open(folder / name, **options)


def texts(folder, values, **options):
    return corpus(folder, {"id": [f"i{k}" for k in range(len(values))], "text": values}, **options)


def test_columns(tmp_path):
    seen = profile(
        corpus(
            tmp_path,
            {
                "id": ["a", "b", "c", "d"],
                "text": ["x", None, "x", ""],
                "n": [1.0, float("nan"), None, 3.0],
                "k": pl.Series([2, 2, None, 5], dtype=pl.Int8),
                "tags": [["u"], ["u"], None, []],
                "meta": [{"p": 1}, {"p": 1}, {"p": 2}, None],
                "yes": [True, None, True, True],
            },
        )
    )
    assert seen.columns.rows() == [
        ("id", "String", 0, 0, 4, None, None, None),
        ("text", "String", 1, 0, 2, None, None, None),
        ("n", "Float64", 1, 1, 3, 1.0, 2.0, 3.0),
        ("k", "Int8", 1, 0, 2, 2.0, 3.0, 5.0),
        ("tags", "List(String)", 1, 0, 2, None, None, None),
        ("meta", "Struct({'p': Int64})", 1, 0, 2, None, None, None),
        ("yes", "Boolean", 1, 0, 1, None, None, None),
    ]
    assert (seen.rows, seen.files, seen.format) == (4, 1, "parquet")


def test_lengths_are_characters_and_words(tmp_path):
    seen = profile(texts(tmp_path, ["a b", "😀😀😀", None, "", "  two   words "])).text
    rows = {row["measure"]: row for row in seen.lengths.iter_rows(named=True)}
    # characters 0, 3, 3, 14; words 0, 1, 2, 2
    assert rows["characters"] == pytest.approx(
        {"measure": "characters", "min": 0, "p05": 0.45, "median": 3, "p95": 12.35, "max": 14}
    )
    assert rows["words"] == pytest.approx(
        {"measure": "words", "min": 0, "p05": 0.15, "median": 1.5, "p95": 2, "max": 2}
    )
    assert (seen.null, seen.empty) == (1, 1)
    sums = dict(seen.histograms.group_by("measure").agg(pl.col("rows").sum()).iter_rows())
    assert sums == {"characters": 4, "words": 4}
    assert seen.histograms.filter(measure="words").rows() == [("words", 0, 1, 1), ("words", 1, 2, 3)]


def test_exact_duplicates(tmp_path):
    seen = profile(texts(tmp_path, ["x", "y", "x", "X", "y", "x", "", "", None, None, "z"])).text
    assert (seen.duplicate_rows, seen.duplicate_groups) == (5, 2)
    assert seen.duplicates.rows() == [(3, ["i0", "i2", "i5"]), (2, ["i1", "i4"])]
    many = profile(texts(tmp_path, [f"text {k % 30}" for k in range(90)])).text
    assert (many.duplicate_rows, many.duplicate_groups, many.duplicates.height) == (90, 30, 20)


def test_near_duplicates_by_hand(tmp_path):
    a, b = "my order has not come", "my order has not come!"
    assert len(shingles(a) & shingles(b)) == 17 and len(shingles(a) | shingles(b)) == 18
    assert jaccard(shingles(a), shingles(b)) == pytest.approx(17 / 18)
    seen = profile(texts(tmp_path, [a, "thanks a lot for that", b, a, a.upper()])).text
    pairs = {(row["id"], row["other"]): row["jaccard"] for row in seen.near_duplicates.iter_rows(named=True)}
    # the twin of a (i3) is an exact duplicate: one of the two is compared
    first = ({"i0", "i3"} & {id for pair in pairs for id in pair}).pop()
    assert pairs == {
        tuple(sorted((first, "i4"))): 1.0,
        tuple(sorted((first, "i2"))): pytest.approx(17 / 18),
        ("i2", "i4"): pytest.approx(17 / 18),
    }
    assert (seen.near_sample, seen.near_rows, seen.near_threshold) == (4, 3, 0.7)


def test_a_pair_at_the_threshold_is_near():
    frame = pl.DataFrame({"id": ["a", "b"], "text": ["abcde", "abcdef"]})  # one of two shingles in common
    assert near_duplicates(frame, 0.5, 0).rows() == [("a", "b", 0.5)]
    assert near_duplicates(frame, 0.51, 0).rows() == []


WORDS = ["where", "is", "my", "parcel", "refund", "please", "invoice", "order", "late", "thanks", "broken"]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), threshold=st.sampled_from([0.6, 0.7, 0.9]))
def test_near_duplicates_agree_with_all_pairs(seed, threshold):
    rng = random.Random(seed)
    base = [" ".join(rng.choices(WORDS, k=8)) for _ in range(12)]
    values = sorted({*base, *(" ".join(text.split()[:-1]) for text in base), *(text + "!!" for text in base)})
    frame = pl.DataFrame({"id": [f"i{k}" for k in range(len(values))], "text": values})
    found = {frozenset(row[:2]) for row in near_duplicates(frame, threshold, seed).iter_rows()}
    expected, sure = (
        {
            frozenset((f"i{i}", f"i{j}"))
            for i, j in naive.near_duplicate_pairs(values, threshold=least, shingles=naive_shingles)
        }
        for least in (threshold, min(1, threshold + 0.2))
    )
    assert sure <= found <= expected


def naive_shingles(text):
    text = " ".join(text.lower().split())
    return {text[i : i + 5] for i in range(len(text)) if i + 5 <= len(text)} or {text}


def test_languages(tmp_path):
    seen = profile(
        texts(tmp_path, [ENGLISH, GERMAN, ENGLISH + " today", "ok", "👍👍👍👍👍👍👍👍👍👍👍👍👍", "", None])
    ).text
    assert seen.languages.rows() == [("en", 2, 0.4), (UNKNOWN, 2, 0.4), ("de", 1, 0.2)]
    assert seen.language_sample == 5


def test_languages_need_no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("opened a socket"))
    assert profile(texts(tmp_path, [ENGLISH])).text.languages["language"].to_list() == ["en"]


def test_the_sample_is_chosen_by_id_not_by_position(tmp_path):
    values = [f"{' '.join(random.Random(k).choices(WORDS, k=9))} {k}" for k in range(200)]
    rows = pl.DataFrame({"id": [f"i{k}" for k in range(200)], "text": values})
    shown = []
    for name, frame in (
        ("a", rows),
        ("b", rows.reverse()),
        ("c", rows.sample(fraction=1, shuffle=True, seed=1)),
    ):
        frame.write_parquet(tmp_path / f"{name}.parquet")
        made = profile(Corpus.open(tmp_path / f"{name}.parquet"), sample=40).to_dict()
        del made["fingerprint"]
        shown.append(made)
    assert shown[0] == shown[1] == shown[2]
    assert shown[0]["text"]["near_sample"] == shown[0]["text"]["language_sample"] == 40
    other = profile(Corpus.open(tmp_path / "a.parquet"), sample=40, seed=1).to_dict()
    assert other["text"] != shown[0]["text"]


def test_plain_data_is_json(tmp_path):
    rows = {"id": ["a"], "text": ["x"], "n": [float("inf")]}
    made = profile(corpus(tmp_path, rows)).to_dict()
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["columns"][2]["max"] is None and made["text"]["duplicates"] == []
    assert ENGLISH not in json.dumps(profile(texts(tmp_path, [ENGLISH, ENGLISH])).to_dict())


def test_progress(tmp_path):
    calls = []
    profile(texts(tmp_path, [ENGLISH]), progress=lambda *call: calls.append(call))
    steps = ["columns", "lengths", "exact duplicates", "near duplicates", "languages"]
    assert calls == [(name, i + 1, 5) for i, name in enumerate(steps)]


def test_without_texts(tmp_path):
    calls = []
    made = corpus(tmp_path, {"id": [1, 2], "x": [1.5, 2.5]})
    seen = profile(made, text=None, progress=lambda *call: calls.append(call))
    assert seen.text is None and seen.to_dict()["text"] is None and calls == [("columns", 1, 1)]
    with pytest.raises(CorpusError, match="no column 'text' to profile") as error:
        profile(made)
    assert "text=None" in str(error.value)


@pytest.mark.parametrize("values", [[None, None], ["", " "]])
def test_nothing_but_empty_texts(tmp_path, values):
    made = corpus(tmp_path, {"id": ["a", "b"], "text": pl.Series(values, dtype=pl.String)})
    seen = profile(made)
    assert seen.text.null + seen.text.empty == 2
    assert (seen.text.near_sample, seen.text.language_sample, seen.text.duplicate_rows) == (0, 0, 0)
    json.dumps(seen.to_dict(), allow_nan=False)


def test_options_that_make_no_sense(tmp_path):
    made = corpus(tmp_path, {"id": ["a"], "text": ["x"], "n": [1]})
    with pytest.raises(CorpusError, match="a sample has at least one row, not 0"):
        profile(made, sample=0)
    with pytest.raises(CorpusError, match=r"a Jaccard index lies between 0 and 1: near_threshold=1.5"):
        profile(made, near_threshold=1.5)
    with pytest.raises(CorpusError, match="column 'n' holds Int64, not text"):
        profile(made, text="n")
    with pytest.raises(CorpusError, match="did you mean 'text'"):
        profile(made, text="txet")


@pytest.mark.data
def test_real_texts(data_dir):
    seen = profile(Corpus.open(data_dir / "matrices" / "youtube.parquet"), sample=500)
    assert seen.rows == 2056 and seen.text.duplicates["rows"][0] == 102
    assert seen.text.languages["language"][0] == "en"


def test_many_shards_are_as_one_and_are_read_once(tmp_path, monkeypatch):
    rows = {
        "id": [f"i{k:03}" for k in range(60)],
        "text": [None if k % 7 == 0 else f"text of the kind {k % 23}" for k in range(60)],
        "n": [None if k % 5 == 0 else float("nan") if k % 11 == 0 else k / 4 for k in range(60)],
    }
    one = profile(corpus(tmp_path, rows), sample=20).to_dict()
    folder = tmp_path / "parts"
    folder.mkdir()
    for start in range(0, 60, 10):
        pl.DataFrame(rows).slice(start, 10).write_parquet(folder / f"{start:02}.parquet")
    many = Corpus.open(folder)
    reads = []
    read = Corpus.read

    def counted(self, shard, *, columns=None):
        reads.append((shard.index, columns))
        return read(self, shard, columns=columns)

    monkeypatch.setattr(Corpus, "read", counted)
    parts = profile(many, sample=20).to_dict()
    for found in (one, parts):
        del found["fingerprint"], found["files"]
    assert parts == one
    assert sorted(index for index, columns in reads if columns is None) == list(range(6))
    assert {columns for _, columns in reads} == {None, ("id", "text")}
    assert len(reads) == 12
