"""Where and how often a term must stand for a keyword rule to fire: counts, positions, windows."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weaklabel.errors import RuleError, did_you_mean

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Window:
    """Terms, and how many words away they may stand.

    Parameters
    ----------
    terms
        Words or phrases, compared as the rule's own terms are.
    within
        Greatest distance in words: neighbours are 1 apart.
    """

    terms: tuple[str, ...]
    within: int

    def plain(self) -> dict[str, Any]:
        """Return plain data."""
        return {"terms": list(self.terms), "within": self.within}


@dataclass(frozen=True)
class Found:
    """A term that stands in a text.

    Parameters
    ----------
    start, end
        Characters, end exclusive.
    first, last
        Words, last exclusive; equal for a term without a word character.
    term
        Position of the term among the terms looked for.
    """

    start: int
    end: int
    first: int
    last: int
    term: int


@dataclass(frozen=True, kw_only=True)
class Context:
    r"""What must hold of the terms found in a text for the rule to fire.

    Words are the runs of ``\w``. A term that stands in the text counts if all of `near`, `not_after`, `not_before`,
    `first_words` and `last_words` that are given hold of it; the rule fires if the terms that count are enough for
    `at_least` and `times`.

    Parameters
    ----------
    near
        One of these terms stands within so many words before or after it; the two don't overlap.
    not_after
        None of these stands within so many words before it.
    not_before
        None of these stands within so many words after it.
    first_words, last_words
        It begins among the first, ends among the last so many words of the text.
    at_least
        So many different terms of the rule count.
    times
        Terms count so many times in all.

    Examples
    --------
    >>> context = Context(not_after=Window(("not",), 2))
    >>> context.trivial, Context().trivial
    (False, True)
    """

    near: Window | None = None
    not_after: Window | None = None
    not_before: Window | None = None
    first_words: int | None = None
    last_words: int | None = None
    at_least: int = 1
    times: int = 1

    @property
    def trivial(self) -> bool:
        """Nothing more than one term is asked for."""
        return self == ANYWHERE

    def plain(self) -> dict[str, Any]:
        """Return what is asked for, as plain data."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: value.plain() if isinstance(value, Window) else value
            for name, value in given.items()
            if value != getattr(ANYWHERE, name)
        }


ANYWHERE = Context()
"""One term, wherever it stands."""


def compile_context(
    context: Context, terms: Sequence[str], pattern: Callable[[Iterable[str]], re.Pattern[str]]
) -> Callable[[str], list[Found]]:
    """Return the function from a comparable text to the terms that count; none where the rule does not fire.

    Parameters
    ----------
    context
        What is asked for; its terms in the form that texts are compared in.
    terms
        The rule's terms in that form, each once.
    pattern
        Makes the pattern that finds some terms.
    """
    own = [pattern([term]) for term in terms]
    windows = {
        name: ([pattern([term]) for term in window.terms], window.within)
        for name in ("near", "not_after", "not_before")
        if (window := getattr(context, name)) is not None
    }

    def count(text: str) -> list[Found]:
        words = [(word.start(), word.end()) for word in _WORD.finditer(text)]
        found = _find(own, text, words)
        others = {name: (_find(p, text, words), within) for name, (p, within) in windows.items()}
        found = [one for one in found if _counts(one, context, others, len(words))]
        enough = len({one.term for one in found}) >= context.at_least and len(found) >= context.times
        return found if enough else []

    return count


def _find(patterns: Sequence[re.Pattern[str]], text: str, words: Sequence[tuple[int, int]]) -> list[Found]:
    starts, ends = [start for start, _ in words], [end for _, end in words]
    return sorted(
        (
            Found(m.start(), m.end(), bisect_right(ends, m.start()), bisect_left(starts, m.end()), i)
            for i, pattern in enumerate(patterns)
            for m in pattern.finditer(text)
        ),
        key=lambda one: (one.start, one.end, one.term),
    )


def _counts(one: Found, context: Context, others: Mapping[str, tuple[list[Found], int]], words: int) -> bool:
    if context.first_words is not None and one.first >= context.first_words:
        return False
    if context.last_words is not None and one.last <= words - context.last_words:
        return False
    for name, (found, within) in others.items():
        before = any(other.end <= one.start and one.first - other.last < within for other in found)
        after = any(other.start >= one.end and other.first - one.last < within for other in found)
        held = {"near": before or after, "not_after": not before, "not_before": not after}
        if not held[name]:
            return False
    return True


def read_window(
    name: str, value: object, *, where: str | None, terms: Callable[[object], Any]
) -> Window | None:
    """Return a window as it is given: None, a Window, or a mapping with terms and within.

    Raises
    ------
    RuleError
        It is none of these, or a key or value of it is wrong.
    """
    if value is None or isinstance(value, Window):
        return value
    hint = f"{name}: {{terms: [order, parcel], within: 5}}"
    if not isinstance(value, Mapping):
        raise RuleError(f"`{name}` is a mapping with terms and within, not {value!r}", where=where, hint=hint)
    for key in value:
        if key not in ("terms", "within"):
            near = did_you_mean(key, ("terms", "within"))
            raise RuleError(f"unknown key {key!r} in `{name}`", where=where, hint=near or hint)
    if "terms" not in value or "within" not in value:
        raise RuleError(f"`{name}` needs both terms and within", where=where, hint=hint)
    return Window(terms(value["terms"]), check_count(f"{name}.within", value["within"], where=where))


def check_count(name: str, value: Any, *, where: str | None) -> int:
    """Return a number of words or times, or raise a RuleError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RuleError(f"`{name}` is a whole number from 1, not {value!r}", where=where)
    return value
