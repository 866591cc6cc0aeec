"""The ledger, on SQLite and on PostgreSQL: nothing lost, doubled or overwritten; erasures; migrations."""

import datetime
import gc
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import uuid
import warnings
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weaklabel import gold
from weaklabel.errors import GoldError, OutputError, Problems, SchemaError
from weaklabel.gold import Added, Erased, Ledger
from weaklabel.gold.ledger import tables as gold_tables
from weaklabel.gold.ledger.answers import ANSWERS, LEDGER, check_answers, latest
from weaklabel.gold.ledger.database import connect
from weaklabel.schema import LabelSchema

SCHEMA = LabelSchema(["ham", "spam"])
DAY = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
DAYS = datetime.timedelta(days=1)


def said(*rows, **columns):
    """A frame of (item, annotator, kind, labels)."""
    names = ("item", "annotator", "kind", "labels")
    frame = pl.DataFrame(rows, schema={name: ANSWERS[name] for name in names}, orient="row")
    return frame.with_columns(pl.Series(n, v, dtype=ANSWERS[n]) for n, v in columns.items())


def label(item, annotator, *labels):
    return (item, annotator, "label", list(labels))


def connection(ledger):
    """A connection of our own, through the driver that the ledger uses."""
    return ledger._database.engine.connect()


# ---- adding ----


FULL = [
    {
        "key": "label_studio:7",
        "item": "a\r\n😀'\"\\",
        "annotator": "שלום עולם",
        "kind": "label",
        "labels": ["sp\u200dam", "e\u0301", '"]'],
        "at": datetime.datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=datetime.UTC),
        "seconds": 0.1 + 0.2,
        "guideline": "3",
        "batch": "b1",
        "tool": "label_studio",
        "suggested": True,
        "suggestion": [],
        "comment": "why not ham?\n",
    },
    {
        "key": "table:1",
        "item": "b",
        "annotator": "ann",
        "kind": "skip",
        "labels": [],
        "at": datetime.datetime(1, 1, 1, tzinfo=datetime.UTC),
        "seconds": None,
        "guideline": None,
        "batch": None,
        "tool": None,
        "suggested": False,
        "suggestion": ["ham"],
        "comment": None,
    },
]


def test_what_goes_in_comes_out(ledger):
    frame = pl.DataFrame(FULL, schema=ANSWERS)
    assert ledger.add(frame, task="mail", now=DAY) == Added(new=2, known=0)
    back = ledger.answers()
    assert dict(back.schema) == LEDGER
    assert back.select(*ANSWERS).rows(named=True) == FULL
    assert back.select("number", "task", "recorded_at").rows() == [(1, "mail", DAY), (2, "mail", DAY)]


def test_adding_again_changes_nothing(ledger):
    frame = pl.DataFrame(FULL, schema=ANSWERS)
    ledger.add(frame, task="mail", now=DAY)
    assert ledger.add(frame, task="mail", now=DAY + HOUR) == Added(new=0, known=2)
    assert ledger.add(frame.reverse(), task="mail") == Added(new=0, known=2)
    assert ledger.add(pl.concat([frame, frame]), task="mail") == Added(new=0, known=4)
    assert ledger.add(ledger.answers(), task="mail") == Added(new=0, known=2)
    assert ledger.answers()["recorded_at"].to_list() == [DAY, DAY]
    assert ledger.add(frame, task="other") == Added(new=2, known=0)
    assert ledger.tasks() == ["mail", "other"]


def test_answers_without_ids_are_known_by_what_they_say(ledger):
    frame = said(label("a", "ann", "spam"), label("a", "bob", "spam"))
    assert ledger.add(frame, task="mail") == Added(new=2, known=0)
    assert ledger.add(said(label("b", "ann", "ham"), label("a", "ann", "spam")), task="mail") == Added(
        new=1, known=1
    )
    assert ledger.answers().select("number", "item", "annotator").rows() == [
        (1, "a", "ann"),
        (2, "a", "bob"),
        (3, "b", "ann"),
    ]


def test_an_answer_edited_in_its_tool_is_a_correction(ledger):
    def version(labels, hours, **columns):
        return said(label("a", "ann", labels), key=["tool:1"], at=[DAY + hours * HOUR], **columns)

    assert ledger.add(version("spam", 0), task="mail") == Added(new=1, known=0)
    assert ledger.add(version("ham", 1), task="mail") == Added(new=1, known=0, corrected=1)
    assert ledger.add(version("spam", 0), task="mail") == Added(new=0, known=1), "an old export"
    assert ledger.add(version("ham", 1, seconds=[3.0], batch=["b"]), task="mail") == Added(new=0, known=1)
    assert ledger.current()["labels"].to_list() == [["ham"]]
    assert ledger.add(version("spam", 2), task="mail") == Added(new=1, known=0, corrected=1), "and back"
    assert ledger.answers()["labels"].to_list() == [["spam"], ["ham"], ["spam"]]
    assert ledger.current()["labels"].to_list() == [["spam"]]


