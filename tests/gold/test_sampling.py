"""Draws: exact inclusion probabilities, no matter in which order the rows stand, and consistent growth."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.errors import GoldError
from weaklabel.gold.sampling import DRAW, draw

SEEDS = 1500


def rows(n=12, **columns):
    return pl.DataFrame({"id": [f"r{i}" for i in range(n)], **columns})


def frequencies(frame, size, seeds=SEEDS, **options):
    """Share of draws that hold each row, and the inclusion probability stated for it."""
    place = {id: i for i, id in enumerate(frame["id"])}
    drawn, stated, sizes = np.zeros(len(place)), np.zeros(len(place)), []
    for seed in range(seeds):
        found = draw(frame, size, seed=seed, purpose="test", **options).frame
        places = [place[id] for id in found["id"]]
        drawn[places] += 1
        stated[places] = found["inclusion"]
        sizes.append(len(places))
    return drawn / seeds, stated, np.array(sizes)


def assert_equal_within_noise(found, stated, runs):
    noise = np.sqrt(stated * (1 - stated) / runs)
    assert (abs(found - stated) <= 4.5 * noise + 1e-12).all(), (found, stated)


# ---- what a draw is ----


@pytest.mark.parametrize("design", ["simple", "stratified", "poisson", "rare", "pps"])
def test_a_draw_has_the_columns_of_every_draw(design):
    frame = rows(label=["a", "b", "c"] * 4, score=[float(i + 1) for i in range(12)])
    options = {"simple": {}, "stratified": {"strata": "label"}}.get(design, {"weights": "score"})
    found = draw(frame, 6, design=design, seed=3, purpose="audit", **options).frame
    assert dict(found.schema) == DRAW
    assert found["order"].to_list() == list(range(found.height))
    assert found["design"].unique().to_list() == [design] and found["purpose"].unique().to_list() == ["audit"]
    assert found["id"].is_unique().all() and found["id"].is_in(frame["id"].implode()).all()
    assert found["inclusion"].is_between(0, 1).all() and found["inclusion"].null_count() == 0


# ---- inclusion probabilities, over many seeds ----


def test_simple_inclusion():
    found, stated, sizes = frequencies(rows(), 5)
    assert (sizes == 5).all() and stated.tolist() == [5 / 12] * 12
    assert_equal_within_noise(found, stated, SEEDS)


def test_every_pair_is_equally_likely_in_a_simple_draw():
    frame, pairs = rows(6), np.zeros((6, 6))
    for seed in range(SEEDS):
        places = [int(id[1:]) for id in draw(frame, 3, seed=seed, purpose="test").frame["id"]]
        pairs[np.ix_(places, places)] += 1 / SEEDS
    off = pairs[~np.eye(6, dtype=bool)]
    assert_equal_within_noise(off, np.full(30, 3 / 6 * 2 / 5), SEEDS)


def test_stratified_inclusion():
    frame = rows(label=["a"] * 8 + ["b"] * 3 + ["c"])
    found, stated, sizes = frequencies(frame, 6, design="stratified", strata="label")
    # Webster for 8, 3 and 1 of 12 after one each: 3 more to a (8/3, 8/5 > 3/3, 8/7 > 1)
    assert (sizes == 6).all()
    assert stated.tolist() == [4 / 8] * 8 + [1 / 3] * 3 + [1.0]
    assert_equal_within_noise(found, stated, SEEDS)


@pytest.mark.parametrize("design", ["poisson", "rare", "pps"])
def test_inclusion_in_proportion_to_weights(design):
    score = [0.0, 0.1, 0.2, 0.2, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0, 30.0, 0.0]
    found, stated, sizes = frequencies(rows(score=score), 5, design=design, weights="score")
    assert_equal_within_noise(found, stated, SEEDS)
    expected = naive.inclusion(score, 5, 0.1 if design == "rare" else 0.0)
    assert stated == pytest.approx(expected, abs=1e-12) and sum(expected) == pytest.approx(5)
    assert stated[10] == 1 and (found[10] == 1) and (stated[0] > 0) == (design == "rare")
    if design == "pps":
        assert (sizes == 5).all()
    else:
        variance = (stated * (1 - stated)).sum()
        assert abs(sizes.mean() - 5) <= 4.5 * math.sqrt(variance / SEEDS)
        assert sizes.var() == pytest.approx(variance, rel=0.2)  # rows come in on their own


def test_weighing_by_inclusion_gives_back_the_total():
    frame = rows(60, score=[float(1 + i % 7) for i in range(60)], value=[float(i) for i in range(60)])
    for design, options in (("pps", {"weights": "score"}), ("poisson", {"weights": "score"}), ("simple", {})):
        totals = [
            draw(frame, 20, design=design, seed=seed, purpose="x", **options)
            .frame.join(frame, on="id")
            .select((pl.col("value") / pl.col("inclusion")).sum())
            .item()
            for seed in range(500)
        ]
        noise = np.std(totals) / math.sqrt(len(totals))
        assert abs(np.mean(totals) - frame["value"].sum()) <= 4.5 * noise


# ---- order, growth, independence ----

FRAMES = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(st.sampled_from(["a", "b", "c"]), min_size=n, max_size=n),
        st.lists(st.sampled_from([0.5, 1.0, 1.0, 7.0, 100.0]), min_size=n, max_size=n),
    )
)
KINDS = st.sampled_from(
    [
        ("simple", {}),
        ("stratified", {"strata": "label", "minimum": 0}),
        ("stratified", {"strata": "label", "minimum": 0, "allocation": "equal"}),
        ("stratified", {"strata": ["label", "score"], "minimum": 0}),
        ("poisson", {"weights": "score"}),
        ("rare", {"weights": "score"}),
        ("pps", {"weights": "score"}),
    ]
)


@given(FRAMES, KINDS, st.integers(1, 32), st.integers(0, 9), st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(parts, kind, size, seed, random):
    n, labels, scores = parts
    frame = rows(n, label=labels, score=scores)
    shuffled = frame[random.sample(range(n), n)]
    one = draw(frame, size, design=kind[0], seed=seed, purpose="p", **kind[1])
    other = draw(shuffled, size, design=kind[0], seed=seed, purpose="p", **kind[1])
    assert one.notes == other.notes and one.frame.equals(other.frame)


@given(FRAMES, KINDS.filter(lambda kind: kind[0] != "pps"), st.integers(1, 30), st.integers(0, 9))
def test_a_larger_draw_holds_the_smaller(parts, kind, size, seed):
    n, labels, scores = parts
    frame = rows(n, label=labels, score=scores)
    small, large = (
        draw(frame, s, design=kind[0], seed=seed, purpose="p", **kind[1]).frame for s in (size, size + 1)
    )
    assert set(small["id"]) <= set(large["id"])
    if kind[0] in ("simple", "stratified"):
        assert large.height == min(size + 1, n) and small.height == min(size, n)


@settings(max_examples=50)
@given(FRAMES, st.integers(1, 30), st.integers(0, 99))
def test_pps_draws_exactly_as_many_as_asked(parts, size, seed):
    n, _, scores = parts
    found = draw(rows(n, score=scores), size, design="pps", weights="score", seed=seed, purpose="p").frame
    assert found.height == min(size, n)


def test_the_first_rows_of_a_simple_draw_are_the_smaller_draw():
    large, small = (draw(rows(50), s, seed=2, purpose="batch").frame["id"].to_list() for s in (20, 8))
    assert large[:8] == small


def test_new_rows_move_few_old_ones():
    before = set(draw(rows(500), 50, seed=2, purpose="batch").frame["id"])
    after = set(draw(rows(510), 50, seed=2, purpose="batch").frame["id"])
    assert len(before - after) <= 5  # of 50 taken from 510, about one is new


def test_purposes_and_seeds_are_independent():
    # two samples of 50 of 500 share 5 rows on average, with standard deviation 2.0
    one, other, third = (
        set(draw(rows(500), 50, seed=s, purpose=p).frame["id"])
        for s, p in ((2, "batch"), (2, "audit"), (3, "batch"))
    )
    assert len(one & other) <= 13 and len(one & third) <= 13
    assert one == set(draw(rows(500), 50, seed=2, purpose="batch").frame["id"])


# ---- allocation ----


def by_stratum(frame, size, **options):
    found = draw(frame, size, design="stratified", strata="label", seed=1, purpose="p", **options)
    return dict(found.frame.group_by("stratum").len().rows()), found.notes


LABELED = rows(100, label=["a"] * 70 + ["b"] * 20 + ["c"] * 10)


def test_proportional_equal_and_given_allocation():
    assert by_stratum(LABELED, 20)[0] == {"a": 14, "b": 4, "c": 2}
    assert by_stratum(LABELED, 21, allocation="equal")[0] == {"a": 7, "b": 7, "c": 7}
    assert by_stratum(LABELED, 20, allocation={"a": 5, "b": 7, "c": 8})[0] == {"a": 5, "b": 7, "c": 8}


def test_neyman_by_hand():
    # rows times spread: 70 * .1, 20 * .4, 10 * .5 = 7, 8, 5: 20 rows fall 7, 8, 5
    assert by_stratum(LABELED, 20, allocation="neyman", spread={"a": 0.1, "b": 0.4, "c": 0.5})[0] == {
        "a": 7,
        "b": 8,
        "c": 5,
    }
    # what doesn't vary gets the minimum, and the rest may run out
    counts, notes = by_stratum(LABELED, 40, allocation="neyman", spread={"a": 0, "b": 1, "c": 1})
    assert counts == {"a": 1, "b": 20, "c": 10}
    assert notes == ("9 rows fewer are drawn: the other strata vary, and all their rows are taken",)


def test_small_strata_keep_their_minimum():
    assert by_stratum(LABELED, 20, minimum=6)[0] == {"a": 8, "b": 6, "c": 6}
    assert by_stratum(LABELED, 50, minimum=15)[0] == {"a": 25, "b": 15, "c": 10}
    counts, notes = by_stratum(LABELED, 3, minimum=0)
    assert counts == {"a": 2, "b": 1}
    assert notes == ("no row of stratum 'c' can be drawn",)


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.integers(1, 60),
    st.integers(0, 3),
)
def test_allocation_equals_one_row_at_a_time(counts, size, minimum):
    labels = [name for name, n in zip("abcde", counts, strict=False) for _ in range(n)]
    if sum(min(n, minimum) for n in counts) > size:
        return
    found, _ = by_stratum(rows(len(labels), label=labels), size, minimum=minimum)
    twin = naive.allocation(counts, size, minimum)
    assert [found.get(name, 0) for name in "abcde"[: len(counts)]] == twin


def test_strata_of_several_columns_and_of_nothing():
    frame = rows(4, label=["a", "a", None, None], language=["x", 'y"', "x", "x"])
    found = draw(frame, 4, design="stratified", strata=["label", "language"], seed=1, purpose="p").frame
    assert sorted(set(found["stratum"])) == ['["a", "x"]', '["a", "y\\""]', '[null, "x"]']
    assert set(by_stratum(frame, 4)[0]) == {"a", "null"}


# ---- notes and mistakes ----


def test_more_than_there_is_takes_all_and_says_so():
    for design, options in (
        ("simple", {}),
        ("stratified", {"strata": "label"}),
        ("pps", {"weights": "score"}),
    ):
        found = draw(
            rows(2, label=["a", "b"], score=[1, 2]), 5, design=design, seed=1, purpose="p", **options
        )
        assert len(found) == 2 and found.frame["inclusion"].to_list() == [1, 1]
        assert found.notes == ("5 rows were asked for and there are 2: all are taken",)
    counts, notes = by_stratum(LABELED, 35, allocation={"a": 5, "b": 0, "c": 30})
    assert counts == {"a": 5, "c": 10}
    assert notes == (
        "stratum 'c': 30 rows were asked for and there are 10: all are taken",
        "no row of stratum 'b' can be drawn",
    )


def test_rows_without_weight_are_counted():
    frame = rows(10, score=[0, 0, 0] + [1] * 7)
    assert draw(frame, 3, design="pps", weights="score", seed=1, purpose="p").notes == (
        "3 of 10 rows have weight 0 and can't be drawn",
    )
    assert draw(frame, 3, design="pps", weights="score", uniform=0.2, seed=1, purpose="p").notes == ()
    everything = draw(frame, 9, design="poisson", weights="score", seed=1, purpose="p")
    assert (
        len(everything) == 7 and everything.notes[1] == "9 rows were asked for and there are 7: all are taken"
    )


def test_a_varying_number_is_said():
    frame = rows(40, w=[1] * 40)
    said = [draw(frame, 10, design="poisson", weights="w", seed=s, purpose="p") for s in range(9)]
    expected = [
        () if len(d) == 10 else (f"{len(d)} rows are drawn: 10 is what such draws have on average",)
        for d in said
    ]
    assert [d.notes for d in said] == expected and len(set(expected)) > 1


def complaint(frame, size=2, **options):
    with pytest.raises(GoldError) as caught:
        draw(frame, size, **{"seed": 1, "purpose": "p", **options})
    return str(caught.value)


def test_mistakes_are_explained():
    frame = rows(4, label=["a", "a", "b", "b"], score=[1.0, -1.0, 2.0, None])
    assert "did you mean 'stratified'?" in complaint(frame, design="stratfied")
    assert "needs strata=" in complaint(frame, design="stratified")
    assert "needs weights=" in complaint(frame, design="rare")
    assert "a draw of design simple has no use for weights=" in complaint(frame, weights="score")
    assert "a draw of design simple has no use for uniform=" in complaint(frame, uniform=0.1)
    text = complaint(frame, design="stratified", strata="lable")
    assert "strata names column 'lable'" in text and "did you mean 'label'?" in text
    text = complaint(frame, design="poisson", weights="score")
    assert "2 of 4 weights in column 'score' are no weights: -1.0 of row 'r1'" in text
    assert "holds String" in complaint(frame, design="poisson", weights="label")
    assert "all weights are 0" in complaint(rows(2, w=[0, 0]), 1, design="pps", weights="w")
    assert "uniform is a share" in complaint(rows(2, w=[1, 1]), 1, design="pps", weights="w", uniform=2)
    assert "at least 1 row, not 0" in complaint(frame, 0)
    assert "needs a purpose" in complaint(frame, purpose="")
    assert "1 rows can't hold 1 of each of 2 strata" in complaint(
        frame, 1, design="stratified", strata="label"
    )
    known = {"design": "stratified", "strata": "label"}
    assert "there is no allocation 'neymann'" in complaint(frame, allocation="neymann", **known)
    assert "needs spread=" in complaint(frame, allocation="neyman", **known)
    assert "leaves out: 'b'" in complaint(frame, allocation={"a": 2}, **known)
    text = complaint(frame, allocation="neyman", spread={"a": 1, "B": 1}, **known)
    assert "names strata that don't exist: 'B'" in text and "did you mean 'b'?" in text
    assert "not all zero" in complaint(frame, allocation="neyman", spread={"a": 0, "b": 0}, **known)
    assert "gives 3 rows to the strata, and the draw takes 2" in complaint(
        frame, allocation={"a": 2, "b": 1}, **known
    )


def test_ids_must_be_whole():
    assert "no column 'id'" in complaint(pl.DataFrame({"key": ["a"]}))
    assert "holds Int64" in complaint(pl.DataFrame({"id": [1]}))
    assert "there are no rows to draw from" in complaint(rows(0))
    assert "1 of 2 rows to draw from have no id" in complaint(pl.DataFrame({"id": ["a", None]}))
    assert "1 ids stand more than once among the rows to draw from: 'a'" in complaint(
        pl.DataFrame({"id": ["a", "b", "a"]})
    )
