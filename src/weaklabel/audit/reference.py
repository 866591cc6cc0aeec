"""What a corpus was like, kept in counts; new rows, shards and windows of time are compared with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weaklabel.audit.attribution import WORDS, Attribution, attribute, change_point, matched_words
from weaklabel.audit.drift import FIRES, LEVEL, Change, Drift, drift, judged, vote_changes
from weaklabel.audit.text_drift import TextCounts, count_texts, tell_apart, text_changes
from weaklabel.audit.vote_counts import VoteCounts, count_parts, count_votes
from weaklabel.errors import GoldError, some
from weaklabel.lf import LabelingFunction

FORMAT = 1
PARTS = 200
"""Most shards or windows that are compared."""


@dataclass(frozen=True, eq=False)
class Reference:
    """What votes, labels and texts of a corpus were like; made by `reference`, kept as JSON.

    Parameters
    ----------
    votes
        Counts of votes and labels.
    texts
        Counts of texts; None if they were not counted.
    words
        For each keyword or regex rule the words by which it fired, and on how many rows.
    facts
        What the maker wants to remember: run id, fingerprints, date.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a", "b"], "lf:link": [1, -1]})
    >>> kept = reference(rows, ["ham", "spam"], facts={"run": "r1"})
    >>> Reference.from_dict(kept.to_dict()).facts
    {'run': 'r1'}
    """

    votes: VoteCounts
    texts: TextCounts | None = None
    words: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "format": FORMAT,
            "facts": dict(self.facts),
            "votes": self.votes.to_dict(),
            "texts": None if self.texts is None else self.texts.to_dict(),
            "words": {rule: dict(counts) for rule, counts in self.words.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Reference:
        """Return what `to_dict` told."""
        if data.get("format") != FORMAT or "votes" not in data:
            raise GoldError(
                "this is no reference for drift", available=list(data), hint="make a new reference"
            )
        texts = None if data.get("texts") is None else TextCounts.from_dict(data["texts"])
        return cls(VoteCounts.from_dict(data["votes"]), texts, data.get("words", {}), data.get("facts", {}))


def read_reference(path: str | Path) -> Reference:
    """Read a reference from the file that its `to_dict` was written to as JSON.

    Raises
    ------
    GoldError
        No such file, no JSON, or JSON that holds something else.

    Examples
    --------
    >>> read_reference("no/such/reference.json")
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: there is no such reference for drift
      where: no/such/reference.json
    """
    place = Path(path)
    try:
        data = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise GoldError("there is no such reference for drift", where=str(place)) from error
    except ValueError as error:
        raise GoldError(f"this is no reference for drift: {error}", where=str(place)) from error
    if not isinstance(data, dict):
        raise GoldError("this is no reference for drift: no object", where=str(place))
    return Reference.from_dict(data)


def reference(
    frame: pl.DataFrame,
    labels: Sequence[str],
    *,
    text: str | None = None,
    rules: Sequence[LabelingFunction] = (),
    languages: bool = False,
    facts: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Reference:
    """Count what a corpus is like, for later comparisons.

    Parameters
    ----------
    frame
        One row per document: `id`, columns ``lf:<rule id>``, and if there are any `label` and the texts.
    labels
        Class names in the order of their codes.
    text
        Column of texts, to count them too.
    rules
        The rules, to count the words by which keyword and regex rules fire.
    languages
        Whether languages are guessed.
    facts
        What is to be remembered with it.
    seed
        Seed of samples.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a", "b"], "text": ["a promo", "hi"], "lf:link": [1, -1]})
    >>> reference(rows, ["ham", "spam"], text="text").texts.rows
    2
    """
    texts = None if text is None else count_texts(frame, text=text, languages=languages, seed=seed)
    return Reference(count_votes(frame, labels), texts, _words(frame, rules, WORDS), dict(facts or {}))


@dataclass(frozen=True)
class Comparison:
    """A drift, and why rules changed; made by `compare` and `over`.

    Parameters
    ----------
    drift
        All comparisons.
    reasons
        For keyword and regex rules with an alarm for how often they fire: which words moved.

    Examples
    --------
    >>> old = pl.DataFrame({"id": [str(i) for i in range(200)], "lf:link": [1, -1] * 100})
    >>> compare(reference(old, ["ham", "spam"]), old).alarm
    False
    """

    drift: Drift
    reasons: tuple[Attribution, ...] = ()

    @property
    def alarm(self) -> bool:
        """Whether there is any alarm; a scheduler's exit code."""
        return self.drift.alarm

    def sentences(self) -> list[str]:
        """Return what is to be said."""
        return [*self.drift.sentences(), *(reason.sentence() for reason in self.reasons)]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        data = self.drift.to_dict()
        return {**data, "sentences": self.sentences(), "reasons": [r.to_dict() for r in self.reasons]}


