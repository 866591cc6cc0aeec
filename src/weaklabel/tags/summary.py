"""What each rule of a task with several labels a row does, and how often it is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.lf import LFRegistry
from weaklabel.stats import wilson
from weaklabel.tags.events import AGAINST, IMPLIED, MEMBER
from weaklabel.tags.votes import TagVotes

Float = npt.NDArray[np.float64]


def rule_summary(
    votes: TagVotes, registry: LFRegistry, *, gold: pl.DataFrame | None = None, confidence: float = 0.95
) -> pl.DataFrame:
    """Summarise the rules of a task whose rows may have several labels, in the columns of `lf_summary`.

    Parameters
    ----------
    votes
        Their votes.
    registry
        The rules.
    gold
        Known tags, `id` and `labels` (lists); what stands above a gold tag is taken to be there too.
    confidence
        Of the Wilson interval from `Acc. Low` to `Acc. High`.

    Returns
    -------
    One row per rule: `labeler`, `j` its position, `label` what it may say, in words, and as shares of all rows
    `Coverage` (it votes), `Overlaps` (another rule votes too), `Conflicts` (another rule denies a tag that it names, or
    names one that it denies; naming a tag names those above it). With gold also `Correct`, `Incorrect`, `Emp. Acc.`,
    `Acc. Low`, `Acc. High`: a vote for a tag is right where gold has the tag or one below it, a set where it has one of
    them, a denial where it has none of them.

    Raises
    ------
    VotesError
        There is gold, and the votes don't know the ids of their rows.

    Examples
    --------
    >>> from weaklabel.label_matrix import LabelMatrix
    >>> from weaklabel.lf import regex
    >>> from weaklabel.schema import Label, LabelSchema, none_of
    >>> schema = LabelSchema(["animal", Label("cat", parents=("animal",))], exclusive=False)
    >>> rules = LFRegistry([regex("purrs", "purr", label="cat"), regex("stone", "stone", label=none_of("animal"))],
    ...                    schema=schema)
    >>> matrix = LabelMatrix.from_numpy([[0, -1], [0, 0], [-1, -1]], ids=["a", "b", "c"], labelers=["purrs", "stone"])
    >>> gold = pl.DataFrame({"id": ["a", "b"], "labels": [["cat"], []]})
    >>> told = rule_summary(TagVotes.of(matrix, rules), rules, gold=gold)
    >>> told.select("labeler", "label", "Coverage", "Conflicts", "Correct", "Incorrect").rows()
    [('purrs', 'cat', 0.6666666666666666, 0.3333333333333333, 1, 1), ('stone', 'not animal', 0.3333333333333333, 0.3333333333333333, 1, 0)]
    """
    places = {rule.id: j for j, rule in enumerate(registry)}
    owner = np.array([places[id] for id, _ in votes.events.said], np.int64)
    row = np.repeat(np.arange(len(votes)), np.diff(votes.indptr))
    who = owner[votes.said]
    pairs = np.unique(row * len(registry) + who)
    pair_row, pair_who = pairs // len(registry), pairs % len(registry)
    several = np.bincount(pair_row, minlength=len(votes)) > 1
    clashes = np.isin(pairs, _clashes(votes, row, who, len(registry)))
    total = max(votes.n_rows, 1)

    def share(chosen: npt.NDArray[np.bool_]) -> Float:
        found: Float = np.bincount(
            pair_who, weights=votes.counts[pair_row] * chosen, minlength=len(registry)
        ).astype(np.float64)
        return found / total

    table = pl.DataFrame(
        {
            "labeler": list(registry.ids),
            "j": range(len(registry)),
            "label": [" / ".join(outcome.name for outcome in registry.alphabet(rule)) for rule in registry],
            "Coverage": share(np.ones(len(pairs), bool)),
            "Overlaps": share(several[pair_row]),
            "Conflicts": share(clashes),
        },
        schema_overrides={"labeler": pl.String, "j": pl.Int64, "label": pl.String},
    )
    if gold is None:
        return table
    right = _right(votes, gold)
    right = right.with_columns(pl.Series("j", owner[right["event"].to_numpy()], dtype=pl.Int64))
    counted = right.group_by("j").agg(
        pl.col("right").sum().cast(pl.Int64).alias("Correct"), pl.len().cast(pl.Int64).alias("all")
    )
    table = table.join(counted, on="j", how="left", maintain_order="left")
    return (
        table.with_columns(
            pl.col("Correct").fill_null(0),
            (pl.col("all") - pl.col("Correct")).fill_null(0).alias("Incorrect"),
        )
        .with_columns(_intervals(table, confidence))
        .drop("all")
    )


def _clashes(
    votes: TagVotes, row: npt.NDArray[np.int64], who: npt.NDArray[np.int64], m: int
) -> npt.NDArray[np.int64]:
    """Return `row * m + rule` of rules that another one contradicts: one names a tag that the other denies."""
    events = votes.events
    sure = events.kinds != MEMBER  # one of a set may well be denied
    links = pl.DataFrame(
        {"event": events.owners[sure], "tag": events.tags[sure], "against": events.kinds[sure] == AGAINST}
    )
    said = pl.DataFrame({"row": row, "who": who, "event": votes.said}).join(links, on="event")
    members = said.join(
        said.select("row", "tag", pl.col("who").alias("other"), (~pl.col("against")).alias("against")),
        on=["row", "tag", "against"],
    ).filter(pl.col("who") != pl.col("other"))
    return (members["row"] * m + members["who"]).unique().to_numpy()


def _right(votes: TagVotes, gold: pl.DataFrame) -> pl.DataFrame:
    """Return `event` and whether it is right, a row for each vote on a row with gold."""
    events, codes = votes.events, {name: code for code, name in enumerate(votes.tags)}
    rows = (
        gold.select("id", "labels")
        .with_columns(pl.Series("row", votes.rows_of(gold["id"])))
        .filter(pl.col("row") >= 0)
    )
    there = {
        (number, int(code))
        for number, labels in enumerate(rows["labels"].to_list())
        for code in events.taxonomy.closed([codes[name] for name in labels])
    }
    known = pl.DataFrame(
        {"item": [item for item, _ in there], "tag": [tag for _, tag in there]},
        schema={"item": pl.Int64, "tag": pl.Int32},
    ).with_columns(there=True)
    keep = events.kinds != IMPLIED
    links = pl.DataFrame(
        {"event": events.owners[keep], "tag": events.tags[keep], "against": events.kinds[keep] == AGAINST}
    )
    row = np.repeat(np.arange(len(votes)), np.diff(votes.indptr))
    said = pl.DataFrame({"row": row, "event": votes.said})
    items = rows.select("row").with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("item"))
    told: Any = items.join(said, on="row").join(links, on="event").join(known, on=["item", "tag"], how="left")
    hits = told.group_by("item", "event").agg(
        pl.col("there").any().fill_null(False), pl.col("against").first()
    )
    return hits.select(pl.col("event").cast(pl.Int64), (pl.col("there") != pl.col("against")).alias("right"))


def _intervals(table: pl.DataFrame, confidence: float) -> list[pl.Series]:
    found = [
        wilson(int(right), int(n), confidence=confidence) if n else None
        for right, n in table.select("Correct", "all").iter_rows()
    ]
    return [
        pl.Series("Emp. Acc.", [e and e.value for e in found], pl.Float64),
        pl.Series("Acc. Low", [e and e.low for e in found], pl.Float64),
        pl.Series("Acc. High", [e and e.high for e in found], pl.Float64),
    ]
