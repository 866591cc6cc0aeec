"""Features: computed once per batch for the rules that read them, with faults in their own name."""

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import weaklabel as wl
from weaklabel.apply import Limits
from weaklabel.errors import RuleError, RuleFault
from weaklabel.lf import score

SCHEMA = wl.LabelSchema(["ham", "spam"])


@wl.feature
def words(row):
    return row["text"].split()


@wl.feature
def n_words(row):
    return len(row["words"])


@wl.feature(vectorized=True)
def normalised(frame):
    return frame["text"].str.to_lowercase().str.strip_chars()


def frame_of(texts, **columns):
    ids = [f"row{i}" for i in range(len(texts))]
    return pl.DataFrame({"id": ids, "text": pl.Series(texts, dtype=pl.String), **columns})


def applier(rules, features, on_error="raise", **options):
    registry = wl.LFRegistry(rules, schema=SCHEMA, features=features)
    return wl.LFApplier(registry, on_error=on_error, **options)


def apply(rules, features, texts, on_error="raise", limits=None, **columns):
    rules = rules if isinstance(rules, list) else [rules]
    made = applier(rules, features, on_error, limits=limits or Limits())
    return made.apply(frame_of(texts, **columns))


def where(sql, name="r", **options):
    return wl.where(name, sql, label="spam", **options)


def feature(function, **options):
    return wl.feature(function, **{"name": "f", "version": "1", "fields": ["text"], **options})


def python(function, name="r", **options):
    return wl.labeling_function(function, **{"name": name, "label": "spam", "version": "1", **options})


def by_row(row):
    return row["normalised"] == "buy now" and row["n_words"] == 2


def by_frame(frame):
    return (frame["normalised"] == "buy now") & (frame["n_words"] == 2)


def test_every_kind_of_rule_reads_features():
    rules = [
        where("n_words > 1 AND normalised LIKE 'buy%'", "sql"),
        python(by_row, "row"),
        python(by_frame, "frame", vectorized=True),
        wl.keywords("keywords", ["buy now"], label="spam", field="normalised"),
        wl.regex("regex", "^buy now$", label="spam", field="normalised"),
        wl.lookup("lookup", ["buy now"], label="spam", field="normalised"),
        wl.spacy_pattern("spacy", [[{"ORTH": "buy"}, {"ORTH": "now"}]], label="spam", field="normalised"),
        score("score", field="n_words", bins=[{"label": "spam", "from": 2}]),
    ]
    votes = apply(rules, [normalised, n_words, words], [" BUY NOW ", "See", "buy  now and"])
    assert votes.to_numpy().tolist() == [[1] * 8, [-1] * 8, [1, -1, -1, 1, -1, 1, -1, 1]]


def test_only_what_is_read_is_computed_once_per_batch():
    calls = []

    def counted(row):
        calls.append(row["text"])
        return len(row["text"])

    features = [
        feature(counted),
        feature(lambda row: 1 / 0, name="unread"),
        feature(lambda row: row["f"] + 1, name="g", fields=["f"]),
    ]
    rules = [where("f > 1", "a"), where("g > 2", "b"), python(lambda row: row["f"] > 1, "c", fields=["f"])]
    assert apply(rules, features, ["a", "bc"]).to_numpy().tolist() == [[-1] * 3, [1] * 3]
    assert calls == ["a", "bc"]
    registry = wl.LFRegistry([where("f > 1", state="draft"), where("text = 'a'", "a")], schema=SCHEMA, features=features)  # fmt: skip
    assert wl.LFApplier(registry.active()).apply(frame_of(["a"])).to_numpy().tolist() == [[1]]
    assert calls == ["a", "bc"]


def test_a_rule_without_known_fields_sees_the_corpus_columns_only():
    seen = []
    rules = [python(lambda row: seen.append(dict(row)), "all"), where("n_words > 0", "some")]
    apply(rules, [words, n_words], ["a"], n=[1])
    assert seen == [{"id": "row0", "text": "a", "n": 1}]

    def reads(row):
        return [row[name] for name in ("n_words",)]

    with pytest.raises(RuleFault, match="raised KeyError: 'n_words'") as caught:
        apply([python(reads, "all"), where("n_words > 0", "some")], [words, n_words], ["a"])
    assert caught.value.hint == "the rule's `fields` do not name 'n_words': add it there"


