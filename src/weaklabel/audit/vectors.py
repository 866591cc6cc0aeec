"""Texts as vectors of weighted words, to find what is alike: TF-IDF, and fewer dimensions of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.audit.text_model import Vocabulary, words_of
from weaklabel.errors import GoldError

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

DIMENSIONS = 50
_FITTED = 20_000
"""Rows that the fewer dimensions are learned from; the first ones, so give rows in a random order or all."""
_CHUNK = 4_000


@dataclass(frozen=True, eq=False)
class TextVectors:
    """Texts as unit vectors of words, rare words counting more; made by `text_vectors`.

    Parameters
    ----------
    words
        The words that are known, sorted.
    matrix
        Sparse (n, words), each row of length 1, or 0 where no known word stands.

    Examples
    --------
    >>> found = text_vectors(pl.Series(["red car", "red bus", "blue car"]), fewest=1)
    >>> found.words, [(word, round(value, 2)) for word, value in found.shared(0, 1)]
    (('blue', 'bus', 'car', 'red'), [('red', 0.43)])
    """

    words: tuple[str, ...]
    matrix: Any

    def shared(self, one: int, other: int, *, most: int = 5) -> tuple[tuple[str, float], ...]:
        """Return the words that two rows have in common and what each adds to their likeness, strongest first."""
        both = (self.matrix[[one]].multiply(self.matrix[[other]])).tocoo()
        told = sorted(
            zip(both.data.tolist(), both.coords[-1].tolist(), strict=True), key=lambda p: (-p[0], p[1])
        )
        return tuple((self.words[j], value) for value, j in told[:most])

    def telling(self, rows: Int, *, most: int = 4) -> tuple[str, ...]:
        """Return the words that set some rows off from all rows, strongest first."""
        if not len(rows) or not self.words:
            return ()
        inside = np.asarray(self.matrix[rows].mean(axis=0)).ravel()
        gain = inside - np.asarray(self.matrix.mean(axis=0)).ravel()
        order = np.lexsort((np.arange(len(gain)), -gain))[:most]
        return tuple(self.words[j] for j in order if gain[j] > 0)


def text_vectors(texts: pl.Series, *, fewest: int = 2) -> TextVectors:
    """Return texts as unit vectors: (1 + log count) of each word, times how rare it is.

    Parameters
    ----------
    texts
        The texts; null is an empty one.
    fewest
        Words that stand in fewer texts are left out.

    Notes
    -----
    The weight of a word in w of n texts is 1 + log((1 + n) / (1 + w)) (K. Spärck Jones, "A statistical
    interpretation of term specificity and its application in retrieval", Journal of Documentation 28, 1972).

    Examples
    --------
    >>> text_vectors(pl.Series(["a b", None, "b"]), fewest=1).matrix.shape
    (3, 2)
    """
    from scipy import sparse

    words = words_of(texts)
    names = Vocabulary.of(words, fewest=fewest).words
    known = pl.DataFrame({"word": names, "at": range(len(names))}, schema={"word": pl.String, "at": pl.Int64})
    cells = (
        pl.DataFrame({"row": pl.Series(range(len(words)), dtype=pl.Int64), "word": words})
        .explode("word")
        .group_by("row", "word")
        .agg(count=pl.len())
        .join(known, on="word")
        .sort("row", "at")
    )
    row, at = cells["row"].to_numpy(), cells["at"].to_numpy()
    rarity = 1 + np.log((1 + len(words)) / (1 + np.bincount(at, minlength=len(names))))
    value = (1 + np.log(cells["count"].to_numpy())) * rarity[at]
    length = np.sqrt(np.bincount(row, weights=value**2, minlength=len(words)))
    value = value / length[row]
    shape = (len(words), len(names))
    return TextVectors(
        names, sparse.csr_array((value, (row.astype(np.int32), at.astype(np.int32))), shape=shape)
    )


def given_vectors(embeddings: pl.Series | Float | Sequence[Sequence[float]], *, rows: int) -> Float:
    """Return embeddings as unit vectors, (n, d), or say what is wrong with them.

    Parameters
    ----------
    embeddings
        A column of lists or arrays of numbers, or an array (n, d).
    rows
        How many there must be.

    Raises
    ------
    GoldError
        A row has none or another number of dimensions, or a number is not finite.

    Examples
    --------
    >>> given_vectors(pl.Series([[3.0, 4.0], [0.0, 2.0]]), rows=2).tolist()
    [[0.6, 0.8], [0.0, 1.0]]
    """
    given = embeddings.to_list() if isinstance(embeddings, pl.Series) else embeddings
    sizes = {-1 if one is None else len(one) for one in given}
    if len(given) != rows or len(sizes) > 1 or sizes <= {-1, 0}:
        raise GoldError(
            f"embeddings are one list of numbers a row, all of one length; there are {len(given)} of lengths "
            f"{sorted(sizes)[:5]} for {rows} rows",
            hint="a row without a text needs an embedding too: take zeros",
        )
    array = np.asarray(given, dtype=np.float64)
    if not np.isfinite(array).all():
        first = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise GoldError("an embedding holds a number that is not finite", where=f"row {first}")
    length = np.linalg.norm(array, axis=1, keepdims=True)
    unit: Float = array / np.where(length > 0, length, 1.0)
    return unit


def fewer_dimensions(matrix: Any, *, dimensions: int = DIMENSIONS) -> Float:
    """Return sparse vectors in few dimensions, (n, d), of length 1: those along which they differ most.

    Notes
    -----
    S. Deerwester and others, "Indexing by latent semantic analysis", Journal of the American Society for Information
    Science 41, 1990. Learned from the first 20,000 rows.

    Examples
    --------
    >>> from scipy import sparse
    >>> fewer_dimensions(sparse.csr_array(np.eye(4)), dimensions=2).shape
    (4, 2)
    """
    from scipy.sparse.linalg import svds

    part = matrix[:_FITTED]
    d = min(dimensions, min(part.shape) - 1)
    if d < 1 or part.nnz == 0:
        return np.asarray(matrix.toarray()[:, :1] if matrix.shape[1] else np.zeros((matrix.shape[0], 1)))
    start = np.linspace(1.0, 2.0, min(part.shape))
    _, _, axes = svds(part.astype(np.float64), k=d, v0=start)
    flat = np.asarray(matrix @ axes.T)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    unit: Float = flat / np.where(length > 1e-12, length, 1.0)
    return unit


def nearest(vectors: Any, among: Any, *, k: int) -> tuple[Int, Float]:
    """Return for each row the k most alike of some others, and their cosines, (n, k), most alike first.

    Parameters
    ----------
    vectors, among
        Unit vectors, (n, d) and (m, d), both sparse or both dense.
    k
        How many; fewer where there are fewer.

    Examples
    --------
    >>> at, cosine = nearest(np.eye(2), np.array([[0.0, 1.0], [0.6, 0.8]]), k=1)
    >>> at.tolist(), cosine.tolist()
    ([[1], [0]], [[0.6], [1.0]])
    """
    n, m = vectors.shape[0], among.shape[0]
    k = min(k, m)
    at, found = np.zeros((n, k), dtype=np.int64), np.zeros((n, k))
    for first in range(0, n, _CHUNK):
        part = vectors[first : first + _CHUNK] @ among.T
        cosine = part if isinstance(part, np.ndarray) else part.toarray()
        order = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
        at[first : first + _CHUNK] = order
        found[first : first + _CHUNK] = np.take_along_axis(cosine, order, axis=1)
    return at, found
