"""Do accepted labels still stand for the corpus, and for what comes in? Gaps between slices, and weights against them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from weaklabel.audit.two_samples import effective_counts, fisher_mid_p
from weaklabel.errors import GoldError, did_you_mean, some
from weaklabel.stats import Estimate, benjamini_hochberg, wilson_mean

ACCEPTED, ERRORS = "accepted", "errors"

_MOST_VALUES = 20
_OTHER = "(other)"


@dataclass(frozen=True)
class Gap:
    """One slice against all other rows.

    Parameters
    ----------
    kind
        ``accepted``: the slice's share of the accepted rows against its share of the others that they stand for;
        ``errors``: share of wrong labels in the slice against that outside.
    column, value
        The slice.
    inside, outside
        The two shares.
    n_inside, n_outside
        Rows that they are measured on.
    p, adjusted
        P-value of no gap, and the same adjusted over all gaps.
    alarm
        Whether it is a gap.

    Examples
    --------
    >>> print(Gap("accepted", "source", "web", 0.2, 0.6, 100, 100, 1e-9, 1e-8, True))
    source = 'web' is 20.0 % of 100 accepted rows and 60.0 % of the 100 others: too few accepted
    """

    kind: str
    column: str
    value: str
    inside: float
    outside: float
    n_inside: int
    n_outside: int
    p: float
    adjusted: float = math.nan
    alarm: bool = False

    def __str__(self) -> str:
        name = f"{self.column} = {self.value!r}"
        if self.kind == ERRORS:
            return (
                f"where {name}, {100 * self.inside:.1f} % of {self.n_inside} checked labels are wrong, elsewhere "
                f"{100 * self.outside:.1f} % of {self.n_outside}, against adjudicated gold"
            )
        side = "few" if self.inside < self.outside else "many"
        return (
            f"{name} is {100 * self.inside:.1f} % of {self.n_inside} accepted rows and {100 * self.outside:.1f} % of "
            f"the {self.n_outside} others: too {side} accepted"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in data.items()}
        return {**plain, "sentence": str(self)}


@dataclass(frozen=True, eq=False)
class Representation:
    """Whether accepted rows stand for the rows that they are used for; made by `represents`.

    Parameters
    ----------
    gaps
        Every slice that was compared, alarms first.
    weights
        For each accepted row `id` and `weight`: with them the accepted rows have the mix of slices of the target. Their
        mean is 1.
    worth
        Number of equally weighted rows that the weighted ones are worth.
    missing
        Share of the target that lies in combinations of slices without an accepted row; no weight speaks for it.
    level
        Chance of any false gap.

    Examples
    --------
    >>> target = pl.DataFrame({"id": list("abcd"), "source": ["web", "web", "mail", "mail"]})
    >>> found = represents(target.filter(pl.col("id") != "b"), target, ["source"])
    >>> found.weights["weight"].to_list(), round(found.worth, 2), found.missing
    ([1.5, 0.75, 0.75], 2.67, 0.0)
    """

    gaps: tuple[Gap, ...]
    weights: pl.DataFrame
    worth: float
    missing: float
    level: float

    @property
    def alarm(self) -> bool:
        """Whether there is any gap."""
        return any(gap.alarm for gap in self.gaps)

    def sentences(self) -> list[str]:
        """Return what is to be said, gaps first."""
        gaps = [str(gap) for gap in self.gaps if gap.alarm]
        made = sum(not math.isnan(gap.p) for gap in self.gaps)
        held = f"a false one at most {100 * self.level:g} times in 100"
        head = gaps or [f"no gap seen between accepted rows and the others: {made} comparisons ({held})"]
        rows = self.weights.height
        told = [f"weighted against the selection, {rows} accepted rows are worth {self.worth:.0f}"]
        if self.missing:
            told.append(
                f"{100 * self.missing:.1f} % of the rows lie where nothing was accepted: no weight speaks for them"
            )
        return [*head, *told]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, without the weights."""
        return {
            "alarm": self.alarm,
            "level": self.level,
            "gaps": [gap.to_dict() for gap in self.gaps],
            "worth": self.worth,
            "missing": self.missing,
            "sentences": self.sentences(),
        }


