"""The gold set: roles, versions, what may become of it, and who has seen what."""

import datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.errors import GoldError, Problems, SchemaError
from weaklabel.gold import Ledger
from weaklabel.gold.gold_set.proposing import MOVES, proposed
from weaklabel.gold.gold_set.seen import (
    components,
    near_groups,
    near_pairs,
    nearly_met,
    regrouped,
    seen,
    unseen,
)
from weaklabel.gold.gold_set.standard import diff, gold_set
from weaklabel.gold.ledger.answers import LEDGER
from weaklabel.gold.ledger.records import KINDS, ROLES, columns
from weaklabel.gold.table import Gold
from weaklabel.profile.near import jaccard, shingles
from weaklabel.schema import Label, LabelSchema

SCHEMA = LabelSchema(["ham", Label("spam", aliases=("junk",))])
DAY = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
DAYS = datetime.timedelta(days=1)


def gold(*rows, **more):
    """Gold records of (item, role); spam, drawn at random with probability 0.5."""
    frame = pl.DataFrame(
        {
            "item": [r[0] for r in rows],
            "role": [r[1] for r in rows],
            "labels": [["spam"]] * len(rows),
            "origin": ["random"] * len(rows),
            "inclusion": [0.5] * len(rows),
        },
        schema={name: KINDS["gold"][name] for name in ("item", "role", "labels", "origin", "inclusion")},
    )
    return frame.with_columns(pl.Series(n, v, dtype=KINDS["gold"][n]) for n, v in more.items())


def the_set(*rows, **more):
    return gold_set(gold(*rows, **more), schema=SCHEMA)


def moved(item, role):
    return pl.DataFrame({"item": [item], "role": [role]})


def audits(*rows, start=100):
    """Audit records of (audit, state), numbered after the gold."""
    frame = pl.DataFrame(rows, schema=KINDS["audit"], orient="row")
    return frame.with_columns(number=pl.int_range(start, start + pl.len(), dtype=pl.Int64))


# ---- the set ----


def test_the_latest_record_of_an_item_counts():
    found = the_set(("b", "check"), ("a", "training"), ("b", "shown"), ("c", "check"), ("c", "removed"))
    assert found.items.select("item", "role", "number").rows() == [("a", "training", 2), ("b", "shown", 3)]
    assert list(found.items.columns) == ["number", *KINDS["gold"]]
    assert found.history.height == 5
    assert found.role("shown", "training")["item"].to_list() == ["a", "b"]
    assert found.role("audit").height == 0
    with pytest.raises(GoldError, match=r"no role 'chekc'(.|\n)*did you mean 'check'"):
        found.role("chekc")


def test_gold_of_a_role_goes_to_models_by_id():
    found = the_set(
        ("b", "calibrate"),
        ("a", "calibrate"),
        ("c", "audit"),
        ("d", "calibrate"),
        labels=[["junk"], ["ham"], ["ham"], []],
    )
    handed = found.gold("calibrate")
    assert isinstance(handed, Gold)
    assert handed.frame.rows() == [("a", "ham"), ("b", "spam")]
    assert handed.notes == ("1 gold item is none of the labels and left out",)
    assert handed.codes(["b", "a", "c"]).tolist() == [1, 0, -1]
    with pytest.raises(GoldError, match="gold of which role"):
        found.gold()
    several = LabelSchema(["ham", "spam"], exclusive=False)
    with pytest.raises(SchemaError, match="not one label a row"):
        gold_set(gold(("a", "check")), schema=several).gold("check")
    both = gold_set(gold(("a", "check"), labels=[["ham", "spam"]]), schema=several)
    assert both.items["labels"].to_list() == [["ham", "spam"]]


def test_labels_are_of_the_schema():
    with pytest.raises(SchemaError) as caught:
        the_set(("a", "check"), labels=[["spma"]])
    assert str(caught.value) == (
        "unknown label 'spma'\n  where: the gold set, item 'a'\n  available: ham, spam\n  hint: did you mean 'spam'?"
    )
    with pytest.raises(Problems, match=r"2 problems in the gold set(.|\n)*2 labels for one item"):
        the_set(("a", "check"), ("b", "check"), labels=[["x"], ["ham", "spam"]])
    replaced = the_set(("a", "check"), ("a", "check"), labels=[["x"], ["ham"]])
    assert replaced.items["labels"].to_list() == [["ham"]], "only what counts must fit the schema of today"


