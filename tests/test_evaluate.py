"""Labels against gold: metrics, notes, slices, and the plain classifier on votes."""

import json
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
import strategies
from weaklabel.errors import ConfigError, GoldError, Problems, SchemaError, WeakLabelError
from weaklabel.evaluate import accuracy_difference, classifier, evaluate, vote_classifier
from weaklabel.schema import LabelSchema

NAMES = ("a", "b", "c")
SCHEMA = LabelSchema(NAMES)
HAM = LabelSchema(["ham", "spam"])
KINDS = {"id": pl.String, "label": pl.String, "status": pl.String, "probabilities": pl.List(pl.Float32)}


def tables(rows):
    """Label table and gold of rows as (gold, label, status, probabilities)."""
    ids = [f"row {i}" for i in range(len(rows))]
    labels = pl.DataFrame(
        [(i, label, status, p) for i, (_, label, status, p) in zip(ids, rows)], schema=KINDS, orient="row"
    )
    gold = pl.DataFrame(
        {"id": ids, "label": [row[0] for row in rows]}, schema={"id": pl.String, "label": pl.String}
    )
    return labels, gold


def score(rows, schema=SCHEMA, **options):
    return evaluate(*tables(rows), schema=schema, **options)


def sure(gold, label, p=1.0):
    rest = (1 - p) / (len(NAMES) - 1)
    return gold, label, "labeled", [p if name == label else rest for name in NAMES]


# ---- metrics ----


def test_worked_by_hand():
    result = score(
        [
            ("ham", "ham", "labeled", [0.9, 0.1]),
            ("ham", "spam", "labeled", [0.2, 0.8]),
            ("spam", "spam", "labeled", [0.4, 0.6]),
            ("spam", None, "tie", [0.5, 0.5]),
            ("spam", None, "below_threshold", [0.55, 0.45]),
            ("ham", None, "uncovered", None),
        ],
        HAM,
    )
    value = {name: estimate.value for name, estimate in result.metrics.items()}
    assert value["coverage"] == pytest.approx(5 / 6) and result.coverage == value["coverage"]
    assert value["accuracy"] == pytest.approx((1 + 0 + 1 + 0.5 + 0) / 5)
    assert value["accuracy_labeled"] == pytest.approx(2 / 3)
    assert result.metrics["accuracy_labeled"].coverage == 0.5
    assert value["log_loss"] == pytest.approx(-np.log([0.9, 0.2, 0.6, 0.5, 0.45]).mean())
    assert value["brier"] == pytest.approx(2 * (0.01 + 0.64 + 0.16 + 0.25 + 0.3025) / 5)
    # ham: right 1, given 1 + .5 + 1, gold 2; spam: right 1 + .5, given 2.5, gold 3
    assert value["macro_f1"] == pytest.approx((2 * 1 / 4.5 + 2 * 1.5 / 5.5) / 2)
    ham, spam = result.per_class.to_dicts()
    assert (ham["n_gold"], ham["n"], ham["coverage"]) == (3, 2, pytest.approx(2 / 3))
    assert (ham["precision"], ham["recall"]) == (pytest.approx(0.4), 0.5)
    assert (spam["precision"], spam["recall"]) == (pytest.approx(0.6), 0.5)
    assert (ham["precision_n"], ham["recall_n"], ham["f1_n"]) == (3, 2, 4)
    assert result.confusion.rows() == [("ham", 1, 1, 1), ("spam", 0, 1, 2)]
    assert result.confusion.columns == ["gold", "ham", "spam", "no label"]


@given(strategies.scored_rows(NAMES))
@settings(deadline=None, max_examples=50)
def test_every_metric_equals_its_slow_twin(rows):
    result, slow = score(rows, resamples=10), naive.evaluation(rows, NAMES)
    for name in ("coverage", "accuracy", "accuracy_labeled", "log_loss", "brier", "ece", "macro_f1"):
        found = result.metrics[name].value
        assert found == (None if slow[name] is None else pytest.approx(slow[name], abs=1e-5)), name
    if result.metrics["accuracy"].n:
        for line in result.per_class.to_dicts():
            for name in ("precision", "recall", "f1"):
                want = slow[name, line["label"]]
                assert line[name] == (None if want is None else pytest.approx(want, abs=1e-6))
        bins = result.reliability.filter(pl.col("n") > 0)
        assert dict(zip(bins["bin"], bins["n"])) == slow["bins"]
    counts = naive.confusion(rows, NAMES)
    assert result.confusion.rows() == [(g, *(counts[g, label] for label in (*NAMES, None))) for g in NAMES]


