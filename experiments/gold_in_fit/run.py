"""What some gold rows add to a label model: accuracy, log loss and calibration error on the other rows.

Usage: python experiments/gold_in_fit/run.py [--seeds 20] [--model default] [--rules all|halved|flipped]
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import polars as pl

from weaklabel.label_matrix import as_patterns
from weaklabel.label_model import create

CLASSES = {
    "youtube": 2,
    "trec": 6,
    "imdb": 2,
    "cdr": 2,
    "commercial": 2,
    "tennis": 2,
    "agnews": 4,
    "topic_yoruba": 7,
    "sms": 2,
}
SIZES = (20, 50, 100, 200, 500)
BINS = 15


def main(seeds, name, rules):
    """Draw gold rows at random from every set, fit with them, and score on the others."""
    data = os.environ.get("WEAKLABEL_DATA")
    if not data:
        sys.exit(
            "WEAKLABEL_DATA is not set: it names the folder with the public data; see experiments/README.md"
        )
    none, found = [], []
    for dataset, k in CLASSES.items():
        table = pl.read_parquet(Path(data) / "matrices" / f"{dataset}.parquet")
        drawn = [read(table, k, rules, seed) for seed in range(seeds if rules != "all" else 1)]
        each = [(*drawn[seed % len(drawn)], k, name) for seed in range(seeds)]
        none.append(np.mean([one(*part, 20, seed, use=False) for seed, part in enumerate(each)], axis=0))
        found.append([np.mean([one(*part, g, s) for s, part in enumerate(each)], axis=0) for g in SIZES])
        told = "  ".join(
            f"{g}: {a:.3f} {ll:.3f} {e:.3f}" for g, (a, ll, e) in zip(SIZES, found[-1], strict=True)
        )
        print(
            f"{dataset:13s} without gold {none[-1][0]:.3f} {none[-1][1]:.3f} {none[-1][2]:.3f}  {told}",
            flush=True,
        )
    none, found = np.array(none), np.array(found)
    mean = np.nanmean(found, axis=0)
    gain = 100 * (found[:, :, 0] - none[:, None, 0])
    print()
    print("| gold rows | 0 | " + " | ".join(map(str, SIZES)) + " |")
    print("|---" * (len(SIZES) + 2) + "|")
    print(f"| accuracy | {none[:, 0].mean():.4f} | " + " | ".join(f"{a:.4f}" for a in mean[:, 0]) + " |")
    print("| gain in accuracy, points | | " + " | ".join(f"{g:.2f}" for g in np.nanmean(gain, axis=0)) + " |")
    print(f"| log loss | {none[:, 1].mean():.3f} | " + " | ".join(f"{a:.3f}" for a in mean[:, 1]) + " |")
    print(f"| ECE | {none[:, 2].mean():.3f} | " + " | ".join(f"{a:.3f}" for a in mean[:, 2]) + " |")
    print("| worst set, points | | " + " | ".join(f"{g:.2f}" for g in np.nanmin(gain, axis=0)) + " |")


def read(table, k, rules, seed):
    """Return the patterns of the rows with votes and a known class, and that class."""
    votes = table.select(sorted(c for c in table.columns if c.startswith("lf_"))).to_numpy()
    votes = worsened(votes, k, rules, seed)
    truth = table["gold"].to_numpy().astype(np.int64)
    keep = (votes >= 0).any(axis=1) & (truth >= 0)
    return as_patterns(np.ascontiguousarray(votes[keep])), truth[keep]


def worsened(votes, k, rules, seed):
    """Return all votes, those of half of the rules, or all with a third of the rules naming the next class."""
    order = np.random.default_rng([seed, 1]).permutation(votes.shape[1])
    if rules == "halved":
        return votes[:, np.sort(order[: max(3, len(order) // 2)])]
    if rules == "flipped":
        wrong = np.isin(np.arange(len(order)), order[: len(order) // 3])
        return np.where(wrong & (votes >= 0), (votes + 1) % k, votes)
    return votes


def one(patterns, truth, k, name, g, seed, use=True):
    """Return accuracy (ties split), log loss and ECE on the rows that are not among g random gold rows.

    Where more than half of the rows would be gold: NaN, and the set is left out of the means.
    """
    if 2 * g > len(truth):
        return np.full(3, np.nan)
    chosen = np.random.default_rng([seed, g]).permutation(len(truth))[:g]
    codes = np.full(len(truth), -1)
    codes[chosen] = truth[chosen]
    table = patterns.gold_table(codes, n_classes=k)
    model = create(name, n_classes=k).fit(patterns, gold=table if use else None)
    rest = patterns.gold_table(truth, n_classes=k) - table
    return score(model.predict_proba(patterns), rest)


def score(p, rest):
    """Return accuracy, log loss and ECE of probabilities (u, k) against counts of rows (u, k)."""
    total = rest.sum()
    best = p >= p.max(axis=1, keepdims=True) - 1e-9
    hits = (rest * best / best.sum(axis=1, keepdims=True)).sum(axis=1)
    loss = -(rest * np.log(np.clip(p, 1e-6, 1))).sum() / total
    bin_of = np.minimum((p.max(axis=1) * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bin_of, weights=hits - rest.sum(axis=1) * p.max(axis=1), minlength=BINS)
    return np.array([hits.sum() / total, loss, np.abs(gaps).sum() / total])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--model", default="default")
    parser.add_argument("--rules", choices=["all", "halved", "flipped"], default="all")
    options = parser.parse_args()
    main(options.seeds, options.model, options.rules)
