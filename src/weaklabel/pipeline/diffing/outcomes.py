"""What rows get, how near they are to getting something else, and why they flip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Int8 = npt.NDArray[np.int8]
Int64 = npt.NDArray[np.int64]

RULES, SETTINGS, BOTH, ELSE = "rules", "settings", "rules and settings", "not by the model"
"""Kinds of causes: votes or weights of some rules; what belongs to no rule; all rules together with that; neither."""
PARTS = ("threshold", "calibration", "prior")
"""Settings: the threshold; the calibrator and what gold corrects; the class balance, trust in votes, and options."""
TINY = 1e-300
"""Probabilities are raised to this before their logarithm."""


@dataclass(frozen=True)
class Cause:
    """Why the rows of one pair of patterns flip.

    Parameters
    ----------
    kind
        `RULES`, `SETTINGS`, `BOTH` or `ELSE`.
    rules
        The rules, that which does most first.
    voted
        For each of them whether its vote changed; else only its weight did.
    parts
        Of `PARTS`, which of them.

    Examples
    --------
    >>> Cause(RULES, ("link",), (True,)).rules
    ('link',)
    """

    kind: str
    rules: tuple[str, ...] = ()
    voted: tuple[bool, ...] = ()
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Flips:
    """Pairs of patterns whose answers differ; u pairs.

    Parameters
    ----------
    before, after
        (u, rules of the first side) and (u, rules of the second): votes.
    old, new
        (u,) what the rows got: a class code, or k, k + 1, k + 2 for tie, below_threshold and uncovered.

    Examples
    --------
    >>> votes = np.array([[0]], np.int8)
    >>> len(Flips(votes, votes, np.array([0]), np.array([1])))
    1
    """

    before: Int8
    after: Int8
    old: Int64
    new: Int64

    def __len__(self) -> int:
        return len(self.old)

    def take(self, chosen: Any) -> Flips:
        """Return some of them."""
        return Flips(self.before[chosen], self.after[chosen], self.old[chosen], self.new[chosen])


NO_LABEL = ("tie", "below_threshold", "uncovered")


def outcomes(shares: Float, labels: Int64, heard: Int64, threshold: float | None) -> Int64:
    """Return what rows get: a class code, or k, k + 1, k + 2 for tie, below_threshold and uncovered.

    Examples
    --------
    >>> shares = np.array([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5]])
    >>> outcomes(shares, np.array([0, 0, -1]), np.array([1, 1, 0]), 0.8).tolist()
    [0, 3, 4]
    """
    k = shares.shape[1]
    found = np.where(labels < 0, k, labels)
    if threshold is not None:
        found = np.where((labels >= 0) & (shares.max(axis=1) < threshold), k + 1, found)
    return np.where(heard > 0, found, k + 2)


def nearness(shares: Float, heard: Int64, target: Int64, threshold: float | None) -> Float:
    """Return how near rows are to getting their target, in log odds; larger is nearer.

    Examples
    --------
    >>> nearness(np.array([[0.8, 0.2]]), np.array([1]), np.array([1]), None).round(2).tolist()
    [-1.39]
    """
    k = shares.shape[1]
    logs = np.log(np.maximum(shares, TINY))
    ranked = np.sort(logs, axis=1)
    named = np.minimum(target, k - 1)
    own = np.take_along_axis(logs, named[:, None], axis=1)[:, 0]
    others = np.where(np.arange(k) == named[:, None], -np.inf, logs).max(axis=1)
    found = own - others
    if threshold:
        found = np.minimum(found, own - np.log(threshold))
    gap = ranked[:, -1] - ranked[:, -2]
    return np.select(
        [target == k, target == k + 1, target == k + 2], [-gap, -ranked[:, -1], -1.0 * heard], found
    )
