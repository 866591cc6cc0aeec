"""Bins of a score rule, found on gold rows, with what they promise: a rule to paste. Never added by itself."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from weaklabel.apply.batch import Batch, Faults
from weaklabel.apply.features import compute
from weaklabel.errors import CorpusError, RuleError, did_you_mean
from weaklabel.explore.suggested import quoted
from weaklabel.explore.view import Bool, View
from weaklabel.lf import LFRegistry
from weaklabel.lf.base import slug
from weaklabel.lf.feature import needed
from weaklabel.lf.score import Bin, bin_ends, bin_level, score_bins
from weaklabel.stats import Estimate, wilson

NEAREST = 3
"""Bins that come nearest to the precision, which are returned where none reaches it."""


@dataclass(frozen=True)
class FoundBin:
    """A bin and what it promises.

    Parameters
    ----------
    label, low, high
        The label, and the ends; infinite where there is none.
    precision
        Share of its gold rows that have the label; the interval holds for all bins that were tried together.
    hits
        Rows of the corpus, gold or not, whose number falls into it.

    Examples
    --------
    >>> FoundBin("spam", 0.9, float("inf"), wilson(45, 45), 120).plain()
    {'label': 'spam', 'from': 0.9}
    """

    label: str
    low: float
    high: float
    precision: Estimate
    hits: int

    def plain(self) -> dict[str, Any]:
        """Return the bin as rules write it."""
        return Bin(self.label, self.low, self.high).plain()


@dataclass(frozen=True, kw_only=True)
class FoundBins:
    """Bins of a column of numbers; made by `find_bins`.

    Parameters
    ----------
    column
        The column or feature.
    known
        Gold rows with a number.
    rows
        Rows on which `hits` are counted.
    tried
        Number of bins that were tried: what the intervals are corrected for.
    wanted
        The precision that was asked for.
    found
        The bins, from the lowest numbers up.
    nearest
        Where none was found, those that came nearest, best first.
    between
        Rows with a number on which the rule abstains.
    notes
        What a reader should know, in sentences.

    Examples
    --------
    >>> FoundBins(column="p", known=9, rows=9, tried=1, wanted=0.9, found=(), between=9).found
    ()
    """

    column: str
    known: int
    rows: int
    tried: int
    wanted: float
    found: tuple[FoundBin, ...]
    nearest: tuple[FoundBin, ...] = ()
    between: int
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, with the YAML to paste."""
        plain = asdict(self)
        for name in ("found", "nearest"):
            plain[name] = [
                {**one.plain(), "precision": one.precision.to_dict(), "hits": one.hits}
                for one in getattr(self, name)
            ]
        return {**plain, "yaml": bins_yaml(self)}


def find_bins(
    column: str,
    registry: LFRegistry,
    view: View,
    *,
    precision: float = 0.9,
    confidence: float = 0.95,
    most: int = 20,
) -> FoundBins:
    """Find bins of a column, or of a feature, in which a label is right often enough by gold.

    Parameters
    ----------
    column
        A column of numbers, or a feature that gives numbers.
    registry
        Gives the labels and the features.
    view
        The rows, with the gold that may decide: what these rows decided they can't judge.
    precision, confidence, most
        As for `weaklabel.score_bins`.

    Raises
    ------
    CorpusError
        There is no such column and no such feature, or it holds no numbers.

    Examples
    --------
    >>> from weaklabel.gold import load_gold
    >>> from weaklabel.schema import LabelSchema
    >>> registry = LFRegistry([], schema=LabelSchema(["ham", "spam"]))
    >>> frame = pl.DataFrame({"id": [str(i) for i in range(200)], "p": [i / 200 for i in range(200)]})
    >>> gold = frame.select("id", label=pl.when(pl.col("p") < 0.5).then(pl.lit("ham")).otherwise(pl.lit("spam")))
    >>> found = find_bins("p", registry, View.of(frame, gold=load_gold(gold, schema=registry.schema)), most=2)
    >>> [(one.plain(), one.precision.n) for one in found.found]
    [({'label': 'ham', 'to': 0.5}, 100), ({'label': 'spam', 'from': 0.5}, 100)]
    """
    numbers = _numbers(column, registry, view)
    names = registry.schema.names
    known = view.known & ~np.isnan(numbers)
    gold = np.full(len(numbers), -1, np.int64) if view.gold is None else view.gold
    labels = [names[code] for code in gold[known].tolist()]
    how: dict[str, Any] = {"precision": precision, "confidence": confidence, "most": most}
    ends = bin_ends(numbers[known], **how)
    tried = len(ends) - 1
    level = bin_level(confidence, tried)

    def told(one: Bin) -> FoundBin:
        inside = one.holds(numbers)
        right = inside & known & (gold == names.index(one.label))
        estimate = wilson(int(right.sum()), int((inside & known).sum()), confidence=level)
        return FoundBin(one.label, one.low, one.high, estimate, int((inside & view.counted).sum()))

    found = tuple(told(one) for one in score_bins(numbers[known], labels, **how))
    nearest: tuple[FoundBin, ...] = ()
    notes = _notes(view, int(known.sum()))
    if len(found) == 1 and math.isinf(found[0].low) and math.isinf(found[0].high):
        notes = [f"every bin would vote {found[0].label}: the number tells nothing", *notes]
        found, nearest = (), found
    elif known.any() and not found:
        every = [told(_voting(Bin("", a, b), numbers, gold, known, names)) for a, b in pairwise(ends)]
        nearest = tuple(sorted(every, key=lambda one: -(one.precision.low or 0))[:NEAREST])
    return FoundBins(
        column=column,
        known=int(known.sum()),
        rows=view.rows,
        tried=tried,
        wanted=precision,
        found=found,
        nearest=nearest,
        between=int((~np.isnan(numbers) & view.counted).sum()) - sum(one.hits for one in found),
        notes=tuple(notes),
    )


