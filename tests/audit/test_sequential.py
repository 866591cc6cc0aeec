"""The audit that may stop at any label: its order, its verdicts, and going on after a restart."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.audit.sequential import CURVE, follow, next_rows, plan_watch, same_watch
from weaklabel.errors import GoldError


def corpus(n=1000, share=0.0, seed=0):
    rng = np.random.default_rng(seed)
    wrong = np.zeros(n, dtype=bool)
    wrong[rng.permutation(n)[: round(share * n)]] = True
    ids = [f"r{i}" for i in range(n)]
    rows = pl.DataFrame({"id": ids, "label": ["x"] * n, "confidence": np.where(wrong, 0.7, 0.9)})
    return rows, pl.DataFrame({"id": ids, "label": np.where(wrong, "y", "x")})


def first(watch, truth, n):
    return watch.rows.head(n).select("id").join(truth, on="id")


def test_good_labels_are_certified_and_the_verdict_stays():
    rows, truth = corpus()
    watch = plan_watch(rows, error=0.05)
    standing = follow(watch, first(watch, truth, 200))
    assert (standing.status, standing.wrong) == ("certified", 0)
    assert standing.decided_at == standing.labels == follow(watch, first(watch, truth, 400)).decided_at
    assert follow(watch, first(watch, truth, standing.labels - 1)).status == "open"
    assert standing.evidence >= standing.needed == 20
    assert standing.curve.schema == CURVE
    assert standing.curve.height == 200
    assert "at most 5 % of the 1000 labels differ from adjudicated gold" in standing.sentence


def test_bad_labels_are_rejected():
    rows, truth = corpus(share=0.3)
    watch = plan_watch(rows, error=0.05)
    standing = follow(watch, first(watch, truth, 100))
    assert standing.status == "rejected"
    assert standing.against >= 20
    assert standing.sentence.startswith(f"Rejected after {standing.labels} labels: more than 5 %")


def test_an_open_audit_says_about_how_many_more():
    told, taken = [], []
    for seed in range(15):
        rows, truth = corpus(n=2000, share=0.02, seed=seed)
        watch = plan_watch(rows, error=0.05, seed=seed)
        standing = follow(watch, first(watch, truth, 40))
        assert standing.status == "open"
        assert f"about {standing.more} more labels to a verdict" in standing.sentence
        told.append(standing.more)
        taken.append(follow(watch, truth).decided_at - 40)
    assert 0.4 < np.median(told) / np.median(taken) < 2.5


def test_with_every_row_labeled_there_is_always_a_verdict():
    for share, status in ((0.05, "certified"), (0.06, "rejected")):
        rows, truth = corpus(n=100, share=share)
        watch = plan_watch(rows, error=0.05)
        assert follow(watch, truth).status == status


def test_nothing_labeled_yet():
    rows, truth = corpus()
    standing = follow(plan_watch(rows, error=0.05), truth.head(0))
    assert (standing.status, standing.labels, standing.evidence) == ("open", 0, 1.0)
    assert standing.more > 0


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_answers_count_in_the_order_fixed_before_whatever_order_they_come_in(seed):
    rows, truth = corpus(n=120, share=0.2)
    watch = plan_watch(rows, error=0.3, seed=2)
    some = truth.sample(60, shuffle=True, seed=seed)
    standing = follow(watch, some)
    counted = 0
    for id_ in watch.rows["id"]:
        if id_ not in set(some["id"]):
            break
        counted += 1
    assert standing.curve.height == counted
    assert standing.waiting == 60 - counted
    assert standing.curve.equals(follow(watch, some.sort("id")).curve)
    assert (
        plan_watch(rows.sample(fraction=1, shuffle=True, seed=seed), error=0.3, seed=2).record()
        == watch.record()
    )


def test_rows_to_label_next_are_those_without_answer_in_order():
    rows, truth = corpus()
    watch = plan_watch(rows, error=0.05, seed=5)
    assert next_rows(watch, first(watch, truth, 3), 2)["id"].to_list() == watch.rows["id"][3:5].to_list()
    assert plan_watch(rows, error=0.05, seed=6).rows["id"].to_list() != watch.rows["id"].to_list()


def test_it_goes_on_after_a_restart_and_notices_what_changed():
    rows, truth = corpus()
    watch = plan_watch(rows, error=0.05, older=truth.head(50))
    record = json.loads(json.dumps(watch.record()))
    again = plan_watch(rows, error=0.05, older=truth.head(50))
    same_watch(again, record)
    assert (
        follow(again, first(again, truth, 90)).to_dict() == follow(watch, first(watch, truth, 90)).to_dict()
    )
    json.dumps(follow(watch, truth).to_dict(), allow_nan=False)
    with pytest.raises(GoldError, match=r"error was 0\.05 and is 0\.1"):
        same_watch(plan_watch(rows, error=0.1, older=truth.head(50)), record)
    with pytest.raises(GoldError, match="the rows, their labels or the older answers have changed"):
        same_watch(plan_watch(rows, error=0.05, older=truth.head(49)), record)
    other = rows.with_columns(pl.lit("y").alias("label"))
    with pytest.raises(GoldError, match="the rows, their labels or the older answers have changed"):
        same_watch(plan_watch(other, error=0.05, older=truth.head(50)), record)


def test_with_older_answers_what_is_probably_wrong_comes_first():
    rows, truth = corpus(n=2000, share=0.2)
    watch = plan_watch(rows, error=0.3, older=truth.head(200))
    assert watch.weighted
    early = first(watch, truth, 300)
    assert (early["label"] == "y").mean() > 0.25
    even = plan_watch(rows, error=0.3)
    assert not even.weighted
    assert even.rows["weight"].unique().to_list() == [1.0]


def test_draws_are_in_proportion_to_the_weights():
    rows = pl.DataFrame({"id": ["a", "b"], "label": ["x", "x"], "confidence": [0.6, 0.99]})
    drawn = [plan_watch(rows, error=0.3, seed=seed, weighted=True).rows for seed in range(3000)]
    weight = dict(drawn[0].select("id", "weight").rows())
    share = np.mean([rows["id"][0] == "a" for rows in drawn])
    assert share == pytest.approx(weight["a"] / (weight["a"] + weight["b"]), abs=0.03)
    assert weight["a"] > 1.3 * weight["b"]


def test_answers_that_do_not_belong():
    rows, truth = corpus()
    watch = plan_watch(rows, error=0.05)
    with pytest.raises(GoldError, match="1 answers are to rows that this audit doesn't know: 'z'"):
        follow(watch, pl.DataFrame({"id": ["z"], "label": ["x"]}))
    with pytest.raises(GoldError, match="1 rows have more than one answer"):
        follow(watch, pl.concat([truth.head(1), truth.head(1)]))
    undecided = truth.head(0).vstack(
        first(watch, truth, 10).with_columns(pl.lit(None, pl.String).alias("label"))
    )
    assert follow(watch, undecided).wrong == follow(watch, undecided).labels


@pytest.mark.parametrize(
    ("settings_", "message"), [({"error": 5}, "not 5"), ({"error": 0.1, "confidence": 2}, "not 2")]
)
def test_settings_that_make_no_sense(settings_, message):
    with pytest.raises(GoldError, match=message):
        plan_watch(corpus(10)[0], **settings_)
