r"""Regexes that are words in a row with anything between them, `\bcall\b.*\b(cash|prize)\b`, as words and places.

Every part is a choice of literals, each with the neighbours that it wants; between two parts stands a repeat of `.`, or
of any character. Such a regex matches where a literal of each part ends in time for one of the next to begin, so that
the automaton's hits decide it: one place per part is remembered, and no machine reads what lies between.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from weaklabel.apply.characters import kinds
from weaklabel.apply.graph import KINDS, CanNotLowerError, Graph, Known, scoped
from weaklabel.apply.machines import Letters, is_good
from weaklabel.kernels import tables as kernel

_PATHS, _CHAINS, _TIMES, _FEW = 64, 8, 4, 8
_ANY = sum(KINDS)
Item = tuple[Any, Any, int]
"""One part of a pattern as `re` parses it: its name, its value, and the flags that hold for it."""
Atom = tuple[int, int] | np.ndarray
"""The two bytes that may stand for a letter, or a condition on the characters before and after a place."""
Path = tuple[Atom, ...]


@dataclass(frozen=True)
class Word:
    """A literal, and the kinds of neighbours it wants before and after it."""

    letters: Letters
    left: int
    right: int


@dataclass(frozen=True)
class Gap:
    """How many characters may lie between two parts (`most` -1: any number), and whether newlines may."""

    least: int
    most: int
    newlines: bool


@dataclass(frozen=True)
class Chain:
    """Parts of which each is a choice of words, and the gaps between them."""

    parts: tuple[tuple[Word, ...], ...]
    gaps: tuple[Gap, ...]


def chains_of(pattern: re.Pattern[str], *, lower: bool, known: Known | None = None) -> tuple[Chain, ...]:
    r"""Return chains of which a text holds one if and only if the pattern matches; nothing where it is no such pattern.

    Parameters
    ----------
    pattern
        The regex.
    lower
        Texts are lower-cased before they are searched.
    known
        What is found out about single characters is kept here for the next regex.

    Examples
    --------
    >>> [chain] = chains_of(re.compile(r"\bcall\b.*(cash|prize)"), lower=False)
    >>> [[bytes(a for a, _ in word.letters) for word in part] for part in chain.parts]
    [[b'call'], [b'cash', b'prize']]
    >>> chains_of(re.compile(r"call \w+ cash"), lower=False)
    ()
    """
    from re import _parser  # type: ignore[attr-defined]

    graph = Graph(lower=lower, known={} if known is None else known)
    tree = _parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    try:
        return tuple(_chain(graph, items) for items in _choices(graph, list(_flat(tree, pattern.flags))))
    except CanNotLowerError:
        return ()


def _flat(items: Iterable[Any], flags: int) -> Iterator[Item]:
    """Yield the parts of a pattern, those of groups among them."""
    for op, value in items:
        if str(op) == "SUBPATTERN":
            yield from _flat(value[3], scoped(flags, value[1], value[2]))
        else:
            yield op, value, flags


def _choices(graph: Graph, items: list[Item]) -> list[list[Item]]:
    """Return the pattern's choices, where a gap lies within one of them, each as a pattern of its own."""
    for at, (op, value, flags) in enumerate(items):
        if str(op) != "BRANCH":
            continue
        inside = [list(_flat(branch, flags)) for branch in value[1]]
        if any(_gap(graph, item) for own in inside for item in own):
            found = [one for own in inside for one in _choices(graph, [*items[:at], *own, *items[at + 1 :]])]
            if len(found) > _CHAINS:
                raise CanNotLowerError("too many choices")
            return found
    return [items]


def _chain(graph: Graph, items: list[Item]) -> Chain:
    while items and _may_be_missing(items[0]):  # at either end it makes no difference
        items = items[1:]
    while items and _may_be_missing(items[-1]):
        items = items[:-1]
    gaps = [(at, gap) for at, item in enumerate(items) if (gap := _gap(graph, item)) is not None]
    between = tuple(gap for _, gap in gaps)
    if not between or not _far(between):
        raise CanNotLowerError("no words with anything between them")
    starts = [0, *(at + 1 for at, _ in gaps)]
    stops = [*(at for at, _ in gaps), len(items)]
    parts = tuple(_words(graph, items[a:b]) for a, b in zip(starts, stops, strict=True))
    return Chain(parts, between)


def _may_be_missing(item: Item) -> bool:
    return str(item[0]) in ("MAX_REPEAT", "MIN_REPEAT") and item[1][0] == 0


def _far(gaps: Sequence[Gap]) -> bool:
    """Say whether places do better than a machine: it reads short gaps itself, and of several all must be endless."""
    return all(gap.most < 0 for gap in gaps) or (len(gaps) == 1 and gaps[0].most > _FEW)


