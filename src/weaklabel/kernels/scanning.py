"""Many patterns in one pass over UTF-8 buffers: an automaton's hits, and what is checked at each.

Four texts are read at a time, each a chain of look-ups that waits for the one before it. Where a literal ends, the
kernel looks at the characters around it and, as the pattern wants, at the letters' case, at the further words of a
phrase, or it lets a small machine read on: the rest of a regular expression.
"""

from __future__ import annotations

import numba
import numpy as np

from weaklabel.kernels.jit import njit
from weaklabel.kernels.tables import (
    ACCEPT,
    ACTION,
    AFTER,
    AT_START,
    BEFORE,
    CASE,
    CONFIRM,
    EARLIEST_OF_LINE,
    END,
    FINAL_NEWLINE,
    FIRST,
    FORM,
    KEEP,
    LAST,
    LATER,
    LATEST,
    LEAST,
    LEFT,
    LENGTH,
    LINKS,
    MACHINE,
    MOST,
    NEED,
    NEWLINE,
    NEWLINES,
    NEXT,
    PEEK,
    PEEKED,
    RIGHT,
    SIMPLE,
    SLOT,
    SPACE,
    STATE,
    TAIL,
    TAIL_STOP,
    TERM,
    THEN,
    VOTE,
    VOTES,
    WAITS,
    WIDE,
)

_STEPS = 16
"""Machines may read a row's bytes as often as there are machines, and this many times more, before rules are asked."""
_LANES, _EVENTS, _PENDING = 4, 1023, 512
_inlined = numba.njit(nogil=True, forceinline=True, _nrt=False)  # type: ignore[call-overload]
"""Compiled into each kernel that calls it, without counting references to the arrays, which the kernel holds anyway."""


@_inlined
def _codepoint(data, at):  # type: ignore[no-untyped-def]
    """Return the character beyond ASCII that starts here, and its number of bytes."""
    byte = np.int64(data[at])
    if byte < 0xE0:
        return (byte & 31) << 6 | (np.int64(data[at + 1]) & 63), 2
    if byte < 0xF0:
        return (byte & 15) << 12 | (np.int64(data[at + 1]) & 63) << 6 | (np.int64(data[at + 2]) & 63), 3
    high = (byte & 7) << 18 | (np.int64(data[at + 1]) & 63) << 12
    return high | (np.int64(data[at + 2]) & 63) << 6 | (np.int64(data[at + 3]) & 63), 4


@_inlined
def _symbol(data, at, end, characters):  # type: ignore[no-untyped-def]
    """Return the symbol that starts here, and its number of bytes."""
    if at >= end:
        return END, 0
    byte = np.int64(data[at])
    if byte < 128:
        return (FINAL_NEWLINE, 1) if byte == 10 and at + 1 == end else (byte, 1)
    point, size = _codepoint(data, at)
    return WIDE + (np.int64(characters[point]) & 3), size


@_inlined
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
        start, end = (
            np.uint64(text.offsets[i]),
            np.uint64(text.offsets[i + 1]),
        )  # unsigned: no look from the end
        high = np.uint8(0)
        for at in range(start, end):
            high |= data[at]
        if high >= 128:
            found = np.uint8(0)
            place = np.int64(start)
            while place < np.int64(end):
                if data[place] < 128:
                    place += 1
                else:
                    point, size = _codepoint(data, place)
                    found |= characters[point]
                    place += size
            out[i] = found & np.uint8(0xFC)
    return out


@_inlined
def _same_case(data, at, letters, case, length):  # type: ignore[no-untyped-def]
    for i in range(length):
        if data[at + i] != letters[case + 2 * i] and data[at + i] != letters[case + 2 * i + 1]:
            return False
    return True