def test_labels_that_the_schema_has_no_more():
    """They can be kept for a while, relabeled and removed; what goes to models is without them."""
    rows = gold(
        ("a", "calibrate"), ("b", "calibrate"), ("c", "calibrate"), labels=[["old"], ["junk"], ["old"]]
    )
    with pytest.raises(Problems, match="2 problems in the gold set"):
        gold_set(rows, schema=SCHEMA)
    now = gold_set(rows, schema=SCHEMA, unknown="keep")
    assert now.items["labels"].to_list() == [["old"], ["spam"], ["old"]]
    handed = now.gold("calibrate")
    assert handed.frame.rows() == [("b", "spam")]
    assert handed.notes == ("2 gold items are not of the schema's labels and left out",)
    change = pl.DataFrame({"item": ["a", "c"], "labels": [["ham"], None], "role": ["calibrate", "removed"]})
    assert proposed(change, now).frame.select("item", "labels", "role").rows() == [
        ("a", ["ham"], "calibrate"),
        ("c", ["old"], "removed"),
    ]
    with pytest.raises(SchemaError, match="unknown label 'old'"):
        proposed(moved("c", "training"), now)
    versions = pl.DataFrame({"number": [4], "version": [1]})
    healed = pl.concat([rows, gold(("a", "removed"), ("c", "removed"))])
    numbered = healed.with_columns(number=pl.Series([1, 2, 3, 5, 6]))
    first = gold_set(numbered, schema=SCHEMA, versions=versions).at(1)
    assert first.items["labels"].to_list() == [["old"], ["spam"], ["old"]], "a version is as it was"


def test_records_of_two_tasks_make_no_set():
    rows = gold(("a", "check"), ("b", "check")).with_columns(task=pl.Series(["x", "y"]))
    with pytest.raises(GoldError, match="records of 2 tasks: x, y"):
        gold_set(rows, schema=SCHEMA)


def test_an_empty_set():
    found = gold_set(pl.DataFrame(schema=columns("gold")), schema=SCHEMA)
    assert found.items.height == found.experts.height == 0
    assert found.gold("audit").frame.height == 0


def test_the_experts_own_answers_are_joined():
    said = [
        ("a", "ann", ["ham"]),
        ("a", "ann", ["spam"]),
        ("a", "bob", ["ham"]),
        ("b", "bob", ["ham"]),
        ("c", "ann", ["ham"]),
    ]
    answers = pl.DataFrame(
        [
            {
                "number": n,
                "task": "t",
                "item": i,
                "annotator": a,
                "kind": "label",
                "labels": x,
                "at": DAY + n * DAYS,
            }
            for n, (i, a, x) in enumerate(said)
        ],
        schema=LEDGER,
    )
    rows = gold(
        ("a", "check"),
        ("b", "check"),
        ("c", "check"),
        ("c", "removed"),
        experts=[["ann", "bob"], ["ann"], ["ann"], ["ann"]],
    )
    found = gold_set(rows, schema=SCHEMA, answers=answers)
    assert found.experts.select("item", "annotator", "labels").rows() == [
        ("a", "ann", ["spam"]),
        ("a", "bob", ["ham"]),
    ]
    plain = answers.select("item", "annotator", "kind", "labels").reverse()
    assert gold_set(rows, schema=SCHEMA, answers=plain).experts.height == 2, (
        "the ledger's own columns may lack"
    )


def test_the_fingerprint_is_of_what_is_in_the_set():
    one = the_set(("a", "check"), ("b", "shown"))
    assert one.fingerprint == the_set(("b", "check"), ("b", "shown"), ("a", "check")).fingerprint
    assert one.fingerprint != the_set(("a", "check"), ("b", "check")).fingerprint
    assert one.fingerprint != the_set(("a", "check"), ("b", "shown"), labels=[["ham"], ["spam"]]).fingerprint


# ---- versions ----


