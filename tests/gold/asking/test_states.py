"""States of batches, and what a reviewer sees."""

import datetime

import polars as pl
import pytest

from weaklabel.errors import GoldError
from weaklabel.gold.agreeing.review import plan_review, send_back
from weaklabel.gold.asking.assigning import listed
from weaklabel.gold.asking.outcomes import queued, votes_of
from weaklabel.gold.asking.states import MOVES, batch_states, move
from weaklabel.gold.ledger.records import BATCH_STATES, KINDS, check_records

NONE = pl.DataFrame(schema=KINDS["batch"])


def walked(*states, purpose="production"):
    records = move(NONE, "b1", "drawn", purpose=purpose, settings='{"seed": 1}')
    for state in states:
        records = pl.concat([records, move(records, "b1", state)])
    return records


def test_a_batch_goes_through_all_states():
    records = walked("sent", "back", "checked", "reviewed", "released")
    assert batch_states(records).rows() == [("b1", "released", "production", '{"seed": 1}', None, 6)]
    assert check_records("batch", records.head(1), task="t").height == 1
    assert set(MOVES) == set(BATCH_STATES)


def test_every_move_is_allowed_or_refused():
    legal = {
        ("drawn", "sent"),
        ("sent", "back"),
        ("back", "checked"),
        ("back", "sent"),
        ("checked", "reviewed"),
        ("checked", "sent"),
        ("reviewed", "released"),
        ("reviewed", "sent"),
    }
    way = {s: BATCH_STATES[1 : i + 1] for i, s in enumerate(BATCH_STATES)}
    for here in BATCH_STATES:
        for there in BATCH_STATES[1:]:
            records = walked(*way[here])
            if (here, there) in legal:
                assert move(records, "b1", there)["state"].to_list() == [there]
            else:
                with pytest.raises(GoldError, match=f"batch 'b1' is {here} and can't become {there}"):
                    move(records, "b1", there)


def test_training_needs_no_review():
    records = walked("sent", "back", "checked", purpose="training")
    assert move(records, "b1", "released")["state"].item() == "released"
    with pytest.raises(GoldError, match="is back and can't become released"):
        move(walked("sent", "back", purpose="training"), "b1", "released")


def test_the_latest_record_by_number_counts():
    records = pl.DataFrame(
        {
            "number": [5, 2, 9],
            "batch": ["b1", "b1", "b0"],
            "state": ["sent", "drawn", "drawn"],
            "purpose": [None, "training", "expert"],
            "settings": [None, "{}", None],
            "note": ["by mail", None, None],
            "recorded_at": [datetime.datetime(2026, 1, d, tzinfo=datetime.UTC) for d in (3, 2, 4)],
        }
    )
    found = batch_states(records)
    assert found.select("batch", "state", "purpose", "settings", "note", "steps").rows() == [
        ("b0", "drawn", "expert", None, None, 1),
        ("b1", "sent", "training", "{}", "by mail", 2),
    ]
    assert found["since"][1].day == 3


def test_refusals():
    with pytest.raises(GoldError) as told:
        move(NONE, "b1", "snet")
    assert str(told.value).splitlines()[-1] == "  hint: did you mean 'sent'?"
    with pytest.raises(GoldError, match="there is a batch 'b1' already"):
        move(walked(), "b1", "drawn", purpose="production")
    with pytest.raises(GoldError, match="a batch needs a purpose, not None"):
        move(NONE, "b1", "drawn")
    with pytest.raises(GoldError, match="no batch 'b2'") as told:
        move(walked(), "b2", "sent")
    assert "did you mean 'b1'?" in str(told.value)
    with pytest.raises(GoldError, match="stand in its first record"):
        move(walked(), "b1", "sent", purpose="training")


# ---- review ----


def agreed(n, batch="b1"):
    return pl.DataFrame(
        {
            "item": [f"i{k:03}" for k in range(n) for _ in range(3)],
            "annotator": ["ann", "bob", "cid"] * n,
            "batch": batch,
            "kind": "label",
            "labels": [["ham"]] * (3 * n),
        }
    )


def test_a_reviewer_sees_a_random_share_of_what_all_agree_on():
    split = pl.DataFrame(
        {"item": ["x", "x", "y", "z", "z"], "annotator": ["ann", "bob", "ann", "ann", "bob"], "batch": "b1",
         "kind": ["label", "label", "label", "label", "skip"], "labels": [["ham"], ["spam"], ["ham"], ["ham"], []]}
    )  # fmt: skip
    answers = pl.concat([agreed(200), split, agreed(300, batch="b2")])
    review = plan_review(answers, batch="b1", seed=1, share=0.1, checks=["i000"])
    assert review.agreed == 199
    assert review.frame.height == 20
    assert review.sentence == "20 of 199 agreed items are shown to the reviewer"
    assert review.frame["inclusion"].unique().to_list() == [20 / 199]
    assert review.frame["annotators"][0].to_list() == ["ann", "bob", "cid"]
    assert not {"x", "y", "z", "i000"} & set(review.frame["item"])
    again = plan_review(answers.reverse(), batch="b1", seed=1, share=0.1, checks=["i000"])
    assert again.frame.equals(review.frame)


def test_few_agreed_items_are_all_shown_and_none_is_said():
    assert plan_review(agreed(4), batch="b1", seed=1).frame.height == 4
    nothing = plan_review(agreed(4), batch="b7", seed=1)
    assert (nothing.frame.height, nothing.sentence) == (0, "no items agree: there is nothing to review")
    with pytest.raises(GoldError, match="share of a review"):
        plan_review(agreed(4), batch="b1", seed=1, share=0)


def test_none_of_these_and_several_labels_are_outcomes_too():
    answers = pl.DataFrame(
        {"item": ["a", "a", "b", "b"], "annotator": ["ann", "bob"] * 2, "batch": "b1",
         "kind": ["none", "none", "label", "label"], "labels": [[], [], ["x", "y"], ["y", "x"]]},
        schema_overrides={"labels": pl.List(pl.String)},
    )  # fmt: skip
    found = plan_review(answers, batch="b1", seed=1).frame.sort("item")
    assert found.select("item", "label").rows() == [("a", []), ("b", ["x", "y"])]
    assert votes_of(answers).height == 4


def test_items_sent_back_are_asked_of_the_same_people_again():
    pairs = agreed(3).select("item", "annotator")
    checks = pl.DataFrame({"item": ["g"], "annotator": ["ann"], "check": [True]})
    asked = listed(
        pl.concat([pairs, checks], how="diagonal").with_columns(pl.col("check").fill_null(False)),
        batch="b1",
        seed=1,
    )
    back = send_back(["i001"], asked, batch="b1", seed=2)
    assert back.select("item", "annotator", "position", "blind").rows() == [
        ("i001", "ann", 5, True),
        ("i001", "bob", 4, True),
        ("i001", "cid", 4, True),
    ]
    with pytest.raises(GoldError, match="not in batch 'b1' can't be sent back: 'g'"):
        send_back(["g"], asked, batch="b1", seed=2)


def test_queue_records():
    found = queued(["a", "b"], batch="b1", why=["a tie", "skipped"])
    assert check_records("queue", found, task="t").equals(found)
