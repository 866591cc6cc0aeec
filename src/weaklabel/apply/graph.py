"""A regular expression as a graph of places: what symbols may come next, choices, conditions on neighbours, the end.

This is the nondeterministic machine of Thompson (Programming techniques: regular expression search algorithm, 1968)
over the scan's symbols. What one character of a pattern takes is asked of `re` itself, symbol by symbol.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weaklabel.apply.characters import kinds
from weaklabel.kernels import tables as kernel

KINDS = (kernel.AT_START, kernel.NEWLINE, kernel.SPACE, kernel.WORD, kernel.WIDE_WORD, kernel.OTHER)
WORDS = kernel.WORD | kernel.WIDE_WORD
_NODES = 600
_WIDE = ("é", "٣", "\u3000", "—")

Known = dict[tuple[str, int, bool], np.ndarray]
"""Symbols that an item of a pattern takes, by item, flags and whether texts are lower-cased."""


class CanNotLowerError(Exception):
    """A regex, or a part of it, is beyond what machines do exactly."""


@dataclass
class Graph:
    """What may come next at each place of a regex: a set of symbols, a choice, a condition, the end."""

    lower: bool
    known: Known
    nodes: list[tuple[Any, ...]] = field(default_factory=list)
    masks: list[np.ndarray] = field(default_factory=list)
    conditions: list[np.ndarray] = field(default_factory=list)

    def add(self, node: tuple[Any, ...]) -> int:
        """Add a place and return its number."""
        if len(self.nodes) >= _NODES:
            raise CanNotLowerError("it is too long")
        self.nodes.append(node)
        return len(self.nodes) - 1

    def mask_of(self, mask: np.ndarray) -> int:
        """Add a set of symbols and return its number."""
        self.masks.append(mask)
        return len(self.masks) - 1

    def sequence(self, items: Iterable[Any], flags: int, then: int) -> int:
        """Add parts of a pattern that lead, one after the other, to the place `then`; return the first place."""
        for name, value in reversed(list(items)):
            then = self.item(str(name), name, value, flags, then)
        return then

    def item(self, name: str, op: Any, value: Any, flags: int, then: int) -> int:
        """Add one part of a pattern and return its first place."""
        if name in ("LITERAL", "NOT_LITERAL", "IN", "ANY"):
            return self.add(("set", self.mask_of(self.members(op, value, flags)), then))
        if name == "SUBPATTERN":
            return self.sequence(value[3], scoped(flags, value[1], value[2]), then)
        if name == "BRANCH":
            return self.add(("split", tuple(self.sequence(branch, flags, then) for branch in value[1])))
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            return self.repeat(value[0], value[1], value[2], flags, then)
        if name in ("AT", "ASSERT", "ASSERT_NOT"):
            self.conditions.append(self.condition(name, value, flags))
            return self.add(("if", len(self.conditions) - 1, then))
        raise CanNotLowerError(name)

    def repeat(self, least: int, most: Any, body: Any, flags: int, then: int) -> int:
        """Add a part that repeats and return its first place."""
        if body.getwidth()[0] == 0:
            raise CanNotLowerError("an empty repeat")
        if str(most) == "MAXREPEAT":
            loop = self.add(("split", ()))
            self.nodes[loop] = ("split", (self.sequence(body, flags, loop), then))
            result = loop
        else:
            result = then
            for _ in range(most - least):
                result = self.add(("split", (self.sequence(body, flags, result), then)))
        for _ in range(least):
            result = self.sequence(body, flags, result)
        return result

    def members(self, op: Any, value: Any, flags: int) -> np.ndarray:
        """Return which symbols one item of a pattern takes, as `re` says."""
        key = repr((op, value)), int(flags), self.lower
        if key not in self.known:
            _check_ascii(str(op), value)
            self.known[key] = self._ask(op, value, flags)
        return self.known[key]

    def _ask(self, op: Any, value: Any, flags: int) -> np.ndarray:
        from re import _compiler, _parser  # type: ignore[attr-defined]

        one = _parser.SubPattern(_parser.State(), [(op, value)])
        match = _compiler.compile(one, flags & ~re.DEBUG).fullmatch
        out = np.zeros(kernel.SYMBOLS, bool)
        for symbol, text in enumerate((*map(chr, range(128)), *_WIDE, "\n")):
            out[symbol] = match(text.lower() if self.lower else text) is not None
        return out

    def condition(self, name: str, value: Any, flags: int) -> np.ndarray:
        """Return whether a place between two characters will do, by kind of the first and symbol of the second."""
        out = np.zeros((len(KINDS), kernel.SYMBOLS), bool)
        if name != "AT":
            direction, body = value
            if direction > 0:
                out[:] = self.one(body, flags, ahead=True)
            else:
                out[:] = self.by_kind(self.one(body, flags, ahead=False))[:, None]
            return ~out if name == "ASSERT_NOT" else out
        where = str(value)
        if where in ("AT_BOUNDARY", "AT_NON_BOUNDARY"):
            word = (kinds() & (kernel.WORD if flags & re.ASCII else WORDS)) > 0
            out = self.by_kind(word)[:, None] != word[None, :]
            if where == "AT_BOUNDARY":
                return out
            out = ~out
            out[0, kernel.END] = re.search(r"\B", "") is not None  # not before Python 3.14
            return out
        if where == "AT_BEGINNING_STRING" or (where == "AT_BEGINNING" and not flags & re.MULTILINE):
            out[0] = True
        elif where == "AT_BEGINNING":
            out[:2] = True
        elif where in ("AT_END", "AT_END_STRING"):
            out[:, kernel.END] = True
            if where == "AT_END":
                out[:, kernel.FINAL_NEWLINE] = True
                out[:, 10] = bool(flags & re.MULTILINE)
        else:
            raise CanNotLowerError(where)
        return out

    def one(self, body: Any, flags: int, *, ahead: bool) -> np.ndarray:
        """Return the symbols that a look-around of at most one character takes."""
        items = list(body)
        if len(items) != 1:
            raise CanNotLowerError("a long look-around")
        op, value = items[0]
        name = str(op)
        if name in ("LITERAL", "NOT_LITERAL", "IN", "ANY"):
            return self.members(op, value, flags)
        if name == "SUBPATTERN":
            return self.one(value[3], scoped(flags, value[1], value[2]), ahead=ahead)
        if name == "BRANCH":
            return np.any([self.one(branch, flags, ahead=ahead) for branch in value[1]], axis=0)
        if name == "AT" and ahead and str(value) in ("AT_END", "AT_END_STRING"):
            return self.condition(name, value, flags)[0]
        raise CanNotLowerError("a look-around")

    def by_kind(self, mask: np.ndarray) -> np.ndarray:
        """Return what holds for each kind of character; it must be the same for all of the kind."""
        out = np.zeros(len(KINDS), bool)
        for i, kind in enumerate(KINDS[1:], 1):
            own = mask[: kernel.END][kinds()[: kernel.END] == kind]
            if own.any() != own.all():
                raise CanNotLowerError("a look-behind")
            out[i] = own.any()
        return out


def scoped(flags: int, add: int, drop: int) -> int:
    """Return the flags within a group that adds some and drops others.

    Examples
    --------
    >>> scoped(re.IGNORECASE, re.ASCII, re.IGNORECASE) == re.ASCII
    True
    """
    kinds_of_text = re.ASCII | re.LOCALE | re.UNICODE
    if add & kinds_of_text:
        flags &= ~kinds_of_text
    return int((flags | add) & ~drop)


def _check_ascii(name: str, value: Any) -> None:
    """Refuse what names a character beyond ASCII."""
    points: list[int] = []
    if name in ("LITERAL", "NOT_LITERAL"):
        points = [value]
    elif name == "IN":
        for part, what in value:
            points += {"LITERAL": lambda w: [w], "RANGE": list}.get(str(part), lambda w: [])(what)
    if any(point > 127 for point in points):
        raise CanNotLowerError("a character beyond ASCII")