def test_corrections_within_one_frame_are_all_kept(ledger):
    frame = said(
        label("a", "ann", "spam"), label("a", "ann", "ham"), key=["t:1", "t:1"], at=[DAY, DAY + HOUR]
    )
    assert ledger.add(frame, task="mail") == Added(new=2, known=0, corrected=1)
    assert ledger.current()["labels"].to_list() == [["ham"]]


def test_a_question_added_to_an_answer_is_recorded(ledger):
    ledger.add(said(label("a", "ann", "spam"), key=["t:1"]), task="mail")
    asked = said(label("a", "ann", "spam"), key=["t:1"], comment=["is this not ham?"])
    assert ledger.add(asked, task="mail") == Added(new=1, known=0, corrected=1)
    assert ledger.questions()["comment"].to_list() == ["is this not ham?"]


def test_a_key_is_of_one_answer_only(ledger):
    ledger.add(said(label("a", "ann", "spam"), key=["t:1"]), task="mail")
    with pytest.raises(GoldError) as caught:
        ledger.add(
            said(label("c", "ann", "spam"), label("a", "bob", "spam"), key=["t:2", "t:1"]),
            task="mail",
            place="r.csv",
        )
    assert str(caught.value) == (
        "the answer 't:1' is of 'ann' to item 'a' and of 'bob' to item 'a'\n  where: r.csv\n  hint: a key is one answer's: "
        "give each server or project of a tool its own prefix, and each person one name"
    )
    with pytest.raises(GoldError, match="the answer 't:3' is of 'ann' to item 'a' and of 'ann' to item 'b'"):
        ledger.add(
            said(label("a", "ann", "spam"), label("b", "ann", "spam"), key=["t:3", "t:3"]), task="mail"
        )
    two = said(label("x", "ann", "spam"), label("y", "ann", "spam"), key=["t:1", "t:3"])
    with pytest.raises(Problems, match="2 problems in the answers"):
        ledger.add(pl.concat([two, two.with_columns(item=pl.lit("z"))]), task="mail")
    assert ledger.answers().height == 1
    assert ledger.add(said(label("c", "cid", "spam"), key=["t:1"]), task="other").new == 1, (
        "keys are of a task"
    )


def test_nothing_is_written_when_a_row_is_bad(ledger):
    with pytest.raises(Problems, match="row 2, column 'item'"):
        ledger.add(said(label("a", "ann", "spam"), label(None, "ann", "spam")), task="mail")
    assert ledger.answers().height == 0
    assert ledger.pseudonyms() == {}


@pytest.mark.parametrize("task", ["", "x" * 101, None, "a\0b"])
def test_a_task_has_a_name(tmp_path, task):
    with pytest.raises(GoldError, match="is no name of a task"):
        Ledger.open(tmp_path / "l.db").add(said(), task=task)


def test_names_as_long_as_allowed_fit_into_the_indexes(ledger):
    letters = "".join(chr(0x4E00 + 37 * i % 20000) for i in range(500))  # 3 bytes each, hard to compress
    frame = said(label(letters, letters[::-1], "spam"), key=[letters[3:] + "abc"], batch=[letters])
    assert ledger.add(frame, task=letters[:100]).new == 1
    assert ledger.add(frame, task=letters[:100]).known == 1


def test_an_empty_frame_changes_nothing(ledger):
    assert ledger.add(pl.DataFrame(schema=ANSWERS), task="mail") == Added(new=0, known=0)
    assert ledger.answers().schema == pl.Schema(LEDGER)
    assert ledger.current().height == ledger.questions().height == 0
    assert ledger.tasks() == []


def test_frames_larger_than_one_statement(ledger):
    frame = said(*[label(f"i{i}", f"p{i % 3}", "spam") for i in range(2500)])
    assert ledger.add(frame, task="mail").new == 2500
    assert ledger.add(frame, task="mail").known == 2500
    back = ledger.answers()
    assert back["number"].to_list() == list(range(1, 2501))
    assert back["item"].to_list() == frame["item"].to_list()
    assert len(ledger.pseudonyms()) == 3


# ---- reading ----


