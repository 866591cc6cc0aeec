"""What a few gold labels teach about a fitted model: a residual logistic regression on its scores and the votes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.label_matrix import Alphabet, VotePatterns
from weaklabel.label_model.calibration import CLIP, softmax

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

SCALE_PENALTY = 2.0
"""Strength of the prior that holds the scale near 1: Gaussian on its logarithm, variance 1 / (2 * strength)."""
WEIGHT_PENALTY = 1.0
"""The same for the weight of a vote in a class, and for that of the share of votes, around 0."""
BIAS_PENALTY = 1.5
"""The same for the bias of a class."""
CAUTION = (0.5, 2.0, 8.0, 32.0)
"""What the penalties of weights and biases are multiplied with; gold says which of these it bears out."""

_STEPS = 100
_LARGEST = 2000
"""Above so many gold patterns and kinds of votes the evidence is not worked out: caution is 1."""


@dataclass(frozen=True)
class Correction:
    """Maps a model's scores to corrected ones: a scale, a bias, and what the row's votes add.

    Parameters
    ----------
    scale
        What the model's log-odds are multiplied with; above 1 the model was too timid, below 1 too sure.
    bias
        (k,) added to every row.
    leaning
        (k, k): what it adds when all votes of a row name a class, by class named and class; of divided votes, by
        their shares, a vote for several classes being divided evenly.
    weights
        (m, codes, k): what a vote adds, by labeler, code voted and class.
    counts
        (m,) what a vote of each labeler counts in those shares.
    n_gold
        Gold rows that it was fitted on.
    caution
        Mean of `CAUTION` by how far the gold rows bear each out: large where they show little that the votes got
        wrong.

    Examples
    --------
    >>> nothing = Correction(1.0, np.zeros(2), np.zeros((2, 2)), np.zeros((3, 2, 2)), np.ones(3), 0)
    >>> from weaklabel.label_matrix import as_patterns
    >>> nothing.scores(np.array([[0.5, -0.5]]), as_patterns([[0, -1, 1]]))
    array([[ 0.5, -0.5]])
    """

    scale: float
    bias: Float
    leaning: Float
    weights: Float
    counts: Float
    n_gold: int
    caution: float = 1.0
    alphabet: Alphabet | None = None

    def arrays(self) -> dict[str, Any]:
        """Return the arrays that `from_arrays` reads back."""
        numbers = np.array([self.scale, self.n_gold, self.caution])
        return {
            "correction_numbers": numbers,
            "correction_bias": self.bias,
            "correction_leaning": self.leaning,
            "correction_weights": self.weights,
            "correction_counts": self.counts,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], alphabet: Alphabet | None = None) -> Correction | None:
        """Return the correction that a saved model holds, or None."""
        if "correction_numbers" not in arrays:
            return None
        scale, n_gold, caution = arrays["correction_numbers"].tolist()
        bias, weights = arrays["correction_bias"], arrays["correction_weights"]
        leaning = arrays.get("correction_leaning", np.zeros((len(bias), len(bias))))  # older models have none
        counts = arrays.get("correction_counts", np.ones(len(weights)))
        return cls(scale, bias, leaning, weights, counts, int(n_gold), caution, alphabet)

    def corrected(self, probabilities: Float, patterns: VotePatterns, where: Int) -> Float:
        """Return corrected probabilities of patterns, (u, k); `where` maps their labelers to those of the fit."""
        moved = replace(self, weights=self.weights[where], counts=self.counts[where])
        return softmax(moved.scores(np.log(np.maximum(probabilities, CLIP)), patterns))

    def scores(self, scores: Float, patterns: VotePatterns) -> Float:
        """Return the corrected scores of patterns, (u, k); `patterns` has the labelers of the fit, in their order."""
        k = len(self.bias)
        size = self.weights.shape[1]
        votes = _votes(patterns, np.arange(len(self.weights) * size), self.counts, size)
        each = self.weights / self.counts[:, None, None]
        added: Float = votes @ each.reshape(-1, k)
        for part, lean in zip(_shares(votes, self.alphabet or Alphabet(k)).T, self.leaning, strict=True):
            added += part[:, None] * lean  # a matrix product would round by the number of rows
        return self.scale * scores + self.bias + added


def fit_correction(
    scores: Float,
    patterns: VotePatterns,
    gold: Float,
    *,
    group: Int | None = None,
    share: Float | None = None,
    alphabet: Alphabet | None = None,
) -> Correction | None:
    """Fit scale, bias, leaning and weights of votes to gold rows.

    The scores s of the model are kept as they are and what gold adds is small unless many rows ask for it:

        z_y = a s_y + c_y + sum over classes l of r_l d_{l,y} + sum over the row's votes v of b_{v,y},
        P(y | row) = softmax(z)_y,

    r_l being the share of the row's votes that name l. Gold on some rules' votes for a class says by d something of
    all votes for it, those of rules that no gold row has heard among them. The priors are Gaussian:
    ln a ~ N(0, 1 / (2 SCALE_PENALTY)), c ~ N(0, 1 / (2 t BIAS_PENALTY)), d and b ~ N(0, 1 / (2 t WEIGHT_PENALTY)).
    For each caution t the most probable values are found by Newton's method (no learning rate, no seed), and z is
    the mean over t, weighted by the evidence of the gold rows for t: Laplace's approximation, in which classes are
    taken one by one (MacKay 1992, Bayesian Interpolation).

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
    alphabet
        What the codes of the patterns stand for; None: classes.

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
    array([[0.82, 0.18],
           [0.1 , 0.9 ]])
    """
    from scipy import sparse

    m, k = len(patterns.labelers), scores.shape[1]
    known = np.flatnonzero(gold.sum(axis=1) > 0)
    if np.count_nonzero(gold.sum(axis=0)) < 2:
        return None
    group = np.arange(m) if group is None else group
    share = np.ones(m) if share is None else share
    read = alphabet or Alphabet(k)
    size = len(read)
    which = (group[:, None] * size + np.arange(size)).ravel()
    votes = _votes(patterns, which, share, size)[known]
    seen = np.unique(votes.indices)
    parts = [np.ones((len(known), 1)), _shares(votes, read), votes[:, seen]]
    centred = scores[known] - scores[known].mean(axis=1, keepdims=True)
    scale, rows, caution = _averaged(centred, sparse.hstack(parts, format="csr"), gold[known])
    weights = np.zeros((m * size, k))
    weights[seen] = rows[1 + k :]
    weights = weights[which].reshape(m, size, k) * share[:, None, None]
    n_gold = round(float(gold.sum()))
    return Correction(scale, rows[0], rows[1 : 1 + k], weights, share, n_gold, caution, alphabet)


def _shares(votes: Any, alphabet: Alphabet) -> Float:
    """Return the part of each row's votes that names each class, (u, k), from the matrix of votes."""
    u, size = votes.shape[0], len(alphabet)
    cells = np.repeat(np.arange(u), np.diff(votes.indptr)) * size + votes.indices % size
    named = np.bincount(cells, weights=votes.data, minlength=u * size).reshape(u, size)
    by_class: npt.NDArray[Any] = alphabet.spread(named) if alphabet.sets else named
    total = by_class.sum(axis=1, keepdims=True)
    shares: Float = by_class / np.where(total > 0, total, 1.0)
    return shares


