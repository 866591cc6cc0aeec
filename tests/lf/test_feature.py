"""Features: what they are made of, who reads them, and what is wrong with them."""

import polars as pl
import pytest

import weaklabel as wl
from weaklabel.errors import Problems, RuleError
from weaklabel.lf import Feature
from weaklabel.lf.feature import needed

SCHEMA = wl.LabelSchema(["ham", "spam"])


@wl.feature
def words(row):
    """The words of the text."""
    return row["text"].lower().split()


@wl.feature
def n_words(row):
    return len(row["words"])


@wl.feature(vectorized=True, name="length")
def characters(frame):
    return frame["text"].str.len_chars()


def where(sql, name="r", **options):
    return wl.where(name, sql, label="ham", **options)


def test_a_decorator_with_and_without_arguments():
    assert isinstance(words, Feature)
    assert (words.name, words.fields, words.description) == ("words", ("text",), "The words of the text.")
    assert (characters.name, characters.fields, characters.vectorized) == ("length", ("text",), True)
    assert words({"text": "A b"}) == ["a", "b"]
    assert words.__name__ == "words"
    line = words.function.__code__.co_firstlineno
    assert words.where == f"feature 'words' at {__file__}:{line}"


def test_fields_are_read_from_the_code_or_all():
    def several(frame):
        return frame["a"].str.len_chars() + frame.get_column("b")

    assert wl.feature(several, vectorized=True).fields == ("a", "b")
    assert wl.feature(lambda frame: pl.col("a"), name="f", vectorized=True).fields == ()
    assert wl.feature(lambda row: row.get("a"), name="f").fields == ("a",)
    assert wl.feature(lambda row: dict(row), name="f").fields == ()
    assert wl.feature(lambda row: dict(row), name="f", fields=["x"]).fields == ("x",)


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (lambda: wl.feature(lambda row: 1), "a feature needs a name", 'name="…"'),
        (lambda: wl.feature("words"), "'words' is not a function", None),
        (lambda: wl.feature(words.function, label="x"), "unknown option 'label' of feature", None),
        (lambda: wl.feature(words.function, nmae="x"), "unknown option 'nmae' of feature", "did you mean 'name'?"),
        (lambda: wl.feature(words.function, fields="text"), "`fields` is a list of columns", "['text']"),
        (lambda: wl.feature(lambda: 1, name="f"), r"it can't be called with \(row\)", "the function takes a row"),
        (lambda: wl.feature(lambda: 1, name="f", vectorized=True), r"it can't be called with \(frame\)", "the function takes a frame"),
        (lambda: wl.feature(lambda text: len(text), name="f"), "never looks into its row", "it gets a row"),
        (lambda: wl.feature(words.function, on_error="stop"), "unknown on_error 'stop'", None),
        (lambda: wl.feature(words.function, vectorized="yes"), "unknown vectorized 'yes'", None),
        (lambda: wl.feature(words.function, version=1), "`version` is text, not 1", None),
    ],
)  # fmt: skip
def test_what_is_no_feature_is_refused(make, message, hint):
    with pytest.raises(RuleError, match=message) as caught:
        make()
    assert "test_feature.py:" in caught.value.where
    assert hint is None or caught.value.hint.startswith(hint)


def test_a_rule_carries_the_features_it_reads_in_their_order():
    registry = wl.LFRegistry(
        [where("n_words > 2"), wl.keywords("k", ["a"], label="ham")],
        schema=SCHEMA,
        features=[characters, n_words, words],
    )
    reading, plain = registry.rules
    assert [one.name for one in reading.features] == ["words", "n_words"]
    assert (reading.fields, reading.reads, reading.reads_all) == (("n_words",), ("text",), False)
    assert plain.features == ()
    assert registry.features == (characters, n_words, words)
    for other in (registry.active(), registry.subset(["r"]), wl.LFRegistry([reading], schema=SCHEMA)):
        assert [one.name for one in other["r"].features] == ["words", "n_words"]
    assert registry.subset(["k"]).features == registry.features


def test_a_feature_that_sees_all_columns():
    everything = wl.feature(lambda row: len(dict(row)), name="n_columns")
    rule = wl.LFRegistry([where("n_columns > n")], schema=SCHEMA, features=[everything])["r"]
    assert (rule.reads, rule.reads_all) == (("n",), True)


def test_needed_in_a_diamond():
    make = lambda name, *fields: wl.feature(lambda row: 1, name=name, fields=fields, version="1")  # noqa: E731
    features = [
        make("top", "left", "right"),
        make("left", "base"),
        make("right", "base"),
        make("base", "text"),
    ]
    assert [one.name for one in needed(["top"], features)] == ["base", "left", "right", "top"]
    assert [one.name for one in needed(["right", "left"], features)] == ["base", "right", "left"]


# ---- fingerprints ----


