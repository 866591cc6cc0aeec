"""Gold labels, counted per pattern of votes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import GoldError
from weaklabel.label_matrix.matrix import LabelMatrix
from weaklabel.label_matrix.patterns import Int64, VotePatterns, gold_array


def gold_table(
    votes: LabelMatrix | VotePatterns | npt.ArrayLike, patterns: VotePatterns, gold: Any, *, n_classes: int
) -> Int64 | None:
    """Count gold labels per pattern, from whichever form goes with the votes.

    Parameters
    ----------
    votes
        What the user gave.
    patterns
        The patterns of these votes.
    gold
        None; for a `LabelMatrix` a mapping id to code or a frame with columns `id` and `code`, joined by id; for
        an array (n,) integers, -1 unknown; for `VotePatterns` either these, or a (u, k) table of counts.
    n_classes
        Number of classes.

    Raises
    ------
    GoldError
        Unknown or doubled ids, codes out of range, wrong shape or type.

    Examples
    --------
    >>> votes = LabelMatrix.from_numpy([[0], [1]], ids=["a", "b"])
    >>> gold_table(votes, votes.patterns(), {"b": 1}, n_classes=2).sum(0).tolist()
    [0, 1]
    """
    if gold is None:
        return None
    if isinstance(votes, LabelMatrix):
        return patterns.gold_table(join_gold(votes.ids, gold, n_classes), n_classes=n_classes)
    if isinstance(votes, VotePatterns) and np.ndim(gold) == 2:
        table = np.asarray(gold)
        if table.shape != (len(patterns), n_classes) or not np.issubdtype(table.dtype, np.integer):
            expected = f"({len(patterns)}, {n_classes})"
            raise GoldError(
                f"gold of patterns is an integer table {expected}, not {table.dtype} {table.shape}"
            )
        if (table < 0).any() or (table.sum(1) > patterns.counts).any():
            raise GoldError("a pattern has more gold labels than rows, or a negative number of them")
        return table.astype(np.int64)
    return patterns.gold_table(gold, n_classes=n_classes)


def gold_weights(
    votes: LabelMatrix | VotePatterns | npt.ArrayLike,
    patterns: VotePatterns,
    gold: Any,
    inclusion: Any,
    *,
    n_classes: int,
) -> npt.NDArray[np.float64]:
    """Sum up the weights of gold rows that were not all equally likely to be drawn, (u, k) float64.

    A row weighs 1 over the probability with which it was drawn (Horvitz and Thompson 1952), times one number for
    all rows, such that the weights sum to the effective number of rows, (sum w)^2 / sum w^2 (Kish 1965).

    Parameters
    ----------
    votes, patterns, gold, n_classes
        As in `gold_table`; gold in the form of rows, not as a table of counts.
    inclusion
        For a `LabelMatrix` a mapping id to probability; for an array (n,) numbers, read where gold is known.

    Raises
    ------
    GoldError
        A gold row without a probability, or one that is not above 0 and at most 1.

    Examples
    --------
    >>> votes = LabelMatrix.from_numpy([[0], [1]], ids=["a", "b"])
    >>> gold_weights(votes, votes.patterns(), {"a": 0, "b": 1}, {"a": 1.0, "b": 0.5}, n_classes=2).sum(0).round(2)
    array([0.6, 1.2])
    """
    if patterns.inverse is None:
        raise GoldError(
            "inclusion probabilities go with gold rows, not with counts", hint="give gold row by row"
        )
    if isinstance(votes, LabelMatrix):
        codes = join_gold(votes.ids, gold, n_classes)
        given = inclusion if isinstance(inclusion, Mapping) else {}
        each = np.array([given.get(id, np.nan) for id in votes.ids], np.float64)
    elif np.ndim(gold) != 1:
        raise GoldError(
            "inclusion probabilities go with gold rows, not with counts", hint="give gold row by row"
        )
    else:
        codes = gold_array(gold, len(patterns.inverse), n_classes)
        each = np.asarray(inclusion, np.float64)
        if each.shape != codes.shape:
            raise GoldError(f"inclusion has the shape {each.shape}; the votes have {len(codes)} rows")
    known = codes >= 0
    wrong = np.flatnonzero(known & ~((each > 0) & (each <= 1)))
    if len(wrong):
        row = votes.ids[int(wrong[0])] if isinstance(votes, LabelMatrix) else f"row {wrong[0]}"
        raise GoldError(
            f"inclusion probability {each[wrong[0]]:g} of a gold row",
            where=str(row),
            hint="above 0, at most 1",
        )
    weight = 1 / each[known]
    weight *= weight.sum() / (weight * weight).sum() if len(weight) else 1.0
    cells = patterns.inverse[known] * n_classes + codes[known]
    order = np.lexsort((weight, cells))  # whatever the order of the rows
    flat: npt.NDArray[np.float64] = np.bincount(
        cells[order], weights=weight[order], minlength=len(patterns) * n_classes
    ).astype(np.float64)
    return flat.reshape(len(patterns), n_classes)


def join_gold(ids: pl.Series, gold: Any, n_classes: int) -> Int64:
    """Return gold codes (n,) in the order of the ids, -1 where unknown; see `gold_table`."""
    if isinstance(gold, Mapping):
        frame = pl.DataFrame({"id": list(gold), "code": list(gold.values())}, strict=False)
    elif isinstance(gold, pl.DataFrame):
        frame = gold
    else:
        hint = "{id: code}, or a frame with columns id and code; rows are never joined by position"
        raise GoldError(
            f"gold of a LabelMatrix is joined by id, and a {type(gold).__name__} has none", hint=hint
        )
    for name in ("id", "code"):
        if name not in frame.columns:
            hint = "codes are a class's position in the schema: schema.code(label)"
            raise GoldError(f"gold has no column {name!r}", available=frame.columns, hint=hint)
    if not frame.height:
        return np.full(len(ids), -1, np.int64)
    if frame["code"].null_count() or not frame["code"].dtype.is_integer():
        raise GoldError(f"gold codes are integers without nulls, not {frame['code'].dtype}")
    table = frame.select(pl.col("id").cast(pl.String), pl.col("code").cast(pl.Int64))
    double = table.filter(pl.col("id").is_duplicated())
    if double.height:
        raise GoldError(f"gold has several labels for {_quoted(double['id'])}", hint="one row per id")
    unknown = table.filter(~pl.col("id").is_in(ids.implode()))
    if unknown.height:
        names = _quoted(unknown["id"])
        raise GoldError(
            f"gold has {unknown.height} ids that are not among the votes: {names}", available=ids.head(5)
        )
    out = table.filter(~pl.col("code").is_between(-1, n_classes - 1))
    if out.height:
        ident, code = out.row(0)
        raise GoldError(f"gold code {code} is out of range: 0 to {n_classes - 1}", where=f"id {ident!r}")
    joined = ids.rename("id").to_frame().join(table, on="id", how="left", maintain_order="left")
    return joined["code"].fill_null(-1).to_numpy()


def _quoted(ids: pl.Series, limit: int = 5) -> str:
    distinct = ids.unique(maintain_order=True).to_list()
    more = f", … {len(distinct) - limit} more" if len(distinct) > limit else ""
    return ", ".join(map(repr, distinct[:limit])) + more
