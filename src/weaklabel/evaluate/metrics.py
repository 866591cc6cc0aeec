"""The metrics: arrays in, estimates and tables out. Every rate has a coverage and an interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from weaklabel.evaluate.rows import Rows
from weaklabel.schema import LabelSchema
from weaklabel.stats import Estimate, bootstrap, undefined, wilson, wilson_mean

CLIP = 1e-6
"""Probabilities of the gold class are raised to this before their logarithm."""
N_BINS = 15
"""Equal-width bins of the calibration error."""
MIN_BOOTSTRAP = 10
"""With fewer rows resampling says nothing: the value stands without an interval."""

_RESAMPLED = ("log_loss", "brier", "ece", "macro_f1")


def headline(
    rows: Rows, schema: LabelSchema, *, seed: int, confidence: float, resamples: int
) -> dict[str, Estimate]:
    """Return coverage, accuracy, macro F1, log loss, Brier score and ECE of gold rows."""
    n = len(rows)
    kept, labeled = rows.take(rows.covered), rows.take(rows.answer >= 0)
    covered_share = wilson(len(kept), n, confidence=confidence)
    labeled_share = wilson(len(labeled), n, confidence=confidence)
    return {
        "coverage": covered_share,
        "accuracy": replace(wilson_mean(kept.score, confidence=confidence), coverage=covered_share.value),
        "accuracy_labeled": replace(
            wilson_mean(labeled.score, confidence=confidence), coverage=labeled_share.value
        ),
        **{
            name: replace(estimate, coverage=covered_share.value)
            for name, estimate in _resampled(
                kept, schema, seed=seed, confidence=confidence, resamples=resamples
            ).items()
        },
    }


def per_class(rows: Rows, schema: LabelSchema, *, confidence: float) -> pl.DataFrame:
    """Return precision, recall and F1 of each class with intervals, in schema order."""
    kept = rows.take(rows.covered)
    table = []
    for code, name in enumerate(schema.names):
        n_gold = int((rows.gold == code).sum())
        n = int((kept.gold == code).sum())
        line: dict[str, Any] = {
            "label": name,
            "n_gold": n_gold,
            "n": n,
            "coverage": n / n_gold if n_gold else None,
        }
        for metric, estimate in zip(
            ("precision", "recall", "f1"), _rates(kept, code, confidence), strict=True
        ):
            line[metric] = estimate.value
            line[f"{metric}_low"], line[f"{metric}_high"] = estimate.low, estimate.high
            line[f"{metric}_n"] = estimate.n
        table.append(line)
    counts = ("n_gold", "n", "precision_n", "recall_n", "f1_n")
    overrides = {name: pl.Int64 if name in counts else pl.Float64 for name in table[0] if name != "label"}
    return pl.DataFrame(table, schema_overrides=overrides)


def confusion(rows: Rows, schema: LabelSchema) -> pl.DataFrame:
    """Return counts of gold rows: a line per gold label, a column per given label, and `no label`."""
    k = len(schema)
    counts = np.zeros((k, k + 1), dtype=np.int64)
    np.add.at(counts, (rows.gold, rows.answer), 1)
    gold, none = _free("gold", schema.names), _free("no label", schema.names)
    return pl.DataFrame(
        {
            gold: pl.Series(schema.names, dtype=pl.String),
            **{name: counts[:, code] for code, name in enumerate(schema.names)},
            none: counts[:, k],
        }
    )


def reliability(rows: Rows, *, confidence: float) -> pl.DataFrame:
    """Return the calibration bins: edges, rows, mean confidence, accuracy with its interval."""
    kept = rows.take(rows.covered)
    score, sure, which = kept.score, _confidence(kept), _bins(kept)
    table: list[dict[str, Any]] = []
    for b in range(N_BINS):
        inside = which == b
        accuracy = wilson_mean(score[inside], confidence=confidence)
        table.append(
            {
                "bin": b,
                "from": b / N_BINS,
                "to": (b + 1) / N_BINS,
                "n": int(inside.sum()),
                "confidence": float(sure[inside].mean()) if inside.any() else None,
                "accuracy": accuracy.value,
                "accuracy_low": accuracy.low,
                "accuracy_high": accuracy.high,
            }
        )
    counts = ("bin", "n")
    return pl.DataFrame(
        table, schema_overrides={name: pl.Int64 if name in counts else pl.Float64 for name in table[0]}
    )


def _resampled(
    kept: Rows, schema: LabelSchema, *, seed: int, confidence: float, resamples: int
) -> dict[str, Estimate]:
    n = len(kept)
    if n == 0:
        return {name: undefined() for name in _RESAMPLED}
    statistic = _statistic(kept, len(schema))
    if n < MIN_BOOTSTRAP:
        values = statistic(np.ones((1, n)))[0]
        why = f"no interval: fewer than {MIN_BOOTSTRAP} rows"
        found = tuple(Estimate(float(v), None, None, n, method=why) for v in values)
    else:
        found = bootstrap(statistic, n, seed=seed, resamples=resamples, confidence=confidence)
    *named, noise = found
    estimates = dict(zip(_RESAMPLED, named, strict=True))
    if n >= MIN_BOOTSTRAP:
        estimates["macro_f1"] = _widened(estimates["macro_f1"], kept, len(schema), confidence)
        estimates["ece"] = _denoised(estimates["ece"], noise)
    return estimates


def _statistic(kept: Rows, k: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from row counts (b, n) to log loss, Brier score, ECE, macro F1 and noise of ECE (b, 5)."""
    from scipy import sparse

    n = len(kept)
    at = np.arange(n)
    p = kept.probabilities
    losses = np.stack(
        [-np.log(np.clip(p[at, kept.gold], CLIP, 1)), ((p - np.eye(k)[kept.gold]) ** 2).sum(axis=1)], axis=1
    )
    gaps = sparse.csr_array((kept.score - _confidence(kept), (at, _bins(kept))), shape=(n, N_BINS))
    golds = sparse.csr_array((np.ones(n), (at, kept.gold)), shape=(n, k))
    guess = sparse.csr_array(kept.guess)
    right = golds.multiply(guess)
    columns = sparse.hstack([gaps, golds, guess, right], format="csr").T.tocsr()
    known = np.flatnonzero(np.bincount(kept.gold, minlength=k))
    seen = np.asarray(gaps.sum(axis=0)).ravel()

    def statistic(counts: np.ndarray) -> np.ndarray:
        means = counts @ losses / n
        sums = (columns @ np.ascontiguousarray(counts.T)).T
        gap, gold, given, hit = np.split(sums, [N_BINS, N_BINS + k, N_BINS + 2 * k], axis=1)
        f1 = 2 * hit[:, known] / np.where(gold[:, known] > 0, gold[:, known] + given[:, known], np.nan)
        ece, noise = abs(gap).sum(axis=1) / n, abs(gap - seen).sum(axis=1) / n
        return np.column_stack([means, ece, np.nanmean(f1, axis=1), noise])

    return statistic


