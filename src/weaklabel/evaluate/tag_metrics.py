"""The metrics of tags: sparse arrays in, estimates and tables out. All intervals share one bootstrap over rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from weaklabel.evaluate.metrics import MIN_BOOTSTRAP
from weaklabel.evaluate.tag_curves import Ranking, curve_table, ranking
from weaklabel.evaluate.tag_rows import TagRows
from weaklabel.stats import Estimate, bootstrap, undefined, wilson

RATES = (
    "micro_precision", "micro_recall", "micro_f1",
    "micro_recall_covered", "micro_f1_covered",
    "macro_precision", "macro_recall", "macro_f1",
    "sample_precision", "sample_recall", "sample_f1",
    "hierarchical_precision", "hierarchical_recall", "hierarchical_f1",
    "subset_accuracy", "hamming_loss", "cardinality_gold", "cardinality_given",
)  # fmt: skip
"""What is counted from tags given, in the order of the columns of `statistic`."""
RANKED = ("micro_average_precision", "macro_average_precision")
"""What is read from probabilities."""

_UNBOUNDED = ("hamming_loss", "cardinality_gold", "cardinality_given", *RANKED)
_MACRO = ("macro_precision", "macro_recall", "macro_f1")
_PER_TAG = ("precision", "recall", "f1")
_COUNTS = ("n_gold", "n_given", "precision_n", "recall_n", "f1_n")

Statistic = Callable[[np.ndarray], np.ndarray]


def headline(
    rows: TagRows, table: pl.DataFrame, *, seed: int, confidence: float, resamples: int
) -> tuple[dict[str, Estimate], pl.DataFrame, pl.DataFrame]:
    """Return the metrics, the table of tags with average precision, and the curves.

    Parameters
    ----------
    rows
        Gold rows.
    table
        As `per_tag` gives it.
    seed, confidence, resamples
        Of the bootstrap.
    """
    n, k = len(rows), len(rows.names)
    ranks = None if rows.scores is None else (ranking(rows, pooled=True), ranking(rows, pooled=False))
    names = (*RATES, *(RANKED if ranks else ()))
    found = _resampled(rows, ranks, seed=seed, confidence=confidence, resamples=resamples)
    metrics = {"coverage": wilson(float(rows.covered.sum()), n, confidence=confidence)}
    metrics |= dict(zip(names, found, strict=False))
    metrics["subset_accuracy"] = wilson(float(_exact(rows).sum()), n, confidence=confidence)
    for name in _MACRO:
        metrics[name] = _widened(metrics[name], table, name.removeprefix("macro_"))
    in_play = _rows_in_play(rows)
    for name in names:
        rested = _rested(metrics[name], name, in_play.get(name, n), confidence)
        metrics[name] = replace(rested, n=in_play.get(name, n), coverage=metrics["coverage"].value)
    if ranks is None:
        return metrics, table, curve_table(None, None, rows, (), confidence=confidence)
    own, points = found[len(names) : len(names) + k], found[len(names) + k :]
    return metrics, _with_ap(table, own), curve_table(*ranks, rows, points, confidence=confidence)


def per_tag(rows: TagRows, *, confidence: float) -> pl.DataFrame:
    """Return precision, recall and F1 of each tag with intervals: Wilson's, and for F1 Wilson's on the Jaccard index."""
    hit, given, gold = (_by_tag(x) for x in (rows.gold.multiply(rows.given), rows.given, rows.gold))
    covered = _by_tag(rows.gold[np.flatnonzero(rows.covered)])
    reached = None if rows.scores is None else _by_tag(rows.gold.multiply(rows.scores > 0))
    lines = []
    for j, name in enumerate(rows.names):
        line: dict[str, Any] = {
            "tag": name,
            "n_gold": int(gold[j]),
            "n_given": int(given[j]),
            "coverage": covered[j] / gold[j] if gold[j] else None,
            "reachable": reached[j] / gold[j] if gold[j] and reached is not None else None,
        }
        rates = (
            wilson(hit[j], given[j], confidence=confidence),
            wilson(hit[j], gold[j], confidence=confidence),
            _f1(hit[j], given[j], gold[j], confidence),
        )
        for metric, estimate in zip(_PER_TAG, rates, strict=True):
            line[metric] = estimate.value
            line[f"{metric}_low"], line[f"{metric}_high"] = estimate.low, estimate.high
            line[f"{metric}_n"] = estimate.n
        lines.append(line)
    kinds = {name: pl.Int64 if name in _COUNTS else pl.Float64 for name in lines[0] if name != "tag"}
    return pl.DataFrame(lines, schema_overrides=kinds)


def statistic(rows: TagRows) -> Statistic:
    """Return the function from row counts (b, n) to the values of `RATES` (b, 18)."""
    from scipy import sparse

    n, k = len(rows), len(rows.names)
    hits = rows.gold.multiply(rows.given)
    columns = sparse.hstack(
        [hits, rows.given, rows.gold, sparse.csr_array(_of_rows(rows))], format="csr"
    ).T.tocsr()

    def values(counts: np.ndarray) -> np.ndarray:
        sums = (columns @ np.ascontiguousarray(counts.T)).T
        hit, given, gold, row = np.split(sums, [k, 2 * k, 3 * k], axis=1)
        t, v, g = (each.sum(axis=1) for each in (hit, given, gold))
        (g_covered, t_above, v_above, g_above, p, some_given, r, some_gold, f, exact) = row.T
        known = gold > 0
        tags = known.sum(axis=1)

        def macro(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
            shares = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
            return _ratio((shares * known).sum(axis=1), tags)

        return np.column_stack(
            [
                _ratio(t, v), _ratio(t, g), _ratio(2 * t, v + g),
                _ratio(t, g_covered), _ratio(2 * t, v + g_covered),
                macro(hit, given), macro(hit, gold), macro(2 * hit, given + gold),
                _ratio(p, some_given), _ratio(r, some_gold), f / n,
                _ratio(t_above, v_above), _ratio(t_above, g_above), _ratio(2 * t_above, v_above + g_above),
                exact / n, (v + g - 2 * t) / (n * k), g / n, v / n,
            ]
        )  # fmt: skip

    return values


def _of_rows(rows: TagRows) -> np.ndarray:
    """Return what is summed over rows beside counts of tags, (n, 10), in the order that `statistic` reads."""
    t, v, g = (_by_row(x) for x in (rows.gold.multiply(rows.given), rows.given, rows.gold))
    t_above = _by_row(rows.gold_above.multiply(rows.given_above))
    both = np.divide(2 * t, v + g, out=np.ones_like(t), where=v + g > 0)
    return np.column_stack(
        [
            g * rows.covered, t_above, _by_row(rows.given_above), _by_row(rows.gold_above),
            t / np.maximum(v, 1), v > 0, t / np.maximum(g, 1), g > 0, both, _exact(rows),
        ]
    ).astype(np.float64)  # fmt: skip


def _exact(rows: TagRows) -> np.ndarray:
    t, v, g = (_by_row(x) for x in (rows.gold.multiply(rows.given), rows.given, rows.gold))
    return (t == v) & (t == g)


def _resampled(
    rows: TagRows,
    ranks: tuple[Ranking, Ranking] | None,
    *,
    seed: int,
    confidence: float,
    resamples: int,
) -> tuple[Estimate, ...]:
    """Return estimates of `RATES` and, with ranks, of `RANKED`, each tag's average precision and points of the curve."""
    n, rates = len(rows), statistic(rows) if len(rows) else None
    if rates is None:
        m = len(ranks[0].points) if ranks else 0
        return (undefined(),) * (len(RATES) + (2 + len(rows.names) + 2 * m if ranks else 0))
    read = _ranked(ranks) if ranks else None

    def both(counts: np.ndarray) -> np.ndarray:
        return rates(counts) if read is None else np.hstack([rates(counts), read(counts)])

    if n >= MIN_BOOTSTRAP:
        return bootstrap(both, n, seed=seed, resamples=resamples, confidence=confidence)
    why = f"no interval: fewer than {MIN_BOOTSTRAP} rows"
    return tuple(Estimate(float(v), None, None, n, method=why) for v in both(np.ones((1, n)))[0])


