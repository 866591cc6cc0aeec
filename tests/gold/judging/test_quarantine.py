"""Quarantine: a failing person's batch goes whole, its items go to others, and everybody is told why."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.errors import GoldError
from weaklabel.gold.asking.assigning import assign, listed
from weaklabel.gold.judging.checks import CHECKS, Season, Verdict, check_answers, judge_batches
from weaklabel.gold.judging.quarantine import QUARANTINE, feedback, lift, quarantine, set_aside, standing
from weaklabel.gold.ledger.records import check_records
from weaklabel.stats import undefined

NAMES = ["ann", "bob", "cid", "dot", "eve", "fay"]
PEOPLE = pl.DataFrame({"annotator": NAMES})
ITEMS = [f"i{n:02}" for n in range(20)]


def asked_of(people=NAMES[:5], batch="b1", items=ITEMS):
    given = assign(items, people, needed=3, seed=1)
    pairs = [(items[i], people[p], False) for i, p in zip(*given.nonzero(), strict=True)]
    pairs += [(f"g{n}", person, True) for person in people for n in range(4)]
    schema = {"item": pl.String, "annotator": pl.String, "check": pl.Boolean}
    return listed(pl.DataFrame(pairs, schema=schema, orient="row"), batch=batch, seed=1)


def answers_of(assignments):
    return assignments.select(
        "item", "annotator", "batch", kind=pl.lit("label"), labels=pl.concat_list(pl.lit("ham"))
    )


def bad(person, batch="b1", failed=True):
    return Verdict(
        person,
        batch,
        1,
        4,
        0,
        (95, 100),
        1e-4,
        0.01,
        failed,
        "1 of 4 checks right",
        ("g1", "g2", "g3"),
        undefined(),
    )


def run(verdicts, assignments, people=PEOPLE, **options):
    return quarantine(verdicts, answers_of(assignments), assignments, people, seed=1, **options)


def test_a_bad_batch_goes_whole_and_every_item_of_it_to_somebody_else():
    asked = asked_of()
    plan = run([bad("bob"), bad("ann", failed=False)], asked)
    mine = asked.filter((pl.col("annotator") == "bob") & ~pl.col("check"))
    assert plan.failed
    assert plan.records.rows() == [("b1", "bob", "1 of 4 checks right", ["g1", "g2", "g3"], False)]
    assert check_records("quarantine", plan.records, task="t").height == 1
    assert sorted(plan.assignments["item"]) == sorted(mine["item"])
    assert set(plan.assignments["requeued_from"]) == {"bob"}
    assert "bob" not in plan.assignments["annotator"]
    assert not plan.assignments["check"].any()
    assert plan.assignments["blind"].all()
    assert check_records("assignment", plan.assignments, task="t").height == 12
    both = pl.concat([asked, plan.assignments]).select("item", "annotator")
    assert not both.is_duplicated().any()
    assert plan.answers == 16
    assert plan.queue.height == 0
    assert plan.sentences == (
        "bob, b1: 1 of 4 checks right; 16 answers are set aside, 12 items are asked of others",
    )
    after = standing(pl.concat([asked, plan.assignments]), plan.records)
    per_item = after.filter(~pl.col("check")).group_by("item").len()
    assert set(per_item["len"]) == {3}


def test_two_bad_people_of_one_item_are_both_replaced():
    asked = asked_of()
    plan = run([bad("bob"), bad("ann")], asked)
    after = standing(pl.concat([asked, plan.assignments]), plan.records)
    people = dict(
        after.filter(~pl.col("check")).group_by("item").agg(pl.col("annotator").n_unique()).iter_rows()
    )
    queued = set(plan.queue["item"])
    assert all(n == 3 for item, n in people.items() if item not in queued)
    assert not {"ann", "bob"} & set(plan.assignments["annotator"])
    assert set(plan.assignments["requeued_from"]) == {"ann", "bob"}
    assert len(plan.sentences) == 2


def test_too_few_others_means_experts_and_an_odd_number_that_stands():
    asked = asked_of(NAMES[:4])
    plan = run([bad("ann"), bad("bob")], asked, PEOPLE.head(4))
    after = standing(pl.concat([asked, plan.assignments]), plan.records).filter(~pl.col("check"))
    people = dict(after.group_by("item").len().iter_rows())
    for item in ITEMS:
        lost = set(asked.filter((pl.col("item") == item) & ~pl.col("check"))["annotator"]) & {"ann", "bob"}
        # of cid and dot both stand where one of the two failed, who can't be replaced: an even number, for experts
        assert people[item] == (1 if len(lost) == 2 else 2)
        assert item in plan.queue["item"]
    assert plan.assignments.height == 0
    assert set(plan.queue["why"]) == {"set aside, and too few others are left to ask"}
    assert plan.sentences[0].endswith(
        "0 items are asked of others, 15 go to experts, for too few others are left"
    )


def test_what_was_decided_before_is_not_decided_again():
    asked = asked_of()
    first = run([bad("bob")], asked)
    again = run([bad("bob")], asked, quarantines=first.records)
    assert not again.failed
    assert (again.assignments.height, again.answers, again.sentences) == (0, 0, ())
    lifted = pl.concat(
        [first.records, lift(first.records, batch="b1", annotator="bob", reason="gold was wrong")]
    )
    assert not run([bad("bob")], asked, quarantines=lifted).failed
    # who was set aside earlier is asked nothing more in that batch
    second = run([bad("cid")], pl.concat([asked, first.assignments]), quarantines=first.records)
    assert second.failed
    assert not {"bob", "cid"} & set(second.assignments["annotator"])


def test_batches_are_apart():
    asked = pl.concat([asked_of(), asked_of(batch="b2", items=[f"j{n}" for n in range(10)])])
    plan = run([bad("bob"), bad("ann", "b2")], asked)
    assert plan.records["batch"].to_list() == ["b1", "b2"]
    moved = plan.assignments.select("batch", pl.col("item").str.head(1)).unique().sort("batch").rows()
    assert moved == [("b1", "i"), ("b2", "j")]
    assert "bob" in plan.assignments.filter(batch="b2")["annotator"]
    left = standing(answers_of(asked), plan.records)
    assert left.filter(annotator="bob", batch="b1").height == 0
    assert left.filter(annotator="bob", batch="b2").height > 0


def test_what_people_have_met_is_not_asked_of_them():
    asked = asked_of()
    seen = pl.DataFrame({"item": ITEMS, "annotator": "fay"})
    plan = run([bad("bob")], asked, seen=seen)
    assert "fay" not in plan.assignments["annotator"]


def test_people_new_to_the_batch_get_checks_of_their_own():
    asked = asked_of()
    pool = pl.DataFrame({"item": [f"g{n}" for n in range(30)]})
    seen = pl.DataFrame({"item": ["g20", *ITEMS], "annotator": ["fay"] + ["cid"] * 20})
    plan = run([bad("bob")], asked, seen=seen, checks=pool, wanted=3, most=0.5)
    checks = plan.assignments.filter("check")
    assert set(checks["annotator"]) == {"fay"}
    mine = plan.assignments.filter(annotator="fay")
    assert checks.height == min(3, mine.height - checks.height)
    assert "g20" not in checks["item"]
    assert sorted(mine["position"]) == list(range(1, mine.height + 1))
    assert checks["requeued_from"].null_count() == checks.height


def test_people_new_to_the_batch_get_no_check_beside_its_near_duplicate():
    pool = pl.DataFrame({"item": ["g20", "g21"]})
    near = pl.DataFrame({"item": ["g20"] * len(ITEMS), "other": ITEMS})
    seen = pl.DataFrame({"item": ITEMS, "annotator": "cid"})
    options = {"seen": seen, "checks": pool, "wanted": 2, "most": 0.9}
    found = run([bad("bob")], asked_of(), **options, near=near).assignments.filter("check")
    assert found.select("annotator", "item").rows() == [("fay", "g21")]
    without = run([bad("bob")], asked_of(), **options).assignments.filter("check")
    assert sorted(without["item"]) == ["g20", "g21"]


def test_checks_of_others_are_checks_for_people_new_to_the_batch_too():
    asked = asked_of()
    pool = pl.DataFrame({"item": [*ITEMS, *(f"g{n}" for n in range(4))]})
    plan = run(
        [bad("bob")],
        asked,
        seen=pl.DataFrame({"item": ITEMS, "annotator": "cid"}),
        checks=pool,
        wanted=9,
        most=0.9,
    )
    assert sorted(plan.assignments.filter("check")["item"]) == ["g0", "g1", "g2", "g3"]


@settings(max_examples=20)
@given(shuffle=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(shuffle):
    asked = asked_of()
    rows = list(range(asked.height))
    shuffle.shuffle(rows)
    one = run([bad("bob"), bad("ann")], asked)
    other = run([bad("ann"), bad("bob")], asked[rows], PEOPLE.reverse())
    assert other.assignments.equals(one.assignments)
    assert other.records.equals(one.records)
    assert other.queue.equals(one.queue)
    assert other.sentences == one.sentences


# ---- which answers stand ----


def aside(*rows):
    schema = {"number": pl.Int64, **QUARANTINE}
    return pl.DataFrame([(n, b, p, "", [], lifted) for n, b, p, lifted in rows], schema=schema, orient="row")


def test_the_latest_record_of_a_persons_batch_counts():
    records = aside(
        (3, "b1", "ann", True), (1, "b1", "ann", False), (2, "b1", "bob", False), (4, "b2", "cid", False)
    )
    assert set_aside(records).sort("batch").rows() == [("b1", "bob"), ("b2", "cid")]
    answers = pl.DataFrame(
        {
            "item": list("abcde"),
            "annotator": ["ann", "bob", "bob", "cid", "bob"],
            "batch": ["b1", "b1", "b2", "b2", None],
        }
    )
    assert standing(answers, records)["item"].to_list() == ["a", "c", "e"]
    assert standing(answers, None).equals(answers)
    assert standing(answers, records.clear()).equals(answers)


def test_lifting_what_is_not_set_aside():
    with pytest.raises(GoldError) as told:
        lift(aside((1, "b1", "bob", False)), batch="b1", annotator="ann", reason="no")
    assert str(told.value) == "the answers of 'ann' in batch 'b1' are not set aside\n  available: bob in b1"


# ---- with real verdicts ----


def test_from_answers_to_quarantine_and_what_the_person_is_told():
    pool = [f"g{n:02}" for n in range(12)]
    gold = pl.DataFrame({"id": pool, "label": ["ham", "spam"] * 6})
    pairs = [(item, person, False) for item in ITEMS for person in NAMES[:3]]
    pairs += [(item, person, True) for item in pool for person in NAMES[:3]]
    asked = listed(
        pl.DataFrame(pairs, schema=["item", "annotator", "check"], orient="row"), batch="b1", seed=1
    )
    truth = dict(gold.iter_rows())
    answers = asked.select(
        "item",
        "annotator",
        "batch",
        kind=pl.lit("label"),
        labels=pl.Series(
            [
                ["ham" if who == "bob" else truth.get(item, "ham")]
                for item, who in asked.select("item", "annotator").iter_rows()
            ]
        ),
    )
    checks = check_answers(answers, gold)
    verdicts = judge_batches(checks, ["b1"], season=Season(3, 10), history=dict.fromkeys(NAMES, (95, 100)))
    plan = quarantine(verdicts, answers, asked, PEOPLE, seed=1)
    assert plan.records["annotator"].to_list() == ["bob"]
    assert plan.assignments.height == 20
    told = feedback(verdicts[1], checks)
    assert told.sentence.startswith(
        "Your answers in batch b1 are set aside: 6 of 12 checks right, after 95 of 100 before"
    )
    assert told.failed.rows() == [(item, "ham", "spam") for item in pool[1::2]]
    assert plan.records["failed"].to_list() == [pool[1::2]]
    fine = feedback(verdicts[0], checks)
    assert (fine.sentence, fine.failed.height) == (
        "Your answers in batch b1 count: 12 of 12 checks right; 95 of 100 before.",
        0,
    )


def test_nothing_fails():
    plan = run([], asked_of())
    assert not plan.failed
    assert plan.assignments.schema == asked_of().schema
    with pytest.raises(GoldError, match="no column 'gold', 'right' in the checks"):
        feedback(bad("bob"), pl.DataFrame(schema=CHECKS).drop("gold", "right"))
