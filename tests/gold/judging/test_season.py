"""A season of batches in pure functions: simulated people of known skill, one of whom has a bad day."""

import polars as pl
import pytest

from weaklabel.fingerprint import event_hash
from weaklabel.gold.agreeing.redundancy import Redundancy, more_asked
from weaklabel.gold.asking.batches import BatchSettings, plan_batch
from weaklabel.gold.asking.outcomes import votes_of
from weaklabel.gold.asking.people import skill_weights
from weaklabel.gold.gold_set.seen import seen
from weaklabel.gold.judging.anchoring import anchoring
from weaklabel.gold.judging.checks import Season, check_answers, judge_batches
from weaklabel.gold.judging.quarantine import quarantine, standing
from weaklabel.gold.sampling import draw

PEOPLE = ["ann", "bob", "cid", "dot", "eve", "fay"]
SKILL = {"ann": 0.97, "bob": 0.95, "cid": 0.95, "dot": 0.93, "eve": 0.93, "fay": 0.97}
LABELS = ["ham", "spam", "mail"]
BATCHES = ["b1", "b2", "b3"]
BAD_DAY = ("eve", "b3")
CHECKS = pl.DataFrame({"item": [f"g{n:03}" for n in range(150)]}).with_columns(
    group=pl.when(pl.int_range(pl.len()) < 20).then(pl.format("near{}", pl.int_range(pl.len()) // 2))
)
CORPUS = pl.DataFrame({"id": [f"i{n:03}" for n in range(600)]})


def truth(item):
    return LABELS[event_hash(f"truth {item}", 0) % 3]


def share(text, seed):
    return event_hash(text, seed) / 2**64


def say(item, person, batch, suggestion, seed):
    """What a person says: right as often as their skill is, on the bad day hardly better than by chance."""
    skill = 0.4 if (person, batch) == BAD_DAY else SKILL[person]
    if suggestion is not None and share(f"lazy {item} {person}", seed) < 0.3:
        return suggestion[0]
    if share(f"right {item} {person} {batch}", seed) < skill:
        return truth(item)
    others = [label for label in LABELS if label != truth(item)]
    return others[event_hash(f"wrong {item} {person}", seed) % 2]


def answered(assignments, seed):
    shown = assignments.with_columns(pl.when(~pl.col("blind")).then(pl.col("suggestion")))
    rows = shown.select("item", "annotator", "batch", "suggestion").rows()
    labels = [[say(item, person, batch, hint, seed)] for item, person, batch, hint in rows]
    return assignments.select("item", "annotator", "batch").with_columns(
        kind=pl.lit("label"), labels=pl.Series(labels, dtype=pl.List(pl.String))
    )


class Played:
    """A season that was played to its end: all frames as they would stand in the ledger."""

    def __init__(self, seed):
        self.seed, self.drawn, self.plans, self.verdicts, self.queue = seed, [], [], [], []
        self.assignments = self.answers = self.aside = None
        self.gold = CHECKS.select("item", role=pl.lit("check"), group="group")
        self.labels = CHECKS.select(
            id="item", label=pl.col("item").map_elements(truth, return_dtype=pl.String)
        )
        for batch in BATCHES:
            self.play(batch)

    def met(self):
        return seen(PEOPLE, assignments=self.assignments, answers=self.answers, gold=self.gold)

    def keep(self, assignments):
        given = answered(assignments, self.seed)
        for name, frame in (("assignments", assignments), ("answers", given)):
            before = getattr(self, name)
            setattr(self, name, frame if before is None else pl.concat([before, frame]))

    def play(self, batch):
        left = CORPUS.filter(~pl.col("id").is_in([i for rows in self.drawn for i in rows]))
        drawn = draw(left, 100, seed=self.seed, purpose=batch).frame
        self.drawn.append(drawn["id"].to_list())
        everything = pl.concat([CORPUS["id"], CHECKS["item"]])
        hints = [truth(i) if share(f"hint {i}", 1) < 0.8 else LABELS[0] for i in everything]
        weights = {} if self.answers is None else self.weights()
        people = pl.DataFrame({"annotator": PEOPLE, "weight": [weights.get(p, 1.0) for p in PEOPLE]})
        plan = plan_batch(
            drawn, people, batch=batch, seed=self.seed, checks=CHECKS, seen=self.met(),
            suggestions=pl.DataFrame({"item": everything, "suggestion": hints}),
            settings=BatchSettings(checks=12, blind=0.5),
        )  # fmt: skip
        self.plans.append(plan)
        self.keep(plan.assignments)
        self.judge(batch, people)
        for _ in range(4):
            more = more_asked(
                self.answers, self.assignments, people, batch=batch, seed=self.seed, seen=self.met(),
                quarantines=self.aside, settings=Redundancy(most=5),
            )  # fmt: skip
            if not more.assignments.height:
                break
            self.keep(more.assignments)
        self.queue.append(more.queue)
        self.last = more

    def judge(self, batch, people):
        checks = check_answers(self.answers, self.labels)
        verdicts = judge_batches(
            checks, BATCHES[: BATCHES.index(batch) + 1], season=Season(len(PEOPLE), len(BATCHES), false_alarms=0.1),
            history=dict.fromkeys(PEOPLE, (76, 80)),
        )  # fmt: skip
        self.verdicts = verdicts
        gone = quarantine(
            verdicts, self.answers, self.assignments, people, seed=self.seed, quarantines=self.aside,
            seen=self.met(), checks=CHECKS,
        )  # fmt: skip
        self.aside = gone.records if self.aside is None else pl.concat([self.aside, gone.records])
        self.queue.append(gone.queue)
        if gone.assignments.height:
            self.keep(gone.assignments)

    def weights(self):
        return skill_weights(check_answers(standing(self.answers, self.aside), self.labels), PEOPLE)


@pytest.fixture(scope="module", params=[1, 2])
def played(request):
    return Played(request.param)


def test_the_bad_day_is_caught_and_nobody_else_fails(played):
    assert played.aside.select("annotator", "batch").rows() == [BAD_DAY]
    (failed,) = [v for v in played.verdicts if v.failed]
    assert failed.reason.startswith(f"{failed.right} of 12 checks right, after ")
    assert standing(played.answers, played.aside).filter(annotator="eve", batch="b3").height == 0


def test_nobody_is_asked_twice_nor_tested_on_what_they_have_met(played):
    pairs = played.assignments.select("item", "annotator")
    assert not pairs.is_duplicated().any()
    tested = played.assignments.filter("check").join(CHECKS, on="item").drop_nulls("group")
    assert tested.height > 0
    assert not tested.select("group", "annotator").is_duplicated().any()


def test_every_item_ends_with_an_odd_number_of_votes_or_with_experts(played):
    production = standing(played.assignments.filter(~pl.col("check")), played.aside)
    votes = votes_of(standing(played.answers, played.aside)).join(
        production, on=["batch", "item", "annotator"], how="semi"
    )
    counts = votes.group_by("item").agg(pl.len().alias("n"), pl.col("outcome").value_counts(sort=True))
    queued = set(pl.concat(played.queue)["item"])
    assert counts.height == 300
    for item, n, outcomes in counts.rows():
        assert n % 2 == 1 or item in queued
        assert n >= 3 or item in queued
        assert outcomes[0]["count"] / n >= 0.8 - 1e-9 or item in queued
    assert 0.8 < (counts["n"] == 3).mean() < 1  # most items are easy, some are not


def test_answers_that_stand_are_right_as_often_as_three_such_people_are(played):
    votes = votes_of(standing(played.answers, played.aside)).filter(pl.col("item").str.starts_with("i"))
    top = votes.group_by("item").agg(pl.col("outcome").mode().first())
    right = sum(outcome == [truth(item)] for item, outcome in top.rows())
    assert right / 300 > 0.97


def test_work_is_even_within_weights(played):
    first = played.plans[0].loads
    assert set(first["items"]) == {50}
    assert set(first["checks"]) == {12}
    later = dict(played.plans[2].loads.select("annotator", "items").iter_rows())
    weights = skill_weights(
        check_answers(played.answers.filter(pl.col("batch") != "b3"), played.labels), PEOPLE
    )
    for person, items in later.items():
        assert abs(items - 300 * weights[person] / sum(weights.values())) < 1.5


def test_laziness_is_found_and_costs_where_suggestions_are_wrong(played):
    truths = CHECKS["item"].to_list() + CORPUS["id"].to_list()
    gold = pl.DataFrame({"item": truths, "labels": [[truth(item)] for item in truths]})
    found = anchoring(played.answers, pl.concat([plan.assignments for plan in played.plans]), gold=gold)
    assert found.anchored
    assert found.misled.difference.low > 0  # people follow 3 in 10 suggestions that they are shown
