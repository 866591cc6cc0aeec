"""Python rules over rows: votes, faults, and what is no vote."""

import datetime
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import weaklabel as wl
from weaklabel.errors import RuleFault

SCHEMA = wl.LabelSchema(["ham", wl.Label("spam", aliases=("junk",))])


def apply(rules, texts=("a", "b", "c"), on_error="raise", **columns):
    registry = wl.LFRegistry(rules if isinstance(rules, list) else [rules], schema=SCHEMA)
    frame = pl.DataFrame(
        {"id": [f"row{i}" for i in range(len(texts))], "text": pl.Series(texts, dtype=pl.String), **columns}
    )
    return wl.LFApplier(registry, on_error=on_error).apply(frame)


def rule(function, **options):
    return wl.labeling_function(function, **{"name": "r", "version": "1", **options})


@pytest.mark.parametrize(
    ("answer", "vote"),
    [(True, 1), (False, -1), (None, -1), (1, 1), (0, -1), (2.5, 1), ("", -1), (["x"], 1), ([], -1), (re.search("a", "a"), 1),
     (np.bool_(True), 1), (np.bool_(False), -1), (np.int64(0), -1)],
)  # fmt: skip
def test_a_predicate_votes_where_its_answer_is_true(answer, vote):
    assert apply(rule(lambda row: answer, label="spam")).to_numpy()[:, 0].tolist() == [vote] * 3


@pytest.mark.parametrize(
    ("answer", "vote"),
    [("spam", 1), ("junk", 1), ("ham", 0), (None, -1), (-1, -1), (wl.ABSTAIN, -1), (np.int8(-1), -1)],
)
def test_a_labeling_rule_names_its_label_or_abstains(answer, vote):
    assert apply(rule(lambda row: answer)).to_numpy()[:, 0].tolist() == [vote] * 3


@pytest.mark.parametrize(
    ("options", "answer", "message", "hint"),
    [
        ({}, "spma", "rule 'r' returned the unknown label 'spma'", "did you mean 'spam'?"),
        ({}, 1, "rule 'r' returned 1, which is no vote", "return the label's name, 'spam', not its code"),
        ({}, 7, "rule 'r' returned 7, which is no vote", "return the name of a label, or None to abstain"),
        (
            {},
            1.0,
            "rule 'r' returned 1.0, which is no vote",
            "return the name of a label, or None to abstain",
        ),
        (
            {},
            True,
            "rule 'r' returned True, which is no vote",
            "give the rule label=…, then it may return True or False",
        ),
        ({}, ["spam"], r"rule 'r' returned \['spam'\], which is no vote", None),
        ({}, wl.MISSING, "rule 'r' returned -2, which is no vote", None),
        (
            {"label": "spam"},
            -1,
            "rule 'r' returned -1, which is no yes or no",
            "return True or False; without label=",
        ),
        ({"label": "spam"}, float("nan"), "rule 'r' returned nan, which is no yes or no", None),
        (
            {"label": "spam"},
            np.array([1, 2]),
            r"rule 'r' returned array\(\[1, 2\]\), which is no yes or no",
            None,
        ),
    ],
)
def test_what_is_no_vote_is_a_fault(options, answer, message, hint):
    bad = rule(lambda row: answer, fields=["text"], **options)
    with pytest.raises(RuleFault, match=message) as caught:
        apply(bad)
    assert "test_python_lane.py" in caught.value.where
    assert "row 'row0', text='a'" in caught.value.where
    if hint:
        assert caught.value.hint.startswith(hint)
    counted = apply(bad, on_error="abstain")
    assert counted.to_numpy()[:, 0].tolist() == [-2, -2, -2]
    assert counted.faults == {"r": 3}


