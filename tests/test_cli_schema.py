"""`weaklabel schema diff | migrate | aliases`: what is said, as text and as JSON, and the exit codes."""

import json

import polars as pl
import pytest

from weaklabel import cli
from weaklabel.gold import Ledger
from weaklabel.templates import write_project

OLD = "labels: [ham, spam, fax]\n"
NEW = """\
version: 2
labels:
  - {name: letter, aliases: [ham]}
  - spam
  - scam
retired: [fax]
"""
MAP = "split: {spam: [spam, scam]}\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = write_project(tmp_path / "desk")
    monkeypatch.chdir(folder)
    for name, text in (("old", OLD), ("new", NEW), ("map", MAP)):
        (folder / f"{name}.yaml").write_text(text)
    return folder


def call(capsys, *words):
    code = cli.main(("schema", *words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_diff_tells_each_change(capsys, project):
    code, out, _ = call(capsys, "diff", "old.yaml", "new.yaml", "--map", "map.yaml")
    assert code == cli.DONE
    assert out.startswith("schema 1 to 2: 3 labels, now 3\n")
    told = [line.split()[:2] for line in out.splitlines()[2:]]
    assert [words[0] for words in told if words] == ["renamed", "split", "retired"]
    code, out, _ = call(capsys, "diff", "old.yaml", "new.yaml", "--map", "map.yaml", "--json")
    found = json.loads(out)
    assert (code, found["counts"]) == (cli.DONE, {"renamed": 1, "split": 1, "retired": 1})
    assert found["becomes"] == {"ham": ["letter"], "spam": ["spam", "scam"], "fax": []}


def test_diff_of_the_same_schema_is_nothing(capsys, project):
    code, out, _ = call(capsys, "diff", "old.yaml", "old.yaml")
    assert code == cli.NOTHING
    assert "no difference" in out


def test_diff_says_what_is_gone(capsys, project):
    (project / "few.yaml").write_text("labels: [ham, spam]\n")
    code, out, _ = call(capsys, "diff", "old.yaml", "few.yaml")
    assert code == cli.DONE
    assert "nothing says what became of fax: say it with --map, or by an alias" in out
    code, _, err = call(capsys, "migrate", "old.yaml", "few.yaml")
    assert code == cli.INPUT
    assert "nothing says what became of 'fax'" in err and "rename, merge, split or retire" in err


def test_diff_needs_no_project(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.yaml").write_text(OLD)
    assert call(capsys, "diff", "old.yaml", "old.yaml")[0] == cli.NOTHING
    code, _, err = call(capsys, "diff", "old.yaml", "none.yaml")
    assert code == cli.INPUT
    assert "can't read the label schema" in err


@pytest.fixture
def ledger(project):
    """Two gold items of the task: one that is carried over, one that waits."""
    (project / ".weaklabel/gold").mkdir(parents=True)
    ledger = Ledger.open(project / ".weaklabel/gold/ledger.db")
    said = {
        "item": ["a", "b"],
        "labels": [["ham"], ["spam"]],
        "role": ["check"] * 2,
        "origin": ["expert"] * 2,
    }
    ledger.record("gold", pl.DataFrame(said), task="first")
    return ledger


WORDS = ("migrate", "old.yaml", "new.yaml", "--map", "map.yaml")


def test_migrate_shows_the_plan_first(capsys, project, ledger):
    (project / "gold.csv").write_text("id,label\nx,ham\ny,fax\n")
    code, out, _ = call(capsys, *WORDS, "--gold", "gold.csv", "--dry-run")
    assert code == cli.DONE
    assert "rows that would be carried over" in out
    assert "the gold set: 1 wait for a person or for the next run" in out
    assert "  b  spam: 'spam' was split into spam, scam" in out
    assert "  y  fax: 'fax' is retired" in out
    assert "nothing was written: this is the plan" in out
    assert ledger.records("gold", task="first").height == 2


def test_migrate_does_it_and_says_that_something_waits(capsys, project, ledger):
    (project / "gold.csv").write_text("id,label\nx,ham\ny,fax\n")
    code, out, _ = call(capsys, *WORDS, "--gold", "gold.csv", "--out", "migrated", "--json")
    assert code == cli.PARTLY
    done = json.loads(out)
    assert [step["counts"]["queued"] for step in done["steps"]] == [1, 1]
    assert (project / "migrated/gold.csv").read_text() == "id,label\nx,letter\n"
    assert (project / "migrated/gold.queued.csv").read_text() == "id,labels,why\ny,fax,'fax' is retired\n"
    assert ledger.records("gold", task="first").height == 4
    assert ledger.records("queue", task="first")["item"].to_list() == ["b"]


def test_migrate_can_leave_the_ledger_alone(capsys, project, ledger):
    code, out, _ = call(capsys, *WORDS, "--no-ledger", "--json")
    assert (code, json.loads(out)["steps"]) == (cli.DONE, [])
    assert ledger.records("gold", task="first").height == 2


def test_migrate_names_rules_to_edit(capsys, project):
    (project / "labeling_functions/first/more.yaml").write_text(
        "rules: [{name: sells, kind: keywords, label: spam, terms: [buy]}]"
    )
    code, out, _ = call(capsys, *WORDS, "--dry-run", "--json")
    [rule] = [one for one in json.loads(out)["rules"] if one["rule"] == "sells"]
    assert (code, rule["then"]) == (cli.DONE, "label: {any_of: [scam, spam]}")
    code, out, _ = call(capsys, *WORDS, "--dry-run")
    assert "rules to edit, so that they mean the same" in out


def test_migrate_to_the_same_schema_is_nothing(capsys, project):
    assert call(capsys, "migrate", "old.yaml", "old.yaml")[0] == cli.NOTHING


def test_migrate_makes_no_ledger_where_there_is_none(capsys, project):
    assert call(capsys, *WORDS)[0] == cli.DONE
    assert not (project / ".weaklabel/gold/ledger.db").exists()


# ---- aliases ----


def test_aliases_of_a_task_without_a_taxonomy(capsys, project):
    code, _, err = call(capsys, "aliases")
    assert code == cli.INPUT
    assert "no rule of this task is made from a taxonomy" in err
    assert "taxonomy: {schema: schema.yaml}" in err


@pytest.fixture
def tagged(project):
    """A task of tags whose rules come out of its taxonomy, and one rule that denies."""
    folder = project / "labeling_functions/tags"
    (folder / "sample").mkdir(parents=True)
    (folder / "schema.yaml").write_text(
        "exclusive: false\nlabels: [{name: golang, aliases: [gopher]}, rust]\n"
    )
    (folder / "rules.yaml").write_text(
        "taxonomy: {}\nrules: [{name: animal, kind: keywords, label: {none_of: [golang]}, terms: [burrow]}]\n"
    )
    texts = [f"a gopher in burrow {i}" for i in range(6)] + ["gopher and golang", "rust"]
    rows = [json.dumps({"id": f"r{i}", "text": text}) for i, text in enumerate(texts)]
    (folder / "sample/notes.jsonl").write_text("\n".join(rows) + "\n")
    (project / "conf/task/tags.yaml").write_text(
        "name: tags\nrules: labeling_functions/tags\n"
        "corpus: {path: labeling_functions/tags/sample/notes.jsonl, id: id, text: text}\n"
    )
    return project


def test_aliases_that_mean_something_else(capsys, tagged):
    code, out, _ = call(capsys, "aliases", "task=tags")
    assert code == cli.DONE
    assert "3 spellings on 8 rows, 1 ambiguous" in out
    assert "denied by animal" in out
    assert "  gopher  r" in out and "a [gopher] in burrow" in out
    code, out, _ = call(capsys, "aliases", "task=tags", "--json", "--examples", "0")
    [one] = json.loads(out)["spellings"]
    assert (one["label"], one["spelling"], one["rows"], one["denied"]) == ("golang", "gopher", 7, 6)
    assert (one["why"], one["denied_by"], one["examples"]) == (["denied"], {"animal": 6}, [])
    code, out, _ = call(capsys, "aliases", "task=tags", "--all", "--json")
    assert [line["spelling"] for line in json.loads(out)["spellings"]] == ["gopher", "golang", "rust"]


def test_no_alias_is_ambiguous(capsys, tagged):
    (tagged / "labeling_functions/tags/sample/notes.jsonl").write_text('{"id": "a", "text": "rust"}\n')
    code, _, err = call(capsys, "aliases", "task=tags")
    assert code == cli.NOTHING
    assert "no name or alias looks ambiguous on these rows" in err
