"""The pattern lane against the naive twins."""

import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
import strategies
import weaklabel as wl
from weaklabel.apply.literals import required_literals
from weaklabel.errors import RuleError

SCHEMA = wl.LabelSchema(["x", "y", "z"])


def votes_of(rules, texts, **columns):
    registry = wl.LFRegistry(rules, schema=SCHEMA)
    frame = pl.DataFrame(
        {"id": [str(i) for i in range(len(texts))], "text": pl.Series(texts, dtype=pl.String), **columns}
    )
    return wl.LFApplier(registry).apply(frame).to_numpy()


@given(
    st.lists(strategies.hostile_texts() | st.none(), min_size=1, max_size=6),
    st.lists(
        st.tuples(
            strategies.rule_terms(),
            st.sampled_from(["ignore", "sensitive"]),
            st.sampled_from(["keep", "ignore"]),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_keywords_equal_the_naive_twin(texts, listed):
    rules, columns = [], []
    for i, (terms, case, accents) in enumerate(listed):
        usable = [t for t in terms if naive.comparable(t, case=case, accents=accents).strip()]
        if usable:
            rules.append(wl.keywords(f"k{i}", usable, label="y", case=case, accents=accents))
            columns.append([naive.keyword_vote(t, usable, 1, case=case, accents=accents) for t in texts])
    if rules:
        assert votes_of(rules, texts).T.tolist() == columns


@given(
    st.lists(strategies.hostile_texts() | st.none(), min_size=1, max_size=6),
    st.dictionaries(
        st.sampled_from(["refund", "money back", "café", "c++", "👍", "free", "İ"]),
        st.sampled_from("xyz"),
        min_size=1,
    ),
    st.sampled_from(["words", "exact"]),
)
def test_lookups_equal_the_naive_twin(texts, entries, match):
    got = votes_of([wl.lookup("r", entries, match=match)], texts)[:, 0].tolist()
    codes = {"x": 0, "y": 1, "z": 2}
    assert got == [naive.lookup_vote(t, list(entries.items()), codes, match=match) for t in texts]


PATTERNS = [
    r"refund", r"(?i)REFUND", r"\bfree\b.*(refund|money)", r"(refund|free){2}", r"(refund)?free", r"[Rr]efund+", r"k", r"(?i)k",
    r"ſ", r"(?i)s", r"(?i)strasse", r"straße", r"^refund$", r"(?m)^free$", r"(?s)free.refund", r"(?x) free  # comment",
    r"free(?=refund)", r"(?<!x)free", r"(?P<a>r)(?P=a)", r"(?:refund|)", r"(free|money back|café)!?", r"(?i)İ", r"\x00", r"", r"\w+",
    r"(?i:FREE)refund", r"(?>free)", r"fre{2,3}", r"(?a:\bcaf)", r"f.{0,3}e", r"(?i)ﬁ", r"(?i)å", r"not(?!free)", r"(a|b)*free",
]  # fmt: skip


@given(
    st.lists(strategies.hostile_texts() | st.none(), min_size=1, max_size=5),
    st.sampled_from(PATTERNS),
    st.sampled_from(["sensitive", "ignore", "lower"]),
)
def test_regexes_equal_the_naive_twin(texts, pattern, case):
    got = votes_of([wl.regex("r", pattern, label="z", case=case)], texts)[:, 0].tolist()
    assert got == [naive.regex_vote(t, pattern, 2, case) for t in texts]


PARTS = [
    "free",
    "Refund",
    "refund",
    "FREE",
    "money",
    "back",
    "strasse",
    "Strasse",
    "not",
    "caf",
    "k",
    "s",
    "x",
    "rr",
    " ",
    "\n",
]


@pytest.mark.parametrize("ignore", [False, True])
@given(st.lists(st.sampled_from(PARTS), max_size=8).map("".join))
def test_required_literals_are_required(ignore, text):
    found = 0
    for pattern in PATTERNS:
        compiled = re.compile(pattern, re.IGNORECASE if ignore else 0)
        literals = required_literals(compiled)
        if literals and compiled.search(text):
            found += 1
            assert any(literal in text.lower() for literal in literals), pattern
    assert found > 0 or "free" not in text


ATOMS = [
    "a",
    "b",
    "ab",
    "K",
    "k",
    "\u212a",
    "ſ",
    "s",
    "İ",
    "i",
    "ß",
    ".",
    r"\w",
    r"\b",
    "^",
    "$",
    "[ab]",
    "[^a]",
    r"\x61",
    " ",
    "#",
]
REPEATS = ["?", "*", "+", "{0,}", "{0}", "{1,2}", "{2}", "*?", "??", "++", "?+"]
GROUPS = [
    "(?:{})",
    "(?={})",
    "(?!{})",
    "(?<!{})",
    "(?>{})",
    "(?i:{})",
    "(?x:{})",
    "({})\\1",
    "(a)?(?(1){}|b)",
    "(?:{}|)",
]


def generated_regexes():
    """Regexes of every construct, over a tiny alphabet; some do not compile."""
    parts = st.recursive(
        st.sampled_from(ATOMS),
        lambda inner: st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(inner, inner).map("|".join),
            st.tuples(inner, st.sampled_from(REPEATS)).map("".join),
            st.tuples(inner, st.sampled_from(GROUPS)).map(lambda both: both[1].format(both[0])),
        ),
        max_leaves=8,
    )
    return st.tuples(st.sampled_from(["", "(?i)", "(?x)", "(?s)", "(?a)", "(?ix)"]), parts).map("".join)


REGEX_CASES = given(
    generated_regexes(),
    st.lists(st.text(alphabet="abABkKsSiI #\n\u212aſİß", max_size=10), min_size=1, max_size=8),
    st.sampled_from(["sensitive", "ignore", "lower"]),
)


def equals_the_naive_twin(pattern, texts, case):
    try:
        rule = wl.regex("r", pattern, label="z", case=case)
    except RuleError:
        return
    assert votes_of([rule], texts)[:, 0].tolist() == [naive.regex_vote(t, pattern, 2, case) for t in texts]


@settings(max_examples=500)
@REGEX_CASES
def test_generated_regexes_equal_the_naive_twin(pattern, texts, case):
    equals_the_naive_twin(pattern, texts, case)


@pytest.mark.slow
@settings(max_examples=10_000)
@REGEX_CASES
def test_many_generated_regexes_equal_the_naive_twin(pattern, texts, case):
    equals_the_naive_twin(pattern, texts, case)


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        (r"(free|gift|prize)\d", ("gift", "free", "prize")),
        (r"(a|bc)xyz", ("xyz",)),
        (r"(?:abc)?d", ()),
        (r"(?:abc)+d", ("abc",)),
        (r"[ab]cde", ("cde",)),
        (r"(?!abc)de", ("de",)),
        (r"ABC", ("abc",)),
        (r"é\w", ()),
    ],
)
def test_required_literals_worked_by_hand(pattern, literals):
    assert set(required_literals(re.compile(pattern))) == set(literals)


