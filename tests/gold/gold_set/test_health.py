"""What a gold set can carry: counts, experts, agreement, and how it represents its corpus."""

import datetime
import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2

from weaklabel.agreement import krippendorff_alpha
from weaklabel.errors import GoldError
from weaklabel.gold.gold_set.health import health
from weaklabel.gold.gold_set.representing import NONE, OTHER, represents
from weaklabel.gold.gold_set.standard import gold_set
from weaklabel.gold.ledger.records import KINDS
from weaklabel.schema import LabelSchema
from weaklabel.stats import wilson

SCHEMA = LabelSchema(["ham", "spam"])
NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


def the_set(*rows, answers=None, schema=SCHEMA, **more):
    """A gold set of (item, role, labels, experts)."""
    columns = {name: KINDS["gold"][name] for name in ("item", "role", "labels", "experts")}
    frame = pl.DataFrame(rows, schema=columns, orient="row").with_columns(origin=pl.lit("random"))
    frame = frame.with_columns(pl.Series(n, v, dtype=KINDS["gold"][n]) for n, v in more.items())
    return gold_set(frame, schema=schema, answers=answers)


def many(n, role="check", label="ham", experts=("ann", "bob"), start=0):
    return [(f"i{i}", role, [label], list(experts)) for i in range(start, start + n)]


# ---- counts ----


def test_items_and_the_widths_they_allow():
    found = health(the_set(*many(50), ("x", "check", ["spam"], []), ("y", "audit", [], [])), now=NOW)
    interval = wilson(0.9 * 51, 51)  # of one item: 1.96 / 4.84 * sqrt(0.09 + 0.96) = 0.41
    width = (interval.high - interval.low) / 2
    assert found.roles.select("role", "items").rows() == [("check", 51), ("audit", 1)]
    assert found.roles["width"][0] == pytest.approx(width)
    assert found.counts.select("role", "label", "items").rows() == [
        ("check", "ham", 50),
        ("check", "spam", 1),
        ("audit", "ham", 0),
        ("audit", "spam", 0),
        ("audit", None, 1),
    ]
    assert found.counts["width"].to_list()[2] is None
    assert (
        f"check: 51 items, which measure 90% to within {100 * width:.0f} points; 'spam' has 1, 41 points"
        in found.sentences
    )
    assert "audit: 1 item, which measures 90% to within 41 points; 'ham' has 0" in found.sentences


def test_an_empty_set():
    found = health(the_set(), now=NOW)
    assert found.sentences == (
        "the gold set is empty",
        "agreement of the experts' own answers is not measured: they are not known",
    )
    assert found.roles.height == found.counts.height == found.experts.height == 0
    json.dumps(found.to_dict(), allow_nan=False)


# ---- experts ----


def test_a_set_by_one_person_is_flagged():
    found = health(the_set(*many(6, experts=["ann"]), *many(4, start=6)), now=NOW)
    assert found.experts.rows() == [("ann", 10, 1.0, 6, True), ("bob", 4, 0.4, 0, False)]
    assert found.sentences[0] == "'ann' alone judged 6 of 10 items: have them judged by a second expert"
    half = health(the_set(*many(5, experts=["ann"]), *many(5, start=5)), now=NOW)
    assert not half.experts["flagged"].any()
    strict = health(the_set(*many(5, experts=["ann"]), *many(5, start=5)), now=NOW, most_alone=0.4)
    assert strict.experts["flagged"].to_list() == [True, False]


def test_experts_appear_by_pseudonym():
    found = health(the_set(*many(6, experts=["ann"])), now=NOW, pseudonyms={"ann": "annotator 7"})
    assert found.experts["expert"].to_list() == ["annotator 7"]
    assert "'ann'" not in json.dumps(found.to_dict())
    assert found.sentences[0].startswith("'annotator 7' alone judged 6 of 6")


def test_agreement_of_the_experts_own_answers():
    """Skips say nothing; "none of these" is a class; what others said does not count."""
    said = [
        ("i0", "ann", "label", ["ham"]),
        ("i0", "bob", "label", ["ham"]),
        ("i1", "ann", "label", ["spam"]),
        ("i1", "bob", "none", []),
        ("i2", "ann", "label", ["spam"]),
        ("i2", "bob", "label", ["spam"]),
        ("i3", "ann", "label", ["spam"]),
        ("i3", "bob", "skip", []),
        ("i2", "cid", "label", ["ham"]),
    ]
    answers = pl.DataFrame(said, schema=["item", "annotator", "kind", "labels"], orient="row")
    found = health(the_set(*many(4), answers=answers), now=NOW).agreement
    expected = krippendorff_alpha([[0, 0], [1, 2], [1, 1], [1, -2]], n_classes=3)
    assert (found.value, found.n) == (pytest.approx(expected.value), 3)
    by_hand = 1 - (2 / 6) / (
        22 / 30
    )  # 2 of 6 pairable answers differ; of 6 * 5 pairs, 30 - (2 + 6 + 0) by chance
    assert found.value == pytest.approx(by_hand)
    several = LabelSchema(["ham", "spam"], exclusive=False)
    assert health(the_set(*many(4), answers=answers, schema=several), now=NOW).agreement.value is None


