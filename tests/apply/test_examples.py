"""The rules' own examples."""

import polars as pl
import pytest

import weaklabel as wl

SCHEMA = wl.LabelSchema(["ham", "spam"])


def check(*rules):
    return wl.check_examples(wl.LFRegistry(rules, schema=SCHEMA))


def test_sound_examples_of_every_kind_pass():
    def shouts(row):
        return row["text"].isupper() and row["likes"] < 3

    failures = check(
        wl.keywords("k", ["refund"], label="ham", fires_on=["refund"], abstains_on=["refunds", ""]),
        wl.regex(
            "r", "x", label="ham", field="body", fires_on=["x", {"body": "xx", "more": 1}], abstains_on=["y"]
        ),
        wl.where("w", "length(text) < 3 and n > 1", label="spam", fires_on=[{"text": "a", "n": 2}]),
        wl.where(
            "short", "length(text) < 3", label="spam", fires_on=["a"], abstains_on=["abcd", {"text": None}]
        ),
        wl.lookup("l", {"a": "ham", "b": "spam"}, fires_on=["a", "b", "b c"], abstains_on=["a b"]),
        wl.spacy_pattern("s", [{"LOWER": "a"}], label="ham", fires_on=["A"], abstains_on=["b"]),
        wl.labeling_function(shouts, label="spam", fires_on=[{"text": "A", "likes": 1}]),
        wl.labeling_function(
            lambda row: "spam" if row["text"] == "x" else None, name="p", fires_on=["x"], abstains_on=["y"]
        ),
    )
    assert failures == []


def test_all_failures_are_reported_with_their_place():
    failures = check(
        wl.keywords(
            "k", ["refund"], label="ham", fires_on=["refunds", "refund", "no"], abstains_on=["refund"]
        ),
        wl.where("w", "length(text) < 3 and n > 1", label="spam", fires_on=["a"]),
        wl.labeling_function(lambda row: 1 / 0, name="p", label="spam", fires_on=["x"]),
        wl.lookup("l", {"a": "ham", "b": "spam"}, abstains_on=["b"]),
        wl.spacy_pattern("s", [{"LEMMA": "a"}], label="ham", fires_on=["A"]),
        wl.where("t", "n > 1", label="spam", fires_on=[{"n": "a"}]),
    )
    assert [f.what.partition(": spaCy")[0].partition(" on these columns")[0] for f in failures] == [
        "rule 'k' abstains on an example that it should fire on: 'refunds'",
        "rule 'k' abstains on an example that it should fire on: 'no'",
        "rule 'k' votes 'ham' on an example that it should abstain on: 'refund'",
        "an example of rule 'w' lacks the fields it reads: n",
        "rule 'p' raised ZeroDivisionError: division by zero",
        "rule 'l' votes 'spam' on an example that it should abstain on: 'b'",
        "rule 's'",
        "rule 't' can't be evaluated",
    ]
    assert all("test_examples.py:" in f.where for f in failures)


def test_on_error_abstain_does_not_hide_a_failing_example():
    rule = wl.labeling_function(
        lambda row: 1 / 0, name="p", label="spam", abstains_on=["x"], on_error="abstain"
    )
    assert len(check(rule)) == 1


def test_nulls_take_their_type_from_the_other_examples_or_suit_the_rule():
    failures = check(
        wl.where("n", "n > 3", label="spam", fires_on=[{"n": 5}], abstains_on=[{"n": None}, {"n": 2}]),
        wl.where("only", "n > 3", label="spam", abstains_on=[{"n": None}]),
        wl.where("text", "length(text) > 3", label="spam", abstains_on=[{"text": None}]),
        wl.regex("r", "a", label="spam", fires_on=["a"], abstains_on=[{"text": None}]),
    )
    assert failures == []


def test_an_example_that_is_no_row():
    failures = check(wl.where("n", "n > 3", label="spam", fires_on=[{"n": 2**200}, {"n": object}, {"n": 4}]))
    assert [f.what.partition(":")[0] for f in failures] == [
        "an example of rule 'n' is no row",
        "rule 'n' can't be evaluated on these columns",
    ]


def test_rules_without_examples_are_not_run():
    assert check(wl.spacy_pattern("s", [{"LOWER": "a"}], label="ham", pipeline="nosuch")) == []


PARCELS = wl.LabelSchema(["billing", "delivery", "returns"])
AMBIGUOUS = wl.any_of("delivery", "returns")


