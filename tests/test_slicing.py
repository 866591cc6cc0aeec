"""Slices of a task: SQL, rules, and Snorkel's slicing functions."""

import numpy as np
import polars as pl
import pytest

import relabel_project
from weaklabel import config, pipeline
from weaklabel.errors import ConfigError, Problems
from weaklabel.pipeline.slicing import slice_names, table_slices, task_slices
from weaklabel.slices import slice_members

TINY = "  - {name: tiny, kind: where, sql: 'length(text) < 5', state: slice}\n"
SNORKEL = """
from snorkel.slicing import slicing_function

@slicing_function()
def loud(x):
    return x.text.isupper()

@slicing_function()
def polite(x):
    return 1 if "thanks" in x.text else 0
"""


@pytest.fixture
def project(tmp_path):
    return relabel_project.make(tmp_path / "desk", files=2)


def members(project, *words):
    task = pipeline.open_task(config.load(project, list(words)), project)
    parts = task_slices(task.config, project, task.corpus, task.all_rules)
    rows = task.corpus.scan().select("id", "text").collect()
    inside = slice_members(parts.frame, parts.slices, rows["id"], of="rows")
    return {name: rows["text"].filter(pl.Series(flags)).to_list() for name, flags in inside.items()}


def texts(project):
    return pl.concat([pl.read_parquet(p) for p in sorted((project / "data").iterdir())])["text"].to_list()


def add(project, text):
    path = project / "rules" / "rules.yaml"
    path.write_text(path.read_text() + text)


def test_without_slices_nothing_is_read(project):
    assert members(project) == {}


def test_a_rule_of_the_state_slice_is_a_slice_and_votes_in_no_run(project):
    add(project, TINY)
    assert members(project) == {"tiny": [text for text in texts(project) if len(text) < 5]}
    result = pipeline.run(config.load(project), project=project)
    assert "tiny" not in result.rules["labeler"].to_list()
    assert set(result.scores[result.model].slices) == {"tiny"}
    assert result.sliced_rules["slice"].unique().to_list() == ["tiny"]
    assert not any("did not vote" in note for note in result.notes)


def test_slices_by_sql_by_a_voting_rule_and_by_a_resting_one_overlap(project):
    add(project, "  - {name: goes, kind: keywords, terms: [see, 'no'], label: ham, state: draft}\n")
    words = [
        "+task.slices.short='length(text) < 9'",
        "+task.slices.links={rule: link}",
        "+task.slices.going={rule: goes}",
    ]
    found = members(project, *words)
    every = texts(project)
    assert found["short"] == [text for text in every if len(text) < 9]
    assert found["links"] == [text for text in every if "http" in text.lower() and "http" in text]
    assert found["going"] == [text for text in every if "see" in text or text == "NO"]


def test_a_name_of_its_own_for_a_slice_rule(project):
    add(project, TINY)
    assert set(members(project, "+task.slices.smallest={rule: tiny}")) == {"smallest"}


@pytest.mark.snorkel
def test_snorkels_slicing_functions_are_slices(project):
    pytest.importorskip("snorkel")
    (project / "rules" / "parts.py").write_text(SNORKEL)
    found = members(project)
    assert found["loud"] == [text for text in texts(project) if text.isupper()]
    assert found["polite"] == [text for text in texts(project) if "thanks" in text]
    task = pipeline.open_task(config.load(project), project)
    assert "loud" not in task.registry
    assert slice_names(task.config, task.all_rules) == ("loud", "polite")


def test_members_are_those_of_the_rule_read_row_by_row(project):
    add(project, "  - {name: odd, kind: regex, pattern: '[aeiou]{2}', state: slice}\n")
    import re

    assert members(project)["odd"] == [text for text in texts(project) if re.search("[aeiou]{2}", text)]


def test_a_table_that_comes_in_has_the_same_slices(project):
    add(project, TINY)
    table = pl.DataFrame({"id": ["x", "y"], "text": ["ok", "a long text"]})
    parts = table_slices(config.load(project), project, table)
    inside = slice_members(parts.frame, parts.slices, table["id"], of="rows")
    assert np.array_equal(inside["tiny"], [True, False])


def test_an_unknown_rule_is_named_with_those_there_are(project):
    with pytest.raises(ConfigError, match=r"task\.slices\.a: there is no rule 'lnk'") as error:
        members(project, "+task.slices.a={rule: lnk}")
    assert "did you mean 'link'?" in error.value.hint


@pytest.mark.parametrize("value", ["3", "{rool: link}", "[a]"])
def test_what_is_no_slice_is_refused(project, value):
    with pytest.raises(
        (ConfigError, Problems), match=r"task\.slices\.a is a SQL condition, or the name of a rule"
    ):
        config.load(project, [f"+task.slices.a={value}"])


def test_a_rule_that_fails_in_a_slice_is_named(project):
    add(project, "  - {name: deep, kind: where, sql: 'depth < 9', state: slice}\n")
    with pytest.raises(Exception, match="depth"):
        members(project)
