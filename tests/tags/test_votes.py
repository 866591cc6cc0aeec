"""Every kind of rule votes for and against tags, in its own alphabet, also where there are hundreds of tags."""

import numpy as np
import polars as pl
import pytest

import weaklabel as wl
from weaklabel.apply import check_examples
from weaklabel.errors import GoldError, Problems, RuleFault, SchemaError, VotesError
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import from_snorkel
from weaklabel.schema import Label, LabelSchema, Outcome, any_of, none_of
from weaklabel.tags import TagVotes, read_gold
from weaklabel.tags.events import KINDS

MANY = LabelSchema(
    [*(f"t{i}" for i in range(400)), Label("cat", aliases=("kitty",), parents=("t0",)), "dog"],
    exclusive=False,
)
FRAME = pl.DataFrame(
    {
        "id": ["x", "y", "z"],
        "text": ["a cat", "a dog", "rain"],
        "number": [0.9, 0.1, None],
        "kind": ["c", "d", None],
    }
)


def animal(row):
    return "kitty" if "cat" in row["text"] else none_of("cat") if "dog" in row["text"] else None


def column(frame):
    return frame["text"].replace_strict({"a cat": "kitty", "a dog": "not cat"}, default=None)


def snorkel(x):
    return 1 if "cat" in x.text else 0 if "dog" in x.text else -1


class Function:
    """What has the parts of a Snorkel function."""

    def __init__(self):
        self.name, self._f, self._resources, self._pre = "snorkel", snorkel, {}, []

    def __call__(self, row):
        return self._f(row)


SNORKEL_LIKE = Function()

ONE_LABEL = {
    "keywords": lambda label: wl.keywords("r", ["cat"], label=label),
    "regex": lambda label: wl.regex("r", "c[aA]t", label=label),
    "slow regex": lambda label: wl.regex("r", r"(?<!x)c(?=a)at", label=label),
    "where": lambda label: wl.where("r", "text LIKE '%cat%'", label=label),
    "spacy": lambda label: wl.spacy_pattern("r", [[{"LOWER": "cat"}]], label=label),
    "lookup": lambda label: wl.lookup("r", ["cat"], label=label),
    "exact": lambda label: wl.lookup("r", ["c"], label=label, match="exact", field="kind"),
    "python": lambda label: wl.labeling_function(lambda row: "cat" in row["text"], name="r", label=label),
    "vectorized": lambda label: wl.labeling_function(
        lambda frame: frame["text"].str.contains("cat"), name="r", label=label, vectorized=True
    ),
}
CHOOSING = {
    "lookup": wl.lookup("r", {"cat": "kitty", "dog": none_of("cat")}),
    "exact": wl.lookup("r", {"c": "kitty", "d": none_of("cat")}, match="exact", field="kind"),
    "python": wl.labeling_function(animal, name="r", choices=["cat"], outcomes=[none_of("cat")]),
    "vectorized": wl.labeling_function(
        column, name="r", choices=["cat"], outcomes=[none_of("cat")], vectorized=True
    ),
    "snorkel": from_snorkel(SNORKEL_LIKE, codes=(none_of("kitty"), "cat"), id="r"),
}


def registry(*rules, schema=MANY):
    return wl.LFRegistry(rules, schema=schema)


def said(rules, frame=FRAME):
    """Return the names of what a registry's only rule says of each row."""
    column = wl.LFApplier(rules).apply(frame).to_numpy()[:, 0].tolist()
    return [rules.meaning("r", code) for code in column]


@pytest.mark.parametrize("label", ["cat", any_of("cat", "dog"), none_of("cat")], ids=str)
@pytest.mark.parametrize("kind", ONE_LABEL)
def test_a_rule_with_one_label_has_the_code_0(kind, label):
    rule = ONE_LABEL[kind](label)
    rules = registry(rule)
    assert rules.label_code(rule) == 0
    name = label if isinstance(label, str) else label.name
    assert said(rules) == [name, "abstain", "abstain"]
    assert rules.alphabet(rule) == (Outcome((label,)) if isinstance(label, str) else label,)


@pytest.mark.parametrize("kind", CHOOSING)
def test_a_rule_that_chooses_votes_in_its_own_alphabet(kind):
    rules = registry(CHOOSING[kind])
    assert said(rules) == ["cat", "not cat", "abstain"]
    first = [outcome.name for outcome in rules.alphabet(rules["r"])]
    assert first == (["not cat", "cat"] if kind == "snorkel" else ["cat", "not cat"])
    events = TagVotes.of(wl.LFApplier(rules).apply(FRAME), rules)
    assert events.n_rows == 3 and events.n_votes[events.inverse].tolist() == [1, 1, 0]