@pytest.fixture
def filled(ledger):
    ledger.add(
        said(
            label("a", "ann", "spam"),
            label("a", "bob", "ham"),
            ("b", "ann", "skip", []),
            at=[DAY, DAY, DAY],
            batch=["b1", "b1", None],
            comment=["?", None, "  "],
        ),
        task="mail",
        now=DAY,
    )
    ledger.add(said(label("a", "ann", "ham"), at=[DAY + HOUR], batch=["b2"]), task="mail", now=DAY + DAYS)
    ledger.add(said(label("a", "ann", "red"), at=[DAY + HOUR]), task="topics", now=DAY + 2 * DAYS)
    return ledger


def numbers(frame):
    return frame["number"].to_list()


def test_answers_are_chosen(filled):
    assert numbers(filled.answers()) == [1, 2, 3, 4, 5]
    assert numbers(filled.answers(task="mail")) == [1, 2, 3, 4]
    assert numbers(filled.answers(items=["b", "c"])) == [3]
    assert numbers(filled.answers(items=[])) == []
    assert numbers(filled.answers(annotators=["bob"], task="mail")) == [2]
    assert numbers(filled.answers(batch="b1")) == [1, 2]
    assert numbers(filled.answers(until=DAY + HOUR)) == [1, 2, 3]
    assert numbers(filled.answers(until=DAY + DAYS)) == [1, 2, 3, 4]
    assert numbers(filled.answers(items=[f"i{i}" for i in range(1000)] + ["b"], annotators=["ann"])) == [3]
    with pytest.raises(GoldError, match="the time 2026-03-01 00:00:00 has no zone"):
        filled.answers(until=datetime.datetime(2026, 3, 1))


def test_current_answers(filled):
    assert numbers(filled.current(task="mail")) == [4, 2, 3]
    assert numbers(filled.current()) == [4, 2, 3, 5]
    assert numbers(filled.current(task="mail", until=DAY)) == [1, 2, 3]
    assert numbers(filled.current(task="mail", items=["a"], annotators=["ann"])) == [4]
    assert numbers(latest(filled.answers(batch="b1"))) == [1, 2]


def test_votes(filled):
    votes = filled.votes(task="mail", schema=SCHEMA)
    assert votes.ids.to_list() == ["a", "b"]
    assert votes.labelers == ("ann", "bob")
    assert votes.to_numpy().tolist() == [[0, 0], [-2, -2]]
    assert filled.votes(task="mail", schema=SCHEMA, until=DAY).to_numpy().tolist() == [[1, 0], [-2, -2]]
    topics = LabelSchema(["red", "blue"], exclusive=False)
    assert filled.votes(task="topics", schema=topics, label="blue").to_numpy().tolist() == [[0]]
    with pytest.raises(SchemaError, match="unknown label 'red'\n  where: item 'a', annotator 'ann'"):
        filled.votes(task="topics", schema=SCHEMA)


def test_questions(filled):
    assert numbers(filled.questions()) == [1]
    assert filled.questions(task="topics").height == 0
    key = filled.questions()["key"].to_list()
    changed = said(label("a", "ann", "ham"), key=key, at=[DAY + 2 * HOUR], comment=["?"])
    assert filled.add(changed, task="mail").corrected == 1
    assert numbers(filled.questions()) == [1], "the same question"
    assert filled.add(changed.with_columns(comment=pl.lit("or not?")), task="mail").corrected == 1
    assert numbers(filled.questions()) == [1, 7]


# ---- pseudonyms ----


def test_pseudonyms_stay(place):
    ledger = Ledger.open(place)
    ledger.add(said(*[label("a", f"p{i}", "spam") for i in range(30)]), task="mail")
    first = ledger.pseudonyms()
    assert sorted(first) == sorted(f"p{i}" for i in range(30))
    assert len(set(first.values())) == 30
    assert all(name.startswith("annotator ") and 1 <= int(name[10:]) <= 60 for name in first.values())
    ledger.add(said(label("b", "new", "spam"), label("b", "p3", "ham")), task="other")
    assert first.items() < Ledger.open(place).pseudonyms().items()
    assert set(ledger.pseudonyms()) - set(first) == {"new"}


def test_pseudonyms_do_not_follow_from_names(new_place):
    found = set()
    for _ in range(3):
        ledger = Ledger.open(new_place())
        ledger.add(said(*[label("a", f"p{i}", "spam") for i in range(10)]), task="mail")
        found.add(tuple(ledger.pseudonyms().items()))
    assert len(found) == 3


