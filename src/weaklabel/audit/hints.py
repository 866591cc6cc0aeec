"""What texts hint at beyond the votes: classes by words, and gold rows that are alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.audit.scores import Beliefs
from weaklabel.audit.text_model import linear_models
from weaklabel.audit.vectors import nearest
from weaklabel.errors import GoldError

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

NEIGHBOURS = 5


def by_words(matrix: Any, beliefs: Beliefs, *, order: Int, folds: int = 3, most: int = 20_000) -> Float:
    """Return each row's probabilities by its words, (n, k), from models that have not seen the row's own label.

    Parameters
    ----------
    matrix
        Sparse (n, words), from `text_vectors`.
    beliefs
        The label model's classes are learned, of rows with votes.
    order
        A random order of the rows; every `folds`-th is one fold.
    folds
        How many models.
    most
        Rows that a model learns from at most.

    Examples
    --------
    >>> from scipy import sparse
    >>> words = sparse.csr_array(np.array([[1.0, 0.0], [0.0, 1.0]] * 6))
    >>> rows = Beliefs(("a", "b"), np.array([[1.0, 0.0], [0.0, 1.0]] * 6), np.array([[0], [1]] * 6))
    >>> by_words(words, rows, order=np.arange(12)).argmax(axis=1).tolist() == [0, 1] * 6
    True
    """
    n, k = beliefs.probabilities.shape
    fold = np.empty(n, dtype=np.int64)
    fold[order] = np.arange(n) % folds
    sure = beliefs.covered & (np.ptp(beliefs.probabilities, axis=1) > 1e-9)
    found = np.full((n, k), 1.0 / k)
    for number in range(folds):
        learned = order[(sure & (fold != number))[order]][:most]
        out = np.flatnonzero(fold == number)
        if len(learned):
            targets = beliefs.guess[learned][:, None] == np.arange(k)
            weights, constants = linear_models(matrix[learned], targets, strength=10.0)
            odds = np.clip(matrix[out] @ weights + constants, -30, 30)
            each = 1 / (1 + np.exp(-odds))
            found[out] = each / each.sum(axis=1, keepdims=True)
    return found


def gold_neighbours(vectors: Any, at: Int, codes: Int, *, k: int = NEIGHBOURS) -> tuple[Int, Float]:
    """Return the classes and cosines of each row's most alike gold rows, for `Beliefs`.

    Parameters
    ----------
    vectors
        Unit vectors of all rows, (n, d), sparse or dense.
    at, codes
        Numbers of the gold rows, and their classes.
    k
        How many neighbours.

    Examples
    --------
    >>> gold_neighbours(np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]), np.array([0, 2]), np.array([1, 0]), k=1)
    (array([[-1],
           [ 1],
           [-1]]), array([[0. ],
           [0.8],
           [0. ]]))
    """
    if not len(at):
        raise GoldError("there are no gold rows to compare with")
    near, cosine = nearest(vectors, vectors[at], k=k + 1)
    own = at[near] == np.arange(vectors.shape[0])[:, None]
    cosine = np.where(own, 0.0, cosine)
    order = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
    near, cosine = np.take_along_axis(near, order, axis=1), np.take_along_axis(cosine, order, axis=1)
    return np.where(cosine > 0, codes[near], -1), np.clip(cosine, 0.0, 1.0)
