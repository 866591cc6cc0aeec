"""A tiny project for bulk relabeling: a few Parquet files, each a shard, and four rules."""

import copy
from pathlib import Path

import polars as pl

from weaklabel import config
from weaklabel.pipeline.relabeling.relabel import relabel
from weaklabel.store.label_table import LabelTable

SCHEMA = "labels: [ham, {name: spam, aliases: [junk]}]\n"
RULES = """
rules:
  - {name: link, kind: regex, label: spam, pattern: 'https?://'}
  - {name: shouts, kind: regex, label: junk, pattern: '^[^a-z]+$'}
  - {name: short, kind: where, label: ham, sql: "length(text) < 9"}
  - {name: thanks, kind: keywords, label: ham, terms: [thanks, hello]}
"""
TEXTS = [
    "see http://x",
    "BUY NOW",
    "ok",
    "hello there all",
    "HTTP://Y",
    "fine, thanks a lot",
    "NO",
    "nothing at all",
]
_COMPOSED = {}
TRUTH = ["spam", "spam", "ham", "ham", "spam", "ham", "ham", "ham"]


def make(folder: Path, *, files: int = 4, rows: int = 6, gold: bool = True, engine: str = "local") -> Path:
    """Write the project and return its folder."""
    (folder / "conf" / "task").mkdir(parents=True)
    (folder / "conf" / "config.yaml").write_text(
        f"defaults:\n  - base\n  - task: tiny\n  - label_model: default\n  - engine: {engine}\n  - tracking: none\n"
        "  - experiment: null\n  - _self_\nplots: false\nevaluation: {classifier: false}\n"
    )
    scored = "gold: {path: gold.csv}\n" if gold else ""
    (folder / "conf" / "task" / "tiny.yaml").write_text(
        f"name: tiny\nrules: rules\ncorpus: {{path: data, id: id}}\n{scored}"
    )
    (folder / "rules").mkdir()
    (folder / "rules" / "schema.yaml").write_text(SCHEMA)
    (folder / "rules" / "rules.yaml").write_text(RULES)
    (folder / "data").mkdir()
    for number in range(files):
        add_file(folder, number, rows=rows)
    if gold:
        known = rows_of(0, rows).select("id", label="truth")
        known.write_csv(folder / "gold.csv")
    return folder


def rows_of(number: int, rows: int) -> pl.DataFrame:
    """Return the rows of a file: texts differ from file to file."""
    at = [(number * 3 + i * (1 + number % 3)) % len(TEXTS) for i in range(rows)]
    return pl.DataFrame(
        {
            "id": [f"r{number}-{i}" for i in range(rows)],
            "text": [TEXTS[i] for i in at],
            "truth": [TRUTH[i] for i in at],
        }
    )


def add_file(folder: Path, number: int, *, rows: int = 6) -> Path:
    """Write one file of the corpus."""
    path = folder / "data" / f"part-{number}.parquet"
    rows_of(number, rows).write_parquet(path)
    return path


def add_rule(folder: Path, text: str) -> None:
    """Add a line of YAML to the rules."""
    path = folder / "rules" / "rules.yaml"
    path.write_text(path.read_text() + f"  - {text}\n")


def go(folder: Path, *words: str, **options):
    """Relabel."""
    return relabel(settings(folder, *words), folder, **options)


def settings(folder: Path, *words: str):
    """Return the project's settings; composing them takes longer than most tests, so it is done once for each text."""
    texts = [path.read_text() for path in sorted((folder / "conf").rglob("*.yaml"))]
    key = ("\n".join(texts), words)
    if key not in _COMPOSED:
        _COMPOSED[key] = config.load(folder, list(words))
    return copy.deepcopy(_COMPOSED[key])


def table(folder: Path) -> LabelTable:
    """Return the label table."""
    return LabelTable(folder / ".weaklabel" / "labels" / "tiny")


def data_files(folder: Path) -> dict[str, bytes]:
    """Return the data files of the newest version, with their bytes."""
    root = table(folder)
    return {name: (Path(root.root) / name).read_bytes() for name in root.files()}


def attempt(folder: str, words: list[str]) -> None:
    """Relabel in a process of its own, which may be killed."""
    go(Path(folder), *words)
