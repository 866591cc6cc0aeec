"""One Snorkel LabelModel a tag: each vote that names or denies the tag is a vote of two classes; sets are abstentions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.fingerprint import fingerprint
from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model import create
from weaklabel.tags import TagVotes
from weaklabel.tags.events import AGAINST, PRESENT

Bool = npt.NDArray[np.bool_]
FEWEST = 3
"""Rules that Snorkel's LabelModel needs; a tag with fewer is decided by majority vote."""


def columns(votes: TagVotes, tag: str) -> npt.NDArray[np.int8]:
    """Return (distinct rows, rules) the votes on a tag: 1 present, 0 absent, -1 nothing said."""
    events, code = votes.events, votes.tags.index(tag)
    links = np.flatnonzero((events.tags == code) & np.isin(events.kinds, (PRESENT, AGAINST)))
    row = np.repeat(np.arange(len(votes)), np.diff(votes.indptr))
    rules: dict[str, npt.NDArray[np.int8]] = {}
    for link in links:
        event = events.owners[link]
        rows = row[votes.said == event]
        if len(rows):
            column = rules.setdefault(events.said[event][0], np.full(len(votes), -1, np.int8))
            column[rows] = 1 if events.kinds[link] == PRESENT else 0
    return np.stack(list(rules.values()), axis=1) if rules else np.empty((len(votes), 0), np.int8)


def snorkel_a_tag(
    votes: TagVotes, tags: list[str], otherwise: Bool, gold: pl.DataFrame | None, kept: Path
) -> tuple[Bool, list[str]]:
    """Return (projects, tags) which tags Snorkel gives, and the tags with too few rules, which are as in `otherwise`.

    Snorkel is fitted on all projects; gold gives it the share of the tag, its only use of gold. A tag is given where
    its probability is over one half and something was said about it. Fits take long: answers are kept in a folder, by
    what they follow from.
    """
    found, few = otherwise.copy(), []
    for i, tag in enumerate(tags):
        cells = columns(votes, tag)[votes.inverse]
        if cells.shape[1] < FEWEST:
            few.append(tag)
            continue
        known = (
            None
            if gold is None
            else {row["id"]: int(tag in row["labels"]) for row in gold.iter_rows(named=True)}
        )
        balance = None if known is None else [len(known), sum(known.values())]
        path = kept / f"snorkel-{fingerprint([cells.tobytes(), balance])}.npy"
        if not path.is_file():
            matrix = LabelMatrix.from_numpy(cells, ids=list(votes.ids))
            fitted = create("snorkel", n_classes=2).fit(matrix, gold=known)
            np.save(path, fitted.predict_proba(matrix)[:, 1] > 0.5)
        found[:, i] = np.load(path) & (cells >= 0).any(axis=1)
    return found, few