def test_a_score_rule_votes_in_its_own_alphabet():
    rule = wl.score("r", [{"label": "kitty", "from": 0.5}, {"label": "dog", "to": 0.5}], field="number")
    rules = registry(rule)
    assert [outcome.name for outcome in rules.alphabet(rule)] == ["dog", "cat"]
    assert said(rules) == ["cat", "dog", "abstain"]


def test_codes_of_an_exclusive_task_are_what_they_were():
    schema = LabelSchema(["dog", Label("cat", aliases=("kitty",)), "cow"])
    for kind, rule in CHOOSING.items():
        assert said(registry(rule, schema=schema)) == ["cat", "not cat", "abstain"], kind
    column = wl.LFApplier(registry(CHOOSING["python"], schema=schema)).apply(FRAME).to_numpy()[:, 0]
    assert column.tolist() == [1, 3, -1]


def test_examples_run_in_the_alphabet():
    rule = wl.labeling_function(
        animal,
        name="r",
        choices=["cat"],
        outcomes=[none_of("cat")],
        fires_on={"cat": ["a cat"], none_of("cat"): ["a dog"]},
    )
    assert check_examples(registry(rule)) == []
    wrong = wl.labeling_function(
        animal, name="r", choices=["cat"], outcomes=[none_of("cat")], fires_on={"cat": ["a dog"]}
    )
    assert "votes 'not cat', expected 'cat'" in check_examples(registry(wrong))[0].what
    stray = wl.labeling_function(animal, name="r", choices=["cat"], fires_on={"dog": ["a dog"]})
    with pytest.raises(Problems, match="expects 'dog', which is no outcome of the rule"):
        registry(stray)


def test_a_function_that_lists_nothing_may_return_any_of_the_tags_that_fit():
    few = LabelSchema(["t0", Label("cat", aliases=("kitty",)), "dog"], exclusive=False)
    rule = wl.labeling_function(animal, name="r", outcomes=[none_of("cat")])
    assert [one.name for one in registry(rule, schema=few).alphabet(rule)] == ["t0", "cat", "dog", "not cat"]
    assert said(registry(rule, schema=few)) == ["cat", "not cat", "abstain"]
    with pytest.raises(Problems) as caught:
        registry(rule)
    assert caught.value.problems[0].what == "403 outcomes; at most 127 fit into a vote column"
    assert caught.value.problems[0].hint == "say which it returns: choices=['t0', …]"


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_label_that_is_not_listed_is_a_fault(vectorized):
    function = column if vectorized else animal
    rule = wl.labeling_function(
        function, name="r", choices=["dog"], outcomes=[none_of("cat")], vectorized=vectorized
    )
    with pytest.raises(
        RuleFault, match="returned 'kitty', which its `choices` do not list \\(they list dog\\)"
    ) as caught:
        said(registry(rule))
    assert caught.value.hint == "list it: @labeling_function(choices=[…, 'kitty'])"


def test_a_snorkel_function_says_what_its_codes_stand_for():
    with pytest.raises(Problems) as caught:
        registry(from_snorkel(SNORKEL_LIKE))
    assert "codes stand for nothing by themselves" in caught.value.problems[0].what
    assert caught.value.problems[0].hint == 'from_snorkel(snorkel, codes=(none_of("t0"), "t0"))'
    with pytest.raises(RuleFault, match="returned code 1; its codes are 0 to 0"):
        said(registry(from_snorkel(SNORKEL_LIKE, codes=("cat",), id="r")))
    with pytest.raises(
        wl.RuleError, match="`codes` says what the codes 0, 1, … stand for: a list of labels, not 'cat'"
    ):
        from_snorkel(SNORKEL_LIKE, codes="cat")
    with pytest.raises(Problems, match="1 problem") as caught:
        registry(from_snorkel(SNORKEL_LIKE, codes=("cow",)))
    assert caught.value.problems[0].what == "unknown label 'cow'"
    one, two = from_snorkel(SNORKEL_LIKE), from_snorkel(SNORKEL_LIKE, codes=("dog", "cat"))
    assert one.fingerprint != two.fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"choices": [3]}, "`choices` lists names of labels, not 3"),
        ({"choices": ["cat"], "label": "cat"}, "`choices` are for a function that returns labels"),
    ],
)
def test_what_choices_does_not_take(options, message):
    with pytest.raises(wl.RuleError, match=message):
        wl.labeling_function(animal, name="r", **options)


