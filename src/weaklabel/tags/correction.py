"""What gold adds to a fitted model of tags: for each tag, how its log odds are moved by everything that is said of the row.

With p the model's probability of a tag on a row, l its log odds, and e running over all events on the row, of this tag or not,

    log odds = l + a + b (l - mean of l) + sum over e of c_e

for each tag by itself; a, b and c_e maximise the likelihood of the gold rows less (5 a^2 + 20 b^2 + r sum of c_e^2) / 2, with r = 1000 / (gold
rows), between 3 and 10, and b is -1 or more. So a rule's votes for one tag count for others that come with it, and tags with little gold stay as
they were. A denial never raises what it denies, nor anything below that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.tags.events import AGAINST, TagEvents
from weaklabel.tags.gold import GoldTags
from weaklabel.tags.votes import TagVotes

Float = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

OFFSET, SLOPE = 5.0, 20.0
"""Ridge on a tag's offset and slope."""
LEAST_RIDGE, MOST_RIDGE, RIDGE_ROWS = 3.0, 10.0, 1000.0
"""Ridge on the weight of an event: the third over the gold rows, between the others."""
FEWEST = 10
"""Events of fewer rows are not looked at."""
SWEEPS, STILL = 200, 1e-7
"""The fit ends after so many rounds, or when no log odds move by more."""


@dataclass(frozen=True, eq=False)
class TagCorrection:
    """How the log odds of some tags are moved.

    Parameters
    ----------
    place
        (k,) int64: row of a tag in the tables, -1 for a tag that stays as it is.
    column
        (events,) int64: column of an event, -1 for an event that is not looked at.
    offset, slope
        (tags,) what is added, and what the model's log odds are multiplied by.
    weights
        (tags, columns) what each event adds.
    """

    place: Int64
    column: Int64
    offset: Float
    slope: Float
    weights: Float

    def corrected(self, votes: TagVotes, values: Float) -> Float:
        """Return the corrected probabilities of cells."""
        from weaklabel.kernels import tags as kernel

        out = values.copy()
        tables = self.place, self.column, self.offset, self.slope, self.weights
        kernel.correct(votes.cells[0], votes.cells[1], (votes.indptr, votes.said), tables, out)
        above = votes.events.taxonomy
        kernel.raise_parents(votes.cells[0], votes.cells[1], above.indptr, above.codes, out)
        return out


def fit_correction(
    votes: TagVotes, values: Float, base: Float, gold: GoldTags, rows: Int64
) -> TagCorrection | None:
    """Learn from gold rows with votes; None where there are none.

    Parameters
    ----------
    votes, values
        Rows of votes, and the probability of each cell.
    base
        (k,) probability of a tag of which nothing is said.
    gold, rows
        Gold, and the distinct row of each gold row.
    """
    heard = np.flatnonzero(votes.n_votes[rows] > 0)
    if not len(heard):
        return None
    from weaklabel.kernels.tags import fit_rows

    k, events = len(base), votes.events
    logs, touched = _log_odds(votes, values, base, rows[heard])
    true = gold.dense(k)[heard].astype(np.float64)
    fitted = np.flatnonzero(touched | true.any(axis=0))
    ends, cells, column = _columns(votes, rows[heard])
    ridges = np.array([OFFSET, SLOPE, min(max(RIDGE_ROWS / len(heard), LEAST_RIDGE), MOST_RIDGE)])
    offset, slope = np.zeros(len(fitted)), np.ones(len(fitted))
    weights = np.zeros((len(fitted), len(ends) - 1))
    for i, tag in enumerate(fitted):
        own = np.ascontiguousarray(logs[:, tag])
        told = np.ascontiguousarray(true[:, tag])
        found = fit_rows(own, told, ends, cells, len(ends) - 1, ridges, SWEEPS, STILL)
        slope[i], weights[i] = 1 + found[1], found[2:]
        offset[i] = found[0] - found[1] * own.mean()
    _never_raise(weights, fitted, column, events)
    place = np.full(k, -1, np.int64)
    place[fitted] = np.arange(len(fitted))
    return TagCorrection(place, column, offset, slope, weights)


def _log_odds(
    votes: TagVotes, values: Float, base: Float, rows: Int64
) -> tuple[Float, npt.NDArray[np.bool_]]:
    """Return the log odds of all tags on some rows, (rows, k), and which tags are cells of one of them."""
    ends, tags = votes.cells[:2]
    found = np.repeat(base[None, :], len(rows), axis=0)
    touched = np.zeros(len(base), bool)
    for i, row in enumerate(rows.tolist()):
        own = slice(ends[row], ends[row + 1])
        found[i, tags[own]] = values[own]
        touched[tags[own]] = True
    kept = np.clip(found, LOWEST, 1 - LOWEST)
    logs: Float = np.log(kept / (1 - kept))
    return logs, touched


LOWEST = 1e-4
"""Probabilities are kept off 0 and 1 by this."""


def _columns(votes: TagVotes, rows: Int64) -> tuple[Int64, Int64, Int64]:
    """Return the events of enough rows as columns: where the rows of each end, these rows, and each event's column."""
    often = np.bincount(
        votes.said, weights=np.repeat(votes.counts, votes.n_votes), minlength=len(votes.events)
    )
    pairs = [
        (int(event), i)
        for i, row in enumerate(rows.tolist())
        for event in votes.said[votes.indptr[row] : votes.indptr[row + 1]]
        if often[event] >= FEWEST
    ]
    table = np.array(sorted(set(pairs)), np.int64).reshape(-1, 2)
    chosen, start = np.unique(table[:, 0], return_index=True)
    column = np.full(len(votes.events), -1, np.int64)
    column[chosen] = np.arange(len(chosen))
    return np.append(start, len(table)).astype(np.int64), np.ascontiguousarray(table[:, 1]), column


def _never_raise(weights: Float, fitted: Any, column: Int64, events: TagEvents) -> None:
    """Let no denial of a tag raise it, or what is below it; `weights` is changed."""
    denied: dict[int, set[int]] = {}
    for link in np.flatnonzero(events.kinds == AGAINST).tolist():
        if column[events.owners[link]] >= 0:
            denied.setdefault(int(events.tags[link]), set()).add(int(column[events.owners[link]]))
    for i, tag in enumerate(fitted.tolist()):
        for other in (tag, *events.taxonomy.of(tag).tolist()):
            for own in denied.get(other, ()):
                weights[i, own] = min(weights[i, own], 0.0)
