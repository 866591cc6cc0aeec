"""The gold room: who is tested with what, what is kept for how long, and what a batch's checks can catch."""

import datetime
import json

import polars as pl
import pytest

from weaklabel.errors import GoldError, Problems
from weaklabel.gold import Ledger
from weaklabel.gold.agreeing.redundancy import Redundancy
from weaklabel.gold.asking.batches import BatchSettings
from weaklabel.gold.judging.checks import Season
from weaklabel.gold.judging.training import TrainingRules
from weaklabel.gold.power import power_sentence
from weaklabel.gold.room import Room
from weaklabel.gold.rules import Rules
from weaklabel.schema import LabelSchema

SCHEMA = LabelSchema(["ham", "spam"])
PEOPLE = ("ann", "bob", "cid", "dot", "eve")
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC)


def rules(**options):
    batch = options.pop("batch", BatchSettings(per_item=3, checks=2, most_checks=0.5))
    return Rules(people=dict.fromkeys(options.pop("people", PEOPLE), 1.0), batch=batch, **options)


def room_of(place, *, texts=None, task="mail", **options):
    given = None if texts is None else lambda items: texts.filter(pl.col("item").is_in(list(items)))
    return Room(Ledger.open(place), task, SCHEMA, rules(**options), seed=1, texts=given)


def gold(role, *items, label="ham"):
    labels = pl.Series("labels", [[label]] * len(items), dtype=pl.List(pl.String))
    frame = pl.DataFrame({"item": list(items)}, schema={"item": pl.String})
    return frame.with_columns(labels, role=pl.lit(role), origin=pl.lit("expert"))


