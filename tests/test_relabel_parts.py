"""Parts of bulk relabeling, each against an obvious twin."""

import threading

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from weaklabel import label_model
from weaklabel.errors import OutputError
from weaklabel.label_matrix import LabelMatrix, VotePatterns
from weaklabel.label_matrix.patterns import dense_patterns
from weaklabel.pipeline.labels import label_table
from weaklabel.pipeline.relabeling.beside import beside
from weaklabel.pipeline.relabeling.labels import answers, label_rows
from weaklabel.pipeline.relabeling.merging import Merging, merge
from weaklabel.pipeline.relabeling.votes import Voter, events_of
from weaklabel.schema import LabelSchema
from weaklabel.store.shard_votes import ShardVotes
from weaklabel.store.vote_store import written

SCHEMA = LabelSchema(["a", "b", "c"])
matrices = st.lists(st.lists(st.integers(-1, 2), min_size=4, max_size=4), min_size=2, max_size=30)


@given(
    matrices, st.sampled_from([None, 0.5, 0.9]), st.sampled_from(["default", "majority_vote", "dawid_skene"])
)
@settings(deadline=None)
def test_answers_are_those_of_a_run(matrix, threshold, name):
    votes = LabelMatrix.from_numpy(matrix, labelers=list("wxyz"), silence=-1)
    patterns = votes.patterns()
    model = label_model.create(name, n_classes=3).fit(patterns)
    expected = label_table(votes.ids, patterns, model, schema=SCHEMA, threshold=threshold)
    said = answers(patterns, model, schema=SCHEMA, threshold=threshold, version="m")
    found = label_rows(votes.ids, patterns.inverse, said)
    assert_frame_equal(found.drop("model"), expected.drop("run_id"), check_exact=True)


@given(matrices)
@settings(deadline=None)
def test_rows_one_by_one_get_the_bits_of_their_patterns(matrix):
    codes = np.array(matrix, np.int8)
    voter = object.__new__(Voter)
    voter.labelers, voter.silence = tuple("wxyz"), np.full(4, -1, np.int8)
    events = events_of([written(column) for column in codes.T], len(codes))
    grouped, rows = voter.patterns(events), voter.rows(events)
    assert rows.keys.tolist() == grouped.keys[grouped.inverse].tolist()
    expected = dense_patterns(codes, tuple("wxyz"), np.full(4, -1, np.int8))
    assert (
        grouped.keys.tolist() == expected.keys.tolist()
        and grouped.counts.tolist() == expected.counts.tolist()
    )
    model = label_model.create("default", n_classes=3).fit(grouped)
    options = {"schema": SCHEMA, "threshold": None, "version": "m"}
    ids = pl.Series("id", [str(i) for i in range(len(codes))])
    together = label_rows(ids, grouped.inverse, answers(grouped, model, **options))
    alone = label_rows(ids, None, answers(rows, model, **options))
    assert_frame_equal(together, alone, check_exact=True)


def shards(tmp_path, seed, *, count=7, rows=50):
    rng = np.random.default_rng(seed)
    parts, paths = [], []
    for number in range(count):
        codes = rng.integers(-1, 2, (rows, 5)).astype(np.int8)
        levels = rng.geometric(0.5, rows).astype(np.int8) - 1
        patterns = dense_patterns(codes, tuple("abcde"), np.full(5, -1, np.int8))
        ids = pl.Series("id", [f"{number}-{i}" for i in range(rows)])
        gold = [[ids[3], 3], [ids[9], 9]]
        paths.append(ShardVotes(ids, patterns, levels, {"gold": gold}).write(tmp_path / f"{number}.votes"))
        parts.append((codes, levels))
    return paths, parts


def test_merged_shards_are_the_patterns_of_all_rows(tmp_path):
    paths, parts = shards(tmp_path, 1)
    found = merge(paths, budget=1 << 30, need=lambda patterns: 0)
    whole = dense_patterns(np.concatenate([c for c, _ in parts]), tuple("abcde"), np.full(5, -1, np.int8))
    assert (found.level, found.share, found.rows) == (0, 1.0, 350)
    assert found.patterns.keys.tolist() == whole.keys.tolist()
    assert found.patterns.counts.tolist() == whole.counts.tolist()
    assert len(found.gold) == 14
    ids, places = found.of_gold()
    row = whole.inverse[2 * 50 + 9]
    assert places[ids.to_list().index("2-9")] == row


@pytest.mark.parametrize("rows", [200, 60, 20])
def test_a_sample_is_the_largest_that_fits_and_holds_all_gold(tmp_path, rows):
    paths, parts = shards(tmp_path, 2)
    found = merge(paths, budget=1 << 30, need=lambda p: (p.n_rows > rows) * (1 << 31))
    kept = {}
    for level in range(12):
        inside = [[own >= level or i in (3, 9) for i, own in enumerate(levels)] for _, levels in parts]
        kept[level] = np.concatenate([c[np.array(i)] for (c, _), i in zip(parts, inside, strict=True)])
    fits = min(level for level, codes in kept.items() if len(codes) <= rows)
    assert found.level == fits and found.patterns.n_rows == len(kept[fits]) and found.rows == 350
    expected = dense_patterns(kept[fits], tuple("abcde"), np.full(5, -1, np.int8))
    assert found.patterns.keys.tolist() == expected.keys.tolist()
    assert found.patterns.counts.tolist() == expected.counts.tolist()
    assert set(found.gold.values()) <= set(found.patterns.keys.tolist())


@pytest.mark.parametrize("rows", [10**6, 60])
@pytest.mark.parametrize("order", [[], [6, 5, 4, 3, 2, 1, 0], [0, 1, 2], [3, 0, 6, 1]])
def test_shards_are_merged_as_they_come_and_the_order_changes_nothing(tmp_path, order, rows):
    paths, _ = shards(tmp_path, 2)
    options = {"budget": 1 << 30, "need": lambda p: (p.n_rows > rows) * (1 << 31)}
    expected, votes = merge(paths, **options), Merging(paths, **options)
    for number in order:
        votes.take(number)
    found = votes.result()
    assert (found.level, found.rows, found.gold) == (expected.level, expected.rows, expected.gold)
    for name in ("indptr", "labeler_index", "codes", "counts", "keys"):
        assert getattr(found.patterns, name).tolist() == getattr(expected.patterns, name).tolist()


def test_what_is_done_beside_is_done_in_order_and_its_first_error_is_raised():
    for apart in (False, True):
        done = []
        with beside(apart) as do:
            do(done.append, 1)
            do(done.append, 2)
        assert done == [1, 2]
        with pytest.raises(ZeroDivisionError), beside(apart) as do:
            do(divmod, 1, 0)
        with pytest.raises(KeyError, match="own"), beside(apart) as do:
            do(done.append, 3)
            raise KeyError("own")
    with beside(True) as do:
        do(lambda: done.append(threading.get_ident()))
    with beside(False) as do:
        do(lambda: done.append(threading.get_ident()))
    assert done[-2] != done[-1] == threading.get_ident()


def test_a_shard_that_is_gone_is_named(tmp_path):
    with pytest.raises(OutputError, match="the votes of a shard are not there any more"):
        merge([tmp_path / "0.votes"], budget=1 << 30, need=lambda patterns: 0)


def test_merging_one_shard_is_that_shard(tmp_path):
    paths, _ = shards(tmp_path, 3, count=1)
    found = merge(paths, budget=1 << 30, need=lambda patterns: 0)
    assert isinstance(found.patterns, VotePatterns) and found.patterns.n_rows == 50
