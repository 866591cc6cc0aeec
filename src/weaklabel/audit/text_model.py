"""Texts as words, and small linear models of them: the audit's only home of scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.fingerprint import event_hash

WORDS = 20_000
"""Most words that a model knows; the most frequent ones."""
ROWS = 20_000
"""Most rows of a part that a model is fitted to or judged on; more are drawn."""

_WORD = r"\w+(?:['’]\w+)*"
Float = npt.NDArray[np.float64]


def words_of(texts: pl.Series) -> pl.Series:
    """Return the words of each text in lower case, in their order; none for a null text.

    Examples
    --------
    >>> words_of(pl.Series(["Don't PANIC!", None])).to_list()
    [["don't", 'panic'], []]
    """
    return texts.cast(pl.String).fill_null("").str.to_lowercase().str.extract_all(_WORD)


def chooses(ids: pl.Series, seed: int = 0) -> npt.NDArray[np.bool_]:
    """Return which rows say what is frequent or known, about half of them; the others are counted.

    A row is on the same side in every corpus that holds it. So nothing seems to change where new rows are, in part or
    all of them, those of the reference.

    Examples
    --------
    >>> ids = pl.Series(["a", "b", "c", "d"])
    >>> bool((chooses(ids)[:2] == chooses(ids[:2])).all())
    True
    """
    return np.fromiter((event_hash(f"pattern {id}", seed) & 1 for id in ids.cast(pl.String)), bool, len(ids))


def hashed_order(ids: pl.Series, seed: int) -> npt.NDArray[np.int64]:
    """Return the positions of rows in an order that a seeded hash of their ids gives, whatever the order they are in.

    Examples
    --------
    >>> hashed_order(pl.Series(["a", "b", "c"]), 1).tolist()
    [2, 1, 0]
    """
    names = ids.cast(pl.String).to_list()
    keys = np.fromiter((event_hash(f"audit {name}", seed) for name in names), np.uint64, len(names))
    return np.lexsort((np.array(names, dtype=object).astype(str), keys)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The words of some texts; made by `Vocabulary.of`.

    Examples
    --------
    >>> known = Vocabulary.of(words_of(pl.Series(["a b", "b c", "b"])), fewest=1)
    >>> known.words, known.presence(words_of(pl.Series(["b z"]))).toarray().tolist()
    (('a', 'b', 'c'), [[0.0, 1.0, 0.0]])
    """

    words: tuple[str, ...]

    @classmethod
    def of(cls, words: pl.Series, *, fewest: int = 2, most: int = WORDS) -> Vocabulary:
        """Gather the words that stand in at least `fewest` texts, the most frequent `most` of them."""
        counts = document_counts(words).filter(pl.col("rows") >= fewest).head(most)
        return cls(tuple(sorted(counts["word"])))

    def presence(self, words: pl.Series) -> Any:
        """Return which of the words stand in each text, a sparse (n, words) array of 0 and 1."""
        from scipy import sparse

        known = pl.DataFrame({"word": self.words, "at": range(len(self.words))}, schema_overrides=_KNOWN)
        cells = (
            pl.DataFrame({"row": pl.Series(range(len(words)), dtype=pl.Int64), "word": words})
            .explode("word")
            .unique()
            .join(known, on="word")
            .sort("row", "at")
        )
        where = tuple(cells[c].to_numpy().astype(np.int32) for c in ("row", "at"))
        return sparse.csr_array((np.ones(cells.height), where), shape=(len(words), len(self.words)))


_KNOWN: dict[str, Any] = {"word": pl.String, "at": pl.Int64}


def document_counts(words: pl.Series) -> pl.DataFrame:
    """Return in how many texts each word stands: columns word, rows; the most frequent first.

    Examples
    --------
    >>> document_counts(words_of(pl.Series(["a b b", "b"]))).rows()
    [('b', 2), ('a', 1)]
    """
    cells = pl.DataFrame({"row": pl.Series(range(len(words)), dtype=pl.Int64), "word": words})
    each = cells.explode("word").drop_nulls().unique()
    counts = each.group_by("word").agg(rows=pl.len().cast(pl.Int64))
    return counts.sort(-pl.col("rows"), "word")


def linear_models(
    train: Any, targets: npt.NDArray[np.bool_], *, strength: float = 1.0
) -> tuple[Float, Float]:
    """Fit one logistic model for each column of targets; texts' log odds are presence @ weights + constants.

    Parameters
    ----------
    train
        Presence of words, sparse (n, w).
    targets
        What is to be told from the words, (n, t); a column that is all one value gets its smoothed log odds.
    strength
        Inverse of the penalty.

    Returns
    -------
    tuple
        Weights (w, t) and constants (t,).

    Examples
    --------
    >>> seen = np.array([[1.0, 0.0], [0.0, 1.0]] * 5)
    >>> weights, constants = linear_models(seen, seen[:, :1] > 0)
    >>> bool(weights[0, 0] > 0 > weights[1, 0])
    True
    """
    weights = np.zeros((train.shape[1], targets.shape[1]))
    constants = np.log((targets.sum(axis=0) + 0.5) / ((~targets).sum(axis=0) + 0.5))
    for j, target in enumerate(targets.T):
        if target.any() and not target.all():
            model = _fitted(train, target, strength)
            weights[:, j], constants[j] = model.coef_[0], float(model.intercept_[0])
    return weights, constants


def word_weights(train: Any, target: npt.NDArray[np.bool_], *, strength: float = 1.0) -> Float:
    """Return for each word how much it speaks for the target, (w,), in a logistic model of both classes' words.

    Examples
    --------
    >>> seen = np.array([[1.0, 0.0], [0.0, 1.0]] * 5)
    >>> bool(np.diff(word_weights(seen, seen[:, 0] > 0))[0] < 0)
    True
    """
    weights: Float = _fitted(train, target, strength).coef_[0]
    return weights


def _fitted(train: Any, target: npt.NDArray[np.bool_], strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, solver="liblinear", random_state=0).fit(train, target)
