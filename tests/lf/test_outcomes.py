"""Sets and negations: what a rule may vote for beside labels, and the code of each."""

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import weaklabel as wl
from weaklabel.errors import Problems, RuleError, RuleFault
from weaklabel.lf.outcomes import outcome_from, vote_code
from weaklabel.lf.yaml_pack import read_pack

SCHEMA = wl.LabelSchema(["billing", "delivery", wl.Label("returns", aliases=("refunds",)), "technical"])
PARCEL = wl.any_of("returns", "delivery")


def makers(label):
    return [
        wl.keywords("keywords", ["parcel"], label=label),
        wl.regex("regex", "parcel", label=label),
        wl.where("where", "text LIKE '%parcel%'", label=label),
        wl.spacy_pattern("spacy", [[{"LOWER": "parcel"}]], label=label),
        wl.lookup("lookup", ["parcel"], label=label),
        wl.labeling_function(lambda row: "parcel" in row["text"], name="python", label=label),
    ]


def registry(*rules, schema=SCHEMA):
    return wl.LFRegistry(rules, schema=schema)


def votes(*rules, texts):
    frame = pl.DataFrame({"id": [str(i) for i in range(len(texts))], "text": texts})
    return wl.LFApplier(registry(*rules)).apply(frame).to_numpy().tolist()


# ---- names ----


def test_names_in_words():
    assert PARCEL.name == "delivery or returns"
    assert wl.any_of("c", "a", "b").name == "a or b or c"
    assert wl.none_of("spam").name == "not spam"
    assert wl.none_of("b", "a").name == "neither a nor b"
    assert wl.none_of("c", "b", "a").name == "neither a nor b nor c"


def test_a_set_of_one_is_that_label_and_order_does_not_count():
    assert wl.any_of("a") == wl.any_of("a", "a") == "a"
    assert wl.any_of("a", "b") == wl.any_of("b", "a", "b") == wl.Outcome(("b", "a"))
    assert wl.none_of("a", "b") != wl.any_of("a", "b")
    assert wl.any_of("cafe\u0301", "tea") == wl.any_of("caf\u00e9", "tea")
    assert len({wl.any_of("a", "b"), wl.any_of("b", "a"), wl.none_of("a")}) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: wl.any_of(), "`any_of` names no label"),
        (lambda: wl.none_of(), "`none_of` names no label"),
        (lambda: wl.any_of("a", 1), "a label's name is text, not 1"),
        (lambda: wl.any_of(["a", "b"]), r"a label's name is text, not \['a', 'b'\]"),
        (lambda: wl.Outcome("ab"), "an outcome's labels are a tuple, not 'ab'"),
    ],
)
def test_what_is_no_outcome(make, message):
    with pytest.raises(wl.SchemaError, match=message):
        make()


# ---- codes ----


@pytest.mark.parametrize("i", range(6), ids=["keywords", "regex", "where", "spacy", "lookup", "python"])
@pytest.mark.parametrize("label", [PARCEL, wl.none_of("billing")], ids=["set", "negation"])
def test_every_kind_of_rule_may_stand_for_an_outcome_whose_code_is_k(i, label):
    rule = makers(label)[i]
    rules = registry(rule)
    assert rule.labels == ()
    assert rule.outcomes == rules.outcomes(rule) == (label,)
    assert rules.label_code(rule) == 4 or rule.label is None
    assert rules.meaning(rule.id, 4) == label.name


@pytest.mark.parametrize("i", range(6), ids=["keywords", "regex", "where", "spacy", "lookup", "python"])
def test_votes_of_a_rule_that_stands_for_an_outcome(i):
    assert votes(makers(PARCEL)[i], texts=["a parcel", "a letter"]) == [[4], [-1]]


def test_meaning_names_every_code():
    rules = registry(makers(PARCEL)[1], wl.regex("plain", "a", label="refunds"))
    assert [rules.meaning("regex", code) for code in (-2, -1, 0, 2, 4)] == [
        "missing", "abstain", "billing", "returns", "delivery or returns",
    ]  # fmt: skip
    assert rules.meaning(rules["plain"], 2) == "returns"
    assert (rules.label_code(rules["plain"]), rules.outcomes(rules["plain"])) == (2, ())
    with pytest.raises(RuleError, match="code 4 means nothing for the rule") as caught:
        rules.meaning("plain", 4)
    assert caught.value.available == (
        "-2: missing", "-1: abstain", "0: billing", "1: delivery", "2: returns", "3: technical",
    )  # fmt: skip
    with pytest.raises(RuleError, match="no rule 'plian'"):
        rules.meaning("plian", 0)