@_inlined
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
    How many votes are `CONFIRM` because machines would have read more than they may.
    """
    # Arrays are taken out of their tuples here: within the loops each time would be counted as a reference.
    data, offsets, classes, moves = text.data, text.offsets, automaton.classes, automaton.moves
    heads, groups, peeks, width = (
        automaton.heads,
        automaton.groups,
        automaton.peeks,
        np.uint32(automaton.width),
    )
    p_owners, p_codes, table, letters = patterns.owners, patterns.codes, patterns.table, patterns.letters
    links = patterns.links
    m_classes, m_moves = machines.classes, machines.moves
    cells, codes, needs = owners.cells, owners.codes, owners.needs
    done, fresh, bits = np.full(len(votes), -1), np.full(len(votes), -1), np.zeros(len(votes), np.int64)
    seen, tally = np.full(len(table) + 1, -1), np.zeros(len(codes), np.int64)
    touched = np.zeros(len(votes), np.int64)
    # Places that chains remember: the text, and where a word ends there. Lines: the text whose newlines were looked for,
    # whether it has any, how far it was read for them, and where the line begins there.
    places = np.full((len(links) + 1, 2), -1)
    lines = np.full(4, -1)
    pending = np.zeros((_PENDING, 3), np.int64)
    one, end_class = np.uint64(1), np.uint64(width) - np.uint64(1)
    # Lanes: the text that each reads, where it is in it, its state, and the places where literals end.
    lane_text = np.full(_LANES, -1)
    lane_at, lane_end = np.zeros(_LANES, np.int64), np.zeros(_LANES, np.int64)
    lane_state, lane_found = np.zeros(_LANES, np.uint64), np.zeros(_LANES, np.int64)
    found_state = np.zeros((_LANES, _EVENTS + 1), np.uint32)
    found_at = np.zeros((_LANES, _EVENTS + 1), np.int64)
    given_up, following = 0, 0
    while True:
        live = 0
        for lane in range(_LANES):
            while lane_text[lane] < 0 and following < len(rows):
                if allowed[following]:
                    lane_text[lane], lane_found[lane] = following, 0
                    lane_at[lane], lane_end[lane] = offsets[following], offsets[following + 1]
                    lane_state[lane] = np.uint64(width)  # state 1: nothing stands before the text
                following += 1
            live += lane_text[lane] >= 0
        if live == 0:
            break
        if live == _LANES:
            _read_lanes(
                data, classes, moves, lane_at, lane_end, lane_state, lane_found, found_state, found_at
            )
        for lane in range(_LANES):
            full = lane_found[lane] == _EVENTS
            if lane_text[lane] < 0 or (live == _LANES and lane_at[lane] < lane_end[lane] and not full):
                continue
            i = lane_text[lane]
            start, end, row, forms = offsets[i], offsets[i + 1], rows[i], np.int64(allowed[i])
            steps = (end - start) * (_STEPS + len(m_classes)) + 256
            at, state, found = lane_at[lane], lane_state[lane], lane_found[lane]
            n_touched, n_pending = 0, 0
            lane_text[lane] = -1
            while True:
                while at < end and found < _EVENTS:
                    move = np.uint64(moves[state + np.uint64(classes[data[at]])])
                    if move & one:
                        found_state[lane, found], found_at[lane, found] = state, at
                        found += 1
                    state = move >> one
                    at += 1
                if at == end and np.uint64(moves[state + end_class]) & one:
                    found_state[lane, found], found_at[lane, found] = state, at
                    found += 1
                for k in range(found):
                    stop = found_at[lane, k]
                    after = np.int64(kinds[_symbol(data, stop, end, characters)[0]])
                    group = np.int64(heads[found_state[lane, k] // width])
                    while group >= 0:
                        here, group = group, np.int64(groups[group, THEN])
                        if groups[here, NEXT] & after == 0 or groups[here, FORM] & forms == 0:
                            continue
                        begin = stop - groups[here, LENGTH]
                        if groups[here, LEFT] & _before(data, start, begin, characters, kinds) == 0:
                            continue
                        if groups[here, SIMPLE] == VOTES:
                            for p in range(groups[here, FIRST], groups[here, LAST]):
                                votes[p_owners[p], row] = p_codes[p]
                            continue
                        if groups[here, SIMPLE] == LINKS:
                            _find_line(data, start, stop, end, i, lines)
                            for p in range(groups[here, FIRST], groups[here, LAST]):
                                owner = np.int64(p_owners[p])
                                case, link = np.int64(table[p, CASE]), np.int64(table[p, SLOT])
                                before, to = links[link, BEFORE], links[link, AFTER]
                                if (before >= 0 and (done[owner] == i or places[before, 0] != i)) or (
                                    case >= 0 and not _same_case(data, begin, letters, case, stop - begin)
                                ):
                                    continue
                                follows = _follows(data, begin, links, link, places, lines)
                                if follows == 2:
                                    votes[owner, row] = CONFIRM
                                    given_up += 1
                                elif follows and to < 0:
                                    done[owner] = i
                                    votes[owner, row] = p_codes[p]
                                elif follows:
                                    _remember(stop, i, links, link, places, lines)
                            continue
                        alive = _peek(data, stop, end, groups[here, PEEK], peeks, classes)
                        for p in range(groups[here, FIRST], groups[here, LAST]):
                            if not alive:
                                break
                            goes_on = alive & one
                            alive >>= one
                            if not goes_on:
                                continue
                            owner = np.int64(p_owners[p])
                            action = table[p, ACTION]
                            if action == LATER:
                                fresh[owner], bits[owner] = i, stop
                                continue
                            if done[owner] == i:
                                continue
                            if action == VOTE and table[p, WAITS] and n_pending < _PENDING:
                                pending[n_pending, 0], pending[n_pending, 1], pending[n_pending, 2] = (
                                    p,
                                    begin,
                                    stop,
                                )
                                n_pending += 1
                                continue
                            steps, fits = _look(
                                data, begin, stop, end, p, steps, table, letters, m_classes, m_moves, characters, kinds
                            )  # fmt: skip
                            if fits == 0:
                                continue
                            if action == VOTE:
                                done[owner] = i
                                votes[owner, row] = CONFIRM if fits == 2 else p_codes[p]
                                given_up += fits == 2
                                continue
                            if fresh[owner] != i:
                                fresh[owner], bits[owner] = i, 0
                                if action == TERM:
                                    touched[n_touched] = owner
                                    n_touched += 1
                            slot = np.int64(table[p, SLOT])
                            if action == TERM and seen[slot] != i:
                                seen[slot] = i
                                tally[cells[owner] + p_codes[p]] += 1
                            elif action == NEED:
                                bits[owner] |= np.int64(1) << slot
                                if bits[owner] == needs[owner]:
                                    done[owner] = i
                                    votes[owner, row] = CONFIRM
                if at == end:
                    break
                found = 0
            for k in range(n_pending):
                p, begin, stop = pending[k, 0], pending[k, 1], pending[k, 2]
                owner = np.int64(p_owners[p])
                if done[owner] != i and fresh[owner] == i and bits[owner] >= begin:
                    steps, fits = _look(
                        data, begin, stop, end, p, steps, table, letters, m_classes, m_moves, characters, kinds
                    )  # fmt: skip
                    if fits:
                        done[owner] = i
                        votes[owner, row] = CONFIRM if fits == 2 else p_codes[p]
                        given_up += fits == 2
            for k in range(n_touched):
                owner = touched[k]
                votes[owner, row] = _most_terms(cells[owner], cells[owner + 1], codes, tally)
    return given_up


@_inlined
def _read_lanes(data, classes, moves, lane_at, lane_end, lane_state, lane_found, found_state, found_at):  # type: ignore[no-untyped-def]
    """Read on in all four lanes until a text ends or a lane's list of places is full."""
    one = np.uint64(1)
    room = np.int64(_EVENTS)
    for lane in range(_LANES):
        room = min(room, lane_end[lane] - lane_at[lane], _EVENTS - lane_found[lane])
    a0, a1, a2, a3 = (
        np.uint64(lane_at[0]),
        np.uint64(lane_at[1]),
        np.uint64(lane_at[2]),
        np.uint64(lane_at[3]),
    )
    s0, s1, s2, s3 = lane_state[0], lane_state[1], lane_state[2], lane_state[3]
    n0, n1, n2, n3 = lane_found[0], lane_found[1], lane_found[2], lane_found[3]
    for k in range(np.uint64(room)):  # unsigned: no place is counted from the end
        m0 = np.uint64(moves[s0 + np.uint64(classes[data[a0 + k]])])
        m1 = np.uint64(moves[s1 + np.uint64(classes[data[a1 + k]])])
        m2 = np.uint64(moves[s2 + np.uint64(classes[data[a2 + k]])])
        m3 = np.uint64(moves[s3 + np.uint64(classes[data[a3 + k]])])
        if (m0 | m1 | m2 | m3) & one:
            if m0 & one:
                found_state[0, n0], found_at[0, n0] = s0, a0 + k
                n0 += 1
            if m1 & one:
                found_state[1, n1], found_at[1, n1] = s1, a1 + k
                n1 += 1
            if m2 & one:
                found_state[2, n2], found_at[2, n2] = s2, a2 + k
                n2 += 1
            if m3 & one:
                found_state[3, n3], found_at[3, n3] = s3, a3 + k
                n3 += 1
        s0, s1, s2, s3 = m0 >> one, m1 >> one, m2 >> one, m3 >> one
    lane_state[0], lane_state[1], lane_state[2], lane_state[3] = s0, s1, s2, s3
    lane_found[0], lane_found[1], lane_found[2], lane_found[3] = n0, n1, n2, n3
    for lane in range(_LANES):
        lane_at[lane] += room


