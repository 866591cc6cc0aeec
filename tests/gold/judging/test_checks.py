"""Bad days: verdicts on people's batches, and false alarms held over whole seasons."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.agreement import kappa_of_counts
from weaklabel.errors import GoldError
from weaklabel.gold.fall import fall_limits, fall_p, floor_p
from weaklabel.gold.judging.checks import CHECKS, Season, Verdict, check_answers, judge_batches
from weaklabel.gold.power import power_table

GOLD = pl.DataFrame({"id": ["i1", "i2", "i3"], "label": ["ham", "spam", "ham"]})
SEASON = Season(people=5, batches=10)


def checks_of(results, gold=("ham", "spam")):
    """Checks of (person, batch, right, n) in which the first ones are wrong."""
    rows = [
        (
            person,
            batch,
            f"{batch}-{i:02}",
            gold[i % len(gold)],
            "ok" if i < n - right else gold[i % len(gold)],
            i >= n - right,
        )
        for person, batch, right, n in results
        for i in range(n)
    ]
    return pl.DataFrame(rows, schema=CHECKS, orient="row")


# ---- answers to checks ----


def answers(*rows):
    return pl.DataFrame(
        rows,
        schema={
            "item": pl.String,
            "annotator": pl.String,
            "batch": pl.String,
            "kind": pl.String,
            "labels": pl.List(pl.String),
        },
        orient="row",
    )


def test_what_is_right_and_what_is_no_answer():
    found = check_answers(
        answers(
            ("i1", "a", "b1", "label", ["ham"]),
            ("i1", "b", "b1", "label", ["spam"]),
            ("i1", "c", "b1", "label", ["ham", "spam"]),
            ("i1", "d", "b1", "none", []),
            ("i1", "e", "b1", "not", ["ham"]),
            ("i1", "f", "b1", "not", ["spam"]),
            ("i1", "g", "b1", "skip", []),
            ("i1", "h", "b1", "unsure", []),
            ("other", "a", "b1", "label", ["ham"]),
            ("i2", "a", None, "label", ["ham"]),
        ),
        GOLD,
    )
    assert dict(found.schema) == CHECKS
    assert found.select("annotator", "label", "right").rows() == [
        ("a", "ham", True),
        ("b", "spam", False),
        ("c", None, False),
        ("d", None, False),
        ("e", None, False),
        ("f", None, None),
        ("g", None, None),
        ("h", None, None),
    ]


def test_mistakes_in_answers_are_explained():
    with pytest.raises(GoldError, match="there is no column 'kind' in the answers"):
        check_answers(answers().drop("kind"), GOLD)
    with pytest.raises(GoldError, match="there is no column 'label' in gold"):
        check_answers(answers(), GOLD.drop("label"))
    with pytest.raises(GoldError, match="gold names an id twice: 'i1'"):
        check_answers(answers(), pl.concat([GOLD, GOLD.head(1)]))


# ---- levels of a season ----


def test_levels_add_up_to_no_more_than_what_is_allowed():
    season = Season(people=4, batches=25, false_alarms=2.0)
    assert sum(season.level(i) for i in range(1, 101)) == pytest.approx(1.8)
    assert sum(season.level(i) for i in range(1, 201)) == pytest.approx(1.9)
    assert sum(season.level(i) for i in range(1, 5001)) == pytest.approx(2.0) and season.level(5000) > 0
    assert season.level(1) == season.level(100) > season.level(101) == season.level(200) > season.level(201)


def test_seasons_that_make_no_sense():
    with pytest.raises(GoldError, match="at least 1 person and 1 batch, not 0 and 3"):
        Season(0, 3)
    for wrong in (0, -1, 7, math.nan):
        with pytest.raises(GoldError, match=f"{wrong} false alarms are allowed in a season of 6 batches"):
            Season(2, 3, false_alarms=wrong)


# ---- verdicts ----


def test_a_bad_day_by_hand():
    results = [("ann", "b1", 12, 12), ("ann", "b2", 11, 12), ("ann", "b3", 5, 12), ("ann", "b4", 12, 12)]
    one, two, three, four = judge_batches(checks_of(results), ["b1", "b2", "b3", "b4"], season=SEASON)
    assert [v.failed for v in (one, two, three, four)] == [False, False, True, False]
    assert (one.tested, two.tested) == (False, False)  # no history, no floor
    assert one.reason == (
        "12 of 12 checks right; not tested: 0 of 0 before is too short a history, and there is no floor"
    )
    assert three.p == float(fall_p(5, 12, 23, 24))
    assert three.level == pytest.approx(0.9 / 50) and three.history == (23, 24)
    assert three.reason == (
        "5 of 12 checks right, after 23 of 24 before: a fall that chance gives once in 3,368 batches"
    )
    assert three.failed_items == tuple(f"b3-{i:02}" for i in range(7))
    assert three.kappa.value is not None and three.kappa.n == 12
    assert four.history == (23, 24)  # the failed batch is no history
    assert four.reason == "12 of 12 checks right; 23 of 24 before" and four.failed_items == ()


def test_a_newcomer_is_held_against_the_floor():
    results = [("new", "b1", 4, 12), ("ok", "b1", 10, 12)]
    verdicts = judge_batches(checks_of(results), ["b1"], season=SEASON, floor=0.8)
    assert [(v.person, v.failed) for v in verdicts] == [("new", True), ("ok", False)]
    assert verdicts[0].p == pytest.approx(float(naive.binomial_tail(4, 12, 0.8)), rel=1e-9)
    assert verdicts[0].reason == (
        "4 of 12 checks right, where nobody should be below 80 %: chance gives that once in 1,720 batches"
    )
    assert verdicts[1].reason == "10 of 12 checks right"


def test_with_a_history_and_a_floor_the_smaller_p_value_is_doubled():
    (verdict,) = judge_batches(
        checks_of([("ann", "b1", 6, 12)]), ["b1"], season=SEASON, floor=0.7, history={"ann": (190, 200)}
    )
    fall, floor = fall_p(6, 12, 190, 200), naive.binomial_tail(6, 12, 0.7)
    assert fall < floor and verdict.p == pytest.approx(2 * float(fall), rel=1e-9)
    assert verdict.failed and "after 190 of 200 before" in verdict.reason
    # someone always poor does not fall, and is under the floor
    (verdict,) = judge_batches(
        checks_of([("bob", "b1", 4, 12)]), ["b1"], season=SEASON, floor=0.8, history={"bob": (100, 200)}
    )
    assert verdict.failed and "nobody should be below 80 %" in verdict.reason


def test_a_short_history_is_not_used():
    options = {"season": SEASON, "history": {"ann": (19, 19)}}
    checks = checks_of([("ann", "b1", 4, 12)])
    assert not judge_batches(checks, ["b1"], **options)[0].tested
    assert judge_batches(checks, ["b1"], least_history=19, **options)[0].failed


def test_a_floor_in_kappa_depends_on_the_mix():
    options = {"season": Season(1, 1, 0.9), "kappa_floor": 0.6}
    even = checks_of([("ann", "b1", 10, 20)])
    (verdict,) = judge_batches(even, ["b1"], **options)
    assert verdict.p == pytest.approx(float(floor_p(10, 20, 0.8))) and verdict.failed
    uneven = checks_of([("ann", "b1", 10, 20)], gold=["ham"] * 9 + ["spam"])
    (verdict,) = judge_batches(uneven, ["b1"], **options)
    assert verdict.p == pytest.approx(float(floor_p(10, 20, 0.928)))
    (verdict,) = judge_batches(uneven, ["b1"], floor=0.95, **options)
    assert verdict.p == pytest.approx(float(floor_p(10, 20, 0.95)))
    (verdict,) = judge_batches(checks_of([("ann", "b1", 1, 20)], gold=["ham"]), ["b1"], **options)
    assert not verdict.tested  # one class: kappa has no meaning


def test_skips_are_no_answers_and_are_counted():
    checks = checks_of([("ann", "b1", 3, 4), ("bob", "b1", 2, 2)]).with_columns(
        pl.when(pl.col("item").is_in(["b1-01", "b1-00"])).then(None).otherwise(pl.col("right")).alias("right")
    )
    ann, bob = judge_batches(checks, ["b1"], season=SEASON, floor=0.8)
    assert (ann.right, ann.n, ann.unanswered, ann.failed_items) == (2, 2, 2, ())
    assert (bob.n, bob.unanswered, bob.p, bob.failed) == (0, 2, None, False)
    assert bob.reason == "no check was answered"
    assert ann.reason == "2 of 2 checks right; so few checks can't fail a batch at this level"


def test_kappa_of_a_batch_counts_none_of_these_as_a_class_of_its_own():
    found = check_answers(
        answers(
            ("i1", "a", "b1", "label", ["ham"]),
            ("i2", "a", "b1", "none", []),
            ("i3", "a", "b1", "label", ["spam"]),
        ),
        GOLD,
    )
    (verdict,) = judge_batches(found, ["b1"], season=SEASON)
    twin = kappa_of_counts([[1, 0, 0], [1, 0, 0], [0, 1, 0]])
    assert (verdict.kappa.value, verdict.kappa.low) == (twin.value, twin.low)
    assert verdict.failed_items == ("i2", "i3")


RESULTS = st.lists(
    st.tuples(st.sampled_from(["ann", "bob"]), st.integers(0, 8)).flatmap(
        lambda part: st.tuples(st.just(part[0]), st.integers(0, part[1]), st.just(part[1]))
    ),
    max_size=12,
)


@settings(max_examples=30)
@given(RESULTS, st.sampled_from([None, 0.7]), st.sampled_from([1, 8, 20]))
def test_verdicts_equal_the_slow_twin(results, floor, least_history):
    season = Season(2, 3, 1.5)
    named = [(person, f"b{i:02}", right, n) for i, (person, right, n) in enumerate(results)]
    batches = [batch for _, batch, _, _ in named]
    verdicts = judge_batches(
        checks_of(named), batches, season=season, floor=floor, least_history=least_history
    )
    with_checks = [part for part in results if part[2]]
    levels = [season.level(i) for i in range(1, 20)]
    assert [v.failed for v in verdicts] == naive.failed_batches(with_checks, levels, floor, least_history)
    assert all(isinstance(v, Verdict) and (v.p is None or 0 <= v.p <= 1) for v in verdicts)


@settings(max_examples=30)
@given(RESULTS, st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing_and_later_batches_no_earlier_verdict(results, random):
    named = [(person, f"b{i:02}", right, n) for i, (person, right, n) in enumerate(results)]
    checks, batches = checks_of(named), [batch for _, batch, _, _ in named]
    options = {"season": Season(2, 3, 1.5), "floor": 0.7, "kappa_floor": 0.5, "least_history": 5}
    whole = judge_batches(checks, batches, **options)
    shuffled = checks[random.sample(range(checks.height), checks.height)]
    assert judge_batches(shuffled, batches, **options) == whole
    half = batches[: len(batches) // 2]
    early = judge_batches(checks.filter(pl.col("batch").is_in(half)), half, **options)
    assert whole[: len(early)] == early


# ---- whole seasons ----


def limits(batches, n, level):
    """Largest number of right answers that fails, by earlier checks (in batches) and how many of them were right."""
    found = np.full((batches, batches * n + 1), -1)
    for b in range(batches):
        if b * n >= 20:
            found[b, : b * n + 1] = fall_limits(n, b * n, level)
    return found


def seasons(generator, *, runs, people, batches, n, share, season, floor=None, bad=None):
    """Failed batches, shape (runs, batches, people), of people with that share of right answers each.

    On the last batch everyone falls to the share `bad`, if there is one. Failed batches do not enter the history.
    """
    level = season.level(1)
    alone, both = limits(batches, n, level), limits(batches, n, level / 2)
    right, asked = np.zeros((runs, people), dtype=int), np.zeros((runs, people), dtype=int)
    failed = np.zeros((runs, batches, people), dtype=bool)
    for b in range(batches):
        today = share if bad is None or b < batches - 1 else np.full(people, bad)
        x = generator.binomial(n, today, size=(runs, people))
        if floor is None:
            failed[:, b] = x <= alone[asked // n, right]
        else:
            half = (x <= both[asked // n, right]) | (floor_p(x, n, floor) <= level / 2)
            failed[:, b] = np.where(asked >= 20, half, floor_p(x, n, floor) <= level)
        right += np.where(failed[:, b], 0, x)
        asked += np.where(failed[:, b], 0, n)
    return failed


SHARES = np.array([0.80, 0.88, 0.93, 0.96, 0.99])


@pytest.mark.parametrize("allowed", [0.05, 1.0, 4.0])
@pytest.mark.parametrize("floor", [None, 0.80])
def test_false_alarms_hold_over_10_000_seasons(allowed, floor):
    season = Season(people=5, batches=12, false_alarms=allowed)
    failed = seasons(
        np.random.default_rng(3),
        runs=10_000,
        people=5,
        batches=12,
        n=12,
        share=SHARES,
        season=season,
        floor=floor,
    )
    number = failed.sum(axis=(1, 2))
    assert number.mean() <= allowed + 3 * number.std() / 100
    assert (number > 0).mean() <= allowed  # for less than 1 also the chance of any
    # an exact test of whole numbers spends less than its level, but not next to nothing
    assert number.mean() >= (0.3 if floor is None else 0.1) * allowed


def test_false_alarms_hold_when_a_hard_set_meets_everyone():
    # half of the batches' checks are hard for all five at once: results of a batch go together
    # a check is drawn from a pool of items that everyone finds hard (60 %) or easy (99 %), the same for all five
    generator, season = np.random.default_rng(4), Season(people=5, batches=12, false_alarms=1.0)
    limit = limits(12, 12, season.level(1))
    right, asked = np.zeros((10_000, 5), dtype=int), np.zeros((10_000, 5), dtype=int)
    number = np.zeros(10_000)
    for _ in range(12):
        hard = generator.binomial(12, 0.2, size=(10_000, 1))
        x = generator.binomial(hard, 0.6, size=(10_000, 5)) + generator.binomial(
            12 - hard, 0.99, size=(10_000, 5)
        )
        fails = x <= limit[asked // 12, right]
        number += fails.sum(axis=1)
        right, asked = right + np.where(fails, 0, x), asked + np.where(fails, 0, 12)
    assert 0.2 <= number.mean() <= 1.0 + 3 * number.std() / 100
    assert number.var() > 1.2 * number.mean()  # they do come together


def test_real_falls_are_caught_as_often_as_the_table_says():
    season = Season(people=5, batches=12, false_alarms=1.0)
    failed = seasons(
        np.random.default_rng(5),
        runs=10_000,
        people=5,
        batches=12,
        n=12,
        share=np.full(5, 0.95),
        season=season,
        bad=0.6,
    )
    # 11 batches of 12 before; the few that failed wrongly shorten the history a little
    stated = power_table([12], good=0.95, bad=0.6, alpha=season.level(1), history=132)["caught"][0]
    assert failed[:, -1].mean() == pytest.approx(stated, abs=0.01) and stated > 0.7
    assert failed[:, :-1].mean() <= season.level(1)


def test_the_seasons_of_this_file_judge_as_the_library_does():
    generator, season = np.random.default_rng(6), Season(people=3, batches=8, false_alarms=4.0)
    share, n = np.array([0.7, 0.85, 0.95]), 10
    for floor in (None, 0.8):
        state = generator.bit_generator.state
        expected = seasons(
            generator, runs=1, people=3, batches=8, n=n, share=share, season=season, floor=floor
        )[0]
        generator.bit_generator.state = state
        results = [
            (f"p{i}", f"b{b}", int(x), n)
            for b in range(8)
            for i, x in enumerate(generator.binomial(n, share, size=(1, 3))[0])
        ]
        verdicts = judge_batches(checks_of(results), [f"b{b}" for b in range(8)], season=season, floor=floor)
        assert [v.failed for v in verdicts] == expected.ravel().tolist()


# ---- mistakes ----


def complaint(checks, batches=("b1",), **options):
    with pytest.raises(GoldError) as caught:
        judge_batches(checks, list(batches), season=SEASON, **options)
    return str(caught.value)


def test_mistakes_are_explained():
    checks = checks_of([("ann", "b1", 3, 4)])
    assert "there is no column 'right' in the checks" in complaint(checks.drop("right"))
    text = complaint(checks, ["b2"])
    assert "checks of batches that are not in the season: 'b1'" in text and "available: b2" in text
    assert "a batch is named twice: 'b1'" in complaint(checks, ["b1", "b1"])
    text = complaint(pl.concat([checks, checks.head(1)]))
    assert "1 checks are answered twice by one person: item 'b1-00' of batch 'b1' by 'ann'" in text
    assert "current answers only" in text
    nobody = checks.with_columns(annotator=pl.lit(None, dtype=pl.String))
    assert "4 of 4 checks have no annotator" in complaint(nobody)
    assert "1 of 4 checks have no gold label" in complaint(
        checks.with_columns(gold=pl.when(pl.col("item") == "b1-02").then(None).otherwise(pl.col("gold")))
    )
    assert "a floor is a share between 0 and 1, not 80" in complaint(checks, floor=80)
    assert judge_batches(checks.clear(), [], season=SEASON) == ()