def about_parcels(row):
    if "back" in row["text"]:
        return "returns"
    if "where" in row["text"]:
        return "delivery"
    return AMBIGUOUS if "parcel" in row["text"] else None


class SnorkelLike:
    name, _pre = "s", ()

    def __init__(self):
        self._f, self._resources = self, {}

    def __call__(self, row):
        return 1


def failures_of(*rules):
    return [f.what for f in wl.check_examples(wl.LFRegistry(rules, schema=PARCELS))]


def test_examples_by_label_must_get_that_label():
    sound = wl.labeling_function(
        about_parcels,
        outcomes=[AMBIGUOUS],
        fires_on={"delivery": ["where is it?"], "returns": ["take it back"], AMBIGUOUS: ["a parcel"]},
        abstains_on=["hello"],
    )
    assert failures_of(sound) == []
    wrong = wl.labeling_function(
        about_parcels,
        outcomes=[AMBIGUOUS],
        fires_on={
            "delivery": ["where is my money back?", "hello", "a parcel"],
            AMBIGUOUS: [{"text": "where"}],
        },
        abstains_on=["parcel"],
    )
    assert failures_of(wrong) == [
        "rule 'about_parcels' votes 'returns', expected 'delivery', on the example 'where is my money back?'",
        "rule 'about_parcels' abstains, expected 'delivery', on the example 'hello'",
        "rule 'about_parcels' votes 'delivery or returns', expected 'delivery', on the example 'a parcel'",
        "rule 'about_parcels' votes 'delivery', expected 'delivery or returns', on the example {'text': 'where'}",
        "rule 'about_parcels' votes 'delivery or returns' on an example that it should abstain on: 'parcel'",
    ]


def test_examples_by_label_of_a_lookup_and_of_a_snorkel_rule():
    brands = wl.lookup(
        "l", {"a": "billing", "b": "returns"}, fires_on={"billing": ["a", "b"], "returns": ["b"]}
    )
    assert failures_of(brands) == ["rule 'l' votes 'returns', expected 'billing', on the example 'b'"]
    rule = wl.from_snorkel(SnorkelLike(), version="1", fires_on={"delivery": ["a"], "returns": ["b"]})
    assert failures_of(rule) == ["rule 's' votes 'delivery', expected 'returns', on the example 'b'"]


def test_where_rules_without_examples_are_true_or_false():
    rules = [
        wl.where("count", "length(text)", label="ham"),
        wl.where("sum", "length(text) + stars", label="ham"),
        wl.where("math", "stars * 2", label="ham"),
        wl.where("case", "CASE WHEN stars > 3 THEN 1 ELSE 0 END", label="ham"),
        wl.where("joined", "a || b", label="ham"),
    ]
    failures = check(*rules)
    assert [f.what.split(" gives ")[0] for f in failures] == [f"rule {r.name!r}" for r in rules]
    assert all(f.what.endswith(", not true or false") for f in failures)
    assert {f.hint for f in failures} == {"compare it with something: … > 0"}
    assert failures[0].available == ("text",)
    assert "test_examples.py:" in failures[0].where


@pytest.mark.parametrize(
    "expression",
    [
        "length(text) < 20",
        "length(text) < stars",
        "flag",
        "a AND NOT b",
        "CASE WHEN stars > 3 THEN flag ELSE other END",
        "a + b + c + d",
        "coalesce(flag, other)",
        pl.col("s").struct.field("flag"),
        pl.col("flags").list.first(),
        pl.col("flags").list.eval(pl.element() > 3).list.all(),
        pl.col("when").dt.year() > 2020,
        pl.col("flags").arr.first(),
        pl.col("tags").is_in(["a"]),
    ],
)
def test_no_alarm_where_types_could_make_it_true_or_false(expression):
    assert check(wl.where("w", expression, label="ham")) == []


def test_columns_that_the_corpus_has_not():
    rules = [
        wl.where("w", "length(txet) < 3", label="ham"),
        wl.regex("r", "a", label="ham", field="body", fires_on=["a"]),
        wl.regex("t", "a", label="ham"),
        wl.labeling_function(lambda row: len(row.values()), name="all", label="ham"),
    ]
    registry = wl.LFRegistry(rules, schema=SCHEMA)
    failures = wl.check_examples(registry, columns=["id", "text"])
    assert [(f.what, f.hint, f.available) for f in failures] == [
        ("rule 'w' reads column 'txet', which the corpus has not", "did you mean 'text'?", ("id", "text")),
        ("rule 'r' reads column 'body', which the corpus has not", None, ("id", "text")),
    ]
    assert wl.check_examples(registry) == []
