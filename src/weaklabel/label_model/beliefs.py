"""What a label model believes of rules and classes, and how far the votes alone bear it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.label_matrix import VotePatterns
from weaklabel.label_model.base import LabelModel
from weaklabel.stats import Estimate, wilson

Float = npt.NDArray[np.float64]
FitModel = Callable[[VotePatterns], LabelModel]
"""Makes a label model and fits it to vote patterns."""


@dataclass(frozen=True, eq=False)
class Beliefs:
    """What a label model believes.

    Parameters
    ----------
    votes
        A line per labeler and what it votes for: `labeler`, `code` (its own), `votes` (rows), `coverage` (their share of all
        rows) and `precision` (mean probability of that class on these rows; of a vote for several classes, that it is
        one of them), the latter two with `_low` and `_high`,
        and `identified`: whether the votes alone can say how good this labeler is. They can when it votes on some
        row together with each of two others that vote on some row together, too; else its precision is the model's
        prior.
    labelers
        A line per labeler that votes: `labeler`, `votes`, `precision` of all its votes with `_low` and `_high`, and
        `identified`.
    class_balance
        Share of each class among the rows with votes.
    copies
        Groups of labelers that the model hears once, if it looks for them.
    converged
        Whether the fit came to rest; None: the model doesn't say.

    Examples
    --------
    >>> Beliefs(pl.DataFrame({"labeler": ["loud"]}), pl.DataFrame(), ()).votes.height
    1
    """

    votes: pl.DataFrame
    labelers: pl.DataFrame
    class_balance: tuple[Estimate, ...]
    copies: tuple[tuple[str, ...], ...] = ()
    converged: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; the class balance in the schema's order."""
        return {
            "votes": self.votes.to_dicts(),
            "labelers": self.labelers.to_dicts(),
            "class_balance": [share.to_dict() for share in self.class_balance],
            "copies": [list(group) for group in self.copies],
            "converged": self.converged,
        }


def beliefs(
    patterns: VotePatterns,
    fit_model: FitModel,
    *,
    resamples: int = 100,
    seed: int = 0,
    confidence: float = 0.95,
    tell: Callable[[str, int, int], None] | None = None,
) -> Beliefs:
    """Fit a model, and fit it again on resampled rows to see how far its beliefs move.

    The intervals are percentiles of the refits (Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter
    13), stretched to hold the value. They say how far chance in these rows moves the model, not whether the model is
    right: gold says that.

    Parameters
    ----------
    patterns
        The votes.
    fit_model
        Makes a label model and fits it.
    resamples
        Number of refits.
    seed
        Seed of the draws.
    confidence
        Nominal coverage of the intervals.
    tell
        Told the progress: step, done, total.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> from weaklabel.label_model import create
    >>> votes = as_patterns([[0, 0, 0], [1, 1, 1], [0, 0, 1], [1, 1, -1]] * 50)
    >>> found = beliefs(votes, lambda some: create("majority_vote", n_classes=2).fit(some), resamples=20)
    >>> found.votes.select("labeler", "code", "votes", "precision", "identified").row(0)
    ('0', 0, 100, 0.8333333333333333, True)
    >>> found.class_balance[0].low < found.class_balance[0].value < found.class_balance[0].high
    True
    """
    patterns = patterns.without_rows()
    events = _Events.of(patterns)
    model = fit_model(patterns)
    values = [events.measured(patterns, model)]
    generator = np.random.default_rng(seed)
    share = patterns.counts / patterns.counts.sum()
    for done in range(resamples):
        drawn = generator.multinomial(patterns.n_rows, share)
        again = replace(patterns, counts=drawn.astype(np.int64))
        values.append(events.measured(again, fit_model(_without_empty(again))))
        if tell:
            tell("the model is fitted again", done + 1, resamples)
    value, low, high = _ends(np.array(values), confidence)
    size, m = len(events.labeler), len(patterns.labelers)
    by_vote, by_labeler, rest = slice(0, size), slice(size, size + m), slice(size + m, None)
    identified = _identified(patterns)
    return Beliefs(
        _votes(patterns, events, value[by_vote], low[by_vote], high[by_vote], identified, confidence),
        _labelers(patterns, events, value[by_labeler], low[by_labeler], high[by_labeler], identified),
        tuple(
            Estimate(float(v), float(a), float(b), patterns.n_rows, method=f"{resamples} refits")
            for v, a, b in zip(value[rest], low[rest], high[rest], strict=True)
        ),
        copies=tuple(getattr(model, "copies_", ())),
        converged=getattr(model, "converged_", None),
    )


