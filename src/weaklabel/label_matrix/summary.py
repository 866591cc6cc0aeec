"""What each labeler does, and how often it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import VotesError
from weaklabel.label_matrix.gold import gold_table
from weaklabel.label_matrix.matrix import LabelMatrix, as_patterns
from weaklabel.label_matrix.patterns import VotePatterns


def lf_summary(
    votes: LabelMatrix | VotePatterns | npt.ArrayLike,
    *,
    gold: Any = None,
    names: Sequence[str] | None = None,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """Summarise each labeler: the columns of Snorkel's LFAnalysis, with intervals where gold is known.

    Parameters
    ----------
    votes
        Votes in any form.
    gold
        Known labels, in the form that `label_model` takes them; unknown rows count neither as correct nor as
        incorrect.
    names
        Names to show instead of the labelers' ids.
    confidence
        Of the Wilson interval from `Acc. Low` to `Acc. High`.

    Returns
    -------
    One row per labeler: `labeler`, `j` its position, `Polarity` the codes it votes, and as shares of all rows
    `Coverage` (it votes), `Overlaps` (another votes too), `Conflicts` (votes of this row differ). With gold also
    `Correct`, `Incorrect`, `Emp. Acc.`, `Acc. Low`, `Acc. High` (null for a labeler without a vote on gold).

    Examples
    --------
    >>> votes = [[0, 0], [-1, 1], [1, 0], [-1, -1]]
    >>> lf_summary(votes).select("Polarity", "Coverage", "Overlaps", "Conflicts").rows()
    [([0, 1], 0.5, 0.5, 0.25), ([0, 1], 0.75, 0.5, 0.25)]
    """
    patterns = as_patterns(votes)
    m, n = len(patterns.labelers), max(patterns.n_rows, 1)
    if names is not None and len(names) != m:
        raise VotesError(f"{len(names)} names for {m} labelers", available=patterns.labelers)
    voted = patterns.codes >= 0
    row, who, code = patterns.pattern_index[voted], patterns.labeler_index[voted], patterns.codes[voted]
    top = int(code.max(initial=0)) + 1
    pairs = np.unique(row * m + who)  # a labeler's repeated answers to a row cover it once
    pair_row, pair_who = pairs // m, pairs % m
    overlapped = np.bincount(pair_row, minlength=len(patterns)) > 1
    distinct = np.unique(row * top + code) // top
    conflicted = np.bincount(distinct, minlength=len(patterns)) > 1

    def share(chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        weights = patterns.counts[pair_row] * chosen[pair_row]
        return _bincount(pair_who, weights, m) / n

    table = pl.DataFrame(
        {
            "labeler": list(names if names is not None else patterns.labelers),
            "j": range(m),
            "Polarity": [np.unique(code[who == j]).tolist() for j in range(m)],
            "Coverage": share(np.ones(len(patterns), bool)),
            "Overlaps": share(overlapped),
            "Conflicts": share(conflicted),
        },
        schema_overrides={"labeler": pl.String, "j": pl.Int64, "Polarity": pl.List(pl.Int64)},
    )
    if gold is None:
        return table
    counts = gold_table(votes, patterns, gold, n_classes=max(top, _top_gold(gold) + 1))
    assert counts is not None
    right = _bincount(who, counts[row, code], m)
    total = _bincount(who, counts.sum(1)[row], m)
    return table.with_columns(_accuracy_columns(right, total, confidence))


def _bincount(who: Any, weights: Any, m: int) -> npt.NDArray[np.float64]:
    return np.bincount(who, weights=weights, minlength=m).astype(np.float64)


def _top_gold(gold: Any) -> int:
    if isinstance(gold, Mapping):
        return max((int(v) for v in gold.values()), default=0)
    if isinstance(gold, pl.DataFrame):
        top = gold["code"].max() if "code" in gold.columns and gold["code"].dtype.is_integer() else 0
        return int(top or 0)  # type: ignore[arg-type]
    array = np.asarray(gold)
    return array.shape[1] - 1 if array.ndim == 2 else int(array.max(initial=0))


def _accuracy_columns(right: Any, total: Any, confidence: float) -> list[pl.Series]:
    from weaklabel.stats import wilson

    found = [
        wilson(int(k), int(n), confidence=confidence) if n else None
        for k, n in zip(right, total, strict=True)
    ]
    return [
        pl.Series("Correct", right.astype(np.int64)),
        pl.Series("Incorrect", (total - right).astype(np.int64)),
        pl.Series("Emp. Acc.", [e and e.value for e in found], pl.Float64),
        pl.Series("Acc. Low", [e and e.low for e in found], pl.Float64),
        pl.Series("Acc. High", [e and e.high for e in found], pl.Float64),
    ]