def _votes(patterns: VotePatterns, which: Int, share: Float, size: int) -> Any:
    """Return the sparse (u, m * codes) matrix of votes: column `which[labeler * codes + code]`, `share` of the labeler."""
    from scipy import sparse

    voted = patterns.codes >= 0
    who = patterns.labeler_index[voted].astype(np.int64)
    cells = which[who * size + patterns.codes[voted]]
    shape = (len(patterns), len(which))
    return sparse.csr_array((share[who], (patterns.pattern_index[voted], cells)), shape=shape)


def _averaged(scores: Float, design: Any, gold: Float) -> tuple[float, Float, float]:
    """Return the scale, the rows of weights, bias first, (columns, k), and the caution, all averaged over it."""
    known = min(design.shape) <= _LARGEST
    point = np.zeros(1 + design.shape[1] * scores.shape[1])
    points, evidence = [], []
    for caution in CAUTION if known else (1.0,):
        penalty = np.full(design.shape[1], caution * WEIGHT_PENALTY)
        penalty[0] = caution * BIAS_PENALTY
        point, loss = _minimum(scores, design, gold, penalty, point)
        points.append(point)
        evidence.append(-loss - 0.5 * _log_volume(point, scores, design, gold, penalty) if known else 0.0)
    weight = np.exp(np.array(evidence) - max(evidence))
    weight /= weight.sum()
    scale = float(weight @ np.exp([p[0] for p in points]))
    rows = sum(w * p[1:] for w, p in zip(weight, points, strict=True))
    caution = float(weight @ CAUTION) if known else 1.0
    return scale, np.asarray(rows).reshape(-1, scores.shape[1]), caution


