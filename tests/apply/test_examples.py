"""The rules' own examples."""

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
