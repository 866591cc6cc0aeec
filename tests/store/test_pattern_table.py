"""The side table: what pattern keys stand for, each kept once, added by many at the same time."""

import multiprocessing

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from label_tables import add_patterns
from weaklabel.errors import VotesError
from weaklabel.label_matrix import LabelMatrix
from weaklabel.store import table_commits
from weaklabel.store.pattern_table import PATTERN_COLUMNS, PatternTable, pattern_frame
from weaklabel.store.table_place import ConflictError, TableError


@pytest.fixture
def table(tmp_path):
    return PatternTable(tmp_path / "patterns")


def patterns(votes, labelers=("long", "link", "é")):
    return LabelMatrix.from_numpy(votes, labelers=list(labelers)[: len(votes[0])]).patterns()


def test_keys_are_kept_once(table):
    first, second = patterns([[0, -1, 1], [0, -1, 1], [-1, -1, -1]]), patterns([[0, -1, 1], [1, 1, -2]])
    assert table.version() is None and table.votes_of([1]).height == 0
    assert table.scan().collect().schema == pl.Schema(PATTERN_COLUMNS)
    assert (table.add(first), table.add(first), table.add(second), table.add(second)) == (2, 0, 1, 0)
    assert table.version() == 1
    assert table.scan().collect()["pattern"].sort().to_list() == sorted(
        {*first.keys.tolist(), *second.keys.tolist()}
    )
    found = table.votes_of([*first.keys.tolist(), 12345])
    assert found.schema == pl.Schema(PATTERN_COLUMNS)
    assert found["pattern"].to_list() == first.keys.tolist()
    assert sorted(found.select("lfs", "votes").rows()) == [([], []), (["long", "é"], [0, 1])]
    assert table.votes_of([]).height == 0


def test_the_order_of_rules_changes_nothing(table):
    assert table.add(patterns([[0, 1]], ["b", "a"])) == 1
    assert table.add(patterns([[1, 0]], ["a", "b"])) == 0
    assert table.votes_of(patterns([[0, 1]], ["b", "a"]).keys).select("lfs", "votes").rows() == [
        (["a", "b"], [1, 0])
    ]


def test_a_key_that_stands_for_other_votes_is_refused(table):
    frame = pattern_frame(patterns([[0, 1]]))
    table.add(frame)
    other = frame.with_columns(votes=pl.Series([[1, 1]], dtype=pl.List(pl.Int8)))
    with pytest.raises(
        VotesError, match="stands for other votes in the table: link = 1, long = 0, not link = 1, long = 1"
    ):
        table.add(other)
    assert table.version() == 0


def test_other_columns_are_refused(table):
    with pytest.raises(TableError, match="these are not the columns of a pattern table: pattern Int32"):
        table.add(pl.DataFrame({"pattern": [1]}, schema={"pattern": pl.Int32}))


def test_no_patterns_make_no_table(table):
    assert table.add(pl.DataFrame(schema=PATTERN_COLUMNS)) == 0
    assert table.version() is None


def test_one_who_comes_second_looks_again(table, monkeypatch):
    mine, theirs = patterns([[0, 1], [1, 1]]), patterns([[0, 1], [0, 0]])
    write, late = table_commits.commit, []

    def once(*given, **options):
        if not late:
            late.append(True)
            monkeypatch.setattr(table_commits, "commit", write)
            assert table.add(theirs) == 2
        return write(*given, **options)

    monkeypatch.setattr(table_commits, "commit", once)
    assert table.add(mine) == 1
    assert (
        table.version() == 1
        and table.scan().collect().height == 3 == table.scan().collect()["pattern"].n_unique()
    )


def test_who_always_comes_second_gives_up(table, monkeypatch):
    def refuse(*_, **__):
        raise ConflictError("another writer was first")

    monkeypatch.setattr(table_commits, "commit", refuse)
    with pytest.raises(ConflictError):
        table.add(patterns([[0, 1]]))


def test_processes_add_at_the_same_time(table):
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    adding = [
        context.Process(target=add_patterns, args=(table.root, name, barrier, results)) for name in "AB"
    ]
    for process in adding:
        process.start()
    for process in adding:
        process.join()
        assert process.exitcode == 0
    found = table.scan().collect()
    assert found["pattern"].n_unique() == found.height == sum(results.get() for _ in adding) == 18


def test_only_files_that_may_hold_a_key_are_read(table):
    low, high = sorted(
        [pattern_frame(patterns([[0, 1]])), pattern_frame(patterns([[1, 1]]))], key=lambda f: f["pattern"][0]
    )
    table.add(low)
    (held,) = table.place.files().keys() - {"_delta_log/00000000000000000000.json"}
    table.add(high)
    table.place.delete([held])
    assert table.votes_of(high["pattern"]).equals(high)
    with pytest.raises(FileNotFoundError):
        table.votes_of(low["pattern"])


@settings(max_examples=30)
@given(
    votes=st.lists(
        st.lists(st.sampled_from([-2, -1, 0, 1, 2]), min_size=3, max_size=3), min_size=1, max_size=12
    )
)
def test_a_frame_of_patterns_holds_their_events(votes):
    found = patterns(votes)
    frame = pattern_frame(found)
    silence = found.silence
    by_key = {row[0]: dict(zip(row[1], row[2], strict=True)) for row in frame.iter_rows()}
    assert len(by_key) == frame.height == len(found)
    names = np.array(["long", "link", "é"])
    for row, group in zip(votes, found.inverse, strict=True):
        said = {str(names[j]): code for j, code in enumerate(row) if code != silence[j]}
        assert by_key[int(found.keys[group])] == said
        assert list(by_key[int(found.keys[group])]) == sorted(said)