def test_aliases_are_names_and_a_set_of_one_label_by_two_names_is_that_label():
    rule = wl.regex("r", "a", label=wl.any_of("refunds", "delivery"))
    assert registry(rule).outcomes(rule) == (PARCEL,)
    same = wl.regex("r", "a", label=wl.any_of("refunds", "returns"))
    assert registry(same).outcomes(same) == ()
    assert registry(same).label_code(same) == 2


def test_a_parent_label_is_not_expanded():
    schema = wl.LabelSchema(["animal", wl.Label("cat", parents=("animal",)), "stone"])
    rule = wl.regex("r", "a", label=wl.any_of("animal"))
    assert registry(rule, schema=schema).label_code(rule) == 0
    two = wl.regex("r", "a", label=wl.any_of("animal", "stone"))
    assert registry(two, schema=schema).outcomes(two) == (wl.any_of("animal", "stone"),)


LABELS = [f"label {i}" for i in range(6)]
SETS = st.builds(
    wl.Outcome, st.lists(st.sampled_from(LABELS), min_size=2, max_size=5).map(tuple), st.booleans()
)


@given(st.lists(SETS, max_size=8), st.permutations(LABELS))
def test_each_code_means_what_was_voted_in_any_order_of_classes(outcomes, order):
    schema = wl.LabelSchema(order)
    rule = wl.labeling_function(chooses, outcomes=outcomes, version="1")
    rules = registry(rule, schema=schema)
    named = {code: rules.meaning(rule, code) for code in range(6 + len(rules.outcomes(rule)))}
    assert [named[i] for i in range(6)] == list(order)
    sets = [o for o in outcomes if o.against or len(o.labels) > 1]
    assert set(rules.outcomes(rule)) == set(sets)
    for label in [*outcomes, *LABELS]:
        name = label if isinstance(label, str) else label.name
        assert named[vote_code(rule, label, schema)] == name


# ---- rules that choose ----


def chooses(row):
    answers = {"1": "returns", "2": PARCEL, "3": wl.none_of("refunds"), "4": None, "5": wl.any_of("refunds")}
    return answers[row["text"]]


def test_a_function_may_return_the_outcomes_that_it_lists():
    rule = wl.labeling_function(chooses, outcomes=[wl.none_of("returns"), PARCEL])
    rules = registry(rule)
    assert rules.outcomes(rule) == (wl.none_of("returns"), PARCEL)
    assert rules.label_code(rule) is None
    assert votes(rule, texts=["1", "2", "3", "4", "5"]) == [[2], [5], [4], [-1], [2]]


def test_an_outcome_that_is_not_listed_is_a_fault():
    rule = wl.labeling_function(chooses, outcomes=[wl.none_of("returns")])
    with pytest.raises(RuleFault) as caught:
        votes(rule, texts=["2"])
    assert caught.value.what == (
        "rule 'chooses' returned 'delivery or returns', which its `outcomes` do not list (they list not returns)"
    )
    assert caught.value.hint == "list it: @labeling_function(outcomes=[any_of('delivery', 'returns')])"
    unknown = wl.labeling_function(lambda row: wl.any_of("returns", "retruns"), name="r")
    with pytest.raises(RuleFault, match="unknown label 'retruns'") as caught:
        votes(unknown, texts=["2"])
    assert caught.value.hint.startswith("did you mean 'returns'")


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"outcomes": ["returns"]}, "lists what any_of and none_of make, not 'returns'", "a label needs no listing"),
        ({"outcomes": [3]}, "lists what any_of and none_of make, not 3", 'outcomes=[any_of("a", "b")]'),
        ({"outcomes": [PARCEL], "label": "returns"}, "`outcomes` are for a function that returns labels", "leave `label` or"),
    ],
)  # fmt: skip
def test_what_outcomes_does_not_take(options, message, hint):
    with pytest.raises(RuleError, match=message) as caught:
        wl.labeling_function(chooses, **options)
    assert caught.value.hint.startswith(hint)


