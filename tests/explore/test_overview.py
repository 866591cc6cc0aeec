"""All rules in one table, and the regions that they leave out or fight over."""

import dataclasses
import json

import numpy as np
import polars as pl
import pytest

from explore_tasks import SCHEMA, gold_of, view_of
from weaklabel.explore import Ballots, View, overview
from weaklabel.label_model import create
from weaklabel.lf import LFRegistry, keywords, where
from weaklabel.schema import LabelSchema, any_of, none_of


def fit(patterns):
    return create("majority_vote", n_classes=2).fit(patterns)


def look(registry, view, fit=fit, **options):
    return overview(Ballots(view).cast(registry), registry, view, fit, **options)


def test_the_table_by_hand(registry, view):
    found = look(registry, view)
    assert (found.rows, found.gold_rows, found.labels) == (6, 5, ("ham", "spam"))
    assert found.covered == 1 and found.overlapped == found.contested == pytest.approx(2 / 6)
    lines = {line.id: line for line in found.rules}
    asks = lines["asks"]
    assert (asks.votes, asks.alone, asks.label) == (3, 1, "ham")
    assert (asks.coverage, asks.overlaps, asks.conflicts) == (0.5, pytest.approx(2 / 6), pytest.approx(2 / 6))
    assert (asks.accuracy.value, asks.accuracy.n) == (1 / 3, 3)
    # b and f are ties with it and spam without it, a has no label without it
    assert (asks.contribution.changed, asks.contribution.lost, asks.contribution.gained) == (3, 1, 2)
    assert (asks.contribution.helps, asks.contribution.harms) == (1, 2)
    assert asks.model_accuracy.value == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert found.pairs.select("rule", "other", "both", "conflicts").sort("other").rows() == [
        ("asks", "sells", 1, 1),
        ("asks", "shouts", 1, 1),
    ]


def test_rules_for_sets_and_against_labels_are_read_by_the_model():
    schema = LabelSchema(["billing", "delivery", "returns"])
    texts = {
        "a": "late parcel",
        "b": "parcel",
        "c": "late thanks",
        "d": "sum",
        "e": "parcel sum",
        "f": "hello",
    }
    view = view_of(texts, {"a": "delivery", "b": "returns", "c": "returns", "d": "billing"}, schema)
    rules = [
        keywords("parcel", ["parcel"], label=any_of("delivery", "returns")),
        keywords("late", ["late"], label="delivery"),
        keywords("sum", ["sum"], label="billing"),
        keywords("thanks", ["thanks"], label=none_of("returns")),
    ]
    registry = LFRegistry(rules, schema=schema)

    def read(patterns):
        return create("majority_vote", n_classes=3, outcomes=registry.outcome_codes()).fit(patterns)

    lines = {line.id: line for line in look(registry, view, read).rules}
    parcel, thanks = lines["parcel"], lines["thanks"]
    assert (parcel.votes, parcel.accuracy.value, parcel.accuracy.n) == (3, 1.0, 2)
    assert parcel.conflicts == pytest.approx(1 / 6)  # with sum on e
    assert parcel.model_accuracy.value == pytest.approx((1 + 1 + 0.5) / 3)
    assert parcel.contribution.changed == 0  # a and e have their label without it, b is a tie with it
    assert (parcel.contribution.others_say, parcel.contribution.others_rows) == (
        0.5,
        2,
    )  # right on a, wrong on e
    assert (thanks.accuracy.value, thanks.model_accuracy.value) == (0.0, pytest.approx(1.0))
    assert lines["late"].conflicts == 0


def test_it_is_plain_data(registry, view):
    found = json.loads(json.dumps(look(registry, view).to_dict()))
    assert [line["id"] for line in found["rules"]] == ["asks", "sells", "shouts", "short"]
    assert found["pairs"][0]["both"] == 1


def test_contribution_and_regions_can_be_left_out(registry, view):
    found = look(registry, view, contribution=False, clusters=False)
    assert all(line.contribution is None for line in found.rules) and found.regions == ()


def test_without_texts(registry):
    frame = pl.DataFrame({"id": ["a", "b"], "stars": [1, 5]})
    rules = LFRegistry([where("bad", "stars < 3", label="spam")], schema=SCHEMA)
    found = look(rules, View.of(frame))
    assert found.regions == () and "no column of texts" in found.notes[0]


def test_a_sample_says_so_and_gold_rows_beyond_it_count_for_gold_only(registry, view):
    counted = np.array([id in "abc" for id in view.ids])
    found = look(registry, dataclasses.replace(view, counted=counted, total=60, _kept={}))
    assert (found.rows, found.total) == (3, 60)
    assert found.notes[0] == "looked at 3 of 60 rows, drawn by their hashed ids"
    asks = found.rules[0]
    assert (asks.votes, asks.coverage, asks.accuracy.n) == (2, pytest.approx(2 / 3), 3)


