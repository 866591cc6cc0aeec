"""Votes are kept: only a changed rule votes again, and what is on disk is never trusted blindly."""

import numpy as np
import polars as pl
import pytest

from explore_tasks import SCHEMA
from weaklabel.corpus import Corpus
from weaklabel.errors import RuleFault
from weaklabel.explore import Ballots, StoppedError, View
from weaklabel.explore.ballots import forget_old
from weaklabel.lf import LFRegistry, keywords, labeling_function


@pytest.fixture
def corpus(tmp_path):
    frame = pl.DataFrame({"id": ["a", "b", "c"], "text": ["please", "buy", "please buy"]})
    frame.write_parquet(tmp_path / "rows.parquet")
    return Corpus.open(tmp_path / "rows.parquet")


def rules(*terms):
    made = [keywords(f"r{i}", [term], label="ham") for i, term in enumerate(terms)]
    return LFRegistry(made, schema=SCHEMA)


def test_only_new_rules_vote(corpus):
    ballots = Ballots(View.read(corpus))
    assert ballots.cast(rules("please", "buy")).to_numpy().tolist() == [[0, -1], [-1, 0], [0, 0]]
    assert ballots.voted == ("r0", "r1")
    assert ballots.cast(rules("please", "please buy")).to_numpy()[:, 1].tolist() == [-1, -1, 0]
    assert ballots.voted == ("r1",)
    ballots.cast(rules("please", "buy"))
    assert ballots.voted == ()


def test_another_order_of_labels_is_another_vote(corpus):
    ballots = Ballots(View.read(corpus))
    ballots.cast(rules("please"))
    turned = LFRegistry([keywords("r0", ["please"], label="ham")], schema=type(SCHEMA)(["spam", "ham"]))
    assert ballots.cast(turned).to_numpy().tolist() == [[1], [-1], [1]]


def test_votes_are_kept_on_disk(corpus, tmp_path):
    folder = tmp_path / "kept"
    first = Ballots(View.read(corpus), folder).cast(rules("please")).to_numpy()
    again = Ballots(View.read(corpus), folder)
    assert again.cast(rules("please")).to_numpy().tolist() == first.tolist()
    assert again.voted == ()
    assert [p.suffix for p in folder.iterdir()] == [".npy"]


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"no array at all"])
def test_damaged_votes_are_cast_again(corpus, tmp_path, damage):
    folder = tmp_path / "kept"
    Ballots(View.read(corpus), folder).cast(rules("please"))
    for path in folder.iterdir():
        path.write_bytes(damage)
    again = Ballots(View.read(corpus), folder)
    assert again.cast(rules("please")).to_numpy().tolist() == [[0], [-1], [0]]
    assert again.voted == ("r0",)


def test_votes_of_other_rows_are_not_taken(corpus, tmp_path):
    folder = tmp_path / "kept"
    Ballots(View.read(corpus), folder).cast(rules("please"))
    for path in folder.iterdir():
        np.save(path, np.zeros(7, np.int8))
    again = Ballots(View.read(corpus), folder)
    assert again.cast(rules("please")).to_numpy().tolist() == [[0], [-1], [0]]


