"""Label models on public vote matrices, on copies of rules, and on generated votes. See README.md."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from weaklabel import label_model
from weaklabel.label_matrix import as_patterns
from weaklabel.label_model import event_bayes

EIGHT = ["youtube", "trec", "imdb", "cdr", "commercial", "tennis", "agnews", "topic_yoruba"]
NINE = [*EIGHT, "sms"]
PUBLISHED = ["imdb", "youtube", "cdr", "commercial", "tennis", "trec"]
MODELS = ["majority_vote", "weighted_vote", "dawid_skene", "one_coin", "triplet", "snorkel", "event_bayes"]
FAMILIES = [
    # rows, rules, classes, kind, seed
    (10_000, 10, 2, "coin", 1),
    (20_000, 10, 4, "confusion", 2),
    (20_000, 20, 3, "one class", 3),
    (10_000, 50, 5, "coin", 4),
    (10_000, 40, 20, "coin", 5),
    (20_000, 60, 8, "one class", 8),
    (100_000, 100, 2, "coin", 7),
    (1_000_000, 10, 2, "coin", 9),
    (10_000, 100, 5, "seldom", 1),
]


def data_folder() -> Path:
    """Return the folder that WEAKLABEL_DATA names, or end with what it is for."""
    folder = os.environ.get("WEAKLABEL_DATA")
    if not folder:
        sys.exit(
            "WEAKLABEL_DATA names the folder with the public sets: matrices/*.parquet (vote matrices of the WRENCH "
            "benchmark and others; experiments/README.md says from which repositories)"
        )
    return Path(folder)


def matrix(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Return votes and gold of the rows with votes, and the number of classes."""
    frame = pl.read_parquet(folder / f"matrices/{name}.parquet")
    votes = frame.select(r"^lf_\d+$").to_numpy().astype(np.int8)
    gold = frame["gold"].to_numpy().astype(int)
    covered = (votes >= 0).any(axis=1)
    return votes[covered], gold[covered], int(max(votes.max(), gold.max())) + 1


def scores(proba: np.ndarray, gold: np.ndarray) -> tuple[float, float, float]:
    """Return accuracy (a tie counts 1 over the number of tied classes), log loss (clipped at 1e-6), Brier score."""
    known = gold >= 0
    proba, gold = proba[known], gold[known]
    rows = np.arange(len(gold))
    top = proba >= proba.max(axis=1, keepdims=True) * (1 - 1e-9)
    right = float((top[rows, gold] / top.sum(axis=1)).mean())
    loss = float(-np.log(np.clip(proba[rows, gold], 1e-6, 1)).mean())
    return right, loss, float(((proba - np.eye(proba.shape[1])[gold]) ** 2).sum(axis=1).mean())


def answers(name: str, votes: np.ndarray, k: int) -> np.ndarray:
    """Return a model's probabilities of the rows it was fitted on."""
    if name == "crowd-kit Dawid-Skene":
        return crowd_kit(votes, k)
    return label_model.create(name, n_classes=k).fit(votes).predict_proba(votes)


def crowd_kit(votes: np.ndarray, k: int) -> np.ndarray:
    """Return the probabilities of crowd-kit's Dawid-Skene; it knows no abstentions."""
    from crowdkit.aggregation import DawidSkene

    rows, workers = np.nonzero(votes >= 0)
    said = votes[rows, workers].astype(int)
    long = pl.DataFrame({"task": rows, "worker": workers, "label": said}).to_pandas()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # crowd-kit's use of pandas
        found = DawidSkene().fit_predict_proba(long)
    return found.reindex(index=range(len(votes)), columns=range(k)).fillna(0).to_numpy()


def models() -> list[str]:
    """Return what can be run here."""
    try:
        import crowdkit  # noqa: F401
    except ImportError:
        return MODELS
    return [*MODELS[:-1], "crowd-kit Dawid-Skene", MODELS[-1]]