def represents(
    accepted: pl.DataFrame,
    target: pl.DataFrame,
    by: Sequence[str],
    *,
    checked: pl.DataFrame | None = None,
    level: float = 0.05,
) -> Representation:
    """Compare accepted rows with those that they are to stand for: the corpus, or what comes in from production.

    Parameters
    ----------
    accepted
        Rows whose labels are accepted: `id` and the columns of `by`.
    target
        Rows that they stand for, with the same columns; it may hold the accepted rows or not.
    by
        Columns whose values are slices: label, source, language, month. Of each the 20 most frequent values of the
        target are looked at, the others taken together.
    checked
        Accepted rows that people checked: `id`, `right` (Boolean), `inclusion` (probability of having been drawn), to
        compare errors as well. Rows without a known probability are left out.
    level
        Chance of any gap when there is none.

    Returns
    -------
    Representation
        Weights are the target's share of each combination of values over the accepted rows' share of it.

    Raises
    ------
    GoldError
        Columns are missing, or no row is accepted.

    Notes
    -----
    Gaps in what is accepted are tested against target rows that are not accepted, which are other rows, by Fisher's test
    with mid-P; gaps in errors likewise at the effective numbers of rows. All are adjusted together by Benjamini and
    Hochberg. Weights: post-stratification (D. Holt, T. M. F. Smith, "Post stratification", JRSS A 142, 1979).

    Examples
    --------
    >>> target = pl.DataFrame({"id": [str(i) for i in range(400)], "source": ["web", "mail"] * 200})
    >>> found = represents(target.filter(pl.col("source") == "mail").head(50), target, ["source"])
    >>> found.alarm, found.missing
    (True, 0.5)
    """
    for frame, which in ((accepted, "the accepted rows"), (target, "the rows that they stand for")):
        for name in ("id", *by):
            if name not in frame.columns:
                raise GoldError(
                    f"{which} have no column {name!r}",
                    available=frame.columns,
                    hint=did_you_mean(name, frame.columns),
                )
    if not accepted.height:
        raise GoldError("no row is accepted", hint="relabel, or lower the threshold")
    values = {name: _frequent(target, name) for name in by}
    mine, whole = _grouped(accepted, values), _grouped(target, values)
    others = whole.filter(~pl.col("id").is_in(mine["id"].implode()))
    gaps = list(_accepted_gaps(mine, others, by))
    if checked is not None:
        gaps += _error_gaps(mine, checked, by)
    adjusted = benjamini_hochberg([gap.p for gap in gaps])
    told = [
        replace(g, adjusted=float(q), alarm=bool(q <= level)) for g, q in zip(gaps, adjusted, strict=True)
    ]
    told.sort(key=lambda g: (not g.alarm, g.p if not math.isnan(g.p) else 2.0, g.kind, g.column, g.value))
    weights, missing = _weights(mine, whole, by)
    w = weights["weight"].to_numpy()
    return Representation(tuple(told), weights, float(w.sum() ** 2 / (w @ w)), missing, level)


def weighted_accuracy(checked: pl.DataFrame, weights: pl.DataFrame) -> Estimate:
    """Return the accuracy that accepted labels would have with the target's mix of slices, from checked rows.

    Parameters
    ----------
    checked
        `id`, `right`, `inclusion`, as for `represents`.
    weights
        The weights that `represents` found.

    Examples
    --------
    >>> weights = pl.DataFrame({"id": ["a", "b"], "weight": [1.5, 0.5]})
    >>> checked = pl.DataFrame({"id": ["a", "b"], "right": [True, False], "inclusion": [0.5, 0.5]})
    >>> weighted_accuracy(checked, weights).value
    0.75
    """
    rows = _usable(checked).join(weights, on="id")
    w = rows["weight"].to_numpy() / rows["inclusion"].to_numpy()
    return wilson_mean(rows["right"].cast(pl.Float64).to_numpy(), weights=w)


