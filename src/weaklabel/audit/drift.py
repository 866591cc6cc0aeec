"""Drift without labels: what rules, labels and texts do now against what they did, with false alarms held."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from weaklabel.audit.two_samples import detectable, fisher_mid_p, homogeneity_p
from weaklabel.audit.vote_counts import VoteCounts
from weaklabel.errors import GoldError, some
from weaklabel.stats import benjamini_hochberg

LEVEL = 0.05
"""Chance of any alarm at all when nothing has changed."""

FIRES, AGREES, CLASS, UNCOVERED, VOTES, MIX, PATTERNS = (
    "fires",
    "agrees",
    "label",
    "uncovered",
    "votes",
    "label mix",
    "patterns",
)


@dataclass(frozen=True)
class Change:
    """One comparison of two parts.

    Parameters
    ----------
    kind
        What is compared: ``fires``, ``agrees``, ``label``, ``uncovered`` (shares of rows), ``votes``, ``label mix``,
        ``patterns`` (whole distributions), or a kind of text.
    name
        Rule or label, empty where it is about all rows.
    before, after
        Shares, or another number that the kind is measured by; None where there is none.
    n_before, n_after
        Rows that they are measured on.
    p
        P-value that nothing has changed; NaN where there is too little to tell.
    adjusted
        The same, adjusted over all comparisons.
    alarm
        Whether it is an alarm.
    detectable
        Smallest relative change that would be seen with a chance of 90 %; None where that has no meaning.
    part
        Shard or window that is compared, if there are several.
    detail
        What else is to be said, in words.

    Examples
    --------
    >>> print(Change("fires", "link", 0.1, 0.0, 500, 500, 1e-9, 1e-8, True, 0.4))
    rule 'link' fires on 0.0 % of 500 rows; before, 10.0 % of 500 (adjusted p < 0.001)
    """

    kind: str
    name: str
    before: float | None
    after: float | None
    n_before: int
    n_after: int
    p: float
    adjusted: float = math.nan
    alarm: bool = False
    detectable: float | None = None
    part: str | None = None
    detail: str = ""

    def __str__(self) -> str:
        shown = "adjusted p < 0.001" if self.adjusted < 0.001 else f"adjusted p = {self.adjusted:.3f}"
        where = "" if self.part is None else f"{self.part}: "
        end = f": {self.detail}" if self.detail else ""
        return f"{where}{self._what()} ({shown}){end}"

    def _what(self) -> str:
        if self.before is None or self.after is None:
            return f"{_DISTRIBUTIONS.get(self.kind, self.kind).format(self.name)} changed"
        start = _SHARES.get(self.kind, f"{self.kind} {self.name}".strip() + ":").format(self.name)
        return (
            f"{start} {_percent(self.after)} of {self.n_after} rows; "
            f"before, {_percent(self.before)} of {self.n_before}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON.

        Examples
        --------
        >>> Change("uncovered", "", 0.1, 0.1, 5, 5, math.nan).to_dict()["p"] is None
        True
        """
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        numbers = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in data.items()}
        return {**numbers, "sentence": str(self)}


_SHARES = {
    FIRES: "rule {!r} fires on",
    AGREES: "where rule {!r} fires and the others have a most frequent class, it agrees with it on",
    CLASS: "label {!r} is given to",
    UNCOVERED: "no rule votes on",
}
_DISTRIBUTIONS = {
    VOTES: "the classes that rule {!r} votes for",
    MIX: "the mix of labels",
    PATTERNS: "the way in which rules vote together",
}


