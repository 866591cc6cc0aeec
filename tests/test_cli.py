"""The command line: verbs, exit codes, what goes to stdout, and the whole way from `init` to a logged run."""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from weaklabel import cli
from weaklabel.runs import HOME
from weaklabel.templates import write_project

GUARD = """
import os, socket, sys
_LOG = os.environ["SOCKET_LOG"]
def _allowed(address):
    return not isinstance(address, tuple) or str(address[0]) in {"127.0.0.1", "::1", "localhost"}
def _note(what, address):
    with open(_LOG, "a") as log:
        log.write(f"{what} {address!r}\\n")
class _Socket(socket.socket):
    def connect(self, address):
        if not _allowed(address):
            _note("connect", address)
            raise OSError("guarded")
        return super().connect(address)
    def connect_ex(self, address):
        if not _allowed(address):
            _note("connect", address)
            return 111
        return super().connect_ex(address)
socket.socket = _Socket
_find = socket.getaddrinfo
def _getaddrinfo(host, *args, **kwargs):
    if host not in {None, "127.0.0.1", "::1", "localhost", "0.0.0.0", socket.gethostname()}:
        _note("getaddrinfo", host)
        raise OSError("guarded")
    return _find(host, *args, **kwargs)
socket.getaddrinfo = _getaddrinfo
"""
CANARY = "zwitscherkanarie"


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = write_project(tmp_path / "desk")
    monkeypatch.chdir(folder)
    return folder


def call(capsys, *words):
    code = cli.main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def runs(project):
    folder = project / HOME / "runs"
    return sorted(folder.iterdir()) if folder.exists() else []


# ---- help and usage ----


def test_help_lists_every_verb_and_exit_code(capsys):
    code, out, _ = call(capsys, "--help")
    assert code == 0
    for verb in cli.VERBS:
        assert f"  {verb}" in out
    assert "70 a bug in weaklabel" in out
    assert call(capsys)[0] == cli.USAGE


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_help_has_an_example(capsys, verb):
    code, out, _ = call(capsys, *verb.split(), "--help")
    assert code == 0
    assert f"example:\n  weaklabel {verb}" in out


def test_version(capsys):
    code, out, _ = call(capsys, "--version")
    assert (code, out.split()[0]) == (0, "weaklabel")


def test_help_imports_nothing_heavy():
    heavy = [
        "torch",
        "spacy",
        "mlflow",
        "hydra",
        "snorkel",
        "numba",
        "pandas",
        "sklearn",
        "matplotlib",
        "rich",
        "scipy",
    ]
    code = f"import sys; from weaklabel.cli import main; main(['--help']); sys.exit([m for m in {heavy} if m in sys.modules] or 0)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "no verb 'rnu'; did you mean 'run'?"),
        (["lf", "chek"], "did you mean 'lf check'?"),
        (["lf"], ""),
        (["run", "support"], "'support' is no key=value"),
        (["run", "--jsno"], "unrecognized arguments: --jsno"),
        (["init"], "DIR"),
        (["ui", "--port", "x"], "invalid int value: 'x'"),
        (["--frobnicate"], "can't read '--frobnicate'"),
    ],
)
def test_usage_errors(capsys, words, message):
    code, out, err = call(capsys, *words)
    assert code == cli.USAGE
    assert message in err + out


def test_outside_of_a_project(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, "run")
    assert (code, out) == (cli.INPUT, "")
    assert "no project here" in err
    assert "`weaklabel init DIR` makes a project" in err


# ---- init ----


def test_init_makes_a_project_that_runs(capsys, tmp_path, monkeypatch):
    code, out, _ = call(capsys, "init", str(tmp_path / "new"))
    assert code == 0
    assert "weaklabel run" in out
    assert {p.name for p in (tmp_path / "new").iterdir()} == {
        ".gitignore",
        "README.md",
        "conf",
        "labeling_functions",
    }
    monkeypatch.chdir(tmp_path / "new" / "labeling_functions")  # found from below, too
    assert call(capsys, "lf", "check")[0] == 0
    code, out, _ = call(capsys, "run", "tracking=none", "plots=false")
    assert code == 0
    assert out.startswith("first: 30 rows, 3 rules, event_bayes")
    assert len(runs(tmp_path / "new")) == 1
    assert not (tmp_path / "new" / "labeling_functions" / "outputs").exists()


