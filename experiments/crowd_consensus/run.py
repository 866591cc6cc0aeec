"""Consensus of people's answers on eight crowd-sourced sets, beside crowd-kit's models. See README.md."""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from weaklabel.fingerprint import event_hash
from weaklabel.gold.agreeing.consensus import consensus
from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model import create
from weaklabel.schema import LabelSchema

CROWD = ["bluebird", "dog", "rte", "web", "product", "trec2010", "labelme", "fact_eval"]
SHARE, SEEDS = 0.05, 5
SMALL, PER_ITEM, DRAWS = (100, 400), (3, 5), 5
OURS = ["majority vote", "ours", "ours on the rest", "ours, 5 % clamped, on the rest"]
KIT = ["DawidSkene", "GLAD", "MACE", "OneCoinDawidSkene"]


class CrowdSet:
    """Answers, known labels and the schema of one set."""

    def __init__(self, folder: Path, name: str) -> None:
        text = {"item": pl.String, "annotator": pl.String, "label": pl.String}
        answers = pl.read_parquet(folder / f"crowd/{name}.parquet").cast(text)
        answers = answers.unique(["item", "annotator"], keep="last", maintain_order=True)
        gold = pl.read_parquet(folder / f"crowd/{name}.gold.parquet").drop_nulls()
        gold = gold.select(pl.col("item").cast(pl.String), label=pl.col("gold").cast(pl.String))
        self.name = name
        self.gold = gold.join(answers.select("item").unique(), on="item", how="semi").sort("item")
        self.schema = LabelSchema(sorted({*answers["label"], *gold["label"]}))
        self.answers = answers.select(
            "item", "annotator", kind=pl.lit("label"), labels=pl.concat_list("label")
        ).sort("item", "annotator")

    def scored(self, proba: pl.DataFrame, but: pl.Series | None = None) -> tuple[float, float]:
        """Return accuracy (a tie counts 1 over the number of tied labels) and log loss (clipped at 1e-6)."""
        gold = self.gold if but is None else self.gold.filter(~pl.col("item").is_in(but.implode()))
        rows = gold.join(proba, on="item", how="left", maintain_order="left")
        shares = np.array(rows["probabilities"].to_list(), dtype=float)[:, : len(self.schema)]
        right = np.array([self.schema.code(label) for label in rows["label"]])
        top = shares >= shares.max(axis=1, keepdims=True) - 1e-9
        each = np.arange(len(right))
        loss = -np.log(np.clip(shares[each, right], 1e-6, 1)).mean()
        return float(100 * (top[each, right] / top.sum(axis=1)).mean()), float(loss)

    def drawn(self, items: int, per_item: int, seed: int) -> CrowdSet:
        """Return a small set of some gold items with a few answers each, as a batch has."""
        part = object.__new__(CrowdSet)
        part.name, part.schema = self.name, self.schema
        part.gold = _hashed(self.gold, "item", seed).head(items).sort("item")
        kept = self.answers.join(part.gold, on="item", how="semi").with_columns(
            who=pl.concat_str("item", pl.lit(" "), "annotator")
        )
        part.answers = (
            _hashed(kept, "who", seed).group_by("item", maintain_order=True).head(per_item).drop("who")
        )
        return part


def _hashed(frame: pl.DataFrame, column: str, seed: int) -> pl.DataFrame:
    """Return rows in an order that a seeded hash of a column decides."""
    key = pl.Series("hash", [event_hash(value, seed) for value in frame[column]], dtype=pl.UInt64)
    return frame.with_columns(key).sort("hash").drop("hash")


