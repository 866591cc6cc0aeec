r"""Near misses: texts on which a rule abstains though one edit or one word would make it fire.

Of a keyword or lookup term: a word one edit away (a letter more, less, other, or two swapped), the word with another
ending, and for phrases one word more, less or other, two words swapped, or other signs between them; of a rule that
asks for more than a term: the term, where that does not hold. Of a regex: a
literal that it needs, one edit away, or there while the rest of the pattern does not fit.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from weaklabel.apply.literals import required_literals
from weaklabel.explore.places import Span, comparable_pieces, original_spans
from weaklabel.lf import Keywords, LabelingFunction, Lookup, Regex
from weaklabel.lf.keywords import comparable, whole_words

SHORTEST = 4
"""Shorter words and literals have too many neighbours to be told from chance."""
SHORTEST_OTHER = 5
"""The same for one letter in the place of another: "just" is no slip of "rust"."""
LONGEST_ENDING = 4
MOST_ROWS_PER_PHRASE = 3_000
"""Rows in which a phrase's words stand that are looked at, in the order given."""

HOW = (
    "one letter more",
    "one letter less",
    "one letter other",
    "two letters swapped",
    "another ending",
    "its condition does not hold",
    "other signs between",
    "one word more",
    "two words swapped",
    "one word less",
    "one word other",
    "the rest does not fit",
)
"""The ways of a near miss, nearest first."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Near:
    """One near miss.

    Parameters
    ----------
    row
        Position of the text among those given.
    term
        What the rule looks for.
    found
        What stands there, as terms are compared.
    how
        One of `HOW`.
    place
        Where, in the original text.

    Examples
    --------
    >>> Near(0, "refund", "refnd", "one letter less", (7, 12)).found
    'refnd'
    """

    row: int
    term: str
    found: str
    how: str
    place: Span


@dataclass
class WordIndex:
    """The words of texts in the form in which terms are compared with them, and where they stand.

    Examples
    --------
    >>> index = WordIndex.of(["A refnd!", None], case="ignore", accents="keep")
    >>> index.rows["refnd"], index.ready
    ([0], ['a refnd!', ''])
    """

    texts: Sequence[str | None]
    ready: list[str]
    places: dict[tuple[str, bool], list[tuple[int, Span, str]]] = field(default_factory=dict)
    """What was found of terms, with and without further conditions: what a watch need not do twice."""
    rows: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    shorter: dict[str, list[str]] = field(default_factory=dict)
    ordered: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, texts: Sequence[str | None], *, case: Any, accents: Any) -> WordIndex:
        """Index texts."""
        index = cls(texts, [comparable(t or "", case=case, accents=accents) for t in texts])
        for i, text in enumerate(index.ready):
            for word in set(_WORD.findall(text)):
                index.rows[word].append(i)
        index.ordered = sorted(index.rows)
        return index

    def neighbours(self, word: str) -> list[tuple[str, str]]:
        """Return words of the texts that are one edit away or have another ending, and how each is near."""
        if len(word) < SHORTEST:
            return []
        if not self.shorter:
            self._index_edits()
        keys = {word, *_deletions(word), *_swaps(word)}
        candidates = {v for key in keys for v in self.shorter.get(key, ())}
        edits = [(v, how) for v in sorted(candidates) if (how := edit(word, v)) is not None]
        found = [(v, how) for v, how in edits if how != "one letter other" or len(word) >= SHORTEST_OTHER]
        known = {v for v, _ in edits}
        endings = (v for v in self._starting_with(word) if v not in known)
        return [*found, *((v, "another ending") for v in endings)]

    def _index_edits(self) -> None:
        shorter: dict[str, list[str]] = defaultdict(list)
        for word in self.rows:
            if SHORTEST - 1 <= len(word) <= 40:
                for key in {word, *_deletions(word)}:
                    shorter[key].append(word)
        self.shorter = dict(shorter)

    def _starting_with(self, word: str) -> list[str]:
        most = len(word) + LONGEST_ENDING
        start = bisect.bisect_right(self.ordered, word)
        words = itertools.takewhile(lambda v: v.startswith(word), itertools.islice(self.ordered, start, None))
        return [v for v in words if len(v) <= most]


@dataclass
class LiteralIndex:
    """Texts in which literals of regexes are looked for, and the rows that hold forms of them that were asked for.

    Examples
    --------
    >>> index = LiteralIndex.of(["A Refund!", None])
    >>> index.holding("refund"), index.rows
    ([0], {'refund': [0]})
    """

    folded: list[str | None]
    column: pl.Series
    rows: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, texts: Sequence[str | None]) -> LiteralIndex:
        """Index texts; those whose places move when letters become small are left out."""
        folded = [None if t is None or len(t.lower()) != len(t) else t.lower() for t in texts]
        return cls(folded, pl.Series(folded, dtype=pl.String))

    def holding(self, form: str) -> list[int]:
        """Return the rows in which a regular expression without looks around is found."""
        if form not in self.rows:
            self.rows[form] = self.column.str.contains(form).fill_null(False).arg_true().to_list()
        return self.rows[form]


def near_misses(
    rule: LabelingFunction,
    texts: Sequence[str | None],
    *,
    index: WordIndex | LiteralIndex | None = None,
) -> list[Near]:
    """Return the near misses of a rule in texts on which it abstains; at most one a text, the nearest.

    Parameters
    ----------
    rule
        A keyword, lookup (of words) or regex rule; other kinds have none.
    texts
        Values of the rule's field on rows on which it abstains.
    index
        The words of these texts, or of a regex the texts for literals, where they are at hand.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> rule = keywords("refund", ["refund", "money back"], label="returns")
    >>> for near in near_misses(rule, ["a refnd please", "money right back", "refunded!", "hello"]):
    ...     print(near.row, near.found, "|", near.how)
    0 refnd | one letter less
    1 money right back | one word more
    2 refunded | another ending
    """
    if isinstance(rule, Keywords | Lookup):
        if isinstance(rule, Lookup) and rule.match == "exact":
            return []
        if not isinstance(index, WordIndex):
            index = WordIndex.of(texts, case=rule.case, accents=rule.accents)
        best = _nearest(_of_terms(rule, index))
        return [
            replace(near, place=_original(rule, index.texts[near.row] or "", near.place)) for near in best
        ]
    if isinstance(rule, Regex):
        return _nearest(
            _of_literals(rule, index if isinstance(index, LiteralIndex) else LiteralIndex.of(texts))
        )
    return []


def _nearest(found: Iterable[Near]) -> list[Near]:
    """Return the nearest of each row."""
    best: dict[int, Near] = {}
    for near in found:
        other = best.get(near.row)
        if other is None or _rank(near) < _rank(other):
            best[near.row] = near
    return [best[row] for row in sorted(best)]


def why_none(rule: LabelingFunction) -> str | None:
    """Return why near misses can't be told for a rule; None where they can.

    Examples
    --------
    >>> from weaklabel.lf import where
    >>> why_none(where("short", "length(text) < 20", label="ham"))
    'near misses are told for keyword, lookup and regex rules, not for where rules'
    """
    if not isinstance(rule, Keywords | Lookup | Regex):
        return f"near misses are told for keyword, lookup and regex rules, not for {rule.kind} rules"
    if isinstance(rule, Lookup) and rule.match == "exact":
        return "near misses are not told for a lookup that compares whole values"
    if isinstance(rule, Regex) and not _literals(rule):
        return f"the pattern needs no literal of {SHORTEST} characters or more, so that near misses can't be told"
    return None


def edit(word: str, other: str) -> str | None:
    """Return how one edit leads from a word to another, or None when more are needed (or none is).

    Examples
    --------
    >>> edit("refund", "refnud"), edit("refund", "refunds"), edit("refund", "funder")
    ('two letters swapped', 'one letter more', None)
    """
    if abs(len(word) - len(other)) > 1 or word == other:
        return None
    start = 0
    while start < min(len(word), len(other)) and word[start] == other[start]:
        start += 1
    a, b = word[start:], other[start:]
    if len(b) == len(a) + 1:
        return "one letter more" if b[1:] == a else None
    if len(b) == len(a) - 1:
        return "one letter less" if a[1:] == b else None
    if a[1:] == b[1:]:
        return "one letter other"
    return "two letters swapped" if a[:2] == b[1::-1] and a[2:] == b[2:] else None


def _rank(near: Near) -> tuple[int, int, str, str]:
    return HOW.index(near.how), -len(near.term), near.term, near.found


# ---- terms ----


def _of_terms(rule: Keywords | Lookup, index: WordIndex) -> Iterator[Near]:
    """Yield near misses, with places in the texts as they are compared."""
    terms = rule.terms if isinstance(rule, Keywords) else tuple(rule.by_term)
    ready = sorted({" ".join(comparable(t, case=rule.case, accents=rule.accents).split()) for t in terms})
    asks_more = isinstance(rule, Keywords) and not rule.context.trivial
    for term in ready:
        key = (term, asks_more)
        if key not in index.places:
            index.places[key] = list(_places_of(term, index, asks_more))
        for row, (a, b), how in index.places[key]:
            yield Near(row, term, index.ready[row][a:b], how, (a, b))


def _places_of(term: str, index: WordIndex, asks_more: bool) -> Iterator[tuple[int, Span, str]]:
    words = term.split()
    if len(words) > 1 and all(_WORD.fullmatch(word) for word in words):
        places = _of_phrase(words, index)
    elif _WORD.fullmatch(term):
        places = _of_word(term, index)
    else:
        return
    if asks_more:
        yield from _there(term, index)
    yield from places


def _there(term: str, index: WordIndex) -> Iterator[tuple[int, Span, str]]:
    """Yield the rows in which a term stands: of a rule that asks for more it is not enough."""
    pattern = whole_words([term])
    rarest = min(_WORD.findall(term) or [""], key=lambda word: len(index.rows.get(word, ())))
    for row in index.rows.get(rarest, ()):
        match = pattern.search(index.ready[row])
        if match:
            yield row, match.span(), "its condition does not hold"


def _original(rule: Keywords | Lookup, text: str, place: Span) -> Span:
    _, starts, ready_starts = comparable_pieces(text, case=rule.case, accents=rule.accents)
    return original_spans([place], starts, ready_starts)[0]


def _of_word(term: str, index: WordIndex) -> Iterator[tuple[int, Span, str]]:
    for word, how in index.neighbours(term):
        pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        for row in index.rows[word]:
            match = pattern.search(index.ready[row])
            if match:
                yield row, match.span(), how


def _of_phrase(words: Sequence[str], index: WordIndex) -> Iterator[tuple[int, Span, str]]:
    near = [[v for v, _ in index.neighbours(word)] for word in words]
    forms = [
        (re.compile(rf"(?<!\w)(?:{form})(?!\w)"), how) for form, how in _phrase_forms(words, near) if form
    ]
    for row in _rows_of_phrase(words, near, index):
        for pattern, how in forms:
            match = pattern.search(index.ready[row])
            if match:
                yield row, match.span(), how
                break


def _rows_of_phrase(words: Sequence[str], near: Sequence[Sequence[str]], index: WordIndex) -> list[int]:
    """Return rows that hold all words but one (for a phrase of two: the rarer of those that occur), or all as one word."""
    counts: dict[int, int] = defaultdict(int)
    for word, others in zip(words, near, strict=True):
        for row in {r for v in (word, *others) for r in index.rows.get(v, ())}:
            counts[row] += 1
    if len(words) == 2:
        rare = min(words, key=lambda word: len(index.rows.get(word, ())) or len(index.ready) + 1)
        kept = {row for row in counts if counts[row] == 2} | set(index.rows.get(rare, ()))
    else:
        kept = {row for row, count in counts.items() if count >= len(words) - 1}
    kept |= set(index.rows.get("".join(words), ()))
    return sorted(kept)[:MOST_ROWS_PER_PHRASE]


def _phrase_forms(words: Sequence[str], near: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield regular expressions of what is one step away from a phrase, nearest first."""
    w = [re.escape(word) for word in words]
    gaps = range(1, len(w))

    def phrase(parts: Sequence[str]) -> str:
        return r"\s+".join(parts)

    edited = [
        phrase([*w[:i], f"(?:{'|'.join(map(re.escape, others))})", *w[i + 1 :]])
        for i, others in enumerate(near)
        if others
    ]
    yield "|".join(edited), "one letter other"
    signs = [phrase(w[:i]) + r"[^\w]*[^\w\s][^\w]*" + phrase(w[i:]) for i in gaps]
    yield "|".join([*signs, "".join(w)]), "other signs between"
    yield "|".join(phrase(w[:i]) + r"\W+\w+\W+" + phrase(w[i:]) for i in gaps), "one word more"
    swapped = [phrase([*w[: i - 1], w[i], w[i - 1], *w[i + 1 :]]) for i in gaps if w[i] != w[i - 1]]
    yield "|".join(swapped), "two words swapped"
    if len(w) > 2:
        yield "|".join(phrase([*w[:i], *w[i + 1 :]]) for i in range(len(w))), "one word less"
    long = [i for i in range(len(w)) if sum(map(len, words)) - len(words[i]) >= SHORTEST]
    yield "|".join(phrase([*w[:i], r"\w+", *w[i + 1 :]]) for i in long), "one word other"