def test_init_never_overwrites(capsys, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    code, _, err = call(capsys, "init", str(tmp_path))
    assert code == cli.INPUT
    assert "is there already and not empty" in err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


# ---- run ----


def test_summary(capsys, project, monkeypatch):
    scripts = Path(sys.executable).parent
    monkeypatch.setenv("PATH", os.pathsep.join([str(scripts), os.environ["PATH"]]))
    code, out, err = call(capsys, "run", "tracking=none", "plots=false")
    assert code == 0, err
    expected = [
        "first: 30 rows, 3 rules, event_bayes",
        "without votes",
        "of the rows have one",
        "they conflict",
        "against gold",
        "majority_vote",
        "vote classifier*",
        "in accuracy",
        "best ",
        "worst ",
        "written to",
        f".weaklabel/runs/{runs(project)[0].name}/",
        "next",
    ]
    assert [part for part in expected if part not in out] == []
    assert max(map(len, out.splitlines())) <= 110
    assert [line for line in out.splitlines() if line != line.rstrip()] == []
    assert "\x1b" not in out


@pytest.mark.parametrize("width", [60, 80, 140])
def test_tables_fit_the_screen(capsys, project, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, _ = call(capsys, "run", "tracking=none", "plots=false", "task.threshold=0.999")
    assert code == 0
    table = [line for line in out.splitlines() if "[" in line and "in accuracy" not in line]
    assert max(map(len, table)) <= width
    starts = ("event_bayes", "majority_vote", "vote classifier*", "best", "worst")
    assert {line.startswith(starts) for line in table} == {True}
    assert "where labeled" in out
    assert ("macro F1" in out) == (width > 100)
    out = call(capsys, "lf", "list")[1]
    assert max(map(len, out.splitlines())) <= width
    assert out.splitlines()[1].startswith("grumbles")
    assert "owner" not in out


def test_gold_that_is_held_out_gives_no_advice(capsys, project):
    rules = project / "labeling_functions/first/rules.yaml"
    wrong = "  - {name: wrong, kind: regex, label: thanks, pattern: '[a-z]'}\n"
    rules.write_text(rules.read_text() + wrong)
    out = call(capsys, "run", "tracking=none", "plots=false")[1]
    assert "look at the rule wrong" in out
    out = call(capsys, "run", "tracking=none", "plots=false", "task.gold.held_out=true")[1]
    assert "gold is held out: rules are not judged by it" in out
    assert [word for word in ("look at the rule", "best ", "worst ") if word in out] == []
    assert "votes most    wrong" in out
    assert "clashes most  " in out
    assert "against gold" in out
    words = ["run", "-m", "label_model=majority_vote,dawid_skene", "task.gold.held_out=true"]
    out = call(capsys, *words, "tracking=none", "plots=false")[1]
    assert "a choice that is made by it is no longer measured by it" in out


def test_a_classifier_that_could_not_be_trained_is_not_shown(capsys, project):
    gold = project / "labeling_functions/first/sample/gold.csv"
    gold.write_text("id,label\nn01,question\nn03,thanks\n")
    out = call(capsys, "run", "tracking=none", "plots=false")[1]
    assert ["event_bayes", "1.000"] in [line.split()[:2] for line in out.splitlines()]
    assert "vote classifier" not in out
    gold.write_text("id,label\n")
    out = call(capsys, "run", "tracking=none", "plots=false")[1]
    assert "label 100 random rows by hand" in out


def test_without_gold_the_rules_are_shown_by_their_votes(capsys, project):
    out = call(capsys, "run", "tracking=none", "plots=false", "task.gold.path=null")[1]
    assert "votes most    asks" in out
    assert "held out" not in out
    assert "label 100 random rows by hand" in out


def test_what_a_rule_prints_is_no_result(capsys, project):
    rules = project / "labeling_functions/first/rules.py"
    text = rules.read_text().replace("    text = ", "    print('voting')\n    text = ")
    rules.write_text(text + "\n\nprint('loading')\n")
    for words in (["run", "tracking=none", "plots=false"], ["lf", "list"], ["lf", "check"]):
        code, out, err = call(capsys, *words, "--json")
        assert code == 0, err
        json.loads(out)
        assert "loading" in err
        assert ("voting" in err) == (words[-1] != "list")


def test_a_file_in_the_way_of_the_output_folder(capsys, project):
    (project / HOME).write_text("mine")
    code, _, err = call(capsys, "run", "tracking=none")
    assert code == cli.INPUT
    assert "a file is in the way of the output folder" in err


def test_json_is_json_and_messages_go_to_stderr(capsys, project):
    (project / "conf" / "task" / "first.yaml").write_text(
        (project / "conf" / "task" / "first.yaml").read_text().replace("  id: id\n", "")
    )
    frame = pl.read_ndjson(project / "labeling_functions/first/sample/notes.jsonl").drop("id")
    frame.write_ndjson(project / "labeling_functions/first/sample/notes.jsonl")
    code, out, err = call(capsys, "run", "--json", "tracking=none", "plots=false", "task.gold.path=null")
    assert code == 0
    assert "notes.jsonl: no id column" in err
    assert err.startswith("note: ")
    data = json.loads(out)
    assert (data["rows"], data["scores"], data["mlflow"]) == (30, {}, None)
    assert "there is no gold" in " ".join(data["notes"])


def test_hydras_own_files_lie_in_the_run(capsys, project):
    assert call(capsys, "run", "tracking=none", "plots=false", "seed=3")[0] == 0
    [folder] = runs(project)
    assert (folder / ".hydra" / "overrides.yaml").read_text() == "- tracking=none\n- plots=false\n- seed=3\n"
    assert "seed: 3" in (folder / ".hydra" / "config.yaml").read_text()
    assert "runtime:" in (folder / ".hydra" / "hydra.yaml").read_text()
    assert {p.name for p in project.iterdir()} == {
        ".gitignore",
        ".weaklabel",
        "README.md",
        "conf",
        "labeling_functions",
    }


def test_a_project_elsewhere_and_a_strange_path(capsys, tmp_path, monkeypatch):
    folder = write_project(tmp_path / "it's a desk, really")
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, "run", "--project", str(folder), "tracking=none", "plots=false")
    assert code == 0, err
    assert str(folder / ".weaklabel") in out
    assert os.listdir(tmp_path) == ["it's a desk, really"]


def test_show_config(capsys, project):
    code, out, _ = call(capsys, "run", "--show-config", "seed=9")
    assert code == 0
    assert "seed: 9" in out
    code, out, _ = call(capsys, "run", "--show-config", "--json", "label_model=majority_vote")
    assert json.loads(out)["label_model"] == {"name": "majority_vote"}
    assert runs(project) == []


def test_a_misspelt_setting(capsys, project):
    code, out, err = call(capsys, "run", "label_model=majority_vot")
    assert (code, out) == (cli.INPUT, "")
    assert "did you mean 'majority_vote'?" in err
    assert "Traceback" not in err
    assert not (project / HOME).exists()


def test_a_broken_mlflow_store_costs_no_labels(capsys, project):
    (project / HOME).mkdir()
    (project / HOME / "mlflow.db").write_bytes(b"no database" * 500)
    code, _, err = call(capsys, "run", "plots=false")
    assert code == cli.PARTLY
    assert "the labels are written, but the run was not logged" in err
    assert len(runs(project)) == 1


def test_interrupted(capsys, project, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("weaklabel.pipeline.whole.write_labels", stop)
    code, _, err = call(capsys, "run", "tracking=none")
    assert code == cli.INTERRUPTED
    assert "Traceback" not in err
    assert runs(project) == []


def test_a_bug_of_ours_is_reported_as_ours(capsys, project, monkeypatch):
    def bug(*args, **kwargs):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("weaklabel.pipeline.whole.write_labels", bug)
    code, _, err = call(capsys, "run", "tracking=none")
    assert code == cli.BUG
    assert "Traceback" in err
    assert "This is a bug in weaklabel" in err
    assert "Error executing job" not in err
    assert runs(project) == []


def test_a_closed_pipe_is_quiet(project):
    command = f"{sys.executable} -m weaklabel lf list | true"
    found = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert found.stderr == ""
    assert found.returncode in (0, cli.PIPE)


# ---- sweeps ----


def test_a_sweep(capsys, project):
    words = ["run", "-m", "label_model=majority_vote,dawid_skene", "tracking=none", "plots=false"]
    code, out, err = call(capsys, *words)
    assert code == 0, err
    assert "label_model=majority_vote" in out
    assert "this gold can't tell them apart" in out
    assert len(runs(project)) == 2
    [sweep] = (project / HOME / "sweeps").iterdir()
    lines = json.loads((sweep / "comparison.json").read_text())
    assert [line["settings"] for line in lines] == ["label_model=majority_vote", "label_model=dawid_skene"]
    assert {line["run_id"] for line in lines} == {folder.name for folder in runs(project)}
    assert {p.name for p in project.iterdir()} == {
        ".gitignore",
        ".weaklabel",
        "README.md",
        "conf",
        "labeling_functions",
    }


def test_a_sweep_with_a_misspelt_choice_does_not_begin(capsys, project):
    code, _, err = call(capsys, "run", "-m", "label_model=majority_vote,dawid_sken")
    assert code == cli.INPUT
    assert "no choice 'dawid_sken'" in err
    assert not (project / HOME).exists()


def test_a_sweep_goes_on_after_a_failure(capsys, project):
    words = ["run", "-m", "task.gold.path=labeling_functions/first/sample/gold.csv,missing.csv"]
    code, out, err = call(capsys, *words, "tracking=none", "plots=false")
    assert code == cli.PARTLY
    assert "missing.csv" in err
    assert "failed: task.gold.path=missing.csv: there is no such gold file" in out
    assert "run 2 of 2: task.gold.path=missing.csv\n" in err
    assert "best" not in out
    assert len(runs(project)) == 1


def test_a_sweep_of_failures_only_is_wrong_input(capsys, project):
    code, out, err = call(capsys, "run", "-m", "task.gold.path=no.csv,none.csv", "tracking=none")
    assert code == cli.INPUT
    assert out.count("failed") >= 2
    assert "winner" not in out
    assert err.count("error: ") == 2
    assert runs(project) == []


def test_a_sweep_that_was_not_logged_is_partly_done(capsys, project):
    (project / HOME).mkdir()
    (project / HOME / "mlflow.db").write_bytes(b"no database" * 500)
    code, out, err = call(capsys, "run", "-m", "seed=1,2", "plots=false", "label_model=majority_vote")
    assert code == cli.PARTLY
    assert err.count("the run was not logged") == 2
    assert "these runs score the same" in out
    assert len(runs(project)) == 2


def test_a_sweep_over_thresholds_says_what_they_cost(capsys, project):
    words = ["run", "-m", "task.threshold=0.5,0.9999", "tracking=none", "plots=false"]
    code, out, err = call(capsys, *words)
    assert code == 0, err
    assert "labeled  where labeled" in out
    [sweep] = (project / HOME / "sweeps").iterdir()
    lines = json.loads((sweep / "comparison.json").read_text())
    assert lines[0]["accuracy"] == lines[1]["accuracy"]
    assert lines[0]["labeled"] > lines[1]["labeled"]


def test_a_sweep_without_gold_has_no_winner(capsys, project):
    words = ["run", "-m", "seed=1,2", "task.gold.path=null", "tracking=none", "plots=false"]
    assert "no winner: no run was scored against gold" in call(capsys, *words)[1]


# ---- rules and corpus ----


def test_lf_list(capsys, project):
    code, out, _ = call(capsys, "lf", "list")
    assert code == 0
    assert "grumbles" in out
    assert "rules.yaml:3" in out
    code, out, _ = call(capsys, "lf", "list", "--json")
    rows = {row["id"]: row for row in json.loads(out)}
    assert rows["asks"]["where"] == "labeling_functions/first/rules.yaml:3"
    assert (rows["asks"]["kind"], rows["asks"]["label"], rows["asks"]["fields"]) == (
        "regex",
        "question",
        ["text"],
    )


def test_lf_verbs_need_no_corpus(capsys, project, monkeypatch):
    monkeypatch.delenv("WEAKLABEL_DATA", raising=False)
    word = "task.corpus.path='${oc.env:WEAKLABEL_DATA}/x.parquet'"
    assert call(capsys, "lf", "list", word)[0] == 0
    assert call(capsys, "lf", "check", word)[0] == 0
    code, _, err = call(capsys, "run", word)
    assert code == cli.INPUT
    assert "WEAKLABEL_DATA is not set" in err


def test_lf_check_reports_all_failures_with_file_and_line(capsys, project):
    rules = project / "labeling_functions/first/rules.yaml"
    rules.write_text(rules.read_text().replace("on Sunday?", "on Sunday").replace("thankless work", "thanks"))
    code, out, _ = call(capsys, "lf", "check")
    assert code == cli.FAILED
    assert "rules.yaml:3" in out
    assert "rules.yaml:10" in out
    assert "7 examples of 3 rules: 2 fail" in out
    code, out, _ = call(capsys, "lf", "check", "--json")
    assert (code, len(json.loads(out)["failures"])) == (cli.FAILED, 2)


def test_lf_check_passes_rules_without_examples_and_names_them(capsys, project):
    rules = project / "labeling_functions/first"
    (rules / "rules.py").unlink()
    (rules / "rules.yaml").write_text("rules:\n  - {name: a, kind: regex, label: thanks, pattern: x}\n")
    code, out, _ = call(capsys, "lf", "check")
    assert code == 0  # the rule was read and its regex compiled; a commit hook must not fail on it
    assert "without examples: a" in out


def test_corpus_show(capsys, project):
    code, out, _ = call(capsys, "corpus", "show")
    assert code == 0
    assert "30 rows in 1 file (jsonl)" in out
    assert "near duplicates  none of 30 different texts" in out
    assert "duplicates       none\n" in out
    picture = project / HOME / "reports" / "corpus-first.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    code, out, _ = call(capsys, "corpus", "show", "--json")
    assert json.loads(out)["rows"] == 30


def test_ui_without_runs(capsys, project):
    code, _, err = call(capsys, "ui")
    assert code == cli.NOTHING
    assert "no run was logged yet" in err


# ---- the whole way, in a process of its own ----


def before_the_path(folder):
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """Run `python -m weaklabel run` in a new project, every connection watched; give all that it left."""
    folder = tmp_path_factory.mktemp("guarded")
    project = write_project(folder / "desk")
    corpus = project / "labeling_functions/first/sample/notes.jsonl"
    corpus.write_text(
        corpus.read_text(encoding="utf-8").replace("Lovely", f"Lovely {CANARY}"), encoding="utf-8"
    )
    (folder / "guard").mkdir()
    (folder / "guard" / "sitecustomize.py").write_text(GUARD)
    log = folder / "sockets.log"
    environment = {
        k: v for k, v in os.environ.items() if k not in ("CI", "PYTEST_CURRENT_TEST", "MLFLOW_TRACKING_URI")
    }
    environment |= {"PYTHONPATH": before_the_path(folder / "guard"), "SOCKET_LOG": str(log)}
    command = [sys.executable, "-m", "weaklabel", "run", "-m", "label_model=majority_vote,dawid_skene"]
    found = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    return project, found, log.read_text() if log.exists() else ""


def test_run_opens_no_connection(guarded):
    _, found, log = guarded
    assert found.returncode == 0, found.stderr
    assert log == ""


def test_the_guard_can_fail(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(GUARD)
    log = tmp_path / "log"
    code = (
        "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 9), 0.1)\nexcept OSError:\n    pass"
    )
    environment = {**os.environ, "PYTHONPATH": before_the_path(tmp_path), "SOCKET_LOG": str(log)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert "192.0.2.1" in log.read_text()


def test_no_raw_text_reaches_mlflow(guarded):
    project, _, _ = guarded
    home = project / HOME
    stores = [home / "mlflow.db", *(p for p in (home / "mlartifacts").rglob("*") if p.is_file())]
    assert len(stores) > 10
    assert [p for p in stores if CANARY.encode() in p.read_bytes()] == []
    assert CANARY in (project / "labeling_functions/first/sample/notes.jsonl").read_text(encoding="utf-8")


def test_stderr_is_tidy(guarded):
    _, found, _ = guarded
    assert found.stderr.splitlines() == [
        "run 1 of 2: label_model=majority_vote",
        "run 2 of 2: label_model=dawid_skene",
    ]


def test_a_sweep_says_how_to_open_it(guarded):
    _, found, _ = guarded
    assert "weaklabel ui` opens it: experiment 'first', sweep " in found.stdout


def test_a_sweep_over_tasks_has_an_experiment_of_its_own(capsys, project):
    words = [
        "run",
        "-m",
        "task.name=one,two",
        "plots=false",
        "evaluation.classifier=false",
        "tracking=mlflow",
    ]
    code, out, err = call(capsys, *words, "--project", str(project))
    assert code == cli.DONE, err
    assert "opens it: experiment 'sweeps', sweep " in out
    assert "its runs are in 'one', 'two'" in " ".join(out.split())
    import sqlite3

    query = "select runs.name, experiments.name from runs join experiments using (experiment_id)"
    with closing(sqlite3.connect(project / HOME / "mlflow.db")) as database:
        found = database.execute(query).fetchall()
    assert sorted(experiment for _, experiment in found) == ["one", "sweeps", "two"]


def test_a_sweep_is_a_parent_run_with_children(guarded):
    import sqlite3

    project, _, _ = guarded
    with closing(sqlite3.connect(project / HOME / "mlflow.db")) as database:
        states = dict(database.execute("select run_uuid, status from runs"))
        parents = database.execute(
            "select run_uuid, value from tags where key = 'mlflow.parentRunId'"
        ).fetchall()
        tags = dict(database.execute("select key, value from tags where key like 'weaklabel.corpus'"))
        experiments = [name for (name,) in database.execute("select name from experiments")]
        inputs = database.execute("select count(*) from datasets").fetchone()[0]
    assert set(states.values()) == {"FINISHED"}
    assert len(states) == 3
    assert len(parents) == 2
    assert len({parent for _, parent in parents}) == 1
    assert tags
    assert "first" in experiments
    assert inputs >= 2


def test_a_runs_tags_hold_its_fingerprints_and_the_models_name(guarded):
    import sqlite3

    project, _, _ = guarded
    manifests = [json.loads((run / "manifest.json").read_text()) for run in runs(project)]
    with closing(sqlite3.connect(project / HOME / "mlflow.db")) as database:
        found = database.execute("select key, value from tags where key like 'weaklabel.%'").fetchall()
    for manifest in manifests:
        assert {(f"weaklabel.{name}", value) for name, value in manifest["fingerprints"].items()} <= set(
            found
        )
    names = {value for key, value in found if key == "weaklabel.label_model"}
    assert names == {"majority_vote", "dawid_skene"}


def test_every_artifact_is_logged(guarded):
    project, _, _ = guarded
    names = {p.name for p in (project / HOME / "mlartifacts").rglob("*") if p.is_file()}
    expected = {
        "config.yaml",
        "manifest.json",
        "lf_summary.json",
        "comparison.json",
        "evaluation.json",
        "MLmodel",
        "model.json",
        "votes.json",
    }
    assert expected <= names
    assert {"rules.png", "reliability.png", "confusion.png", "probabilities.png"} <= names


def test_a_logged_model_predicts_the_runs_labels(guarded):
    from weaklabel.tracking import VoteModel

    project, _, _ = guarded
    folder = runs(project)[-1]
    votes = pl.concat([pl.read_parquet(p) for p in sorted((folder / "votes").glob("*.parquet"))])
    predicted = VoteModel(folder / "model").predict(votes)
    labels = pl.read_parquet(folder / "labels.parquet")
    assert predicted["id"].to_list() == labels["id"].to_list()
    assert predicted["label"].to_list() == labels["label"].to_list()
    assert Path(folder / "model" / "votes.json").exists()
