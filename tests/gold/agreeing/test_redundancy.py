"""Adaptive redundancy: hard items are asked of more people, easy ones are done early."""

import datetime

import polars as pl
import pytest

from weaklabel.errors import GoldError
from weaklabel.gold.agreeing.redundancy import ITEMS, Redundancy, more_asked
from weaklabel.gold.asking.assigning import listed
from weaklabel.gold.ledger.records import check_records

PEOPLE = pl.DataFrame({"annotator": [f"p{n}" for n in range(9)]})


def batch_of(said, waiting=None):
    """Answers and assignments: per item what p0, p1, … said (a label, "-" none of these, "?" skip)."""
    rows, pairs = [], []
    for item, words in said.items():
        for n, word in enumerate(words):
            kind = {"-": "none", "?": "skip"}.get(word, "label")
            rows.append((item, f"p{n}", "b1", kind, [word] if kind == "label" else []))
            pairs.append((item, f"p{n}"))
        pairs += [(item, f"p{len(words) + n}") for n in range((waiting or {}).get(item, 0))]
    schema = {"item": pl.String, "annotator": pl.String, "batch": pl.String, "kind": pl.String}
    answers = pl.DataFrame(rows, schema={**schema, "labels": pl.List(pl.String)}, orient="row")
    asked = pl.DataFrame(pairs, schema={"item": pl.String, "annotator": pl.String}, orient="row")
    return answers, listed(asked, batch="b1", seed=1)


def fates(said, waiting=None, **options):
    found = more_asked(*batch_of(said, waiting), PEOPLE, batch="b1", seed=1, **options)
    return {
        item: (status, needs) for item, status, needs in found.items.select("item", "status", "needs").rows()
    }


def test_what_becomes_of_items():
    assert fates(
        {
            "agreed": "aaa",
            "hard": "aab",
            "split": "abc",
            "four of five": "aaaab",
            "three of five": "aaabb",
            "at the end": "aaabbbc",
            "skipped": "aa?",
            "all skipped": "???",
            "even": "aaab",
            "even, agreed": "aaaa",
            "none of these": "---",
        }
    ) == {
        "agreed": ("done", 0),
        "hard": ("more", 2),
        "split": ("more", 2),
        "four of five": ("done", 0),
        "three of five": ("more", 2),
        "at the end": ("experts", 0),
        "skipped": ("more", 1),
        "all skipped": ("more", 3),
        "even": ("more", 1),
        "even, agreed": ("more", 1),
        "none of these": ("done", 0),
    }


def test_pending_answers_are_waited_for_unless_they_can_change_nothing():
    found = more_asked(
        *batch_of({"waits": "aa", "early": "aaaa", "open": "aaa"}, {"waits": 1, "early": 1, "open": 2}),
        PEOPLE,
        batch="b1",
        seed=1,
    )
    assert dict(found.items.select("item", "status").rows()) == {
        "waits": "waiting",
        "early": "early",
        "open": "waiting",
    }
    assert found.spare.select("item", "annotator").rows() == [("early", "p4")]
    assert found.assignments.height == 0
    assert found.sentence == "of 3 items 1 done early, 2 waiting; 0 further answers; done means 80 % sure"


def test_more_people_are_new_to_the_item_and_evenly_asked():
    said = {f"i{n}": "aab" for n in range(30)}
    seen = pl.DataFrame({"item": ["i0"], "annotator": ["p3"]})
    found = more_asked(*batch_of(said), PEOPLE, batch="b1", seed=1, seen=seen)
    new = found.assignments
    assert check_records("assignment", new, task="t").height == 60
    assert set(new["annotator"]) == {f"p{n}" for n in range(3, 9)}
    assert set(new.group_by("annotator").len()["len"]) == {10}
    assert set(new.group_by("item").agg(pl.col("annotator").n_unique())["annotator"]) == {2}
    assert new.filter((pl.col("item") == "i0") & (pl.col("annotator") == "p3")).height == 0
    assert new["blind"].all()


