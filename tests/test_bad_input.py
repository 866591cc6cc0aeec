"""Bad input, through the command line: one clear message, the right exit code, nothing half-written."""

import os
from pathlib import Path

import polars as pl
import pytest

from weaklabel import cli
from weaklabel.runs import HOME
from weaklabel.templates import write_project

SAMPLE = "labeling_functions/first/sample"
RULES = "labeling_functions/first/rules.yaml"


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = write_project(tmp_path / "desk")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(project, capsys):
    def call(*words):
        code = cli.main(["run", "tracking=none", "plots=false", "evaluation.classifier=false", *words])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return call


def refused(project, answer, *parts):
    """Assert one clear error that holds all parts, and that nothing was left behind."""
    code, out, err = answer
    assert (code, out) == (cli.INPUT, "")
    assert err.startswith("error: ")
    assert [part for part in parts if part not in err] == []
    runs = project / HOME / "runs"
    assert not runs.exists() or list(runs.iterdir()) == []
    strays = [p for p in (project / HOME).rglob("*") if p.is_file() and "cache" not in p.parts]
    assert strays == []


def add_rule(project, text):
    path = project / RULES
    path.write_text(path.read_text() + text)
    return len(path.read_text().splitlines())


def test_a_missing_column(project, run):
    line = add_rule(project, "  - {name: dear, kind: where, label: complaint, sql: 'price > 3'}\n")
    refused(project, run(), "'price'", "dear", f"rules.yaml:{line}", "available: id, text")


def test_an_empty_corpus(project, run):
    (project / SAMPLE / "notes.jsonl").write_text("")
    refused(project, run(), "empty", "notes.jsonl")


def test_a_missing_corpus(project, run):
    refused(project, run(f"task.corpus.path={SAMPLE}/note.jsonl"), "note.jsonl", "notes.jsonl")


def test_an_unknown_label(project, run):
    line = add_rule(project, "  - {name: polite, kind: keywords, label: thank, terms: [please]}\n")
    refused(project, run(), "unknown label 'thank'", f"rules.yaml:{line}", "did you mean 'thanks'?")


def test_a_duplicate_rule(project, run):
    line = add_rule(project, "  - {name: asks, kind: keywords, label: question, terms: [please]}\n")
    refused(project, run(), "'asks'", "rules.yaml:3", f"rules.yaml:{line}")


def test_a_broken_regex(project, run):
    line = add_rule(project, "  - {name: odd, kind: regex, label: question, pattern: 'a(b'}\n")
    refused(project, run(), f"rules.yaml:{line}", "position 1")


def test_all_problems_of_a_folder_at_once(project, run):
    first = add_rule(project, "  - {name: odd, kind: regex, label: question, pattern: 'a(b'}\n")
    second = add_rule(project, "  - {name: polite, kind: keywords, label: thank, terms: [please]}\n")
    refused(project, run(), "2 problems", f"rules.yaml:{first}", f"rules.yaml:{second}")


def test_not_utf_8(project, run):
    path = project / SAMPLE / "notes.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4] = b'{"id": "n05", "text": "caf\xe9"}\n'
    path.write_bytes(b"".join(lines))
    refused(project, run(), "UTF-8", "notes.jsonl:5")


def test_a_truncated_parquet_file(project, run):
    frame = pl.read_ndjson(project / SAMPLE / "notes.jsonl")
    path = project / "notes.parquet"
    frame.write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    refused(project, run("task.corpus.path=notes.parquet"), "notes.parquet")


def test_gold_with_an_unknown_id(project, run):
    gold = project / SAMPLE / "gold.csv"
    gold.write_text(gold.read_text() + "n31,thanks\n")
    refused(project, run(), "1 of 31 gold ids", "'n31'", "gold.csv")


def test_gold_with_an_unknown_label(project, run):
    gold = project / SAMPLE / "gold.csv"
    gold.write_text(gold.read_text().replace("n30,thanks", "n30,praise"))
    refused(project, run(), "unknown", "'praise'", "gold.csv")


def test_a_rule_that_raises(project, run):
    path = project / "labeling_functions/first/rules.py"
    path.write_text(path.read_text().replace("    text =", "    1 / (row['id'] != 'n07')\n    text ="))
    refused(project, run(), "grumbles", "rules.py:", "n07", "division by zero")
    code, out, _ = run("task.on_error=abstain")
    assert code == cli.DONE
    assert "1 fault in 1 rule counts as a missing vote (most: grumbles, 1)" in out


def test_an_unwritable_output_folder(project, run):
    (project / HOME).write_text("in the way")
    code, out, err = run()
    assert (code, out) == (cli.INPUT, "")
    assert "a file is in the way of the output folder" in err
    assert f"{project / HOME}" in err
    assert (project / HOME).read_text() == "in the way"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(project, run):
    (project / HOME).mkdir()
    (project / HOME).chmod(0o500)
    code, _, err = run()
    assert code == cli.INPUT
    assert "can't write" in err


def test_a_label_model_that_needs_more_rules(project, run):
    one_rule(project)
    refused(project, run("label_model=snorkel"), "needs at least 3 rules, and these votes have 1")


# ---- not errors: results that say what they are ----


def one_rule(project):
    (project / "labeling_functions/first/rules.py").unlink()
    lines = (project / RULES).read_text().splitlines()
    (project / RULES).write_text("\n".join(lines[:9]) + "\n")


def labels(project) -> pl.DataFrame:
    [folder] = (project / HOME / "runs").iterdir()
    return pl.read_parquet(Path(folder) / "labels.parquet")


def test_one_rule_only(project, run):
    one_rule(project)
    code, out, _ = run()
    assert code == cli.DONE
    assert "there is one rule only" in out
    assert set(labels(project)["label"].drop_nulls()) == {"question"}


def test_a_class_never_voted(project, run):
    (project / "labeling_functions/first/rules.py").unlink()
    code, out, _ = run()
    assert code == cli.DONE
    assert "no rule votes for 'complaint' on any row: no row can get this label" in out
    assert "complaint" not in labels(project)["label"].to_list()


def test_no_gold(project, run):
    code, out, _ = run("task.gold.path=null")
    assert code == cli.DONE
    assert "there is no gold: nothing says how good these labels are" in out
    assert "against gold" not in out


def test_nan_in_a_numeric_column(project, run):
    notes = pl.read_ndjson(project / SAMPLE / "notes.jsonl")
    prices = pl.Series("price", [float("nan"), None] + [9.0] * 28)
    notes.with_columns(prices).write_parquet(project / "notes.parquet")
    add_rule(project, "  - {name: dear, kind: where, label: complaint, sql: 'price > 3'}\n")
    code, out, _ = run("task.corpus.path=notes.parquet")
    assert code == cli.DONE
    assert "1 row holds NaN in the column 'price': rules on it abstain there, as on nulls" in out
    [folder] = (project / HOME / "runs").iterdir()
    votes = pl.read_parquet(folder / "votes" / "part-00000.parquet")
    assert votes["lf:dear"].to_list()[:3] == [-1, -1, 1]