@dataclass(frozen=True, eq=False)
class _Events:
    """The distinct votes (labeler and class) and which pattern holds which."""

    labeler: npt.NDArray[np.int64]
    code: npt.NDArray[np.int64]
    which: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]

    @classmethod
    def of(cls, patterns: VotePatterns) -> _Events:
        voted = patterns.codes >= 0
        who, said = patterns.labeler_index[voted].astype(np.int64), patterns.codes[voted].astype(np.int64)
        kinds, which = np.unique(np.stack([who, said], axis=1), axis=0, return_inverse=True)
        return cls(kinds[:, 0], kinds[:, 1], which.reshape(-1), patterns.pattern_index[voted])

    def measured(self, patterns: VotePatterns, model: LabelModel) -> Float:
        """Return the precision of each kind of vote, of each labeler, then the share of each class among covered rows."""
        p = model.predict_proba(patterns)
        rows = patterns.counts[self.row].astype(np.float64)
        size = len(self.labeler)
        total = np.bincount(self.which, weights=rows, minlength=size)
        allowed = np.zeros((size, p.shape[1]), bool)
        names = model._standing(patterns) or patterns.labelers
        for i, (j, code) in enumerate(zip(self.labeler.tolist(), self.code.tolist(), strict=True)):
            allowed[i, list(model.alphabet.classes(names[j], code))] = True
        one = allowed.sum(axis=1) == 1
        named = p[self.row, allowed.argmax(axis=1)[self.which]]
        if not one.all():
            inside = np.where(allowed[self.which], p[self.row], 0.0).sum(axis=1)
            named = np.where(one[self.which], named, inside)
        right = np.bincount(self.which, weights=rows * named, minlength=size)
        m = len(patterns.labelers)
        all_right = np.bincount(self.labeler, weights=right, minlength=m)
        all_votes = np.bincount(self.labeler, weights=total, minlength=m)
        heard = patterns.counts * (patterns.n_votes > 0)
        balance = heard @ p / max(heard.sum(), 1)
        return np.concatenate([_ratio(right, total), _ratio(all_right, all_votes), balance])


def _ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Float:
    found: Float = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return found


def _labelers(
    patterns: VotePatterns,
    events: _Events,
    value: Float,
    low: Float,
    high: Float,
    identified: npt.NDArray[np.bool_],
) -> pl.DataFrame:
    m = len(patterns.labelers)
    rows = np.bincount(events.labeler[events.which], weights=patterns.counts[events.row], minlength=m)
    voting = np.flatnonzero(rows > 0)
    return pl.DataFrame(
        {
            "labeler": [patterns.labelers[j] for j in voting.tolist()],
            "votes": rows[voting].astype(np.int64),
            "precision": value[voting],
            "precision_low": low[voting],
            "precision_high": high[voting],
            "identified": identified[voting],
        },
        schema_overrides={"labeler": pl.String},
    )


def _votes(
    patterns: VotePatterns,
    events: _Events,
    value: Float,
    low: Float,
    high: Float,
    identified: npt.NDArray[np.bool_],
    confidence: float,
) -> pl.DataFrame:
    rows = np.bincount(events.which, weights=patterns.counts[events.row], minlength=len(events.labeler))
    coverage = [wilson(count, patterns.n_rows, confidence=confidence) for count in rows.tolist()]
    return pl.DataFrame(
        {
            "labeler": [patterns.labelers[j] for j in events.labeler.tolist()],
            "code": events.code,
            "votes": rows.astype(np.int64),
            "coverage": [one.value for one in coverage],
            "coverage_low": [one.low for one in coverage],
            "coverage_high": [one.high for one in coverage],
            "precision": value,
            "precision_low": low,
            "precision_high": high,
            "identified": identified[events.labeler],
        },
        schema_overrides={"labeler": pl.String},
    )


def _identified(patterns: VotePatterns) -> npt.NDArray[np.bool_]:
    """Say of each labeler whether it is in a triangle of labelers that vote together."""
    from scipy import sparse

    voted = patterns.codes >= 0
    shape = (len(patterns), len(patterns.labelers))
    cells = (patterns.pattern_index[voted], patterns.labeler_index[voted])
    firing = sparse.csr_array((np.ones(int(voted.sum())), cells), shape=shape)
    together: Any = np.asarray((firing.T @ firing).todense()) > 0
    np.fill_diagonal(together, False)
    paths = together.astype(np.float64) @ together.astype(np.float64)
    found: npt.NDArray[np.bool_] = (together & (paths > 0)).any(axis=1)
    return found


def _without_empty(patterns: VotePatterns) -> VotePatterns:
    """Return the patterns that were drawn at least once."""
    from weaklabel.kernels.patterns import take_events

    keep = np.flatnonzero(patterns.counts > 0)
    indptr, who, codes = take_events(patterns.indptr, patterns.labeler_index, patterns.codes, keep)
    return VotePatterns(
        patterns.labelers, patterns.silence, indptr, who, codes, patterns.counts[keep], patterns.keys[keep]
    )


def _ends(values: Float, confidence: float) -> tuple[Float, Float, Float]:
    """Return the first row, and the percentiles of the others, stretched to hold it."""
    value, tail = values[0], (1 - confidence) / 2
    if len(values) == 1:
        return value, np.full_like(value, np.nan), np.full_like(value, np.nan)
    heard = ~np.isnan(values[1:]).all(axis=0)
    ends = np.full((2, len(value)), np.nan)
    ends[:, heard] = np.nanquantile(values[1:][:, heard], [tail, 1 - tail], axis=0)
    return value, np.fmin(ends[0], value), np.fmax(ends[1], value)
