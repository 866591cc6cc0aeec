"""`gold sync`: what is sent, what comes back, and that nothing is sent or recorded twice."""

import fcntl
import json
import os

import polars as pl
import pytest

import weaklabel.cli as cli
from fake_label_studio import LEGACY, PERSONAL, fake_server, serving
from weaklabel.cli import main
from weaklabel.cli.gold_sync import VERBS
from weaklabel.config import load
from weaklabel.errors import GoldError, OutputError
from weaklabel.gold.tools.label_studio_api import KEY
from weaklabel.pipeline.desk.room import open_desk
from weaklabel.pipeline.desk.sync import SyncSettings, sync
from weaklabel.templates import write_project

PEOPLE = {"ann": 2, "bob": 3, "cid": 4}
SETTINGS = SyncSettings(people={f"{name}@example.org": name for name in PEOPLE}, settle=0)
WORDS = [f"+gold.people.{name}=1" for name in PEOPLE]
PERSONS = [word for name in PEOPLE for word in ("--person", f"{name}@example.org={name}")]


@pytest.fixture
def project(tmp_path):
    return write_project(tmp_path / "desk")


@pytest.fixture
def desk(project):
    return open_desk(load(project, WORDS), project)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv(KEY, LEGACY)
    with fake_server() as fake:
        yield fake


@pytest.fixture
def call(project, capsys, monkeypatch):
    """Call `weaklabel gold sync` in the project."""
    monkeypatch.setattr(cli, "VERBS", {**cli.VERBS, **VERBS})
    monkeypatch.chdir(project)

    def call(*words):
        code = main(["gold", "sync", *map(str, words), *WORDS])
        return code, *capsys.readouterr()

    return call


def create(desk, size=5, batch="b1"):
    return desk.room.create_batch(batch, desk.rows(), size=size)


def pairs_asked(desk, batch="b1"):
    asked = desk.room.ledger.records("assignment", task=desk.room.task)
    return sorted(asked.filter(pl.col("batch") == batch).select("annotator", "item").rows())


def pairs_sent(server):
    sent = [(t["data"]["weaklabel_annotator"], t["data"]["weaklabel_id"]) for t in server.tasks.values()]
    for task in server.tasks.values():  # each lies in its person's project
        assert server.projects[task["project"]]["title"].endswith(f" {task['data']['weaklabel_annotator']}")
    return sorted(sent)


def answer_all(server, label, *, people=PEOPLE):
    for name in people:
        for task in server.tasks_of(name):
            if not task["annotations"]:
                server.answer(task, label, by=PEOPLE[name])


def label_of(desk):
    return desk.room.schema.names[0]


def state(desk, batch="b1"):
    return dict(desk.room.batches().select("batch", "state").iter_rows())[batch]


def first_of_each(done):
    return [str(fault).splitlines()[0] for fault in done.faults]


# ---- a server ----


def test_a_batch_goes_out_and_comes_back(desk, server):
    plan = create(desk)
    done = sync(desk, server.url, settings=SETTINGS)
    assert (done.sent, done.new, done.moved, done.faults) == ({"b1": 15}, 0, {"b1": "sent"}, ())
    assert sorted(p["title"] for p in server.projects.values()) == [f"first b1 {name}" for name in PEOPLE]
    for name in PEOPLE:  # in each person's own order
        wanted = plan.assignments.filter(pl.col("annotator") == name).sort("position")["item"].to_list()
        assert [task["data"]["weaklabel_id"] for task in server.tasks_of(name)] == wanted
    assert sync(desk, server.url, settings=SETTINGS).nothing
    assert pairs_sent(server) == pairs_asked(desk)
    first, other = server.tasks_of("ann")[0], server.tasks_of("bob")[0]
    server.answer(first, label_of(desk), by=2, comment="why? 😀")
    server.answer(other, by=3, cancelled=True)
    done = sync(desk, server.url, settings=SETTINGS)
    assert (done.new, done.known, done.moved) == (2, 0, {})
    assert desk.room.answers().sort("annotator").select(
        "annotator", "item", "kind", "labels", "comment", "batch", "seconds"
    ).rows() == [
        ("ann", first["data"]["weaklabel_id"], "label", [label_of(desk)], "why? 😀", "b1", 4.2),
        ("bob", other["data"]["weaklabel_id"], "skip", [], None, "b1", 4.2),
    ]
    answer_all(server, label_of(desk))
    done = sync(desk, server.url, settings=SETTINGS)
    assert (done.new, done.known, done.moved, state(desk)) == (13, 2, {"b1": "back"}, "back")
    again = sync(desk, server.url, settings=SETTINGS)
    assert again.nothing and again.known == 15 and len(server.tasks) == 15


