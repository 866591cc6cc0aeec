"""Rules written as Python functions: how they are made, what they read, what is refused."""

import functools

import pytest

import weaklabel as wl
from weaklabel.errors import RuleError


def test_a_decorator_with_or_without_arguments():
    @wl.labeling_function(label="spam", fires_on=["BUY NOW!!!"], owner="ann")
    def shouts(row):
        """Shouts all along.

        More.
        """
        return row["text"].isupper()

    @wl.labeling_function
    def either(row):
        return "spam" if row["text"] else None

    @wl.labeling_function()
    def third(row):
        return None

    assert (shouts.name, shouts.label, shouts.returns, shouts.owner) == ("shouts", "spam", "predicate", "ann")
    assert shouts.description == "Shouts all along."
    assert shouts.source.line == shouts.function.__code__.co_firstlineno
    assert (either.name, either.label, either.returns) == ("either", None, "label")
    assert third.returns == "label"
    assert shouts({"text": "HEY"}) is True
    assert either({"text": "x"}) == "spam"
    assert shouts.__name__ == "shouts"


def test_a_plain_call_names_a_lambda():
    rule = wl.labeling_function(lambda row: row["likes"] > 3, name="liked", label="x")
    assert (rule.name, rule.fields) == ("liked", ("likes",))
    with pytest.raises(RuleError, match="a labeling function needs a name"):
        wl.labeling_function(lambda row: True, label="x")


LIMIT = 3


def _helper(row):
    return row["text"]


@pytest.mark.parametrize(
    ("function", "fields"),
    [
        (lambda row: row["b"] > 1 and row["a"] and row["b"], ("b", "a")),
        (lambda row: row.get("a", 0) > LIMIT, ("a",)),
        (lambda row: any(w in row["t"] for w in "ab"), ("t",)),
        (lambda row: _helper(row), ()),
        (lambda row: row[str(LIMIT)], ()),
        (lambda row: row, ()),
        (lambda row: True, ()),
        (lambda row: row.items(), ()),
        (lambda row: {**row}["text"], ()),
        (lambda x: x["one"], ("one",)),
    ],
)
def test_fields_are_read_from_the_code_or_all(function, fields):
    assert wl.labeling_function(function, name="r", label="x").fields == fields


def test_fields_may_be_given():
    assert wl.labeling_function(_helper, label="x", fields=["text"]).fields == ("text",)
    with pytest.raises(RuleError, match="`fields` is a list of columns, not 'text'"):
        wl.labeling_function(_helper, label="x", fields="text")


def test_resources_are_passed_by_keyword_and_count():
    def in_words(row, words):
        return row["text"] in words

    rule = wl.labeling_function(in_words, label="x", resources={"words": {"a"}})
    assert rule({"text": "a"}) is True
    assert rule({"text": "b"}, words={"b"}) is True
    assert rule.fields == ("text",)
    assert (
        rule.fingerprint != wl.labeling_function(in_words, label="x", resources={"words": {"b"}}).fingerprint
    )


def test_objects_and_partials_with_a_name():
    class Longer:
        def __init__(self, limit):
            self.limit = limit

        def __call__(self, row):
            return len(row["text"]) > self.limit

    one = wl.labeling_function(Longer(3), name="longer", label="x")
    assert one({"text": "abcd"}) is True
    assert one.fingerprint != wl.labeling_function(Longer(4), name="longer", label="x").fingerprint
    assert one.fingerprint == wl.labeling_function(Longer(3), name="longer", label="x").fingerprint

    def over(row, limit):
        return len(row["text"]) > limit

    three = wl.labeling_function(functools.partial(over, limit=3), name="over", label="x")
    assert three({"text": "abcd"}) is True
    assert (
        three.fingerprint
        != wl.labeling_function(functools.partial(over, limit=4), name="over", label="x").fingerprint
    )


def _no_row():
    return True


def _two(row, words):
    return True


def _yields(row):
    yield True


async def _awaits(row):
    return True


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (_no_row, r"can't be called with \(row\): too many positional arguments"),
        (_two, r"can't be called with \(row\): missing a required argument: 'words'"),
        (_yields, "yields or awaits"),
        (_awaits, "yields or awaits"),
        (str, "is not a function"),
        ("name", "'name' is not a function"),
    ],
)
def test_what_is_no_function_of_a_row_is_refused(function, message):
    with pytest.raises(RuleError, match=message):
        wl.labeling_function(function, label="x")


