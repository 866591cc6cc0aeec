"""Audits as functions: several goals at once, what a kill leaves behind, older gold, erasure, and what goes to MLflow."""

import json
import shutil

import polars as pl
import pytest

from audit_project import make_project, truth
from weaklabel import tracking
from weaklabel.audit.tolerances import Tolerance
from weaklabel.config import load
from weaklabel.errors import GoldError
from weaklabel.gold.auditing import audit_states
from weaklabel.pipeline import run
from weaklabel.pipeline.audits.audit import close, draw_audit, next_step, open_kept, status, union
from weaklabel.pipeline.audits.certify import certify_audit, verify_audit
from weaklabel.pipeline.audits.files import add_draw, audits_folder, write_audit
from weaklabel.pipeline.audits.methods import Wish
from weaklabel.pipeline.audits.rows import rows_of_file
from weaklabel.pipeline.audits.show import show_audit
from weaklabel.pipeline.desk.room import open_desk
from weaklabel.pipeline.erasing import erase as erasing


@pytest.fixture(scope="module")
def labeled(tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp("audits") / "desk")
    run(load(project, ["plots=false"]), project=project)
    return project


@pytest.fixture
def project(labeled, tmp_path):
    return shutil.copytree(labeled, tmp_path / "desk")


def desk_of(project, *words):
    return open_desk(load(project, list(words)), project)


def people_answer(desk, batch, known=None):
    """Let everybody say what is right, and judge them."""
    known, room = known or truth(), desk.room
    asked = room.ledger.records("assignment", task=room.task).filter(pl.col("batch") == batch)
    room.add(
        asked.select(
            "item",
            "annotator",
            "batch",
            kind=pl.lit("label"),
            labels=pl.concat_list(pl.col("item").replace_strict(known)),
            at=pl.lit(None, pl.Datetime("us", "UTC")),
        )
    )
    for state in ("sent", "back"):
        room.move(batch, state)
    room.judge(batch)


def certified(desk, name="c", tolerance=Tolerance(0.15), size=120):
    draw_audit(desk, name, Wish(method="certificate", size=size, tolerance=tolerance))
    people_answer(desk, name)
    next_step(desk, name)
    people_answer(desk, f"{name}.2")
    return certify_audit(desk, name)


def test_the_same_name_draws_the_same_rows_and_another_others(labeled, tmp_path):
    drawn = {}
    for copy, name in (("a", "may"), ("b", "may"), ("b", "june")):
        folder = tmp_path / copy
        if not folder.exists():
            shutil.copytree(labeled, folder)
        asked = draw_audit(desk_of(folder), name, Wish(size=60))
        drawn[copy, name] = asked.drawn["id"].to_list()
        assert sum(1 / p for p in asked.drawn["inclusion"]) == pytest.approx(400)
    assert drawn["a", "may"] == drawn["b", "may"] != drawn["b", "june"]


def test_a_task_and_a_label_are_certified_together(project):
    desk = desk_of(project)
    with pytest.raises(GoldError, match="30 labels can't certify 2 parts: together they take at least"):
        draw_audit(desk, "c", Wish("certificate", size=30, tolerance=Tolerance(0.15, {"thanks": 0.15})))
    issued = certified(desk, tolerance=Tolerance(0.15, {"thanks": 0.15}), size=260)
    whole, thanks = issued.certificates
    assert [whole.goal.part, thanks.goal.part] == ["", "label 'thanks'"]
    assert whole.goal.confidence == thanks.goal.confidence == pytest.approx(0.975)
    kept = open_kept(desk, "c")
    labels = dict(kept.population.select("id", "label").iter_rows())
    rows = pl.read_parquet(kept.folder / "accepted.parquet")
    assert dict(rows.group_by("part").agg(pl.col("accepted").sum()).iter_rows()) == {
        "": whole.accepted,
        "label 'thanks'": thanks.accepted,
    }
    assert {labels[i] for i in thanks.gold["pilot"]} == {"thanks"}
    # what stands in the ledger is the chance to be drawn by either part
    one = kept.of_step(1)
    both = one.filter(pl.col("id").is_duplicated()).sort("id")
    assert both.height > 0
    p, q = both.head(2)["inclusion"]
    there = desk.room.ledger.records("draw", task="first").filter(batch="c", item=both["id"][0])
    assert there["inclusion"].to_list() == [pytest.approx(1 - (1 - p) * (1 - q))]
    assert union(one)["id"].is_unique().all()
    assert verify_audit(desk, "c").holds


def test_slices_have_goals_of_their_own(project):
    desk = desk_of(project, "audit.error=0.2", "audit.slices={short: 0.2}")
    asked = draw_audit(desk, "c", Wish(method="certificate"), dry=True)
    assert any(s.startswith("slice 'short': ") for s in asked.sentences)
    assert audit_states(desk.room) == {} and not audits_folder(project).exists()


def test_a_folder_that_a_kill_left_behind_is_replaced(project):
    desk = desk_of(project)
    asked = draw_audit(desk, "may", Wish(size=40), dry=True)
    rows = pl.DataFrame({"id": ["m001"], "label": ["thanks"], "confidence": [0.5]})
    write_audit(project, asked.plan, rows, asked.drawn, None)
    with pytest.raises(GoldError, match="audit 'may' was never opened in the gold room"):
        show_audit(desk, "may")
    assert status(desk) == []
    draw_audit(desk, "may", Wish(size=40))
    assert open_kept(desk, "may").population.height == 400