@pytest.mark.parametrize("through", [0, 1, 3, 5, 8])
def test_what_was_sent_in_part_is_finished_by_the_next_and_nothing_is_doubled(
    desk, server, monkeypatch, through
):
    monkeypatch.setattr("weaklabel.pipeline.desk.sync_server.CHUNK", 2)  # 5 items a person: 3 requests each
    create(desk)
    server.fails = [["POST", "/import", 503, through]]
    done = sync(desk, server.url, settings=SETTINGS)
    sent = 5 * (through // 3) + 2 * (through % 3)
    assert (done.sent.get("b1", 0), state(desk), len(server.tasks)) == (sent, "drawn", sent)
    assert first_of_each(done) == ["the server failed (503): made to fail; Token …"]
    server.fails = []
    assert sync(desk, server.url, settings=SETTINGS).sent == {"b1": 15 - sent}
    assert pairs_sent(server) == pairs_asked(desk) and len(server.projects) == 3
    assert state(desk) == "sent"


def test_tasks_that_arrived_though_the_answer_was_lost_are_not_sent_again(desk, server):
    create(desk)
    server.lost = 1
    assert first_of_each(sync(desk, server.url, settings=SETTINGS)) == ["the server failed (504)"]
    assert sync(desk, server.url, settings=SETTINGS).sent == {"b1": 10}
    assert pairs_sent(server) == pairs_asked(desk)


def test_an_item_that_a_reviewer_sends_back_is_asked_once_more_when_it_was_answered(desk, server):
    create(desk)
    sync(desk, server.url, settings=SETTINGS)
    answer_all(server, label_of(desk))
    assert sync(desk, server.url, settings=SETTINGS).moved == {"b1": "back"}
    item = desk.room.answers()["item"][0]
    desk.room.judge("b1")
    desk.room.send_back("b1", [item], note="see the guideline")
    assert sync(desk, server.url, settings=SETTINGS).sent == {"b1": 3}
    assert sync(desk, server.url, settings=SETTINGS).nothing
    assert pairs_sent(server) == pairs_asked(desk) and len(server.tasks) == 18
    answer_all(server, desk.room.schema.names[1])
    done = sync(desk, server.url, settings=SETTINGS)
    assert (done.new, done.known, state(desk)) == (3, 15, "back")
    now = desk.room.ledger.current(task=desk.room.task).filter(pl.col("item") == item)
    assert now["labels"].to_list() == [[desk.room.schema.names[1]]] * 3


def test_an_item_that_is_asked_once_more_before_it_was_answered_is_there_already(desk, server):
    create(desk)
    sync(desk, server.url, settings=SETTINGS)
    asked = desk.room.ledger.records("assignment", task=desk.room.task).head(1)
    again = asked.select(pl.exclude("number", "task", "recorded_at"))
    desk.room.ledger.record("assignment", again.with_columns(position=pl.lit(9)), task=desk.room.task)
    assert sync(desk, server.url, settings=SETTINGS).nothing
    answer_all(server, label_of(desk), people=again["annotator"].to_list())
    assert sync(desk, server.url, settings=SETTINGS).new == 5


def test_more_people_for_a_batch_that_is_back_are_asked_too(desk, server):
    create(desk)
    sync(desk, server.url, settings=SETTINGS)
    answer_all(server, label_of(desk))
    sync(desk, server.url, settings=SETTINGS)
    asked = desk.room.ledger.records("assignment", task=desk.room.task).head(1)
    new = asked.select(pl.exclude("number", "task", "recorded_at")).with_columns(annotator=pl.lit("dan"))
    desk.room.ledger.record("assignment", new, task=desk.room.task)
    done = sync(desk, server.url, settings=SETTINGS)
    assert (done.sent, done.moved) == ({"b1": 1}, {"b1": "sent"})
    assert pairs_sent(server) == pairs_asked(desk)


def test_who_gave_up_is_not_asked_again(desk, server):
    create(desk)
    sync(desk, server.url, settings=SETTINGS)
    desk.room.move("b1", "back", note="enough")
    server.tasks.clear()
    assert sync(desk, server.url, settings=SETTINGS).nothing


def test_a_batch_that_was_sent_another_way_is_not_sent_here_unless_it_is_named(desk, server, tmp_path):
    create(desk)
    desk.export("b1", "table", tmp_path / "by hand")
    desk.room.move("b1", "sent")
    done = sync(desk, server.url, settings=SETTINGS)
    assert done.nothing and done.notes == ("'b1' was sent another way: name it in order to send it here too",)
    assert sync(desk, str(tmp_path / "shared"), settings=SETTINGS).notes == done.notes
    assert sync(desk, server.url, batch="b1", settings=SETTINGS).sent == {"b1": 15}


def test_only_the_batch_that_is_named(desk, server):
    create(desk)
    create(desk, 4, "b2")
    assert sync(desk, server.url, batch="b2", settings=SETTINGS).sent == {"b2": 12}
    assert sync(desk, server.url, settings=SETTINGS).sent == {"b1": 15}
    with pytest.raises(GoldError, match=r"no batch 'b3'\n  available: b1, b2"):
        sync(desk, server.url, batch="b3", settings=SETTINGS)


def test_two_teams_on_one_server_do_not_meet(desk, server, tmp_path):
    create(desk)
    sync(desk, server.url, settings=SETTINGS)
    other = write_project(tmp_path / "other")
    theirs = open_desk(load(other, WORDS), other)
    create(theirs)
    assert sync(theirs, server.url, settings=SETTINGS).sent == {"b1": 15}
    assert len(server.projects) == 6


def test_answers_of_strangers_stay_there_and_the_others_come(desk, server):
    create(desk)
    sync(desk, server.url, settings=SETTINGS)
    answer_all(server, label_of(desk), people=["ann"])
    server.answer(server.tasks_of("bob")[0], label_of(desk), by=1)
    done = sync(desk, server.url, settings=SETTINGS)
    assert done.new == 5
    assert str(done.faults[0]).splitlines() == [
        "1 answer by 'admin@example.org', who was not asked about these items, left there",
        f"  where: project {server.project_of('bob')} (first b1 bob)",
        "  hint: if this is 'bob': --person admin@example.org=bob",
    ]
    mine = SyncSettings(people={**SETTINGS.people, "admin@example.org": "bob"})
    assert sync(desk, server.url, settings=mine).new == 1


def test_a_strangers_answer_holds_no_batch_up(desk, server):
    create(desk)
    sync(desk, server.url, settings=SETTINGS)
    server.answer(server.tasks_of("bob")[0], label_of(desk), by=1)
    server.answer(server.tasks_of("bob")[0], label_of(desk), by=3)
    answer_all(server, label_of(desk))
    done = sync(desk, server.url, settings=SETTINGS)
    assert (done.new, done.moved, len(done.faults)) == (15, {"b1": "back"}, 1)


def test_accounts_that_the_key_may_not_see_are_numbers(desk, server):
    create(desk)
    sync(desk, server.url, settings=SETTINGS)
    answer_all(server, label_of(desk), people=["ann"])
    server.fails = [["GET", "/api/users", 403, 0]]
    done = sync(desk, server.url, settings=SETTINGS)
    assert done.new == 0 and done.faults[0].hint == "if this is 'ann': --person 2=ann"
    assert sync(desk, server.url, settings=SyncSettings(people={"2": "ann"})).new == 5


def test_an_answer_that_is_changed_in_the_tool_is_a_correction(desk, server):
    create(desk)
    sync(desk, server.url, settings=SETTINGS)
    server.answer(server.tasks_of("ann")[0], label_of(desk), by=2)
    sync(desk, server.url, settings=SETTINGS)
    one = server.tasks_of("ann")[0]["annotations"][0]
    one["result"][0]["value"]["choices"] = [desk.room.schema.names[1]]
    one["updated_at"] = "2026-11-21T11:00:00Z"
    done = sync(desk, server.url, settings=SETTINGS)
    assert (done.new, done.corrected) == (1, 1)
    assert done.sentence == "0 items sent, 1 new answer (1 of them correct earlier ones; both are kept)"
    assert desk.room.answers()["labels"].to_list() == [[desk.room.schema.names[1]]]


def test_a_fault_in_one_project_leaves_the_others(desk, server):
    create(desk)
    sync(desk, server.url, settings=SETTINGS)
    answer_all(server, label_of(desk), people=["ann", "cid"])
    server.answer(server.tasks_of("bob")[0], "sapm", by=3)
    done = sync(desk, server.url, settings=SETTINGS)
    assert done.new == 10 and len(done.faults) == 1
    assert "unknown label 'sapm'" in str(done.faults[0]) and "project 2.json" in str(done.faults[0])
    assert not done.sent and len(server.tasks) == 15  # what can't be read was answered: it is not sent again


def test_items_that_were_erased_or_are_not_ours_stay_there(desk, server):
    create(desk)
    sync(desk, server.url, settings=SETTINGS)
    answer_all(server, label_of(desk), people=["ann"])
    task = server.tasks_of("ann")[0]
    gone = task["data"]["weaklabel_id"]
    desk.room.ledger.erase(item=gone, task=desk.room.task, reason="asked for")
    done = sync(desk, server.url, settings=SETTINGS)
    assert (done.new, done.faults) == (4, ())
    assert done.notes == (
        "project 1 (first b1 ann): 1 answers to items that batch 'b1' does not ask about, left there",
    )
    server.tasks.clear()
    assert sync(desk, server.url, settings=SETTINGS).sent == {"b1": 8}
    assert gone not in json.dumps(server.tasks)


def test_a_second_project_of_a_person_is_read_and_gets_nothing(desk, server):
    create(desk)
    sync(desk, server.url, settings=SETTINGS)
    one = server.project_of("ann")
    server.projects[9] = {**server.projects[one], "id": 9}
    moved = server.tasks_of("ann")[0]
    moved["project"] = 9
    server.answer(moved, label_of(desk), by=2)
    done = sync(desk, server.url, settings=SETTINGS)
    assert done.new == 1 and not done.sent


def test_personal_data_and_other_columns_do_not_leave(project, server):
    words = [*WORDS, "+gold.patterns.word='\\bthe\\b'", "+gold.fields=[]"]
    desk = open_desk(load(project, words), project)
    create(desk, 20)
    sync(desk, server.url, settings=SETTINGS)
    texts = [task["data"]["text"] for task in server.tasks.values()]
    hidden = next(t for t in texts if "[WORD-" in t)
    assert not any(" the " in text for text in texts)
    assert {name for task in server.tasks.values() for name in task["data"]} == {
        "text", "weaklabel_id", "weaklabel_batch", "weaklabel_annotator",
    }  # fmt: skip
    stand_in = hidden[hidden.index("[WORD-") :].partition("]")[0] + "]"
    task = next(t for t in server.tasks_of("ann") if stand_in in t["data"]["text"])
    server.answer(task, label_of(desk), by=2, comment=f"is {stand_in} enough?")
    sync(desk, server.url, settings=SETTINGS)
    assert desk.room.answers()["comment"].to_list() == ["is the enough?"]


def test_what_is_sent_later_forgets_no_placeholder(project, server):
    desk = open_desk(load(project, [*WORDS, "+gold.patterns.word='\\bthe\\b'"]), project)
    create(desk, 20)
    sync(desk, server.url, settings=SETTINGS)
    kept = project / ".weaklabel" / "gold" / "b1" / "placeholders.json"
    before = json.loads(kept.read_text())
    del server.tasks[1]
    assert sync(desk, server.url, settings=SETTINGS).sent == {"b1": 1}
    assert before and json.loads(kept.read_text()) == before


def test_other_labels_in_the_tool_are_told(desk, server):
    create(desk)
    sync(desk, server.url, settings=SETTINGS)
    config = server.projects[1]["label_config"]
    server.projects[1]["label_config"] = config.replace("\n", "  ")
    assert sync(desk, server.url, settings=SETTINGS).notes == ()
    server.projects[1]["label_config"] = config.replace('value="unsure"', 'value="so-so"')
    assert sync(desk, server.url, settings=SETTINGS).notes == (
        "project 1 shows other labels or fields than those of now: change its labeling setup",
    )


def test_a_training_round_is_synced_like_a_batch(desk, server):
    label = label_of(desk)
    gold = pl.DataFrame({"item": desk.rows()["id"].head(6)}).with_columns(
        labels=pl.lit([label]), role=pl.lit("training"), origin=pl.lit("expert")
    )
    desk.room.add_gold(gold)
    desk.room.create_round("r1", size=4)
    assert sync(desk, server.url, settings=SETTINGS).sent == {"r1": 12}
    answer_all(server, label)
    done = sync(desk, server.url, settings=SETTINGS)
    assert (done.new, state(desk, "r1")) == (12, "back")


def test_one_sync_at_a_time(desk, server, project):
    sync(desk, server.url, settings=SETTINGS)
    with (project / ".weaklabel" / "gold" / "sync.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # even one that lets others share is in the way
        with pytest.raises(OutputError, match="another sync of this project is at work"):
            sync(desk, server.url, settings=SETTINGS)
    assert sync(desk, server.url, settings=SETTINGS).nothing


# ---- a folder ----


def fill(folder, label, into):
    """Answer all tasks of a folder that was written for Label Studio."""
    tasks = []
    for path in sorted(folder.glob("*.json")):
        for task in json.loads(path.read_text()):
            number = f"{folder.name}-{path.stem}-{task['data']['weaklabel_id']}"
            region = {
                "from_name": "label",
                "to_name": "text",
                "type": "choices",
                "value": {"choices": [label]},
            }
            annotation = {"id": number, "completed_by": {"id": 1, "email": path.stem}, "result": [region]}
            tasks.append({**task, "annotations": [annotation]})
    into.write_text(json.dumps(tasks))
    return into


def test_a_folder_goes_out_and_comes_back(desk, project):
    create(desk)
    shared = project / "shared"
    done = sync(desk, "shared", settings=SETTINGS)
    assert (done.sent, state(desk)) == ({"b1": 15}, "sent")
    out = list((shared / "out").iterdir())
    assert [sorted(p.name for p in folder.iterdir()) for folder in out] == [
        ["README.md", "ann.json", "bob.json", "cid.json", "labeling.xml"]
    ]
    assert sync(desk, "shared", settings=SETTINGS).nothing
    fill(out[0], label_of(desk), shared / "in" / "export.json")
    done = sync(desk, "shared", settings=SETTINGS)
    assert (done.new, state(desk)) == (15, "back")
    again = sync(desk, "shared", settings=SETTINGS)
    assert again.nothing and again.known == 0  # not even read
    (shared / "in" / "copy.json").write_bytes((shared / "in" / "export.json").read_bytes())
    assert sync(desk, "shared", settings=SETTINGS).known == 0
    item = desk.room.answers()["item"][0]
    desk.room.judge("b1")
    desk.room.send_back("b1", [item], note="once more")
    assert sync(desk, "shared", settings=SETTINGS).sent == {"b1": 3}
    later = next(folder for folder in (shared / "out").iterdir() if folder not in out)
    tasks = [task for path in later.glob("*.json") for task in json.loads(path.read_text())]
    assert [task["data"]["weaklabel_id"] for task in tasks] == [item] * 3


def test_a_folder_that_was_taken_away_is_not_written_again_and_a_crash_writes_it_once(desk, project):
    create(desk)
    sync(desk, "shared", settings=SETTINGS)
    out = next((project / "shared" / "out").iterdir())
    (project / ".weaklabel" / "gold" / "sync.json").unlink()  # killed before it was remembered
    assert sync(desk, "shared", batch="b1", settings=SETTINGS).sent == {}
    out.rename(project / "taken")
    assert sync(desk, "shared", settings=SETTINGS).nothing
    assert list((project / "shared" / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["export.json", "export.jsonl"])
def test_a_file_that_is_cut_off_is_left_once_then_told_and_read_when_it_is_whole(desk, project, name):
    create(desk)
    sync(desk, "shared", settings=SETTINGS)
    path = fill(next((project / "shared/out").iterdir()), label_of(desk), project / "shared/in" / name)
    if name.endswith("l"):
        path.write_text("".join(json.dumps(task) + "\n" for task in json.loads(path.read_text())))
    whole = path.read_text()
    path.write_text(whole[:-40])
    done = sync(desk, "shared", settings=SETTINGS)
    assert done.nothing and not done.faults
    assert done.notes == (f"in/{name}: it is not whole yet; left for the next time",)
    assert len(sync(desk, "shared", settings=SETTINGS).faults) == 1
    path.write_text(whole)
    assert sync(desk, "shared", settings=SETTINGS).new == 15


def test_a_file_that_still_changes_is_left(desk, project):
    create(desk)
    sync(desk, "shared", settings=SETTINGS)
    path = fill(next((project / "shared/out").iterdir()), label_of(desk), project / "shared/in/e.json")
    patient = SyncSettings(settle=3600)
    done = sync(desk, "shared", settings=patient)
    assert done.nothing and done.notes == ("in/e.json: it is still written to; left for the next time",)
    assert sync(desk, "shared", settings=patient).new == 15  # the same as the last time, whatever the clock
    for other in ("e.json.part", ".hidden.json", "~e.json", "notes.txt"):
        (path.parent / other).write_text("no answers")
    (path.parent / "a folder.json").mkdir()
    assert sync(desk, "shared", settings=SETTINGS).nothing


def test_a_file_that_grew_is_read_again(desk, project):
    create(desk)
    sync(desk, "shared", settings=SETTINGS)
    path = fill(next((project / "shared/out").iterdir()), label_of(desk), project / "shared/in/e.json")
    lines = [json.dumps(task) + "\n" for task in json.loads(path.read_text())]
    path.unlink()
    growing = path.with_suffix(".jsonl")
    growing.write_text("".join(lines[:6]))
    assert sync(desk, "shared", settings=SETTINGS).new == 6
    growing.write_text("".join(lines))
    done = sync(desk, "shared", settings=SETTINGS)
    assert (done.new, done.known) == (9, 6)


def test_a_faulty_file_leaves_the_others_and_is_tried_again(desk, project):
    create(desk)
    sync(desk, "shared", settings=SETTINGS)
    inside = project / "shared/in"
    good = fill(next((project / "shared/out").iterdir()), label_of(desk), inside / "good.json")
    bad = inside / "bad.json"
    bad.write_text(good.read_text().replace(json.dumps([label_of(desk)]), '["sapm"]'))
    done = sync(desk, "shared", settings=SETTINGS)
    assert done.new == 15 and len(done.faults) == 1 and "'sapm'" in str(done.faults[0])
    done = sync(desk, "shared", settings=SETTINGS)
    assert done.nothing and len(done.faults) == 1
    bad.unlink()
    assert sync(desk, "shared", settings=SETTINGS).faults == ()


def test_a_folder_of_another_tool(desk, project):
    create(desk)
    tables = SyncSettings(tool="table", settle=0)
    sync(desk, "shared", settings=tables)
    out = next((project / "shared" / "out").iterdir())
    for path in out.glob("*.csv"):
        rows = pl.read_csv(path, infer_schema=False)
        rows.with_columns(label=pl.lit(label_of(desk))).write_csv(project / "shared" / "in" / path.name)
    assert sync(desk, "shared", settings=tables).new == 15


def test_a_damaged_memory_is_told(desk, project):
    sync(desk, "shared", settings=SETTINGS)
    create(desk)
    sync(desk, "shared", settings=SETTINGS)
    (project / ".weaklabel" / "gold" / "sync.json").write_text("{")
    with pytest.raises(GoldError, match="the memory of earlier syncs is damaged"):
        sync(desk, "shared", settings=SETTINGS)


def test_the_memory_names_no_item_and_nobody(desk, project):
    create(desk)
    sync(desk, "shared", settings=SETTINGS)
    fill(next((project / "shared/out").iterdir()), label_of(desk), project / "shared/in/e.json")
    sync(desk, "shared", settings=SETTINGS)
    said = (project / ".weaklabel" / "gold" / "sync.json").read_text()
    assert not any(f'"{name}"' in said for name in (*desk.rows()["id"], *PEOPLE))


# ---- the verb ----


def test_the_verb_and_its_exit_codes(desk, server, call):
    assert call("--to", server.url)[0] == 3
    create(desk)
    code, out, err = call("--to", server.url, *PERSONS)
    assert (code, err) == (0, "")
    assert out == f"15 items sent, 0 new answers\nb1: 15 items sent to {server.url}\nb1 is sent\n"
    assert call("--to", server.url, *PERSONS)[:2] == (3, "0 items sent, 0 new answers\n")
    server.answer(server.tasks_of("ann")[0], label_of(desk), by=2)
    code, out, _ = call("b1", "--to", server.url, "--json", *PERSONS)
    found = json.loads(out)
    assert (code, found["new"], found["sent"], found["faults"]) == (0, 1, {}, [])
    server.answer(server.tasks_of("ann")[1], label_of(desk), by=2)
    server.answer(server.tasks_of("bob")[1], label_of(desk), by=1)
    code, out, err = call("--to", server.url, *PERSONS)
    assert code == 5 and "1 new answer, 1 known already" in out
    assert "error: 1 answer by 'admin@example.org', who was not asked" in err
    assert call("--to", server.url, *PERSONS)[0] == 1  # nothing done but the fault
    assert call("b1", "--to", server.url, "--person", "ann")[0] == 2
    code, _, err = call("b9", "--to", server.url)
    assert code == 1 and "no batch 'b9'" in err
    assert call("seed=5", "--to", server.url, *PERSONS)[0] == 1  # a setting is no batch


def test_the_verb_with_a_folder_as_seen_from_where_one_stands(desk, project, call, monkeypatch):
    create(desk)
    (project / "sub").mkdir()
    monkeypatch.chdir(project / "sub")
    assert call("--to", "shared")[0] == 0
    assert (project / "sub" / "shared" / "out").is_dir()
    assert call("--to", "shared")[0] == 3
    (project / "file").write_text("")
    code, _, err = call("--to", project / "file")
    assert code == 1 and "can't make the watched folder" in err


def test_mistakes_with_a_server_are_told_without_the_key(desk, server, call, monkeypatch):
    create(desk)
    wrong = "0badc0de" * 5
    monkeypatch.setenv(KEY, wrong)
    code, out, err = call("--to", server.url)
    assert (
        code == 1 and "the server refuses the key: Invalid token. Token …" in err and wrong not in out + err
    )
    monkeypatch.delenv(KEY)
    code, _, err = call("--to", server.url)
    assert code == 1 and "there is no key to the server" in err and KEY in err
    monkeypatch.setenv(KEY, LEGACY)
    code, _, err = call("--to", "http://127.0.0.1:9")
    assert code == 1 and "no answer from the server" in err
    code, _, err = call("--to", f"{server.url}/projects/3")
    assert code == 1 and "this is the address of a project" in err
    server.fails = [["POST", "/projects/", 403, 0]]
    code, _, err = call("--to", server.url)
    assert code == 1 and "the key's owner may not do this: made to fail; Token …" in err
    assert LEGACY not in err


def test_the_key_is_written_nowhere(desk, server, call, project, monkeypatch):
    monkeypatch.setenv(KEY, PERSONAL)
    create(desk)
    server.fails = [["POST", "/import", 500, 1]]
    code, out, err = call("--to", server.url, *PERSONS)
    assert code == 5
    secrets = (PERSONAL, *server.passes)
    assert not any(secret in out + err for secret in secrets)
    for path in project.rglob("*"):
        if path.is_file():
            assert not any(secret.encode() in path.read_bytes() for secret in secrets), path


def test_a_server_elsewhere_is_not_followed(desk, monkeypatch):
    monkeypatch.setenv(KEY, LEGACY)
    asked = []

    def respond(method, path, *_):
        asked.append(path)
        return 302, {}

    with serving(respond) as url, pytest.raises(GoldError) as error:
        sync(desk, url, settings=SETTINGS)
    assert error.value.hint == "it sends us to http://127.0.0.1:9/elsewhere: give that address"
    assert asked == ["/api/current-user/whoami"] and os.environ[KEY] == LEGACY