@given(strategies.scored_rows(NAMES, max_size=25))
@settings(deadline=None, max_examples=50)
def test_nothing_is_nan_and_intervals_hold_their_value(rows):
    result = score(rows, resamples=20)
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert json.loads(text)["n_gold"] == len(rows)
    assert all(np.isfinite(v) for v in result.flat().values())
    for name, estimate in result.metrics.items():
        assert (estimate.value is None) == (estimate.n == 0), name
        if estimate.low is not None:
            assert estimate.low <= estimate.value <= estimate.high


def test_equal_to_sklearn():
    from sklearn import metrics

    generator = np.random.default_rng(0)
    p = generator.dirichlet([0.7] * 3, size=400).astype(np.float32).astype(float)
    gold = np.array([generator.choice(3, p=line / line.sum()) for line in p])
    given_ = p.argmax(axis=1)
    rows = [(NAMES[g], NAMES[a], "labeled", line.tolist()) for g, a, line in zip(gold, given_, p)]
    result = score(rows)
    value = {name: estimate.value for name, estimate in result.metrics.items()}
    assert value["accuracy"] == pytest.approx(metrics.accuracy_score(gold, given_))
    assert value["macro_f1"] == pytest.approx(metrics.f1_score(gold, given_, average="macro"))
    clipped = np.clip(p, 1e-6, 1)
    assert value["log_loss"] == pytest.approx(
        metrics.log_loss(gold, clipped / clipped.sum(axis=1, keepdims=True)), rel=1e-4
    )
    onehot = np.eye(3)[gold]
    assert value["brier"] == pytest.approx(3 * metrics.mean_squared_error(onehot, p))
    each = metrics.precision_recall_fscore_support(gold, given_)
    for ours, theirs in zip(("precision", "recall", "f1", "n_gold"), each):
        assert result.per_class[ours].to_list() == pytest.approx(theirs.tolist())
    assert result.confusion.drop("gold", "no label").to_numpy().tolist() == (
        metrics.confusion_matrix(gold, given_).tolist()
    )


def test_a_label_that_is_not_the_most_probable_class_is_what_counts():
    result = score([("a", "a", "labeled", [0.4, 0.6, 0.0])] * 2)
    assert result.metrics["accuracy"].value == 1.0
    assert result.metrics["ece"].value == pytest.approx(0.6)


def test_certain_and_wrong_is_finite():
    result = score([sure("a", "b")])
    assert result.metrics["log_loss"].value == pytest.approx(-np.log(1e-6))


