"""Candidate words: what they promise is what a rule with them does, and chance finds nothing."""

import json

import numpy as np
import polars as pl
import pytest

from explore_tasks import gold_of
from weaklabel.errors import CorpusError, SchemaError
from weaklabel.explore import Ballots, View, suggest
from weaklabel.explore.suggested import to_yaml
from weaklabel.lf import LFRegistry, keywords, load_pack, lookup, regex, where
from weaklabel.schema import LabelSchema
from weaklabel.stats import clopper_pearson

SCHEMA = LabelSchema(["returns", "delivery"])
FILL = ["today", "again", "for us", "in town", "at last", "once more", "as said"]


def corpus(n=140, seed=0):
    """Half of the rows are returns: most of these have the word `torn`, the phrase `sent back`, or both."""
    generator = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        returns = i % 2 == 0
        words = [FILL[k] for k in generator.choice(len(FILL), 3)]
        if returns and i % 4 == 0:
            words.insert(1, "torn")
        if returns and i % 4 == 2:
            words.insert(1, "sent back")
        if not returns and i % 8 == 1:
            words.insert(1, "sent")
        if not returns and i % 8 == 3:
            words.insert(1, "back")
        rows.append({"id": f"r{i}", "text": " ".join(words), "label": SCHEMA.names[0 if returns else 1]})
    return pl.DataFrame(rows)


def registry(*more):
    return LFRegistry([keywords("today", ["never there"], label="delivery"), *more], schema=SCHEMA)


def look(frame, rules, gold=True, **options):
    known = gold_of(dict(frame.select("id", "label").iter_rows()), SCHEMA) if gold else None
    view = View.of(frame.select("id", "text"), gold=known)
    return suggest(rules, view, Ballots(view).cast(rules), **options)


def test_planted_words_are_found():
    found = look(corpus(), registry())
    assert {one.term for one in found.found if one.label == "returns"} == {"torn", "sent back"}
    torn = next(one for one in found.found if one.term == "torn")
    assert (torn.support, torn.hits, torn.fresh, torn.new) == (35, 35, 35, 35)
    assert torn.precision.value == 1.0 and torn.q < 1e-6


def test_support_is_what_a_rule_with_the_term_hits():
    frame = corpus()
    for one in look(frame, registry(), least=0.5).found:
        rule = keywords("r", [one.term], label=one.label)
        hit = [rule.matches(text) for text in frame["text"]]
        right = sum(h and label == one.label for h, label in zip(hit, frame["label"]))
        assert (one.hits, one.support) == (sum(hit), sum(hit))
        assert one.precision.value == pytest.approx(right / sum(hit))


def test_intervals_are_those_of_all_that_were_tried():
    found = look(corpus(), registry())
    torn = next(one for one in found.found if one.term == "torn")
    wanted = clopper_pearson(35, 35, confidence=1 - 0.05 / found.tried)
    assert (torn.precision.low, torn.precision.high) == (wanted.low, wanted.high)
    assert found.tried > 20 and wanted.low < clopper_pearson(35, 35).low


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_labels_give_nothing(seed):
    frame = corpus(400, seed)
    labels = np.random.default_rng(seed).permutation(frame["label"].to_numpy())
    assert look(frame.with_columns(label=pl.Series(labels)), registry()).found == ()


@pytest.mark.parametrize(
    "rule",
    [
        keywords("known", ["torn"], label="returns"),
        regex("known", "to[r]n", label="returns"),
        lookup("known", {"torn": "returns"}),
    ],
)
def test_what_a_rule_knows_is_left_out(rule):
    found = look(corpus(), registry(rule))
    assert "torn" not in {one.term for one in found.found} and found.left_out > 0


def test_the_word_of_a_rule_for_another_class_is_no_knowledge():
    found = look(corpus(), registry(keywords("wrong", ["torn"], label="delivery")))
    assert "torn" in {one.term for one in found.found}


def test_by_the_model_where_there_is_no_gold():
    frame = corpus()
    rules = registry(
        keywords("knows", ["torn"], label="returns"), keywords("filler", ["town"], label="delivery")
    )
    p = np.where(frame["label"].to_numpy() == "returns", 0.95, 0.1)
    found = look(frame, rules, gold=False, probabilities=np.stack([p, 1 - p], axis=1))
    assert found.by == "model" and "label model's opinion" in found.notes[0]
    known = frame.filter(pl.col("text").str.contains("torn|town"))
    assert found.known == known.height
    assert look(frame, rules, gold=True, probabilities=np.stack([p, 1 - p], axis=1)).by == "gold"
    assert look(frame, rules, by="model", probabilities=np.stack([p, 1 - p], axis=1)).by == "model"


def test_few_gold_rows_are_said_to_be_few():
    frame = corpus()
    gold = gold_of(dict(frame.select("id", "label").head(10).iter_rows()), SCHEMA)
    view = View.of(frame.select("id", "text"), gold=gold)
    found = suggest(registry(), view, Ballots(view).cast(registry()))
    assert found.found == () and "10 rows have gold: too few" in found.notes[0]


def test_labels_can_be_chosen():
    found = look(corpus(), registry(), labels=["delivery"])
    assert {one.label for one in found.found} <= {"delivery"}
    with pytest.raises(SchemaError, match="unknown label 'retruns'"):
        look(corpus(), registry(), labels=["retruns"])


