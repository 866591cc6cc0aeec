"""Agreement with gold and among people over time: by hand, and as the twins say."""

import datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from strategies import ledger_answers
from weaklabel.errors import GoldError
from weaklabel.gold.judging.confusion import classes_of
from weaklabel.gold.ledger.answers import LEDGER
from weaklabel.gold.trends.agreed import AMONG, WITH_GOLD, among, class_names, judged, with_gold
from weaklabel.gold.trends.occasions import OCCASIONS, occasions
from weaklabel.schema import LabelSchema
from weaklabel.stats import wilson

SCHEMA = LabelSchema(["ham", "news", "spam"])
CLASSES = classes_of(SCHEMA)
WEEK = datetime.date(2026, 3, 2)


def rows_of(*rows, **common):
    base = {
        "kind": "label",
        "labels": ["ham"],
        "week": WEEK,
        "guideline": "v1",
        "use": "check",
        "aside": False,
    }
    full = [base | {"order": n, **common, **row} for n, row in enumerate(rows, start=1)]
    return pl.DataFrame(full, schema=OCCASIONS)


def gold_of(**labels):
    rows = [(item, [label], "check", []) for item, label in labels.items()]
    names = {
        "item": pl.String,
        "labels": pl.List(pl.String),
        "role": pl.String,
        "experts": pl.List(pl.String),
    }
    return pl.DataFrame(rows, schema=names, orient="row")


def test_agreement_with_gold_by_hand():
    rows = rows_of(
        {"item": "a", "annotator": "1"},
        {"item": "b", "annotator": "1", "labels": ["spam"]},
        {"item": "a", "annotator": "2"},
        {"item": "b", "annotator": "2", "kind": "skip", "labels": []},
        {"item": "z", "annotator": "2"},
        {"item": "a", "annotator": "3", "week": WEEK + datetime.timedelta(weeks=1), "labels": ["news"]},
    )
    held = judged(rows, gold_of(a="ham", b="ham"), schema=SCHEMA)
    found = with_gold(held, "week", classes=CLASSES)
    first, second = found.rows(named=True)
    # b was skipped by 2, z is no gold
    assert [first[name] for name in ("group", "answers", "items", "people", "right")] == [
        "2026-03-02",
        3,
        2,
        2,
        2,
    ]
    expected = wilson(2, 3)
    assert (first["raw"], first["raw_low"], first["raw_high"]) == (
        expected.value,
        expected.low,
        expected.high,
    )
    assert first["kappa"] == 0.0 and first["few"]  # gold is ham throughout: no better than chance
    assert (second["answers"], second["right"]) == (1, 0)


def test_gold_of_the_audit_and_of_the_guideline_is_not_used():
    rows = rows_of(*({"item": i, "annotator": "1"} for i in "abc"))
    gold = gold_of(a="ham", b="ham", c="ham").with_columns(role=pl.Series(["audit", "shown", "training"]))
    assert judged(rows, gold, schema=SCHEMA).select("item", "gold").rows() == [
        ("a", None),
        ("b", None),
        ("c", "ham"),
    ]
    audited = rows.with_columns(use=pl.lit("audit"))
    assert judged(audited, gold, schema=SCHEMA)["gold"].null_count() == 3


def test_nobody_is_held_against_gold_that_they_made():
    rows = rows_of({"item": "a", "annotator": "1"}, {"item": "a", "annotator": "2"})
    gold = gold_of(a="spam").with_columns(experts=pl.Series([["2", "9"]]))
    assert judged(rows, gold, schema=SCHEMA).select("annotator", "gold").rows() == [
        ("1", "spam"),
        ("2", None),
    ]


def test_sources_are_told_apart():
    rows = rows_of(
        *({"item": "a", "annotator": use, "use": use} for use in ("check", "training", "production"))
    )
    held = judged(rows, gold_of(a="ham"), schema=SCHEMA)
    assert sorted(held["source"]) == ["check", "settled", "training"]
    assert with_gold(held, "guideline", classes=CLASSES)["source"].to_list() == [
        "check",
        "settled",
        "training",
    ]


def test_no_gold_at_all():
    rows = rows_of({"item": "a", "annotator": "1"})
    held = judged(rows, None, schema=SCHEMA)
    assert held.select("said", "gold", "source").rows() == [("ham", None, None)]
    empty = with_gold(held, "week", classes=CLASSES)
    assert empty.height == 0 and empty.schema == pl.Schema(WITH_GOLD)


