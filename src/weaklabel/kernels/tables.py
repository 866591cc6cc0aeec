"""What the scan's tables hold and what their numbers mean; nothing here is compiled, so that it loads at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

DEAD, ACCEPT = 0, 1
"""States in which a machine stops."""
WIDE, FINAL_NEWLINE, END, SYMBOLS = 128, 132, 133, 134
"""What machines read: bytes below 128; 128 to 131 for any other character (word, digit, space, other); a newline that
is the text's last character; the text's end."""
AT_START, NEWLINE, SPACE, WORD, WIDE_WORD, OTHER = 1, 2, 4, 8, 16, 32
"""Kinds of neighbours, one bit each; before the first and after the last character it is `AT_START`."""
VOTE, TERM, NEED, LATER, LINK = range(5)
"""What a hit means: a vote, one distinct term of a lookup, one of the literals that a regex needs, a literal that
must end after the start of a match, or a word of a chain."""
CONFIRM = -3
"""Stands in the votes where the rule itself must be asked."""

FIRST, LAST, LENGTH, THEN, LEFT, NEXT, FORM, SIMPLE, PEEK, GROUP_COLUMNS = range(10)
"""Columns of `Automaton.groups`."""
WISHES = 4
"""What the literals of a group have in common: columns `LEFT` to `SIMPLE`."""
RIGHT, CASE, TAIL, TAIL_STOP, MACHINE, STATE, ACTION, SLOT, WAITS, PATTERN_COLUMNS = range(10)
"""Columns of `Patterns.table`."""
BEFORE, AFTER, LEAST, MOST, NEWLINES, KEEP, LINK_COLUMNS = range(7)
"""Columns of `Patterns.links`."""
VOTES, LINKS = 1, 2
"""What all patterns of a group are, in the column `SIMPLE`: votes, or words of chains; 0: neither."""
EARLIEST, EARLIEST_OF_LINE, LATEST = range(3)
"""Which place a part of a chain remembers: its first on the text, its first on the line, or its last."""
PEEKED, MOST_TOGETHER = 4, 64
"""Bytes that are looked at before machines start, for all patterns of a group at once; its most patterns."""


class Text(NamedTuple):
    """UTF-8 texts, end to end."""

    data: np.ndarray
    offsets: np.ndarray


class Automaton(NamedTuple):
    """A dense automaton over classes of bytes, and of the text's end, which is the last class.

    States are positions of rows in `moves`, `width` apart; a move is twice the next state, plus one if a literal ends
    before the byte that is read. `heads` has for each state its first group, or -1. `patterns` are the literals'
    numbers, those of a group next to each other. A row of `groups` says which they are (from `FIRST` to before `LAST`),
    their length, the next group of literals that end there too (`THEN`, or -1), the kinds of character that may stand
    before and after them, the form of text they are looked for in, whether all of them are votes, or words of chains (`SIMPLE`), and their
    row of `peeks` (`PEEK`, or -1): the machines of which of them, one bit each, may go on from there if a byte of some
    class is the k-th, and no other than ASCII characters stand before it.
    """

    classes: np.ndarray
    moves: np.ndarray
    heads: np.ndarray
    groups: np.ndarray
    peeks: np.ndarray
    patterns: np.ndarray
    width: int


class Patterns(NamedTuple):
    """One row per literal and rule, in the order of `Automaton.patterns`.

    `owners` are the rows of votes, `codes` the votes, or cells of a lookup's tally. Columns of `table`: `RIGHT` are the
    kinds of character that may stand after a whole phrase; `CASE` says where in `letters` the bytes stand, two for each
    place, that its letters must be (-1: any case); `TAIL` to `TAIL_STOP` the further words of a phrase; `MACHINE` and
    `STATE` how the rest of a regex is read (-1: there is none); `ACTION` what a hit means; `SLOT` the number of a term, of
    a set of needed literals, or of a row of `links`; `WAITS` that the machine need not read before a `LATER` literal of the owner is found.

    A row of `links` says what a word of a chain asks for: the place that must be remembered (`BEFORE`, -1: none), how many
    characters must and may lie between (`LEAST`, `MOST`; -1: any number), whether newlines may (`NEWLINES`), and the place
    that is remembered then (`AFTER`; -1: it is a vote), and how (`KEEP`).
    """

    owners: np.ndarray
    codes: np.ndarray
    table: np.ndarray
    letters: np.ndarray
    links: np.ndarray


class Machines(NamedTuple):
    """Deterministic machines: symbol classes per machine, and moves between rows of one table."""

    classes: np.ndarray
    moves: np.ndarray


class Owners(NamedTuple):
    """Per vote row: its cells of the tally, and the set of bits that make it a candidate."""

    cells: np.ndarray
    codes: np.ndarray
    needs: np.ndarray
