"""What each labeler does, and how often it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import GoldError, VotesError
from weaklabel.label_matrix.gold import gold_table, join_gold
from weaklabel.label_matrix.matrix import LabelMatrix, as_patterns
from weaklabel.label_matrix.outcomes import Alphabet, Sets
from weaklabel.label_matrix.patterns import Int64, VotePatterns
from weaklabel.slices import Slices, slice_members


def lf_summary(
    votes: LabelMatrix | VotePatterns | npt.ArrayLike,
    *,
    gold: Any = None,
    outcomes: Sets | None = None,
    n_classes: int | None = None,
    names: Sequence[str] | None = None,
    frame: pl.DataFrame | pl.LazyFrame | None = None,
    slices: Slices | None = None,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """Summarise each labeler: the columns of Snorkel's LFAnalysis, with intervals where gold is known.

    Parameters
    ----------
    votes
        Votes in any form; for slices a `LabelMatrix`, whose rows have ids.
    gold
        Known labels, in the form that `label_model` takes them; unknown rows count neither as correct nor as
        incorrect.
    outcomes
        What the labelers' codes beyond the classes stand for, as `LFRegistry.outcome_codes` returns it; with
        `n_classes`, the number of classes. Two votes conflict where they have no class in common; a vote is right where
        the gold class is one of its classes.
    names
        Names to show instead of the labelers' ids.
    frame
        Rows that slices look at: `id` and any columns.
    slices
        Name to SQL text or Polars expression that is true on the rows of the slice.
    confidence
        Of the Wilson interval from `Acc. Low` to `Acc. High`.

    Returns
    -------
    One row per labeler: `labeler`, `j` its position, `Polarity` the codes it votes, and as shares of all rows
    `Coverage` (it votes), `Overlaps` (another votes too), `Conflicts` (votes of this row have no class in common). With gold also
    `Correct`, `Incorrect`, `Emp. Acc.`, `Acc. Low`, `Acc. High` (null for a labeler without a vote on gold).
    With slices the same once more for each slice, whose name stands in a first column `slice` (null: all rows).

    Raises
    ------
    VotesError
        Names and labelers differ in number; slices of votes without ids.
    GoldError, ConfigError, Problems
        Gold doesn't belong to the rows; a slice is no condition over `frame`.

    Examples
    --------
    >>> votes = LabelMatrix.from_numpy([[0, 0], [-1, 1], [1, 0], [-1, -1]], ids=["a", "b", "c", "d"])
    >>> lf_summary(votes).select("Polarity", "Coverage", "Overlaps", "Conflicts").rows()
    [([0, 1], 0.5, 0.5, 0.25), ([0, 1], 0.75, 0.5, 0.25)]
    >>> rows = pl.DataFrame({"id": ["a", "b", "c", "d"], "stars": [1, 1, 5, 5]})
    >>> sliced = lf_summary(votes, frame=rows, slices={"low": "stars < 3"})
    >>> sliced.filter(slice="low").select("labeler", "Coverage", "Conflicts").rows()
    [('0', 0.5, 0.0), ('1', 1.0, 0.0)]
    """
    patterns = as_patterns(votes)
    if names is not None and len(names) != len(patterns.labelers):
        raise VotesError(
            f"{len(names)} names for {len(patterns.labelers)} labelers", available=patterns.labelers
        )
    shown = list(names if names is not None else patterns.labelers)
    k = max(int(patterns.codes.max(initial=-1)), _top_gold(gold) if gold is not None else 0) + 1
    if outcomes:
        if n_classes is None:
            raise VotesError("outcomes count from the number of classes on", hint="n_classes=len(schema)")
        k = n_classes
    alphabet = Alphabet.of(k, outcomes, whole=True)
    right = gold_table(votes, patterns, gold, n_classes=k)
    whole = _summary(patterns, alphabet, patterns.counts, right, shown, confidence)
    if slices is None:
        return whole
    if not isinstance(votes, LabelMatrix) or patterns.inverse is None:
        raise VotesError("slices need votes with ids", hint="give the LabelMatrix, not an array or patterns")
    parts = [whole.insert_column(0, pl.lit(None, pl.String).alias("slice"))]
    codes = None if gold is None else join_gold(votes.ids, gold, k)
    for name, inside in slice_members(frame, slices, votes.ids, of="votes'").items():
        counts = np.bincount(patterns.inverse[inside], minlength=len(patterns))
        known = None if codes is None else patterns.gold_table(np.where(inside, codes, -1), n_classes=k)
        part = _summary(patterns, alphabet, counts, known, shown, confidence)
        parts.append(part.insert_column(0, pl.lit(name).alias("slice")))
    return pl.concat(parts)


def _summary(
    patterns: VotePatterns,
    alphabet: Alphabet,
    counts: Int64,
    gold: Int64 | None,
    names: Sequence[str],
    confidence: float,
) -> pl.DataFrame:
    """Summarise `counts` (u,) rows of each pattern, `gold` (u, k) of them with a known label."""
    m, n = len(names), max(int(counts.sum()), 1)
    voted = (patterns.codes >= 0) & (counts[patterns.pattern_index] > 0)
    row, who, code = patterns.pattern_index[voted], patterns.labeler_index[voted], patterns.codes[voted]
    means = alphabet.events(patterns)[voted]
    top = len(alphabet)
    pairs = np.unique(row * m + who)  # a labeler's repeated answers to a row cover it once
    pair_row, pair_who = pairs // m, pairs % m
    overlapped = np.bincount(pair_row, minlength=len(patterns)) > 1
    held = np.unique(row * top + means)
    clashing = _conflicted(held // top, held % top, alphabet, len(patterns))

    def share(chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        return _bincount(pair_who, counts[pair_row] * chosen[pair_row], m) / n

    table = pl.DataFrame(
        {
            "labeler": list(names),
            "j": range(m),
            "Polarity": [np.unique(code[who == j]).tolist() for j in range(m)],
            "Coverage": share(np.ones(len(patterns), bool)),
            "Overlaps": share(overlapped),
            "Conflicts": share(clashing),
        },
        schema_overrides={"labeler": pl.String, "j": pl.Int64, "Polarity": pl.List(pl.Int64)},
    )
    if gold is None:
        return table
    right = _bincount(who, _inside(gold, row, means, alphabet), m)
    total = _bincount(who, gold.sum(1)[row], m)
    return table.with_columns(_accuracy_columns(right, total, confidence))


def conflicted(patterns: VotePatterns, alphabet: Alphabet) -> npt.NDArray[np.bool_]:
    """Return which patterns hold two votes that no class can both be right about, (u,).

    Examples
    --------
    >>> votes = as_patterns([[3, 0], [3, 1], [0, -1]])
    >>> rows = conflicted(votes, Alphabet.of(3, {"0": [[1, 2]]}))[votes.inverse]
    >>> rows.tolist()  # "1 or 2" against 0, and beside 1
    [True, False, False]
    """
    voted = patterns.codes >= 0
    held = np.unique(patterns.pattern_index[voted] * len(alphabet) + alphabet.events(patterns)[voted])
    return _conflicted(held // len(alphabet), held % len(alphabet), alphabet, len(patterns))


def _conflicted(row: Any, means: Any, alphabet: Alphabet, u: int) -> npt.NDArray[np.bool_]:
    """Return which of u patterns hold two votes without a common class, from their distinct votes."""
    if not alphabet.sets:
        found: npt.NDArray[np.bool_] = np.bincount(row, minlength=u) > 1
        return found
    held = np.zeros((u, len(alphabet)), bool)
    held[row, means] = True
    members = alphabet.members.astype(np.int64)
    apart = (members @ members.T == 0).astype(np.int64)
    return np.asarray(((held.astype(np.int64) @ apart > 0) & held).any(axis=1))


def _inside(gold: Int64, row: Any, means: Any, alphabet: Alphabet) -> npt.NDArray[Any]:
    """Return the gold rows on which each vote is right."""
    hits: npt.NDArray[Any] = gold[row, np.minimum(means, alphabet.n_classes - 1)]
    for code in range(alphabet.n_classes, len(alphabet)):
        at = np.flatnonzero(means == code)
        hits[at] = gold[row[at]][:, alphabet.members[code]].sum(axis=1)
    return hits


def _bincount(who: Any, weights: Any, m: int) -> npt.NDArray[np.float64]:
    return np.bincount(who, weights=weights, minlength=m).astype(np.float64)


def _top_gold(gold: Any) -> int:
    if isinstance(gold, Mapping):
        for name, code in gold.items():
            if isinstance(code, bool) or not isinstance(code, int | np.integer):
                what = f"gold codes are integers, not {code!r}"
                raise GoldError(what, where=f"id {name!r}", hint="schema.code(label) gives a label's code")
        return max((int(code) for code in gold.values()), default=0)
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