def line(cells: list[str]) -> None:
    """Print one line of a table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def heading(cells: list[str]) -> None:
    """Print the first two lines of a table."""
    line(cells)
    print("|---" * len(cells) + "|")


def public_sets(folder: Path) -> None:
    """Print accuracy / log loss / Brier x100 of every model on every set, and the means."""
    heading(["model", *NINE, "accuracy, eight", "log loss, six", "Brier x100, six", "seconds"])
    for name in models():
        start, found = time.perf_counter(), {}
        for data in NINE:
            votes, gold, k = matrix(folder, data)
            found[data] = scores(answers(name, votes, k), gold)
        seconds = time.perf_counter() - start
        cells = [f"{100 * a:.2f} / {b:.2f} / {100 * c:.1f}" for a, b, c in found.values()]
        eight = np.mean([found[data][0] for data in EIGHT])
        six = np.mean([found[data] for data in PUBLISHED], axis=0)
        line([name, *cells, f"{eight:.4f}", f"{six[1]:.3f}", f"{100 * six[2]:.1f}", f"{seconds:.0f}"])


def near_copy(votes: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Return a rule's votes with 5 of 100 changed, then 10 of 100 dropped."""
    copy = votes.copy()
    changed = (copy >= 0) & (rng.random(len(copy)) < 0.05)
    copy[changed] = (copy[changed] + rng.integers(1, k, changed.sum())) % k
    copy[rng.random(len(copy)) < 0.1] = -1
    return copy


def copied_rules(folder: Path) -> None:
    """Print what five exact and five near copies of the busiest rule cost in mean accuracy."""
    heading(["model", "as it is", "loss with five copies", "loss with five near copies (two draws)"])
    for name in ("majority_vote", "dawid_skene", "event_bayes"):
        found = []
        for data in EIGHT:
            votes, gold, k = matrix(folder, data)
            busy = votes[:, (votes >= 0).sum(axis=0).argmax()]
            tables = [votes, np.column_stack([votes, *[busy] * 5])]
            for seed in range(2):
                rng = np.random.default_rng(seed)
                tables.append(np.column_stack([votes, *(near_copy(busy, k, rng) for _ in range(5))]))
            found.append([scores(answers(name, table, k), gold)[0] for table in tables])
        mean = np.mean(found, axis=0)
        line([name, f"{mean[0]:.4f}", f"{mean[0] - mean[1]:.4f}", f"{mean[0] - mean[2:].mean():.4f}"])