@given(strategies.scored_rows(NAMES, max_size=30), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_the_order_of_rows_changes_nothing_at_all(rows, random):
    labels, gold = tables(rows)
    at = list(range(len(rows)))
    random.shuffle(at)
    one = evaluate(labels, gold, schema=SCHEMA, resamples=50)
    other = evaluate(labels[at], gold[at[::-1]], schema=SCHEMA, resamples=50)
    assert one.to_dict() == other.to_dict()


@given(strategies.scored_rows(NAMES, max_size=30))
@settings(deadline=None, max_examples=30)
def test_the_order_of_classes_changes_only_the_order_of_the_answer(rows):
    turned = [(g, label, s, p and [p[2], p[0], p[1]]) for g, label, s, p in rows]
    one = score(rows, resamples=50)
    other = score(turned, LabelSchema(["c", "a", "b"]), resamples=50)
    for name, estimate in one.metrics.items():
        same = other.metrics[name]
        for end in ("value", "low", "high"):
            assert getattr(same, end) == pytest.approx(getattr(estimate, end), abs=1e-9)
    assert one.per_class.sort("label")["f1"].to_list() == pytest.approx(
        other.per_class.sort("label")["f1"].to_list()
    )


def test_the_bootstrap_interval_is_that_of_the_slow_twin():
    generator = np.random.default_rng(0)
    rows = []
    for _ in range(60):
        p = generator.dirichlet([1, 1, 1]).astype(np.float32).astype(float).tolist()
        rows.append((NAMES[generator.integers(3)], NAMES[int(np.argmax(p))], "labeled", p))
    labels, gold = tables(rows)
    ordered = [rows[i] for i in sorted(range(60), key=lambda i: f"row {i}")]
    draws = naive.bootstrap_draws(
        lambda at: naive.evaluation([ordered[i] for i in at], NAMES)["log_loss"], 60, seed=5, resamples=100
    )
    low, high = np.quantile(draws, [0.025, 0.975])
    found = evaluate(labels, gold, schema=SCHEMA, seed=5, resamples=100).metrics["log_loss"]
    assert (found.low, found.high) == pytest.approx((low, high))


def test_rows_that_are_all_right_leave_room_in_macro_f1():
    f1 = score([sure("a", "a"), sure("b", "b")] * 20).metrics["macro_f1"]
    assert f1.value == f1.high == 1.0
    assert 0.9 < f1.low < 0.96


def test_a_calibrated_model_may_have_no_calibration_error():
    generator, hits = np.random.default_rng(0), 0
    for _ in range(40):
        p = generator.uniform(0.5, 1, size=200)
        gold = np.where(generator.random(200) < p, "ham", "spam")
        rows = [(g, "ham", "labeled", [q, 1 - q]) for g, q in zip(gold.tolist(), p.tolist())]
        hits += score(rows, HAM, resamples=100).metrics["ece"].low == 0
    assert hits >= 36


@pytest.mark.parametrize("kind", [pl.Float32, pl.Float64])
def test_probabilities_on_the_edge_of_a_bin_go_up_whatever_rounding_does(kind):
    just_below = [q / 15 - 1e-9 for q in (8, 9, 10, 11, 12, 13, 14, 15)]
    labels, gold = tables([("ham", "ham", "labeled", [p, 1 - p]) for p in just_below])
    labels = labels.with_columns(
        probabilities=pl.Series([[p, 1 - p] for p in just_below], dtype=pl.List(kind))
    )
    bins = evaluate(labels, gold, schema=HAM).reliability.filter(pl.col("n") > 0)
    assert bins["bin"].to_list() == [8, 9, 10, 11, 12, 13, 14]
    assert bins["n"].to_list() == [1, 1, 1, 1, 1, 1, 2]


def test_gold_aliases_and_a_gold_set_are_taken():
    from weaklabel.gold import load_gold
    from weaklabel.schema import Label

    schema = LabelSchema([Label("ham", aliases=("good",)), "spam"])
    labels, gold = tables([("good", "ham", "labeled", [1.0, 0.0])] * 3)
    whole = evaluate(labels, gold, schema=schema)
    assert whole.metrics["accuracy"].value == 1.0
    assert evaluate(labels.lazy(), load_gold(gold, schema=schema), schema=schema).to_dict() == whole.to_dict()


# ---- what can't be measured ----


def test_no_gold_rows():
    result = score([])
    assert result.notes == ("no gold rows: nothing can be measured",)
    assert result.n_gold == 0 and result.coverage is None
    assert all(e.value is None and e.n == 0 for e in result.metrics.values())
    assert result.per_class["f1"].to_list() == [None] * 3
    assert result.flat() == {"n_gold": 0.0}


def test_no_gold_row_has_votes():
    result = score([("a", None, "uncovered", None)] * 40)
    assert result.notes == ("none of the 40 gold rows has votes: nothing but coverage can be measured",)
    assert result.coverage == 0 and result.metrics["coverage"].high < 0.1
    assert result.metrics["accuracy"].value is None and result.metrics["accuracy"].coverage == 0


def test_classes_without_gold_and_classes_never_given():
    result = score([sure("a", "a"), sure("a", "b")] * 20)
    a, b, c = result.per_class.to_dicts()
    assert (b["recall"], b["f1"], b["recall_n"]) == (None, None, 0)
    assert b["precision"] == 0 and a["f1"] == pytest.approx(2 / 3)
    assert (c["precision"], c["precision_n"], c["f1"]) == (None, 0, None)
    assert result.metrics["macro_f1"].value == a["f1"]
    assert result.notes == (
        "no gold rows with votes for 'b', 'c': recall and F1 can't be measured, macro F1 is over the others",
        "'c' never given to a gold row: precision can't be measured",
    )


def test_few_rows_have_no_bootstrap_interval_and_a_note():
    result = score([sure("a", "a", 0.8), sure("b", "b", 0.7), sure("c", "a", 0.6)])
    loss = result.metrics["log_loss"]
    assert loss.value is not None and (loss.low, loss.high) == (None, None)
    assert loss.method == "no interval: fewer than 10 rows"
    assert result.notes[0] == "3 gold rows with votes: too few rows to say anything"
    assert result.metrics["accuracy"].low < 0.5  # Wilson needs no many rows to be honest


def test_gold_rows_without_label_are_counted():
    labels, gold = tables([sure("a", "a")] * 2)
    gold = gold.with_columns(label=pl.Series(["a", None]))
    result = evaluate(labels, gold, schema=SCHEMA)
    assert result.n_gold == 1
    assert result.notes[0] == "1 gold rows have no label and are left out"


# ---- bad input ----


def test_gold_ids_that_are_not_among_the_labels():
    labels, gold = tables([sure("a", "a")] * 9)
    with pytest.raises(GoldError) as caught:
        evaluate(labels[:2], gold, schema=SCHEMA)
    assert "7 of 9 gold ids are not among the labels: 'row 2', 'row 3'" in str(caught.value)
    assert "and 2 more" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.col("label").replace({"a": "q"}), "unknown label 'q'"),
        (pl.lit("row 0").alias("id"), "1 ids stand more than once in gold: 'row 0'"),
        (pl.lit(None, dtype=pl.String).alias("id"), "2 ids in gold are null"),
    ],
)
def test_bad_gold(change, message):
    labels, gold = tables([sure("a", "a"), sure("b", "b")])
    with pytest.raises(GoldError) as caught:
        evaluate(labels, gold.with_columns(change), schema=SCHEMA)
    assert message in str(caught.value)


