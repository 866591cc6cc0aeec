"""Near duplicates: texts whose sets of 5-character shingles have much in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

SHINGLE = 5
LONGEST = 20_000
"""Texts of more characters are not compared."""
MOST_CHARACTERS = 2_000_000
"""Characters that are compared at most, all texts together."""

_PERMUTATIONS = 64
_MULTIPLIERS = np.array(
    [0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F],
    dtype=np.uint64,
)


def shingles(text: str) -> set[str]:
    """Return the 5-character shingles of a text, case and runs of white space folded.

    Examples
    --------
    >>> sorted(shingles("Hello  you"))
    ['ello ', 'hello', 'llo y', 'lo yo', 'o you']
    >>> shingles("hi")
    {'hi'}
    """
    folded = _folded(text)
    return {folded[i : i + SHINGLE] for i in range(max(1, len(folded) - SHINGLE + 1))}


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def jaccard(a: set[str], b: set[str]) -> float:
    """Return the number of common members over the number of all.

    Examples
    --------
    >>> jaccard({"a", "b"}, {"b", "c"})
    0.3333333333333333
    """
    return len(a & b) / len(a | b) if a or b else 1.0


def near_duplicates(different: pl.DataFrame, threshold: float, seed: int) -> pl.DataFrame:
    """Return the pairs (id, other, jaccard) of rows whose texts are near duplicates, the most alike first.

    Parameters
    ----------
    different
        Columns id and text, no two texts alike.
    threshold
        Least Jaccard index.
    seed
        Seed of MinHash.

    Examples
    --------
    >>> frame = pl.DataFrame({"id": ["a", "b", "c"], "text": ["where is it?", "Where is it?!", "thanks"]})
    >>> near_duplicates(frame, 0.7, 0).rows()
    [('a', 'b', 0.8888888888888888)]
    """
    ids, texts = different["id"].to_list(), different["text"].to_list()
    found = []
    for i, j in _candidates(texts, threshold, seed):
        alike = jaccard(shingles(texts[i]), shingles(texts[j]))
        if alike >= threshold:
            found.append((*sorted((ids[i], ids[j])), alike))
    schema = {"id": pl.String, "other": pl.String, "jaccard": pl.Float64}
    return pl.DataFrame(found, schema=schema, orient="row").sort(-pl.col("jaccard"), "id", "other")


def _candidates(texts: Sequence[str], threshold: float, seed: int) -> Iterator[tuple[int, int]]:
    from datasketch import MinHash, MinHashLSH

    bands = _bands(threshold)
    index = MinHashLSH(num_perm=_PERMUTATIONS, params=(bands, _PERMUTATIONS // bands))
    empty = MinHash(num_perm=_PERMUTATIONS, seed=seed + 1, hashfunc=int)
    for i, text in enumerate(texts):
        sketch = empty.copy()
        sketch.update_batch(_hashed_shingles(text).tolist())
        for j in index.query(sketch):
            yield j, i
        index.insert(i, sketch)


def _hashed_shingles(text: str) -> np.ndarray:
    """Return a 32-bit hash of each shingle, worked out for all windows at once."""
    points = np.frombuffer(_folded(text).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    if len(points) < SHINGLE:
        points = np.pad(points, (0, SHINGLE - len(points)))
    windows = np.lib.stride_tricks.sliding_window_view(points, SHINGLE)
    sums = (windows * _MULTIPLIERS).sum(axis=1, dtype=np.uint64)
    mixed = (sums ^ (sums >> np.uint64(29))) * _MULTIPLIERS[0]
    return np.unique(mixed >> np.uint64(32))


def _bands(threshold: float) -> int:
    """Return the fewest bands with which a pair at the threshold is found 98 times in 100."""
    for bands in (4, 8, 16, 32):
        if 1 - (1 - threshold ** (_PERMUTATIONS // bands)) ** bands >= 0.98:
            return bands
    return _PERMUTATIONS