def generated(n: int, m: int, k: int, kind: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return votes of rules that are independent given the class, the classes, and the Bayes rule's log scores."""
    rng = np.random.default_rng(seed)
    balance = rng.dirichlet(np.full(k, 5.0))
    truth = rng.choice(k, n, p=balance)
    votes = np.full((n, m), -1, np.int8)
    best = np.tile(np.log(balance), (n, 1))
    for j in range(m):
        table = outcomes(kind, j, balance, rng)  # P(outcome | class); the last outcome is silence
        reach = table.cumsum(axis=1)
        said = np.empty(n, np.int64)
        draws = rng.random(n)
        for y in range(k):
            said[truth == y] = np.searchsorted(reach[y, :-1], draws[truth == y], side="right")
        votes[:, j] = np.where(said < k, said, -1)
        best += np.log(table)[:, said].T
    covered = (votes >= 0).any(axis=1)
    return votes[covered], truth[covered], best[covered]


def outcomes(kind: str, j: int, balance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return P(outcome | class) of one rule, (k, k + 1)."""
    k = len(balance)
    tiny = np.full((k, k + 1), 1e-12)
    if kind in ("coin", "seldom"):
        right, fires = rng.uniform(0.5, 0.9), rng.uniform(0.05, 0.5) if kind == "coin" else 0.05
        said = np.where(np.eye(k, dtype=bool), right, (1 - right) / (k - 1))
        tiny[:, :k] += fires * said
    elif kind == "confusion":
        fires = rng.uniform(0.1, 0.6)
        said = np.stack([rng.dirichlet(0.5 + np.eye(k)[y] * k * rng.uniform(0.5, 3)) for y in range(k)])
        tiny[:, :k] += fires * said
    else:
        target, precision, fires = j % k, rng.uniform(0.5, 0.95), rng.uniform(0.02, 0.2)
        rate = np.where(
            np.arange(k) == target, precision / balance[target], (1 - precision) / (1 - balance[target])
        )
        tiny[:, target] += np.minimum(fires * rate, 0.95)
    tiny[:, k] = 1 - tiny[:, :k].sum(axis=1)
    return tiny


def generated_votes() -> None:
    """Print accuracies on generated votes, beside the Bayes rule with the true parameters."""
    names = ["event_bayes", "one_coin", "dawid_skene", "snorkel"]
    heading(["rows, rules, classes, kind", "Bayes rule", *names, "independence seen"])
    for family in FAMILIES:
        votes, truth, best = generated(*family)
        best = np.exp(best - best.max(axis=1, keepdims=True))
        cells = [f"{scores(best / best.sum(axis=1, keepdims=True), truth)[0]:.4f}"]
        for name in names:
            model = label_model.create(name, n_classes=family[2]).fit(votes)
            cells.append(f"{scores(model.predict_proba(votes), truth)[0]:.4f}")
            if name == "event_bayes":
                trust = model.independence_
        line([", ".join(str(x) for x in family[:4]), *cells, f"{trust:.2f}"])


def left_out(folder: Path) -> None:
    """Print what the default model scores when its settings are chosen by the other sets' gold only."""
    sets = {data: matrix(folder, data) for data in NINE}
    patterns = {data: as_patterns(votes) for data, (votes, _, _) in sets.items()}
    tables = {data: patterns[data].gold_table(gold, n_classes=k) for data, (_, gold, k) in sets.items()}
    shipped = (0.2, 1.0, 4.0, event_bayes.DOUBT)
    grid = list(
        itertools.product((0.1, 0.2, 0.3), (0.25, 1.0, 4.0), (2.0, 4.0, 8.0), (0.05, 0.075, 0.1, 0.15))
    )
    cautious, doubt = event_bayes.CAUTIOUS, event_bayes.DOUBT
    found = np.zeros((len(grid), len(NINE), 3))
    for i, (silence, balance, strength, threshold) in enumerate(grid):
        event_bayes.CAUTIOUS = replace(cautious, silence=silence, balance=balance, strength=strength)
        event_bayes.DOUBT = threshold
        for s, data in enumerate(NINE):
            model = label_model.create("event_bayes", n_classes=sets[data][2]).fit(patterns[data])
            found[i, s] = pattern_scores(model.predict_proba(patterns[data]), tables[data])
    event_bayes.CAUTIOUS, event_bayes.DOUBT = cautious, doubt
    heading(["set left out", "silence, balance, strength, doubt", "accuracy / log loss", "as shipped"])
    at = grid.index(shipped)
    chosen = []
    for s, data in enumerate(NINE):
        others = np.arange(len(NINE)) != s
        best = int(np.argmax(found[:, others, 0].mean(axis=1) - 1e-3 * found[:, others, 1].mean(axis=1)))
        chosen.append(found[best, s])
        cells = [f"{100 * f[0]:.2f} / {f[1]:.3f}" for f in (found[best, s], found[at, s])]
        line([data, ", ".join(f"{x:g}" for x in grid[best]), *cells])
    six = [NINE.index(data) for data in PUBLISHED]
    for what, rows in (("settings left out", np.array(chosen)), ("as shipped", found[at])):
        eight, published = rows[:8].mean(axis=0), rows[six].mean(axis=0)
        print(
            f"{what}: accuracy of the eight {eight[0]:.4f}; log loss and Brier x100 of the six "
            f"{published[1]:.3f}, {100 * published[2]:.1f}"
        )
    print(
        f"over all {len(grid)} settings: {found[:, :8, 0].mean(axis=1).min():.4f} to "
        f"{found[:, :8, 0].mean(axis=1).max():.4f}"
    )


def pattern_scores(proba: np.ndarray, gold: np.ndarray) -> tuple[float, float, float]:
    """Return what `scores` does, from a table of known rows per pattern and class."""
    top = proba >= proba.max(axis=1, keepdims=True) * (1 - 1e-9)
    n = gold.sum()
    right = (gold * top / top.sum(axis=1, keepdims=True)).sum() / n
    loss = -(gold * np.log(np.clip(proba, 1e-6, 1))).sum() / n
    square = (gold * ((proba**2).sum(axis=1, keepdims=True) - 2 * proba + 1)).sum() / n
    return float(right), float(loss), float(square)


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    tables = {"sets": public_sets, "copies": copied_rules, "generated": generated_votes, "left-out": left_out}
    parser.add_argument("--only", choices=tables, help="print one table")
    asked = parser.parse_args().only
    for name, show in tables.items():
        if asked in (None, name):
            print(f"\n## {name}\n")
            show() if name == "generated" else show(data_folder())


if __name__ == "__main__":
    main()
