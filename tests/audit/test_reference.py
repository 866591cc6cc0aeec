"""A stored reference, windows and shards, and why a rule changed."""

import json

import numpy as np
import polars as pl
import pytest

from weaklabel import lf
from weaklabel.audit.attribution import attribute, change_point, matched_words
from weaklabel.audit.reference import Reference, compare, over, read_reference, reference
from weaklabel.audit.two_samples import homogeneity_p
from weaklabel.audit.vote_counts import PatternTable
from weaklabel.errors import GoldError

LABELS = ["ham", "spam"]
RULES = (
    lf.keywords("sale", ["promo", "big sale"], label="spam"),
    lf.regex("asks", r"\bwhere\b|\bwhen\b", label="ham", case="lower"),
    lf.where("long", "length(text) > 30", label="ham"),
)
MONTHS = ["2026-01", "2026-02", "2026-03", "2026-04"]


def rows(n, *, seed=0, promo=0.2, start=0):
    generator = np.random.default_rng(seed)
    texts = []
    for _ in range(n):
        words = list(generator.choice(["hello", "you", "parcel", "there", "it"], 4))
        words += ["Promo"] * (generator.random() < promo) + ["big  sale"] * (generator.random() < 0.1)
        words += ["Where"] * (generator.random() < 0.3)
        texts.append(" ".join(words))
    frame = pl.DataFrame({"id": [f"i{start + i}" for i in range(n)], "text": texts})
    spam, ham = (
        pl.Series([c if r.matches(t) else -1 for t in texts], dtype=pl.Int8) for r, c in zip(RULES, (1, 0))
    )
    long = pl.Series([0 if len(t) > 30 else -1 for t in texts], dtype=pl.Int8)
    return frame.with_columns(spam.alias("lf:sale"), ham.alias("lf:asks"), long.alias("lf:long"))


def test_what_was_kept_says_later_which_word_is_gone(tmp_path):
    kept = reference(rows(800), LABELS, text="text", rules=RULES, facts={"run": "r1"})
    assert set(kept.words) == {"sale", "asks"}  # a rule of another kind has no words
    assert set(kept.words["sale"]) == {"promo", "big sale"}
    path = tmp_path / "reference.json"
    path.write_text(json.dumps(kept.to_dict()), encoding="utf-8")
    again = read_reference(path)
    found = compare(again, rows(600, seed=1, promo=0, start=9000), rules=RULES)
    assert found.alarm
    (reason,) = found.reasons
    assert (reason.rule, [w.word for w in reason.words]) == ("sale", ["promo"])
    assert reason.explained == pytest.approx(1, abs=0.35)
    assert "'promo' gone from the text (in " in found.sentences()[-1]
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["reasons"][0]["rule"] == "sale"
    assert not compare(again, rows(600, seed=2, start=9000), rules=RULES).alarm


def test_a_broken_reference_is_refused(tmp_path):
    with pytest.raises(GoldError, match="no such reference"):
        read_reference(tmp_path / "none.json")
    path = tmp_path / "r.json"
    for text, what in (
        ("{", "no reference for drift"),
        ("[]", "no object"),
        ("{}", "no reference for drift"),
    ):
        path.write_text(text)
        with pytest.raises(GoldError, match=what) as caught:
            read_reference(path)
        assert str(caught.value)


def in_months(promo):
    parts = [rows(300, seed=i, promo=p, start=1000 * i) for i, p in enumerate(promo)]
    return pl.concat([part.with_columns(month=pl.lit(m)) for part, m in zip(parts, MONTHS)])


def test_windows_say_since_when():
    found = over(in_months([0.2, 0.2, 0, 0]), LABELS, "month", ordered=True, text="text", rules=RULES)
    fires = [c.part for c in found.drift.alarms if (c.kind, c.name) == ("fires", "sale")]
    assert fires[0] == "2026-03"
    reason = next(r for r in found.reasons if r.rule == "sale")
    assert reason.since == "2026-03"
    assert reason.sentence().startswith("rule 'sale' fires on ")
    assert "since 2026-03" in reason.sentence() and "'promo' gone from the text" in reason.sentence()
    assert "texts" in {c.kind for c in found.drift.alarms}


def test_shards_are_each_compared_with_the_others():
    frame = in_months([0.2, 0.0, 0.2, 0.2]).sample(fraction=1, shuffle=True, seed=1)
    found = over(frame, LABELS, "month", ordered=False)
    assert {c.part for c in found.drift.alarms if c.kind == "fires"} == {"2026-02"}
    assert found.reasons == ()


def test_the_order_of_rows_changes_nothing():
    frame = in_months([0.2, 0.2, 0, 0])
    a = over(frame, LABELS, "month", ordered=True, text="text", rules=RULES)
    b = over(frame.reverse(), LABELS, "month", ordered=True, text="text", rules=RULES)
    assert a.to_dict() == b.to_dict()


