"""Records of decisions, on SQLite and on PostgreSQL: columns, checks, one step, erasures, migration."""

import datetime
import json
import multiprocessing
from importlib.resources import as_file, files

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weaklabel.errors import GoldError, Problems
from weaklabel.gold import Ledger
from weaklabel.gold.ledger import bodies, records
from weaklabel.gold.ledger.bodies import from_body, to_body
from weaklabel.gold.ledger.records import KINDS, NAMES, SUBJECTS, check_records, columns, current

DAY = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
DAYS = datetime.timedelta(days=1)

FULL = {
    "gold": {
        "item": "a\r\n😀'\"\\",
        "labels": ["spam", "שלום"],
        "role": "check",
        "group": "g1",
        "origin": "random",
        "inclusion": 0.1 + 0.2,
        "experts": ["ann", "b\u200dob"],
        "reason": "it sells",
        "guideline": "v3",
        "due": datetime.datetime(2027, 1, 2, 3, 4, 5, 678, tzinfo=datetime.UTC),
        "counter": ["ham"],
    },
    "version": {"version": 3, "note": "after the audit", "fingerprint": "f"},
    "audit": {"audit": "may", "state": "closed"},
    "batch": {
        "batch": "b1",
        "state": "drawn",
        "purpose": "production",
        "settings": '{"checks": 12}',
        "note": "x",
    },
    "draw": {
        "batch": "b1",
        "item": "a",
        "design": "simple",
        "stratum": "s",
        "inclusion": 1.0,
        "purpose": "audit",
        "order": 0,
    },
    "assignment": {
        "batch": "b1",
        "item": "a",
        "annotator": "ann",
        "position": 0,
        "check": True,
        "blind": False,
        "suggestion": ["spam"],
        "requeued_from": "bob",
    },
    "quarantine": {
        "batch": "b1",
        "annotator": "ann",
        "reason": "5 of 12",
        "failed": ["a", "c"],
        "lifted": True,
    },
    "queue": {"item": "a", "batch": "b1", "why": "a tie", "state": "open"},
    "guideline": {"version": "f", "label": "3", "text": "# Spam\r\n", "editorial": ["spam"]},
    "training": {"annotator": "ann", "round": 2, "verdict": "again", "figures": '{"kappa": 0.5}'},
}


def frame(kind, *rows):
    return pl.DataFrame(list(rows), schema=KINDS[kind])


def gold(*rows, **more):
    """Gold records of (item, role)."""
    same = {"labels": [["spam"]] * len(rows), "origin": ["random"] * len(rows), **more}
    return pl.DataFrame({"item": [r[0] for r in rows], "role": [r[1] for r in rows], **same})


# ---- in and out ----


def test_every_kind_has_an_example_here():
    assert FULL.keys() == KINDS.keys() == SUBJECTS.keys()
    for kind, row in FULL.items():
        assert list(row) == list(KINDS[kind])
        named = [column for names in NAMES.get(kind, {}).values() for column in names]
        assert set(named) | set(SUBJECTS[kind]) <= set(row)


def test_what_goes_in_comes_out(ledger):
    for kind, row in FULL.items():
        assert ledger.record(kind, frame(kind, row), task="mail", now=DAY) == 1
    for number, (kind, row) in enumerate(FULL.items(), 1):
        back = ledger.records(kind, task="mail")
        assert dict(back.schema) == columns(kind)
        assert back.rows(named=True) == [{"number": number, "task": "mail", **row, "recorded_at": DAY}]
        assert ledger.records(kind, task="other").schema == back.schema


def test_a_frame_that_was_read_can_be_recorded_again(ledger):
    ledger.record("gold", gold(("a", "check"), ("b", "audit")), task="mail", now=DAY)
    again = ledger.records("gold").with_columns(role=pl.lit("removed"))
    assert ledger.record("gold", again, task="mail", now=DAY + DAYS) == 2
    assert ledger.records("gold")["role"].to_list() == ["check", "audit", "removed", "removed"]
    assert current("gold", ledger.records("gold"))["role"].to_list() == ["removed", "removed"]
    with pytest.raises(GoldError, match="records of task 'mail' are added to task 'other'"):
        ledger.record("gold", again, task="other")


