"""Regular expressions as deterministic machines over symbols, and the literals that their matches start with.

A regex is lowered only where that is exact: no back-references, no look-around of more than one character, no atomic
groups, nothing beyond ASCII by name. What one character of a pattern takes is asked of `re` itself, symbol by symbol.
Only whether there is a match counts, so greed is ignored, and what may be missing at the front is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from weaklabel.apply.characters import kinds
from weaklabel.apply.graph import KINDS, WORDS, CanNotLowerError, Graph, Known
from weaklabel.kernels import tables as kernel

_STATES, _PATHS, _FAN, _LONGEST, _FEW = 400, 64, 40, 24, 8
Letters = tuple[tuple[int, int], ...]
"""A literal: for each byte the two bytes that may stand there."""
Steps = list[list[tuple[int, int]]]
"""The letters of each class of symbols; none where it has other symbols."""
_ANY = sum(KINDS)


@dataclass(frozen=True)
class Table:
    """A machine's moves, by state and class of symbol; states 0 and 1 are dead and accepting."""

    classes: bytes
    moves: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Start:
    """One way in which a match may start: a literal, the neighbours it wants before and after it, the state reached.

    `far` says that the machine may read more than a few characters from there.
    """

    letters: Letters
    left: int
    right: int
    state: int
    far: bool = False


@dataclass(frozen=True)
class Lowered:
    """A regex as literals, each continued by the machine from a state; without literals it looks from the start."""

    starts: tuple[Start, ...]
    table: Table
    state: int = 0


def lower_regex(
    pattern: re.Pattern[str], *, lower: bool, known: Known | None = None, whole: bool = False
) -> Lowered:
    r"""Return a regex as literals and a machine.

    Parameters
    ----------
    pattern
        The regex.
    lower
        Texts are lower-cased before they are searched.
    known
        What is found out about single characters is kept here for the next regex.
    whole
        Make a machine that reads whole texts even where there are literals.

    Raises
    ------
    CanNotLowerError
        It is beyond what machines do exactly.

    Examples
    --------
    >>> lowered = lower_regex(re.compile(r"\bfre+\b", re.IGNORECASE), lower=False)
    >>> [bytes(a for a, _ in start.letters) for start in lowered.starts]
    [b'fre']
    """
    from re import _parser  # type: ignore[attr-defined]

    tree = _parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    items = _without_optional_front(list(tree))
    if not items:
        raise CanNotLowerError("it matches everywhere")
    nodes = Graph(lower=lower, known={} if known is None else known)
    first = nodes.sequence(items, pattern.flags, nodes.add(("accept",)))
    machine = _Machine(nodes)
    starts = [] if whole else _literal_starts(machine, first)
    if starts:
        table, places = machine.table([start.state for start in starts])
        found = (
            replace(start, state=places[start.state], far=machine.reads_far(start.state)) for start in starts
        )
        return Lowered(tuple(found), table)
    loop = nodes.add(("split", ()))
    anything = nodes.add(("set", nodes.mask_of(np.arange(kernel.SYMBOLS) != kernel.END), loop))
    nodes.nodes[loop] = ("split", (anything, first))
    machine = _Machine(nodes)
    start = machine.state({loop}, kernel.AT_START)
    table, places = machine.table([start])
    return Lowered((), table, places[start])


def _without_optional_front(items: list[Any]) -> list[Any]:
    """Drop what a match need not start with; what may repeat there is there as often as it must be."""
    while items:
        name, value = str(items[0][0]), items[0][1]
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            if value[0] > 0:
                return [(items[0][0], (value[0], value[0], value[2])), *items[1:]]
            items = items[1:]
        else:
            break
    return items


# ---- the graph as a machine ----