def test_a_rule_that_raises_is_named_with_place_row_and_value():
    @wl.labeling_function(label="spam")
    def second_word(row):
        return row["text"].split()[1] == "now"

    with pytest.raises(RuleFault) as caught:
        apply(second_word, ["buy now", "x" * 500, "b"])
    fault = caught.value
    assert fault.what == "rule 'second_word' raised IndexError: list index out of range"
    assert (
        f"test_python_lane.py:{second_word.function.__code__.co_firstlineno}, row 'row1', text='xxx"
        in fault.where
    )
    assert len(fault.where) < 400
    assert isinstance(fault.__cause__, IndexError)
    votes = apply(second_word, ["buy now", "x", "", None], on_error="abstain")
    assert votes.to_numpy()[:, 0].tolist() == [1, -2, -2, -2]
    assert votes.faults == {"second_word": 3}


def test_a_rules_own_on_error_wins():
    tolerant = rule(lambda row: 1 / 0, label="spam", on_error="abstain")
    assert apply(tolerant).faults == {"r": 3}
    strict = rule(lambda row: 1 / 0, label="spam", on_error="raise")
    with pytest.raises(RuleFault, match="raised ZeroDivisionError: division by zero"):
        apply(strict, on_error="abstain")


def test_a_rule_that_exits_does_not_end_the_run():
    import sys

    with pytest.raises(RuleFault, match="rule 'r' raised SystemExit"):
        apply(rule(lambda row: sys.exit(), label="spam"))


def test_rows_hold_the_fields_of_the_rule_and_can_not_be_changed():
    seen = []
    rules = [
        rule(lambda row: seen.append(dict(row)), name="some", fields=["n", "text"]),
        rule(lambda row: seen.append(dict(row)), name="all"),
    ]
    apply(rules, ["a"], n=[3], words=[["x", "y"]])
    assert seen == [{"n": 3, "text": "a"}, {"id": "row0", "text": "a", "n": 3, "words": ["x", "y"]}]

    def changes(row):
        row["text"] = "b"

    with pytest.raises(RuleFault, match=r"raised TypeError: .*does not support item assignment"):
        apply(rule(changes, label="spam"))


def test_resources_reach_the_function():
    def listed(row, words):
        return row["text"] in words

    assert apply(rule(listed, label="spam", resources={"words": {"a", "c"}})).to_numpy()[:, 0].tolist() == [
        1,
        -1,
        1,
    ]


def test_null_texts_reach_the_function():
    assert apply(rule(lambda row: row["text"] is None, label="ham"), ["a", None]).to_numpy()[
        :, 0
    ].tolist() == [-1, 0]


async def answered_later(row):
    return True


class Wordless:
    def __repr__(self):
        raise RuntimeError("no repr")

    def __bool__(self):
        raise WordlessError


class WordlessError(Exception):
    def __str__(self):
        raise RuntimeError("no str")


@pytest.mark.parametrize("label", ["spam", None])
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda row: answered_later(row), "returned a coroutine, which has not run yet"),
        (lambda row: (word for word in row), "returned a generator, which has not run yet"),
        (lambda row: NotImplemented, "returned NotImplemented"),
        (lambda row: Wordless(), "returned a Wordless, which is no"),
    ],
)
def test_answers_that_are_none_are_faults(label, function, message):
    with pytest.raises(RuleFault, match=message):
        apply(rule(function, label=label))
    assert apply(rule(function, label=label), on_error="abstain").faults == {"r": 3}


def test_what_a_rule_raises_is_told_in_one_short_line():
    def fails(row):
        raise ValueError("one\n" + "two" * 100_000)

    def speechless(row):
        raise WordlessError

    with pytest.raises(RuleFault, match="rule 'r' raised ValueError: one twotwo") as caught:
        apply(rule(fails, label="spam"))
    assert len(caught.value.what) < 400
    with pytest.raises(RuleFault, match="rule 'r' raised WordlessError: a WordlessError"):
        apply(rule(speechless, label="spam"))