@dataclass(frozen=True)
class Drift:
    """All comparisons, with false alarms held over all of them together; made by `drift` or `judged`.

    Parameters
    ----------
    changes
        Every comparison, alarms first, then by p-value.
    level
        Chance of any alarm when nothing has changed.
    notes
        What was not compared and why, in sentences.

    Examples
    --------
    >>> judged([Change("fires", "link", 0.1, 0.1, 50, 50, 0.8)]).sentences()[0]
    'nothing seen to change: 1 comparison, no alarm (a false one at most 5 times in 100)'
    """

    changes: tuple[Change, ...]
    level: float = LEVEL
    notes: tuple[str, ...] = ()

    @property
    def alarms(self) -> tuple[Change, ...]:
        """The comparisons that are alarms."""
        return tuple(c for c in self.changes if c.alarm)

    @property
    def alarm(self) -> bool:
        """Whether there is any alarm."""
        return bool(self.alarms)

    @property
    def tests(self) -> int:
        """Number of comparisons that could be made."""
        return sum(not math.isnan(c.p) for c in self.changes)

    def sentences(self) -> list[str]:
        """Return what is to be said, alarms first, then what could not have been seen."""
        made = f"{self.tests} comparison{'s' * (self.tests != 1)}"
        held = f"a false one at most {self.level * 100:g} times in 100"
        if not self.alarm:
            head = [f"nothing seen to change: {made}, no alarm ({held})"]
        else:
            head = [
                f"{len(self.alarms)} alarm{'s' * (len(self.alarms) != 1)} among {made} ({held})",
                *map(str, self.alarms),
            ]
        return [*head, *self._blind(), *self.notes]

    def _blind(self) -> list[str]:
        """Say which rules fire so rarely that even their silence, or half of it, would go unseen."""
        fires = [c for c in self.changes if c.kind == FIRES and not c.alarm and c.detectable is not None]
        silent = sorted({c.name for c in fires if (c.detectable or 0) > 1})
        half = sorted({c.name for c in fires if 0.5 < (c.detectable or 0) <= 1} - set(silent))
        told = []
        if silent:
            told.append(f"too few rows to see even complete silence of {_rules(silent)}")
        if half:
            told.append(f"too few rows to see {_rules(half)} fire half as often")
        seen = [c.detectable for c in fires if c.detectable is not None and c.detectable <= 0.5]
        if seen:
            least, most = (_percent(end, 0) for end in (min(seen), max(seen)))
            rest = f"the other {len(seen)} comparisons" if len(seen) > 1 else "the other comparison"
            if len(seen) == len(fires):
                rest = f"all {len(seen)} comparisons" if len(seen) > 1 else "the one comparison"
            told.append(
                f"for {rest} of how often a rule fires, a change by {least if least == most else f'{least} to {most}'} "
                "of it would be seen 9 times in 10"
            )
        return told

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "alarm": self.alarm,
            "level": self.level,
            "tests": self.tests,
            "sentences": self.sentences(),
            "changes": [c.to_dict() for c in self.changes],
        }


def drift(
    before: VoteCounts, after: VoteCounts, *, more: Sequence[Change] = (), level: float = LEVEL
) -> Drift:
    """Compare what rules and labels do on two parts of a corpus, or on new rows and a stored reference.

    Parameters
    ----------
    before
        Counts of the reference.
    after
        Counts of the new part, made with ``like=before``.
    more
        Further comparisons, of texts for example, over which false alarms are held too.
    level
        Chance of any alarm when nothing has changed.

    Raises
    ------
    GoldError
        The two have different classes, or no rule in common.

    Notes
    -----
    Shares are compared by Fisher's test with mid-P, distributions by chi-squared, and p-values adjusted by Benjamini
    and Hochberg: when nothing has changed, any alarm at all is then as rare as a single test's.

    Examples
    --------
    >>> import polars as pl
    >>> from weaklabel.audit.vote_counts import count_votes
    >>> old = pl.DataFrame({"id": [str(i) for i in range(200)], "lf:link": [1, -1] * 100})
    >>> new = old.with_columns(pl.lit(-1).alias("lf:link"))
    >>> before = count_votes(old, ["ham", "spam"])
    >>> found = drift(before, count_votes(new, ["ham", "spam"], like=before))
    >>> found.alarm, str(found.alarms[0])
    (True, "rule 'link' fires on 0.0 % of 200 rows; before, 50.0 % of 200 (adjusted p < 0.001)")
    """
    return judged([*vote_changes(before, after), *more], level=level, notes=_different(before, after))


def judged(changes: Sequence[Change], *, level: float = LEVEL, notes: Sequence[str] = ()) -> Drift:
    """Adjust comparisons, of one part or of several, for being many, and say which are alarms.

    Examples
    --------
    >>> found = judged([Change("fires", "a", 0.1, 0.0, 99, 99, 0.03), Change("fires", "b", 0.1, 0.1, 99, 99, 0.9)])
    >>> [(c.name, round(c.adjusted, 2), c.alarm) for c in found.changes]
    [('a', 0.06, False), ('b', 0.9, False)]
    """
    if not 0 < level < 1:
        raise GoldError(f"the level is a chance between 0 and 1, not {level}")
    adjusted = benjamini_hochberg([c.p for c in changes])
    tests = int((~np.isnan(adjusted)).sum())
    told = [
        replace(c, adjusted=float(q), alarm=bool(q <= level), detectable=_detectable(c, tests, level))
        for c, q in zip(changes, adjusted, strict=True)
    ]
    told.sort(key=lambda c: (not c.alarm, c.p if not math.isnan(c.p) else 2.0, c.part or "", c.kind, c.name))
    return Drift(tuple(told), level, tuple(notes))