def test_code_without_source_is_refused_with_the_rule_named():
    names: dict[str, object] = {}
    exec("def hidden(row):\n    return True", names)
    rule = wl.labeling_function(names["hidden"], label="x")
    assert rule.fields == ()
    with pytest.raises(RuleError, match="can't fingerprint 'hidden'") as caught:
        _ = rule.fingerprint
    assert "rule 'hidden'" in caught.value.where
    assert wl.labeling_function(names["hidden"], label="x", version="1").fingerprint


def test_a_rule_that_asks_another_rule():
    @wl.labeling_function(label="x")
    def loud(row):
        return row["text"].isupper()

    @wl.labeling_function(label="x")
    def loud_and_long(row):
        return loud(row) and len(row["text"]) > 10

    assert loud_and_long({"text": "VERY LONG TEXT"}) is True
    assert len(loud_and_long.fingerprint) == 32


# ---- options ----


def test_a_name_given_as_the_function():
    line = test_a_name_given_as_the_function.__code__.co_firstlineno
    with pytest.raises(RuleError, match="'thanks' is not a function") as caught:

        @wl.labeling_function("thanks")
        def says_thanks(row):
            return "thanks" in row["text"]

    assert caught.value.hint == "options have names: @labeling_function(name='thanks', label=\"…\")"
    assert {"name", "label", "fires_on"} <= set(caught.value.available)
    assert caught.value.where == f"{__file__}:{line + 4}"


def test_a_misspelt_option_is_told_where_it_stands():
    line = test_a_misspelt_option_is_told_where_it_stands.__code__.co_firstlineno
    with pytest.raises(RuleError, match="unknown option 'lable' of labeling_function") as caught:

        @wl.labeling_function(lable="spam")
        def says_thanks(row):
            return "thanks" in row["text"]

    assert caught.value.hint == "did you mean 'label'?"
    assert {"name", "label", "outcomes", "fires_on"} <= set(caught.value.available)
    assert caught.value.where == f"{__file__}:{line + 4}"
    with pytest.raises(RuleError, match="unknown option 'feilds'"):
        wl.labeling_function(_helper, label="x", feilds=["text"])


# ---- functions of a text ----

WORDS = ("a", "b")


@pytest.mark.parametrize(
    "function",
    [
        lambda text: "thanks" in text,
        lambda text: any(w in text for w in WORDS),
        lambda text: len(text) < 20,
        lambda text: "a" not in text and len(text) > 3,
        lambda text: text == "yes",
        lambda text: "yes" == text,  # noqa: SIM300
    ],
)
def test_a_function_of_a_text_is_refused(function):
    with pytest.raises(RuleError, match="the function never looks into its row") as caught:
        wl.labeling_function(function, name="r", label="x")
    assert caught.value.hint == 'it gets a row, not a text: write row["text"]'
    assert "test_python.py:" in caught.value.where


@pytest.mark.parametrize(
    "function",
    [
        lambda row: "title" in row and row["title"] == "x",
        lambda row: len(row["text"]) < 20,
        lambda row: len(row) < 3 or _helper(row),
        lambda row: row["text"] == "yes",
        lambda row: "a" in str(row),
        lambda row: [c for c in row if c == "text"],
    ],
)
def test_a_function_that_looks_into_its_row_is_taken(function):
    assert wl.labeling_function(function, name="r", label="x").name == "r"


def test_the_decorator_keeps_every_option():
    @wl.labeling_function(
        name="n", label="spam", fields=["text"], resources={"a": 1}, vectorized=True, owner="ann"
    )
    def loud(frame, a):
        return frame["text"].str.len_chars() > a

    assert (loud.name, loud.label, loud.fields, loud.owner) == ("n", "spam", ("text",), "ann")
    assert loud.vectorized and dict(loud.resources) == {"a": 1}
    assert loud == wl.labeling_function(
        loud.function,
        name="n",
        label="spam",
        fields=["text"],
        resources={"a": 1},
        vectorized=True,
        owner="ann",
        description="",
    )
