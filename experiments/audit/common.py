"""What the audit's simulations share: real matrices with full gold, label models fitted to them, population frames."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from weaklabel import label_model

SETS = ("youtube", "sms", "trec", "agnews", "topic_yoruba", "imdb", "commercial", "tennis", "cdr")
MODELS = ("majority_vote", "dawid_skene", "event_bayes")


@dataclass(frozen=True)
class Case:
    """A corpus whose gold is known in full, with one model's labels; rows with votes and with known gold only.

    `votes` is (n, m) Int8, `probability` (n, k), `label` the most probable class of each row (ties broken by a seeded
    draw), `gold` the true class, `confidence` the probability of `label`.
    """

    data: str
    model: str
    k: int
    votes: np.ndarray
    probability: np.ndarray
    label: np.ndarray
    gold: np.ndarray

    def __len__(self) -> int:
        return len(self.gold)

    @property
    def name(self) -> str:
        return f"{self.data} / {self.model}"

    @cached_property
    def confidence(self) -> np.ndarray:
        return self.probability[np.arange(len(self)), self.label]

    @cached_property
    def right(self) -> np.ndarray:
        """Whether each label is right, bool (n,)."""
        return self.label == self.gold

    @cached_property
    def ids(self) -> list[str]:
        return [f"r{i:06d}" for i in range(len(self))]

    def population(self) -> pl.DataFrame:
        """Return what an audit is given: id, label, confidence."""
        return pl.DataFrame(
            {"id": self.ids, "label": [f"c{c}" for c in self.label], "confidence": self.confidence},
            schema={"id": pl.String, "label": pl.String, "confidence": pl.Float64},
        )

    def truth(self) -> pl.DataFrame:
        """Return what people would answer: id, label, for every row."""
        return pl.DataFrame(
            {"id": self.ids, "label": [f"c{c}" for c in self.gold]},
            schema={"id": pl.String, "label": pl.String},
        )


def data_folder() -> Path:
    """Return the folder that WEAKLABEL_DATA names, or end with what it is for."""
    folder = os.environ.get("WEAKLABEL_DATA")
    if not folder:
        sys.exit(
            "WEAKLABEL_DATA names the folder with the public sets: matrices/*.parquet (vote matrices of the WRENCH "
            "benchmark and others; experiments/README.md says from which repositories)"
        )
    return Path(folder)


def cases(sets: Sequence[str] = SETS, models: Sequence[str] = MODELS) -> Iterator[Case]:
    """Yield every set with every model's labels."""
    for data in sets:
        votes, gold, k = matrix(data)
        for model in models:
            yield case(data, model, votes, gold, k)


def case(data: str, model: str, votes: np.ndarray, gold: np.ndarray, k: int) -> Case:
    """Fit a model to the votes, without gold, and label the rows."""
    p = label_model.create(model, n_classes=k).fit(votes).predict_proba(votes)
    top = p >= p.max(axis=1, keepdims=True) * (1 - 1e-9)
    jitter = np.random.default_rng(0).random(p.shape)
    label = np.where(top, jitter, -1.0).argmax(axis=1)
    return Case(data, model, k, votes, p, label, gold)


def matrix(name: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Return votes and gold of the rows with votes and known gold, and the number of classes."""
    frame = pl.read_parquet(data_folder() / f"matrices/{name}.parquet")
    votes = frame.select(r"^lf_\d+$").to_numpy().astype(np.int8)
    gold = frame["gold"].to_numpy().astype(int)
    kept = (votes >= 0).any(axis=1) & (gold >= 0)
    return votes[kept], gold[kept], int(max(votes.max(), gold.max())) + 1


def line(cells: Sequence[object]) -> None:
    """Print one line of a table."""
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def heading(cells: Sequence[str]) -> None:
    """Print the first two lines of a table."""
    line(cells)
    print("|---" * len(cells) + "|", flush=True)
