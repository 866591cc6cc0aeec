"""Votes and their texts: rows that slipped are seen, rows that belong hardly ever raise an alarm."""

import json

import numpy as np
import polars as pl
import pytest

from weaklabel.audit.alignment import alignment, learn_alignment, rerun
from weaklabel.errors import GoldError

WORDS = [f"w{i}" for i in range(60)]


def rows(n, *, seed=0, start=0):
    """Texts of twelve words; three rules, each with three keywords."""
    generator = np.random.default_rng(seed)
    held = generator.integers(0, len(WORDS), (n, 12))
    votes = [np.where(np.isin(held, [3 * j, 3 * j + 1, 3 * j + 2]).any(axis=1), j % 2, -1) for j in range(3)]
    texts = [" ".join(WORDS[w] for w in row) for row in held]
    columns = {f"lf:r{j}": v.astype(np.int8) for j, v in enumerate(votes)}
    return pl.DataFrame({"id": [f"i{start + i}" for i in range(n)], "text": texts, **columns})


def slipped(frame):
    return frame.with_columns(pl.selectors.starts_with("lf:").shift(1, fill_value=-1))


def test_rows_that_belong_and_rows_that_slipped():
    old = rows(800)
    new = rows(100, seed=1, start=5000)
    good, bad = alignment(old, new), alignment(old, slipped(new))
    assert (good.verdict, bad.verdict) == ("belong", "apart")
    assert not good.alarm and bad.alarm
    assert good.power > 0.99
    assert good.before > 0.2 and bad.after < 0 < good.after
    assert "look for rows that slipped" in bad.sentence()
    assert json.loads(json.dumps(bad.to_dict()))["verdict"] == "apart"


def test_counts_of_votes_do_not_see_it():
    from weaklabel.audit.reference import compare, reference

    new = rows(100, seed=1, start=5000)
    kept = reference(rows(800), ["ham", "spam"])
    assert not compare(kept, slipped(new)).alarm
    with_texts = compare(kept, slipped(new), more=[alignment(rows(800), slipped(new)).change()])
    assert [c.kind for c in with_texts.drift.alarms] == ["votes and texts"]


def test_a_third_of_the_rows_slipped():
    new = rows(600, seed=1, start=5000)
    part = pl.concat([slipped(new.head(200)), new.tail(400)])
    assert alignment(rows(800), part).verdict == "worse"


def test_texts_that_say_nothing_of_the_rules_give_no_verdict():
    old = rows(400).with_columns(text=pl.lit("the same"))
    found = alignment(old, slipped(old.head(100)))
    assert found.verdict == "unknown" and not found.alarm
    assert "can't be told" in found.sentence()
    assert alignment(rows(400), rows(5, seed=1)).verdict == "unknown"  # too few rows
    silent = rows(400).with_columns(pl.selectors.starts_with("lf:") * 0 - 1)
    assert alignment(silent, silent.head(50)).verdict == "unknown"


def test_the_order_of_rows_changes_nothing_but_what_slipping_means():
    old, new = rows(400), rows(80, seed=1, start=5000)
    a = alignment(old, new)
    b = alignment(old, new.sample(fraction=1, shuffle=True, seed=3))
    assert (a.p, a.before, a.after, a.power) == pytest.approx((b.p, b.before, b.after, b.power), abs=1e-9)


def test_misuse_is_refused():
    with pytest.raises(GoldError, match="the new rows have no column 'text'"):
        alignment(rows(50), rows(50).drop("text"))
    with pytest.raises(GoldError, match="the new rows have no column 'lf:r"):
        alignment(rows(400), rows(50).drop("lf:r0", "lf:r1", "lf:r2"))
    with pytest.raises(GoldError, match="the reference has no rule's votes"):
        alignment(rows(50).drop("lf:r0", "lf:r1", "lf:r2"), rows(50))


def test_slips_are_seen_and_false_alarms_held_in_a_simulation():
    draws, good, bad = 40, 0, 0
    for seed in range(draws):  # a reference each: windows judged by one reference share its luck
        model = learn_alignment(rows(300, seed=1000 + seed), seed=seed)
        new = rows(100, seed=seed, start=5000)
        good += model.judge(new).alarm
        bad += model.judge(slipped(new)).alarm
    assert bad / draws >= 0.95
    assert good / draws <= 0.05 + 2.5 * (0.05 * 0.95 / draws) ** 0.5


def test_rules_run_again():
    old = rows(50)
    assert not rerun(old, old.sample(20, seed=1)).alarm
    changed = old.with_columns(
        pl.when(pl.col("id") == "i7").then(5).otherwise(pl.col("lf:r1")).alias("lf:r1")
    )
    found = rerun(old, changed.reverse())
    assert (found.rows, found.differ, found.rules, found.examples) == (50, 1, {"r1": 1}, ("i7",))
    assert "1 have other votes than are stored ('r1' on 1), such as 'i7'" in found.sentence()
    # 0 of 59: at most 1 - .05^(1/59) = 4.95 %
    assert rerun(rows(59), rows(59)).most == pytest.approx(1 - 0.05 ** (1 / 59), abs=1e-6)
    with pytest.raises(GoldError, match="1 rows have no stored votes: 'x'"):
        rerun(old, old.head(1).with_columns(id=pl.lit("x")))
    with pytest.raises(GoldError, match="no rule in common"):
        rerun(old, old.select("id", "text"))


@pytest.mark.data
def test_a_hundred_rows_show_a_slip_on_real_texts(data_dir):
    frame = pl.read_parquet(data_dir / "matrices" / "youtube.parquet").with_row_index("id")
    rules = [c for c in frame.columns if c.startswith("lf_")]
    frame = frame.rename({r: f"lf:{r}" for r in rules}).with_columns(pl.col("id").cast(pl.String))
    model = learn_alignment(frame.head(1000))
    for start in (1000, 1300, 1600):
        assert model.judge(slipped(frame)[start : start + 100]).alarm
    assert model.judge(frame.tail(1000).sample(300, seed=1)).p_related <= 0.01
