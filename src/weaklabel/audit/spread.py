"""Rows that stand for all others: groups around centres that lie as far apart as can be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weaklabel.errors import GoldError

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

_SEARCHED = 20_000
"""Rows among which centres are looked for; all rows then go to the nearest of them."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Rows in groups; made by `k_center`.

    Parameters
    ----------
    centres
        Row numbers of the centres.
    of
        The number of each row's group, (n,).
    distance
        Of each row to its centre, (n,).

    Examples
    --------
    >>> Groups(np.array([0]), np.array([0, 0]), np.array([0.0, 0.5])).radius
    0.5
    """

    centres: Int
    of: Int
    distance: Float

    @property
    def radius(self) -> float:
        """The largest distance of a row to its centre."""
        return float(self.distance.max(initial=0.0))


def k_center(vectors: Float, k: int, *, order: Int | None = None) -> Groups:
    """Return k groups of rows: each further centre is the row that lies farthest from those there are.

    Parameters
    ----------
    vectors
        The rows, (n, d).
    k
        How many groups; fewer where there are fewer different rows.
    order
        The order in which rows are looked at, which decides among equals; the first 20,000 are candidates for
        centres. None: as they stand.

    Raises
    ------
    GoldError
        There are no rows, or k is below 1.

    Notes
    -----
    T. F. Gonzalez, "Clustering to minimize the maximum intercluster distance", Theoretical Computer Science 38,
    1985: the largest distance is at most twice the least that k centres can have. The first centre is the row nearest
    to the mean, so that one centre is in the thick of things.

    Examples
    --------
    >>> found = k_center(np.array([[0.0], [0.1], [5.0], [5.2], [9.0]]), 3)
    >>> found.centres.tolist(), found.of.tolist()
    ([2, 0, 4], [1, 1, 0, 0, 2])
    """
    if not len(vectors):
        raise GoldError("there are no rows to spread over")
    if k < 1:
        raise GoldError(f"rows are spread over at least 1 group, not {k}")
    looked = np.arange(len(vectors)) if order is None else order
    rows = vectors[looked[:_SEARCHED]]
    first = int(_distance(rows, rows.mean(axis=0)).argmin())
    centres, far = [first], _distance(rows, rows[first])
    while len(centres) < k and far.max() > 1e-9:
        centres.append(int(far.argmax()))
        far = np.minimum(far, _distance(rows, rows[centres[-1]]))
    of, distance = np.zeros(len(vectors), dtype=np.int64), _distance(vectors, rows[centres[0]])
    for number, centre in enumerate(centres[1:], 1):
        own = _distance(vectors, rows[centre])
        closer = own < distance
        of[closer], distance = number, np.minimum(distance, own)
    return Groups(looked[centres], of, distance)


def _distance(rows: Float, point: Float) -> Float:
    found: Float = np.sqrt(((rows - point) ** 2).sum(axis=1))
    return found
