"""What the gold room does for audits: opened whole or not at all, answered, settled, closed and handed on."""

import polars as pl
import pytest

from weaklabel.errors import GoldError, WeakLabelError
from weaklabel.gold.auditing import (
    Closed,
    audit_answers,
    audit_mark,
    audit_states,
    close_audit,
    earlier_gold,
    open_audit,
)
from weaklabel.gold.ledger.ledger import Ledger
from weaklabel.gold.room import Room
from weaklabel.gold.rules import Rules
from weaklabel.gold.sampling import draw
from weaklabel.schema import LabelSchema

SCHEMA = LabelSchema(["ham", "spam"])
PEOPLE = ("ann", "bob", "cid")
ROWS = pl.DataFrame({"id": [f"r{i}" for i in range(12)]})


@pytest.fixture
def room(tmp_path):
    return Room(Ledger.open(tmp_path / "ledger.db"), "mail", SCHEMA, Rules(people=dict.fromkeys(PEOPLE, 1.0)))


def drawn(size=4, *, seed=1, rows=ROWS):
    return draw(rows, size, seed=seed, purpose="audit").frame


def opened(room, name="may", frame=None):
    frame = drawn() if frame is None else frame
    open_audit(room, name, frame, mark="p1")
    return frame["id"].to_list()


def answer(room, batch, said, *, people=PEOPLE, back=True):
    """Record what everybody says of each item: one label for all, or one for each person (None: no answer)."""
    rows = [
        (item, person, batch, "label", [word if isinstance(word, str) else word[n]])
        for item, word in said.items()
        for n, person in enumerate(people)
        if isinstance(word, str) or word[n] is not None
    ]
    names = ["item", "annotator", "batch", "kind", "labels"]
    types = {"item": pl.String, "annotator": pl.String, "batch": pl.String, "kind": pl.String}
    frame = pl.DataFrame(rows, schema=names, orient="row").cast({**types, "labels": pl.List(pl.String)})
    room.add(frame.with_columns(at=pl.lit(None, pl.Datetime("us", "UTC"))))
    if back:
        room.move(batch, "sent")
        room.move(batch, "back")
        room.judge(batch)


def gold(item, role, **more):
    row = {"item": [item], "labels": [["ham"]], "role": [role], "origin": ["expert"], **more}
    return pl.DataFrame(row)


def test_all_of_an_audit_is_opened_or_nothing(room):
    frame = drawn()
    open_audit(room, "may", frame, mark="p1")
    assert audit_states(room) == {"may": "open"} and audit_mark(room, "may") == "p1"
    assert audit_mark(room, "june") is None
    there = room.ledger.records("draw", task="mail")
    assert dict(there.select("item", "inclusion").iter_rows()) == dict(
        frame.select("id", "inclusion").iter_rows()
    )
    asked = room.ledger.records("assignment", task="mail")
    assert asked.height == 12 and asked["suggestion"].null_count() == 12
    with pytest.raises(GoldError, match="there is an audit 'may' already"):
        open_audit(room, "may", frame, mark="p2")
    for wrong, what in (
        (
            frame.with_columns(inclusion=pl.lit(None, pl.Float64)),
            "nobody knows with which probability 4 rows",
        ),
        (frame.with_columns(order=pl.lit(-1, pl.Int64)), "-1 is less than 0"),
    ):
        with pytest.raises(WeakLabelError, match=what):
            open_audit(room, "june", wrong, mark="p2")
        assert audit_states(room) == {"may": "open"}
        assert room.batches()["batch"].to_list() == ["may"]
        assert room.ledger.records("assignment", task="mail").height == 12


def test_gold_of_other_roles_is_refused_by_name(room):
    ids = drawn()["id"].to_list()
    room.add_gold(gold(ids[0], "calibrate"))
    with pytest.raises(GoldError, match=f"1 drawn rows are or were gold of role 'calibrate': '{ids[0]}'"):
        opened(room)
    # taken out of the gold set, it is still known to whoever saw it
    room.add_gold(pl.DataFrame({"item": [ids[0]], "role": ["removed"]}))
    with pytest.raises(GoldError, match="are or were gold of role 'calibrate'"):
        opened(room)
    assert audit_states(room) == {}


def test_answers_count_once_people_were_judged(room):
    ids = opened(room)
    assert audit_answers(room, "may").missing == 4
    answer(room, "may", dict.fromkeys(ids, "spam"), back=False)
    found = audit_answers(room, "may")
    assert (found.missing, found.judged, found.state) == (4, False, "drawn")
    assert room.gold().items.height == 0
    room.move("may", "sent")
    room.move("may", "back")
    room.judge("may")
    found = audit_answers(room, "may")
    assert found.missing == 0 and found.judged and set(found.frame["label"]) == {"spam"}
    items = room.gold().items
    assert items.select("role", "origin", "inclusion").unique().rows() == [("audit", "random", 4 / 12)]
    # asked again, nothing is recorded again
    versions = room.gold().versions.height
    audit_answers(room, "may")
    assert room.gold().versions.height == versions == 1


