"""Audits of a version of the label table: what is judged, the version that carries a certificate, and what ends it."""

import functools
import json
import shutil
import tempfile
from pathlib import Path

import polars as pl
import pytest

from audit_project import make_project, truth
from weaklabel.audit.tolerances import Tolerance
from weaklabel.cli import main
from weaklabel.config import load
from weaklabel.errors import GoldError
from weaklabel.pipeline import run
from weaklabel.pipeline.audits import certify as audit_certify
from weaklabel.pipeline.audits.audit import draw_audit, next_step, open_kept, status
from weaklabel.pipeline.audits.certify import certify_audit, verify_audit
from weaklabel.pipeline.audits.commit import certificate_of
from weaklabel.pipeline.audits.files import audits_folder
from weaklabel.pipeline.audits.methods import Wish
from weaklabel.pipeline.audits.rows import find_run, rows_of_run
from weaklabel.pipeline.audits.table import judged_version
from weaklabel.pipeline.desk.room import open_desk
from weaklabel.pipeline.relabeling.relabel import relabel
from weaklabel.schema import LabelSchema
from weaklabel.store.label_table import ConflictError, LabelTable, TableError, write_label_file

WORDS = ["plots=false", "label_model=weighted_vote", "evaluation.classifier=false"]
SCHEMA = LabelSchema(["question", "complaint", "thanks"])


@functools.cache
def settings():
    """Return the configuration, which is the same wherever the project lies."""
    with tempfile.TemporaryDirectory() as folder:
        return load(make_project(Path(folder) / "desk"), WORDS)


def desk_of(project):
    return open_desk(settings(), project)


def table_of(project):
    return LabelTable(project / ".weaklabel" / "labels" / "first")


def people_answer(desk, batch):
    """Let everybody say what is right, and judge them."""
    known, room = truth(), desk.room
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


def answered(desk, tolerance=Tolerance(0.15), size=160):
    """Draw an audit of the newest version for a certificate, and answer both of its draws."""
    draw_audit(desk, "c", Wish(method="certificate", size=size, tolerance=tolerance, version="latest"))
    people_answer(desk, "c")
    if next_step(desk, "c") is not None:
        people_answer(desk, "c.2")


@pytest.fixture(scope="module")
def relabeled(tmp_path_factory):
    """The project with version 0 of its labels: a rule calls every thanks a question, and so does the model."""
    project = make_project(tmp_path_factory.mktemp("tables") / "desk")
    rules = project / "labeling_functions" / "first" / "rules.yaml"
    rules.write_text(rules.read_text().replace("label: thanks\n    terms", "label: question\n    terms"))
    relabel(settings(), project)
    return project


@pytest.fixture(scope="module")
def certified(relabeled, tmp_path_factory):
    """The same, audited and certified: version 1 keeps about two labels of three."""
    project = shutil.copytree(relabeled, tmp_path_factory.mktemp("certified") / "desk")
    desk = desk_of(project)
    answered(desk)
    return project, certify_audit(desk, "c")


@pytest.fixture
def project(relabeled, tmp_path):
    return shutil.copytree(relabeled, tmp_path / "desk")


@pytest.fixture
def done(certified, tmp_path):
    return shutil.copytree(certified[0], tmp_path / "desk")


def log_file(project, version):
    return Path(table_of(project).root) / "_delta_log" / f"{version:020}.json"


def changes(ids, status="below_threshold"):
    names = {"id": pl.String, "status": pl.String, "label": pl.String}
    return pl.DataFrame([(id, status, None) for id in ids], schema=names, orient="row")


# ---- what is judged ----


def test_the_labels_of_a_version_are_judged_as_those_of_a_run(project):
    config = settings()
    run(config, project=project)
    names = desk_of(project).room.schema.names
    there = judged_version(config, project, 0, votes=names)
    one = rows_of_run(find_run(project, "first"), votes=names).rows.sort("id")
    rows = there.rows.sort("id")
    assert rows.height == 400 and set(rows.columns) == set(one.columns)
    assert {"on:asks", "on:grumbles", "on:says_thanks"} < set(rows.columns)
    assert rows.equals(one.select(rows.columns))
    assert there.source == {"table": ".weaklabel/labels/first", "version": "0"}
    assert there.names["table_version"] == "0" and there.names["model"] == there.said["model"]
    assert {"corpus", "rules", "schema", "table_files"} <= set(there.names)
    assert not any(name.startswith("on:") for name in judged_version(config, project, 0).rows.columns)


