"""Drift of texts: what came, what went, and few false alarms."""

import json
import math

import numpy as np
import polars as pl
import pytest

from weaklabel.audit.drift import judged
from weaklabel.audit.text_drift import TextCounts, count_texts, tell_apart, text_changes
from weaklabel.errors import GoldError
from weaklabel.fingerprint import event_hash

COMMON = [f"word{i}" for i in range(200)]


def texts(n, *, seed=0, promo=0.2, words=10, extra=()):
    generator = np.random.default_rng(seed)
    share = 1 / np.arange(1, len(COMMON) + 1)
    drawn = generator.choice(COMMON, (n, words), p=share / share.sum())
    lines = [" ".join(row) + (" promo" if generator.random() < promo else "") for row in drawn]
    for word in extra:
        lines = [f"{line} {word}" if generator.random() < 0.3 else line for line in lines]
    return pl.DataFrame({"id": [f"{seed}-{i}" for i in range(n)], "text": lines})


def changed(old, new, **more):
    before = count_texts(old, **more)
    return judged(text_changes(before, count_texts(new, like=before, **more)))


def test_a_word_gone_from_the_text_is_named():
    found = changed(texts(1000), texts(1000, seed=1, promo=0))
    words = next(c for c in found.alarms if c.kind == "words")
    assert words.detail.startswith("'promo' gone from the text (in 19.1 % of rows before)")


def test_new_words_are_unseen_words():
    found = changed(texts(1000), texts(1000, seed=1, extra=["zebra", "yak"]))
    unseen = next(c for c in found.alarms if c.kind == "unseen words")
    assert "of a row's words are not known from the reference" in unseen.detail


def test_length_and_language():
    longer = changed(texts(500), texts(500, seed=1, words=20))
    assert "length" in {c.kind for c in longer.alarms}
    english = pl.DataFrame(
        {"id": [str(i) for i in range(60)], "text": ["I would like to know where my parcel is"] * 60}
    )
    german = english.with_columns(text=pl.lit("Ich möchte gerne wissen, wo mein Paket geblieben ist"))
    found = changed(english, german, languages=True)
    assert "de 100 %, before 0 %" in next(c.detail for c in found.alarms if c.kind == "language")


def test_the_same_kind_of_texts_raise_few_alarms():
    draws = 40
    alarms = [changed(texts(400, seed=2 * i), texts(200, seed=2 * i + 1)).alarm for i in range(draws)]
    assert np.mean(alarms) <= 0.07 + 2.5 * math.sqrt(0.05 * 0.95 / draws)


def test_known_words_come_from_other_rows_than_the_unseen_ones_are_counted_on():
    lonely = pl.DataFrame({"id": [str(i) for i in range(100)], "text": [f"only{i}" for i in range(100)]})
    counts = count_texts(lonely)
    half = sum(not event_hash(f"pattern {i}", 0) & 1 for i in range(100))
    assert counts.unseen[-1] == counts.unseen.sum() == half  # every word is new to the half it is counted on
    assert 35 < half < 65 and count_texts(lonely, like=counts).unseen.tolist() == counts.unseen.tolist()
    assert counts.words["only7"] == 1


def test_empty_and_missing_texts():
    rows = pl.DataFrame({"id": ["a", "b"], "text": [None, ""]})
    counts = count_texts(rows)
    assert counts.lengths[0] == 2 and counts.words == {}
    assert all(math.isnan(c.p) for c in text_changes(counts, counts) if c.kind != "length")
    with pytest.raises(GoldError, match="no column 'text'"):
        count_texts(rows.drop("text"))


def test_counts_survive_json():
    counts = count_texts(texts(50), languages=True)
    again = TextCounts.from_dict(json.loads(json.dumps(counts.to_dict())))
    assert again.to_dict() == counts.to_dict()
    with pytest.raises(GoldError, match="'known' is missing"):
        TextCounts.from_dict({"rows": 1, "lengths": [], "languages": {}})


def test_the_order_of_rows_changes_nothing():
    rows = texts(100)
    assert count_texts(rows.reverse()).to_dict() == count_texts(rows).to_dict()


def test_a_classifier_tells_old_from_new_by_the_words_that_changed():
    found = tell_apart(texts(600), texts(600, seed=1, promo=0, extra=["zebra"]))
    assert found.p < 1e-6 and found.auc > 0.6
    assert {word for word, _, _ in found.words[:2]} == {"promo", "zebra"}
    assert "'promo' gone from the text" in found.sentence()
    assert found.change("2026-03").part == "2026-03"


def test_the_classifier_is_judged_on_rows_it_has_not_seen():
    p = [tell_apart(texts(120, seed=i), texts(120, seed=100 + i)).p for i in range(40)]
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / 40)
    few = tell_apart(texts(10), texts(10, seed=1))
    assert math.isnan(few.p) and few.sentence().startswith("too few texts")