def test_a_pseudonym_is_never_given_twice(ledger):
    seen = set()
    for i in range(15):
        ledger.add(said(label("a", f"p{i}", "spam")), task="mail")
        seen.add(ledger.pseudonyms()[f"p{i}"])
        ledger.erase(annotator=f"p{i}", reason="left")
        assert ledger.pseudonyms() == {}
    assert len(seen) == 15


# ---- append-only ----


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE answers SET kind = 'skip'", "a correction is a new row"),
        ("DELETE FROM answers WHERE number = 1", "only an erasure deletes"),
        ("UPDATE tombstones SET reason = 'x'", "a correction is a new row"),
        ("DELETE FROM tombstones", "only an erasure deletes"),
    ],
)
def test_the_database_refuses_changes(filled, statement, why):
    filled.erase(item="zzz", reason="x")
    before = filled.answers()
    with (
        connection(filled) as own,
        pytest.raises(sa.exc.DBAPIError, match=f"the ledger is append-only: {why}"),
    ):
        own.exec_driver_sql(statement)
        own.commit()
    assert filled.answers().equals(before)


def test_postgres_refuses_to_truncate(new_postgres):
    ledger = Ledger.open(new_postgres())
    for table in ("answers", "tombstones"):
        with connection(ledger) as own, pytest.raises(sa.exc.DBAPIError, match="the ledger is append-only"):
            own.exec_driver_sql(f"TRUNCATE {table}")


def test_sqlite_refuses_to_replace(tmp_path):
    ledger = Ledger.open(tmp_path / "l.db")
    ledger.add(said(label("a", "ann", "spam")), task="mail")
    with connection(ledger) as own, pytest.raises(sa.exc.DBAPIError, match="the ledger is append-only"):
        own.exec_driver_sql("INSERT OR REPLACE INTO answers SELECT * FROM answers")


def test_an_erasure_leaves_the_lock_closed(filled):
    filled.erase(item="b", reason="x")
    with connection(filled) as own:
        assert own.exec_driver_sql("SELECT count(*) FROM erasing").scalar() == 0


# ---- erasing ----


def test_an_item_is_erased(filled):
    assert filled.erase(item="a", reason="asked for", now=DAY + 9 * DAYS) == Erased(
        answers=4, items=1, annotators=2
    )
    assert numbers(filled.answers()) == [3]
    (stone,) = filled.tombstones().rows(named=True)
    hashed = stone.pop("hash")
    assert stone == {
        "kind": "item",
        "task": None,
        "before": None,
        "erased_at": DAY + 9 * DAYS,
        "reason": "asked for",
        "answers": 4,
        "items": 1,
        "annotators": 2,
        "records": 0,
    }
    assert len(hashed) == 32
    assert filled.erased_on(item="a") == filled.erased_on(item="a", task="mail") == DAY + 9 * DAYS
    assert filled.erased_on(item="b") is None
    assert filled.erased_on(annotator="a") is None


def test_hashes_differ_between_ledgers(new_place):
    hashes = set()
    for _ in range(2):
        ledger = Ledger.open(new_place())
        ledger.erase(item="a", reason="x")
        hashes.add(ledger.tombstones()["hash"][0])
    assert len(hashes) == 2


def test_an_item_is_erased_from_one_task(filled):
    assert filled.erase(item="a", task="topics", reason="x", now=DAY).answers == 1
    assert numbers(filled.answers()) == [1, 2, 3, 4]
    assert filled.add(said(label("a", "cid", "ham")), task="mail").new == 1
    with pytest.raises(GoldError, match="item 'a' was erased on 2026-03-01"):
        filled.add(said(label("a", "cid", "red")), task="topics")
    assert filled.erased_on(item="a", task="mail") is None
    assert filled.erased_on(item="a", task="topics") == DAY


def test_an_annotator_is_erased(filled):
    assert filled.erase(annotator="ann", reason="left", now=DAY) == Erased(answers=4, items=2, annotators=1)
    assert numbers(filled.answers()) == [2]
    assert set(filled.pseudonyms()) == {"bob"}
    assert filled.tombstones()["kind"].to_list() == ["annotator"]