def test_choices_are_part_of_the_fingerprint():
    prints = {
        wl.labeling_function(animal, choices=names).fingerprint for names in ((), ("cat",), ("cat", "dog"))
    }
    assert len(prints) == 3
    assert wl.labeling_function(animal, choices="cat").labels == ("cat",)


# ---- events ----


def test_links_of_each_outcome():
    schema = LabelSchema(
        ["a", Label("b", parents=("a",)), Label("c", parents=("b",)), Label("d", parents=("a",)), "e"],
        exclusive=False,
    )
    outcomes = [
        Outcome(("c",)), any_of("c", "d"), any_of("b", "c"), any_of("c", "e"), none_of("a", "e"), any_of(*"abcde"),
    ]  # fmt: skip
    votes = TagVotes.of_alphabets(
        LabelMatrix.from_numpy([[0]], labelers=["r"]), schema, {"r": tuple(outcomes)}
    )
    events = votes.events
    found = {
        outcome.name: [
            (schema.label(int(tag)), KINDS[kind])
            for tag, kind in zip(events.tags[a:b], events.kinds[a:b], strict=True)
        ]
        for (_, outcome), a, b in zip(events.said, events.indptr[:-1], events.indptr[1:], strict=True)
    }
    assert found == {
        "c": [("a", "implied"), ("b", "implied"), ("c", "present")],
        "c or d": [("a", "implied"), ("c", "member"), ("d", "member")],
        "b or c": [("a", "implied"), ("b", "implied"), ("b", "member"), ("c", "member")],
        "c or e": [("c", "member"), ("e", "member")],
        "neither a nor e": [("a", "against"), ("e", "against")],
        "a or b or c or d or e": [],
    }


def test_what_is_refused():
    matrix = LabelMatrix.from_numpy([[2]], labelers=["r"])
    with pytest.raises(SchemaError, match="these labels are exclusive"):
        TagVotes.of(matrix, registry(CHOOSING["python"], schema=LabelSchema(["cat", "dog"])))
    with pytest.raises(VotesError) as caught:
        TagVotes.of(matrix, registry(CHOOSING["python"]))
    assert caught.value.what == "rule 'r' votes 2, and its codes are 0 to 1"
    assert caught.value.available == ("cat", "not cat") and "test_votes.py:" in caught.value.where
    with pytest.raises(VotesError, match="no rule 'q'"):
        TagVotes.of(LabelMatrix.from_numpy([[0]], labelers=["q"]), registry(CHOOSING["python"]))


def test_minus_2_and_answers_given_twice_are_one_vote_or_none():
    answers = pl.DataFrame({"item": ["x", "x", "y"], "labeler": ["r", "r", "r"], "code": [0, 0, -1]})
    votes = TagVotes.of(LabelMatrix.from_answers(answers), registry(CHOOSING["python"]))
    assert np.diff(votes.cells[0])[votes.inverse].tolist() == [2, 0]  # cat, and t0 above it


# ---- gold ----


def test_gold_in_all_its_forms():
    frame = pl.DataFrame({"id": ["b", "a", "c"], "labels": [["kitty", "cat", "dog"], [], None]})
    lists = read_gold(frame, MANY)
    texts = read_gold(pl.DataFrame({"id": ["b", "a", "c"], "labels": ["dog| kitty", "", None]}), MANY)
    mapped = read_gold({"b": ["dog", "cat"], "a": []}, MANY)
    for gold in (lists, texts, mapped):
        assert sorted(gold.ids.to_list()) == ["a", "b"]
        assert gold.codes.tolist() == [400, 401]


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        (pl.DataFrame({"id": ["a"]}), "gold has no column 'labels'"),
        (pl.DataFrame({"id": ["a", "a"], "labels": ["", ""]}), "gold id 'a' occurs twice"),
        (pl.DataFrame({"id": ["a"], "labels": ["cow"]}), "gold names 'cow', which is no tag"),
        (pl.DataFrame({"id": ["a"], "labels": [3]}), "gold's `labels` hold Int64, not lists of names"),
        ([("a", [])], "gold is a frame or a mapping, not list"),
    ],
)
def test_what_is_no_gold(gold, message):
    with pytest.raises(GoldError, match=message):
        read_gold(gold, MANY)
