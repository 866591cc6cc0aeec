"""A project whose label table has versions made from runs, without relabeling: by hand, as relabeling leaves them."""

import json
import shutil

import polars as pl

from audit_project import make_project
from weaklabel.config import load
from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model.saved import read_state
from weaklabel.pipeline import run
from weaklabel.runs import HOME
from weaklabel.schema import LabelSchema
from weaklabel.store.label_table import LABEL_TABLE_COLUMNS, LabelTable, write_label_file
from weaklabel.store.pattern_table import PatternTable

WORDS = ["plots=false", "tracking=none", "label_model=weighted_vote", "evaluation.classifier=false"]
NEW_RULE = """
  - name: keeps
    kind: keywords
    label: question
    terms: [keeping]
"""


def two_runs(folder):
    """Write the project and run it twice: as it is, and with rules edited and one new."""
    project = make_project(folder)
    names = [run(load(project, WORDS), project=project).run_id]
    edit_rules(project)
    names.append(run(load(project, WORDS), project=project).run_id)
    return project, names


def edit_rules(project):
    """Edit two rules, and add one: now "broken" says thanks too, and "keeping" says question."""
    rules = project / "labeling_functions" / "first" / "rules.yaml"
    text = rules.read_text().replace("'\\?'", "'open'").replace("wonderful]", "wonderful, broken]")
    rules.write_text(text + NEW_RULE)


def commit_run(project, run_id, *, task="first"):
    """Make the labels of a run the next version of the label table; return its number."""
    folder, home = project / HOME / "runs" / run_id, project / HOME
    model = shutil.copytree(folder / "model", home / "models" / task / run_id)
    schema = LabelSchema.from_dict(json.loads((model / "votes.json").read_text())["schema"])
    marks = read_state(model / "model")[0]["rules"]
    table = LabelTable(home / "labels" / task)
    labels = (
        pl.read_parquet(folder / "labels.parquet").rename({"run_id": "model"}).select(*LABEL_TABLE_COLUMNS)
    )
    file = write_label_file(table.root, f"{run_id}/part-00000.parquet", labels)
    votes = LabelMatrix.scan(folder / "votes")
    PatternTable(home / "patterns" / task).add(votes.keep(marks).patterns())
    prints = json.loads((folder / "manifest.json").read_text())["fingerprints"]
    said = {"run_id": run_id, "model": run_id, "threshold": "", "rule_fingerprints": json.dumps(marks)}
    said |= {name: prints[name] for name in ("corpus", "rules", "schema")}
    said["changed"] = json.dumps({"rules": {"new": ["keeps"]}} if table.version() == 0 else {"first": True})
    return table.commit([file], schema=schema, expected=table.version(), metadata=said)
