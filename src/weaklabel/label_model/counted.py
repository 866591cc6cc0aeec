"""Counts of vote patterns that are added up, part by part: what `partial_fit` keeps between its calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.label_matrix import VotePatterns

Int = npt.NDArray[np.int64]

_ARRAYS = ("indptr", "labeler_index", "codes", "counts", "keys")
_PREFIX = "counted_"


@dataclass(frozen=True, eq=False)
class Counted:
    """Distinct rows with their counts, and how many rows of each are known to be of each class.

    Parameters
    ----------
    patterns
        Without `inverse`.
    gold
        (u, k) int64, or None when no class was ever told.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> first = Counted(as_patterns([[0], [1]]).without_rows())
    >>> first.plus(as_patterns([[1]]), None).patterns.n_rows
    3
    """

    patterns: VotePatterns
    gold: Int | None = None

    def plus(self, patterns: VotePatterns, gold: Int | None) -> Counted:
        """Return the counts of both; integers are added, so the order of the parts doesn't matter."""
        parts = [
            replace(part, inverse=np.arange(len(part), dtype=np.int64)) for part in (self.patterns, patterns)
        ]
        merged = VotePatterns.merge(parts)
        assert merged.inverse is not None
        to = np.split(merged.inverse, [len(parts[0])])
        tables = [
            (rows, known) for rows, known in zip(to, (self.gold, gold), strict=True) if known is not None
        ]
        total = None
        if tables:
            total = np.zeros((len(merged), tables[0][1].shape[1]), np.int64)
            for rows, known in tables:
                np.add.at(total, rows, known)
        return Counted(merged.without_rows(), total)

    def arrays(self) -> dict[str, Any]:
        """Return the arrays that `from_arrays` reads back; labelers and silence are the model's."""
        found = {_PREFIX + name: getattr(self.patterns, name) for name in _ARRAYS}
        return found if self.gold is None else {**found, f"{_PREFIX}gold": self.gold}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, Any], labelers: tuple[str, ...], silence: npt.NDArray[np.int8]
    ) -> Counted | None:
        """Return the counts that a saved model holds, or None."""
        if f"{_PREFIX}keys" not in arrays:
            return None
        kept = [arrays[_PREFIX + name] for name in _ARRAYS]
        return cls(VotePatterns(labelers, silence, *kept), arrays.get(f"{_PREFIX}gold"))
