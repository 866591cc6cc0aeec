"""What votes for sets and against classes are worth to a label model: read as what they say, or left out."""

from __future__ import annotations

import argparse
import time

import numpy as np

from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model import create

MODELS = ("event_bayes", "majority_vote", "weighted_vote", "dawid_skene", "one_coin", "triplet")


def task(seed, *, rows, rules, k, share, coverage):
    """Votes of rules, of which a share stands for a set or against a class; what each stands for; the true classes."""
    rng = np.random.default_rng(seed)
    balance = rng.dirichlet(np.full(k, 4.0))
    truth = rng.choice(k, rows, p=balance)
    votes = np.full((rows, rules), -1, np.int8)
    outcomes = {}
    for j in range(rules):
        wide = j < share * rules
        size = 1 if not wide else k - 1 if j % 2 else int(rng.integers(2, max(3, k // 2 + 1)))
        named = np.sort(rng.permutation(k)[:size])
        inside = np.isin(truth, named)
        right = rng.uniform(0.65, 0.95)  # of a rule for one class; a wider one leaves out fewer classes
        wrong = (1 - right) * (k - size) / (k - 1)
        fires = coverage * rows
        odds = np.where(inside, (1 - wrong) / max(inside.sum(), 1), wrong / max((~inside).sum(), 1))
        heard = rng.random(rows) < np.minimum(fires * odds, 1)
        votes[heard, j] = k if wide else named[0]
        if wide:
            outcomes[f"r{j}"] = [named.tolist()]
    return votes, outcomes, truth


def right(model, votes, truth, k):
    """Share of all rows with the right label, a tie counting as its share, and the seconds of the fit."""
    start = time.perf_counter()
    model.fit(votes)
    seconds = time.perf_counter() - start
    shares = model.predict_proba(votes)
    best = shares >= shares.max(axis=1, keepdims=True) * (1 - 1e-9)
    return float((best[np.arange(len(truth)), truth] / best.sum(axis=1)).mean()), seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rules", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--share", type=float, default=0.3)
    options = parser.parse_args()
    print(
        f"{options.rows} rows, {options.rules} rules, {options.share:.0%} of them for sets or against a class"
    )
    print(
        "| classes | model | read | left out | difference (least to most of the seeds) | seconds, read / left out |"
    )
    print("|---|---|---|---|---|---|")
    for k in (4, 10):
        for name in MODELS:
            found = []
            for seed in range(options.seeds):
                votes, outcomes, truth = task(
                    seed, rows=options.rows, rules=options.rules, k=k, share=options.share, coverage=0.15
                )
                named = [f"r{j}" for j in range(options.rules)]
                whole = LabelMatrix.from_numpy(votes, labelers=named, silence=-1)
                rest = whole.keep(one for one in named if one not in outcomes)
                read = right(create(name, n_classes=k, outcomes=outcomes), whole, truth, k)
                out = right(create(name, n_classes=k), rest, truth, k)
                found.append((read[0], out[0], read[0] - out[0], read[1], out[1]))
            mean = np.mean(found, axis=0)
            ends = np.array(found)[:, 2]
            print(
                f"| {k} | {name} | {mean[0]:.3f} | {mean[1]:.3f} | {mean[2]:+.3f} ({ends.min():+.3f} to {ends.max():+.3f}) "
                f"| {mean[3]:.2f} / {mean[4]:.2f} |"
            )


if __name__ == "__main__":
    main()
