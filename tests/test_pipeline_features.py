"""A task whose rules read features, from its folder to its labels."""

import numpy as np
import polars as pl
import pytest

from weaklabel import config, pipeline
from weaklabel.errors import RuleFault
from weaklabel.explore import Ballots, View
from weaklabel.label_matrix import LabelMatrix
from weaklabel.templates import write_project

FEATURES = """import weaklabel as wl


@wl.feature
def n_words(row):
    return len(row["text"].split())


@wl.feature(vectorized=True)
def normalised(frame):
    return frame["text"].str.to_lowercase()
"""
RULES = """import weaklabel as wl


@wl.labeling_function(label="complaint", vectorized=True)
def long(frame):
    return frame["n_words"] > 8
"""
PACK = """rules:
  - {name: short, kind: where, label: thanks, sql: "n_words < 5"}
  - {name: lovely_things, kind: keywords, label: thanks, field: normalised, terms: [lovely], case: sensitive}
"""


@pytest.fixture
def project(tmp_path):
    folder = write_project(tmp_path / "desk")
    rules = folder / "labeling_functions" / "first"
    (rules / "features.py").write_text(FEATURES, encoding="utf-8")
    (rules / "more.py").write_text(RULES, encoding="utf-8")
    (rules / "more.yaml").write_text(PACK, encoding="utf-8")
    return folder


def settings(project, *words):
    return config.load(project, ["tracking=none", "plots=false", "evaluation.classifier=false", *words])


def test_a_run_computes_them(project):
    result = pipeline.run(settings(project), project=project)
    rules = pl.read_parquet(result.folder / "rules.parquet")
    texts = pl.read_ndjson(project / "labeling_functions/first/sample/notes.jsonl")["text"].to_list()
    counts = {
        "short": sum(len(text.split()) < 5 for text in texts),
        "long": sum(len(text.split()) > 8 for text in texts),
        "lovely_things": sum("lovely" in text.lower() for text in texts),
    }
    assert min(counts.values()) > 0
    found = dict(zip(rules["labeler"], rules["Coverage"], strict=True))
    assert {id: round(found[id] * len(texts)) for id in counts} == counts


def test_a_fault_names_the_feature_and_the_row(project):
    path = project / "labeling_functions/first/features.py"
    path.write_text(FEATURES.replace('len(row["text"].split())', 'len(row["text"].split()[9])'))
    with pytest.raises(RuleFault, match="feature 'n_words' raised IndexError") as caught:
        pipeline.run(settings(project), project=project)
    assert f"{path}:4, row 'n" in caught.value.where


def test_looking_at_rules_computes_them_too(project):
    task = pipeline.open_task(settings(project), project)
    ballots = Ballots(View.read(task.corpus))
    looked = ballots.cast(task.registry)
    assert isinstance(looked, LabelMatrix)
    assert looked.faults == {}
    assert set(ballots.voted) == set(task.registry.ids)
    voted = pipeline.task.make_applier(task.config, task.registry, project).apply(task.corpus)
    assert np.array_equal(looked.to_numpy(), voted.to_numpy())
    ballots.cast(task.registry)
    assert ballots.voted == ()

    path = project / "labeling_functions/first/features.py"
    path.write_text(FEATURES.replace(".split()", '.split(" ")'))
    ballots.cast(pipeline.task.open_registry(task.config, project))
    assert set(ballots.voted) == {"short", "long"}