def test_one_outcome_needs_no_list():
    assert wl.labeling_function(chooses, outcomes=PARCEL).outcomes == (PARCEL,)


def test_a_lookup_may_give_an_outcome_to_a_term():
    rule = wl.lookup("l", {"parcel": PARCEL, "bill": "billing", "box": PARCEL})
    assert (rule.labels, rule.outcomes) == (("billing",), (PARCEL,))
    assert (rule.vote("a parcel"), rule.vote("a bill"), rule.vote("bill, parcel")) == (
        PARCEL,
        "billing",
        None,
    )
    assert (
        rule.fingerprint
        != wl.lookup("l", {"parcel": "returns", "bill": "billing", "box": PARCEL}).fingerprint
    )


# ---- what the registry refuses ----


def test_unknown_labels_are_named_with_the_nearest():
    rules = [
        wl.regex("set", "a", label=wl.any_of("returns", "retruns")),
        wl.regex("negation", "a", label=wl.none_of("biling")),
        wl.labeling_function(chooses, outcomes=[wl.any_of("delivery", "nothing at all")]),
        wl.regex("everything", "a", label=wl.any_of(*SCHEMA.names)),
        wl.regex("nothing", "a", label=wl.none_of(*SCHEMA.names)),
    ]
    with pytest.raises(Problems) as caught:
        registry(*rules)
    assert [p.what for p in caught.value.problems] == [
        "unknown label 'retruns'",
        "unknown label 'biling'",
        "unknown label 'nothing at all'",
        "'billing or delivery or returns or technical' is every label there is: such a vote says nothing",
        "'neither billing nor delivery nor returns nor technical' leaves no label",
    ]
    assert [p.hint for p in caught.value.problems[:2]] == [
        "did you mean 'returns'?",
        "did you mean 'billing'?",
    ]
    assert all("test_outcomes.py:" in p.where for p in caught.value.problems)


def test_codes_end_at_126():
    schema = wl.LabelSchema([f"l{i}" for i in range(120)])
    outcomes = [wl.none_of(f"l{i}") for i in range(8)]
    rule = wl.labeling_function(chooses, outcomes=outcomes[:7])
    assert registry(rule, schema=schema).meaning("chooses", 126) == "not l6"
    with pytest.raises(Problems, match="8 outcomes beside 120 labels; at most 7 fit into a vote column"):
        registry(wl.labeling_function(chooses, outcomes=outcomes), schema=schema)


def test_a_list_of_labels_is_told_of_any_of():
    with pytest.raises(RuleError, match=r"a label's name is text, not \['b', 'a'\]") as caught:
        wl.regex("r", "a", label=["b", "a"])
    assert caught.value.hint == "label=any_of('a', 'b')"


# ---- fingerprints ----


def shouts(row, most=2):
    return row["text"].count("!") > most


def names(row):
    return "spam" if row["text"] else None


def test_fingerprints_of_rules_without_outcomes_stay_what_they_were_before_there_were_outcomes():
    rules = [
        wl.keywords("k", ["refund", "money back"], label="spam", version="2"),
        wl.regex("r", r"https?://", label="junk", case="ignore", on_error="abstain"),
        wl.where("w", "length(text) < 20", label="ham"),
        wl.spacy_pattern("s", [[{"LOWER": "a"}, {"IS_ALPHA": True, "OP": "?"}]], label="ham"),
        wl.lookup("l", {"a": "ham", "b": "spam"}, fires_on=["a"]),
        wl.lookup("ll", ["a", "b"], label="ham", match="exact"),
        wl.labeling_function(shouts, label="spam"),
        wl.labeling_function(names),
    ]
    assert {rule.id: rule.fingerprint for rule in rules} == {
        "k": "fba400aa5fc8fecc9c3d4e55a82f407a",
        "r": "e4c649f3fb4bac7073e770dc935482d8",
        "w": "e1c36b906246bcfdff531e61ca96e3e6",
        "s": "374564ddc7333ccbe76de99107d4097f",
        "l": "709b6769a37e80111e78de3e57f55288",
        "ll": "1a28e16ffaf4979288d4c3e1895130a4",
        "shouts": "b6baf1932793952478f7a0db00a75e75",
        "names": "aefae51460489eded1d219144fe80070",
    }
    schema = wl.LabelSchema(["ham", wl.Label("spam", aliases=("junk",))])
    assert wl.LFRegistry(rules, schema=schema).fingerprint == "33dcfd3ce8c6ba668aaaaf3e341f2841"


