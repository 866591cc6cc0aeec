"""Many literals in one pass over UTF-8 buffers: a dense Aho-Corasick automaton and what is checked at each hit.

The automaton (Aho and Corasick, 1975) reads bytes through a class map that folds ASCII case. At the end of each literal
the kernel looks at the character before it and, as the pattern wants, at the one after it, at the letters' case, at the
further words of a phrase, or it lets a small machine read on: the rest of a regular expression.
"""

from __future__ import annotations

import numpy as np

from weaklabel.kernels.jit import njit
from weaklabel.kernels.tables import (
    ACCEPT,
    AT_START,
    CONFIRM,
    DEAD,
    END,
    FINAL_NEWLINE,
    NEWLINE,
    SPACE,
    TERM,
    VOTE,
    WIDE,
    Automaton,
)

_STEPS = 16
"""Machines may read this many times a row's bytes before the rule itself is asked."""


def build(literals: list[bytes]) -> Automaton:
    """Return the automaton of some literals, ASCII case folded; `patterns` are positions in the list.

    Examples
    --------
    >>> automaton = build([b"she", b"He"])
    >>> sorted(automaton.patterns.tolist())
    [0, 1]
    """
    fold = np.arange(256, dtype=np.uint8)
    fold[65:91] += 32
    flat = fold[np.frombuffer(b"".join(literals), np.uint8)]
    starts = np.cumsum([0, *map(len, literals)]).astype(np.int64)
    used = np.unique(flat)
    rank = np.zeros(256, np.int64)
    rank[used] = np.arange(1, len(used) + 1)
    classes = rank[fold]
    width = len(used) + 1
    moves, ends, shorter = _trie(classes[flat], starts, width, len(flat) + 1)
    order = np.argsort(ends, kind="stable").astype(np.int32)
    first = np.searchsorted(ends[order], np.arange(len(shorter) + 1)).astype(np.int32)
    return Automaton(classes.astype(np.uint8), moves, first, order, shorter, width)


@njit
def _trie(flat, starts, width, most):  # type: ignore[no-untyped-def]
    trie = np.zeros((most, width), np.int32)
    ends = np.zeros(len(starts) - 1, np.int32)
    size = 1
    for p in range(len(starts) - 1):
        state = 0
        for i in range(starts[p], starts[p + 1]):
            if trie[state, flat[i]] == 0:
                trie[state, flat[i]] = size
                size += 1
            state = trie[state, flat[i]]
        ends[p] = state
    owns = np.zeros(size, np.bool_)
    for p in range(len(ends)):
        owns[ends[p]] = True
    # Breadth first, so that the states near the root, where texts mostly are, lie together.
    order = np.zeros(size, np.int32)
    place = np.zeros(size, np.int32)
    fail = np.zeros(size, np.int32)
    link = np.full(size, -1, np.int32)
    filled = 1
    for at in range(size):
        state = order[at]
        place[state] = at
        back = fail[state]
        if state:
            link[state] = back if owns[back] else link[back]
        for c in range(width):
            child = trie[state, c]
            if child:
                order[filled] = child
                filled += 1
                fail[child] = trie[back, c] if state else 0
            elif state:
                trie[state, c] = trie[back, c]
    moves = np.zeros(size * width, np.int32)
    shorter = np.full(size, -1, np.int32)
    for at in range(size):
        state = order[at]
        if link[state] >= 0:
            shorter[at] = place[link[state]]
        for c in range(width):
            to = trie[state, c]
            moves[at * width + c] = place[to] * width * 2 + (1 if owns[to] or link[to] >= 0 else 0)
    for p in range(len(ends)):
        ends[p] = place[ends[p]]
    return moves, ends, shorter