def test_the_yaml_is_a_rule_pack(tmp_path):
    found = look(corpus(), registry())
    pack = tmp_path / "more.yaml"
    pack.write_text(to_yaml(found.found), encoding="utf-8")
    [rule] = load_pack(pack)
    assert set(rule.terms) == {"torn", "sent back"} and rule.label == "returns"
    assert to_yaml([]) == ""


def test_the_yaml_quotes_what_needs_it(tmp_path):
    schema = LabelSchema(["Sci/Tech", "no"])
    frame = pl.DataFrame(
        {
            "id": [str(i) for i in range(80)],
            "text": ["it's don't: yes"] * 40 + ["plain text here"] * 40,
            "label": ["Sci/Tech"] * 40 + ["no"] * 40,
        }
    )
    rules = LFRegistry([keywords("x", ["never"], label="no")], schema=schema)
    view = View.of(
        frame.select("id", "text"), gold=gold_of(dict(frame.select("id", "label").iter_rows()), schema)
    )
    found = suggest(rules, view, Ballots(view).cast(rules))
    pack = tmp_path / "more.yaml"
    pack.write_text(to_yaml(found.found), encoding="utf-8")
    assert {rule.label for rule in load_pack(pack)} == {"Sci/Tech", "no"}


def test_without_texts_there_are_no_words():
    view = View.of(pl.DataFrame({"id": ["a"], "stars": [1]}))
    with pytest.raises(CorpusError, match="no column of texts"):
        suggest(registry(), view, None)


def test_it_is_plain_data():
    found = json.loads(json.dumps(look(corpus(), registry()).to_dict()))
    assert found["tried"] > 0 and found["yaml"].startswith("rules:")


# ---- better than chance ----

EQUAL = ["lamp", "tent", "boot", "coat", "rope"]  # words of one length: all texts are equally long


def texts_with(terms, n=200):
    """Rows of four words, half of them returns; `terms` stand on so many rows of each class: the first, or if below 0 the last."""
    rows = []
    for i in range(n):
        label = SCHEMA.names[i % 2]
        k = i // 2
        words = [EQUAL[(k + j) % 5] for j in range(4)]
        last = n // 2 - 1 - k
        own = [t for t, counts in terms.items() if k < counts[i % 2] or last < -counts[i % 2]]
        words[: len(own)] = own
        rows.append({"id": f"r{i}", "text": " ".join(words), "label": label})
    return pl.DataFrame(rows)


def test_lift_spread_and_new_votes_by_hand():
    frame = texts_with({"torn": (36, 4)})
    rule = where("some", "id = 'r0' OR id = 'r2' OR id = 'r4'", label="returns")
    found = look(frame, registry(rule))
    [torn] = found.found
    assert (torn.term, torn.support, torn.share) == ("torn", 40, 0.5)
    assert torn.precision.value == 0.9 and torn.lift == 1.8
    assert torn.least_lift == pytest.approx(
        clopper_pearson(36, 40, confidence=1 - 0.05 / found.tried).low / 0.5
    )
    assert torn.spread == {"returns": 0.9, "delivery": 0.1}
    assert (torn.fresh, torn.fresh_known, torn.fresh_right) == (37, 37, 33.0)
    assert found.hints == found.echoes == ()


def test_what_few_rows_say_is_a_hint():
    found = look(texts_with({"torn": (36, 4), "knot": (-10, 0)}), registry())
    assert [one.term for one in found.found] == ["torn"]
    [knot] = found.hints
    assert knot.term == "knot" and knot.precision.value == 1.0 and knot.precision.low < knot.share
    assert knot.q <= 0.05 and not knot.sure and "knot" not in to_yaml(found.found)


def test_a_word_that_goes_with_what_rules_know_is_an_echo():
    # "your" stands on 60 of 70 rows of returns, all of them with "link", which a rule knows; elsewhere on 10 of each class
    frame = texts_with({"your": (70, 10), "link": (60, 0)})
    rules = registry(keywords("knows", ["link"], label="returns"))
    found = look(frame, rules)
    assert "your" not in {one.term for one in (*found.found, *found.hints)}
    [your] = [one for one in found.echoes if one.term == "your"]
    assert (your.support, your.fresh_known, your.fresh_right) == (80, 20, 10.0)
    assert your.precision.value == 70 / 80 and your.echo
    told = look(frame, registry())
    assert {"your", "link"} & {one.term for one in told.found}


def test_a_class_that_writes_more_makes_no_words_cues():
    generator = np.random.default_rng(3)
    filler = [f"word{letter}" for letter in "abcdefghijklmnopqrst"]
    rows = []
    for i in range(600):
        words = 24 if i % 2 else 6
        text = " ".join(generator.choice(filler, words))
        rows.append({"id": f"r{i}", "text": text, "label": SCHEMA.names[1 if i % 2 else 0]})
    frame = pl.DataFrame(rows)
    found = look(frame, registry())
    assert found.found == found.hints == ()
    every = clopper_pearson(200, 250, confidence=1 - 0.05 / found.tried)
    assert (
        every.low > 0.5
    )  # most of its rows are of the class that writes more: by all rows it would be a cue


def test_a_word_of_many_texts_may_be_a_cue():
    frame = texts_with({"when": (90, 10)})
    assert [one.term for one in look(frame, registry()).found] == ["when"]
