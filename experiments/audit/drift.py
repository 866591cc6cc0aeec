"""Drift and rule health: how often nothing raises an alarm, and how surely rows that slipped by one are seen.

WEAKLABEL_DATA=… python experiments/audit/drift.py [alarms] [alignment] [health]
"""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
from common import SETS, data_folder, heading, line, matrix

from weaklabel.audit.alignment import learn_alignment
from weaklabel.audit.drift import drift
from weaklabel.audit.trend import bad_batch_p, by_batch, combined
from weaklabel.audit.vote_counts import PATTERNS, PatternTable
from weaklabel.stats import benjamini_hochberg

DRAWS = 1000
TEXTS = ("youtube", "sms", "trec", "agnews", "topic_yoruba")


def votes_of(name: str) -> tuple[pl.DataFrame, list[str]]:
    frame = pl.read_parquet(data_folder() / f"matrices/{name}.parquet").with_row_index("id")
    rules = [c for c in frame.columns if c.startswith("lf_")]
    renamed = frame.rename({r: f"lf:{r}" for r in rules}).with_columns(pl.col("id").cast(pl.String))
    return renamed, [f"c{c}" for c in range(int(frame.select(rules).to_numpy().max()) + 1)]


def family_wise(
    name: str, share: float, *, draws: int = DRAWS, seed: int = 0
) -> tuple[int, float, float, float]:
    """Split the rows at random; return tests, and the shares of draws with an alarm, adjusted and not."""
    frame, labels = votes_of(name)
    votes = frame.select(pl.selectors.starts_with("lf:")).to_numpy().astype(np.int8)
    rules = tuple(c.removeprefix("lf:") for c in frame.columns if c.startswith("lf:"))
    table = PatternTable.of(rules, tuple(labels), votes)
    generator = np.random.default_rng(seed)
    n, alarms, naive, bonferroni, tests = len(votes), 0, 0, 0, 0
    for _ in range(draws):
        order = generator.permutation(n)
        new, old = order[: int(share * n)], order[int(share * n) :]
        half = (
            len(old) // 2
        )  # as `count_votes` does: one half says which patterns are frequent, the other is counted
        names = table.most_frequent(PATTERNS, table.of_rows(old[:half]))
        before = table.counted(table.of_rows(old), patterns=names, on=table.of_rows(old[half:]))
        after = table.counted(table.of_rows(new), patterns=names)
        found = drift(before, after)
        p = np.array([c.p for c in found.changes])
        p = p[~np.isnan(p)]
        alarms, naive, bonferroni, tests = (
            alarms + found.alarm,
            naive + bool((p <= 0.05).any()),
            bonferroni + bool((p <= 0.05 / len(p)).any()),
            max(tests, len(p)),
        )
    return tests, alarms / draws, bonferroni / draws, naive / draws


def alarms() -> None:
    heading(["set", "new rows", "tests", "any alarm", "Bonferroni", "not adjusted"])
    worst = 0.0
    for name in SETS:
        for share in (0.5, 0.1):
            tests, found, bonferroni, naive = family_wise(name, share)
            worst = max(worst, found)
            line([name, f"{share:.0%}", tests, f"{found:.3f}", f"{bonferroni:.3f}", f"{naive:.3f}"])
    print(f"\nworst {worst:.3f}, of {DRAWS} draws each\n")


def slips(name: str, rows: int, *, references: int = 20, windows: int = 10, seed: int = 0) -> list[float]:
    """Return how often new rows raise an alarm that belong, and that slipped by one, and the power told beforehand."""
    frame, _ = votes_of(name)
    rules = [c for c in frame.columns if c.startswith("lf:")]
    slipped = frame.with_columns(pl.col(rules).shift(1, fill_value=-1))
    generator = np.random.default_rng(seed)
    found = []
    for i in range(references):
        old = np.sort(generator.permutation(frame.height)[: min(4000, frame.height // 2)])
        left = np.delete(np.arange(frame.height), old)  # rows in their order, none of the reference's
        model = learn_alignment(frame[old], seed=i)
        for _ in range(windows):
            start = int(generator.integers(0, len(left) - rows))
            random = np.sort(generator.choice(left, rows, replace=False))
            same = model.judge(frame[random])
            moved = model.judge(slipped[left[start : start + rows]])
            found.append((same.alarm, moved.alarm, same.power))
    return np.mean(found, axis=0).tolist()


def aligned() -> None:
    heading(["set", "rows", "false alarms", "slipped rows seen", "chance told beforehand"])
    for name in TEXTS:
        for rows in (25, 50, 100):
            line([name, rows, *(f"{v:.3f}" for v in slips(name, rows))])
    print()


def steady(name: str, *, draws: int = 100, seed: int = 0) -> tuple[int, float, float, float, float]:
    """Audit steady rules in three batches, rows on which rules disagree drawn four times as often; nothing changes.

    Returns the number of rules, the shares of audits with a bad latest batch of any rule, adjusted and not, and how
    often intervals hold the precision: on average over rules, and the rule with the lowest share.
    """
    votes, gold, _ = matrix(name)
    generator = np.random.default_rng(seed)
    top = np.where(votes >= 0, votes, -1).max(axis=1)
    low = np.where(votes >= 0, votes, 127).min(axis=1)
    chance = np.where(top != low, 4.0, 1.0)
    chance = np.minimum(chance * 300 / chance.sum(), 1)
    truth = [(gold == v)[v >= 0].mean() for v in votes.T]
    alarms, held = np.zeros((draws, 2)), np.full((draws, votes.shape[1]), np.nan)
    for i in range(draws):
        drawn = [np.flatnonzero(generator.random(len(gold)) < chance) for _ in range(3)]
        rows, batch = np.concatenate(drawn), np.repeat(np.arange(3), [len(d) for d in drawn])
        heaviest = [float((1 / chance[d]).max()) for d in drawn]
        p = []
        for j, v in enumerate(votes.T):
            on = v[rows] >= 0
            at = rows[on]
            batches = by_batch(
                v[at] == gold[at], 1 / chance[at], batch[on], ["1", "2", "3"], heaviest=heaviest
            )
            found = combined(batches)
            if found.low is not None and found.high is not None:
                held[i, j] = found.low <= truth[j] <= found.high
            p.append(bad_batch_p(batches))
        alarms[i] = (benjamini_hochberg(p) <= 0.05).any(), (np.array(p) <= 0.05).any()
    enough = (~np.isnan(held)).sum(axis=0) >= draws // 2
    each = np.nanmean(held[:, enough], axis=0)
    return votes.shape[1], *alarms.mean(axis=0), float(each.mean()), float(each.min())


def health() -> None:
    heading(["set", "rules", "any bad batch", "not adjusted", "precision covered", "worst rule"])
    for name in SETS:
        rules, *figures = steady(name)
        line([name, rules, *(f"{v:.3f}" for v in figures)])
    print()


PARTS = {"alarms": alarms, "alignment": aligned, "health": health}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
