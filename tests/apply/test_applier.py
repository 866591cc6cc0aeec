"""LFApplier: what it takes, ids, and that shards, order and batches change nothing."""

import numpy as np
import polars as pl
import pytest

import weaklabel as wl
from weaklabel.apply import applier as applier_module
from weaklabel.errors import CorpusError, RuleError

SCHEMA = wl.LabelSchema(["ham", "spam"])
TEXTS = ["Subscribe now!", "see https://x.org and check\n out", "hi", None, "BUY NOW!!!", "hi", "👍🏽 straße"]


@pytest.fixture
def registry():
    rules = [
        wl.keywords("asks_to_subscribe", ["subscribe", "check out"], label="spam"),
        wl.regex("has_link", r"https?://", label="spam"),
        wl.where("very_short", pl.col("text").str.len_chars() < 20, label="ham"),
        wl.lookup("greetings", {"hi": "ham", "now": "spam"}),
        wl.spacy_pattern("thumb", [{"TEXT": {"REGEX": "👍"}}], label="ham"),
        wl.labeling_function(lambda row: (row["text"] or "").isupper(), name="shouts", label="spam"),
    ]
    return wl.LFRegistry(rules, schema=SCHEMA)


@pytest.fixture
def frame():
    return pl.DataFrame({"comment_id": [10 * i for i in range(len(TEXTS))], "text": TEXTS})


WANT = [
    [1, -1, 0, 1, -1, -1],
    [1, 1, -1, -1, -1, -1],
    [-1, -1, 0, 0, -1, -1],
    [-1, -1, -1, -1, -1, -1],
    [-1, -1, 0, 1, -1, 1],
    [-1, -1, 0, 0, -1, -1],
    [-1, -1, 0, -1, 0, -1],
]


def test_votes_worked_by_hand(registry, frame):
    votes = wl.LFApplier(registry).apply(frame, id="comment_id")
    assert votes.to_numpy().tolist() == WANT
    assert votes.labelers == registry.ids
    assert votes.frame.columns == ["id", *(f"lf:{id}" for id in registry.ids)]
    assert votes.ids.to_list() == ["0", "10", "20", "30", "40", "50", "60"]
    assert votes.frame.schema["id"] == pl.String
    assert set(votes.frame.drop("id").dtypes) == {pl.Int8}
    assert votes.faults == {}


def test_every_input_gives_the_same_votes(registry, frame, tmp_path):
    frame.write_parquet(tmp_path / "a.parquet")
    inputs = [
        frame,
        frame.lazy(),
        pl.scan_parquet(tmp_path / "a.parquet"),
        frame.to_pandas(),
        frame.with_columns(pl.col("comment_id").cast(pl.String)),
    ]
    for data in inputs:
        assert wl.LFApplier(registry).apply(data, id="comment_id").to_numpy().tolist() == WANT


def test_a_corpus_is_read_shard_by_shard(registry, frame, tmp_path):
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=2)
    corpus = wl.Corpus.open(tmp_path / "a.parquet", id="comment_id")
    assert wl.LFApplier(registry).apply(corpus).to_numpy().tolist() == WANT
    assert wl.LFApplier(registry).apply(corpus).ids.to_list() == ["0", "10", "20", "30", "40", "50", "60"]


def test_the_size_of_batches_changes_nothing(registry, frame, monkeypatch):
    for rows in (1, 2, 3, 100):
        monkeypatch.setattr(applier_module, "BATCH_ROWS", rows)
        assert wl.LFApplier(registry).apply(frame, id="comment_id").to_numpy().tolist() == WANT


def test_order_of_rows_and_rules_changes_only_the_order_of_the_answer(registry, frame):
    order = np.random.default_rng(0).permutation(len(TEXTS))
    votes = wl.LFApplier(registry).apply(frame[order.tolist()], id="comment_id")
    assert votes.to_numpy().tolist() == [WANT[i] for i in order]
    flipped = wl.LFRegistry(registry.rules[::-1], schema=SCHEMA)
    assert wl.LFApplier(flipped).apply(frame, id="comment_id").to_numpy().tolist() == [
        row[::-1] for row in WANT
    ]


