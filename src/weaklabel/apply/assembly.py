"""The parts of many rules as the arrays that the scan's kernel reads."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from weaklabel.apply.characters import kinds
from weaklabel.apply.machines import Table
from weaklabel.apply.parts import Literal, Part
from weaklabel.kernels import tables

_SPACES = tables.SPACE | tables.NEWLINE


class Compiled(NamedTuple):
    """Rules as arrays.

    `searches` has a row for each regex that is looked for from the start of a text: its row of votes, its machine, its
    first state, its code, and the vote that marks the texts it is looked for in. `codes` are the rules' votes, `taken`
    their places among the rules that were to be compiled.
    """

    automaton: tables.Automaton
    patterns: tables.Patterns
    machines: tables.Machines
    owners: tables.Owners
    searches: np.ndarray
    codes: np.ndarray
    taken: np.ndarray


def assemble(parts: Sequence[Part], taken: Sequence[int]) -> Compiled:
    """Return the arrays of some parts, which come from the rules at the places `taken`."""
    from weaklabel.kernels import automaton as kernel

    machines = _Machines()
    letters = bytearray()
    placed = [machines.add(part.table) for part in parts]
    links: dict[tuple[int, ...], int] = {}
    looked_for = list(_slots(parts, links))
    literals = [literal for _, literal, _ in looked_for]
    rows = [
        _row(literal, parts[owner], *placed[owner], letters=letters, slot=slot)
        for owner, literal, slot in looked_for
    ]
    automaton = kernel.build([literal.letters for literal in literals], _wishes(literals), kinds())
    automaton = kernel.with_peeks(automaton, [literal.peek for literal in literals])
    order = automaton.patterns
    return Compiled(
        automaton,
        tables.Patterns(
            np.array([owner for owner, _, _ in looked_for], np.int32)[order],
            np.array([literal.code for literal in literals], np.int8)[order],
            np.array(rows, np.int32).reshape(-1, tables.PATTERN_COLUMNS)[order],
            np.array([*letters, 0], np.uint8),
            np.array(list(links), np.int64).reshape(-1, tables.LINK_COLUMNS),
        ),
        machines.arrays(),
        tables.Owners(
            np.cumsum([0, *(len(part.labels) for part in parts)]).astype(np.int64),
            np.array([code for part in parts for code in part.labels], np.int8),
            np.array([part.needs for part in parts], np.int64),
        ),
        np.array(list(_searches(parts, placed)), np.int64).reshape(-1, 5),
        np.array([part.code for part in parts], np.int8),
        np.array(taken, np.int64),
    )


def one_machine(table: Table, state: int) -> tuple[tables.Machines, int]:
    """Return a single machine as arrays, and where the moves of one of its states are."""
    machines = _Machines()
    _, base = machines.add(table)
    return machines.arrays(), base + (state - 2) * len(table.moves[0])


def _searches(parts: Iterable[Part], placed: Sequence[tuple[int, int]]) -> Iterator[tuple[int, ...]]:
    for owner, part in enumerate(parts):
        if part.start is not None:
            machine, base = placed[owner]
            wanted = tables.CONFIRM if part.needs else -1
            yield owner, machine, _place(base, part, part.start), part.code, wanted


def _slots(parts: Iterable[Part], links: dict[tuple[int, ...], int]) -> Iterator[tuple[int, Literal, int]]:
    """Yield each part's number, its literals, and their numbers in their own kind.

    What words of chains ask for is added to `links`; of the words that open chains those of the first part with the same
    are enough.
    """
    terms = 0
    places: dict[Hashable, int] = {}
    for owner, part in enumerate(parts):
        own: dict[int, int] = {-1: -1}
        opened = set(places)
        for literal in part.literals:
            if literal.action == tables.LINK:
                before, after, *rest = literal.link
                if after not in own:
                    own[after] = places.setdefault(literal.opens or (owner, after), len(places))
                if literal.opens not in opened:
                    yield owner, literal, links.setdefault((own[before], own[after], *rest), len(links))
            elif literal.action == tables.TERM:
                yield owner, literal, terms
                terms += 1
            else:
                yield owner, literal, literal.slot


def _alike(literal: Literal) -> int:
    """Say what all literals of a group are, so that they are looked at together: votes, words of chains, or neither."""
    if literal.action == tables.LINK:
        return tables.LINKS
    return tables.VOTES if literal.action == tables.VOTE and literal.plain else 0


def _wishes(literals: Sequence[Literal]) -> np.ndarray:
    """Return what must be so where each literal stands; see `Automaton.groups`."""
    rows = [(one.left, _SPACES if one.tail else one.right, one.form, _alike(one)) for one in literals]
    return np.array(rows, np.int64).reshape(-1, tables.WISHES)


def _row(
    literal: Literal, part: Part, machine: int, base: int, *, letters: bytearray, slot: int
) -> list[int]:
    """Return a literal's row of `Patterns.table`; bytes that it refers to are added to `letters`."""
    row = [0] * tables.PATTERN_COLUMNS
    row[tables.CASE] = len(letters) if literal.exact else -1
    letters += bytes(byte for pair in literal.exact for byte in pair)
    row[tables.TAIL] = len(letters)
    letters += literal.tail
    row[tables.TAIL_STOP] = len(letters)
    row[tables.RIGHT], row[tables.ACTION], row[tables.WAITS] = literal.right, literal.action, literal.waits
    row[tables.MACHINE] = machine
    row[tables.STATE] = _place(base, part, literal.state) if literal.state > 1 else -1
    row[tables.SLOT] = slot
    return row


def _place(base: int, part: Part, state: int) -> int:
    width = len(part.table.moves[0]) if part.table is not None and part.table.moves else 0
    return base + (state - 2) * width


@dataclass
class _Machines:
    """Machines' tables, end to end, each once."""

    known: dict[Table, tuple[int, int]] = field(default_factory=dict)
    moves: list[int] = field(default_factory=lambda: [0, 0])

    def add(self, table: Table | None) -> tuple[int, int]:
        """Return a machine's number and where its moves start."""
        if table is None or not table.moves:
            return 0, 0
        if table not in self.known:
            base, width = len(self.moves), len(table.moves[0])
            self.known[table] = len(self.known), base
            self.moves += [to if to < 2 else base + (to - 2) * width for row in table.moves for to in row]
        return self.known[table]

    def arrays(self) -> tables.Machines:
        classes = np.frombuffer(b"".join(table.classes for table in self.known), np.uint8).copy()
        return tables.Machines(classes.reshape(-1, tables.SYMBOLS), np.array(self.moves, np.int32))
