"""Batches: plans that keep what they promise to people, items and hidden checks."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.errors import GoldError
from weaklabel.gold.asking.batches import DRAWN, BatchSettings, plan_batch
from weaklabel.gold.asking.hidden import hide, unmet
from weaklabel.gold.asking.people import active, skill_weights
from weaklabel.gold.ledger.records import check_records
from weaklabel.gold.power import checks_needed, power_sentence
from weaklabel.gold.sampling import DRAW, draw

CORPUS = pl.DataFrame({"id": [f"i{n:03}" for n in range(300)]})
PEOPLE = pl.DataFrame({"annotator": ["ann", "bob", "cid", "dot", "eve"]})
CHECKS = pl.DataFrame({"item": [f"g{n:02}" for n in range(60)]})


def drawn(n=100, seed=1):
    return draw(CORPUS, n, seed=seed, purpose="batch").frame


def plan(rows=None, people=PEOPLE, *, seed=1, checks=CHECKS, settings=None, **options):
    settings = settings or BatchSettings(checks=12)
    return plan_batch(
        drawn() if rows is None else rows,
        people,
        batch="b1",
        seed=seed,
        checks=checks,
        settings=settings,
        **options,
    )


def test_every_item_is_asked_of_three_and_everybody_works_as_much():
    found = plan()
    production = found.assignments.filter(~pl.col("check"))
    per_item = production.group_by("item").agg(pl.col("annotator").n_unique(), pl.len())
    assert per_item.height == 100
    assert set(per_item["annotator"]) == set(per_item["len"]) == {3}
    assert found.loads.rows() == [(name, 60, 12) for name in PEOPLE["annotator"]]
    assert found.notes == ()
    assert found.sentence == power_sentence(12)
    assert found.assignments["blind"].all()
    assert found.assignments["suggestion"].null_count() == 360


def test_nobody_gets_a_check_beside_its_near_duplicate():
    near = pl.DataFrame({"item": ["g00", "g01", "g02"], "other": ["i000", "i001", "i001"]})
    rows = draw(CORPUS.head(30), 30, seed=1, purpose="batch").frame
    few = CHECKS.head(5)
    found = plan(rows, checks=few, settings=BatchSettings(checks=5, most_checks=0.5), near=near)
    of = {name: set(part["item"]) for (name,), part in found.assignments.group_by("annotator")}
    alike = [
        (name, check)
        for name in of
        for check, item in near.iter_rows()
        if item in of[name] and check in of[name]
    ]
    assert alike == []
    beside = plan(rows, checks=few, settings=BatchSettings(checks=5, most_checks=0.5))
    met = [set(part["item"]) for _, part in beside.assignments.group_by("annotator")]
    assert any({"g00", "i000"} <= items for items in met), "without knowing them they meet"
    assert any("4 of 5 checks" in note or "2 of 5" in note or "3 of 5" in note for note in found.notes)


def test_a_first_batch_says_that_it_can_not_fail():
    early = BatchSettings(checks=12, history=0, alpha=0.01)
    said = plan(settings=early).sentence
    assert said.startswith(
        "this batch can't fail, for it takes 20 earlier checks or a floor, and none are there; later, "
    )
    assert said.endswith(power_sentence(12, alpha=0.01))
    assert "and 12 are too few; later" in plan(settings=BatchSettings(checks=12, history=12)).sentence
    with_floor = BatchSettings(checks=12, history=0, alpha=0.01, floor=0.9)
    assert plan(settings=with_floor).sentence == power_sentence(12, alpha=0.01, history=0, floor=0.9)
    held = BatchSettings(checks=12, history=40, alpha=0.01, floor=0.9)
    assert plan(settings=held).sentence == power_sentence(12, alpha=0.01, history=40, floor=0.9)


def test_while_nothing_can_fail_there_are_as_many_checks_as_will_be_needed():
    known = checks_needed(0.5, alpha=0.05)
    found = plan(settings=BatchSettings(caught=0.5, history=3, most_checks=0.5))
    assert set(found.loads["checks"]) == {known}


def test_a_plan_can_be_recorded():
    found = plan()
    assert check_records("assignment", found.assignments, task="t").height == 360
    assert check_records("draw", found.draws, task="t").equals(found.draws)
    assert dict(found.draws.schema) == DRAWN
    assert set(DRAWN) - {"batch", "item"} == set(DRAW) - {"id"}
    assert found.draws["inclusion"].unique().to_list() == [100 / 300]
    assert found.draws["item"].to_list() == drawn()["id"].to_list()
    stored = json.loads(found.settings)
    assert stored["seed"] == 1
    assert BatchSettings(**{k: v for k, v in stored.items() if k != "seed"}) == BatchSettings(checks=12)


@settings(max_examples=20)
@given(shuffle=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(shuffle):
    def shuffled(frame):
        rows = list(range(frame.height))
        shuffle.shuffle(rows)
        return frame[rows]

    seen = pl.DataFrame({"item": ["g01", "g02", "i001"], "annotator": ["ann", None, "bob"]})
    guesses = pl.DataFrame({"item": CORPUS["id"], "suggestion": "ham"})
    first = plan(drawn(20), seen=seen, suggestions=guesses)
    again = plan(
        shuffled(drawn(20)),
        shuffled(PEOPLE),
        checks=shuffled(CHECKS),
        seen=shuffled(seen),
        suggestions=shuffled(guesses),
    )
    assert again.assignments.equals(first.assignments)
    assert again.draws.equals(first.draws)
    assert again.notes == first.notes


def test_nobody_is_tested_on_what_they_have_met():
    seen = pl.DataFrame(
        {
            "item": [*CHECKS["item"][:55], "g59"],
            "annotator": ["ann"] * 55 + [None],
        },
        schema={"item": pl.String, "annotator": pl.String},
    )
    found = plan(seen=seen)
    checks = found.assignments.filter("check")
    mine = checks.filter(pl.col("annotator") == "ann")["item"]
    assert sorted(mine) == ["g55", "g56", "g57", "g58"]
    assert "g59" not in checks["item"]
    assert found.notes == ("4 of 12 checks for 'ann': there are no more that this person has not met",)
    assert found.sentence == power_sentence(4)


def test_near_duplicates_of_what_they_have_met_are_no_checks_either():
    pool = pl.DataFrame({"item": ["a", "b", "c", "d"], "group": ["g", "g", None, "h"]})
    seen = pl.DataFrame({"item": ["a", "x"], "annotator": ["ann", "ann"]})
    assert unmet(pool, "ann", seen)["item"].to_list() == ["c", "d"]
    assert unmet(pool, "bob", seen)["item"].to_list() == ["a", "b", "c", "d"]
    assert unmet(pool, "bob", None, without={"b"})["item"].to_list() == ["c", "d"]
    for seed in range(20):  # never two of one group
        found, _ = hide(pool, {"bob": 100}, wanted=4, most=0.5, salt=str(seed))
        assert len(found["bob"]) == 3
        assert len({"a", "b"} & set(found["bob"])) == 1


def test_checks_are_a_fair_sample_and_differ_between_people():
    pool = pl.DataFrame({"item": [f"g{n}" for n in range(10)]})
    times = dict.fromkeys(pool["item"], 0)
    both = 0
    for seed in range(1000):
        found, _ = hide(pool, {"ann": 100, "bob": 100}, wanted=4, most=0.2, salt=str(seed))
        for item in found["ann"]:
            times[item] += 1
        both += len(set(found["ann"]) & set(found["bob"]))
    # each is drawn 400 times; a sample of 4 in 10 has variance 0.24 for each, chi-square with 9 degrees
    assert sum((n - 400) ** 2 for n in times.values()) / (1000 * 0.24) * 0.9 < 27.9
    assert abs(both / 1000 - 1.6) < 0.1


def test_places_of_checks_are_fair():
    places = [0] * 4
    for seed in range(60):
        found = plan(drawn(40), seed=seed, settings=BatchSettings(checks=6))
        sizes = dict(found.assignments.group_by("annotator").len().iter_rows())
        for person, position in found.assignments.filter("check").select("annotator", "position").iter_rows():
            places[4 * (position - 1) // sizes[person]] += 1
    total = sum(places)
    assert total == 60 * 5 * 6
    # quarters of lists of 30 hold 8, 7, 8 and 7 places
    expected = [total * share / 30 for share in (8, 7, 8, 7)]
    assert sum((n - e) ** 2 / e for n, e in zip(places, expected, strict=True)) < 16.3


def test_items_of_the_batch_are_no_checks():
    rows = pl.concat([CORPUS.head(20), CHECKS.head(58).rename({"item": "id"})])
    found = plan(draw(rows, 78, seed=1, purpose="batch").frame)
    assert set(found.assignments.filter("check")["item"]) == {"g58", "g59"}
    both = found.assignments.select("item", "annotator")
    assert not both.is_duplicated().any()


def test_the_number_of_checks_comes_from_the_power_table():
    wanted = checks_needed(0.8)
    found = plan(drawn(250), settings=BatchSettings())
    assert wanted == 33
    assert set(found.loads["checks"]) == {33}
    assert found.sentence == power_sentence(33)
    few = plan(drawn(100), settings=BatchSettings())
    assert set(few.loads["checks"]) == {15}  # one in five of a list of 75
    assert few.notes == (
        "15 of 33 checks for 'ann', 'bob', 'cid', 'dot', 'eve': at most 20 % of a list are checks, and theirs are short",
    )
    assert few.sentence == power_sentence(15)


def test_without_checks_the_plan_says_what_that_means():
    bare = "no checks are hidden in this batch: a bad day can not be seen"
    assert plan(checks=None).sentence == bare
    assert plan(settings=BatchSettings(checks=0)).sentence == bare
    assert plan(checks=CHECKS.clear()).sentence == bare
    seen = pl.DataFrame({"item": CHECKS["item"], "annotator": "bob"})
    some = plan(seen=seen)
    assert some.sentence == "there are people without any hidden check: a bad day of theirs can not be seen"
    assert some.loads.filter(pl.col("annotator") == "bob")["checks"].item() == 0


def test_an_item_that_most_have_met_is_asked_of_an_odd_number_of_the_others():
    items = drawn(9)["id"].to_list()
    seen = pl.DataFrame(
        {
            "item": [items[0]] * 3 + [items[1]] * 4 + [items[2]],
            "annotator": ["ann", "bob", "cid", "ann", "bob", "cid", "dot", None],
        }
    )
    found = plan(drawn(9), seen=seen)
    people = dict(found.assignments.filter(~pl.col("check")).group_by("item").len().iter_rows())
    assert people[items[0]] == people[items[1]] == 1
    assert items[2] not in people
    assert found.draws.height == 9  # it was drawn all the same
    assert set(found.assignments.filter(item=items[1])["annotator"]) == {"eve"}
    first, second = sorted(items[:2])
    assert found.notes[:2] == (
        f"2 items are asked of 1, not 3, for the others have met them: {first!r}, {second!r}",
        f"1 item is asked of nobody, for the others have met them: {items[2]!r}",
    )


def test_people_who_do_well_get_more():
    people = PEOPLE.with_columns(weight=pl.Series([1.5, 1.0, 1.0, None, 1.0]))
    loads = dict(plan(people=people).loads.select("annotator", "items").iter_rows())
    assert loads["ann"] == 82  # 300 answers, 1.5 of 5.5 parts: 81.8; the others 54.5 each
    assert sorted(loads.values()) == [54, 54, 55, 55, 82]
    resting = PEOPLE.with_columns(active=pl.Series([True, False, None, True, True]))
    assert plan(people=resting).loads["annotator"].to_list() == ["ann", "cid", "dot", "eve"]


def test_skill_is_the_log_odds_of_being_right():
    checks = pl.DataFrame(
        {
            "annotator": ["ann"] * 100 + ["bob"] * 100 + ["cid"] * 4 + ["dot"],
            "right": [True] * 98 + [False] * 2 + [True] * 80 + [False] * 20 + [True] * 3 + [False] + [None],
        }
    )
    found = skill_weights(checks, ["ann", "bob", "cid", "dot"])
    assert found["dot"] == 1.0  # no check answered
    assert found["ann"] > found["cid"] > found["bob"]
    assert set(skill_weights(checks, ["ann", "bob"], spread=1).values()) == {1.0}
    assert skill_weights(checks.clear(), ["ann"]) == {"ann": 1.0}
    with pytest.raises(GoldError, match=r"spread is 1 or more, not 0\.5"):
        skill_weights(checks, ["ann"], spread=0.5)


def test_suggestions_with_a_blind_share_for_checks_too():
    guesses = pl.DataFrame({"item": pl.concat([CORPUS["id"], CHECKS["item"]]), "suggestion": "ham"})
    found = plan(suggestions=guesses, settings=BatchSettings(checks=12, blind=0.5))
    shares = found.assignments.group_by("check").agg(pl.col("blind").mean()).sort("check")["blind"]
    assert found.notes == ()
    assert all(0.35 < share < 0.65 for share in shares)
    bare = plan(suggestions=guesses.head(300))
    assert bare.assignments.filter("check")["blind"].all()
    assert len(bare.notes) == 1
    assert bare.notes[0].endswith(
        "checks have no suggestion, and may be known by it: suggest labels for checks too"
    )


def test_settings_are_checked():
    with pytest.raises(GoldError) as told:
        BatchSettings(per_item=2)
    assert str(told.value) == (
        "2 people an item is an even number: they can split in halves and leave no majority\n  hint: per_item is odd: 1 or 3"
    )
    for wrong, said in [
        ({"per_item": 0}, "at least 1 person, not 0"),
        ({"checks": -1}, "0 checks or more, not -1"),
        ({"most_checks": 1.0}, "a share between 0 and 1, not 1.0"),
        ({"blind": 1.1}, "a share from 0 to 1, not 1.1"),
    ]:
        with pytest.raises(GoldError, match=said):
            BatchSettings(**wrong)


def test_people_are_checked():
    with pytest.raises(GoldError) as told:
        plan(people=PEOPLE.head(2))
    assert str(told.value) == (
        "each item is asked of 3 people, and 2 are active\n  available: ann, bob\n"
        "  hint: call more people, or set per_item to a smaller odd number"
    )
    with pytest.raises(GoldError, match="an annotator stands twice: 'ann'"):
        active(pl.DataFrame({"annotator": ["ann", "ann"]}))
    with pytest.raises(GoldError, match="1 of 2 annotators have no name"):
        active(pl.DataFrame({"annotator": ["ann", None]}))
    with pytest.raises(GoldError, match="no column 'annotator' in the annotators"):
        active(pl.DataFrame({"name": ["ann"]}))
    with pytest.raises(GoldError, match="no column 'order' in the draw"):
        plan(drawn().drop("order"))