def test_the_input_is_left_alone(registry, frame):
    before = frame.clone()
    wl.LFApplier(registry).apply(frame, id="comment_id")
    assert frame.equals(before)


def test_only_the_columns_that_rules_read_are_read(frame):
    rule = wl.keywords("k", ["hi"], label="ham")
    applier = wl.LFApplier(wl.LFRegistry([rule], schema=SCHEMA))
    broken = frame.lazy().with_columns(pl.col("text").str.to_integer(strict=True).alias("boom"))
    assert applier.apply(broken, id="comment_id").to_numpy()[:, 0].tolist() == [-1, -1, 0, -1, -1, 0, -1]


def test_no_rows_give_no_votes(registry, frame):
    votes = wl.LFApplier(registry).apply(frame.head(0), id="comment_id")
    assert votes.shape == (0, 6)


def test_the_ids(registry, frame):
    apply = wl.LFApplier(registry).apply
    with pytest.raises(CorpusError, match="no id column 'id'") as caught:
        apply(frame)
    assert caught.value.available == ("comment_id", "text")
    assert 'apply(data, id="…")' in caught.value.hint
    with pytest.raises(CorpusError, match="no id column 'comment'") as caught:
        apply(frame, id="comment")
    assert caught.value.hint == "did you mean 'comment_id'?"
    with pytest.raises(CorpusError, match="1 ids stand on more than one row") as caught:
        apply(pl.concat([frame, frame.head(1)]), id="comment_id")
    assert caught.value.where == "'0'"
    with pytest.raises(CorpusError, match="1 rows have no id"):
        apply(frame.with_columns(pl.col("comment_id").replace({20: None})), id="comment_id")
    assert apply(frame.rename({"comment_id": "id"})).ids.to_list()[:2] == ["0", "10"]


def test_a_missing_column_is_one_error_with_rule_place_and_columns(registry, frame):
    with pytest.raises(RuleError) as caught:
        wl.LFApplier(registry).apply(frame.rename({"text": "txt"}), id="comment_id")
    assert caught.value.what == (
        "rule 'asks_to_subscribe' reads column 'text', which is not there, and 5 more rules lack a column"
    )
    assert "test_applier.py:" in caught.value.where
    assert caught.value.available == ("comment_id", "txt")
    assert caught.value.hint == "did you mean 'txt'?"


def test_what_is_no_input_is_refused(registry):
    with pytest.raises(CorpusError, match="documents are a Polars or pandas frame or a Corpus, not str"):
        wl.LFApplier(registry).apply("comments.parquet")
    with pytest.raises(RuleError, match="an LFRegistry is wanted, not list"):
        wl.LFApplier(list(registry))
    with pytest.raises(RuleError, match="unknown on_error 'ignore'"):
        wl.LFApplier(registry, on_error="ignore")


def test_progress_goes_to_stderr(registry, frame, capsys):
    votes = wl.LFApplier(registry, progress=True).apply(frame, id="comment_id")
    assert votes.to_numpy().tolist() == WANT
    assert capsys.readouterr().out == ""


def test_documents_that_cannot_be_read_are_an_error_of_the_corpus(tmp_path):
    registry = wl.LFRegistry([wl.keywords("k", ["a"], label="x")], schema=wl.LabelSchema(["x", "y"]))
    with pytest.raises(wl.CorpusError, match=r"the documents can't be read: .*nofile.parquet"):
        wl.LFApplier(registry).apply(pl.scan_parquet(tmp_path / "nofile.parquet"))
    path = tmp_path / "cut.parquet"
    pl.DataFrame({"id": ["1"], "text": ["a"]}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(wl.CorpusError, match="the documents can't be read: "):
        wl.LFApplier(registry).apply(pl.scan_parquet(path))