def test_gold_without_its_columns():
    labels, gold = tables([sure("a", "a")])
    with pytest.raises(GoldError, match="gold has no column 'label'"):
        evaluate(labels, gold.rename({"label": "y"}), schema=SCHEMA)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.lit("done").alias("status"), "unknown status at 2 ids: 'row 0', 'row 1'"),
        (pl.lit("q").alias("label"), "labeled without a label of the schema at 2 ids"),
        (pl.lit(None, dtype=pl.String).alias("label"), "labeled without a label of the schema"),
        (pl.lit([0.5, 0.5]).alias("probabilities"), "no 3 probabilities at 2 ids"),
        (pl.lit(None).alias("probabilities"), "no 3 probabilities at 2 ids"),
        (pl.lit([0.5, 0.5, 0.5]).alias("probabilities"), "negative or do not sum to 1"),
        (pl.lit([float("nan")] * 3).alias("probabilities"), "negative or do not sum to 1"),
        (pl.lit("row 0").alias("id"), "1 ids stand more than once in the label table"),
    ],
)
def test_bad_label_tables(change, message):
    labels, gold = tables([sure("a", "a"), sure("b", "b")])
    with pytest.raises(WeakLabelError) as caught:
        evaluate(labels.with_columns(change), gold, schema=SCHEMA)
    assert message in str(caught.value)


def test_a_label_table_without_its_columns():
    labels, gold = tables([sure("a", "a")])
    with pytest.raises(WeakLabelError, match="the label table has no column 'status'"):
        evaluate(labels.drop("status"), gold, schema=SCHEMA)


def test_multi_label_schemas_are_refused():
    labels, gold = tables([sure("a", "a")])
    with pytest.raises(SchemaError, match="multi-label"):
        evaluate(labels, gold, schema=LabelSchema(NAMES, exclusive=False))


# ---- slices ----


