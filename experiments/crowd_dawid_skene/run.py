"""Dawid-Skene on eight crowd-sourced sets and nine rule sets, beside crowd-kit's and majority vote. See README.md."""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import polars as pl

from weaklabel import label_model
from weaklabel.label_matrix import LabelMatrix, as_patterns

CROWD = ["bluebird", "dog", "rte", "web", "product", "trec2010", "labelme", "fact_eval"]
RULES = ["youtube", "trec", "imdb", "cdr", "commercial", "tennis", "agnews", "topic_yoruba", "sms"]


def data_folder() -> Path:
    """Return the folder that WEAKLABEL_DATA names, or end with what it is for."""
    folder = os.environ.get("WEAKLABEL_DATA")
    if not folder:
        sys.exit(
            "WEAKLABEL_DATA names the folder with the public sets: crowd/*.parquet (from GitHub: "
            "yuan-li/truth-inference-at-scale, fmenat/PyLearningCrowds) and matrices/*.parquet (vote matrices of the "
            "WRENCH benchmark and others)"
        )
    return Path(folder)


def accuracy(proba: np.ndarray, gold: np.ndarray) -> float:
    """Expected accuracy: a tie counts 1 over the number of tied classes."""
    top = proba >= proba.max(axis=1, keepdims=True) - 1e-9
    return float((top[np.arange(len(gold)), gold] / top.sum(axis=1)).mean())


def log_loss(proba: np.ndarray, gold: np.ndarray) -> float:
    """Mean negative log probability of the gold class, clipped at 1e-6."""
    return float(-np.log(np.clip(proba[np.arange(len(gold)), gold], 1e-6, 1)).mean())


def crowd_set(folder: Path, name: str) -> tuple[LabelMatrix, np.ndarray, int, pl.DataFrame]:
    """Return votes, gold (-1 unknown), number of classes and the answers in long form."""
    text = {"item": pl.String, "annotator": pl.String}
    answers = pl.read_parquet(folder / f"crowd/{name}.parquet").cast(text)
    gold = pl.read_parquet(folder / f"crowd/{name}.gold.parquet").cast({"item": pl.String})
    labels = (
        pl.concat([answers["label"], gold["gold"].cast(answers["label"].dtype)]).drop_nulls().unique().sort()
    )
    answers = answers.with_columns(code=labels.search_sorted(answers["label"]).cast(pl.Int8))
    votes = LabelMatrix.from_answers(answers, item="item", labeler="annotator")
    known = {row["item"]: labels.index_of(row["gold"]) for row in gold.drop_nulls().iter_rows(named=True)}
    return votes, np.array([known.get(i, -1) for i in votes.ids]), len(labels), answers


def rule_set(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Return votes and gold of the covered rows, and the number of classes."""
    frame = pl.read_parquet(folder / f"matrices/{name}.parquet")
    votes = frame.select(r"^lf_\d+$").to_numpy().astype(np.int8)
    gold = frame["gold"].to_numpy().astype(int)
    k = int(max(votes.max(), gold.max())) + 1
    covered = (votes >= 0).any(axis=1)
    return votes[covered], gold[covered], k


def crowd_kit(answers: pl.DataFrame, ids: pl.Series, k: int) -> np.ndarray:
    """Return crowd-kit's probabilities by its own defaults (100 passes, tol 1e-5)."""
    from crowdkit.aggregation import DawidSkene

    long = answers.select(task="item", worker="annotator", label=pl.col("code").cast(pl.Int64)).to_pandas()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proba = DawidSkene().fit_predict_proba(long)
    return proba.reindex(index=ids.to_list(), columns=range(k)).fillna(0).to_numpy()


def fitted(
    votes: object, k: int, name: str = "dawid_skene", **options: object
) -> tuple[np.ndarray, int, float]:
    """Return probabilities, passes and seconds of one of our models."""
    label_model.create(name, n_classes=k, **options).fit(votes)  # compile, and remember the patterns
    started = time.perf_counter()
    model = label_model.create(name, n_classes=k, **options).fit(votes)
    return model.predict_proba(votes), getattr(model, "n_iter_", 0), time.perf_counter() - started


def crowd_table(folder: Path) -> None:
    """Print accuracy and log loss on the crowd-sourced sets."""
    print(
        "| set | items | people | answers | classes | majority vote | crowd-kit | ours | ours, no smoothing |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    means = []
    for name in CROWD:
        votes, gold, k, answers = crowd_set(folder, name)
        known = gold >= 0
        started = time.perf_counter()
        theirs = crowd_kit(answers, votes.ids, k)
        seconds = time.perf_counter() - started
        runs = [
            (fitted(votes, k, "majority_vote")[0], None),
            (theirs, f"{seconds:.1f} s"),
            *((p, f"{n}, {s:.2f} s") for p, n, s in (fitted(votes, k), fitted(votes, k, smoothing=0))),
        ]
        scores = [(accuracy(p[known], gold[known]), log_loss(p[known], gold[known])) for p, _ in runs]
        means.append(scores)
        cells = [
            f"{100 * a:.2f} / {b:.2f}" + (f" ({n})" if n else "")
            for (a, b), (_, n) in zip(scores, runs, strict=True)
        ]
        print(
            f"| {name} | {votes.shape[0]} | {votes.shape[1]} | {answers.height} | {k} | {' | '.join(cells)} |"
        )
    cells = [f"{100 * a:.2f} / {b:.2f}" for a, b in np.mean(means, axis=0)]
    print(f"| mean | | | | | {' | '.join(cells)} |")


def rule_table(folder: Path) -> None:
    """Print accuracy and log loss on the rule sets, covered rows."""
    settings = [("dawid_skene", {"smoothing": s}) for s in (0, 1, None, 8)]
    print("\n| set | rows | patterns | rules | classes | majority vote | smoothing 0 | 1 | 4 (default) | 8 |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    means = []
    for name in RULES:
        votes, gold, k = rule_set(folder, name)
        known = gold >= 0
        runs = [
            fitted(votes, k, model, **options)[0] for model, options in [("majority_vote", {}), *settings]
        ]
        scores = [(accuracy(p[known], gold[known]), log_loss(p[known], gold[known])) for p in runs]
        if name != "sms":
            means.append(scores)
        cells = " | ".join(f"{100 * a:.2f} / {b:.2f}" for a, b in scores)
        patterns = len(as_patterns(votes))
        print(f"| {name} | {len(votes)} | {patterns} | {votes.shape[1]} | {k} | {cells} |")
    cells = " | ".join(f"{100 * a:.2f} / {b:.2f}" for a, b in np.mean(means, axis=0))
    print(f"| mean without sms | | | | | {cells} |")


def main() -> None:
    """Print both tables, or the one asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["crowd", "rules"])
    only = parser.parse_args().only
    folder = data_folder()
    if only != "rules":
        crowd_table(folder)
    if only != "crowd":
        rule_table(folder)


if __name__ == "__main__":
    main()