def test_records_up_to_a_time(ledger):
    for day in range(3):
        ledger.record("gold", gold((f"i{day}", "check")), task="mail", now=DAY + day * DAYS)
    assert ledger.records("gold", until=DAY + DAYS)["item"].to_list() == ["i0", "i1"]


def test_answers_and_records_are_in_one_order(ledger):
    said = pl.DataFrame({"item": ["a"], "annotator": ["ann"], "kind": ["skip"], "labels": [[]]})
    ledger.record("audit", frame("audit", FULL["audit"]), task="mail")
    ledger.add(said, task="mail")
    ledger.record("audit", frame("audit", FULL["audit"]), task="talk")
    assert ledger.records("audit")["number"].to_list() == [1, 3]
    assert ledger.answers()["number"].to_list() == [2]
    assert ledger.tasks() == ["mail", "talk"]


def test_an_empty_frame_writes_nothing(ledger):
    assert ledger.record("draw", pl.DataFrame(schema=KINDS["draw"]), task="mail") == 0
    assert ledger.records("draw").height == 0


def test_what_may_be_null_may_be_left_out():
    least = {
        "gold": {"item": "a", "labels": [], "role": "check", "origin": "random"},
        "version": {"version": 1},
        "batch": {"batch": "b", "state": "sent"},
        "draw": {"batch": "b", "item": "a", "design": "simple"},
        "assignment": {"batch": "b", "item": "a", "annotator": "ann", "position": 0, "check": False},
        "quarantine": {"batch": "b", "annotator": "ann", "reason": "x"},
        "queue": {"item": "a", "why": "x", "state": "open"},
        "guideline": {"version": "f", "text": ""},
        "training": {"annotator": "ann", "round": 1, "verdict": "more"},
    }
    for kind, row in least.items():
        (found,) = check_records(kind, pl.DataFrame([row]), task="t").rows(named=True)
        added = {name: value for name, value in found.items() if name not in row}
        filled = {"experts": [], "counter": [], "failed": [], "editorial": [], "lifted": False}
        assert added == {name: filled.get(name) for name in added}
        for name in row:
            with pytest.raises(Problems, match=f"no column '{name}'"):
                check_records(kind, pl.DataFrame([row]).drop(name), task="t")


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
ROW = st.fixed_dictionaries(
    {
        "item": TEXT,
        "labels": st.lists(TEXT, unique=True, max_size=3),
        "role": st.sampled_from(records.ROLES),
        "group": st.none() | TEXT,
        "origin": st.just("random"),
        "inclusion": st.none() | st.floats(min_value=0, max_value=1, exclude_min=True),
        "experts": st.lists(TEXT, unique=True, max_size=2),
        "reason": st.none() | TEXT,
        "guideline": st.none() | TEXT,
        "due": st.none()
        | st.datetimes(
            min_value=datetime.datetime(1, 1, 1),
            max_value=datetime.datetime(9999, 12, 31),
            timezones=st.just(datetime.UTC),
        ),
        "counter": st.lists(TEXT, unique=True, max_size=2),
    }
)


@given(st.lists(ROW, max_size=4, unique_by=lambda row: row["item"]))
def test_records_survive_as_text(rows):
    given_frame = check_records("gold", frame("gold", *rows), task="t")
    bodies = pl.Series(to_body("gold", given_frame), dtype=pl.String)
    assert from_body("gold", bodies).rows(named=True) == given_frame.rows(named=True) == rows


