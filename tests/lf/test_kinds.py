"""Each kind of rule by itself: what it means, what it refuses, what its fingerprint covers."""

import datetime
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
import strategies
import weaklabel as wl
from weaklabel.errors import RuleError
from weaklabel.lf.base import slug

MAKERS = {
    "keywords": lambda **meta: wl.keywords("a rule", ["refund"], label="x", **meta),
    "regex": lambda **meta: wl.regex("a rule", "refund", label="x", **meta),
    "where": lambda **meta: wl.where("a rule", "length(text) < 20", label="x", **meta),
    "spacy": lambda **meta: wl.spacy_pattern("a rule", [[{"LOWER": "refund"}]], label="x", **meta),
    "lookup": lambda **meta: wl.lookup("a rule", ["refund"], label="x", **meta),
    "python": lambda **meta: wl.labeling_function(_has_refund, name="a rule", label="x", **meta),
}


def _has_refund(row):
    return "refund" in row["text"]


@pytest.fixture(params=MAKERS)
def maker(request):
    return MAKERS[request.param]


# ---- the common part ----


def test_metadata_id_and_place(maker):
    rule = maker(
        owner="ann", description="asks", tags=["a", "b"], fires_on=["refund me"], abstains_on=[{"text": "no"}]
    )
    assert (rule.id, rule.column, rule.owner, rule.tags) == ("a_rule", "lf:a_rule", "ann", ("a", "b"))
    assert rule.fires_on == ("refund me",)
    assert rule.abstains_on == ({"text": "no"},)
    assert rule.fields == ("text",)
    assert Path(rule.source.file).name == "test_kinds.py"
    assert rule.source.line > 0


def test_makers_know_the_line_of_their_call():
    line = test_makers_know_the_line_of_their_call.__code__.co_firstlineno
    rule = wl.regex("r", "a", label="x")
    assert rule.source.line == line + 2


def test_rules_are_frozen_equal_by_meaning_and_hashable(maker):
    assert maker() == maker()
    assert maker() != maker(owner="ann")
    assert hash(maker()) == hash(maker())
    with pytest.raises(AttributeError):
        maker().name = "other"


def test_people_facing_parts_are_not_in_the_fingerprint_but_version_is(maker):
    plain = maker().fingerprint
    assert (
        maker(owner="ann", description="d", tags=["t"], id="other", fires_on=["refund"]).fingerprint == plain
    )
    assert maker(version="2").fingerprint != plain
    assert maker(on_error="abstain").fingerprint != plain


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"fires_on": "BUY"}, r"`fires_on` is a list, not 'BUY'"),
        ({"tags": "a"}, "`tags` is a list"),
        ({"tags": [1]}, "a tag is text, not 1"),
        ({"fires_on": [3]}, "an example is a text or a mapping from field to value, not 3"),
        ({"id": "a b"}, "'a b' is no id"),
        ({"owner": 3}, "`owner` is text, not 3"),
        ({"on_error": "ignore"}, "unknown on_error 'ignore'"),
    ],
)
def test_bad_metadata_is_refused_with_the_place(maker, meta, message):
    with pytest.raises(RuleError, match=message) as caught:
        maker(**meta)
    assert "rule 'a rule' at" in caught.value.where


def test_a_label_is_named_not_numbered():
    with pytest.raises(RuleError, match="a label's name is text, not 1"):
        wl.regex("r", "a", label=1)


def test_slug():
    assert slug("  Asks: for a Refund! ") == "asks_for_a_refund"
    assert slug("Größe") == "grösse"
    assert slug("!!!") == ""


def test_a_name_without_letters_needs_an_id():
    with pytest.raises(RuleError, match="'' is no id"):
        wl.regex("!!!", "a", label="x")


# ---- keywords ----


@pytest.mark.parametrize(
    ("term", "text", "fires"),
    [
        ("refund", "REFUND!", True),
        ("refund", "refunds", False),
        ("refund", "prerefund", False),
        ("refund", "_refund", False),
        ("refund", "refund2", False),
        ("refund", "a-refund-b", True),
        ("money back", "money \r\n\u00a0back", True),
        ("money back", "moneyback", False),
        ("money  back", "money back", True),
        ("straße", "STRASSE", True),
        ("café", "cafe\u0301", True),
        ("cafe", "café", False),
        ("$5", "for $5 only", True),
        ("$5", "for $50", False),
        ("$5", "US$5", False),
        ("👍", "ok 👍🏽", True),
        ("c++", "C++, C#", True),
        ("don't", "DON'T", True),
        ("refund", "", False),
        ("refund", "\x00refund\x00", True),
    ],
)
def test_keywords_worked_by_hand(term, text, fires):
    rule = wl.keywords("r", [term], label="x")
    assert rule.matches(text) is fires
    assert naive.holds_term(text, term) is fires