def _ranked(ranks: tuple[Ranking, Ranking]) -> Statistic:
    """Return the function from row counts (b, n) to average precisions and points of the curve (b, 2 + k + 2 m)."""
    pooled, own = ranks

    def values(counts: np.ndarray) -> np.ndarray:
        micro, points = pooled.read(counts)
        tags, _ = own.read(counts)
        known = ~np.isnan(tags)
        macro = _ratio(np.where(known, tags, 0.0).sum(axis=1), known.sum(axis=1))
        return np.hstack([micro, macro[:, None], tags, points])

    return values


def _with_ap(table: pl.DataFrame, found: Sequence[Estimate]) -> pl.DataFrame:
    """Add average precision; a tag with few gold rows has no interval."""
    few = (table["n_gold"] < MIN_BOOTSTRAP).to_list()
    ends = [(e.value, None, None) if f else (e.value, e.low, e.high) for e, f in zip(found, few, strict=True)]
    names = ("average_precision", "average_precision_low", "average_precision_high")
    columns = zip(*ends, strict=True)
    return table.with_columns(
        pl.Series(name, column, dtype=pl.Float64) for name, column in zip(names, columns, strict=True)
    )


def _rows_in_play(rows: TagRows) -> dict[str, int]:
    """Return the number of rows that can move a metric, where these are not all."""
    given, gold = _by_row(rows.given) > 0, _by_row(rows.gold) > 0
    covered = rows.covered
    return {
        "sample_precision": int(given.sum()),
        "sample_recall": int(gold.sum()),
        "micro_recall_covered": int(covered.sum()),
        "micro_f1_covered": int(covered.sum()),
    }