def test_without_the_votes_behind_its_patterns_a_certificate_is_refused(project):
    shutil.rmtree(project / ".weaklabel" / "patterns")
    with pytest.raises(GoldError, match="the votes behind 3 patterns of these labels are not there"):
        judged_version(settings(), project, 0, votes=SCHEMA.names)


def test_a_plan_keeps_the_version_and_what_its_commit_says(project):
    desk = desk_of(project)
    draw_audit(desk, "may", Wish(size=40, version="v0"))
    plan = open_kept(desk, "may").plan
    assert plan.source["version"] == "0" and plan.options["metadata"]["kind"] == "relabel"
    assert [one["of"] for one in status(desk)] == ["version 0 of the label table"]
    with pytest.raises(TableError, match="there is no version 7"):
        draw_audit(desk, "june", Wish(size=40, version="7"))
    with pytest.raises(GoldError, match="one of the three"):
        draw_audit(desk, "june", Wish(size=40, version="0", run="r1"))
    shutil.rmtree(table_of(project).root)
    with pytest.raises(TableError, match="there is no label table yet"):
        draw_audit(desk, "june", Wish(size=40, version="latest"))


# ---- the version that carries a certificate ----


def test_the_next_version_keeps_the_accepted_labels_and_changes_status_alone(certified):
    project, issued = certified
    table = table_of(project)
    (made,) = issued.certificates
    assert issued.version == table.version() == 1 and 200 <= made.accepted < 400
    folder = audits_folder(project) / "c"
    accepted = pl.read_parquet(folder / "accepted.parquet").filter("accepted")["id"].sort()
    before, after = (table.scan(version).collect().sort("id") for version in (0, 1))
    stands = after.filter(status="labeled")
    assert stands["id"].equals(accepted) and accepted.len() == made.accepted
    assert stands.equals(before.filter(pl.col("id").is_in(accepted.implode())))
    rest = after.filter(pl.col("status") != "labeled")
    assert set(rest["status"]) == {"below_threshold"} and rest["label"].null_count() == rest.height
    assert rest.drop("status", "label").equals(
        before.filter(~pl.col("id").is_in(accepted.implode())).drop("status", "label")
    )
    said = table.metadata(1)
    found = certificate_of(said)
    assert (said["kind"], said["model"], json.loads(said["audit"])["verdict"]) == (
        "status",
        table.metadata(0)["model"],
        "holds",
    )
    assert (found["audit"], found["version"], found["accepted"], found["rows"]) == (
        "c",
        0,
        made.accepted,
        400,
    )
    assert found["place"] == ".weaklabel/audits/c/certificate.json"
    assert not [id for id in made.gold["pilot"] if f'"{id}"' in said["audit"]]
    assert made.fingerprints["given:table_version"] == "0"
    assert (
        f"{made.accepted} rows keep their label, and {400 - made.accepted} are below_threshold"
        in issued.notes[0]
    )
    found = verify_audit(desk_of(project), "c")
    assert found.holds and (found.against, found.notes) == ("version 0 of the label table", ())
    (stands,) = status(desk_of(project))
    assert (
        stands["next"]
        == "weaklabel audit verify c; weaklabel audit close c, once nothing more is asked of it"
    )


def test_it_is_committed_once(done):
    desk = desk_of(done)
    again = certify_audit(desk, "c")
    assert again.version == 1 == table_of(done).version()
    assert again.notes == ("version 1 of the label table carries this certificate already",)
    with pytest.raises(
        GoldError, match="is of version 0 of the label table, and says nothing about version 1 of"
    ):
        certify_audit(desk, "c", version="latest")
    with pytest.raises(GoldError, match="says nothing about run r1"):
        verify_audit(desk, "c", run="r1")
    log = log_file(done, 1)
    mark = certificate_of(table_of(done).metadata())["fingerprint"]
    log.write_text(log.read_text().replace(mark, "0" * len(mark)))
    with pytest.raises(
        GoldError, match="version 1 of the label table carries another certificate of audit 'c'"
    ):
        certify_audit(desk, "c")
    assert "version 1 carries another certificate than this" in verify_audit(desk, "c").changed


