"""Certificates end to end: two draws, tests, what is refused, and whether they still hold."""

import json

import numpy as np
import polars as pl
import pytest

from weaklabel.audit.certificate import Certificate, Goal
from weaklabel.audit.certifying import certify, draw_pilot, draw_second, pilot_size
from weaklabel.audit.ranking import with_votes
from weaklabel.audit.regions import tail
from weaklabel.audit.tolerances import Tolerance, split
from weaklabel.audit.verifying import verify
from weaklabel.errors import GoldError
from weaklabel.stats import wilson

GOAL = Goal(error=0.05, labels=300, seed=4)


def corpus(n=2000, seed=0):
    """Half of the labels are nearly all right, half are wrong in 30 of 100."""
    rng = np.random.default_rng(seed)
    sure = rng.random(n) < 0.5
    wrong = rng.random(n) < np.where(sure, 0.005, 0.3)
    label = rng.choice(["ham", "spam"], n)
    gold = np.where(wrong, np.where(label == "ham", "spam", "ham"), label)
    ids = [f"r{i}" for i in range(n)]
    rows = pl.DataFrame({"id": ids, "label": label, "confidence": np.where(sure, 0.95, 0.7)})
    return rows, pl.DataFrame({"id": ids, "label": gold})


def answered(truth, drawn):
    return truth.join(drawn.select("id"), on="id", how="semi")


def both(rows, truth, goal=GOAL, **options):
    first = answered(truth, draw_pilot(rows, goal).frame)
    second = draw_second(rows, goal, first, **options)
    return pl.concat([first, answered(truth, second.draw.frame)]), second


def test_what_is_surely_right_is_accepted_and_the_rest_is_not():
    rows, truth = corpus()
    answers, second = both(rows, truth)
    made = certify(rows, GOAL, answers)
    found = made.certificate
    assert 700 <= found.accepted <= 1100
    accepted = made.rows.filter("accepted")
    assert accepted.height == found.accepted
    assert accepted.join(rows, on="id")["confidence"].value_counts().sort("count")["confidence"][-1] == 0.95
    errors = accepted.join(rows, on="id").join(truth.rename({"label": "gold"}), on="id")
    assert errors.filter(pl.col("label") != pl.col("gold")).height <= found.wrong_at_most
    assert found.wrong_at_most == int(0.05 * found.accepted)
    assert f"{found.accepted} of 2000 rows" in found.claim
    assert "adjudicated gold" in found.claim
    assert made.rows["id"].to_list() == sorted(rows["id"])
    assert accepted["chance_wrong"].max() == found.threshold
    test = found.design["test"]
    assert len(answers) == 300 == found.design["pilot"]["labels"] + test["labels"]
    assert second.draw.frame.height == test["labels"]


def test_the_p_values_are_those_of_counting_the_answers_again():
    rows, truth = corpus()
    answers, second = both(rows, truth)
    design = certify(rows, GOAL, answers).certificate.design
    wrong = rows.join(answers.rename({"label": "gold"}), on="id").filter(pl.col("label") != pl.col("gold"))[
        "id"
    ]
    for place, p in enumerate(design["test"]["p_values"]):
        size = design["regions"]["rows"][design["test"]["start"] + place]
        inside = set(second.rows.filter(pl.col("rank") < size)["id"])
        pilot = set(draw_pilot(rows, GOAL).frame["id"])
        drawn = set(second.draw.frame["id"])
        known = len(inside & pilot & set(wrong))
        more = int(0.05 * size + 1e-9) - known + 1
        checked, bad = len(inside & drawn), len(inside & drawn & set(wrong))
        assert p == pytest.approx(tail(bad, checked, len(inside - pilot), more))


def test_the_order_of_rows_and_of_answers_changes_nothing():
    rows, truth = corpus(600)
    answers, _ = both(rows, truth)
    mixed = certify(rows.sample(fraction=1, shuffle=True, seed=1), GOAL, answers.reverse())
    assert mixed.certificate == certify(rows, GOAL, answers).certificate


def test_the_pilot_is_not_drawn_again_and_its_rows_have_known_chances():
    rows, truth = corpus()
    _, second = both(rows, truth)
    pilot = draw_pilot(rows, GOAL).frame
    assert not set(pilot["id"]) & set(second.draw.frame["id"])
    assert pilot["inclusion"].unique().to_list() == [pytest.approx(pilot.height / 2000)]
    outer = int(second.regions.rows[second.chosen.outer])
    assert set(second.draw.frame["id"]) <= set(second.rows.filter(pl.col("rank") < outer)["id"])


