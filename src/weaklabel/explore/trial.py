"""What is told of one rule: its hits, whom it meets, how often it is right, and rows that show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from weaklabel.explore import near as nearness
from weaklabel.explore.shown import Example, Matched, NearGroup, Other
from weaklabel.explore.view import View
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import LabelingFunction, LFRegistry
from weaklabel.schema import MISSING
from weaklabel.stats import Estimate, wilson


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What one rule does; made by `try_rule` and `first_look`.

    Parameters
    ----------
    rule
        id, name, label, kind, where.
    rows, total
        Rows looked at, and rows of the corpus.
    hits
        Rows on which it votes.
    labels
        Votes by label.
    faults
        Rows on which it failed.
    alone
        Hits on which no other rule votes.
    overlaps, conflicts
        Hits on which another rule votes, and on which one votes otherwise.
    precision
        Share of its votes on gold rows that are right.
    precision_by_label
        The same by label, of a rule with several.
    others
        The rules it meets: those with most conflicts first, then those with most overlap.
    matches
        What it matched, most frequent first, on the `matched_rows` hits looked at.
    near
        Near misses by what stands there, among the `near_rows` rows looked at.
    examples
        "hits", "wrong" (by gold), "conflicts", "near" -> rows.
    notes
        What a reader should know, in sentences.
    others_known
        The others have voted; else what needs them, and near misses, are left empty.

    Examples
    --------
    >>> import polars as pl
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.schema import LabelSchema
    >>> registry = LFRegistry([keywords("asks", ["please"], label="ham")], schema=LabelSchema(["ham", "spam"]))
    >>> frame = pl.DataFrame({"id": ["a", "b", "c"], "text": ["Please!", "pleas help", "No."]})
    >>> from weaklabel.explore import try_rule
    >>> trial = try_rule("asks", registry, frame)
    >>> trial.hits, trial.coverage.value, [near.found for near in trial.near]
    (1, 0.3333333333333333, ['pleas'])
    """

    rule: Mapping[str, str]
    rows: int
    total: int
    hits: int
    labels: Mapping[str, int]
    faults: int
    alone: int
    overlaps: int
    conflicts: int
    precision: Estimate
    precision_by_label: Mapping[str, Estimate]
    others: tuple[Other, ...]
    matches: tuple[Matched, ...]
    matched_rows: int
    near: tuple[NearGroup, ...]
    near_rows: int
    examples: Mapping[str, tuple[Example, ...]]
    notes: tuple[str, ...] = ()
    others_known: bool = True

    @property
    def coverage(self) -> Estimate:
        """Share of the rows on which it votes; with an interval where the rows are a sample."""
        if self.rows == self.total:
            return Estimate(self.hits / max(self.rows, 1), None, None, self.rows)
        return wilson(self.hits, self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        found = asdict(self)
        found["coverage"] = self.coverage.to_dict()
        return found


def notes_on(
    rule: LabelingFunction, view: View, votes: LabelMatrix, *, others: Mapping[str, int] | None = None
) -> list[str]:
    """Return what a reader of a trial should know, in sentences.

    Parameters
    ----------
    rule, view, votes
        The rule, the rows, and its votes on them.
    others
        Rows on which other rules failed.

    Examples
    --------
    >>> import polars as pl
    >>> from weaklabel.lf import keywords
    >>> rule = keywords("asks", ["please"], label="ham", muted=True)
    >>> votes = LabelMatrix.from_numpy([[0]], ids=["a"], labelers=["asks"])
    >>> notes_on(rule, View.of(pl.DataFrame({"id": ["a"]})), votes)
    ['the rule is muted: it votes, and no label counts it']
    """
    notes = []
    if view.sampled:
        notes.append(f"looked at {view.rows:,} of {view.total:,} rows, drawn by their hashed ids")
    broken = others or {}
    if votes.faults.get(rule.id):
        notes.append(f"the rule failed on {votes.faults[rule.id]:,} rows: missing votes")
    if broken:
        worst = max(sorted(broken), key=lambda id: broken[id])
        notes.append(
            f"other rules that failed on rows: {len(broken)}; most often {worst} ({broken[worst]:,})"
        )
    why = nearness.why_none(rule)
    return [*_of_its_life(rule, votes), *notes, *([why] if why else [])]


def _of_its_life(rule: LabelingFunction, votes: LabelMatrix) -> list[str]:
    """Return what a rule's days, state and muting mean for what is shown."""
    notes = []
    if rule.dated:
        missing = int((votes.frame[rule.column] == MISSING).sum()) - int(votes.faults.get(rule.id, 0))
        ends = (("from", rule.valid_from), ("until", rule.valid_until))
        days = " ".join(f"{word} {day}" for word, day in ends if day)
        notes.append(
            f"the rule is right {days}: {missing:,} of {votes.frame.height:,} rows are of other days, and get no vote"
        )
    if rule.state != "active":
        notes.append(f"the rule is {rule.state}: it votes here, and in no run")
    if rule.muted:
        notes.append("the rule is muted: it votes, and no label counts it")
    return notes


def with_rule(registry: LFRegistry, rule: LabelingFunction | str) -> tuple[LabelingFunction, LFRegistry]:
    """Return a rule, and the registry with it.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.schema import LabelSchema
    >>> registry = LFRegistry([keywords("asks", ["please"], label="ham")], schema=LabelSchema(["ham", "spam"]))
    >>> rule, both = with_rule(registry, keywords("sells", ["buy"], label="spam"))
    >>> rule.id, both.ids
    ('sells', ('asks', 'sells'))
    """
    if isinstance(rule, str):
        return registry[rule], registry
    kept = [other for other in registry if other.id != rule.id and other.name != rule.name]
    both = LFRegistry([*kept, rule], schema=registry.schema, features=registry.features)
    return both[rule.id], both


@dataclass(frozen=True)
class Change:
    """What a save changed in a rule's votes.

    Parameters
    ----------
    gained, lost, turned
        Rows on which it votes now and did not; did and does not now; votes otherwise.
    ids
        Some of these rows.

    Examples
    --------
    >>> Change(gained=2, lost=0, turned=0, ids=("a", "b")).gained
    2
    """

    gained: int
    lost: int
    turned: int
    ids: tuple[str, ...]


def changes(before: LabelMatrix, after: LabelMatrix, rule_id: str, view: View, *, most: int = 5) -> Change:
    """Return what a save changed in a rule's votes: ids of rows, in the order of their hashes.

    Examples
    --------
    >>> import polars as pl
    >>> view = View.of(pl.DataFrame({"id": ["a", "b"]}))
    >>> before = LabelMatrix.from_numpy([[0], [-1]], ids=["a", "b"], labelers=["asks"])
    >>> after = LabelMatrix.from_numpy([[-1], [-1]], ids=["a", "b"], labelers=["asks"])
    >>> changes(before, after, "asks", view).lost
    1
    """
    old, new = (votes.frame[f"lf:{rule_id}"].to_numpy() for votes in (before, after))
    gained, lost = (new >= 0) & (old < 0), (new < 0) & (old >= 0)
    turned = (new >= 0) & (old >= 0) & (new != old)
    moved = view.draw(gained | lost | turned, most)
    return Change(
        int(gained.sum()), int(lost.sum()), int(turned.sum()), tuple(view.ids[i] for i in moved.tolist())
    )
