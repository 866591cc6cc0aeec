"""What one rule does: every number worked by hand on the six rows of `explore_tasks`."""

import dataclasses
import json

import polars as pl
import pytest

from explore_tasks import SCHEMA, TEXTS, view_of
from explore_tasks import registry as make_registry
from weaklabel.errors import RuleError, RuleFault
from weaklabel.explore import Ballots, View, changes, try_rule
from weaklabel.lf import LFRegistry, feature, keywords, labeling_function, lookup, regex, where
from weaklabel.schema import LabelSchema, none_of

# asks: a b f (ham); sells: b c d (spam); shouts: f (spam); short: e (ham)


def test_numbers(registry, view):
    trial = try_rule("asks", registry, view)
    assert (trial.rows, trial.hits, trial.alone, trial.overlaps, trial.conflicts) == (6, 3, 1, 2, 2)
    assert trial.labels == {"ham": 3}
    assert trial.coverage.value == 0.5 and trial.coverage.low is None
    assert (trial.precision.value, trial.precision.n) == (1 / 3, 3)
    assert [dataclasses.astuple(other) for other in trial.others] == [
        ("sells", 1, 1, 0, 1),
        ("shouts", 1, 1, 0, 1),
    ]
    assert [dataclasses.astuple(m) for m in trial.matches] == [("please", 3, 1, 2)]
    assert trial.matched_rows == 3
    assert trial.rule["kind"] == "keywords" and trial.notes == ()


def test_near_misses_and_what_the_others_say_there(registry, view):
    trial = try_rule("asks", registry, view)
    assert [dataclasses.astuple(n) for n in trial.near] == [("please", "pleas", "one letter less", 1, 0, 1)]
    assert trial.near_rows == 3
    [example] = trial.examples["near"]
    assert (example.id, example.label, example.why) == ("d", None, "one letter less: 'pleas' for 'please'")
    assert [p.text for p in example.pieces if p.marked] == ["pleas"]
    assert trial.near_rows == 3


def test_examples_show_each_row_once(registry, view):
    trial = try_rule("asks", registry, view, examples=2)
    ids = {kind: [row.id for row in rows] for kind, rows in trial.examples.items()}
    assert len(ids["hits"]) == 2 and len(ids["wrong"]) <= 1
    assert len({*ids["hits"], *ids["wrong"], *ids["conflicts"]}) == sum(
        len(ids[kind]) for kind in ("hits", "wrong", "conflicts")
    )
    everything = try_rule("asks", registry, view, examples=9)
    by_id = {row.id: row for row in everything.examples["hits"]}
    assert set(by_id) == {"a", "b", "f"}
    assert by_id["b"].gold == "spam" and by_id["b"].others == {"spam": ("sells",)}
    assert [p.text for p in by_id["f"].pieces if p.marked] == ["PLEASE"]


def test_a_typed_rule_stands_beside_the_others(registry, view):
    trial = try_rule(keywords("typed", ["hello"], label="spam"), registry, view)
    assert (trial.hits, trial.conflicts, trial.precision.value) == (1, 1, 0.0)
    assert [row.id for row in trial.examples["hits"]] == ["e"]


def test_a_rule_takes_the_place_of_the_one_with_its_id(registry, view):
    trial = try_rule(keywords("asks", ["help"], label="ham"), registry, view)
    assert trial.hits == 1 and trial.others == ()


def test_the_order_of_the_rows_changes_nothing(registry):
    one = try_rule("asks", registry, view_of())
    turned = dict(reversed(TEXTS.items()))
    other = try_rule("asks", registry, view_of(turned))
    assert dataclasses.asdict(one) == dataclasses.asdict(other)


def test_without_gold_nothing_is_right_or_wrong(registry):
    trial = try_rule("asks", registry, view_of(gold=None))
    assert trial.precision.value is None and trial.examples["wrong"] == ()
    assert [(m.right, m.wrong) for m in trial.matches] == [(0, 0)]


def test_a_plain_frame_will_do(registry):
    frame = pl.DataFrame({"id": ["x"], "text": ["please"]})
    assert try_rule("asks", registry, frame).hits == 1


def test_ballots_are_of_these_rows(registry, view):
    with pytest.raises(RuleError, match="ballots are of other rows"):
        try_rule("asks", registry, view, ballots=Ballots(view_of()))