@njit
def _codepoint(data, at):  # type: ignore[no-untyped-def]
    """Return the character beyond ASCII that starts here, and its number of bytes."""
    byte = np.int64(data[at])
    if byte < 0xE0:
        return (byte & 31) << 6 | (np.int64(data[at + 1]) & 63), 2
    if byte < 0xF0:
        return (byte & 15) << 12 | (np.int64(data[at + 1]) & 63) << 6 | (np.int64(data[at + 2]) & 63), 3
    high = (byte & 7) << 18 | (np.int64(data[at + 1]) & 63) << 12
    return high | (np.int64(data[at + 2]) & 63) << 6 | (np.int64(data[at + 3]) & 63), 4


@njit
def _symbol(data, at, end, characters):  # type: ignore[no-untyped-def]
    """Return the symbol that starts here, and its number of bytes."""
    if at >= end:
        return END, 0
    byte = np.int64(data[at])
    if byte < 128:
        return (FINAL_NEWLINE, 1) if byte == 10 and at + 1 == end else (byte, 1)
    point, size = _codepoint(data, at)
    return WIDE + (np.int64(characters[point]) & 3), size


@njit
def _before(data, start, at, characters, kinds):  # type: ignore[no-untyped-def]
    """Return the kind of the character that ends here."""
    if at <= start:
        return AT_START
    at -= 1
    if data[at] < 128:
        return np.int64(kinds[data[at]])
    while data[at] & 0xC0 == 0x80:
        at -= 1
    return np.int64(kinds[WIDE + (np.int64(characters[_codepoint(data, at)[0]]) & 3)])


@njit
def marks(text, characters):  # type: ignore[no-untyped-def]
    """Return, for each text, the marks of all its characters beyond ASCII, or-ed together."""
    out = np.zeros(len(text.offsets) - 1, np.uint8)
    data = text.data
    for i in range(len(out)):
        start, end = text.offsets[i], text.offsets[i + 1]
        high = np.uint8(0)
        for at in range(start, end):
            high |= data[at]
        if high >= 128:
            found = np.uint8(0)
            at = start
            while at < end:
                if data[at] < 128:
                    at += 1
                else:
                    point, size = _codepoint(data, at)
                    found |= characters[point]
                    at += size
            out[i] = found & np.uint8(0xFC)
    return out


@njit
def _same_case(data, at, letters, case, length):  # type: ignore[no-untyped-def]
    for i in range(length):
        if data[at + i] != letters[case + 2 * i] and data[at + i] != letters[case + 2 * i + 1]:
            return False
    return True


@njit
def _rest_of_phrase(data, at, end, tail, letters, folded, characters, kinds):  # type: ignore[no-untyped-def]
    """Return where the phrase ends whose further words are `tail`, a blank before each; -1: it is not there."""
    for i in range(tail[0], tail[1]):
        want = letters[i]
        if want == 32:
            begin = at
            while at < end:
                symbol, size = _symbol(data, at, end, characters)
                if kinds[symbol] & (SPACE | NEWLINE) == 0:
                    break
                at += size
            if at == begin:
                return -1
        else:
            if at >= end:
                return -1
            byte = data[at]
            if folded and 65 <= byte <= 90:
                byte += np.uint8(32)
            if byte != want:
                return -1
            at += 1
    return at


@njit
def run_machine(data, at, end, machine, state, machines, characters):  # type: ignore[no-untyped-def]
    """Return the state in which a machine stops, and where."""
    classes, moves = machines.classes[machine], machines.moves
    while state > ACCEPT:
        symbol, size = _symbol(data, at, end, characters)
        state = np.int64(moves[state + classes[symbol]])
        at += size
    return state, at


