"""Why a rule does something else than before: which of its words left the text or came, and since when."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from weaklabel.audit.two_samples import fisher_mid_p
from weaklabel.errors import GoldError
from weaklabel.lf import Keywords, LabelingFunction, Regex
from weaklabel.lf.keywords import comparable
from weaklabel.schema import VOTE_PREFIX

WORDS = 50
"""Matched words of a rule of which a reference keeps the counts."""

_LENGTH = 60
_LEAST_SHARE = 0.1


@dataclass(frozen=True)
class MatchedWord:
    """One word by which a rule fires, on two parts.

    Examples
    --------
    >>> MatchedWord("promo", 41, 0, 1000, 500, 1e-9).sentence()
    "'promo' gone from the text (in 4.1 % of 1000 rows before, in none of 500 since)"
    """

    word: str
    before: int
    after: int
    rows_before: int
    rows_after: int
    p: float

    def sentence(self) -> str:
        """Return it for people."""
        was = f"{100 * self.before / max(self.rows_before, 1):.1f} % of {self.rows_before} rows before"
        now = f"{100 * self.after / max(self.rows_after, 1):.1f} % of {self.rows_after} since"
        if not self.after:
            return f"{self.word!r} gone from the text (in {was}, in none of {self.rows_after} since)"
        if not self.before:
            return f"{self.word!r} new in the text (in none of {self.rows_before} rows before, in {now})"
        return f"{self.word!r} {'rarer' if self._change() < 0 else 'more frequent'} (in {was}, in {now})"

    def _change(self) -> float:
        return self.after / max(self.rows_after, 1) - self.before / max(self.rows_before, 1)


@dataclass(frozen=True)
class Attribution:
    """Which words of a rule explain that it fires more or less often; made by `attribute`.

    Parameters
    ----------
    rule
        Rule id.
    before, after
        Share of rows that it fires on.
    words
        The words that moved, the one that explains most first.
    explained
        Share of the change that goes with these words; None where there is no change, or no word moved.
    since
        First shard or window of the change, if known.

    Examples
    --------
    >>> found = attribute("sale", {"promo": 40, "sale": 10}, 1000, {"sale": 11}, 1000, fires=(50, 11))
    >>> print(found.sentence())
    rule 'sale' fires on 1.1 % of rows, before on 5.0 %: 'promo' gone from the text (in 4.0 % of 1000 rows before, in none of 1000 since)
    """

    rule: str
    before: float
    after: float
    words: tuple[MatchedWord, ...]
    explained: float | None
    since: str | None = None

    def sentence(self) -> str:
        """Return it for people."""
        when = f" since {self.since}" if self.since else ""
        if not self.after and self.before:
            head = f"rule {self.rule!r} stopped matching{when}"
        else:
            head = f"rule {self.rule!r} fires on {100 * self.after:.1f} % of rows{when}, before on {100 * self.before:.1f} %"
        if not self.words:
            return f"{head}; no single word of it explains that"
        return f"{head}: {'; '.join(word.sentence() for word in self.words[:3])}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        words = [{**word.__dict__, "sentence": word.sentence()} for word in self.words]
        head = {"rule": self.rule, "before": self.before, "after": self.after, "since": self.since}
        return {**head, "words": words, "explained": self.explained, "sentence": self.sentence()}


def matched_words(
    rule: LabelingFunction, frame: pl.DataFrame, *, most: int | None = WORDS
) -> dict[str, int] | None:
    """Count, on the rows that a rule fires on, which words make it fire.

    Parameters
    ----------
    rule
        A keyword or regex rule.
    frame
        Rows with the column that the rule reads and its votes ``lf:<id>``.
    most
        How many of the most frequent are kept; None: all.

    Returns
    -------
    dict or None
        Matched text, as the rule compares it, to the number of rows that hold it; None for a rule of another kind,
        or one whose column is not there.

    Examples
    --------
    >>> from weaklabel import lf
    >>> rule = lf.keywords("sale", ["promo", "big sale"], label="spam")
    >>> rows = pl.DataFrame({"id": ["a", "b"], "text": ["Promo promo", "hi"], "lf:sale": [1, -1]})
    >>> matched_words(rule, rows)
    {'promo': 1}
    """
    column = f"{VOTE_PREFIX}{rule.id}"
    if not isinstance(rule, Keywords | Regex) or rule.field not in frame.columns:
        return None
    if column not in frame.columns:
        raise GoldError(f"the rows have no votes of rule {rule.id!r}", available=frame.columns)
    fired = frame.filter(pl.col(column) >= 0)[rule.field].cast(pl.String).drop_nulls()
    counts: Counter[str] = Counter()
    for text in fired:
        counts.update(_matches(rule, text))
    ordered = sorted(counts.items(), key=lambda wc: (-wc[1], wc[0]))
    return dict(ordered if most is None else ordered[:most])


def attribute(
    rule: str,
    before: Mapping[str, int],
    rows_before: int,
    after: Mapping[str, int],
    rows_after: int,
    *,
    fires: tuple[int, int],
    since: str | None = None,
    level: float = 0.05,
) -> Attribution:
    """Say which matched words explain the change of how often a rule fires.

    Parameters
    ----------
    rule
        Rule id.
    before, after
        What `matched_words` counted on each part.
    rows_before, rows_after
        Rows of each part.
    fires
        Rows that the rule fired on, before and after.
    since
        Name of the first window of the change.
    level
        Words are named whose share moved at this level, shared by all words.

    Notes
    -----
    A row that holds two of the words counts for both, so `explained` may pass 1.

    Examples
    --------
    >>> found = attribute("sale", {"promo": 40}, 1000, {}, 1000, fires=(40, 0), since="2026-03")
    >>> print(found.sentence())
    rule 'sale' stopped matching since 2026-03: 'promo' gone from the text (in 4.0 % of 1000 rows before, in none of 1000 since)
    """
    names = sorted(set(before) | set(after))
    a, b = (np.array([part.get(name, 0) for name in names], np.int64) for part in (before, after))
    p = fisher_mid_p(a, max(rows_before, 1), b, max(rows_after, 1)) if names else np.zeros(0)
    made = max(int((~np.isnan(p)).sum()), 1)
    rates = fires[0] / max(rows_before, 1), fires[1] / max(rows_after, 1)
    change = rates[1] - rates[0]
    moved = b / max(rows_after, 1) - a / max(rows_before, 1)
    told = [
        j
        for j in np.argsort(-np.abs(moved), kind="stable")
        if p[j] * made <= level and moved[j] * change > 0 and moved[j] / change >= _LEAST_SHARE
    ]
    words = tuple(
        MatchedWord(names[j], int(a[j]), int(b[j]), rows_before, rows_after, float(p[j])) for j in told
    )
    explained = float(moved[told].sum() / change) if told and change else None
    return Attribution(rule, rates[0], rates[1], words, explained, since)


def change_point(counts: Sequence[int], rows: Sequence[int]) -> int | None:
    """Return the window with which a share most likely changed, or None where all windows are alike.

    Parameters
    ----------
    counts, rows
        Rows that show it and all rows of each window, in the order of time.

    Notes
    -----
    The cut that makes the likelihood of two shares, one before and one after, largest. It places a change that a test
    has found; by itself it is no test.

    Examples
    --------
    >>> change_point([10, 11, 9, 0, 1], [100] * 5), change_point([10, 10], [100, 100])
    (3, None)
    """
    x, n = np.asarray(counts, np.float64), np.asarray(rows, np.float64)
    best, at = _log_likelihood(x.sum(), n.sum()) + 1e-9, None
    for cut in range(1, len(x)):
        found = _log_likelihood(x[:cut].sum(), n[:cut].sum()) + _log_likelihood(x[cut:].sum(), n[cut:].sum())
        if found > best:
            best, at = found, cut
    return at


def _log_likelihood(x: float, n: float) -> float:
    return sum(c * math.log(c / n) for c in (x, n - x) if c > 0)


def _matches(rule: Keywords | Regex, text: str) -> set[str]:
    if isinstance(rule, Keywords):
        ready = comparable(text, case=rule.case, accents=rule.accents)
        spans = rule.places(ready)
        return {" ".join(ready[start:end].split()) for start, end in spans}
    ready = text.lower() if rule.case == "lower" else text
    found = (match.group(0) for match in rule.compiled.finditer(ready))
    return {re.sub(r"\s+", " ", one).strip().lower()[:_LENGTH] for one in found} - {""}
