"""The frame lane: expressions over columns of any type."""

import polars as pl
import pytest

import weaklabel as wl
from weaklabel.errors import RuleError, RuleFault

SCHEMA = wl.LabelSchema(["x", "y"])


def apply(rules, frame, **options):
    return wl.LFApplier(wl.LFRegistry(rules, schema=SCHEMA), **options).apply(frame.with_row_index("id"))


def test_expressions_and_sql_give_the_same_votes():
    frame = pl.DataFrame({"text": ["short", "a longer text, by far", None, ""]})
    rules = [
        wl.where("expr", pl.col("text").str.len_chars() < 10, label="y"),
        wl.where("sql", "length(text) < 10", label="y"),
        wl.where("like", "text ILIKE '%LONGER%'", label="x"),
    ]
    assert apply(rules, frame).to_numpy().tolist() == [[1, 1, -1], [-1, -1, 0], [-1, -1, -1], [1, 1, -1]]


def test_null_and_nan_abstain_whatever_the_comparison():
    frame = pl.DataFrame({"price": [1.0, float("nan"), None, float("inf")], "n": [1, 2, None, 4]})
    rules = [
        wl.where("above", pl.col("price") > 3, label="x"),
        wl.where("below", "price < 3", label="y"),
        wl.where("missing", pl.col("price").is_null(), label="y"),
        wl.where("even", "n % 2 = 0", label="x"),
    ]
    want = [[-1, 1, -1, -1], [-1, -1, 1, 0], [-1, -1, 1, -1], [0, -1, -1, 0]]
    assert apply(rules, frame).to_numpy().tolist() == want


def test_an_expression_that_does_not_fit_the_columns_is_an_error_of_the_rule():
    with pytest.raises(RuleError, match="rule 'r' can't be evaluated on these columns") as caught:
        apply([wl.where("r", pl.col("n").str.len_chars() < 3, label="x")], pl.DataFrame({"n": [1]}))
    assert caught.value.available == ("n: Int64",)
    with pytest.raises(RuleError, match="rule 'r' gives UInt32, not true or false"):
        apply([wl.where("r", pl.col("t").str.len_chars(), label="x")], pl.DataFrame({"t": ["a"]}))


def test_the_row_on_which_it_fails_is_named_or_counted():
    frame = pl.DataFrame({"n": ["1", "2", "x", "40", "y", None]})
    rules = [
        wl.where("number", pl.col("n").cast(pl.Int64) > 10, label="x"),
        wl.where("two", pl.col("n") == "2", label="y"),
    ]
    with pytest.raises(RuleFault, match="rule 'number' failed: conversion") as caught:
        apply(rules, frame)
    assert "row '2', n='x'" in caught.value.where
    votes = apply(rules, frame, on_error="abstain")
    assert votes.to_numpy().tolist() == [[-1, -1], [-1, 1], [-2, -1], [0, -1], [-2, -1], [-1, -1]]
    assert votes.faults == {"number": 2}


def test_types_other_than_text():
    from datetime import date

    frame = pl.DataFrame(
        {"when": [date(2020, 1, 1), date(2024, 5, 1)], "tags": [["a", "b"], []], "ok": [True, None]}
    )
    rules = [
        wl.where("new", pl.col("when") > date(2023, 1, 1), label="x"),
        wl.where("tagged", pl.col("tags").list.contains("b"), label="y"),
        wl.where("ok", pl.col("ok"), label="x"),
    ]
    assert apply(rules, frame).to_numpy().tolist() == [[-1, 1, 0], [0, -1, -1]]


def test_a_column_of_nothing_but_nulls_is_text_or_number_as_the_rule_needs():
    frame = pl.DataFrame({"x": [None, None], "y": ["ab", None]})
    rules = [
        wl.where("text", "length(x) < 20", label="x"),
        wl.where("like", "x LIKE 'a%' OR y LIKE 'a%'", label="x"),
        wl.where("number", pl.col("x") > 3, label="x"),
        wl.where("null", "x IS NULL AND y IS NULL", label="y"),
    ]
    assert apply(rules, frame).to_numpy().tolist() == [[-1, 0, -1, -1], [-1, -1, -1, 1]]


def test_a_python_function_that_raises_is_a_fault_of_its_row():
    def divides(n):
        if n == 0:
            raise ZeroDivisionError("division by zero")
        return True

    expression = pl.col("n").map_elements(divides, return_dtype=pl.Boolean)
    one = wl.where("divides", expression, label="x", version="1")
    with pytest.raises(RuleFault, match=r"rule 'divides' failed: division by zero\n  where") as caught:
        apply([one], pl.DataFrame({"n": [1, 0]}))
    assert "row '1', n=0" in caught.value.where
    assert apply([one], pl.DataFrame({"n": [1, 0]}), on_error="abstain").to_numpy().tolist() == [[0], [-2]]


def test_a_broken_regex_in_sql_says_what_is_wrong_with_it():
    with pytest.raises(RuleError, match=r"can't be evaluated on these columns: .*unclosed group"):
        apply([wl.where("r", "regexp_like(t, '(')", label="x")], pl.DataFrame({"t": ["a"]}))