def test_kept_votes_spare_the_others(registry, view):
    ballots = Ballots(view)
    try_rule("asks", registry, view, ballots=ballots)
    try_rule(keywords("asks", ["help"], label="ham"), registry, view, ballots=ballots)
    assert ballots.voted == ("asks",)


def test_an_unknown_rule_is_named_with_the_nearest(registry, view):
    with pytest.raises(RuleError, match="no rule 'ask'") as error:
        try_rule("ask", registry, view)
    assert "did you mean 'asks'?" in str(error.value)


def test_sets_and_negations_agree_where_a_class_is_left():
    schema = LabelSchema(["ham", "spam", "ad"])
    rules = [
        regex("polite", "please", label=none_of("spam")),
        regex("buys", "buy", label="spam"),
        regex("helps", "help", label="ham"),
    ]
    view = view_of(
        {"a": "please help", "b": "please buy", "c": "please"}, {"a": "ham", "b": "spam", "c": "ad"}, schema
    )
    trial = try_rule("polite", LFRegistry(rules, schema=schema), view)
    assert trial.labels == {"not spam": 3}
    assert (trial.overlaps, trial.conflicts) == (2, 1)
    assert trial.precision.value == 2 / 3
    assert [(o.id, o.conflicts, o.other_right) for o in trial.others] == [("buys", 1, 1), ("helps", 0, 0)]
    assert trial.examples["wrong"] == () and {r.id for r in trial.examples["hits"]} == {"a", "b", "c"}


def test_a_rule_of_several_labels_is_measured_by_label(view):
    rule = lookup("words", {"please": "ham", "buy": "spam", "hello": "ham"})
    trial = try_rule(rule, LFRegistry([rule], schema=SCHEMA), view)
    assert trial.labels == {"ham": 3, "spam": 2}
    assert {label: (e.value, e.n) for label, e in trial.precision_by_label.items()} == {
        "ham": (2 / 3, 3),
        "spam": (1.0, 1),
    }


def test_rules_without_places_show_the_columns_they_read():
    @labeling_function(label="ham")
    def loud(row):
        return row["stars"] > 3

    frame = pl.DataFrame({"id": ["a", "b"], "text": ["one", "two"], "stars": [5, 1]})
    trial = try_rule(loud, make_registry(), frame)
    [row] = trial.examples["hits"]
    assert row.values == {} or row.values == {"stars": 5}
    assert [p.text for p in row.pieces] == ["one"]
    assert trial.notes == ("near misses are told for keyword, lookup and regex rules, not for python rules",)
    by_field = try_rule("short", make_registry(), frame.with_columns(text=pl.lit("abc")))
    assert by_field.hits == 2


def test_failures(registry, view):
    @labeling_function(label="ham")
    def fails(row):
        return 1 / (row["text"] != "hello")

    with pytest.raises(RuleFault, match="ZeroDivisionError"):
        try_rule(fails, registry, view)
    counted = try_rule(fails, registry, view, on_error="abstain")
    assert counted.faults == 1 and "the rule failed on 1 rows" in counted.notes[0]
    others = try_rule("asks", LFRegistry([*registry, fails], schema=SCHEMA), view)
    assert "other rules that failed on rows: 1; most often fails (1)" in others.notes


def test_texts_that_are_null_or_no_text(registry):
    frame = pl.DataFrame(
        {"id": ["a", "b"], "text": [None, "please"]}, schema={"id": pl.String, "text": pl.String}
    )
    assert try_rule("asks", registry, frame).hits == 1
    with pytest.raises(RuleError, match="holds Int64, not text"):
        try_rule("asks", registry, frame.with_columns(text=pl.lit(1, pl.Int64)))


def test_a_sample_has_an_interval_for_its_coverage(registry, view):
    part = dataclasses.replace(view, total=600)
    trial = try_rule("asks", registry, part)
    assert trial.coverage.low < 0.5 < trial.coverage.high
    assert trial.notes[0] == "looked at 6 of 600 rows, drawn by their hashed ids"


def test_gold_rows_beyond_the_sample_count_for_precision_only(registry, view):
    counted = view.counted.copy()
    counted[[view.ids.to_list().index(id) for id in "bf"]] = False
    trial = try_rule("asks", registry, dataclasses.replace(view, counted=counted, _kept={}))
    assert (trial.hits, trial.conflicts, trial.precision.n) == (1, 0, 3)