def test_what_was_erased_does_not_come_back_unasked(filled):
    again = filled.answers(task="mail")
    filled.erase(item="a", reason="asked for", now=DAY)
    filled.erase(annotator="cid", reason="left", now=DAY)
    more = pl.concat([again.select(*ANSWERS), check_answers(said(label("c", "cid", "ham")), task="mail")])
    with pytest.raises(GoldError) as caught:
        filled.add(more, task="mail", place="r1.json")
    assert str(caught.value) == (
        "item 'a' was erased on 2026-03-01\n  where: r1.json\n  hint: take these out, or say erased=\"skip\" to leave "
        'them out, or erased="take" to have them again'
    )
    assert numbers(filled.answers()) == [3]
    assert filled.add(more, task="mail", erased="skip") == Added(new=0, known=1, erased=4)
    with pytest.raises(GoldError, match="annotator 'cid' was erased"):
        filled.add(more.filter(item="c"), task="mail")
    assert filled.add(more, task="mail", erased="take") == Added(new=4, known=1)
    assert numbers(filled.answers()) == [3, 6, 7, 8, 9], "numbers of erased answers are not given again"
    with pytest.raises(GoldError, match="was erased"):
        filled.add(more, task="mail")
    with pytest.raises(GoldError, match="erased='all' is no choice\n  available: refuse, skip, take"):
        filled.add(more, task="mail", erased="all")


def test_the_last_numbers_are_not_given_again(ledger):
    ledger.add(said(label("a", "ann", "spam"), label("b", "ann", "spam")), task="mail")
    ledger.erase(item="b", reason="x")
    ledger.add(said(label("c", "ann", "spam")), task="mail")
    assert numbers(ledger.answers()) == [1, 3]


def test_what_is_not_there_can_be_erased_ahead(ledger):
    assert ledger.erase(item="a", reason="asked for") == Erased(answers=0, items=0, annotators=0)
    assert ledger.tombstones().height == 1
    with pytest.raises(GoldError, match="item 'a' was erased"):
        ledger.add(said(label("a", "ann", "spam"), label("b", "ann", "spam")), task="mail")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reason": "x"}, "erase takes an item or an annotator"),
        ({"item": "a", "annotator": "ann", "reason": "x"}, "erase takes an item or an annotator"),
        ({"annotator": "ann", "task": "mail", "reason": "x"}, "an annotator is erased from all tasks"),
        ({"item": "a", "reason": " "}, "an erasure needs a reason"),
    ],
)
def test_an_erasure_says_what_and_why(filled, options, message):
    with pytest.raises(GoldError, match=message):
        filled.erase(**options)
    assert filled.answers().height == 5


SECRET = "zyxsecretxyz"


@pytest.mark.parametrize("target", [{"item": f"i-{SECRET}"}, {"annotator": f"p-{SECRET}"}, {"retention": 1}])
def test_no_byte_of_what_was_erased_stays_in_the_files(tmp_path, target):
    ledger = Ledger.open(tmp_path / "l.db")
    keep = said(*[label(f"i{i}", "ann", "spam") for i in range(300)], at=[DAY] * 300)
    gone = said(
        *[label(f"i-{SECRET}", f"p-{SECRET}", f"{SECRET}{i}") for i in range(50)],
        at=[DAY - 5 * DAYS] * 50,
        comment=[SECRET * 200] * 50,
    )
    ledger.add(pl.concat([keep[:150], gone, keep[150:]], how="diagonal"), task="mail", now=DAY)

    def files_with_it():
        return [p.name for p in tmp_path.iterdir() if SECRET.encode() in p.read_bytes()]

    assert files_with_it(), "the check can fail"
    if "retention" in target:
        assert ledger.retention(1, now=DAY).answers == 50
        ledger.erase(annotator=f"p-{SECRET}", reason="the pseudonym holds the name")
    else:
        assert ledger.erase(**target, reason="asked for").answers == 50
        other = {"item": f"i-{SECRET}"} if "annotator" in target else {"annotator": f"p-{SECRET}"}
        ledger.erase(**other, reason="asked for")
    assert files_with_it() == []
    assert ledger.answers().height == 300


def rest(ledger):
    """What the ledger still has to clean up."""
    with connection(ledger) as own:
        return own.exec_driver_sql("SELECT value FROM settings WHERE name = 'vacuum'").fetchall()


def test_a_reader_in_the_way_of_an_erasure_is_named(place):
    ledger = Ledger.open(place, timeout=0.2)
    ledger.add(said(label("a", "ann", "spam"), label("b", "ann", "spam")), task="mail", now=DAY)
    with connection(ledger) as own:
        own.exec_driver_sql("SELECT * FROM answers").fetchone()
        with pytest.raises(
            GoldError, match="the rows are deleted, but their bytes may still be there: another"
        ):
            ledger.erase(item="a", reason="x")
        own.rollback()
        own.exec_driver_sql("SELECT 1").fetchone()
        assert ledger.answers()["item"].to_list() == ["b"]
        assert rest(ledger)
    assert ledger.retention(1, now=DAY) == Erased(0, 0, 0), "it finishes what was not finished"
    assert not rest(ledger)
    assert ledger.erase(item="b", reason="x").answers == 1
    assert not rest(ledger)