def test_versions_and_what_changed(tmp_path):
    ledger = Ledger.open(tmp_path / "l.db")

    def now():
        return gold_set(
            ledger.records("gold", task="t"), schema=SCHEMA, versions=ledger.records("version", task="t")
        )

    ledger.record("gold", gold(("a", "check"), ("b", "check"), ("c", "audit")), task="t", now=DAY)
    ledger.record("version", now().next_version("first"), task="t", now=DAY)
    ledger.record("gold", gold(("d", "check"), ("a", "removed"), ("b", "shown")), task="t", now=DAY + DAYS)
    ledger.record("gold", gold(("c", "audit"), labels=[["ham"]]), task="t", now=DAY + DAYS)
    ledger.record("version", now().next_version(), task="t", now=DAY + DAYS)
    ledger.record("gold", gold(("e", "check")), task="t", now=DAY + 2 * DAYS)

    first, second = now().at(1), now().at(2)
    assert now().versions.select("version", "note").rows() == [(1, "first"), (2, None)]
    assert first.items["item"].to_list() == ["a", "b", "c"] and first.notes == ()
    changed = diff(first, second)
    assert changed.added.rows() == [("d", ["spam"], "check")]
    assert changed.removed.rows() == [("a", ["spam"], "check")]
    assert changed.relabeled.rows() == [("c", ["spam"], ["ham"])]
    assert changed.moved.rows() == [("b", "check", "shown")]
    assert changed.sentence == "1 item added, 1 item removed, 1 item relabeled, 1 item moved to another role"
    assert changed.to_dict()["moved"] == [{"item": "b", "before": "check", "after": "shown"}]
    assert diff(second, second).sentence == "no difference"
    assert diff(second, now()).added["item"].to_list() == ["e"]
    with pytest.raises(GoldError, match=r"the gold set has no version 3\n  available: 1, 2"):
        now().at(3)

    ledger.erase(item="b", reason="asked for", now=DAY + 9 * DAYS)
    ended = now().at(1, tombstones=ledger.tombstones())
    assert ended.items["item"].to_list() == ["a", "c"]
    assert ended.notes == (
        "version 1 was ended by erasure on 2026-03-10: what was erased is not in it any more",
    )


# ---- what may become of it ----


@pytest.mark.parametrize("start", ROLES)
@pytest.mark.parametrize("goal", ROLES)
@pytest.mark.parametrize("by_way_of_removed", [False, True])
def test_the_table_of_moves(start, goal, by_way_of_removed):
    """Every pair of roles, with the audit closed; being removed in between changes nothing."""
    rows = [("a", start), *([("a", "removed")] if by_way_of_removed else [])]
    now = the_set(*rows)
    closed = audits(("may", "open"), ("may", "closed"))
    if goal == start or goal in MOVES[start]:
        expected = 0 if goal == start and not by_way_of_removed else 1
        assert proposed(moved("a", goal), now, audits=closed).frame.height == expected
    else:
        with pytest.raises(GoldError, match=f"item 'a' can't go from {start} to {goal}: "):
            proposed(moved("a", goal), now, audits=closed)
    assert proposed(moved("a", "removed"), now).frame.height == 1 - by_way_of_removed


def test_the_issue_of_the_table():
    """What was asked for, word by word: it can't be changed by changing the table alone."""
    assert MOVES["shown"] == ()
    assert MOVES["training"] == MOVES["check"] == ("shown",)
    assert "audit" not in {goal for goals in MOVES.values() for goal in goals}
    assert set(MOVES["audit"]) == {"calibrate", "training"}


def test_a_refusal_says_what_is_allowed():
    with pytest.raises(GoldError) as caught:
        proposed(moved("a", "audit"), the_set(("a", "calibrate")), place="moves.csv")
    assert str(caught.value) == (
        "item 'a' can't go from calibrate to audit: it may have reached the label model\n  where: moves.csv\n"
        "  hint: it may be calibrate, shown, training, check or removed"
    )
    with pytest.raises(Problems, match="2 problems in the proposed gold"):
        proposed(gold(("a", "check"), ("b", "check")), the_set(("a", "shown"), ("b", "shown")))


def test_an_audit_must_be_closed_first():
    now = the_set(("a", "audit"))
    with pytest.raises(GoldError) as caught:
        proposed(moved("a", "calibrate"), now, audits=audits(("may", "open")))
    assert str(caught.value) == (
        "item 'a' can't go from audit to calibrate: the audit 'may' is open\n  where: the proposed gold\n"
        "  hint: it may be audit or removed"
    )
    for none in (None, audits(("april", "closed"), start=-9)):
        with pytest.raises(GoldError, match="no audit was closed since it became audit"):
            proposed(moved("a", "calibrate"), now, audits=none)
    closed = audits(("may", "open"), ("may", "closed"))
    assert proposed(moved("a", "calibrate"), now, audits=closed).frame["role"].to_list() == ["calibrate"]
    with pytest.raises(GoldError, match="the audit 'june' is open"):
        proposed(moved("a", "calibrate"), now, audits=audits(("may", "closed"), ("june", "open")))


