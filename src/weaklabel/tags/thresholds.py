"""From probabilities to tags: the least probability at which each tag is given."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

OWN = 10.0
"""Expected rows of a tag at which its own threshold has half the say."""
SMALL = 50.0
"""Expected tags of all rows at which the common threshold has half the say, beside one half: more likely than not."""


def best_threshold(probabilities: Float, counts: Float, positives: float) -> float:
    """Return the least probability to give so that expected F1 is largest: 2 * right / (given + positives).

    Parameters
    ----------
    probabilities, counts
        Candidates, and the rows that each stands for.
    positives
        Rows that have the tag, candidates or not.

    Examples
    --------
    >>> best_threshold(np.array([0.9, 0.4, 0.35, 0.05, 0.05]), np.ones(5), 1.75)
    0.35
    """
    if not len(probabilities) or positives <= 0:
        return 1.0
    values, first = np.unique(-probabilities, return_inverse=True)
    rows = np.cumsum(np.bincount(first, weights=counts))
    right = np.cumsum(np.bincount(first, weights=counts * probabilities))
    return float(-values[np.argmax(2 * right / (rows + positives))])


def tag_thresholds(
    tags: npt.NDArray[np.int32], probabilities: Float, counts: Float, positives: Float, *, own: float = OWN
) -> Float:
    """Return a threshold for each tag: its own as far as it has rows to say so, else that of all tags together.

    Where all of them are few, a tag is given that is more likely than not.

    Parameters
    ----------
    tags, probabilities, counts
        Candidates: tag, probability, rows.
    positives
        (k,) expected rows of each tag.
    own
        Expected rows at which a tag's own threshold has half the say.

    Examples
    --------
    >>> tags, p = np.array([0, 0, 1]), np.array([0.9, 0.2, 0.6])
    >>> tag_thresholds(tags, p, np.ones(3), np.array([1.1, 0.6])).round(2).tolist()
    [0.54, 0.51]
    """
    k = len(positives)
    total = float(positives.sum())
    common = best_threshold(probabilities, counts, total)
    common += (0.5 - common) * SMALL / (total + SMALL)
    order = np.argsort(tags, kind="stable")
    ends = np.searchsorted(tags[order], np.arange(k + 1))
    found = np.full(k, common)
    for tag in range(k):
        mine = order[ends[tag] : ends[tag + 1]]
        if len(mine):
            best = best_threshold(probabilities[mine], counts[mine], float(positives[tag]))
            say = positives[tag] / (positives[tag] + own)
            found[tag] += say * (best - common)
    return found
