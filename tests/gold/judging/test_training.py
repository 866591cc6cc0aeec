"""Training rounds: what is drawn for whom, verdicts, and what confuses people."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.agreement import cohen_kappa, krippendorff_alpha
from weaklabel.errors import GoldError, SchemaError
from weaklabel.gold.asking.rounds import draw_round
from weaklabel.gold.judging.confusion import CONFUSING, CONFUSION, confusing, confusion
from weaklabel.gold.judging.training import TrainingRules, judge_round
from weaklabel.gold.ledger.records import check_records
from weaklabel.schema import Label, LabelSchema

SCHEMA = LabelSchema(["ham", Label("spam", aliases=("junk",)), "mail"])
PEOPLE = pl.DataFrame({"annotator": ["ann", "bob"]})
POOL = pl.DataFrame(
    {"item": [f"t{n:02}" for n in range(60)], "labels": [["ham"]] * 30 + [["spam"]] * 24 + [["mail"]] * 6}
)


def answered(*rows):
    """Answers from (item, annotator, what was said): a label, "-" none of these, "?" skip, "!x" not x."""
    out = []
    for item, person, word in rows:
        kind = {"-": "none", "?": "skip", "!": "not"}.get(word[0], "label")
        labels = [] if kind in ("none", "skip") else word.removeprefix("!").split("+")
        out.append((item, person, kind, labels, None))
    schema = {"item": pl.String, "annotator": pl.String, "kind": pl.String, "labels": pl.List(pl.String), "comment": pl.String}  # fmt: skip
    return pl.DataFrame(out, schema=schema, orient="row")


def gold_of(labels):
    rows = [(item, [] if label == "-" else label.split("+")) for item, label in labels.items()]
    return pl.DataFrame(rows, schema={"item": pl.String, "labels": pl.List(pl.String)}, orient="row")


# ---- draws ----


def test_a_round_has_every_label_in_its_share_and_people_get_the_same_items():
    found, notes = draw_round(POOL, PEOPLE, size=20, batch="r1", seed=1)
    assert notes == ()
    mine = found.partition_by("annotator", as_dict=True)
    assert set(mine["ann",]["item"]) == set(mine["bob",]["item"])
    assert mine["ann",]["item"].to_list() != mine["bob",]["item"].to_list()
    labels = mine["ann",].join(POOL, on="item")["labels"].list.first().value_counts().sort("labels").rows()
    assert labels == [("ham", 10), ("mail", 2), ("spam", 8)]
    assert found["blind"].all()
    assert not found["check"].any()
    assert check_records("assignment", found, task="t").height == 40


def test_nobody_is_trained_on_what_they_have_met_or_its_near_duplicate():
    pool = POOL.with_columns(group=pl.when(pl.col("item").is_in(["t00", "t01", "t02"])).then(pl.lit("g")))
    seen = pl.DataFrame({"item": ["t00", "t10", "t11"], "annotator": ["ann", None, "bob"]})
    for seed in range(10):
        found, notes = draw_round(pool, PEOPLE, size=60, batch="r2", seed=seed, seen=seen)
        mine = {
            name: set(rows["item"]) for (name,), rows in found.partition_by("annotator", as_dict=True).items()
        }
        assert not {"t00", "t01", "t02", "t10"} & mine["ann"]
        assert not {"t10", "t11"} & mine["bob"]
        assert len({"t00", "t01", "t02"} & mine["bob"]) == 1
        assert notes == (
            "56 of 60 items for 'ann', 'bob': there is no more training gold that they have not met",
        )


def test_two_rounds_have_nothing_in_common():
    first, _ = draw_round(POOL, PEOPLE, size=20, batch="r1", seed=1)
    second, _ = draw_round(POOL, PEOPLE, size=20, batch="r2", seed=2, seen=first)
    third, notes = draw_round(POOL, PEOPLE, size=20, batch="r3", seed=3, seen=pl.concat([first, second]))
    assert not set(first["item"]) & set(second["item"])
    assert notes == ()
    every = pl.concat([first, second, third])
    assert every.select("item", "annotator").n_unique() == 120


@settings(max_examples=20)
@given(shuffle=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_draw(shuffle):
    rows = list(range(POOL.height))
    shuffle.shuffle(rows)
    one = draw_round(POOL, PEOPLE, size=9, batch="r1", seed=4)[0]
    assert draw_round(POOL[rows], PEOPLE.reverse(), size=9, batch="r1", seed=4)[0].equals(one)


def test_small_rounds_and_empty_pools():
    assert draw_round(POOL, PEOPLE, size=2, batch="r1", seed=1)[0].height == 4
    seen = pl.DataFrame({"item": POOL["item"], "annotator": "ann"})
    found, notes = draw_round(POOL, PEOPLE, size=2, batch="r1", seed=1, seen=seen)
    assert set(found["annotator"]) == {"bob"}
    assert notes == ("0 of 2 items for 'ann': there is no more training gold that they have not met",)
    with pytest.raises(GoldError, match="nobody is active"):
        draw_round(POOL, PEOPLE.with_columns(active=False), size=2, batch="r1", seed=1)


# ---- verdicts ----

FIFTY = {f"i{n:02}": "ham" if n < 30 else "spam" for n in range(50)}


def fifty(person, right_ham=20, right_spam=15):
    """The table of 50 items in J. Cohen's form: of 30 ham and 20 spam so many are right."""
    return answered(
        *(
            (
                item,
                person,
                label
                if (n < right_ham if n < 30 else n - 30 < right_spam)
                else ("spam" if n < 30 else "ham"),
            )
            for n, (item, label) in enumerate(FIFTY.items())
        )
    )