def sliced(slices, frame=None, n=80, **options):
    rows = [sure("a", "a", 0.9), sure("b", "a", 0.8)] * (n // 2)
    labels, gold = tables(rows)
    if frame is None:
        frame = pl.DataFrame(
            {"id": gold["id"], "text": ["x" * (i % 5) for i in range(n)], "even": [i % 2 for i in range(n)]}
        )
    return evaluate(labels, gold, schema=SCHEMA, frame=frame, slices=slices, **options)


def test_a_slice_is_what_evaluating_its_rows_gives():
    result = sliced({"first": "even = 0", "second": pl.col("even") == 1, "long": "length(text) > 2"})
    labels, gold = tables([sure("a", "a", 0.9), sure("b", "a", 0.8)] * 40)
    alone = evaluate(labels, gold[::2], schema=SCHEMA)
    assert result.slices["first"].to_dict() == alone.to_dict()
    assert result.slices["second"].metrics["accuracy"].value == 0
    assert result.slices["long"].n_gold == 32
    assert result.to_dict()["slices"]["first"]["n_gold"] == 40


def test_nulls_and_nan_are_in_no_slice():
    frame = pl.DataFrame({"id": [f"row {i}" for i in range(80)], "x": [None, float("nan")] + [1.0] * 78})
    result = sliced({"big": "x > 0", "small": "NOT x > 0"}, frame)
    assert (result.slices["big"].n_gold, result.slices["small"].n_gold) == (78, 0)
    assert "slice 'small': no gold rows: nothing can be measured" in result.notes


def test_small_slices_say_nothing_and_say_so():
    notes = sliced({"tiny": "length(text) = 2 AND even = 0"}).notes
    assert "slice 'tiny': 8 gold rows with votes: too few rows to say anything" in notes


def test_aggregates_in_a_slice_are_over_all_rows_not_only_gold():
    ids = [f"row {i}" for i in range(1000)]
    frame = pl.LazyFrame({"id": ids, "x": range(1000)})
    assert sliced({"above": "x > AVG(x)"}, frame).slices["above"].n_gold == 0


def test_integer_ids_are_joined_as_text():
    labels, gold = tables([sure("a", "a")] * 3)
    numbers = pl.Series("id", ["1", "2", "3"])
    frame = pl.DataFrame({"id": [3, 2, 1], "x": [True, False, False]})
    result = evaluate(
        labels.with_columns(numbers),
        gold.with_columns(numbers),
        schema=SCHEMA,
        frame=frame,
        slices={"x": "x"},
    )
    assert result.slices["x"].n_gold == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("txt = 'a'", "no column 'txt'"),
        ("length(text) >", "not a condition that Polars understands: unable to parse"),
        ("length(text)", "a slice is true or false on each row, not UInt32"),
        ("CAST(text AS INT) > 1", "a slice fails on the rows"),
    ],
)
def test_bad_slices_are_named(text, message):
    with pytest.raises(ConfigError) as caught:
        sliced({"odd one": text})
    assert message in str(caught.value) and "odd one" in str(caught.value)


def test_all_bad_slices_are_reported_together():
    with pytest.raises(Problems) as caught:
        sliced({"one": "txt = 'a'", "two": "evn = 1", "good": "even = 1"})
    assert "2 problems in the slices" in str(caught.value) and "did you mean 'even'?" in str(caught.value)


def test_slices_need_the_rows():
    labels, gold = tables([sure("a", "a")])
    with pytest.raises(ConfigError, match="1 slices, but no rows to look at"):
        evaluate(labels, gold, schema=SCHEMA, slices={"x": "true"})
    with pytest.raises(ConfigError, match="have no column 'id'"):
        sliced({"x": "even = 1"}, pl.DataFrame({"even": [1]}))
    with pytest.raises(GoldError, match="78 of 80 gold ids are not in the rows that slices look at"):
        sliced({"x": "id = '1'"}, pl.DataFrame({"id": ["row 1", "row 2"]}))
    with pytest.raises(WeakLabelError, match="1 ids stand more than once in the rows of the slices: 'row 1'"):
        sliced({"x": "id = '1'"}, pl.DataFrame({"id": ["row 1", "row 1"]}))