def vote_changes(before: VoteCounts, after: VoteCounts, *, part: str | None = None) -> list[Change]:
    """Return every comparison of two parts' votes and labels, not yet adjusted.

    Examples
    --------
    >>> import polars as pl
    >>> from weaklabel.audit.vote_counts import count_votes
    >>> one = count_votes(pl.DataFrame({"id": ["a", "b"], "lf:link": [1, -1]}), ["ham", "spam"])
    >>> [(c.kind, c.name, c.p) for c in vote_changes(one, one)][:1]
    [('fires', 'link', 1.0)]
    """
    if before.labels != after.labels:
        raise GoldError(
            f"the reference has the classes {some(before.labels)}, the new part {some(after.labels)}",
            hint="make a new reference with the schema of today",
        )
    rules = [r for r in before.rules if r in set(after.rules)]
    if not rules:
        raise GoldError(
            "the reference and the new part have no rule in common",
            available=before.rules,
            hint="make a new reference with the rules of today",
        )
    a = np.array([before.rules.index(r) for r in rules])
    b = np.array([after.rules.index(r) for r in rules])
    pair = _Pair(before, after, rules, a, b)
    found = [*pair.rates(), *pair.distributions()]
    return [replace(c, part=part) for c in found]


@dataclass(frozen=True)
class _Pair:
    before: VoteCounts
    after: VoteCounts
    rules: list[str]
    a: np.ndarray
    b: np.ndarray
    same: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "same", set(self.before.rules) == set(self.after.rules))

    def rates(self) -> Iterator[Change]:
        x, y, a, b = self.before, self.after, self.a, self.b
        yield from _rates(FIRES, self.rules, x.fires[a], x.asked[a], y.fires[b], y.asked[b])
        if self.same:  # other rules make another majority
            yield from _rates(AGREES, self.rules, x.agrees[a], x.judged[a], y.agrees[b], y.judged[b])
            n = [np.array([v]) for v in (x.uncovered, x.rows, y.uncovered, y.rows)]
            yield from _rates(UNCOVERED, [""], *n)
        if x.labeled is not None and y.labeled is not None:
            rows = [np.full(len(x.labels), int(v.sum())) for v in (x.labeled, y.labeled)]
            yield from _rates(CLASS, x.labels, x.labeled, rows[0], y.labeled, rows[1])

    def distributions(self) -> Iterator[Change]:
        x, y = self.before, self.after
        for rule, i, j in zip(self.rules, self.a, self.b, strict=True):
            if ((x.votes[i] + y.votes[j]) > 0).sum() > 1:
                yield _spread(VOTES, rule, x.votes[i], y.votes[j])
        if x.labeled is not None and y.labeled is not None and len(x.labels) > 2:
            yield _spread(MIX, "", x.labeled, y.labeled)
        if self.same and x.patterns:
            names = list(x.patterns)
            rows = [[*(v.patterns.get(name, 0) for name in names), _rest(v, names)] for v in (x, y)]
            yield _spread(PATTERNS, "", np.array(rows[0]), np.array(rows[1]))


def _rest(counts: VoteCounts, names: Sequence[str]) -> int:
    return counts.pattern_rows - sum(counts.patterns.get(name, 0) for name in names)


def _rates(
    kind: str, names: Sequence[str], a: np.ndarray, n: np.ndarray, b: np.ndarray, m: np.ndarray
) -> Iterator[Change]:
    for name, x, rows, y, more, p in zip(names, a, n, b, m, fisher_mid_p(a, n, b, m), strict=True):
        before, after = (
            None if not total else float(count) / float(total) for count, total in ((x, rows), (y, more))
        )
        yield Change(kind, name, before, after, int(rows), int(more), float(p))


def _spread(kind: str, name: str, a: np.ndarray, b: np.ndarray) -> Change:
    return Change(kind, name, None, None, int(a.sum()), int(b.sum()), homogeneity_p(a, b))


def _detectable(change: Change, tests: int, level: float) -> float | None:
    if change.before is None or change.kind not in _SHARES:
        return None
    return detectable(change.before, change.n_before, change.n_after, tests=tests, level=level)


def _different(before: VoteCounts, after: VoteCounts) -> list[str]:
    notes = []
    for rules, which in (
        (set(after.rules) - set(before.rules), "new"),
        (set(before.rules) - set(after.rules), "gone"),
    ):
        if rules:
            notes.append(f"not compared, as {which} since the reference: {_rules(sorted(rules))}")
    if notes:
        notes.append("as the rules are not the same, their agreement and patterns were not compared")
    return notes


def _rules(names: Sequence[str]) -> str:
    return f"{'rule' if len(names) == 1 else 'rules'} {some(names, 8)}"


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"