def test_agreement_among_people_by_hand():
    rows = rows_of(
        {"item": "a", "annotator": "1"},
        {"item": "a", "annotator": "2"},
        {"item": "b", "annotator": "1"},
        {"item": "b", "annotator": "2", "labels": ["spam"]},
        {"item": "c", "annotator": "1"},
        use="production",
    )
    held = judged(rows, None, schema=SCHEMA)
    (row,) = among(held, "guideline", classes=CLASSES).rows(named=True)
    assert (row["items"], row["answers"], row["people"], row["alike"], row["raw"]) == (2, 4, 2, 1, 0.5)
    # 2 of 4 ordered pairs differ; of 3 ham and 1 spam 6 of 12 would: alpha is 1 - (2/4) / (6/12)
    assert row["alpha"] == pytest.approx(0.0) and row["few"]


def test_people_who_answer_an_item_in_different_weeks_are_compared():
    late = WEEK + datetime.timedelta(weeks=1)
    rows = rows_of({"item": "a", "annotator": "1"}, {"item": "a", "annotator": "2", "week": late}, batch="b1")
    found = among(judged(rows, None, schema=SCHEMA), "week", classes=CLASSES)
    assert found.select("group", "items", "alike").rows() == [(str(late), 1, 1)]
    other_batch = rows.with_columns(batch=pl.Series(["b1", "b2"]))
    assert among(judged(other_batch, None, schema=SCHEMA), "week", classes=CLASSES).height == 0


def test_one_label_of_several_at_a_time():
    schema = LabelSchema(["x", "y"], exclusive=False)
    assert class_names(schema) == ("x", "y")
    rows = rows_of(
        {"item": "a", "annotator": "1", "labels": ["x", "y"]},
        {"item": "a", "annotator": "2", "labels": ["y"]},
        {"item": "a", "annotator": "3", "kind": "none", "labels": []},
    )
    gold = gold_of(a="y")
    held = judged(rows, gold, schema=schema, label="x")
    assert held["said"].to_list() == ["x", "not x", "not x"] and held["gold"].unique().to_list() == ["not x"]
    found = with_gold(held, "week", classes=classes_of(schema, "x"))
    assert (found["answers"][0], found["right"][0]) == (3, 2)


def test_what_agreement_is_not_shown_by():
    with pytest.raises(GoldError, match="not shown by 'batch'"):
        with_gold(judged(rows_of(), None, schema=SCHEMA), "batch", classes=CLASSES)


USES = st.sampled_from(["production", "check", "training", "audit", "other"])
GOLD = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(SCHEMA.names))


@settings(deadline=None)
@given(ledger_answers(), GOLD, st.lists(USES, min_size=6, max_size=6), st.randoms(use_true_random=False))
def test_as_the_twins_say_in_any_order(answers, gold, uses, random):
    use = dict(zip("abcdef", uses, strict=True))
    rows = occasions(pl.DataFrame(answers, schema=LEDGER))
    rows = rows.with_columns(use=pl.col("item").replace_strict(use, return_dtype=pl.String))
    held = judged(rows, gold_of(**gold), schema=SCHEMA)
    dicts = held.to_dicts()
    for row in dicts:
        told = row["labels"][0] if row["kind"] == "label" else None
        assert row["said"] == ("(none of these)" if row["kind"] == "none" else told)
        known = row["item"] in gold and row["use"] != "audit"
        assert row["gold"] == (gold[row["item"]] if known else None)
        source = {"check": "check", "training": "training"}.get(row["use"], "settled")
        assert row["source"] == (source if known else None)
    shuffled = held.sample(fraction=1.0, shuffle=True, seed=random.randrange(2**32))
    for by in ("week", "guideline", "annotator"):
        found = with_gold(held, by, classes=CLASSES)
        twin = naive.with_gold(dicts, by)
        assert {(r["source"], r["group"]) for r in found.to_dicts()} == set(twin)
        for row in found.to_dicts():
            answered, right, kappa = twin[row["source"], row["group"]]
            assert (row["answers"], row["right"]) == (answered, right)
            assert row["kappa"] == (None if kappa is None else pytest.approx(kappa, abs=1e-12))
            assert row["raw_low"] <= row["raw"] == right / answered <= row["raw_high"]
        assert with_gold(shuffled, by, classes=CLASSES).equals(found)
    for by in ("week", "guideline"):
        found = among(held, by, classes=CLASSES)
        assert found.schema == pl.Schema(AMONG)
        twin = naive.among(dicts, by)
        assert set(found["group"]) == set(twin)
        for row in found.to_dicts():
            items, alike, alpha = twin[row["group"]]
            assert (row["items"], row["alike"]) == (items, alike)
            assert row["alpha"] == (None if alpha is None else pytest.approx(alpha, abs=1e-12))
        assert among(shuffled, by, classes=CLASSES).equals(found)
