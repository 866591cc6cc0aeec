"""How right each rule is about each tag: precisions under a prior that all tags share, from votes alone and from gold.

The formulas stand in `TagModel`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.tags.events import AGAINST, IMPLIED, MEMBER, PRESENT, TagEvents
from weaklabel.tags.gold import GoldTags
from weaklabel.tags.votes import TagVotes

Float = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]

MEANS = (0.65, 0.7, 0.04, 0.7)
"""Without gold: how often a tag is there that is named, implied, denied; how often one of a set is."""
SURE = 20.0
"""Gold links by which these means are believed, and gold rows by which a tag's base rate is."""
STRENGTH = 8.0
"""Rows that a link's own precision borrows from its kind."""
HEARSAY, MOST_HEARSAY = 0.1, 4.0
"""What a row counts on which other rules agree or don't, and what all of them count at most."""
FLOOR = 0.5
"""Probability of a tag for which something speaks, before it is known what."""
FURTHER = 0.5
"""What each link beside the strongest counts."""
FOUND = 0.5
"""Without gold: the part of a tag's rows that rules are taken to find."""
ALIKE = 0.7
"""Links of a tag that share at least this part of their rows are heard once."""
MOST_LINKS = 512
"""Copies are looked for among this many links of a tag: those with most rows."""
PASSES = 10
CLIP = 1e-4


@dataclass(frozen=True, eq=False)
class Precisions:
    """What is believed of links and tags.

    Parameters
    ----------
    means
        (4,) how right each kind of link is, `right` of a set's members being that one of them is there.
    links
        (links,) probability of the tag, given the link alone.
    sets
        (events,) probability that one of the event's set is there.
    copies
        (links,) the first of the links that are heard once with it.
    base
        (k,) probability of a tag of which nothing is said.
    """

    means: Float
    links: Float
    sets: Float
    copies: Int32
    base: Float


def logit(p: Any) -> Any:
    """Return log odds, of probabilities kept off 0 and 1.

    Examples
    --------
    >>> float(logit(0.5))
    0.0
    """
    kept = np.clip(p, CLIP, 1 - CLIP)
    return np.log(kept / (1 - kept))


def kernel_events(events: TagEvents, copies: Int32) -> tuple[Any, ...]:
    """Return events as kernels take them."""
    above = events.taxonomy
    return events.indptr, events.tags, events.kinds, events.owners, copies, above.indptr, above.codes


def probabilities(votes: TagVotes, known: Precisions, offsets: Float | None = None) -> Float:
    """Return the probability of each cell, (cells,) float64."""
    from weaklabel.kernels import tags as kernel

    events = votes.events
    floor = np.full(events.n_tags, logit(FLOOR))
    weights = logit(known.links) - floor[events.tags]
    against = events.kinds == AGAINST
    weights = np.where(against, np.minimum(weights, 0), np.maximum(weights, 0))
    out = np.empty(len(votes.cells[1]))
    parts = weights, known.sets, FURTHER
    kernel.probabilities(
        votes.cells,
        (votes.indptr, votes.said),
        kernel_events(events, known.copies),
        parts,
        logit(known.base),
        floor,
        out,
    )
    return out


def find_copies(votes: TagVotes) -> Int32:
    """Return for each link the first of those of its tag that say the same on nearly the same rows."""
    from weaklabel.kernels import tags as kernel

    events = votes.events
    L, k = len(events.tags), events.n_tags
    rows = np.bincount(votes.said, weights=np.repeat(votes.counts, votes.n_votes), minlength=len(events))
    heard = np.flatnonzero((events.kinds != MEMBER) & (rows[events.owners] > 0))
    order = heard[np.lexsort((heard, -rows[events.owners[heard]], events.tags[heard]))]
    place = np.arange(len(order)) - np.searchsorted(events.tags[order], events.tags[order])
    chosen = np.sort(order[place < MOST_LINKS])
    by_tag = chosen[np.lexsort((chosen, events.tags[chosen]))]
    local = np.full(L, -1, np.int64)
    local[by_tag] = np.arange(len(by_tag)) - np.searchsorted(events.tags[by_tag], events.tags[by_tag])
    size = np.bincount(events.tags[by_tag], minlength=k)
    start = np.concatenate([[0], np.cumsum(size**2)[:-1]])
    flat = kernel.pair_counts(votes.cells, votes.counts, events.tags, events.kinds, local, start, size)
    copies = np.arange(L, dtype=np.int32)
    for tag in np.flatnonzero(size > 1):
        own = by_tag[events.tags[by_tag] == tag]
        table = flat[start[tag] : start[tag] + size[tag] ** 2].reshape(size[tag], size[tag])
        copies[own] = own[_first_alike(table)]
    return copies


def _first_alike(table: Int64) -> Int64:
    """Return for each link the first link of its group: linked by shared rows, one to the next."""
    both = table + table.T - np.diag(np.diag(table))
    total = np.diag(table)
    either = total[:, None] + total[None, :] - both
    alike = both >= ALIKE * np.maximum(either, 1)
    first = np.arange(len(table))
    while True:
        found = np.where(alike | np.eye(len(table), dtype=bool), first[None, :], len(table)).min(axis=1)
        if (found == first).all():
            return first
        first = found