def test_keywords_case_and_accents():
    assert not wl.keywords("r", ["Apple"], label="x", case="sensitive").matches("apple")
    assert wl.keywords("r", ["Apple"], label="x", case="sensitive").matches("an Apple")
    assert wl.keywords("r", ["cafe"], label="x", accents="ignore").matches("Café")
    assert wl.keywords("r", ["ångström"], label="x", accents="ignore").matches("angstrom")


@settings(max_examples=100)
@given(
    strategies.hostile_texts(),
    strategies.rule_terms(),
    st.sampled_from(["ignore", "sensitive"]),
    st.booleans(),
)
def test_keywords_agree_with_the_naive_twin(text, terms, case, keep):
    accents = "keep" if keep else "ignore"
    usable = [t for t in terms if naive.comparable(t, case=case, accents=accents).strip()]
    if usable:
        rule = wl.keywords("r", usable, label="x", case=case, accents=accents)
        assert rule.matches(text) == any(
            naive.holds_term(text, t, case=case, accents=accents) for t in usable
        )


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ("refund", "`terms` is a list of words or phrases, not 'refund'"),
        ([], "no terms: the rule could never fire"),
        (["a", " "], "term 2 is empty"),
        (["a", False], "term 2 is text, not False"),
        (None, "`terms` is a list"),
    ],
)
def test_keywords_refuse(terms, message):
    with pytest.raises(RuleError, match=message):
        wl.keywords("r", terms, label="x")


def test_a_term_that_is_nothing_but_accents_is_refused_when_accents_are_ignored():
    with pytest.raises(RuleError, match="term 1 is empty"):
        wl.keywords("r", ["\u0301"], label="x", accents="ignore")


def test_keywords_fingerprint_is_of_the_set_of_terms():
    one = wl.keywords("r", ["a", "b c"], label="x").fingerprint
    assert one == wl.keywords("r", ["b  c", "a", "a"], label="x").fingerprint
    assert one != wl.keywords("r", ["a", "b d"], label="x").fingerprint
    assert one != wl.keywords("r", ["a", "b c"], label="y").fingerprint
    assert one != wl.keywords("r", ["a", "b c"], label="x", field="title").fingerprint


# ---- regex ----


def test_regex_cases():
    assert wl.regex("r", "FREE", label="x", case="ignore").matches("free")
    assert not wl.regex("r", "FREE", label="x", case="lower").matches("FREE")
    assert wl.regex("r", "free", label="x", case="lower").matches("FREE")
    assert wl.regex("r", "i̇", label="x", case="lower").matches("İ")
    assert wl.regex("r", r"(?is)a.b", label="x").matches("A\nB")


def test_broken_regex_says_where_in_it():
    with pytest.raises(RuleError) as caught:
        wl.regex("link", r"https?://(\w+", label="x")
    assert str(caught.value).startswith(
        "broken regex 'https?://(\\\\w+': missing ), unterminated subpattern at position 9, before '(\\\\w+'"
    )
    assert "rule 'link' at" in caught.value.where
    with pytest.raises(RuleError, match=r"at position 5 \(line 2, column 1\)"):
        wl.regex("two", "(?x)\n[a", label="x")
    with pytest.raises(RuleError, match="`pattern` is text"):
        wl.regex("r", re.compile("a"), label="x")


# ---- where ----


def test_where_takes_sql_or_an_expression():
    sql = wl.where("r", "length(text) < 20 AND likes > 3", label="x")
    assert sql.fields == ("text", "likes")
    expression = wl.where("r", pl.col("text").str.len_chars() < 20, label="x")
    assert expression.fields == ("text",)
    assert expression.fingerprint != wl.where("r", pl.col("text").str.len_chars() < 21, label="x").fingerprint
    assert sql.fingerprint == wl.where("r", "length(text) < 20  AND\n likes > 3", label="x").fingerprint
    values = [pl.col("a").is_in(["x", "y"]), pl.col("a").is_in(["x", "z"])]
    assert len({wl.where("r", v, label="x").fingerprint for v in values}) == 2


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("length(", "broken SQL 'length\\('"),
        ("nosuch(text) > 1", "broken SQL .*nosuch"),
        (3, "a Polars expression or SQL text is wanted, not 3"),
        (pl.lit(True), "names no column"),
        (pl.all() > 1, "names no column"),
        (pl.col("x") > pl.col("x").mean(), r"looks at other rows \(Agg\)"),
        ("x > avg(x)", "looks at other rows"),
        (pl.col("x").shift() > 1, r"looks at other rows \(Shift\)"),
        (pl.col("x").is_duplicated(), r"looks at other rows \(IsDuplicated\)"),
        (pl.col("x").sum().over("g") > 1, "looks at other rows"),
        (pl.col("x").rank() > 1, "looks at other rows"),
        (pl.col("x").cum_sum() > 1, "looks at other rows"),
        (pl.len() > pl.col("x"), "looks at other rows"),
        (pl.col("x").forward_fill() > 1, "looks at other rows"),
        (pl.col("x").is_nan(), r"is_nan\(\) of a column is never true here"),
    ],
)
def test_where_refuses(expression, message):
    with pytest.raises(RuleError, match=message):
        wl.where("r", expression, label="x")