# ---- retention ----


def test_old_answers_go(ledger):
    ledger.add(
        said(label("a", "ann", "x"), label("b", "ann", "x"), at=[DAY - 40 * DAYS, DAY]), task="mail", now=DAY
    )
    ledger.add(said(label("c", "ann", "x"), at=[None]), task="mail", now=DAY - 40 * DAYS)
    ledger.add(said(label("d", "ann", "x"), at=[DAY - 40 * DAYS]), task="topics", now=DAY)
    assert ledger.retention(30, task="mail", now=DAY) == Erased(answers=2, items=2, annotators=1)
    assert ledger.answers()["item"].to_list() == ["b", "d"]
    (stone,) = ledger.tombstones().drop("erased_at", "items", "annotators").rows()
    assert stone == ("retention", None, "mail", DAY - 30 * DAYS, "kept for 30 days", 2, 0)
    assert ledger.retention(30, task="mail", now=DAY) == Erased(0, 0, 0)
    assert ledger.tombstones().height == 1


def test_an_answer_as_old_as_allowed_stays(ledger):
    ledger.add(said(label("a", "ann", "x"), at=[DAY - 30 * DAYS]), task="mail", now=DAY)
    assert ledger.retention(30, now=DAY).answers == 0
    assert ledger.retention(30, now=DAY + datetime.timedelta(microseconds=1)).answers == 1


def test_what_retention_erased_does_not_come_back_unasked(ledger):
    old = said(label("a", "ann", "x"), label("b", "ann", "x"), at=[DAY - 40 * DAYS, DAY])
    ledger.add(old, task="mail", now=DAY)
    ledger.retention(30, now=DAY)
    with pytest.raises(
        GoldError, match=r"what is from before 2026-01-30 \(1 answers\) was erased on 2026-03-01"
    ):
        ledger.add(old, task="mail")
    assert ledger.add(old, task="mail", erased="skip") == Added(new=0, known=1, erased=1)


def test_retention_is_a_number_of_days(ledger):
    for days in (-1, float("nan")):
        with pytest.raises(GoldError, match="retention of"):
            ledger.retention(days)
    assert ledger.retention(10**12, now=DAY).answers == 0


# ---- any order, any cut ----

STORIES = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(["x", "y"]),
        st.integers(0, 8),
    ),
    max_size=14,
    unique_by=lambda s: (s[0], s[1], s[3]),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=STORIES, data=st.data())