def test_columns_that_only_features_read_are_read(tmp_path):
    path = tmp_path / "corpus.parquet"
    frame_of(["a b", "c"], other=[1, 2]).write_parquet(path)
    made = applier([where("n_words > 1")], [words, n_words])
    assert made.apply(pl.scan_parquet(path)).to_numpy().tolist() == [[1], [-1]]
    assert made.apply(wl.Corpus.open(path)).to_numpy().tolist() == [[1], [-1]]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["a", None], pl.String),
        ([1, None], pl.Int64),
        ([1, 2.5], pl.Float64),
        ([np.int32(1), 2], pl.Int64),
        ([True, False], pl.Boolean),
        ([["a"], []], pl.List(pl.String)),
        ([datetime.date(2026, 1, 1), None], pl.Date),
        ([None, None], pl.Null),
        ([{"a": 1}, {"a": 2}], pl.Struct({"a": pl.Int64})),
    ],
)
def test_values_make_a_column(values, dtype):
    seen = []
    given_values = dict(zip("ab", values, strict=True))
    one = feature(lambda row: given_values[row["text"]])
    rule = python(lambda frame: seen.append(frame["f"]) or [None] * 2, fields=["f"], vectorized=True)
    apply(rule, [one], ["a", "b"])
    assert seen[0].dtype == dtype
    assert seen[0].to_list() == [v.item() if isinstance(v, np.generic) else v for v in values]


@pytest.mark.parametrize(
    ("values", "message", "where_"),
    [
        ([None, 1, "x"], r"feature 'f' gives 1 \(int\), and 'x' \(str\)", "rows 'row1' and 'row2'"),
        ([True, 1, 2], r"feature 'f' gives True \(bool\), and 1 \(int\)", "rows 'row0' and 'row1'"),
        ([[1], ["a"], [2]], r"feature 'f' gives values \(list\) that make no column: ", "test_features.py"),
        ([object()] * 3, r"feature 'f' gives values \(object\) that make no column", "test_features.py"),
        ([2**200] * 3, r"feature 'f' gives values \(int\) that make no column", "test_features.py"),
    ],
)
def test_values_that_make_no_column(values, message, where_):
    given_values = dict(zip("abc", values, strict=True))
    with pytest.raises(RuleError, match=message) as caught:
        apply(where("f > 1"), [feature(lambda row: given_values[row["text"]])], ["a", "b", "c"], "abstain")
    assert where_ in caught.value.where
    assert caught.value.where.startswith("feature 'f' at ")


# ---- faults ----


def number(row):
    return int(row["text"])


def numbers(frame):
    return frame["text"].cast(pl.Int64)


FORMS = [(number, {}), (numbers, {"vectorized": True})]


@pytest.mark.parametrize(("function", "options"), FORMS)
def test_a_fault_is_named_as_the_features_with_its_row(function, options):
    with pytest.raises(RuleFault, match=r"feature 'f' raised (ValueError|InvalidOperationError): ") as caught:
        apply(where("f > 1"), [feature(function, **options)], ["1", "x", "2"])
    line = function.__code__.co_firstlineno
    assert caught.value.where == f"feature 'f' at {__file__}:{line}, row 'row1', text='x'"
    assert caught.value.hint.startswith('on_error="abstain" counts such rows for the rules that read it')


@pytest.mark.parametrize(("function", "options"), FORMS)
@given(texts=st.lists(st.sampled_from(["1", "2", "30", "x", "y"]), max_size=30))
def test_counted_faults_are_missing_votes_of_the_rules_that_read_it(function, options, texts):
    features = [
        feature(function, **options),
        feature(lambda row: -row["f"], name="g", fields=["f"]),
        feature(lambda row: 1 / (len(row["text"]) - 2), name="h"),
    ]
    rules = [
        where("f > 1", "a"),
        where("g < -1", "b"),
        wl.keywords("k", ["x", "1"], label="ham"),
        python(lambda row: row["h"] and row["f"] > 1, "c", fields=["h", "f"]),
        python(lambda row: row["h"] < 0, "d", fields=["h"]),
    ]
    votes = apply(rules, features, texts, "abstain")

    def expected(text):
        f = None if text in "xy" else int(text)
        own = -2 if f is None else 1 if f > 1 else -1
        return [
            own,
            own,
            0 if text in ("x", "1") else -1,
            -2 if text == "30" else own,
            -2 if text == "30" else 1,
        ]

    wanted = [expected(text) for text in texts]
    assert votes.to_numpy().tolist() == wanted
    missing = {rule.id: sum(row[j] == -2 for row in wanted) for j, rule in enumerate(rules)}
    assert votes.faults == {id: count for id, count in missing.items() if count}


def test_a_features_own_on_error_wins():
    tolerant = feature(number, on_error="abstain")
    votes = apply(where("f > 1"), [tolerant], ["1", "x", "2"])
    assert (votes.to_numpy()[:, 0].tolist(), votes.faults) == ([-1, -2, 1], {"r": 1})
    with pytest.raises(RuleFault, match="feature 'f' raised ValueError"):
        apply(where("f > 1"), [feature(number, on_error="raise")], ["x"], "abstain")