def _log_volume(point: Float, scores: Float, design: Any, gold: Float, penalty: Float) -> float:
    """Return how much narrower than the prior the posterior is: log det (I + prior covariance x information)."""
    a, rows, k = np.exp(point[0]), point[1:].reshape(-1, scores.shape[1]), scores.shape[1]
    q, total = softmax(a * scores + design @ rows), gold.sum(axis=1)
    pull = a * scores
    spread = total @ ((q * pull**2).sum(axis=1) - (q * pull).sum(axis=1) ** 2)
    volume = float(np.log1p(spread / (2 * SCALE_PENALTY)))
    scaled = design.toarray() / np.sqrt(2 * penalty)
    for y in range(k):
        heard = np.sqrt(total * q[:, y] * (1 - q[:, y]))[:, None] * scaled
        small = heard @ heard.T if heard.shape[0] <= heard.shape[1] else heard.T @ heard
        volume += (k - 1) / k * float(np.linalg.slogdet(np.eye(len(small)) + small)[1])
    return volume


def _minimum(scores: Float, design: Any, gold: Float, penalty: Float, start: Float) -> tuple[Float, float]:
    """Return ln a and the rows of weights in one vector, where the penalised loss is least, and that loss."""
    from scipy.sparse.linalg import LinearOperator, cg

    size, k = len(start), scores.shape[1]
    total, each = gold.sum(axis=1, keepdims=True), penalty[:, None]

    def at(point: Float) -> tuple[float, Float, Callable[[Float], Float]]:
        a, rows = np.exp(point[0]), point[1:].reshape(-1, k)
        z = a * scores + design @ rows
        z -= z.max(axis=1, keepdims=True)
        log_q = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        q = np.exp(log_q)
        rest = total * q - gold
        loss = -(gold * log_q).sum() + SCALE_PENALTY * point[0] ** 2 + (each * rows * rows).sum()
        pull = a * (rest * scores).sum()
        slope = np.concatenate(
            [[pull + 2 * SCALE_PENALTY * point[0]], (design.T @ rest + 2 * each * rows).ravel()]
        )
        bend = 2 * SCALE_PENALTY + (pull if pull > -SCALE_PENALTY else 0.0)  # kept positive

        def curvature(v: Float) -> Float:
            step = v[1:].reshape(-1, k)
            dz = a * v[0] * scores + design @ step
            h = total * q * (dz - (q * dz).sum(axis=1, keepdims=True))
            rows_part: Float = design.T @ h + 2 * each * step
            return np.concatenate([[a * (h * scores).sum() + bend * v[0]], rows_part.ravel()])

        return float(loss), slope, curvature

    point = start
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
    return point, loss
