"""The demonstration task: its rules load, keep their own promises, and label its sample."""

import json
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

import polars as pl
import pytest

import weaklabel as wl
from weaklabel.errors import Problems

FOLDER = Path(__file__).resolve().parents[1] / "labeling_functions" / "support"


class NotInstalled(MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] == "snorkel":
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def test_without_snorkel_one_error_says_which_file_needs_it(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "snorkel"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NotInstalled(), *sys.meta_path])
    with pytest.raises(Problems) as caught:
        wl.LFRegistry.from_folder(FOLDER)
    [problem] = caught.value.problems
    assert problem.what == "snorkel_rules.py needs the package 'snorkel', which is not installed"
    assert problem.where == f"{FOLDER / 'snorkel_rules.py'}:6"
    assert "install it" in problem.hint


@pytest.mark.snorkel
def test_rules_of_every_kind_keep_their_examples():
    registry = wl.LFRegistry.from_folder(FOLDER)
    assert {rule.kind for rule in registry.rules} == {
        "keywords",
        "regex",
        "where",
        "lookup",
        "spacy",
        "python",
        "snorkel",
    }
    assert wl.check_examples(registry) == []


def test_gold_and_sample_fit_each_other():
    sample = pl.read_ndjson(FOLDER / "sample" / "messages.jsonl")
    gold = pl.read_csv(FOLDER / "sample" / "gold.csv")
    schema = wl.LabelSchema.from_yaml(FOLDER / "schema.yaml")
    assert sample["id"].n_unique() == sample.height
    assert set(gold["id"]) <= set(sample["id"])
    assert set(gold["label"]) == set(schema.names)


@pytest.mark.snorkel
def test_the_sample_is_labeled_better_than_by_the_commonest_label(tmp_path, monkeypatch, capsys):
    from weaklabel import cli

    root = FOLDER.parents[1]
    for name in ("conf", "labeling_functions"):
        (tmp_path / name).symlink_to(root / name)
    monkeypatch.chdir(tmp_path)
    words = ["run", "--json", "--project", str(tmp_path), "tracking=none", "plots=false"]
    code = cli.main(words)
    captured = capsys.readouterr()
    assert code == 0, captured.err
    data = json.loads(captured.out)
    gold = pl.read_csv(FOLDER / "sample" / "gold.csv")
    commonest = gold["label"].value_counts()["count"].max() / gold.height
    assert data["model"] == "event_bayes"
    assert data["scores"]["event_bayes"]["metrics"]["accuracy"]["low"] > commonest
    assert data["rows"] == pl.read_ndjson(FOLDER / "sample" / "messages.jsonl").height
