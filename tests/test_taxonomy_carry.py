"""Gold, labels and votes under a new schema: exact where it can be, queued where not, nothing dropped."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaklabel.errors import GoldError, VotesError
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import LFRegistry, keywords, lookup
from weaklabel.schema import LABEL_COLUMNS, TAG_COLUMNS, Label, LabelSchema, Outcome, any_of, none_of
from weaklabel.taxonomy import carry_gold, carry_labels, carry_votes, schema_diff
from weaklabel.taxonomy.carrying import fate
from weaklabel.taxonomy.recoding import outcome_now, recoded


def made(*labels, exclusive=True):
    return LabelSchema(labels, exclusive=exclusive)


OLD = made("ham", "spam", "fax", "ads", "promo")
NEW = made("letter", "spam", "scam", Label("ads", aliases=("promo",)), Label("fax", status="retired"))
CHANGE = {"rename": {"ham": "letter"}, "split": {"spam": ["spam", "scam"]}}
DIFF = schema_diff(OLD, NEW, CHANGE)
TAGS = schema_diff(
    made("ham", "spam", "fax", "ads", "promo", exclusive=False),
    made(*NEW.labels, *NEW.retired, exclusive=False),
    CHANGE,
)


# ---- gold ----


def test_gold_of_one_label_a_row():
    gold = pl.DataFrame(
        {"id": list("abcdef"), "label": ["ham", "spam", "fax", "promo", "ads", None], "who": 1}
    )
    found = carry_gold(gold, DIFF)
    assert found.rows.rows() == [("a", "letter", 1), ("d", "ads", 1), ("e", "ads", 1), ("f", None, 1)]
    assert found.queued.rows() == [
        ("b", ["spam"], "'spam' was split into spam, scam"),
        ("c", ["fax"], "'fax' is retired"),
    ]
    assert found.counts == {"same": 2, "renamed": 2, "queued": 2}
    assert found.notes == ()


def test_gold_of_several_labels_a_row():
    gold = pl.DataFrame(
        {
            "id": list("abcdef"),
            "labels": [["ham", "promo", "ads"], ["spam", "ham"], ["fax", "ham"], [], ["fax"], None],
        }
    )
    found = carry_gold(gold, TAGS)
    assert found.rows.rows() == [("a", ["letter", "ads"]), ("c", ["letter"]), ("d", []), ("e", []), ("f", [])]
    assert found.queued.rows() == [
        ("b", ["spam", "ham"], "'spam' was split into spam, scam"),
        ("c", ["fax", "ham"], "'fax' is retired"),
        ("e", ["fax"], "'fax' is retired"),
    ]


def test_gold_written_with_bars():
    gold = pl.DataFrame({"item": ["a", "b"], "tags": ["ham | promo", ""]})
    found = carry_gold(gold, TAGS, id="item", label="tags")
    assert found.rows.rows() == [("a", "letter|ads"), ("b", "")]


def test_gold_of_an_alias_and_of_a_name_that_is_new_already():
    old = made(Label("ham", aliases=("note",)), "spam")
    diff = schema_diff(old, made("letter", "spam"), {"rename": {"ham": "letter"}})
    found = carry_gold(pl.DataFrame({"id": ["a", "b", "c"], "label": ["note", "letter", "zzz"]}), diff)
    assert found.rows["label"].to_list() == ["letter", "letter"]
    assert found.queued.rows() == [("c", ["zzz"], "'zzz' is gone")]


def test_several_labels_do_not_fit_into_one():
    diff = schema_diff(made("a", "b", exclusive=False), made("a", "b"))
    found = carry_gold(pl.DataFrame({"id": ["x", "y"], "labels": [["a", "b"], ["a"]]}), diff)
    assert found.queued.rows() == [("x", ["a", "b"], "2 labels where one is wanted: a, b")]
    assert found.rows.rows() == [("y", ["a"])]


def test_gold_says_nothing_of_labels_that_are_new():
    diff = schema_diff(made("a", "b"), made("a", "b", "c"))
    notes = carry_gold(pl.DataFrame({"id": ["x"], "label": ["a"]}), diff).notes
    assert notes == ("gold from before c existed says nothing of it",)


def test_gold_without_its_column():
    with pytest.raises(GoldError, match="the gold has no column 'label'"):
        carry_gold(pl.DataFrame({"id": ["a"], "answer": ["ham"]}), DIFF)


# ---- label tables ----


def classes(*rows):
    cells = [(name, label, status, given, 1, 7, "r1") for name, label, status, given in rows]
    return pl.DataFrame(cells, schema=LABEL_COLUMNS, orient="row")


def test_a_label_table_keeps_every_row():
    table = classes(
        ("a", "ham", "labeled", [0.75, 0.0, 0.0, 0.25, 0.0]),
        ("b", "spam", "labeled", [0.25, 0.75, 0.0, 0.0, 0.0]),
        ("c", "ham", "labeled", [0.5, 0.25, 0.25, 0.0, 0.0]),
        ("d", None, "uncovered", None),
        ("e", "ham", "labeled", [0.4, 0.0, 0.0, 0.3, 0.3]),
        ("f", "ads", "labeled", [0.0, 0.0, 0.0, 0.5, 0.5]),
        ("g", "fax", "labeled", [0.0, 0.0, 1.0, 0.0, 0.0]),
    )
    found = carry_labels(table, DIFF)
    assert found.rows.schema == table.schema
    assert found.rows.select("id", "label", "status").rows() == [
        ("a", "letter", "labeled"),
        ("b", None, "below_threshold"),
        ("c", "letter", "labeled"),
        ("d", None, "uncovered"),
        ("e", None, "below_threshold"),
        ("f", "ads", "labeled"),
        ("g", None, "below_threshold"),
    ]
    # in the order letter, spam, scam, ads
    given = found.rows["probabilities"].to_list()
    assert given[0] == [0.75, 0.0, 0.0, 0.25]
    assert given[1] is given[2] is given[3] is given[6] is None
    assert given[4] == pytest.approx([0.4, 0.0, 0.0, 0.6])
    assert given[5] == [0.0, 0.0, 0.0, 1.0]
    assert found.queued.rows() == [
        ("b", ["spam"], "'spam' was split into spam, scam"),
        ("e", ["ham"], "'ads' is likelier now that labels are merged"),
        ("g", ["fax"], "'fax' is retired"),
    ]
    assert found.counts == {"same": 1, "renamed": 2, "queued": 3}
    assert found.notes == ("3 rows keep no probabilities: some went to a label that was split or is no more",)


def tags(*rows):
    cells = [(name, labels, status, names, given, 1, 7, "r1") for name, labels, status, names, given in rows]
    return pl.DataFrame(cells, schema=TAG_COLUMNS, orient="row")


def test_a_table_of_tags_keeps_every_row():
    table = tags(
        ("a", ["ham", "ads"], "labeled", ["ham", "ads", "promo"], [0.75, 0.5, 0.625]),
        ("b", ["spam"], "labeled", ["ham", "spam"], [0.25, 0.75]),
        ("c", ["fax", "ham"], "labeled", ["fax", "ham"], [0.875, 0.75]),
        ("d", [], "uncovered", None, None),
        ("e", [], "below_threshold", ["fax"], [0.125]),
    )
    found = carry_labels(table, TAGS)
    assert found.rows.schema == table.schema
    assert found.rows.select("id", "labels", "status", "candidates", "probabilities").rows() == [
        ("a", ["letter", "ads"], "labeled", ["letter", "ads"], [0.75, 0.625]),
        ("b", [], "below_threshold", ["letter"], [0.25]),
        ("c", ["letter"], "labeled", ["letter"], [0.75]),
        ("d", [], "uncovered", None, None),
        ("e", [], "below_threshold", [], []),
    ]
    assert found.queued.rows() == [("b", ["spam"], "'spam' was split into spam, scam")]
    assert found.counts == {"same": 2, "renamed": 2, "queued": 1}


# ---- votes ----


def test_what_a_vote_says_after_a_split_a_merge_and_a_retirement():
    said = {
        any_of("spam", "ham"): Outcome(("letter", "scam", "spam")),
        none_of("spam"): none_of("scam", "spam"),
        none_of("fax", "promo"): none_of("ads"),
        any_of("ads", "promo"): Outcome(("ads",)),
        Outcome(("fax",)): None,
        any_of("fax", "ham"): None,
        none_of("fax"): None,
    }
    assert {outcome: outcome_now(outcome, DIFF) for outcome in said} == said


def test_codes_of_an_exclusive_task():
    rule = lookup(
        "l", {"x": "spam", "y": "ham", "z": any_of("ads", "promo"), "w": none_of("spam"), "v": "fax"}
    )
    # new codes: letter 0, spam 1, scam 2, ads 3, then the rule's sets: scam or spam 4, neither scam nor spam 5
    assert recoded(rule, DIFF) == {0: 0, 1: 4, 2: -2, 3: 3, 4: 3, 5: 3, 6: 5}


def test_codes_of_tags_are_the_rules_own():
    rule = lookup("l", {"x": "spam", "y": "ham", "v": "fax", "z": none_of("promo")})
    # old: spam 0, ham 1, fax 2, not promo 3; new: letter 0, then scam or spam 1, not ads 2
    assert recoded(rule, TAGS) == {0: 1, 1: 0, 2: -2, 3: 2}


def test_a_vote_for_all_that_is_left_abstains():
    diff = schema_diff(made("a", "b", "c"), made("a", "b", Label("c", status="retired")))
    assert recoded(keywords("k", ["x"], label=any_of("a", "b")), diff)[3] == -1


def test_codes_are_those_that_the_edited_rule_would_have():
    """The carried codes mean, in a registry of the new schema, what the old ones meant."""
    before = [
        lookup("l", {"x": "spam", "y": "ham", "w": none_of("spam")}),
        keywords("k", ["x"], label=any_of("spam", "ads")),
    ]
    after = [
        lookup("l", {"x": any_of("spam", "scam"), "y": "letter", "w": none_of("spam", "scam")}),
        keywords("k", ["x"], label=any_of("spam", "scam", "ads")),
    ]
    old, new = (LFRegistry(rules, schema=schema) for rules, schema in ((before, OLD), (after, NEW)))
    said = {
        "spam": "scam or spam",
        "ham": "letter",
        "not spam": "neither scam nor spam",
        "ads or spam": "ads or scam or spam",
    }
    for rule in old:
        for code, now in recoded(rule, DIFF).items():
            if now != -2 and (means := old.meaning(rule, code)) in said:
                assert new.meaning(rule.id, now) == said[means]


def test_votes_that_mean_nothing_any_more_are_missing_and_counted():
    registry = LFRegistry(
        [keywords("f", ["fax"], label="fax"), keywords("h", ["x"], label="ham")], schema=OLD
    )
    votes = LabelMatrix.from_numpy([[2, -1], [2, 0], [-1, -2]], ids=["a", "b", "c"], labelers=["f", "h"])
    carried, lost = carry_votes(votes, DIFF, registry=registry)
    assert carried.to_numpy().tolist() == [[-2, -1], [-2, 0], [-1, -2]]
    assert lost == {"f": 2}
    with pytest.raises(VotesError, match="votes of a rule that is not there: 'z'"):
        carry_votes(LabelMatrix.from_numpy([[0]], ids=["a"], labelers=["z"]), DIFF, registry=registry)


# ---- properties ----

LETTERS = list("abcdef")
LISTS = st.lists(st.lists(st.sampled_from(LETTERS), unique=True, max_size=4), max_size=8)


@st.composite
def renamings(draw):
    """Two schemas whose labels are the same under other names, in another order, and the way there and back."""
    exclusive = draw(st.booleans())
    order = draw(st.permutations(LETTERS))
    old, new = made(*LETTERS, exclusive=exclusive), made(*(f"{x}2" for x in order), exclusive=exclusive)
    there = schema_diff(old, new, {"rename": {x: f"{x}2" for x in LETTERS}})
    return there, schema_diff(new, old, {"rename": {f"{x}2": x for x in LETTERS}})


@given(renamings(), LISTS)
def test_gold_goes_there_and_back(ways, lists):
    there, back = ways
    rows = [row[:1] for row in lists] if there.old.exclusive else lists
    gold = pl.DataFrame(
        {"id": [str(i) for i in range(len(rows))], "labels": rows},
        schema={"id": pl.String, "labels": pl.List(pl.String)},
    )
    over = carry_gold(gold, there)
    assert over.queued.height == 0
    assert carry_gold(over.rows, back).rows.equals(gold)


@given(renamings(), st.data())
def test_label_tables_go_there_and_back(ways, data):
    there, back = ways
    rows = []
    for i in range(data.draw(st.integers(0, 6))):
        if there.old.exclusive:
            given_ = np.random.default_rng(i).dirichlet(np.ones(len(LETTERS))).astype(np.float32).tolist()
            label = data.draw(st.sampled_from([*LETTERS, None]))
            rows.append((str(i), label, "labeled" if label else "tie", given_))
        else:
            names = [x for x in LETTERS if data.draw(st.booleans())]
            rows.append((str(i), names[:2], "labeled", names, [0.5 + i / 16] * len(names)))
    table = (classes if there.old.exclusive else tags)(*rows)
    over = carry_labels(table, there)
    again = carry_labels(over.rows, back).rows
    assert over.queued.height == 0
    assert again.equals(table)


@given(renamings(), st.lists(st.lists(st.integers(-2, 3), min_size=2, max_size=2), min_size=1, max_size=6))
def test_votes_go_there_and_back(ways, cells):
    there, back = ways
    names = {"l": ["c", "a", any_of("a", "b"), none_of("f")], "k": ["d", "b", any_of("c", "e"), none_of("d")]}

    def rules(suffix):
        def of(one):
            named = [f"{x}{suffix}" for x in (one.labels if isinstance(one, Outcome) else [one])]
            return Outcome(tuple(named), one.against) if isinstance(one, Outcome) else named[0]

        return [lookup(name, {str(i): of(one) for i, one in enumerate(said)}) for name, said in names.items()]

    old, new = LFRegistry(rules(""), schema=there.old), LFRegistry(rules("2"), schema=there.new)
    codes = [sorted(recoded(rule, there)) for rule in old]
    drawn = [
        [
            -1 if cell < -1 else cell if cell < 0 else codes[j][cell % len(codes[j])]
            for j, cell in enumerate(row)
        ]
        for row in cells
    ]
    votes = LabelMatrix.from_numpy(drawn, ids=[str(i) for i in range(len(drawn))], labelers=["l", "k"])
    over, lost = carry_votes(votes, there, registry=old)
    assert lost == {}
    again, _ = carry_votes(over, back, registry=new)
    assert again.to_numpy().tolist() == drawn
    for row, now in zip(drawn, over.to_numpy().tolist(), strict=True):
        for rule, code, other in zip(old, row, now, strict=True):
            if code >= 0:
                assert sorted(old.meaning(rule, code).replace("2", "")) == sorted(
                    new.meaning(rule.id, other).replace("2", "")
                )


@st.composite
def any_change(draw):
    """Two schemas and a map at random: every label is kept, renamed, merged, split, retired or gone."""
    exclusive = draw(st.booleans())
    new, mapping = ["kept"], {"rename": {}, "merge": {"m": []}, "split": {}, "retire": []}
    for name in LETTERS:
        what = draw(st.sampled_from(["keep", "rename", "merge", "split", "retire", "gone"]))
        if what == "keep":
            new.append(name)
        elif what == "rename":
            new.append(f"{name}2")
            mapping["rename"][name] = f"{name}2"
        elif what == "merge":
            mapping["merge"]["m"].append(name)
        elif what == "split":
            new += [f"{name}x", f"{name}y"]
            mapping["split"][name] = [f"{name}x", f"{name}y"]
        elif what == "retire":
            mapping["retire"].append(name)
    if len(mapping["merge"]["m"]) > 1:
        new.append("m")
    else:
        new += mapping["merge"]["m"]
        mapping["merge"] = {}
    return schema_diff(made(*LETTERS, exclusive=exclusive), made(*new, "new", exclusive=exclusive), mapping)


@given(any_change(), LISTS)
def test_every_gold_row_is_carried_or_queued(diff, lists):
    rows = [row[:1] for row in lists] if diff.old.exclusive else lists
    gold = pl.DataFrame(
        {"id": [str(i) for i in range(len(rows))], "labels": rows},
        schema={"id": pl.String, "labels": pl.List(pl.String)},
    )
    found = carry_gold(gold, diff)
    assert set(found.rows["id"]) | set(found.queued["id"]) == set(gold["id"])
    assert found.same + found.renamed == found.rows.height
    assert all(name in diff.new.names for row in found.rows["labels"] for name in row)
    for name, was in gold.rows():
        whole = fate(was, diff).whole
        assert (name in set(found.queued["id"])) is not whole
        if whole:
            now = found.rows.filter(pl.col("id") == name)["labels"][0].to_list()
            assert set(now) == {diff.exact(one) for one in was}


@given(any_change(), LISTS)
def test_every_row_of_a_label_table_stays(diff, lists):
    if diff.old.exclusive:
        table = classes(*((str(i), (row or [None])[0], "labeled", None) for i, row in enumerate(lists)))
    else:
        table = tags(*((str(i), row, "labeled", row, [0.5] * len(row)) for i, row in enumerate(lists)))
    found = carry_labels(table, diff)
    assert found.rows["id"].equals(table["id"])
    assert found.rows.schema == table.schema
    column = found.rows["label" if diff.old.exclusive else "labels"].to_list()
    told = [one for cell in column for one in ([cell] if isinstance(cell, str) else cell or [])]
    assert set(told) <= set(diff.new.names)