def _rested(estimate: Estimate, name: str, n: int, confidence: float) -> Estimate:
    """Give a share an interval where resampling shows no spread: Wilson's, as if each row were one trial."""
    bare = estimate.value is not None and estimate.low is None
    if not bare or name in _UNBOUNDED or n < MIN_BOOTSTRAP or estimate.value is None:
        return estimate
    found = wilson(min(estimate.value, 1.0) * n, n, confidence=confidence)
    return replace(found, value=estimate.value, method="Wilson on rows: resampling shows no spread")


def _widened(macro: Estimate, table: pl.DataFrame, name: str) -> Estimate:
    """Stretch the interval of a macro average to what the tags' own intervals allow (MOVER, as for classes)."""
    known = table.filter(pl.col("n_gold") > 0)
    ends = known.select(name, f"{name}_low", f"{name}_high").drop_nulls().to_numpy()
    if macro.value is None or macro.n < MIN_BOOTSTRAP or not len(ends):
        return macro
    value, low, high = ends.T
    below = macro.value - float(np.sqrt(((value - low) ** 2).sum())) / known.height
    above = macro.value + float(np.sqrt(((high - value) ** 2).sum())) / known.height
    return replace(
        macro,
        low=max(below if macro.low is None else min(below, macro.low), 0.0),
        high=min(above if macro.high is None else max(above, macro.high), 1.0),
        method="bootstrap over rows, percentile, no narrower than the tags' intervals combined",
    )


def _f1(hit: float, given: float, gold: float, confidence: float) -> Estimate:
    """Return F1 = 2J/(1+J) with J the Jaccard index: a proportion among the rows that have or are given the tag."""
    method = "Wilson on the Jaccard index"
    if not gold:
        return undefined(method=method)
    jaccard = wilson(hit, given + gold - hit, confidence=confidence)
    value, low, high = (
        None if j is None else 2 * j / (1 + j) for j in (jaccard.value, jaccard.low, jaccard.high)
    )
    return Estimate(value, low, high, jaccard.n, method=method)


def _by_tag(table: Any) -> np.ndarray:
    return np.asarray(table.sum(axis=0), dtype=np.float64).ravel()


def _by_row(table: Any) -> np.ndarray:
    return np.asarray(table.sum(axis=1), dtype=np.float64).ravel()


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