def test_an_items_own_audit_is_that_of_its_draw():
    now = the_set(("a", "audit"), ("b", "audit"))
    drawn = pl.DataFrame({"batch": ["may", "june", "b7"], "item": ["a", "b", "a"]})
    states = audits(("may", "closed"), ("june", "open"))
    assert proposed(moved("a", "training"), now, audits=states, drawn=drawn).frame.height == 1
    with pytest.raises(GoldError, match="item 'b' can't go from audit to training: the audit 'june' is open"):
        proposed(moved("b", "training"), now, audits=states, drawn=drawn)


def test_a_relabel_after_the_audit_does_not_reopen_it():
    rows = gold(("a", "audit"), ("a", "audit")).with_columns(number=pl.Series([1, 300]))
    now = gold_set(rows, schema=SCHEMA)
    assert proposed(moved("a", "calibrate"), now, audits=audits(("may", "closed"))).frame.height == 1


@pytest.mark.parametrize("origin", ["random", "expert"])
def test_gold_chosen_by_disagreement_stays_so(origin):
    by_dispute = {"origin": ["adjudicated"], "inclusion": [None]}
    now = the_set(("a", "check"), **by_dispute)
    with pytest.raises(
        GoldError,
        match=f"item 'a' of role check can't become {origin}: it was chosen because people disagreed",
    ):
        proposed(pl.DataFrame({"item": ["a"], "origin": [origin]}), now)
    with pytest.raises(
        GoldError, match="item 'b' can't be audit: it was chosen because people disagreed on it"
    ):
        proposed(gold(("b", "audit"), **by_dispute), now)
    with pytest.raises(Problems, match=r"a probability of 0\.5 for an adjudicated item"):
        proposed(gold(("b", "check"), origin=["adjudicated"]), now)
    with pytest.raises(GoldError, match="item 'b' can't be audit: its probability of inclusion is not known"):
        proposed(gold(("b", "audit"), inclusion=[None]), now)


def test_settling_a_drawn_item_by_adjudication_takes_its_probability():
    change = pl.DataFrame({"item": ["a"], "labels": [["ham"]], "origin": ["adjudicated"], "role": ["check"]})
    (row,) = proposed(change, the_set(("a", "check"))).frame.rows(named=True)
    assert (row["labels"], row["inclusion"]) == (["ham"], None)


def test_what_is_left_out_stays():
    more = {"experts": [["ann"]], "reason": ["it sells"], "due": [DAY]}
    now = the_set(("a", "check"), **more)
    (row,) = proposed(
        pl.DataFrame({"item": ["a"], "labels": [["junk", "spam"][:1]], "reason": ["new"]}), now
    ).frame.rows(named=True)
    assert row == {
        "item": "a",
        "labels": ["spam"],
        "role": "check",
        "group": None,
        "origin": "random",
        "inclusion": 0.5,
        "experts": ["ann"],
        "reason": "new",
        "guideline": None,
        "due": DAY,
        "counter": [],
    }
    assert proposed(gold(("a", "check")), now).frame.height == 0, "the same again changes nothing"
    assert proposed(now.items, now).frame.height == 0


def test_what_an_item_is_mistaken_for_stays_until_it_is_that():
    now = the_set(("a", "check"), counter=[["ham"]])
    assert now.items["counter"].to_list() == [["ham"]]
    later = proposed(pl.DataFrame({"item": ["a"], "reason": ["new"]}), now).frame
    assert later["counter"].to_list() == [["ham"]]
    turned = proposed(pl.DataFrame({"item": ["a"], "labels": [["ham"]]}), now).frame
    assert turned.select("labels", "counter").rows() == [(["ham"], [])]
    cleared = pl.DataFrame({"item": ["a"], "counter": [[]]}, schema_overrides={"counter": pl.List(pl.String)})
    assert proposed(cleared, now).frame["counter"].to_list() == [[]]
    with pytest.raises(SchemaError, match=r"the item is 'spam', and mistaken for it(.|\n)*item 'a'"):
        proposed(pl.DataFrame({"item": ["a"], "counter": [["spam"]]}), now)
    with pytest.raises(SchemaError, match=r"unknown label 'hma'(.|\n)*did you mean 'ham'"):
        proposed(pl.DataFrame({"item": ["a"], "counter": [["hma"]]}), now)