def _deletions(word: str) -> set[str]:
    return {word[:i] + word[i + 1 :] for i in range(len(word))}


def _swaps(word: str) -> set[str]:
    return {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}


# ---- literals of regexes ----


def _literals(rule: Regex) -> tuple[str, ...]:
    return tuple(lit for lit in required_literals(rule.compiled) if sum(map(str.isalnum, lit)) >= SHORTEST)


def _of_literals(rule: Regex, index: LiteralIndex) -> Iterator[Near]:
    done: set[int] = set()
    for literal in _literals(rule):
        for form, how in sorted(_literal_forms(literal), key=lambda f: -HOW.index(f[1])):
            search = re.compile(form).search
            for row in index.holding(form) if form else ():
                ready = index.folded[row] or ""
                match = None if row in done else search(ready)
                if match:
                    a, b = _whole_words(ready, *match.span())
                    yield Near(row, literal, ready[a:b], how, (a, b))
                    done.add(row)


def _literal_forms(literal: str) -> list[tuple[str, str]]:
    """Return regular expressions, without looks around, of a literal as it is and of what is one edit away."""
    e = [re.escape(c) for c in literal]
    inner = range(1, len(e))
    return [
        ("".join(e), "the rest does not fit"),
        ("|".join("".join(e[:i]) + r"\w" + "".join(e[i:]) for i in inner), "one letter more"),
        ("|".join("".join(e[:i] + e[i + 1 :]) for i in inner if i < len(e) - 1), "one letter less"),
        ("|".join("".join(e[:i]) + r"\w" + "".join(e[i + 1 :]) for i in range(len(e))), "one letter other"),
        ("|".join("".join([*e[: i - 1], e[i], e[i - 1], *e[i + 1 :]]) for i in inner), "two letters swapped"),
    ]


def _whole_words(text: str, a: int, b: int) -> Span:
    while a > 0 and text[a].isalnum() and text[a - 1].isalnum():
        a -= 1
    while b < len(text) and text[b - 1].isalnum() and text[b].isalnum():
        b += 1
    return a, b


def counted(found: Iterable[Near]) -> list[tuple[str, str, str, list[Near]]]:
    """Group near misses by term, what was found and how; the nearest and most frequent first.

    Examples
    --------
    >>> near = Near(0, "refund", "refnd", "one letter less", (0, 5))
    >>> [(term, word, how, len(group)) for term, word, how, group in counted([near])]
    [('refund', 'refnd', 'one letter less', 1)]
    """
    groups: Mapping[tuple[str, str, str], list[Near]] = defaultdict(list)
    for near in found:
        groups[near.term, " ".join(near.found.split()), near.how].append(near)
    order = sorted(
        groups, key=lambda key: (HOW.index(key[2]) >= 8, -len(groups[key]), HOW.index(key[2]), key)
    )
    return [(*key, groups[key]) for key in order]