# ---- what is refused ----


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (
            "gold",
            {"role": "chekc"},
            "unknown role 'chekc'\n  where: the gold records, row 1 (item 'x'), column 'role'",
        ),
        ("gold", {"role": None}, "a null\n  where: the gold records, row 1 (item 'x'), column 'role'"),
        ("gold", {"item": ""}, "an empty text"),
        ("gold", {"item": "i" * 501}, "is longer than 500 characters"),
        ("gold", {"item": "a\0"}, "holds a NUL"),
        ("gold", {"labels": None}, "a null"),
        ("gold", {"labels": ["spam", "spam"]}, "a text twice in ['spam', 'spam']"),
        ("gold", {"experts": ["ann", ""]}, "a null or empty text"),
        ("gold", {"experts": ["a\0"]}, "a NUL in ['a\\x00']"),
        ("gold", {"inclusion": 0.0}, "a probability of 0\n"),
        ("gold", {"inclusion": 1.5}, "a probability of 1.5"),
        ("gold", {"origin": "adjudicated"}, "a probability of 0.3 for an adjudicated item"),
        ("version", {"version": 0}, "0 is less than 1"),
        ("audit", {"state": "half"}, "one of open, closed"),
        ("batch", {"state": "lost"}, "unknown state 'lost'"),
        ("batch", {"purpose": "fun"}, "unknown purpose 'fun'"),
        ("batch", {"settings": "{"}, "'{' is no JSON"),
        ("batch", {"settings": "[1]"}, "'[1]' is no JSON"),
        ("draw", {"order": -1}, "-1 is less than 0"),
        ("assignment", {"check": None}, "a null"),
        ("queue", {"state": None}, "a null"),
        ("training", {"round": 0}, "0 is less than 1"),
        ("training", {"verdict": "good"}, "one of passed, again, more"),
    ],
)
def test_a_bad_row_is_named(kind, change, message):
    row = {**FULL[kind], **({"item": "x"} if "item" in FULL[kind] else {}), **change}
    check_records(kind, frame(kind, FULL[kind]), task="t")
    with pytest.raises(Problems) as caught:
        check_records(kind, frame(kind, row), task="t")
    plain = str(caught.value).replace("\n     ", "\n  ")
    assert message in plain
    assert len(caught.value.problems) == 1


def test_nothing_is_written_when_a_row_is_bad(ledger):
    with pytest.raises(Problems, match="unknown role 'x'"):
        ledger.record("gold", gold(("a", "check"), ("b", "x")), task="mail")
    assert ledger.records("gold").height == 0
    assert ledger.pseudonyms() == {}


def test_faulty_columns_are_told_all_at_once():
    given_frame = pl.DataFrame(
        {"itme": ["a"], "labels": ["spam"], "role": ["check"], "due": [datetime.datetime(2026, 1, 1)]}
    )
    with pytest.raises(Problems) as caught:
        check_records("gold", given_frame, task="t", place="gold.csv")
    said = [problem.what for problem in caught.value.problems]
    assert said == [
        "no column 'item'",
        "no column 'origin'",
        "unknown column 'itme'",
        "column 'labels' holds String, not List(String)",
        "column 'due' has no time zone",
    ]


def test_one_record_of_a_subject_at_a_time():
    with pytest.raises(Problems, match="'a' is there twice"):
        check_records("gold", gold(("a", "check"), ("a", "audit")), task="t")
    twice = frame("assignment", FULL["assignment"], {**FULL["assignment"], "annotator": "bob"})
    assert check_records("assignment", twice, task="t").height == 2


def test_many_faults_are_counted():
    with pytest.raises(Problems, match="10 more of such faults"):
        check_records("gold", gold(*[(f"i{i}", "x") for i in range(30)]), task="t")


def test_an_unknown_kind(ledger):
    for call in (ledger.records, columns, lambda kind: ledger.record(kind, gold(), task="t")):
        with pytest.raises(GoldError, match=r"no kind of record 'golds'(.|\n)*did you mean 'gold'"):
            call("golds")


# ---- the one that counts ----


def test_the_latest_by_number_counts():
    rows = gold(("a", "check"), ("b", "check"), ("a", "removed")).with_columns(number=pl.Series([3, 1, 2]))
    assert current("gold", rows).select("item", "role").rows() == [("a", "check"), ("b", "check")]
    assert current("gold", rows.drop("number"))["role"].to_list() == ["removed", "check"]
    tasks = rows.with_columns(task=pl.Series(["x", "x", "y"]))
    assert current("gold", tasks)["role"].to_list() == ["check", "check", "removed"]


