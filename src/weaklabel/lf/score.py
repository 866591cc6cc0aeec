"""Rules that turn a number (a model's probability, a distance, a rating) into votes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from weaklabel.errors import RuleError, did_you_mean
from weaklabel.lf.base import LabelingFunction, caller, check_field, check_options
from weaklabel.lf.outcomes import vote_code
from weaklabel.schema import ABSTAIN, LabelSchema
from weaklabel.stats import wilson

_KEYS = ("label", "from", "to")
_FORM = '[{"label": "spam", "from": 0.9}, {"label": "ham", "to": 0.1}]'


@dataclass(frozen=True)
class Bin:
    """The numbers for which a score rule votes for a label.

    Parameters
    ----------
    label
        The label.
    low, high
        Least number, and the number below which it ends; infinite where there is no end.
    """

    label: str
    low: float = -math.inf
    high: float = math.inf

    def holds(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Say of each number whether it is in the bin."""
        return (values >= self.low) & ((values < self.high) | (self.high == math.inf))

    def plain(self) -> dict[str, Any]:
        """Return the form in which bins are written."""
        ends = {"from": self.low, "to": self.high}
        return {"label": self.label, **{name: end for name, end in ends.items() if math.isfinite(end)}}


@dataclass(frozen=True, kw_only=True, eq=False)
class Score(LabelingFunction):
    """Votes by the bin that a number falls into, and abstains between the bins; made by `score`.

    Examples
    --------
    >>> rule = score("model_says", [{"label": "spam", "from": 0.9}, {"label": "ham", "to": 0.1}], field="p_spam")
    >>> rule.labels, rule.fields
    (('ham', 'spam'), ('p_spam',))
    """

    bins: tuple[Bin, ...]
    field: str

    kind: ClassVar[str] = "score"
    needs_label: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field(self.field, where=self.where)
        if self.label is not None:
            raise RuleError("the bins of a score rule name its labels: leave `label` out", where=self.where)
        self._set("bins", _read_bins(self.bins, self.where))

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns it reads."""
        return (self.field,)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels it votes for, from the lowest numbers up."""
        return tuple(dict.fromkeys(one.label for one in self.bins))

    def parameters(self) -> dict[str, Any]:
        """Return what its kind adds, as plain data."""
        return {"field": self.field, "bins": [one.plain() for one in self.bins]}

    def votes(self, numbers: npt.ArrayLike, schema: LabelSchema) -> npt.NDArray[np.int8]:
        """Return the vote for each number, (n,); NaN abstains.

        Examples
        --------
        >>> rule = score("stars", [{"label": "bad", "to": 2}, {"label": "good", "from": 4}], field="stars")
        >>> rule.votes([1, 2, 3, 4, float("nan")], LabelSchema(["good", "bad"])).tolist()
        [1, -1, -1, 0, -1]
        """
        values = np.asarray(numbers, np.float64)
        found = np.full(values.shape, ABSTAIN, np.int8)
        for one in self.bins:
            found[one.holds(values)] = vote_code(self, one.label, schema)
        return found


def score(name: str, bins: Iterable[Mapping[str, Any] | Bin], *, field: str, **meta: Any) -> Score:
    """Make a rule that votes by the bin that a number falls into, and abstains between the bins.

    Parameters
    ----------
    name
        What people call it.
    bins
        Each a mapping with `label`, `from` (included) and `to` (not included); at least one of the ends. Bins don't
        overlap. `score_bins` finds them from gold.
    field
        The column of numbers. Null and NaN abstain.
    **meta
        id, description, owner, version, tags, fires_on, abstains_on, on_error: see `LabelingFunction`.

    Raises
    ------
    RuleError
        There are no bins, or one is empty, endless, or overlaps with another.

    Examples
    --------
    >>> rule = score("sure", [{"label": "spam", "from": 0.9}], field="p_spam", fires_on=[{"p_spam": 0.95}])
    >>> rule.bins
    (Bin(label='spam', low=0.9, high=inf),)
    """
    source = meta.pop("source", None) or caller()
    check_options(score, meta, source)
    return Score(name=name, bins=bins, field=field, source=source, **meta)  # type: ignore[arg-type]


