"""What the label model of a run believes of rules and classes, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from weaklabel.label_matrix import Sets, VotePatterns
from weaklabel.label_model import LabelModel
from weaklabel.label_model.beliefs import Beliefs, beliefs
from weaklabel.pipeline.labels import fit
from weaklabel.pipeline.votes import Observer
from weaklabel.settings import Config

MOST = 60_000
"""Distinct rows times classes up to which a run refits its model a hundred times: some seconds."""
SLOW = ("snorkel",)
"""Models whose single fit takes seconds."""


def believed(
    config: Config,
    patterns: VotePatterns,
    *,
    n_classes: int,
    outcomes: Sets | None = None,
    tell: Observer | None = None,
) -> Beliefs | None:
    """Return what the configured label model believes after seeing the votes alone; None where that takes long.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> votes = as_patterns([[0, 0, 0], [1, 1, 1], [0, 0, 1]] * 20)
    >>> found = believed(Config(label_model={"name": "majority_vote"}), votes, n_classes=2)
    >>> found.labelers["identified"].to_list()
    [True, True, True]
    """
    heard = int((patterns.n_votes > 0).sum())
    if not heard or heard * n_classes > MOST or config.label_model["name"] in SLOW:
        return None
    bare = replace(config, calibrator=None)  # calibrators learn from gold, beliefs are of votes

    def again(some: VotePatterns) -> LabelModel:
        model: LabelModel = fit(bare, some, n_classes=n_classes, outcomes=outcomes)
        return model

    return beliefs(patterns, again, seed=config.seed, tell=tell)


def with_beliefs(rules: pl.DataFrame, found: Beliefs | None) -> pl.DataFrame:
    """Return the table of rules with what the model believes of each: `By Model` with ends, and `Identified`.

    Examples
    --------
    >>> with_beliefs(pl.DataFrame({"labeler": ["loud"]}), None).columns
    ['labeler']
    """
    if found is None:
        return rules
    names = {
        "precision": "By Model",
        "precision_low": "By Model Low",
        "precision_high": "By Model High",
        "identified": "Identified",
    }
    known = found.labelers.select("labeler", *(pl.col(old).alias(new) for old, new in names.items()))
    return rules.join(known, on="labeler", how="left", maintain_order="left")


def belief_notes(found: Beliefs | None) -> list[str]:
    """Say what a reader should know of these beliefs.

    Examples
    --------
    >>> lines = pl.DataFrame({"labeler": ["loud"], "identified": [False]})
    >>> belief_notes(Beliefs(lines, lines, (), copies=(("a", "b"),), converged=True))[0]
    '1 rule meets too few others for votes alone to say how good: loud'
    """
    if found is None:
        return []
    notes = []
    alone = found.labelers.filter(~pl.col("identified"))["labeler"].to_list()
    if alone:
        which = "1 rule meets" if len(alone) == 1 else f"{len(alone)} rules meet"
        notes.append(f"{which} too few others for votes alone to say how good: {_some(alone)}")
    for group in found.copies:
        notes.append(f"heard once, since they say the same: {_some(group)}")
    if found.converged is False:
        notes.append("the fit stopped before the weights came to rest: read close probabilities with care")
    return notes


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return ", ".join(ids[:3]) + more
