"""Words and phrases of texts, as a keyword rule sees them."""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.explore.places import Span, finder_of
from weaklabel.explore.view import Bool, Int
from weaklabel.lf import keywords
from weaklabel.lf.keywords import comparable

WORD_ROWS = 20_000
"""Rows whose words are looked at; more are drawn by their hashed ids."""
COMMON = 0.025
"""Words of a larger share of the texts mostly hold sentences together."""

_CHANCE = 6.63
"""1 % point of chi-squared with one degree of freedom."""
_UNIT = re.compile(r"\w+(?:['’]\w+)*")


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Terms of one to three words and the texts in which they stand.

    Parameters
    ----------
    column
        Name of the column of texts.
    rows
        (r,) positions of the rows in their view, in the order of their hashed ids.
    terms
        The terms, sorted: words joined by one space, as terms are compared.
    counts
        (r, t) sparse: in which texts each term stands, 1 or nothing.

    Examples
    --------
    >>> vocabulary = Vocabulary.of(["money back", "Money, back!"], fewest=1)
    >>> vocabulary.terms
    ('back', 'money', 'money back')
    >>> vocabulary.has("money back").tolist()
    [True, False]
    """

    column: str
    rows: Int
    terms: tuple[str, ...]
    counts: Any

    @classmethod
    def of(
        cls,
        texts: Sequence[str | None],
        *,
        rows: Int | None = None,
        column: str = "text",
        fewest: int = 3,
        longest: int = 3,
        tell: Callable[[str, int, int], None] | None = None,
    ) -> Vocabulary:
        """Gather the terms that stand in at least `fewest` texts.

        Parameters
        ----------
        texts
            The texts.
        rows
            Their positions in a view; default: 0, 1, …
        column
            Name of their column.
        fewest
            Least number of texts.
        longest
            Most words of a term.
        tell
            Told the progress: step, done, total.
        """
        from scipy import sparse

        units = [_units(text or "") for text in texts]
        kept: set[str] = set()
        indices: list[list[str]] = [[] for _ in texts]
        for size in range(1, longest + 1):
            counts: Counter[str] = Counter()
            found = []
            for parts in units:
                own = set(_grams(parts, size, kept if size > 1 else None))
                found.append(own)
                counts.update(own)
            frequent = {term for term, count in counts.items() if count >= fewest}
            if size == 1 or frequent:
                kept |= frequent
            for i, own in enumerate(found):
                indices[i] += own & frequent
            if tell:
                tell("words are gathered", size, longest)
        terms = tuple(sorted(kept))
        at = {term: j for j, term in enumerate(terms)}
        indptr = np.concatenate([[0], np.cumsum([len(own) for own in indices])])
        columns = np.fromiter((at[t] for own in indices for t in own), np.int64, int(indptr[-1]))
        matrix = sparse.csr_array(
            (np.ones(len(columns), np.float64), columns, indptr), shape=(len(texts), len(terms))
        )
        matrix.sort_indices()
        where = np.arange(len(texts)) if rows is None else np.asarray(rows)
        return cls(column, where.astype(np.int64), terms, matrix)

    @functools.cached_property
    def _columns(self) -> Any:
        return self.counts.tocsc()

    @functools.cached_property
    def _at(self) -> dict[str, int]:
        return {term: j for j, term in enumerate(self.terms)}

    def has(self, term: str) -> Bool:
        """(r,) bool: the texts in which a term stands."""
        j = self._at[term]
        mask = np.zeros(len(self.rows), bool)
        mask[self._columns.indices[self._columns.indptr[j] : self._columns.indptr[j + 1]]] = True
        return mask

    def telling(self, groups: npt.NDArray[np.float64]) -> Bool:
        """Return the terms that tell something: those that begin and end with a word that does.

        Parameters
        ----------
        groups
            (r, g) share that each text has in some groups, such as the classes. A word of three letters or more tells
            something when few texts have it, or when its texts fall into some group at twice the odds of all texts.
        """
        n = max(len(self.rows), 1)
        df = np.diff(self._columns.indptr)
        inside = np.asarray(self.counts.T @ groups)
        outside = df[:, None] - inside
        every = groups.sum(axis=0)
        odds = (inside + 0.5) / (outside + 0.5) * (n - every + 0.5) / (every + 0.5)
        strong = (odds >= 2).any(axis=1) if groups.shape[1] else np.zeros(len(self.terms), bool)
        rare = df <= max(COMMON * n, 10)
        lettered = [sum(map(str.isalpha, term)) >= 3 for term in self.terms]
        single = (rare | strong) & np.array(lettered, dtype=bool)
        ends = ((term.split(" ", 1)[0], term.rsplit(" ", 1)[-1]) for term in self.terms)
        tells = [all(word in self._at and single[self._at[word]] for word in pair) for pair in ends]
        return np.array(tells, dtype=bool)

    @functools.cached_property
    def tf_idf(self) -> Any:
        """(r, t) sparse: terms weighted by their rarity, each row of length 1; terms in half of the texts are left out."""
        from scipy import sparse

        n = max(len(self.rows), 1)
        df = np.asarray(self.counts.sum(axis=0)).ravel()
        idf = np.where(df <= 0.5 * n, np.log((1 + n) / (1 + df)) + 1, 0.0)
        weighted = (self.counts @ sparse.diags_array(idf)).tocsr()
        weighted.eliminate_zeros()
        norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
        return (sparse.diags_array(1 / np.where(norms > 0, norms, 1)) @ weighted).tocsr()


def distinguishing(vocabulary: Vocabulary, inside: Bool) -> list[int]:
    """Return columns of the terms that set some texts off from the others, strongest first, short ones among equals.

    Parameters
    ----------
    vocabulary
        The terms.
    inside
        (r,) bool: the texts.

    Notes
    -----
    By the likelihood ratio G2 of "the term stands in a larger share of these texts": T. Dunning, "Accurate methods for
    the statistics of surprise and coincidence", Computational Linguistics 19 (1993). Terms below the 1 % point of
    chi-squared are left out.

    Examples
    --------
    >>> vocabulary = Vocabulary.of(["a tent"] * 9 + ["a mug"] * 9, fewest=1, longest=1)
    >>> [vocabulary.terms[j] for j in distinguishing(vocabulary, np.arange(18) < 9)]
    ['tent']
    """
    own = np.asarray(vocabulary.counts[inside].sum(axis=0)).ravel()
    every = np.asarray(vocabulary.counts.sum(axis=0)).ravel()
    texts, total = int(inside.sum()), len(inside)

    def part(observed: npt.NDArray[np.float64], n: int, share: npt.NDArray[np.float64]) -> Any:
        expected = n * share
        ratio = np.divide(
            observed, expected, out=np.ones_like(observed), where=(observed > 0) & (expected > 0)
        )
        return observed * np.log(ratio)

    p, rest, others = every / max(total, 1), every - own, total - texts
    g2 = 2 * (
        part(own, texts, p)
        + part(texts - own, texts, 1 - p)
        + part(rest, others, p)
        + part(others - rest, others, 1 - p)
    )
    more = own * others > rest * texts
    length = np.array([term.count(" ") for term in vocabulary.terms], np.int64)
    order = np.lexsort((np.arange(len(g2)), length, -np.round(g2, 1)))
    return [int(j) for j in order if g2[j] > _CHANCE and more[j] and own[j] >= 2]


def term_spans(text: str, term: str) -> list[Span]:
    """Return where a keyword rule finds a term in a text.

    Examples
    --------
    >>> term_spans("MONEY\\n back", "money back")
    [(0, 11)]
    """
    finder = finder_of(keywords("term", [term], label="any"))
    return [] if finder is None else finder.find(text)


def _units(text: str) -> list[tuple[str, bool]]:
    """Return the words of a text as terms are compared, and whether nothing but whitespace stands before each."""
    ready = comparable(text, case="ignore", accents="keep")
    parts = []
    end = 0
    for match in _UNIT.finditer(ready):
        parts.append((match.group(), match.start() > end and ready[end : match.start()].isspace()))
        end = match.end()
    return parts


def _grams(parts: Sequence[tuple[str, bool]], size: int, kept: set[str] | None) -> Iterator[str]:
    """Yield terms of so many words; of longer ones only those whose parts are frequent themselves."""
    if size == 1:
        yield from (word for word, _ in parts)
        return
    for i in range(len(parts) - size + 1):
        run = parts[i : i + size]
        if all(joined for _, joined in itertools.islice(run, 1, None)):
            words = [word for word, _ in run]
            first, last = " ".join(words[:-1]), " ".join(words[1:])
            if kept is None or (first in kept and last in kept):
                yield " ".join(words)