def test_parts_that_are_alike_raise_few_alarms():
    draws = 30
    found = [over(in_months_alike(i), LABELS, "month", ordered=bool(i % 2)).alarm for i in range(draws)]
    assert np.mean(found) <= 0.07 + 2.5 * (0.05 * 0.95 / draws) ** 0.5


def in_months_alike(seed):
    frame = rows(400, seed=100 + seed)
    return frame.with_columns(month=pl.Series(MONTHS * 100))


def test_misuse_is_refused():
    with pytest.raises(GoldError, match="no column 'mont'"):
        over(in_months([0.2] * 4), LABELS, "mont", ordered=True)
    with pytest.raises(GoldError, match="fewer than two parts"):
        over(rows(10).with_columns(month=pl.lit("1")), LABELS, "month", ordered=True)
    with pytest.raises(GoldError, match="names 300 parts, and at most 200 are compared"):
        over(rows(300), LABELS, "id", ordered=True)
    partly = in_months([0.2] * 4).with_columns(pl.when(pl.col("id") != "i7").then("month").alias("month"))
    assert over(partly, LABELS, "month", ordered=False).drift.notes == (
        "1 rows have no month and were left out: 'i7'",
    )
    with pytest.raises(GoldError, match="no reference for drift"):
        Reference.from_dict({"format": 99})


def test_matched_words_by_hand():
    frame = pl.DataFrame(
        {
            "id": list("abcd"),
            "text": ["PROMO and big\n sale", "promo promo", "promo", None],
            "lf:sale": [1, 1, -1, -1],
        }
    )
    assert matched_words(RULES[0], frame) == {"promo": 2, "big sale": 1}  # only rows that it fired on
    assert matched_words(RULES[0], frame, most=1) == {"promo": 2}
    assert matched_words(RULES[2], frame) is None
    assert matched_words(RULES[0], frame.drop("text")) is None
    with pytest.raises(GoldError, match="no votes of rule 'asks'"):
        matched_words(RULES[1], frame)


def test_words_that_moved_the_other_way_explain_nothing():
    found = attribute("r", {"gone": 100, "more": 5}, 1000, {"more": 60}, 1000, fires=(105, 60))
    assert [w.word for w in found.words] == ["gone"]
    assert found.explained == pytest.approx((0 - 0.1) / (0.06 - 0.105))
    none = attribute("r", {"a": 50}, 1000, {"a": 48}, 1000, fires=(50, 48))
    assert none.explained is None and none.sentence().endswith("no single word of it explains that")
    assert "'new' new in the text" in attribute("r", {}, 100, {"new": 30}, 100, fires=(0, 30)).sentence()


def test_change_points_by_hand():
    assert change_point([5, 5, 5, 20], [100] * 4) == 3
    assert change_point([0, 0, 0], [10] * 3) is None
    assert change_point([4, 0], [4, 4]) == 1


def test_new_rows_that_are_those_of_the_reference_raise_no_alarm():
    """Many rare patterns: those that half of the reference names as frequent are, in that half, frequent by chance."""

    def busy(n, seed):
        generator = np.random.default_rng(seed)
        votes = np.where(generator.random((n, 9)) < 0.6, generator.integers(0, 2, (n, 9)), -1).astype(np.int8)
        texts = [" ".join(f"w{w}" for w in generator.integers(0, 3000, 8)) for _ in range(n)]
        frame = pl.DataFrame({"id": [f"{seed}.{i}" for i in range(n)], "text": texts})
        return frame.with_columns(pl.Series(f"lf:r{j}", votes[:, j]) for j in range(9))

    rows = busy(1500, 11)
    kept = reference(rows, LABELS, text="text")
    again = compare(kept, rows)
    assert not again.alarm and min(c.p for c in again.drift.changes if not np.isnan(c.p)) >= 0.5
    mixed = compare(kept, pl.concat([rows.head(750), busy(750, 12)]))
    assert not mixed.alarm and next(c.p for c in mixed.drift.changes if c.kind == "patterns") > 0.05
    # counted on all of its rows, as on those of a new part, the same corpus would be an alarm
    names = tuple(f"lf:r{j}" for j in range(9))
    table = PatternTable.of(kept.votes.rules, tuple(LABELS), rows.select(names).to_numpy())
    whole = table.counted(table.of_rows(np.arange(1500)), patterns=tuple(kept.votes.patterns))
    pairs = [
        [*one.patterns.values(), one.pattern_rows - sum(one.patterns.values())] for one in (kept.votes, whole)
    ]
    assert homogeneity_p(*pairs) < 1e-6