def test_a_vectorised_feature_of_the_wrong_length():
    short = feature(lambda frame: frame["text"].head(1), vectorized=True)
    with pytest.raises(RuleFault, match="feature 'f' returned 1 answers for 2 rows") as caught:
        apply(where("f = 'a'"), [short], ["a", "b"])
    assert caught.value.where.startswith("feature 'f' at ")
    assert apply(where("f = 'a'"), [short], ["a", "b"], "abstain").faults == {"r": 2}


def endless(data):
    while data is not None:
        pass


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_feature_that_runs_away_is_ended(vectorized):
    one, limits = feature(endless, vectorized=vectorized), Limits(seconds=0.2)
    with pytest.raises(RuleFault, match=r"feature 'f' took more than 0\.2 s on one batch"):
        apply(where("f > 1"), [one], ["a", "b"], limits=limits)
    votes = apply([where("f > 1"), where("text = 'a'", "s")], [one], ["a", "b"], "abstain", limits)
    assert (votes.to_numpy().tolist(), votes.faults) == ([[-2, 1], [-2, -1]], {"r": 2})


def test_a_dated_rule_reads_features_on_its_days():
    rule = where("n_words > 1", valid_from="2026-02-01")
    made = applier([rule], [words, n_words], date="day")
    days = [datetime.date(2026, 1, 1), datetime.date(2026, 3, 1)]
    assert made.apply(frame_of(["a b", "a b"], day=days)).to_numpy().tolist() == [[-2], [1]]
    broken = applier([where("f > 1", valid_from="2026-02-01")], [feature(number)], "abstain", date="day")
    votes = broken.apply(frame_of(["x", "x"], day=days))
    assert (votes.to_numpy().tolist(), votes.faults) == ([[-2], [-2]], {"r": 1})


# ---- columns ----


def test_a_feature_may_not_have_the_name_of_a_column():
    with pytest.raises(RuleError, match="feature 'n_words' has the name of a column that is there") as caught:
        apply(where("n_words > 1"), [words, n_words], ["a"], n_words=[3])
    assert f"{__file__}:{n_words.function.__code__.co_firstlineno}" in caught.value.where
    with pytest.raises(RuleError, match="feature 'words' has the name"):
        apply(where("text = 'a'"), [words], ["a"], words=[3])


def test_a_feature_that_reads_what_is_not_there():
    with pytest.raises(RuleError, match="feature 'f' reads column 'txet', which is not there") as caught:
        apply(where("f > 1"), [feature(number, fields=["txet"]), words], ["a"])
    assert (caught.value.hint, caught.value.available) == ("did you mean 'text'?", ("id", "text"))
    with pytest.raises(RuleError, match="rule 'r' reads column 'n_wrods', which is not there") as caught:
        apply(where("n_wrods > 1"), [words, n_words], ["a"])
    assert caught.value.hint == "did you mean 'n_words' or 'words'?"


@given(st.lists(st.text("ab ", max_size=5), min_size=1, max_size=20), st.integers(1, 7), st.randoms())
def test_shards_rows_and_order_of_features_change_nothing(texts, size, random):
    features, rules = [words, n_words, normalised], [where("n_words > 1"), where("normalised = 'a'", "s")]
    whole = apply(rules, features, texts).to_numpy()
    parts = [apply(rules, features, texts[i : i + size]).to_numpy() for i in range(0, len(texts), size)]
    assert (np.concatenate(parts) == whole).all()
    random.shuffle(features)
    assert (apply(rules, features, texts[::-1]).to_numpy()[::-1] == whole).all()


# ---- examples ----


def check(rule, features):
    return wl.check_examples(wl.LFRegistry([rule], schema=SCHEMA, features=features))


def test_examples_get_their_features():
    features = [words, n_words, normalised]
    assert check(where("n_words > 1", fires_on=["a b"], abstains_on=["a"]), features) == []
    both = where("n_words > limit", fires_on=[{"text": "a b", "limit": 1}, {"n_words": 3, "limit": 1}])
    assert check(both, features) == []
    [failure] = check(where("n_words > 1", fires_on=["a"]), features)
    assert failure.what == "rule 'r' abstains on an example that it should fire on: 'a'"
    [failure] = check(where("n_words > limit", fires_on=["a b"]), features)
    assert failure.what == "an example of rule 'r' lacks the fields it reads: limit"
    [failure] = check(where("f > 1", fires_on=["x"]), [feature(number)])
    assert failure.what == "feature 'f' raised ValueError: invalid literal for int() with base 10: 'x'"


def test_a_feature_that_looks_at_all_rows_together_is_found_by_examples():
    rank = feature(lambda frame: frame["text"].rank(), vectorized=True)
    [failure] = check(where("f > 1", abstains_on=["a", "b"]), [rank])
    assert failure.what == "rule 'r' votes otherwise on its examples together than on each alone"