def test_of_several_parts_a_label_stands_where_all_of_its_parts_accept_it(project):
    desk = desk_of(project)
    answered(desk, tolerance=Tolerance(0.15, {"question": 0.04}), size=320)
    issued = certify_audit(desk, "c")
    whole, question = issued.certificates
    assert 133 < whole.accepted < 400 and question.accepted < 133
    rows = table_of(project).scan().filter(status="labeled").collect()
    table = pl.read_parquet(audits_folder(project) / "c" / "accepted.parquet")
    refused = set(table.filter(~pl.col("accepted"))["id"])
    assert set(rows["id"]) == set(truth()) - refused and rows.height < whole.accepted
    share = 100 * whole.wrong_at_most / rows.height
    assert (
        f"all rows: {rows.height} of {whole.accepted} accepted rows keep their label, for another part does not accept "
        f"the others; at most {whole.wrong_at_most} of them are wrong ({share:.1f} %)"
    ) == issued.notes[1]
    assert json.loads(table_of(project).metadata()["audit"])["verdict"] == "open"
    assert verify_audit(desk, "c").holds


def test_where_all_is_accepted_the_version_changes_nothing_but_carries_the_certificate(project):
    desk = desk_of(project)
    answered(desk, tolerance=Tolerance(0.5))
    issued = certify_audit(desk, "c")
    table = table_of(project)
    assert issued.accepted == 400 and issued.version == 1
    assert (
        table.files(0).keys() == table.files(1).keys()
        and certificate_of(table.metadata(1))["accepted"] == 400
    )
    assert verify_audit(desk, "c").holds


def test_where_nothing_is_accepted_no_version_is_committed(project):
    desk = desk_of(project)
    answered(desk, tolerance=Tolerance(0.03), size=120)
    issued = certify_audit(desk, "c")
    assert (issued.accepted, issued.version, table_of(project).version()) == (0, None, 0)
    assert "nothing is accepted, so no version of the label table is committed" in issued.notes[0]
    found = verify_audit(desk, "c")
    assert found.holds, found.changed


def test_another_version_is_refused_before_anything_is_written(project, monkeypatch):
    desk = desk_of(project)
    answered(desk)
    table = table_of(project)
    table.change_status(changes(["m001"]), expected=0, metadata={"run_id": "r9"})
    with pytest.raises(
        GoldError, match="audit 'c' is of version 0 of the label table, and version 1"
    ) as told:
        certify_audit(desk, "c")
    assert "stands now" in str(told.value) and "--version latest" in str(told.value)
    folder = audits_folder(project) / "c"
    assert not (folder / "certificate.json").exists() and open_kept(desk, "c").looks == ()
    # one that comes in between loses nothing either, and is told
    monkeypatch.setattr(audit_certify, "refuse_other_version", lambda *_: None)
    with pytest.raises(ConflictError, match="another writer was first"):
        certify_audit(desk, "c")
    assert table.version() == 1
    found = verify_audit(desk, "c")
    assert found.changed == ("no version of the label table carries this certificate",)
    assert "version 1 (status, " in found.notes[0] and "not valid for it" in found.notes[0]


# ---- what ends it ----


def test_a_later_version_is_named_and_one_with_the_same_labels_too(done):
    desk, table = desk_of(done), table_of(done)
    id = table.scan().filter(pl.col("label").is_not_null()).head(1).collect()["id"].to_list()
    table.change_status(changes(id), expected=1, metadata={})
    assert certificate_of(table.metadata(2)) is None
    found = verify_audit(desk, "c")
    assert found.holds
    assert "version 2 (status, " in found.notes[0]
    assert "the certificate is of version 1, and not valid for it" in found.notes[0]
    table.restore(1)
    assert certificate_of(table.metadata(3)) is None
    (note,) = verify_audit(desk, "c").notes
    assert "version 3 (restore, " in note and "holds the same labels as version 1" in note


def test_relabeled_by_other_rules_the_certificate_holds_no_more_and_is_not_carried_over(done):
    rules = done / "labeling_functions" / "first" / "rules.yaml"
    rules.write_text(rules.read_text().replace("label: question\n    terms", "label: thanks\n    terms"))
    desk = desk_of(done)
    told = "the rules have been changed since version 0 of the label table was made"
    assert verify_audit(desk, "c").changed == (told,)
    assert relabel(settings(), done).version == 2
    assert certificate_of(table_of(done).metadata()) is None
    found = verify_audit(desk, "c")
    assert found.changed == (told,) and "version 2 (relabel, " in found.notes[0]