def bins_yaml(found: FoundBins) -> str:
    """Return a rule with the bins, to paste into a rule pack; nothing where none was found.

    Examples
    --------
    >>> one = FoundBin("spam", 0.9, float("inf"), wilson(45, 45), 120)
    >>> print(bins_yaml(FoundBins(column="p", known=99, rows=500, tried=1, wanted=0.9, found=(one,), between=380)), end="")
    rules:
      - name: p_says
        kind: score
        field: p
        bins:
          - {label: spam, from: 0.9}    # right on 45 of 45, 0.921 or more; 120 rows
    """
    if not found.found:
        return ""
    lines = [
        "rules:",
        f"  - name: {slug(found.column).replace('.', '_') or 'number'}_says",
        "    kind: score",
        f"    field: {quoted(found.column)}",
        "    bins:",
    ]
    for one in found.found:
        right = round((one.precision.value or 0) * one.precision.n)
        keys = {"label": quoted(one.label)} | {k: _plain(v) for k, v in one.plain().items() if k != "label"}
        told = (
            f"right on {right} of {one.precision.n}, {one.precision.low or 0:.3f} or more; {one.hits:,} rows"
        )
        lines.append(f"      - {{{', '.join(f'{k}: {v}' for k, v in keys.items())}}}    # {told}")
    return "".join(f"{line}\n" for line in lines)


def _plain(number: float) -> str:
    """Return a number as YAML reads numbers, which wants a point before an exponent."""
    text = repr(number).removesuffix(".0")
    return re.sub(r"^(-?\d+)e", r"\1.0e", text) if "e" in text else text


def _voting(one: Bin, numbers: np.ndarray, gold: np.ndarray, known: Bool, names: Any) -> Bin:
    counts = np.bincount(gold[one.holds(numbers) & known], minlength=len(names))
    return Bin(names[int(np.argmax(counts))], one.low, one.high)


def _numbers(column: str, registry: LFRegistry, view: View) -> np.ndarray:
    frame = view.frame
    if column not in frame.columns:
        features = needed([column], registry.features)
        if not features:
            able = [n for n, kind in frame.schema.items() if kind.is_numeric()]
            available = [*able, *(one.name for one in registry.features)]
            hint = did_you_mean(column, available)
            raise CorpusError(f"no column or feature {column!r} of numbers", available=available, hint=hint)
        frame = compute(Batch(frame, view.ids, Faults("raise")), features)[0].frame
    values = frame.get_column(column)
    if not (values.dtype.is_numeric() or values.dtype == pl.Null):
        able = [n for n, kind in frame.schema.items() if kind.is_numeric()]
        raise RuleError(f"{column!r} holds {values.dtype}, not numbers", available=able)
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _notes(view: View, known: int) -> list[str]:
    notes = []
    if known:
        notes.append(
            "these gold rows chose the bins, so that they can't judge the rule: other gold rows tell how right it is"
        )
    if view.sampled:
        notes.append(
            f"looked at {view.rows:,} of {view.total:,} rows, drawn by their hashed ids, and all gold rows"
        )
    return notes
