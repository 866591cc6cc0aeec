"""Has the mix of classes moved? Estimated from labels alone, by what is known of how the labels confuse classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.audit.two_samples import homogeneity_p
from weaklabel.errors import GoldError
from weaklabel.stats import Estimate

_STEPS, _TOLERANCE, _SMOOTH = 2000, 1e-8, 0.5
Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LabelShift:
    """Shares of the true classes in new rows; made by `label_shift`.

    Parameters
    ----------
    labels
        Class names.
    before
        Shares of the true classes where the confusion was counted.
    after
        Estimated shares in the new rows, with intervals.
    given
        Shares of the labels that the new rows were given, which errors pull away from the true ones.
    p
        P-value that the new rows' labels are spread as before.
    rows
        New rows with a label.
    told_apart
        Smallest singular value of the confusion's shares: near 0 the labels can't tell classes apart, and intervals are
        wide.

    Examples
    --------
    >>> found = label_shift(["ham", "spam"], [[90, 10], [20, 80]], [450, 550])
    >>> [round(e.value, 2) for e in found.after]
    [0.36, 0.64]
    """

    labels: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[Estimate, ...]
    given: tuple[float, ...]
    p: float
    rows: int
    told_apart: float

    def moved(self) -> list[int]:
        """Return the classes whose interval does not hold their share before."""
        pairs = zip(self.after, self.before, strict=True)
        return [
            c
            for c, (now, was) in enumerate(pairs)
            if now.low is not None and now.high is not None and not now.low <= was <= now.high
        ]

    def sentences(self) -> list[str]:
        """Return it for people.

        Examples
        --------
        >>> print(label_shift(["ham", "spam"], [[90, 10], [20, 80]], [450, 550]).sentences()[0])
        class 'ham' is about 35.7 % of 1000 new rows (25.9 % to 44.6 %), before 50.0 %
        """
        moved = self.moved()
        if not moved:
            return [f"no class's share is seen to move on {self.rows} new rows (p = {self.p:.3f})"]
        told = []
        for c in moved:
            now = self.after[c]
            assert now.value is not None and now.low is not None and now.high is not None
            told.append(
                f"class {self.labels[c]!r} is about {100 * now.value:.1f} % of {self.rows} new rows "
                f"({100 * now.low:.1f} % to {100 * now.high:.1f} %), before {100 * self.before[c]:.1f} %"
            )
        told.append("this holds if rows of a class look as they did, and only their number has changed")
        return told

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        classes = [
            {"label": name, "before": was, "given": given, "after": now.to_dict()}
            for name, was, given, now in zip(self.labels, self.before, self.given, self.after, strict=True)
        ]
        return {
            "classes": classes,
            "p": None if np.isnan(self.p) else self.p,
            "rows": self.rows,
            "told_apart": self.told_apart,
            "sentences": self.sentences(),
        }


def label_shift(
    labels: Sequence[str],
    confusion: npt.ArrayLike,
    given: npt.ArrayLike,
    *,
    seed: int = 0,
    resamples: int = 500,
    confidence: float = 0.95,
) -> LabelShift:
    """Estimate the shares of the true classes in new rows from the labels they were given.

    Parameters
    ----------
    labels
        Class names, in the order of the counts.
    confusion
        Rows of each true class (first axis) that were given each label, where the truth is known or estimated: from
        gold, or sums of calibrated probabilities. Drawn with equal chances, or weighted so.
    given
        New rows by the label that they were given.
    seed, resamples
        Of the bootstrap that makes intervals; it draws both the confusion and the new rows anew.
    confidence
        Nominal coverage of each interval.

    Raises
    ------
    GoldError
        Shapes don't fit, counts are negative, or a class has no row in the confusion.

    Notes
    -----
    Expectation maximisation for the shares of a mixture whose parts are the confusion's rows: M. Saerens, P. Latinne,
    C. Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities", Neural Computation 14 (2002),
    on labels in place of probabilities, for which the parts are known; its fixed point is the maximum of the likelihood.
    It assumes that rows of a class are labeled as before.

    Examples
    --------
    >>> found = label_shift(["ham", "spam"], [[90, 10], [20, 80]], [900, 600])
    >>> [round(e.value, 2) for e in found.after], found.moved()
    ([0.57, 0.43], [])
    """
    table, new = np.asarray(confusion, np.float64), np.asarray(given, np.float64)
    _check(labels, table, new)
    parts = (table + _SMOOTH / len(labels)) / (table.sum(axis=1, keepdims=True) + _SMOOTH)
    value = mixture_shares(parts, new)
    generator = np.random.default_rng(seed)
    drawn = _again(table, new, generator, resamples)
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    n = int(new.sum())
    after = tuple(
        Estimate(float(v), min(float(a), float(v)), max(float(b), float(v)), n, method="EM, bootstrap")
        for v, a, b in zip(value, low, high, strict=True)
    )
    prior = table.sum(axis=1) / table.sum()
    return LabelShift(
        tuple(labels),
        tuple(prior.tolist()),
        after,
        tuple((new / max(new.sum(), 1)).tolist()),
        homogeneity_p(table.sum(axis=0), new),
        n,
        float(np.linalg.svd(parts, compute_uv=False)[-1]),
    )


def gold_confusion(rows: pl.DataFrame, labels: Sequence[str]) -> Float:
    """Count how rows of each true class were labeled, (labels, labels), from rows that people checked.

    Parameters
    ----------
    rows
        `gold` (true class), `label` (given), and if they were not all equally likely to be drawn `inclusion`. Rows
        without gold, label or known probability are left out.
    labels
        Class names in the order of their codes.

    Returns
    -------
    numpy.ndarray
        Weighted counts that sum to the number of rows that the sample is worth (Kish).

    Examples
    --------
    >>> rows = pl.DataFrame({"gold": ["ham", "spam", "spam"], "label": ["ham", "ham", "spam"]})
    >>> gold_confusion(rows, ["ham", "spam"]).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    for name in ("gold", "label"):
        if name not in rows.columns:
            raise GoldError(f"the checked rows have no column {name!r}", available=rows.columns)
    inclusion = pl.col("inclusion") if "inclusion" in rows.columns else pl.lit(1.0)
    known = rows.select("gold", "label", inclusion=inclusion).drop_nulls()
    names = pl.concat([known["gold"].alias("name"), known["label"].alias("name")])
    strange = names.filter(~names.is_in(list(labels)))
    if len(strange):
        raise GoldError(f"label {strange[0]!r} is none of the classes", available=list(labels))
    if known.filter((pl.col("inclusion") <= 0) | (pl.col("inclusion") > 1)).height:
        raise GoldError("an inclusion probability of a checked row is not above 0 and at most 1")
    code = {name: i for i, name in enumerate(labels)}
    a, b = (known[n].replace_strict(code, return_dtype=pl.Int64).to_numpy() for n in ("gold", "label"))
    w = 1 / known["inclusion"].to_numpy().astype(np.float64)
    scale = w.sum() / (w @ w) if len(w) else 1.0
    cells = np.bincount(a * len(labels) + b, weights=w * scale, minlength=len(labels) ** 2)
    table: Float = cells.reshape(len(labels), len(labels)).astype(np.float64)
    return table


