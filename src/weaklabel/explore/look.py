"""One rule's votes beside those of the others, row by row: the numbers and the rows that show them."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from weaklabel.apply.batch import Batch, Faults
from weaklabel.apply.features import compute
from weaklabel.explore import near as nearness
from weaklabel.explore.meanings import Int16, Meanings
from weaklabel.explore.places import Finder, Span, excerpt, finder_of
from weaklabel.explore.shown import Example, Matched, NearGroup, Other
from weaklabel.explore.view import Bool, Int, View
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import Keywords, LabelingFunction, LFRegistry, Lookup
from weaklabel.lf.keywords import comparable
from weaklabel.stats import Estimate, wilson

NEAR_ROWS = 20_000
"""Rows among which near misses are looked for."""
MATCHED_ROWS = 3_000
"""Hits whose matched words are counted."""


@dataclass(frozen=True, eq=False)
class Look:
    """One rule's votes beside those of the others, row by row; made by `Look.of`.

    Parameters
    ----------
    rule, view
        The rule and the rows.
    meanings
        What votes mean.
    own
        (n,) its votes, as meanings.
    rest, rest_ids
        (w, m) the others' votes, and their ids.
    asked
        (w,) positions of the rows that the others voted on, rising; None: all rows.
    most
        Rows of each kind that are shown.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.schema import LabelSchema
    >>> rules = [keywords("asks", ["please"], label="ham"), keywords("sells", ["buy"], label="spam")]
    >>> registry = LFRegistry(rules, schema=LabelSchema(["ham", "spam"]))
    >>> view = View.of(pl.DataFrame({"id": ["a"], "text": ["Please buy!"]}))
    >>> votes = LabelMatrix.from_numpy([[0, 1]], ids=["a"], labelers=["asks", "sells"])
    >>> look = Look.of(registry["asks"], registry, view, votes)
    >>> look.against.tolist(), look.example(0).others
    ([[True]], {'spam': ('sells',)})
    """

    rule: LabelingFunction
    view: View
    meanings: Meanings
    own: Int16
    rest: Int16
    rest_ids: tuple[str, ...]
    most: int = 5
    asked: Int | None = None

    @classmethod
    def of(
        cls, rule: LabelingFunction, registry: LFRegistry, view: View, votes: LabelMatrix, *, most: int = 5
    ) -> Look:
        """Look at a rule of a registry whose votes are at hand."""
        meanings = Meanings.of(registry)
        codes = meanings.votes(votes)
        at = votes.labelers.index(rule.id)
        ids = tuple(id for id in votes.labelers if id != rule.id)
        return cls(rule, view, meanings, codes[:, at], np.delete(codes, at, axis=1), ids, most)

    def beside(self, votes: LabelMatrix, asked: Int) -> Look:
        """Return the same look beside the votes of other rules, on rows at some positions."""
        return replace(self, rest=self.meanings.votes(votes), rest_ids=votes.labelers, asked=asked)

    def said(self, rows: Int) -> Int16:
        """Return the others' votes on some rows, (len(rows), m); these are rows that the others voted on."""
        return self.rest[rows if self.asked is None else np.searchsorted(self.asked, rows)]

    @functools.cached_property
    def finder(self) -> Finder | None:
        """What finds the rule's places in a text."""
        return finder_of(self.rule)

    @functools.cached_property
    def hit(self) -> Bool:
        """(n,) bool: it votes."""
        return self.own >= 0

    @functools.cached_property
    def rows(self) -> Int:
        """(h,) positions of its hits."""
        return np.flatnonzero(self.hit)

    @functools.cached_property
    def spoken(self) -> Bool:
        """(h, m) bool: the other votes on a hit too."""
        return np.asarray(self.said(self.rows) >= 0)

    @functools.cached_property
    def against(self) -> Bool:
        """(h, m) bool: the other votes on a hit too, and the two leave no class in common."""
        return self.spoken & ~self.meanings.agree[self.own[self.rows, None], self.said(self.rows)]

    def on_rows(self, of_hits: Bool) -> Bool:
        """Return a mask of hits, (h,), as a mask of rows, (n,)."""
        mask = np.zeros(len(self.own), bool)
        mask[self.rows] = of_hits
        return mask

    @functools.cached_property
    def gold(self) -> Int:
        """(n,) class of the gold label, -1 unknown."""
        gold = self.view.gold
        return np.full(len(self.own), -1, np.int64) if gold is None else gold

    def right(self, truth: Int) -> Bool:
        """Return where its vote leaves a class possible, (n,); nowhere for class -1."""
        return self.hit & (truth >= 0) & self.meanings.allows[np.maximum(self.own, 0), np.maximum(truth, 0)]

    def label_counts(self, mask: Bool) -> dict[str, int]:
        """Count its votes by label."""
        counts = np.bincount(self.own[mask], minlength=len(self.meanings.names))
        return {name: int(counts[code]) for code, name in enumerate(self.meanings.names) if counts[code]}

    def precision(self, mask: Bool) -> Estimate:
        """Return the share of its votes that are right, of those on gold rows."""
        known = mask & self.view.known
        return wilson(int(self.right(self.gold)[known].sum()), int(known.sum()))

    def by_label(self) -> dict[str, Estimate]:
        """Return the precision by label, of a rule that votes for several."""
        voted = np.unique(self.own[self.hit])
        if len(voted) < 2:
            return {}
        return {self.meanings.names[code]: self.precision(self.own == code) for code in voted}

    def others(self) -> tuple[Other, ...]:
        """Return the rules that it meets: those with most conflicts first, then those with most overlap."""
        counted = self.view.counted[self.rows, None]
        both, clash = (self.spoken & counted).sum(axis=0), (self.against & counted).sum(axis=0)
        right = (self.against & self.right(self.gold)[self.rows, None]).sum(axis=0)
        truth = np.maximum(self.gold, 0)[self.rows, None]
        known = self.against & self.view.known[self.rows, None]
        theirs = (known & self.meanings.allows[np.maximum(self.said(self.rows), 0), truth]).sum(axis=0)
        order = sorted(np.flatnonzero(both), key=lambda j: (-clash[j], -both[j], self.rest_ids[j]))
        return tuple(
            Other(self.rest_ids[j], int(both[j]), int(clash[j]), int(right[j]), int(theirs[j])) for j in order
        )

    # ---- what it matched ----

    @functools.cached_property
    def in_feature(self) -> bool:
        """Say whether it looks for its places in a feature, not in a column of the corpus."""
        return self.finder is not None and self.finder.field in {one.name for one in self.rule.features}

    def made(self, rows: Int) -> pl.DataFrame:
        """Return some rows with the features that the rule reads; null where a feature fails."""
        frame = self.view.frame[rows]
        batch = Batch(frame, self.view.ids[rows], Faults("abstain"))
        return compute(batch, self.rule.features)[0].frame

    def texts(self, rows: Int) -> list[str | None] | None:
        """Return what it looks for places in, on some rows; None where that is no text."""
        if self.finder is None:
            return None
        if not self.in_feature:
            known = self.view.frame.schema.get(self.finder.field) == pl.String
            whole = self.view.texts(self.finder.field) if known else []
            return [whole[row] for row in rows.tolist()] if known else None
        column = self.made(rows).get_column(self.finder.field)
        return column.to_list() if column.dtype == pl.String else None

    def places(self, row: int) -> tuple[str, list[Span], bool]:
        """Return the text to show of a row, where the rule matched in it, and whether it is a feature's."""
        found = self.texts(np.array([row]))
        if self.finder is not None and found is not None:
            text = found[0] or ""
            return text, self.finder.find(text) if text and self.hit[row] else [], self.in_feature
        known = self.finder is not None and self.finder.field in self.view.frame.columns
        column = self.finder.field if self.finder is not None and known else self.view.text
        return (self.view.texts(column)[row] or "" if column is not None else ""), [], False

    def matches(self, truth: Int | None = None) -> tuple[int, tuple[Matched, ...]]:
        """Return how many hits were looked at, and what the rule matched there, most frequent first.

        Parameters
        ----------
        truth
            (n,) class of each row, -1 unknown; default: gold.
        """
        rows = self.view.draw(self.hit, MATCHED_ROWS)
        texts = self.texts(rows)
        if self.finder is None or texts is None:
            return 0, ()
        truth = self.gold if truth is None else truth
        right = self.right(truth)
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for row, given in zip(rows.tolist(), texts, strict=True):
            text = given or ""
            for word in {self._as_compared(text[a:b]) for a, b in self.finder.find(text)}:
                of_word = counts[word]
                of_word[0] += 1
                if truth[row] >= 0:
                    of_word[1 if right[row] else 2] += 1
        ordered = sorted(counts.items(), key=lambda item: (-item[1][0], item[0]))
        return len(rows), tuple(Matched(word, *three) for word, three in ordered)

    def _as_compared(self, word: str) -> str:
        if isinstance(self.rule, Keywords | Lookup):
            word = comparable(word, case=self.rule.case, accents=self.rule.accents)
        else:
            word = word.lower()
        return " ".join(word.split())

    # ---- near misses ----

    def near(self) -> tuple[int, list[nearness.Near]]:
        """Return how many rows were looked at, and near misses by the row's position in the view."""
        rule, view, finder = self.rule, self.view, self.finder
        if finder is None or nearness.why_none(rule):
            return 0, []
        rows = view.draw(view.counted, NEAR_ROWS)
        made = [one.fingerprint for one in rule.features] if self.in_feature else []
        field = (finder.field, *made)
        some = view.keep(("near", *field), lambda: self.texts(rows))
        if some is None:
            return 0, []
        silent = ~self.hit[rows]
        index: nearness.WordIndex | nearness.LiteralIndex
        if isinstance(rule, Keywords | Lookup):
            form: dict[str, Any] = {"case": rule.case, "accents": rule.accents}
            key = ("words", *field, rule.case, rule.accents)
            index = view.keep(key, lambda: nearness.WordIndex.of(some, **form))
        else:
            index = view.keep(("literals", *field), lambda: nearness.LiteralIndex.of(some))
        found = [near for near in nearness.near_misses(rule, some, index=index) if silent[near.row]]
        at = rows.tolist()
        moved = [nearness.Near(at[n.row], n.term, n.found, n.how, n.place) for n in found]
        return int(silent.sum()), moved

    def near_groups(self, found: Sequence[nearness.Near]) -> tuple[NearGroup, ...]:
        """Gather near misses by what stands there; first those whose rows other rules give the rule's label."""
        own = self.meanings.own[self.rule.id]
        mine = {int(code) for code in np.unique(self.own[self.hit])} or set(own.tolist())
        alike = np.asarray(self.meanings.agree[:, sorted(mine)].any(axis=1))
        groups = []
        for term, word, how, group in nearness.counted(found):
            says = self.majority([near.row for near in group])
            said = says[says >= 0]
            agree = int(alike[said].sum())
            groups.append(NearGroup(term, word, how, len(group), agree, len(said) - agree))
        return tuple(sorted(groups, key=_promise))

    def majority(self, rows: Sequence[int]) -> Int:
        """Return the class for which most of the other rules vote on each of some rows; -1: none, or two alike."""
        votes = self.said(np.asarray(rows, np.int64))
        classes = self.meanings.allows.shape[1]
        counts = np.stack([(votes == code).sum(axis=1) for code in range(classes)], axis=1)
        top = counts.max(axis=1, keepdims=True)
        clear = (top[:, 0] > 0) & ((counts == top).sum(axis=1) == 1)
        return np.where(clear, counts.argmax(axis=1), -1)

    def near_examples(
        self, found: Sequence[nearness.Near], ordered: Sequence[NearGroup]
    ) -> tuple[Example, ...]:
        """Show one row of each kind of near miss, in the order of the groups, before a second one of any."""
        key = self.view.keys
        order = {(g.term, g.found, g.how): k for k, g in enumerate(ordered)}
        groups = sorted(nearness.counted(found), key=lambda group: order[group[:3]])
        shown: list[Example] = []
        for depth in range(self.most):
            for *_, group in groups:
                near = sorted(group, key=lambda n: key[n.row])[depth : depth + 1]
                shown += [self._near_example(n) for n in near if len(shown) < self.most]
                if len(shown) >= self.most:
                    return tuple(shown)
        return tuple(shown)

    def _near_example(self, near: nearness.Near) -> Example:
        [text] = self.texts(np.array([near.row])) or [""]
        why = f"{near.how}: {near.found!r} for {near.term!r}"
        if near.how == "the rest does not fit":
            why = f"{near.found!r} is there, but the rest of the pattern does not fit"
        return self._example(near.row, text or "", [near.place], why, in_feature=self.in_feature)

    # ---- examples ----

    def example(self, row: int) -> Example:
        """Return one row to show."""
        text, places, in_feature = self.places(row)
        return self._example(row, text, places, in_feature=in_feature)

    def _example(
        self, row: int, text: str, places: Sequence[Span], why: str = "", *, in_feature: bool
    ) -> Example:
        others: dict[str, list[str]] = defaultdict(list)
        for id, code in zip(self.rest_ids, self.said(np.array([row]))[0], strict=True):
            if code >= 0:
                others[self.meanings.names[code]].append(id)
        field = self.finder.field if self.finder else self.view.text or ""
        frame = self.made(np.array([row]))
        values = {n: frame[n][0] for n in self.rule.fields if n not in (field, "id") and n in frame.columns}
        own, gold = int(self.own[row]), int(self.gold[row])
        return Example(
            id=self.view.ids[row],
            label=self.meanings.names[own] if own >= 0 else None,
            gold=self.meanings.names[gold] if gold >= 0 else None,
            others={label: tuple(ids) for label, ids in others.items()},
            field=field,
            pieces=excerpt(text, places),
            values=values,
            why=why,
            feature=in_feature,
        )


def _promise(group: NearGroup) -> tuple[bool, float, int, int, str, str]:
    """Order near misses: by what the other rules say of their rows, then by number, then by nearness."""
    doubtful = group.how in nearness.HOW[-3:]
    says = (group.agree + 1) / (group.agree + group.differ + 2)
    return doubtful, -round(says, 1), -group.rows, nearness.HOW.index(group.how), group.term, group.found


def about(rule: LabelingFunction) -> dict[str, str]:
    """Return what people need to know of a rule.

    Examples
    --------
    >>> from weaklabel.lf import regex
    >>> about(regex("link", "https?://", label="spam"))["kind"]
    'regex'
    """
    return {
        "id": rule.id,
        "name": rule.name,
        "label": rule.label if isinstance(rule.label, str) else rule.label.name if rule.label else "",
        "kind": rule.kind,
        "where": str(rule.source or ""),
    }