def test_a_label_that_the_schema_lost_is_no_counter_any_more():
    now = the_set(("a", "check"), counter=[["ham"]])
    fewer = LabelSchema(["spam", "eggs"])
    assert gold_set(now.history, schema=fewer).items["counter"].to_list() == [[]]


def test_new_rows_must_be_whole():
    with pytest.raises(Problems, match=r"no column 'labels'(.|\n)*no column 'origin'"):
        proposed(moved("a", "check"), the_set())
    with pytest.raises(Problems, match=r"row 1 \(item .new.\), column .labels."):
        proposed(pl.DataFrame({"item": ["new", "a"], "role": ["check", "shown"]}), the_set(("a", "check")))
    with pytest.raises(Problems, match="no column 'item'"):
        proposed(pl.DataFrame({"role": ["check"]}), the_set())
    with pytest.raises(SchemaError, match="unknown label 'x'\n  where: the proposed gold, item 'a'"):
        proposed(gold(("a", "check"), labels=[["x"]]), the_set())
    with pytest.raises(
        GoldError, match=r"1 item is to be removed and not in the gold set: 'a7'(.|\n)*did you mean 'a8'"
    ):
        proposed(moved("a7", "removed"), the_set(("a8", "check")))


GROUPS = pl.DataFrame({"item": ["a", "b"], "group": ["g", "g"]})


def test_near_duplicates_share_a_role():
    now = the_set(("a", "check"))
    with pytest.raises(GoldError) as caught:
        proposed(gold(("b", "calibrate")), now, groups=GROUPS)
    assert str(caught.value) == (
        "item 'b' can't be calibrate: its near duplicate 'a' is check\n  where: the proposed gold\n"
        "  hint: near duplicates share one role: check, or remove one of them"
    )
    both = proposed(gold(("b", "check")), now, groups=GROUPS)
    assert both.frame["item"].to_list() == ["a", "b"] and both.frame["group"].n_unique() == 1
    assert both.notes == ("1 item has near duplicates that were not known before",)
    with pytest.raises(GoldError, match="its near duplicate 'b' is audit"):
        proposed(gold(("a", "check"), ("b", "audit")), the_set(), groups=GROUPS)


def test_near_duplicates_move_together():
    now = the_set(("a", "check"), ("b", "check"), group=["g", "g"])
    with pytest.raises(GoldError, match="item 'a' can't be shown: its near duplicate 'b' is check"):
        proposed(moved("a", "shown"), now)
    together = pl.DataFrame({"item": ["a", "b"], "role": ["shown", "shown"]})
    assert proposed(together, now).frame.height == 2
    apart = pl.DataFrame({"item": ["a", "b"], "role": ["shown", "removed"]})
    assert proposed(apart, now).frame.height == 2


def test_a_near_duplicate_of_what_was_shown_is_no_test():
    now = the_set(("a", "shown"), ("a", "removed"), group=["g", "g"])
    with pytest.raises(GoldError, match="item 'b' can't be check: its near duplicate 'a' was shown"):
        proposed(gold(("b", "check")), now, groups=GROUPS)
    audited = the_set(("a", "audit"), ("a", "removed"), group=["g", "g"])
    with pytest.raises(GoldError, match="its near duplicate 'a' was audit"):
        proposed(gold(("b", "calibrate")), audited, groups=GROUPS, audits=audits(("may", "open")))
    assert (
        proposed(
            gold(("b", "calibrate")), audited, groups=GROUPS, audits=audits(("may", "closed"))
        ).frame.height
        == 1
    )


def test_items_that_prove_alike_are_told_and_block_nothing_else():
    now = the_set(("a", "check"), ("b", "calibrate"))
    found = proposed(gold(("c", "check")), now, groups=GROUPS)
    assert found.frame["item"].to_list() == ["a", "b", "c"]
    assert found.notes == (
        "2 items have near duplicates that were not known before",
        "near duplicates with two roles, of which one should be removed: 'a' (check) and 'b' (calibrate)",
    )