def test_a_draw_that_a_kill_left_behind_is_made_again(project):
    desk = desk_of(project)
    wish = Wish("watch", size=10, tolerance=Tolerance(0.2))
    draw_audit(desk, "w", wish)
    kept = open_kept(desk, "w")
    stray = kept.drawn.head(1).with_columns(id=pl.lit("m399"), step=pl.lit(2, pl.Int64))
    add_draw(kept, stray)
    assert open_kept(desk, "w").drawn.equals(kept.drawn)
    people_answer(desk, "w")
    asked = next_step(desk, "w", size=7)
    drawn = open_kept(desk, "w").drawn
    assert drawn.height == 17 and drawn.filter(step=2)["id"].to_list() == asked.drawn["id"].to_list()


def test_gold_of_a_closed_audit_says_where_to_look_and_is_not_asked_again(project):
    desk = desk_of(project)
    draw_audit(desk, "may", Wish(size=100))
    people_answer(desk, "may")
    show_audit(desk, "may")
    close(desk, "may")
    asked = draw_audit(desk, "june", Wish(size=100))
    assert any("learned from 100 older gold labels" in sentence for sentence in asked.sentences)
    known = set(open_kept(desk, "may").drawn["id"]) & set(asked.drawn["id"])
    people = desk.room.ledger.records("assignment", task="first").filter(batch="june")
    assert known and not known & set(people["item"])
    assert people["item"].n_unique() == 100 - len(known)
    people_answer(desk, "june")
    found = show_audit(desk, "june")
    assert found.decided == 100
    whole = found.figures[0].estimate
    assert whole.low <= 0.95 <= whole.high


def test_an_audit_that_loses_a_row_has_ended(project):
    desk = desk_of(project)
    issued = certified(desk)
    item = issued.certificates[0].gold["second"][0]
    wanted = erasing.Wanted(desk.config, project, "item", item, "asked for by the sender")
    found = {one.store: one for one in erasing.erase(wanted)}
    assert found["audits"].count == 1 and "in audits c, which end with it" in found["audits"].what
    assert verify_audit(desk, "c").holds
    erasing.erase(wanted, really=True)
    folder = audits_folder(project) / "c"
    for path in folder.glob("*.parquet"):
        assert item not in pl.read_parquet(path)["id"].to_list(), path.name
    assert item not in (folder / "certificate.json").read_text()
    assert not (folder / "certificate.html").exists()
    with pytest.raises(GoldError, match="audit 'c' was ended by erasure on"):
        verify_audit(desk, "c")
    assert [one["state"][:16] for one in status(desk)] == ["ended by erasure"]
    again = {one.store: one.count for one in erasing.erase(wanted)}
    assert again["audits"] == 0


def test_figures_and_certificates_are_logged_without_texts(project):
    desk = desk_of(project, "tracking=mlflow")
    draw_audit(desk, "may", Wish(size=60))
    assert show_audit(desk, "may").mlflow_run is None
    people_answer(desk, "may")
    shown = show_audit(desk, "may")
    assert shown.mlflow_run is not None and show_audit(desk, "may").mlflow_run is None
    issued = certified(desk)
    store = tracking.local_store(project, "first")
    with tracking.logged_runs(store) as runs:
        found = {one.run_id: one for one in runs}
        assert set(found) == {shown.mlflow_run, issued.mlflow_run}
        metrics = found[shown.mlflow_run].client.get_run(shown.mlflow_run).data.metrics
        assert metrics["audit/accuracy/all rows/value"] == pytest.approx(shown.figures[0].estimate.value)
        assert sorted(found[issued.mlflow_run].files()) == [
            "audit/certificate.html",
            "audit/certificate.json",
        ]
        words = " ".join(word for one in found.values() for word in one.words)
        folder = project / "fetched"
        folder.mkdir()
        texts = [one.fetch(path, folder).read_text() for one in found.values() for path in one.files()]
    assert not any("Thanks for keeping" in text for text in [words, *texts])


def test_a_certificate_of_another_plan_is_told(project):
    desk = desk_of(project)
    issued = certified(desk)
    path = project / "mine.json"
    path.write_text(json.dumps({**issued.data, "plan": "0" * 32}))
    assert "the audit's plan is another" in verify_audit(desk, str(path)).changed
    one = {**issued.data["certificates"][0], "accepted": 399}
    path.write_text(json.dumps({**issued.data, "certificates": [one]}))
    assert "its accepted comes out otherwise" in verify_audit(desk, str(path)).changed
    path.write_text("[]")
    with pytest.raises(GoldError, match="this is no certificate"):
        verify_audit(desk, str(path))


def test_files_of_labels_that_can_not_be_read_are_told(tmp_path):
    path = tmp_path / "said.csv"
    path.write_text("id,label,score\na,ham,high\n")
    with pytest.raises(GoldError, match="'high' is no score") as told:
        rows_of_file(path, tmp_path)
    assert "item 'a'" in str(told.value)
    path.write_text("id,label,time\na,ham,yesterday\n")
    with pytest.raises(GoldError, match="'yesterday' is no time"):
        rows_of_file(path, tmp_path)
    path.write_text("id,label,score\na,ham,1.5\n")
    with pytest.raises(GoldError, match="are no probabilities"):
        rows_of_file(path, tmp_path)


def test_a_certificate_holds_when_its_gold_was_handed_on_and_the_same_was_run_again(project):
    desk = desk_of(project)
    certified(desk)
    close(desk, "c", hand_on="calibrate")
    assert set(desk.room.gold().items["role"]) == {"calibrate"}
    run(desk.config, project=project)
    again = desk_of(project)
    found = verify_audit(again, "c")
    assert found.holds, found.changed
    assert found.against != f"run {open_kept(again, 'c').plan.source['run']}"
    with pytest.raises(GoldError, match="role 'calibrate'"):
        certify_audit(again, "c")