def test_a_queue_without_a_batch_is_a_subject_too():
    rows = [
        {**FULL["queue"], "batch": None},
        {**FULL["queue"], "batch": None, "state": "closed"},
        FULL["queue"],
    ]
    assert current("queue", frame("queue", *rows))["state"].to_list() == ["closed", "open"]


# ---- one step ----


def test_reading_and_writing_are_one_step(ledger):
    with ledger.deciding() as log:
        log.record("gold", gold(("a", "check")), task="mail", now=DAY)
        assert log.records("gold", task="mail")["item"].to_list() == ["a"]
        assert ledger.records("gold").height == 0, "nobody else sees it yet"
        assert log.answers(task="mail").height == log.current(task="mail").height == 0
    assert ledger.records("gold").height == 1


def test_a_step_that_fails_writes_nothing(ledger):
    with pytest.raises(ZeroDivisionError), ledger.deciding() as log:
        log.record("gold", gold(("a", "check")), task="mail")
        raise ZeroDivisionError
    assert ledger.records("gold").height == 0


def count_up(place, times):
    ledger = Ledger.open(place)
    for _ in range(times):
        with ledger.deciding() as log:
            versions = log.records("version", task="mail")["version"]
            log.record("version", pl.DataFrame({"version": [versions.len() + 1]}), task="mail")


def test_two_processes_decide_one_after_the_other(place):
    Ledger.open(place)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=count_up, args=(place, 6)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert Ledger.open(place).records("version")["version"].to_list() == list(range(1, 13))


# ---- append-only, erasures ----


@pytest.mark.parametrize("statement", ["UPDATE records SET kind = 'x'", "DELETE FROM records"])
def test_the_database_refuses_changes(ledger, statement):
    ledger.record("gold", gold(("a", "check")), task="mail")
    with (
        ledger._database.engine.connect() as own,
        pytest.raises(sa.exc.DBAPIError, match="the ledger is append-only"),
    ):
        own.exec_driver_sql(statement)
    assert ledger.records("gold").height == 1


def test_postgres_refuses_to_truncate(new_postgres):
    ledger = Ledger.open(new_postgres())
    with ledger._database.engine.connect() as own, pytest.raises(sa.exc.DBAPIError, match="append-only"):
        own.exec_driver_sql("TRUNCATE records")


def everything(ledger, now=DAY):
    """A record of each kind about item "x" and annotator "zed", and one about others."""
    rows = {
        "gold": [{**FULL["gold"], "item": i, "experts": e} for i, e in (("x", []), ("y", ["ann", "zed"]))],
        "draw": [{**FULL["draw"], "item": i} for i in "xy"],
        "assignment": [
            {**FULL["assignment"], "item": i, "annotator": a, "requeued_from": f}
            for i, a, f in (("x", "ann", None), ("y", "zed", None), ("y", "bob", "zed"))
        ],
        "quarantine": [
            {**FULL["quarantine"], "annotator": a, "failed": ["x", "y"], "reason": "'zed' said 'x'"}
            for a in ("ann", "zed")
        ],
        "queue": [{**FULL["queue"], "item": i, "why": 'asked by "zed"'} for i in "xy"],
        "training": [{**FULL["training"], "annotator": a, "figures": FIGURES} for a in ("ann", "zed")],
        "batch": [{**FULL["batch"], "settings": '{"annotators": ["ann", "zed"], "n": 2}', "note": None}],
        "guideline": [FULL["guideline"]],
    }
    for kind, given_rows in rows.items():
        ledger.record(kind, frame(kind, *given_rows), task="mail", now=now)


FIGURES = '{"confusing": ["x", "y"], "by": {"x": 1, "y": 2}, "worst": "x", "with": "zed"}'


def test_an_item_is_erased_from_records_too(ledger):
    everything(ledger)
    before = ledger.records("gold")
    erased = ledger.erase(item="x", reason="asked for", now=DAY + DAYS)
    assert (erased.answers, erased.records) == (0, 1 + 1 + 1 + 2 + 1 + 2)
    assert ledger.tombstones()["records"].to_list() == [8]
    assert ledger.records("gold").equals(before.filter(item="y")), "numbers and times stay"
    for kind in ("draw", "assignment", "queue"):
        assert set(ledger.records(kind)["item"]) == {"y"}
    assert ledger.records("quarantine").select("number", "reason", "failed").rows() == [
        (8, "'zed' said '(erased)'", ["y"]),
        (9, "'zed' said '(erased)'", ["y"]),
    ]
    assert set(ledger.records("training")["figures"]) == {
        '{"confusing": ["y"], "by": {"y": 2}, "worst": "(erased)", "with": "zed"}'
    }