@pytest.mark.parametrize(
    "expression",
    [
        pl.col("words").list.sum() > 3,
        pl.col("words").list.eval(pl.element().rank()).list.max() > 3,
        pl.col("text").str.reverse() == pl.col("text"),
        pl.col("Shift") > 1,
        pl.col("kind") == "Rank",
        pl.col("when").dt.year() > 2020,
        pl.any_horizontal("a", "b"),
    ],
)
def test_where_takes_what_stays_in_a_row(expression):
    assert wl.where("r", expression, label="x").fields


def test_where_with_a_python_function_needs_a_version():
    expression = pl.col("text").map_elements(_has_refund, return_dtype=pl.Boolean)
    with pytest.raises(RuleError, match="calls a Python function"):
        wl.where("r", expression, label="x")
    one = wl.where("r", expression, label="x", version="1")
    assert one.fingerprint != wl.where("r", expression, label="x", version="2").fingerprint


# ---- spaCy patterns ----


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ("money", "`patterns` is a list of token patterns, not 'money'"),
        ([], "`patterns` is a list of token patterns"),
        (["money"], "pattern 1 is a list of tokens, not 'money'"),
        ([[{"LOWER": "a"}], []], "pattern 2 is a list of tokens"),
        ([["money"]], "pattern 1: a token is a mapping, not 'money'"),
        ([[{"LOWR": "money"}]], "unknown attribute 'LOWR' of a token\n(.*\n)*.*did you mean 'LOWER'"),
        ([[{"LOWER": False}]], "LOWER is text, not False\n.*\n  hint: quote it: YAML reads yes, no, on, off"),
        ([[{"lower": 3}]], "LOWER is text, not 3"),
        ([[{"TEXT": {"IN": ["no", True]}}]], "IN of TEXT lists texts, not True"),
        ([[{"TEXT": {"IN": "no"}}]], "IN of TEXT is a list, not 'no'"),
        ([[{"TEXT": {"REGX": "a"}}]], "unknown test 'REGX' of TEXT"),
        ([[{"TEXT": {"REGEX": "(a"}}]], r"broken regex '\(a': missing \)"),
        ([[{"LOWER": "Thanks"}]], "LOWER is the token in lower case, which 'Thanks' never equals\n.*\n  hint: LOWER: thanks for any case, or TEXT: Thanks for exactly that"),
        ([[{"lower": {"IN": ["thanks", "ÄRGER"]}}]], "LOWER is the token in lower case, which 'ÄRGER' never equals"),
        ([[{"IS_ALPHA": "yes"}]], "IS_ALPHA is true or false, not 'yes'"),
        ([[{"LENGTH": {">=": "3"}}]], "LENGTH is a number, not '3'"),
        ([[{"LOWER": "a", "OP": "++"}]], r"unknown OP '\+\+'"),
        ([[{"_": {"seen": datetime.date(2020, 1, 1)}}]], "`patterns` holds no plain data"),
    ],
)  # fmt: skip
def test_spacy_patterns_refuse(patterns, message):
    with pytest.raises(RuleError, match=message):
        wl.spacy_pattern("r", patterns, label="x")


@pytest.mark.parametrize(
    "token",
    [
        {"LOWER": "thanks"},
        {"LOWER": {"REGEX": r"\S+[A-Z]"}},
        {"TEXT": "Thanks"},
        {"LOWER": {"FUZZY": "Thanks"}},
    ],
)
def test_what_may_match_is_taken(token):
    assert wl.spacy_pattern("r", [[token]], label="x").patterns == ((token,),)


def test_a_single_pattern_may_stand_alone():
    one = wl.spacy_pattern("r", [{"LOWER": "money"}], label="x")
    assert one == wl.spacy_pattern("r", [[{"LOWER": "money"}]], label="x")
    assert (
        one.fingerprint
        != wl.spacy_pattern("r", [{"LOWER": "money"}], label="x", pipeline="blank:de").fingerprint
    )