def test_figures_by_hand():
    # gold ham 30, spam 20; said ham 25, spam 25: observed 35/50, by chance (30*25 + 20*25)/2500 = 0.5
    found = judge_round(fifty("ann"), gold_of(FIFTY), schema=SCHEMA)
    (ann,) = found.people
    assert ann.kappa.value == pytest.approx(0.4)
    assert ann.accuracy.value == 0.7
    assert (ann.accuracy.low, ann.accuracy.high) == pytest.approx((0.5625, 0.8090), abs=1e-4)
    assert ann.confusion.rows() == [
        ("ham", "ham", 20, 20 / 30),
        ("ham", "spam", 10, 10 / 30),
        ("spam", "spam", 15, 0.75),
        ("spam", "ham", 5, 0.25),
    ]
    assert dict(ann.confusion.schema) == CONFUSION
    assert (ann.verdict, ann.reason) == ("again", "kappa 0.40 (0.70 is needed) on 50 items")
    assert found.alpha.value is None  # one person agrees with nobody


def test_verdicts_by_rules():
    gold = gold_of(FIFTY)

    def verdict(rules, **right):
        (person,) = judge_round(fifty("ann", **right), gold, schema=SCHEMA, rules=rules).people
        return person.verdict, person.reason

    good = {"right_ham": 29, "right_spam": 19}
    assert verdict(TrainingRules(), **good) == ("passed", "kappa 0.92 (0.70 is needed) on 50 items")
    assert verdict(TrainingRules(least=51), **good) == ("more", "50 items answered, and 51 are needed")
    fair = {"right_ham": 27, "right_spam": 17}
    assert verdict(TrainingRules(kappa=0.7), **fair)[0] == "passed"
    assert verdict(TrainingRules(kappa=0.7, sure=True), **fair) == (
        "more",
        "kappa 0.75, surely 0.50 (0.70 is needed) on 50 items",
    )
    assert verdict(TrainingRules(kappa=0.7, sure=True))[0] == "again"
    both = TrainingRules(kappa=0.7, accuracy=0.9)
    assert verdict(both, **fair) == (
        "again",
        "kappa 0.75 (0.70 is needed); right answers 88 % (90 % is needed) on 50 items",
    )
    assert verdict(TrainingRules(kappa=None, accuracy=0.85), **fair)[0] == "passed"
    one = gold.filter(pl.col("item") < "i30")
    (person,) = judge_round(fifty("ann", right_ham=30), one, schema=SCHEMA).people
    assert (person.verdict, person.reason) == (
        "more",
        "kappa has no meaning on 30 items: all are of one class",
    )


def test_all_ways_of_answering():
    gold = gold_of({"a": "ham", "b": "ham", "c": "-", "d": "spam", "e": "ham", "f": "ham", "g": "spam"})
    said = answered(
        ("a", "ann", "ham"),
        ("b", "ann", "-"),
        ("c", "ann", "-"),
        ("d", "ann", "junk"),  # an alias
        ("e", "ann", "?"),
        ("f", "ann", "!ham"),
        ("g", "ann", "ham+spam"),
        ("zzz", "ann", "ham"),
    )
    found = judge_round(said, gold, schema=SCHEMA)
    (ann,) = found.people
    assert (ann.answered, ann.unanswered) == (5, 2)
    assert ann.accuracy.value == 3 / 5
    assert ann.confusion.filter(pl.col("gold") != pl.col("said")).rows() == [
        ("ham", "(none of these)", 1, 0.5),
        ("spam", "(several labels)", 1, 0.5),
    ]
    assert found.notes == ("answers to items that are not in this gold, left out: 1",)


def test_agreement_among_people_leaves_gold_aside():
    gold = gold_of({f"i{n}": "ham" if n % 2 else "spam" for n in range(8)})
    words = {"ann": "hshshshs", "bob": "hshshhh?", "cid": "hshhshs?"}
    name = {"h": "ham", "s": "spam", "?": "?"}
    rows = [(f"i{n}", person, name[w]) for person, word in words.items() for n, w in enumerate(word)]
    found = judge_round(answered(*rows), gold, schema=SCHEMA)
    codes = [[{"h": 0, "s": 1, "?": -1}[words[p][n]] for p in words] for n in range(8)]
    assert found.alpha == krippendorff_alpha(codes, n_classes=5)
    assert found.alpha.value is not None
    mine = [{"h": 0, "s": 1}[w] for w in words["bob"][:7]]
    assert found.people[1].kappa == cohen_kappa(mine, [1, 0] * 3 + [1])
    assert [t.person for t in found.people] == ["ann", "bob", "cid"]


