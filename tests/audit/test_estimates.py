"""Figures from draws and answers: the twin, coverage of each design, unanswered rows, and misuse that is refused."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.audit.classes import CLASS_FIGURES, class_figures
from weaklabel.audit.estimates import (
    FIGURES,
    accuracy,
    accuracy_by,
    accuracy_by_slice,
    calibration,
    figures_table,
    labels_for,
)
from weaklabel.audit.sample import collect
from weaklabel.errors import GoldError
from weaklabel.gold.sampling import draw


def corpus(n=400, seed=0, right=0.8):
    rng = np.random.default_rng(seed)
    label = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    sure = rng.uniform(0.5, 1, n)
    gold = np.where(rng.random(n) < right * (0.7 + 0.4 * sure), label, rng.choice(["a", "b", "c"], n))
    rows = pl.DataFrame(
        {
            "id": [f"r{i}" for i in range(n)],
            "label": label,
            "confidence": sure,
            "source": rng.choice(["x", "y"], n),
        }
    )
    return rows, pl.DataFrame({"id": rows["id"], "label": gold})


def answers(gold, *draws):
    return gold.filter(pl.col("id").is_in(pl.concat([d.select("id") for d in draws])["id"].implode()))


# ---- values ----


@given(st.integers(0, 10**6))
@settings(max_examples=15)
def test_the_twin_over_mixtures_of_draws(seed):
    rows, gold = corpus(120, seed)
    one = draw(rows, 30 + seed % 20, seed=seed, purpose="first").frame
    two = draw(rows, 40, design="stratified", strata="label", seed=seed, purpose="second", minimum=2).frame
    found = collect(rows, [one, two], answers(gold, one, two))
    given_draws = [
        {id: (s, p) for id, s, p in f.select("id", "stratum", "inclusion").iter_rows()} for f in (one, two)
    ]
    labels, truth = dict(rows.select("id", "label").iter_rows()), dict(gold.iter_rows())
    expected = naive.audit_values(labels, given_draws, truth)
    assert accuracy(found).estimate.value == pytest.approx(expected["accuracy"])
    for figure in class_figures(found, ["a", "b", "c"]):
        if figure.estimate.value is not None:
            assert figure.estimate.value == pytest.approx(expected[figure.part][figure.figure])


def test_by_hand():
    rows = pl.DataFrame({"id": [f"r{i}" for i in range(40)], "label": ["x"] * 30 + ["y"] * 10})
    gold = rows.with_columns(label=pl.Series(["x"] * 20 + ["y"] * 20))
    drawn = draw(rows, 40, seed=1, purpose="audit").frame
    found = collect(rows, drawn, gold)
    assert str(accuracy(found)) == (
        "accuracy of all rows: 75.0 %, between 75.0 and 75.0 %, against adjudicated gold (40 labels)"
    )
    table = figures_table(class_figures(found, ["x"]))
    assert dict(table.schema) == FIGURES and table["figure"].to_list() == list(CLASS_FIGURES)
    assert table["value"].to_list() == pytest.approx([20 / 30, 1.0, 0.8, 0.5])


def test_the_order_of_rows_and_answers_changes_nothing():
    rows, gold = corpus()
    drawn = draw(rows, 60, design="stratified", strata="label", seed=1, purpose="audit").frame
    one = collect(rows, drawn, answers(gold, drawn))
    other = collect(rows.reverse(), drawn.reverse(), answers(gold, drawn).reverse())
    a, b = accuracy(one).estimate, accuracy(other).estimate
    assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=1e-9)


# ---- coverage, through the whole of it ----

DESIGNS = {
    "simple": {},
    "stratified": {"design": "stratified", "strata": "label", "allocation": "equal"},
    "poisson": {"design": "poisson", "weights": "doubt"},
    "rare": {"design": "rare", "weights": "doubt"},
    "pps": {"design": "pps", "weights": "doubt"},
}


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_covers_accuracy_recall_and_a_slice(name):
    rows, gold = corpus(300, right=0.85)
    rows = rows.with_columns(doubt=1.2 - pl.col("confidence"))
    both = rows.join(gold.rename({"label": "gold"}), on="id")
    right = both["label"] == both["gold"]
    truth = {
        "accuracy": right.mean(),
        "source x": right.filter(both["source"] == "x").mean(),
        "recall": right.filter(both["gold"] == "b").mean(),
    }
    covered = {key: [] for key in truth}
    for seed in range(100):
        drawn = draw(rows, 80, seed=seed, purpose="audit", **DESIGNS[name]).frame
        found = collect(rows, drawn, answers(gold, drawn))
        figures = {"accuracy": accuracy(found), "source x": accuracy_by(found, "source")[0]}
        figures["recall"] = class_figures(found, ["b"])[1]
        for key, figure in figures.items():
            e = figure.estimate
            if e.low is not None:
                covered[key].append(e.low - 1e-9 <= truth[key] <= e.high + 1e-9)
    for key, hits in covered.items():
        assert len(hits) > 90 and np.mean(hits) >= 0.885, key  # .95 less 3 standard errors of 100 draws


def test_ignoring_the_probabilities_of_a_rare_draw_fails_that_bound():
    rows, gold = corpus(300, right=0.85)
    rows = rows.with_columns(doubt=(1.02 - pl.col("confidence")) ** 3)
    truth = (rows["label"] == gold["label"]).mean()
    covered = []
    for seed in range(100):
        drawn = draw(rows, 80, seed=seed, purpose="audit", design="pps", weights="doubt").frame
        flat = drawn.with_columns(pl.lit(80 / 300).alias("inclusion"), pl.lit("simple").alias("design"))
        e = accuracy(collect(rows, flat.head(80), answers(gold, drawn))).estimate
        covered.append(e.low <= truth <= e.high)
    assert np.mean(covered) < 0.885


def test_more_draws_narrow_the_interval():
    rows, gold = corpus(2000)
    one = draw(rows, 100, seed=1, purpose="first").frame
    two = draw(rows, 100, design="stratified", strata="label", seed=2, purpose="second").frame
    narrow = accuracy(collect(rows, [one, two], answers(gold, one, two))).estimate
    wide = accuracy(collect(rows, one, answers(gold, one))).estimate
    assert narrow.high - narrow.low < 0.8 * (wide.high - wide.low)
    assert collect(rows, [one, two], answers(gold, one, two)).notes[0] == "2 draws count for 50%, 50%"


# ---- parts, calibration ----


def test_slices_and_columns():
    rows, gold = corpus(400)
    drawn = draw(rows, 400, seed=1, purpose="audit").frame
    found = collect(rows, drawn, gold)
    right = rows["label"] == gold["label"]
    by_column = {f.part: f.estimate.value for f in accuracy_by(found, "source")}
    assert by_column == pytest.approx({f"source {s}": right.filter(rows["source"] == s).mean() for s in "xy"})
    (sliced,) = accuracy_by_slice(found, {"sure": "confidence > 0.9"})
    assert sliced.estimate.value == pytest.approx(right.filter(rows["confidence"] > 0.9).mean())
    with pytest.raises(GoldError, match="the rows to audit have no column 'sauce'"):
        accuracy_by(found, "sauce")


def test_calibration_of_a_census_is_exact():
    rows, gold = corpus(400)
    found = collect(rows, draw(rows, 400, seed=1, purpose="audit").frame, gold)
    gap, error, *bands = calibration(found)
    right = (rows["label"] == gold["label"]).mean()
    assert gap.estimate.value == pytest.approx(rows["confidence"].mean() - right)
    assert len(bands) == 5
    assert error.estimate.low == pytest.approx(error.estimate.value, abs=2e-3)


def test_calibration_error_covers_where_labels_are_calibrated():
    rng = np.random.default_rng(1)
    sure = rng.uniform(0.5, 1, 1000)
    rows = pl.DataFrame({"id": [f"r{i}" for i in range(1000)], "label": ["a"] * 1000, "confidence": sure})
    gold = rows.select("id", label=pl.Series(np.where(rng.random(1000) < sure, "a", "b")))
    hits = []
    for seed in range(25):
        drawn = draw(rows, 100, seed=seed, purpose="audit").frame
        e = calibration(collect(rows, drawn, answers(gold, drawn)))[1].estimate
        hits.append(e.low <= 0.02 <= e.high)
    assert np.mean(hits) >= 0.95


def test_without_confidences_there_is_no_calibration():
    rows, gold = corpus(50)
    bare = rows.select("id", "label")
    assert calibration(collect(bare, draw(bare, 50, seed=1, purpose="audit").frame, gold)) == []


# ---- too few, unanswered ----


def test_too_few_says_how_many_it_takes():
    rows, gold = corpus(400)
    drawn = draw(rows, 8, seed=1, purpose="audit").frame
    figure = accuracy(collect(rows, drawn, answers(gold, drawn)))
    assert str(figure) == "accuracy of all rows: too few labels to say (8; it takes 10)"
    assert figure.estimate.low is None and figure.needed == 10


def test_unanswered_rows_widen_both_ends():
    rows, gold = corpus(400)
    drawn = draw(rows, 100, seed=1, purpose="audit").frame
    whole = collect(rows, drawn, answers(gold, drawn))
    some = collect(rows, drawn, answers(gold, drawn).sort("id").head(90))
    assert some.unanswered == 10
    assert some.notes == ("10 drawn rows have no answer: the intervals hold whatever the answers will be",)
    a, b = accuracy(whole).estimate, accuracy(some).estimate
    assert b.low < a.low and b.high > a.high and b.n == 90
    for full, part in zip(class_figures(whole), class_figures(some), strict=True):
        if full.estimate.low is not None and part.estimate.low is not None:
            assert (
                part.estimate.low <= full.estimate.low + 1e-9
                and part.estimate.high >= full.estimate.high - 1e-9
            )


def test_none_of_the_labels_fits_is_wrong():
    rows, gold = corpus(40)
    drawn = draw(rows, 40, seed=1, purpose="audit").frame
    nothing = gold.with_columns(label=pl.lit(None, pl.String))
    assert accuracy(collect(rows, drawn, nothing)).estimate.value == 0


def test_labels_for_a_width():
    assert labels_for(0.05, 0.9) == 139


# ---- misuse ----


def drawn_and_gold():
    rows, gold = corpus(100)
    drawn = draw(rows, 30, seed=1, purpose="audit").frame
    return rows, drawn, answers(gold, drawn), gold


def test_unknown_probabilities_are_refused():
    rows, drawn, said, _ = drawn_and_gold()
    with pytest.raises(GoldError, match="nobody knows with which probability 30 rows came into the sample"):
        collect(rows, drawn.with_columns(inclusion=pl.lit(None, pl.Float64)), said)


def test_gold_of_another_role_is_refused():
    rows, drawn, said, _ = drawn_and_gold()
    with pytest.raises(
        GoldError, match="30 answers are gold of role 'calibrate', and an audit takes role 'audit' only"
    ):
        collect(rows, drawn, said.with_columns(role=pl.lit("calibrate")))


def test_answers_added_after_the_draw_are_refused():
    rows, drawn, said, gold = drawn_and_gold()
    extra = gold.filter(~pl.col("id").is_in(drawn["id"].implode())).head(2)
    with pytest.raises(GoldError, match="2 answers are of rows that no draw holds"):
        collect(rows, drawn, pl.concat([said, extra]))


def test_rows_that_came_after_the_draw_are_refused():
    rows, drawn, said, _ = drawn_and_gold()
    more = pl.concat([rows, rows.head(1).with_columns(id=pl.lit("new"))])
    with pytest.raises(GoldError, match="the draw was made from 100 rows, and there are 101 now"):
        collect(more, drawn, said)


def test_a_draw_within_a_draw_is_refused():
    rows, drawn, said, _ = drawn_and_gold()
    small = draw(rows, 10, seed=1, purpose="audit").frame
    with pytest.raises(GoldError, match="one draw for 'audit' is a part of another"):
        collect(rows, [drawn, small], said)


def test_two_answers_to_a_row_are_refused():
    rows, drawn, said, _ = drawn_and_gold()
    with pytest.raises(GoldError, match="1 rows have more than one answer"):
        collect(rows, drawn, pl.concat([said, said.head(1)]))


def test_rows_that_are_gone_make_a_part():
    rows, drawn, said, _ = drawn_and_gold()
    kept = rows.filter(pl.col("source") == "x")
    found = collect(kept, drawn, said)
    gone = drawn.filter(~pl.col("id").is_in(kept["id"].implode())).height
    assert found.notes == (
        f"{gone} drawn rows are not among the rows to audit now: figures are of those that are",
    )
    assert accuracy(found).estimate.n == 30 - gone
