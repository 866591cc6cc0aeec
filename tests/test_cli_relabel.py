"""`weaklabel relabel`: exit codes, what is printed, the plan, and what MLflow is told."""

import io
import json
import os
import resource
import signal
import subprocess
import sys

import pytest

from relabel_project import RULES, add_file, add_rule, data_files, make, table
from weaklabel.cli import main
from weaklabel.console_relabel import progress_line, watching
from weaklabel.pipeline.relabeling.log import champion_name
from weaklabel.pipeline.relabeling.result import Progress


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = make(tmp_path / "desk")
    monkeypatch.chdir(folder)
    return folder


def test_first_time_then_nothing_to_do(project, capsys):
    assert main(["relabel"]) == 0
    shown = capsys.readouterr()
    assert "version  0 of" in shown.out and "because  there are no labels yet" in shown.out
    assert "votes    16 columns computed, 0 reused" in shown.out
    assert "gold     accuracy" in shown.out
    assert "rules vote: 24 of 24 rows (4 of 4 shards)" in shown.err
    assert main(["relabel"]) == 3
    shown = capsys.readouterr()
    said = "nothing to do: version 0 holds the labels of these rules, rows, gold and settings\n"
    assert (shown.out, shown.err) == (said, "")


def test_if_changed_says_nothing_when_nothing_has_changed(project, capsys):
    assert main(["relabel", "--if-changed"]) == 0
    capsys.readouterr()
    assert main(["relabel", "--if-changed"]) == 3
    assert capsys.readouterr() == ("", "")
    add_file(project, 4)
    assert main(["relabel", "--if-changed"]) == 0
    assert "because  only rows or the threshold changed" in capsys.readouterr().out