def test_all_of_it_is_plain_data(registry, view):
    found = json.loads(json.dumps(try_rule("asks", registry, view).to_dict()))
    assert found["hits"] == 3 and found["coverage"]["value"] == 0.5
    assert found["examples"]["hits"][0]["pieces"]


def test_what_a_save_changed(registry, view):
    ballots = Ballots(view)
    before = ballots.cast(registry)
    rules = [keywords("asks", ["help", "hello"], label="ham"), *list(registry)[1:]]
    change = changes(before, ballots.cast(LFRegistry(rules, schema=SCHEMA)), "asks", view)
    assert (change.gained, change.lost, change.turned) == (1, 2, 0)
    assert set(change.ids) == {"b", "e", "f"}
    turned = LFRegistry([keywords("asks", ["please"], label="spam")], schema=SCHEMA)
    assert changes(before, ballots.cast(turned), "asks", view).turned == 3


# ---- rules that read features ----


@feature
def tidy(row):
    if row["text"] == "broken":
        raise ValueError("as planned")
    return row["text"].upper().replace("-", " ")


@feature
def n_words(row):
    return len(row["text"].split())


def trial_of(rule, texts):
    registry = LFRegistry([rule], schema=SCHEMA, features=[tidy, n_words])
    frame = pl.DataFrame({"id": [str(i) for i in range(len(texts))], "text": texts})
    return try_rule(rule.id, registry, frame, on_error="abstain")


def test_marks_stand_in_the_text_of_the_feature():
    rule = keywords("sells", ["money back"], label="spam", field="tidy")
    trial = trial_of(rule, ["please money-back", "mony  back", "broken", "well"])
    assert trial.faults == 1 and trial.hits == 1
    [hit] = trial.examples["hits"]
    assert (hit.field, hit.feature, [p.text for p in hit.pieces]) == ("tidy", True, ["PLEASE ", "MONEY BACK"])
    assert [p.text for p in hit.pieces if p.marked] == ["MONEY BACK"]
    assert [(m.text, m.rows) for m in trial.matches] == [("money back", 1)]
    [near] = trial.examples["near"]
    assert near.feature and [p.text for p in near.pieces if p.marked] == ["MONY BACK"]


def test_values_of_features_are_shown_beside_the_text():
    trial = trial_of(where("short", "n_words < 3", label="ham"), ["see you", "this one is long"])
    [hit] = trial.examples["hits"]
    assert (hit.field, hit.feature, hit.values) == ("text", False, {"n_words": 2})
    assert hit.pieces[0].text == "see you"


def test_a_rule_of_the_text_shows_the_text():
    trial = trial_of(keywords("sells", ["buy"], label="spam"), ["please buy-now"])
    assert not trial.examples["hits"][0].feature and trial.examples["hits"][0].values == {}


# ---- a rule's life ----


def test_days_state_and_muting_are_told():
    texts = ["please", "please", "no", "please"]
    days = ["2025-12-31", "2026-01-02", "2026-01-02", None]
    rule = keywords("asks", ["please"], label="ham", valid_from="2026-01-01", state="draft", muted=True)
    registry = LFRegistry([rule], schema=SCHEMA)
    view = View.of(pl.DataFrame({"id": ["a", "b", "c", "d"], "text": texts, "sent": days}))
    trial = try_rule(rule, registry, view, ballots=Ballots(view, options={"date": "sent"}))
    assert trial.hits == 1
    assert trial.notes == (
        "the rule is right from 2026-01-01: 2 of 4 rows are of other days, and get no vote",
        "the rule is draft: it votes here, and in no run",
        "the rule is muted: it votes, and no label counts it",
    )


def test_a_fault_is_not_another_day():
    @labeling_function(label="ham", valid_from="2026-01-01", valid_until="2026-01-31")
    def fails(row):
        return row["text"] > 1

    registry = LFRegistry([fails], schema=SCHEMA)
    view = View.of(pl.DataFrame({"id": ["a", "b"], "text": ["x", "y"], "sent": ["2026-01-01", "2026-02-01"]}))
    trial = try_rule(
        fails, registry, view, ballots=Ballots(view, options={"date": "sent"}), on_error="abstain"
    )
    assert trial.notes[0].startswith(
        "the rule is right from 2026-01-01 until 2026-01-31: 1 of 2 rows are of other"
    )
