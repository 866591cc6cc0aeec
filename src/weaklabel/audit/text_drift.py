"""Drift of texts: their length, language and words now against what they were, from counts or from the texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from weaklabel.audit.drift import Change
from weaklabel.audit.text_model import (
    ROWS,
    Vocabulary,
    chooses,
    document_counts,
    hashed_order,
    word_weights,
    words_of,
)
from weaklabel.audit.two_samples import fisher_mid_p, homogeneity_p, rank_shift, rank_shift_counts
from weaklabel.errors import GoldError
from weaklabel.profile.languages import languages_of

LENGTH, LANGUAGE, UNSEEN, WORDS_DIFFER, APART = "length", "language", "unseen words", "words", "texts"

_STEPS, _SHARES, _KEPT, _LANGUAGE_ROWS, _FEWEST, _TOP = 24, 20, 2000, 1000, 20, 8


@dataclass(frozen=True, eq=False)
class TextCounts:
    """Counts of the texts of one part of a corpus; made by `count_texts`.

    Parameters
    ----------
    rows
        Rows of the part.
    lengths
        Rows by length in characters: none, then bins of which each ends at the square root of two times the last.
    languages
        Rows by language, of at most 1,000 rows; empty if languages were not asked for.
    known
        Words that count as seen: those of half of the reference's rows, the most frequent 20,000.
    unseen
        Rows by the share of their words that are not known, in twentieths; the other half only, in new rows too.
    words
        In how many rows each of the most frequent 2,000 words stands.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a", "b"], "text": ["a promo", "hello"]})
    >>> count_texts(rows).words
    {'a': 1, 'hello': 1, 'promo': 1}
    """

    rows: int
    lengths: np.ndarray
    languages: dict[str, int]
    known: tuple[str, ...]
    unseen: np.ndarray
    words: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "rows": self.rows,
            "lengths": self.lengths.tolist(),
            "languages": dict(self.languages),
            "known": list(self.known),
            "unseen": self.unseen.tolist(),
            "words": dict(self.words),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TextCounts:
        """Return what `to_dict` told.

        Examples
        --------
        >>> counts = count_texts(pl.DataFrame({"id": ["a"], "text": ["hello"]}))
        >>> TextCounts.from_dict(counts.to_dict()).words
        {'hello': 1}
        """
        missing = [name for name in cls.__dataclass_fields__ if name not in data]
        if missing:
            raise GoldError(f"these are no counts of texts: {missing[0]!r} is missing", available=list(data))
        arrays = {name: np.array(data[name], np.int64) for name in ("lengths", "unseen")}
        return cls(
            data["rows"],
            arrays["lengths"],
            data["languages"],
            tuple(data["known"]),
            arrays["unseen"],
            data["words"],
        )


def count_texts(
    frame: pl.DataFrame,
    *,
    text: str = "text",
    like: TextCounts | None = None,
    languages: bool = False,
    seed: int = 0,
) -> TextCounts:
    """Count what the texts of a part look like.

    Parameters
    ----------
    frame
        One row per document: `id` and the column of texts.
    text
        Column of texts; null counts as empty.
    like
        Counts to compare with: the same words are known and counted.
    languages
        Whether languages are guessed, on at most 1,000 rows.
    seed
        Seed of the halves of a reference and of the rows whose language is guessed.

    Raises
    ------
    GoldError
        A column is missing.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a", "b"], "text": ["hello", None]})
    >>> counts = count_texts(rows)
    >>> counts.rows, int(counts.lengths[0])
    (2, 1)
    """
    _need(frame, text)
    order = hashed_order(frame["id"], seed)
    texts = frame[text].cast(pl.String).fill_null("")
    words = words_of(texts)
    choose = chooses(frame["id"], seed)
    if like is None:
        known = Vocabulary.of(words.filter(choose), fewest=1).words
        kept = document_counts(words).head(_KEPT)
        standing = {word: int(n) for word, n in sorted(kept.iter_rows())}
    else:
        known = like.known
        found = dict(document_counts(words).filter(pl.col("word").is_in(list(like.words))).iter_rows())
        standing = {word: int(found.get(word, 0)) for word in like.words}
    guessed = languages_of(texts.gather(order[:_LANGUAGE_ROWS])) if languages else None
    spoken = {} if guessed is None else {language: int(n) for language, n, _ in guessed.iter_rows()}
    return TextCounts(
        frame.height, _lengths(texts), spoken, known, _unseen(words.filter(~choose), known), standing
    )


def text_changes(before: TextCounts, after: TextCounts, *, part: str | None = None) -> list[Change]:
    """Return every comparison of two parts' texts, not yet adjusted; `after` is counted with ``like=before``.

    Notes
    -----
    Lengths and languages by chi-squared; whether more words are unseen by Mann-Whitney against the half of the reference
    that did not say which words are known; words by the smallest of Fisher's mid-P, times their number.

    Examples
    --------
    >>> old = pl.DataFrame({"id": [str(i) for i in range(60)], "text": ["a promo", "hello you"] * 30})
    >>> new = old.with_columns(pl.col("text").str.replace("promo", "sale"))
    >>> before = count_texts(old)
    >>> [c.kind for c in text_changes(before, count_texts(new, like=before)) if c.p < 0.001]
    ['unseen words', 'words']
    """
    rows = (before.rows, after.rows)
    found = [
        Change(LENGTH, "", None, None, *rows, homogeneity_p(before.lengths, after.lengths), part=part,
               detail=_lengths_told(before, after)),
        _unseen_change(before, after, part),
        _words_change(before, after, part),
    ]  # fmt: skip
    if before.languages and after.languages:
        names = sorted(set(before.languages) | set(after.languages))
        a, b = (np.array([v.languages.get(name, 0) for name in names]) for v in (before, after))
        told = _languages_told(names, a, b)
        found.append(
            Change(
                LANGUAGE,
                "",
                None,
                None,
                int(a.sum()),
                int(b.sum()),
                homogeneity_p(a, b),
                part=part,
                detail=told,
            )
        )
    return found


@dataclass(frozen=True)
class Told:
    """Whether a classifier of words can tell two parts apart; made by `tell_apart`.

    Parameters
    ----------
    auc
        Chance that the classifier takes a new row for newer than an old one, on rows it was not fitted to.
    p
        P-value that the two can't be told apart.
    rows
        Old and new rows that it was tried on.
    words
        The words that tell most, with the share of old and of new rows that hold them.

    Examples
    --------
    >>> Told(0.5, 0.6, (10, 10), ()).sentence()
    'a classifier can not tell new texts from old ones (AUC 0.50, p = 0.600)'
    """

    auc: float
    p: float
    rows: tuple[int, int]
    words: tuple[tuple[str, float, float], ...]

    def change(self, part: str | None = None) -> Change:
        """Return it as one of the comparisons over which `drift` holds false alarms."""
        detail = f"a classifier tells old from new with AUC {self.auc:.2f}"
        detail += f"; {_words_told(self.words)}" if self.words else ""
        return Change(APART, "", None, None, *self.rows, self.p, part=part, detail=detail)

    def sentence(self) -> str:
        """Return it for people."""
        if math.isnan(self.p):
            return "too few texts to train a classifier that tells new from old"
        able = "can" if self.p <= 0.05 else "can not"
        end = f": {_words_told(self.words)}" if self.words and self.p <= 0.05 else ""
        return f"a classifier {able} tell new texts from old ones (AUC {self.auc:.2f}, p = {self.p:.3f}){end}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        numbers = {k: None if math.isnan(v) else v for k, v in (("auc", self.auc), ("p", self.p))}
        words = [{"word": w, "before": a, "after": b} for w, a, b in self.words]
        return {**numbers, "rows": list(self.rows), "words": words, "sentence": self.sentence()}


def tell_apart(before: pl.DataFrame, after: pl.DataFrame, *, text: str = "text", seed: int = 0) -> Told:
    """Train a classifier of words to tell new rows from old ones, and try it on rows it has not seen.

    Parameters
    ----------
    before, after
        The two parts: `id` and the column of texts.
    text
        Column of texts.
    seed
        Seed of the halves.

    Notes
    -----
    Trained on one half of each part and judged on the others by Mann-Whitney, one side, which is valid however poor the
    classifier: D. Lopez-Paz, M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017.

    Examples
    --------
    >>> old = pl.DataFrame({"id": [str(i) for i in range(200)], "text": ["a promo", "hello you"] * 100})
    >>> new = old.with_columns(pl.col("text").str.replace("promo", "sale"))
    >>> found = tell_apart(old, new)
    >>> found.p < 0.001, sorted(word for word, _, _ in found.words[:2])
    (True, ['promo', 'sale'])
    """
    halves = [_half_words(frame, text, seed) for frame in (before, after)]
    if min(len(words) for pair in halves for words in pair) < _FEWEST:
        return Told(math.nan, math.nan, (before.height, after.height), ())
    (old, old_held), (new, new_held) = halves
    train = pl.concat([old, new])
    known = Vocabulary.of(train)
    if not known.words:
        return Told(math.nan, math.nan, (before.height, after.height), ())
    seen = known.presence(train)
    target = np.arange(len(train)) >= len(old)
    weights = word_weights(seen, target, strength=0.1)
    a, b = (known.presence(held) @ weights for held in (old_held, new_held))
    auc, _, p = rank_shift(a, b)
    return Told(auc, p, (len(old_held), len(new_held)), _telling(known, seen, target, weights))


def _telling(
    known: Vocabulary, seen: Any, target: np.ndarray, weights: np.ndarray
) -> tuple[tuple[str, float, float], ...]:
    shares = [np.asarray(seen[rows].mean(axis=0)).ravel() for rows in (~target, target)]
    worth = weights * (shares[1] - shares[0])
    best = [j for j in np.argsort(-worth, kind="stable")[:_TOP] if worth[j] > 0]
    return tuple((known.words[j], float(shares[0][j]), float(shares[1][j])) for j in best)


def _half_words(frame: pl.DataFrame, text: str, seed: int) -> tuple[pl.Series, pl.Series]:
    _need(frame, text)
    order = hashed_order(frame["id"], seed)[: 2 * ROWS]
    half = len(order) // 2
    return words_of(frame[text].gather(order[:half])), words_of(frame[text].gather(order[half:]))


def _need(frame: pl.DataFrame, text: str) -> None:
    for name in ("id", text):
        if name not in frame.columns:
            raise GoldError(f"the rows have no column {name!r}", available=frame.columns)


def _lengths(texts: pl.Series) -> np.ndarray:
    sizes = texts.str.len_chars().to_numpy().astype(np.float64)
    bins = np.where(sizes > 0, 1 + np.floor(2 * np.log2(np.maximum(sizes, 1))), 0)
    return np.bincount(np.minimum(bins, _STEPS).astype(int), minlength=_STEPS + 1)


def _unseen(words: pl.Series, known: Sequence[str]) -> np.ndarray:
    cells = pl.DataFrame({"row": pl.Series(range(len(words)), dtype=pl.Int64), "word": words}).explode("word")
    held = cells.drop_nulls().with_columns(new=~pl.col("word").is_in(list(known)))
    shares = held.group_by("row").agg(pl.col("new").mean())["new"].to_numpy()
    return np.bincount(np.ceil(shares * _SHARES - 1e-9).astype(int), minlength=_SHARES + 1)


def _unseen_change(before: TextCounts, after: TextCounts, part: str | None) -> Change:
    p = rank_shift_counts(before.unseen, after.unseen)[2]
    means = [
        float(v.unseen @ np.arange(_SHARES + 1)) / _SHARES / max(int(v.unseen.sum()), 1)
        for v in (before, after)
    ]
    told = f"about {100 * means[1]:.0f} % of a row's words are not known from the reference; before, {100 * means[0]:.0f} %"
    rows = int(before.unseen.sum()), int(after.unseen.sum())
    return Change(UNSEEN, "", None, None, *rows, p, part=part, detail=told)


def _words_change(before: TextCounts, after: TextCounts, part: str | None) -> Change:
    names = list(before.words)
    a, b = (np.array([v.words.get(name, 0) for name in names], np.int64) for v in (before, after))
    p = fisher_mid_p(a, before.rows, b, after.rows)
    made = ~np.isnan(p)
    lowest = min(1.0, float(p[made].min()) * int(made.sum())) if made.any() else math.nan
    order = [j for j in np.argsort(np.where(made, p, 2.0), kind="stable")[:_TOP] if p[j] * made.sum() <= 0.05]
    told = tuple((names[j], a[j] / max(before.rows, 1), b[j] / max(after.rows, 1)) for j in order)
    return Change(
        WORDS_DIFFER, "", None, None, before.rows, after.rows, lowest, part=part, detail=_words_told(told)
    )


def _words_told(words: Sequence[tuple[str, float, float]]) -> str:
    return ", ".join(f"{word!r} {_told(a, b)}" for word, a, b in words)


def _told(before: float, after: float) -> str:
    if not after:
        return f"gone from the text (in {100 * before:.1f} % of rows before)"
    if not before:
        return f"new (in {100 * after:.1f} % of rows)"
    return f"in {100 * after:.1f} % of rows, before {100 * before:.1f} %"


def _lengths_told(before: TextCounts, after: TextCounts) -> str:
    middle = []
    for counts in (before.lengths, after.lengths):
        at = int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))
        middle.append(round(2 ** ((at - 0.5) / 2)) if at else 0)
    return f"the middle row has about {middle[1]} characters; before, {middle[0]}"


def _languages_told(names: Sequence[str], a: np.ndarray, b: np.ndarray) -> str:
    shares = [v / max(int(v.sum()), 1) for v in (a, b)]
    moved = np.argsort(-np.abs(shares[1] - shares[0]), kind="stable")[:3]
    return ", ".join(
        f"{names[j]} {100 * shares[1][j]:.0f} %, before {100 * shares[0][j]:.0f} %" for j in moved
    )
