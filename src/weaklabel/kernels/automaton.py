"""Many literals as one dense automaton over bytes.

The automaton (Aho and Corasick, 1975) reads bytes through a class map that folds ASCII case. Two things keep its hits
few. A literal that must not follow a letter, digit or underscore hangs from a second root, which is entered after every
byte that may be none of them. And the end of a literal is noted with the byte after it, so that it counts only where
one of its patterns may be followed by that kind of byte. Both look at single bytes: what a hit is worth is checked later.
"""

from __future__ import annotations

import numpy as np

from weaklabel.kernels.jit import njit
from weaklabel.kernels.tables import (
    AT_START,
    FIRST,
    GROUP_COLUMNS,
    LAST,
    LEFT,
    LENGTH,
    MOST_TOGETHER,
    NEXT,
    OTHER,
    PEEK,
    PEEKED,
    SIMPLE,
    SPACE,
    THEN,
    WIDE_WORD,
    WISHES,
    WORD,
    Automaton,
)

_WIDE = WIDE_WORD | SPACE | OTHER


def build(literals: list[bytes], wishes: np.ndarray, kinds: np.ndarray) -> Automaton:
    """Return the automaton of some literals, ASCII case folded; `patterns` are positions in the list.

    Parameters
    ----------
    literals
        The literals, none of them empty.
    wishes
        For each of them what must be so where it stands: columns `LEFT` to `SIMPLE` of `Automaton.groups`.
    kinds
        Kind of each symbol; see `tables`.

    Examples
    --------
    >>> any_place = np.full((2, 4), 63)
    >>> automaton = build([b"she", b"He"], any_place, np.full(134, 8))
    >>> sorted(automaton.patterns.tolist())
    [0, 1]
    """
    flat = _FOLD[np.frombuffer(b"".join(literals), np.uint8)]
    starts = np.cumsum([0, *map(len, literals)]).astype(np.int64)
    classes, of_class = _classes(np.unique(flat), np.asarray(kinds))
    wishes = np.asarray(wishes, np.int64).reshape(-1, WISHES)
    roots = (wishes[:, 0] & WORD == 0).astype(np.int64)
    moves, ends, shorter = _trie(
        classes[flat], starts, roots, (of_class & ~WORD) > 0, len(of_class), len(flat) + 2
    )
    order = np.lexsort((*wishes.T, ends)).astype(np.int32)
    groups, heads = _groups(order, ends, wishes, np.diff(starts), shorter)
    followed = _any_next(groups, ends[order[groups[:, FIRST]]], shorter)
    flagged = (followed[:, None] & of_class[None, :]) > 0
    classes, moves, peeks = (
        classes.astype(np.uint8),
        moves + flagged.ravel(),
        np.zeros((0, PEEKED, 1), np.uint64),
    )
    return Automaton(classes, moves.astype(np.int32), heads, groups, peeks, order, len(of_class))


def with_peeks(automaton: Automaton, peeks: list[bytes]) -> Automaton:
    """Return an automaton whose groups know what may come after their literals.

    Parameters
    ----------
    automaton
        The automaton.
    peeks
        For each literal a byte for each ASCII character, whose bit k says that it may be the k-th after it; nothing where
        there is nothing to say.

    Examples
    --------
    >>> automaton = build([b"a"], np.array([[63, 63, 1, 0]]), np.full(134, 8))
    >>> digits = bytes(15 if chr(byte).isdigit() else 0 for byte in range(128))
    >>> with_peeks(automaton, [digits]).peeks.shape[:2]
    (1, 4)
    """
    known: dict[bytes, np.ndarray] = {}
    rows: dict[bytes, int] = {}
    groups = automaton.groups.copy()
    for group in groups:
        own = [peeks[literal] for literal in automaton.patterns[group[FIRST] : group[LAST]].tolist()]
        group[PEEK] = -1
        if any(own):
            row = np.zeros((PEEKED, automaton.width), np.uint64)
            for bit, peek in enumerate(own):
                if peek not in known:
                    known[peek] = _by_class(peek, automaton)
                row |= known[peek] << np.uint64(bit)
            group[PEEK] = rows.setdefault(row.tobytes(), len(rows))
    found = np.frombuffer(b"".join(rows), np.uint64).reshape(-1, PEEKED, automaton.width)
    return automaton._replace(groups=groups, peeks=found.copy())


def _by_class(peek: bytes, automaton: Automaton) -> np.ndarray:
    """Return 1 for each place and class of which some byte may stand there, else 0."""
    out = np.zeros((PEEKED, automaton.width), np.uint64)
    there = np.frombuffer(peek or b"\xff" * 128, np.uint8)
    for place in range(PEEKED):
        out[place, automaton.classes[:128][there >> place & 1 > 0]] = 1
    return out


