"""Literals that a text must hold for a regex to match: a cheap look before the search."""

from __future__ import annotations

import re
from typing import Any

_FEWEST = 2
"""Shorter literals stand in nearly every text."""
_MOST = 16
"""With more alternatives than this, looking for each costs more than searching."""


def required_literals(pattern: re.Pattern[str]) -> tuple[str, ...]:
    r"""Return lower-case ASCII literals of which every ASCII text that the pattern matches holds one, lower-cased.

    An empty tuple: none are known.

    Examples
    --------
    >>> required_literals(re.compile(r"\bto\b.*(Cash|prize)", re.IGNORECASE))
    ('cash', 'prize')
    >>> required_literals(re.compile(r"[a-z]+!?"))
    ()
    """
    from re import _parser  # type: ignore[attr-defined]

    tree = _parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    return _best(_sequence(tree)) or ()


def _best(choices: list[tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return the alternatives whose shortest literal is longest."""
    usable = [c for c in choices if 0 < len(c) <= _MOST and min(map(len, c)) >= _FEWEST]
    return max(usable, key=lambda c: (min(map(len, c)), -len(c)), default=None)


def _sequence(items: Any) -> list[tuple[str, ...]]:
    """Return, for each part of a sequence that has any, the literals of which one must occur."""
    found: list[tuple[str, ...]] = []
    run = ""
    for name, value in items:
        if str(name) == "LITERAL" and value < 128:
            run += chr(value).lower()
            continue
        found, run = [*found, *([(run,)] if run else [])], ""
        found += _item(str(name), value)
    return [*found, *([(run,)] if run else [])]


def _item(name: str, value: Any) -> list[tuple[str, ...]]:
    if name == "SUBPATTERN":
        return _sequence(value[3])
    if name == "ATOMIC_GROUP":
        return _sequence(value)
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and value[0] >= 1:
        return _sequence(value[2])
    if name == "BRANCH":
        best = [_best(_sequence(branch)) for branch in value[1]]
        if all(best):
            return [tuple(dict.fromkeys(literal for literals in best if literals for literal in literals))]
    return []
