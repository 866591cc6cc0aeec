"""Plans of an audit: what is drawn, what is said beforehand, and what is refused."""

import json

import numpy as np
import polars as pl
import pytest

from weaklabel.audit.design import draw_plan, plan
from weaklabel.audit.population import check_population, population_fingerprint
from weaklabel.audit.regions import fewest_labels
from weaklabel.audit.strata import label_strata, learned_strata, ridge_logistic
from weaklabel.errors import GoldError


def corpus(n=1000, seed=0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": [f"r{i}" for i in range(n)],
            "label": rng.choice(["ham", "spam", "news"], n, p=[0.7, 0.25, 0.05]),
            "confidence": rng.uniform(0.4, 1.0, n),
            "source": rng.choice(["mail", "chat"], n),
        }
    )


# ---- the rows to audit ----


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: f.drop("label"), "the rows to audit have no column 'label'"),
        (
            lambda f: f.with_columns(id=pl.lit("same")),
            "1 ids stand more than once among the rows to audit: 'same'",
        ),
        (lambda f: f.with_columns(label=pl.lit(None, pl.String)), "none of the rows to audit has a label"),
        (
            lambda f: f.with_columns(confidence=pl.lit(1.5)),
            "confidences of the rows to audit are no probabilities: 1.5",
        ),
        (
            lambda f: f.with_columns(label=pl.lit(1)),
            "column 'label' of the rows to audit is text, and holds Int32",
        ),
    ],
)
def test_populations_that_can_not_be_audited(change, says):
    with pytest.raises(GoldError, match=says):
        check_population(change(corpus(20)))


def test_the_fingerprint_knows_rows_and_not_their_order():
    rows = check_population(corpus(30))
    assert population_fingerprint(rows) == population_fingerprint(
        rows.sample(fraction=1, shuffle=True, seed=1)
    )
    other = rows.with_columns(label=pl.when(pl.col("id") == "r3").then(pl.lit("new")).otherwise("label"))
    assert population_fingerprint(rows) != population_fingerprint(other)


# ---- plans ----


def test_a_plan_draws_what_it_says_with_known_probabilities():
    rows = corpus()
    made = plan(rows, budget=120, seed=3)
    drawn = draw_plan(made).frame
    assert len(drawn) == made.size == 120 == sum(s.take for s in made.strata)
    assert sum(s.rows for s in made.strata) == rows.height
    by_name = {s.name: s for s in made.strata}
    for id, stratum, inclusion in drawn.select("id", "stratum", "inclusion").iter_rows():
        assert inclusion == by_name[stratum].take / by_name[stratum].rows
        assert stratum.startswith(rows.filter(pl.col("id") == id)["label"][0])
    assert drawn.group_by("stratum").len().height == len(made.strata)


def test_the_order_of_rows_changes_nothing_and_the_seed_does():
    rows = corpus(300)
    one, other = plan(rows, budget=60, seed=1), plan(rows.reverse(), budget=60, seed=1)
    assert one.fingerprint == other.fingerprint
    assert draw_plan(one).frame.equals(draw_plan(other).frame)
    assert set(draw_plan(plan(rows, budget=60, seed=2)).frame["id"]) != set(draw_plan(one).frame["id"])


def test_a_plan_is_fixed_beforehand_and_goes_to_json():
    made = plan(corpus(300), budget=60, seed=1)
    told = json.loads(json.dumps(made.to_dict()))
    assert told["size"] == 60 and told["strata"][0].keys() == {"name", "rows", "take", "expected"}
    assert plan(corpus(300), budget=61, seed=1).fingerprint != made.fingerprint


def test_what_the_budget_can_show_is_said():
    made = plan(corpus(4000), budget=200, seed=1)
    assert made.sentences[0].startswith("200 labels of 4000 rows: accuracy to about +-")
    assert "a 5 % certificate needs at least 59 labels in the part that it is for" in made.sentences
    assert made.sentences[2].startswith("design: stratified by label and bands of confidence")
    simple = plan(corpus(4000), budget=200, seed=1, design="simple")
    assert simple.sentences[2] == "design: a simple random sample, every row is as likely"
    assert made.half_width < simple.half_width


def test_a_wanted_width_gives_the_smallest_budget():
    rows = corpus(4000)
    made = plan(rows, width=0.05, seed=1)
    assert made.half_width <= 0.05 < plan(rows, budget=made.size - 1, seed=1).half_width
    assert plan(rows, width=0.0001, seed=1).sentences[-1] == "all rows are asked for: the figures are exact"


def test_without_labels_or_confidences_that_differ_the_sample_is_simple():
    alike = pl.DataFrame({"id": [f"r{i}" for i in range(100)], "label": ["x"] * 100})
    assert plan(alike, budget=30, seed=1).design == "simple"
    assert (
        plan(alike.with_columns(part=pl.Series(["a", "b"] * 50)), budget=30, seed=1, by=["part"]).design
        == "stratified"
    )


