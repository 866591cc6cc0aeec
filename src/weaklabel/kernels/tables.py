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
VOTE, TERM, NEED = 0, 1, 2
"""What a hit means: a vote, one distinct term of a lookup, or one of the literals that a regex needs."""
CONFIRM = -3
"""Stands in the votes where the rule itself must be asked."""

FIRST, LAST, LENGTH, SHORTER, NODE_LEFT, NODE_NEXT, NODE_FORM, NODE_COLUMNS = range(8)
"""Columns of `Automaton.nodes`."""
(
    LEFT,
    NEXT,
    RIGHT,
    FORM,
    PLAIN,
    CASE,
    TAIL,
    TAIL_STOP,
    MACHINE,
    STATE,
    ACTION,
    OWNER,
    CODE,
    SLOT,
    PATTERN_COLUMNS,
) = range(15)
"""Columns of `Patterns.table`."""


class Text(NamedTuple):
    """UTF-8 texts, end to end."""

    data: np.ndarray
    offsets: np.ndarray


class Automaton(NamedTuple):
    """A dense automaton over classes of bytes.

    States are positions of rows in `moves`, `width` apart; a move is twice the next state, plus one if anything ends
    there. `patterns` are the literals' numbers, sorted by the state in which they end. A row of `nodes` says which of
    them end in its state (from `FIRST` to before `LAST`), their length, the row of the longest shorter literal that ends
    there too (`SHORTER`, or -1), and what all its patterns together want: neighbours before and after, and forms.
    """

    classes: np.ndarray
    moves: np.ndarray
    nodes: np.ndarray
    patterns: np.ndarray
    width: int


class Patterns(NamedTuple):
    """One row of `table` per literal and rule, in the order of `Automaton.patterns`.

    `LEFT` and `NEXT` are the kinds of character that may stand before and after the literal, `RIGHT` after the whole
    phrase; `FORM` the form of text that it is looked for in; `PLAIN` that nothing else is to be looked at; `CASE` where in `letters` the bytes stand, two for each place,
    that its letters must be (-1: any case); `TAIL` to `TAIL_STOP` the further words of a phrase; `MACHINE` and `STATE` how
    the rest of a regex is read (-1: there is none); `ACTION` what a hit means; `OWNER` the row of votes; `CODE` the vote, or
    the cell of a lookup's tally; `SLOT` the number of a term, or of a set of needed literals.
    """

    table: np.ndarray
    letters: np.ndarray


class Machines(NamedTuple):
    """Deterministic machines: symbol classes per machine, and moves between rows of one table."""

    classes: np.ndarray
    moves: np.ndarray


class Owners(NamedTuple):
    """Per vote row: its cells of the tally, and the set of bits that make it a candidate."""

    cells: np.ndarray
    codes: np.ndarray
    needs: np.ndarray
