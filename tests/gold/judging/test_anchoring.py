"""Anchoring: published intervals, an exact test, no false alarm beyond its level, and power."""

import json
import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaklabel.errors import GoldError
from weaklabel.fingerprint import event_hash
from weaklabel.gold.asking.assigning import listed
from weaklabel.gold.judging.anchoring import anchoring, compared


@pytest.mark.parametrize(
    ("shown", "blind", "low", "high"),
    [  # R. G. Newcombe (1998), table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_published_intervals(shown, blind, low, high):
    found = compared(shown, blind)
    assert (found.difference.low, found.difference.high) == pytest.approx((low, high), abs=5e-5)


def naive_fisher(shown, blind):
    """Chance of a table no likelier than this one, the margins given, by counting."""
    (a, n), (b, m) = shown, blind
    total = a + b
    ways = [math.comb(n, x) * math.comb(m, total - x) for x in range(max(0, total - m), min(n, total) + 1)]
    mine = math.comb(n, a) * math.comb(m, b)
    return sum(w for w in ways if w <= mine) / sum(ways)


@given(n=st.integers(1, 20), m=st.integers(1, 20), data=st.data())
def test_the_exact_test_counts_tables(n, m, data):
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    found = compared((a, n), (b, m))
    assert found.p == pytest.approx(naive_fisher((a, n), (b, m)))
    assert found.difference.value == pytest.approx(a / n - b / m)
    assert found.difference.low <= found.difference.value <= found.difference.high
    mirrored = compared((b, m), (a, n))
    assert mirrored.p == pytest.approx(found.p)
    assert mirrored.difference.low == pytest.approx(-found.difference.high)


def test_one_arm_is_no_comparison():
    found = compared((3, 4), (0, 0))
    assert (found.p, found.difference.value, found.difference.n) == (None, None, 4)


# ---- batches ----

ITEMS = [f"i{n}" for n in range(60)]
PEOPLE = ["ann", "bob", "cid"]


def asked_with(seed, blind=0.4):
    pairs = pl.DataFrame({"item": [i for i in ITEMS for _ in PEOPLE], "annotator": PEOPLE * len(ITEMS)})
    guesses = pl.DataFrame({"item": ITEMS, "suggestion": ["ham" if n % 3 else "spam" for n in range(60)]})
    return listed(pairs, batch="b1", seed=seed, suggestions=guesses, blind=blind)


def answers_by(asked, say):
    labels = [say(*row) for row in asked.select("item", "annotator", "blind", "suggestion").iter_rows()]
    return asked.select("item", "annotator", "batch").with_columns(
        kind=pl.lit("label"), labels=pl.Series([[label] for label in labels], dtype=pl.List(pl.String))
    )


def own(item, person, blind, suggestion):
    """What a person thinks whatever is shown; some people and items lean to one side."""
    lean = 0.9 if person == "ann" else 0.4
    return "ham" if event_hash(f"{person} {item}", 1) / 2**64 < lean else "spam"


def test_false_alarms_stay_within_the_level_however_answers_hang_together():
    alarms = sum(
        anchoring(answers_by(asked := asked_with(seed), own), asked, level=0.1).anchored
        for seed in range(400)
    )
    # at most 5 % of batches on this side; 400 coins: 3 standard deviations above are 33
    assert alarms <= 33
    assert alarms > 0


def test_people_who_follow_suggestions_are_found():
    def led(item, person, blind, suggestion):
        if not blind and event_hash(f"follow {person} {item}", 2) / 2**64 < 0.5:
            return suggestion[0]
        return own(item, person, blind, suggestion)

    found = [anchoring(answers_by(asked := asked_with(seed), led), asked) for seed in range(60)]
    assert sum(f.anchored for f in found) >= 45  # the power is about 85 %
    assert "a difference that chance does not explain" in next(f for f in found if f.anchored).sentence
    # on average over the coins the difference is what showing the suggestions to everybody would change
    pairs = asked_with(0).select("item", "annotator", "suggestion").rows()
    shown = sum(led(i, p, False, s) == s[0] for i, p, s in pairs) / len(pairs)
    blind = sum(own(i, p, True, s) == s[0] for i, p, s in pairs) / len(pairs)
    mean = sum(f.follows.difference.value for f in found) / len(found)
    assert shown - blind > 0.2
    assert abs(mean - (shown - blind)) < 4 * 0.075 / 60**0.5
    resisting = anchoring(
        answers_by(
            asked := asked_with(1),
            lambda i, p, b, s: own(i, p, b, s) if b else {"ham": "spam"}.get(s[0], "ham"),
        ),
        asked,
    )
    assert resisting.follows.p < 0.05
    assert not resisting.anchored  # the other way round


def one_by_one(rows):
    """Assignments and answers from (item, blind, suggestion, kind, labels)."""
    asked = pl.DataFrame(
        [("b1", i, "ann", n + 1, False, b, s, None) for n, (i, b, s, _, _) in enumerate(rows)],
        schema=asked_with(1).schema,
        orient="row",
    )
    answers = pl.DataFrame(
        [(i, "ann", "b1", k, ls) for i, _, _, k, ls in rows],
        schema={"item": pl.String, "annotator": pl.String, "batch": pl.String, "kind": pl.String, "labels": pl.List(pl.String)},
        orient="row",
    )  # fmt: skip
    return answers, asked


def test_counts_by_hand():
    answers, asked = one_by_one(
        [
            ("a", False, ["x"], "label", ["x"]),  # follows, right
            ("b", False, ["x"], "label", ["x"]),  # follows, wrong: misled
            ("c", False, ["x", "y"], "label", ["y", "x"]),  # follows, no gold
            ("d", False, ["x"], "skip", []),
            ("e", False, ["x"], "not", ["x"]),  # no vote
            ("f", True, ["x"], "label", ["x"]),  # as suggested, right
            ("g", True, ["x"], "label", ["y"]),  # right, not misled
            ("h", True, ["x"], "none", []),  # right: none of these
            ("j", True, None, "label", ["x"]),  # nothing was suggested
        ]
    )
    gold = pl.DataFrame(
        {"item": ["a", "b", "f", "g", "h", "d"], "labels": [["x"], ["y"], ["x"], ["y"], [], ["x"]]},
        schema_overrides={"labels": pl.List(pl.String)},
    )
    found = anchoring(answers, asked, gold=gold)
    assert (found.follows.shown, found.follows.blind) == ((3, 3), (1, 3))
    assert (found.right.shown, found.right.blind) == ((1, 2), (3, 3))
    assert (found.misled.shown, found.misled.blind) == ((1, 1), (0, 2))
    assert (found.skips.shown, found.skips.blind) == ((1, 5), (0, 3))
    assert found.sentence == (
        "100 % of 3 answers that were shown a suggestion follow it, 33 % of 3 blind ones: chance explains that (p = 0.4)"
    )
    assert json.loads(json.dumps(found.to_dict()))["misled"]["shown"] == [1, 1]
    bare = anchoring(answers, asked)
    assert (bare.right.p, bare.misled.p, bare.notes) == (None, None, ())


def test_what_the_tool_says_otherwise_is_counted_and_changes_nothing():
    answers, asked = one_by_one(
        [
            ("a", False, ["x"], "label", ["x"]),
            ("b", True, ["x"], "label", ["y"]),
            ("c", True, ["x"], "label", ["y"]),
        ]
    )
    told = answers.with_columns(suggested=pl.Series([True, True, None]))
    found = anchoring(told, asked)
    assert found.notes == (
        "1 answer was made with a suggestion where none was meant to be shown, or without one where it was",
    )
    assert found.follows == anchoring(answers, asked).follows


def test_requeued_assignments_and_other_batches_are_left_out():
    answers, asked = one_by_one([("a", False, ["x"], "label", ["x"]), ("b", True, ["x"], "label", ["y"])])
    moved = asked.with_columns(requeued_from=pl.when(pl.col("item") == "b").then(pl.lit("bob")))
    found = anchoring(answers, moved)
    assert found.follows.blind == (0, 0)
    assert found.sentence == (
        "there is nothing to compare: answers to suggested items are needed both with the suggestion and blind"
    )
    assert not found.anchored
    assert anchoring(answers.with_columns(batch=pl.lit("b2")), asked).follows.difference.n == 0
    with pytest.raises(GoldError, match="a level lies between 0 and 1, not 5"):
        anchoring(answers, asked, level=5)
