r"""Where in a text a rule matched: positions in the text as it stands in the corpus.

Keywords and lookups compare texts in another form (case folded, composed, without accents), in which a position is
another than in the corpus: "ß" becomes "ss", "e" and a combining accent become one "é". So the text is cut into
pieces that change independently of each other, and a match takes whole pieces.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weaklabel.lf import Keywords, LabelingFunction, Lookup, Regex, SpacyPattern
from weaklabel.lf.keywords import comparable
from weaklabel.schema import Outcome

Span = tuple[int, int]
"""First character, and the one after the last."""

MOST_MATCHES = 20
"""Matches of one rule that are looked for in a text; a reader needs no more."""


@dataclass(frozen=True)
class Piece:
    """A part of an excerpt; `marked` where a rule matched.

    Examples
    --------
    >>> Piece("refund", marked=True).marked
    True
    """

    text: str
    marked: bool = False


def spans(rule: LabelingFunction, row: Mapping[str, Any]) -> list[Span]:
    """Return where a rule matched in the text of its field, in order and without overlaps.

    Parameters
    ----------
    rule
        The rule.
    row
        The row's columns.

    Returns
    -------
    Empty for a rule that does not look for places in a text (where, Python, Snorkel), and for a row on which it
    finds none. Of a lookup: the terms of the label that it votes for.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> spans(keywords("street", ["strasse"], label="place"), {"text": "In der Straße 5"})
    [(7, 13)]
    """
    finder = finder_of(rule)
    text = row.get(finder.field) if finder is not None else None
    return finder.find(text) if finder is not None and isinstance(text, str) else []


@dataclass(frozen=True)
class Finder:
    """Finds the places of one rule in texts of its field; made by `finder_of`."""

    field: str
    find: Callable[[str], list[Span]]


def finder_of(rule: LabelingFunction) -> Finder | None:
    """Return what finds a rule's places, compiled once; None for a rule that looks for none.

    Examples
    --------
    >>> from weaklabel.lf import regex
    >>> finder_of(regex("price", "[0-9]+ EUR", label="sale")).find("5 EUR or 6 EUR")
    [(0, 5), (9, 14)]
    """
    if isinstance(rule, Keywords) and not rule.context.trivial:
        return Finder(rule.field, functools.partial(_find_counted, rule))
    if isinstance(rule, Keywords):
        return Finder(rule.field, functools.partial(_find_terms, _longest_first(rule.terms, rule), rule))
    if isinstance(rule, Lookup):
        if rule.match == "exact":
            return Finder(rule.field, lambda text: [(0, len(text))] if text and rule.vote(text) else [])
        stated = dict.fromkeys(rule.by_term.values())
        patterns = {label: _longest_first(_terms_of(rule, label), rule) for label in stated}
        return Finder(rule.field, functools.partial(_find_entries, patterns, rule))
    if isinstance(rule, Regex):
        return Finder(rule.field, functools.partial(_find_pattern, rule))
    if isinstance(rule, SpacyPattern):
        from weaklabel.explore.spacy_spans import token_finder

        find = token_finder(rule)
        return Finder(rule.field, lambda text: merged(find(text)))
    return None


def excerpt(text: str, places: Sequence[Span], *, width: int = 90) -> tuple[Piece, ...]:
    """Return the part of a text around its first places, in one line, cut into pieces.

    Parameters
    ----------
    text
        The text.
    places
        Where to mark it.
    width
        About how many characters to show.

    Returns
    -------
    Runs of whitespace are one space; other characters that could move or hide what stands beside them (control
    characters, marks of direction) are shown as "·".

    Examples
    --------
    >>> excerpt("I want\\n my money back", [(11, 16)])
    (Piece(text='I want my ', marked=False), Piece(text='money', marked=True), Piece(text=' back', marked=False))
    """
    start, stop = _window(text, places, width)
    stop = max(len(text[:stop].rstrip()), start) if stop < len(text) else stop
    inside = [(max(a, start), min(b, stop)) for a, b in places if a < stop and b > start]
    cuts = [start, *itertools.chain.from_iterable(inside), stop]
    parts = [(text[a:b], i % 2 == 1) for i, (a, b) in enumerate(itertools.pairwise(cuts))]
    parts = [("…" if start > 0 else "", False), *parts, ("…" if stop < len(text) else "", False)]
    return tuple(_joined(parts))


def comparable_pieces(text: str, *, case: Any, accents: Any) -> tuple[str, list[int], list[int]]:
    """Return a text as terms are compared with it, and where its pieces start: in the original and in that form.

    Both lists end with the lengths of the two texts.

    Examples
    --------
    >>> comparable_pieces("Maß", case="ignore", accents="keep")
    ('mass', [0, 1, 2, 3], [0, 1, 2, 4])
    """
    ready = comparable(text, case=case, accents=accents)
    if text.isascii():
        same = list(range(len(text) + 1))
        return ready, same, same
    if _one_to_one(text, ready, case, accents):
        same = list(range(len(text) + 1))
        return ready, same, same
    for starts in (_character_starts(text), _ascii_starts(text), [0]):
        ends = [*starts[1:], len(text)]
        made = [comparable(text[a:b], case=case, accents=accents) for a, b in zip(starts, ends, strict=True)]
        if "".join(made) == ready:
            return ready, [*starts, len(text)], [0, *itertools.accumulate(map(len, made))]
    raise AssertionError("a text in one piece equals itself")


def _one_to_one(text: str, ready: str, case: Any, accents: Any) -> bool:
    """Say whether each character becomes one character, whatever stands beside it: of most texts this is true."""
    if len(ready) != len(text):
        return False
    odd = {c for c in text if c >= "\x80"}
    if any(unicodedata.combining(c) or _joins(c) for c in odd):
        return False
    made = {ord(c): comparable(c, case=case, accents=accents) for c in odd}
    if any(len(one) != 1 for one in made.values()):
        return False
    plain = text.translate(made)
    return (plain.lower() if case == "ignore" else plain) == ready


def original_spans(found: Iterable[Span], starts: Sequence[int], ready_starts: Sequence[int]) -> list[Span]:
    """Return spans of the comparable text as spans of the original: the whole pieces that they touch.

    Examples
    --------
    >>> _, starts, ready = comparable_pieces("Maß", case="ignore", accents="keep")
    >>> original_spans([(0, 4)], starts, ready)
    [(0, 3)]
    """
    spans_ = []
    for a, b in found:
        first = bisect.bisect_right(ready_starts, a) - 1
        last = bisect.bisect_left(ready_starts, b)
        spans_.append((starts[first], starts[last]))
    return merged(spans_)


def merged(places: Iterable[Span]) -> list[Span]:
    """Return spans in order, overlapping ones joined, empty ones left out.

    Examples
    --------
    >>> merged([(3, 5), (0, 2), (4, 9), (7, 7)])
    [(0, 2), (3, 9)]
    """
    out: list[Span] = []
    for a, b in sorted(place for place in places if place[0] < place[1]):
        if out and a < out[-1][1]:
            out[-1] = (out[-1][0], max(b, out[-1][1]))
        else:
            out.append((a, b))
    return out


# ---- each kind ----


def _terms_of(rule: Lookup, label: str | Outcome) -> list[str]:
    return [term for term, own in rule.by_term.items() if own == label]


def _longest_first(terms: Iterable[str], rule: Keywords | Lookup) -> re.Pattern[str]:
    ready = {" ".join(comparable(t, case=rule.case, accents=rule.accents).split()) for t in terms}
    words = [r"\s+".join(map(re.escape, t.split())) for t in sorted(ready, key=lambda t: (-len(t), t))]
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)")


def _find_terms(pattern: re.Pattern[str], rule: Keywords | Lookup, text: str) -> list[Span]:
    ready, starts, ready_starts = comparable_pieces(text, case=rule.case, accents=rule.accents)
    found = (match.span() for match in itertools.islice(pattern.finditer(ready), MOST_MATCHES))
    return original_spans(found, starts, ready_starts)


def _find_counted(rule: Keywords, text: str) -> list[Span]:
    """Return the places of the terms that count where the rule asks for more than one term somewhere."""
    ready, starts, ready_starts = comparable_pieces(text, case=rule.case, accents=rule.accents)
    return original_spans(rule.places(ready)[:MOST_MATCHES], starts, ready_starts)


def _find_entries(patterns: Mapping[str | Outcome, re.Pattern[str]], rule: Lookup, text: str) -> list[Span]:
    if len(patterns) == 1:
        return _find_terms(next(iter(patterns.values())), rule, text)
    label = rule.vote(text)
    return [] if label is None else _find_terms(patterns[label], rule, text)


def _find_pattern(rule: Regex, text: str) -> list[Span]:
    seen = text.lower() if rule.case == "lower" else text
    found = [m.span() for m in itertools.islice(rule.compiled.finditer(seen), MOST_MATCHES)]
    if rule.case == "lower" and len(seen) != len(text):
        ready_starts = [0, *itertools.accumulate(len(c.lower()) for c in text)]
        return original_spans(found, range(len(text) + 1), ready_starts)
    return merged(found)


# ---- pieces ----


def _character_starts(text: str) -> list[int]:
    """Return where characters start, each with the combining marks that follow it."""
    return [i for i, c in enumerate(text) if i == 0 or not (unicodedata.combining(c) or _joins(c))]


def _ascii_starts(text: str) -> list[int]:
    """Return the places before ASCII characters: these never join with what stands before them."""
    return [i for i, c in enumerate(text) if i == 0 or c < "\x80"]


def _joins(character: str) -> bool:
    """Say whether a character may be composed with the one before it without being a combining mark (Hangul)."""
    return "\u1160" <= character <= "\u11ff"


# ---- excerpts ----


def _window(text: str, places: Sequence[Span], width: int) -> Span:
    if len(text) <= width + 10:
        return 0, len(text)
    if not places:
        return 0, _word_end(text, width)
    first, last = places[0][0], places[0][1]
    for a, b in places[1:]:
        if b - first > 0.8 * width:
            break
        last = max(a, b)
    last = min(last, first + 2 * width)
    room = max(width - (last - first), 20)
    start = max(0, first - room // 2)
    stop = min(len(text), max(last + room - (first - start), last))
    start = max(0, min(start, stop - width))
    return _word_start(text, start, first), _word_end(text, stop)


def _word_start(text: str, at: int, latest: int) -> int:
    if at == 0:
        return 0
    space = next((i for i in range(at, min(at + 12, latest)) if text[i].isspace()), None)
    return at if space is None else space + 1


def _word_end(text: str, at: int) -> int:
    if at >= len(text) - 3:
        return len(text)
    space = next((i for i in range(at, max(at - 12, 1), -1) if text[i].isspace()), None)
    return at if space is None else space


def _joined(parts: Iterable[tuple[str, bool]]) -> Iterator[Piece]:
    """Yield pieces in one line; a run of whitespace over a border stays one space."""
    before = " "
    text, marked = "", False
    for raw, own in parts:
        clean = "".join(map(_shown, raw))
        clean = re.sub(" +", " ", clean)
        if before == " ":
            clean = clean.removeprefix(" ")
        if not clean:
            continue
        before = clean[-1]
        if own == marked:
            text += clean
            continue
        if text:
            yield Piece(text, marked)
        text, marked = clean, own
    if text:
        yield Piece(text.rstrip() if not marked else text, marked)


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    hidden = unicodedata.category(character) in ("Cc", "Cs") or unicodedata.bidirectional(character) in _TURNS
    return "·" if hidden else character


_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
