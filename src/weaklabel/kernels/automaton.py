"""Many literals in one pass over UTF-8 buffers: a dense Aho-Corasick automaton and what is checked at each hit.

The automaton (Aho and Corasick, 1975) reads bytes through a class map that folds ASCII case. At the end of each literal
the kernel looks at the character before it and, as the pattern wants, at the one after it, at the letters' case, at the
further words of a phrase, or it lets a small machine read on: the rest of a regular expression.
"""

from __future__ import annotations

import numpy as np

from weaklabel.kernels.jit import inlined, njit
from weaklabel.kernels.tables import (
    ACCEPT,
    ACTION,
    AT_START,
    CASE,
    CODE,
    CONFIRM,
    END,
    FINAL_NEWLINE,
    FIRST,
    FORM,
    LAST,
    LEFT,
    LENGTH,
    MACHINE,
    NEED,
    NEWLINE,
    NEXT,
    NODE_COLUMNS,
    NODE_FORM,
    NODE_LEFT,
    NODE_NEXT,
    OWNER,
    PLAIN,
    RIGHT,
    SHORTER,
    SLOT,
    SPACE,
    STATE,
    TAIL,
    TAIL_STOP,
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
    first = np.searchsorted(ends[order], np.arange(len(shorter) + 1))
    nodes = np.zeros((len(shorter), NODE_COLUMNS), np.int32)
    nodes[:, FIRST], nodes[:, LAST], nodes[:, SHORTER] = first[:-1], first[1:], shorter
    nodes[ends, LENGTH] = np.diff(starts)
    return Automaton(classes.astype(np.uint8), moves, nodes, order, width)


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


@inlined
def _codepoint(data, at):  # type: ignore[no-untyped-def]
    """Return the character beyond ASCII that starts here, and its number of bytes."""
    byte = np.int64(data[at])
    if byte < 0xE0:
        return (byte & 31) << 6 | (np.int64(data[at + 1]) & 63), 2
    if byte < 0xF0:
        return (byte & 15) << 12 | (np.int64(data[at + 1]) & 63) << 6 | (np.int64(data[at + 2]) & 63), 3
    high = (byte & 7) << 18 | (np.int64(data[at + 1]) & 63) << 12
    return high | (np.int64(data[at + 2]) & 63) << 6 | (np.int64(data[at + 3]) & 63), 4


@inlined
def _symbol(data, at, end, characters):  # type: ignore[no-untyped-def]
    """Return the symbol that starts here, and its number of bytes."""
    if at >= end:
        return END, 0
    byte = np.int64(data[at])
    if byte < 128:
        return (FINAL_NEWLINE, 1) if byte == 10 and at + 1 == end else (byte, 1)
    point, size = _codepoint(data, at)
    return WIDE + (np.int64(characters[point]) & 3), size


@inlined
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


@inlined
def _same_case(data, at, letters, case, length):  # type: ignore[no-untyped-def]
    for i in range(length):
        if data[at + i] != letters[case + 2 * i] and data[at + i] != letters[case + 2 * i + 1]:
            return False
    return True


@inlined
def _rest_of_phrase(data, at, end, tail, stop, letters, folded, characters, kinds):  # type: ignore[no-untyped-def]
    """Return where the phrase ends whose further words are in `letters`, a blank before each; -1: it is not there."""
    for i in range(tail, stop):
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
        What to look for; see `tables`.
    characters, kinds
        Class and marks of each code point, kind of each symbol.
    votes
        Is -1 where nothing is found yet.

    Returns
    -------
    How many votes are `CONFIRM` because machines would have read more than `_STEPS` times the text.
    """
    # Arrays are taken out of their tuples here: within the loops each time would be counted as a reference.
    data, offsets, classes, moves, nodes = (
        text.data,
        text.offsets,
        automaton.classes,
        automaton.moves,
        automaton.nodes,
    )
    width, table, letters = np.uint32(automaton.width), patterns.table, patterns.letters
    m_classes, m_moves = machines.classes, machines.moves
    cells, codes, needs = owners.cells, owners.codes, owners.needs
    done, fresh, bits = np.full(len(votes), -1), np.full(len(votes), -1), np.zeros(len(votes), np.int64)
    seen, tally = np.full(len(table) + 1, -1), np.zeros(len(codes), np.int64)
    touched, n_touched = np.zeros(len(votes), np.int64), 0
    given_up = 0
    for i in range(len(rows)):
        start, end, row, forms = offsets[i], offsets[i + 1], rows[i], np.int64(allowed[i])
        steps = (end - start) * _STEPS + 256
        state = np.uint64(0)  # unsigned: no place is counted from the end
        for at in range(start, end):
            move = np.uint64(moves[state + np.uint64(classes[data[at]])])
            state = move >> np.uint64(1)
            if move & np.uint64(1) == 0:
                continue
            after = np.int64(kinds[_symbol(data, at + 1, end, characters)[0]])
            node = np.int64(np.uint32(state) // width)
            while node >= 0:
                here, node = node, np.int64(nodes[node, SHORTER])
                if nodes[here, NODE_NEXT] & after == 0 or nodes[here, NODE_FORM] & forms == 0:
                    continue
                begin = at + 1 - nodes[here, LENGTH]
                before = _before(data, start, begin, characters, kinds)
                if nodes[here, NODE_LEFT] & before == 0:
                    continue
                for p in range(nodes[here, FIRST], nodes[here, LAST]):
                    owner = np.int64(table[p, OWNER])
                    if (
                        done[owner] == i
                        or table[p, NEXT] & after == 0
                        or table[p, LEFT] & before == 0
                        or table[p, FORM] & forms == 0
                    ):
                        continue
                    fits = 1
                    if table[p, PLAIN] == 0:
                        steps, fits = _look(
                            data,
                            begin,
                            at + 1,
                            end,
                            p,
                            steps,
                            table,
                            letters,
                            m_classes,
                            m_moves,
                            characters,
                            kinds,
                        )
                        if fits == 0:
                            continue
                        given_up += fits == 2
                    action = table[p, ACTION]
                    if action == VOTE:
                        done[owner] = i
                        votes[owner, row] = CONFIRM if fits == 2 else table[p, CODE]
                        continue
                    if fresh[owner] != i:
                        fresh[owner], bits[owner] = i, 0
                        if action == TERM:
                            touched[n_touched] = owner
                            n_touched += 1
                    slot = np.int64(table[p, SLOT])
                    if action == TERM and seen[slot] != i:
                        seen[slot] = i
                        tally[cells[owner] + table[p, CODE]] += 1
                    elif action == NEED:
                        bits[owner] |= np.int64(1) << slot
                        if bits[owner] == needs[owner]:
                            done[owner] = i
                            votes[owner, row] = CONFIRM
        for k in range(n_touched):
            owner = touched[k]
            votes[owner, row] = _most_terms(cells[owner], cells[owner + 1], codes, tally)
        n_touched = 0
    return given_up


@inlined
def _look(data, begin, at, end, p, steps, table, letters, m_classes, m_moves, characters, kinds):  # type: ignore[no-untyped-def]
    """Check the rest of pattern `p`, whose literal stands from `begin` to `at`.

    Returns
    -------
    The steps that machines may still take, and 0: it does not fit, 1: it does, 2: the rule must be asked.
    """
    case = np.int64(table[p, CASE])
    if case >= 0 and not _same_case(data, begin, letters, case, at - begin):
        return steps, 0
    if table[p, TAIL] < table[p, TAIL_STOP]:
        at = _rest_of_phrase(
            data, at, end, table[p, TAIL], table[p, TAIL_STOP], letters, case < 0, characters, kinds
        )
        if at < 0 or kinds[_symbol(data, at, end, characters)[0]] & table[p, RIGHT] == 0:
            return steps, 0
    if table[p, STATE] < 0:
        return steps, 1
    if steps < 0:
        return steps, 2
    machine, state = np.int64(table[p, MACHINE]), np.int64(table[p, STATE])
    stop, read = _read(data, at, end, machine, state, m_classes, m_moves, characters)
    return steps - (read - at), 1 if stop == ACCEPT else 0


@inlined
def _read(data, at, end, machine, state, m_classes, m_moves, characters):  # type: ignore[no-untyped-def]
    """Return the state in which a machine stops, and where."""
    while state > ACCEPT:
        symbol, size = _symbol(data, at, end, characters)
        state = np.int64(m_moves[state + np.int64(m_classes[machine, symbol])])
        at += size
    return state, at


@inlined
def _most_terms(first, last, codes, tally):  # type: ignore[no-untyped-def]
    """Return the code of which most terms were found, or -1 where two have equally many; clear the tally."""
    most, best = np.int64(0), np.int64(-1)
    for cell in range(first, last):
        if tally[cell] > most:
            most, best = np.int64(tally[cell]), np.int64(codes[cell])
        elif tally[cell] == most:
            best = np.int64(-1)
        tally[cell] = 0
    return best


@njit
def search(text, rows, machine, state, machines, characters, code, votes):  # type: ignore[no-untyped-def]
    """Write, for some rows, the votes of a machine that looks for its regex anywhere in a text."""
    data, offsets, m_classes, m_moves = text.data, text.offsets, machines.classes, machines.moves
    for i in rows:
        stop, _ = _read(data, offsets[i], offsets[i + 1], machine, state, m_classes, m_moves, characters)
        votes[i] = code if stop == ACCEPT else -1
