"""Intervals of precision, recall, F1 and prevalence of each label: coverage, and labels saved. See README.md."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache

import common
import numpy as np
import polars as pl
from scipy.stats import beta, binom

from weaklabel.audit.classes import CLASS_FIGURES, STEP, Shares, recall_and_f1
from weaklabel.audit.design import plan
from weaklabel.audit.estimates import LEAST
from weaklabel.audit.proportions import stratified_proportion

RARE = 0.05


def as_it_is(share: np.ndarray) -> np.ndarray:
    return share


def as_f1(share: np.ndarray) -> np.ndarray:
    return 2 * share / (1 + share)


@cache
def _width(n: int, share: float, change: Callable[[np.ndarray], np.ndarray]) -> float:
    """Return the mean width of the changed Clopper-Pearson interval of n rows."""
    far = 8 * np.sqrt(n * share * (1 - share)) + 2
    k = np.arange(max(0, int(n * share - far)), min(n, int(n * share + far)) + 1)
    low = np.where(k > 0, beta.ppf(0.025, np.maximum(k, 1), n - k + 1), 0.0)
    high = np.where(k < n, beta.ppf(0.975, k + 1, np.maximum(n - k, 1)), 1.0)
    return float(binom.pmf(k, n, share) @ (change(high) - change(low)))


def rows_needed(share: float, width: float, change: Callable[[np.ndarray], np.ndarray]) -> float:
    """Return how many rows of the part give that width."""
    low, high = 1, 2
    while _width(high, share, change) > width:
        low, high = high, high * 2
    while high - low > max(1, low // 1000):
        middle = (low + high) // 2
        low, high = (middle, high) if _width(middle, share, change) > width else (low, middle)
    a, b = _width(low, share, change), _width(high, share, change)
    return low + (high - low) * (a - width) / (a - b) if a > width else low


def strata(case: common.Case, g: int, aim: str):
    """Return each stratum's label, its rows by gold (strata, classes), and the labels asked of it."""
    made = plan(case.population(), budget=g, seed=0, aim=aim)
    rows = made.rows.join(pl.DataFrame({"id": case.ids, "label": case.label, "gold": case.gold}), on="id")
    table = np.zeros((len(made.strata), case.k), dtype=np.int64)
    labels = np.full((len(made.strata), case.k), 0.0)
    for h, stratum in enumerate(made.strata):
        part = rows.filter(pl.col("stratum") == stratum.name)
        table[h] = np.bincount(part["gold"], minlength=case.k)
        labels[h] = np.bincount(part["label"], minlength=case.k)
    return labels / labels.sum(axis=1, keepdims=True), table, np.array([s.take for s in made.strata])


def cell(case: common.Case, g: int, aim: str, draws: int) -> list[dict]:
    """Return what each figure of each label covered, and its relative number of labels."""
    rng = np.random.default_rng(g)
    label, table, take = strata(case, g, aim)
    counts = table.sum(axis=1)
    x = np.stack(
        [rng.multivariate_hypergeometric(t, n, size=draws) for t, n in zip(table, take, strict=True)], axis=1
    )
    found = []
    for c in range(case.k):
        own = label[:, c] > 0.5
        if (
            (label[:, c][own] < 1).any()
            or (label[:, c][~own] > 0).any()
            or not table[:, c].any()
            or not own.any()
        ):
            continue  # labels that share a stratum have other weights: tests/audit covers them
        found += figures(case, c, g, own, x[:, :, c], table[:, c], take, counts)
    return found


def ends(x, take, counts, whole: int):
    """Return a part's share of all rows with its interval."""
    part = stratified_proportion(x, take, counts / counts.sum(), left=1 - take / counts, step=STEP)
    return tuple(v * counts.sum() / whole for v in part)


def figures(case, c, g, own, hits, gold, take, counts) -> list[dict]:
    whole = counts.sum()
    right = ends(hits[:, own], take[own], counts[own], whole)
    missed = ends(hits[:, ~own], take[~own], counts[~own], whole)
    given, a, m = counts[own].sum() / whole, gold[own].sum() / whole, gold[~own].sum() / whole
    recall, f1 = recall_and_f1(Shares(given, right, missed))
    enough = take[own].sum() >= LEAST and take[~own].sum() >= LEAST
    seen = (hits.sum(axis=1) > 0) & enough
    parts = {
        "precision": (
            tuple(v / given for v in right),
            a / given,
            np.full(len(hits), take[own].sum() >= LEAST),
        ),
        "recall": (recall, a / (a + m), seen),
        "F1": (f1, as_f1(a / (given + m)), seen),
        "prevalence": (ends(hits, take, counts, whole), a + m, np.ones(len(hits), dtype=bool)),
    }
    of = {"precision": given, "recall": a + m, "F1": given + m, "prevalence": 1.0}
    out = []
    for name in CLASS_FIGURES:
        (_, low, high), truth, said = parts[name]
        if said.mean() < 0.2:
            continue
        inside = ((low <= truth + 1e-12) & (truth <= high + 1e-12))[said].mean()
        change, share = (as_f1, a / (given + m)) if name == "F1" else (as_it_is, truth)
        needed = rows_needed(float(share), float((high - low)[said].mean()), change)
        labels = g * of[name] / needed if g * of[name] >= 5 else np.nan
        rare = bool(a + m < RARE)
        out.append({"data": case.data, "model": case.model, "class": c, "g": g, "figure": name, "rare": rare,
                    "coverage": float(inside), "labels": float(labels), "said": float(said.mean())})  # fmt: skip
    return out


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--draws", type=int, default=1000)
    arguments.add_argument("--sizes", type=int, nargs="+", default=[100, 200, 400])
    arguments.add_argument("--sets", nargs="+", default=list(common.SETS))
    given = arguments.parse_args()
    cases = list(common.cases(given.sets))
    for aim in ("classes", "accuracy"):
        rows = [row for case in cases for g in given.sizes for row in cell(case, g, aim, given.draws)]
        frame = pl.DataFrame(rows)
        print(f"\n## Labels shared out for {aim}: {frame.height} cells")
        heads = [
            "figure",
            "cells",
            "coverage: mean",
            "worst",
            "worst, rare labels",
            "labels: median",
            "median, rare",
        ]
        common.heading(heads)
        for name in CLASS_FIGURES:
            part = frame.filter(pl.col("figure") == name)
            rare, known = part.filter("rare"), part.filter(pl.col("labels").is_not_nan())
            common.line([name, part.height, f"{part['coverage'].mean():.4f}", f"{part['coverage'].min():.3f}",
                         f"{rare['coverage'].min() or np.nan:.3f}", f"{known['labels'].median():.2f}",
                         f"{known.filter('rare')['labels'].median() or np.nan:.2f}"])  # fmt: skip
        with pl.Config(tbl_rows=20, tbl_cols=-1):
            print(frame.sort("coverage").head(8))


if __name__ == "__main__":
    main()
