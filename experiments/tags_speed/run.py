"""Time and memory of the model of tags on generated votes; see README.md."""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from weaklabel.label_matrix.matrix import LabelMatrix
from weaklabel.label_matrix.patterns import Events, event_patterns
from weaklabel.schema import Label, LabelSchema, Outcome, none_of
from weaklabel.tags import TagModel, TagVotes

TAGS, PARENTS, RULES, VOTES = 400, 40, 800, 4


def schema_and_alphabets() -> tuple[LabelSchema, dict[str, tuple[Outcome, ...]]]:
    """Return 400 tags, all but 40 with a parent among these, and two rules for each: one in ten denies it."""
    labels = [Label(f"t{i}", parents=() if i < PARENTS else (f"t{i % PARENTS}",)) for i in range(TAGS)]
    outcomes = [none_of(f"t{j // 2}") if j % 10 == 9 else Outcome((f"t{j // 2}",)) for j in range(RULES)]
    return LabelSchema(labels, exclusive=False), {f"r{j}": (one,) for j, one in enumerate(outcomes)}


def votes_of(rows: int, seed: int = 0) -> LabelMatrix:
    """Return about four votes a row, of rules that are nearly all of the same few tags."""
    import polars as pl

    rng = np.random.default_rng(seed)
    tag = rng.integers(0, TAGS, (rows, 2))
    rule = np.sort(np.concatenate([2 * tag, 2 * tag + rng.integers(0, 2, tag.shape)], axis=1) % RULES, axis=1)
    keep = np.ones(rule.shape, bool)
    keep[:, 1:] = rule[:, 1:] != rule[:, :-1]
    indptr = np.concatenate([[0], np.cumsum(keep.sum(axis=1))]).astype(np.int64)
    names = tuple(f"r{j}" for j in range(RULES))
    events = Events(indptr, rule[keep].astype(np.int32), np.zeros(int(keep.sum()), np.int8))
    ids = pl.Series("id", np.arange(rows)).cast(pl.String)
    silence = np.full(RULES, -1, np.int8)
    patterns = event_patterns(events, names, silence, np.ones(rows, np.int64), np.arange(rows))
    matrix = LabelMatrix(names, silence, "events", {}, ids, None, events)
    matrix.__dict__["_patterns"] = patterns
    return matrix


def peak() -> float:
    """Return the most memory that the process has had, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def measure(rows: int, gold: int) -> None:
    """Print seconds (of one core, and of the clock) and memory of reading, fitting and predicting."""
    schema, alphabets = schema_and_alphabets()
    matrix = votes_of(rows)
    before = peak()
    told = {str(i): [f"t{i % TAGS}"] for i in range(gold)} or None
    parts = []
    for _ in range(2 if rows < 10_000 else 1):  # the first compiles
        clock, work = time.perf_counter(), time.process_time()
        votes = TagVotes.of_alphabets(matrix, schema, alphabets)
        read = time.perf_counter()
        model = TagModel(schema=schema).fit(votes, gold=told)
        fitted = time.perf_counter()
        scores = model.predict(votes)
        done = time.perf_counter()
        parts = [read - clock, fitted - read, done - fitted, time.process_time() - work]
    shown = " | ".join(f"{part:.2f}" for part in parts)
    size = f"{rows} | {len(votes)} | {len(votes.said)} | {len(scores.codes)} | {gold}"
    print(f"| {size} | {shown} | {before:.2f} | {peak():.2f} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[2_000, 1_000_000])
    parser.add_argument("--gold", type=int, nargs="*", default=[0, 300])
    options = parser.parse_args()
    print(
        "| items | distinct | votes | candidates | gold | read s | fit s | predict s | CPU s | GB before | GB at most |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for rows in options.rows:
        for gold in options.gold:
            measure(rows, gold)
