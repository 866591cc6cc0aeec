"""Answers about tags: for each row the tags that may apply, with probabilities, and which are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import VotesError
from weaklabel.schema import TAG_COLUMNS
from weaklabel.tags.taxonomy import Above

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Float32 = npt.NDArray[np.float32]
Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TagScores:
    """The candidates of each distinct row: tags that a vote touches, and those above them; every other tag has its base rate.

    A parent is at least as probable as what stands below it.

    Parameters
    ----------
    tags
        Names, in schema order.
    indptr, codes, probabilities
        Candidates of each distinct row: (u + 1,) int64, (candidates,) int32, float32; codes ascend within a row.
    base
        (k,) float32: probability of a tag of which nothing is said.
    taxonomy
        What stands above what.
    n_votes, keys
        (u,) int64: votes of each distinct row, and its key.
    inverse, ids
        The distinct row of each row, and ids, where they are known.
    given
        (candidates,) bool: which tags are given; None from `predict_proba`.

    Examples
    --------
    >>> from weaklabel.schema import LabelSchema
    >>> from weaklabel.tags.taxonomy import above
    >>> p = np.array([0.75], np.float32)
    >>> parts = np.array([0, 1, 1]), np.array([1], np.int32), p, np.array([0.1, 0.2], np.float32)
    >>> schema = LabelSchema(["a", "b"], exclusive=False)
    >>> counts = np.array([1, 0]), np.array([7, 9])
    >>> scores = TagScores(schema.names, *parts, above(schema), *counts, given=np.array([True]))
    >>> scores.labels(), scores.dense().round(2).tolist()
    ([['b'], []], [[0.1, 0.75], [0.1, 0.2]])
    """

    tags: tuple[str, ...]
    indptr: Int64
    codes: Int32
    probabilities: Float32
    base: Float32
    taxonomy: Above
    n_votes: Int64
    keys: Int64
    inverse: Int64 | None = None
    ids: pl.Series | None = None
    given: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.n_votes)

    def row(self, row: int) -> dict[str, float]:
        """Return the candidates of a distinct row with their probabilities, the most probable first."""
        own = slice(self.indptr[row], self.indptr[row + 1])
        order = np.argsort(-self.probabilities[own], kind="stable")
        pairs = zip(self.codes[own][order].tolist(), self.probabilities[own][order].tolist(), strict=True)
        return {self.tags[code]: p for code, p in pairs}

    def dense(self) -> Float:
        """Return probabilities of all tags, (u, k) float64; for small tasks.

        A tag that is no candidate has its base rate, or the least probability of the candidates above it if that is less.
        """
        found = np.repeat(self.base[None, :].astype(np.float64), len(self), axis=0)
        rows = np.repeat(np.arange(len(self)), np.diff(self.indptr))
        found[rows, self.codes] = self.probabilities
        spoken = np.zeros(found.shape, bool)
        spoken[rows, self.codes] = True
        for tag in self.taxonomy.order:
            for parent in self.taxonomy.of(int(tag)):
                least = np.minimum(found[:, tag], found[:, parent])
                found[:, tag] = np.where(spoken[:, tag], found[:, tag], least)
        return found

    def prevalence(self, counts: Int64) -> list[float]:
        """Return the estimated share of all rows that have each tag, (k,).

        Parameters
        ----------
        counts
            (u,) rows that each distinct row stands for.

        Examples
        --------
        >>> from weaklabel.schema import LabelSchema
        >>> from weaklabel.tags.taxonomy import above
        >>> one = np.array([0, 1]), np.array([1], np.int32), np.ones(1, np.float32), np.full(2, 0.25, np.float32)
        >>> schema = LabelSchema(["a", "b"], exclusive=False)
        >>> TagScores(schema.names, *one, above(schema), np.array([1]), np.array([7])).prevalence(np.array([4]))
        [0.25, 1.0]
        """
        k, rows = len(self.tags), np.repeat(counts, np.diff(self.indptr)).astype(np.float64)
        spoken = np.bincount(self.codes, weights=rows, minlength=k)
        sure = np.bincount(self.codes, weights=rows * self.probabilities, minlength=k)
        total = max(float(counts.sum()), 1.0)
        found: list[float] = ((sure + (counts.sum() - spoken) * self.base) / total).tolist()
        return found

    def labels(self) -> list[list[str]]:
        """Return the tags given to each distinct row, in schema order."""
        given = self._given()
        return [
            [self.tags[code] for code in self.codes[a:b][given[a:b]]]
            for a, b in zip(self.indptr[:-1].tolist(), self.indptr[1:].tolist(), strict=True)
        ]

    def table(self, ids: pl.Series | Sequence[str] | None = None, *, run_id: str = "") -> pl.DataFrame:
        """Return the label table of the rows, with `schema.TAG_COLUMNS`.

        Parameters
        ----------
        ids
            Ids of the rows, in their order; those of the votes when not given.
        run_id
            The run that they come from.

        Raises
        ------
        VotesError
            The rows are not known, or there are not as many ids.
        """
        names = self.ids if ids is None else pl.Series("id", ids, dtype=pl.String)
        rows = np.arange(len(self)) if self.inverse is None else self.inverse
        if names is None or len(names) != len(rows):
            told = "no ids" if names is None else f"{len(names)} ids"
            raise VotesError(f"{told} for {len(rows)} rows", hint="give table(ids) the ids of the rows")
        distinct = self._distinct().with_columns(pl.lit(run_id).alias("run_id"))
        found = distinct[rows].with_columns(names.alias("id"))
        return found.select(pl.col(name).cast(dtype) for name, dtype in TAG_COLUMNS.items())

    def _distinct(self) -> pl.DataFrame:
        given = self._given()
        cells = pl.DataFrame(
            {
                "row": np.repeat(np.arange(len(self)), np.diff(self.indptr)),
                "tag": pl.Series(self.tags, dtype=pl.String)[self.codes] if len(self.codes) else [],
                "p": self.probabilities,
                "given": given,
            },
            schema={"row": pl.Int64, "tag": pl.String, "p": pl.Float32, "given": pl.Boolean},
        )
        lists = cells.group_by("row", maintain_order=True).agg(
            pl.col("tag").filter("given").alias("labels"),
            pl.col("tag").alias("candidates"),
            pl.col("p").alias("probabilities"),
        )
        rows = pl.DataFrame(
            {"row": np.arange(len(self)), "n_votes": self.n_votes.astype(np.int32), "pattern": self.keys}
        )
        status = (
            pl.when(pl.col("n_votes") == 0).then(pl.lit("uncovered"))
            .when(pl.col("labels").list.len() > 0).then(pl.lit("labeled"))
            .otherwise(pl.lit("below_threshold"))
        )  # fmt: skip
        empty = [
            pl.col("labels").fill_null([]),
            pl.col("candidates").fill_null([]),
            pl.col("probabilities").fill_null([]),
        ]
        return (
            rows.join(lists, on="row", how="left", maintain_order="left")
            .with_columns(empty)
            .with_columns(status.alias("status"))
        )

    def give(self, thresholds: Float, named: npt.NDArray[np.bool_]) -> TagScores:
        """Return the scores with the tags given whose probability reaches their threshold, and all above these.

        Parameters
        ----------
        thresholds
            (k,) the least probability at which each tag is given.
        named
            (candidates,) whether a vote speaks for the candidate; others are not given for themselves.
        """
        from weaklabel.kernels.tags import give

        limits = thresholds.astype(np.float32)
        given = named & (self.probabilities >= limits[self.codes])
        give(self.indptr, self.codes, self.taxonomy.indptr, self.taxonomy.codes, given)
        return replace(self, given=given)

    def _given(self) -> Any:
        if self.given is None:
            raise VotesError("these are probabilities; no tag is given yet", hint="take predict()")
        return self.given