def test_the_difference_is_given_per_slice():
    rows = [sure("a", "a")] * 40 + [sure("a", "b")] * 40
    labels, gold = tables(rows)
    other, _ = tables([sure("a", "a")] * 80)
    frame = pl.DataFrame({"id": gold["id"], "first": [True] * 40 + [False] * 40})
    options = {"schema": SCHEMA, "frame": frame}
    found = accuracy_difference(
        labels, other, gold, slices={"first": "first", "rest": "not first"}, **options
    )
    assert (found["first"].value, found["rest"].value) == (0, -1)
    assert [part.n for part in found.values()] == [40, 40]
    empty = accuracy_difference(labels, other, gold, slices={"none": "first and not first"}, **options)[
        "none"
    ]
    assert (empty.value, empty.n, empty.coverage) == (None, 0, None)
    with pytest.raises(ConfigError, match="did you mean 'first'"):
        accuracy_difference(labels, other, gold, slices={"x": "frst"}, **options)


def test_flat_names_are_taken_by_a_tracking_server():
    schema = LabelSchema(["Sci/Tech", "Sci:Tech", "💥 $"])
    rows = [(g, g, "labeled", [float(g == n) for n in schema.names]) for g in schema.names] * 4
    labels, gold = tables(rows)
    frame = pl.DataFrame({"id": gold["id"]})
    flat = evaluate(labels, gold, schema=schema, frame=frame, slices={"a/b": "true", "..": "true"}).flat()
    assert {"accuracy", "accuracy_low", "accuracy_high", "coverage", "n_gold"} <= set(flat)
    assert {"class.Sci_Tech.f1", "class.Sci_Tech_2.f1", "class._ _.f1"} <= set(flat)
    assert {"class.Sci_Tech.f1_low", "class.Sci_Tech.recall_high", "class._ _.precision_low"} <= set(flat)
    assert flat["slice.a_b.accuracy"] == flat["slice.__.accuracy"] == 1.0
    assert not any(name.startswith("slice.a_b.class") for name in flat)
    import re

    assert all(re.fullmatch(r"[\w.\- ]+", name) and ".." not in name for name in flat)


def test_classes_with_the_names_of_our_columns():
    schema = LabelSchema(["gold", "no label"])
    table = score([("gold", "gold", "labeled", [1.0, 0.0])], schema).confusion
    assert table.columns == ["(gold)", "gold", "no label", "(no label)"]


# ---- two label tables ----


def test_the_difference_is_paired():
    better = [sure("a", "a", 0.9)] * 95 + [sure("a", "b", 0.9)] * 5
    worse = [sure("a", "a", 0.9)] * 85 + [sure("a", "b", 0.9)] * 15
    (one, gold), (two, _) = tables(better), tables(worse)
    found = accuracy_difference(one, two, gold, schema=SCHEMA)
    assert found.value == pytest.approx(0.1) and found.low > 0 and found.coverage == 1
    apart = [evaluate(t, gold, schema=SCHEMA).metrics["accuracy"] for t in (one, two)]
    assert apart[0].low < apart[1].high  # two intervals could not tell


def test_the_difference_is_over_rows_that_both_cover():
    (one, gold), (two, _) = (
        tables([sure("a", "a")] * 4),
        tables([sure("a", "a")] + [("a", None, "uncovered", None)] * 3),
    )
    found = accuracy_difference(one, two, gold, schema=SCHEMA)
    assert (found.n, found.coverage, found.value) == (1, 0.25, 0)


# ---- the plain classifier ----


def votes_of(matrix, ids=None, labelers=None):
    from weaklabel.label_matrix import LabelMatrix

    n, m = np.shape(matrix)
    return LabelMatrix.from_numpy(
        np.asarray(matrix, dtype=np.int8),
        ids=ids or [f"row {i}" for i in range(n)],
        labelers=labelers or [f"rule {j}" for j in range(m)],
    )


def voted(n=120, seed=0, m=6):
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 3, size=n)
    right = generator.random((n, m)) < 0.7
    matrix = np.where(right, y[:, None], generator.integers(0, 3, size=(n, m)))
    matrix = np.where(generator.random((n, m)) < 0.4, -1, matrix)
    gold = pl.DataFrame({"id": [f"row {i}" for i in range(n)], "label": [NAMES[c] for c in y]})
    return matrix, gold


