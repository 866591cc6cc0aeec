"""One row for each time that a person was asked about an item."""

import datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
from strategies import ledger_answers
from weaklabel.errors import GoldError
from weaklabel.gold.ledger.answers import LEDGER
from weaklabel.gold.ledger.records import columns
from weaklabel.gold.trends.occasions import OCCASIONS, by_number, known_only, occasions, renamed
from weaklabel.schema import LabelSchema

AT = datetime.datetime(2026, 3, 4, 10, tzinfo=datetime.UTC)


def answer(number, item="a", annotator="ann", labels=("ham",), **more):
    row = {"number": number, "task": "mail", "key": f"k{number}", "item": item, "annotator": annotator}
    row |= {
        "kind": "label",
        "labels": list(labels),
        "at": AT,
        "recorded_at": AT + datetime.timedelta(days=20),
    }
    return row | more


def frame(*rows):
    return pl.DataFrame(list(rows), schema=LEDGER)


def records(kind, *rows):
    return pl.DataFrame(list(rows), schema=columns(kind))


def test_a_correction_takes_the_place_of_what_it_corrects():
    later = AT + datetime.timedelta(hours=1)
    said = frame(answer(1, labels=["spam"], at=later), answer(2, labels=["ham"]))
    assert occasions(said)["labels"].to_list() == [["spam"]]  # by its time, not by when it was read


def test_another_batch_or_guideline_is_another_occasion():
    said = frame(answer(1, batch="b1"), answer(2, batch="b2"), answer(3, batch="b2", guideline="v2"))
    found = occasions(said)
    assert found.select("batch", "guideline").rows() == [("b1", "unknown"), ("b2", "unknown"), ("b2", "v2")]


def test_weeks_begin_on_monday_and_an_unknown_time_is_that_of_the_import():
    sunday = datetime.datetime(2026, 3, 8, 23, 59, tzinfo=datetime.UTC)
    said = frame(
        answer(1, "a", at=sunday),
        answer(2, "b", at=sunday + datetime.timedelta(minutes=2)),
        answer(3, "c", at=None),
    )
    found = occasions(said).select("item", "week", "timed").rows()
    assert found == [
        ("a", datetime.date(2026, 3, 2), True),
        ("b", datetime.date(2026, 3, 9), True),
        ("c", datetime.date(2026, 3, 23), False),
    ]


def test_use_comes_from_the_audit_the_hidden_checks_and_the_batch():
    said = frame(
        *(answer(n, item, batch=batch) for n, (item, batch) in enumerate(
            [("a", "b1"), ("b", "b1"), ("c", "r1"), ("d", None), ("e", "b1"), ("f", "b9")], start=1
        ))
    )  # fmt: skip
    batches = records(
        "batch",
        {"number": 1, "batch": "b1", "state": "drawn", "purpose": "production"},
        {"number": 2, "batch": "r1", "state": "drawn", "purpose": "training"},
        {"number": 3, "batch": "b1", "state": "sent"},
    )
    asked = records(
        "assignment",
        *({"number": n, "batch": "b1", "item": i, "annotator": "ann", "check": i in "be", "blind": False}
          for n, i in enumerate("abe")),
    )  # fmt: skip
    found = occasions(said, assignments=asked, batches=batches, audited=["e"])
    assert found.select("item", "use").rows() == [
        ("a", "production"),
        ("b", "check"),
        ("c", "training"),
        ("d", "other"),
        ("e", "audit"),
        ("f", "other"),
    ]


def test_what_was_shown_is_known_from_the_assignment_where_the_tool_does_not_say():
    said = frame(
        answer(1, "a", batch="b1"),
        answer(2, "b", batch="b1"),
        answer(3, "c", batch="b1", suggested=False),
        answer(4, "d", batch="b1"),
        answer(5, "e"),
    )
    asked = records(
        "assignment",
        *({"number": n, "batch": "b1", "item": i, "annotator": "ann", "check": False, "blind": i == "b",
           "suggestion": None if i == "d" else ["ham"]} for n, i in enumerate("abcd")),
    )  # fmt: skip
    found = occasions(said, assignments=asked).select("suggested", "suggestion").rows()
    assert [shown for shown, _ in found] == [True, False, False, False, None]
    assert found[0][1] == ["ham"] and found[1][1] is None


def test_what_is_set_aside_is_marked_until_it_counts_again():
    said = frame(answer(1, batch="b1"), answer(2, batch="b2"), answer(3, annotator="bob", batch="b1"))
    gone = {
        "number": 1,
        "batch": "b1",
        "annotator": "ann",
        "reason": "fell",
        "failed": ["x"],
        "lifted": False,
    }
    aside = occasions(said, quarantines=records("quarantine", gone))
    assert aside.select("annotator", "batch", "aside").rows() == [
        ("ann", "b1", True),
        ("ann", "b2", False),
        ("bob", "b1", False),
    ]
    again = records("quarantine", gone, gone | {"number": 2, "lifted": True})
    assert not occasions(said, quarantines=again)["aside"].any()


def test_people_have_pseudonyms_or_nothing_is_told():
    said = frame(answer(1), answer(2, annotator="bob"))
    names = {"ann": "annotator 7", "bob": "annotator 3"}
    assert occasions(said, names=names)["annotator"].to_list() == ["annotator 3", "annotator 7"]
    with pytest.raises(GoldError, match="1 of 2 annotators have no pseudonym") as refused:
        occasions(said, names={"ann": "annotator 7"})
    assert "bob" not in str(refused.value)


def test_no_people_need_no_names():
    assert renamed(pl.DataFrame(schema={"annotator": pl.String}), {}).height == 0


def test_labels_that_the_schema_lost_are_left_out_and_told():
    schema = LabelSchema(["ham", "spam"])
    kept, notes = known_only(frame(answer(1), answer(2, labels=["gone"])), schema, "answer")
    assert kept["number"].to_list() == [1]
    assert notes == ("1 answer names labels that the schema does not have: 'gone'; left out",)
    assert known_only(frame(answer(1)), schema, "answer")[1] == ()


def test_a_column_that_is_missing_is_named():
    with pytest.raises(GoldError, match="recorded_at"):
        occasions(frame(answer(1)).drop("recorded_at"))


def test_pseudonyms_are_sorted_by_number():
    names = ["annotator 12", "annotator 2", "zed", "annotator ²"]
    assert sorted(names, key=by_number)[:2] == ["annotator 2", "annotator 12"]


@given(ledger_answers(), st.randoms(use_true_random=False))
def test_as_the_twin_says_in_any_order(rows, random):
    found = occasions(pl.DataFrame(rows, schema=LEDGER))
    assert found.schema == pl.Schema(OCCASIONS)
    twin = naive.occasions(rows)
    keys = [
        tuple(row[name] for name in ("item", "annotator", "batch", "guideline")) for row in found.to_dicts()
    ]
    assert sorted(map(str, keys)) == sorted(map(str, twin))
    for key, row in zip(keys, found.to_dicts(), strict=True):
        expected = twin[key]
        assert row["labels"] == expected["labels"] and row["seconds"] == expected["seconds"]
        assert str(row["week"]) == naive.monday(expected["at"] or expected["recorded_at"])
        assert row["commented"] == bool((expected["comment"] or "").strip())
    shuffled = random.sample(rows, len(rows))
    assert occasions(pl.DataFrame(shuffled, schema=LEDGER)).equals(found)