def test_votes_and_older_answers_help_to_rank():
    rng = np.random.default_rng(1)
    n = 2000
    ids = [f"r{i}" for i in range(n)]
    vote = rng.integers(-1, 2, n)
    rows = pl.DataFrame({"id": ids, "label": ["ham"] * n, "confidence": [0.8] * n})
    votes = pl.DataFrame({"id": ids[::-1], "lf:good": vote[::-1].astype(np.int8)})
    truth = pl.DataFrame({"id": ids, "label": np.where((vote != 0) & (rng.random(n) < 0.4), "spam", "ham")})
    voted = with_votes(rows, votes, ["ham", "spam"])
    assert voted["on:good"].to_list() == np.select([vote < 0, vote == 0], [0, 1], -1).tolist()
    answers, second = both(voted, truth)
    agreed = voted.join(second.rows.head(400), on="id")["on:good"]
    assert (agreed == 1).mean() > 0.95
    assert certify(voted, GOAL, answers).certificate.accepted >= 200
    assert certify(rows, GOAL, both(rows, truth)[0]).certificate.accepted == 0
    older = truth.head(500)
    first = answered(truth, draw_pilot(rows, GOAL).frame)
    before = draw_second(rows, GOAL, first).rows["chance_wrong"].mean()
    spam = older.with_columns(pl.lit("spam").alias("label"))
    assert draw_second(rows, GOAL, first, older=spam).rows["chance_wrong"].mean() > before + 0.2
    with pytest.raises(GoldError, match=r"there are no votes on 1 of 2000 rows: 'r0'"):
        with_votes(rows, votes.filter(pl.col("id") != "r0"), ["ham", "spam"])


def test_nothing_is_certified_where_labels_are_bad():
    rows, truth = corpus()
    bad = truth.with_columns(pl.lit("other").alias("label"))
    answers, _ = both(rows, bad)
    found = certify(rows, GOAL, answers)
    assert found.certificate.accepted == 0
    assert found.certificate.threshold is None
    assert found.certificate.claim.startswith("None of the 2000 rows can be accepted")
    assert not found.rows["accepted"].any()


def test_a_row_that_people_could_not_decide_counts_as_wrong():
    rows = pl.DataFrame({"id": [str(i) for i in range(500)], "label": ["x"] * 500})
    undecided = rows.select("id", pl.lit(None, pl.String).alias("label"))
    answers, _ = both(rows, undecided)
    assert certify(rows, GOAL, answers).certificate.accepted == 0


def test_rows_without_label_are_never_accepted():
    rows, truth = corpus()
    some = rows.with_columns(pl.when(pl.col("id") == "r1").then(None).otherwise("label").alias("label"))
    answers, second = both(some, truth)
    made = certify(some, GOAL, answers)
    assert "r1" not in set(second.rows["id"])
    assert made.certificate.rows == 2000
    assert made.rows.filter(pl.col("id") == "r1")["accepted"].to_list() == [False]


# --- refusals


def test_too_few_labels_are_refused_beforehand_with_the_number():
    with pytest.raises(GoldError, match=r"58 labels can't certify .* it takes at least 59") as refused:
        pilot_size(10**7, Goal(error=0.05, labels=58))
    assert "plan 148 labels" in refused.value.hint
    assert pilot_size(10**7, Goal(error=0.05, labels=59)) == 0
    rows, truth = corpus()
    tight = Goal(error=0.05, labels=57)
    assert draw_pilot(rows, tight).notes[0].startswith("there is no label to spare for a pilot")
    answers, second = both(rows, truth, tight)
    assert len(second.draw) == 57 == answers.height


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"error": 5, "labels": 100}, "lies between 0 and 1, not 5"),
        ({"error": 0.05, "labels": 100, "confidence": 95}, "confidence lies between 0.5 and 1, not 95"),
        ({"error": 0.05, "labels": 0}, "needs labels, and 0 are planned"),
    ],
)
def test_goals_that_make_no_sense(settings, message):
    with pytest.raises(GoldError, match=message):
        Goal(**settings)


def test_missing_further_and_repeated_answers_are_refused():
    rows, truth = corpus()
    answers, _ = both(rows, truth)
    with pytest.raises(GoldError, match="2 of 300 rows of the two draws have no answer") as missing:
        certify(rows, GOAL, answers.tail(298))
    assert "would make labels look better" in missing.value.hint
    more = truth.join(answers, on="id", how="anti").head(1)
    with pytest.raises(GoldError, match="1 answers are to rows that the two draws didn't draw") as extra:
        certify(rows, GOAL, pl.concat([answers, more]))
    assert "takes no answers beyond those it drew" in extra.value.hint
    with pytest.raises(GoldError, match="rows of the pilot have no answer"):
        draw_second(rows, GOAL, truth.head(0))
    with pytest.raises(GoldError, match="answers are to rows that the pilot didn't draw"):
        draw_second(rows, GOAL, answers)
    with pytest.raises(GoldError, match="1 rows have more than one answer"):
        certify(rows, GOAL, pl.concat([answers, answers.head(1)]))


def test_gold_of_another_role_is_refused():
    rows, truth = corpus()
    answers, _ = both(rows, truth)
    roles = answers.with_columns(
        pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("calibrate")).otherwise(pl.lit("audit")).alias("role")
    )
    with pytest.raises(GoldError, match="3 answers are gold of role 'calibrate', not 'audit'"):
        certify(rows, GOAL, roles)
    assert certify(rows, GOAL, answers.with_columns(pl.lit("audit").alias("role"))).certificate.accepted