def _gap(graph: Graph, item: Item) -> Gap | None:
    op, value, flags = item
    if str(op) not in ("MAX_REPEAT", "MIN_REPEAT"):
        return None
    least, most, body = value
    inside = list(_flat(body, flags))
    if len(inside) != 1 or str(inside[0][0]) not in ("ANY", "IN", "NOT_LITERAL"):
        return None
    takes = graph.members(*inside[0])[: kernel.END]
    newlines = np.isin(np.arange(kernel.END), (ord("\n"), kernel.FINAL_NEWLINE))
    if not takes[~newlines].all() or takes[newlines].any() != takes[newlines].all():
        return None
    return Gap(least, -1 if str(most) == "MAXREPEAT" else most, bool(takes[newlines].all()))


# ---- the words of a part ----


def _words(graph: Graph, items: Iterable[Item]) -> tuple[Word, ...]:
    """Return all words of a part; none of them holds a newline."""
    found = [word for path in _paths(graph, items) if (word := _word(path)) is not None]
    if not found or not all(is_good(word.letters, word.left) for word in found):
        raise CanNotLowerError("no good literals")
    return tuple(dict.fromkeys(found))


def _paths(graph: Graph, items: Iterable[Item]) -> list[Path]:
    """Return the ways through some parts of a pattern."""
    paths: list[Path] = [()]
    for item in items:
        ways = _ways(graph, *item)
        paths = [(*path, *way) for path in paths for way in ways]
        if len(paths) > _PATHS:
            raise CanNotLowerError("too many literals")
    return paths


def _ways(graph: Graph, op: Any, value: Any, flags: int) -> list[Path]:
    name = str(op)
    if name in ("LITERAL", "IN"):
        return [(letter,) for letter in _letters(graph.members(op, value, flags))]
    if name in ("AT", "ASSERT", "ASSERT_NOT"):
        return [(graph.condition(name, value, flags),)]
    if name == "BRANCH":
        return [path for branch in value[1] for path in _paths(graph, _flat(branch, flags))]
    if name in ("MAX_REPEAT", "MIN_REPEAT") and str(value[1]) != "MAXREPEAT" and value[1] <= _TIMES:
        body = list(_flat(value[2], flags))
        return [path for times in range(value[0], value[1] + 1) for path in _paths(graph, body * times)]
    raise CanNotLowerError(name)


def _letters(takes: np.ndarray) -> list[tuple[int, int]]:
    """Return the letters that some symbols are, upper and lower case together."""
    symbols = set(np.flatnonzero(takes).tolist())
    if not symbols or len(symbols) > _PATHS or max(symbols) >= kernel.WIDE or ord("\n") in symbols:
        raise CanNotLowerError("no letters")
    first = sorted(s for s in symbols if not (65 <= s <= 90 and s + 32 in symbols))
    return [(s, s - 32 if 97 <= s <= 122 and s - 32 in symbols else s) for s in first]


def _word(path: Path) -> Word | None:
    """Return a way as a word; None: its conditions never hold."""
    places = [at for at, atom in enumerate(path) if isinstance(atom, tuple)]
    letters = tuple(atom for atom in path if isinstance(atom, tuple))
    if not letters:
        raise CanNotLowerError("a part without letters")
    left = right = _ANY
    for at, atom in enumerate(path):
        if isinstance(atom, tuple):
            continue
        if at < places[0]:
            left &= _before(atom, letters[0])
        elif at > places[-1]:
            right &= _after(atom, letters[-1])
        else:
            number = sum(place < at for place in places)
            before = _before(atom, letters[number])
            if not before & kinds()[letters[number - 1][0]]:
                return None
    return Word(letters, left, right) if left and right else None


def _before(condition: np.ndarray, letter: tuple[int, int]) -> int:
    """Return the kinds of character after which a condition lets a letter stand."""
    if (condition[:, letter[0]] != condition[:, letter[1]]).any():
        raise CanNotLowerError("upper and lower case differ")
    return sum(kind for kind, holds in zip(KINDS, condition[:, letter[0]], strict=True) if holds)


def _after(condition: np.ndarray, letter: tuple[int, int]) -> int:
    """Return the kinds of character that a condition lets stand after a letter."""
    holds = condition[KINDS.index(int(kinds()[letter[0]]))]
    found = [kind for kind in KINDS if holds[kinds() == kind].any()]
    if any(not holds[kinds() == kind].all() for kind in found):
        raise CanNotLowerError("a kind of character in part")
    return sum(found)
