"""Literals that a text must hold for a regex to match, each of several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

_CHOICES, _SETS = 24, 8

Choices = tuple[bytes, ...]


def needed_literals(pattern: re.Pattern[str], *, lower: bool) -> tuple[Choices, ...]:
    r"""Return sets of literals, ASCII case folded; a text that the pattern matches holds one of each set.

    This is so for texts without characters that ignoring case, or `str.lower`, brings to ASCII.

    Parameters
    ----------
    pattern
        The regex.
    lower
        Texts are lower-cased before they are searched.

    Examples
    --------
    >>> needed_literals(re.compile(r"(?<=the )to\b.*(Cash|prize)"), lower=False)
    ((b'to',), (b'cash', b'prize'))
    """
    from re import _parser  # type: ignore[attr-defined]

    tree = _parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    found = dict.fromkeys(choices for choices in _sequence(tree, pattern.flags, lower) if _good(choices))
    return tuple(sorted(found, key=_quality, reverse=True)[:_SETS]) if len(found) > _SETS else tuple(found)


def later_literals(pattern: re.Pattern[str], *, lower: bool, first: Iterable[bytes]) -> Choices:
    r"""Return the rarest-looking set of literals of which every match holds one, beside the literals it starts with.

    None of them is part of what matches start with. Empty: there is no such set.

    Parameters
    ----------
    pattern, lower
        As for `needed_literals`.
    first
        What matches start with, ASCII case folded.

    Examples
    --------
    >>> later_literals(re.compile(r"(?i)\bcall\b.*(Cash|prize)"), lower=False, first=[b"call"])
    (b'cash', b'prize')
    """
    starts = tuple(first)
    own = [
        choices
        for choices in needed_literals(pattern, lower=lower)
        if not any(choice in start for choice in choices for start in starts)
    ]
    return max(own, key=_quality, default=())


def _good(choices: Choices) -> bool:
    return 0 < len(choices) <= _CHOICES and all(
        len(c) > 1 or not (c.isalnum() or c.isspace()) for c in choices
    )


def _quality(choices: Choices) -> tuple[int, int]:
    return min(map(len, choices)), -len(choices)


def _sequence(items: Iterable[Any], flags: int, lower: bool) -> Iterator[Choices]:
    """Yield, for each part of a sequence that has any, the literals of which one must occur."""
    run = b""
    for name, value in items:
        letter = _letter(value, flags, lower) if str(name) == "LITERAL" else b""
        run += letter
        if not letter:
            if run:
                yield (run,)
            run = b""
            yield from _item(str(name), value, flags, lower)
    if run:
        yield (run,)


def _letter(point: int, flags: int, lower: bool) -> bytes:
    """Return the bytes of a literal, or none where other bytes may stand for it."""
    if point < 128:
        return chr(point).lower().encode()
    if lower or flags & re.IGNORECASE or 0xD800 <= point < 0xE000:
        return b""
    return chr(point).encode()


def _item(name: str, value: Any, flags: int, lower: bool) -> Iterator[Choices]:
    if name == "SUBPATTERN":
        yield from _sequence(value[3], (flags | value[1]) & ~value[2], lower)
    elif name == "IN" and all(str(part) == "LITERAL" for part, _ in value):
        letters = [_letter(point, flags, lower) for _, point in value]
        if all(letters):
            yield tuple(dict.fromkeys(letters))
    elif name == "ATOMIC_GROUP":
        yield from _sequence(value, flags, lower)
    elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and value[0] >= 1:
        yield from _sequence(value[2], flags, lower)
    elif name == "BRANCH":
        best = [
            max(filter(_good, _sequence(branch, flags, lower)), key=_quality, default=())
            for branch in value[1]
        ]
        if all(best):
            yield tuple(dict.fromkeys(literal for choices in best for literal in choices))