def test_rare_labels_get_more_when_classes_are_the_aim():
    rows = corpus(4000)

    def taken(aim):
        return sum(
            s.take for s in plan(rows, budget=200, seed=1, aim=aim).strata if s.name.startswith("news")
        )

    assert taken("classes") > 2.5 * taken("accuracy") > 0


def test_sources_are_separated():
    names = {s.name.split(", band")[0] for s in plan(corpus(4000), budget=400, seed=1, by=["source"]).strata}
    assert {"ham, mail", "ham, chat", "spam, mail", "spam, chat"} <= names


def test_rows_without_a_label_are_left_out_and_told():
    rows = corpus(200).with_columns(label=pl.when(pl.col("source") == "mail").then("label"))
    made = plan(rows, budget=40, seed=1)
    labeled = rows["label"].drop_nulls().len()
    assert sum(s.rows for s in made.strata) == labeled
    assert made.sentences[-1] == f"{200 - labeled} rows without a label are not part of the audit"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "a budget or a half width, one of the two"),
        ({"budget": 5, "width": 0.1}, "one of the two"),
        ({"budget": 5}, "an audit of 5 labels shows nothing: it takes 20"),
        ({"width": 3.0}, "a half width is a share between 0 and 0.5, not 3.0"),
        ({"budget": 50, "aim": "acuracy"}, "there is no aim 'acuracy'"),
        ({"budget": 50, "design": "best"}, "there is no design 'best'"),
        ({"budget": 50, "by": ["sauce"]}, "the rows have no column 'sauce' to separate"),
        ({"budget": 50, "confidence": 95}, "confidence lies between 0 and 1, not 95"),
    ],
)
def test_what_is_refused(options, says):
    with pytest.raises(GoldError, match=says):
        plan(corpus(100), seed=1, **options)


def test_fewest_labels_of_a_certificate():
    assert [fewest_labels(None, e) for e in (0.01, 0.02, 0.05, 0.1)] == [299, 149, 59, 29]
    for error in (0.01, 0.05, 0.1):
        n = fewest_labels(None, error)
        assert (1 - error) ** n <= 0.05 < (1 - error) ** (n - 1)


# ---- strata ----


def test_bands_hold_equally_many_rows_in_the_order_of_confidence():
    rows = corpus(2000)
    made = label_strata(rows, 200, seed=1).rows.join(rows, on="id")
    ham = (
        made.filter(pl.col("label") == "ham")
        .group_by("stratum")
        .agg(pl.len(), pl.col("confidence").min().alias("low"), pl.col("confidence").max().alias("high"))
        .sort("low")
    )
    assert ham.height == 5 and ham["len"].max() - ham["len"].min() <= 1
    assert (ham["high"][:-1] <= ham["low"][1:]).all()


def test_labels_too_small_to_be_drawn_from_share_a_stratum():
    rows = pl.DataFrame(
        {"id": [f"r{i}" for i in range(1000)], "label": ["a"] * 990 + [f"rare {i}" for i in range(10)]}
    )
    made = label_strata(check_population(rows), 50, seed=1).rows
    assert made.filter(pl.col("stratum") == "other").height == 10


def test_older_gold_finds_what_is_often_wrong():
    rows = corpus(2000)
    hard = pl.Series("hard", [i % 4 == 0 for i in range(2000)])
    gold = rows.with_columns(hard, label=pl.when(hard).then(pl.lit("other")).otherwise("label"))
    older = gold.sample(200, seed=1).select("id", "label")
    features = gold.select("id", pl.col("hard").cast(pl.Int8))
    made = learned_strata(check_population(rows), 100, older, seed=1, features=features)
    found = made.rows.join(gold.select("id", "hard"), on="id")
    assert found.filter("hard")["expected"].max() < 0.5 < found.filter(~pl.col("hard"))["expected"].min()
    assert "learned from 200 older gold labels" in made.how


def test_too_little_older_gold_is_refused():
    rows = corpus(100)
    with pytest.raises(
        GoldError, match="10 of 10 older gold labels are of rows in this population, and it takes 50"
    ):
        plan(rows, budget=40, seed=1, older=rows.head(10).select("id", "label"))


def test_features_are_numbers():
    rows = corpus(100)
    with pytest.raises(GoldError, match="features are numbers, and column 'source' holds String"):
        plan(rows, budget=40, seed=1, older=rows.select("id", "label"), features=rows.select("id", "source"))


def test_ridge_logistic_is_where_the_slope_is_nothing():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3))
    y = (rng.random(80) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
    weights = ridge_logistic(x, y, penalty=2.0)
    p = 1 / (1 + np.exp(-(x @ weights[1:] + weights[0])))
    assert x.T @ (y - p) - 2.0 * weights[1:] == pytest.approx(np.zeros(3), abs=1e-6)