def compare(
    kept: Reference,
    frame: pl.DataFrame,
    *,
    text: str = "text",
    rules: Sequence[LabelingFunction] = (),
    more: Sequence[Change] = (),
    level: float = LEVEL,
    seed: int = 0,
) -> Comparison:
    """Compare new rows with a stored reference.

    Parameters
    ----------
    kept
        The reference.
    frame
        New rows, with the same columns as those that it was made of.
    text
        Column of texts, looked at if the reference counted texts.
    rules
        The rules, to say which of their words moved.
    more
        Further comparisons over which false alarms are held too, such as ``alignment(…).change()``.
    level
        Chance of any alarm when nothing has changed.
    seed
        Seed of samples.

    Examples
    --------
    >>> from weaklabel import lf
    >>> old = pl.DataFrame({"id": [str(i) for i in range(200)], "text": ["a promo", "hello"] * 100})
    >>> old = old.with_columns(pl.Series("lf:sale", [1, -1] * 100))
    >>> new = pl.DataFrame({"id": old["id"], "text": ["a bargain", "hello"] * 100, "lf:sale": [-1] * 200})
    >>> rule = lf.keywords("sale", ["promo"], label="spam")
    >>> found = compare(reference(old, ["ham", "spam"], text="text", rules=[rule]), new, rules=[rule])
    >>> print(found.sentences()[-1])
    rule 'sale' stopped matching: 'promo' gone from the text (in 50.0 % of 200 rows before, in none of 200 since)
    """
    votes = count_votes(frame, kept.votes.labels, like=kept.votes)
    changes = list(more)
    if kept.texts is not None:
        languages = bool(kept.texts.languages)
        texts = count_texts(frame, text=text, like=kept.texts, languages=languages, seed=seed)
        changes += text_changes(kept.texts, texts)
    found = drift(kept.votes, votes, more=changes, level=level)
    return Comparison(found, _reasons(found, kept, votes, frame, rules))


def over(
    frame: pl.DataFrame,
    labels: Sequence[str],
    by: str,
    *,
    ordered: bool,
    text: str | None = None,
    rules: Sequence[LabelingFunction] = (),
    level: float = LEVEL,
    seed: int = 0,
) -> Comparison:
    """Compare the parts of one corpus: windows of time, each with all before it, or shards, each with all others.

    Parameters
    ----------
    frame
        One row per document: `id`, `by`, columns ``lf:<rule id>``, and if there are any `label` and the texts.
    labels
        Class names in the order of their codes.
    by
        Column that names each row's part; null rows are left out.
    ordered
        Whether parts follow each other (sorted by name or value): each is compared with all before it.
    text
        Column of texts, if they are to be compared: a classifier tries to tell each part from the others.
    rules
        The rules, to say which of their words moved.
    level
        Chance of any alarm in any part when nothing has changed.
    seed
        Seed of samples.

    Raises
    ------
    GoldError
        No such column, fewer than two parts, or more than 200.

    Examples
    --------
    >>> old = pl.DataFrame({"id": [str(i) for i in range(400)], "lf:link": [1, -1] * 150 + [-1] * 100})
    >>> old = old.with_columns(month=pl.Series(["2026-01", "2026-02", "2026-03", "2026-04"]).repeat_by(100).explode())
    >>> found = over(old, ["ham", "spam"], "month", ordered=True)
    >>> [(c.part, c.kind) for c in found.drift.alarms if c.kind == "fires"]
    [('2026-04', 'fires')]
    """
    if by not in frame.columns:
        raise GoldError(f"the rows have no column {by!r} that names their part", available=frame.columns)
    rows = frame.filter(pl.col(by).is_not_null()).sort(by, "id")
    names = rows[by].unique(maintain_order=True)
    if len(names) < 2:
        raise GoldError(f"column {by!r} names fewer than two parts", hint="compare with a stored reference")
    if len(names) > PARTS:
        raise GoldError(
            f"column {by!r} names {len(names)} parts, and at most {PARTS} are compared",
            hint="make larger ones of them, such as the month of a time: dt.strftime('%Y-%m')",
        )
    part = rows[by].rle_id().to_numpy().astype(np.int64)
    counts = list(count_parts(rows, labels, part, len(names)))
    changes: list[Change] = []
    for at in range(1 if ordered else 0, len(names)):
        others = [i for i in range(len(names)) if (i < at if ordered else i != at)]
        named = str(names[at])
        changes += vote_changes(summed([counts[i] for i in others]), counts[at], part=named)
        if text is not None:
            outside, inside = (
                rows.filter(pl.Series(np.isin(part, others))),
                rows.filter(pl.Series(part == at)),
            )
            changes.append(tell_apart(outside, inside, text=text, seed=seed).change(named))
    found = judged(changes, level=level, notes=_left_out(frame, by))
    reasons = _since(found, counts, rows, part, list(map(str, names)), rules) if ordered else ()
    return Comparison(found, reasons)