@_inlined
def _peek(data, at, end, peek, peeks, classes):  # type: ignore[no-untyped-def]
    """Return which patterns of a group may go on from here, one bit each."""
    if peek >= 0 and at + PEEKED <= end:
        a, b, c, d = data[at], data[at + 1], data[at + 2], data[at + 3]
        if a | b | c | d < 128:
            first, second = peeks[peek, 0, classes[a]], peeks[peek, 1, classes[b]]
            return first & second & peeks[peek, 2, classes[c]] & peeks[peek, 3, classes[d]]
    return ~np.uint64(0)


@_inlined
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


@_inlined
def _read(data, at, end, machine, state, m_classes, m_moves, characters):  # type: ignore[no-untyped-def]
    """Return the state in which a machine stops, and where."""
    while state > ACCEPT:
        symbol, size = _symbol(data, at, end, characters)
        state = np.int64(m_moves[state + np.int64(m_classes[machine, symbol])])
        at += size
    return state, at


@_inlined
def _find_line(data, start, stop, end, i, lines):  # type: ignore[no-untyped-def]
    """Note in `lines` where the line begins in which text `i` is read up to `stop`; places come in order."""
    if lines[0] != i:
        has_newline = False
        for at in range(np.uint64(start), np.uint64(end)):
            has_newline |= data[at] == 10
        lines[0], lines[1], lines[2], lines[3] = i, has_newline, start, start
    if lines[1]:
        for at in range(lines[2], stop):
            if data[at] == 10:
                lines[3] = at + 1
        lines[2] = stop


@_inlined
def _follows(data, begin, links, link, places, lines):  # type: ignore[no-untyped-def]
    """Say whether a word that begins here follows on the one remembered; 2: on one that was forgotten, perhaps."""
    before = links[link, BEFORE]
    if before < 0:
        return 1
    place, least, most = places[before, 1], links[link, LEAST], links[link, MOST]
    if not links[link, NEWLINES] and place < lines[3]:
        return 0
    if least > 0 or most >= 0:
        size = 0
        for at in range(place, begin):
            size += data[at] & 0xC0 != 0x80
            if size > most and size > least:
                break
        if most >= 0 and size > most:
            return 0
        if size < least or place > begin:
            return 0 if most < 0 else 2
    return 1 if place <= begin else 0 if most < 0 else 2


@_inlined
def _remember(stop, i, links, link, places, lines):  # type: ignore[no-untyped-def]
    """Remember that a word ends here, where the chain goes on from here rather than from an earlier place."""
    after, keep = links[link, AFTER], links[link, KEEP]
    older = places[after, 0] != i
    if older or keep == LATEST or (keep == EARLIEST_OF_LINE and places[after, 1] < lines[3]):
        places[after, 0], places[after, 1] = i, stop


@_inlined
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