def fit_precisions(votes: TagVotes, gold: GoldTags | None, rows: Int64 | None) -> Precisions:
    """Return precisions by votes and gold; `rows` is the distinct row of each gold row."""
    copies = find_copies(votes)
    known = _by_kind(votes, gold, rows, copies)
    for _ in range(PASSES):
        known = _again(votes, known)
    return replace(known, base=_closed_base(known.base, votes.events))


def _gold_counts(
    votes: TagVotes, gold: GoldTags | None, rows: Int64 | None, copies: Int32
) -> tuple[Int64, Int64]:
    from weaklabel.kernels import tags as kernel

    events = votes.events
    if gold is None or rows is None or not len(gold):
        return np.zeros((len(events.tags), 2), np.int64), np.zeros((events.n_tags, 3), np.int64)
    found: tuple[Int64, Int64] = kernel.gold_sums(
        votes.cells, kernel_events(events, copies), rows, gold.indptr, gold.codes, events.n_tags
    )
    return found


def _by_kind(votes: TagVotes, gold: GoldTags | None, rows: Int64 | None, copies: Int32) -> Precisions:
    """Return what each kind of link is worth, by gold where there is some."""
    events = votes.events
    counts, of_tags = _gold_counts(votes, gold, rows, copies)
    means = np.array(MEANS)
    for kind in (PRESENT, IMPLIED, AGAINST):
        n, right = counts[events.kinds == kind].sum(axis=0)
        means[kind] = (right + SURE * means[kind]) / (n + SURE)
    n, right = _gold_sets(votes, gold, rows)
    means[MEMBER] = (right + SURE * means[MEMBER]) / (n + SURE)
    base = _base(votes, of_tags, means, 0 if gold is None else len(gold))
    return Precisions(means, means[events.kinds], np.full(len(events), means[MEMBER]), copies, base)


def _gold_sets(votes: TagVotes, gold: GoldTags | None, rows: Int64 | None) -> tuple[int, int]:
    """Return how many sets are voted on gold rows, and how many of them hold a tag that is there."""
    events = votes.events
    sets = np.zeros(len(events), bool)
    sets[events.owners[events.kinds == MEMBER]] = True
    n, hits = 0, 0
    if gold is None or rows is None or not sets.any():
        return n, hits
    for g, row in enumerate(rows.tolist()):
        own = set(gold.codes[gold.indptr[g] : gold.indptr[g + 1]].tolist())
        for event in votes.said[votes.indptr[row] : votes.indptr[row + 1]]:
            if sets[event]:
                links = slice(events.indptr[event], events.indptr[event + 1])
                members = events.tags[links][events.kinds[links] == MEMBER]
                n, hits = n + 1, hits + (not own.isdisjoint(members.tolist()))
    return n, hits


def _base(votes: TagVotes, of_tags: Int64, means: Float, n_gold: int) -> Float:
    """Return the share of each tag among rows of which nothing is said for it."""
    from weaklabel.kernels import tags as kernel

    events, n = votes.events, max(votes.n_rows, 1)
    events_of = kernel_events(events, np.arange(len(events.tags), dtype=np.int32))
    cells = np.zeros(len(votes.cells[1]))
    _, sums = kernel.tag_sums(votes.cells, votes.counts, events_of, cells, 1.0, events.n_tags)
    named = sums[:, 0]
    missed = (named * means[PRESENT] * (1 - FOUND) / FOUND + 0.5) / (n - named + 1)
    if not n_gold:
        return np.minimum(missed, 0.5)
    free = n_gold - of_tags[:, 0]
    right = of_tags[:, 2] - of_tags[:, 1]
    level = (right.sum() + 1) / (free @ missed + 1)
    prior = np.clip(missed * level, 1e-5, 0.5)
    return (right + SURE * prior) / (free + SURE)


def _again(votes: TagVotes, known: Precisions) -> Precisions:
    """Return precisions of links that speak for tags, which also heed how far other rules agree."""
    from weaklabel.kernels import tags as kernel
    from weaklabel.kernels.sums import bits_for

    events = votes.events
    bits = bits_for(votes.n_rows)
    values = probabilities(votes, known)
    sums, _ = kernel.tag_sums(
        votes.cells, votes.counts, kernel_events(events, known.copies), values, 2.0**bits, events.n_tags
    )
    rows, share = sums[:, 0].astype(np.float64), sums[:, 1] / 2.0**bits
    worth = np.minimum(HEARSAY, MOST_HEARSAY / np.maximum(rows, 1))
    mean = known.means[events.kinds]
    drawn = (worth * share + STRENGTH * mean) / (worth * rows + STRENGTH)
    return replace(known, links=np.where(events.kinds == AGAINST, mean, drawn))


def _closed_base(base: Float, events: TagEvents) -> Float:
    """Return base rates of which none is above that of a tag that stands above it."""
    found = base.copy()
    for tag in events.taxonomy.order[::-1]:
        for parent in events.taxonomy.of(int(tag)):
            found[parent] = max(found[parent], found[tag])
    return found