def ours(crowd: CrowdSet, method: str = "dawid_skene", gold: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return our probabilities."""
    found = consensus(crowd.answers, schema=crowd.schema, method=method, gold=gold)
    return found.frame.select("item", "probabilities")


def members(crowd: CrowdSet) -> dict[str, pl.DataFrame]:
    """Return the probabilities of models that are, or could be, parts of ours."""
    codes = {name: i for i, name in enumerate(crowd.schema.names)}
    long = crowd.answers.with_columns(
        code=pl.col("labels").list.first().replace_strict(codes, return_dtype=pl.Int8)
    )
    votes = LabelMatrix.from_answers(long, labeler="annotator")
    k = len(codes)
    proba = {"shares": create("majority_vote", n_classes=k).fit(votes).predict_proba(votes)}
    for smoothing in (0, 0.05, 0.1, 0.25, 0.5, 1):
        model = create("dawid_skene", n_classes=k, smoothing=smoothing)
        proba[f"smoothing {smoothing}"] = model.fit(votes).predict_proba(votes)
    weak = create("dawid_skene", n_classes=k, smoothing=0.1, prior_accuracy=0.6)
    proba["smoothing 0.1, prior accuracy 0.6"] = weak.fit(votes).predict_proba(votes)
    for strength in (0.25, 0.5, 1):
        parts = ("shares", "smoothing 0", f"smoothing {strength}")
        proba[f"mean of shares, 0 and {strength}"] = np.mean([proba[part] for part in parts], axis=0)
    proba["mean of shares and 0.25"] = (proba["shares"] + proba["smoothing 0.25"]) / 2
    return {name: pl.DataFrame({"item": votes.ids, "probabilities": list(p)}) for name, p in proba.items()}


def crowd_kit(crowd: CrowdSet, name: str) -> pl.DataFrame:
    """Return the probabilities of one of crowd-kit's models by its own defaults."""
    from crowdkit.aggregation import MACE, DawidSkene, OneCoinDawidSkene
    from glad import NumpyGLAD

    made = {
        "DawidSkene": DawidSkene,
        "GLAD": NumpyGLAD,
        "MACE": lambda: MACE(n_restarts=1),  # its ten restarts share one seed and are one
        "OneCoinDawidSkene": OneCoinDawidSkene,
    }[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proba = made.fit_predict_proba(kit_frame(crowd))
    whole = proba.reindex(columns=list(crowd.schema.names)).fillna(0)
    return pl.DataFrame({"item": whole.index.astype(str), "probabilities": list(whole.to_numpy())})


def kit_frame(crowd: CrowdSet) -> object:
    """Return answers as crowd-kit takes them."""
    label = pl.col("labels").list.first()
    return crowd.answers.select(task="item", worker="annotator", label=label).to_pandas()


def row(crowd: CrowdSet, kit: bool) -> Iterator[tuple[str, float, float, float]]:
    """Give name, accuracy, log loss and seconds of each method."""
    started = time.perf_counter()
    yield "majority vote", *crowd.scored(ours(crowd, "majority_vote")), time.perf_counter() - started
    started = time.perf_counter()
    plain = ours(crowd)
    yield "ours", *crowd.scored(plain), time.perf_counter() - started
    started, scores = time.perf_counter(), []
    for seed in range(SEEDS):
        clamped = _hashed(crowd.gold, "item", seed).head(round(SHARE * crowd.gold.height))
        proba = ours(crowd, gold=clamped)
        scores.append((crowd.scored(plain, but=clamped["item"]), crowd.scored(proba, but=clamped["item"])))
    without, within = np.mean(scores, axis=0)
    yield "ours on the rest", *without, 0.0
    yield "ours, clamped", *within, (time.perf_counter() - started) / SEEDS
    for name in KIT if kit else []:
        started = time.perf_counter()
        yield name, *crowd.scored(crowd_kit(crowd, name)), time.perf_counter() - started


def table(folder: Path, names: list[str], kit: bool) -> None:
    """Print accuracy, log loss and seconds, set by set."""
    methods = OURS + (KIT if kit else [])
    print(f"| set | {' | '.join(methods)} |\n|{'---|' * (len(methods) + 1)}")
    means = []
    for name in names:
        found = list(row(CrowdSet(folder, name), kit))
        means.append([f[1:3] for f in found])
        print(
            f"| {name} | {' | '.join(f'{a:.2f} / {b:.2f}' + f' ({s:.1f} s)' * (s > 0) for _, a, b, s in found)} |",
            flush=True,
        )
    print(f"| mean | {' | '.join(f'{a:.2f} / {b:.2f}' for a, b in np.mean(means, axis=0))} |")


def parts(folder: Path, names: list[str]) -> None:
    """Print what models that are, or could be, parts of ours reach: on whole sets, and on draws of batch size."""
    whole: dict[str, list[tuple[float, float]]] = {}
    small: dict[str, list[tuple[float, float]]] = {}
    for name in names:
        crowd = CrowdSet(folder, name)
        for method, proba in members(crowd).items():
            whole.setdefault(method, []).append(crowd.scored(proba))
        for items in SMALL:
            for per_item in PER_ITEM:
                for seed in range(DRAWS):
                    part = crowd.drawn(items, per_item, seed)
                    for method, proba in members(part).items():
                        small.setdefault(method, []).append(part.scored(proba))
    print("| model | whole sets | draws of 100 or 400 items, 3 or 5 answers each |\n|---|---|---|")
    for method in whole:
        cells = (np.mean(scores[method], axis=0) for scores in (whole, small))
        print(f"| {method} | {' | '.join(f'{a:.2f} / {b:.2f}' for a, b in cells)} |")
    by_set = np.array([[score[0] for score in scores] for scores in whole.values()])
    others = [np.delete(by_set, s, axis=1).mean(axis=1).argmax() for s in range(len(names))]
    chosen = np.mean([by_set[best, s] for s, best in enumerate(others)])
    print(f"\nthe model that is best on the other sets, set by set: {chosen:.2f}")


def floors(folder: Path, names: list[str]) -> None:
    """Print which share of the gold items is settled at the floor of 0.8, and how many of these are right."""
    methods = {"majority vote": "majority_vote", "ours": "dawid_skene"}
    print(f"| set | {' | '.join(methods)} |\n|---|---|---|")
    means = []
    for name in names:
        crowd = CrowdSet(folder, name)
        cells = []
        for method in methods.values():
            found = consensus(crowd.answers, schema=crowd.schema, method=method).frame
            both = found.join(crowd.gold.rename({"label": "gold"}), on="item")
            settled = both.filter(pl.col("status") == "settled")
            right = 100 * (settled["label"] == settled["gold"]).mean()
            cells.append((100 * settled.height / both.height, right))
        means.append(cells)
        print(
            f"| {name} | {' | '.join(f'{share:.1f} / {right:.1f}' for share, right in cells)} |", flush=True
        )
    print(f"| mean | {' | '.join(f'{share:.1f} / {right:.1f}' for share, right in np.mean(means, axis=0))} |")


def check(folder: Path) -> None:
    """Print how far our numpy form of GLAD is from crowd-kit's own, on small sets."""
    from crowdkit.aggregation import GLAD
    from glad import NumpyGLAD

    for name in ("bluebird", "dog", "rte"):
        crowd = CrowdSet(folder, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs, mine = (kind().fit_predict_proba(kit_frame(crowd)) for kind in (GLAD, NumpyGLAD))
        mine = mine.reindex(index=theirs.index, columns=theirs.columns)
        apart = np.abs(theirs.to_numpy() - mine.to_numpy())
        other = int((theirs.to_numpy().argmax(axis=1) != mine.to_numpy().argmax(axis=1)).sum())
        print(
            f"{name}: probabilities differ by {apart.max():.4f} at most, {other} labels of {len(theirs)} differ"
        )


def main() -> None:
    """Print the table asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=CROWD, default=CROWD)
    parser.add_argument("--ours", action="store_true", help="leave crowd-kit's models out")
    parser.add_argument("--parts", action="store_true", help="the models that ours is made of, and others")
    parser.add_argument(
        "--floors", action="store_true", help="what is settled at the floor, and how much is right"
    )
    parser.add_argument("--check", action="store_true", help="our form of GLAD against crowd-kit's own")
    asked = parser.parse_args()
    if "WEAKLABEL_DATA" not in os.environ:
        sys.exit("WEAKLABEL_DATA names the folder with the public sets, see experiments/crowd_dawid_skene")
    folder = Path(os.environ["WEAKLABEL_DATA"])
    if asked.check:
        check(folder)
    elif asked.floors:
        floors(folder, asked.sets)
    elif asked.parts:
        parts(folder, asked.sets)
    else:
        table(folder, asked.sets, kit=not asked.ours)


if __name__ == "__main__":
    main()