def test_a_column_that_is_not_there_is_named_with_the_nearest():
    def reads(row):
        return [row[name] for name in ("text", "txet")]

    with pytest.raises(RuleFault, match="rule 'r' raised KeyError: 'txet'") as caught:
        apply(rule(reads, label="spam"))
    assert caught.value.available == ("id", "text")
    assert caught.value.hint == "did you mean 'text'?"
    with pytest.raises(RuleFault) as caught:
        apply(rule(lambda row: [row[name] for name in ("id",)], label="spam", fields=["text"]))
    assert caught.value.hint == "the rule's `fields` do not name 'id': add it there"

    def other(row):
        return {}["txet"]

    with pytest.raises(RuleFault) as caught:
        apply(rule(other, label="spam"))
    assert caught.value.available is None


def test_what_a_rule_does_to_a_list_in_its_row_is_not_seen_by_others():
    def changes(row):
        row["tags"].append("seen")
        row["more"]["n"] = 9
        return True

    def sees(row):
        return "seen" in row["tags"] or row["more"]["n"] == 9

    rules = [
        rule(changes, label="spam", name="one", fields=["tags", "more"]),
        rule(sees, label="spam", name="two", fields=["tags", "more"]),
    ]
    votes = apply(rules, tags=[["a"], [], ["b"]], more=[{"n": 1}] * 3)
    assert votes.to_numpy().tolist() == [[1, -1]] * 3


# ---- what is true of every row because something was left out ----

LEAVE_OUT = "leave label= out to return labels, or return True or False"


@pytest.mark.parametrize(
    ("function", "message", "hint"),
    [
        (lambda row: "spam", "returned 'spam', which is no yes or no", LEAVE_OUT),
        (lambda row: "anything", "returned 'anything'", LEAVE_OUT),
        (lambda row: np.str_("spam"), "returned .*spam", LEAVE_OUT),
        (lambda row: b"spam", "returned b'spam'", LEAVE_OUT),
        (lambda row: wl.none_of("spam"), "returned Outcome", LEAVE_OUT),
        (lambda row: wl.Label("spam"), "returned Label", LEAVE_OUT),
        (lambda row: row["text"].isupper, "returned <built-in method isupper", r"call it: add ()"),
        (lambda row: re.finditer("a", row["text"]), "returned <callable_iterator", "an iterator is true even when it is empty"),
        (lambda row: map(str, []), "returned <map", "an iterator is true even when it is empty"),
        (lambda row: re.compile("a"), "returned re.compile", "a pattern is always true: return what is found in it"),
        (lambda row: row, "returned mappingproxy", "the row is always true: return what is found in it"),
    ],
)  # fmt: skip
def test_a_predicate_that_says_nothing_is_a_fault(function, message, hint):
    with pytest.raises(RuleFault, match=message) as caught:
        apply(rule(function, label="spam"))
    assert caught.value.hint.startswith(hint)
    assert caught.value.available is None
    assert apply(rule(function, label="spam"), on_error="abstain").faults == {"r": 3}


@pytest.mark.parametrize(
    ("answer", "vote"),
    [("", -1), (b"", -1), (["a"], 1), ((), -1), ({"a": 1}, 1), ({}, -1), ({"a"}, 1), (range(0), -1)],
)
def test_texts_that_are_empty_and_collections_are_yes_or_no(answer, vote):
    assert apply(rule(lambda row: answer, label="spam")).to_numpy()[:, 0].tolist() == [vote] * 3


# ---- a row is not a text and has no attributes ----

LOOK = 'the function gets a row, a mapping from column to value: write row["text"]'


def reads_attribute(row):
    return row.text == "a"


def reads_other_attribute(row):
    return row.likes > 3


def of_text(text):
    return text.lower() == "a"


def searches(text):
    return re.search("a", text)


def first_letter(text):
    return text[0] == "a"


def adds(text):
    return text + "a"


@pytest.mark.parametrize(
    ("function", "message", "hint"),
    [
        (reads_attribute, "raised AttributeError: a row has no attribute 'text'", LOOK),
        (
            reads_other_attribute,
            "raised AttributeError: a row has no attribute 'likes'",
            LOOK.replace("text", "likes"),
        ),
        (of_text, "raised AttributeError: a row has no attribute 'lower'", LOOK),
        (searches, "raised TypeError: expected string or bytes-like object, got a row", LOOK),
        (first_letter, "raised KeyError: 0", LOOK),
        (adds, "raised TypeError: unsupported operand", LOOK),
    ],
)
def test_a_row_taken_for_a_text_or_an_object(function, message, hint):
    with pytest.raises(RuleFault, match=message) as caught:
        apply(rule(function, label="spam"), likes=[1, 2, 3])
    assert caught.value.hint == hint


