"""Rows like a given one: by their words or given embeddings, and what they have in common."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.audit.vectors import given_vectors, text_vectors
from weaklabel.errors import GoldError, did_you_mean

Float = npt.NDArray[np.float64]

_LEAST = 1e-9


@dataclass(frozen=True)
class Alike:
    """A row that is like another.

    Parameters
    ----------
    id
        The row.
    cosine
        How alike, from 0 to 1 (with embeddings from -1).
    words
        Words that both have, and what each adds to the cosine of their words; strongest first.
    by
        "words" or "embeddings": what the cosine is of.

    Examples
    --------
    >>> print(Alike("r7", 0.5, (("refund", 0.3), ("late", 0.2)), "words"))
    r7: 0.50, both with refund, late
    """

    id: str
    cosine: float
    words: tuple[tuple[str, float], ...]
    by: str

    def __str__(self) -> str:
        both = (
            f", both with {', '.join(word for word, _ in self.words)}"
            if self.words
            else ", no word in common"
        )
        return f"{self.id}: {self.cosine:.2f}{both}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {**asdict(self), "words": [list(pair) for pair in self.words]}


def similar(
    rows: pl.DataFrame, id: str, *, most: int = 10, embeddings: pl.Series | Float | None = None
) -> tuple[Alike, ...]:
    """Return the rows most like one, most alike first; rows that have nothing in common with it are left out.

    Parameters
    ----------
    rows
        Columns `id` and `text`.
    id
        The row that others are compared with.
    most
        How many at most.
    embeddings
        One list of numbers for each row, in their order: likeness is then theirs, and words only explain. None:
        likeness is of the words (TF-IDF, cosine).

    Raises
    ------
    GoldError
        There is no such row, columns are missing, or embeddings don't fit.

    Examples
    --------
    >>> texts = {"id": ["a", "b", "c"], "text": ["refund is late", "late refund please", "nice shop"]}
    >>> print(*similar(pl.DataFrame(texts), "a"))
    b: 0.54, both with late, refund
    """
    for name in ("id", "text"):
        if name not in rows.columns:
            raise GoldError(f"the rows have no column {name!r}", available=rows.columns)
    if most < 1:
        raise GoldError(f"at least 1 row is looked for, not {most}")
    ids = rows["id"].cast(pl.String).to_list()
    if id not in ids:
        raise GoldError(f"there is no row {id!r}", hint=did_you_mean(id, ids[:50_000]))
    at = ids.index(id)
    words = text_vectors(rows["text"], fewest=1 if len(ids) < 1000 else 2)
    if embeddings is None:
        cosine = np.asarray((words.matrix @ words.matrix[[at]].T).todense()).ravel()
    else:
        vectors = given_vectors(embeddings, rows=len(ids))
        cosine = vectors @ vectors[at]
    order = [int(i) for i in np.lexsort((np.array(ids), -cosine)) if i != at and cosine[i] > _LEAST][:most]
    by = "words" if embeddings is None else "embeddings"
    return tuple(Alike(ids[i], min(float(cosine[i]), 1.0), words.shared(at, i), by) for i in order)