def test_an_annotator_is_erased_from_records_too(ledger):
    everything(ledger)
    assert set(ledger.pseudonyms()) == {"ann", "bob", "zed"}
    erased = ledger.erase(annotator="zed", reason="left", now=DAY + DAYS)
    assert (erased.answers, erased.records) == (0, 1 + 2 + 2 + 2 + 2 + 1)
    assert ledger.records("gold")["experts"].to_list() == [[], ["ann", "(erased)"]]
    assert ledger.records("assignment").select("annotator", "requeued_from").rows() == [
        ("ann", None),
        ("bob", "(erased)"),
    ]
    assert ledger.records("quarantine")["reason"].to_list() == ["'(erased)' said 'x'"]
    assert ledger.records("queue")["why"].to_list() == ['asked by "(erased)"'] * 2
    assert ledger.records("batch")["settings"].to_list() == ['{"annotators": ["ann"], "n": 2}']
    assert ledger.records("training").height == 1
    assert set(ledger.pseudonyms()) == {"ann", "bob"}
    with ledger._database.reading() as connection:
        bodies = connection.exec_driver_sql("SELECT body FROM records").scalars().all()
    assert not [body for body in bodies if "zed" in body]
    ledger.record("gold", ledger.records("gold"), task="mail")
    assert set(ledger.pseudonyms()) == {"ann", "bob"}, "nobody is called (erased)"


def test_names_of_fields_are_no_names_of_people(ledger):
    """Whatever an item or annotator is called, the settings of a batch keep their fields."""
    row = {**FULL["batch"], "settings": '{"checks": 12, "weights": {"checks": 2, "ann": 1}}'}
    ledger.record("batch", frame("batch", row), task="mail")
    ledger.erase(annotator="checks", reason="left")
    assert ledger.records("batch")["settings"].to_list() == ['{"checks": 12, "weights": {"ann": 1}}']


def test_an_erasure_of_one_task_leaves_the_others(ledger):
    for task in ("mail", "talk"):
        ledger.record("gold", gold(("x", "check"), ("y", "check")), task=task)
    assert ledger.erase(item="x", task="talk", reason="x").records == 1
    assert ledger.records("gold").select("task", "item").rows() == [
        ("mail", "x"),
        ("mail", "y"),
        ("talk", "y"),
    ]
    assert ledger.record("gold", gold(("x", "audit")), task="mail") == 1
    with pytest.raises(GoldError, match="item 'x' was erased"):
        ledger.record("gold", gold(("x", "audit")), task="talk")


def test_what_was_erased_does_not_come_back_unasked(ledger):
    ledger.erase(item="x", reason="asked for", now=DAY)
    ledger.erase(annotator="zed", reason="left", now=DAY)
    rows = gold(("x", "check"), ("y", "check"), ("z", "check"), experts=[[], ["ann", "zed"], ["ann"]])
    with pytest.raises(GoldError, match=r"item 'x' was erased on 2026-03-01\n  where: gold.csv"):
        ledger.record("gold", rows, task="mail", place="gold.csv")
    with pytest.raises(GoldError, match="annotator 'zed' was erased"):
        ledger.record("gold", rows.filter(item="y"), task="mail")
    with pytest.raises(GoldError, match="item 'x' was erased"):
        ledger.record("quarantine", frame("quarantine", {**FULL["quarantine"], "failed": ["x"]}), task="mail")
    assert ledger.records("gold").height == 0
    assert ledger.record("gold", rows, task="mail", erased="skip") == 1
    assert ledger.records("gold")["item"].to_list() == ["z"]
    assert ledger.record("gold", rows, task="mail", erased="take") == 3
    with pytest.raises(GoldError, match="erased='all' is no choice"):
        ledger.record("gold", rows, task="mail", erased="all")


