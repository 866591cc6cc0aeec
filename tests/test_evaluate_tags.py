"""Tags against gold: metrics, curves, notes, slices, and two ways against each other."""

import json
import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

import naive
import strategies
from weaklabel.errors import ConfigError, GoldError, SchemaError, WeakLabelError
from weaklabel.evaluate import evaluate_tags, tag_difference
from weaklabel.evaluate.tag_curves import POINTS
from weaklabel.evaluate.tags import DIFFERENCES
from weaklabel.schema import TAG_COLUMNS, Label, LabelSchema

NAMES = ("a", "b", "c", "d")
PARENTS = {"b": ("a",), "c": ("b",)}
SCHEMA = LabelSchema([Label(name, parents=PARENTS.get(name, ())) for name in NAMES], exclusive=False)
LISTS = {"labels": pl.List(pl.String)}
SCORED = {**LISTS, "candidates": pl.List(pl.String), "probabilities": pl.List(pl.Float32)}


def tables(rows):
    """Label table and gold of rows as (gold, given, covered, tag -> probability)."""
    ids = [f"row {i}" for i in range(len(rows))]
    labels = pl.DataFrame(
        {
            "id": ids,
            "labels": [sorted(row[1]) for row in rows],
            "status": ["labeled" if row[1] else "below_threshold" if row[2] else "uncovered" for row in rows],
            "candidates": [list(row[3]) for row in rows],
            "probabilities": [list(row[3].values()) for row in rows],
        },
        schema_overrides={"id": pl.String, "status": pl.String, **SCORED},
    )
    gold = pl.DataFrame(
        {"id": ids, "labels": [sorted(row[0]) for row in rows]}, schema_overrides={"id": pl.String, **LISTS}
    )
    return labels, gold


def score(rows, **options):
    return evaluate_tags(*tables(rows), schema=SCHEMA, **options)


def values(result):
    return {name: estimate.value for name, estimate in result.metrics.items()}


# ---- metrics ----


