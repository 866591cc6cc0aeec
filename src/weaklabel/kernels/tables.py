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


class Text(NamedTuple):
    """UTF-8 texts, end to end."""

    data: np.ndarray
    offsets: np.ndarray


class Automaton(NamedTuple):
    """States are positions of rows in `moves`; a move is twice the next state, plus one if anything ends there."""

    classes: np.ndarray
    moves: np.ndarray
    first: np.ndarray
    patterns: np.ndarray
    shorter: np.ndarray
    width: int


class Patterns(NamedTuple):
    """One entry per literal and rule."""

    length: np.ndarray
    left: np.ndarray
    right: np.ndarray
    form: np.ndarray
    case: np.ndarray
    tail: np.ndarray
    tail_stop: np.ndarray
    machine: np.ndarray
    state: np.ndarray
    action: np.ndarray
    owner: np.ndarray
    code: np.ndarray
    slot: np.ndarray
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
