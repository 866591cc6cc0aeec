"""What rules do on a part, in counts: by hand, against a slow twin, in any order."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import naive
from weaklabel.audit.vote_counts import VoteCounts, count_parts, count_votes, votes_over
from weaklabel.errors import GoldError
from weaklabel.fingerprint import event_hash

LABELS = ["ham", "spam", "ad"]


def frame(votes, **more):
    columns = {f"lf:r{j}": votes[:, j] for j in range(votes.shape[1])}
    ids = [f"i{i}" for i in range(len(votes))]
    return pl.DataFrame({"id": ids, **columns, **more}, schema_overrides=dict.fromkeys(columns, pl.Int8))


def counted(rows):
    """Say of each row whether patterns are counted on it: by a hash of its id, in every part that holds it."""
    return [not event_hash(f"pattern i{i}", 0) & 1 for i in range(rows)]


matrices = hnp.arrays(np.int8, st.tuples(st.integers(1, 8), st.integers(1, 4)), elements=st.integers(-2, 3))


@given(matrices)
def test_counts_are_their_slow_twin(votes):
    counts = count_votes(frame(votes), LABELS)
    expected = naive.vote_counts(votes.tolist(), len(LABELS))
    for name in ("asked", "fires", "judged", "agrees", "votes"):
        assert getattr(counts, name).tolist() == expected[name], name
    assert counts.uncovered == expected["uncovered"]
    assert sum(counts.patterns.values()) <= counts.pattern_rows == sum(counted(counts.rows))


@given(matrices, st.randoms(use_true_random=False))
def test_neither_rows_nor_rules_need_an_order(votes, random):
    rows = list(range(len(votes)))
    random.shuffle(rows)
    whole = frame(votes)
    columns = [c for c in whole.columns if c != "id"]
    random.shuffle(columns)
    a, b = count_votes(whole, LABELS), count_votes(whole[rows].select("id", *columns), LABELS)
    place = [b.rules.index(r) for r in a.rules]
    assert a.fires.tolist() == b.fires[place].tolist()
    assert a.agrees.tolist() == b.agrees[place].tolist()
    assert a.patterns == b.patterns


@given(matrices, st.data())
def test_parts_add_up_to_the_whole(votes, data):
    part = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(votes), max_size=len(votes))))
    (whole,) = count_parts(frame(votes), LABELS, part * 0, 1)
    parts = list(count_parts(frame(votes), LABELS, part, 3))
    for name in ("asked", "fires", "judged", "agrees", "votes"):
        assert sum(getattr(p, name) for p in parts).tolist() == getattr(whole, name).tolist()
    assert sum(whole.patterns.values()) == whole.pattern_rows == len(votes)
    assert {k: sum(p.patterns[k] for p in parts) for k in whole.patterns} == whole.patterns


def test_by_hand():
    votes = np.array([[0, 0, -1], [1, 0, 0], [-1, -1, -1], [-2, 1, -1]], np.int8)
    counts = count_votes(frame(votes, label=["ham", "ham", None, "spam"]), LABELS)
    assert counts.asked.tolist() == [3, 4, 4]
    assert counts.fires.tolist() == [2, 3, 1]
    assert counts.judged.tolist() == [
        2,
        1,
        0,
    ]  # in row 2 the others of r1 and r2 are split between two classes
    assert counts.agrees.tolist() == [1, 1, 0]
    assert counts.uncovered == 1
    assert counts.labeled.tolist() == [2, 1, 0]
    (whole,) = count_parts(frame(votes), LABELS, np.zeros(4, int), 1)
    assert whole.patterns == {"": 1, "r0:ham r1:ham": 1, "r0:spam r1:ham r2:ham": 1, "r1:spam": 1}


def test_only_frequent_patterns_are_kept_and_a_later_part_counts_the_same_ones():
    votes = np.array([[0]] * 50 + [[1]] * 30 + [[2]], np.int8)
    kept = count_votes(frame(votes), LABELS, patterns=2)
    assert set(kept.patterns) == {"r0:ham", "r0:spam"}
    on = counted(81)
    assert kept.patterns == {"r0:ham": sum(on[:50]), "r0:spam": sum(on[50:80])}
    assert kept.pattern_rows == sum(on) and 30 < sum(on) < 51
    # the same rows in a later part are counted, or not, as they were in the reference
    later = count_votes(frame(votes)[50:], LABELS, like=kept)
    assert later.patterns == {"r0:ham": 0, "r0:spam": sum(on[50:80])} and later.pattern_rows == sum(on[50:])


def test_they_survive_json():
    counts = count_votes(frame(np.array([[0, 1]], np.int8), label=["ad"]), LABELS)
    again = VoteCounts.from_dict(json.loads(json.dumps(counts.to_dict())))
    assert again.to_dict() == counts.to_dict()
    with pytest.raises(GoldError, match="'fires' is missing"):
        VoteCounts.from_dict({k: v for k, v in counts.to_dict().items() if k != "fires"})


def test_what_is_no_vote_or_label_is_named():
    with pytest.raises(GoldError, match="have no votes"):
        count_votes(pl.DataFrame({"id": ["a"]}), LABELS)
    with pytest.raises(GoldError, match="'spma' is none of the classes") as caught:
        count_votes(frame(np.array([[0]], np.int8), label=["spma"]), LABELS)
    assert caught.value.hint == "did you mean 'spam'?"


def test_votes_over_windows():
    votes = np.array([[0], [1], [1], [-1]], np.int8)
    table = votes_over(frame(votes, month=["2", "2", "1", "1"]), LABELS, "month")
    assert table.filter(pl.col("votes") > 0).select(
        "part", "rule", "label", "votes", "rows", "share"
    ).rows() == [
        ("2", "r0", "ham", 1, 2, 0.5),
        ("1", "r0", "spam", 1, 2, 0.5),
        ("2", "r0", "spam", 1, 2, 0.5),
    ]
    with pytest.raises(GoldError, match="no column 'moth'"):
        votes_over(frame(votes, month=["1"] * 4), LABELS, "moth")