def _frequent(target: pl.DataFrame, name: str) -> list[str]:
    counts = target[name].cast(pl.String).fill_null("(none)").value_counts(name="rows")
    return counts.sort(-pl.col("rows").cast(pl.Int64), name)[name].head(_MOST_VALUES).to_list()


def _grouped(frame: pl.DataFrame, values: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    columns = []
    for name, kept in values.items():
        text = pl.col(name).cast(pl.String).fill_null("(none)")
        columns.append(pl.when(text.is_in(list(kept))).then(text).otherwise(pl.lit(_OTHER)).alias(name))
    return frame.select(pl.col("id").cast(pl.String), *columns)


def _accepted_gaps(mine: pl.DataFrame, others: pl.DataFrame, by: Sequence[str]) -> Iterator[Gap]:
    n, m = mine.height, others.height
    for column in by:
        names = sorted(set(mine[column]) | set(others[column]))
        a, b = (np.array([int((f[column] == name).sum()) for name in names]) for f in (mine, others))
        for name, x, y, p in zip(names, a, b, fisher_mid_p(a, n, b, m), strict=True):
            yield Gap(ACCEPTED, column, name, int(x) / n, int(y) / max(m, 1), n, m, float(p))


def _error_gaps(mine: pl.DataFrame, checked: pl.DataFrame, by: Sequence[str]) -> Iterator[Gap]:
    rows = _usable(checked)
    strange = rows.filter(~pl.col("id").is_in(mine["id"].implode()))
    if strange.height:
        raise GoldError(f"{strange.height} checked rows are not accepted: {some(strange['id'])}")
    known = rows.join(mine, on="id")
    wrong, weight = ~known["right"].to_numpy(), 1 / known["inclusion"].to_numpy()
    top = float(weight.max()) if len(weight) else 1.0
    for column in by:
        for name in known[column].unique().sort():
            inside = (known[column] == name).to_numpy()
            x, n = effective_counts(wrong[inside], weight[inside], top)
            y, m = effective_counts(wrong[~inside], weight[~inside], top)
            p = float(fisher_mid_p(x, n, y, m))
            now, then = (
                float(weight[s] @ wrong[s]) / max(float(weight[s].sum()), 1e-300) for s in (inside, ~inside)
            )
            yield Gap(ERRORS, column, name, now, then, int(inside.sum()), int((~inside).sum()), p)


def _usable(checked: pl.DataFrame) -> pl.DataFrame:
    for name in ("id", "right", "inclusion"):
        if name not in checked.columns:
            raise GoldError(f"the checked rows have no column {name!r}", available=checked.columns)
    rows = checked.select(pl.col("id").cast(pl.String), "right", "inclusion").drop_nulls()
    odd = rows.filter((pl.col("inclusion") <= 0) | (pl.col("inclusion") > 1))
    if odd.height:
        raise GoldError(
            f"inclusion probability {odd['inclusion'][0]} is not above 0 and at most 1",
            where=f"row {odd['id'][0]!r}",
        )
    return rows


def _weights(mine: pl.DataFrame, whole: pl.DataFrame, by: Sequence[str]) -> tuple[pl.DataFrame, float]:
    keys = list(by)
    if not keys:
        return mine.select("id", weight=pl.lit(1.0)), 0.0
    have = mine.group_by(keys).agg(have=pl.len())
    want = whole.group_by(keys).agg(want=pl.len())
    cells = want.join(have, on=keys, how="left").with_columns(pl.col("have").fill_null(0))
    lost = int(cells.filter(have=0)["want"].sum()) / max(whole.height, 1)
    weighted = mine.join(cells, on=keys, how="left", maintain_order="left").with_columns(
        weight=pl.col("want").fill_null(0) / pl.col("have").fill_null(1)
    )
    mean = weighted["weight"].mean()
    if not isinstance(mean, float) or mean <= 0:
        raise GoldError("no accepted row lies in a slice of the rows that they stand for")
    return weighted.select("id", weight=pl.col("weight") / mean), lost
