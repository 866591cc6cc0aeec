"""How rules go together: agreement beyond chance, firing together, and rules that say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.label_matrix import VotePatterns

Float = npt.NDArray[np.float64]

SAME = 0.8
"""Rules of which so large a share of the rows on which either votes get the same vote of both are near duplicates."""
INSIDE = 0.95
"""A rule of whose votes so large a share is also another's adds next to nothing."""
FEWEST = 3
"""Rules with fewer votes are not called redundant."""


@dataclass(frozen=True)
class Redundancy:
    """A rule that says next to nothing that another does not say.

    Parameters
    ----------
    rule
        The rule that could go: the one with fewer votes.
    by
        The rule that says the same.
    kind
        "same": nearly the same votes; "inside": nearly all of its votes are among the other's.
    share
        Of the rows on which either votes ("same"), or on which `rule` votes ("inside"), those with the same vote of
        both.
    rows
        Number of rows with the same vote of both.

    Examples
    --------
    >>> Redundancy("shouts", "loud", "inside", 1.0, 12).by
    'loud'
    """

    rule: str
    by: str
    kind: str
    share: float
    rows: int


@dataclass(frozen=True, eq=False)
class Counts:
    """How often each two rules vote on the same row; m rules, k classes.

    Parameters
    ----------
    rows
        Number of rows.
    votes
        (m,) rows on which each votes.
    both
        (m, m) rows on which both vote.
    same
        (m, m) rows on which both vote for the same class (or leave one in common, where they vote for sets).
    expected
        (m, m) rows of `both` on which they would agree if each kept its shares of the votes on these rows and they
        voted independently.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> patterns = as_patterns([[0, 0], [0, 1], [1, -1]])
    >>> Counts.of(patterns, patterns.codes, np.eye(2, dtype=bool)).both.tolist()
    [[3.0, 2.0], [2.0, 2.0]]
    """

    rows: int
    votes: Float
    both: Float
    same: Float
    expected: Float

    @classmethod
    def of(cls, patterns: VotePatterns, meanings: npt.NDArray[Any], agree: npt.NDArray[np.bool_]) -> Counts:
        """Count pairs of votes over vote patterns.

        Parameters
        ----------
        patterns
            The patterns.
        meanings
            (events,) what each vote means (`Meanings.events`); negative: no vote.
        agree
            (s, s) which meanings agree.
        """
        from scipy import sparse

        m, u = len(patterns.labelers), len(patterns)
        voted = meanings >= 0
        row, who, what = patterns.pattern_index[voted], patterns.labeler_index[voted], meanings[voted]
        weight = sparse.diags_array(patterns.counts.astype(np.float64))

        def firing(chosen: npt.NDArray[np.bool_]) -> Any:
            ones = np.ones(int(chosen.sum()))
            return sparse.csr_array((ones, (row[chosen], who[chosen])), shape=(u, m))

        weighted = (weight @ firing(np.ones(len(row), bool))).tocsr()
        both = _dense(firing(np.ones(len(row), bool)).T @ weighted)
        same, chance = np.zeros((m, m)), np.zeros((m, m))
        for a in np.unique(what):
            says, fits = firing(what == a), firing(agree[a][what])
            same += _dense(says.T @ (weight @ fits))
            chance += _dense(says.T @ weighted) * _dense(fits.T @ weighted).T
        expected = np.divide(chance, both, out=np.zeros((m, m)), where=both > 0)
        return cls(patterns.n_rows, np.diag(both).copy(), both, same, expected)

    @property
    def kappa(self) -> Float:
        """(m, m) Cohen's kappa over the rows on which both vote; NaN where both keep to one class there.

        J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20
        (1960).
        """
        room = self.both - self.expected
        known = room > 1e-9 * np.maximum(self.both, 1)
        return np.divide(self.same - self.expected, room, out=np.full_like(room, np.nan), where=known)

    @property
    def lift(self) -> Float:
        """(m, m) rows on which both vote over those expected if each voted regardless of the other; NaN: no votes."""
        expected = np.outer(self.votes, self.votes) / max(self.rows, 1)
        return np.divide(self.both, expected, out=np.full_like(expected, np.nan), where=expected > 0)

    @property
    def overlap(self) -> Float:
        """(m, m) Jaccard index: rows with the same vote of both over rows on which either votes."""
        either = self.votes[:, None] + self.votes[None, :] - self.both
        return np.divide(self.same, either, out=np.zeros_like(either), where=either > 0)