def test_numbers_of_erased_records_are_not_given_again(ledger):
    ledger.record("gold", gold(("a", "check"), ("b", "check")), task="mail")
    ledger.erase(item="b", reason="x")
    ledger.record("gold", gold(("c", "check")), task="mail")
    assert ledger.records("gold")["number"].to_list() == [1, 3]


def test_no_byte_of_what_was_erased_stays_in_the_files(tmp_path):
    ledger = Ledger.open(tmp_path / "l.db")
    secret = "zyxsecretxyz"
    rows = [(f"i{i}", "check") for i in range(200)]
    ledger.record("gold", gold(*rows, (secret, "check")), task="mail")
    ledger.record(
        "quarantine", frame("quarantine", {**FULL["quarantine"], "failed": ["a", secret]}), task="mail"
    )
    assert ledger.erase(item=secret, reason="x").records == 2
    assert not [f for f in tmp_path.iterdir() if secret.encode() in f.read_bytes()]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=TEXT, other=TEXT)
def test_no_name_is_left_in_a_record(name, other):
    """Whatever the characters of a name: it is in no column that names people, and others stay."""
    if name in (other, records.ERASED) or other == records.ERASED:
        return
    row = {**FULL["gold"], "experts": [other, name]}
    (body,) = to_body("gold", frame("gold", row))
    left = from_body("gold", pl.Series([bodies.without("gold", body, "annotator", name)]))
    assert left["experts"].to_list() == [[other, records.ERASED]]
    assert bodies.without("gold", body, "item", row["item"]) is None


# ---- migration ----


def test_a_ledger_of_the_first_version_is_migrated(place):
    """Take the second version's table away, and open the ledger again."""
    ledger = Ledger.open(place)
    said = pl.DataFrame({"item": ["a"], "annotator": ["ann"], "kind": ["skip"], "labels": [[]]})
    ledger.add(said, task="mail")
    ledger.erase(item="b", reason="x")
    with ledger._database.engine.connect() as own:
        own.exec_driver_sql("DROP TABLE records")
        own.exec_driver_sql("UPDATE weaklabel_version SET version_num = '0001_answers'")
        own.commit()
    again = Ledger.open(place)
    assert again.answers().height == 1
    assert again.tombstones()["records"].to_list() == [0]
    again.record("gold", gold(("a", "check")), task="mail")
    assert again.erase(item="a", reason="x").records == 1


def test_gold_of_a_ledger_of_the_second_version_is_mistaken_for_nothing(place):
    """Before the third version gold had no `counter`; the ledger's tables were the same."""
    ledger = Ledger.open(place)
    ledger.record("gold", gold(("a", "check")), task="mail")
    with ledger._database.engine.connect() as own:
        own.exec_driver_sql("INSERT INTO erasing VALUES (1)")
        body = own.exec_driver_sql("SELECT body FROM records").scalar()
        kept = {name: value for name, value in json.loads(body).items() if name != "counter"}
        assert len(kept) == len(json.loads(body)) - 1
        own.exec_driver_sql("DELETE FROM records")
        own.exec_driver_sql("DELETE FROM erasing")
        line = sa.text("INSERT INTO records VALUES (1, 'mail', 'gold', :body, '2026-01-01 00:00:00')")
        own.execute(line, {"body": json.dumps(kept)})
        own.exec_driver_sql("UPDATE weaklabel_version SET version_num = '0002_records'")
        own.commit()
    again = Ledger.open(place)
    assert again.records("gold").select("item", "counter").rows() == [("a", [])]
    changed = gold(("a", "check")).with_columns(counter=pl.lit(["ham"], dtype=pl.List(pl.String)))
    again.record("gold", changed, task="mail")
    assert again.records("gold")["counter"].to_list() == [[], ["ham"]]


def test_the_migrations_ship_with_the_package():
    with as_file(files("weaklabel.gold.ledger") / "migrations" / "versions") as folder:
        assert {"v0001_answers.py", "v0002_records.py", "v0003_counter.py"} <= {
            file.name for file in folder.iterdir()
        }
