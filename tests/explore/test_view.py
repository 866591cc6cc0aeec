"""Which rows are looked at: all of them, or a sample that only the ids decide."""

import numpy as np
import polars as pl
import pytest

from explore_tasks import SCHEMA, gold_of
from weaklabel.corpus import Corpus
from weaklabel.errors import CorpusError
from weaklabel.explore import View


@pytest.fixture
def corpus(tmp_path):
    frame = pl.DataFrame({"id": [f"r{i}" for i in range(1000)], "text": [f"text {i}" for i in range(1000)]})
    frame.write_parquet(tmp_path / "rows.parquet", row_group_size=100)
    return Corpus.open(tmp_path / "rows.parquet")


def test_a_small_corpus_is_looked_at_whole(corpus):
    view = View.read(corpus)
    assert (view.rows, view.total, view.sampled) == (1000, 1000, False)
    assert view.frame["id"].to_list() == [f"r{i}" for i in range(1000)]


def test_a_sample_has_its_size_and_all_gold_rows(corpus):
    gold = gold_of({f"r{i}": "ham" for i in range(0, 1000, 50)})
    view = View.read(corpus, gold=gold, rows=100)
    assert (view.rows, view.total, view.sampled) == (100, 1000, True)
    assert int(view.known.sum()) == 20
    assert view.frame.height < 121
    assert set(view.frame.filter(pl.Series(view.known))["id"]) == {f"r{i}" for i in range(0, 1000, 50)}


def test_the_sample_is_the_same_whatever_the_order_of_the_rows(corpus, tmp_path):
    pl.read_parquet(tmp_path / "rows.parquet").reverse().write_parquet(tmp_path / "turned.parquet")
    turned = Corpus.open(tmp_path / "turned.parquet")
    one, other = View.read(corpus, rows=50), View.read(turned, rows=50)
    assert set(one.ids) == set(other.ids)
    assert [one.ids[i] for i in one.draw(one.counted, 5).tolist()] == [
        other.ids[i] for i in other.draw(other.counted, 5).tolist()
    ]
    assert set(View.read(corpus, rows=50, seed=1).ids) != set(one.ids)


def test_the_sample_is_spread_over_the_corpus(corpus):
    places = [int(id[1:]) for id in View.read(corpus, rows=200).ids]
    assert 400 < np.mean(places) < 600


def test_the_fingerprint_says_which_rows(corpus):
    whole = View.read(corpus).fingerprint
    assert whole == View.read(corpus, rows=None).fingerprint == View.read(corpus, rows=1000).fingerprint
    assert len({whole, View.read(corpus, rows=10).fingerprint, View.read(corpus, rows=11).fingerprint}) == 3


def test_the_column_of_texts():
    assert View.of(pl.DataFrame({"id": ["a"], "body": ["a long text"], "text": [""]})).text == "text"
    assert View.of(pl.DataFrame({"id": ["a"], "kind": ["x"], "body": ["a long text"]})).text == "body"
    assert View.of(pl.DataFrame({"id": ["a"], "stars": [1]})).text is None


def test_rows_need_ids():
    with pytest.raises(CorpusError, match="no column 'id'"):
        View.of(pl.DataFrame({"text": ["a"]}))


def test_gold_goes_by_id():
    view = View.of(pl.DataFrame({"id": ["x", "y"]}), gold=gold_of({"y": "spam"}, SCHEMA))
    assert view.gold.tolist() == [-1, 1]
