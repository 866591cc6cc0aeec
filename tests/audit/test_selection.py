"""Whether accepted labels stand for the corpus and for what comes in."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
from weaklabel.audit.selection import represents, weighted_accuracy
from weaklabel.errors import GoldError


def corpus(n, *, seed=0, easy=0.5):
    """Rows of two sources; those of `web` are right less often."""
    generator = np.random.default_rng(seed)
    source = np.where(generator.random(n) < 0.5, "web", "mail")
    month = generator.choice(["1", "2", "3"], n)
    right = generator.random(n) < np.where(source == "web", 0.6, 0.95)
    accepted = generator.random(n) < np.where(source == "web", easy, 0.5)
    ids = [f"i{i}" for i in range(n)]
    return pl.DataFrame(
        {"id": ids, "source": source, "month": month, "right": right, "accepted": accepted}
    ).with_columns(inclusion=pl.lit(0.2))


def gaps(found):
    return {(g.kind, g.column, g.value) for g in found.gaps if g.alarm}


def test_a_source_that_is_accepted_too_rarely_and_is_wrong_more_often():
    rows = corpus(3000, easy=0.2)
    accepted = rows.filter("accepted")
    found = represents(accepted, rows, ["source", "month"], checked=accepted.head(400))
    assert {("accepted", "source", "web"), ("errors", "source", "web")} <= gaps(found)
    assert not {g for g in gaps(found) if g[1] == "month"}
    text = " ".join(found.sentences())
    assert "source = 'web' is " in text and "too few accepted" in text
    assert "checked labels are wrong, elsewhere" in text and "against adjudicated gold" in text
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["alarm"]


def test_weights_undo_the_selection():
    rows = corpus(20_000, easy=0.1)
    accepted = rows.filter("accepted")
    found = represents(accepted, rows, ["source"])
    joined = accepted.join(found.weights, on="id")
    share = joined.filter(source="web")["weight"].sum() / joined["weight"].sum()
    assert share == pytest.approx((rows["source"] == "web").mean())
    checked = accepted.sample(3000, seed=1)
    estimate = weighted_accuracy(checked, found.weights)
    truth = rows["right"].mean()
    assert estimate.low <= truth <= estimate.high
    assert checked["right"].mean() > estimate.high  # without weights it looks better than it is


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.booleans()), min_size=1, max_size=20)
)
def test_weights_are_their_slow_twin(cells):
    rows = pl.DataFrame(
        {"id": [str(i) for i in range(len(cells))], "s": [c[0] for c in cells], "t": [c[1] for c in cells]}
    )
    chosen = [i for i, cell in enumerate(cells) if cell[2]] or [0]
    found = represents(rows[chosen], rows, ["s", "t"])
    target = [c[:2] for c in cells]
    expected = naive.selection_weights([target[i] for i in chosen], target)
    np.testing.assert_allclose(found.weights["weight"].to_numpy(), expected)
    assert found.weights["id"].to_list() == [str(i) for i in chosen]
    have = {target[i] for i in chosen}
    assert found.missing == pytest.approx(sum(cell not in have for cell in target) / len(target))


def test_production_is_other_rows_than_the_corpus():
    rows = corpus(1000)
    incoming = corpus(600, seed=1).filter((pl.col("source") == "web") | (pl.col("month") == "1"))
    incoming = incoming.with_columns(id=pl.lit("new") + pl.col("id"))
    found = represents(rows.filter("accepted"), incoming, ["source"])
    assert ("accepted", "source", "web") in gaps(found)
    lost = incoming.with_columns(
        source=pl.when(pl.col("month") == "1").then(pl.lit("app")).otherwise("source")
    )
    missing = represents(rows.filter("accepted"), lost, ["source"])
    assert missing.missing == pytest.approx((lost["source"] == "app").mean())
    assert "nothing was accepted: no weight speaks for them" in missing.sentences()[-1]


def any_gap(seed):
    rows = corpus(600, seed=seed).with_columns(
        right=pl.Series(np.random.default_rng(10_000 + seed).random(600) < 0.8)
    )
    accepted = rows.filter("accepted")
    return represents(accepted, rows, ["source", "month"], checked=accepted.head(150))


def test_false_gaps_are_held_over_all_and_without_adjusting_they_are_not():
    found = [any_gap(seed) for seed in range(80)]
    bound = 0.07 + 2.5 * (0.05 * 0.95 / 80) ** 0.5
    assert np.mean([f.alarm for f in found]) <= bound
    assert np.mean([any(g.p <= 0.05 for g in f.gaps) for f in found]) > bound


def test_many_values_are_taken_together():
    rows = pl.DataFrame({"id": [str(i) for i in range(100)], "s": [str(i % 40) for i in range(100)]})
    found = represents(rows.head(50), rows, ["s"])
    assert len({g.value for g in found.gaps}) == 21
    assert "(other)" in {g.value for g in found.gaps}


def test_misuse_is_refused():
    rows = corpus(20)
    with pytest.raises(GoldError, match="no column 'sourc'") as caught:
        represents(rows, rows, ["sourc"])
    assert caught.value.hint == "did you mean 'source'?"
    with pytest.raises(GoldError, match="no row is accepted"):
        represents(rows.head(0), rows, ["source"])
    with pytest.raises(GoldError, match="10 checked rows are not accepted"):
        represents(rows.head(10), rows, ["source"], checked=rows.tail(10))
    with pytest.raises(GoldError, match="not above 0"):
        represents(rows, rows, ["source"], checked=rows.with_columns(inclusion=pl.lit(0.0)))
    with pytest.raises(GoldError, match="checked rows have no column 'right'"):
        represents(rows, rows, ["source"], checked=rows.drop("right"))
    with pytest.raises(GoldError, match="no accepted row lies in a slice"):
        represents(
            rows.with_columns(source=pl.lit("x")), rows.with_columns(pl.lit("n") + pl.col("id")), ["source"]
        )