def test_outcomes_are_part_of_the_fingerprint():
    plain = [r.fingerprint for r in makers("returns")]
    sets = [r.fingerprint for r in makers(PARCEL)]
    negations = [r.fingerprint for r in makers(wl.none_of("delivery", "returns"))]
    assert len({*plain, *sets, *negations}) == 18
    assert sets == [r.fingerprint for r in makers(wl.any_of("delivery", "returns"))]
    one = wl.labeling_function(chooses, outcomes=[PARCEL])
    two = wl.labeling_function(chooses, outcomes=[wl.none_of("returns"), PARCEL])
    assert len({one.fingerprint, two.fingerprint, wl.labeling_function(chooses).fingerprint}) == 3
    assert registry(one).fingerprint != registry(two).fingerprint


# ---- YAML ----


def pack(tmp_path, text):
    path = tmp_path / "pack.yaml"
    path.write_text(text, encoding="utf-8")
    return read_pack(path)


def test_yaml_gives_the_same_rules_as_python(tmp_path):
    rules, problems = pack(
        tmp_path,
        "defaults: {label: {any_of: [returns, delivery]}}\n"
        "rules:\n"
        "- {name: keywords, kind: keywords, terms: [parcel]}\n"
        "- {name: regex, kind: regex, pattern: parcel}\n"
        "- {name: where, kind: where, sql: \"text LIKE '%parcel%'\"}\n"
        "- {name: spacy, kind: spacy, patterns: [[{LOWER: parcel}]]}\n"
        "- {name: lookup, kind: lookup, entries: {parcel: {any_of: [delivery, returns]}}}\n"
        "- {name: one, kind: regex, pattern: a, label: {any_of: [returns]}}\n"
        "- {name: none, kind: regex, pattern: a, label: {none_of: [billing]}}\n",
    )
    assert problems == []
    same = [
        *makers(PARCEL)[:4],
        wl.lookup("lookup", {"parcel": PARCEL}, label=PARCEL),
        wl.regex("one", "a", label="returns"),
        wl.regex("none", "a", label=wl.none_of("billing")),
    ]
    assert rules == same
    assert [rule.fingerprint for rule in rules] == [rule.fingerprint for rule in same]


FORM = "`label` is a label, or any_of or none_of with a list of labels, not "


@pytest.mark.parametrize(
    ("label", "what", "hint"),
    [
        ("{any: [a, b]}", FORM + "{'any': ['a', 'b']}", "label: {any_of: [delivery, returns]}"),
        ("{none_of: spam}", FORM + "{'none_of': 'spam'}", "label: {none_of: [delivery, returns]}"),
        ("{any_of: [a, b], none_of: [c]}", FORM, "label: {any_of: [delivery, returns]}"),
        ("{}", FORM + "{}", "label: {any_of: [delivery, returns]}"),
        ("{any_of: []}", "`label`: `any_of` names no label", "label: {any_of: [delivery]}"),
        ("{any_of: [no, b]}", "`label`: a label's name is text, not False", "quote it: YAML reads yes, no, on, off and numbers as other types"),
        ("[delivery, returns]", "`label` is text, not ['delivery', 'returns']", "label: {any_of: [delivery, returns]}"),
    ],
)  # fmt: skip
def test_broken_outcomes_in_yaml(tmp_path, label, what, hint):
    _, [problem] = pack(tmp_path, f"rules:\n- {{name: r, kind: regex, pattern: a, label: {label}}}\n")
    assert problem.what.startswith(what)
    assert problem.where == f"{tmp_path}/pack.yaml:2:45"
    assert problem.hint == hint


def test_a_regex_tables_label_is_the_name_of_a_column(tmp_path):
    _, [problem] = pack(
        tmp_path, "regex_tables: [{path: a.tsv, name: x, pattern: p, label: {any_of: [a, b]}}]"
    )
    assert re.match("`label` is text, not ", problem.what)


def test_outcome_from_leaves_the_rest_alone():
    assert [outcome_from(value, "a.yaml") for value in ("a", None, ["a"])] == ["a", None, ["a"]]