def summed(parts: Sequence[VoteCounts]) -> VoteCounts:
    """Return the counts of several parts together; they have the same rules, classes and patterns.

    Examples
    --------
    >>> one = count_votes(pl.DataFrame({"id": ["a"], "lf:link": [1]}), ["ham", "spam"])
    >>> summed([one, one]).rows, summed([one, one]).fires.tolist()
    (2, [2])
    """
    first = parts[0]
    arrays = {
        name: np.sum([getattr(p, name) for p in parts], axis=0)
        for name in ("asked", "fires", "judged", "agrees", "votes")
    }
    given = [p.labeled for p in parts if p.labeled is not None]
    labeled = np.sum(given, axis=0) if len(given) == len(parts) else None
    patterns = {name: sum(p.patterns.get(name, 0) for p in parts) for name in first.patterns}
    rows, uncovered, on = (sum(getattr(p, n) for p in parts) for n in ("rows", "uncovered", "pattern_rows"))
    return VoteCounts(
        first.rules,
        first.labels,
        rows,
        **arrays,
        uncovered=uncovered,
        labeled=labeled,
        patterns=patterns,
        pattern_rows=on,
    )


def _words(
    frame: pl.DataFrame, rules: Sequence[LabelingFunction], most: int | None
) -> dict[str, dict[str, int]]:
    counted = ((rule.id, matched_words(rule, frame, most=most)) for rule in rules)
    return {rule: words for rule, words in counted if words is not None}


def _reasons(
    found: Drift, kept: Reference, votes: VoteCounts, frame: pl.DataFrame, rules: Sequence[LabelingFunction]
) -> tuple[Attribution, ...]:
    alarmed = {c.name for c in found.alarms if c.kind == FIRES and c.part is None}
    told = []
    for rule in (r for r in rules if r.id in alarmed and r.id in kept.words):
        before = kept.words[rule.id]
        after = matched_words(rule, frame, most=None) or {}
        if len(before) >= WORDS:  # of rarer words nobody knows how frequent they were
            after = {word: n for word, n in after.items() if word in before}
        a, b = kept.votes.rules.index(rule.id), votes.rules.index(rule.id)
        fires = int(kept.votes.fires[a]), int(votes.fires[b])
        told.append(attribute(rule.id, before, kept.votes.rows, after, votes.rows, fires=fires))
    return tuple(told)


def _since(
    found: Drift,
    counts: Sequence[VoteCounts],
    rows: pl.DataFrame,
    part: np.ndarray,
    names: Sequence[str],
    rules: Sequence[LabelingFunction],
) -> tuple[Attribution, ...]:
    alarmed = {c.name for c in found.alarms if c.kind == FIRES}
    known = {rule.id: rule for rule in rules}
    told = []
    for rule in sorted(alarmed):
        j = counts[0].rules.index(rule)
        fires, asked = (np.array([getattr(c, name)[j] for c in counts]) for name in ("fires", "asked"))
        cut = change_point(fires.tolist(), asked.tolist())
        if cut is None:
            continue
        sums = int(fires[:cut].sum()), int(fires[cut:].sum())
        words: list[dict[str, int]] = [{}, {}]
        if rule in known:
            sides = (rows.filter(pl.Series(part < cut)), rows.filter(pl.Series(part >= cut)))
            words = [matched_words(known[rule], side, most=None) or {} for side in sides]
        sizes = int(asked[:cut].sum()), int(asked[cut:].sum())
        told.append(attribute(rule, words[0], sizes[0], words[1], sizes[1], fires=sums, since=names[cut]))
    return tuple(told)


def _left_out(frame: pl.DataFrame, by: str) -> list[str]:
    missing = frame[by].null_count()
    ids = frame.filter(pl.col(by).is_null())["id"].sort()
    return [f"{missing} rows have no {by} and were left out: {some(ids)}"] if missing else []
