"""Ambiguous names and aliases, reported from votes; counts worked by hand."""

import polars as pl
import pytest

import weaklabel as wl
from weaklabel.errors import VotesError
from weaklabel.explore.ambiguous import ambiguous_aliases
from weaklabel.explore.spelled import tallies
from weaklabel.label_matrix import LabelMatrix

SCHEMA = wl.LabelSchema(
    [
        wl.Label("javascript", aliases=("js",)),
        wl.Label("tensorflow-js", aliases=("tfjs",), parents=("tensorflow",)),
        "tensorflow",
        wl.Label("golang", aliases=("go",)),
    ],
    exclusive=False,
)


def look(texts, rules=(), schema=SCHEMA, **more):
    made = wl.rules_from_taxonomy(schema, overrides={"golang": ["golang", "gopher"]})
    registry = wl.LFRegistry([*made, *rules], schema=schema)
    frame = pl.DataFrame({"id": [f"r{i}" for i in range(len(texts))], "text": texts})
    return ambiguous_aliases(frame, wl.LFApplier(registry).apply(frame), registry=registry, **more)


def line(found, spelling):
    return next(one for one in found.lines if one.spelling == spelling)


def test_a_spelling_that_stands_inside_another_labels_name():
    found = look(
        ["TensorFlow.js demo", "tensorflow-js", "TensorFlow.js", "plain JS", "js and JavaScript"], least=3
    )
    js = line(found, "js")
    assert (js.rows, js.inside, js.supported, js.denied, js.why) == (5, 3, 1, 0, ("inside",))
    assert js.inside_of == {"tensorflow-js": 3}
    # tensorflow stands inside tensorflow-js too, but that is below it
    assert line(found, "tensorflow").inside == 0
    assert line(found, "tensorflow").supported == 3


def test_a_spelling_inside_and_outside_on_one_row_is_not_inside():
    assert line(look(["TensorFlow.js, and plain js"]), "js").inside == 0


def test_denials_are_counted_by_rule_and_shown_first():
    rules = [
        wl.keywords("animal", ["burrow", "tail"], label=wl.none_of("golang")),
        wl.keywords("garden", ["garden"], label=wl.none_of("golang", "javascript")),
    ]
    texts = [
        "gopher 1.2",
        "a gopher in its burrow",
        "gopher, garden, tail",
        "gopher in the garden",
        "gopher burrow",
    ]
    found = look(texts, rules)
    gopher = line(found, "gopher")
    assert (gopher.rows, gopher.denied, gopher.why) == (5, 4, ("denied",))
    assert gopher.denied_by == {"animal": 3, "garden": 2}
    assert gopher.share_denied.value == pytest.approx(0.8)
    assert [row for row, _ in gopher.examples][:3] != ["r0"]
    assert "r0" not in [row for row, _ in gopher.examples]
    assert found.ambiguous == (gopher,)


def test_denying_a_label_denies_those_below_it():
    rule = wl.keywords("old", ["theano"], label=wl.none_of("tensorflow"))
    assert line(look(["tfjs, not theano"], [rule]), "tfjs").denied == 1


def test_alone_is_far_below_what_is_usual():
    texts = [f"golang gopher {i}" for i in range(30)] + [f"js {i}" for i in range(30)] + ["javascript"]
    found = look(texts)
    assert found.usual == pytest.approx(60 / 90)
    assert line(found, "js").why == ("alone",)
    assert line(found, "golang").why == ()


def test_a_label_that_nothing_else_could_tell_is_not_alone():
    schema = wl.LabelSchema(["python", "golang"], exclusive=False)
    found = look([f"python {i}" for i in range(50)] + ["gopher golang"] * 6, schema=schema)
    assert line(found, "python").why == ()


def test_few_rows_are_counted_and_not_judged():
    rule = wl.keywords("no", ["zoo"], label=wl.none_of("golang"))
    gopher = line(look(["gopher zoo"] * 4, [rule]), "gopher")
    assert (gopher.rows, gopher.denied, gopher.why) == (4, 4, ())


def test_exclusive_tasks_deny_by_voting_for_another_class():
    schema = wl.LabelSchema(["golang", "zoo"])
    rules = [wl.keywords("z", ["burrow"], label="zoo"), wl.keywords("n", ["fur"], label=wl.none_of("golang"))]
    made = [*wl.rules_from_taxonomy(["golang"]), *rules]
    registry = wl.LFRegistry(made, schema=schema)
    frame = pl.DataFrame({"id": ["a", "b", "c"], "text": ["golang burrow", "golang fur", "golang"]})
    found = ambiguous_aliases(frame, wl.LFApplier(registry).apply(frame), registry=registry, least=1)
    assert [(one.label, one.rows, one.denied, one.denied_by) for one in found.lines] == [
        ("golang", 3, 2, {"z": 1, "n": 1})
    ]


def test_order_of_rows_and_of_vote_columns_changes_nothing():
    rule = wl.keywords("no", ["zoo"], label=wl.none_of("golang"))
    made = [*wl.rules_from_taxonomy(SCHEMA, overrides={"golang": ["gopher"]}), rule]
    registry = wl.LFRegistry(made, schema=SCHEMA)
    texts = ["gopher zoo", "gopher", "js", "tensorflow.js zoo", "gopher zoo js"]
    frame = pl.DataFrame({"id": [f"r{i}" for i in range(5)], "text": texts})
    votes = wl.LFApplier(registry).apply(frame)
    turned = LabelMatrix.from_frame(votes.frame.select("id", *reversed(votes.frame.columns[1:])).reverse())
    one = ambiguous_aliases(frame, votes, registry=registry, least=1)
    other = ambiguous_aliases(frame.reverse(), turned, registry=registry, least=1)
    assert one.frame.equals(other.frame)
    assert one.lines == other.lines


def test_the_frame_has_one_row_per_spelling():
    frame = look(["js", "tensorflow.js"]).frame
    assert frame.sort("spelling").select("spelling", "rows", "inside_of").rows() == [
        ("js", 2, "tensorflow-js 1"),
        ("tensorflow", 1, ""),
        ("tensorflow-js", 1, ""),
    ]
    assert look(["nothing"]).frame.height == 0


def test_votes_of_other_rows_are_refused():
    registry = wl.LFRegistry(wl.rules_from_taxonomy(SCHEMA), schema=SCHEMA)
    frame = pl.DataFrame({"id": ["a", "b"], "text": ["js", "go"]})
    votes = wl.LFApplier(registry).apply(frame)
    with pytest.raises(VotesError, match="not of these rows"):
        ambiguous_aliases(frame.reverse(), votes, registry=registry)
    with pytest.raises(VotesError, match=r"no votes of rule 'tag\.javascript'"):
        ambiguous_aliases(
            frame, LabelMatrix.from_frame(votes.frame.drop("lf:tag.javascript")), registry=registry
        )


def test_tallies_skip_null_texts():
    registry = wl.LFRegistry(wl.rules_from_taxonomy(SCHEMA), schema=SCHEMA)
    frame = pl.DataFrame({"id": ["a", "b"], "text": ["js", None]})
    assert list(tallies(frame, wl.LFApplier(registry).apply(frame), registry)) == [("javascript", "js")]