def test_neither_order_nor_cut_matters(ledger, story, data):
    rows = [(item, who, "label", [name]) for item, who, name, _ in story]
    keys = [f"tool:{item}{who}{hour % 2}" for item, who, _, hour in story]
    frame = said(*rows, at=[DAY + hour * HOUR for *_, hour in story], key=keys)
    order = data.draw(st.permutations(range(len(story))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(story)), max_size=3)))
    whole, parts = f"whole {uuid.uuid4()}", f"parts {uuid.uuid4()}"
    ledger.add(frame, task=whole)
    shuffled = frame[order]
    for start, end in zip([0, *cuts], [*cuts, len(story)], strict=True):
        ledger.add(shuffled[start:end], task=parts)
    ledger.add(shuffled[: len(story) // 2], task=parts)
    assert ledger.answers(task=whole).height == ledger.answers(task=parts).height == len(story)
    same = [ledger.current(task=task).drop("task", "number", "recorded_at").rows() for task in (whole, parts)]
    assert same[0] == same[1]
    assert len(same[0]) == len({row[:2] for row in rows})


# ---- migrations ----


def differences(ledger):
    with connection(ledger) as own:
        options = {
            "version_table": gold_tables.VERSION_TABLE,
            "compare_type": True,
            "compare_server_default": True,
        }
        return compare_metadata(MigrationContext.configure(own, opts=options), gold_tables.METADATA)


def test_migrating_an_empty_database_gives_the_tables(ledger):
    assert differences(ledger) == []
    with connection(ledger) as own:
        own.exec_driver_sql("CREATE INDEX ix_more ON answers (kind)")
        own.commit()
    assert len(differences(ledger)) == 1, "the check can fail"


def test_the_version_is_that_of_the_last_migration():
    script = ScriptDirectory(Path(gold.__file__).parent / "ledger" / "migrations")
    assert script.get_heads() == [gold_tables.VERSION]
    files = {
        p.stem for p in (Path(gold.__file__).parent / "ledger" / "migrations" / "versions").glob("v*.py")
    }
    assert files == {f"v{r.revision}" for r in script.walk_revisions()}


def test_opening_again_keeps_what_is_there(place):
    Ledger.open(place).add(said(label("a", "ann", "spam")), task="mail")
    assert Ledger.open(place).answers().height == 1


def test_a_newer_ledger_is_refused_by_name(place):
    ledger = Ledger.open(place)
    with connection(ledger) as own:
        own.exec_driver_sql("UPDATE weaklabel_version SET version_num = '0042_moods'")
        own.commit()
    with pytest.raises(GoldError) as caught:
        Ledger.open(place)
    assert str(caught.value) == (
        f"the ledger has version '0042_moods', which this weaklabel does not know\n  where: {ledger.place}\n"
        "  available: 0001_answers, 0002_records, 0003_counter\n  hint: it was written by a newer weaklabel: upgrade yours"
    )


def test_a_migration_that_was_cut_off_is_done_again(place):
    """A version table without a version is what nothing was migrated yet looks like."""
    database = connect(place)
    with database.engine.connect() as own:
        for table in reversed(gold_tables.METADATA.sorted_tables):
            own.exec_driver_sql(f"DROP TABLE {table.name}")
        if not database.is_sqlite:
            own.exec_driver_sql("DROP FUNCTION weaklabel_append_only")
        own.exec_driver_sql("DELETE FROM weaklabel_version")
        own.commit()
    assert differences(Ledger.open(place)) == []


def test_a_database_of_others_is_left_alone(place):
    engine = sa.create_engine(place if "://" in place else f"sqlite:///{place}", poolclass=sa.pool.NullPool)
    if "://" not in place:
        Path(place).parent.mkdir()
    with engine.connect() as own:
        own.exec_driver_sql("CREATE TABLE answers (x INTEGER)")
        own.commit()
    with pytest.raises(
        GoldError, match=r"this database is no ledger: it has other tables\n  where: .*\n  available: answers"
    ):
        Ledger.open(place)
    with engine.connect() as own:
        assert sa.inspect(own).get_table_names() == ["answers"]


def test_a_file_of_another_program_is_left_alone(tmp_path):
    file = tmp_path / "mlflow.db"
    with sqlite3.connect(file) as own:
        own.execute("CREATE TABLE runs (x INTEGER)")
    own.close()
    with pytest.raises(GoldError, match="this database is no ledger: it has other tables"):
        Ledger.open(file)


def test_a_postgres_database_may_have_other_tables(new_postgres):
    url = new_postgres()
    with sa.create_engine(url, poolclass=sa.pool.NullPool).connect() as own:
        own.exec_driver_sql("CREATE TABLE runs (x INTEGER)")
        own.commit()
    assert Ledger.open(url).tasks() == []


# ---- places ----


def test_a_path_and_its_url_are_one_ledger(tmp_path):
    file = tmp_path / "new" / "folders" / "ledger.db"
    Ledger.open(file).add(said(label("a", "ann", "spam")), task="mail")
    assert Ledger.open(f"sqlite:///{file}").answers().height == 1
    assert Ledger.open(str(file)).place == str(file)


def test_a_relative_path_is_meant_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ledger = Ledger.open("ledger.db")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert ledger.tasks() == []
    assert [p.name for p in (tmp_path / "other").iterdir()] == []


def test_sqlite_uses_the_write_ahead_log(tmp_path):
    ledger = Ledger.open(tmp_path / "l.db")
    with connection(ledger) as own:
        found = {
            n: own.exec_driver_sql(f"PRAGMA {n}").scalar()
            for n in ("journal_mode", "foreign_keys", "secure_delete")
        }
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "secure_delete": 1}


def test_no_connection_stays_open(place):
    ledger = Ledger.open(place)
    ledger.add(said(label("a", "ann", "spam")), task="mail")
    ledger.current()
    with pytest.raises(Problems):
        ledger.add(said(label(None, "ann", "spam")), task="mail")
    gc.collect()  # a connection left open is a ResourceWarning, and an error here


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("mysql://u:secret@h/x", "a ledger can't be kept in 'mysql'\n  where: mysql://u:\\*\\*\\*@h/x"),
        ("sqlite://", "a ledger in memory would be lost"),
        ("sqlite:///:memory:", "a ledger in memory would be lost"),
        ("://", "this is no URL of a database"),
        ("postgresql+nodriver://u:secret@h/x", "the driver of this database is not installed: postgresql"),
        ("postgres://u:secret@127.0.0.1:1/x", "can't reach the database: (.|\n)*u:\\*\\*\\*@127"),
    ],
)
def test_a_place_that_is_none(place, message):
    with pytest.raises(GoldError, match=message) as caught:
        Ledger.open(place)
    assert "secret" not in str(caught.value)