def test_rules_of_several_fields_kinds_and_forms_together():
    rules = [
        wl.keywords("k", ["refund"], label="x"),
        wl.keywords("sensitive", ["Refund"], label="y", case="sensitive"),
        wl.keywords("title", ["refund"], label="y", field="title"),
        wl.regex("r", "re.*nd", label="z"),
        wl.lookup("plan", {"gold": "x", "1": "y"}, field="plan", match="exact"),
        wl.lookup("number", {"7": "z"}, field="n", match="exact"),
    ]
    got = votes_of(
        rules,
        ["Refund", "refund", None],
        title=["a", None, "REFUND!"],
        plan=["Gold", "1", ""],
        n=[7, 8, None],
    )
    assert got.tolist() == [[0, 1, -1, -1, 0, 2], [0, -1, -1, 2, 1, -1], [-1, -1, 1, -1, -1, -1]]


def test_texts_that_repeat_and_categorical_columns():
    frame = pl.DataFrame(
        {"id": list("abcd"), "text": pl.Series(["free", "no", "free", None], dtype=pl.Categorical)}
    )
    registry = wl.LFRegistry([wl.keywords("k", ["free"], label="y")], schema=SCHEMA)
    assert wl.LFApplier(registry).apply(frame).to_numpy()[:, 0].tolist() == [1, -1, 1, -1]


