"""The one sampling module: every draw of rows, for batches, audits and selection, with its inclusion probabilities."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import GoldError, did_you_mean, some
from weaklabel.fingerprint import event_hash
from weaklabel.gold.allocation import ALLOCATIONS, Wanted, all_taken, allocate

DRAW: dict[str, Any] = {
    "id": pl.String,
    "design": pl.String,
    "stratum": pl.String,
    "inclusion": pl.Float64,
    "purpose": pl.String,
    "order": pl.Int64,
}
"""Columns of a draw; `inclusion` is the row's probability of being in such a draw, null where nobody knows it."""

DESIGNS = ("simple", "stratified", "poisson", "rare", "pps")


@dataclass(frozen=True)
class Draw:
    """Rows drawn from a frame; made by `draw`.

    Parameters
    ----------
    frame
        One row for each that was drawn, columns of `DRAW`, in a random order that `order` numbers from 0.
    notes
        What the caller should know, in sentences: fewer rows than asked for, rows that can't be drawn.

    Examples
    --------
    >>> drawn = draw(pl.DataFrame({"id": ["a", "b"]}), 5, seed=1, purpose="audit")
    >>> drawn.frame["inclusion"].to_list(), drawn.notes
    ([1.0, 1.0], ('5 rows were asked for and there are 2: all are taken',))
    """

    frame: pl.DataFrame
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.frame.height


def draw(
    frame: pl.DataFrame,
    size: int,
    *,
    design: str = "simple",
    purpose: str,
    seed: int,
    strata: str | Sequence[str] | None = None,
    allocation: str | Mapping[str, int] = "proportional",
    spread: Mapping[str, float] | None = None,
    minimum: int = 1,
    weights: str | None = None,
    uniform: float | None = None,
) -> Draw:
    """Return a random sample of the rows of a frame, each with its exact probability of being drawn.

    Parameters
    ----------
    frame
        Rows to draw from, with a String column `id`, unique.
    size
        Rows wanted. More than there are: all are taken, and a note says so.
    design
        "simple": every set of that many rows is equally likely. "stratified": a simple sample in each stratum.
        "poisson": each row on its own, with a probability in proportion to its weight; the number drawn varies
        around `size`. "rare": the same, with a share of the probability spread evenly, so that rows that a score
        takes for hopeless are seen too. "pps": systematic with probability in proportion to weight, exactly `size`
        rows.
    purpose
        What the draw is for ("batch", "audit", …). Draws with different purposes are independent of each other.
    seed
        Seed; the same frame, purpose and seed give the same draw, whatever the order of the rows.
    strata
        Column or columns whose values are the strata, for "stratified". The stratum of several columns is the JSON
        list of their values.
    allocation
        How `size` is shared among strata: "proportional" to their rows, "equal", "neyman" (rows times `spread`), or
        the number for each stratum by name; these then sum to `size`.
    spread
        For "neyman": the standard deviation of what is measured, for each stratum by name.
    minimum
        Least number of rows of each stratum, or all of a smaller one.
    weights
        Column of weights, for "poisson", "rare" and "pps": finite, not negative. A row of weight 0 is never drawn
        unless `uniform` lets it.
    uniform
        Share of the probability that is spread evenly over all rows, 0 to 1; 0.1 for "rare", else 0.

    Returns
    -------
    Draw
        In all designs but "poisson" and "rare", exactly `size` rows (or as many as can be drawn).

    Raises
    ------
    GoldError
        The frame has no usable ids, a column is missing, or the options don't fit the design or each other.

    Notes
    -----
    Each row has one permanent random number, a hash of purpose, seed and id (K. R. W. Brewer, L. J. Early,
    S. F. Joyce, "Selecting several samples from a single population", Australian Journal of Statistics 14, 1972).
    So a larger draw of the same purpose and seed holds the smaller one, except for "pps" and for other changes of
    the design, and a frame that grows changes the sample little. To draw again from the rows that are left, take
    another seed: their numbers are known to be large. Rows are allocated to strata by Webster's divisors, so no
    stratum ever loses a row to a larger `size`. "pps" sorts the rows by their random numbers and steps through the
    summed weights from a random start (W. G. Madow, Annals of Mathematical Statistics 20, 1949), with rows whose
    probability would pass 1 taken for certain.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": list("abcdefgh"), "label": ["ham"] * 6 + ["spam"] * 2})
    >>> drawn = draw(rows, 4, design="stratified", strata="label", seed=1, purpose="batch")
    >>> drawn.frame.group_by("stratum", "inclusion").len().sort("stratum").rows()
    [('ham', 0.5, 3), ('spam', 0.5, 1)]
    """
    _check_design(
        design, strata=strata, weights=weights, allocation=allocation, spread=spread, uniform=uniform
    )
    ids = _ids(frame)
    if isinstance(size, bool) or size < 1:
        raise GoldError(f"a draw takes at least 1 row, not {size}")
    if not purpose:
        raise GoldError("a draw needs a purpose", hint="name what it is for: batch, check, audit, …")
    keys = np.fromiter((event_hash(f"draw {purpose} {id}", seed) for id in ids), np.uint64, len(ids))
    stratum = np.array([""] * len(ids), dtype=object)
    if design == "simple":
        chosen, inclusion, notes = _simple(_ranks(ids, keys), size)
    elif design == "stratified":
        stratum = _strata(frame, strata)
        wanted = Wanted(size, allocation, spread, minimum)
        chosen, inclusion, notes = _stratified(_ranks(ids, keys), stratum, wanted)
    else:
        share = (0.1 if design == "rare" else 0.0) if uniform is None else uniform
        probability, notes = _probabilities(_weights(frame, weights), size, share)
        start = event_hash(f"start {purpose}", seed)
        if design == "pps":
            chosen = _systematic(
                _ranks(ids, keys), probability, float(_unit(np.array([start], np.uint64))[0])
            )
        else:
            chosen = np.logical_or(probability >= 1, _unit(keys) < probability)
        inclusion = probability
        if design != "pps" and chosen.sum() != min(size, (probability > 0).sum()):
            notes += (f"{int(chosen.sum())} rows are drawn: {size} is what such draws have on average",)
    return Draw(_frame(ids, keys, chosen, stratum, inclusion, design, purpose), notes)