def test_labels_that_do_not_exclude_each_other_are_judged_one_at_a_time():
    schema = LabelSchema(["x", "y"], exclusive=False)
    gold = gold_of({"a": "x+y", "b": "y", "c": "-", "d": "x"})
    said = answered(("a", "ann", "x"), ("b", "ann", "x+y"), ("c", "ann", "-"), ("d", "ann", "!x"))
    (ann,) = judge_round(said, gold, schema=schema, label="x").people
    assert sorted(ann.confusion.select("gold", "said", "n").rows()) == [
        ("not x", "not x", 1),
        ("not x", "x", 1),
        ("x", "not x", 1),
        ("x", "x", 1),
    ]
    with pytest.raises(SchemaError, match="are not judged as one class each"):
        judge_round(said, gold, schema=schema)
    with pytest.raises(SchemaError, match="one label is asked about"):
        judge_round(said, gold, schema=SCHEMA, label="ham")


def test_items_that_confuse_several_people_are_proposed():
    gold = gold_of({"a": "ham", "b": "ham", "c": "spam", "d": "ham"})
    rows = [("a", p, w) for p, w in zip("klmn", ("spam", "spam", "mail", "ham"), strict=True)]
    rows += [("b", "k", "spam"), ("b", "l", "ham"), ("c", "k", "ham"), ("c", "l", "mail"), ("d", "k", "?")]
    said = answered(*rows).with_columns(
        comment=pl.when((pl.col("item") == "a") & (pl.col("annotator") == "l")).then(pl.lit("both?"))
    )
    found = judge_round(said, gold, schema=SCHEMA)
    assert found.confusing.rows() == [("c", "spam", "ham", 2, 2, []), ("a", "ham", "spam", 3, 4, ["both?"])]
    assert dict(found.confusing.schema) == CONFUSING
    strict = judge_round(said, gold, schema=SCHEMA, rules=TrainingRules(confused=3))
    assert strict.confusing["item"].to_list() == ["a"]
    assert found.confusion.filter(pl.col("gold") == "ham")["n"].sum() == 6
    assert (
        confusing(pl.DataFrame(schema={"item": pl.String, "gold": pl.String, "said": pl.String})).height == 0
    )
    assert (
        confusion(pl.DataFrame({"gold": ["a"], "said": [None]}, schema_overrides={"said": pl.String})).height
        == 0
    )


def test_verdicts_are_records():
    found = judge_round(fifty("ann"), gold_of(FIFTY), schema=SCHEMA)
    records = found.records(2)
    assert check_records("training", records, task="t").select("annotator", "round", "verdict").rows() == [
        ("ann", 2, "again")
    ]
    figures = json.loads(records["figures"].item())
    assert figures["kappa"]["value"] == pytest.approx(0.4)
    assert figures["confusion"][0] == {"gold": "ham", "said": "ham", "n": 20, "share": 20 / 30}


def test_nobody_answered():
    found = judge_round(answered(), gold_of(FIFTY), schema=SCHEMA)
    assert (found.people, found.alpha.value, found.confusion.height, found.confusing.height) == (
        (),
        None,
        0,
        0,
    )
    skipped = judge_round(answered(("i00", "ann", "?")), gold_of(FIFTY), schema=SCHEMA)
    assert skipped.people[0].reason == "0 items answered, and 30 are needed"


def test_the_order_of_answers_changes_nothing():
    said = pl.concat([fifty("ann"), fifty("bob", right_ham=29)])
    one = judge_round(said, gold_of(FIFTY), schema=SCHEMA)
    other = judge_round(said.reverse(), gold_of(FIFTY).reverse(), schema=SCHEMA)
    assert one.people == other.people
    assert one.alpha == other.alpha
    assert one.confusing.equals(other.confusing)


def test_faults():
    gold = gold_of({"a": "ham"})
    with pytest.raises(GoldError, match="item 'a' is answered twice by 'ann'"):
        judge_round(answered(("a", "ann", "ham"), ("a", "ann", "spam")), gold, schema=SCHEMA)
    with pytest.raises(GoldError, match="gold names an item twice: 'a'"):
        judge_round(answered(("a", "ann", "ham")), pl.concat([gold, gold]), schema=SCHEMA)
    with pytest.raises(SchemaError, match="unknown label 'hm'") as told:
        judge_round(answered(("a", "ann", "hm")), gold, schema=SCHEMA)
    assert "item 'a'" in str(told.value)
    with pytest.raises(GoldError, match="training asks for nothing"):
        TrainingRules(kappa=None)
    with pytest.raises(GoldError, match="the accuracy that is needed lies between 0 and 1, not 90"):
        TrainingRules(accuracy=90)
    with pytest.raises(GoldError, match="least and confused are 1 or more"):
        TrainingRules(least=0)