def test_a_column_of_nulls_abstains():
    frame = pl.DataFrame({"id": ["a"], "text": [None]})
    registry = wl.LFRegistry(
        [wl.keywords("k", ["free"], label="y"), wl.regex("r", "", label="x")], schema=SCHEMA
    )
    assert wl.LFApplier(registry).apply(frame).to_numpy().tolist() == [[-1, -1]]


def test_a_column_that_is_no_text_is_refused():
    frame = pl.DataFrame({"id": ["a"], "text": [3.5]})
    registry = wl.LFRegistry([wl.regex("r", "3", label="x")], schema=SCHEMA)
    with pytest.raises(RuleError, match="column 'text' holds Float64, not text") as caught:
        wl.LFApplier(registry).apply(frame)
    assert "rule 'r' at" in caught.value.where


def test_a_text_of_two_megabytes():
    long = "x " * 5_000_000
    rules = [wl.keywords("k", ["money back"], label="x"), wl.regex("r", r"money\s+back$", label="y")]
    assert votes_of(rules, [long, long + "money\r\n back"]).tolist() == [[-1, -1], [0, 1]]


def test_compared_with_one_python_search_per_rule():
    rng = np.random.default_rng(1)
    words = ["free", "Refund", "call", "now", "money", "back", "the", "a", "£100", "café"]
    texts = [" ".join(rng.choice(words, 8)) for _ in range(300)]
    patterns = [r"\b(free|call)\b", r"money\s+back", r"£\d+", r"now.*free", r"CALL"]
    rules = [wl.regex(f"r{i}", p, label="y", case="ignore") for i, p in enumerate(patterns)]
    want = [[1 if re.search(p, t, re.IGNORECASE) else -1 for p in patterns] for t in texts]
    assert votes_of(rules, texts).tolist() == want


@pytest.mark.data
@pytest.mark.parametrize(("name", "mended"), [("sms", {}), ("trec", {37: 2})])
def test_published_rules_give_the_stored_votes(data_dir, tmp_path, monkeypatch, name, mended):
    monkeypatch.setenv("WEAKLABEL_DATA", str(data_dir))
    names = {
        "sms": ["ham", "spam"],
        "trec": ["DESCRIPTION", "ENTITY", "HUMAN", "ABBREVIATION", "LOCATION", "NUMERIC"],
    }
    pack = tmp_path / "pack.yaml"
    pack.write_text(
        f"regex_tables: [{{path: rules/{name}.tsv, within: WEAKLABEL_DATA, name: 'lf_{{row:02d}}', "
        "case: lower, label: label, pattern: regex}]"
    )
    registry = wl.LFRegistry(wl.load_pack(pack), schema=wl.LabelSchema(names[name]))
    frame = pl.read_parquet(data_dir / f"matrices/{name}.parquet").with_row_index("id")
    got = wl.LFApplier(registry).apply(frame).to_numpy()
    stored = frame.select(registry.ids).to_numpy()
    differ = {j: int(n) for j, n in enumerate((got != stored).sum(0)) if n}
    assert differ == mended


# ---- counts, positions and windows ----

CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        "near": st.just({"terms": ["b", "money"], "within": 2}),
        "not_after": st.just({"terms": ["no"], "within": 1}),
        "not_before": st.just({"terms": ["c"], "within": 3}),
        "first_words": st.integers(1, 4),
        "last_words": st.integers(1, 4),
        "at_least": st.integers(1, 2),
        "times": st.integers(1, 3),
    },
)


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["a", "A", "b", "c", "no", "ſ", "café", "Café", "money"]), max_size=9).map(
            " ".join
        )
        | st.none(),
        max_size=6,
    ),
    CONTEXTS,
    st.sampled_from(["ignore", "sensitive"]),
)
def test_keywords_with_a_context_vote_as_the_rule_itself_says(texts, context, case):
    rule = wl.keywords("k", ["a", "café", "s"], label="x", case=case, **context)
    registry = wl.LFRegistry(
        [rule, wl.keywords("plain", ["a"], label="x")], schema=wl.LabelSchema(["x", "y"])
    )
    frame = pl.DataFrame(
        {"id": [str(i) for i in range(len(texts))], "text": texts},
        schema={"id": pl.String, "text": pl.String},
    )
    if texts:
        votes = wl.LFApplier(registry).apply(frame).to_numpy()
        assert votes[:, 0].tolist() == [
            0 if text is not None and rule.matches(text) else -1 for text in texts
        ]
