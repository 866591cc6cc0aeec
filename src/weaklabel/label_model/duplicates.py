"""Rules that vote alike in every row, and the rows that anybody votes on: what several models look at first."""

from __future__ import annotations

import numpy as np

from weaklabel.label_matrix import VotePatterns
from weaklabel.schema import ABSTAIN


def duplicate_groups(patterns: VotePatterns) -> tuple[tuple[int, ...], ...]:
    """Return groups of labelers, by position, with silence -1 and identical votes in every row.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> duplicate_groups(as_patterns([[0, -1, 0], [-1, 1, -1]]))
    ((0, 2),)
    """
    from weaklabel.kernels.patterns import labeler_hashes

    hashes = labeler_hashes(patterns.indptr, patterns.labeler_index, patterns.codes, len(patterns.labelers))
    alike: dict[int, list[int]] = {}
    for j in np.flatnonzero(patterns.silence == ABSTAIN).tolist():
        alike.setdefault(int(hashes[j]), []).append(j)
    groups: dict[tuple[bytes, bytes], list[int]] = {}
    for j in sorted(j for group in alike.values() if len(group) > 1 for j in group):
        own = np.flatnonzero(patterns.labeler_index == j)
        events = patterns.pattern_index[own].tobytes(), patterns.codes[own].tobytes()
        groups.setdefault(events, []).append(j)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def with_votes(patterns: VotePatterns) -> VotePatterns:
    """Return the patterns with votes, without `inverse`.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> with_votes(as_patterns([[0], [-1], [0]])).counts.tolist()
    [2]
    """
    keep = np.flatnonzero(patterns.n_votes > 0)
    if len(keep) == len(patterns):
        return patterns
    from weaklabel.kernels.patterns import take_events

    indptr, who, codes = take_events(patterns.indptr, patterns.labeler_index, patterns.codes, keep)
    return VotePatterns(
        patterns.labelers, patterns.silence, indptr, who, codes, patterns.counts[keep], patterns.keys[keep]
    )