def test_json(project, capsys):
    assert main(["relabel", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["outcome"] == "relabeled" and said["version"] == 0 and said["rows"] == 24
    assert main(["relabel", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["outcome"] == "nothing"


def test_a_broken_file_is_named_and_the_rest_done(project, capsys):
    path = project / "data" / "part-1.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:50])
    assert main(["relabel"]) == 5
    shown = capsys.readouterr()
    assert "not finished: 1 shard or file failed; the work on the others is kept" in shown.err
    assert f"error: a truncated Parquet file: its footer is missing\n  where: {path}" in shown.err
    assert "give the same command again" in shown.err
    path.write_bytes(whole)
    assert main(["relabel"]) == 0
    assert "4 columns computed, 12 reused" in capsys.readouterr().out


def test_doubled_ids_are_the_users_to_mend(project, capsys):
    (project / "data" / "part-9.parquet").write_bytes((project / "data" / "part-0.parquet").read_bytes())
    assert main(["relabel"]) == 1
    assert "error: 6 doubled ids in column 'id'" in capsys.readouterr().err


def test_an_unreadable_folder_is_named(project, capsys, monkeypatch):
    add_file(project, 7).rename(project / "data" / "x.parquet")
    shut, scandir = project / "data" / "shut", os.scandir
    shut.mkdir()
    (project / "data" / "x.parquet").rename(shut / "x.parquet")

    def listed(path="."):
        if str(path) == str(shut):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", listed)
    assert main(["relabel"]) == 5
    assert f"error: can't read the folder: Permission denied\n  where: {shut}" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.chdir(project)
    assert main(["relabel"]) == 0
    assert table(project).scan().collect().height == 30


@pytest.mark.parametrize("step", ["votes", "labels"])
def test_a_full_disk_is_one_clear_error_and_leaves_nothing_half_written(tmp_path, step):
    project = make(tmp_path / "desk", files=2, rows=3000)
    if step == "labels":
        assert main(["relabel", "--project", str(project), "task.threshold=0.4"]) == 0
        before = table(project).version()
    limit = 20_000 if step == "votes" else 12_000
    code = (
        "import resource, signal, sys\n"
        "from weaklabel.cli import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        f"sys.exit(main(['relabel', '--project', {str(project)!r}, 'task.threshold=0.9']))\n"
    )
    whole = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # compiled modules would be cut off too, for everybody
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=whole, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and "can't write" in errors[0] and "Traceback" not in done.stderr
    assert not [p for p in (project / ".weaklabel").rglob("*") if ".tmp" in p.name]
    if step == "labels":
        assert table(project).version() == before
    assert main(["relabel", "--project", str(project), "task.threshold=0.9"]) == 0
    assert resource.RLIM_INFINITY and signal.SIGXFSZ


def test_plan_runs_nothing(project, capsys):
    assert main(["relabel", "--plan"]) == 0
    shown = capsys.readouterr().out
    assert "would    fit: there are no labels yet" in shown
    assert "24 rows in 4 shards" in shown and "0 of 16 columns are there, 16 are computed" in shown
    assert "from 6 rows that were tried" in shown and "GB free" in shown
    assert not (project / ".weaklabel" / "labels").exists()
    assert not list((project / ".weaklabel").rglob("*.votes"))


def test_plan_says_what_is_reused(project, capsys):
    main(["relabel"])
    (project / "rules" / "rules.yaml").write_text(RULES.replace("hello]", "hello, fine]"))
    capsys.readouterr()
    assert main(["relabel", "--plan", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["would"], said["columns"], said["held"], said["linked"]) == ("fit", 16, 12, 0)
    assert {row["rule"]: row["missing"] for row in said["rules"]} == {
        "link": 0,
        "shouts": 0,
        "short": 0,
        "thanks": 4,
    }
    (project / "rules" / "rules.yaml").write_text(RULES)
    add_file(project, 4)
    assert main(["relabel", "--plan", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["would"], said["columns"], said["held"], said["linked"]) == ("model", 20, 16, 4)
    assert said["seconds"] > 0 and said["disk"] > 0 and said["memory"] > 0


def test_plan_of_nothing(project, capsys):
    main(["relabel"])
    capsys.readouterr()
    assert main(["relabel", "--plan"]) == 3
    assert "would    nothing: version 0 holds" in capsys.readouterr().out


def test_plan_and_if_changed_contradict_each_other(project, capsys):
    assert main(["relabel", "--plan", "--if-changed"]) == 2
    assert "keep one of them" in capsys.readouterr().err


def test_mlflow_is_told_as_it_goes_and_knows_the_champion(project, monkeypatch, capsys):
    from weaklabel.pipeline.relabeling import log as relabel_log

    monkeypatch.setattr(relabel_log, "EVERY", 0.0)
    words = ["tracking.name=mlflow"]
    assert main(["relabel", "--json", *words]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["tracking_error"] is None
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{project}/.weaklabel/mlflow.db")
    run = client.get_run(said["mlflow_run"])
    assert run.info.status == "FINISHED" and run.data.tags["weaklabel.verdict"] == "first"
    assert run.data.metrics["rows"] == 24 and "gold.accuracy" in run.data.metrics
    steps = [m.step for m in client.get_metric_history(said["mlflow_run"], "shard.coverage")]
    assert sorted(steps) == [1, 2, 3, 4]
    assert client.get_metric_history(said["mlflow_run"], "rules_vote.rows_per_second")
    assert client.get_metric_history(said["mlflow_run"], "shard.class/spam")
    champion = client.get_model_version_by_alias("weaklabel-tiny", "champion")
    assert (str(champion.version), champion.tags["weaklabel.model"]) == ("1", said["model"])
    texts = "".join(
        p.read_text(errors="ignore")
        for p in (project / ".weaklabel").rglob("mlartifacts/**/*")
        if p.is_file()
    )
    assert "hello there all" not in texts
    add_rule(project, "{name: loud, kind: regex, label: spam, pattern: NOW}")
    assert main(["relabel", "--json", *words]) == 0
    said = json.loads(capsys.readouterr().out)
    champion = client.get_model_version_by_alias("weaklabel-tiny", "champion")
    assert (str(champion.version), champion.tags["weaklabel.model"]) == ("2", said["model"])
    add_file(project, 4)
    assert main(["relabel", "--json", *words]) == 0
    assert client.get_model_version_by_alias("weaklabel-tiny", "champion").version in (2, "2")


def test_labels_stand_when_mlflow_is_not_there(project, capsys, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert main(["relabel", "tracking.name=mlflow", "tracking.uri=http://127.0.0.1:9"]) == 0
    assert "the labels are committed, but the run was not logged" in capsys.readouterr().err
    assert table(project).version() == 0 and data_files(project)


def test_progress_elsewhere_is_a_line_now_and_then():
    stream = io.StringIO()
    with watching(stream) as watch:
        for shards in range(3):
            watch(
                Progress(step="rules vote", rows=shards, all_rows=2, shards=shards, all_shards=2, seconds=1.0)
            )
    assert stream.getvalue() == "rules vote: 2 of 2 rows (2 of 2 shards), 2 rows/s\n"


def test_progress_says_what_is_left_reused_and_failed():
    now = Progress(
        step="rules vote", rows=600, all_rows=2400, shards=2, all_shards=8, reused=1, failed=3, seconds=60.0
    )
    assert progress_line(now) == (
        "rules vote: 600 of 2,400 rows (2 of 8 shards), 10 rows/s, 1,800 left, done in 3 min 0 s, 1 reused, 3 failed"
    )


def test_names_of_champions():
    assert champion_name("a b/c") == "weaklabel-a-b-c"