def classified(matrix, gold, **options):
    return vote_classifier(votes_of(matrix), gold, schema=options.pop("schema", SCHEMA), **options)


def test_the_classifier_is_sklearns_out_of_fold():
    from sklearn.linear_model import LogisticRegression

    matrix, gold = voted()
    result = classified(matrix, gold, seed=4)
    kept = (matrix >= 0).any(axis=1)
    dense = np.column_stack([matrix == c for c in range(3)]).astype(float)[kept]
    y = gold["label"].to_numpy()[kept]
    fold = classifier._folds(y.astype(str), gold["id"].to_numpy()[kept], 5, 4)
    p = np.zeros((len(y), 3))
    for f in range(5):
        model = LogisticRegression(max_iter=1000).fit(dense[fold != f], y[fold != f])
        p[fold == f] = model.predict_proba(dense[fold == f])
    right = (np.array(NAMES)[p.argmax(axis=1)] == y).mean()
    loss = -np.log(p[np.arange(len(y)), [NAMES.index(name) for name in y]]).mean()
    assert result.metrics["accuracy"].value == pytest.approx(right)
    assert result.metrics["log_loss"].value == pytest.approx(loss, abs=1e-3)
    assert result.coverage == pytest.approx(kept.mean())
    assert result.notes == ()


def test_folds_are_stratified_and_go_by_id():
    names = np.array(["a"] * 50 + ["b"] * 11)
    ids = [str(i) for i in range(61)]
    fold = classifier._folds(names, ids, 5, 0)
    assert np.bincount(fold[:50]).tolist() == [10] * 5
    assert sorted(np.bincount(fold[50:]).tolist()) == [2, 2, 2, 2, 3]
    assert (classifier._folds(names[::-1], ids[::-1], 5, 0)[::-1] == fold).all()
    assert (classifier._folds(names, ids, 5, 1) != fold).any()


def test_the_order_of_rows_and_rules_changes_nothing():
    matrix, gold = voted()
    one = classified(matrix, gold).to_dict()
    rows, rules = np.random.default_rng(1).permutation(120), np.random.default_rng(2).permutation(6)
    turned = votes_of(
        matrix[rows][:, rules], ids=[f"row {i}" for i in rows], labelers=[f"rule {j}" for j in rules]
    )
    assert vote_classifier(turned, gold[::-1], schema=SCHEMA).to_dict() == one


def test_the_order_of_classes_changes_only_the_order_of_the_classifiers_answer():
    matrix, gold = voted()
    one = classified(matrix, gold)
    turn = np.array([1, 2, 0, -1])  # code in schema (c, a, b); -1 stays
    other = classified(turn[matrix], gold, schema=LabelSchema(["c", "a", "b"]))
    for name in ("accuracy", "log_loss", "brier"):
        assert other.metrics[name].value == pytest.approx(one.metrics[name].value, abs=1e-4)
    assert other.per_class["label"].to_list() == ["c", "a", "b"]


def test_people_who_answer_twice_and_codes_beyond_the_classes():
    events = SimpleNamespace(
        indptr=np.arange(0, 82, 2),
        labelers=np.zeros(80, dtype=int),
        codes=np.repeat(np.arange(40) % 2, 2) + 5,
    )
    votes = SimpleNamespace(
        ids=pl.Series([f"row {i}" for i in range(40)]), labelers=("ann",), events=lambda: events
    )
    gold = pl.DataFrame({"id": [f"row {i}" for i in range(40)], "label": ["a", "b"] * 20})
    assert vote_classifier(votes, gold, schema=SCHEMA).metrics["accuracy"].value == 1


def test_slices_of_the_classifier():
    matrix, gold = voted()
    frame = gold.select("id", half=pl.int_range(pl.len()) < 60)
    result = classified(matrix, gold, frame=frame, slices={"half": "half"})
    assert result.slices["half"].n_gold == 60