def test_a_word_boundary_that_became_a_backspace_is_refused():
    with pytest.raises(RuleError) as caught:
        wl.regex("paid", "\bpaid\b", label="x")
    assert "holds a backspace" in str(caught.value)
    assert caught.value.hint == r"write r'…': then \b is a word boundary"
    assert wl.regex("paid", r"\bpaid\b", label="x").matches("I paid.")


# ---- options and examples ----


@pytest.mark.parametrize("kind", MAKERS)
def test_a_misspelt_option_is_named_with_the_nearest(kind):
    with pytest.raises(RuleError, match="unknown option 'fire_on' of ") as caught:
        MAKERS[kind](fire_on=["a"])
    assert caught.value.hint.startswith("did you mean 'fires_on'")
    assert "label" in caught.value.available
    assert "abstains_on" in caught.value.available
    assert "test_kinds.py:" in caught.value.where


@pytest.mark.parametrize(
    "make",
    [
        lambda **options: wl.keywords("r", ["a"], **options),
        lambda **options: wl.regex("r", "a", **options),
        lambda **options: wl.where("r", "a > 1", **options),
        lambda **options: wl.spacy_pattern("r", [[{"LOWER": "a"}]], **options),
    ],
)
def test_a_misspelt_or_missing_label_is_no_python_error(make):
    with pytest.raises(RuleError, match="unknown option 'lable' of ") as caught:
        make(lable="x")
    assert caught.value.hint == "did you mean 'label'?"
    assert "test_kinds.py:" in caught.value.where
    with pytest.raises(RuleError, match="needs a label to vote for") as caught:
        make()
    assert "test_kinds.py:" in caught.value.where


@pytest.mark.parametrize(
    ("meta", "hint"),
    [
        ({"fires_on": "BUY"}, "fires_on=['BUY']"),
        ({"fires_on": '["BUY"]'}, 'leave the quotes out: fires_on=["BUY"]'),
        ({"fires_on": {"text": "BUY"}}, "fires_on=[{'text': 'BUY'}]"),
        (
            {"fires_on": {"x": ["BUY", "NOW"]}},
            "this rule chooses no label, leave it out: fires_on=['BUY', 'NOW']",
        ),
        ({"fires_on": 3}, "fires_on=['3']"),
        ({"tags": None}, "tags=['…'], or leave it out"),
        ({"fires_on": [3]}, "fires_on=['3']"),
        ({"abstains_on": [["a", "b"]]}, "abstains_on=['a', 'b']"),
        ({"abstains_on": [[object]]}, "abstains_on=['…']"),
        ({"id": "a b"}, "id='a_b'"),
        ({"id": "☃"}, "id='my_rule'"),
    ],
)
def test_hints_show_what_to_write(meta, hint):
    with pytest.raises(RuleError) as caught:
        wl.regex("r", "a", label="x", **meta)
    assert caught.value.hint == hint


def test_terms_that_are_no_list():
    with pytest.raises(RuleError) as caught:
        wl.keywords("r", "thanks", label="x")
    assert caught.value.hint == "terms=['thanks']"
    with pytest.raises(RuleError) as caught:
        wl.keywords("r", ["a", 5], label="x")
    assert caught.value.hint == "write it as text: '5'"


def test_examples_by_label_for_a_rule_that_chooses():
    rule = wl.lookup(
        "l",
        {"parcel": "delivery", "refund": "returns"},
        fires_on={"delivery": ["a", {"text": "b"}], "returns": ["c"]},
    )
    assert rule.fires_on == ("a", {"text": "b"}, "c")
    assert rule.expected == ("delivery", "delivery", "returns")
    assert wl.lookup("l", {"a": "x"}, fires_on=["a"]).expected == ()


@pytest.mark.parametrize(
    ("fires_on", "message"),
    [
        ({"text": "hello"}, "`fires_on` of 'text' is a list, not 'hello'"),
        ({"delivery": [3]}, "`fires_on`: an example is a text or a mapping from field to value, not 3"),
        ({0: ["a"]}, "`fires_on`: a label's name is text, not 0"),
    ],
)
def test_broken_examples_by_label(fires_on, message):
    with pytest.raises(RuleError, match=message) as caught:
        wl.lookup("l", {"parcel": "delivery"}, fires_on=fires_on)
    assert caught.value.hint
    if "text" in fires_on:
        assert caught.value.hint == (
            "examples by label: fires_on={'delivery': ['…'], 'returns': ['…']}; "
            "an example by field stands in a list: fires_on=[{'text': '…'}]"
        )