@njit
def scan(text, rows, allowed, automaton, patterns, machines, owners, characters, kinds, votes):  # type: ignore[no-untyped-def]
    """Write the votes of every pattern, of the forms that each row allows, to `votes` (rules, rows) in place.

    Parameters
    ----------
    text
        The texts.
    rows
        For each text its row in `votes`.
    allowed
        For each text the forms of pattern that may be looked for in it.
    automaton, patterns, machines, owners
        What to look for.
    characters, kinds
        Class and marks of each code point, kind of each symbol.
    votes
        Is -1 where nothing is found yet.
    """
    data = text.data
    classes, moves, width = automaton.classes, automaton.moves, automaton.width
    seen = np.full(np.int64(patterns.slot.max()) + 2 if len(patterns.slot) else 1, -1, np.int64)
    tally = np.zeros(len(owners.codes), np.int32)
    bits = np.zeros(len(votes), np.int64)
    fresh = np.full(len(votes), -1, np.int64)
    touched = np.zeros(len(votes), np.int64)
    for i in range(len(rows)):
        start, end, row = text.offsets[i], text.offsets[i + 1], rows[i]
        steps = (end - start) * _STEPS + 256
        n_touched = 0
        state = np.int64(0)
        for at in range(start, end):
            move = np.int64(moves[state + classes[data[at]]])
            state = move >> 1
            if move & 1 == 0:
                continue
            node = state // width
            while node >= 0:
                for q in range(automaton.first[node], automaton.first[node + 1]):
                    p = automaton.patterns[q]
                    if patterns.form[p] & allowed[i] == 0:
                        continue
                    owner = np.int64(patterns.owner[p])
                    begin = at + 1 - patterns.length[p]
                    if patterns.left[p] != 63 and (
                        _before(data, start, begin, characters, kinds) & patterns.left[p] == 0
                    ):
                        continue
                    action = patterns.action[p]
                    if action == VOTE and votes[owner, row] != -1:
                        continue
                    if patterns.case[p] >= 0 and not _same_case(
                        data, begin, patterns.letters, np.int64(patterns.case[p]), patterns.length[p]
                    ):
                        continue
                    after = at + 1
                    if patterns.tail[p] < patterns.tail_stop[p]:
                        tail = (np.int64(patterns.tail[p]), np.int64(patterns.tail_stop[p]))
                        folded = patterns.case[p] < 0
                        after = _rest_of_phrase(
                            data, after, end, tail, patterns.letters, folded, characters, kinds
                        )
                        if after < 0:
                            continue
                    if patterns.right[p] != 63:
                        symbol = _symbol(data, after, end, characters)[0]
                        if kinds[symbol] & patterns.right[p] == 0:
                            continue
                    if patterns.state[p] >= 0:
                        if steps < 0:
                            votes[owner, row] = CONFIRM
                            continue
                        stop, read = run_machine(
                            data,
                            after,
                            end,
                            np.int64(patterns.machine[p]),
                            np.int64(patterns.state[p]),
                            machines,
                            characters,
                        )
                        steps -= read - after
                        if stop == DEAD:
                            continue
                    slot = np.int64(patterns.slot[p])
                    if action == VOTE:
                        votes[owner, row] = patterns.code[p]
                    elif action == TERM:
                        if seen[slot] != i:
                            seen[slot] = i
                            tally[owners.cells[owner] + patterns.code[p]] += 1
                            if fresh[owner] != i:
                                fresh[owner] = i
                                touched[n_touched] = owner
                                n_touched += 1
                    else:
                        if fresh[owner] != i:
                            fresh[owner] = i
                            bits[owner] = 0
                        bits[owner] |= np.int64(1) << slot
                        if bits[owner] == owners.needs[owner]:
                            votes[owner, row] = CONFIRM
                node = np.int64(automaton.shorter[node])
        for k in range(n_touched):
            owner = touched[k]
            most, best = np.int32(0), np.int64(-1)
            for cell in range(owners.cells[owner], owners.cells[owner + 1]):
                if tally[cell] > most:
                    most, best = tally[cell], np.int64(owners.codes[cell])
                elif tally[cell] == most:
                    best = np.int64(-1)
                tally[cell] = 0
            if most:
                votes[owner, row] = best


@njit
def search(text, rows, machine, state, machines, characters, code, votes):  # type: ignore[no-untyped-def]
    """Write, for some rows, the votes of a machine that looks for its regex anywhere in a text."""
    for i in rows:
        stop, _ = run_machine(
            text.data, text.offsets[i], text.offsets[i + 1], machine, state, machines, characters
        )
        votes[i] = code if stop == ACCEPT else -1
