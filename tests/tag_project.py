"""A tiny project whose rows may have several tags, some of them above others."""

from pathlib import Path

import polars as pl

SCHEMA = """
exclusive: false
labels:
  - delivery
  - {name: late, parents: [delivery], aliases: [delayed]}
  - {name: lost, parents: [delivery]}
  - {name: money, description: anything about paying}
  - {name: refund, parents: [money]}
  - praise
"""
RULES = """
rules:
  - {name: slow, kind: keywords, label: delayed, terms: [late, slow, days]}
  - {name: gone, kind: keywords, label: lost, terms: [lost, never came]}
  - {name: parcel, kind: keywords, label: {any_of: [late, lost]}, terms: [parcel]}
  - {name: back, kind: regex, label: refund, pattern: '(?i)money back|refund'}
  - {name: pays, kind: keywords, label: money, terms: [paid, charged]}
  - {name: thanks, kind: keywords, label: praise, terms: [thanks, great]}
  - {name: angry, kind: regex, label: {none_of: [praise]}, pattern: '!!'}
"""
ROWS = [
    ("the parcel is late", ["delivery", "late"]),
    ("my parcel got lost, I want my money back", ["delivery", "lost", "refund", "money"]),
    ("you charged me twice", ["money"]),
    ("great, thanks", ["praise"]),
    ("great!! it took ten days", ["delivery", "late"]),
    ("hello", []),
    ("it never came and I paid for it", ["delivery", "lost", "money"]),
    ("thanks for the refund", ["praise", "refund", "money"]),
    ("slow, slow, slow!!", ["delivery", "late"]),
    ("what is this parcel", ["delivery"]),
    ("refund me!!", ["refund", "money"]),
    ("the shop is great", ["praise"]),
]


def make(folder: Path, *, gold: bool = True, times: int = 2) -> Path:
    """Write the project and return its folder; ids are `0-0`, `0-1`, …, and gold is in `gold.jsonl`."""
    (folder / "conf" / "task").mkdir(parents=True)
    (folder / "conf" / "config.yaml").write_text(
        "defaults:\n  - base\n  - task: desk\n  - label_model: default\n  - engine: local\n  - tracking: none\n"
        "  - experiment: null\n  - _self_\nplots: false\nevaluation: {classifier: false}\n"
    )
    scored = "gold: {path: gold.jsonl}\n" if gold else ""
    (folder / "conf" / "task" / "desk.yaml").write_text(
        f"name: desk\nrules: rules\ncorpus: {{path: rows.parquet, id: id}}\n{scored}"
    )
    (folder / "rules").mkdir()
    (folder / "rules" / "schema.yaml").write_text(SCHEMA, encoding="utf-8")
    (folder / "rules" / "rules.yaml").write_text(RULES, encoding="utf-8")
    rows = [
        {"id": f"{n}-{i}", "text": text, "labels": labels}
        for n in range(times)
        for i, (text, labels) in enumerate(ROWS)
    ]
    frame = pl.DataFrame(rows, schema={"id": pl.String, "text": pl.String, "labels": pl.List(pl.String)})
    frame.select("id", "text").write_parquet(folder / "rows.parquet")
    if gold:
        frame.select("id", "labels").write_ndjson(folder / "gold.jsonl")
    return folder