def test_a_muted_rule_is_shown_and_no_label_counts_its_votes(view):
    rules = [
        keywords("asks", ["please"], label="ham"),
        keywords("sells", ["buy"], label="spam", muted=True),
    ]
    found = look(LFRegistry(rules, schema=SCHEMA), view)
    asks, sells = found.rules
    assert (sells.votes, sells.contribution) == (3, None)
    votes = Ballots(view).cast(LFRegistry(rules, schema=SCHEMA)).keep(["asks"])
    unknown = fit(votes.patterns()).class_balance_[1]  # of c and d, on which nothing is heard
    assert asks.model_accuracy.value == 1.0 and sells.model_accuracy.value == pytest.approx(
        (0 + 2 * unknown) / 3
    )
    assert asks.contribution.changed == asks.contribution.lost == 3


# ---- regions ----

TOPICS = {
    "tents": "the tent leaks by the pole and the canvas rips number {}",
    "mugs": "my mug arrived chipped with a broken handle item {}",
    "boats": "your ferry timetable to the island harbour page {}",
}
FILL = ("and we want that now", "so please look at it", "which is a pity", "as i told you before")


def corpus(n=60):
    rows = [
        {"id": f"{topic}{i}", "text": f"{text.format(i)} {FILL[i % 4]}"}
        for topic, text in TOPICS.items()
        for i in range(n)
    ]
    return pl.DataFrame(rows).sample(fraction=1, shuffle=True, seed=3)


def region_rules():
    rules = [
        keywords("mug", ["mug"], label="returns"),
        keywords("chipped", ["broken handle"], label="delivery"),
        keywords("now", ["nowhere"], label="delivery"),
    ]
    return LFRegistry(rules, schema=LabelSchema(["returns", "delivery"]))


def test_uncovered_rows_are_gathered_by_their_words():
    found = look(region_rules(), View.of(corpus()))
    uncovered = [r for r in found.regions if r.kind == "uncovered"]
    assert [r.rows for r in uncovered] == [60, 60]
    words = [set(r.words) for r in uncovered]
    assert any(w & {"tent", "leaks", "pole", "canvas", "rips"} for w in words)
    assert any(w & {"ferry", "timetable", "island", "harbour"} for w in words)
    assert all(len(r.examples) == 2 and any(p.marked for p in r.examples[0][1]) for r in uncovered)
    assert sum(r.share for r in uncovered) == pytest.approx(1)


def test_contested_rows_name_the_rules_that_meet():
    schema = LabelSchema(["returns", "delivery"])
    ids = corpus()["id"].to_list()
    gold = gold_of({id: "returns" for id in ids if id.startswith("mugs")}, schema)
    found = look(region_rules(), View.of(corpus(), gold=gold))
    [contested] = [r for r in found.regions if r.kind == "contested"]
    assert contested.rules == (("mug", "chipped", 60),) and contested.against == ("chipped", 60)
    assert (contested.label, contested.label_by, contested.label_rows) == ("returns", "gold", 60)
    assert contested.advice == (
        "mostly returns (100% of 60 rows here, by gold): narrow chipped, which says otherwise on 60"
    )


def test_advice_for_uncovered_rows_comes_from_gold_where_there_is_some():
    schema = LabelSchema(["returns", "delivery"])
    ids = [id for id in corpus()["id"] if id.startswith("tents")][:5]
    found = look(region_rules(), View.of(corpus(), gold=gold_of(dict.fromkeys(ids, "returns"), schema)))
    tents = next(r for r in found.regions if r.label_by == "gold" and r.kind == "uncovered")
    assert tents.label == "returns" and tents.label_rows == 5
    assert tents.advice.startswith('try the keyword "') and "for returns (100% of 5 rows" in tents.advice


def test_regions_do_not_move_with_the_order_of_the_rows():
    one = look(region_rules(), View.of(corpus()))
    other = look(region_rules(), View.of(corpus().reverse()))
    assert one.regions == other.regions


def test_few_rows_make_no_region(registry):
    found = look(registry, view_of({"a": "nothing here", "b": "nor here at all"}, None))
    assert found.regions == ()


@pytest.mark.parametrize("text", ["", "the same text", "?!"])
def test_texts_with_nothing_to_tell_them_apart(text):
    frame = pl.DataFrame({"id": [str(i) for i in range(40)], "text": [text] * 40})
    found = look(region_rules(), View.of(frame))
    assert all(r.rows <= 40 for r in found.regions)


def test_rules_of_other_days_are_named(registry, view):
    old = keywords("old", ["please"], label="ham", valid_until="2001-01-01")
    found = look(LFRegistry([*registry, old], schema=SCHEMA), view)
    assert "right on no day that rows are of, so that they get no vote: old" in found.notes
    assert next(line for line in found.rules if line.id == "old").votes == 0
