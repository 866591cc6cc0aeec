"""Drift of votes and labels: alarms with cause, and hardly any without."""

import json
import math
import re

import numpy as np
import polars as pl
import pytest

from weaklabel.audit.drift import Change, drift, judged, vote_changes
from weaklabel.audit.vote_counts import count_votes
from weaklabel.errors import GoldError

LABELS = ["ham", "spam"]


def corpus(n, *, seed=0, rules=12, silent=(), flipped=()):
    """Rules that see one hidden class through noise; `silent` ones stopped, `flipped` ones vote the other class."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 2, n)
    fires = generator.random((n, rules)) < np.linspace(0.05, 0.4, rules)
    right = generator.random((n, rules)) < 0.85
    votes = np.where(fires, np.where(right, truth[:, None], 1 - truth[:, None]), -1).astype(np.int8)
    for j in silent:
        votes[:, j] = -1
    for j in flipped:
        votes[:, j] = np.where(votes[:, j] >= 0, 1 - votes[:, j], -1)
    return votes


def frame(votes, **more):
    columns = {f"lf:r{j}": votes[:, j] for j in range(votes.shape[1])}
    return pl.DataFrame({"id": [str(i) for i in range(len(votes))], **columns, **more})


def compared(old, new, **more):
    before = count_votes(frame(old), LABELS)
    return drift(before, count_votes(frame(new), LABELS, like=before), **more)


def alarms(found):
    return {(c.kind, c.name) for c in found.alarms}


def test_nothing_changed():
    found = compared(corpus(2000), corpus(2000, seed=1))
    assert not found.alarm
    assert found.sentences()[0].startswith(f"nothing seen to change: {found.tests} comparisons, no alarm")


def test_a_rule_that_fell_silent_and_one_that_turned_are_named():
    found = compared(corpus(2000), corpus(2000, seed=1, silent=[3], flipped=[8]))
    assert {("fires", "r3"), ("agrees", "r8"), ("votes", "r8")} & alarms(found) >= {
        ("fires", "r3"),
        ("agrees", "r8"),
    }
    assert not {name for kind, name in alarms(found) if kind == "fires"} - {"r3"}
    silent = next(c for c in found.alarms if c.kind == "fires")
    assert silent.after == 0
    assert str(silent).startswith("rule 'r3' fires on 0.0 % of 2000 rows; before, 15.7 % of 2000")


def test_labels_and_uncovered_rows():
    old, new = corpus(1000), corpus(1000, seed=1)
    new[:200] = -1
    before = count_votes(frame(old, label=["ham", "spam"] * 500), LABELS)
    after = count_votes(frame(new, label=["ham"] * 700 + ["spam"] * 100 + [None] * 200), LABELS, like=before)
    told = alarms(drift(before, after))
    assert {("uncovered", ""), ("label", "ham"), ("label", "spam")} <= told


def test_a_pattern_may_move_while_every_rate_stays():
    both, neither = [[1, 1]], [[-1, -1]]
    one, other = [[1, -1]], [[-1, 1]]
    old = np.array((both + neither) * 200, np.int8)
    new = np.array((one + other) * 200, np.int8)
    kinds = {kind for kind, _ in alarms(compared(old, new))}
    assert "patterns" in kinds and "fires" not in kinds


def test_too_few_rows_are_said_not_read_as_no_drift():
    found = compared(corpus(60), corpus(60, seed=1))
    told = " ".join(found.sentences())
    assert "too few rows to see even complete silence of rule" in told
    assert all(c.detectable is not None for c in found.changes if c.kind == "fires" and c.before)


def test_rules_that_came_or_went_are_not_compared():
    old, new = corpus(300, rules=3), corpus(300, rules=4, seed=1)
    found = compared(old, new)
    assert found.notes[0] == "not compared, as new since the reference: rule 'r3'"
    assert {c.kind for c in found.changes} <= {"fires", "votes"}


def test_misuse_is_refused():
    one = count_votes(frame(corpus(10)), LABELS)
    with pytest.raises(
        GoldError, match="the reference has the classes 'ham', 'spam', the new part 'spam', 'ham'"
    ):
        vote_changes(one, count_votes(frame(corpus(10)), LABELS[::-1]))
    other = count_votes(frame(corpus(10, rules=1)).rename({"lf:r0": "lf:x"}), LABELS)
    with pytest.raises(GoldError, match="no rule in common"):
        vote_changes(one, other)
    with pytest.raises(GoldError, match="between 0 and 1"):
        judged([], level=5)


def test_untested_comparisons_count_for_nothing():
    sure = Change("fires", "a", 0.1, 0.0, 99, 99, 0.04)
    dead = Change("fires", "b", 0.0, 0.0, 99, 99, math.nan)
    found = judged([sure, dead])
    assert found.tests == 1 and found.alarms[0].adjusted == pytest.approx(0.04)


def test_it_is_plain_data():
    found = compared(corpus(300), corpus(300, seed=1, silent=[11]))
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["alarm"] and "r11" in {change["name"] for change in data["changes"] if change["alarm"]}
    assert data["changes"][0]["sentence"] == str(found.alarms[0])


def family_wise(*, draws, tested):
    """Share of pairs of corpora of one kind with any alarm, by `tested` of the p-values."""
    found = [tested(compared(corpus(1200, seed=2 * i), corpus(600, seed=2 * i + 1))) for i in range(draws)]
    return sum(found) / draws


BOUND = 0.07 + 2 * math.sqrt(0.05 * 0.95 / 150)


def test_false_alarms_are_held_over_all_comparisons():
    assert family_wise(draws=150, tested=lambda found: found.alarm) <= BOUND


def test_comparisons_that_are_not_adjusted_fail_that_bound():
    assert family_wise(draws=50, tested=lambda found: any(c.p <= 0.05 for c in found.changes)) > 3 * BOUND


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ([0.3], r"for the one comparison of how often a rule fires, a change by \d+ % of it"),
        ([0.3, 0.3], r"for all 2 comparisons of how often a rule fires, a change by \d+ % of it"),
        ([0.3, 0.001], r"for the other comparison of how often a rule fires, a change by \d+ % of it"),
        (
            [0.3, 0.4, 0.001],
            "for the other 2 comparisons of how often a rule fires, a change by 28 % to 36 % of it",
        ),
    ],
)
def test_what_could_have_been_seen_is_said_of_one_and_of_many(rates, said):
    changes = [Change("fires", f"r{i}", rate, rate, 500, 500, 0.9) for i, rate in enumerate(rates)]
    assert re.search(said, " ".join(judged(changes).sentences()))
