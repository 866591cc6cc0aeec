"""What a few gold labels teach about a fitted model: a residual logistic regression on its scores and the votes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from weaklabel.label_matrix import VotePatterns
from weaklabel.label_model.base import Float, Int

SCALE_PENALTY = 1.0
"""Strength of the prior that holds the scale near 1: Gaussian on its logarithm, variance 1 / (2 * strength)."""
WEIGHT_PENALTY = 1.0
"""The same for the weight of a vote in a class, around 0."""
BIAS_PENALTY = 1.5
"""The same for the bias of a class."""

_STEPS = 100


@dataclass(frozen=True)
class Correction:
    """Maps a model's scores to corrected ones: `scale * score + bias + weights of the row's votes`.

    Parameters
    ----------
    scale
        What the model's log-odds are multiplied with; above 1 the model was too timid, below 1 too sure.
    bias
        (k,) added to every row.
    weights
        (m, k, k): what a vote adds, by labeler, class voted and class.
    n_gold
        Gold rows that it was fitted on.

    Examples
    --------
    >>> nothing = Correction(1.0, np.zeros(2), np.zeros((3, 2, 2)), 0)
    >>> from weaklabel.label_matrix import as_patterns
    >>> nothing.scores(np.array([[0.5, -0.5]]), as_patterns([[0, -1, 1]]))
    array([[ 0.5, -0.5]])
    """

    scale: float
    bias: Float
    weights: Float
    n_gold: int

    def scores(self, scores: Float, patterns: VotePatterns) -> Float:
        """Return the corrected scores of patterns, (u, k); `patterns` has the labelers of the fit, in their order."""
        k = len(self.bias)
        columns = _design(patterns, np.arange(len(self.weights) * k), np.ones(len(self.weights)), k)
        added: Float = columns @ self.weights.reshape(-1, k)
        return self.scale * scores + self.bias + added


def fit_correction(
    scores: Float,
    patterns: VotePatterns,
    gold: Float,
    *,
    group: Int | None = None,
    share: Float | None = None,
) -> Correction | None:
    """Fit scale, bias and weights of votes to gold rows, by their most probable value.

    The scores s of the model are kept as they are and what gold adds is small unless many rows ask for it:

        z_y = a s_y + c_y + sum over the row's votes v of b_{v,y},    P(y | row) = softmax(z)_y

    with Gaussian priors ln a ~ N(0, 1 / (2 * SCALE_PENALTY)), c ~ N(0, 1 / (2 * BIAS_PENALTY)),
    b ~ N(0, 1 / (2 * WEIGHT_PENALTY)). One minimum, found by Newton's method: no learning rate, no seed.

    Parameters
    ----------
    scores
        (u, k) log probabilities of the model, up to a constant per row.
    patterns
        The u patterns of votes.
    gold
        (u, k) gold rows of each pattern and class; weights instead of counts are taken too.
    group
        (m,) the first labeler of each labeler's group of duplicates: they share one weight.
    share
        (m,) what the vote of one of them counts, 1 over the size of its group.

    Returns
    -------
    Correction | None
        None where gold names fewer than two classes: nothing says then what tells classes apart.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> patterns = as_patterns([[0, 1], [1, 1]])
    >>> found = fit_correction(np.zeros((2, 2)), patterns, np.array([[9.0, 1.0], [0.0, 10.0]]))
    >>> found.n_gold
    20
    >>> z = found.scores(np.zeros((2, 2)), patterns)
    >>> (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)).round(2)
    array([[0.76, 0.24],
           [0.15, 0.85]])
    """
    m, k = len(patterns.labelers), scores.shape[1]
    known = np.flatnonzero(gold.sum(axis=1) > 0)
    if np.count_nonzero(gold.sum(axis=0)) < 2:
        return None
    group = np.arange(m) if group is None else group
    share = np.ones(m) if share is None else share
    which = (group[:, None] * k + np.arange(k)).ravel()
    columns = _design(patterns, which, share, k)[known]
    seen = np.unique(columns.indices)
    centred = scores[known] - scores[known].mean(axis=1, keepdims=True)
    alpha, rows = _minimum(centred, columns[:, seen], gold[known])
    weights = np.zeros((m * k, k))
    weights[seen] = rows[1:]
    weights = weights[which].reshape(m, k, k) * share[:, None, None]
    return Correction(float(np.exp(alpha)), rows[0], weights, round(float(gold.sum())))


def _design(patterns: VotePatterns, which: Int, share: Float, k: int) -> Any:
    """Return the sparse (u, m * k) matrix of votes: column `which[labeler * k + class]`, `share` of the labeler."""
    from scipy import sparse

    voted = patterns.codes >= 0
    who = patterns.labeler_index[voted].astype(np.int64)
    cells = which[who * k + patterns.codes[voted]]
    shape = (len(patterns), len(which))
    return sparse.csr_array((share[who], (patterns.pattern_index[voted], cells)), shape=shape)


def _minimum(scores: Float, columns: Any, gold: Float) -> tuple[float, Float]:
    """Return ln a and the rows of weights, bias first, (1 + columns, k), where the penalised loss is least."""
    from scipy import sparse
    from scipy.sparse.linalg import LinearOperator, cg

    u, k = scores.shape
    design = sparse.hstack([np.ones((u, 1)), columns], format="csr")
    penalty = np.full((design.shape[1], 1), WEIGHT_PENALTY)
    penalty[0] = BIAS_PENALTY
    total = gold.sum(axis=1, keepdims=True)
    size = 1 + design.shape[1] * k

    def at(point: Float) -> tuple[float, Float, Callable[[Float], Float]]:
        a, rows = np.exp(point[0]), point[1:].reshape(-1, k)
        z = a * scores + design @ rows
        z -= z.max(axis=1, keepdims=True)
        log_q = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        q = np.exp(log_q)
        rest = total * q - gold
        loss = -(gold * log_q).sum() + SCALE_PENALTY * point[0] ** 2 + (penalty * rows * rows).sum()
        pull = a * (rest * scores).sum()
        slope = np.concatenate(
            [[pull + 2 * SCALE_PENALTY * point[0]], (design.T @ rest + 2 * penalty * rows).ravel()]
        )
        bend = 2 * SCALE_PENALTY + (pull if pull > -SCALE_PENALTY else 0.0)  # kept positive

        def curvature(v: Float) -> Float:
            step = v[1:].reshape(-1, k)
            dz = a * v[0] * scores + design @ step
            h = total * q * (dz - (q * dz).sum(axis=1, keepdims=True))
            rows_part: Float = design.T @ h + 2 * penalty * step
            return np.concatenate([[a * (h * scores).sum() + bend * v[0]], rows_part.ravel()])

        return float(loss), slope, curvature

    point = np.zeros(size)
    loss, slope, curvature = at(point)
    for _ in range(_STEPS):
        operator = LinearOperator((size, size), matvec=curvature, dtype=np.float64)
        step, _ = cg(operator, -slope, rtol=1e-12, atol=0.0, maxiter=10 * size)
        length, near = 1.0, slope @ step
        while True:
            there = point + length * step
            found = at(there)
            if found[0] <= loss + 1e-4 * length * near + 1e-12 * abs(loss) or length < 1e-6:
                break
            length /= 2
        point, (loss, slope, curvature) = there, found
        if np.abs(length * step).max() < 1e-12:
            break
    return float(point[0]), point[1:].reshape(-1, k)