Chosen = tuple[np.ndarray, np.ndarray, tuple[str, ...]]


def _simple(ranks: np.ndarray, size: int) -> Chosen:
    n = len(ranks)
    notes = (all_taken(size, n),) if size > n else ()
    taken = min(size, n)
    return ranks < taken, np.full(n, taken / n), notes


def _stratified(ranks: np.ndarray, stratum: np.ndarray, wanted: Wanted) -> Chosen:
    names, code, counts = np.unique(stratum.astype(str), return_inverse=True, return_counts=True)
    take, notes = allocate([str(name) for name in names], counts, wanted)
    order = np.lexsort((ranks, code))
    first = np.cumsum(counts) - counts
    within = np.empty(len(ranks), dtype=np.int64)
    within[order] = np.arange(len(ranks)) - first[code[order]]
    return within < take[code], (take / counts)[code], notes


def _probabilities(weights: np.ndarray, size: int, uniform: float) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the rows' probabilities of inclusion, min(1, c w) with c such that they sum to the size."""
    n = len(weights)
    if not weights.any() and uniform < 1:
        raise GoldError("all weights are 0: no row is likelier than another", hint='use design="simple"')
    w = np.full(n, uniform / n)
    if weights.any():
        w += (1 - uniform) * weights / math.fsum(weights)
    possible = int((w > 0).sum())
    notes: tuple[str, ...] = ()
    if possible < n:
        notes += (f"{n - possible} of {n} rows have weight 0 and can't be drawn",)
    if size >= possible:
        if size > possible:
            notes += (all_taken(size, possible),)
        return (w > 0).astype(np.float64), notes
    ranked = np.sort(w)[::-1]
    rest = np.cumsum(ranked[::-1])[::-1]  # sum of this and all smaller weights
    certain = np.arange(size)
    fits = (size - certain) * ranked[:size] <= rest[:size]
    c = (size - certain[fits][0]) / rest[certain[fits][0]]
    return np.minimum(1.0, c * w), notes


def _systematic(ranks: np.ndarray, probability: np.ndarray, start: float) -> np.ndarray:
    """Choose the rows in whose stretch of the summed probabilities a whole number plus the start falls."""
    order = np.argsort(ranks)
    certain = probability[order] >= 1
    ends = np.cumsum(np.where(certain, 0.0, probability[order]))
    total = round(float(ends[-1]))
    ends *= total / ends[-1] if total else 1.0
    steps = np.floor(ends - start)
    hit = np.diff(steps, prepend=np.floor(-start)) > 0
    if total:  # rounding must not move the last row off its end
        last = int(np.flatnonzero(~certain)[-1])
        hit[last] |= int(hit.sum()) < total
    chosen = np.zeros(len(ranks), dtype=bool)
    chosen[order] = hit | certain
    return chosen


