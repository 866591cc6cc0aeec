"""What rules do on one part of a corpus, in counts: small enough to keep, and all that drift is judged by."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.audit.text_model import chooses
from weaklabel.errors import GoldError, did_you_mean
from weaklabel.schema import MISSING, VOTE_PREFIX

PATTERNS = 200
"""Vote patterns of which a reference keeps the counts; all others are counted together."""

Float = npt.NDArray[np.float64]
Int8 = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class VoteCounts:
    """Counts of one part of a corpus; made by `count_votes`.

    Parameters
    ----------
    rules, labels
        Rule ids, and class names in the schema's order.
    rows
        Rows of the part.
    asked, fires
        For each rule, rows that it looked at and rows that it voted on.
    judged, agrees
        For each rule, rows that it voted on and on which the other rules have one most frequent class, and on how
        many of them it voted for that class.
    votes
        Votes of each rule for each class, shape (rules, labels).
    uncovered
        Rows on which no rule voted.
    labeled
        Rows by their label, one count for each class; None where no labels were given.
    patterns
        Counts of the most frequent ways in which the rules vote together, such as ``link:spam short:ham``; the empty one
        is that none votes.
    pattern_rows
        Rows that patterns were counted on. One half of the rows, by a hash of their ids, says which patterns of a
        reference are frequent, and the other half is counted, there and in new rows: patterns that are frequent by
        chance would seem to get rarer, or more frequent where new rows are those of the reference.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a", "b"], "lf:link": [1, -1], "lf:short": [1, 0]})
    >>> counts = count_votes(rows, ["ham", "spam"])
    >>> counts.fires.tolist(), counts.judged.tolist(), counts.agrees.tolist(), counts.patterns
    ([1, 2], [1, 1], [1, 1], {'link:spam short:spam': 0, 'short:ham': 0})
    """

    rules: tuple[str, ...]
    labels: tuple[str, ...]
    rows: int
    asked: np.ndarray
    fires: np.ndarray
    judged: np.ndarray
    agrees: np.ndarray
    votes: np.ndarray
    uncovered: int
    labeled: np.ndarray | None
    patterns: dict[str, int]
    pattern_rows: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        arrays = {name: getattr(self, name).tolist() for name in _ARRAYS}
        labeled = None if self.labeled is None else self.labeled.tolist()
        head = {"rules": list(self.rules), "labels": list(self.labels), "rows": self.rows}
        return {
            **head,
            **arrays,
            "uncovered": self.uncovered,
            "labeled": labeled,
            "patterns": dict(self.patterns),
            "pattern_rows": self.pattern_rows,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> VoteCounts:
        """Return what `to_dict` told.

        Examples
        --------
        >>> counts = count_votes(pl.DataFrame({"id": ["a"], "lf:link": [1]}), ["ham", "spam"])
        >>> VoteCounts.from_dict(counts.to_dict()).to_dict() == counts.to_dict()
        True
        """
        missing = [name for name in cls.__dataclass_fields__ if name not in data]
        if missing:
            raise GoldError(f"these are no counts of votes: {missing[0]!r} is missing", available=list(data))
        votes = np.array(data["votes"], np.int64).reshape(len(data["rules"]), len(data["labels"]))
        labeled = None if data["labeled"] is None else np.array(data["labeled"], np.int64)
        plain: dict[str, Any] = {
            name: data[name] for name in ("rows", "uncovered", "patterns", "pattern_rows")
        }
        plain |= {name: np.array(data[name], np.int64) for name in _ARRAYS if name != "votes"}
        return cls(
            rules=tuple(data["rules"]), labels=tuple(data["labels"]), labeled=labeled, votes=votes, **plain
        )


_ARRAYS = ("asked", "fires", "judged", "agrees", "votes")


def count_votes(
    frame: pl.DataFrame, labels: Sequence[str], *, like: VoteCounts | None = None, patterns: int = PATTERNS
) -> VoteCounts:
    """Count what the rules do on the rows of a frame.

    Parameters
    ----------
    frame
        One row per document: `id`, columns ``lf:<rule id>`` with vote codes, and `label` (null where there is none) if
        labels are to be counted.
    labels
        Class names in the order of their codes.
    like
        Counts to compare with: the same patterns are counted.
    patterns
        How many of the most frequent patterns are kept, without `like`.

    Raises
    ------
    GoldError
        No vote columns, or labels that are none of the classes.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a", "b"], "lf:link": [1, -1], "label": ["spam", None]})
    >>> counts = count_votes(rows, ["ham", "spam"])
    >>> counts.fires.tolist(), counts.uncovered, counts.labeled.tolist()
    ([1], 1, [0, 1])
    """
    rules, votes = _votes(frame)
    table = PatternTable.of(rules, tuple(labels), votes)
    label = _label_codes(frame, labels)
    given = None if label is None else np.bincount(label[label >= 0], minlength=len(labels))
    rows = table.of_rows(np.arange(frame.height))
    choose = chooses(frame["id"])
    on = table.of_rows(np.flatnonzero(~choose))
    if like is None:
        names = table.most_frequent(patterns, table.of_rows(np.flatnonzero(choose)))
    else:
        names = tuple(like.patterns)
    return table.counted(rows, labeled=given, patterns=names, on=on)


def count_parts(
    frame: pl.DataFrame,
    labels: Sequence[str],
    part: npt.NDArray[np.int_],
    parts: int,
    *,
    keep: int = PATTERNS,
) -> Iterator[VoteCounts]:
    """Yield the counts of each part of a frame; `part` (n,) says to which of 0, 1, … each row belongs.

    Patterns are the most frequent ones of all rows.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a", "b"], "lf:link": [1, -1]})
    >>> [counts.patterns for counts in count_parts(rows, ["ham", "spam"], np.array([0, 1]), 2)]
    [{'': 0, 'link:spam': 1}, {'': 1, 'link:spam': 0}]
    """
    rules, votes = _votes(frame)
    table = PatternTable.of(rules, tuple(labels), votes)
    label = _label_codes(frame, labels)
    names = table.most_frequent(keep, table.of_rows(np.arange(frame.height)))
    for one in range(parts):
        inside = part == one
        own = None if label is None else np.bincount(label[inside & (label >= 0)], minlength=len(labels))
        yield table.counted(table.of_rows(np.flatnonzero(inside)), labeled=own, patterns=names)


def votes_over(frame: pl.DataFrame, labels: Sequence[str], by: str) -> pl.DataFrame:
    """Return how often each rule votes for each class in each part: part, rule, label, votes, rows, share.

    Parameters
    ----------
    frame
        One row per document: `by` and columns ``lf:<rule id>``.
    labels
        Class names in the order of their codes.
    by
        Column that names each row's part: a shard or a window of time.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a", "b"], "month": ["1", "2"], "lf:link": [1, -1]})
    >>> votes_over(rows, ["ham", "spam"], "month").filter(label="spam").select("part", "share").rows()
    [('1', 1.0), ('2', 0.0)]
    """
    if by not in frame.columns:
        raise GoldError(
            f"the rows have no column {by!r}", available=frame.columns, hint=did_you_mean(by, frame.columns)
        )
    names = [c for c in frame.columns if c.startswith(VOTE_PREFIX)]
    cells = [(pl.col(r) == code).sum().alias(f"{code} {r}") for r in names for code in range(len(labels))]
    counts = frame.group_by(by).agg(*cells, rows=pl.len()).sort(by)
    long = counts.unpivot(index=[by, "rows"], variable_name="cell", value_name="votes")
    key = pl.col("cell").str.split_exact(f" {VOTE_PREFIX}", 1)
    code = key.struct.field("field_0").cast(pl.Int64)
    return long.select(
        pl.col(by).cast(pl.String).alias("part"),
        key.struct.field("field_1").alias("rule"),
        code.replace_strict(dict(enumerate(labels)), return_dtype=pl.String).alias("label"),
        pl.col("votes").cast(pl.Int64),
        pl.col("rows").cast(pl.Int64),
        share=pl.col("votes") / pl.col("rows"),
    )


@dataclass(frozen=True, eq=False)
class PatternTable:
    """The distinct rows of votes and what each shows of each rule; counts are sums over them.

    Examples
    --------
    >>> table = PatternTable.of(("link",), ("ham", "spam"), np.array([[1], [-1], [1]], np.int8))
    >>> table.counted(np.array([4.0, 6.0])).fires.tolist()
    [4]
    """

    rules: tuple[str, ...]
    labels: tuple[str, ...]
    codes: np.ndarray
    kind: np.ndarray
    asked: np.ndarray
    fires: np.ndarray
    judged: np.ndarray
    agrees: np.ndarray

    @classmethod
    def of(cls, rules: tuple[str, ...], labels: tuple[str, ...], votes: Int8) -> PatternTable:
        """Return the table of an (n, m) array of votes."""
        packed = np.ascontiguousarray(votes).view(np.dtype((np.void, max(votes.shape[1], 1)))).ravel()
        _, first, kind = np.unique(packed, return_index=True, return_inverse=True)
        codes = votes[first]
        fires = codes >= 0
        judged, agrees = _against_others(codes, len(labels))
        shown = (v.astype(np.float64) for v in (codes != MISSING, fires, judged, agrees))
        return cls(rules, labels, codes, kind.ravel(), *shown)

    def of_rows(self, rows: npt.NDArray[np.int64]) -> Float:
        """Return how many of some rows are of each kind, (u,)."""
        return np.bincount(self.kind[rows], minlength=len(self.codes)).astype(np.float64)

    def counted(
        self,
        counts: Float,
        *,
        labeled: np.ndarray | None = None,
        patterns: Sequence[str] = (),
        on: Float | None = None,
    ) -> VoteCounts:
        """Return the counts of a part that has `counts` (u,) rows of each kind, patterns of `on` of them."""
        asked, fires, judged, agrees = (
            np.rint(counts @ shown).astype(np.int64)
            for shown in (self.asked, self.fires, self.judged, self.agrees)
        )
        votes = np.stack([counts @ (self.codes == c) for c in range(len(self.labels))], axis=1)
        silent = float(counts @ ~(self.codes >= 0).any(axis=1))
        seen = counts if on is None else on
        found = dict.fromkeys(patterns, 0)
        for at in np.flatnonzero(seen):
            if (name := self._names[at]) in found:
                found[name] += round(float(seen[at]))
        return VoteCounts(
            self.rules,
            self.labels,
            round(float(counts.sum())),
            asked,
            fires,
            judged,
            agrees,
            votes=np.rint(votes).astype(np.int64),
            uncovered=round(silent),
            labeled=labeled,
            patterns=found,
            pattern_rows=round(float(seen.sum())),
        )

    def most_frequent(self, keep: int, counts: Float) -> tuple[str, ...]:
        """Return the names of the most frequent patterns of a part, most frequent first."""
        total: dict[str, float] = {}
        for at in np.flatnonzero(counts):
            name = self._names[at]
            total[name] = total.get(name, 0) + float(counts[at])
        return tuple(sorted(total, key=lambda name: (-total[name], name))[:keep])

    @functools.cached_property
    def _names(self) -> list[str]:
        order = sorted(range(len(self.rules)), key=lambda j: self.rules[j])
        said = [
            {int(c): f"{self.rules[j]}:{self._label(int(c))}" for c in np.unique(self.codes[:, j])}
            for j in order
        ]
        ordered = self.codes[:, order]
        return [" ".join(said[j][c] for j, c in enumerate(row) if c >= 0) for row in ordered.tolist()]

    def _label(self, code: int) -> str:
        return self.labels[code] if code < len(self.labels) else f"#{code}"


def _votes(frame: pl.DataFrame) -> tuple[tuple[str, ...], Int8]:
    names = [c for c in frame.columns if c.startswith(VOTE_PREFIX)]
    if not names:
        raise GoldError(
            "the rows have no votes",
            available=frame.columns,
            hint=f"a rule's votes are a column {VOTE_PREFIX}<rule id>",
        )
    return tuple(c.removeprefix(VOTE_PREFIX) for c in names), frame.select(names).to_numpy().astype(np.int8)


def _label_codes(frame: pl.DataFrame, labels: Sequence[str]) -> npt.NDArray[np.int64] | None:
    if "label" not in frame.columns:
        return None
    given = frame["label"].cast(pl.String)
    known = {name: code for code, name in enumerate(labels)}
    wrong = given.drop_nulls().filter(~given.drop_nulls().is_in(list(known)))
    if len(wrong):
        raise GoldError(
            f"label {wrong[0]!r} is none of the classes",
            available=list(labels),
            hint=did_you_mean(wrong[0], labels),
        )
    codes: npt.NDArray[np.int64] = (
        given.replace_strict(known, default=-1, return_dtype=pl.Int64).fill_null(-1).to_numpy()
    )
    return codes


def _against_others(codes: Int8, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Say for each kind of row and rule whether it votes against or with one most frequent class of the others."""
    u, m = codes.shape
    tally = np.stack([(codes == c).sum(axis=1) for c in range(k)], axis=1)
    judged, agrees = np.zeros((u, m), bool), np.zeros((u, m), bool)
    rows = np.arange(u)
    for j in range(m):
        own = codes[:, j]
        others = tally.copy()
        counted = (own >= 0) & (own < k)
        others[rows[counted], own[counted]] -= 1
        top = others.max(axis=1, keepdims=True, initial=0)
        unique = ((others == top).sum(axis=1) == 1) & (top[:, 0] > 0)
        judged[:, j] = counted & unique
        agrees[:, j] = judged[:, j] & (others.argmax(axis=1) == own)
    return judged, agrees