# ---- due, near duplicates ----


def test_what_is_due():
    rows = [(i, "check", ["ham"], []) for i in "abc"]
    found = health(the_set(*rows, due=[NOW, NOW - DAY, NOW + DAY]), now=NOW)
    assert found.due.select("item", "due").rows() == [("b", NOW - DAY), ("a", NOW)]
    assert "2 items are to be looked at again: 'b', 'a'" in found.sentences
    assert found.to_dict()["due"][0]["due"].startswith("2026-02-28T12:00:00")
    with pytest.raises(GoldError, match="has no zone"):
        health(the_set(), now=datetime.datetime(2026, 1, 1))
    for wrong in ({"share": 90}, {"most_alone": -1}):
        with pytest.raises(GoldError, match="is no share"):
            health(the_set(), now=NOW, **wrong)


def test_near_duplicates_with_two_roles():
    rows = [("a", "check", ["ham"], []), ("b", "audit", ["ham"], []), ("c", "audit", ["ham"], [])]
    found = health(the_set(*rows, group=["g", "g", None]), now=NOW)
    assert found.split.rows() == [("g", ["a", "b"], ["audit", "check"])]
    assert found.sentences[0] == (
        "near duplicates with several roles (audit, check): 'a', 'b': remove all but one role's"
    )


# ---- how it represents its corpus ----


def corpus(n=1000):
    """Half mail, 3 of 10 chat, the rest phone; lengths 1 to 100; days over three years."""
    source = [
        ("mail", "mail", "mail", "mail", "mail", "chat", "chat", "chat", "phone", "phone")[i % 10]
        for i in range(n)
    ]
    return pl.DataFrame(
        {
            "item": [f"i{i}" for i in range(n)],
            "source": source,
            "text": ["x" * (1 + (i * 37) % 100) for i in range(n)],
            "day": [datetime.date(2024, 1, 1) + (i % 1000) * DAY for i in range(n)],
            "votes": [i % 3 for i in range(n)],
            "score": [math.nan if i % 4 == 0 else i % 7 / 7 for i in range(n)],
        }
    )


def test_what_is_over_and_under_represented():
    everything = corpus()
    mail = everything.filter(source="mail")["item"].head(40)
    found = represents(mail, everything, by=["source"])
    assert found.values.select("value", "items", "expected", "corpus", "state").rows() == [
        ("chat", 0, 12.0, 0.3, "under"),
        ("mail", 40, 20.0, 0.5, "over"),
        ("phone", 0, 8.0, 0.2, "under"),
    ]
    assert found.dimensions.row(0, named=True)["p"] == pytest.approx(chi2.sf(12 + 20 + 8, 2))
    by_hand = [0.7**40 + binom.sf(23, 40, 0.3), 2 * 0.5**40]  # as likely as none, or less
    assert found.values["p"][1] == pytest.approx(by_hand[1])
    assert 0.7**40 <= found.values["p"][0] <= by_hand[0]
    assert found.dimensions["differs"].to_list() == [True]


def test_the_items_that_would_mend_it():
    everything = corpus()
    mail = everything.filter(source="mail")["item"].head(40)
    found = represents(mail, everything, by=["source"], most=1000)
    chosen = found.mend.join(everything, on="item")
    assert (chosen["value"] == chosen["source"]).all()
    assert not set(chosen["item"]) & set(mail)
    needed = dict(chosen.group_by("source").len().iter_rows())
    assert needed == {"chat": math.ceil(12 / 0.7), "phone": math.ceil(8 / 0.8)}
    shuffled = represents(
        mail.reverse(), everything.sample(fraction=1, shuffle=True, seed=4), by=["source"], most=1000
    )
    assert shuffled.mend.equals(found.mend), "the order of rows doesn't matter"
    fewer = represents(mail, everything, by=["source"], most=3).mend
    assert fewer.height == 6 and set(fewer["item"]) <= set(found.mend["item"])
    other = represents(mail, everything, by=["source"], most=3, seed=1).mend
    assert set(other["item"]) != set(fewer["item"])


def test_lengths_numbers_and_times_are_cut_into_fifths():
    found = represents(["i1"], corpus(), by=["day", "votes", "score"], text="text")
    values = {
        name: found.values.filter(dimension=name)["value"].to_list() for name in found.dimensions["dimension"]
    }
    assert values["length"] == ["1 to 20", "21 to 40", "41 to 60", "61 to 80", "81 to 100"]
    assert values["day"][0] == "2024-01-01 to 2024-07-18" and len(values["day"]) == 5
    assert values["votes"] == ["0", "1", "2"], "equal values stay together"
    assert values["score"][-1] == NONE
    shares = found.values.group_by("dimension").agg(pl.col("corpus").sum())["corpus"]
    assert shares.to_list() == pytest.approx([1.0] * 4)