def test_people_who_are_new_to_the_batch_get_checks_that_they_have_not_met():
    answers, asked = batch_of({f"i{n}": "aab" for n in range(30)})
    had = listed(
        pl.DataFrame({"item": ["g0", "g1", "g2"], "annotator": ["p0", "p1", "p3"], "check": [True] * 3}),
        batch="b1", seed=1, before=asked,
    )  # fmt: skip
    elsewhere = listed(
        pl.DataFrame({"item": ["g3"], "annotator": ["p4"], "check": [True]}), batch="b0", seed=1
    )
    checks = pl.DataFrame({"item": [f"g{n}" for n in range(8)], "group": [*[None] * 6, "g", "g"]})
    seen = pl.DataFrame({"item": ["g4", "g6"], "annotator": ["p4", None]})
    near = pl.DataFrame({"item": ["g5"] * 30, "other": [f"i{n}" for n in range(30)]})
    found = more_asked(
        answers, pl.concat([asked, had, elsewhere]), PEOPLE, batch="b1", seed=1,
        seen=seen, checks=checks, wanted=5, most_checks=0.4, near=near,
    )  # fmt: skip
    assert check_records("assignment", found.assignments, task="t").height == found.assignments.height
    hidden = found.assignments.filter("check")
    of = {name: sorted(part["item"]) for (name,), part in hidden.group_by("annotator")}
    assert set(found.assignments["annotator"]) == {f"p{n}" for n in range(3, 9)}
    # p3 has a check in the batch; g3 and g4 are met by p4, g5 is near an item of everybody's, g6 and g7 are shown to all
    assert of == {"p4": ["g0", "g1", "g2"], **{f"p{n}": ["g0", "g1", "g2", "g3", "g4"] for n in (5, 6, 7, 8)}}
    places = found.assignments.filter(pl.col("annotator") == "p5").sort("position")
    assert places["position"].to_list() == list(range(1, places.height + 1))
    assert places["check"].to_list() != sorted(places["check"]), "checks stand among the items"
    assert ", and 23 hidden checks for 5 new to the batch; done means" in found.sentence
    # asking again gives them none
    again = more_asked(
        answers, pl.concat([asked, had, elsewhere, found.assignments]), PEOPLE, batch="b1", seed=1,
        checks=checks, wanted=5,
    )  # fmt: skip
    assert again.assignments.height == 0


def test_too_few_people_left_means_experts_with_the_reason():
    answers, asked = batch_of({"hard": "aab", "skipped": "aa?"})
    found = more_asked(answers, asked, PEOPLE.head(4), batch="b1", seed=1)
    assert dict(found.items.select("item", "status").rows()) == {"hard": "experts", "skipped": "more"}
    assert found.queue.rows() == [
        ("hard", "b1", "2 of 3 votes agree after 3 people were asked, and 1 more can be asked, not 2", "open")
    ]
    assert check_records("queue", found.queue, task="t").height == 1


def test_a_posterior_takes_the_place_of_the_share():
    posterior = pl.DataFrame({"item": ["sure", "doubt"], "posterior": [0.97, 0.7]})
    found = fates({"sure": "aab", "doubt": "aaa", "unknown": "aaa"}, posterior=posterior)
    assert found == {"sure": ("done", 0), "doubt": ("more", 2), "unknown": ("done", 0)}


def test_what_is_set_aside_is_not_counted_and_its_person_not_asked_again():
    aside = pl.DataFrame(
        {"batch": ["b1"], "annotator": ["p2"], "reason": [""], "failed": [[]], "lifted": [False]}
    )
    answers, asked = batch_of({"a": "xxy", "b": "xx"})
    found = more_asked(answers, asked, PEOPLE.head(4), batch="b1", seed=1, quarantines=aside)
    assert found.items.select("item", "votes", "status", "needs").rows() == [
        ("a", 2, "more", 1),
        ("b", 2, "more", 1),
    ]
    assert set(found.assignments["annotator"]) == {"p3"}