def test_worked_by_hand():
    result = score(
        [
            ({"a", "b"}, {"a"}, True, {"a": 0.75, "c": 0.25}),
            ({"d"}, {"a", "d"}, True, {"a": 0.5, "d": 1.0}),
            (set(), set(), True, {"d": 0.25}),
            ({"c"}, set(), False, {}),
        ]
    )
    found = values(result)
    assert (found["coverage"], result.coverage, result.n_gold) == (0.75, 0.75, 4)
    assert found["micro_precision"] == pytest.approx(2 / 3)
    assert found["micro_recall"] == 0.5
    assert found["micro_f1"] == pytest.approx(4 / 7)
    assert found["micro_recall_covered"] == pytest.approx(2 / 3)
    assert found["micro_f1_covered"] == pytest.approx(4 / 6)
    # a: given 2, gold 1, right 1; b: gold 1; c: gold 1; d: right
    assert found["macro_precision"] == pytest.approx((1 / 2 + 0 + 0 + 1) / 4)
    assert found["macro_recall"] == pytest.approx((1 + 0 + 0 + 1) / 4)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0 + 0 + 1) / 4)
    assert found["sample_precision"] == pytest.approx((1 + 1 / 2) / 2)
    assert found["sample_recall"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert found["sample_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1 + 0) / 4)
    assert found["subset_accuracy"] == 0.25
    assert found["hamming_loss"] == pytest.approx(3 / 16)
    assert (found["cardinality_gold"], found["cardinality_given"]) == (1.0, 0.75)
    # gold with ancestors: ab, d, -, abc; given: a, ad, -, -
    assert found["hierarchical_precision"] == pytest.approx(2 / 3)
    assert found["hierarchical_recall"] == pytest.approx(2 / 6)
    assert found["hierarchical_f1"] == pytest.approx(4 / 9)
    # all pairs by falling score: d 1.0 right; a .75 right; a .5 wrong; c and d .25 wrong; 11 pairs at 0, 2 right
    assert found["micro_average_precision"] == pytest.approx(1 / 4 + 1 / 4 + (2 / 4) * (4 / 16))
    # a: .75 right; d: 1.0 right; b and c: no candidate where gold has them, 1 of 4 rows
    assert found["macro_average_precision"] == pytest.approx((1 + 1 / 4 + 1 / 4 + 1) / 4)
    a, b, c, d = result.per_tag.to_dicts()
    assert (a["tag"], a["n_gold"], a["n_given"], a["coverage"], a["reachable"]) == ("a", 1, 2, 1.0, 1.0)
    assert (a["precision"], a["recall"], a["f1"]) == (0.5, 1.0, pytest.approx(2 / 3))
    assert (a["precision_n"], a["recall_n"], a["f1_n"]) == (2, 1, 2)
    assert (b["precision"], b["recall"], b["f1"], b["reachable"]) == (None, 0.0, 0.0, 0.0)
    assert (c["coverage"], c["average_precision"]) == (0.0, 0.25)
    assert d["average_precision"] == 1.0
    assert result.metrics["micro_f1"].coverage == 0.75
    assert result.metrics["sample_precision"].n == 2 and result.metrics["sample_recall"].n == 3


@given(strategies.tagged_rows(NAMES))
@settings(deadline=None, max_examples=60)
def test_every_metric_equals_its_slow_twin(rows):
    result = score(rows, resamples=10)
    slow, each = naive.tag_evaluation(rows, NAMES, PARENTS)
    assert set(result.metrics) == set(slow)
    for name, want in slow.items():
        found = result.metrics[name].value
        assert found == (None if want is None else pytest.approx(want, abs=1e-9)), name
    for line in result.per_tag.to_dicts():
        found = (line["precision"], line["recall"], line["f1"], line["average_precision"])
        want = each[line["tag"]]
        assert found == tuple(None if v is None else pytest.approx(v, abs=1e-9) for v in want)


@given(strategies.tagged_rows(NAMES))
@settings(deadline=None, max_examples=40)
def test_tags_of_interest_leave_after_ancestors_were_added(rows):
    result = score(rows, resamples=10, tags=["c", "a"])
    slow, _ = naive.tag_evaluation(rows, ("a", "c"), PARENTS)
    assert result.per_tag["tag"].to_list() == ["a", "c"]
    for name, want in slow.items():
        found = result.metrics[name].value
        assert found == (None if want is None else pytest.approx(want, abs=1e-9)), name


@given(strategies.tagged_rows(NAMES))
@settings(deadline=None, max_examples=40)
def test_nothing_is_nan_and_intervals_hold_their_value(rows):
    result = score(rows, resamples=20)
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert json.loads(text)["n_gold"] == len(rows)
    assert all(np.isfinite(v) for v in result.flat().values())
    for name, estimate in result.metrics.items():
        if estimate.low is not None:
            assert estimate.low <= estimate.value <= estimate.high, name
    for name in ("precision", "recall", "f1", "average_precision"):
        held = result.per_tag.drop_nulls(f"{name}_low")
        assert (held[f"{name}_low"] <= held[name] + 1e-12).all()
        assert (held[name] <= held[f"{name}_high"] + 1e-12).all()
    for name in ("precision", "recall"):
        held = result.curves.drop_nulls(f"{name}_low")
        assert (held[f"{name}_low"] <= held[name] + 1e-12).all()
        assert (held[name] <= held[f"{name}_high"] + 1e-12).all()


def random_rows(n=400, seed=0):
    """Gold as drawn by probability, scores on a coarse grid with ties, some rows without candidates."""
    generator = np.random.default_rng(seed)
    truth = generator.random((n, 4)) < [0.4, 0.2, 0.1, 0.05]
    scores = np.clip(0.5 * truth + 0.6 * generator.random((n, 4)), 0, 1).round(1)
    scores[generator.random((n, 4)) < 0.4] = 0.0
    given_ = scores >= 0.5
    rows = [
        (
            {NAMES[j] for j in np.flatnonzero(t)},
            {NAMES[j] for j in np.flatnonzero(g)},
            bool(s.any()),
            {NAMES[j]: float(s[j]) for j in np.flatnonzero(s)},
        )
        for t, g, s in zip(truth, given_, scores)
    ]
    return rows, truth, given_, scores


def test_equal_to_sklearn():
    from sklearn import metrics

    rows, truth, given_, scores = random_rows()
    result = score(rows)
    found = values(result)
    for average in ("micro", "macro"):
        for name, function in (
            ("precision", metrics.precision_score),
            ("recall", metrics.recall_score),
            ("f1", metrics.f1_score),
        ):
            want = function(truth, given_, average=average, zero_division=0)
            assert found[f"{average}_{name}"] == pytest.approx(want), (average, name)
        want = metrics.average_precision_score(truth, scores, average=average)
        assert found[f"{average}_average_precision"] == pytest.approx(want, abs=1e-6)
    assert found["hamming_loss"] == pytest.approx(metrics.hamming_loss(truth, given_))
    assert found["subset_accuracy"] == pytest.approx(metrics.accuracy_score(truth, given_))
    some_given, some_gold = given_.any(axis=1), truth.any(axis=1)
    for name, function, where in (
        ("precision", metrics.precision_score, some_given),
        ("recall", metrics.recall_score, some_gold),
    ):
        want = function(truth[where], given_[where], average="samples", zero_division=0)
        assert found[f"sample_{name}"] == pytest.approx(want)
    want = metrics.f1_score(truth, given_, average="samples", zero_division=1.0)
    assert found["sample_f1"] == pytest.approx(want)


def test_the_curve_is_that_of_sklearn():
    from sklearn import metrics

    rows, truth, _, scores = random_rows()
    result = score(rows)
    for tag, y, s in [(None, truth.ravel(), scores.ravel()), ("b", truth[:, 1], scores[:, 1])]:
        precision, recall, thresholds = metrics.precision_recall_curve(y, s)
        want = {round(float(t), 1): (p, r) for t, p, r in zip(thresholds, precision, recall) if t > 0}
        found = result.curve(tag)
        assert {round(t, 1) for t in found["threshold"]} == set(want)
        for line in found.to_dicts():
            at = round(line["threshold"], 1)
            assert (line["precision"], line["recall"]) == pytest.approx(want[at])
            assert line["n_given"] == (s >= at - 1e-6).sum()
            assert line["precision_low"] <= line["precision"] <= line["precision_high"]


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    n = 300
    rows = [({"a"} if i % 3 else set(), set(), True, {"a": (i + 1) / n}) for i in range(n)]
    curve = score(rows, resamples=20).curve("a")
    assert curve.height == POINTS
    assert curve["threshold"].to_list() == sorted(curve["threshold"], reverse=True)
    assert (curve["threshold"][0], curve["threshold"][-1]) == pytest.approx((1.0, 1 / n))
    assert curve["recall"][-1] == 1.0


# ---- intervals ----


def test_intervals_of_micro_and_macro_f1_hold_what_is_true():
    rows, *_ = random_rows(n=20000, seed=9)
    truth = values(evaluate_tags(*tables(rows), schema=SCHEMA, resamples=10))
    names = ("micro_f1", "macro_f1", "micro_average_precision", "sample_f1")
    held = dict.fromkeys(names, 0)
    for part in range(100):
        result = score(rows[part * 150 : (part + 1) * 150], resamples=200)
        for name in names:
            estimate = result.metrics[name]
            held[name] += estimate.low <= truth[name] <= estimate.high
    assert all(n >= 89 for n in held.values()), held


def test_all_right_is_no_certainty():
    rows = [({"a"}, {"a"}, True, {"a": 0.9})] * 40
    result = score(rows)
    for name in ("micro_f1", "macro_f1", "sample_f1", "hierarchical_f1", "subset_accuracy"):
        estimate = result.metrics[name]
        assert (estimate.value, estimate.high) == (1.0, 1.0)
        assert 0.85 < estimate.low < 0.96
    assert "no spread" in result.metrics["micro_f1"].method


def test_no_interval_from_nine_rows():
    rows, *_ = random_rows(n=9)
    result = score(rows)
    assert result.metrics["micro_f1"].low is None
    assert "fewer than 10 rows" in result.metrics["micro_f1"].method
    assert result.metrics["subset_accuracy"].low is not None


def test_the_order_of_rows_and_tags_changes_nothing():
    rows, *_ = random_rows(n=120)
    labels, gold = tables(rows)
    turned = LabelSchema([SCHEMA.labels[i] for i in (3, 1, 0, 2)], exclusive=False)
    result = evaluate_tags(labels, gold, schema=SCHEMA)
    other = evaluate_tags(
        labels.reverse().with_columns(pl.col("labels").list.reverse()),
        gold.sample(120, seed=1, shuffle=True),
        schema=turned,
    )
    for name, estimate in result.metrics.items():
        twin = other.metrics[name]
        assert (twin.value, twin.low, twin.high) == pytest.approx(
            (estimate.value, estimate.low, estimate.high)
        )
    assert (
        other.per_tag.sort("tag")
        .select("tag", "n_gold", "f1")
        .equals(result.per_tag.select("tag", "n_gold", "f1"))
    )


# ---- notes and slices ----


def test_notes_say_what_is_thin():
    rows, *_ = random_rows(n=100)
    labels, gold = tables([*rows, (set(), {"d"}, True, {})])
    wider = LabelSchema([*SCHEMA.labels, Label("rare"), Label("new")], exclusive=False)
    gold = gold.with_columns(
        labels=pl.when(pl.col("id") == "row 0")
        .then(pl.concat_list("labels", pl.lit("rare")))
        .otherwise("labels")
    )
    notes = evaluate_tags(labels, gold, schema=wider).notes
    assert (
        notes[0]
        == "no gold rows for 'new': recall and F1 can't be measured, macro averages are over the others"
    )
    assert notes[1].startswith("fewer than 30 gold rows for") and "'rare'" in notes[1]
    assert (
        notes[2] == "'rare' never given to a gold row: precision can't be measured, and counts 0 in the mean"
    )


def test_no_gold_rows_and_no_votes():
    empty = score([])
    assert empty.notes == ("no gold rows: nothing can be measured",)
    assert all(estimate.value is None for estimate in empty.metrics.values())
    silent = score([({"a"}, set(), False, {})] * 12)
    assert "none of the 12 gold rows has votes: no tag is given" in silent.notes
    assert silent.metrics["micro_recall"].value == 0.0
    assert silent.metrics["micro_precision"].value is None
    assert silent.metrics["micro_recall_covered"].value is None


def test_gold_without_an_answer_is_left_out_and_an_empty_list_is_an_answer():
    labels, _ = tables([({"a"}, {"a"}, True, {})] * 3)
    gold = pl.DataFrame({"id": labels["id"], "labels": [None, [], ["a"]]}, schema_overrides=LISTS)
    result = evaluate_tags(labels, gold, schema=SCHEMA)
    assert result.n_gold == 2
    assert result.notes[0] == "1 gold rows say nothing about tags (null) and are left out"
    assert result.metrics["micro_precision"].value == 0.5


def test_text_is_split_and_aliases_are_known():
    schema = LabelSchema([Label("vision", aliases=("cv",)), "text"], exclusive=False)
    labels = pl.DataFrame(
        {"id": ["1", "2"], "labels": [["vision"], []], "status": ["labeled", "uncovered"]},
        schema_overrides=LISTS,
    )
    gold = pl.DataFrame({"id": [1, 2], "labels": ["cv | text|cv", ""]})
    result = evaluate_tags(labels, gold, schema=schema)
    assert result.per_tag["n_gold"].to_list() == [1, 1]
    assert result.metrics["subset_accuracy"].value == 0.5
    assert result.curves.height == 0 and "macro_average_precision" not in result.metrics
    assert (
        result.notes[-1]
        == "the label table has no candidates and probabilities: no curves, no average precision"
    )


def test_lists_of_any_order_with_doubles_count_once():
    labels = pl.DataFrame({"id": ["1"], "labels": [["b", "a", "b"]], "status": ["labeled"]})
    gold = pl.DataFrame({"id": ["1"], "labels": [["a", "a", "b"]]})
    found = values(evaluate_tags(labels, gold, schema=SCHEMA))
    assert (found["micro_f1"], found["cardinality_gold"], found["cardinality_given"]) == (1.0, 2.0, 2.0)


def test_slices_are_scored_by_themselves():
    rows, *_ = random_rows(n=60)
    labels, gold = tables(rows)
    frame = gold.select("id", n=pl.int_range(60))
    result = evaluate_tags(
        labels, gold, schema=SCHEMA, frame=frame, slices={"late": "n >= 40", "all": "n >= 0"}
    )
    alone = score(rows[40:])
    late = result.slices["late"]
    assert late.n_gold == 20
    assert late.per_tag.equals(alone.per_tag) and values(late) == pytest.approx(values(alone))
    assert late.curve("a").equals(alone.curve("a")) and late.curve("a").height
    assert values(result.slices["all"]) == values(result)
    assert "slice 'late': 20 gold rows: too few to say anything" in result.notes
    flat = result.flat()
    assert flat["slice.late.micro_f1"] == late.metrics["micro_f1"].value
    assert flat["n_gold"] == 60.0 and "slice.late.tag.a.f1" not in flat
    with pytest.raises(ConfigError, match="no column 'm'"):
        evaluate_tags(labels, gold, schema=SCHEMA, frame=frame, slices={"x": "m > 1"})


def test_flat_leaves_thin_tags_out():
    rows, truth, *_ = random_rows(n=200)
    flat = score(rows).flat()
    for name, n in zip(NAMES, truth.sum(axis=0)):
        assert (f"tag.{name}.f1_low" in flat) == (n >= 30), name
    assert any(n < 30 for n in truth.sum(axis=0))


# ---- two ways against each other ----


def test_the_difference_is_that_of_the_metrics_and_is_paired():
    rows, *_ = random_rows(n=300)
    labels, gold = tables(rows)
    worse = labels.with_columns(
        labels=pl.when(pl.int_range(300) % 10 == 0)
        .then(pl.lit([], dtype=pl.List(pl.String)))
        .otherwise("labels")
    )
    found = tag_difference(labels, worse, gold, schema=SCHEMA)
    one, two = (values(evaluate_tags(t, gold, schema=SCHEMA, resamples=10)) for t in (labels, worse))
    assert set(found) == set(DIFFERENCES)
    for name, estimate in found.items():
        assert estimate.value == pytest.approx(one[name] - two[name]), name
    whole = evaluate_tags(labels, gold, schema=SCHEMA).metrics["micro_f1"]
    micro = found["micro_f1"]
    assert 0 < micro.low < micro.value < micro.high
    assert micro.high - micro.low < 0.8 * (whole.high - whole.low)
    back = tag_difference(worse, labels, gold, schema=SCHEMA)["micro_f1"]
    assert (back.value, back.low, back.high) == pytest.approx((-micro.value, -micro.high, -micro.low))


def test_no_difference_no_interval_and_slices():
    rows, *_ = random_rows(n=40)
    labels, gold = tables(rows)
    same = tag_difference(labels, labels, gold, schema=SCHEMA)["macro_f1"]
    assert (same.value, same.low, same.high) == (0.0, None, None)
    frame = gold.select("id", n=pl.int_range(40))
    slices = {"few": "n < 5", "none": "n < 0"}
    by_slice = tag_difference(labels, labels, gold, schema=SCHEMA, frame=frame, slices=slices)
    assert by_slice["few"]["micro_f1"].n == 5
    assert by_slice["none"]["micro_f1"].value is None


# ---- what is refused ----


def refused(labels, gold, **options):
    with pytest.raises(WeakLabelError) as caught:
        evaluate_tags(labels, gold, **{"schema": SCHEMA, **options})
    return caught.value


def test_gold_that_is_refused():
    labels, gold = tables([({"a"}, {"a"}, True, {})] * 2)
    unknown = gold.with_columns(labels=pl.lit(["aa", "b"]))
    error = refused(labels, unknown)
    assert isinstance(error, GoldError)
    assert (
        error.what == "labels of gold that are not in the schema: 'aa'" and error.hint == "did you mean 'a'?"
    )
    error = refused(labels, gold.rename({"labels": "label"}))
    assert error.what == "gold has no column 'labels'" and "a list, or text split at `|`" in error.hint
    assert "stand more than once in gold" in refused(labels, pl.concat([gold, gold])).what
    error = refused(labels.head(1), gold)
    assert error.what == "1 of 2 gold ids are not among the labels: 'row 1'"
    assert (
        "are Int64, not lists of text"
        in refused(labels, gold.with_columns(labels=pl.lit(1).cast(pl.Int64))).what
    )
    holed = gold.with_columns(labels=pl.lit(["a", None]))
    assert refused(labels, holed).what == "labels of the gold hold nulls inside lists: 2"
    with pytest.raises(SchemaError, match="an exclusive schema"):
        evaluate_tags(labels, gold, schema=LabelSchema(["a", "b"]))


def test_label_tables_that_are_refused():
    labels, gold = tables([({"a"}, {"a"}, True, {"a": 0.5, "b": 0.5})] * 2)
    error = refused(labels.drop("status"), gold)
    assert error.what == "the label table has no column 'status'"
    assert all(name in error.hint for name in TAG_COLUMNS)
    for change, what in (
        ({"status": pl.lit("tie")}, "unknown status"),
        ({"status": pl.lit("uncovered")}, "uncovered, and yet with labels"),
        ({"probabilities": pl.lit([0.5])}, "not as many probabilities as candidates"),
        ({"probabilities": pl.lit([0.5, 1.5])}, "a probability that is not between 0 and 1"),
        ({"probabilities": pl.lit([0.5, float("nan")])}, "a probability that is not between 0 and 1"),
        ({"candidates": pl.lit(["a", "a"])}, "a candidate that stands twice"),
    ):
        found = refused(labels.with_columns(**change), gold)
        assert found.what == f"the label table: {what} at 2 ids: 'row 0', 'row 1'"
    error = refused(labels.with_columns(labels=pl.lit(["x"])), gold)
    assert error.what == "labels of the label table that are not in the schema: 'x'"
    assert refused(labels, gold, tags=["aa"]).where == "tags="
    assert "a list with at least one tag" in refused(labels, gold, tags=[]).what
    assert "a list with at least one tag" in refused(labels, gold, tags="a").what


def test_empty_tables_of_no_type_are_read():
    labels = pl.DataFrame(
        {
            "id": ["1"],
            "labels": [[]],
            "status": ["below_threshold"],
            "candidates": [[]],
            "probabilities": [[]],
        }
    )
    gold = pl.DataFrame({"id": ["1"], "labels": [[]]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert evaluate_tags(labels, gold, schema=SCHEMA).metrics["subset_accuracy"].value == 1.0