def test_rare_values_are_put_together():
    everything = pl.DataFrame(
        {"item": [f"i{i}" for i in range(500)], "who": [f"w{min(i, 12)}" for i in range(500)]}
    )
    values = represents(
        ["i1"], everything.with_columns(who=pl.when(pl.col("item") != "i0").then("who")), by=["who"]
    ).values
    assert values["value"].to_list()[-1] == OTHER and values.height == 11
    assert values["corpus"].sum() == pytest.approx(1.0)


def test_few_items_are_not_tested():
    found = represents(["i1", "i2"], corpus(), by=["source"])
    assert found.dimensions.row(0) == ("source", 2, None, None, False)
    none = represents([], corpus(), by=["source"])
    assert none.values["state"].to_list() == ["as expected"] * 3 and none.mend.height == 0
    assert represents(["i1"], corpus(), by=[]).values.height == 0


def test_items_that_are_not_in_the_corpus():
    found = represents(["i1", "gone", "i1"], corpus(), by=["source"])
    assert found.notes == ("1 gold item is not in the corpus, and left out of the comparison",)
    assert found.values["items"].sum() == 1


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"by": ["sorce"]}, r"the corpus has no column 'sorce'(.|\n)*did you mean 'source'"),
        ({}, {"by": [], "text": "body"}, "the corpus has no column 'body'"),
        ({"source": pl.lit([1, 2])}, {"by": ["source"]}, "not one value a row"),
        ({"item": pl.lit("a")}, {"by": ["source"]}, "the corpus has items more than once: 'a'"),
    ],
)
def test_a_corpus_that_can_not_be_compared(change, options, message):
    with pytest.raises(GoldError, match=message):
        represents(["i1"], corpus(10).with_columns(**change), **options)


def test_false_alarms_and_true_ones():
    """Random sets are seldom told to differ; sets that lean to one source by a fifth more nearly always are."""
    everything = corpus(4000).select("item", "source", "votes")
    rng = np.random.default_rng(3)
    ids, sources = everything["item"].to_numpy(), everything["source"].to_numpy()
    false = true = by_dimension = 0
    runs = 100
    leaning = np.where(sources == "phone", 2.5, 1.0)
    for _ in range(runs):
        random = represents(
            rng.choice(ids, 120, replace=False).tolist(), everything, by=["source", "votes"], most=0
        )
        false += bool((random.values["state"] != "as expected").any())
        by_dimension += bool(random.dimensions["differs"].any())
        biased = rng.choice(ids, 120, replace=False, p=leaning / leaning.sum())
        true += bool(
            (
                represents(biased.tolist(), everything, by=["source", "votes"], most=0).values["state"]
                == "over"
            ).any()
        )
    most = binom.ppf(0.9999, runs, 0.05)
    assert false <= most and by_dimension <= most
    assert true >= 0.9 * runs


@settings(max_examples=30, deadline=None)
@example(values=[1.00001, 1.00002], taken=1)
@given(
    values=st.lists(st.none() | st.floats(allow_infinity=False) | st.just(1.0), min_size=1, max_size=30),
    taken=st.integers(0, 30),
)
def test_any_numbers_make_cells_that_hold_all(values, taken):
    everything = pl.DataFrame(
        {"item": [str(i) for i in range(len(values))], "x": pl.Series(values, dtype=pl.Float64)}
    )
    found = represents(everything["item"].head(taken), everything, by=["x"])
    assert found.values["items"].sum() == min(taken, len(values))
    assert found.values["corpus"].sum() == pytest.approx(1.0)
    assert found.values.height <= 6


def test_the_report_tells_what_differs():
    everything = corpus()
    rows = [(i, "check", ["ham"], []) for i in everything.filter(source="mail")["item"].head(60)]
    found = health(the_set(*rows), now=NOW, corpus=everything, by=["source", "votes"], text="text")
    said = [s for s in found.sentences if "represented" in s]
    assert len(said) == 3
    assert said[0].startswith(
        "source 'chat' is under-represented: 0 items where 18 are expected; these would mend it: 'i"
    )
    assert said[1] == "source 'mail' is over-represented: 60 items where 30 are expected"
    assert "no difference from the corpus is seen in votes, length" in found.sentences
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["fit"]["mend"][0]["dimension"] == "source"
    by_dispute = health(
        the_set(*rows, origin=["adjudicated"] * 60), now=NOW, corpus=everything, by=["source"]
    )
    assert by_dispute.fit.values["items"].sum() == 0, "what was chosen by disagreement stands for nothing"
    shown = health(the_set(*rows), now=NOW, corpus=everything, by=["source"], roles=["audit"])
    assert shown.fit.values["items"].sum() == 0
