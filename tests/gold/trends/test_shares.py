"""Who labels, and how that has moved."""

import datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

import naive
from weaklabel.gold.trends.occasions import OCCASIONS
from weaklabel.gold.trends.shares import MADE, MOVED, RUNS, SETTLED, made_by_people, moved

W1, W2, W3 = (datetime.date(2026, 3, day) for day in (2, 9, 16))


def rows_of(*rows):
    base = {"batch": "b1", "kind": "label", "labels": ["ham"], "week": W1, "aside": False}
    return pl.DataFrame([base | row for row in rows], schema=OCCASIONS)


def settled_of(*rows):
    return pl.DataFrame(list(rows), schema=SETTLED, orient="row")


def how(rows, *settled, gold=None):
    return dict(made_by_people(rows, settled_of(*settled), gold).select("item", "how").iter_rows())


def test_a_label_is_by_suggestion_when_most_accepted_it():
    accepted = {"suggested": True, "suggestion": ["ham"]}
    refused = {"suggested": True, "suggestion": ["spam"]}
    blind, dark = {"suggested": False}, {"suggested": None}
    cases = {
        "a": [accepted, accepted, blind],
        "b": [accepted, blind],  # half is not most
        "c": [refused, refused, refused],  # they said otherwise
        "d": [dark, dark, blind],
        "e": [dark, blind],
    }
    rows = rows_of(*({"item": item, "annotator": str(n), **one} for item, case in cases.items()
                     for n, one in enumerate(case)))  # fmt: skip
    found = how(rows, *((item, "b1", "ham") for item in cases))
    assert found == {"a": "suggestion", "b": "hand", "c": "hand", "d": "unknown", "e": "hand"}


def test_answers_that_name_another_label_or_are_set_aside_say_nothing():
    accepted = {"suggested": True, "suggestion": ["ham"]}
    rows = rows_of(
        {"item": "a", "annotator": "1", **accepted},
        {"item": "a", "annotator": "2", "labels": ["spam"], "suggested": False},
        {"item": "a", "annotator": "3", "suggested": False, "aside": True},
        {"item": "a", "annotator": "4", "suggested": False, "batch": "b2"},
    )
    assert how(rows, ("a", "b1", "ham")) == {"a": "suggestion"}
    assert how(rows, ("a", "b1", "news")) == {}


def test_none_of_the_labels_is_a_label_too():
    rows = rows_of({"item": "a", "annotator": "1", "kind": "none", "labels": [], "suggested": False})
    assert how(rows, ("a", "b1", None)) == {"a": "hand"}


def test_gold_is_by_hand_from_the_day_it_became_gold():
    accepted = {"item": "a", "annotator": "1", "suggested": True, "suggestion": ["ham"]}
    gold = pl.DataFrame({"item": ["a", "g"], "at": [datetime.datetime(2026, 3, 12, tzinfo=datetime.UTC)] * 2})
    found = made_by_people(rows_of(accepted), settled_of(("a", "b1", "ham")), gold)
    assert found.rows() == [("a", "hand", W2, True), ("g", "hand", W2, True)]


def test_shares_by_hand():
    made = pl.DataFrame(
        [("a", "hand", W1, True), ("b", "suggestion", W2, False), ("c", "unknown", W3, False)],
        schema=MADE,
        orient="row",
    )
    days = [datetime.datetime(2026, 3, day, tzinfo=datetime.UTC) for day in (10, 11)]
    runs = pl.DataFrame([("r1", days[0], 50), ("r2", days[1], 100)], schema=RUNS, orient="row")
    both = pl.DataFrame({"run": ["r2", "r2", "r1", "r2"], "item": ["a", "c", "b", "elsewhere"]})
    found = moved(made, runs, both)
    assert found.select("week", "hand", "suggestion", "unknown", "rule", "total").rows() == [
        (W1, 1, 0, 0, 0, 1),
        (W2, 1, 1, 0, 99, 101),  # the latest run; a was labeled by hand already
        (W3, 1, 1, 1, 98, 101),
    ]
    assert found["rule_share"].to_list() == [0.0, 99 / 101, 98 / 101]


def test_nothing():
    nothing = pl.DataFrame(schema={"run": pl.String, "item": pl.String})
    found = moved(pl.DataFrame(schema=MADE), pl.DataFrame(schema=RUNS), nothing)
    assert found.height == 0 and found.schema == pl.Schema(MOVED)


WEEKS = st.sampled_from([W1, W2, W3])
PEOPLE = st.dictionaries(
    st.sampled_from("abcdef"), st.tuples(st.sampled_from(["hand", "suggestion", "unknown"]), WEEKS)
)
LABELED = st.lists(st.tuples(WEEKS, st.sets(st.sampled_from("abcdefghij"))), max_size=4)


@given(PEOPLE, LABELED, st.integers(0, 2**31))
def test_as_the_twin_says_in_any_order(people, labeled, seed):
    made = pl.DataFrame([(i, h, w, False) for i, (h, w) in people.items()], schema=MADE, orient="row")
    named = [
        (week, f"r{n}", items) for n, (week, items) in enumerate(sorted(labeled, key=lambda one: one[0]))
    ]
    noon = datetime.time(12, tzinfo=datetime.UTC)
    rows = [(run, datetime.datetime.combine(week, noon), len(items)) for week, run, items in named]
    runs = pl.DataFrame(rows, schema=RUNS, orient="row")
    pairs = [(run, item) for _, run, items in named for item in items]
    both = pl.DataFrame(pairs, schema={"run": pl.String, "item": pl.String}, orient="row")
    found = moved(made, runs, both)
    twin = naive.moved(people, [(week, run, len(items)) for week, run, items in named], pairs)
    names = ("hand", "suggestion", "unknown", "rule")
    assert {r["week"]: tuple(r[name] for name in names) for r in found.to_dicts()} == twin
    assert (found["total"] >= 0).all() and found.select("rule").min().item() in (None, *range(11))

    def mix(frame):
        return frame.sample(fraction=1.0, shuffle=True, seed=seed)

    assert moved(mix(made), mix(runs), mix(both)).equals(found)
