"""A look at one rule in two steps: by itself, then among the others.

First the rule votes alone: its hits, what it matched, how often it is right by gold, and rows. Then the others vote, on the
rows where that matters: those on which the rule votes, and its near misses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import RuleError
from weaklabel.explore.ballots import Ballots
from weaklabel.explore.look import Look, about
from weaklabel.explore.shown import Example
from weaklabel.explore.trial import Trial, notes_on, with_rule
from weaklabel.explore.view import Bool, View
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import LabelingFunction, LFRegistry
from weaklabel.lf.base import OnError

MOST_MATCHES = 12
"""Matched words, and kinds of near misses, that are returned."""
FEW_ROWS = 1_000
"""On so few rows all rules vote on all of them."""


def try_rule(
    rule: LabelingFunction | str,
    registry: LFRegistry,
    data: View | pl.DataFrame,
    *,
    ballots: Ballots | None = None,
    examples: int = 5,
    on_error: OnError = "raise",
    tell: Callable[[str, int, int], None] | None = None,
) -> Trial:
    """Look at what one rule does among the others.

    Parameters
    ----------
    rule
        The id or name of a rule of the registry, or a rule, which takes the place of one with its id.
    registry
        The other rules, and the labels.
    data
        The rows; a View brings gold.
    ballots
        Votes that are kept from earlier calls on the same View.
    examples
        Most rows shown of each kind.
    on_error
        What happens when this rule fails on a row; others' failures are counted.
    tell
        Told the progress: step, done, total.

    Raises
    ------
    RuleError
        No such rule, or a rule that can't be run on these columns.
    RuleFault
        The rule failed on a row and `on_error` is "raise".

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.schema import LabelSchema
    >>> registry = LFRegistry([keywords("asks", ["please"], label="ham")], schema=LabelSchema(["ham", "spam"]))
    >>> frame = pl.DataFrame({"id": ["a", "b"], "text": ["Please buy!", "No."]})
    >>> trial = try_rule(keywords("sells", ["buy"], label="spam"), registry, frame)
    >>> trial.hits, trial.conflicts, trial.others[0].id
    (1, 1, 'asks')
    """
    options: dict[str, Any] = {"ballots": ballots, "examples": examples, "on_error": on_error}
    return first_look(rule, registry, data, **options, tell=tell).finish(tell=tell)


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstLook:
    """What a rule does by itself, before the others have voted; made by `first_look`.

    Parameters
    ----------
    trial
        What is known: its hits, matches, precision, and rows without what others say of them. `others_known` is false.
    votes
        The rule's own votes, on all rows.
    waits
        Ids of the rules that have to vote on its hits before the rest can be told.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.schema import LabelSchema
    >>> rules = [keywords("asks", ["please"], label="ham"), keywords("sells", ["buy"], label="spam")]
    >>> registry = LFRegistry(rules, schema=LabelSchema(["ham", "spam"]))
    >>> frame = pl.DataFrame({"id": ["a", "b"], "text": ["Please buy!", "No."]})
    >>> first = first_look("asks", registry, frame)
    >>> first.trial.hits, first.trial.others_known, first.waits
    (1, False, ('sells',))
    >>> first.finish().conflicts
    1
    """

    trial: Trial
    votes: LabelMatrix
    waits: tuple[str, ...]
    _look: Look = field(repr=False)
    _others: LFRegistry = field(repr=False)
    _ballots: Ballots = field(repr=False)
    _voted: tuple[str, ...] = field(repr=False)

    def finish(
        self,
        *,
        tell: Callable[[str, int, int], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Trial:
        """Look for near misses, let the others vote where that matters, and return all of it.

        Parameters
        ----------
        tell
            Told the progress: step, done, total.
        stop
            Asked now and then whether to stop.

        Raises
        ------
        StoppedError
            `stop` said so; what the others said until then is kept.
        """
        first, view = self._look, self._look.view
        near_rows, near = first.near()
        wanted = _wanted(first, [one.row for one in near])
        look, faults, voted = first, {}, self._voted
        if len(self._others):
            rest = self._ballots.cast(self._others, rows=wanted, tell=tell, stop=stop)
            look, faults = first.beside(rest, np.flatnonzero(wanted)), dict(rest.faults)
            voted = (*voted, *self._ballots.voted)
        self._ballots.voted = voted
        hit, counted = look.hit, view.counted
        overlapped = look.on_rows(np.asarray(look.spoken.any(axis=1)))
        contested = look.on_rows(np.asarray(look.against.any(axis=1)))
        groups = look.near_groups(near)
        return replace(
            self.trial,
            others_known=True,
            alone=int((hit & ~overlapped & counted).sum()),
            overlaps=int((overlapped & counted).sum()),
            conflicts=int((contested & counted).sum()),
            others=look.others(),
            near=groups[:MOST_MATCHES],
            near_rows=near_rows,
            examples={**_shown(look, contested), "near": look.near_examples(near, groups)},
            notes=tuple(notes_on(first.rule, view, self.votes, others=faults)),
        )


def first_look(
    rule: LabelingFunction | str,
    registry: LFRegistry,
    data: View | pl.DataFrame,
    *,
    ballots: Ballots | None = None,
    examples: int = 5,
    on_error: OnError = "raise",
    tell: Callable[[str, int, int], None] | None = None,
) -> FirstLook:
    """Look at what one rule does by itself: only it votes.

    Parameters are those of `try_rule`.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.schema import LabelSchema
    >>> registry = LFRegistry([keywords("asks", ["please"], label="ham")], schema=LabelSchema(["ham", "spam"]))
    >>> first = first_look("asks", registry, pl.DataFrame({"id": ["a", "b"], "text": ["Please!", "No."]}))
    >>> [row.id for row in first.trial.examples["hits"]], first.waits
    (['a'], ())
    """
    view = data if isinstance(data, View) else View.of(data)
    chosen, others = with_rule(registry, rule)
    book = ballots if ballots is not None else Ballots(view)
    if book.view is not view:
        raise RuleError("these ballots are of other rows", hint="Ballots(view) of the same view")
    alone = LFRegistry([chosen], schema=others.schema)
    votes = book.cast(alone, strict=[chosen.id], on_error=on_error, tell=tell)
    look = Look.of(chosen, others, view, votes, most=examples)
    hit, counted = look.hit, view.counted
    matched_rows, matches = look.matches()
    trial = Trial(
        rule=about(chosen),
        rows=view.rows,
        total=view.total,
        hits=int((hit & counted).sum()),
        labels=look.label_counts(hit & counted),
        faults=int(votes.faults.get(chosen.id, 0)),
        alone=0,
        overlaps=0,
        conflicts=0,
        precision=look.precision(hit),
        precision_by_label=look.by_label(),
        others=(),
        matches=matches[:MOST_MATCHES],
        matched_rows=matched_rows,
        near=(),
        near_rows=0,
        examples=_shown(look, np.zeros(len(hit), bool)),
        notes=tuple(notes_on(chosen, view, votes)),
        others_known=False,
    )
    rest = LFRegistry([one for one in others if one.id != chosen.id], schema=others.schema)
    waits = book.lacks(rest, rows=_wanted(look, ()) if hit.any() else None)
    return FirstLook(
        trial=trial, votes=votes, waits=waits, _look=look, _others=rest, _ballots=book, _voted=book.voted
    )


def _wanted(look: Look, near: Sequence[int]) -> Bool:
    """Return the rows on which the others' votes matter, (n,) bool; of few rows all, so that failures are seen."""
    if look.view.frame.height <= FEW_ROWS:
        return np.ones(look.view.frame.height, bool)
    wanted = look.hit.copy()
    wanted[np.asarray(near, np.int64)] = True
    return wanted


def _shown(look: Look, contested: Bool) -> dict[str, tuple[Example, ...]]:
    """Return rows of each kind; none is shown twice."""
    wrong = look.hit & look.view.known & ~look.right(look.gold)
    shown: dict[str, tuple[Example, ...]] = {}
    fresh = np.ones(len(look.own), bool)
    for name, mask in (("hits", look.hit), ("wrong", wrong), ("conflicts", contested)):
        rows = look.view.draw(mask & fresh, look.most)
        fresh[rows] = False
        shown[name] = tuple(look.example(int(i)) for i in rows)
    return shown