def mixture_shares(parts: Float, counts: Float) -> Float:
    """Return the shares of a mixture that make counts likeliest, by EM.

    Parameters
    ----------
    parts
        Distribution of each part over the cells, shape (k, c); rows sum to 1.
    counts
        Rows in each cell, shape (c,).

    Examples
    --------
    >>> mixture_shares(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([45.0, 55.0])).round(3).tolist()
    [0.357, 0.643]
    """
    return _mixtures(parts[None], counts[None])[0]


def _mixtures(parts: Float, counts: Float) -> Float:
    """Return the shares of several mixtures, (r, k), of parts (r, k, c) and counts (r, c)."""
    shares: Float = np.full(parts.shape[:2], 1 / parts.shape[1])
    seen = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)
    for _ in range(_STEPS):
        joint = shares[:, :, None] * parts
        weight = seen / np.maximum(joint.sum(axis=1), 1e-300)
        new: Float = (joint * weight[:, None, :]).sum(axis=2)
        moved = np.abs(new - shares).max()
        shares = new
        if moved < _TOLERANCE:
            break
    return shares


def _again(table: Float, new: Float, generator: np.random.Generator, resamples: int) -> Float:
    parts = np.stack([generator.dirichlet(row + _SMOOTH / len(row), resamples) for row in table], axis=1)
    counts = generator.multinomial(int(new.sum()), new / new.sum(), resamples).astype(np.float64)
    return _mixtures(parts, counts)


def _check(labels: Sequence[str], table: Float, new: Float) -> None:
    k = len(labels)
    if table.shape != (k, k) or new.shape != (k,):
        raise GoldError(
            f"{k} classes need a confusion of shape ({k}, {k}) and {k} counts, not {table.shape} and {new.shape}"
        )
    if (table < 0).any() or (new < 0).any() or not new.sum():
        raise GoldError("counts are not negative, and there is at least one new row")
    empty = [name for name, row in zip(labels, table.sum(axis=1), strict=True) if not row]
    if empty:
        raise GoldError(
            f"no row of class {empty[0]!r} is known, so nobody knows how it is labeled",
            available=[name for name in labels if name not in empty],
            hint="label some rows of that class first",
        )