def test_tests_that_nobody_could_take_are_told():
    known = pl.DataFrame({"item": ["a", "a", "b"], "annotator": ["ann", "bob", "ann"]})
    rows = gold(("a", "check"), ("b", "check"))
    assert proposed(rows, the_set(), seen=known).notes == (
        "1 item for training or check was seen by all 2 annotators, and can test newcomers only",
    )
    assert proposed(gold(("a", "audit")), the_set(), seen=known).notes == ()


STEP = st.tuples(st.sampled_from("abcd"), st.sampled_from([*ROLES, "removed"]))


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, max_size=12), closed=st.integers(0, 12))
def test_no_story_breaks_the_rules(steps, closed):
    """Whatever is proposed, in any order: no shown item is a test again, near duplicates agree, audits stay apart."""
    alike = pl.DataFrame({"item": ["a", "b"], "group": ["g", "g"]})
    history = pl.DataFrame(schema=columns("gold"))
    for number, (item, role) in enumerate(steps):
        now = gold_set(history, schema=SCHEMA)
        states = audits(("may", "open"), *([("may", "closed")] if number >= closed else []))
        try:
            wanted = gold((item, role)) if role != "removed" or item in history["item"] else gold()
            frame = proposed(wanted, now, groups=alike, audits=states).frame
        except (GoldError, Problems):
            continue
        stamped = frame.with_columns(
            number=pl.lit(number, pl.Int64), task=pl.lit("t"), recorded_at=pl.lit(DAY)
        )
        history = pl.concat([history, stamped.select(history.columns)], how="vertical_relaxed")
        roles = dict(gold_set(history, schema=SCHEMA).items.select("item", "role").iter_rows())
        assert "a" not in roles or "b" not in roles or roles["a"] == roles["b"]
    for item in "abcd":
        mine = history.filter(item=item).filter(pl.col("role") != "removed")["role"].to_list()
        after_shown = mine[mine.index("shown") :] if "shown" in mine else []
        assert set(after_shown) <= {"shown"}
        had_audit = mine[mine.index("audit") :] if "audit" in mine else []
        assert mine.index("audit") == 0 if "audit" in mine else True
        assert "check" not in had_audit or "calibrate" in had_audit
        left = history.filter(item=item).filter(~pl.col("role").is_in(["audit", "removed"]))["number"]
        if had_audit and left.len():
            assert left.min() >= closed


# ---- who has seen what ----


def test_what_people_have_seen():
    rows = gold(
        ("shown", "shown"),
        ("mine", "check"),
        ("twin", "check"),
        ("other", "check"),
        ("judged", "check"),
        experts=[[], [], [], [], ["ann"]],
        group=[None, "g", "g", None, None],
    )
    answers = pl.DataFrame({"item": ["mine"], "annotator": ["ann"], "kind": ["skip"]})
    assigned = pl.DataFrame({"item": ["next"], "annotator": ["bob"]})
    people = ["ann", "bob"]
    assert seen(people, answers=answers, assignments=assigned, gold=rows).rows() == [
        ("judged", "ann"),
        ("mine", "ann"),
        ("next", "bob"),
        ("shown", "ann"),
        ("shown", "bob"),
        ("twin", "ann"),
    ]
    checks = rows.filter(role="check").reverse()
    frames = {"answers": answers, "assignments": assigned, "gold": rows}
    assert unseen(checks, "ann", **frames)["item"].to_list() == ["other"]
    assert unseen(checks, "bob", **frames)["item"].to_list() == ["judged", "other", "twin", "mine"]
    assert unseen(checks, "new", **frames).height == 4


def test_groups_of_several_sources_are_followed():
    """a and b by one group, b and c by another, c and d by their texts."""
    rows = gold(("a", "check"), ("b", "check"), ("b", "check"), ("c", "check"), group=["g", "g", "h", "h"])
    more = pl.DataFrame({"item": ["c", "d"], "group": ["k", "k"]})
    answers = pl.DataFrame({"item": ["a"], "annotator": ["ann"]})
    assert seen(["ann"], answers=answers, gold=rows, groups=more)["item"].to_list() == ["a", "b", "c", "d"]


def test_an_item_that_was_ever_shown_is_seen():
    rows = gold(("a", "shown"), ("a", "removed"))
    assert seen(["ann"], gold=rows).rows() == [("a", "ann")]


def test_nothing_is_seen_where_nothing_is_given():
    assert seen(["ann"]).height == 0
    with pytest.raises(GoldError, match="answers: no column 'annotator'"):
        seen(["ann"], answers=pl.DataFrame({"item": ["a"]}))


