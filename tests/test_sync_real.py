"""`gold sync` with a real Label Studio server of the tests' own, on loopback; and the recording of its forms."""

import json
import os

import polars as pl
import pytest

from label_studio_server import KEY, MAIL, VERSION, account, annotate, installed, running, tasks_by_item
from recorded_label_studio import FILE, LEGACY, PERSONAL, SCHEMA, recording, scenario, scrubbed
from weaklabel.config import load
from weaklabel.gold.tools import label_studio
from weaklabel.gold.tools.label_studio_api import KEY as VARIABLE
from weaklabel.gold.tools.label_studio_api import LabelStudio
from weaklabel.pipeline.desk.room import open_desk
from weaklabel.pipeline.desk.sync import SyncSettings, sync
from weaklabel.templates import write_project

pytestmark = pytest.mark.slow
PEOPLE = ("ann", "bob", "cid")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The URL of a server, installed into an environment of its own where it can be."""
    folder = tmp_path_factory.mktemp("label-studio")
    program, why = installed(folder)
    if program is None:
        pytest.skip(why)
    with running(program, folder / "home") as url:
        yield url


@pytest.fixture(scope="module")
def accounts(server):
    """Annotators and the server as each of them sees it."""
    admin = LabelStudio(server, KEY)
    return {name: LabelStudio(server, account(server, admin, f"{name}@example.org")) for name in PEOPLE}


def people_do(studio):
    """Return what a person does with the tasks of the recording."""

    def act(project):
        tasks = tasks_by_item(studio, project)
        annotate(studio, tasks["a"], "spam", parent_prediction=tasks["a"]["predictions"][0]["id"])
        annotate(studio, tasks["b"], was_cancelled=True, seconds=1.5)
        annotate(studio, tasks["c"], "none of these", comment="why? 😀\r\nשלום")
        changed = annotate(studio, tasks["d"], "ham")
        region = {**changed["result"][0], "value": {"choices": ["unsure"]}}
        body = {"result": [region], "lead_time": 7.5}
        studio._ask("PATCH", f"/api/annotations/{changed['id']}/", body=body)

    return act


def shape(answer):
    """Return the names in an answer, and the kinds of what they hold."""
    if isinstance(answer, dict):
        return {name: shape(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [shape(answer[0])] if answer else []
    return "text" if isinstance(answer, str) else "number" if isinstance(answer, (int, float)) else "none"


def test_the_recorded_forms_are_those_of_the_server(server, accounts, tmp_path):
    ann, exchanges = accounts["ann"], []
    with recording(server, exchanges) as between:
        found = scenario(between, ann.key, tmp_path / "tasks", people_do(ann))
        secrets = {ann.key: PERSONAL, ann.key[:-4]: PERSONAL[:-4], server: "http://server"}
    kept = scrubbed(exchanges, secrets)
    if os.environ.get("WEAKLABEL_RECORD"):
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(
            json.dumps({"version": VERSION, "exchanges": kept}, ensure_ascii=False, indent=1) + "\n"
        )
    recorded = json.loads(FILE.read_text("utf-8"))
    assert recorded["version"] == VERSION
    asked = ("method", "path", "status", "authorization")
    assert [[one[k] for k in asked] for one in kept] == [
        [one[k] for k in asked] for one in recorded["exchanges"]
    ]
    for new, old in zip(kept, recorded["exchanges"], strict=True):
        if new["path"] not in ("/api/users/",):  # who else is there differs
            assert shape(new["answer"]) == shape(old["answer"]), new["path"]
    assert found["person"] == MAIL and found["other"] == "ann@example.org"


def test_an_export_by_hand_is_read_like_one_that_was_fetched(server, accounts, tmp_path):
    ann = accounts["ann"]
    with recording(server, []) as between:
        found = scenario(between, ann.key, tmp_path / "tasks", people_do(ann))
    by_hand = ann._ask("GET", f"/api/projects/{found['project'].id}/export", {"exportType": "JSON"})
    frames = []
    for name, tasks in (("hand", by_hand), ("api", found["answers"])):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(tasks))
        numbers = {str(n): mail for n, mail in ann.people().items()}
        frames.append(label_studio.read(path, schema=SCHEMA, people=numbers).frame)
    assert frames[0].equals(frames[1]) and frames[0].height == 4


def test_the_loop_with_a_real_server(server, accounts, tmp_path, monkeypatch):
    project = write_project(tmp_path / "desk")
    desk = open_desk(load(project, [f"+gold.people.{name}=1" for name in PEOPLE]), project)
    plan = desk.room.create_batch("b1", desk.rows(), size=4)
    settings = SyncSettings(people={f"{name}@example.org": name for name in PEOPLE})
    monkeypatch.setenv(VARIABLE, KEY)
    monkeypatch.setattr("weaklabel.pipeline.desk.sync_server.CHUNK", 3)
    assert sync(desk, server, settings=settings).sent == {"b1": 12}
    assert sync(desk, server, settings=settings).nothing
    monkeypatch.setenv(VARIABLE, accounts["ann"].key)  # a personal access token does as well
    label = desk.room.schema.names[0]
    for name in PEOPLE:
        studio = accounts[name]
        mine = next(p for p in studio.projects() if p.title == f"first b1 {name}")
        tasks = tasks_by_item(studio, mine.id)
        wanted = plan.assignments.filter(pl.col("annotator") == name).sort("position")["item"].to_list()
        assert list(tasks) == wanted
        texts = dict(desk.texts(wanted).iter_rows())
        assert {item: task["data"]["text"] for item, task in tasks.items()} == texts
        for item in wanted[: 4 if name != "cid" else 3]:
            annotate(studio, tasks[item], label)
    done = sync(desk, server, settings=settings)
    assert (done.new, done.faults, done.moved) == (11, (), {})
    annotate(studio, tasks[wanted[3]], was_cancelled=True)
    done = sync(desk, server, settings=settings)
    assert (done.new, done.known, done.moved) == (1, 11, {"b1": "back"})
    said = desk.room.answers().group_by("annotator", "kind").len().sort("annotator", "kind").rows()
    assert said == [("ann", "label", 4), ("bob", "label", 4), ("cid", "label", 3), ("cid", "skip", 1)]
    desk.room.judge("b1")
    desk.room.send_back("b1", [wanted[0]], note="once more")
    assert sync(desk, server, settings=settings).sent == {"b1": 3}
    done = sync(desk, server, settings=settings)
    assert done.nothing and LEGACY not in str(done)
