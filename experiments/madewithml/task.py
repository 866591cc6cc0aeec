"""The task of the study: projects, tags and rules, made from the public files into the project's own folder."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import polars as pl
import yaml

import weaklabel as wl
from weaklabel.fingerprint import event_hash
from weaklabel.lf.regex import regex

PROJECT = Path(__file__).resolve().parents[2]
RULES = PROJECT / "labeling_functions" / "madewithml"
MADE = PROJECT / ".weaklabel" / "madewithml"
READ, SEED = 300, 1
"""Projects that were read before rules were written, and the seed of the hash that drew them."""
FEWEST = 30
"""Tags are scored that at least so many projects have."""
PARENTS = {"decision-tree": "decision-trees"}
"""Parents that the taxonomy names by another word than the tag's own."""


def source() -> Path:
    """Return the folder with the public files, or stop with a word on what is missing."""
    folder = os.environ.get("WEAKLABEL_DATA")
    if not folder:
        sys.exit(
            "WEAKLABEL_DATA is not set: it names the folder with the public data; see experiments/README.md"
        )
    return Path(folder) / "madewithml"


def read_projects(folder: Path) -> pl.DataFrame:
    """Return id, title, description, text (title, line break, description) and the authors' tags, as they give them."""
    projects = json.loads((folder / "projects.json").read_text(encoding="utf-8"))
    return pl.DataFrame(
        {
            "id": [str(one["id"]) for one in projects],
            "title": [one["title"] for one in projects],
            "description": [one["description"] or "" for one in projects],
            "text": [f"{one['title']}\n{one['description'] or ''}" for one in projects],
            "tags": [one["tags"] for one in projects],
        }
    )


def make_schema(folder: Path, projects: pl.DataFrame) -> wl.LabelSchema:
    """Return the taxonomy, the parents that it names and does not list, and the tags outside it that are scored."""
    entries = json.loads((folder / "tags.json").read_text(encoding="utf-8"))
    own = {entry["tag"]: entry["tag"] for entry in entries}
    own |= {alias: entry["tag"] for entry in entries for alias in entry["aliases"] if alias not in own}
    own |= PARENTS
    parents = {entry["tag"]: tuple(own.get(name, name) for name in entry["parents"]) for entry in entries}
    above = sorted({name for names in parents.values() for name in names} - set(parents))
    outside = [tag for tag in counts(projects) if tag not in parents and tag not in above]
    labels = [wl.Label(name) for name in [*above, *outside]]
    labels += [
        wl.Label(entry["tag"], aliases=tuple(entry["aliases"]), parents=parents[entry["tag"]])
        for entry in entries
    ]
    return wl.LabelSchema(labels, name="madewithml", version="1", exclusive=False)


def counts(projects: pl.DataFrame) -> dict[str, int]:
    """Return the tags that at least 30 projects have, with how many, the most frequent first."""
    distinct = projects.select("id", pl.col("tags").list.unique()).explode("tags")
    found = (
        distinct.group_by("tags")
        .len()
        .filter(pl.col("len") >= FEWEST)
        .sort("len", "tags", descending=[True, False])
    )
    return dict(found.iter_rows())


def drawn_to_read(projects: pl.DataFrame) -> set[str]:
    """Return the ids of the 300 projects with the smallest seeded hash of their id."""
    return set(sorted(projects["id"], key=lambda id: (event_hash(f"read {id}", SEED), id))[:READ])


def draw(projects: pl.DataFrame, size: int, seed: int) -> pl.DataFrame:
    """Return gold: the projects of the smallest seeded hash among those that were not read."""
    free = projects.filter(~pl.col("read"))["id"].to_list()
    chosen = sorted(free, key=lambda id: (event_hash(f"gold {id}", seed), id))[:size]
    return projects.filter(pl.col("id").is_in(chosen)).select("id", "labels")


def prepare(rules: Path = RULES, made: Path = MADE) -> tuple[pl.DataFrame, wl.LabelSchema, list[str]]:
    """Write schema.yaml beside the rules, and corpus and gold; return projects, schema and the scored tags.

    Gold holds the authors' tags that the schema knows, a `|` between two. It leaves out the projects that were read.
    """
    folder = source()
    projects = read_projects(folder)
    schema = make_schema(folder, projects)
    known = (
        pl.col("tags")
        .list.eval(pl.element().filter(pl.element().is_in(list(schema.names))))
        .list.unique(maintain_order=True)
    )
    projects = projects.with_columns(
        known.alias("labels"), pl.col("id").is_in(list(drawn_to_read(projects))).alias("read")
    )
    made.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(schema.to_dict(), sort_keys=False, allow_unicode=True)
    (rules / "schema.yaml").write_text(text, encoding="utf-8")
    projects.select("id", "title", "description", "text").write_parquet(made / "projects.parquet")
    projects.filter(~pl.col("read")).select("id", pl.col("labels").list.join("|")).write_csv(
        made / "gold.csv"
    )
    return projects, schema, list(counts(projects))


def in_taxonomy(schema: wl.LabelSchema, tags: list[str]) -> list[str]:
    """Return the scored tags that the taxonomy lists: all that came with it carry a name of its file."""
    listed = {entry["tag"] for entry in json.loads((source() / "tags.json").read_text(encoding="utf-8"))}
    return [tag for tag in tags if tag in listed]


def alias_rules(schema: wl.LabelSchema) -> list[wl.LabelingFunction]:
    """Return the plainest rules there are: name or alias as whole words, in any case, a hyphen or a space between words."""

    def spelled(name: str) -> str:
        return "[- ]".join(re.escape(word) for word in re.split(r"[-\s]+", name))

    return [
        regex(
            f"alias of {label.name}",
            "|".join(rf"(?<!\w){spelled(name)}(?!\w)" for name in (label.name, *label.aliases)),
            label=label.name,
            case="ignore",
            id=f"alias.{i}",
        )
        for i, label in enumerate(schema.labels)
    ]


if __name__ == "__main__":
    projects, schema, scored = prepare()
    print(
        f"{projects.height} projects, {len(schema)} tags, {len(scored)} of them scored; {RULES / 'schema.yaml'}"
    )