def test_an_item_that_was_sent_back_waits_for_new_answers():
    at = [datetime.datetime(2026, 1, d, tzinfo=datetime.UTC) for d in (1, 2, 3)]
    answers, asked = batch_of({"a": "xxx"})
    answers = answers.with_columns(recorded_at=pl.lit(at[1]))
    first = asked.with_columns(recorded_at=pl.lit(at[0]), number=pl.int_range(pl.len()))
    again = asked.with_columns(recorded_at=pl.lit(at[2]), number=pl.int_range(pl.len()) + 10)
    done = more_asked(answers, first, PEOPLE, batch="b1", seed=1)
    assert done.items["status"].to_list() == ["done"]
    waiting = more_asked(answers, pl.concat([first, again]), PEOPLE, batch="b1", seed=1)
    assert waiting.items.select("pending", "votes", "status").rows() == [(3, 0, "waiting")]


def test_checks_and_other_batches_are_passed_over():
    answers, asked = batch_of({"a": "xxx", "b": "xxy"})
    asked = asked.with_columns(check=pl.col("item") == "b")
    other = asked.with_columns(batch=pl.lit("b2"))
    found = more_asked(answers, pl.concat([asked, other]), PEOPLE, batch="b1", seed=1)
    assert found.items["item"].to_list() == ["a"]
    assert dict(found.items.schema) == ITEMS
    empty = more_asked(answers, asked, PEOPLE, batch="b9", seed=1)
    assert (empty.items.height, empty.sentence) == (0, "the batch has no items")


def test_order_changes_nothing():
    answers, asked = batch_of({f"i{n}": "aab" for n in range(7)})
    one = more_asked(answers, asked, PEOPLE, batch="b1", seed=1)
    other = more_asked(answers.reverse(), asked.reverse(), PEOPLE.reverse(), batch="b1", seed=1)
    assert one.items.equals(other.items)
    assert one.assignments.equals(other.assignments)


def test_a_whole_season_of_simulated_answers_ends_and_spends_answers_on_hard_items():
    """Items of known difficulty, asked in rounds until nothing is left to ask."""
    from weaklabel.fingerprint import event_hash

    items = [f"{kind}{n}" for kind in ("easy", "hard") for n in range(40)]
    people = [f"p{n}" for n in range(9)]

    def say(item, person):
        right = 0.98 if item.startswith("easy") else 0.6
        return "a" if event_hash(item, int(person[1:])) / 2**64 < right else "b"

    from weaklabel.gold.asking.assigning import assign

    given = assign(items, people, needed=3, seed=1)
    pairs = [(items[i], people[p]) for i, p in zip(*given.nonzero(), strict=True)]
    asked = listed(pl.DataFrame(pairs, schema=["item", "annotator"], orient="row"), batch="b1", seed=1)
    for _ in range(5):
        answers = asked.select(
            "item", "annotator", "batch", kind=pl.lit("label"),
            labels=pl.struct("item", "annotator").map_elements(
                lambda r: [say(r["item"], r["annotator"])], return_dtype=pl.List(pl.String)),
        )  # fmt: skip
        found = more_asked(answers, asked, PEOPLE, batch="b1", seed=1)
        if not found.assignments.height:
            break
        asked = pl.concat([asked, found.assignments])
    assert set(found.items["status"]) == {"done", "experts"}
    assert (found.items["asked"] % 2 == 1).all()
    spent = found.items.group_by(pl.col("item").str.head(4)).agg(pl.col("asked").mean()).sort("item")["asked"]
    assert spent[0] < 3.6 < 4.5 < spent[1]


def test_settings_are_checked():
    with pytest.raises(GoldError, match="odd number of votes, not 2"):
        Redundancy(per_item=2)
    with pytest.raises(GoldError, match="5 people at least and 3 at most"):
        Redundancy(per_item=5, most=3)
    with pytest.raises(GoldError, match=r"above 0\.5 up to 1 on, not 0\.5"):
        Redundancy(sure=0.5)