def _denoised(ece: Estimate, noise: Estimate) -> Estimate:
    """Bound the calibration error by its distance from the value.

    Noise in the bins only raises the error, so that the percentile interval of a calibrated model misses 0. The
    error of all rows differs from the measured one by at most the noise summed over bins (triangle inequality),
    whose quantile the resamples give; the upper end is the smaller of that and the percentile.
    """
    if ece.value is None or noise.high is None:
        return ece
    far = ece.value + noise.high
    return replace(
        ece,
        low=max(0.0, ece.value - noise.high),
        high=far if ece.high is None else min(far, ece.high),
        method="bootstrap over rows, within the noise of the bins",
    )


def _widened(macro: Estimate, kept: Rows, k: int, confidence: float) -> Estimate:
    """Stretch the interval of macro F1 to what the classes' own intervals allow (MOVER).

    Resampling rows that are all right shows no spread; the classes' intervals do.
    """
    known = np.flatnonzero(np.bincount(kept.gold, minlength=k))
    each = [_f1(kept.guess[:, code], kept.gold == code, confidence) for code in known]
    ends = [
        (e.value, e.low, e.high)
        for e in each
        if e.value is not None and e.low is not None and e.high is not None
    ]
    if macro.value is None or not ends:
        return macro
    value, low, high = np.array(ends, dtype=np.float64).T
    below = macro.value - float(np.sqrt(((value - low) ** 2).sum())) / len(ends)
    above = macro.value + float(np.sqrt(((high - value) ** 2).sum())) / len(ends)
    low_end = min(below, below if macro.low is None else macro.low)
    high_end = max(above, above if macro.high is None else macro.high)
    return replace(
        macro,
        low=max(low_end, 0.0),
        high=min(high_end, 1.0),
        method="bootstrap over rows, percentile, no narrower than the classes' intervals combined",
    )


def _rates(kept: Rows, code: int, confidence: float) -> tuple[Estimate, Estimate, Estimate]:
    share, is_gold = kept.guess[:, code], kept.gold == code
    given = share > 0
    precision = wilson_mean(is_gold[given].astype(np.float64), weights=share[given], confidence=confidence)
    recall = wilson_mean(share[is_gold], confidence=confidence)
    return precision, recall, _f1(share, is_gold, confidence)


def _f1(share: np.ndarray, is_gold: np.ndarray, confidence: float) -> Estimate:
    """Return F1 = 2J/(1+J) with J the Jaccard index: a proportion among the rows that are or are given the class."""
    method = "Wilson on the Jaccard index"
    if not is_gold.any():
        return undefined(method=method)
    hit = float(share[is_gold].sum())
    jaccard = wilson(hit, float(share.sum() + is_gold.sum() - hit), confidence=confidence)
    value, low, high = (
        None if j is None else 2 * j / (1 + j) for j in (jaccard.value, jaccard.low, jaccard.high)
    )
    return Estimate(value, low, high, int(((share > 0) | is_gold).sum()), method=method)


def _confidence(kept: Rows) -> np.ndarray:
    return np.clip((kept.guess * kept.probabilities).sum(axis=1), 0.0, 1.0)


def _bins(kept: Rows) -> np.ndarray:
    """Return the bin of each row; an edge belongs to the bin above it, also when stored in single precision."""
    return np.minimum((_confidence(kept) * N_BINS + 1e-5).astype(np.int64), N_BINS - 1)


def _free(name: str, taken: tuple[str, ...]) -> str:
    while name in taken:
        name = f"({name})"
    return name