@pytest.mark.parametrize(
    ("n", "label", "why"),
    [
        (120, "a", "classifier on votes: all gold rows with votes have one label, nothing to learn"),
        (9, None, "classifier on votes: 9 gold rows with votes are too few for 5 folds"),
        (0, None, "classifier on votes: 0 gold rows with votes are too few for 5 folds"),
    ],
)
def test_too_little_to_learn_from_is_a_note(n, label, why):
    matrix, gold = voted(m=20)
    gold = gold[:n].with_columns(pl.lit(label).alias("label") if label else pl.col("label"))
    result = classified(matrix, gold)
    assert result.notes[0].startswith(why)
    assert result.metrics["accuracy"].value is None and result.metrics["log_loss"].n == 0


def test_a_class_with_one_row_only_is_no_error():
    matrix, gold = voted()
    rare = gold.with_columns(label=pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("c")).otherwise(
        pl.col("label").replace("c", "a")))  # fmt: skip
    assert classified(matrix, rare).metrics["accuracy"].value is not None


def test_fits_that_do_not_converge_are_a_note_not_a_warning(monkeypatch):
    monkeypatch.setattr(classifier, "MAX_ITERATIONS", 1)
    assert classified(*voted()).notes == ("classifier on votes: 5 of 5 fits stopped before they converged",)


def test_gold_without_votes_rows_and_too_few_folds():
    matrix, gold = voted()
    with pytest.raises(GoldError, match="20 of 120 gold ids have no row in the votes"):
        classified(matrix[:100], gold)
    with pytest.raises(ValueError, match="two folds or more, not 1"):
        classified(matrix, gold, folds=1)


# ---- real data ----

PUBLISHED = {  # accuracy (their ties broken at random) and Brier score x 100
    "imdb": (73.68, 47.17),
    "youtube": (85.02, 20.93),
    "cdr": (72.36, 41.38),
    "commercial": (90.61, 12.46),
    "tennis": (86.85, 23.35),
    "trec": (54.51, 80.88),
}


def majority_vote(data_dir, name):
    table = pl.read_parquet(data_dir / "matrices" / f"{name}.parquet")
    matrix, gold = table.select(r"^lf_\d+$").to_numpy(), table["gold"].to_numpy().astype(int)
    k = int(max(matrix.max(), gold.max())) + 1
    schema = LabelSchema([f"class {c}" for c in range(k)])
    counts = np.stack([(matrix == c).sum(axis=1) for c in range(k)], axis=1)
    covered, top = counts.sum(axis=1) > 0, counts == counts.max(axis=1, keepdims=True)
    p = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    status = np.where(~covered, "uncovered", np.where(top.sum(axis=1) > 1, "tie", "labeled"))
    label = [schema.names[c] if s == "labeled" else None for c, s in zip(counts.argmax(axis=1), status)]
    probabilities = [line if c else None for line, c in zip(p.tolist(), covered)]
    ids = [str(i) for i in range(len(gold))]
    labels = pl.DataFrame([ids, label, status.tolist(), probabilities], schema=KINDS)
    known = gold >= 0
    truth = pl.DataFrame({"id": ids, "label": [schema.names[g] if g >= 0 else None for g in gold]})
    return labels, truth.filter(pl.Series(known)), schema


@pytest.mark.data
@pytest.mark.parametrize("name", PUBLISHED)
def test_majority_vote_reproduces_the_published_figures(data_dir, name):
    labels, gold, schema = majority_vote(data_dir, name)
    result = evaluate(labels, gold, schema=schema, resamples=20)
    accuracy, brier = PUBLISHED[name]
    assert 100 * result.metrics["brier"].value == pytest.approx(brier, abs=0.006)
    assert 100 * result.metrics["accuracy"].value == pytest.approx(accuracy, abs=0.16)


@pytest.mark.data
def test_the_classifier_beats_majority_vote_on_trec(data_dir):
    table = pl.read_parquet(data_dir / "matrices" / "trec.parquet")
    labels, gold, schema = majority_vote(data_dir, "trec")
    votes = votes_of(table.select(r"^lf_\d+$").to_numpy(), ids=labels["id"].to_list())
    result = vote_classifier(votes, gold, schema=schema)
    assert result.notes == ()
    assert result.coverage == pytest.approx(5738 / 6033)
    assert result.metrics["accuracy"].low > 0.6
