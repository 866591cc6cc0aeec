"""Rule health: precision weighted by design, bad batches, trends and verdicts."""

import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
from weaklabel.audit.drift import Change, judged
from weaklabel.audit.reference import Comparison
from weaklabel.audit.rule_health import HealthLimits, rule_health
from weaklabel.audit.trend import bad_batch_p, by_batch, combined, trend_p
from weaklabel.errors import GoldError
from weaklabel.gold.fall import fall_p
from weaklabel.stats import benjamini_hochberg, wilson

LABELS = ["ham", "spam"]


def world(n, precision, *, seed=0):
    """Votes of rules that fire on 40 % of the rows and are right so often, and the truth."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 2, n)
    votes = {}
    for j, p in enumerate(precision):
        right = generator.random(n) < p
        fires = generator.random(n) < 0.4
        votes[f"lf:r{j}"] = np.where(fires, np.where(right, truth, 1 - truth), -1).astype(np.int8)
    return pl.DataFrame({"id": [f"i{i}" for i in range(n)], **votes}), truth


def gold_of(frame, truth, rows, **more):
    columns = {"inclusion": 0.1, **more}
    labels = [LABELS[truth[i]] for i in rows]
    return pl.DataFrame({"id": frame["id"].gather(rows), "label": labels}).with_columns(
        **{name: pl.lit(v) if isinstance(v, float | str) else pl.Series(v) for name, v in columns.items()}
    )


def verdicts(found):
    return {h.rule: h.verdict for h in found.rules}


def test_good_poor_and_useless_rules():
    frame, truth = world(3000, [0.95, 0.6, 0.5, 0.9])
    frame = frame.with_columns(pl.lit(-1, pl.Int8).alias("lf:dead"))
    found = rule_health(frame, LABELS, gold_of(frame, truth, range(1200)))
    assert verdicts(found) == {"r0": "keep", "r1": "mend", "r2": "mend", "r3": "keep", "dead": "retire"}
    assert found.rules[0].rule == "dead"  # the worst first
    poor = next(h for h in found.rules if h.rule == "r1")
    assert poor.precision.low < 0.6 < poor.precision.high and "less than 70 %" in poor.sentence()
    assert len(poor.wrong) == 5 and poor.sentence().startswith("mend rule 'r1': right on ")
    assert "against adjudicated gold" in poor.sentence()
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["alarm"]


def test_a_rule_worse_than_a_blind_vote_is_retired():
    frame, truth = world(3000, [0.95, 0.3])
    found = rule_health(frame, LABELS, gold_of(frame, truth, range(600)))
    assert verdicts(found) == {"r0": "keep", "r1": "retire"}
    assert "no better than a blind vote for its classes" in found.rules[0].sentence()


def test_precision_is_weighted_by_the_design():
    frame = pl.DataFrame({"id": list("abcd"), "lf:r": [0, 0, 0, 0]}, schema_overrides={"lf:r": pl.Int8})
    gold = pl.DataFrame(
        {"id": list("abc"), "label": ["ham", "ham", "spam"], "inclusion": [1.0, 1.0, 0.1], "batch": ["1"] * 3}
    )
    (rule,) = rule_health(frame, LABELS, gold).rules
    assert rule.precision.value == pytest.approx(2 / 12)
    assert (
        rule.precision.n == 3 and rule.precision.high > 0.6
    )  # three such rows are worth little more than one


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([0.1, 0.25, 1.0]), st.integers(0, 2)),
        min_size=1,
        max_size=15,
    )
)
def test_precision_is_its_slow_twin(rows):
    right, p, batch = (np.array(v) for v in zip(*rows))
    found = combined(by_batch(right, 1 / p, batch, ["a", "b", "c"]))
    assert found.value == pytest.approx(naive.rule_precision(rows))


def test_intervals_cover_under_unequal_chances_and_unweighted_ones_do_not():
    generator, held, plain, draws = np.random.default_rng(4), 0, 0, 400
    n = 4000
    hard = np.arange(n) < n // 4
    right = np.where(hard, generator.random(n) < 0.5, generator.random(n) < 0.95)
    chance = np.where(hard, 0.1, 0.02)  # hard rows are drawn five times as often
    truth = right.mean()
    for _ in range(draws):
        drawn = generator.random(n) < chance
        one = np.zeros(int(drawn.sum()), np.int64)
        for weights in (1 / chance[drawn], np.ones(len(one))):
            estimate = combined(by_batch(right[drawn], weights, one, ["b"]))
            inside = estimate.low <= truth <= estimate.high
            if weights[0] != weights[-1] or weights.max() > 1:
                held += inside
            else:
                plain += inside
    assert held / draws >= 0.95 - 2.5 * (0.05 * 0.95 / draws) ** 0.5
    assert plain / draws < 0.5


def test_rows_of_a_light_stratum_do_not_pass_for_many():
    # ten right rows that were drawn four times as often as others; where the others are, nobody looked
    ten = by_batch(np.ones(10, bool), np.ones(10), np.zeros(10, int), ["b"], heaviest=[4.0])
    assert (ten[0].rows, ten[0].worth) == (2, 2.5)
    assert (
        combined(ten).low
        < 0.45
        < combined(by_batch(np.ones(10, bool), np.ones(10), np.zeros(10, int), ["b"])).low
    )


def test_a_bad_batch_is_found_by_the_test_that_finds_peoples_bad_days():
    right = np.array([True] * 190 + [False] * 10 + [True] * 8 + [False] * 4)
    batch = np.array([0] * 200 + [1] * 12)
    batches = by_batch(right, np.full(212, 3.0), batch, ["1", "2"])
    assert bad_batch_p(batches) == pytest.approx(float(fall_p(8, 12, 190, 200)))
    assert math.isnan(bad_batch_p(batches[:1]))


def test_a_rule_that_fell_in_the_latest_batch_is_to_be_mended():
    frame, truth = world(2000, [0.95, 0.95])
    frame = frame.with_columns(  # from row 1500 on r1 votes the other class
        pl.when((pl.int_range(pl.len()) >= 1500) & (pl.col("lf:r1") >= 0))
        .then(1 - pl.col("lf:r1"))
        .otherwise(pl.col("lf:r1"))
        .cast(pl.Int8)
        .alias("lf:r1")
    )
    rows = [*range(600), *range(1500, 1600)]
    gold = gold_of(frame, truth, rows, batch=["2026-01"] * 300 + ["2026-02"] * 300 + ["2026-03"] * 100)
    found = rule_health(frame, LABELS, gold)
    bad = found.rules[0]
    assert (bad.rule, bad.verdict) == ("r1", "mend")
    assert "batch '2026-03': right on " in bad.sentence() and "worse than before" in bad.sentence()
    assert [b.batch for b in bad.batches] == ["2026-01", "2026-02", "2026-03"]
    assert found.rules[1].verdict == "keep"


def alarms_when_nothing_changed(*, adjusted, draws=60, rules=20):
    """Share of audits in which any of 20 steady rules seems to have had a bad batch."""
    generator = np.random.default_rng(9)
    history, today = (generator.binomial(n, 0.8, (draws, rules)) for n in (60, 25))
    p = fall_p(today, 25, history, 60)
    if adjusted:
        p = np.stack([benjamini_hochberg(audit) for audit in p])
    return float((p <= 0.05).any(axis=1).mean())


def test_bad_batches_are_false_alarms_rarely_over_all_rules_and_often_when_not_adjusted():
    bound = 0.05 + 2.5 * (0.05 * 0.95 / 60) ** 0.5
    assert alarms_when_nothing_changed(adjusted=True) <= bound
    assert alarms_when_nothing_changed(adjusted=False) > 2 * bound


def test_trends_need_three_batches_and_shuffles_keep_their_level():
    generator, p = np.random.default_rng(2), []
    for seed in range(150):
        batch = np.repeat(np.arange(4), 15)
        right = generator.random(60) < 0.8
        p.append(trend_p(by_batch(right, np.ones(60), batch, list("abcd")), seed=seed))
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 2.5 * (0.05 * 0.95 / 150) ** 0.5
    assert math.isnan(trend_p(by_batch(np.array([True, False]), np.ones(2), np.array([0, 1]), ["a", "b"])))
    every = by_batch(np.ones(3, bool), np.ones(3), np.arange(3), ["a", "b", "c"])
    assert math.isnan(trend_p(every))  # always right: nothing can be told


def test_drift_makes_a_reason():
    frame, truth = world(400, [0.95, 0.95])
    change = Change("fires", "r1", 0.4, 0.1, 500, 500, 1e-9)
    found = rule_health(
        frame, LABELS, gold_of(frame, truth, range(200)), changes=Comparison(judged([change]))
    )
    assert verdicts(found) == {"r1": "mend", "r0": "keep"}
    assert "rule 'r1' fires on 10.0 % of 500 rows; before, 40.0 % of 500" in found.rules[0].sentence()


def test_without_gold_it_says_so_and_without_chances_too():
    frame, truth = world(100, [0.9])
    empty = pl.DataFrame(schema={"id": pl.String, "label": pl.String, "inclusion": pl.Float64})
    (rule,) = rule_health(frame, LABELS, empty).rules
    assert rule.reasons == ("no gold row that it fires on: label some to know how often it is right",)
    unknown = gold_of(frame, truth, range(10)).with_columns(inclusion=pl.lit(None, pl.Float64))
    found = rule_health(frame, LABELS, unknown)
    assert found.notes == ("10 gold rows were not used, as nobody knows how likely they were to be drawn",)


def test_too_little_gold_says_how_much_more():
    frame, truth = world(400, [0.9])
    (rule,) = rule_health(
        frame, LABELS, gold_of(frame, truth, range(60)), limits=HealthLimits(floor=0.75)
    ).rules
    assert rule.verdict == "keep" and "would show whether it reaches 75 %" in rule.sentence()


def test_the_order_of_rows_and_of_gold_changes_nothing():
    frame, truth = world(300, [0.9, 0.6])
    gold = gold_of(frame, truth, range(100), batch=["1"] * 30 + ["2"] * 30 + ["3"] * 40)
    a, b = rule_health(frame, LABELS, gold), rule_health(frame.reverse(), LABELS, gold.reverse())
    assert a.to_dict() == b.to_dict()


def test_misuse_is_refused():
    frame, truth = world(20, [0.9])
    gold = gold_of(frame, truth, range(5))
    for wrong, message in (
        (gold.drop("inclusion"), "gold has no column 'inclusion'"),
        (gold.with_columns(inclusion=pl.lit(1.5)), "not above 0 and at most 1"),
        (gold.with_columns(label=pl.lit("spma")), "'spma' is none of the classes"),
        (
            gold.with_columns(id=pl.lit("x") + pl.col("id")),
            "5 gold rows are not among the rows voted on: 'xi0'",
        ),
        (pl.concat([gold, gold]), "more than once in one batch"),
    ):
        with pytest.raises(GoldError, match=message):
            rule_health(frame, LABELS, wrong)
    with pytest.raises(GoldError, match="have no votes"):
        rule_health(frame.select("id"), LABELS, gold)


def test_gold_that_is_none_of_the_labels_counts_against_every_vote_for_one():
    rows = pl.DataFrame(
        {"id": list("abcdef"), "lf:link": [1, 1, 1, 1, -1, -1], "lf:odd": [2, -1, -1, -1, -1, 2]}
    )
    gold = pl.DataFrame(
        {"id": list("abce"), "label": ["spam", "spam", None, None], "inclusion": [0.5, 0.5, 0.5, 0.5]}
    )
    health = {rule.rule: rule for rule in rule_health(rows, ["ham", "spam"], gold).rules}
    link = health["link"]
    assert (link.precision.value, link.precision.n, link.wrong) == (pytest.approx(2 / 3), 3, ("c",))
    assert link.chance == 0.5  # of four gold rows two are spam
    # an outcome that is no label, such as "not ham", is not wrong where no label fits
    none = gold.with_columns(label=pl.lit(None, pl.String))
    odd = {rule.rule: rule for rule in rule_health(rows, ["ham", "spam"], none).rules}["odd"]
    assert odd.precision.n == 0 and odd.wrong == ()


def test_an_outcome_is_right_where_gold_is_one_of_its_classes():
    """Of three classes the rule's 3 is "not a"."""
    rows = pl.DataFrame({"id": list("abcd"), "lf:wide": [3, 3, 3, 0]})
    gold = pl.DataFrame({"id": list("abcd"), "label": ["b", "c", "a", "a"], "inclusion": [0.5] * 4})
    labels = ["a", "b", "c"]
    (wide,) = rule_health(rows, labels, gold, outcomes={"wide": [[1, 2]]}).rules
    assert (wide.precision.value, wide.precision.n, wide.wrong) == (pytest.approx(3 / 4), 4, ("c",))
    assert wide.chance == pytest.approx(
        0.5
    )  # half the gold rows are a: a blind "not a" is right on half of them
    none = gold.with_columns(label=pl.lit(None, pl.String))
    (odd,) = rule_health(rows, labels, none, outcomes={"wide": [[1, 2]]}).rules
    assert (odd.precision.value, odd.precision.n) == (0.0, 1)  # only its vote for a label is wrong there
    (unread,) = rule_health(rows, labels, gold).rules
    assert unread.precision.n == 1  # nobody says what 3 stands for


def test_few_rows_of_unequal_weight_do_not_leave_out_shares_near_one():
    """A rule right in .96 of its rows, of which a few are drawn, some with four times the weight of others."""
    generator, draws = np.random.default_rng(2), 800
    n = 400
    right = np.ones(n, bool)
    right[generator.choice(n, 16, replace=False)] = False
    chance = np.where(generator.random(n) < 0.5, 0.032, 0.008)
    held = {"mid-P": 0, "wilson": 0}
    seen = 0
    for _ in range(draws):
        drawn = generator.random(n) < chance
        if not drawn.any():
            continue
        seen += 1
        zero = np.zeros(int(drawn.sum()), np.int64)
        found = combined(by_batch(right[drawn], 1 / chance[drawn], zero, ["b"], heaviest=[125.0]))
        worth = float((1 / chance[drawn]).sum()) / 125
        plain = wilson(min(found.value, 1.0) * worth, worth)
        held["mid-P"] += found.low <= 0.96 <= found.high
        held["wilson"] += plain.low <= 0.96 <= plain.high
    assert held["mid-P"] / seen >= 0.95 - 2.5 * (0.05 * 0.95 / seen) ** 0.5
    assert held["wilson"] / seen < 0.93