def corpus(n=12):
    """Texts that are far from each other, but `g0` from `i0`, `t0` from `i1` and `i1` from `i0` by one letter."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    text = {
        f"i{n}": " ".join(letters[(n * 7 + k * (n + 3)) % 26] * 9 for k in range(12)) for n in range(2, n)
    }
    text |= {f"g{n}": f"gold number {n} " + letters[n] * 40 for n in range(1, 6)}
    text |= {f"t{n}": f"a lesson, the {n}th: " + letters[10 + n] * 40 for n in range(1, 4)}
    same = "where is my parcel, which I sent a week ago to the wrong address"
    text |= {"i0": same, "g0": same + "?", "i1": same.upper(), "t0": "So, " + same}
    return pl.DataFrame({"item": list(text), "text": list(text.values())})


def ids(*names):
    return pl.DataFrame({"id": list(names)}, schema={"id": pl.String})


def say(room, batch, label="ham", at=None, people=None):
    """Answer everything that a batch asks, and that is not answered yet."""
    asked = room.ledger.records("assignment", task=room.task).filter(pl.col("batch") == batch)
    done = room.ledger.answers(task=room.task).select("batch", "item", "annotator")
    asked = asked.join(done, on=["batch", "item", "annotator"], how="anti").select(
        "batch", "item", "annotator"
    )
    if people is not None:
        asked = asked.filter(pl.col("annotator").is_in(people))
    labels = pl.Series([[label if isinstance(label, str) else label(row)] for row in asked.rows()])
    said = asked.with_columns(kind=pl.lit("label"), labels=labels.cast(pl.List(pl.String)))
    said = said.with_columns(at=pl.lit(at, dtype=pl.Datetime("us", "UTC")))
    return room.add(said)


def checks_of(room, batch):
    asked = room.ledger.records("assignment", task=room.task).filter(
        pl.col("batch") == batch, pl.col("check")
    )
    return {name: sorted(part["item"]) for (name,), part in asked.group_by("annotator")}


# ---- nobody is tested on what they have as good as seen ----


def test_a_check_is_not_hidden_beside_or_after_its_near_duplicate(place):
    for given, met in ((corpus(), False), (None, True)):
        room = room_of(place, texts=given, task=f"with texts: {not met}")
        room.add_gold(gold("check", "g0"))
        room.create_batch("b1", ids("i0", "i2", "i3"), size=3)
        asked = room.ledger.records("assignment", task=room.task)
        beside = set(asked.filter(pl.col("item") == "i0")["annotator"])
        assert len(beside) == 3
        assert bool(beside & set(checks_of(room, "b1"))) is met
        others = set(asked.filter(~pl.col("check"))["annotator"]) - beside
        assert others <= set(checks_of(room, "b1")), "people who don't get the item get the check"
        room.create_batch("b2", ids("i4", "i5", "i6"), size=3)
        assert bool(beside & set(checks_of(room, "b2"))) is False


def test_gold_that_enters_later_tests_nobody_who_met_its_near_duplicate(place):
    room = room_of(place, texts=corpus())
    room.create_batch("b1", ids("i0", "i1"), size=2, design="simple")
    asked = room.ledger.records("assignment", task="mail")
    met = set(asked["annotator"])
    assert 3 <= len(met) < 5 or len(met) == 5
    room.add_gold(gold("check", "g0", "g1"))
    room.create_batch("b2", ids("i4", "i5", "i6", "i7", "i8"), size=5)
    found = checks_of(room, "b2")
    assert all(items == ["g1"] for name, items in found.items() if name in met)
    assert {"g0"} <= {item for name in set(found) - met for item in found[name]} or not set(found) - met
    room.add_gold(gold("training", "t0", "t1"))
    lessons, _ = room.create_round("r1", size=2)
    assert lessons.filter(pl.col("annotator").is_in(met), pl.col("item") == "t0").height == 0
    assert set(lessons.filter(pl.col("item") == "t1")["annotator"]) == set(PEOPLE)


def test_items_that_the_corpus_lacks_are_near_nothing(place):
    room = room_of(place, texts=corpus().filter(pl.col("item") != "i0"))
    room.add_gold(gold("check", "g0"))
    room.create_batch("b1", ids("i0"), size=1)
    assert checks_of(room, "b1")


# ---- checks for people who are new to a batch ----


def test_people_asked_later_get_checks_too(place):
    room = room_of(place, redundancy=Redundancy(per_item=3, most=5))
    room.add_gold(gold("check", "g1", "g2", "g3", "g4"))
    room.create_batch("b1", ids("i1", "i2", "i3"), size=1)
    first = checks_of(room, "b1")
    assert len(first) == 3 and {len(items) for items in first.values()} == {1}
    room.move("b1", "sent")
    say(room, "b1", lambda row: "spam" if row[2] == min(first) else "ham")
    more = room.ask_more("b1")
    new = set(more.assignments["annotator"])
    assert len(new) == 2 and not new & set(first)
    assert set(checks_of(room, "b1")) == set(PEOPLE)
    assert "2 hidden checks for 2 new to the batch" in more.sentence
    assert {len(items) for items in checks_of(room, "b1").values()} == {1}


# ---- retention ----


def test_old_answers_go_when_something_is_written(place):
    ledger = room_of(place).ledger
    kept, going = room_of(place), room_of(place, retention_days=30)
    kept.create_batch("b1", ids("i1", "i2"), size=2)
    say(kept, "b1", at=NOW - 40 * DAY, people=["ann", "bob"])
    say(kept, "b1", at=NOW - 20 * DAY)
    before = ledger.answers()
    assert kept.retain() is None and ledger.answers().height == before.height == 6
    old = before.filter(pl.col("at") < NOW - 30 * DAY).height
    assert 0 < old < 6
    going.consensus("b1", record=False)
    assert ledger.answers().height == 6, "reading deletes nothing"
    going.create_batch("b2", ids("i3"), size=1)
    assert ledger.answers().height == 6 - old
    stones = ledger.tombstones()
    assert stones.select("kind", "task", "answers", "reason").rows() == [
        ("retention", "mail", old, "kept for 30 days")
    ]
    assert going.retain().answers == 0 and ledger.tombstones().height == 1


def test_an_import_leaves_out_what_is_too_old_and_says_how_many(place):
    room = room_of(place, retention_days=30)
    room.create_batch("b1", ids("i1"), size=1)
    asked = room.ledger.records("assignment", task="mail").select("batch", "item", "annotator")
    times = [NOW - 31 * DAY, NOW - 29 * DAY, None]
    said = asked.with_columns(
        kind=pl.lit("label"),
        labels=pl.Series([["ham"]] * 3),
        at=pl.Series(times, dtype=pl.Datetime("us", "UTC")),
    )
    added = room.add(said)
    assert (added.new, added.erased) == (2, 1)
    again = room.add(said)
    assert (again.new, again.known, again.erased) == (0, 2, 1)
    assert sorted(room.ledger.answers()["annotator"]) == sorted(said["annotator"][1:])
    naive = said.with_columns(pl.col("at").dt.replace_time_zone(None))
    with pytest.raises(Problems, match="column 'at' has no time zone"):
        room.add(naive)


def test_another_tasks_answers_stay(place):
    other = room_of(place, task="letters")
    other.create_batch("b1", ids("i1"), size=1)
    say(other, "b1", at=NOW - 400 * DAY)
    room_of(place, retention_days=30).create_batch("b1", ids("i1"), size=1)
    assert other.ledger.answers(task="letters").height == 3
    with pytest.raises(GoldError, match="0 days or more, not -1"):
        Rules(retention_days=-1)


# ---- what a batch's checks can catch ----


def test_the_sentence_reckons_with_level_history_and_floor(place):
    season = Season(people=5, batches=10, false_alarms=1.0)
    batch = BatchSettings(per_item=5, checks=10, most_checks=0.9)
    room = room_of(place, season=season, floor=0.8, batch=batch)
    room.add_gold(gold("check", *(f"g{n}" for n in range(60))))
    first = room.create_batch("b1", ids(*(f"i{n}" for n in range(20))), size=20)
    assert first.loads["checks"].to_list() == [10] * 5
    assert first.sentence == power_sentence(10, alpha=season.level(5), history=0, floor=0.8)
    assert room.settings().history == 10
    room.create_batch("b2", ids(*(f"j{n}" for n in range(20))), size=20)
    third = room.create_batch("b3", ids(*(f"k{n}" for n in range(20))), size=20)
    assert third.sentence == power_sentence(10, alpha=season.level(15), history=20, floor=0.8)
    assert json.loads(third.settings)["floor"] == 0.8
    assert room.settings().alpha == season.level(20) and room.settings().history == 30


def test_a_floor_of_kappa_is_one_of_right_answers_at_the_mix_of_gold(place):
    room = room_of(place, kappa_floor=0.6)
    room.add_gold(gold("check", "g1", "g2"))
    assert room.settings().floor is None, "with one class kappa means nothing"
    room.add_gold(gold("check", "g3", "g4", label="spam"))
    assert room.settings().floor == pytest.approx(0.8)


def test_levels_beyond_the_declared_season_are_what_they_will_be(place):
    season = Season(people=5, batches=1, false_alarms=0.5)
    room = room_of(place, season=season)
    room.add_gold(gold("check", *(f"g{n}" for n in range(9))))
    assert room.settings().alpha == season.level(5)
    room.create_batch("b1", ids(*(f"i{n}" for n in range(20))), size=20)
    assert room.settings().alpha == season.level(10) < season.level(5)


# ---- what gold is mistaken for ----


def test_what_experts_settle_says_what_it_is_mistaken_for(place):
    room = room_of(place, people=("ann", "bob", "cid"), training=TrainingRules(least=5))
    room.create_batch("b1", ids("i1", "i2"), size=2)
    room.move("b1", "sent")
    say(room, "b1", lambda row: "spam" if row[1:] == ("i1", "ann") else "ham")
    decided = pl.DataFrame({"item": ["i1", "i2"], "labels": [["ham"], ["ham"]], "expert": ["gil", "gil"],
                            "reason": ["x", "y"]})  # fmt: skip
    room.settle(decided, batch="b1", role="shown")
    assert room.gold().items.select("item", "counter").rows() == [("i1", ["spam"]), ("i2", [])]


# ---- consensus and reissuing ----


def test_a_majority_vote_is_taken_without_a_history(place):
    room = room_of(place, consensus="majority_vote")
    room.add_gold(gold("check", "g1", "g2", "g3"))
    room.create_batch("b1", ids("i1", "i2", "i3"), size=3)
    say(room, "b1")
    found = room.consensus("b1", record=False)
    assert found.frame.select("label", "status").unique().rows() == [("ham", "settled")]


def test_a_confused_kind_is_asked_of_others_and_the_batch_goes_out_again(place):
    room = room_of(place, redundancy=Redundancy(sure=0.6))
    room.create_batch("b1", ids("i1", "i2", "i3"), size=3)
    room.move("b1", "sent")
    asked = room.ledger.records("assignment", task="mail").sort("item", "annotator")
    odd = asked.filter(pl.col("item") == "i2")["annotator"][0]
    say(room, "b1", lambda row: "spam" if row[1:] == ("i2", odd) else "ham")
    room.move("b1", "back")
    with pytest.raises(GoldError, match="no item was called ham by one person and none by another"):
        room.reissue("b1", "ham", None)
    plan = room.reissue("b1", "ham", "spam")
    told = set(asked.filter(pl.col("item") == "i2")["annotator"])
    again = plan.assignments.filter(~pl.col("check"))
    assert plan.items == ("i2",) and again["item"].to_list() == ["i2", "i2"]
    assert not told & set(again["annotator"])
    assert room.batches()["state"].to_list() == ["sent"]
