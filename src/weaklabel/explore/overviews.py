"""All rules of a task in one table, how they go together, and what they leave out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from weaklabel.explore.agreement import Counts, Redundancy, pair_table, redundancies
from weaklabel.explore.contribution import (
    Contribution,
    FitModel,
    contributions,
    gold_accuracy,
    model_accuracy,
)
from weaklabel.explore.dependence import Dependence, dependence_report
from weaklabel.explore.look import about
from weaklabel.explore.meanings import Bool, Int16, Meanings
from weaklabel.explore.regions import Known, Region, regions
from weaklabel.explore.view import View
from weaklabel.explore.words import WORD_ROWS, Vocabulary
from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model.beliefs import Beliefs, beliefs
from weaklabel.lf import LFRegistry
from weaklabel.schema import MISSING
from weaklabel.stats import Estimate, undefined

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class RuleLine:
    """One rule in the table; shares are of all rows.

    Parameters
    ----------
    id, label, kind, where
        The rule; `label` is empty where it has several.
    votes, coverage, overlaps, conflicts
        Rows on which it votes, and shares: it votes; another votes too; votes of the row differ.
    alone
        Rows that only this rule covers.
    accuracy
        Share of its votes on gold rows that are right.
    model_accuracy
        Mean probability that the label model gives to its votes.
    identified
        Whether votes alone can tell how good it is; None: not computed, or muted.
    contribution
        What becomes of the labels without it; None: not computed, or muted.
    faults
        Rows on which it failed.

    Examples
    --------
    >>> line = RuleLine(id="shouts", label="spam", kind="regex", where="", votes=5, coverage=0.5, overlaps=0.1,
    ...                 conflicts=0.0, alone=4, accuracy=undefined(), model_accuracy=undefined(), identified=None,
    ...                 contribution=None, faults=0)
    >>> line.id
    'shouts'
    """

    id: str
    label: str
    kind: str
    where: str
    votes: int
    coverage: float
    overlaps: float
    conflicts: float
    alone: int
    accuracy: Estimate
    model_accuracy: Estimate
    identified: bool | None
    contribution: Contribution | None
    faults: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        found = {**vars(self), "accuracy": self.accuracy.to_dict()}
        found["model_accuracy"] = self.model_accuracy.to_dict()
        found["contribution"] = None if self.contribution is None else self.contribution.to_dict()
        return found


@dataclass(frozen=True, kw_only=True)
class Overview:
    """All rules of a task together; made by `overview`.

    Parameters
    ----------
    rows, total
        Rows looked at, and rows of the corpus.
    covered, overlapped, contested
        Share of the rows with a vote, with several, and with votes that differ.
    gold_rows
        Number of rows with gold.
    model
        Name of the label model.
    rules
        One line a rule, in the registry's order.
    pairs
        `agreement.pair_table`.
    beliefs
        What the label model believes of rules and classes; None: not computed.
    redundant
        Rules that say next to nothing that another does not say.
    dependence
        Rules that vote together beyond what the classes explain; None: not computed.
    regions
        Rows that no rule covers, and rows that rules fight over, by their words.
    notes
        What a reader should know, in sentences.

    Examples
    --------
    >>> view = View.of(pl.DataFrame({"id": ["a"], "text": ["Please buy!"]}))
    >>> from weaklabel.explore.ballots import Ballots
    >>> from weaklabel.label_model import create
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.schema import LabelSchema
    >>> registry = LFRegistry([keywords("asks", ["please"], label="ham")], schema=LabelSchema(["ham", "spam"]))
    >>> def fit(patterns):
    ...     return create("majority_vote", n_classes=2).fit(patterns)
    >>> overview(Ballots(view).cast(registry), registry, view, fit).covered
    1.0
    """

    rows: int
    total: int
    covered: float
    overlapped: float
    contested: float
    gold_rows: int
    labels: tuple[str, ...]
    model: str
    rules: tuple[RuleLine, ...]
    pairs: pl.DataFrame
    beliefs: Beliefs | None
    redundant: tuple[Redundancy, ...]
    dependence: Dependence | None
    regions: tuple[Region, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        found = {name: value for name, value in vars(self).items() if name not in ("pairs", "rules")}
        found["rules"] = [line.to_dict() for line in self.rules]
        found["pairs"] = self.pairs.to_dicts()
        found["redundant"] = [asdict(one) for one in self.redundant]
        found["beliefs"] = None if self.beliefs is None else self.beliefs.to_dict()
        found["dependence"] = None if self.dependence is None else self.dependence.to_dict()
        found["regions"] = [region.to_dict() for region in self.regions]
        return found


def overview(
    votes: LabelMatrix,
    registry: LFRegistry,
    view: View,
    fit_model: FitModel,
    *,
    contribution: bool = True,
    clusters: bool = True,
    seed: int = 0,
    tell: Tell | None = None,
) -> Overview:
    """Look at all rules of a task together.

    Parameters
    ----------
    votes
        Of the rules on the view's rows.
    registry
        The rules.
    view
        The rows, with their gold.
    fit_model
        Makes a label model and fits it to patterns: to all rules, and again without each.
    contribution
        Fit again without each rule, and without or with merged those that depend on each other.
    clusters
        Gather uncovered and contested rows by their words.
    seed
        Of the clustering.
    tell
        Told the progress: step, done, total.

    Examples
    --------
    >>> from weaklabel.label_model import create
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.schema import LabelSchema
    >>> from weaklabel.explore.ballots import Ballots
    >>> rules = [keywords("asks", ["please"], label="ham"), keywords("sells", ["buy"], label="spam")]
    >>> registry = LFRegistry(rules, schema=LabelSchema(["ham", "spam"]))
    >>> view = View.of(pl.DataFrame({"id": ["a", "b", "c"], "text": ["Please buy!", "Buy!", "No."]}))
    >>> def fit(patterns):
    ...     return create("majority_vote", n_classes=2).fit(patterns)
    >>> found = overview(Ballots(view).cast(registry), registry, view, fit)
    >>> [(line.id, line.votes, line.contribution.changed) for line in found.rules], round(found.covered, 2)
    ([('asks', 1, 1), ('sells', 2, 2)], 0.67)
    """
    patterns = votes.patterns()
    k = len(registry.schema)
    meanings = Meanings.of(registry)
    codes = meanings.votes(votes)
    _say(tell, "model fits", 0)
    heard = votes.keep(rule.id for rule in registry if not rule.muted)
    model = fit_model(heard.patterns())
    by_row = model.predict_proba(heard)
    _say(tell, "model fits", 1)
    added = (
        contributions(heard.patterns(), fit_model, meanings=meanings, gold=view.gold, model=model, tell=tell)
        if contribution
        else {}
    )
    dependence = (
        dependence_report(heard.patterns(), fit_model, model=model, gold=view.gold, tell=tell)
        if contribution
        else None
    )
    believed = beliefs(heard.patterns(), fit_model, tell=tell) if contribution else None
    assert patterns.inverse is not None
    probabilities = np.zeros((len(patterns), k))
    probabilities[patterns.inverse] = by_row
    known = Known(registry.schema, codes, meanings, registry.ids, by_row)
    counted = patterns if not view.sampled else _part(votes, view).patterns()
    pairs = Counts.of(counted, meanings.events(counted), meanings.agree)
    notes = _notes(votes, view, registry)
    found: tuple[Region, ...] = ()
    if clusters and view.text is not None:
        found = regions(view, known, vocabulary_of(view, tell=tell), seed=seed, tell=tell)
    elif clusters:
        notes.append("there is no column of texts, so that regions can't be told by their words")
    mine = view.counted
    voters = (codes >= 0).sum(axis=1)
    return Overview(
        rows=view.rows,
        total=view.total,
        covered=float((voters > 0)[mine].mean()) if view.rows else 0.0,
        overlapped=float((voters > 1)[mine].mean()) if view.rows else 0.0,
        contested=float(known.contested[mine].mean()) if view.rows else 0.0,
        gold_rows=int(view.known.sum()),
        labels=registry.schema.names,
        model=model.name,
        rules=tuple(
            _lines(
                registry,
                codes[mine],
                known.contested[mine],
                gold_accuracy(patterns, view.gold, n_classes=k, meanings=meanings),
                _by_model(model_accuracy(patterns, probabilities, meanings), believed),
                added,
                votes.faults,
            )
        ),
        pairs=pair_table(pairs, registry.ids),
        beliefs=believed,
        redundant=redundancies(pairs, registry.ids),
        dependence=dependence,
        regions=found,
        notes=tuple(notes),
    )


def vocabulary_of(view: View, *, fewest: int = 3, tell: Tell | None = None) -> Vocabulary:
    """Return the terms of the texts of a view, or of a sample of them with all gold rows; remembered.

    Examples
    --------
    >>> view = View.of(pl.DataFrame({"id": ["a", "b"], "text": ["a tent", "a mug"]}))
    >>> vocabulary_of(view, fewest=1).terms
    ('a', 'a mug', 'a tent', 'mug', 'tent')
    """
    column = view.text
    assert column is not None
    rows = view.draw(view.counted, WORD_ROWS)
    rows = np.concatenate([rows, np.setdiff1d(view.draw(view.known), rows, assume_unique=True)])

    def make() -> Vocabulary:
        texts = view.texts(column)
        return Vocabulary.of([texts[i] for i in rows], rows=rows, column=column, fewest=fewest, tell=tell)

    made: Vocabulary = view.keep(("vocabulary", column, fewest), make)
    return made


def _part(votes: LabelMatrix, view: View) -> LabelMatrix:
    return LabelMatrix.from_frame(votes.frame.filter(pl.Series(view.counted)))


def _lines(
    registry: LFRegistry,
    codes: Int16,
    contested: Bool,
    accuracy: Mapping[str, Estimate],
    by_model: Mapping[str, tuple[Estimate, bool | None]],
    added: Mapping[str, Contribution],
    faults: Mapping[str, int],
) -> list[RuleLine]:
    voted = codes >= 0
    several = voted.sum(axis=1) > 1
    n = max(len(codes), 1)
    lines = []
    for j, rule in enumerate(registry):
        own = voted[:, j]
        lines.append(
            RuleLine(
                id=rule.id,
                label=about(rule)["label"],
                kind=rule.kind,
                where=str(rule.source or ""),
                votes=int(own.sum()),
                coverage=int(own.sum()) / n,
                overlaps=int((own & several).sum()) / n,
                conflicts=int((own & contested).sum()) / n,
                alone=int((own & ~several).sum()),
                accuracy=accuracy.get(rule.id, undefined()),
                model_accuracy=by_model[rule.id][0],
                identified=by_model[rule.id][1],
                contribution=added.get(rule.id),
                faults=int(faults.get(rule.id, 0)),
            )
        )
    return lines


def _by_model(
    means: Mapping[str, tuple[float | None, int]], found: Beliefs | None
) -> dict[str, tuple[Estimate, bool | None]]:
    """Return what the model thinks of each rule's votes, and whether votes alone can tell."""
    known = {} if found is None else {line["labeler"]: line for line in found.labelers.iter_rows(named=True)}
    lines: dict[str, tuple[Estimate, bool | None]] = {}
    for id, (mean, n) in means.items():
        line = known.get(id)
        if mean is None:
            lines[id] = undefined(), None
        elif line is None:
            lines[id] = Estimate(mean, None, None, n), None
        else:
            low, high = min(line["precision_low"], mean), max(line["precision_high"], mean)
            lines[id] = Estimate(mean, low, high, n, method="refits on resampled rows"), line["identified"]
    return lines


def _notes(votes: LabelMatrix, view: View, registry: LFRegistry) -> list[str]:
    notes = []
    if view.sampled:
        notes.append(f"looked at {view.rows:,} of {view.total:,} rows, drawn by their hashed ids")
    broken = {id: n for id, n in votes.faults.items() if n}
    if broken:
        worst = max(sorted(broken), key=lambda id: broken[id])
        notes.append(
            f"{len(broken)} rules failed on rows (missing votes); most often {worst} ({broken[worst]:,})"
        )
    known = int(view.known.sum())
    if view.gold is not None and not known:
        notes.append("no row looked at has gold")
    past = [
        rule.id
        for rule in registry
        if rule.dated and int((votes.frame[rule.column] == MISSING).sum()) == votes.frame.height > 0
    ]
    if past:
        notes.append(f"right on no day that rows are of, so that they get no vote: {', '.join(past)}")
    return notes


def _say(tell: Tell | None, step: str, done: int) -> None:
    if tell:
        tell(step, done, 1)