def test_near_groups():
    texts = pl.DataFrame(
        {
            "item": ["a", "b", "c", "d", "e", "f"],
            "text": [
                "Where is my parcel now?",
                "where is  my parcel now??",
                "thanks",
                "thanks",
                "the other one",
                None,
            ],
        }
    )
    found = near_groups(texts)
    assert [set(g["item"]) for _, g in found.group_by("group", maintain_order=True)] == [
        {"a", "b"},
        {"c", "d"},
    ]
    assert near_groups(texts.reverse()).equals(found), "the order of rows doesn't matter"
    known = pl.DataFrame({"item": ["d", "z"], "group": ["old", None]})
    assert dict(near_groups(texts, known=known).rows())["c"] == "old"
    two = pl.DataFrame({"item": ["c", "d"], "group": ["y", "x"]})
    assert set(near_groups(texts, known=two).filter(pl.col("item").is_in(["c", "d"]))["group"]) == {"x"}


def test_names_of_new_groups_say_nothing_of_known_ones():
    items = pl.DataFrame({"item": ["a", "b", "c", "d"]})
    known = pl.DataFrame({"item": ["c"], "group": ["g"]})
    found = regrouped(items, known, pl.DataFrame({"item": ["a", "b", "zz"], "group": ["g", "g", "g"]}))
    one, other, third, fourth = found["group"]
    assert one == other != third == "g" and fourth is None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_components_are_what_is_linked(links):
    groups = [set(g) for g in components(links)]
    assert sorted(x for g in groups for x in g) == sorted({x for link in links for x in link})
    for one, other in links:
        assert any({one, other} <= g for g in groups)
    for group in groups:  # walk from any member: all are reached
        reached, edge = set(), {next(iter(group))}
        while edge:
            reached |= edge
            edge = {y for a, b in links for x, y in ((a, b), (b, a)) if x in edge} - reached
        assert reached == group


# ---- near duplicates of what is no gold ----

WORDS = st.lists(st.sampled_from(["please", "where is", "my parcel", "it", "refund", "Now", "!"]), max_size=5)
TEXTS = st.lists(WORDS.map(" ".join), max_size=6)


@settings(max_examples=200)
@given(TEXTS, TEXTS, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_near_pairs_are_all_that_are_near(tests, others, threshold):
    """Each test is held against each other text."""
    one = pl.DataFrame({"item": [f"g{n}" for n in range(len(tests))], "text": tests}, schema_overrides=TEXT)
    two = pl.DataFrame({"item": [f"i{n}" for n in range(len(others))], "text": others}, schema_overrides=TEXT)
    two = pl.concat([two, one.head(1)])  # a test that was asked is not near itself
    expected = sorted(
        (test, item)
        for test, text in one.iter_rows()
        for item, other in two.iter_rows()
        if test != item and jaccard(shingles(text), shingles(other)) >= threshold
    )
    assert near_pairs(one, two, threshold=threshold).rows() == expected
    assert near_pairs(one.reverse(), two.reverse(), threshold=threshold).rows() == expected


TEXT = {"item": pl.String, "text": pl.String}


def test_long_texts_are_near_when_they_are_alike_and_null_ones_never():
    long = "ab " * 10_000
    tests = pl.DataFrame({"item": ["g", "h", "n"], "text": [long, "ab ab", None]})
    others = pl.DataFrame({"item": ["i", "j", "m"], "text": [long, long + "!", None]})
    assert near_pairs(tests, others).rows() == [("g", "i")]
    with pytest.raises(GoldError, match="a threshold is above 0 and up to 1, not 0"):
        near_pairs(tests, others, threshold=0)
    with pytest.raises(GoldError, match="tests: no column 'text'"):
        near_pairs(tests.drop("text"), others)


def test_who_met_a_near_duplicate_has_seen_the_test_and_its_group():
    records = gold(("g", "check"), ("h", "check"), group=["q", "q"])
    near = pl.DataFrame({"item": ["g"], "other": ["i1"]})
    asked = pl.DataFrame({"item": ["i1", "i2"], "annotator": ["ann", "bob"]})
    assert nearly_met(asked, near).rows() == [("g", "ann")]
    found = seen(["ann", "bob"], assignments=asked, gold=records, near=near)
    assert found.rows() == [("g", "ann"), ("h", "ann"), ("i1", "ann"), ("i2", "bob")]