def _folding() -> np.ndarray:
    fold = np.arange(256, dtype=np.uint8)
    fold[65:91] += 32
    return fold


_FOLD = _folding()


def _classes(used: np.ndarray, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the class of each byte, and the kinds of character that a byte of each class may belong to.

    Bytes of literals have their own classes, others share one with all of their kind. The last class is the end's.
    """
    kind = np.full(256, _WIDE, np.int64)
    kind[:128] = kinds[:128]
    key = np.where(np.isin(_FOLD, used), _FOLD, 256 + kind)
    first, classes = np.unique(key, return_index=True, return_inverse=True)[1:]
    return classes.ravel(), np.array([*kind[first], AT_START])


def _groups(
    order: np.ndarray, ends: np.ndarray, wishes: np.ndarray, lengths: np.ndarray, shorter: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the groups of literals, sorted by `order`, with equal wishes and ends, and each state's first group."""
    key = np.column_stack([ends[order], wishes[order]])
    firsts = np.flatnonzero(np.r_[True, (key[1:] != key[:-1]).any(axis=1)][: len(order)])
    within = np.arange(len(order)) - np.repeat(firsts, np.diff(np.r_[firsts, len(order)]))
    firsts = np.flatnonzero(within % MOST_TOGETHER == 0)
    groups = np.zeros((len(firsts), GROUP_COLUMNS), np.int32)
    groups[:, FIRST], groups[:, LAST] = firsts, np.r_[firsts[1:], len(order)][: len(firsts)]
    groups[:, LENGTH], groups[:, PEEK] = lengths[order[firsts]], -1
    groups[:, LEFT : SIMPLE + 1] = wishes[order[firsts]]
    places = ends[order[firsts]]
    heads = np.full(len(shorter), -1, np.int32)
    heads[places[::-1]] = np.arange(len(firsts), dtype=np.int32)[::-1]
    for state in np.flatnonzero((heads < 0) & (shorter >= 0)):  # shorter literals' states come first
        heads[state] = heads[shorter[state]]
    last = np.r_[places[1:] != places[:-1], True][: len(places)]
    groups[:, THEN] = np.where(
        last, np.where(shorter[places] >= 0, heads[shorter[places]], -1), np.arange(1, len(firsts) + 1)
    )
    return groups, heads


def _any_next(groups: np.ndarray, places: np.ndarray, shorter: np.ndarray) -> np.ndarray:
    """Return for each state the kinds of character that may follow any of the literals that end there."""
    out = np.zeros(len(shorter), np.int64)
    np.bitwise_or.at(out, places, groups[:, NEXT])
    for state in np.flatnonzero(shorter >= 0):
        out[state] |= out[shorter[state]]
    return out


@njit
def _trie(flat, starts, roots, apart, width, most):  # type: ignore[no-untyped-def]
    """Return the moves, each literal's state, and for each state that of the longest shorter literal that ends there.

    State 0 is the root, 1 that of the literals which stand apart; a byte whose class is `apart` may lead there.
    """
    trie = np.zeros((most, width), np.int32)
    ends = np.zeros(len(starts) - 1, np.int32)
    size = 2
    for p in range(len(starts) - 1):
        state = roots[p]
        for i in range(starts[p], starts[p + 1]):
            if trie[state, flat[i]] == 0:
                trie[state, flat[i]] = size
                size += 1
            state = trie[state, flat[i]]
        ends[p] = state
    owns = np.zeros(size, np.bool_)
    for p in range(len(ends)):
        owns[ends[p]] = True
    # Breadth first, so that the states near the roots, where texts mostly are, lie together. A literal that stands
    # apart counts half a place more than its bytes: it may be a suffix of one that starts with the byte before it.
    order = np.zeros(size, np.int32)
    place = np.zeros(size, np.int32)
    fail = np.zeros(size, np.int32)
    link = np.full(size, -1, np.int32)
    order[1] = 1
    filled = 2
    for at in range(size):
        state = order[at]
        place[state] = at
        back = fail[state]
        if state > 1:
            link[state] = back if owns[back] else link[back]
        for c in range(width):
            child = trie[state, c]
            if child:
                order[filled] = child
                filled += 1
                if state:
                    fail[child] = trie[back, c]
                elif apart[c]:
                    fail[child] = 1
            elif state:
                trie[state, c] = trie[back, c]
            elif apart[c]:
                trie[state, c] = 1
    moves = np.zeros(size * width, np.int32)
    shorter = np.full(size, -1, np.int32)
    for at in range(size):
        state = order[at]
        if link[state] >= 0:
            shorter[at] = place[link[state]]
        for c in range(width):
            moves[at * width + c] = place[trie[state, c]] * width * 2
    for p in range(len(ends)):
        ends[p] = place[ends[p]]
    return moves, ends, shorter