def test_what_people_dispute_waits_for_an_expert_and_stays_in_the_audit(room):
    ids = opened(room)
    answer(room, "may", {ids[0]: ("ham", "spam", None), **dict.fromkeys(ids[1:], "ham")})
    room.consensus("may")
    waiting = audit_answers(room, "may").waiting
    assert waiting == (ids[0],)
    decision = pl.DataFrame(
        {"item": [ids[0]], "labels": [["ham"]], "expert": ["eve"], "reason": ["it greets"]}
    )
    settled = room.settle(decision, batch="may", role="calibrate")
    assert settled.gold["role"].to_list() == ["audit"]
    found = audit_answers(room, "may")
    assert found.missing == 0 and dict(found.frame.select("id", "label").iter_rows())[ids[0]] == "ham"
    one = room.gold().items.filter(item=ids[0])
    assert one.select("role", "origin", "inclusion").rows() == [("audit", "random", 4 / 12)]
    # an expert's word stands against what people agree on
    other = pl.DataFrame({"item": [ids[1]], "labels": [["spam"]], "expert": ["eve"], "reason": ["it sells"]})
    room.settle(other, batch="may")
    assert dict(audit_answers(room, "may").frame.select("id", "label").iter_rows())[ids[1]] == "spam"


def test_settling_a_batch_that_is_no_audit_is_as_it_was(room):
    room.create_batch("b1", ROWS, size=3)
    item = room.ledger.records("draw", task="mail")["item"][0]
    decision = pl.DataFrame({"item": [item], "labels": [["ham"]], "expert": ["eve"], "reason": ["it greets"]})
    found = room.settle(decision, batch="b1", role="training")
    assert found.gold.select("role", "origin", "inclusion").rows() == [("training", "adjudicated", None)]


def test_none_of_the_labels_is_a_decision(room):
    ids = opened(room)
    answer(room, "may", dict.fromkeys(ids[:2], "ham"), back=False)
    rows = [(i, p, "may", "none", []) for i in ids[2:] for p in PEOPLE]
    names = ["item", "annotator", "batch", "kind", "labels"]
    room.add(pl.DataFrame(rows, schema=names, orient="row").cast({"labels": pl.List(pl.String)}).with_columns(
        at=pl.lit(None, pl.Datetime("us", "UTC"))))  # fmt: skip
    for state in ("sent", "back"):
        room.move("may", state)
    room.judge("may")
    found = audit_answers(room, "may")
    assert found.missing == 0 and found.frame["label"].null_count() == 2


def test_closing_hands_on_and_another_open_audit_holds_back(room):
    ids = opened(room)
    answer(room, "may", dict.fromkeys(ids, "ham"))
    audit_answers(room, "may")
    assert earlier_gold(room)["id"].to_list() == sorted(ids)
    assert earlier_gold(room, but=ids[:1])["id"].to_list() == sorted(ids[1:])
    # a second audit that draws the same rows: nobody is asked again, and its gold can't go while it is open
    again = ROWS.filter(pl.col("id").is_in(ids))
    plan = open_audit(room, "june", drawn(4, seed=2, rows=again), mark="p2")
    assert plan.assignments.height == 0 and "nobody is asked" in plan.notes[0]
    found = audit_answers(room, "june")
    assert found.missing == 0 and found.judged
    with pytest.raises(GoldError, match="training"):
        close_audit(room, ["may"], hand_on="check")
    assert close_audit(room, ["may"], hand_on="calibrate") == Closed(0, 4, ("june",))
    assert room.gold().items["role"].unique().to_list() == ["audit"]
    assert close_audit(room, ["june"]) == Closed(0, 0, ())
    assert close_audit(room, ["may"], hand_on="calibrate") == Closed(4, 0, ())
    assert room.gold().items["role"].unique().to_list() == ["calibrate"]
    assert set(audit_answers(room, "may").frame["role"]) == {"calibrate"}
    with pytest.raises(GoldError, match="no audit 'july'"):
        close_audit(room, ["july"])


def test_people_are_asked_of_rows_that_they_met_in_a_batch(room):
    room.create_batch("b1", ROWS, size=12)
    opened(room)
    asked = room.ledger.records("assignment", task="mail").filter(pl.col("batch") == "may")
    assert asked.height == 12
