"""What is compared: each system's answers as one table of booleans, projects by scored tags."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

import weaklabel as wl
from weaklabel.tags import TagMajority, TagModel, TagVotes

Bool = npt.NDArray[np.bool_]


def cast(rules: wl.LFRegistry, projects: pl.DataFrame) -> TagVotes:
    """Return the votes of rules on all projects."""
    return TagVotes.of(
        wl.LFApplier(rules).apply(projects.select("id", "title", "description", "text")), rules
    )


def given(table: pl.DataFrame, tags: list[str]) -> Bool:
    """Return (rows, tags) which tags a label table gives."""
    return np.array([[tag in row for tag in tags] for row in map(set, table["labels"].to_list())], bool)


def fired(votes: TagVotes, tags: list[str]) -> Bool:
    """Return the tags that a rule names, without those above them: rules that each vote for one tag."""
    place = {tag: i for i, tag in enumerate(tags)}
    found = np.zeros((len(votes), len(tags)), bool)
    for row, event in zip(np.repeat(np.arange(len(votes)), np.diff(votes.indptr)), votes.said, strict=True):
        tag = votes.events.said[event][1].labels[0]
        if tag in place:
            found[row, place[tag]] = True
    return found[votes.inverse]


def majority(votes: TagVotes, schema: wl.LabelSchema) -> pl.DataFrame:
    """Return what more than half of the votes on a tag speak for, with all above it."""
    return TagMajority(schema=schema).fit(votes).predict(votes).table()


def model(votes: TagVotes, schema: wl.LabelSchema, gold: pl.DataFrame | None) -> pl.DataFrame:
    """Return what the model of tags gives."""
    return TagModel(schema=schema).fit(votes, gold=gold).predict(votes).table()
