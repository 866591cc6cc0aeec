"""A small project whose labels are to be audited, and people who answer by the truth."""

import json
from pathlib import Path

import polars as pl

from weaklabel.templates import write_project

LABELS = ("question", "complaint", "thanks")
TEXTS = ("Is shelf {i} open today?", "The tap on floor {i} is broken.", "Thanks for keeping book {i}.")
ROWS = 400
WRONG = 20
"""Every so many notes the rules are wrong about."""
PEOPLE = ("ann", "bob", "cid")
CONF = """
gold:
  people: {ann: 1, bob: 1, cid: 1}
"""


def truth():
    """Return the right label of each note."""
    return {f"m{i:03}": LABELS[(i + (i % WRONG == 0)) % 3] for i in range(ROWS)}


def make_project(folder):
    """Write a project of 400 notes, of which every twentieth says something else than its rules think."""
    project = write_project(folder)
    sample = project / "labeling_functions" / "first" / "sample"
    notes = [
        {"id": f"m{i:03}", "text": TEXTS[i % 3].format(i=i), "channel": "mail" if i % 4 == 0 else "desk"}
        for i in range(ROWS)
    ]
    (sample / "notes.jsonl").write_text("".join(json.dumps(note) + "\n" for note in notes))
    pl.DataFrame({"id": list(truth()), "label": list(truth().values())}).write_csv(sample / "gold.csv")
    config = project / "conf" / "config.yaml"
    config.write_text(config.read_text().replace("tracking: mlflow", "tracking: none") + CONF)
    return project


def answer(folder, known, *, but=None):
    """Fill in the tables that `batch export … table` wrote; `but` gives a person's other answers."""
    for path in Path(folder).glob("*.csv"):
        other = (but or {}).get(path.stem, {})
        table = pl.read_csv(path, infer_schema=False)
        labels = [other.get(i, known[i]) for i in table["weaklabel_id"]]
        table.with_columns(pl.Series("label", labels)).write_csv(path)


def through_people(call, batch, known, folder, *, but=None):
    """Send a batch to people, answer it, read it back and judge it, by verbs; `call` runs one and gives its code."""
    folder = Path(folder) / batch
    for words in (
        ("batch", "export", batch, "table", str(folder)),
        ("batch", "move", batch, "sent"),
    ):
        assert call(*words) == 0, words
    answer(folder, known, but=but)
    for words in (
        ("gold", "import", "table", str(folder)),
        ("batch", "move", batch, "back"),
        ("gold", "judge", batch),
    ):
        assert call(*words) == 0, words