def score_bins(
    numbers: npt.ArrayLike,
    labels: Iterable[str | None],
    *,
    precision: float = 0.9,
    confidence: float = 0.95,
    most: int = 20,
) -> tuple[Bin, ...]:
    """Find the bins of a score rule from rows with gold.

    The numbers are cut into bins of about equally many gold rows. A bin votes for its most frequent label if that is
    right there often enough: if the lower end of Wilson's interval, at a confidence that holds for all bins at once
    (Bonferroni), reaches `precision`. Neighbours that vote alike are joined; the others abstain.

    Parameters
    ----------
    numbers
        (n,) numbers of the gold rows; NaN is left out.
    labels
        Their gold labels; None is left out. Use gold that is meant for calibration: what these rows decided they
        can't judge.
    precision
        The share of a bin's rows that must be of its label.
    confidence
        With which all bins reach it.
    most
        Largest number of bins that is tried; fewer where there are few gold rows.

    Returns
    -------
    tuple of Bin
        From the lowest numbers up; empty where no bin is good enough.

    Examples
    --------
    >>> age = np.arange(600)
    >>> [one.plain() for one in score_bins(age, ["young" if a < 300 else "old" for a in age], most=4)]
    [{'label': 'young', 'to': 300.0}, {'label': 'old', 'from': 300.0}]
    """
    values = np.asarray(numbers, np.float64)
    names = np.array(list(labels), dtype=object)
    if values.ndim != 1 or len(values) != len(names):
        raise RuleError(f"{len(names)} labels for numbers of shape {values.shape}", hint="one label a number")
    known = ~np.isnan(values) & np.array([name is not None for name in names], bool)
    order = np.argsort(values[known], kind="stable")
    values, names = values[known][order], names[known][order]
    edges = bin_ends(values, precision=precision, confidence=confidence, most=most)
    level = bin_level(confidence, len(edges) - 1)
    found: list[Bin] = []
    for low, high in pairwise(edges):
        label = _label_of(names[Bin("", low, high).holds(values)], precision, level)
        if label is None:
            continue
        if found and found[-1].label == label and found[-1].high == low:
            low = found.pop().low
        found.append(Bin(label, low, high))
    return tuple(found)


def bin_ends(
    numbers: npt.ArrayLike, *, precision: float = 0.9, confidence: float = 0.95, most: int = 20
) -> list[float]:
    """Return the ends of the bins that `score_bins` tries: about equally many numbers in each, equal numbers together.

    Examples
    --------
    >>> bin_ends(np.arange(600), most=3)
    [-inf, 200.0, 400.0, inf]
    """
    values = np.sort(np.asarray(numbers, np.float64))
    count = _how_many(len(values), most, precision, confidence)
    inner = {float(values[len(values) * i // count]) for i in range(1, count)}
    return [-math.inf, *sorted(edge for edge in inner if edge > values[0]), math.inf]


def bin_level(confidence: float, bins: int) -> float:
    """Return the confidence of one bin's interval at which those of all bins hold together (Bonferroni).

    Examples
    --------
    >>> round(bin_level(0.95, 10), 6)
    0.995
    """
    return 1 - (1 - confidence) / bins


def _how_many(n: int, most: int, precision: float, confidence: float) -> int:
    """Return the largest number of bins whose rows, all right, would be twice enough for the precision."""
    for bins in range(most, 1, -1):
        rows = n // (2 * bins)
        if rows and (wilson(rows, rows, confidence=bin_level(confidence, bins)).low or 0) >= precision:
            return bins
    return 1


def _label_of(names: npt.NDArray[np.object_], precision: float, confidence: float) -> str | None:
    if not len(names):
        return None
    found, counts = np.unique(names.astype(str), return_counts=True)
    best = int(np.argmax(counts))
    low = wilson(int(counts[best]), len(names), confidence=confidence).low
    return str(found[best]) if low is not None and low >= precision else None


def _read_bins(bins: object, where: str) -> tuple[Bin, ...]:
    if isinstance(bins, str | Mapping) or not isinstance(bins, Iterable):
        raise RuleError(f"`bins` is a list, not {bins!r}", where=where, hint=_FORM)
    found = sorted((_read_bin(one, where) for one in bins), key=lambda one: (one.low, one.high))
    if not found:
        raise RuleError("no bins: the rule could never vote", where=where, hint=_FORM)
    for one, other in pairwise(found):
        if other.low < one.high:
            raise RuleError(f"`bins` overlap: {one.plain()} and {other.plain()}", where=where)
    return tuple(found)


def _read_bin(value: object, where: str) -> Bin:
    if isinstance(value, Bin):
        value = value.plain()
    if not isinstance(value, Mapping):
        raise RuleError(f"one of `bins` is a mapping, not {value!r}", where=where, hint=_FORM)
    for key in value:
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS) or _FORM
            raise RuleError(f"unknown key {key!r} in `bins`", where=where, available=_KEYS, hint=hint)
    if not isinstance(value.get("label"), str):
        raise RuleError(f"one of `bins` has no label: {dict(value)!r}", where=where, hint=_FORM)
    ends = {name: value[name] for name in ("from", "to") if value.get(name) is not None}
    for name, end in ends.items():
        if isinstance(end, bool) or not isinstance(end, int | float) or not math.isfinite(end):
            raise RuleError(f"`{name}` in `bins` is a number, not {end!r}", where=where)
    if not ends:
        raise RuleError(f"one of `bins` has neither from nor to: {dict(value)!r}", where=where, hint=_FORM)
    low, high = float(ends.get("from", -math.inf)), float(ends.get("to", math.inf))
    if not low < high:
        raise RuleError(f"one of `bins` is empty: {dict(value)!r}", where=where, hint="from is less than to")
    return Bin(value["label"], low, high)