@dataclass
class _Machine:
    """States, made as they are asked for: places in the graph, and the kind of the character before them."""

    graph: Graph
    states: list[tuple[frozenset[int], int]] = field(default_factory=list)
    places: dict[tuple[frozenset[int], int], int] = field(default_factory=dict)
    rows: dict[int, tuple[int, ...]] = field(default_factory=dict)
    sure: dict[int, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        graph = self.graph
        self.kinds = kinds() if graph.conditions else np.ones(kernel.SYMBOLS, np.uint8)
        columns = [self.kinds[None, :], *(mask[None, :] for mask in graph.masks), *graph.conditions]
        columns.append((np.arange(kernel.SYMBOLS) == kernel.END)[None, :])
        stacked = np.concatenate([np.asarray(c, np.uint8) for c in columns])
        keys: dict[bytes, int] = {}
        self.classes = bytes(
            keys.setdefault(stacked[:, symbol].tobytes(), len(keys)) for symbol in range(kernel.SYMBOLS)
        )
        self.samples = [self.classes.index(c) for c in range(len(keys))]
        self.takes = [[bool(mask[s]) for s in self.samples] for mask in graph.masks]
        self.holds = [c[:, self.samples].tolist() for c in graph.conditions]

    def state(self, nodes: Iterable[int], kind: int) -> int:
        key = frozenset(nodes), kind if self.graph.conditions else 1
        if key not in self.places:
            if len(self.states) >= _STATES:
                raise CanNotLowerError("too many states")
            self.places[key] = len(self.states) + 2
            self.states.append(key)
        return self.places[key]

    def row(self, state: int) -> tuple[int, ...]:
        """Return the next state for each class of symbol."""
        if state not in self.rows:
            nodes, kind = self.states[state - 2]
            before = KINDS.index(kind)
            self.rows[state] = tuple(self._next(nodes, before, c) for c in range(len(self.samples)))
        return self.rows[state]

    def _next(self, nodes: frozenset[int], before: int, symbol: int) -> int:
        stack, seen, after = list(nodes), set(nodes), set()
        while stack:
            node = self.graph.nodes[stack.pop()]
            more: tuple[int, ...] = ()
            if node[0] == "accept":
                return kernel.ACCEPT
            if node[0] == "set":
                if self.takes[node[1]][symbol]:
                    after.add(node[2])
            elif node[0] == "split":
                more = node[1]
            elif self.holds[node[1]][before][symbol]:
                more = (node[2],)
            for one in more:
                if one not in seen:
                    seen.add(one)
                    stack.append(one)
        return self.state(after, int(self.kinds[self.samples[symbol]])) if after else kernel.DEAD

    def certain(self, state: int) -> bool:
        """Say whether a match is found from here whatever follows."""
        if state not in self.sure:
            queue = [state]
            known = {state}
            for one in queue:
                moves = set(self.row(one)) - known - {kernel.ACCEPT} if one > 1 else set()
                if one == kernel.DEAD or kernel.DEAD in moves:
                    self.sure[state] = False
                    return False
                known |= moves
                queue += moves
            self.sure[state] = True
        return self.sure[state]

    def reads_far(self, state: int) -> bool:
        """Say whether more than a few characters may be read from a state."""
        alive = {state} - {kernel.ACCEPT}
        for _ in range(_FEW):
            alive = {to for one in alive for to in self.row(one) if to > kernel.ACCEPT}
        return bool(alive)

    def table(self, starts: Iterable[int]) -> tuple[Table, Mapping[int, int]]:
        """Return the moves of all states that can be reached, and the numbers they have there."""
        order = list(dict.fromkeys(starts))
        numbers = {kernel.DEAD: 0, kernel.ACCEPT: 1}
        for state in order:
            if state not in numbers:
                numbers[state] = len(numbers)
        queue = [state for state in order if state > 1]
        for state in queue:
            for other in self.row(state):
                if other not in numbers:
                    numbers[other] = len(numbers)
                    queue.append(other)
        moves = tuple(tuple(numbers[other] for other in self.row(state)) for state in queue)
        return Table(self.classes, moves), numbers


def peek(table: Table, state: int) -> bytes:
    """Return for each byte at which of the next places it may stand for a match from a state, one bit each.

    It is for ASCII characters; nothing, where any of them may stand anywhere.
    """
    classes, moves = np.frombuffer(table.classes, np.uint8), np.array(table.moves)
    out = np.zeros(kernel.SYMBOLS, np.uint8)
    alive = np.array([state])
    for place in range(kernel.PEEKED):
        after = moves[alive - 2]
        out |= ((after != kernel.DEAD).any(axis=0)[classes] << place).astype(np.uint8)
        if (after == kernel.ACCEPT).any():
            out |= np.uint8(0xFF << place + 1 & 0xFF)
            break
        alive = np.unique(after[after > kernel.ACCEPT])
        if not len(alive):
            break
    out[ord("\n")] |= out[kernel.FINAL_NEWLINE]
    ascii_only = out[:128] & (1 << kernel.PEEKED) - 1
    return b"" if (ascii_only == (1 << kernel.PEEKED) - 1).all() else bytes(ascii_only)


# ---- literals at the front ----


def _literal_starts(machine: _Machine, first: int) -> list[Start]:
    """Return the literals that every match starts with one of, or nothing where there are no good ones."""
    steps = _letters_of(machine)
    paths = [
        Start((letter,), left, _ANY, state) for (letter, state), left in _first_letters(machine, steps, first)
    ]
    if not 0 < len(paths) <= _FAN:
        return []
    done: list[Start] = []
    while paths:
        path = paths.pop(0)
        if machine.certain(path.state):
            done.append(replace(path, state=kernel.ACCEPT))
            continue
        ends, more = _ahead(machine, steps, path.state)
        if ends and machine.reads_far(path.state):
            more = None  # a repetition: as literals it would be one for each number of times
        if more is None or len(path.letters) >= _LONGEST or len(more) + len(paths) + len(done) >= _PATHS:
            done.append(path)
            continue
        if ends:
            done.append(replace(path, right=ends, state=kernel.ACCEPT))
        paths += [replace(path, letters=(*path.letters, letter), state=to) for letter, to in more]
    return done if all(is_good(start.letters, start.left) for start in done) else []


def _first_letters(
    machine: _Machine, steps: Steps, first: int
) -> Iterable[tuple[tuple[tuple[int, int], int], int]]:
    """Return the letters and states that matches start with, each with the kinds of neighbours before it.

    A first character that is one of some kinds, `(?:^|\\W)free`, is the same as a neighbour of these kinds. Nothing, where
    matches start with other things.
    """
    lefts: dict[tuple[int, int], int] = {}
    for kind in KINDS:
        for symbol, state in enumerate(machine.row(machine.state({first}, kind))):
            if state != kernel.DEAD:
                lefts[symbol, state] = lefts.get((symbol, state), 0) | kind
    together: dict[int, list[int]] = {}
    for symbol, state in lefts:
        together.setdefault(state, []).append(symbol)
    found: dict[tuple[tuple[int, int], int], int] = {}
    for state, symbols in together.items():
        if state == kernel.ACCEPT:
            return []
        kind = _kinds_of(machine, symbols) if all(lefts[symbol, state] == _ANY for symbol in symbols) else 0
        after = _only_letters(machine, steps, state) if kind else []
        if not after and not all(steps[symbol] for symbol in symbols):
            return []
        own = [(letter, state, lefts[symbol, state]) for symbol in symbols for letter in steps[symbol]]
        for letter, to, left in [(letter, to, kind) for letter, to in after] or own:
            found[letter, to] = found.get((letter, to), 0) | left
    return found.items()


def _kinds_of(machine: _Machine, symbols: Iterable[int]) -> int:
    """Return the kinds of character that some classes of symbols are, 0 if they are not all of each; no text ends here."""
    inside = np.isin(np.frombuffer(machine.classes, np.uint8), list(symbols))[: kernel.FINAL_NEWLINE]
    own = kinds()[: kernel.FINAL_NEWLINE]
    all_of = [kind for kind in KINDS[1:] if inside[own == kind].all()]
    return sum(all_of) if not inside[~np.isin(own, all_of)].any() else 0


def _only_letters(machine: _Machine, steps: Steps, state: int) -> list[tuple[tuple[int, int], int]]:
    """Return the letters that must come next, and the states they lead to; none where it is not only letters."""
    ends, more = _ahead(machine, steps, state)
    return [] if ends or more is None else more


def _ahead(
    machine: _Machine, steps: Steps, state: int
) -> tuple[int, list[tuple[tuple[int, int], int]] | None]:
    """Return the kinds of character before which a match ends here, and the letters with which it may go on.

    None instead of the letters: it is not as simple as that.
    """
    moves = machine.row(state)
    symbols = np.array(moves)[np.frombuffer(machine.classes, np.uint8)]
    ended = symbols == kernel.ACCEPT
    all_of = [kind for kind in KINDS if ended[kinds() == kind].all()]
    if ended[~np.isin(kinds(), all_of)].any():
        return 0, None
    alive = [(symbol, to) for symbol, to in enumerate(moves) if to > kernel.ACCEPT]
    if any(not steps[symbol] for symbol, _ in alive):
        return 0, None
    more = [(letter, to) for symbol, to in alive for letter in steps[symbol]]
    return sum(all_of), more if len(more) <= _FAN else None


def _letters_of(machine: _Machine) -> Steps:
    """Return the letters of each class of symbol, upper and lower case together; none if it has others."""
    out: Steps = []
    for c in range(len(machine.samples)):
        members = [s for s, own in enumerate(machine.classes) if own == c]
        letters: list[tuple[int, int]] = []
        if max(members) < 128:
            inside = set(members)
            for s in members:
                lower = s + 32 if 65 <= s <= 90 else s
                if lower != s and lower in inside:
                    continue
                upper = s - 32 if 97 <= s <= 122 and s - 32 in inside else s
                letters.append((s, upper))
        out.append(letters)
    return out


def is_good(letters: Letters, left: int) -> bool:
    """Say whether a literal is rare enough to be looked for, by its letters and the kinds of neighbours before it.

    Examples
    --------
    >>> is_good(((97, 65), (98, 66)), kernel.WORD), is_good(((97, 65),), kernel.WORD), is_good(((97, 65),), kernel.SPACE)
    (True, False, True)
    """
    one = chr(letters[0][0])
    return len(letters) > 1 or not left & WORDS or not (one.isalnum() or one.isspace())