def fingerprint(rule, *features):
    return wl.LFRegistry([rule], schema=SCHEMA, features=features)[rule.id].fingerprint


def test_a_fingerprint_covers_the_features_that_are_read_and_no_others():
    rule = where("n_words > 2")
    alone = rule.fingerprint
    before = fingerprint(rule, words, n_words)
    assert before != alone
    assert before == fingerprint(rule, n_words, characters, words)
    assert rule.fingerprint == alone

    def split(row):
        return row["text"].split()

    assert fingerprint(rule, wl.feature(split, name="words"), n_words) != before
    assert fingerprint(rule, words, wl.feature(n_words.function, version="2")) != before
    assert fingerprint(rule, words, wl.feature(n_words.function, on_error="abstain")) != before
    assert fingerprint(wl.keywords("k", ["a"], label="ham"), words) == wl.keywords("k", ["a"], label="ham").fingerprint  # fmt: skip


def test_the_vectorised_form_has_a_fingerprint_of_its_own():
    one = wl.labeling_function(lambda x: x["text"] == "a", name="r", label="ham")
    other = wl.labeling_function(lambda x: x["text"] == "a", name="r", label="ham", vectorized=True)
    assert one.fields == other.fields
    assert one.fingerprint != other.fingerprint


# ---- problems ----


def test_problems_of_a_registry_are_told_together():
    def a(row):
        return row["b"]

    def b(row):
        return row["c"]

    def c(row):
        return row["a"]

    def own(row):
        return row["own"]

    features = [*map(wl.feature, (a, b, c, own)), len, wl.feature(b, version="2")]
    with pytest.raises(Problems) as caught:
        wl.LFRegistry([where("a > 1")], schema=SCHEMA, features=features)
    whats = [problem.what for problem in caught.value.problems]
    assert whats == [
        "item 5 of `features` is no feature: <built-in function len>",
        "two features have the name 'b'",
        "features read each other in a circle: a -> b -> c -> a",
        "a feature reads itself: own -> own",
    ]
    line = a.__code__.co_firstlineno
    assert caught.value.problems[2].where.startswith(f"feature 'a' at {__file__}:{line}, feature 'b' at ")


def write(folder, files):
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


FOLDER = {
    "schema.yaml": "labels: [ham, spam]\n",
    "made.py": 'import weaklabel as wl\n\n@wl.feature\ndef n_words(row):\n    return len(row["text"].split())\n',
    "rules.py": 'import weaklabel as wl\nfrom .made import n_words\n\n@wl.labeling_function(label="ham", fires_on=["a b c"])\ndef long(row):\n    return row["n_words"] > 2\n',
    "pack.yaml": 'rules:\n  - name: short\n    kind: where\n    label: spam\n    sql: "n_words < 2"\n    fires_on: [x]\n    abstains_on: ["x y"]\n',
}  # fmt: skip


def test_features_of_a_folder_reach_its_rules(tmp_path):
    registry = wl.LFRegistry.from_folder(write(tmp_path, FOLDER))
    assert [one.name for one in registry.features] == ["n_words"]
    assert [one.name for one in registry["short"].features] == ["n_words"]
    assert wl.check_examples(registry) == []
    assert wl.check_examples(registry, columns=["text"]) == []
    assert {f.what for f in wl.check_examples(registry, columns=["body"])} == {
        "rule 'short' reads column 'text', which the corpus has not",
        "rule 'long' reads column 'text', which the corpus has not",
    }
    before = registry.fingerprint
    changed = FOLDER["made.py"].replace(".split()", '.split(" ")')
    assert wl.LFRegistry.from_folder(write(tmp_path, {"made.py": changed})).fingerprint != before


def test_circles_in_a_folder_are_problems_with_their_places(tmp_path):
    circle = FOLDER["made.py"] + '\n@wl.feature\ndef a(row):\n    return row["b"]\n\n@wl.feature\ndef b(row):\n    return row["a"]\n'  # fmt: skip
    with pytest.raises(Problems) as caught:
        wl.LFRegistry.from_folder(write(tmp_path, {**FOLDER, "made.py": circle}))
    [problem] = caught.value.problems
    assert problem.what == "features read each other in a circle: a -> b -> a"
    assert problem.where == f"feature 'a' at {tmp_path}/made.py:7, feature 'b' at {tmp_path}/made.py:11"


def test_a_feature_without_a_fingerprint_is_told_once(tmp_path):
    files = {**FOLDER, "made.py": FOLDER["made.py"] + "\nTHING = object()\n"}
    files["made.py"] = files["made.py"].replace("len(", "THING and len(")
    with pytest.raises(Problems) as caught:
        wl.LFRegistry.from_folder(write(tmp_path, files))
    [problem] = caught.value.problems
    assert problem.where == f"feature 'n_words' at {tmp_path}/made.py:3"
