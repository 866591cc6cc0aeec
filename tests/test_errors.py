"""Errors say what, where, what is available and what to do, and survive the way back from a worker process."""

import pickle

import pytest

from weaklabel import errors


def test_message_has_every_part_in_order():
    error = errors.RuleError(
        "broken regex", where="rules.yaml:3", available=["a", "b"], hint="close the bracket"
    )
    assert str(error) == ("broken regex\n  where: rules.yaml:3\n  available: a, b\n  hint: close the bracket")


def test_parts_that_are_not_known_are_left_out():
    assert str(errors.RuleError("broken regex")) == "broken regex"
    assert str(errors.RuleError("x", available=[])) == "x\n  available: nothing"


def test_long_lists_are_shortened_and_counted():
    text = str(errors.RuleError("x", available=range(100)))
    assert "… (60 more)" in text
    assert "39" in text
    assert "40" not in text.replace("… (60 more)", "")


@pytest.mark.parametrize(
    "error",
    [
        errors.RuleFault("boom", where="f.py:2", available=["a"], hint="h"),
        errors.Problems("rules/", [errors.RuleError("one", where="a:1"), errors.SchemaError("two")]),
    ],
)
def test_errors_cross_process_boundaries(error):
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)


def test_problems_number_and_indent():
    text = str(errors.Problems("rules/", [errors.RuleError("one", where="a:1"), errors.RuleError("two")]))
    assert text == "2 problems in rules/\n  1. one\n     where: a:1\n  2. two"


def test_did_you_mean_is_silent_when_nothing_is_near():
    assert errors.did_you_mean("zzz", ["ham", "spam"]) is None
    assert errors.did_you_mean("SPAM", ["ham", "spam"]) == "did you mean 'spam'?"
    assert errors.did_you_mean("cat", ["cart", "cast", "dog"]) == "did you mean 'cast' or 'cart'?"