def test_rows_of_the_corpus_and_the_model_are_looked_at_too(done):
    notes = done / "labeling_functions" / "first" / "sample" / "notes.jsonl"
    notes.write_text(notes.read_text().replace("shelf 0 ", "shelf zero "))
    names = open_kept(desk_of(done), "c").plan.names
    seen = done / ".weaklabel" / "models" / "first" / names["model"] / "seen.npy"
    seen.write_bytes(seen.read_bytes() + b"0")
    assert verify_audit(desk_of(done), "c").changed == (
        "the corpus has been changed since version 0 of the label table was made",
        f"the files of model {names['model']} have been changed",
    )


@pytest.mark.parametrize("status", ["tie", "below_threshold"])
def test_rows_with_another_status_than_the_certificate_gives_them_are_counted(done, status):
    table = table_of(done)
    rows, said = table.scan(1).collect(), table.metadata(1)["audit"]
    log_file(done, 1).unlink()
    ids = rows.filter(pl.col("label").is_null())["id"].to_list()
    bad = (
        changes(ids[:-1])
        if status == "below_threshold"
        else pl.concat([changes(ids[:-2]), changes(ids[-2:], status)])
    )
    assert table.change_status(bad, expected=0, metadata={"audit": said}) == 1
    count = 1 if status == "below_threshold" else 2
    wanted = f"{count} rows of version 1 have another status or label than the certificate gives them"
    assert verify_audit(desk_of(done), "c").changed == (wanted,)


def test_a_version_that_differs_in_more_than_status_is_told(done):
    table = table_of(done)
    rows, said = table.scan(1).collect(), table.metadata(1)["audit"]
    log_file(done, 1).unlink()
    other = rows.with_columns(
        n_votes=pl.when(pl.col("id") == "m001").then(9).otherwise("n_votes").cast(pl.Int32)
    )
    file = write_label_file(table.root, "other/part-00000.parquet", other)
    table.commit([file], schema=SCHEMA, expected=0, metadata={"kind": "status", "audit": said})
    wanted = "1 rows of version 1 differ from version 0 in more than their status"
    assert verify_audit(desk_of(done), "c").changed == (wanted,)


def test_what_is_gone_or_was_changed_is_told(done):
    desk, folder = desk_of(done), audits_folder(done) / "c"
    accepted = pl.read_parquet(folder / "accepted.parquet")
    accepted.with_columns(accepted=True).write_parquet(folder / "accepted.parquet")
    wanted = "accepted.parquet doesn't hold the rows that the certificate names"
    assert verify_audit(desk, "c").changed == (wanted,)
    (folder / "accepted.parquet").unlink()
    assert verify_audit(desk, "c").changed == ("accepted.parquet can't be read",)
    table = table_of(done)
    assert table.vacuum(hours=0)
    (told,) = verify_audit(desk, "c").changed
    assert told.startswith("version 0 of the label table can't be read: ")


# ---- the verbs ----


def test_the_verbs_say_what_is_certified_and_of_what(done, monkeypatch, capsys):
    monkeypatch.chdir(done)

    def call(*words):
        code = main([*words, "label_model=weighted_vote"])
        out, err = capsys.readouterr()
        return code, " ".join(out.split()), " ".join(err.split())

    code, out, _ = call("audit", "certify", "c", "--version", "0")
    assert code == 0 and "version 1 of the label table carries this certificate already" in out
    code, out, _ = call("audit", "verify", "c")
    assert code == 0 and "holds, compared with version 0 of the label table" in out
    code, out, _ = call("labels", "log", "--json")
    assert certificate_of(json.loads(out)[-1]["metadata"])["audit"] == "c"
    code, out, _ = call("labels", "log")
    assert code == 0 and "certified by audit c" in out
    code, out, _ = call("audit", "draw", "d", "--size", "40", "--version", "latest", "--plan")
    assert code == 0 and "of version 1 of the label table" in out
    code, _, err = call("audit", "draw", "d", "--size", "40", "--version", "newest")
    assert code == 1 and "'newest' is no version of the label table" in err
    table_of(done).vacuum(hours=0)
    code, out, _ = call("audit", "verify", "c")
    assert code == 4 and "does not hold for version 0 of the label table" in out