def test_the_first_column_is_shown_where_there_is_no_text():
    registry = wl.LFRegistry([rule(of_text, label="spam", fields=["body"])], schema=SCHEMA)
    with pytest.raises(RuleFault) as caught:
        wl.LFApplier(registry).apply(pl.DataFrame({"id": ["a"], "body": ["b"]}))
    assert caught.value.hint == LOOK.replace("text", "body")


def test_other_attribute_errors_and_changed_rows_have_their_own_hints():
    with pytest.raises(RuleFault, match="'str' object has no attribute 'txet'") as caught:
        apply(rule(lambda row: row["text"].txet, label="spam"))
    assert caught.value.hint == 'on_error="abstain" counts such rows and goes on'

    def changes(row):
        row["text"] = "b"

    with pytest.raises(RuleFault, match="a row does not support item assignment") as caught:
        apply(rule(changes, label="spam"))
    assert caught.value.hint == "a row can't be changed; change a copy: dict(row)"


# ---- every row is asked once, and every answer counts for its own row ----

ANSWERS = {
    "true": (True, 1), "false": (False, -1), "none": (None, -1), "match": (re.search("a", "a"), 1), "empty": ([], -1),
    "full": ([0], 1), "one": (1, 1), "half": (0.5, 1), "text": ("x", -2), "minus": (-1, -2), "raises": (None, -2),
}  # fmt: skip
NAMES = {
    "ham": ("ham", 0), "spam": ("spam", 1), "junk": ("junk", 1), "none": (None, -1), "minus": (-1, -1),
    "unknown": ("spma", -2), "code": (1, -2), "raises": (None, -2),
}  # fmt: skip


@pytest.mark.parametrize(("label", "answers"), [("spam", ANSWERS), (None, NAMES)])
@given(data=st.data())
def test_answers_in_any_order_count_for_their_own_rows(label, answers, data):
    texts = data.draw(st.lists(st.sampled_from(sorted(answers)), max_size=40))
    asked = []

    def answer(row):
        asked.append(row["text"])
        return 1 / 0 if row["text"] == "raises" else answers[row["text"]][0]

    found = apply(rule(answer, label=label), texts, on_error="abstain")
    assert asked == texts
    assert found.to_numpy()[:, 0].tolist() == [answers[text][1] for text in texts]
    assert found.faults.get("r", 0) == sum(answers[text][1] == -2 for text in texts)


def test_rows_hold_python_values_of_every_type():
    day = datetime.datetime(2026, 3, 1, 12, 30)
    values = {
        "n": pl.Series([1, None], dtype=pl.UInt8), "f": [0.5, float("inf")], "b": [True, None], "d": [day.date(), None],
        "t": [day, None], "z": pl.Series([day, None]).dt.replace_time_zone("Europe/Rome"), "s": [day - day, None],
        "c": pl.Series(["x", None], dtype=pl.Categorical), "x": [b"x", None], "l": [["a", None], []],
        "m": [[{"a": 1}], None], "o": [{"a": 1, "b": None}, {"a": 2, "b": None}], "nothing": [None, None],
        "money": pl.Series(["1.50", None]).cast(pl.Decimal(10, 2)), "e": pl.Series(["x", "x"], dtype=pl.Enum(["x"])),
        "array": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int64, 2)),
    }  # fmt: skip
    seen = []
    apply(rule(lambda row: seen.append(dict(row))), ["a", "b"], **values)
    expected = list(
        pl.DataFrame({"id": ["row0", "row1"], "text": ["a", "b"], **values}).iter_rows(named=True)
    )
    assert seen == expected
    assert [list(map(type, row.values())) for row in seen] == [list(map(type, r.values())) for r in expected]