def test_a_driver_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(GoldError, match=r"not installed: pg8000(.|\n)*weaklabel\[postgres\]"):
        Ledger.open("postgresql+pg8000://u@h/x")


def test_a_database_that_does_not_exist(postgres_server):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # pg8000 leaves a refused connection's socket open
        with pytest.raises(GoldError, match='database "nowhere" does not exist'):
            Ledger.open(postgres_server.format("nowhere"))
        gc.collect()


def test_the_driver_may_be_left_out(new_postgres):
    url = new_postgres()
    Ledger.open(url).add(said(label("a", "ann", "spam")), task="mail")
    for name in ("postgresql://", "postgres://"):
        assert Ledger.open(url.replace("postgresql+pg8000://", name)).answers().height == 1


def test_a_file_that_is_no_database(tmp_path):
    file = tmp_path / "ledger.db"
    file.write_text("These are my answers.\n" * 100)
    with pytest.raises(GoldError, match="the file is no SQLite database"):
        Ledger.open(file)
    assert file.read_text() == "These are my answers.\n" * 100


def test_a_damaged_ledger(tmp_path):
    file = tmp_path / "ledger.db"
    ledger = Ledger.open(file)
    ledger.add(said(*[label(f"i{i}", "ann", "spam") for i in range(500)]), task="mail")
    data = bytearray(file.read_bytes())
    assert len(data) > 60_000, "the log was written into the file"
    data[8192:] = b"\x5a" * (len(data) - 8192)
    file.write_bytes(data)
    with pytest.raises(GoldError, match=r"the ledger's file is damaged|the database says"):
        Ledger.open(file).answers()
    cut = tmp_path / "cut.db"
    cut.write_bytes(bytes(data[:5000]))
    with pytest.raises(GoldError, match=r"the ledger's file is damaged|the file is no SQLite"):
        Ledger.open(cut).answers()


def test_an_empty_file_becomes_a_ledger(tmp_path):
    (tmp_path / "ledger.db").touch()
    assert Ledger.open(tmp_path / "ledger.db").tasks() == []


def test_a_folder_is_no_ledger(tmp_path):
    with pytest.raises(OutputError, match="a ledger is a file; this is a folder"):
        Ledger.open(tmp_path)


def test_a_folder_that_can_not_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="can't make the ledger's folder"):
        Ledger.open(tmp_path / "file" / "ledger.db")


@pytest.fixture
def ordinary_folder():
    """A folder that the running user owns and, if that is root, an ordinary user for the time of the test."""
    folder = Path(tempfile.mkdtemp(prefix="weaklabel-", dir="/tmp"))
    root = os.geteuid() == 0
    if root:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o700)
        shutil.rmtree(folder)


def test_a_folder_that_can_not_be_written(ordinary_folder):
    ordinary_folder.chmod(0o500)
    with pytest.raises(OutputError, match="can't open the ledger's file"):
        Ledger.open(ordinary_folder / "ledger.db")
    with pytest.raises(OutputError, match="can't make the ledger's folder: Permission denied"):
        Ledger.open(ordinary_folder / "gold" / "ledger.db")


def test_a_ledger_that_can_not_be_written(ordinary_folder):
    file = ordinary_folder / "ledger.db"
    Ledger.open(file).add(said(label("a", "ann", "spam")), task="mail")
    file.chmod(0o400)
    with pytest.raises(OutputError, match="can't write the ledger"):
        Ledger.open(file).add(said(label("b", "ann", "spam")), task="mail")


def test_a_ledger_that_is_held_for_too_long(place):
    ledger = Ledger.open(place, timeout=0.2)
    with (
        ledger._database.writing(),
        pytest.raises(GoldError, match="another process has held the ledger for too long"),
    ):
        ledger.add(said(label("a", "ann", "spam")), task="mail")
    assert ledger.answers().height == 0
    assert ledger.add(said(label("a", "ann", "spam")), task="mail").new == 1


def test_readers_do_not_wait_for_a_writer(place):
    ledger = Ledger.open(place, timeout=0.2)
    ledger.add(said(label("a", "ann", "spam")), task="mail")
    with ledger._database.writing():
        assert ledger.answers().height == 1


def test_the_gold_room_opens_without_a_database_library():
    code = "import sys, weaklabel.gold as g; assert not {'sqlalchemy', 'alembic'} & set(sys.modules); assert g.Ledger"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Legder'"):
        gold.Legder