def test_a_folder_that_cannot_be_written_is_no_error(corpus, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert Ballots(View.read(corpus), blocked / "kept").cast(rules("please")).shape == (3, 1)


def failing():
    @labeling_function(label="spam")
    def fails(row):
        return 1 / (row["text"] != "buy")

    return LFRegistry([*rules("please"), fails], schema=SCHEMA)


def test_failures_of_others_are_counted_and_not_kept(corpus, tmp_path):
    ballots = Ballots(View.read(corpus), tmp_path / "kept")
    votes = ballots.cast(failing())
    assert votes.to_numpy()[:, 1].tolist() == [1, -2, 1]
    assert dict(votes.faults) == {"fails": 1}
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_a_failure_of_the_rule_itself_is_told(corpus):
    with pytest.raises(RuleFault, match="raised ZeroDivisionError"):
        Ballots(View.read(corpus)).cast(failing(), strict=["fails"], on_error="raise")


def test_rules_that_are_right_for_some_days_vote_again_on_another_day(corpus):
    from datetime import date

    rule = keywords("old", ["please"], label="ham", valid_until="2020-12-31")
    registry = LFRegistry([rule], schema=SCHEMA)
    view = View.read(corpus)
    assert Ballots(view, None, {"today": date(2020, 1, 1)}).cast(registry).to_numpy().ravel().tolist() == [
        0,
        -1,
        0,
    ]
    assert (
        Ballots(view, None, {"today": date(2021, 1, 1)}).cast(registry).to_numpy().ravel().tolist()
        == [-2] * 3
    )
    one, other = (Ballots(view, None, {"today": date(year, 1, 1)}) for year in (2020, 2021))
    assert one._key(rule, SCHEMA) != other._key(rule, SCHEMA)


def test_progress_is_told(corpus):
    told = []
    Ballots(View.read(corpus)).cast(rules("please", "buy"), tell=lambda *step: told.append(step))
    assert told == [("votes of 2 rules", 3, 3)]


def test_old_votes_are_forgotten(tmp_path):
    import os

    for name, age in (("old.npy", 40), ("new.npy", 1), ("other.txt", 90)):
        (tmp_path / name).write_bytes(b"")
        then = (tmp_path / name).stat().st_mtime - age * 86400
        os.utime(tmp_path / name, (then, then))
    assert forget_old(tmp_path, days=30) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new.npy", "other.txt"]


# ---- some of the rows ----


def test_only_rows_that_are_wanted_vote(corpus):
    seen = []

    @labeling_function(label="spam")
    def spy(row):
        seen.append(row["text"])
        return row["text"] == "buy"

    ballots, registry = Ballots(View.read(corpus)), LFRegistry([spy], schema=SCHEMA)
    some = ballots.cast(registry, rows=np.array([False, True, False]))
    assert (some.to_numpy().tolist(), some.ids.to_list(), seen) == ([[1]], ["b"], ["buy"])
    assert ballots.lacks(registry, rows=np.array([False, True, False])) == ()
    assert ballots.lacks(registry) == ("spy",)
    assert ballots.cast(registry).to_numpy().tolist() == [[-1], [1], [-1]]
    assert seen == ["buy", "please", "please buy"]  # none is asked twice
    assert ballots.lacks(registry) == ()


def test_no_rows_are_no_votes(corpus):
    ballots = Ballots(View.read(corpus))
    assert ballots.cast(rules("please"), rows=np.zeros(3, bool)).to_numpy().shape == (0, 1)
    assert ballots.voted == ()


def test_rules_that_know_other_rows_vote_together_in_the_end(corpus):
    ballots = Ballots(View.read(corpus))
    one, both = rules("please"), rules("please", "buy")
    ballots.cast(one, rows=np.array([True, False, False]))
    assert ballots.cast(both).to_numpy().tolist() == [[0, -1], [-1, 0], [0, 0]]
    assert ballots.voted == ("r0", "r1")


def small_parts(monkeypatch):
    monkeypatch.setattr("weaklabel.explore.ballots.FIRST_ROWS", 1)
    monkeypatch.setattr("weaklabel.explore.ballots.SHORT", 0)  # parts do not grow
    monkeypatch.setattr("weaklabel.explore.ballots.LONG", 1e9)


@pytest.mark.parametrize("end", [KeyboardInterrupt, MemoryError])
def test_what_was_said_before_the_end_is_kept(corpus, tmp_path, monkeypatch, end):
    small_parts(monkeypatch)

    def tell(step, done, total):
        if done == 2:
            raise end

    with pytest.raises(end):
        Ballots(View.read(corpus), tmp_path / "kept").cast(rules("please"), tell=tell)
    told = []
    again = Ballots(View.read(corpus), tmp_path / "kept")
    assert again.cast(rules("please"), tell=lambda *step: told.append(step)).to_numpy().tolist() == [
        [0],
        [-1],
        [0],
    ]
    assert told == [("votes of 1 rule", 1, 1)]


def test_votes_go_to_disk_while_the_work_goes_on(corpus, tmp_path, monkeypatch):
    """Nothing can be written at the end of one that is killed: it has to be there before."""
    small_parts(monkeypatch)
    monkeypatch.setattr("weaklabel.explore.ballots.WRITE_SECONDS", 0)
    kept = []

    def tell(step, done, total):
        kept.extend(int((np.load(path) != -128).sum()) for path in (tmp_path / "kept").glob("*.npy"))

    Ballots(View.read(corpus), tmp_path / "kept").cast(rules("please"), tell=tell)
    assert kept == [1, 2]  # as the second and the third part are done


def test_stopping(corpus, monkeypatch):
    small_parts(monkeypatch)
    ballots = Ballots(View.read(corpus))
    with pytest.raises(StoppedError):
        ballots.cast(rules("please"), stop=lambda: True)
    assert ballots.lacks(rules("please")) == ("r0",)
    told = []
    ballots.cast(rules("please"), tell=lambda *step: told.append(step[1:]), stop=lambda: False)
    assert told == [(1, 2), (2, 2)]


def test_going_on_takes_the_time_it_is_given(corpus, monkeypatch):
    small_parts(monkeypatch)
    ballots = Ballots(View.read(corpus))
    assert [ballots.go_on(rules("please"), seconds=0) for _ in range(4)] == [False, False, True, True]
    assert ballots.cast(rules("please")).to_numpy().tolist() == [[0], [-1], [0]]


def test_quick_rules_vote_first(corpus):
    @labeling_function(label="spam")
    def slow(row):
        return False

    told = []
    registry = LFRegistry([slow, *rules("please", "buy")], schema=SCHEMA)
    Ballots(View.read(corpus)).cast(registry, tell=lambda *step: told.append(step[0]))
    assert told == ["votes of 2 rules", "votes of 1 rule"]


def test_parts_grow_while_they_are_quick():
    from weaklabel.explore.ballots import FEWEST_ROWS, LONG, PART_ROWS, SHORT, _next_size

    assert _next_size(64, SHORT / 2) == 256 and _next_size(PART_ROWS, 0) == PART_ROWS
    assert _next_size(64, (SHORT + LONG) / 2) == 64
    assert _next_size(64, 2 * LONG) == 16 and _next_size(FEWEST_ROWS, 9) == FEWEST_ROWS