def test_gold_that_errs_nearly_as_often_as_labels_may_is_refused():
    rows, truth = corpus()
    answers, _ = both(rows, truth)
    with pytest.raises(
        GoldError, match=r"wrong in about 3 % of rows, too near the 5 % to be certified"
    ) as refused:
        certify(rows, GOAL, answers, gold_error=wilson(6, 200))
    assert "tolerate more than 6 %" in refused.value.hint
    found = certify(rows, GOAL, answers, gold_error=wilson(2, 200)).certificate
    assert found.notes[0].startswith(
        "Adjudicated gold is itself wrong in about 1 % of 200 rows looked at twice"
    )
    assert "as large as 8.57 %" in found.notes[0]
    assert certify(rows, GOAL, answers).certificate.notes[0].endswith("was not measured.")


# --- keeping and checking


def test_a_certificate_survives_json():
    rows, truth = corpus()
    answers, _ = both(rows, truth)
    made = certify(rows, GOAL, answers, gold_error=wilson(2, 200), names={"table": "v3"}).certificate
    again = Certificate.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again == made
    assert verify(again, rows, answers, names={"table": "v3"}).holds
    with pytest.raises(GoldError, match="fields 'claim' are missing or unknown"):
        Certificate.from_dict({k: v for k, v in made.to_dict().items() if k != "claim"})


def test_whatever_changes_is_named():
    rows, truth = corpus()
    answers, _ = both(rows, truth)
    names = {"rules": "a", "table": "v3"}
    made = certify(rows, GOAL, answers, names=names).certificate
    assert verify(made, rows, answers, names=names) == verify(
        made, rows.reverse(), answers.reverse(), names=names
    )

    def changed(rows=rows, answers=answers, names=names, made=made, **options):
        found = verify(made, rows, answers, names=names, **options)
        assert not found.holds
        return " | ".join(found.changed)

    assert changed(names={"rules": "b", "table": "v3"}) == "rules was 'a' and is 'b'"
    assert changed(names={"rules": "a"}) == "table was 'v3' and is not named"
    other = rows.with_columns(
        pl.when(pl.col("id") == "r9").then(0.1).otherwise("confidence").alias("confidence")
    )
    assert "the rows, their labels, confidences or votes are others" in changed(rows=other)
    assert "the rows, their labels, confidences or votes are others" in changed(
        rows=rows.with_columns(pl.lit(1).alias("on:new"))
    )
    assert "can't be made again" in changed(rows=rows.head(1000))
    flipped = answers.with_columns(pl.lit("spam").alias("label"))
    assert "the answers are others" in changed(answers=flipped)
    assert "the older answers are others" in changed(older=truth.head(3))
    forged = Certificate.from_dict(made.to_dict() | {"accepted": 2000})
    assert changed(made=forged) == "its accepted comes out otherwise"
    assert "another method" in changed(made=Certificate.from_dict(made.to_dict() | {"method": "trust"}))


# --- parts


def test_parts_share_the_chance_of_being_wrong_and_have_budgets_of_their_own():
    rows, truth = corpus()
    rows = rows.with_columns((pl.col("id") < "r3").alias("early"))
    parts = split(rows, Tolerance(0.1, classes={"spam": 0.05}, slices={"early": 0.1}), labels={"": 150})
    assert [part.goal.part for part in parts] == ["", "label 'spam'", "slice 'early'"]
    assert {round(part.goal.confidence, 6) for part in parts} == {round(1 - 0.05 / 3, 6)}
    assert parts[0].goal.labels == 150
    spam = parts[1]
    assert set(spam.rows["label"]) == {"spam"}
    assert spam.goal.labels == int(np.ceil(2.5 * spam.least))
    answers, _ = both(spam.rows, truth, spam.goal)
    found = certify(spam.rows, spam.goal, answers).certificate
    assert found.rows == spam.rows.height
    assert "rows with label 'spam'" in found.claim
    whole = draw_pilot(rows, parts[0].goal).frame["id"].to_list()
    assert (
        whole
        != draw_pilot(rows, Goal(0.1, 150, parts[0].goal.confidence, part="other")).frame["id"].to_list()
    )


@pytest.mark.parametrize(
    ("tolerance", "labels", "message"),
    [
        (Tolerance(), {}, "no tolerated error is given"),
        (Tolerance(classes={"spma": 0.1}), {}, "no row has label 'spma'"),
        (Tolerance(slices={"late": 0.1}), {}, "there is no slice 'late'"),
        (
            Tolerance(0.1),
            {"label 'ham'": 5},
            "labels are planned for \"label 'ham'\", where no error is given",
        ),
    ],
)
def test_parts_that_do_not_exist(tolerance, labels, message):
    with pytest.raises(GoldError, match=message):
        split(corpus(50)[0], tolerance, labels=labels)


def test_a_part_with_too_small_a_budget_says_what_it_takes():
    part = split(corpus()[0], Tolerance(0.05), labels={"": 20})[0]
    assert part.sentence.endswith("too few, it takes at least 57.")