def pair_table(counts: Counts, labelers: Sequence[str]) -> pl.DataFrame:
    """Return one row per pair of rules that vote on a row together, most surprising first.

    Returns
    -------
    `rule`, `other`, `both`, `conflicts`, `agreement` (share of `both`), `kappa` (null where it has no meaning), `lift`,
    `overlap`, and `surprise`: how many standard errors `both` is off what independent rules would give.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> patterns = as_patterns([[0, 0], [0, 1], [1, -1]])
    >>> counts = Counts.of(patterns, patterns.codes, np.eye(2, dtype=bool))
    >>> pair_table(counts, ["a", "b"]).select("rule", "other", "both", "conflicts").rows()
    [('a', 'b', 2, 1)]
    """
    i, j = np.triu_indices(len(labelers), 1)
    keep = counts.both[i, j] > 0
    i, j = i[keep], j[keep]
    n = max(counts.rows, 1)
    p, q = counts.votes[i] / n, counts.votes[j] / n
    error = np.sqrt(n * p * q * (1 - p) * (1 - q))
    both = counts.both[i, j]
    surprise = np.divide(both - n * p * q, error, out=np.zeros(len(i)), where=error > 0)
    kappa = counts.kappa[i, j]
    table = pl.DataFrame(
        {
            "rule": [labelers[a] for a in i.tolist()],
            "other": [labelers[b] for b in j.tolist()],
            "both": both.astype(np.int64),
            "conflicts": (both - counts.same[i, j]).astype(np.int64),
            "agreement": counts.same[i, j] / both,
            "kappa": pl.Series(kappa).fill_nan(None),
            "lift": counts.lift[i, j],
            "overlap": counts.overlap[i, j],
            "surprise": surprise,
        },
        schema_overrides={"rule": pl.String, "other": pl.String, "kappa": pl.Float64},
    )
    return table.sort([pl.col("surprise").abs(), "rule", "other"], descending=[True, False, False])


def redundancies(counts: Counts, labelers: Sequence[str]) -> tuple[Redundancy, ...]:
    """Return the rules that say next to nothing that another does not say, each with the one that covers it best.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> patterns = as_patterns([[0, 0], [0, 0], [0, 0], [0, -1], [0, -1], [-1, -1]])
    >>> counts = Counts.of(patterns, patterns.codes, np.eye(2, dtype=bool))
    >>> [(found.rule, found.by, found.kind) for found in redundancies(counts, ["a", "b"])]
    [('b', 'a', 'inside')]
    """
    found = []
    m = len(labelers)
    inside = np.divide(
        counts.same, counts.votes[:, None], out=np.zeros((m, m)), where=counts.votes[:, None] > 0
    )
    for i in range(m):
        if counts.votes[i] < FEWEST:
            continue
        larger = [
            j
            for j in range(m)
            if j != i
            and (counts.votes[j], -j) > (counts.votes[i], -i)  # of two equal rules the later one could go
            and (inside[i, j] >= INSIDE or counts.overlap[i, j] >= SAME)
        ]
        if larger:
            j = max(larger, key=lambda j: (counts.overlap[i, j], inside[i, j], -j))
            kind = "same" if counts.overlap[i, j] >= SAME else "inside"
            share = counts.overlap[i, j] if kind == "same" else inside[i, j]
            found.append(Redundancy(labelers[i], labelers[j], kind, float(share), int(counts.same[i, j])))
    return tuple(sorted(found, key=lambda r: (r.kind != "same", -r.share, -r.rows, r.rule)))


def _dense(matrix: Any) -> Float:
    return np.asarray(matrix.todense(), np.float64)
