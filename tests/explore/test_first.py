"""A look in two steps: the rule alone, then the others on the rows where that matters; the answer is the same as at once."""

import dataclasses

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explore_tasks import SCHEMA, TEXTS, view_of
from weaklabel.corpus import Corpus
from weaklabel.errors import RuleFault
from weaklabel.explore import Ballots, StoppedError, View, first, first_look, try_rule
from weaklabel.lf import LFRegistry, keywords, labeling_function

WORDS = ("please", "pleas", "buy", "now", "hello", "help", "!")


@pytest.fixture
def few(monkeypatch):
    """Let the others vote on the rows that matter only, however few rows there are."""
    monkeypatch.setattr(first, "FEW_ROWS", 0)


def test_the_rule_alone_comes_first(few, registry, view):
    ballots = Ballots(view)
    found = first_look("asks", registry, view, ballots=ballots)
    assert ballots.voted == ("asks",)
    assert set(found.waits) == {"sells", "shouts", "short"}
    trial = found.trial
    assert not trial.others_known
    assert (trial.hits, trial.coverage.value, trial.precision.value, trial.precision.n) == (3, 0.5, 1 / 3, 3)
    assert [dataclasses.astuple(m) for m in trial.matches] == [("please", 3, 1, 2)]
    assert {row.id for kind in ("hits", "wrong") for row in trial.examples[kind]} == {"a", "b", "f"}
    assert (trial.others, trial.near, trial.overlaps, trial.conflicts) == ((), (), 0, 0)


def test_the_others_vote_where_it_matters_only(few, registry, view):
    asked = set()

    @labeling_function(label="spam")
    def spy(row):
        asked.add(row["text"])
        return False

    try_rule("asks", LFRegistry([*registry, spy], schema=SCHEMA), view)
    assert asked == {TEXTS[id] for id in "abf"} | {TEXTS["d"]}  # three hits, and a near miss


def test_both_ways_tell_the_same(few, registry):
    part = try_rule("asks", registry, view_of())
    view = view_of()
    ballots = Ballots(view)
    ballots.cast(registry)
    assert dataclasses.asdict(try_rule("asks", registry, view, ballots=ballots)) == dataclasses.asdict(part)
    assert ballots.voted == ()


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join), min_size=1, max_size=9)
)
def test_asking_fewer_rows_changes_no_answer(texts):
    rules = [
        keywords(name, [name], label=label)
        for name, label in (("please", "ham"), ("buy", "spam"), ("now", "ham"))
    ]
    registry = LFRegistry(rules, schema=SCHEMA)
    rows = {f"r{i}": text for i, text in enumerate(texts)}
    whole = try_rule("please", registry, view_of(rows, {"r0": "ham"}))
    before, first.FEW_ROWS = first.FEW_ROWS, 0
    try:
        part = try_rule("please", registry, view_of(rows, {"r0": "ham"}))
    finally:
        first.FEW_ROWS = before
    assert dataclasses.asdict(part) == dataclasses.asdict(whole)


def test_a_rule_without_hits_waits_for_the_others_too(few, registry, view):
    found = first_look(keywords("typed", ["pleese"], label="ham"), registry, view)
    assert found.trial.hits == 0 and len(found.waits) == 4
    assert [near.found for near in found.finish().near] == ["please"]


def test_nothing_is_waited_for_where_all_is_kept(few, registry, view):
    ballots = Ballots(view)
    ballots.cast(registry)
    assert first_look("asks", registry, view, ballots=ballots).waits == ()


def test_a_failure_of_the_rule_is_told_before_the_others_vote(few, registry, view):
    asked = []

    @labeling_function(label="spam")
    def spy(row):
        asked.append(row)
        return False

    @labeling_function(label="ham")
    def fails(row):
        return 1 / (row["text"] != "hello")

    with pytest.raises(RuleFault, match="ZeroDivisionError"):
        try_rule(fails, LFRegistry([*registry, spy], schema=SCHEMA), view)
    assert asked == []


def test_one_that_is_stopped_goes_on_later(few, registry, tmp_path, monkeypatch):
    pl.DataFrame({"id": list(TEXTS), "text": list(TEXTS.values())}).write_parquet(tmp_path / "rows.parquet")
    view = View.read(Corpus.open(tmp_path / "rows.parquet"))
    monkeypatch.setattr("weaklabel.explore.ballots.FIRST_ROWS", 1)
    monkeypatch.setattr("weaklabel.explore.ballots.SHORT", 0)  # parts do not grow
    monkeypatch.setattr("weaklabel.explore.ballots.LONG", 1e9)
    ballots = Ballots(view, tmp_path / "kept")
    with pytest.raises(StoppedError):
        first_look("asks", registry, view, ballots=ballots).finish(stop=lambda: True)
    ballots.save()
    told = []
    again = Ballots(view, tmp_path / "kept")
    trial = try_rule("asks", registry, view, ballots=again, tell=lambda *step: told.append(step))
    assert again.voted == ("sells", "shouts", "short")
    assert told[-1] == ("votes of 3 rules", 3, 3)  # of four rows that matter one was done
    assert dataclasses.asdict(trial) == dataclasses.asdict(try_rule("asks", registry, view))


def test_numbers_of_rows_hold_on_many(few):
    texts = {
        f"r{i}": ("please buy" if i % 7 == 0 else "please" if i % 5 == 0 else "nothing") for i in range(2_000)
    }
    rules = [keywords("asks", ["please"], label="ham"), keywords("sells", ["buy"], label="spam")]
    trial = try_rule("asks", LFRegistry(rules, schema=SCHEMA), view_of(texts, None))
    both = len(range(0, 2_000, 7))
    hits = both + sum(i % 5 == 0 and i % 7 != 0 for i in range(2_000))
    assert (trial.hits, trial.conflicts, trial.alone) == (hits, both, hits - both)