def _frame(
    ids: Sequence[str],
    keys: np.ndarray,
    chosen: np.ndarray,
    stratum: np.ndarray,
    inclusion: np.ndarray,
    design: str,
    purpose: str,
) -> pl.DataFrame:
    places = [int(i) for i in np.flatnonzero(chosen)]
    found = pl.DataFrame(
        {
            "id": [ids[i] for i in places],
            "key": keys[places],
            "stratum": [str(stratum[i]) for i in places],
            "inclusion": inclusion[places],
        },
        schema={"id": pl.String, "key": pl.UInt64, "stratum": pl.String, "inclusion": pl.Float64},
    ).sort("key", "id")
    return found.with_columns(
        pl.lit(design).alias("design"),
        pl.lit(purpose).alias("purpose"),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("order"),
    ).select(DRAW.keys())


def _ranks(ids: Sequence[str], keys: np.ndarray) -> np.ndarray:
    """Return each row's place in the order of the random numbers; equal ones by id."""
    order = pl.DataFrame({"key": keys, "id": ids}).select(pl.arg_sort_by("key", "id")).to_series().to_numpy()
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def _unit(keys: np.ndarray) -> np.ndarray:
    """Return the numbers as shares of 1, always below 1."""
    return (keys >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _ids(frame: pl.DataFrame) -> list[str]:
    if "id" not in frame.columns:
        raise GoldError("the rows to draw from have no column 'id'", available=frame.columns)
    ids = frame["id"]
    if not ids.len():
        raise GoldError("there are no rows to draw from")
    if ids.dtype != pl.String:
        raise GoldError(f"ids are text, and this column 'id' holds {ids.dtype}")
    if ids.null_count():
        raise GoldError(f"{ids.null_count()} of {ids.len()} rows to draw from have no id")
    if ids.n_unique() < ids.len():
        twice = ids.filter(ids.is_duplicated()).unique(maintain_order=True)
        raise GoldError(
            f"{twice.len()} ids stand more than once among the rows to draw from: {some(twice)}",
            hint="a row that stands twice would be drawn twice as often as is written down",
        )
    return ids.to_list()


def _strata(frame: pl.DataFrame, strata: str | Sequence[str] | None) -> np.ndarray:
    columns = [strata] if isinstance(strata, str) else list(strata or ())
    for name in columns:
        _known_column(frame, name, "strata")
    if len(columns) == 1:
        values = [json.dumps(None) if v is None else _text(v) for v in frame[columns[0]]]
    else:
        values = [json.dumps([None if v is None else _text(v) for v in row], ensure_ascii=False)
                  for row in frame.select(columns).iter_rows()]  # fmt: skip
    return np.array(values, dtype=object)


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value)


def _weights(frame: pl.DataFrame, column: str | None) -> np.ndarray:
    assert column is not None
    _known_column(frame, column, "weights")
    given = frame[column]
    if not given.dtype.is_numeric():
        raise GoldError(f"weights are numbers, and column {column!r} holds {given.dtype}")
    values = given.cast(pl.Float64).fill_null(math.nan).to_numpy()
    wrong = np.flatnonzero(~np.isfinite(values) | (values < 0))
    if len(wrong):
        first = int(wrong[0])
        raise GoldError(
            f"{len(wrong)} of {len(values)} weights in column {column!r} are no weights: "
            f"{values[first]} of row {frame['id'][first]!r}",
            hint="a weight is a finite number, not negative",
        )
    return values


def _known_column(frame: pl.DataFrame, name: str, option: str) -> None:
    if name not in frame.columns:
        raise GoldError(
            f"{option} names column {name!r}, which the rows don't have",
            available=frame.columns,
            hint=did_you_mean(name, frame.columns),
        )


def _check_design(design: str, **options: Any) -> None:
    if design not in DESIGNS:
        raise GoldError(
            f"there is no sampling design {design!r}", available=DESIGNS, hint=did_you_mean(design, DESIGNS)
        )
    stratified, weighted = design == "stratified", design in ("poisson", "rare", "pps")
    _fits(design, "strata", options["strata"], stratified, needed=True)
    _fits(design, "weights", options["weights"], weighted, needed=True)
    _fits(design, "uniform", options["uniform"], weighted)
    allocation = options["allocation"]
    if isinstance(allocation, str) and allocation not in ALLOCATIONS:
        hint = did_you_mean(allocation, ALLOCATIONS)
        raise GoldError(f"there is no allocation {allocation!r}", available=ALLOCATIONS, hint=hint)
    neyman = stratified and allocation == "neyman"
    _fits(f"{design} with allocation {allocation!r}", "spread", options["spread"], neyman, needed=True)
    if options["uniform"] is not None and not 0 <= options["uniform"] <= 1:
        raise GoldError(f"uniform is a share between 0 and 1, not {options['uniform']}")


def _fits(design: str, option: str, value: object, used: bool, *, needed: bool = False) -> None:
    if used and needed and not value:
        raise GoldError(f"a draw of design {design} needs {option}=")
    if not used and value is not None:
        raise GoldError(f"a draw of design {design} has no use for {option}=")
