"""Vectorised Python rules: votes as the row form gives them, and faults with the row where there is one."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import weaklabel as wl
from weaklabel.apply import Limits
from weaklabel.errors import RuleFault

SCHEMA = wl.LabelSchema(["ham", wl.Label("spam", aliases=("junk",)), "other"])


def apply(rules, texts=("a", "b", None), on_error="raise", limits=None, **columns):
    registry = wl.LFRegistry(rules if isinstance(rules, list) else [rules], schema=SCHEMA)
    frame = pl.DataFrame(
        {"id": [f"row{i}" for i in range(len(texts))], "text": pl.Series(texts, dtype=pl.String), **columns}
    )
    return wl.LFApplier(registry, on_error=on_error, limits=limits or Limits()).apply(frame)


def rule(function, **options):
    return wl.labeling_function(function, **{"name": "r", "version": "1", "vectorized": True, **options})


def votes(*args, **options):
    return apply(*args, **options).to_numpy()[:, 0].tolist()


@pytest.mark.parametrize(
    "function",
    [
        lambda frame: frame["text"] == "a",
        lambda frame: pl.col("text") == "a",
        lambda frame: np.array([True, False, False]),
        lambda frame: np.array([True, False, None], dtype=object),
        lambda frame: [True, False, None],
        lambda frame: (True, None, False),
        lambda frame: frame.to_pandas()["text"] == "a",
        lambda frame: (frame["text"] == "a").to_arrow(),
    ],
)
def test_a_predicate_answers_true_or_false_for_each_row(function):
    assert votes(rule(function, label="spam")) == [1, -1, -1]


@pytest.mark.parametrize(
    "function",
    [
        lambda frame: ["ham", "junk", None],
        lambda frame: pl.Series(["ham", "spam", None], dtype=pl.Categorical),
        lambda frame: pl.when(pl.col("text") == "a").then(pl.lit("ham")).when(pl.col("text") == "b").then(pl.lit("junk")),
        lambda frame: np.array(["ham", "spam", None], dtype=object),
    ],
)  # fmt: skip
def test_without_a_label_it_answers_names_or_null(function):
    assert votes(rule(function)) == [0, 1, -1]


def test_nothing_but_nulls_abstains():
    assert votes(rule(lambda frame: [None] * 3)) == [-1] * 3
    assert votes(rule(lambda frame: [None] * 3, label="spam")) == [-1] * 3


def test_names_of_outcomes_are_votes():
    either = rule(lambda frame: ["ham or other", "spam", "not spam"], outcomes=[wl.any_of("ham", "other"), wl.none_of("spam")])  # fmt: skip
    assert votes(either) == [3, 1, 4]
    voted = rule(lambda frame: frame["text"] == "a", label=wl.none_of("spam"))
    assert votes(voted) == [3, -1, -1]


@pytest.mark.parametrize(
    ("options", "answer", "message", "hint"),
    [
        ({"label": "spam"}, [True], r"returned 1 answers for 3 rows", "one answer for each row"),
        ({"label": "spam"}, pl.lit(True), r"returned 1 answers for 3 rows", "one answer for each row"),
        ({"label": "spam"}, True, "returned True, which is no column", "one answer for each row"),
        ({"label": "spam"}, [1, 2, 3], "returned Int64, not true or false", "compare it with something"),
        ({"label": "spam"}, "spam", "returned 'spam', which is no column", "one answer for each row"),
        (
            {"label": "spam"},
            pl.DataFrame({"a": [True] * 3}),
            "returned shape: .* which is no column",
            "one ans",
        ),
        ({"label": "spam"}, pl.all(), "returned an expression that gives 2 columns", "one column"),
        ({"label": "spam"}, [True, "x", 1], "which makes no column", "one answer for each row"),
        (
            {"label": "spam"},
            np.ones((3, 1), bool),
            "returned an array of 2 dimensions",
            "one answer for each",
        ),
        ({}, [True, False, True], "returned Boolean, not names of labels", "return names of labels"),
        ({}, [0, 1, -1], "returned Int64, not names of labels", "return names of labels"),
    ],
)
def test_what_is_no_column_of_votes_is_one_fault(options, answer, message, hint):
    bad = rule(lambda frame: answer, fields=["id", "text"], **options)
    with pytest.raises(RuleFault, match=f"rule 'r' .*{message}") as caught:
        apply(bad)
    assert caught.value.where.startswith("rule 'r' at ") and "test_vector_lane.py:" in caught.value.where
    assert caught.value.hint.startswith(hint)
    counted = apply(bad, on_error="abstain")
    assert counted.to_numpy()[:, 0].tolist() == [-2, -2, -2]
    assert counted.faults == {"r": 3}


def test_an_unknown_label_is_a_fault_of_its_row():
    bad = rule(lambda frame: ["ham", "spma", "spam"], fields=["text"])
    with pytest.raises(RuleFault, match="rule 'r' returned the unknown label 'spma'") as caught:
        apply(bad)
    assert "row 'row1', text='b'" in caught.value.where
    assert (caught.value.hint, caught.value.available) == ("did you mean 'spam'?", SCHEMA.names)
    counted = apply(bad, on_error="abstain")
    assert (counted.to_numpy()[:, 0].tolist(), counted.faults) == ([0, -2, 1], {"r": 1})


def number(frame):
    return frame["text"].cast(pl.Int64) > 3


@given(st.lists(st.sampled_from(["1", "7", "x", None, "y", "9"]), min_size=1, max_size=40))
def test_where_it_raises_the_other_rows_still_vote(texts):
    found = apply(rule(number, label="spam"), texts, on_error="abstain")
    expected = [-2 if t in ("x", "y") else 1 if t is not None and int(t) > 3 else -1 for t in texts]
    assert found.to_numpy()[:, 0].tolist() == expected
    assert found.faults.get("r", 0) == expected.count(-2)


def test_the_first_row_on_which_it_raises_is_named():
    with pytest.raises(RuleFault, match="rule 'r' raised InvalidOperationError: ") as caught:
        apply(rule(number, label="spam"), ["1", "2", "x", "4", "y"])
    assert "row 'row2', text='x'" in caught.value.where
    strict = rule(number, label="spam", on_error="raise")
    with pytest.raises(RuleFault):
        apply(strict, ["x"], on_error="abstain")


def test_a_column_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(RuleFault, match="rule 'r' raised ColumnNotFoundError: ") as caught:
        apply(rule(lambda frame: frame["txet"].is_null(), label="spam", fields=["text"]))
    assert caught.value.available == ("text",)
    with pytest.raises(RuleFault, match="rule 'r' raised ColumnNotFoundError: ") as caught:
        apply(rule(lambda frame: frame["id"].is_null(), label="spam", fields=["text"]))
    assert caught.value.hint == "its `fields` do not name 'id': add it there"


def test_the_frame_holds_its_fields_in_their_order_or_all_columns():
    seen = []
    rules = [
        rule(lambda frame: seen.append(frame.columns) or [None], name="one", fields=["n", "text"]),
        rule(lambda frame: seen.append(frame.columns) or [None], name="two"),
    ]
    apply(rules, ["a"], n=[1], more=[2])
    assert seen == [["n", "text"], ["id", "text", "n", "more"]]


def test_what_it_does_to_its_frame_is_not_seen_by_others():
    def changes(frame):
        frame.replace_column(0, pl.Series("text", ["z"] * frame.height))
        return frame["text"] == "z"

    rules = [rule(changes, name="one", label="ham"), rule(lambda frame: frame["text"] == "a", name="two", label="ham")]  # fmt: skip
    assert apply(rules, ["a", "b"]).to_numpy().tolist() == [[0, 0], [0, -1]]


def test_no_rows_are_not_shown():
    assert apply(rule(lambda frame: 1 / 0, label="spam"), []).to_numpy().shape == (0, 1)


def endless(frame):
    while True:
        pass


def test_a_rule_that_runs_away_is_ended():
    limits = Limits(seconds=0.2)
    with pytest.raises(RuleFault, match=r"rule 'r' took more than 0\.2 s on one batch"):
        apply(rule(endless, label="spam"), limits=limits)
    counted = apply(rule(endless, label="spam"), limits=limits, on_error="abstain")
    assert (counted.to_numpy()[:, 0].tolist(), counted.faults) == ([-2] * 3, {"r": 3})


ROW_FORMS = {
    "upper": (lambda row: (row["text"] or "").isupper(), lambda frame: frame["text"].str.contains(r"^[A-Z]+$")),
    "long": (lambda row: len(row["text"] or "") > 2, lambda frame: frame["text"].str.len_chars() > 2),
}  # fmt: skip


@given(st.lists(st.none() | st.text("ABab", max_size=4), max_size=30), st.integers(1, 7))
def test_row_form_and_shards_give_the_same_votes(texts, size):
    texts = [None if t is None or not t.isascii() else t for t in texts]
    rules = []
    for name, (by_row, by_frame) in ROW_FORMS.items():
        rules.append(wl.labeling_function(by_row, name=f"{name} row", label="ham", version="1"))
        rules.append(rule(by_frame, name=f"{name} frame", label="ham"))
    whole = apply(rules, texts).to_numpy()
    assert (whole[:, 0::2] == whole[:, 1::2]).all()
    parts = [apply(rules, texts[i : i + size]).to_numpy() for i in range(0, len(texts), size)]
    assert not parts or (np.concatenate(parts) == whole).all()


# ---- examples ----


def check(one, **options):
    return wl.check_examples(wl.LFRegistry([one], schema=SCHEMA, **options))


def test_examples_run_on_frames_of_one_row():
    def shouts(frame):
        return frame["text"].str.contains("!!")

    good = rule(shouts, label="spam", fires_on=["Buy!!"], abstains_on=["Buy!"])
    assert check(good) == []
    [failure] = check(rule(shouts, label="spam", fires_on=["Buy!"]))
    assert failure.what == "rule 'r' abstains on an example that it should fire on: 'Buy!'"
    by_label = rule(lambda frame: frame["text"], fires_on={"ham": ["ham"], "spam": ["junk"]})
    assert check(by_label) == []


def test_a_rule_that_looks_at_all_rows_together_is_found_by_its_examples():
    def longest(frame):
        length = frame["text"].str.len_chars()
        return length == length.max()

    together = rule(longest, label="spam", fires_on=["long", "x"])
    [failure] = check(together)
    assert failure.what == "rule 'r' votes otherwise on its examples together than on each alone"
    assert "test_vector_lane.py:" in failure.where
    assert failure.hint.startswith("a vectorised function looks at each row by itself")
    # a run can't tell: the votes depend on the rows that are shown together
    assert votes(together, ["long", "x"]) == [1, -1]
    assert votes(together, ["x"]) == [1]
