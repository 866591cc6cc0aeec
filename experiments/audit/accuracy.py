"""Intervals of accuracy: how often they cover, and how many labels they save. See README.md."""

from __future__ import annotations

import argparse
from functools import cache

import common
import numpy as np
import polars as pl
from scipy.stats import beta, hypergeom

from weaklabel.audit.design import plan
from weaklabel.audit.proportions import stratified_proportion

ERRORS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)


def clopper_pearson_width(n: int, rows: int, right: int) -> float:
    """Return the mean width of the Clopper-Pearson interval of a simple random sample of n rows."""
    mean = n * right / rows
    far = 8 * np.sqrt(mean * (1 - right / rows)) + 2
    k = np.arange(max(0, n - (rows - right), int(mean - far)), min(n, right, int(mean + far)) + 1)
    chance = hypergeom.pmf(k, rows, right, n)
    low = np.where(k > 0, beta.ppf(0.025, np.maximum(k, 1), n - k + 1), 0.0)
    high = np.where(k < n, beta.ppf(0.975, k + 1, np.maximum(n - k, 1)), 1.0)
    return float(chance @ (high - low) / chance.sum())


@cache
def _width(n: int, share: float) -> float:
    return clopper_pearson_width(n, 10**8, round(share * 10**8))


def labels_needed(share: float, width: float) -> float:
    """Return how many labels simple random sampling with Clopper-Pearson takes for that width (rows without end)."""
    low, high = 2, 4
    while _width(high, share) > width:
        low, high = high, high * 2
    while high - low > max(1, low // 2000):
        middle = (low + high) // 2
        low, high = (middle, high) if _width(middle, share) > width else (low, middle)
    a, b = _width(low, share), _width(high, share)
    return low + (high - low) * (a - width) / (a - b)


def drawn(counts: np.ndarray, hits: np.ndarray, take: np.ndarray, draws: int, rng: np.random.Generator):
    """Return the hits in each stratum of many draws, (draws, strata)."""
    return np.stack(
        [rng.hypergeometric(k, n - k, m, draws) for k, n, m in zip(hits, counts, take, strict=True)], axis=1
    )


def interval(x: np.ndarray, take: np.ndarray, counts: np.ndarray):
    """Return estimate and ends of the audit's interval."""
    return stratified_proportion(x, take, counts / counts.sum(), left=1 - take / counts)


def wald(x: np.ndarray, take: np.ndarray, counts: np.ndarray):
    """Return the normal interval, which everybody knows and which does not cover."""
    w, q = counts / counts.sum(), x / take
    p = (w * q).sum(axis=1)
    v = (w**2 * (1 - take / counts) * q * (1 - q) / np.maximum(take - 1, 1)).sum(axis=1)
    return p, p - 1.96 * np.sqrt(v), p + 1.96 * np.sqrt(v)


def features(case: common.Case) -> pl.DataFrame:
    """Return what older gold may learn from: votes for and against, margin, and each rule's stand."""
    votes, label = case.votes, case.label[:, None]
    stand = (votes == label).astype(float) - ((votes >= 0) & (votes != label))
    ranked = np.sort(case.probability, axis=1)
    columns = {
        "for": np.log1p((stand > 0).sum(axis=1)),
        "against": np.log1p((stand < 0).sum(axis=1)),
        "votes": np.log1p((stand != 0).sum(axis=1)),
        "margin": ranked[:, -1] - ranked[:, -2],
    }
    columns |= {f"rule {j}": stand[:, j] for j in range(stand.shape[1])}
    return pl.DataFrame({"id": case.ids, **columns})


def strata(case: common.Case, g: int, seed: int, older: int = 0):
    """Return rows, right labels and labels asked for of each stratum of a planned audit."""
    options = {}
    if older:
        picked = np.random.default_rng(seed).choice(len(case), older, replace=False)
        options = {"older": case.truth()[picked], "features": features(case)}
    made = plan(case.population(), budget=g, seed=seed, **options)
    right = pl.DataFrame({"id": case.ids, "right": case.right})
    table = (
        made.rows.join(right, on="id")
        .group_by("stratum")
        .agg(pl.len(), pl.col("right").sum())
        .sort("stratum")
    )
    take = np.array([s.take for s in made.strata])
    return table["len"].to_numpy().astype(np.int64), table["right"].to_numpy().astype(np.int64), take


def cell(
    case: common.Case, g: int, *, draws: int, plans: int, older: int = 0, way=interval
) -> tuple[float, float]:
    """Return coverage and relative number of labels of one case and budget."""
    rng, truth = np.random.default_rng([g, older]), case.right.mean()
    covered, widths = [], []
    for seed in range(plans):
        counts, right, take = strata(case, g, seed, older)
        _, low, high = way(drawn(counts, right, take, draws // plans, rng), take, counts)
        covered.append(((low <= truth + 1e-12) & (truth <= high + 1e-12)).mean())
        widths.append((high - low).mean())
    return float(np.mean(covered)), g / labels_needed(float(truth), float(np.mean(widths)))


def layouts(counts: np.ndarray, take: np.ndarray):
    """Yield where errors could lie that nobody expects: hits of each stratum."""
    total, heavy = counts.sum(), np.argsort(take / counts, kind="stable")
    orders = {"where few are drawn": heavy, "where many are drawn": heavy[::-1], "smallest strata": np.argsort(counts),
              "largest strata": np.argsort(-counts)}  # fmt: skip
    for share in ERRORS:
        for name, order in orders.items():
            left, hits = round(share * total), counts.copy()
            for h in order:
                wrong = min(left, counts[h])
                hits[h] -= wrong
                left -= wrong
            yield f"{name}, {share:.1%}", hits
        yield f"everywhere alike, {share:.1%}", counts - np.round(share * counts).astype(np.int64)
    yield "every second stratum", np.where(np.arange(len(counts)) % 2, counts, 0)


def table(
    cases: list[common.Case], sizes: list[int], *, draws: int, plans: int, older: int, way=interval
) -> None:
    """Print coverage / relative labels of every case, then the summary that the targets are about."""
    common.heading(["set / model", *(f"g = {g}: coverage / labels" for g in sizes)])
    found = {}
    for case in cases:
        for g in sizes:
            found[case.data, case.model, g] = cell(case, g, draws=draws, plans=plans, older=older, way=way)
        common.line([case.name, *("{:.3f} / {:.2f}".format(*found[case.data, case.model, g]) for g in sizes)])
    values = np.array(list(found.values()))
    print(f"coverage: mean {values[:, 0].mean():.4f}, worst cell {values[:, 0].min():.3f}")
    by_size = ", ".join(f"{g}: {np.median([v[1] for k, v in found.items() if k[2] == g]):.3f}" for g in sizes)
    print(f"labels: median {np.median(values[:, 1]):.3f} ({by_size}), most {values[:, 1].max():.3f}")
    sets = dict.fromkeys(case.data for case in cases)
    least = {s: min(v[1] for k, v in found.items() if k[0] == s) for s in sets}
    print("fewest labels by set: " + ", ".join(f"{s} {v:.2f}" for s, v in least.items()), flush=True)


def adversarial(cases: list[common.Case], sizes: list[int], *, draws: int, way=interval) -> None:
    """Print the coverage where errors lie as badly as can be."""
    found = {}
    for case in cases:
        for g in sizes:
            counts, _, take = strata(case, g, 0)
            rng = np.random.default_rng(g)
            for name, hits in layouts(counts, take):
                truth = hits.sum() / counts.sum()
                _, low, high = way(drawn(counts, hits, take, draws, rng), take, counts)
                found[case.name, g, name] = ((low <= truth + 1e-12) & (truth <= high + 1e-12)).mean()
    worst = sorted(found, key=found.__getitem__)[:5]
    print(f"{len(found)} layouts: mean {np.mean(list(found.values())):.4f}, worst {found[worst[0]]:.3f}")
    for key in worst:
        common.line([*key, f"{found[key]:.3f}"])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--draws", type=int, default=1000)
    arguments.add_argument("--plans", type=int, default=10, help="plans (and older samples) in a cell")
    arguments.add_argument("--sizes", type=int, nargs="+", default=[100, 200, 400])
    arguments.add_argument("--only", choices=["first", "older", "wald", "adversarial"], nargs="+")
    arguments.add_argument("--sets", nargs="+", default=list(common.SETS))
    given = arguments.parse_args()
    parts = given.only or ["first", "older", "wald", "adversarial"]
    cases = list(common.cases(given.sets))
    if "first" in parts:
        print("\n## First audit")
        table(cases, given.sizes, draws=given.draws, plans=1, older=0)
    if "wald" in parts:
        print("\n## The same rows, normal intervals")
        table(cases, given.sizes, draws=given.draws, plans=1, older=0, way=wald)
    if "adversarial" in parts:
        print("\n## Errors where nobody expects them")
        adversarial(cases, given.sizes, draws=given.draws)
    if "older" in parts:
        print("\n## With 200 older labels")
        table(cases, given.sizes, draws=given.draws, plans=given.plans, older=200)


if __name__ == "__main__":
    main()
