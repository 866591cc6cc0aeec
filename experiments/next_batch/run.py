"""What labels buy when they are chosen by each strategy, against labels of rows drawn at random. See README.md."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import polars as pl

from weaklabel.audit import scores
from weaklabel.audit.choosing import select
from weaklabel.audit.hints import gold_neighbours
from weaklabel.audit.scores import Beliefs
from weaklabel.audit.selected import Candidates, Wishes
from weaklabel.audit.text_model import linear_models
from weaklabel.audit.vectors import text_vectors
from weaklabel.label_model import create

SETS = ("youtube", "sms", "trec", "agnews", "topic_yoruba", "imdb", "commercial", "tennis", "cdr")
TEXTS = ("youtube", "sms", "trec", "agnews", "topic_yoruba")
ROWS = 6_000
"""Rows of a set with texts that are taken, at random; word models of more would take hours over all draws."""
COMMITTEE = ("majority_vote", "dawid_skene")
BUDGETS = (100, 200)


def main(part: str, seeds: int, sets: list[str], budgets: list[int]) -> None:
    if not os.environ.get("WEAKLABEL_DATA"):
        sys.exit(
            "WEAKLABEL_DATA is not set: it names the folder with the public data; see experiments/README.md"
        )
    table = label_models(seeds, sets, budgets) if part == "model" else word_models(seeds, sets, budgets)
    strategies = list(dict.fromkeys(row[1] for row in table))
    sets = list(dict.fromkeys(row[0] for row in table))
    for budget in budgets:
        print(f"\n{budget} labels: points of accuracy bought per 100 labels\n")
        print("| set | without | " + " | ".join(strategies) + " |")
        print("|---" * (len(strategies) + 2) + "|")
        for name in sets:
            mine = {row[1]: row for row in table if row[0] == name and row[2] == budget}
            cells = [cell(mine.get(s), mine["random"]) for s in strategies]
            print(f"| {name} | {next(iter(mine.values()))[3]:.4f} | " + " | ".join(cells) + " |", flush=True)
        means = []
        for s in strategies:
            rows = [(r, base) for r in table if r[1] == s and r[2] == budget
                    for base in table if base[:3] == (r[0], "random", budget)]  # fmt: skip
            own = np.mean([r[4].mean() for r, _ in rows])
            other = np.mean([base[4].mean() for _, base in rows])
            means.append(
                f"{own:+.2f}" if len(rows) == len(sets) else f"{own:+.2f} (random there {other:+.2f})"
            )
        print("| mean | | " + " | ".join(means) + " |")


def cell(row, base) -> str:
    """Return the mean, and a star where it differs from random drawing by over two standard errors of the pairs."""
    if row is None:
        return "–"
    gap = row[4] - base[4]
    error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else np.inf
    mark = "" if row[1] == "random" or abs(gap.mean()) <= 2 * error else " ▲" if gap.mean() > 0 else " ▼"
    return f"{row[4].mean():+.2f}{mark}"


# ---- what the label model learns from chosen gold ----


def label_models(seeds: int, sets: list[str], budgets: list[int]) -> list[tuple]:
    found = []
    for name in sets:
        votes, gold, k, texts = read(name, covered=True)
        beliefs = believed(votes, k)
        vectors = None if texts is None else text_vectors(texts)
        before = score(beliefs.probabilities, gold)
        gains: dict[tuple[str, int], list[float]] = {}
        for seed in range(seeds):
            for budget in budgets:
                for strategy, frame in drawn(beliefs, vectors, gold, budget, seed).items():
                    at = frame["id"].cast(pl.Int64).to_numpy()
                    chance = frame["inclusion"].to_numpy()
                    after = taught(votes, gold, k, at, chance)
                    gains.setdefault((strategy, budget), []).append(100 * (after - before) * 100 / len(at))
                    if strategy in ("margin", "entropy"):
                        after = taught(votes, gold, k, at, None)
                        key = (f"{strategy}, unweighed", budget)
                        gains.setdefault(key, []).append(100 * (after - before) * 100 / len(at))
        found += [(name, s, b, before, np.array(v)) for (s, b), v in gains.items()]
        report(name, before, gains)
    return found


def drawn(beliefs: Beliefs, vectors, gold, budget: int, seed: int) -> dict[str, pl.DataFrame]:
    """Return the rows that each strategy would have people label: id and inclusion."""
    n = len(gold)
    ids = pl.Series("id", [f"{i}" for i in range(n)])
    rows = Candidates(ids, beliefs)
    found = {"random": choose(rows, budget, seed, {"audit": 1})}
    for strategy in ("entropy", "margin", "conflict", "committee"):
        found[strategy] = choose(rows, budget, seed, {"learning": 1}, strategies=(strategy,))
    found["learning"] = choose(rows, budget, seed, {"learning": 1})
    smallest = beliefs.names[int(beliefs.probabilities.mean(axis=0).argmin())]
    found["rare"] = choose(rows, budget, seed, {"rare": 1}, rare=(smallest,))
    found["suspected, no words"] = choose(rows, budget, seed, {"suspected": 1})
    found["top margin"] = pl.DataFrame(
        {"id": ids.gather(np.lexsort((np.random.default_rng(seed).random(n), -scores.margin(beliefs)))[:budget]),
         "inclusion": np.ones(budget)}
    )  # fmt: skip
    if vectors is not None:
        half = choose(rows, budget // 2, seed, {"audit": 1})["id"].cast(pl.Int64).to_numpy()
        near = gold_neighbours(vectors.matrix, half, gold[half])
        knowing = Candidates(
            ids, Beliefs(beliefs.names, beliefs.probabilities, beliefs.votes, neighbours=near)
        )
        more = choose(knowing, budget - len(half), seed + 1000, {"learning": 1}, strategies=("neighbours",))
        both = pl.concat([pl.DataFrame({"id": [f"{i}" for i in half], "inclusion": len(half) / n}), more])
        found["half random, half neighbours"] = both.unique("id", keep="first", maintain_order=True)
    return found


def choose(rows: Candidates, budget: int, seed: int, uses: dict[str, float], **options) -> pl.DataFrame:
    try:
        chosen = select(rows, budget, seed=seed, wishes=Wishes(uses=uses, **options))
    except Exception as error:
        if "nothing to choose" not in str(error):
            raise
        return choose(rows, budget, seed, {"audit": 1})
    return chosen.together().select("id", "inclusion")


def taught(votes, gold, k, at, chance) -> float:
    """Return the accuracy over all rows of the default model that has got the gold of some."""
    known = np.full(len(gold), -1)
    known[at] = gold[at]
    inclusion = None
    if chance is not None:
        inclusion = np.ones(len(gold))
        inclusion[at] = chance
    model = create("default", n_classes=k).fit(votes, gold=known, inclusion=inclusion)
    return score(model.predict_proba(votes), gold)


# ---- what a model of the words learns from labels of rules and of people ----


def word_models(seeds: int, sets: list[str], budgets: list[int]) -> list[tuple]:
    found = []
    for name in [s for s in sets if s in TEXTS]:
        votes, gold, k, texts = read(name, covered=False)
        beliefs = believed(votes, k)
        vectors = text_vectors(texts)
        covered = beliefs.covered
        rows = Candidates(pl.Series("id", [f"{i}" for i in range(len(gold))]), beliefs, vectors)
        before = words(vectors.matrix, beliefs.guess, covered, k, gold, np.array([], dtype=int))
        gains: dict[tuple[str, int], list[float]] = {}
        for seed in range(seeds):
            for budget in budgets:
                chosen = {"random": choose(rows, budget, seed, {"audit": 1})}
                for use in ("learning", "coverage", "suspected"):
                    chosen[use] = choose(rows, budget, seed, {use: 1})
                chosen["even"] = choose(
                    rows, budget, seed, {"audit": 4, "learning": 3, "coverage": 2, "suspected": 1}
                )
                for use, frame in chosen.items():
                    at = frame["id"].cast(pl.Int64).to_numpy()
                    after = words(vectors.matrix, beliefs.guess, covered, k, gold, at)
                    gains.setdefault((use, budget), []).append(100 * (after - before) * 100 / len(at))
        found += [(name, s, b, before, np.array(v)) for (s, b), v in gains.items()]
        print(f"{name}: {covered.mean():.0%} of {len(gold):,} rows have votes", flush=True)
        report(name, before, gains)
    return found


def words(matrix, guess, covered, k, gold, at) -> float:
    """Return the accuracy over all rows of a word model of the rules' labels, people's in place of them, five times."""
    label = np.where(covered, guess, -1)
    label[at] = gold[at]
    use = np.concatenate([np.flatnonzero(label >= 0), np.repeat(at, 4)]).astype(int)
    weights, constants = linear_models(matrix[use], label[use][:, None] == np.arange(k), strength=10.0)
    return float(((matrix @ weights + constants).argmax(axis=1) == gold).mean())


# ---- data ----


def read(name: str, *, covered: bool):
    frame = pl.read_parquet(Path(os.environ["WEAKLABEL_DATA"]) / "matrices" / f"{name}.parquet")
    frame = frame.filter(pl.col("gold") >= 0)
    if covered:
        frame = frame.filter(pl.any_horizontal(pl.selectors.starts_with("lf_") >= 0))
    if name in TEXTS and frame.height > ROWS:
        frame = frame.sample(ROWS, seed=0)
    votes = frame.select(r"^lf_\d+$").to_numpy().astype(np.int8)
    gold = frame["gold"].to_numpy().astype(int)
    return votes, gold, int(max(votes.max(), gold.max())) + 1, frame["text"] if name in TEXTS else None


def believed(votes, k):
    p = create("default", n_classes=k).fit(votes).predict_proba(votes)
    others = {m: create(m, n_classes=k).fit(votes).predict_proba(votes) for m in COMMITTEE}
    return Beliefs(tuple(f"c{c}" for c in range(k)), p, votes.astype(np.int64), committee=others)


def score(p, gold) -> float:
    """Return accuracy; a tie counts 1 over the number of tied classes."""
    top = p >= p.max(axis=1, keepdims=True) * (1 - 1e-9)
    return float((top[np.arange(len(gold)), gold] / top.sum(axis=1)).mean())


def report(name, before, gains) -> None:
    told = "  ".join(f"{s} {b}: {np.mean(v):+.2f}" for (s, b), v in gains.items())
    print(f"{name} {before:.4f}  {told}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("model", "words"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--budgets", type=int, nargs="*", default=list(BUDGETS))
    options = parser.parse_args()
    main(options.part, options.seeds, options.sets, options.budgets)
